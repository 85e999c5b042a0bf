"""One tab a customer with each of its keys, and ``OTHER`` for the customers that Excel has no more tabs for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa

from order_reports.exceptions import ExceptionRow, note
from order_reports.facts import Fact, facts_of, variance_share
from order_reports.names import sheet_names
from order_reports.rows import RowSheet, Value
from order_reports.sheets.table import FIRST_ROW, MOST_DATA_ROWS, Column, Table, target, write_table
from order_reports.styles import FLAG, Styles
from order_reports.totals import Customer
from order_reports.wording import shown

OTHER: Final = "OTHER"
MOST_SHEETS: Final = 255
NO_CUSTOMER: Final = "NO CUSTOMER"
"""What rows without a customer stand under."""

COLUMNS: Final = (
    Column("STATUS", "badge"),
    Column("FLAG", "badge"),
    Column("PO"),
    Column("STYLE"),
    Column("COLOUR"),
    Column("SIZE"),
    Column("ORDERED", "units", total=True),
    Column("CANCELLED", "units", total=True),
    Column("PACKED", "units", total=True),
    Column("SHIPPED", "units", total=True),
    Column("VARIANCE", "units", total=True),
    Column("VARIANCE %", "percent"),
    Column("EX FACTORY", "date"),
    Column("DAYS LATE", "units"),
    Column("MATCH"),
    Column("MATCHED BY"),
    Column("SCORE", "score"),
    Column("CARTONS", "units", total=True),
    Column("FIRST PACKED", "date"),
    Column("LAST SHIPPED", "date"),
    Column("ORDER NUMBERS"),
    Column("ALTERNATE PO"),
    Column("PATTERN"),
)
LEGEND: Final = ("COMPLETE", "OPEN", "UNDER", "UNFULFILLED", "OVER", "NO ORDER", "CANCELLED", *FLAG)


@dataclass(frozen=True)
class Tabs:
    """Which customer stands on which tab.

    Attributes:
        own: the customers with a tab of their own, by name, with their sheet's name.
        other: the customers on ``OTHER``, by name.
    """

    own: Mapping[str | None, str]
    other: Sequence[str | None]

    def sheet_of(self, customer: str | None) -> str:
        """Name the sheet that a customer stands on."""
        return self.own.get(customer, OTHER)

    def has(self, customer: str | None) -> bool:
        """Tell whether a customer has any rows."""
        return customer in self.own or customer in self.other

    def target_of(self, customer: str | None) -> str:
        """Name the cell that a link to a customer leads to."""
        return target(self.sheet_of(customer), 0)


def share_out(customers: Sequence[Customer], taken: Sequence[str]) -> Tabs:
    """Give as many customers as possible a tab of their own, those with the most units first.

    Args:
        customers: the customers that have facts, the largest first.
        taken: names of the sheets there are without them.

    Returns:
        The tabs, in the order of the customers' names.
    """
    room = MOST_SHEETS - len(taken)
    own = [one.name for one in customers]
    other: list[str | None] = []
    if len(own) > room:
        own, other = own[: room - 1], own[room - 1 :]

    def by_name(name: str | None) -> tuple[bool, str]:
        return (name is None, name or "")

    own.sort(key=by_name)
    titles = {name: name if name is not None else NO_CUSTOMER for name in own}
    names = sheet_names(titles.values(), (*taken, OTHER))
    return Tabs({name: names[title] for name, title in titles.items()}, sorted(other, key=by_name))


def write_customers(
    sheets: Mapping[str, RowSheet],
    tabs: Tabs,
    connection: sa.Connection,
    customers: Sequence[Customer],
    styles: Styles,
    *,
    as_of: date,
    footer: str,
) -> tuple[list[ExceptionRow], int]:
    """Write every customer's tab, one customer in memory at a time.

    Args:
        sheets: the sheets by name.
        tabs: which customer stands where.
        connection: an open connection.
        customers: what the customers' facts add up to.
        styles: the workbook's formats.
        as_of: the day that the report speaks of.
        footer: what is printed at the foot.

    Returns:
        The keys that a person can act on, and how many keys did not fit into their sheet.
    """
    totals = {one.name: one for one in customers}
    exceptions: list[ExceptionRow] = []
    left_out = 0
    for name, sheet_name in tabs.own.items():
        one = totals[name]
        table = Table(
            title=NO_CUSTOMER if name is None else name,
            note=f"{one.keys:,} keys, each a PO, style, colour and size. Variance is ordered less packed and shipped.",
            columns=COLUMNS,
            frozen=4,
            legend=LEGEND,
            footer=footer,
        )
        facts = _noted(iter(facts_of(connection, name)), sheet_name, exceptions, as_of)
        written = write_table(
            sheets[sheet_name],
            table,
            (_row(fact, days) for fact, days in facts),
            styles,
            count=one.keys,
            totals=_totals([one]),
        )
        left_out += written.left_out
        _note_rest(facts)
    if tabs.other:
        left_out += _write_other(sheets[OTHER], tabs.other, connection, totals, exceptions, styles, as_of, footer)
    return exceptions, left_out


def _write_other(  # noqa: PLR0917
    sheet: RowSheet,
    names: Sequence[str | None],
    connection: sa.Connection,
    totals: Mapping[str | None, Customer],
    exceptions: list[ExceptionRow],
    styles: Styles,
    as_of: date,
    footer: str,
) -> int:
    count = sum(totals[name].keys for name in names)
    table = Table(
        title="OTHER CUSTOMERS",
        note=f"{len(names):,} customers with the fewest units ordered, {count:,} keys: Excel has no tabs for more.",
        columns=(Column("CUSTOMER"), *COLUMNS),
        frozen=5,
        legend=LEGEND,
        footer=footer,
    )
    facts = _noted((fact for name in names for fact in facts_of(connection, name)), OTHER, exceptions, as_of)
    rows = ((NO_CUSTOMER if fact.customer is None else fact.customer, *_row(fact, days)) for fact, days in facts)
    sums = _totals([totals[name] for name in names])
    written = write_table(sheet, table, rows, styles, count=count, totals=sums)
    _note_rest(facts)
    return written.left_out


def _noted(
    facts: Iterator[Fact], sheet_name: str, exceptions: list[ExceptionRow], as_of: date
) -> Iterator[tuple[Fact, int | None]]:
    """Note each exception with its row as the facts go by on their way into the sheet."""
    for place, fact in enumerate(facts):
        row = target(sheet_name, FIRST_ROW + place) if place < MOST_DATA_ROWS else None
        if (found := note(fact, as_of, row)) is not None:
            exceptions.append(found)
        yield fact, None if found is None else found.days


def _note_rest(facts: Iterator[tuple[Fact, int | None]]) -> None:
    """Let the facts that did not fit go by as well: their exceptions count."""
    for _ in facts:
        pass


def _row(fact: Fact, days: int | None) -> tuple[Value, ...]:
    # An order that nothing came for has no match to speak of.
    matched = fact.packed_qty + fact.shipped_qty > 0
    return (
        shown(fact.recon_status),
        fact.quality_flag,
        fact.customer_po,
        fact.style,
        fact.color,
        fact.size,
        fact.ordered_qty,
        fact.cancelled_qty,
        fact.packed_qty,
        fact.shipped_qty,
        fact.qty_variance,
        variance_share(fact),
        fact.earliest_ex_factory_on,
        days,
        shown(fact.match_type) if matched else None,
        fact.match_rule if matched else None,
        fact.match_score if matched else None,
        fact.cartons,
        fact.first_packed_on,
        fact.last_shipped_on,
        fact.order_numbers,
        fact.customer_alt_po,
        fact.pattern_id,
    )


def _totals(customers: Sequence[Customer]) -> dict[str, int]:
    return {
        "ORDERED": sum(one.ordered for one in customers),
        "CANCELLED": sum(one.cancelled for one in customers),
        "PACKED": sum(one.packed for one in customers),
        "SHIPPED": sum(one.shipped for one in customers),
        "VARIANCE": sum(one.variance for one in customers),
        "CARTONS": sum(one.cartons for one in customers),
    }
