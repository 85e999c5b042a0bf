"""SUMMARY: the page that says how things stand: verdict, headline figures, the ten worst, charts, books, sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow.compute as pc
import xlsxwriter

from order_reports.books import Books
from order_reports.charts import customers_chart, flags_chart
from order_reports.columns import Link, Value
from order_reports.exceptions import first_troubles
from order_reports.rows import Book, RowSheet
from order_reports.sheets import accounts
from order_reports.sheets import exceptions as exceptions_tab
from order_reports.sheets.canvas import FIRST, LAST, WIDTHS, Canvas, pixels
from order_reports.sheets.customers import NO_CUSTOMER, Tabs
from order_reports.sheets.table import SUMMARY, set_up_print
from order_reports.styles import AMBER, BAD, FLAG, GOOD, INK, LINK_BLUE, MUTED, NAVY, PAPER, UNITS, Styles
from order_reports.told import Told
from order_reports.totals import Totals
from order_reports.wording import failed_run, running, told_of, verdict

WORST: Final = 10
_CHART_ROWS: Final = 14
_ROW_PIXELS: Final = 20


class Written(NamedTuple):
    """What became of the other tabs.

    Attributes:
        tabs: which customer stands where.
        waiting: sheet name to how many rows wait there for a person.
        notes: anything that a reader must know about this workbook itself.
    """

    tabs: Tabs
    waiting: Mapping[str, int]
    notes: Sequence[str]


def write_summary(
    workbook: Book, sheet: RowSheet, found: Told, written: Written, styles: Styles, *, footer: str
) -> None:
    """Write the tab.

    Args:
        workbook: the workbook, for the charts.
        sheet: an empty sheet.
        found: what it tells.
        written: what became of the other tabs.
        styles: the workbook's formats.
        footer: what is printed at the foot.
    """
    for place, width in enumerate(WIDTHS):
        sheet.set_column(place, place, width)
    sheet.hide_gridlines(2)
    canvas = Canvas(sheet, styles)
    _head(canvas, found, written.notes)
    if found.runs.good is not None:
        _figures(canvas, found, written.waiting)
        _worst(canvas, found, written.tabs)
        chart_row = canvas.row
        if found.totals.customers:
            canvas.row += _CHART_ROWS
        flag_row = accounts.write_statuses(canvas, found.totals)
        loads = accounts.Loads(found.sources, found.unread, found.moment.date())
        accounts.write_passes_and_sources(canvas, found.totals, loads, found.runs.good)
        accounts.write_books(canvas, found.books)
        _charts(workbook, sheet, found.totals, chart_row, flag_row)
    accounts.write_legend(canvas)
    canvas.flush()
    set_up_print(sheet, "Order audit", footer)
    sheet.fit_to_pages(1, 2)
    sheet.center_horizontally()
    sheet.print_area(0, 0, canvas.row, LAST)


def _head(canvas: Canvas, found: Told, notes: Sequence[str]) -> None:
    runs = found.runs
    canvas.put(0, FIRST, "Order audit", bold=True, font_size=22, font_color=NAVY)
    canvas.sheet.set_row(0, 34)
    canvas.put(1, FIRST, told_of(runs), font_color=MUTED)
    canvas.row = 3
    if (failed := failed_run(runs)) is not None:
        height = 20 * (1 + len(failed) // 110)
        canvas.band(
            canvas.row, FIRST, LAST, failed, max(height, 40), bold=True, font_color="#FFFFFF", bg_color=BAD,
            text_wrap=True, font_size=12, indent=1,
        )  # fmt: skip
        canvas.row += 1
    elif (text := running(runs)) is not None:
        canvas.band(canvas.row, FIRST, LAST, text, bg_color=PAPER, indent=1)
        canvas.row += 1
    if runs.last is None:
        text = "The warehouse is empty. Run full-sync; this page then shows what was ordered, packed and shipped."
        canvas.band(canvas.row, FIRST, LAST, text, 40, bold=True, bg_color=PAPER, font_size=12, indent=1)
        canvas.row += 2
    if runs.good is not None:
        _verdict(canvas, found.books)
    for note in notes:
        canvas.band(
            canvas.row, FIRST, LAST, note, 20 * (1 + len(note) // 130),
            bg_color=AMBER[0], font_color=AMBER[1], text_wrap=True, indent=1,
        )  # fmt: skip
        canvas.row += 1
    canvas.row += 1


def _verdict(canvas: Canvas, books: Books) -> None:
    text, color = verdict(books), GOOD if books.balanced else BAD
    canvas.band(
        canvas.row, FIRST, LAST, text, 34, bold=True, font_size=16, font_color="#FFFFFF", bg_color=color, indent=1
    )
    canvas.row += 1


def _figures(canvas: Canvas, found: Told, waits: Mapping[str, int]) -> None:
    head = found.totals.headline()
    tiles = (
        ("ORDERED", head.ordered, NAVY),
        ("PACKED, WAITING", head.packed, NAVY),
        ("SHIPPED", head.shipped, NAVY),
        ("OPEN, NOT DUE", head.open, NAVY),
        ("DUE AND MISSING", head.missing, BAD if head.missing else NAVY),
        ("TOO MANY OR NO ORDER", head.beyond, BAD if head.beyond else NAVY),
    )
    places = ((1, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 12))
    for (label, figure, color), (first, last) in zip(tiles, places, strict=True):
        canvas.band(canvas.row, first, last, label, font_size=9, font_color=MUTED, bg_color=PAPER, align="center")
        canvas.band(
            canvas.row + 1,
            first,
            last,
            figure,
            32,
            bold=True,
            font_size=18,
            font_color=color,
            num_format=UNITS,
            bg_color=PAPER,
            align="center",
        )
    waiting = ", ".join(f"{count:,} on {name}" for name, count in waits.items())
    canvas.put(
        canvas.row + 2,
        FIRST,
        f"In units. {head.cancelled:,} more were cancelled. Waiting for a person: {waiting}.",
        font_color=MUTED,
    )
    canvas.row += 4


def _worst(canvas: Canvas, found: Told, tabs: Tabs) -> None:
    variances = found.troubles.filter(pc.and_(found.troubles["key"], pc.not_equal(found.troubles["what"], "NO ORDER")))
    worst = first_troubles(variances, WORST)
    canvas.heading(f"The {len(worst) if len(worst) > 1 else ''} worst variances, due or over".replace("  ", " "))
    if not worst:
        canvas.put(canvas.row + 1, FIRST, "Nothing is due and missing, and nothing is over.", font_color=MUTED)
        canvas.row += 3
        return
    names = (
        "CUSTOMER",
        "PO",
        "STYLE",
        "COLOUR",
        "SIZE",
        "WHAT",
        "ORDERED",
        "PACKED",
        "SHIPPED",
        "VARIANCE",
        "DAYS LATE",
    )
    canvas.headers(canvas.row + 1, FIRST, (*names, "UNITS × DAYS"), left=6)
    for place, one in enumerate(worst, 2):
        row = canvas.row + place
        customer = NO_CUSTOMER if one.customer is None else one.customer
        place_there = one.place or 0
        leads = tabs.has_row(one.customer, place_there)
        link: Value = Link(customer, tabs.target_of_key(one.customer, place_there)) if leads else customer
        canvas.put(row, FIRST, link, font_color=LINK_BLUE if leads else INK, underline=1 if leads else 0)
        for column, text in enumerate((one.customer_po, one.style, one.color, one.size), FIRST + 1):
            canvas.put(row, column, text)
        canvas.badge(row, FIRST + 5, one.what)
        figures = (one.ordered, one.packed, one.shipped, one.variance, one.days, one.weight)
        for column, figure in enumerate(figures, FIRST + 6):
            canvas.put(row, column, figure, num_format=UNITS, bold=column == FIRST + 9)
    row = canvas.row + 2 + len(worst)
    sheet = exceptions_tab.NAME
    canvas.put(row, FIRST, Link(f"All on {sheet} ►", f"{sheet}!A1"), font_color=LINK_BLUE, underline=1)
    canvas.row = row + 2


def _charts(workbook: xlsxwriter.Workbook, sheet: RowSheet, totals: Totals, row: int, flag_row: int) -> None:
    if not totals.customers:
        return
    height = (_CHART_ROWS - 1) * _ROW_PIXELS
    place = {"object_position": 2}
    chart = customers_chart(workbook, totals.customers)
    chart.set_size({"width": pixels(FIRST, accounts.RIGHT - 2), "height": height})
    sheet.insert_chart(row, FIRST, chart, place | {"description": "Units ordered, packed and shipped by customer"})
    flags = {flag: totals.flags().get(flag, 0) for flag in FLAG}
    if any(flags.values()):
        doughnut = flags_chart(workbook, SUMMARY, flag_row, accounts.RIGHT, flags)
        doughnut.set_size({"width": pixels(accounts.RIGHT, LAST), "height": height})
        sheet.insert_chart(row, accounts.RIGHT, doughnut, place | {"description": "Share of keys by quality flag"})
