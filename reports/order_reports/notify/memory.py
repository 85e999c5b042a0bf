"""Remembers in the warehouse what each channel was told, so that it is told once, and what could not be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa
from order_rules import tables
from order_rules.ids import time_ordered_id
from sqlalchemy.exc import SQLAlchemyError

from order_reports.failure import ReportError
from order_reports.notify.figures import customers_of
from order_reports.notify.news import Told
from order_reports.warehouse import explain

TABLE: Final = tables.notification
LOCK_WAIT_S: Final = 30
"""So long a row waits for another writer of an embedded warehouse."""


@dataclass(frozen=True)
class Entry:
    """One turn of a channel.

    Attributes:
        channel: its name.
        run_id: the run that was told of; ``None``: none.
        digest: of the standing news.
        status: what came of it.
        error: why it was not sent, without a secret.
        external_id: the id of what was made elsewhere.
    """

    channel: str
    run_id: str | None
    digest: str
    status: Literal["sent", "failed", "repeated", "silent"]
    error: str | None = None
    external_id: str | None = None


def recall(connection: sa.Connection, channel: str) -> tuple[Told, str | None]:
    """Read what a channel was told.

    Args:
        connection: an open connection.
        channel: its name.

    Returns:
        What it was told, and the id of what it made elsewhere. A turn that failed tells nothing.
    """
    run = tables.audit_run
    of_channel = TABLE.c.channel == channel
    newest_first = TABLE.c.notification_id.desc()
    turns = (
        sa.select(TABLE.c.digest, TABLE.c.status, run.c.run_id, run.c.status.label("run_status"))
        .select_from(TABLE.outerjoin(run, run.c.run_id == TABLE.c.run_id))
        .where(of_channel, TABLE.c.status != "failed")
        .order_by(newest_first)
        .limit(1)
    )
    last = connection.execute(turns).mappings().one_or_none()
    good = connection.execute(turns.where(run.c.status == "succeeded")).mappings().one_or_none()
    made = sa.select(TABLE.c.external_id).where(of_channel, TABLE.c.external_id.is_not(None)).order_by(newest_first)
    told = Told(
        digest=last["digest"] if last else None,
        failed=last is not None and last["status"] != "silent" and last["run_status"] != "succeeded",
        baseline=good["run_id"] if good else None,
        known=customers_of(connection, good["run_id"]) if good else frozenset(),
    )
    return told, connection.scalar(made.limit(1))


def remember(url: sa.URL, entry: Entry) -> None:
    """Write a channel's turn down.

    Args:
        url: the warehouse.
        entry: the turn.

    Raises:
        ReportError: it cannot be written; the next run then tells the same again.
    """
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        return
    waiting: dict[str, Any] = {"timeout": LOCK_WAIT_S} if url.get_backend_name() == "sqlite" else {}
    engine = sa.create_engine(url, connect_args=waiting)
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    try:
        with engine.begin() as connection:
            connection.execute(sa.insert(TABLE).values(**vars(entry), notification_id=time_ordered_id(), sent_at=now))
    except SQLAlchemyError as error:
        raise ReportError(explain(error, url)) from None
    finally:
        engine.dispose()
