"""One tab a customer with each of its keys, and ``OTHER`` for the customers that Excel has no more tabs for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from order_reports.columns import shown_words
from order_reports.fact_columns import Facts, days_late, variance_shares
from order_reports.names import sheet_names
from order_reports.rows import RowSheet
from order_reports.sheets.table import FIRST_ROW, MOST_DATA_ROWS, Column, Table, cells_of, target, write_table
from order_reports.styles import FLAG, Styles
from order_reports.totals import Customer

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
CUSTOMER: Final = Column("CUSTOMER")
"""Before the others where a tab has several customers."""
LEGEND: Final = ("COMPLETE", "OPEN", "UNDER", "UNFULFILLED", "OVER", "NO ORDER", "CANCELLED", *FLAG)


@dataclass(frozen=True)
class Tabs:
    """Which customer stands on which tab.

    Attributes:
        own: the customers with a tab of their own, by name, with their sheet's name.
        other: the customers on ``OTHER``, by name, with the number of their first row there, from 0.
    """

    own: Mapping[str | None, str]
    other: Mapping[str | None, int]

    def sheet_of(self, customer: str | None) -> str:
        """Name the sheet that a customer stands on."""
        return self.own.get(customer, OTHER)

    def has(self, customer: str | None) -> bool:
        """Tell whether a customer has any rows."""
        return customer in self.own or customer in self.other

    def target_of(self, customer: str | None) -> str:
        """Name the cell that a link to a customer leads to."""
        return target(self.sheet_of(customer), 0)

    def has_row(self, customer: str | None, place: int) -> bool:
        """Tell whether a key has found room on its tab, by its number among its customer's."""
        return self.first_row(customer) + place < MOST_DATA_ROWS

    def target_of_key(self, customer: str | None, place: int) -> str:
        """Name the cell that a link to a key leads to."""
        return target(self.sheet_of(customer), FIRST_ROW + self.first_row(customer) + place)

    def first_row(self, customer: str | None) -> int:
        """Number the row that a customer's begin in, among its tab's, from 0."""
        return self.other.get(customer, 0)


def share_out(customers: Sequence[Customer], taken: Sequence[str]) -> Tabs:
    """Give as many customers as possible a tab of their own, those with the most units first.

    Args:
        customers: the customers that have facts, the largest first.
        taken: names of the sheets there are without them.

    Returns:
        The tabs, in the order of the customers' names.
    """
    room = MOST_SHEETS - len(taken)
    keys = {one.name: one.keys for one in customers}
    own, other = list(keys), list[str | None]()
    if len(own) > room:
        own, other = own[: room - 1], own[room - 1 :]

    def by_name(name: str | None) -> tuple[bool, str]:
        return (name is None, name or "")

    own.sort(key=by_name)
    other.sort(key=by_name)
    titles = {name: name if name is not None else NO_CUSTOMER for name in own}
    names = sheet_names(titles.values(), (*taken, OTHER))
    first_rows = accumulate((keys[name] for name in other), initial=0)
    return Tabs({name: names[title] for name, title in titles.items()}, dict(zip(other, first_rows, strict=False)))


def write_customers(
    sheets: Mapping[str, RowSheet],
    tabs: Tabs,
    facts: Facts,
    customers: Sequence[Customer],
    styles: Styles,
    *,
    as_of: date,
    footer: str,
) -> int:
    """Write every customer's tab.

    Args:
        sheets: the sheets by name.
        tabs: which customer stands where.
        facts: all facts.
        customers: what the customers' facts add up to.
        styles: the workbook's formats.
        as_of: the day that the report speaks of.
        footer: what is printed at the foot.

    Returns:
        How many keys did not fit into their sheet.
    """
    if not customers:
        return 0
    totals = {one.name: one for one in customers}
    left_out = 0
    # Made once for all customers: their tabs take parts of it.
    any_sheet = next(iter(sheets.values()))
    cells = cells_of(any_sheet, COLUMNS, _columns(facts.rows, as_of), styles)
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
        some = [column.slice(*facts.spans[name]) for column in cells]
        left_out += write_table(sheets[sheet_name], table, some, styles, totals=_totals([one])).left_out
    if tabs.other:
        rows = facts.numbers(tabs.other)
        table = Table(
            title="OTHER CUSTOMERS",
            note=f"{len(tabs.other):,} customers with the fewest units ordered, {len(rows):,} keys: "
            "Excel has no tabs for more.",
            columns=(CUSTOMER, *COLUMNS),
            frozen=5,
            legend=LEGEND,
            footer=footer,
        )
        names = cells_of(any_sheet, (CUSTOMER,), (customer_names(facts.rows),), styles)
        some = [column.take(rows) for column in (*names, *cells)]
        sums = _totals([totals[name] for name in tabs.other])
        left_out += write_table(sheets[OTHER], table, some, styles, totals=sums).left_out
    return left_out


def customer_names(rows: pa.Table) -> pa.Array:
    """Give the customers of some facts as people read them."""
    return pc.fill_null(rows["customer"].cast(pa.string()), NO_CUSTOMER).combine_chunks()


def _columns(rows: pa.Table, as_of: date) -> list[pa.Array]:
    # An order that nothing came for has no match to speak of.
    matched = pc.greater(pc.add(rows["packed_qty"], rows["shipped_qty"]), 0)
    columns = {name: rows[name] for name in rows.column_names}
    columns |= {
        "recon_status": shown_words(rows["recon_status"]),
        "variance_share": variance_shares(rows),
        "days_late": days_late(rows, as_of),
        "match_type": pc.if_else(matched, shown_words(rows["match_type"]), None),
        "match_rule": pc.if_else(matched, rows["match_rule"].cast(pa.string()), None),
        "match_score": pc.if_else(matched, rows["match_score"], None),
    }
    return [columns[name].combine_chunks() for name in _OF_COLUMNS]


_OF_COLUMNS: Final = (
    *("recon_status", "quality_flag", "customer_po", "style", "color", "size"),
    *("ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty", "qty_variance", "variance_share"),
    *("earliest_ex_factory_on", "days_late", "match_type", "match_rule", "match_score", "cartons"),
    *("first_packed_on", "last_shipped_on", "order_numbers", "customer_alt_po", "pattern_id"),
)
"""What each of ``COLUMNS`` holds."""


def _totals(customers: Sequence[Customer]) -> dict[str, int]:
    return {
        "ORDERED": sum(one.ordered for one in customers),
        "CANCELLED": sum(one.cancelled for one in customers),
        "PACKED": sum(one.packed for one in customers),
        "SHIPPED": sum(one.shipped for one in customers),
        "VARIANCE": sum(one.variance for one in customers),
        "CARTONS": sum(one.cartons for one in customers),
    }
