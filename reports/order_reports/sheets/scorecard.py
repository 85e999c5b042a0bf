"""SCORECARD: one row a customer, the largest first: quantities, how well things match, and how good the keys are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from order_reports.columns import Link, Value, columns_of
from order_reports.facts import KEY_FIELDS
from order_reports.rows import RowSheet
from order_reports.sheets.customers import NO_CUSTOMER, Tabs
from order_reports.sheets.table import Column, Table, Written, cells_of, write_table
from order_reports.styles import FLAG, Styles
from order_reports.totals import Customer

NAME: Final = "SCORECARD"

COLUMNS: Final = (
    Column("CUSTOMER", "link"),
    Column("KEYS", "units", total=True),
    Column("ORDERED", "units", total=True),
    Column("CANCELLED", "units", total=True),
    Column("PACKED", "units", total=True),
    Column("SHIPPED", "units", total=True),
    Column("FILLED %", "percent"),
    Column("OPEN, NOT DUE", "units", total=True),
    Column("DUE AND MISSING", "units", total=True),
    Column("TOO MANY", "units", total=True),
    Column("NO ORDER", "units", total=True),
    Column("UNDER %", "percent"),
    Column("OVER %", "percent"),
    Column("EXACT %", "percent"),
    Column("FUZZY %", "percent"),
    Column("NO MATCH %", "percent"),
    Column("SAME PO %", "percent"),
    Column("SAME STYLE %", "percent"),
    Column("SAME COLOUR %", "percent"),
    Column("SAME SIZE %", "percent"),
    *(Column(f"{flag} %", "percent") for flag in FLAG),
)
CUSTOMER_COLUMN: Final = 0
SERIES_COLUMNS: Final = {
    name: next(place for place, column in enumerate(COLUMNS) if column.header == name)
    for name in ("ORDERED", "PACKED", "SHIPPED")
}
"""Where the charts find their series."""


def write_scorecard(
    sheet: RowSheet, customers: Sequence[Customer], tabs: Tabs, styles: Styles, *, footer: str
) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        customers: the customers, the largest first.
        tabs: where each customer's rows stand.
        styles: the workbook's formats.
        footer: what is printed at the foot.

    Returns:
        How many rows were written.
    """
    table = Table(
        title="Scorecard",
        note=(
            "One row a customer. Exact, fuzzy and no match are shares of the units packed and shipped; same PO to "
            "same size of the keys they came under; under and over of units ordered; GOOD to POOR of keys with a flag."
        ),
        columns=COLUMNS,
        frozen=1,
        empty="No customers yet.",
        footer=footer,
    )
    rows = [_row(one, tabs) for one in customers]
    summed = {
        column.header: sum(int(str(row[place])) for row in rows) for place, column in enumerate(COLUMNS) if column.total
    }
    cells = cells_of(sheet, COLUMNS, columns_of(rows, len(COLUMNS)), styles)
    return write_table(sheet, table, cells, styles, totals=summed)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _row(one: Customer, tabs: Tabs) -> tuple[Value, ...]:
    name = NO_CUSTOMER if one.name is None else one.name
    filled = one.packed + one.shipped
    no_order = -one.units("NO_ORDER")
    missing, over = one.units("UNDER", "UNFULFILLED"), -one.units("OVER")
    matched = sum(one.by_type.values())
    flagged = sum(one.by_flag.values())
    return (
        Link(name, tabs.target_of(one.name)),
        one.keys,
        one.ordered,
        one.cancelled,
        one.packed,
        one.shipped,
        _share(filled - no_order, one.ordered),
        one.units("OPEN"),
        missing,
        over,
        no_order,
        _share(missing, one.ordered),
        _share(over, one.ordered),
        *(_share(one.by_type.get(kind, 0), matched) for kind in ("EXACT", "FUZZY", "NO_MATCH")),
        *(_share(one.agreed.get(name, 0), one.fulfilled) for name in KEY_FIELDS),
        *(_share(one.by_flag.get(flag, 0), flagged) for flag in FLAG),
    )
