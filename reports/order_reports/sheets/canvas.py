"""A page without a table's shape: cells put anywhere, in any order, and written from top to bottom at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xlsxwriter.format import Format

from order_reports.columns import Value
from order_reports.rows import RowSheet
from order_reports.styles import COLORS, GREY, LINE, MUTED, NAVY, Styles

FIRST: Final = 1
LAST: Final = 12
"""Columns B to M carry everything; A is the margin."""
WIDTHS: Final = (2, 24, 15, 14, 15, 10, 15, 11, 11, 15, 11, 11, 12)
"""Of columns A to M, in characters."""


def pixels(first: int, last: int) -> int:
    """Give the width of some columns in pixels, at Excel's default font."""
    return sum(int(WIDTHS[column] * 7 + 5) for column in range(first, last + 1))


class Canvas:
    """Cells put anywhere, written in order at the end."""

    def __init__(self, sheet: RowSheet, styles: Styles) -> None:
        self.sheet = sheet
        self.styles = styles
        self.row = 0
        self._cells: dict[int, dict[int, tuple[Value, Format | None]]] = {}
        self._formats: dict[tuple[tuple[str, object], ...], Format] = {}

    def _look(self, **properties: object) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.styles.one(**properties)
        return self._formats[key]

    def put(self, row: int, column: int, value: Value, **properties: object) -> None:
        """Put a value into a cell, with XlsxWriter's format properties."""
        self._cells.setdefault(row, {})[column] = (value, self._look(**properties))

    def band(
        self, row: int, first: int, last: int, value: Value, height: float | None = None, **properties: object
    ) -> None:
        """Put a value across several cells of a row, joined to one; ``height`` of the row in points."""
        for column in range(first, last + 1):
            self.put(row, column, value if column == first else None, **properties)
        if last > first:
            self.sheet.span(row, first, last)
        if height is not None:
            self.sheet.set_row(row, height)

    def badge(self, row: int, column: int, word: str | None) -> None:
        """Put a coloured word into a cell."""
        fill, ink = COLORS.get(word or "", GREY)
        self.put(row, column, word, bg_color=fill, font_color=ink, bold=True, align="center")

    def heading(self, text: str, column: int = FIRST, last: int = LAST) -> None:
        """Put a heading with a line under it into the current row."""
        for place in range(column, last + 1):
            self.put(
                self.row,
                place,
                text if place == column else None,
                bold=True,
                font_size=12,
                font_color=NAVY,
                bottom=2,
                bottom_color=NAVY,
            )

    def headers(self, row: int, column: int, names: Sequence[str], left: int = 1) -> None:
        """Write a small table's header; all but the first ``left`` columns hold figures."""
        for place, name in enumerate(names):
            align = "left" if place < left else "right"
            self.put(
                row,
                column + place,
                name or None,
                bold=True,
                font_color=MUTED,
                font_size=9,
                align=align,
                bottom=1,
                bottom_color=LINE,
            )

    def flush(self) -> None:
        """Write everything into the sheet."""
        for row in sorted(self._cells):
            self.sheet.write_cells(row, self._cells[row])
