"""OPEN: orders not due yet, the next one due first. They are no alarms."""

from __future__ import annotations

from datetime import date
from typing import Final

import pyarrow as pa

from order_reports.fact_columns import days_to_go
from order_reports.rows import RowSheet
from order_reports.sheets.customers import customer_names
from order_reports.sheets.table import Column, Table, Written, cells_of, write_table
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
    sheet: RowSheet, rows: pa.Table, total: StatusTotal, styles: Styles, *, as_of: date, footer: str
) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        rows: the keys not due yet, in order, from ``open_rows``.
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
    columns = [rows["earliest_ex_factory_on"], days_to_go(rows, as_of), *(rows[name] for name in _AFTER_DAYS)]
    whole = [one.combine_chunks() for one in columns]
    whole.insert(2, customer_names(rows))
    return write_table(sheet, table, cells_of(sheet, COLUMNS, whole, styles), styles, totals=totals)


_AFTER_DAYS: Final = (
    *("customer_po", "style", "color", "size", "ordered_qty", "packed_qty", "shipped_qty", "qty_variance"),
    *("order_numbers", "customer_alt_po"),
)
