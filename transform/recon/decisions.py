"""What people decided, as the warehouse keeps it: one place a fulfilment belongs to, any number it does not.

``recon_override`` holds where a key belongs: to an order (``LINK``) or to none (``REJECT`` without an order).
``recon_ruled_out`` holds the orders it does not belong to. Both keep both sides' fields, so that a decision is found
again when an id changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.frames import IN_LIST, in_parts, read, text
from recon.matching.columns import FIVE
from recon.matching.overrides import LINK, REJECT

UNLINK: Final = "UNLINK"
"""What people call a decision that a fulfilment belongs to no order."""
WORDS: Final = (LINK, REJECT, UNLINK)
COLUMNS: Final = tuple(column.name for column in tables.recon_override.c)
TEXTS: Final = tuple(name for name in COLUMNS if name != "decided_at")
SHOWN: Final = 20
"""Faults listed of one import."""

Five = tuple[str | None, ...]
"""Customer, PO, style, colour, size."""


class DecisionError(Exception):
    """A decision cannot be taken as it is; nothing was written. The message says which, why and what to do."""


@dataclass(frozen=True)
class Decision:
    """One decision about one fulfilment key.

    Attributes:
        word: ``LINK`` to the order, ``REJECT`` the order, or ``UNLINK``: it belongs to no order.
        fulfil_key_id: the fulfilment key.
        fulfil: its five fields.
        order_key_id: the order key; ``None`` with ``UNLINK``.
        order: its five fields, all missing with ``UNLINK``.
        reason: why.
        decided_by: who.
        decided_at: when, UTC without a zone.
        place: where it was read, for messages; ``""`` where it was given by hand.
    """

    word: str
    fulfil_key_id: str
    fulfil: Five
    order_key_id: str | None
    order: Five
    reason: str | None
    decided_by: str
    decided_at: datetime
    place: str = ""

    @property
    def pair(self) -> tuple[str, str, str | None]:
        """What makes two decisions the same, whoever took them."""
        return self.word, self.fulfil_key_id, self.order_key_id

    def contradicts(self, other: Decision) -> bool:
        """Tell whether both cannot hold: two places for one fulfilment, or a link to an order that is ruled out."""
        if self.fulfil_key_id != other.fulfil_key_id or self.pair == other.pair:
            return False
        words = {self.word, other.word}
        return words <= {LINK, UNLINK} or (words == {LINK, REJECT} and self.order_key_id == other.order_key_id)

    def __str__(self) -> str:
        order = "no order" if self.word == UNLINK else f"order {_five(self.order)} [{self.order_key_id}]"
        verb = "does not belong to" if self.word == REJECT else "belongs to"
        when = f"{self.decided_at:%Y-%m-%d %H:%M}"
        return f"{_five(self.fulfil)} [{self.fulfil_key_id}] {verb} {order} ({self.decided_by}, {when})"


@dataclass(frozen=True)
class Taken:
    """What became of decisions.

    Attributes:
        added: new ones.
        unchanged: those that were already taken.
        replaced: older ones that they took the place of.
    """

    added: tuple[Decision, ...]
    unchanged: tuple[Decision, ...]
    replaced: tuple[Decision, ...]


def _five(five: Five) -> str:
    return " / ".join(value or "-" for value in five)


def read_decisions(connection: sa.Connection) -> pd.DataFrame:
    """Read every decision.

    Args:
        connection: an open connection; the caller's transaction.

    Returns:
        The columns of ``recon_override``, text as ``str``: its rows, then those of ``recon_ruled_out`` as ``REJECT``.
    """
    override, ruled_out = tables.recon_override, tables.recon_ruled_out
    settled = read(connection, list(override.c), plain=TEXTS)
    others = read(connection, list(ruled_out.c), plain=TEXTS)
    others = others.assign(decision=text([REJECT] * len(others)))[list(COLUMNS)]
    if others.empty or settled.empty:
        return settled if others.empty else others
    return pd.concat([settled, others], ignore_index=True)


def all_decisions(connection: sa.Connection) -> list[Decision]:
    """Read every decision.

    Args:
        connection: an open connection; the caller's transaction.

    Returns:
        The oldest first.
    """
    rows = read_decisions(connection).sort_values(["decided_at", "fulfil_key_id", "order_key_id"])
    return [as_decision(row) for row in rows.to_dict("records")]


def as_decision(row: Mapping[Any, Any]) -> Decision:
    """Make a decision of a row of ``read_decisions``."""
    found: dict[str, Any] = {name: None if pd.isna(value) else value for name, value in row.items()}
    word = LINK if found["decision"] == LINK else REJECT if found["order_key_id"] else UNLINK
    return Decision(
        word=word,
        fulfil_key_id=found["fulfil_key_id"],
        fulfil=tuple(found[f"fulfil_{name}"] for name in FIVE),
        order_key_id=found["order_key_id"],
        order=tuple(found[f"order_{name}"] for name in FIVE),
        reason=found["reason"],
        decided_by=found["decided_by"],
        decided_at=pd.Timestamp(found["decided_at"]).to_pydatetime(),
    )


def published_keys(
    connection: sa.Connection, fulfil_key_ids: Collection[str], order_key_ids: Collection[str]
) -> tuple[dict[str, Five], dict[str, Five]]:
    """Look up the five fields of published keys.

    Args:
        connection: an open connection; the caller's transaction.
        fulfil_key_ids: fulfilment keys.
        order_key_ids: order keys.

    Returns:
        Fulfilment key to fields, and order key to fields, of those that are published.
    """
    match, fact = tables.recon_match.c, tables.fact_order_recon.c
    return (
        _fields(connection, match.fulfil_key_id, [match[f"fulfil_{name}"] for name in FIVE], fulfil_key_ids),
        _fields(connection, fact.order_key_id, [fact[name] for name in FIVE], order_key_ids),
    )


def _fields(
    connection: sa.Connection, key: sa.Column[Any], fields: Sequence[sa.Column[Any]], wanted: Collection[str]
) -> dict[str, Five]:
    found: dict[str, Five] = {}
    for part in in_parts(sorted(wanted), IN_LIST):
        for row in connection.execute(sa.select(key, *fields).where(key.in_(part))):
            found[row[0]] = tuple(row[1:])
    return found


def take(connection: sa.Connection, decisions: Iterable[Decision], *, replace: bool = False) -> Taken:
    """Write decisions, all or none.

    One that is already taken stays as it is, with who took it and when; so taking the same ones again changes nothing.

    Args:
        connection: an open connection in a transaction that writes.
        decisions: the decisions.
        replace: whether they take the place of stored ones that contradict them.

    Returns:
        What became of them.

    Raises:
        DecisionError: two of them contradict each other, or one a stored one that may not be replaced.
    """
    wanted: dict[tuple[str, str, str | None], Decision] = {}
    by_carton: dict[str, list[Decision]] = {}
    faults: list[str] = []
    for decision in decisions:
        rivals = [other for other in by_carton.get(decision.fulfil_key_id, []) if decision.contradicts(other)]
        faults += [f"{_at(decision)}{decision}, but {_at(other)}{other}" for other in rivals]
        if decision.pair not in wanted:
            wanted[decision.pair] = decision
            by_carton.setdefault(decision.fulfil_key_id, []).append(decision)
    refuse(faults, "Decisions contradict each other; keep one of each two")
    stored = [one for one in all_decisions(connection) if one.fulfil_key_id in by_carton]
    known = {one.pair for one in stored}
    added = tuple(one for pair, one in wanted.items() if pair not in known)
    rivals_of = {old.pair: (old, new) for old in stored for new in added if new.contradicts(old)}
    if not replace:
        faults = [f"{_at(new)}{new}, but it was decided that {old}" for old, new in rivals_of.values()]
        refuse(faults, "Other decisions stand against these; --replace puts these in their place")
    replaced = tuple(old for old, _ in rivals_of.values())
    for old in replaced:
        remove(connection, old)
    for new in added:
        _insert(connection, new)
    return Taken(added, tuple(one for pair, one in wanted.items() if pair in known), replaced)


def _at(decision: Decision) -> str:
    return f"{decision.place}: " if decision.place else ""


def refuse(faults: Sequence[str], what: str) -> None:
    """Refuse decisions where there are faults.

    Args:
        faults: one line each.
        what: what they have in common.

    Raises:
        DecisionError: there are some; the message lists the first ``SHOWN``.
    """
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise DecisionError("\n  ".join([f"{what}. Nothing was written:", *faults[:SHOWN], *more]))


def remove(connection: sa.Connection, decision: Decision) -> None:
    """Take one decision back."""
    table = tables.recon_ruled_out if decision.word == REJECT else tables.recon_override
    where = [table.c.fulfil_key_id == decision.fulfil_key_id]
    if decision.word == REJECT:
        where.append(table.c.order_key_id == decision.order_key_id)
    connection.execute(sa.delete(table).where(*where))


def _insert(connection: sa.Connection, decision: Decision) -> None:
    row: dict[str, Any] = {
        "fulfil_key_id": decision.fulfil_key_id,
        "order_key_id": decision.order_key_id,
        "reason": decision.reason,
        "decided_by": decision.decided_by,
        "decided_at": decision.decided_at,
    }
    for side, five in (("fulfil", decision.fulfil), ("order", decision.order)):
        row |= {f"{side}_{name}": value for name, value in zip(FIVE, five, strict=True)}
    if decision.word == REJECT:
        connection.execute(tables.recon_ruled_out.insert(), row)
    else:
        connection.execute(
            tables.recon_override.insert(), row | {"decision": LINK if decision.word == LINK else REJECT}
        )
