"""OPEN: orders not due yet, the next one due first. They are no alarms."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from order_reports.facts import Fact
from order_reports.rows import RowSheet, Value
from order_reports.sheets.customers import NO_CUSTOMER
from order_reports.sheets.table import Column, Table, Written, write_table
from order_reports.styles import Styles
from order_reports.totals import StatusTotal

NAME: Final = "OPEN"

COLUMNS: Final = (
    Column("EX FACTORY", "date"),
    Column("DAYS TO GO", "units"),
    Column("CUSTOMER"),
    Column("PO"),
    Column("STYLE"),
    Column("COLOUR"),
    Column("SIZE"),
    Column("ORDERED", "units", total=True),
    Column("PACKED", "units", total=True),
    Column("SHIPPED", "units", total=True),
    Column("STILL TO COME", "units", total=True),
    Column("ORDER NUMBERS"),
    Column("ALTERNATE PO"),
)


def write_open(
    sheet: RowSheet, facts: Iterable[Fact], total: StatusTotal, styles: Styles, *, as_of: date, footer: str
) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        facts: the keys not due yet, in order; read as they are written.
        total: what they add up to.
        styles: the workbook's formats.
        as_of: the day that the report speaks of.
        footer: what is printed at the foot.

    Returns:
        How many rows were written, and how many did not fit.
    """
    table = Table(
        title="Open orders",
        note=(
            "Not due yet, the next one first. Where a key's lines have several dates the earliest stands here, and may "
            "have passed: what was due by then is covered."
        ),
        columns=COLUMNS,
        frozen=3,
        empty="No open orders.",
        footer=footer,
    )
    totals = {
        "ORDERED": total.ordered,
        "PACKED": total.packed,
        "SHIPPED": total.shipped,
        "STILL TO COME": total.variance,
    }
    rows = (_row(fact, as_of) for fact in facts)
    return write_table(sheet, table, rows, styles, count=total.keys, totals=totals)


def _row(fact: Fact, as_of: date) -> tuple[Value, ...]:
    due = fact.earliest_ex_factory_on
    return (
        due,
        None if due is None or due < as_of else (due - as_of).days,
        NO_CUSTOMER if fact.customer is None else fact.customer,
        fact.customer_po,
        fact.style,
        fact.color,
        fact.size,
        fact.ordered_qty,
        fact.packed_qty,
        fact.shipped_qty,
        fact.qty_variance,
        fact.order_numbers,
        fact.customer_alt_po,
    )
