"""What the facts and the matches add up to: by customer, status, flag and pass. All quantities are units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables

from order_reports.facts import DUE, FACTS, KEY_FIELDS, unit_sum


@dataclass
class Customer:
    """What one customer's facts and matches add up to. Quantities are units.

    Attributes:
        name: the canonical name; ``None``: rows without a customer.
        keys: rows in ``fact_order_recon``.
        by_status: status to keys and units.
        by_flag: quality flag to keys.
        fulfilled: fulfilment keys, with ``agreed`` of them per field.
        by_type: match type to units packed and shipped.
    """

    name: str | None
    keys: int = 0
    ordered: int = 0
    cancelled: int = 0
    packed: int = 0
    shipped: int = 0
    variance: int = 0
    cartons: int = 0
    by_status: dict[str, StatusTotal] = field(default_factory=dict)
    by_flag: dict[str, int] = field(default_factory=dict)
    fulfilled: int = 0
    agreed: dict[str, int] = field(default_factory=dict)
    by_type: dict[str, int] = field(default_factory=dict)

    def units(self, *statuses: str) -> int:
        """Sum the variance of some statuses: units missing, negative where too many."""
        return sum(self.by_status[status].variance for status in statuses if status in self.by_status)


@dataclass
class StatusTotal:
    """What the keys of one status add up to, in units.

    Attributes:
        variance: missing, less what is too many.
        lacking: what is missing alone.
    """

    keys: int = 0
    ordered: int = 0
    packed: int = 0
    shipped: int = 0
    variance: int = 0
    lacking: int = 0

    def add(self, other: StatusTotal) -> None:
        """Add another total to this one."""
        self.keys += other.keys
        self.ordered += other.ordered
        self.packed += other.packed
        self.shipped += other.shipped
        self.variance += other.variance
        self.lacking += other.lacking


class FactSum(NamedTuple):
    """What the facts of one customer, status and flag add up to, in units."""

    customer: str | None
    recon_status: str
    quality_flag: str | None
    keys: int
    ordered: int
    cancelled: int
    packed: int
    shipped: int
    variance: int
    lacking: int
    cartons: int


class PassTotal(NamedTuple):
    """What one pass of the matching linked."""

    match_type: str
    match_rule: str | None
    keys: int
    units: int


class Headline(NamedTuple):
    """The figures that a report begins with, in units.

    Attributes:
        ordered: without what was cancelled.
        packed: packed and not shipped yet.
        shipped: shipped.
        open: ordered, not due yet and not there.
        missing: ordered, due and not there.
        beyond: packed or shipped beyond an order, or without one.
        cancelled: cancelled.
    """

    ordered: int
    packed: int
    shipped: int
    open: int
    missing: int
    beyond: int
    cancelled: int


@dataclass(frozen=True)
class Totals:
    """All customers, and all passes.

    Attributes:
        customers: by units ordered, the largest first.
        passes: exact ones first, by units.
        current: units in the current rows: ordered with cancelled, packed, shipped.
    """

    customers: list[Customer]
    passes: list[PassTotal]
    current: dict[str, int]

    def statuses(self) -> dict[str, StatusTotal]:
        """Sum the statuses of all customers."""
        sums: dict[str, StatusTotal] = defaultdict(StatusTotal)
        for customer in self.customers:
            for status, total in customer.by_status.items():
                sums[status].add(total)
        return dict(sums)

    def headline(self) -> Headline:
        """Sum what a report begins with."""
        statuses = self.statuses()

        def variance(*names: str) -> int:
            return sum(statuses.get(name, StatusTotal()).variance for name in names)

        return Headline(
            ordered=sum(one.ordered for one in self.customers),
            packed=sum(one.packed for one in self.customers),
            shipped=sum(one.shipped for one in self.customers),
            open=variance("OPEN"),
            missing=variance(*sorted(DUE)),
            beyond=-variance("OVER", "NO_ORDER"),
            cancelled=sum(one.cancelled for one in self.customers),
        )

    def flags(self) -> dict[str, int]:
        """Sum the keys of each quality flag over all customers."""
        sums: dict[str, int] = defaultdict(int)
        for customer in self.customers:
            for flag, keys in customer.by_flag.items():
                sums[flag] += keys
        return dict(sums)


_MATCH_ORDER: Final = {"EXACT": 0, "FUZZY": 1, "NO_MATCH": 2}


def read_totals(connection: sa.Connection) -> Totals:
    """Add up facts and matches by customer and by pass."""
    sums = [FactSum(*row[:3], *map(int, row[3:])) for row in connection.execute(_fact_totals())]
    return add_up(sums, connection.execute(match_totals()), current_units(connection))


def add_up(sums: Iterable[FactSum], matches: Iterable[Sequence[Any]], current: dict[str, int]) -> Totals:
    """Add up facts and matches by customer and by pass.

    Args:
        sums: of all facts.
        matches: what ``match_totals`` finds.
        current: from ``current_units``.

    Returns:
        The totals.
    """
    customers: dict[str | None, Customer] = {}
    for one in sums:
        customer = customers.setdefault(one.customer, Customer(one.customer))
        total = StatusTotal(one.keys, one.ordered, one.packed, one.shipped, one.variance, one.lacking)
        customer.keys += total.keys
        customer.ordered += total.ordered
        customer.cancelled += one.cancelled
        customer.packed += total.packed
        customer.shipped += total.shipped
        customer.variance += total.variance
        customer.cartons += one.cartons
        customer.by_status.setdefault(one.recon_status, StatusTotal()).add(total)
        if one.quality_flag is not None:
            customer.by_flag[one.quality_flag] = customer.by_flag.get(one.quality_flag, 0) + total.keys
    passes: defaultdict[tuple[str, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for name, match_type, match_rule, keys, summed, *agreed in matches:
        units = int(summed or 0)
        passes[match_type, match_rule][0] += keys
        passes[match_type, match_rule][1] += units
        customer = customers.setdefault(name, Customer(name))
        customer.fulfilled += keys
        customer.by_type[match_type] = customer.by_type.get(match_type, 0) + units
        for matched, count in zip(KEY_FIELDS, agreed, strict=True):
            customer.agreed[matched] = customer.agreed.get(matched, 0) + int(count)
    told = [PassTotal(kind, rule, keys, units) for (kind, rule), (keys, units) in passes.items()]
    return Totals(
        customers=sorted(customers.values(), key=lambda one: (-one.ordered, -one.packed - one.shipped, one.name or "")),
        passes=sorted(told, key=lambda one: (_MATCH_ORDER.get(one.match_type, 9), -one.units, one.match_rule or "")),
        current=current,
    )


def _fact_totals() -> sa.Select[Any]:
    by = (FACTS.c.customer, FACTS.c.recon_status, FACTS.c.quality_flag)
    lacking = sa.case((FACTS.c.qty_variance > 0, FACTS.c.qty_variance), else_=0)
    names = ("ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty", "qty_variance")
    units = (*(FACTS.c[name] for name in names), lacking, FACTS.c.cartons)
    return sa.select(*by, sa.func.count(), *map(unit_sum, units)).group_by(*by)


def match_rows() -> sa.Select[Any]:
    """Ask for every match: its key, customer, type and rule, and 1 or 0 for each of a key's fields that agrees."""
    match = tables.recon_match
    agreed = [
        sa.case((_same(match.c[f"fulfil_{name}"], match.c[f"order_{name}"]), 1), else_=0).label(name)
        for name in KEY_FIELDS
    ]
    by = (match.c.fulfil_key_id, match.c.fulfil_customer, match.c.match_type, match.c.match_rule)
    return sa.select(*by, *agreed)


