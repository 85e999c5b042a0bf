"""The review queue: fulfilment keys that a person is asked about, each with the order keys it may belong to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables

from order_reports.facts import FACTS, KEY_FIELDS, unit_sum

_IN_LIST: Final = 500
"""Ids asked for at once: databases bound a statement's parameters."""


class Candidate(NamedTuple):
    """An order key that a fulfilment key may belong to."""

    order_key_id: str | None
    customer_po: str | None
    style: str | None
    color: str | None
    size: str | None
    score: float | None
    linked: bool


@dataclass(frozen=True)
class Question:
    """A fulfilment key that a person is asked about, with the orders it may belong to, the likeliest first."""

    fulfil_key_id: str
    customer: str | None
    customer_po: str | None
    style: str | None
    color: str | None
    size: str | None
    units: int
    candidates: tuple[Candidate, ...]


def read_questions(connection: sa.Connection) -> list[Question]:
    """Read the review queue: links that wait for a decision, the most units first."""
    match = tables.recon_match
    rows = connection.execute(sa.select(match).where(match.c.review_status == "PENDING")).mappings().all()
    documents = {row["fulfil_key_id"]: _candidates(row["candidates"]) for row in rows}
    wanted = {str(found["order_key_id"]) for many in documents.values() for found in many if found.get("order_key_id")}
    keys = _order_keys(connection, sorted(wanted))
    units = _units_of(connection, sorted(documents))
    questions = [
        Question(
            fulfil_key_id=row["fulfil_key_id"],
            customer=row["fulfil_customer"],
            customer_po=row["fulfil_customer_po"],
            style=row["fulfil_style"],
            color=row["fulfil_color"],
            size=row["fulfil_size"],
            units=units.get(row["fulfil_key_id"], 0),
            candidates=_in_order(row, documents[row["fulfil_key_id"]], keys),
        )
        for row in rows
    ]
    return sorted(questions, key=lambda one: (-one.units, one.customer or "", one.customer_po or "", one.fulfil_key_id))


def count_questions(connection: sa.Connection) -> int:
    """Count the review queue."""
    match = tables.recon_match
    pending = sa.select(sa.func.count()).select_from(match).where(match.c.review_status == "PENDING")
    return int(connection.scalar(pending) or 0)


def _candidates(document: str | None) -> list[dict[str, Any]]:
    try:
        found = json.loads(document) if document else []
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _in_order(
    row: sa.RowMapping, documents: Iterable[Mapping[str, Any]], keys: Mapping[str, sa.RowMapping]
) -> tuple[Candidate, ...]:
    """Put the linked order first and fill in what the document leaves out from the order's own key."""
    linked_id = row["order_key_id"]
    made: list[Candidate] = []
    for found in documents:
        order_key_id = found.get("order_key_id")
        key = keys.get(str(order_key_id))
        names = [found.get(name) or (key[name] if key else None) for name in KEY_FIELDS]
        linked = order_key_id is not None and order_key_id == linked_id
        made.append(Candidate._make((order_key_id, *names, found.get("score"), linked)))
    if linked_id is not None and not any(one.linked for one in made):
        names = [row[f"order_{name}"] for name in KEY_FIELDS]
        made.append(Candidate._make((linked_id, *names, row["match_score"], True)))
    return tuple(sorted(made, key=lambda one: (not one.linked, -(one.score or 0), one.order_key_id or "")))


def _order_keys(connection: sa.Connection, ids: Sequence[str]) -> dict[str, sa.RowMapping]:
    found: dict[str, sa.RowMapping] = {}
    columns = [FACTS.c.order_key_id, *(FACTS.c[name] for name in KEY_FIELDS)]
    for start in range(0, len(ids), _IN_LIST):
        statement = sa.select(*columns).where(FACTS.c.order_key_id.in_(ids[start : start + _IN_LIST]))
        found |= {row["order_key_id"]: row for row in connection.execute(statement).mappings()}
    return found


def _units_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for table in (tables.stg_packed_current, tables.stg_shipped_current):
        for start in range(0, len(ids), _IN_LIST):
            some = ids[start : start + _IN_LIST]
            statement = (
                sa.select(table.c.fulfil_key_id, unit_sum(table.c.qty))
                .where(table.c.fulfil_key_id.in_(some))
                .group_by(table.c.fulfil_key_id)
            )
            for key, units in connection.execute(statement):
                sums[key] += int(units)
    return sums
