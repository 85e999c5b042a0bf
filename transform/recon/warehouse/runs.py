"""Opens and closes runs, and holds the lease that keeps a second run out meanwhile.

The lease is one row of ``audit_lease``, taken by an UPDATE that holds only while the row is as it was read, so
of two processes one wins on either database. Times are UTC without a zone, in whole seconds: ``pymssql`` sends
no finer ones that compare equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa
from order_rules.ids import time_ordered_id
from order_rules.tables import audit_count, audit_lease, audit_run, notification
from sqlalchemy import RowMapping

from recon.warehouse.engine import writing
from recon.warehouse.owner import MAX_JOB_LENGTH, Owner, current_job, current_owner, is_gone, parse_owner
from recon.warehouse.views import v_run_history

LEASE: Final = timedelta(hours=2)
"""How long a run that gives no sign of life keeps others out."""
LEASE_NAME: Final = "run"
ATTEMPTS: Final = 5
NO_FURTHER_STEP: Final = "no further step"

NO_WAIT: Final = "WITH (NOLOCK)"
"""SQL Server would otherwise keep a reader waiting for the end of the transaction that publishes; SQLite does not."""

Status = Literal["succeeded", "failed"]

_LEASE: Final = sa.select(audit_lease).where(audit_lease.c.name == LEASE_NAME)


class Busy(Exception):  # noqa: N818  (it names a state: nothing is wrong, somebody else is at work)
    """Another run holds the warehouse. The message says who, since when, until when and what to do."""


@dataclass(frozen=True)
class Run:
    """One run, from ``recon begin`` to the end of ``recon reconcile``.

    Attributes:
        run_id: 32 hex characters; sorts by start.
        job: the Meltano job, ``manual`` where there is none.
        mode: ``full``, ``incremental`` or ``reconcile``.
        started_at: UTC, without a zone.
        owner: the process that starts the run's steps, as ``str(Owner)``.
    """

    run_id: str
    job: str
    mode: str
    started_at: datetime
    owner: str


@dataclass(frozen=True)
class Lease:
    """The lease as it stands; a free one has no run."""

    run_id: str | None
    owner: Owner | None
    heartbeat_at: datetime | None
    expires_at: datetime | None


def utc_now() -> datetime:
    """Give the time in UTC, without a zone, in whole seconds."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def mode_of(job: str) -> str:
    """Tell from a job's name how much it reads."""
    return next((mode for mode in ("full", "incremental") if mode in job), "reconcile")


def begin(engine: sa.Engine, *, job: str | None = None, mode: str | None = None, owner: Owner | None = None) -> Run:
    """Open a run and take the lease; whatever was left open is closed as failed.

    Args:
        engine: the warehouse, migrated.
        job: the job's name; by default the one that the parent ``meltano run`` runs, else ``manual``.
        mode: ``full``, ``incremental`` or ``reconcile``; by default what the job's name says.
        owner: who starts the run's steps; by default this process's parent.

    Returns:
        The run.

    Raises:
        Busy: another run holds the lease, and is alive or cannot be proved dead.
    """
    job = (job or current_job() or "manual")[:MAX_JOB_LENGTH]
    owner = owner or current_owner()
    with engine.connect() as connection:
        # Asked before waiting for the write lock, which the other run holds while it publishes.
        _why_over(connection, _peek(connection), owner, utc_now())
    for _ in range(ATTEMPTS):
        with writing(engine) as connection:
            lease = _read_lease(connection)
            now = utc_now()
            ended = _why_over(connection, lease, owner, now)
            run = Run(time_ordered_id(), job, mode or mode_of(job), now, str(owner))
            if _take(connection, lease, run, now):
                _close_left_open(connection, lease.run_id, ended, now)
                connection.execute(sa.insert(audit_run).values(**vars(run), status="running"))
                return run
    msg = "Other runs keep beginning at the same moment. Try again; `recon runs` shows them."
    raise Busy(msg)


def open_run(engine: sa.Engine) -> Run:
    """Continue the run that this process's parent began, or begin one by hand.

    Args:
        engine: the warehouse, migrated.

    Returns:
        The run, its lease extended.

    Raises:
        Busy: another run holds the lease.
    """
    with engine.connect() as connection:
        lease = _peek(connection)
        row = _open_row(connection, lease.run_id)
    if row is not None and lease.owner and lease.owner.is_same(current_owner()):
        run = Run(**{field.name: row[field.name] for field in fields(Run)})
        heartbeat(engine, run)
        return run
    return begin(engine, job="manual")


