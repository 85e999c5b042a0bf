"""Turns one wide row into order lines: fields by their headers, one line a size with a quantity.

Pure functions of one row. Every size cell ends in exactly one place: a line, an exclusion or a finding of its own, so
that the books balance in cells and in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from order_rules.models import MAX_QUANTITY

from mapper_orders import reading
from mapper_orders.reading import cleaned

HeaderValue = tuple[str, object]
"""A header as found and the value of its cell."""

NEGATIVE: Final = "negative_quantity"
ZERO: Final = "zero"

KEY_FIELDS: Final = ("order_number", "customer_po", "style", "color")
"""Without any of these a row is no order line that could be told from another."""

IDENTITY_FIELDS: Final = (*KEY_FIELDS, "customer_alt_po", "pattern_id", "alias_item")
"""Without any of these and without a quantity a row says nothing."""

_TOTAL_ALONE = re.compile(
    r"(?:.* )?(?:(?:GRAND|SUB)[ -]?)?TOTALS?(?: (?:QTY|QUANTITY|UNITS|PCS|PIECES))?[ :.=]*"
    r"|(?:GRAND|SUB)[ -]?TOTALS?\b.*"
)
_TOTAL_ANYWHERE = re.compile(r"\b(?:SUB)?TOTALS?\b")


@dataclass(slots=True)
class Fields:
    """A row's cells outside the size run.

    Attributes:
        found: field to header and value as found.
        extra: the cells of no field, ``[header, value]``, in sheet order.
        findings: codes of what was odd.
    """

    found: dict[str, HeaderValue] = field(default_factory=dict)
    extra: list[HeaderValue] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


class FieldOf(dict[str, str | None]):
    """Header as found to field, ``None`` for a header that is not mapped; cleans each header once."""

    def __init__(self, by_header: Mapping[str, str]) -> None:
        super().__init__()
        self._by_header = by_header

    def __missing__(self, header: str) -> str | None:
        field_name = self._by_header.get(cleaned(header) or "")
        self[header] = field_name
        return field_name


def sort_cells(cells: Iterable[HeaderValue], field_of: Mapping[str, str | None]) -> Fields:
    """Sort a row's cells into fields and the rest.

    Where two cells are the same field, the first that holds a value wins; the other is kept in ``extra``.

    Args:
        cells: header and value of the non-empty cells in sheet order.
        field_of: header to field, ``None`` for a header that is not mapped.

    Returns:
        The fields, the extra cells, and a finding ``duplicate_header:<field>`` a repeated field.
    """
    fields = Fields()
    found, extra = fields.found, fields.extra
    for cell in cells:
        name = field_of[cell[0]]
        if name is None:
            extra.append(cell)
        elif name not in found:
            found[name] = cell
        else:
            fields.findings.append(f"duplicate_header:{name}")
            if cleaned(found[name][1]) is None and cleaned(cell[1]) is not None:
                found[name], cell = cell, found[name]  # noqa: PLW2901  (the one without a value is kept aside)
            extra.append(cell)
    return fields


class SizeCell(NamedTuple):
    """A non-empty cell of the size run.

    Attributes:
        header: the size as found.
        value: the cell's value.
        qty: the pieces read, 0 where unreadable.
        verdict: ``""`` for an ordered quantity, else why the cell is no line.
    """

    header: str
    value: object
    qty: int
    verdict: str


@dataclass(slots=True)
class SizeRun:
    """All non-empty size cells of one row.

    Attributes:
        cells: the cells in sheet order.
        readable: how many of them are whole numbers, negative and zero included.
        qty: the sum of the readable ones.
        numeric: the sum of the JSON numbers among them, fractions included.
        error_cell: whether a cell holds ``#N/A``.
    """

    cells: list[SizeCell]
    readable: int = 0
    qty: int = 0
    numeric: int | Decimal = 0
    error_cell: bool = False


def read_sizes(sizes: Iterable[Sequence[object]]) -> SizeRun:
    """Read a row's size cells.

    Args:
        sizes: header and value of the cells inside the size run, in sheet order; empty ones are passed over.

    Returns:
        The cells with their quantities and sums.
    """
    run = SizeRun([])
    for header, value in sizes:
        if value is None or value == "":
            continue
        if type(value) is int and 0 < value <= MAX_QUANTITY:  # almost all of them
            run.readable += 1
            run.qty += value
            run.numeric += value
            run.cells.append(SizeCell(str(header), value, value, ""))
            continue
        qty, verdict = reading.read_quantity(value)
        if verdict == reading.READABLE:
            run.readable += 1
            run.qty += qty
            if qty <= 0:
                verdict = NEGATIVE if qty else ZERO
        elif verdict == reading.ERROR_CELL:
            verdict, run.error_cell = reading.BLANK, True
        run.numeric += reading.numeric(value)
        run.cells.append(SizeCell(str(header), value, qty, verdict))
    return run


@dataclass(slots=True)
class Line:
    """One size of one row, ordered.

    Attributes:
        size: the canonical size, ``None`` where the header is a spelling of nothing.
        cells: the cells summed into it; the first one's header is its size as found.
        qty: the pieces ordered.
    """

    size: str | None
    cells: list[SizeCell]
    qty: int


def melt(run: SizeRun, size_of: Callable[[str], str | None]) -> tuple[list[Line], list[str]]:
    """Melt a row's ordered quantities into one line a canonical size.

    Args:
        run: the row's size cells.
        size_of: header to canonical size for the row's customer.

    Returns:
        The lines in sheet order, and a finding ``duplicate_size:<size>`` a size that several cells were summed to.
    """
    lines: dict[tuple[str | None, str], Line] = {}
    findings: list[str] = []
    for cell in run.cells:
        if cell.verdict:
            continue
        size = size_of(cell.header)
        # Two headers that say nothing are not one size: missing is never equal to missing.
        key = (size, "") if size is not None else (None, cell.header)
        line = lines.get(key)
        if line is None:
            lines[key] = Line(size, [cell], cell.qty)
        else:
            line.cells.append(cell)
            line.qty += cell.qty
            findings.append(f"duplicate_size:{size or cell.header}")
    return list(lines.values()), findings


def is_subtotal(fields: Fields, run: SizeRun) -> bool:
    """Tell whether a row only sums others: it names no order and says TOTAL, SUBTOTAL or GRAND TOTAL somewhere.

    The word alone, or behind a name as Excel's own Subtotal writes it (``BRAND A Total``), names no order either,
    even in the column of the order number.
    """
    found = fields.found
    keys = [found[name][1] for name in KEY_FIELDS if name in found]
    if any(map(names_order, keys)):
        return False
    if any(cleaned(value) is not None for value in keys):
        return True
    others = (value for _, value in (*found.values(), *fields.extra))
    return any(_says_total(value) for value in others) or any(_says_total(cell.value) for cell in run.cells)


def names_order(value: object) -> bool:
    """Tell whether a value of a key field names an order: it is there, and does not only say that others are summed."""
    text = cleaned(value)
    return text is not None and ("TOTAL" not in text or not _TOTAL_ALONE.fullmatch(text))


def _says_total(value: object) -> bool:
    if not isinstance(value, str):
        return False
    text = cleaned(value)
    return text is not None and "TOTAL" in text and _TOTAL_ANYWHERE.search(text) is not None


def is_empty(fields: Fields, run: SizeRun) -> bool:
    """Tell whether a row says nothing: none of the identity fields and no readable quantity but zero."""
    if any(cell.qty for cell in run.cells):
        return False
    found = fields.found
    return all((cell := found.get(name)) is None or cleaned(cell[1]) is None for name in IDENTITY_FIELDS)
