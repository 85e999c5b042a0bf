"""What a person can act on now: keys that are due or over, workbooks in trouble, and what is odd in the data.

One shape for all of them, so that the workbook and the page tell the same in the same order: units times days late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Final, NamedTuple

import sqlalchemy as sa

from order_reports.facts import ACTIONABLE, Fact, actionable_facts, days_late, weight
from order_reports.findings import Oddity
from order_reports.read import Source, Unread
from order_reports.wording import shown, why, why_stale, why_superseded, why_unread

UNREAD: Final = "UNREAD SOURCE"
STALE: Final = "STALE SOURCE"
SUPERSEDED: Final = "SUPERSEDED"


@dataclass(frozen=True)
class ExceptionRow:
    """A key that a person can act on, and where it stands.

    Attributes:
        fact: the key.
        days: days late, ``None`` where no date is known.
        weight: units times days.
        target: its row on its customer's tab; ``None``: the row did not fit, or there is no workbook.
    """

    fact: Fact
    days: int | None
    weight: int
    target: str | None


class Trouble(NamedTuple):
    """One thing that a person can act on.

    Attributes:
        what: the word for it, as ``styles.STATUS`` colours it.
        customer: whose it is; ``None``: nobody's, or not known.
        weight: units times days late; ``None``: nobody knows how many units.
        why: the reason in words.
        where: the order numbers of a key, or the place in a source.
        key: whether it is a key with figures, whose units are summed.
        target: its row in the workbook; ``None``: none of its own.
    """

    what: str
    customer: str | None
    customer_po: str | None
    style: str | None
    color: str | None
    size: str | None
    ordered: int | None
    packed: int | None
    shipped: int | None
    variance: int | None
    due: date | None
    days: int | None
    weight: int | None
    why: str
    where: str | None
    key: bool
    target: str | None


def note(fact: Fact, as_of: date, target: str | None = None) -> ExceptionRow | None:
    """Weigh one key.

    Args:
        fact: any key.
        as_of: the day that the report speaks of.
        target: its row in the workbook.

    Returns:
        The exception; ``None`` where there is nothing to act on.
    """
    if fact.recon_status not in ACTIONABLE:
        return None
    days = days_late(fact, as_of)
    return ExceptionRow(fact, days, weight(fact.qty_variance, days), target)


def read_exceptions(connection: sa.Connection, as_of: date) -> list[ExceptionRow]:
    """Read the keys that a person can act on, the worst first."""
    found = (note(fact, as_of) for fact in actionable_facts(connection))
    return worst_first([one for one in found if one is not None])


def worst_first(exceptions: Iterable[ExceptionRow]) -> list[ExceptionRow]:
    """Order keys by units times days late, then by units, then by their own fields."""
    return sorted(
        exceptions,
        key=lambda one: (-one.weight, -abs(one.fact.qty_variance), one.fact.customer or "", one.fact.recon_id),
    )


def troubles(
    exceptions: Iterable[ExceptionRow],
    sources: Sequence[Source],
    unread: Sequence[Unread],
    oddities: Sequence[Oddity],
    as_of: date,
) -> list[Trouble]:
    """Put everything that can be acted on into one list.

    Args:
        exceptions: keys, in any order.
        sources: the loads behind the figures.
        unread: workbooks that were never read.
        oddities: what is odd in the data.
        as_of: the day that the report speaks of.

    Returns:
        The worst first. Nobody knows how many units a workbook holds that was never read, so it comes before what is
        known.
    """
    found = [_unread(one) for one in unread]
    found += [_source(one, as_of) for one in sources if one.stale_reason is not None or one.superseded]
    found += [_key(one) for one in worst_first(exceptions)]
    found += [_oddity(one) for one in oddities]
    return sorted(found, key=lambda one: -one.weight if one.weight is not None else -inf)


def _key(one: ExceptionRow) -> Trouble:
    fact = one.fact
    return Trouble(
        what=str(shown(fact.recon_status)),
        customer=fact.customer,
        customer_po=fact.customer_po,
        style=fact.style,
        color=fact.color,
        size=fact.size,
        ordered=fact.ordered_qty,
        packed=fact.packed_qty,
        shipped=fact.shipped_qty,
        variance=fact.qty_variance,
        due=fact.earliest_ex_factory_on,
        days=one.days,
        weight=one.weight,
        why=why(fact, one.days),
        where=fact.order_numbers,
        key=True,
        target=one.target,
    )


_NO_KEY: Final = dict.fromkeys(
    ("customer_po", "style", "color", "size", "ordered", "packed", "shipped", "variance", "due", "target")
)


def _unread(one: Unread) -> Trouble:
    return Trouble(UNREAD, None, **_NO_KEY, days=None, weight=None, why=why_unread(one), where=one.path, key=False)


def _source(one: Source, as_of: date) -> Trouble:
    if one.superseded:
        units, days, what, reason = weight(one.staged_qty, None), None, SUPERSEDED, why_superseded(one)
    else:
        days = max((as_of - one.started_at.date()).days, 0)
        units, what, reason = weight(one.staged_qty, days), STALE, why_stale(one, days)
    return Trouble(what, one.customer, **_NO_KEY, days=days, weight=units, why=reason, where=one.source, key=False)


def _oddity(one: Oddity) -> Trouble:
    return Trouble(
        what=one.what,
        customer=one.customer,
        customer_po=one.customer_po,
        style=one.style,
        color=one.color,
        size=one.size,
        ordered=None,
        packed=None,
        shipped=None,
        variance=None,
        due=None,
        days=None,
        weight=weight(one.units, None),
        why=one.why,
        where=one.where,
        key=False,
        target=None,
    )