def unit_rows() -> sa.CompoundSelect[Any]:
    """Ask for the units of matched keys, in parts."""
    # A key's units stand in what it fills, or where it has no order in its own fact; recon publishes neither unless
    # they add up to the cartons, of which there are five times as many.
    fill = tables.recon_order_fill
    return sa.union_all(
        sa.select(fill.c.fulfil_key_id, (fill.c.packed_qty + fill.c.shipped_qty).label("qty")),
        sa.select(FACTS.c.fulfil_key_id, (FACTS.c.packed_qty + FACTS.c.shipped_qty).label("qty")).where(
            FACTS.c.fulfil_key_id.is_not(None)
        ),
    )


def match_totals() -> sa.Select[Any]:
    """Ask for keys, units and fields that agree, of each customer, match type and rule."""
    match, parts = match_rows().subquery(), unit_rows().subquery()
    summed = sa.select(parts.c.fulfil_key_id, unit_sum(parts.c.qty).label("units")).group_by(parts.c.fulfil_key_id)
    units = summed.subquery()
    by = (match.c.fulfil_customer, match.c.match_type, match.c.match_rule)
    return (
        sa.select(*by, sa.func.count(), unit_sum(units.c.units), *(sa.func.sum(match.c[name]) for name in KEY_FIELDS))
        .select_from(match.outerjoin(units, units.c.fulfil_key_id == match.c.fulfil_key_id))
        .group_by(*by)
    )


def _same(fulfilled: sa.ColumnElement[Any], ordered: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Tell whether a linked key's field stands the same on both sides, missing on both included."""
    both_missing = sa.and_(tables.recon_match.c.order_key_id.is_not(None), fulfilled.is_(None), ordered.is_(None))
    return sa.or_(fulfilled == ordered, both_missing)


def current_units(connection: sa.Connection) -> dict[str, int]:
    """Add up what counts: ordered with cancelled, packed, shipped."""
    columns = {
        "ordered": tables.stg_orders.c.ordered_qty,
        "packed": tables.stg_packed_current.c.qty,
        "shipped": tables.stg_shipped_current.c.qty,
    }
    return {name: int(connection.scalar(sa.select(unit_sum(column))) or 0) for name, column in columns.items()}
