"""A workbook whose sheets take whole columns at once: XlsxWriter checks and escapes cell by cell, many times slower.

A column becomes its cells' XML in C++, each distinct value once, and columns are joined to rows some thousand at a
time and deflated. Text is only ever written as text: nothing that a cell holds can become a formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.sharedstrings import SharedStrings
from xlsxwriter.url import Url
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from order_reports.columns import Link, Links, Value, Values, array_of, decoded, encoded, mapped
from order_reports.deflate import Deflater, Middle, Part, assemble

MOST_ROWS: Final = 1_048_576
LONGEST_TEXT: Final = 32_767
"""UTF-16 units in a cell (Excel's specifications and limits)."""
MOST_LINKS: Final = 10_000
"""Links in one sheet. Excel allows 65,530; nobody follows the ten thousandth, and each is kept in memory."""
ROW_POINTS: Final = 15
"""Height of a line of text in Excel's default font."""
FIRST_DAY: Final = date(1900, 3, 1)
"""Earlier serial numbers disagree between Excel, which has a 29 February 1900, and everybody else."""

_DAY_ZERO: Final = date(1899, 12, 30)
_DAY: Final = timedelta(days=1)
_ROWS_AT_ONCE: Final = 5_000
"""Some 4 MB of XML, which a processor keeps at hand until it is deflated."""
_LETTERS: Final = 1.1
"""Letters of running text to one of a column's width, which counts digits, with room for a word's break."""
_NOT_PLAIN: Final = r"[&<>\x00-\x1f\x{fffe}\x{ffff}]|_x[0-9a-fA-F]{4}_|^[^!-~]|[^!-~]$"
"""Finds all texts that XML, Excel's escapes or blanks at their ends may keep from being written as they are."""


class Formula(NamedTuple):
    """A formula of our own making, with its value for those who do not calculate.

    Attributes:
        expression: without the equals sign; never made from data.
        value: its result.
    """

    expression: str
    value: float


@dataclass(frozen=True)
class Look:
    """How a column's cells look.

    Attributes:
        plain: the format of most cells; ``None``: the default.
        by_value: formats of the cells that hold one of these texts.
        linked: the format of links.
        blanks: whether empty cells are formatted too, for cells that people fill in.
    """

    plain: Format | None = None
    by_value: Mapping[str, Format] = field(default_factory=dict)
    linked: Format | None = None
    blanks: bool = False


class Cells(NamedTuple):
    """A column as it is written.

    Attributes:
        values: what it holds.
        endings: what follows a cell's reference in the XML; null where there is no cell.
    """

    values: Values
    endings: pa.Array

    def slice(self, offset: int, length: int) -> Cells:
        """Take some rows that follow each other."""
        return Cells(self.values.slice(offset, length), self.endings.slice(offset, length))

    def take(self, rows: pa.Array) -> Cells:
        """Take some rows by their numbers, in a column without links."""
        values: pa.Array = self.values
        return Cells(values.take(rows), self.endings.take(rows))


class RowSheet(Worksheet):  # type: ignore[misc]  # XlsxWriter ships no types
    """A worksheet of a ``Book``, written from top to bottom."""

    def deflate_with(self, deflater: Deflater) -> None:
        """Take the threads that make and deflate the rows."""
        self._deflater = deflater
        self.parts: list[Future[Part]] = []
        # What XlsxWriter itself writes of a row gathers here until it is deflated too.
        self.fh = StringIO()

    def write_cells(self, row: int, cells: Mapping[int, tuple[Value | Formula, Format | None]]) -> None:
        """Write one row of cells that each have their own format.

        Args:
            row: the row, from 0, below every row written so far.
            cells: column from 0 to value and format; a missing value is a formatted empty cell.
        """
        columns = sorted(cells)
        self._begin(row, columns[0], columns[-1])
        self._write_row(row, None, self.row_info.get(row))
        for column in columns:
            value, cell_format = cells[column]
            if isinstance(value, Link):
                self._link(row, column, value.target)
                value = value.text
            self.fh.write(f'<c r="{xl_col_to_name(column)}{row + 1}{self._ending(value, cell_format)}')
        self.fh.write("</row>")
        self._end(row)

    def cells(self, values: Values, look: Look) -> Cells:
        """Make a column's cells, which any sheet of the workbook can write, or a part of them.

        Args:
            values: one value a row; a missing value leaves its cell out, or blank where the look says so.
            look: how they look.

        Returns:
            One cell a row.
        """
        if isinstance(values, Links):
            linked, plain = (decoded(self._endings(values.texts, one)) for one in (Look(look.linked), look))
            return Cells(values, pc.if_else(values.linked, linked, plain))
        endings = self._endings(values, look)
        if look.blanks:
            endings = pc.fill_null(decoded(endings), self._ending(None, look.plain))
        return Cells(values, endings)

    def write_columns(self, first_row: int, columns: Sequence[Cells], heights: pa.Array | None = None) -> None:
        """Write rows of one shape.

        Args:
            first_row: the first row, from 0, below every row written so far.
            columns: every column's cells, at least one row of them.
            heights: from ``heights_of``; ``None``: no row is higher than usual.
        """
        count = len(columns[0].endings)
        self._begin(first_row, 0, len(columns) - 1)
        for place, column in enumerate(columns):
            if isinstance(links := column.values, Links):
                linked = pc.indices_nonzero(links.linked).slice(0, max(MOST_LINKS - self.hlink_count, 0))
                for row in linked.to_pylist():
                    self._link(first_row + row, place, links.target(row))
        self.flush()
        endings = [column.endings for column in columns]
        for start in range(0, count, _ROWS_AT_ONCE):
            some = [one.slice(start, _ROWS_AT_ONCE) for one in endings]
            high = None if heights is None else heights.slice(start, _ROWS_AT_ONCE)
            self._deflater.add(self.parts, partial(_rows, first_row + start, some, high))
        self._end(first_row + count - 1)

    def span(self, row: int, first_column: int, last_column: int) -> None:
        """Join cells of one row to one, which shows what the first holds."""
        self.merge.append([row, first_column, row, last_column])

    def flush(self) -> None:
        """Have all deflated that was written so far."""
        if written := self.fh.getvalue():
            self._deflater.add(self.parts, written.encode)
            self.fh = StringIO()

    def _write_sheet_data(self) -> None:
        """Leave the place that the rows are put into."""
        self._xml_start_tag("sheetData")
        self._xml_end_tag("sheetData")

    def _begin(self, row: int, first_column: int, last_column: int) -> None:
        if row < self.previous_row:
            msg = f"{self.name}: row {row} was passed; rows are written from top to bottom."
            raise ValueError(msg)
        self._check_dimensions(row, first_column)
        self._check_dimensions(row, last_column)

    def _end(self, last_row: int) -> None:
        self._check_dimensions(last_row, 0)
        self.previous_row = last_row + 1

    def _link(self, row: int, column: int, target: str) -> None:
        if self.hlink_count < MOST_LINKS:
            self.hlink_count += 1
            self.hyperlinks[row][column] = Url(f"internal:{target}")

    def _endings(self, values: pa.Array, look: Look) -> pa.DictionaryArray:
        """Give cells' XML after their references, made once a distinct value."""
        found = encoded(values)
        return pa.DictionaryArray.from_arrays(found.indices, self._made_of(found.dictionary, look))

    def _made_of(self, values: pa.Array, look: Look) -> pa.Array:
        """Give the XML of distinct values: whole numbers and usual texts all at once, the others one by one."""
        if len(values) and pa.types.is_integer(values.type):
            before = f"{_attribute(look.plain)}><v>"
            return pc.binary_join_element_wise(before, values.cast(pa.string()), "</v></c>", "")
        if len(values) and pa.types.is_string(values.type) and not look.by_value and _are_usual(values):
            before = f'{_attribute(look.plain)} t="s"><v>'
            return pc.binary_join_element_wise(before, self._shared(values).cast(pa.string()), "</v></c>", "")
        given = values.to_pylist()
        made = [None if one is None else self._ending(one, look.by_value.get(one, look.plain)) for one in given]
        return array_of(made, pa.string())

    def _shared(self, texts: pa.Array) -> pa.Array:
        """Give texts their numbers in the shared table, as XlsxWriter does one by one."""
        table = self.str_table
        known: dict[str, int] = table.string_table
        numbers = [known.setdefault(text, len(known)) for text in texts.to_pylist()]
        table.unique_count = len(known)
        table.count += len(numbers)
        return pa.array(numbers, pa.int64())

    def _ending(self, value: str | float | date | Formula | None, cell_format: Format | None) -> str:
        """Give a cell's XML after its reference."""
        style = _attribute(cell_format)
        match value:
            case None:
                return f"{style}/>"
            case Formula():
                return f"{style}><f>{self._escape_data(value.expression)}</f><v>{value.value:.16G}</v></c>"
            case str():
                return style + self._text(value)
            case date():
                serial = _serial(value)
                return style + (self._text(value.isoformat()) if serial is None else f"><v>{serial:.16G}</v></c>")
            case int():
                return f"{style}><v>{value}</v></c>"
            case _:
                return f"{style}><v>{value:.16G}</v></c>"

    def _text(self, text: str) -> str:
        """Give the rest of a text cell, after its reference and style."""
        shown = text
        if not shown.isascii():
            shown = shown.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if len(shown) > LONGEST_TEXT // 2:
            shown = _cut(shown)
        if shown.startswith("<r>") and shown.endswith("</r>"):
            # XlsxWriter would take a shared text of this shape for markup of its own.
            escaped = self._escape_data(self._escape_control_characters(shown))
            return f' t="inlineStr"><is><t>{escaped}</t></is></c>'
        return f' t="s"><v>{self.str_table._get_shared_string_index(shown)}</v></c>'  # noqa: SLF001  (one table a workbook)


class Book(xlsxwriter.Workbook):  # type: ignore[misc]  # as above
    """A workbook of ``RowSheet``. XlsxWriter writes all but rows and texts, which are put in at the end."""

    def __init__(self, path: Path, created: datetime) -> None:
        """Begin a workbook.

        Args:
            path: where it is written when it is closed; overwritten.
            created: when it says that it was made.
        """
        self._template = BytesIO()
        super().__init__(self._template, {"in_memory": True})
        self.set_properties({"title": "Order audit", "author": "order-audit", "created": created})
        self._path = path
        self._texts: list[Future[Part]] = []
        self._deflater = Deflater()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Write the file, unless making it failed."""
        if kind is None:
            self.close()
        else:
            self._deflater.give_up()

    def add_sheet(self, name: str) -> RowSheet:
        """Add a sheet behind the others."""
        sheet: RowSheet = self.add_worksheet(name, RowSheet)
        sheet.deflate_with(self._deflater)
        return sheet

    def close(self) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be written.
        """
        sheets: list[RowSheet] = self.worksheets()
        for sheet in sheets:
            sheet.flush()
        super().close()
        self._deflater.finish()
        middles = {
            f"xl/worksheets/sheet{number}.xml": Middle(b"</sheetData>", sheet.parts)
            for number, sheet in enumerate(sheets, 1)
        }
        if self.str_table.count:
            middles["xl/sharedStrings.xml"] = Middle(b"</sst>", self._texts)
        assemble(self._template, self._path, middles)

    def _prepare_sst_string_data(self) -> None:
        """Have the texts that are shared written while the rest is."""
        self._deflater.add(self._texts, partial(_items, list(self.str_table.string_table)))
        self.str_table.string_array = []


def _rows(first_row: int, columns: Sequence[pa.Array], heights: pa.Array | None) -> memoryview:
    """Join the endings of cells to the XML of rows.

    Args:
        first_row: the first row, from 0.
        columns: endings, one a row; null where there is no cell.
        heights: the XML of each row's height; ``None``: no row is higher than usual.

    Returns:
        The XML.
    """
    numbers = pc.cumulative_sum(pa.repeat(1, len(columns[0])), start=first_row).cast(pa.string())
    parts = ['<row r="', numbers, '"', *([] if heights is None else [heights]), ">"]
    for place, column in enumerate(columns):
        endings = decoded(column)
        cells = (f'<c r="{xl_col_to_name(place)}', numbers, endings)
        # Null as a whole where there is none; the row goes on without it.
        parts += [pc.binary_join_element_wise(*cells, "")] if endings.null_count else cells
    return _xml(pc.binary_join_element_wise(*parts, "</row>", "", null_handling="replace", null_replacement=""))


def _items(texts: Sequence[str]) -> memoryview:
    """Give the XML of the shared texts, most of which need no more than their tags."""
    given = pa.array(texts, pa.string())
    items = pc.binary_join_element_wise("<si><t>", given, "</t></si>", "")
    awkward = pc.match_substring_regex(given, _NOT_PLAIN)
    writer = SharedStrings()
    escaped = []
    for text in given.filter(awkward).to_pylist():
        writer.fh = StringIO()
        writer._write_si(text)  # noqa: SLF001  (escapes as XlsxWriter does)
        escaped.append(writer.fh.getvalue())
    return _xml(pc.replace_with_mask(items, awkward, pa.array(escaped, pa.string())))


def _xml(texts: pa.Array) -> memoryview:
    """Give texts one after the other, as they lie in memory."""
    _, ends, text = texts.buffers()
    return memoryview(text)[: memoryview(ends).cast("i")[len(texts)]]


def _are_usual(texts: pa.Array) -> bool:
    """Tell whether none of a column's texts may have to be cut, or be taken for markup by XlsxWriter."""
    most = pc.max(pc.utf8_length(texts)).as_py()
    return not texts.null_count and most <= LONGEST_TEXT // 2 and not pc.any(pc.starts_with(texts, "<r>")).as_py()


def heights_of(columns: Sequence[tuple[pa.Array, float]]) -> pa.Array:
    """Give rows the heights that their broken texts need: not every program works that out on opening.

    Args:
        columns: the texts of each column that is broken into lines, and its width in characters.

    Returns:
        The XML of each row's height; null where it is the usual one.
    """
    lines = pc.max_element_wise(*(_lines(texts, int(width * _LETTERS)) for texts, width in columns))
    return decoded(mapped(lines, _height, pa.string()))


def _lines(texts: pa.Array, room: int) -> pa.Array:
    letters = pc.utf8_length(decoded(texts).cast(pa.string()))
    return pc.divide(pc.add(letters, room - 1), room)


def _height(lines: int) -> str | None:
    return f' ht="{lines * ROW_POINTS}" customHeight="1"' if lines > 1 else None


def _attribute(cell_format: Format | None) -> str:
    """Close the quote of a cell's reference and name its style."""
    index: Any = cell_format._get_xf_index() if cell_format else 0  # noqa: SLF001  (given out on first use, as XlsxWriter does)
    return f'" s="{index}"' if index else '"'


def _cut(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= LONGEST_TEXT * 2:
        return text
    return units[: (LONGEST_TEXT - 1) * 2].decode("utf-16-le", "ignore") + "…"


def _serial(moment: date) -> float | None:
    """Give Excel's number of a day or moment; ``None`` where Excel has none that everybody agrees on."""
    if isinstance(moment, datetime):
        moment = moment.replace(tzinfo=None)
        return None if moment.date() < FIRST_DAY else (moment - datetime.combine(_DAY_ZERO, datetime.min.time())) / _DAY
    return None if moment < FIRST_DAY else (moment - _DAY_ZERO).days
