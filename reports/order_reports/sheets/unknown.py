"""UNKNOWN CUSTOMERS: names in the figures that no rule knows, each with the known names that look most like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from order_rules.canonical import clean
from order_rules.config import Customers
from order_rules.nearest import NEAREST, Near, nearest

from order_reports.columns import Link, Value, columns_of
from order_reports.rows import RowSheet
from order_reports.sheets.customers import Tabs
from order_reports.sheets.table import Column, Table, Written, cells_of, write_table
from order_reports.styles import Styles
from order_reports.totals import Customer

NAME: Final = "UNKNOWN CUSTOMERS"
COLUMNS: Final = (
    Column("CUSTOMER", "link"),
    Column("KEYS", "units", total=True),
    Column("ORDERED", "units", total=True),
    Column("PACKED", "units", total=True),
    Column("SHIPPED", "units", total=True),
    Column("NEAREST KNOWN NAME"),
    Column("ALIKE, %", "score"),
    Column("SECOND NEAREST"),
    Column("THIRD NEAREST"),
    Column("WHAT TO DO", "wrap", width=60),
)


def unknown_customers(customers: Sequence[Customer], known: Customers) -> list[tuple[Customer, list[Near]]]:
    """Find the customers that no rule knows.

    Args:
        customers: the customers that have facts.
        known: ``customers.yml``.

    Returns:
        Each unknown customer with its nearest known ones, those with the most units first.
    """
    canonical = {clean(one.canonical) for one in known.customers}
    unknown = [one for one in customers if one.name is not None and clean(one.name) not in canonical]
    unknown.sort(key=lambda one: (-one.ordered - one.packed - one.shipped, one.name or ""))
    return [(one, nearest(one.name or "", known)) for one in unknown]


def write_unknown(
    sheet: RowSheet, unknown: Sequence[tuple[Customer, list[Near]]], tabs: Tabs, styles: Styles, *, footer: str
) -> Written:
    """Write the tab.

    Args:
        sheet: an empty sheet.
        unknown: the unknown customers with their nearest known ones.
        tabs: where each customer's rows stand.
        styles: the workbook's formats.
        footer: what is printed at the foot.

    Returns:
        How many rows were written.
    """
    table = Table(
        title="Unknown customers",
        note="Names in the figures that customers.yml does not know. Nothing is left out for it, but orders and "
        "cartons under two names never meet.",
        columns=COLUMNS,
        frozen=1,
        empty="Every customer is known.",
        footer=footer,
    )
    totals = {
        "KEYS": sum(one.keys for one, _ in unknown),
        "ORDERED": sum(one.ordered for one, _ in unknown),
        "PACKED": sum(one.packed for one, _ in unknown),
        "SHIPPED": sum(one.shipped for one, _ in unknown),
    }
    rows = (_row(one, near, tabs) for one, near in unknown)
    cells = cells_of(sheet, COLUMNS, columns_of(rows, len(COLUMNS)), styles)
    return write_table(sheet, table, cells, styles, totals=totals)


def _row(one: Customer, near: Sequence[Near], tabs: Tabs) -> tuple[Value, ...]:
    name = one.name or ""
    names = [found.canonical for found in near] + [None] * (NEAREST - len(near))
    advice = "Add it to customers.yml as a customer of its own."
    if near:
        advice = (
            f"If it is {near[0].canonical}, add it to its aliases in customers.yml; if not, as a customer of its own."
        )
    return (
        Link(name, tabs.target_of(one.name)),
        one.keys,
        one.ordered,
        one.packed,
        one.shipped,
        names[0],
        near[0].likeness if near else None,
        names[1],
        names[2],
        advice,
    )
