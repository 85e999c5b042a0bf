"""What the page tells beyond the workbook: the flow of units, what each customer still needs, and the last runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables

from order_reports.facts import DUE, unit_sum
from order_reports.totals import Customer, Totals

MOST_RUNS: Final = 30
"""Runs that the trend and the history go back."""


class Flow(NamedTuple):
    """Where all units came from and where they are; both sides have the same sum.

    Attributes:
        filled: ordered, and packed or shipped.
        beyond: packed or shipped beyond an order, or without one.
        shipped: shipped.
        waiting: packed and not shipped yet.
        open: ordered, not due yet and not there.
        missing: ordered, due and not there.
        short: ordered and not there, but few enough to be called complete.
    """

    filled: int
    beyond: int
    shipped: int
    waiting: int
    open: int
    missing: int
    short: int

    @property
    def ordered(self) -> int:
        """What was ordered."""
        return self.filled + self.open + self.missing + self.short

    @property
    def packed(self) -> int:
        """What was ever packed: shipped, or waiting."""
        return self.shipped + self.waiting


def flow_of(totals: Totals) -> Flow:
    """Add up where all units are."""
    statuses = totals.statuses()
    waiting, shipped = (sum(getattr(one, name) for one in statuses.values()) for name in ("packed", "shipped"))
    too_few = sum(one.lacking for one in statuses.values())
    too_many = sum(one.lacking - one.variance for one in statuses.values())
    not_due = statuses["OPEN"].lacking if "OPEN" in statuses else 0
    missing = sum(one.lacking for status, one in statuses.items() if status in DUE)
    return Flow(
        filled=waiting + shipped - too_many,
        beyond=too_many,
        shipped=shipped,
        waiting=waiting,
        open=not_due,
        missing=missing,
        short=too_few - not_due - missing,
    )


class Needs(NamedTuple):
    """What one customer still needs of a person, in units.

    Attributes:
        customer: its totals.
        missing: due and not there.
        beyond: packed or shipped beyond an order, or without one.
    """

    customer: Customer
    missing: int
    beyond: int

    @property
    def to_act_on(self) -> int:
        """Units that somebody has to act on."""
        return self.missing + self.beyond


def ranked(customers: Sequence[Customer]) -> list[Needs]:
    """Rank customers by the units that somebody has to act on, then by what they ordered."""
    needs = [Needs(one, one.units(*sorted(DUE)), -one.units("OVER", "NO_ORDER")) for one in customers if one.keys]
    return sorted(needs, key=lambda one: (-one.to_act_on, -one.customer.ordered, one.customer.name or ""))


class Published(NamedTuple):
    """What a run published, in units."""

    ordered: int
    packed: int
    shipped: int
    unmatched: int


@dataclass(frozen=True)
class PastRun:
    """One run, with what it published; a run that published nothing has no units.

    Attributes:
        seconds: how long it took; ``None``: it has not ended.
        rows: rows received.
        quarantined: units set aside.
        units: ordered, packed, shipped, and of these without an order.
    """

    run_id: str
    job: str
    mode: str
    started_at: datetime
    seconds: int | None
    status: str
    reason: str | None
    rows: int
    quarantined: int
    units: Published | None


def read_past_runs(connection: sa.Connection) -> list[PastRun]:
    """Read the last runs, the newest first."""
    run, count, of_customer = tables.audit_run, tables.audit_count, tables.recon_customer_run
    names = ("run_id", "job", "mode", "started_at", "finished_at", "status", "reason")
    newest = sa.select(*(run.c[name] for name in names)).order_by(run.c.started_at.desc(), run.c.run_id.desc())
    runs = connection.execute(newest.limit(MOST_RUNS)).all()
    ids = [row.run_id for row in runs]
    received = _sums(connection, ids, count.c.rows, "received")
    quarantined = _sums(connection, ids, count.c.qty, "quarantined")
    columns = ("ordered_qty", "packed_qty", "shipped_qty", "unmatched_qty")
    published = {
        run_id: Published(*map(int, units))
        for run_id, *units in connection.execute(
            sa.select(of_customer.c.run_id, *(unit_sum(of_customer.c[name]) for name in columns))
            .where(of_customer.c.run_id.in_(ids))
            .group_by(of_customer.c.run_id)
        )
    }
    return [
        PastRun(
            run_id=row.run_id,
            job=row.job,
            mode=row.mode,
            started_at=row.started_at,
            seconds=None if row.finished_at is None else int((row.finished_at - row.started_at).total_seconds()),
            status=row.status,
            reason=row.reason,
            rows=received.get(row.run_id, 0),
            quarantined=quarantined.get(row.run_id, 0),
            units=published.get(row.run_id),
        )
        for row in runs
    ]


def _sums(connection: sa.Connection, ids: Sequence[str], column: sa.Column[Any], measure: str) -> dict[str, int]:
    """Sum what runs counted under one measure, by run."""
    count = tables.audit_count
    statement = (
        sa.select(count.c.run_id, sa.func.sum(column))
        .where(count.c.run_id.in_(ids), count.c.measure == measure)
        .group_by(count.c.run_id)
    )
    return {run_id: int(total) for run_id, total in connection.execute(statement)}
