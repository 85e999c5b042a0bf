"""The rows of ``fact_order_recon`` as people speak of them: what to act on, what it weighs, sizes as they are worn."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables

FACTS: Final = tables.fact_order_recon
ALL_FACTS: Final = sa.select(
    *(
        FACTS.c[name]
        for name in (
            *("recon_id", "customer", "customer_po", "style", "color", "size", "order_numbers", "customer_alt_po"),
            *("pattern_id", "ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty", "fuzzy_qty", "qty_variance"),
            *("match_type", "match_rule", "match_score", "recon_status", "quality_flag", "incomplete_key", "cartons"),
            *("first_packed_on", "last_shipped_on", "earliest_ex_factory_on"),
        )
    )
)
"""All of them, with what reports tell of each."""
ACTIONABLE: Final = frozenset({"UNDER", "OVER", "UNFULFILLED", "NO_ORDER"})
"""What a person can act on now. ``OPEN`` is not due yet, ``COMPLETE`` and ``CANCELLED`` are done."""
DUE: Final = frozenset({"UNDER", "UNFULFILLED"})
KEY_FIELDS: Final = ("customer_po", "style", "color", "size")
"""The fields of a key that matching compares, within one customer."""


def unit_sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Sum a quantity; SQL Server's sum of ``INT`` would overflow where the units of all keys exceed it."""
    return sa.func.sum(sa.cast(column, sa.BigInteger))


class Fact(NamedTuple):
    """What is told in words of an order key, or of a fulfilment key without an order."""

    recon_status: str
    ordered_qty: int
    packed_qty: int
    shipped_qty: int
    fuzzy_qty: int
    qty_variance: int
    incomplete_key: bool
    earliest_ex_factory_on: date | None


def weight(units: int, days: int | None) -> int:
    """Weigh an exception: units times days late. A day that is not known, or today, counts as one.

    Returns:
        The weight, never negative.
    """
    return abs(units) * max(days or 0, 1)


_LETTERS: Final = (
    *("3XS", "XXXS", "2XS", "XXS", "XS", "S", "M", "L", "XL", "XXL", "2XL", "1X", "2X"),
    *("XXXL", "3XL", "3X", "4XL", "4X", "5XL", "5X", "6XL", "6X"),
)
_ALPHA: Final = {size: rank for rank, size in enumerate(_LETTERS)}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


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
