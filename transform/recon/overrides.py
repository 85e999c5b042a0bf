"""The verbs of ``recon overrides``: what a person says about a fulfilment becomes a decision that outlives reruns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules

from recon.decision_files import Row, read_rows
from recon.decisions import (
    UNLINK,
    Decision,
    DecisionError,
    Five,
    Taken,
    all_decisions,
    as_decision,
    published_keys,
    read_decisions,
    refuse,
    remove,
    take,
)
from recon.frames import read
from recon.matching.columns import FIVE
from recon.matching.overrides import LINK, REJECT, attach
from recon.sizes import published_fold
from recon.warehouse.engine import writing
from recon.warehouse.runs import utc_now

NO_FIELDS: Final[Five] = (None,) * len(FIVE)


@dataclass(frozen=True)
class By:
    """Who decides, why, and whether an older decision gives way.

    Attributes:
        who: the person.
        why: the reason; ``None``: none was given.
        replace: whether what was decided otherwise before is replaced.
    """

    who: str
    why: str | None = None
    replace: bool = False


class State(NamedTuple):
    """A decision and why it no longer applies, ``None`` where it does."""

    decision: Decision
    why_not: str | None


def states(engine: sa.Engine, rules: Rules) -> list[State]:
    """List every decision with whether it applies to what is published.

    Args:
        engine: the warehouse.
        rules: the rules it was reconciled by.

    Returns:
        Those that no longer apply first, then by time.
    """
    match, fact = tables.recon_match.c, tables.fact_order_recon.c
    with engine.connect() as connection:
        orders = read(connection, [fact.order_key_id], plain=["order_key_id"]).dropna()
        cartons = read(connection, [match.fulfil_key_id], plain=["fulfil_key_id"])
        stored = read_decisions(connection)
        attached = attach(stored, orders, cartons, rules, published_fold(connection, rules))
        why_not = {as_decision(one.decision).pair: one.why for one in attached.unattached}
        found = [State(one, why_not.get(one.pair)) for one in all_decisions(connection)]
    return sorted(found, key=lambda state: state.why_not is None)


def accept(engine: sa.Engine, fulfil_key_id: str, order_key_id: str | None, by: By) -> Taken:
    """Accept the order that a fulfilment is linked to, or one of its candidates.

    Args:
        engine: the warehouse.
        fulfil_key_id: the fulfilment key.
        order_key_id: the order key; ``None``: the one it is linked to, or its only candidate.
        by: who and why.

    Returns:
        What became of it.

    Raises:
        DecisionError: the keys are unknown, several orders are possible, or it was decided otherwise.
    """
    return _decide(engine, LINK, fulfil_key_id, order_key_id, by)


def reject(engine: sa.Engine, fulfil_key_id: str, order_key_id: str | None, by: By) -> Taken:
    """Rule an order out for a fulfilment; arguments, result and errors as for ``accept``."""
    return _decide(engine, REJECT, fulfil_key_id, order_key_id, by)


def link(engine: sa.Engine, fulfil_key_id: str, order_key_id: str, by: By) -> Taken:
    """Link a fulfilment to any order; arguments, result and errors as for ``accept``."""
    return _decide(engine, LINK, fulfil_key_id, order_key_id, by)


def unlink(engine: sa.Engine, fulfil_key_id: str, by: By) -> Taken:
    """Say that a fulfilment belongs to no order; arguments, result and errors as for ``accept``."""
    return _decide(engine, UNLINK, fulfil_key_id, None, by)


def withdraw(engine: sa.Engine, fulfil_key_id: str, order_key_id: str | None) -> tuple[Decision, ...]:
    """Take decisions back, so that the engine decides again.

    Args:
        engine: the warehouse.
        fulfil_key_id: the fulfilment key.
        order_key_id: the order key of the one decision; ``None``: all about the fulfilment.

    Returns:
        What was taken back.

    Raises:
        DecisionError: there is none.
    """
    with writing(engine) as connection:
        about = [one for one in all_decisions(connection) if one.fulfil_key_id == fulfil_key_id]
        gone = tuple(one for one in about if order_key_id in {None, one.order_key_id})
        for one in gone:
            remove(connection, one)
    if not gone:
        raise DecisionError(f"Nothing was decided about {fulfil_key_id}: `recon overrides list` shows what was.")
    return gone


def _decide(engine: sa.Engine, word: str, fulfil_key_id: str, order_key_id: str | None, by: By) -> Taken:
    with writing(engine) as connection:
        if word != UNLINK and order_key_id is None:
            order_key_id = _only_order(connection, fulfil_key_id)
        row = Row("", word, fulfil_key_id, order_key_id, NO_FIELDS, NO_FIELDS, by.why, by.who, utc_now())
        return take(connection, _completed(connection, [row], by), replace=by.replace)


def _only_order(connection: sa.Connection, fulfil_key_id: str) -> str:
    """Find the order that a question is about: the one that is linked, else the only candidate."""
    match = tables.recon_match.c
    wanted = sa.select(match.order_key_id, match.candidates).where(match.fulfil_key_id == fulfil_key_id)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise DecisionError(_unknown("fulfilment", fulfil_key_id))
    if row.order_key_id:
        return str(row.order_key_id)
    found = [one["order_key_id"] for one in json.loads(row.candidates or "[]")]
    if len(found) == 1:
        return str(found[0])
    several = f"may belong to {' or '.join(found)}" if found else "has no candidate"
    msg = f"{fulfil_key_id} is linked to no order and {several}: name the order key behind it."
    raise DecisionError(msg)


def _unknown(side: str, key: str) -> str:
    return f"no {side} {key} is published; ids change with the rules: take it from the newest report or `recon explain`"


def import_file(engine: sa.Engine, path: Path, by: By) -> Taken:
    """Take all decisions of a file, or none.

    Args:
        engine: the warehouse.
        path: the report's workbook, or what ``export`` wrote, filled in by a reviewer.
        by: who and why, where the file doesn't say.

    Returns:
        What became of them.

    Raises:
        DecisionError: the file or some of its rows cannot be used, or contradict each other or what was decided.
    """
    rows = read_rows(path)
    with writing(engine) as connection:
        return take(connection, _completed(connection, rows, by), replace=by.replace)


def _completed(connection: sa.Connection, rows: Sequence[Row], by: By) -> list[Decision]:
    """Add both sides' fields: of the published keys, else as the file holds them."""
    cartons, orders = published_keys(
        connection, {row.fulfil_key_id for row in rows}, {row.order_key_id for row in rows if row.order_key_id}
    )
    faults: list[str] = []
    made: list[Decision] = []
    now = utc_now()
    for row in rows:
        where = f"{row.place}: " if row.place else ""
        fulfil = cartons.get(row.fulfil_key_id) or row.fulfil
        order = orders.get(row.order_key_id, row.order) if row.order_key_id else NO_FIELDS
        if not any(fulfil):
            faults.append(f"{where}{_unknown('fulfilment', row.fulfil_key_id)}")
        elif row.order_key_id and not any(order):
            faults.append(f"{where}{_unknown('order', row.order_key_id)}")
        made.append(
            Decision(
                word=row.word,
                fulfil_key_id=row.fulfil_key_id,
                fulfil=fulfil,
                order_key_id=row.order_key_id,
                order=order,
                reason=row.reason or by.why,
                decided_by=row.decided_by or by.who,
                decided_at=row.decided_at or now,
                place=row.place,
            )
        )
    if len(faults) == 1 and not rows[0].place:
        raise DecisionError(faults[0][0].upper() + faults[0][1:])
    refuse(faults, "Keys are not known")
    return [replace(one, decided_at=one.decided_at.replace(microsecond=0)) for one in made]
