"""EXCEPTIONS: what a person can act on now, across customers, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import inf
from typing import Final

from order_reports.facts import weight
from order_reports.read import Source, Unread
from order_reports.rows import Link, RowSheet, Value
from order_reports.sheets.customers import NO_CUSTOMER, ExceptionRow, Tabs
from order_reports.sheets.table import Column, Table, Written, write_table
from order_reports.styles import Styles
from order_reports.wording import shown, why, why_stale, why_superseded, why_unread

NAME: Final = "EXCEPTIONS"
UNREAD: Final = "UNREAD SOURCE"
STALE: Final = "STALE SOURCE"
SUPERSEDED: Final = "SUPERSEDED"

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


def worst_first(exceptions: Sequence[ExceptionRow]) -> list[ExceptionRow]:
    """Order keys by units times days late, then by units, then by their own fields."""
    return sorted(
        exceptions,
        key=lambda one: (-one.weight, -abs(one.fact.qty_variance), one.fact.customer or "", one.fact.recon_id),
    )


def troubled(sources: Sequence[Source]) -> list[Source]:
    """Pick the sources that a person can act on: those that could not be read again, and those left out."""
    return [source for source in sources if source.stale_reason is not None or source.superseded]


def write_exceptions(
    sheet: RowSheet,
    exceptions: Sequence[ExceptionRow],
    sources: Sequence[Source | Unread],
    tabs: Tabs,
    styles: Styles,
    *,
    as_of: date,
    footer: str,
) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        exceptions: keys, in any order.
        sources: those that ``troubled`` picked, and workbooks that were never read.
        tabs: where each customer's rows stand.
        styles: the workbook's formats.
        as_of: the day that the report speaks of.
        footer: what is printed at the foot.

    Returns:
        How many rows were written.
    """
    found: list[tuple[int | None, tuple[Value, ...]]] = [_source_row(source, tabs, as_of) for source in sources]
    found += [(one.weight, _row(one)) for one in worst_first(exceptions)]
    # Nobody knows how many units a workbook holds that was never read, so it comes before what is known.
    found.sort(key=lambda pair: -pair[0] if pair[0] is not None else -inf)
    table = Table(
        title="Exceptions",
        note=(
            "What can be acted on now, the worst first: units × days late. Late counts from ex factory; for OVER and "
            "NO ORDER from the last shipment, or packing. A day counts as one where it is not known."
        ),
        columns=COLUMNS,
        frozen=3,
        legend=("UNDER", "UNFULFILLED", "OVER", "NO ORDER", UNREAD, STALE, SUPERSEDED),
        empty="Nothing to act on.",
        footer=footer,
    )
    totals = {
        "ORDERED": sum(one.fact.ordered_qty for one in exceptions),
        "PACKED": sum(one.fact.packed_qty for one in exceptions),
        "SHIPPED": sum(one.fact.shipped_qty for one in exceptions),
        "VARIANCE": sum(one.fact.qty_variance for one in exceptions),
    }
    rows = ((rank, *row) for rank, (_, row) in enumerate(found, 1))
    return write_table(sheet, table, rows, styles, count=len(found), totals=totals)


def _row(one: ExceptionRow) -> tuple[Value, ...]:
    fact = one.fact
    customer = NO_CUSTOMER if fact.customer is None else fact.customer
    return (
        shown(fact.recon_status),
        customer if one.target is None else Link(customer, one.target),
        fact.customer_po,
        fact.style,
        fact.color,
        fact.size,
        fact.ordered_qty,
        fact.packed_qty,
        fact.shipped_qty,
        fact.qty_variance,
        fact.earliest_ex_factory_on,
        one.days,
        one.weight,
        why(fact, one.days),
        fact.order_numbers,
    )


def _source_row(source: Source | Unread, tabs: Tabs, as_of: date) -> tuple[int | None, tuple[Value, ...]]:
    nothing: tuple[Value, ...] = (None,) * 9
    if isinstance(source, Unread):
        return None, (UNREAD, None, *nothing, None, None, why_unread(source), source.path)
    days = max((as_of - source.started_at.date()).days, 0)
    known = source.customer is not None and tabs.has(source.customer)
    customer = Link(str(source.customer), tabs.target_of(source.customer)) if known else source.customer
    if source.superseded:
        units = weight(source.staged_qty, None)
        return units, (SUPERSEDED, customer, *nothing, None, units, why_superseded(source), source.source)
    units = weight(source.staged_qty, days)
    return units, (STALE, customer, *nothing, days, units, why_stale(source, days), source.source)
