"""Everything that workbook and page tell, read once and at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
import sqlalchemy as sa
from order_rules.config import Customers

from order_reports.books import Books, close_books
from order_reports.exceptions import troubles
from order_reports.fact_columns import Facts, fact_sums, in_order, read_facts
from order_reports.findings import named_workbooks, read_oddities
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


def read_told(connection: sa.Connection, known: Customers) -> Told:
    """Read everything.

    Args:
        connection: an open connection that sees one moment.
        known: ``customers.yml``.

    Returns:
        What there is to tell.
    """
    runs = read_runs(connection)
    past = read_past_runs(connection)
    sources = read_sources(connection)
    unread = read_unread(connection)
    counts = read_counts(connection, runs.good)
    oddities = read_oddities(connection, counts, named_workbooks(known))
    questions = read_questions(connection)
    quarantined = read_quarantine(connection)
    current = current_units(connection)
    rows = read_facts(connection)
    as_of = (runs.told.as_of if runs.told else BEFORE_ANY_RUN).date()
    with ThreadPoolExecutor(1) as beside:
        # The database adds up the matches while the facts are put in order here; nothing else uses the connection.
        matches = beside.submit(connection.execute, match_totals())
        facts = in_order(rows)
        found = troubles(facts.rows, sources, unread, oddities, as_of)
        totals = add_up(fact_sums(facts.rows), matches.result(), current)
    return Told(
        runs=runs,
        past=past,
        known=known,
        facts=facts,
        totals=totals,
        books=close_books(counts, totals),
        sources=sources,
        unread=unread,
        troubles=found,
        questions=questions,
        quarantined=quarantined,
    )
