"""The rows of ``fact_order_recon`` as people read them: one a key, how late it is, and in what order keys stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables

FACTS: Final = tables.fact_order_recon
ACTIONABLE: Final = frozenset({"UNDER", "OVER", "UNFULFILLED", "NO_ORDER"})
"""What a person can act on now. ``OPEN`` is not due yet, ``COMPLETE`` and ``CANCELLED`` are done."""
DUE: Final = frozenset({"UNDER", "UNFULFILLED"})
KEY_FIELDS: Final = ("customer_po", "style", "color", "size")
"""The fields of a key that matching compares, within one customer."""
FETCH_ROWS: Final = 5_000


def unit_sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Sum a quantity; SQL Server's sum of ``INT`` would overflow where the units of all keys exceed it."""
    return sa.func.sum(sa.cast(column, sa.BigInteger))


class Fact(NamedTuple):
    """One order key, or one fulfilment key without an order: a row of ``fact_order_recon``."""

    recon_id: str
    customer: str | None
    customer_po: str | None
    style: str | None
    color: str | None
    size: str | None
    order_numbers: str | None
    customer_alt_po: str | None
    pattern_id: str | None
    ordered_qty: int
    cancelled_qty: int
    packed_qty: int
    shipped_qty: int
    fuzzy_qty: int
    qty_variance: int
    match_type: str
    match_rule: str | None
    match_score: float | None
    recon_status: str
    quality_flag: str | None
    incomplete_key: bool
    cartons: int
    first_packed_on: date | None
    last_shipped_on: date | None
    earliest_ex_factory_on: date | None


_SELECT: Final = sa.select(*(FACTS.c[name] for name in Fact._fields))


def facts_of(connection: sa.Connection, customer: str | None) -> list[Fact]:
    """Read one customer's facts, in the order of its tab: PO, style, colour, then sizes as they are worn.

    Args:
        connection: an open connection.
        customer: the customer; ``None``: rows without one.

    Returns:
        The facts.
    """
    found = connection.execute(_SELECT.where(FACTS.c.customer == customer)).all()
    return sorted(map(Fact._make, found), key=_place)


def open_facts(connection: sa.Connection) -> Iterator[Fact]:
    """Read the order keys that are not due yet, the next one due first.

    Args:
        connection: an open connection.

    Yields:
        The facts; those without a date come last.
    """
    no_date = sa.case((FACTS.c.earliest_ex_factory_on.is_(None), 1), else_=0)
    order = (FACTS.c[name] for name in ("earliest_ex_factory_on", "customer", "customer_po", "style", "recon_id"))
    statement = _SELECT.where(FACTS.c.recon_status == "OPEN").order_by(no_date, *order)
    for rows in connection.execute(statement, execution_options={"yield_per": FETCH_ROWS}).partitions():
        yield from map(Fact._make, rows)


def actionable_facts(connection: sa.Connection) -> Iterator[Fact]:
    """Read the keys that a person can act on, of all customers, in no order.

    Args:
        connection: an open connection.

    Yields:
        The facts.
    """
    statement = _SELECT.where(FACTS.c.recon_status.in_(sorted(ACTIONABLE)))
    for rows in connection.execute(statement, execution_options={"yield_per": FETCH_ROWS}).partitions():
        yield from map(Fact._make, rows)


def _place(fact: Fact) -> tuple[str, str, str, tuple[int, float, str], str]:
    return (fact.customer_po or "", fact.style or "", fact.color or "", size_rank(fact.size), fact.recon_id)


def days_late(fact: Fact, as_of: date) -> int | None:
    """Tell for how long something has been wrong.

    An order that lacks goods is late since it should have left the factory. Goods too many, or without an order,
    are wrong since they were shipped, or packed where they still stand here.

    Args:
        fact: a key.
        as_of: the day that the report speaks of.

    Returns:
        Days, at least 0; ``None`` where nothing is wrong or no date is known.
    """
    if fact.recon_status not in ACTIONABLE:
        return None
    since = fact.earliest_ex_factory_on if fact.recon_status in DUE else fact.last_shipped_on or fact.first_packed_on
    return None if since is None else max((as_of - since).days, 0)


def weight(units: int, days: int | None) -> int:
    """Weigh an exception: units times days late. A day that is not known, or today, counts as one.

    Returns:
        The weight, never negative.
    """
    return abs(units) * max(days or 0, 1)


def variance_share(fact: Fact) -> float | None:
    """Give the variance as a share of what was ordered.

    Returns:
        -0.05 for 5 % too many; ``None`` where nothing was ordered.
    """
    return fact.qty_variance / fact.ordered_qty if fact.ordered_qty else None


_LETTERS: Final = (
    *("3XS", "XXXS", "2XS", "XXS", "XS", "S", "M", "L", "XL", "XXL", "2XL", "1X", "2X"),
    *("XXXL", "3XL", "3X", "4XL", "4X", "5XL", "5X", "6XL", "6X"),
)
_ALPHA: Final = {size: rank for rank, size in enumerate(_LETTERS)}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@lru_cache(maxsize=65536)
def size_rank(size: str | None) -> tuple[int, float, str]:
    """Place a size in its run: letters from small to large, then numbers by value, then the rest.

    Args:
        size: a canonical size.

    Returns:
        A key to sort by.
    """
    if size is None:
        return (3, 0.0, "")
    if size in _ALPHA:
        return (0, float(_ALPHA[size]), size)
    if number := _NUMBER.match(size):
        return (1, float(number[0]), size)
    return (2, 0.0, size)
