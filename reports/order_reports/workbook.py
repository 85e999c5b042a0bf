"""Makes the workbook: reads the warehouse at one moment, lays out every tab, and puts the file in place whole."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import sqlalchemy as sa
import xlsxwriter
from order_rules.config import Customers, load_file
from xlsxwriter.exceptions import FileCreateError

from order_reports.books import close_books
from order_reports.destination import Draft, delivering
from order_reports.exceptions import troubles
from order_reports.facts import open_facts
from order_reports.failure import ReportError
from order_reports.findings import named_workbooks, read_oddities
from order_reports.questions import read_questions
from order_reports.read import read_counts, read_quarantine, read_runs, read_sources, read_unread
from order_reports.rows import RowSheet
from order_reports.settings import FILE_NAME, Settings
from order_reports.sheets import customers as customers_tab
from order_reports.sheets import exceptions as exceptions_tab
from order_reports.sheets import open_orders, quarantine, review, scorecard, unknown
from order_reports.sheets.summary import Findings, write_summary
from order_reports.sheets.table import SUMMARY
from order_reports.styles import BAD, BLUE, MUTED, NAVY, styles
from order_reports.totals import StatusTotal, read_totals
from order_reports.warehouse import missing_parts, reading
from order_reports.wording import run_line

FIXED: Final = (
    SUMMARY,
    scorecard.NAME,
    exceptions_tab.NAME,
    open_orders.NAME,
    review.NAME,
    quarantine.NAME,
    unknown.NAME,
)
"""The tabs that every workbook has, in order; the customers follow."""

BEFORE_ANY_RUN: Final = datetime(2000, 1, 1)
"""What a workbook without a run is dated, so that it too is the same each time."""

_TAB_COLORS: Final = {SUMMARY: NAVY, exceptions_tab.NAME: BAD, review.NAME: "#E5A50A", unknown.NAME: "#E5A50A"}


def write_report(settings: Settings) -> Draft:
    """Write the workbook from what is published now.

    Args:
        settings: where the warehouse is and where the workbook goes.

    Returns:
        The workbook in its place. It is replaced as a whole: a reader sees the old one or the new one.

    Raises:
        ReportError: the warehouse cannot be read or the file not written; an existing workbook stays as it is.
        RulesError: ``customers.yml`` cannot be used.
    """
    known = load_file(settings.rules_path / "customers.yml", Customers)
    with delivering(settings.place, FILE_NAME) as draft, reading(settings.warehouse) as connection:
        if missing := missing_parts(connection):
            raise ReportError("The warehouse is not ready: " + "; ".join(missing) + ".")
        build(draft.path, connection, known)
    return draft


def build(path: Path, connection: sa.Connection, known: Customers) -> None:
    """Write the workbook to a path.

    Args:
        path: where to; overwritten.
        connection: an open connection that sees one moment.
        known: ``customers.yml``.
    """
    runs = read_runs(connection)
    moment = runs.told.as_of if runs.told else BEFORE_ANY_RUN
    as_of = moment.date()
    footer = run_line(runs.told) if runs.told else "No run yet"
    totals = read_totals(connection)
    sources = read_sources(connection)
    unread = read_unread(connection)
    counts = read_counts(connection, runs.good)
    books = close_books(counts, totals)
    oddities = read_oddities(connection, counts, named_workbooks(known))
    with _no_collecting(), _open(path, moment) as workbook:
        looks = styles(workbook)
        customers = [one for one in totals.customers if one.keys]
        tabs = customers_tab.share_out(customers, FIXED)
        sheets = _add_sheets(workbook, tabs)

        exceptions, left_out = customers_tab.write_customers(
            sheets, tabs, connection, customers, looks, as_of=as_of, footer=footer
        )
        exceptions_written = exceptions_tab.write_exceptions(
            sheets[exceptions_tab.NAME],
            troubles(exceptions, sources, unread, oddities, as_of),
            tabs,
            looks,
            footer=footer,
        )
        open_total = totals.statuses().get("OPEN", StatusTotal())
        open_written = open_orders.write_open(
            sheets[open_orders.NAME], open_facts(connection), open_total, looks, as_of=as_of, footer=footer
        )
        questions = read_questions(connection)
        review_written = review.write_review(sheets[review.NAME], questions, looks, footer=footer)
        found = read_quarantine(connection)
        quarantine_written = quarantine.write_quarantine(sheets[quarantine.NAME], found, looks, footer=footer)
        strangers = unknown.unknown_customers(customers, known)
        unknown.write_unknown(sheets[unknown.NAME], strangers, tabs, looks, footer=footer)
        scorecard.write_scorecard(sheets[scorecard.NAME], customers, tabs, looks, footer=footer)

        left_out += sum(
            written.left_out for written in (exceptions_written, open_written, review_written, quarantine_written)
        )
        summary = Findings(
            runs=runs,
            as_of=as_of,
            totals=totals,
            books=books,
            sources=sources,
            unread=unread,
            exceptions=exceptions,
            waiting={
                exceptions_tab.NAME: exceptions_written.rows,
                review.NAME: len(questions),
                quarantine.NAME: len(found),
                unknown.NAME: len(strangers),
            },
            notes=_notes(tabs, left_out),
        )
        write_summary(workbook, sheets[SUMMARY], summary, looks, footer=footer)


def _notes(tabs: customers_tab.Tabs, left_out: int) -> list[str]:
    notes = []
    if tabs.other:
        notes.append(
            f"Excel has room for {len(tabs.own):,} customers' own tabs. The {len(tabs.other):,} with the fewest units "
            f"ordered stand together on {customers_tab.OTHER}."
        )
    if left_out:
        notes.append(
            f"{left_out:,} rows did not fit into their tabs, which end at Excel's last row. All sums on this page and "
            "on the scorecard count them."
        )
    return notes


def _add_sheets(workbook: xlsxwriter.Workbook, tabs: customers_tab.Tabs) -> dict[str, RowSheet]:
    names = [*FIXED, *tabs.own.values(), *([customers_tab.OTHER] if tabs.other else [])]
    sheets = {}
    for name in names:
        sheet = workbook.add_worksheet(name, RowSheet)
        sheet.set_tab_color(_TAB_COLORS.get(name, MUTED if name in FIXED else BLUE[0]))
        sheets[name] = sheet
    sheets[SUMMARY].activate()
    return sheets


# Half the packing time for a file a seventh larger than at zlib's usual level. XlsxWriter has no option for it; should
# it not look the class up here any more, only the time is lost.
xlsxwriter.workbook.ZipFile = partial(ZipFile, compresslevel=4)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Spare the collector of cycles from going through a million cells that hold none: a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _open(path: Path, created: datetime) -> Iterator[xlsxwriter.Workbook]:
    """Open a workbook whose rows wait in files, which are gone afterwards whatever happens."""
    with tempfile.TemporaryDirectory(prefix="order-reports-") as scratch:
        options = {"constant_memory": True, "tmpdir": scratch, "use_zip64": True}
        workbook = xlsxwriter.Workbook(str(path), options)
        workbook.set_properties({"title": "Order audit", "author": "order-audit", "created": created})
        try:
            yield workbook
            workbook.close()
        except FileCreateError as error:
            raise error.args[0] from None
        finally:
            for sheet in workbook.worksheets():
                sheet.release()
