"""The table below a header row: its rows in the contract's shape, and where it ends."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tap_sharepoint_orders.header import (
    LARGEST_EXACT,
    Cell,
    Header,
    folded,
    header_of,
    known_headers,
    may_be_unit_of_measure,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NumberedRow: TypeAlias = tuple[int, list[Cell]]
"""A row as Excel numbers it, from 1, and its cells."""

WrittenRow: TypeAlias = tuple[int, list[Cell], bytes, list[bytes], bool]
"""A numbered row, its cells outside the size run as JSON text, those of the size run each as such, and whether the row
may be another order list's header."""

_ENCODE = msgspec.json.Encoder().encode

BLANK_ROWS_BEFORE_TABLE = 2
"""This many blank rows, then a title, then labels: a table of another kind begins."""

NOBODY = frozenset({"NONE", "NULL", "NAN", "N/A", "-", "TBC", "#N/A", "TOTAL", "GRAND TOTAL", "SUBTOTAL"})
"""What stands under CUSTOMER NAME and names no customer."""

ROWS_AT_ONCE = 100
CELLS_KEPT = 10_000
"""So many rows are written together, and so many different cells of a column kept for the next: some MB of memory."""

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
    _quantities: Counter[bytes] = field(default_factory=Counter)
    _named: set[str] = field(default_factory=set)

    @property
    def qty(self) -> int | float | None:
        """The exact sum of the numbers in the size run, rounded once."""
        whole, fractions, numbers = 0, [], 0
        for text, count in self._quantities.items():
            _, value = msgspec.json.decode(text)
            if type(value) is int:
                whole += value * count
            elif type(value) is float:
                fractions += [value] * count
            else:
                continue
            numbers += count
        if not numbers:
            return None
        total = whole + math.fsum(fractions)
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
        for number, row, cells, quantities, _ in self._own_rows(self._written(iter(below))):
            if cells or quantities:
                self._count(row, quantities)
                yield number, b"[%b]" % cells, b"[%b]" % b",".join(quantities)

    def _count(self, row: list[Cell], quantities: list[bytes]) -> None:
        self.rows += 1
        self._quantities.update(quantities)
        if self.header.customer is None or (cell := row[self.header.customer]) in self._named:
            return
        if name := str(value_of(cell)).strip():
            self.customers.setdefault(folded(name), name)
        if isinstance(cell, str):
            self._named.add(cell)

    def _written(self, below: Iterator[NumberedRow]) -> Iterator[WrittenRow]:
        """Write rows as JSON text, some hundred at a time by columns: most cells of a column say what others say."""
        names, sizes = self.header.names, self.header.sizes
        columns = [ColumnTexts(name) for name in names]
        while chunk := list(islice(below, ROWS_AT_ONCE)):
            texts = [
                column.of(cells)
                for column, cells in zip(columns, zip(*(row for _, row in chunk), strict=True), strict=True)
            ]
            others = _filled(texts[: sizes.start] + texts[sizes.stop :], len(chunk))
            quantities = _filled(texts[sizes], len(chunk))
            may_head = any(column.may_head for column in columns)
            for (number, row), own, run in zip(chunk, others, quantities, strict=True):
                yield number, row, b",".join(own), run, may_head

    def _own_rows(self, below: Iterator[WrittenRow]) -> Iterator[WrittenRow]:
        """Leave out blank rows and all that belongs to a second table, its title included."""
        width = len(self.header.names)
        gap = 0  # blank rows since the last row with content
        held: list[WrittenRow] = []  # rows that may be the title of a second table
        gap_before_held = 0
        for written in below:
            number, row, *_, may_head = written
            filled = width - row.count("")
            if not filled:
                gap += 1
                continue
            if (may_head and header_of(row, 0, 0)) or _begins_table(
                row, gap=gap_before_held if held else gap, titled=bool(held)
            ):
                if not gap_before_held:
                    # Without a gap, what stands above a second header is this table's last row.
                    yield from held
                    held = []
                self.ended_by = held[0][0] if held else number
                self.beyond = len(held) + 1 + sum(1 for _, later, *_ in below if later.count("") < width)
                return
            if filled <= TITLE_CELLS and len(held) < TITLE_ROWS and self._may_be_title(row):
                if not held:
                    gap_before_held = gap
                held.append(written)
            else:
                yield from held
                held, gap_before_held = [], 0
                yield written
            gap = 0
        yield from held

    def _may_be_title(self, row: list[Cell]) -> bool:
        return all(isinstance(cell, str | date) for cell in row) and not any(row[self.header.sizes])


def find_header(rows: Iterable[NumberedRow], first_column: int) -> Header | None:
    """The first row that is a header row, leaving the iterator at the row below it."""
    return next((header for number, row in rows if (header := header_of(row, number, first_column))), None)


def _begins_table(row: Sequence[Cell], *, gap: int, titled: bool) -> bool:
    """Whether a row heads a table of another kind, after a gap.

    An order line has a digit somewhere, in its PO, its quantity; a row of mere labels has none.
    """
    if gap < BLANK_ROWS_BEFORE_TABLE:
        return False
    labels = [cell for cell in row if cell != ""]
    return known_headers(row) >= LABEL_CELLS or (
        titled
        and len(labels) >= LABEL_CELLS
        and all(isinstance(cell, str) and not any(map(str.isdigit, cell)) for cell in labels)
    )


class ColumnTexts(dict[Cell, bytes]):
    """One column's cells to JSON text of name and cell, each different cell written once; empty for an empty one.

    Attributes:
        may_head: Whether one of the cells last asked for could stand in another order list's header.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.may_head = False
        self._name = name

    def of(self, cells: tuple[Cell, ...]) -> list[bytes] | None:
        """The texts of some cells; none where all are empty."""
        self.may_head = False
        if cells.count("") == len(cells):
            return None
        if len(self) > CELLS_KEPT:
            self.clear()
        return list(map(self.__getitem__, cells))

    def __missing__(self, cell: Cell) -> bytes:
        if isinstance(cell, str):
            text = _ENCODE((self._name, cell)) if cell and not cell.isspace() else b""
            if may_be_unit_of_measure(cell):
                self.may_head = True
                return text  # to be found again the next time
        else:
            text = _ENCODE((self._name, value_of(cell)))
            # 1.0 would be found for TRUE as well, and what has more digits than a float for another number.
            if isinstance(cell, int) or (isinstance(cell, float) and not (1 < cell < LARGEST_EXACT)):
                return text
        self[cell] = text
        return text


def _filled(columns: Sequence[list[bytes] | None], rows: int) -> Iterable[list[bytes]]:
    """Of each row the texts that are not empty."""
    filled = [column for column in columns if column is not None]
    return [list(filter(None, row)) for row in zip(*filled, strict=True)] if filled else [[] for _ in range(rows)]
