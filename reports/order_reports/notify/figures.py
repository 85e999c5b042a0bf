"""Reads what there is to tell of a run: what became of it, its figures, and what in them a person has to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables
from order_rules.canonical import clean
from order_rules.config import Customers

from order_reports.books import close_books
from order_reports.facts import ACTIONABLE, DUE, FACTS
from order_reports.moments import moment
from order_reports.read import WORKBOOKS, Run, read_counts, read_runs, read_unread
from order_reports.totals import Totals, read_totals
from order_reports.wording import sentence

MOST_VARIANCES: Final = 20
"""The worst keys that a message can name."""
ONE_MOMENT: Final = timedelta(seconds=2)
"""``recon begin`` opens the run and takes the lease in one transaction; a later sign of life is another step's."""


class Variance(NamedTuple):
    """An order key that can be acted on, by the units that it lacks or has too many.

    Attributes:
        key: customer, PO, style, colour and size, for people.
        units: missing; negative where too many.
        changed_run_id: the run that made it what it is.
    """

    key: str
    units: int
    changed_run_id: str


@dataclass(frozen=True)
class Figures:
    """What is known of a run. An empty one: nothing is.

    Attributes:
        last: the newest run, whatever became of it.
        good: the newest run that succeeded, whose figures these are.
        heard: for a run still open, what was heard of it last.
        numbers: units, keys and rows by name; empty: nothing was published yet.
        balanced: whether every unit is accounted for.
        keys: rows that are published.
        unknown: customers that ``customers.yml`` does not know, the most units first.
        variances: the worst keys that can be acted on, the most units first.
        troubles: sources that a person has to mend, one sentence each.
        unreachable: why the warehouse could not be read.
    """

    last: Run | None = None
    good: Run | None = None
    heard: str | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    balanced: bool = False
    keys: int = 0
    unknown: tuple[str, ...] = ()
    variances: tuple[Variance, ...] = ()
    troubles: tuple[str, ...] = ()
    unreachable: str | None = None


def read_figures(connection: sa.Connection, known: Customers) -> Figures:
    """Read what there is to tell.

    Args:
        connection: an open connection that sees one moment.
        known: ``customers.yml``.

    Returns:
        The figures of the last good run, and what became of the last one.
    """
    runs = read_runs(connection)
    heard = _last_heard(connection, runs.last) if runs.last and runs.last.status == "running" else None
    if runs.good is None:
        return Figures(last=runs.last, heard=heard)
    totals = read_totals(connection)
    books = close_books(read_counts(connection, runs.good), totals)
    quarantined = _count(connection, tables.quarantine, tables.quarantine.c.resolved_at.is_(None))
    unknown = _unknown(totals, known)
    statuses = totals.statuses()
    numbers = {
        "rows": sum(
            count.rows
            for count in read_counts(connection, runs.good)
            if count.measure == "received" and count.table == WORKBOOKS
        ),
        "ordered": sum(one.ordered for one in totals.customers),
        "packed": sum(one.packed for one in totals.customers),
        "shipped": sum(one.shipped for one in totals.customers),
        "balance": sum(abs(flow.difference) for flow in books.flows),
        "exceptions": sum(total.keys for status, total in statuses.items() if status in ACTIONABLE),
        "missing": sum(total.variance for status, total in statuses.items() if status in DUE),
        "review": _count(connection, tables.recon_match, tables.recon_match.c.review_status == "PENDING"),
        "quarantined": quarantined,
        "unknown_customers": len(unknown),
    }
    return Figures(
        last=runs.last,
        good=runs.good,
        heard=heard,
        numbers=numbers,
        balanced=books.balanced,
        keys=sum(one.keys for one in totals.customers),
        unknown=unknown,
        variances=_variances(connection),
        troubles=_troubles(connection, quarantined),
    )


def customers_of(connection: sa.Connection, run_id: str) -> frozenset[str]:
    """Read which customers a run published."""
    table = tables.recon_customer_run
    return frozenset(connection.execute(sa.select(table.c.customer).where(table.c.run_id == run_id)).scalars())


def _count(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


def _unknown(totals: Totals, known: Customers) -> tuple[str, ...]:
    canonical = {clean(one.canonical) for one in known.customers}
    unknown = [
        one for one in totals.customers if one.keys and one.name is not None and clean(one.name) not in canonical
    ]
    unknown.sort(key=lambda one: (-one.ordered - one.packed - one.shipped, one.name or ""))
    return tuple(one.name or "" for one in unknown)


def _variances(connection: sa.Connection) -> tuple[Variance, ...]:
    names = ("customer", "customer_po", "style", "color", "size", "qty_variance", "changed_run_id")
    statement = (
        sa.select(*(FACTS.c[name] for name in names))
        .where(FACTS.c.recon_status.in_(sorted(ACTIONABLE)), FACTS.c.qty_variance != 0)
        .order_by(sa.func.abs(FACTS.c.qty_variance).desc(), FACTS.c.recon_id)
        .limit(MOST_VARIANCES)
    )
    return tuple(
        Variance(" / ".join(part or "no value" for part in five), units, run_id)
        for *five, units, run_id in connection.execute(statement)
    )


def _troubles(connection: sa.Connection, quarantined: int) -> tuple[str, ...]:
    loads = tables.recon_load
    stale = sa.select(loads.c.source, loads.c.started_at).where(loads.c.stale_reason.is_not(None))
    told = [
        f"{one.path} was never read, so its orders are in no figure. {sentence(one.error)}"
        for one in read_unread(connection)
    ]
    told += [
        f"{source} could not be read again; its figures are of {moment(read_at)}."
        for source, read_at in connection.execute(stale.order_by(loads.c.source))
    ]
    if quarantined:
        told.append(f"{quarantined:,} values or rows could not be used and are in quarantine.")
    return tuple(told)


def _last_heard(connection: sa.Connection, run: Run) -> str:
    """Say at which step nothing more was heard of a run that is still open.

    The steps leave their marks in the warehouse: each reading ends with a row of ``loads``, and ``recon reconcile``
    gives a sign of life.
    """
    lease = tables.audit_lease
    held = connection.execute(sa.select(lease.c.heartbeat_at).where(lease.c.run_id == run.run_id)).scalar()
    if held is not None and held - run.started_at > ONE_MOMENT:
        return f"`recon reconcile` had begun; its last sign of life was at {moment(held)}."
    loads = tables.loads
    query = (
        sa.select(loads.c.stream, sa.func.count().label("readings"), sa.func.max(loads.c.finished_at).label("ended"))
        .where(loads.c.started_at >= run.started_at)
        .group_by(loads.c.stream)
    )
    read: list[Any] = sorted(connection.execute(query), key=lambda row: row.ended)
    if not read:
        return (
            "Nothing was loaded after `recon begin`: no workbook was read to its end, nor a view. "
            "Look at the log of the order lists' tap, or where no workbook had changed, of the warehouse system's."
        )
    last = read[-1]
    if last.stream in {WORKBOOKS, "source_files"}:
        return (
            f"Reading the order lists: {sum(row.readings for row in read):,} readings were loaded, the last at "
            f"{moment(last.ended)}. Nothing was heard of the warehouse system's views."
        )
    return f"Reading the warehouse system: {last.stream} was the last view loaded, at {moment(last.ended)}."
