"""A tab with a table: title, legend, live totals, header, rows; filtered, frozen, sized and set up to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from xlsxwriter.format import Format
from xlsxwriter.utility import quote_sheetname, xl_col_to_name, xl_rowcol_to_cell

from order_reports.columns import Link, Value, Values, longest
from order_reports.rows import MOST_ROWS, Cells, Formula, RowSheet, heights_of
from order_reports.styles import Styles

TITLE_ROW: Final = 0
NOTE_ROW: Final = 1
LEGEND_ROW: Final = 2
TOTAL_ROW: Final = 3
HEADER_ROW: Final = 4
FIRST_ROW: Final = 5
"""Rows from 0, the same on every tab with a table."""
MOST_DATA_ROWS: Final = MOST_ROWS - FIRST_ROW

SUMMARY: Final = "SUMMARY"

_WIDEST: Final = 60
_FILTER_BUTTON: Final = 3
_A4: Final = 9
_SUM_OF_SHOWN: Final = 109
"""SUBTOTAL's number for a sum that leaves out what a filter hides."""
_WIDTHS: Final = {"date": 12.0, "time": 17.0, "units": 10.0, "percent": 9.0, "score": 8.0, "badge": 15.0}
_ALIGN: Final = {
    **dict.fromkeys(("units", "percent", "score"), "right"),
    **dict.fromkeys(("badge", "date", "time", "input"), "center"),
}
"""How a header stands over its column's cells; over all others, to the left."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        header: its header.
        kind: how its cells look, a key of ``Styles.looks``.
        width: characters; ``None``: as its content needs.
        total: whether the line of totals sums it.
        hidden: whether it is there for machines only.
    """

    header: str
    kind: str = "text"
    width: float | None = None
    total: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Table:
    """What a tab with a table holds.

    Attributes:
        title: in words.
        note: one line under it.
        columns: its columns.
        frozen: how many of them stay in sight.
        legend: words whose colours are explained.
        empty: what is said where there are no rows.
        footer: printed at the foot: which run this is.
    """

    title: str
    note: str
    columns: Sequence[Column]
    frozen: int = 1
    legend: Sequence[str] = ()
    empty: str = "Nothing here."
    footer: str = ""


@dataclass(frozen=True)
class Written:
    """What became of a table's rows.

    Attributes:
        rows: how many are in the sheet.
        left_out: how many did not fit below Excel's last row.
    """

    rows: int
    left_out: int


def cells_of(sheet: RowSheet, columns: Sequence[Column], values: Sequence[Values], styles: Styles) -> list[Cells]:
    """Make a table's cells.

    Args:
        sheet: any sheet of the workbook.
        columns: the table's columns.
        values: what they hold, one value a row.
        styles: the workbook's formats.

    Returns:
        Each column's cells, which can stand on several tabs in parts.
    """
    return [sheet.cells(one, styles.looks[column.kind]) for column, one in zip(columns, values, strict=True)]


def write_table(
    sheet: RowSheet, table: Table, cells: Sequence[Cells], styles: Styles, *, totals: Mapping[str, int] | None = None
) -> Written:
    """Write a whole tab.

    Args:
        sheet: an empty sheet.
        table: what it is.
        cells: each column's cells.
        styles: the workbook's formats.
        totals: header to sum over all rows, for the columns with a total.

    Returns:
        How many rows were written, and how many did not fit.
    """
    count = len(cells[0].values)
    fits = min(count, MOST_DATA_ROWS)
    last_row = FIRST_ROW + max(fits, 1) - 1
    sheet.write_cells(
        TITLE_ROW, {0: (table.title, styles.title), _beside(table): (Link("◄ SUMMARY", f"{SUMMARY}!A1"), styles.back)}
    )
    sheet.write_cells(NOTE_ROW, {0: (table.note, styles.note)})
    _write_legend(sheet, table, styles)
    _write_totals(sheet, table, styles, last_row, totals or {})
    sheet.set_row(HEADER_ROW, 32)
    sheet.write_cells(
        HEADER_ROW,
        {
            place: (column.header, styles.header[_ALIGN.get(column.kind, "left")])
            for place, column in enumerate(table.columns)
        },
    )
    some = [one.slice(0, fits) for one in cells]
    if fits:
        wrapped = [
            (one.values, column.width or 0)
            for column, one in zip(table.columns, some, strict=True)
            if column.kind == "wrap"
        ]
        sheet.write_columns(FIRST_ROW, some, heights_of(wrapped) if wrapped else None)
    else:
        sheet.write_cells(FIRST_ROW, {0: (table.empty, styles.note)})
    _set_widths(sheet, table.columns, some, totals or {})
    _finish(sheet, table, last_row)
    return Written(fits, count - fits)


