"""Reads what the reports tell of a run: how it went, its counts, the sources behind it, and what is in quarantine.

Functions take an open connection and return plain records, sorted, so that the same warehouse gives the same report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables

WORKBOOKS: Final = "order_list_rows"
"""The stream whose loads are workbooks; the others' are views."""
_IN_LIST: Final = 500
"""Ids asked for at once: databases bound a statement's parameters."""


@dataclass(frozen=True)
class Run:
    """A run of the pipeline: a row of ``audit_run``. Times are UTC."""

    run_id: str
    job: str
    mode: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    reason: str | None

    @property
    def as_of(self) -> datetime:
        """The moment that the run's figures speak of."""
        return self.finished_at or self.started_at


@dataclass(frozen=True)
class Runs:
    """The runs that a report speaks of.

    Attributes:
        last: the newest run, whatever became of it; ``None``: there was none.
        good: the newest run that succeeded, whose figures are published.
    """

    last: Run | None
    good: Run | None

    @property
    def told(self) -> Run | None:
        """The run that the report is dated by."""
        return self.good or self.last


def read_runs(connection: sa.Connection) -> Runs:
    """Read the newest run and the newest that succeeded."""
    table = tables.audit_run
    columns = [table.c[one.name] for one in fields(Run)]
    newest = sa.select(*columns).order_by(table.c.started_at.desc(), table.c.run_id.desc())
    last = connection.execute(newest.limit(1)).mappings().one_or_none()
    good = connection.execute(newest.where(table.c.status == "succeeded").limit(1)).mappings().one_or_none()
    return Runs(last=None if last is None else Run(**last), good=None if good is None else Run(**good))


class Count(NamedTuple):
    """One line of the books: a row of ``audit_count``."""

    table: str
    measure: str
    reason: str
    rows: int
    cells: int
    qty: int


def read_counts(connection: sa.Connection, run: Run | None) -> list[Count]:
    """Read the books of a run."""
    if run is None:
        return []
    table = tables.audit_count
    columns = [table.c[name] for name in Count._fields]
    statement = sa.select(*columns).where(table.c.run_id == run.run_id)
    return sorted(Count._make(row) for row in connection.execute(statement))


class Source(NamedTuple):
    """A load that counts or was left out: a row of ``recon_load``."""

    load_id: str
    unit_id: str
    stream: str
    source: str
    status: str
    superseded_by: str | None
    stale_reason: str | None
    started_at: datetime
    rows: int
    staged_qty: int
    customer: str | None

    @property
    def superseded(self) -> bool:
        """Whether another workbook counts instead."""
        return self.status == "superseded_workbook"


def read_sources(connection: sa.Connection) -> list[Source]:
    """Read the loads behind the figures, by source, oldest first.

    Returns:
        The sources; ``customer`` is known where a troubled workbook is one customer's alone.
    """
    table = tables.recon_load
    names = Source._fields[:-1]
    found = connection.execute(sa.select(*(table.c[name] for name in names))).all()
    troubled = [row.load_id for row in found if row.stale_reason is not None or row.status != "counts"]
    customers = _customers_of(connection, troubled)
    sources = [Source._make((*row, customers.get(row.load_id))) for row in found]
    return sorted(sources, key=lambda source: (source.stream != WORKBOOKS, source.source, source.load_id))


class Unread(NamedTuple):
    """A workbook that is there and was never read: its orders are missing from every figure."""

    path: str
    error: str | None


def read_unread(connection: sa.Connection) -> list[Unread]:
    """Read which workbooks failed and have no earlier reading that counts, by path."""
    files, counting = tables.source_files, tables.recon_load
    statement = (
        sa.select(files.c.path, files.c.error)
        .where(files.c.status == "failed", files.c.file_id.not_in(sa.select(counting.c.unit_id)))
        .order_by(files.c.path)
    )
    return [Unread._make(row) for row in connection.execute(statement)]


def _customers_of(connection: sa.Connection, load_ids: Sequence[str]) -> dict[str, str]:
    staged = tables.stg_orders_sharepoint
    names: defaultdict[str, set[str]] = defaultdict(set)
    for start in range(0, len(load_ids), _IN_LIST):
        some = load_ids[start : start + _IN_LIST]
        statement = sa.select(staged.c.load_id, staged.c.customer).where(staged.c.load_id.in_(some)).distinct()
        for load_id, customer in connection.execute(statement):
            names[load_id].add(customer)
    return {load_id: next(iter(found)) for load_id, found in names.items() if len(found) == 1}


class Quarantined(NamedTuple):
    """A value or row that could not be used and still stands so in its source: a row of ``quarantine``."""

    source: str
    place: str
    field: str | None
    value: str | None
    reason_code: str
    reason: str
    cells: int
    qty: int
    first_seen_at: datetime
    sheet: str | None
    row_number: int | None
    stream: str


def read_quarantine(connection: sa.Connection) -> list[Quarantined]:
    """Read what is in quarantine now, by source and row."""
    table = tables.quarantine
    columns = [table.c[name] for name in Quarantined._fields]
    found = connection.execute(sa.select(*columns).where(table.c.resolved_at.is_(None)))
    return sorted(
        (Quarantined._make(row) for row in found),
        key=lambda one: (one.source, one.sheet or "", one.row_number or 0, one.place, one.field or "", one.reason_code),
    )


def count_quarantined(connection: sa.Connection) -> int:
    """Count what is in quarantine now."""
    table = tables.quarantine
    there = sa.select(sa.func.count()).select_from(table).where(table.c.resolved_at.is_(None))
    return int(connection.scalar(there) or 0)
