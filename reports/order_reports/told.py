"""Everything that workbook and page tell, read once and at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from order_rules.config import Customers

from order_reports.beside import Beside
from order_reports.books import Books, close_books
from order_reports.exceptions import troubles
from order_reports.fact_columns import Facts, fact_sums, facts_of, in_order, read_facts
from order_reports.findings import named_workbooks, read_oddities
from order_reports.match_columns import match_sums
from order_reports.page.figures import PastRun, read_past_runs
from order_reports.questions import Question, read_questions
from order_reports.read import (
    Quarantined,
    Runs,
    Source,
    Unread,
    read_counts,
    read_quarantine,
    read_runs,
    read_sources,
    read_unread,
)
from order_reports.totals import Totals, add_up, current_units, match_totals

BEFORE_ANY_RUN: Final = datetime(2000, 1, 1)
"""What a report without a run is dated, so that it too is the same each time."""


@dataclass(frozen=True)
class Told:
    """What reports tell.

    Attributes:
        runs: the last run and the last good one.
        past: the last runs, the newest first.
        known: ``customers.yml``.
        facts: all keys.
        totals: sums by customer and by pass.
        books: the books of the good run.
        sources: the loads behind the figures.
        unread: workbooks that were never read.
        troubles: what a person can act on, the worst first; a column for each of a ``Trouble``'s.
        questions: the review queue.
        quarantined: what is in quarantine.
    """

    runs: Runs
    past: Sequence[PastRun]
    known: Customers
    facts: Facts
    totals: Totals
    books: Books
    sources: Sequence[Source]
    unread: Sequence[Unread]
    troubles: pa.Table
    questions: Sequence[Question]
    quarantined: Sequence[Quarantined]

    @property
    def moment(self) -> datetime:
        """The moment that the figures speak of."""
        return self.runs.told.as_of if self.runs.told else BEFORE_ANY_RUN


def read_told(connection: sa.Connection, known: Customers, beside: Beside | None = None) -> Told:
    """Read everything.

    Args:
        connection: an open connection that sees one moment.
        known: ``customers.yml``.
        beside: the other process that reads the large tables at that moment; by default the connection does.

    Returns:
        What there is to tell.
    """
    # One thread asks the database, which sorts and adds up while facts are put in order here.
    with ThreadPoolExecutor(1) as asking:
        runs = asking.submit(read_runs, connection)
        past = asking.submit(read_past_runs, connection)
        sources = asking.submit(read_sources, connection)
        unread = asking.submit(read_unread, connection)
        counts = asking.submit(lambda: read_counts(connection, runs.result().good))
        oddities = asking.submit(lambda: read_oddities(connection, counts.result(), named_workbooks(known)))
        facts_read, matches_read = _large_tables(connection, beside, asking)
        current = asking.submit(current_units, connection)
        questions = asking.submit(read_questions, connection)
        quarantined = asking.submit(read_quarantine, connection)
        facts = in_order(facts_read())
        told = runs.result().told
        as_of = (told.as_of if told else BEFORE_ANY_RUN).date()
        found = troubles(facts.rows, sources.result(), unread.result(), oddities.result(), as_of)
        totals = add_up(fact_sums(facts.rows), matches_read(), current.result())
        return Told(
            runs=runs.result(),
            past=past.result(),
            known=known,
            facts=facts,
            totals=totals,
            books=close_books(counts.result(), totals),
            sources=sources.result(),
            unread=unread.result(),
            troubles=found,
            questions=questions.result(),
            quarantined=quarantined.result(),
        )


def _large_tables(
    connection: sa.Connection, beside: Beside | None, asking: Executor
) -> tuple[Callable[[], pa.Table], Callable[[], Iterable[Sequence[Any]]]]:
    """Say how to wait for the facts, and then for the sums of the matches."""
    if beside is None:
        return (
            asking.submit(read_facts, connection).result,
            asking.submit(lambda: connection.execute(match_totals()).all()).result,
        )
    return (
        lambda: facts_of(beside.next_table(), connection.dialect),
        lambda: match_sums(beside.next_table(), beside.next_table()),
    )