def heartbeat(bind: sa.Engine | sa.Connection, run: Run) -> None:
    """Extend a run's lease by its full length from now.

    Inside a transaction that writes, pass its connection: on SQLite another one could not write.

    Args:
        bind: the warehouse, or a connection in a transaction.
        run: the run.

    Raises:
        Busy: the run no longer holds the lease, so it must not publish.
    """
    now = utc_now()
    with _transaction(bind) as connection:
        extended = connection.execute(
            sa.update(audit_lease)
            .where(audit_lease.c.name == LEASE_NAME, audit_lease.c.run_id == run.run_id)
            .values(heartbeat_at=now, expires_at=now + LEASE)
        )
        if extended.rowcount == 1:
            return
        lease = _read_lease(connection)
        if lease.run_id is None:
            msg = f"Run {run.run_id} was closed meanwhile (`recon runs` shows by whom). Begin another one."
        else:
            msg = f"Run {run.run_id} lost the lease. {_holder(connection, lease)}"
        raise Busy(msg)


def close(bind: sa.Engine | sa.Connection, run: Run, status: Status, reason: str | None = None) -> bool:
    """Close a run and give its lease back, in one transaction; a closed run stays as it was closed.

    Args:
        bind: the warehouse, or a connection in a transaction, to close together with what that publishes.
        run: the run.
        status: how it ended.
        reason: why it failed, one line; ``None`` where it did not.

    Returns:
        Whether it was open until now.
    """
    with _transaction(bind) as connection:
        return _close(connection, run.run_id, status, reason, utc_now())


def close_by_hand(engine: sa.Engine, run_id: str, who: str) -> bool:
    """Close a run that was left open as failed, and free its lease.

    Args:
        engine: the warehouse.
        run_id: the run.
        who: the person, for the run's reason.

    Returns:
        Whether there was such an open run.
    """
    with writing(engine) as connection:
        return _close(connection, run_id, "failed", f"{NO_FURTHER_STEP}: closed by hand by {who}", utc_now())


def last_runs(engine: sa.Engine, count: int) -> list[dict[str, Any]]:
    """Read the last runs from ``v_run_history``.

    Args:
        engine: the warehouse, migrated.
        count: how many at most.

    Returns:
        The newest first, one mapping of the view's columns a run.
    """
    newest_first = (v_run_history.c.started_at.desc(), v_run_history.c.run_id.desc())
    query = sa.select(v_run_history).order_by(*newest_first).limit(count)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def unsent(engine: sa.Engine, since: datetime) -> list[dict[str, Any]]:
    """Read which notifications could not be sent.

    Args:
        engine: the warehouse, migrated.
        since: when the oldest of interest may have been tried, UTC.

    Returns:
        The newest first: channel, run_id, error and sent_at, the moment of the attempt.
    """
    names = ("channel", "run_id", "error", "sent_at")
    failed = sa.select(*(notification.c[name] for name in names)).where(
        notification.c.status == "failed", notification.c.sent_at >= since
    )
    with engine.connect() as connection:
        newest_first = connection.execute(failed.order_by(notification.c.notification_id.desc()))
        return [dict(row) for row in newest_first.mappings()]


