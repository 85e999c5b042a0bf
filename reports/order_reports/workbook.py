"""Makes the workbook: lays out every tab of what there is to tell, and writes the file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from order_reports.fact_columns import open_rows
from order_reports.rows import Book, RowSheet
from order_reports.sheets import customers as customers_tab
from order_reports.sheets import exceptions as exceptions_tab
from order_reports.sheets import open_orders, quarantine, review, scorecard, unknown
from order_reports.sheets.summary import Written, write_summary
from order_reports.sheets.table import SUMMARY
from order_reports.styles import BAD, BLUE, MUTED, NAVY, styles
from order_reports.told import Told
from order_reports.totals import StatusTotal
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

_TAB_COLORS: Final = {SUMMARY: NAVY, exceptions_tab.NAME: BAD, review.NAME: "#E5A50A", unknown.NAME: "#E5A50A"}


def write_workbook(path: Path, told: Told) -> None:
    """Write the workbook to a path.

    Args:
        path: where to; overwritten.
        told: what it tells.

    Raises:
        OSError: it cannot be written.
    """
    as_of = told.moment.date()
    footer = run_line(told.runs.told) if told.runs.told else "No run yet"
    with Book(path, told.moment) as workbook:
        looks = styles(workbook)
        customers = [one for one in told.totals.customers if one.keys]
        tabs = customers_tab.share_out(customers, FIXED)
        sheets = _add_sheets(workbook, tabs)

        left_out = customers_tab.write_customers(sheets, tabs, told.facts, customers, looks, as_of=as_of, footer=footer)
        exceptions_written = exceptions_tab.write_exceptions(
            sheets[exceptions_tab.NAME], told.troubles, tabs, looks, footer=footer
        )
        open_total = told.totals.statuses().get("OPEN", StatusTotal())
        open_written = open_orders.write_open(
            sheets[open_orders.NAME], open_rows(told.facts), open_total, looks, as_of=as_of, footer=footer
        )
        review_written = review.write_review(sheets[review.NAME], told.questions, looks, footer=footer)
        quarantine_written = quarantine.write_quarantine(
            sheets[quarantine.NAME], told.quarantined, looks, footer=footer
        )
        strangers = unknown.unknown_customers(customers, told.known)
        unknown.write_unknown(sheets[unknown.NAME], strangers, tabs, looks, footer=footer)
        scorecard.write_scorecard(sheets[scorecard.NAME], customers, tabs, looks, footer=footer)

        left_out += sum(
            written.left_out for written in (exceptions_written, open_written, review_written, quarantine_written)
        )
        waiting = {
            exceptions_tab.NAME: exceptions_written.rows,
            review.NAME: len(told.questions),
            quarantine.NAME: len(told.quarantined),
            unknown.NAME: len(strangers),
        }
        written = Written(tabs, waiting, _notes(tabs, left_out))
        write_summary(workbook, sheets[SUMMARY], told, written, looks, footer=footer)


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


def _add_sheets(workbook: Book, tabs: customers_tab.Tabs) -> dict[str, RowSheet]:
    names = [*FIXED, *tabs.own.values(), *([customers_tab.OTHER] if tabs.other else [])]
    sheets = {}
    for name in names:
        sheet = workbook.add_sheet(name)
        sheet.set_tab_color(_TAB_COLORS.get(name, MUTED if name in FIXED else BLUE[0]))
        sheets[name] = sheet
    sheets[SUMMARY].activate()
    return sheets