def target(sheet_name: str, row: int) -> str:
    """Name the first cell of a row for a link.

    Args:
        sheet_name: a sheet's name as it stands on its tab.
        row: from 0.

    Returns:
        For instance ``'ACME & CO'!A6``.
    """
    return f"{quote_sheetname(sheet_name)}!{xl_rowcol_to_cell(row, 0)}"


def _beside(table: Table) -> int:
    """Find a place for the link back: behind the title, which runs over the cells right of it."""
    room = len(table.title) * 1.7
    for place, column in enumerate(table.columns):
        if room <= 0 and not column.hidden:
            return place
        room -= _least_width(column)
    return len(table.columns)


def _write_legend(sheet: RowSheet, table: Table, styles: Styles) -> None:
    """Show each word in its colours, in as many joined cells as it needs; what it means is on the summary."""
    cells: dict[int, tuple[Value, Format | None]] = {}
    place = 0
    for word in table.legend:
        first, room = place, 0.0
        while room < len(word) + 3 and place < len(table.columns):
            room += _least_width(table.columns[place])
            cells[place] = (None, styles.badge[word])
            place += 1
        if room < len(word):
            break
        cells[first] = (word, styles.badge[word])
        if place - first > 1:
            sheet.span(LEGEND_ROW, first, place - 1)
    if cells:
        sheet.write_cells(LEGEND_ROW, cells)


def _write_totals(sheet: RowSheet, table: Table, styles: Styles, last_row: int, totals: Mapping[str, int]) -> None:
    summed = {place: column for place, column in enumerate(table.columns) if column.total}
    if not summed:
        return
    cells: dict[int, tuple[Value | Formula, Format | None]]
    cells = dict.fromkeys(range(len(table.columns)), (None, styles.total_label))
    cells[0] = ("SHOWN", styles.total_label)
    for place, column in summed.items():
        letter = xl_col_to_name(place)
        expression = f"SUBTOTAL({_SUM_OF_SHOWN},{letter}{FIRST_ROW + 1}:{letter}{last_row + 1})"
        cells[place] = (Formula(expression, totals.get(column.header, 0)), styles.total)
    sheet.write_cells(TOTAL_ROW, cells)


def _least_width(column: Column) -> float:
    """Give the width that a column has whatever it holds: its kind's, or its header's longest word's."""
    if column.hidden:
        return 0.0
    if column.width is not None:
        return column.width
    words = max(len(word) for word in column.header.split())
    return max(_WIDTHS.get(column.kind, 0.0), words + _FILTER_BUTTON, len(column.header) / 2 + _FILTER_BUTTON)


def _set_widths(sheet: RowSheet, columns: Sequence[Column], cells: Sequence[Cells], totals: Mapping[str, int]) -> None:
    for place, (column, one) in enumerate(zip(columns, cells, strict=True)):
        width = _least_width(column)
        if column.width is None:
            texts = 0 if column.kind in _WIDTHS else longest(one.values)
            total = len(f"{totals[column.header]:,}") if column.header in totals else 0
            width = max(width, min(texts * 1.1 + 2.5, _WIDEST), total * 1.1 + 2)
        sheet.set_column(place, place, width, None, {"hidden": column.hidden})


def _finish(sheet: RowSheet, table: Table, last_row: int) -> None:
    last_column = len(table.columns) - 1
    sheet.autofilter(HEADER_ROW, 0, last_row, last_column)
    sheet.freeze_panes(FIRST_ROW, table.frozen)
    # POs and styles are digits kept as text on purpose.
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_rowcol_to_cell(last_row, last_column)}"})
    sheet.set_zoom(90)
    set_up_print(sheet, table.title, table.footer)
    sheet.repeat_rows(HEADER_ROW)


def set_up_print(sheet: RowSheet, title: str, footer: str) -> None:
    """Set a tab up for A4: landscape, as wide as the page, titled, with page numbers.

    Args:
        sheet: the sheet.
        title: printed at the head of each page.
        footer: printed at the foot.
    """
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.65, bottom=0.55)
    sheet.set_header(f"&L&B{_printed(title)}&R&A", {"margin": 0.3})
    sheet.set_footer(f"&L{_printed(footer)}&RPage &P of &N", {"margin": 0.3})


def _printed(text: str) -> str:
    """Cut a text to what a printed line holds, with nothing in it that Excel takes for a code."""
    return text[:110].replace("&", "&&")
