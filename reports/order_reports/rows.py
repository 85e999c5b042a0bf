"""A worksheet that takes whole rows at once: XlsxWriter checks and escapes cell by cell, four times as slowly.

Rows go straight into the file that XlsxWriter's ``constant_memory`` mode keeps for a sheet, so memory does not grow
with them. Text is only ever written as text: nothing that a cell holds can become a formula.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from xlsxwriter.format import Format
from xlsxwriter.url import Url
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

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
_CELLS_AT_ONCE: Final = 5_000
_COPIED_AT_ONCE: Final = 2**20
_LETTERS: Final = 1.1
"""Letters of running text to one of a column's width, which counts digits, with room for a word's break."""


class Link(NamedTuple):
    """A text that leads to a cell of this workbook.

    Attributes:
        text: what is shown.
        target: sheet and cell, the sheet quoted: ``'ACME'!A5``.
    """

    text: str
    target: str


class Formula(NamedTuple):
    """A formula of our own making, with its value for those who do not calculate.

    Attributes:
        expression: without the equals sign; never made from data.
        value: its result.
    """

    expression: str
    value: float


Value = str | int | float | date | datetime | Link | Formula | None


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

    def style(self, value: Value) -> Format | None:
        """Choose the format of one cell."""
        if isinstance(value, Link):
            return self.linked
        return self.by_value.get(value, self.plain) if isinstance(value, str) else self.plain


class RowSheet(Worksheet):  # type: ignore[misc]  # XlsxWriter ships no types
    """A worksheet of a ``constant_memory`` workbook, written from top to bottom, whole rows at a time."""

    def write_cells(self, row: int, cells: Mapping[int, tuple[Value, Format | None]]) -> None:
        """Write one row of cells that each have their own format.

        Args:
            row: the row, from 0, below every row written so far.
            cells: column from 0 to value and format; a missing value is a formatted empty cell.
        """
        columns = sorted(cells)
        self._begin(row, columns[0], columns[-1])
        self._write_row(row, None, self.row_info.get(row))
        self.fh.write("".join(self._cell(row, column, *cells[column]) for column in columns))
        self.fh.write("</row>")
        self._end(row)

    def write_rows(
        self,
        first_row: int,
        rows: Iterable[Sequence[Value]],
        looks: Sequence[Look],
        *,
        wrapped: Mapping[int, float] | None = None,
    ) -> int:
        """Write rows of one shape.

        Args:
            first_row: the first row, from 0, below every row written so far.
            rows: one value a column; a missing value leaves its cell out.
            looks: how each column looks.
            wrapped: columns whose text is broken into lines, with their width in characters.

        Returns:
            The row after the last one written.
        """
        self._begin(first_row, 0, len(looks) - 1)
        columns = [
            (
                column,
                f'<c r="{xl_col_to_name(column)}',
                f'{_attribute(look.plain)} t="s"><v>',
                f"{_attribute(look.plain)}><v>",
                {text: f'{_attribute(one)} t="s"><v>' for text, one in look.by_value.items()},
                look,
            )
            for column, look in enumerate(looks)
        ]
        # XlsxWriter's own table of the workbook's texts, by text.
        known: Callable[[str], int | None] = self.str_table.string_table.get
        zero = _DAY_ZERO.toordinal()
        cells: list[str] = []
        add = cells.append
        row_number = first_row
        for row in rows:
            row_number += 1
            number = str(row_number)
            add(f'<row r="{number}"{_height(row, wrapped) if wrapped else ""}>')
            # The innermost loop, two million times on a large report: the frequent types are answered here, and
            # the rest, with texts that are new to the workbook, by _cell.
            for (column, start, text, figure, by_value, look), value in zip(columns, row, strict=True):
                if type(value) is str and (index := known(value)) is not None:
                    lead = by_value.get(value, text) if by_value else text
                    add(f"{start}{number}{lead}{index}</v></c>")
                elif value is None:
                    if look.blanks:
                        add(self._cell(row_number - 1, column, None, look.plain))
                elif type(value) is int:
                    add(f"{start}{number}{figure}{value}</v></c>")
                elif type(value) is float:
                    add(f"{start}{number}{figure}{value:.16G}</v></c>")
                elif type(value) is date and value >= FIRST_DAY:
                    add(f"{start}{number}{figure}{value.toordinal() - zero}</v></c>")
                else:
                    add(self._cell(row_number - 1, column, value, look.style(value)))
            add("</row>")
            if len(cells) > _CELLS_AT_ONCE:
                self.fh.write("".join(cells))
                cells.clear()
        self.fh.write("".join(cells))
        self._end(row_number - 1)
        return row_number

    def span(self, row: int, first_column: int, last_column: int) -> None:
        """Join cells of one row to one, which shows what the first holds."""
        self.merge.append([row, first_column, row, last_column])

    def release(self) -> None:
        """Close the file that the rows wait in, for a workbook that is given up."""
        self._opt_close()

    def _write_optimized_sheet_data(self) -> None:
        """Copy the rows' file into the sheet's as it is, where XlsxWriter decodes and encodes all of it again."""
        if self.dim_rowmin is None:
            super()._write_optimized_sheet_data()
            return
        self._xml_start_tag("sheetData")
        self.fh.flush()
        self._opt_close()
        rows = Path(self.row_data_filename)
        with rows.open("rb") as written:
            shutil.copyfileobj(written, self.fh.buffer, _COPIED_AT_ONCE)
        rows.unlink()
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

    def _cell(self, row: int, column: int, value: Value, cell_format: Format | None) -> str:
        start = f'<c r="{xl_col_to_name(column)}{row + 1}{_attribute(cell_format)}'
        match value:
            case None:
                return f"{start}/>"
            case Link():
                if self.hlink_count < MOST_LINKS:
                    self.hlink_count += 1
                    self.hyperlinks[row][column] = Url(f"internal:{value.target}")
                return start + self._text(value.text)
            case Formula():
                return f"{start}><f>{self._escape_data(value.expression)}</f><v>{value.value:.16G}</v></c>"
            case str():
                return start + self._text(value)
            case date():
                serial = _serial(value)
                return start + (self._text(value.isoformat()) if serial is None else f"><v>{serial:.16G}</v></c>")
            case _:
                return f"{start}><v>{value:.16G}</v></c>"

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


def _height(row: Sequence[Value], wrapped: Mapping[int, float]) -> str:
    """Give a row the height that its broken text needs: not every program works that out on opening."""
    lines = max(-(-len(str(row[place] or "")) // int(width * _LETTERS)) for place, width in wrapped.items())
    return f' ht="{lines * ROW_POINTS}" customHeight="1"' if lines > 1 else ""


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
