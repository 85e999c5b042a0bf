"""EXCEPTIONS: what a person can act on now, across customers, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from order_reports import findings
from order_reports.exceptions import STALE, SUPERSEDED, UNREAD, Trouble
from order_reports.rows import Link, RowSheet, Value
from order_reports.sheets.customers import NO_CUSTOMER, Tabs
from order_reports.sheets.table import Column, Table, Written, write_table
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


def write_exceptions(
    sheet: RowSheet,
    found: Sequence[Trouble],
    tabs: Tabs,
    styles: Styles,
    *,
    footer: str,
) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        found: everything that can be acted on, the worst first.
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
    keys = [one for one in found if one.key]
    totals = {
        "ORDERED": sum(one.ordered or 0 for one in keys),
        "PACKED": sum(one.packed or 0 for one in keys),
        "SHIPPED": sum(one.shipped or 0 for one in keys),
        "VARIANCE": sum(one.variance or 0 for one in keys),
    }
    rows = ((rank, *_row(one, tabs)) for rank, one in enumerate(found, 1))
    return write_table(sheet, table, rows, styles, count=len(found), totals=totals)


def _row(one: Trouble, tabs: Tabs) -> tuple[Value, ...]:
    return (
        one.what,
        _customer(one, tabs),
        one.customer_po,
        one.style,
        one.color,
        one.size,
        one.ordered,
        one.packed,
        one.shipped,
        one.variance,
        one.due,
        one.days,
        one.weight,
        one.why,
        one.where,
    )


def _customer(one: Trouble, tabs: Tabs) -> Value:
    """Lead to the key's own row, and from everything else to the customer's tab, where there is one."""
    if one.key:
        name = NO_CUSTOMER if one.customer is None else one.customer
        return name if one.target is None else Link(name, one.target)
    if one.customer is None or not tabs.has(one.customer):
        return one.customer
    return Link(one.customer, tabs.target_of(one.customer))
