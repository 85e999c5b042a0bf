"""What a person can act on now: keys that are due or over, workbooks in trouble, and what is odd in the data.

One table of all of them, so that the workbook and the page tell the same in the same order: units times days late.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from order_reports.columns import array_of, listed, shown_words
from order_reports.fact_columns import days_late, is_actionable, weights
from order_reports.facts import Fact, weight
from order_reports.findings import Oddity
from order_reports.read import Source, Unread
from order_reports.wording import why, why_stale, why_superseded, why_unread

UNREAD: Final = "UNREAD SOURCE"
STALE: Final = "STALE SOURCE"
SUPERSEDED: Final = "SUPERSEDED"


class Trouble(NamedTuple):
    """One thing that a person can act on.

    Attributes:
        what: the word for it, as ``styles.STATUS`` colours it.
        customer: whose it is; ``None``: nobody's, or not known.
        weight: units times days late; ``None``: nobody knows how many units.
        why: the reason in words.
        where: the order numbers of a key, or the place in a source.
        key: whether it is a key with figures, whose units are summed.
        place: a key's number among its customer's; ``None``: it is no key.
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
    place: int | None


_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("what", "customer", "customer_po", "style", "color", "size")),
        *((name, pa.int64()) for name in ("ordered", "packed", "shipped", "variance")),
        ("due", pa.date32()),
        ("days", pa.int64()),
        ("weight", pa.int64()),
        ("why", pa.string()),
        ("where", pa.string()),
        ("key", pa.bool_()),
        ("place", pa.int64()),
    ]
)
_UNKNOWN_WEIGHT: Final = 2**63 - 1


def troubles(
    facts: pa.Table,
    sources: Sequence[Source],
    unread: Sequence[Unread],
    oddities: Sequence[Oddity],
    as_of: date,
) -> pa.Table:
    """Put everything that can be acted on into one table.

    Args:
        facts: ``Facts.rows``.
        sources: the loads behind the figures.
        unread: workbooks that were never read.
        oddities: what is odd in the data.
        as_of: the day that the report speaks of.

    Returns:
        A column for each of a ``Trouble``'s, the worst first. Nobody knows how many units a workbook holds that was
        never read, so it comes before what is known.
    """
    found = [_unread(one) for one in unread]
    found += [_source(one, as_of) for one in sources if one.stale_reason is not None or one.superseded]
    # Among what weighs the same, sources stand before keys and oddities behind them.
    all_of_them = pa.concat_tables([_table(found), _keys(facts, as_of), _table([_oddity(one) for one in oddities])])
    worst_first = pc.sort_indices(pc.negate(pc.fill_null(all_of_them["weight"], _UNKNOWN_WEIGHT)))
    return all_of_them.take(worst_first).combine_chunks()


def first_troubles(table: pa.Table, count: int) -> list[Trouble]:
    """Give the first rows of a table of troubles one by one."""
    return [Trouble(**row) for row in table.slice(0, count).to_pylist()]


def _table(found: Sequence[Trouble]) -> pa.Table:
    columns = zip(*found, strict=True) if found else [()] * len(_SCHEMA)
    return pa.table(
        [array_of(values, kind) for values, kind in zip(columns, _SCHEMA.types, strict=True)], schema=_SCHEMA
    )


def _keys(facts: pa.Table, as_of: date) -> pa.Table:
    """Make troubles of the keys: the worst first, by units times days late, by units, then by their own fields."""
    rows = facts.filter(is_actionable(facts))
    days = days_late(rows, as_of)
    weighed = weights(rows["qty_variance"], days)
    by = {
        "weight": pc.negate(weighed),
        "units": pc.negate(pc.abs(rows["qty_variance"])),
        "customer": pc.fill_null(rows["customer"].cast(pa.string()), ""),
        "recon_id": rows["recon_id"],
    }
    order = pc.sort_indices(pa.table(by), [(name, "ascending") for name in by])
    rows = rows.append_column("days", days).append_column("weight", weighed).take(order).combine_chunks()
    told = zip(*(listed(rows[name].combine_chunks()) for name in Fact._fields), strict=True)
    late = listed(rows["days"].combine_chunks())
    reasons = [why(Fact._make(fact), days) for fact, days in zip(told, late, strict=True)]
    columns = {
        "what": shown_words(rows["recon_status"]),
        **{name: rows[name] for name in ("customer", "customer_po", "style", "color", "size")},
        **{name: rows[f"{name}_qty"] for name in ("ordered", "packed", "shipped")},
        "variance": rows["qty_variance"],
        "due": rows["earliest_ex_factory_on"],
        "days": rows["days"],
        "weight": rows["weight"],
        "why": array_of(reasons, pa.string()),
        "where": rows["order_numbers"],
        "key": pa.repeat(True, len(rows)),
        "place": rows["place"],
    }
    return pa.table({name: one.cast(_SCHEMA.field(name).type) for name, one in columns.items()}, schema=_SCHEMA)


_NO_KEY: Final = dict.fromkeys(
    ("customer_po", "style", "color", "size", "ordered", "packed", "shipped", "variance", "due", "place")
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
        place=None,
    )