def run_figures(engine: sa.Engine, run_id: str | None) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Read what one run counted.

    Args:
        engine: the warehouse, migrated.
        run_id: the run; ``None``: the last one that succeeded.

    Returns:
        The run's row of ``v_run_history`` and its rows of ``audit_count``; ``None`` where there is no such run.
    """
    wanted = v_run_history.c.run_id == run_id if run_id else v_run_history.c.status == "succeeded"
    newest_first = (v_run_history.c.started_at.desc(), v_run_history.c.run_id.desc())
    with engine.connect() as connection:
        run = connection.execute(sa.select(v_run_history).where(wanted).order_by(*newest_first).limit(1))
        found = run.mappings().one_or_none()
        if found is None:
            return None
        counts = sa.select(audit_count).where(audit_count.c.run_id == found["run_id"])
        return dict(found), [dict(row) for row in connection.execute(counts).mappings()]


@contextmanager
def _transaction(bind: sa.Engine | sa.Connection) -> Iterator[sa.Connection]:
    if isinstance(bind, sa.Connection):
        yield bind
    else:
        with writing(bind) as connection:
            yield connection


def _read_lease(connection: sa.Connection) -> Lease:
    """Read the lease in a transaction that may write."""
    row = connection.execute(_LEASE).mappings().one_or_none()
    if row is None:
        connection.execute(sa.insert(audit_lease).values(name=LEASE_NAME))
    return _lease(row)


def _peek(connection: sa.Connection) -> Lease:
    """Read the lease without waiting for whoever is writing."""
    return _lease(connection.execute(_LEASE.with_hint(audit_lease, NO_WAIT, "mssql")).mappings().one_or_none())


def _lease(row: RowMapping | None) -> Lease:
    if row is None:
        return Lease(None, None, None, None)
    return Lease(row["run_id"], parse_owner(row["owner"]), row["heartbeat_at"], row["expires_at"])


def _open_row(connection: sa.Connection, run_id: str | None) -> RowMapping | None:
    query = sa.select(audit_run).where(audit_run.c.run_id == run_id, audit_run.c.status == "running")
    return connection.execute(query.with_hint(audit_run, NO_WAIT, "mssql")).mappings().one_or_none()


def _why_over(connection: sa.Connection, lease: Lease, owner: Owner, now: datetime) -> str:
    """Say why a held lease may be taken over.

    Raises:
        Busy: it may not.
    """
    if lease.run_id is None:
        return ""
    if lease.owner and lease.owner.is_same(owner):
        return "the same process began another run"
    if lease.owner and is_gone(lease.owner):
        return f"{lease.owner.text} is gone"
    if lease.expires_at is None or lease.expires_at <= now:
        return f"no sign of life since {_moment(lease.heartbeat_at)}, its lease is over"
    raise Busy(_holder(connection, lease))


def _holder(connection: sa.Connection, lease: Lease) -> str:
    row = _open_row(connection, lease.run_id)
    what = f"{row['job']}, begun {_moment(row['started_at'])}" if row else "closed"
    return (
        f"Run {lease.run_id} ({what}) holds the warehouse: {lease.owner.text if lease.owner else 'nobody known'}, "
        f"last sign of life {_moment(lease.heartbeat_at)}, lease until {_moment(lease.expires_at)}. Wait for its end, "
        f"or free the warehouse where it is dead: recon runs --close {lease.run_id}"
    )


def _take(connection: sa.Connection, seen: Lease, run: Run, now: datetime) -> bool:
    """Give the lease to a run, if it still stands as it was seen."""
    given: dict[str, Any] = {
        "run_id": run.run_id,
        "owner": run.owner,
        "heartbeat_at": now,
        "expires_at": now + LEASE,
    }
    unchanged = (
        audit_lease.c.name == LEASE_NAME,
        audit_lease.c.run_id.is_(None) if seen.run_id is None else audit_lease.c.run_id == seen.run_id,
        audit_lease.c.expires_at.is_(None) if seen.expires_at is None else audit_lease.c.expires_at == seen.expires_at,
    )
    return connection.execute(sa.update(audit_lease).where(*unchanged).values(given)).rowcount == 1


def _close_left_open(connection: sa.Connection, last: str | None, ended: str, now: datetime) -> None:
    left_open = sa.select(audit_run.c.run_id).where(audit_run.c.status == "running")
    for run_id in connection.execute(left_open).scalars().all():
        reason = f"{NO_FURTHER_STEP}: {ended}" if run_id == last else NO_FURTHER_STEP
        _finish(connection, run_id, "failed", reason, now)


def _close(connection: sa.Connection, run_id: str, status: Status, reason: str | None, now: datetime) -> bool:
    free = {"run_id": None, "owner": None, "heartbeat_at": None, "expires_at": None}
    held = (audit_lease.c.name == LEASE_NAME, audit_lease.c.run_id == run_id)
    connection.execute(sa.update(audit_lease).where(*held).values(free))
    return _finish(connection, run_id, status, reason, now)


def _finish(connection: sa.Connection, run_id: str, status: Status, reason: str | None, now: datetime) -> bool:
    still_open = (audit_run.c.run_id == run_id, audit_run.c.status == "running")
    ended = {"status": status, "reason": reason, "finished_at": now}
    return connection.execute(sa.update(audit_run).where(*still_open).values(ended)).rowcount == 1


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time"
