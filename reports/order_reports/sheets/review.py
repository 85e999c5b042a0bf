"""REVIEW: fulfilments that a person must place, with the orders they may belong to and a cell for the decision.

One row a pair of fulfilment and candidate. Its two hidden ids say which, so a filled-in sheet can be read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from order_reports.columns import Value, columns_of
from order_reports.questions import Question
from order_reports.rows import RowSheet
from order_reports.sheets.customers import NO_CUSTOMER
from order_reports.sheets.table import FIRST_ROW, Column, Table, Written, cells_of, write_table
from order_reports.styles import Styles

NAME: Final = "REVIEW"
DECISION: Final = "DECISION"
REMARK: Final = "REMARK"
FULFIL_KEY_ID: Final = "FULFIL_KEY_ID"
ORDER_KEY_ID: Final = "ORDER_KEY_ID"
READ_BACK: Final = (DECISION, REMARK, FULFIL_KEY_ID, ORDER_KEY_ID)
"""The headers that `recon overrides import` reads: never rename one here alone."""
DECISIONS: Final = ("ACCEPT", "REJECT")
"""What it understands: this order is right, or wrong. Without a candidate REJECT means that it belongs to no order."""

COLUMNS: Final = (
    Column(DECISION, "input", width=13),
    Column(REMARK, "remark", width=24),
    Column("CUSTOMER"),
    Column("UNITS", "units"),
    Column("PACKED OR SHIPPED AS: PO"),
    Column("STYLE"),
    Column("COLOUR"),
    Column("SIZE"),
    Column("CHOICE", "units", width=9),
    Column("MAY BE ORDER: PO"),
    Column("ORDER STYLE"),
    Column("ORDER COLOUR"),
    Column("ORDER SIZE"),
    Column("SCORE", "score"),
    Column("LINKED NOW", width=10),
    Column(FULFIL_KEY_ID, "id", hidden=True),
    Column(ORDER_KEY_ID, "id", hidden=True),
)


def write_review(sheet: RowSheet, questions: Sequence[Question], styles: Styles, *, footer: str) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        questions: the review queue in order.
        styles: the workbook's formats.
        footer: what is printed at the foot.

    Returns:
        How many rows were written, and how many did not fit.
    """
    rows = [row for question in questions for row in _rows(question)]
    table = Table(
        title="Review",
        note=(
            "Choose ACCEPT in the row of the right order, or REJECT a row that is wrong. Rows of one fulfilment stand "
            "together, the likeliest order first. Leave the rest empty."
        ),
        columns=COLUMNS,
        frozen=3,
        empty="Nothing to decide.",
        footer=footer,
    )
    written = write_table(sheet, table, cells_of(sheet, COLUMNS, columns_of(rows, len(COLUMNS)), styles), styles)
    if written.rows:
        sheet.data_validation(
            FIRST_ROW,
            0,
            FIRST_ROW + written.rows - 1,
            0,
            {
                "validate": "list",
                "source": list(DECISIONS),
                "error_title": "ACCEPT or REJECT",
                "error_message": "Choose ACCEPT or REJECT, or leave the cell empty.",
            },
        )
    return written


def _rows(question: Question) -> Iterator[tuple[Value, ...]]:
    asked = (
        NO_CUSTOMER if question.customer is None else question.customer,
        question.units,
        question.customer_po,
        question.style,
        question.color,
        question.size,
    )
    if not question.candidates:
        yield (None, None, *asked, *(None,) * 7, question.fulfil_key_id, None)
    for choice, one in enumerate(question.candidates, 1):
        yield (
            None,
            None,
            *asked,
            choice,
            one.customer_po,
            one.style,
            one.color,
            one.size,
            one.score,
            "YES" if one.linked else None,
            question.fulfil_key_id,
            one.order_key_id,
        )
