"""QUARANTINE: values that could not be used, where they stand, and what to do about each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from order_reports.columns import Value, columns_of
from order_reports.read import Quarantined
from order_reports.rows import RowSheet
from order_reports.sheets.table import Column, Table, Written, cells_of, write_table
from order_reports.styles import Styles
from order_reports.wording import what_to_do

NAME: Final = "QUARANTINE"

COLUMNS: Final = (
    Column("SOURCE"),
    Column("SHEET"),
    Column("ROW", "units", width=8),
    Column("FIELD"),
    Column("VALUE AS FOUND"),
    Column("REASON", "wrap", width=46),
    Column("WHAT TO DO", "wrap", width=52),
    Column("UNITS", "units", total=True),
    Column("FIRST SEEN (UTC)", "time"),
    Column("PLACE"),
    Column("CODE"),
)


def write_quarantine(sheet: RowSheet, found: Sequence[Quarantined], styles: Styles, *, footer: str) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        found: what is in quarantine now, in order.
        styles: the workbook's formats.
        footer: what is printed at the foot.

    Returns:
        How many rows were written, and how many did not fit.
    """
    table = Table(
        title="Quarantine",
        note="Values that could not be used. They count in no figure until they are corrected where they stand.",
        columns=COLUMNS,
        frozen=4,
        empty="Quarantine is empty.",
        footer=footer,
    )
    totals = {"UNITS": sum(one.qty for one in found)}
    cells = cells_of(sheet, COLUMNS, columns_of(map(_row, found), len(COLUMNS)), styles)
    return write_table(sheet, table, cells, styles, totals=totals)


def _row(one: Quarantined) -> tuple[Value, ...]:
    return (
        one.source,
        one.sheet,
        one.row_number,
        one.field,
        one.value,
        one.reason,
        what_to_do(one),
        one.qty,
        one.first_seen_at,
        one.place,
        one.reason_code,
    )
