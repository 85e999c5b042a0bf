"""Tells whether a run would publish what stands already, by a fingerprint of all that reconciling reads.

Loaded without pandas: a run with nothing new ends before any of it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules
from order_rules.ids import hash_id
from order_rules.program import program_hash

from recon.refusals import RunLost
from recon.warehouse import runs
from recon.warehouse.runs import Run

LOADED: Final = (
    tables.order_list,
    tables.stg_orders_sharepoint,
    tables.stg_orders_wms,
    tables.stg_packed,
    tables.stg_shipped,
    tables.stg_quarantine_sharepoint,
    tables.stg_quarantine_wms,
)
"""What the loader fills load by load, and where a reading that broke off leaves rows."""
DECIDED: Final = (tables.recon_override, tables.recon_ruled_out)
OF_RUN: Final = (tables.audit_count, tables.recon_customer_run)
"""What a run keeps of its own."""


def fingerprint(connection: sa.Connection, rules: Rules, *, today: date, accept: Iterable[str]) -> str:
    """Hash all that decides what a reconciliation publishes, without reading a staged row.

    The rows of a load never change, so that its record and its counts stand for them; what a reading that broke off
    left behind, which has no record, shows in the youngest load of its table.

    Args:
        connection: an open connection; the caller's transaction.
        rules: all rules.
        today: the day by which orders are due.
        accept: workbooks or views whose share in quarantine is accepted.

    Returns:
        32 hex characters.
    """
    parts = (
        program_hash(Path(__file__).parent),
        json.dumps(rules.model_dump(mode="json"), sort_keys=True),
        today.isoformat(),
        "\n".join(sorted(accept)),
        *(_lines(connection, table) for table in (tables.loads, tables.load_counts, *DECIDED)),
        _files(connection),
        *(str(connection.execute(sa.select(sa.func.max(table.c.load_id))).scalar()) for table in LOADED),
    )
    return hash_id(*parts)


def standing_run(connection: sa.Connection, rules: Rules, *, today: date, accept: Iterable[str]) -> str | None:
    """Find the run whose results would be published again.

    Args:
        connection: an open connection; the caller's transaction.
        rules: all rules.
        today: the day by which orders are due.
        accept: workbooks or views whose share in quarantine is accepted.

    Returns:
        The newest run that succeeded, where it had the same to work with; else ``None``.
    """
    run = tables.audit_run.c
    newest_first = (run.started_at.desc(), run.run_id.desc())
    reconciled = sa.select(run.run_id, run.input_hash).where(run.published_run_id.is_not(None))
    newest = connection.execute(reconciled.order_by(*newest_first).limit(1)).one_or_none()
    if newest is None or newest.input_hash is None:
        return None
    same = newest.input_hash == fingerprint(connection, rules, today=today, accept=accept)
    return str(newest.run_id) if same else None


def close_as(connection: sa.Connection, run: Run, standing: str) -> str:
    """Close a run that found nothing new: its figures are those of the run whose results stand.

    Args:
        connection: an open connection in a transaction that writes.
        run: the open run.
        standing: from ``standing_run``.

    Returns:
        The run that published what stands.

    Raises:
        Busy: the run no longer holds the lease.
        RunLost: the run was closed meanwhile.
    """
    runs.heartbeat(connection, run)
    for table in OF_RUN:
        columns = [sa.literal(run.run_id) if column.key == "run_id" else column for column in table.c]
        rows = sa.select(*columns).where(table.c.run_id == standing)
        connection.execute(table.insert().from_select([column.key for column in table.c], rows))
    own = tables.audit_run
    before = sa.select(own.c.input_hash, own.c.published_run_id).where(own.c.run_id == standing)
    digest, published = connection.execute(before).one()
    note_published(connection, run, digest, published)
    if not runs.close(connection, run, "succeeded", f"nothing new since run {published}"):
        raise RunLost(f"Run {run.run_id} was closed meanwhile. Begin another one.")
    return str(published)


def note_published(connection: sa.Connection, run: Run, digest: str, published: str | None = None) -> None:
    """Note what a run had to work with, and whose results stand since.

    Args:
        connection: an open connection in a transaction that writes.
        run: the open run.
        digest: the fingerprint.
        published: the run that published them; by default this one.
    """
    own = tables.audit_run
    noted = {"input_hash": digest, "published_run_id": published or run.run_id}
    connection.execute(sa.update(own).where(own.c.run_id == run.run_id).values(noted))


def _lines(connection: sa.Connection, table: sa.Table) -> str:
    found = connection.execute(sa.select(table).order_by(*table.primary_key))
    return "\n".join(map(repr, map(tuple, found)))


def _files(connection: sa.Connection) -> str:
    """Tell what is known of the workbooks, and which listings have seen each; when exactly does not matter."""
    files, loads = tables.source_files, tables.loads
    listings = sa.select(loads.c.started_at).where(loads.c.kind == "listing").order_by(loads.c.started_at)
    begun = connection.execute(listings).scalars().all()
    columns = [column for column in files.c if column.key != "listed_at"]
    found = connection.execute(sa.select(files.c.listed_at, *columns).order_by(files.c.file_id))
    return "\n".join(repr((bisect_right(begun, listed_at), *rest)) for listed_at, *rest in found)
