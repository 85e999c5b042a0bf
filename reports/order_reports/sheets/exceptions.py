"""EXCEPTIONS: what a person can act on now, across customers, the worst first."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from order_reports import findings
from order_reports.columns import Links, decoded, mapped
from order_reports.exceptions import STALE, SUPERSEDED, UNREAD
from order_reports.rows import RowSheet
from order_reports.sheets.customers import NO_CUSTOMER, Tabs
from order_reports.sheets.table import MOST_DATA_ROWS, Column, Table, Written, cells_of, write_table
from order_reports.styles import Styles

NAME: Final = "EXCEPTIONS"
LEGEND: Final = ("UNDER", "UNFULFILLED", "OVER", "NO ORDER", UNREAD, STALE, SUPERSEDED, findings.ROW)
"""What there is room for above the table; the summary explains every word."""

COLUMNS: Final = (
    Column("RANK", "units", width=7),
    Column("WHAT", "badge"),
    Column("CUSTOMER", "link"),
    Column("PO"),
    Column("STYLE"),
    Column("COLOUR"),
    Column("SIZE"),
    Column("ORDERED", "units", total=True),
    Column("PACKED", "units", total=True),
    Column("SHIPPED", "units", total=True),
    Column("VARIANCE", "units", total=True),
    Column("EX FACTORY", "date"),
    Column("DAYS LATE", "units", width=8),
    Column("UNITS × DAYS", "units"),
    Column("WHY", "wrap", width=78),
    Column("ORDER NUMBERS OR SOURCE", width=24),
)


def write_exceptions(sheet: RowSheet, found: pa.Table, tabs: Tabs, styles: Styles, *, footer: str) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        found: everything that can be acted on, the worst first; a column for each of a ``Trouble``'s.
        tabs: where each customer's rows stand.
        styles: the workbook's formats.
        footer: what is printed at the foot.

    Returns:
        How many rows were written.
    """
    table = Table(
        title="Exceptions",
        note=(
            "What can be acted on now, the worst first: units × days late. Late counts from ex factory; for OVER and "
            "NO ORDER from the last shipment, or packing. A day counts as one where it is not known."
        ),
        columns=COLUMNS,
        frozen=3,
        legend=LEGEND,
        empty="Nothing to act on.",
        footer=footer,
    )
    totals = {name.upper(): pc.sum(found[name]).as_py() or 0 for name in ("ordered", "packed", "shipped", "variance")}
    rank = pa.array(range(1, len(found) + 1), pa.int64())
    columns = [rank, found["what"], _customers(found, tabs), *(found[name] for name in _AFTER_CUSTOMER)]
    whole = [one.combine_chunks() if isinstance(one, pa.ChunkedArray) else one for one in columns]
    return write_table(sheet, table, cells_of(sheet, COLUMNS, whole, styles), styles, totals=totals)


_AFTER_CUSTOMER: Final = (
    *("customer_po", "style", "color", "size", "ordered", "packed", "shipped", "variance"),
    *("due", "days", "weight", "why", "where"),
)


def _customers(found: pa.Table, tabs: Tabs) -> Links:
    """Lead to the key's own row, and from everything else to the customer's tab, where there is one."""
    customers, places = found["customer"].combine_chunks(), found["place"].combine_chunks()
    first = mapped(customers, tabs.first_row, pa.int64())
    rows = pc.add(places, pc.fill_null(decoded(first), tabs.first_row(None)))
    there = pc.fill_null(decoded(mapped(customers, tabs.has, pa.bool_())), False)

    def target_of(number: int) -> str:
        customer, place = customers[number].as_py(), places[number].as_py()
        return tabs.target_of(customer) if place is None else tabs.target_of_key(customer, place)

    texts = pc.if_else(found["key"], pc.fill_null(found["customer"], NO_CUSTOMER), found["customer"])
    return Links(texts.combine_chunks(), pc.coalesce(pc.less(rows, MOST_DATA_ROWS), there), target_of)
