"""The table below a header row: its rows in the contract's shape, and where it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tap_sharepoint_orders.header import (
    Cell,
    Header,
    Value,
    folded,
    header_of,
    known_headers,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NumberedRow: TypeAlias = tuple[int, list[Cell]]
"""A row as Excel numbers it, from 1, and its cells."""

BLANK_ROWS_BEFORE_TABLE = 2
"""This many blank rows, then a title, then labels: a table of another kind begins."""

NOBODY = frozenset({"NONE", "NULL", "NAN", "N/A", "-", "TBC", "#N/A", "TOTAL", "GRAND TOTAL", "SUBTOTAL"})
"""What stands under CUSTOMER NAME and names no customer."""

TITLE_CELLS = 2
TITLE_ROWS = 3
LABEL_CELLS = 3
"""A title is one or two cells wide and up to three rows high; a row of labels is wider than a title."""


@dataclass(slots=True)
class Table:
    """The rows of one order list, and what was counted on the way through them.

    Attributes:
        header: The header row above them.
        rows: How many rows were given out.
        qty: The sum of all numbers in the size run; null if it holds none.
        customers: The different names in CUSTOMER NAME, without case, to how each is first written.
        ended_by: The row at which another table begins, if one does.
        beyond: How many rows with content stand from there on.
    """

    header: Header
    rows: int = 0
    customers: dict[str, str] = field(default_factory=dict)
    ended_by: int | None = None
    beyond: int = 0
    _whole: int = 0
    _fractions: list[float] = field(default_factory=list)
    _has_numbers: bool = False

    @property
    def qty(self) -> int | float | None:
        """The exact sum of the numbers in the size run, rounded once."""
        if not self._has_numbers:
            return None
        total = self._whole + math.fsum(self._fractions)
        return int(total) if float(total).is_integer() else total

    @property
    def customer(self) -> str | None:
        """The sheet's customer, if it names exactly one; `N/A` and the label of a subtotal are none."""
        names = self.customers.keys() - NOBODY
        names -= {f"{name} TOTAL" for name in names}  # as Excel's own Subtotal writes it
        return self.customers[names.pop()] if len(names) == 1 else None

    def read(self, below: Iterable[NumberedRow]) -> Iterator[tuple[int, bytes, bytes]]:
        """Give out the rows below the header, until the table ends.

        Args:
            below: All rows below the header row, blank ones too.

        Yields:
            Row number, `cells` and `sizes` as JSON text, of each row that is not empty.
        """
        encode = msgspec.json.Encoder().encode
        sizes, names = self.header.sizes, self.header.names
        before, within, after = names[: sizes.start], names[sizes], names[sizes.stop :]
        for number, row in self._own_rows(iter(below)):
            cells = _filled(before, row[: sizes.start])
            quantities = _filled(within, row[sizes])
            cells += _filled(after, row[sizes.stop :])
            if not cells and not quantities:
                continue
            self._count(row, quantities)
            yield number, encode(cells), encode(quantities)

    def _count(self, row: list[Cell], quantities: list[tuple[str, Value]]) -> None:
        self.rows += 1
        for _, value in quantities:
            if type(value) is int:
                self._whole += value
                self._has_numbers = True
            elif type(value) is float:
                self._fractions.append(value)
                self._has_numbers = True
        if self.header.customer is not None and (name := str(value_of(row[self.header.customer])).strip()):
            self.customers.setdefault(folded(name), name)

    def _own_rows(self, below: Iterator[NumberedRow]) -> Iterator[NumberedRow]:
        """Leave out blank rows and all that belongs to a second table, its title included."""
        width = len(self.header.names)
        gap = 0  # blank rows since the last row with content
        held: list[NumberedRow] = []  # rows that may be the title of a second table
        gap_before_held = 0
        for number, row in below:
            filled = width - row.count("")
            if not filled:
                gap += 1
                continue
            if _begins_table(row, gap=gap_before_held if held else gap, titled=bool(held)):
                if not gap_before_held:
                    # Without a gap, what stands above a second header is this table's last row.
                    yield from held
                    held = []
                self.ended_by = held[0][0] if held else number
                self.beyond = len(held) + 1 + sum(1 for _, later in below if later.count("") < width)
                return
            if filled <= TITLE_CELLS and len(held) < TITLE_ROWS and self._may_be_title(row):
                if not held:
                    gap_before_held = gap
                held.append((number, row))
            else:
                yield from held
                held, gap_before_held = [], 0
                yield number, row
            gap = 0
        yield from held

    def _may_be_title(self, row: list[Cell]) -> bool:
        return all(isinstance(cell, str | date) for cell in row) and not any(row[self.header.sizes])


def find_header(rows: Iterable[NumberedRow], first_column: int) -> Header | None:
    """The first row that is a header row, leaving the iterator at the row below it."""
    return next((header for number, row in rows if (header := header_of(row, number, first_column))), None)


def _begins_table(row: Sequence[Cell], *, gap: int, titled: bool) -> bool:
    """Whether a row heads a second table: another order list at once, another kind of table after a gap.

    An order line has a digit somewhere, in its PO, its quantity; a row of mere labels has none.
    """
    if header_of(row, 0, 0):
        return True
    if gap < BLANK_ROWS_BEFORE_TABLE:
        return False
    labels = [cell for cell in row if cell != ""]
    return known_headers(row) >= LABEL_CELLS or (
        titled
        and len(labels) >= LABEL_CELLS
        and all(isinstance(cell, str) and not any(map(str.isdigit, cell)) for cell in labels)
    )


def _filled(names: Sequence[str], cells: Sequence[Cell]) -> list[tuple[str, Value]]:
    """The cells that are not empty, each with its column's name."""
    # Most cells are text or empty: they need no conversion.
    return [
        (name, cell if type(cell) is str else value_of(cell))
        for name, cell in zip(names, cells, strict=True)
        if cell != "" and not (type(cell) is str and cell.isspace())
    ]
