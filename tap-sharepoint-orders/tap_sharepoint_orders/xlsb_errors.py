"""Finds the error cells of a sheet in a binary workbook (.xlsb), which calamine reads as empty.

Written after [MS-XLSB]: a part is a sequence of records, each a type, a length and its content.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, BinaryIO

from tap_sharepoint_orders.error_cells import ERROR_TEXTS, ErrorCells, member, part_of_relation

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = 0
CELL_ERROR = 3
FORMULA_ERROR = 11
BUNDLED_SHEET = 156

SEVEN_BITS = 0x7F
ONE_MORE = 0x80


def error_cells(file: BinaryIO, sheet_name: str) -> ErrorCells:
    """Find a sheet's error cells.

    Args:
        file: The workbook's bytes, seekable.
        sheet_name: The sheet's name, as found.

    Returns:
        Row number, from 1, to the row's error cells: column, from 0, and text.

    Raises:
        ValueError: If the workbook does not say where the sheet is.
        IndexError: If it is cut short.
    """
    found: ErrorCells = {}
    with zipfile.ZipFile(file) as archive:
        content = archive.read(part_of_relation(archive, "xl/workbook.bin", _relation_of(archive, sheet_name)))
    row = 0
    for kind, start, _ in _records(content):
        if kind == ROW:
            row = _number(content, start) + 1
        elif kind in {CELL_ERROR, FORMULA_ERROR}:
            # Column, style and flags are four bytes each, then comes the value.
            text = ERROR_TEXTS.get(content[start + 8], "#VALUE!")
            found.setdefault(row, []).append((_number(content, start), text))
    return found


def _relation_of(archive: zipfile.ZipFile, sheet_name: str) -> str | None:
    content = archive.read(member(archive, "xl/workbook.bin"))
    for kind, start, _ in _records(content):
        if kind == BUNDLED_SHEET:
            relation, after = _text(content, start + 8)
            if _text(content, after)[0] == sheet_name:
                return relation
    return None


def _records(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, start and length of each record. Both numbers are written in groups of seven bits, the lowest first."""
    position, end = 0, len(content)
    while position < end:
        kind = content[position]
        position += 1
        if kind & ONE_MORE:
            kind = (kind & SEVEN_BITS) | (content[position] & SEVEN_BITS) << 7
            position += 1
        length = shift = 0
        more = ONE_MORE
        while more:
            byte = content[position]
            position += 1
            length |= (byte & SEVEN_BITS) << shift
            shift += 7
            more = byte & ONE_MORE
        yield kind, position, length
        position += length


def _number(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "little")


def _text(content: bytes, at: int) -> tuple[str, int]:
    """A text of two-byte characters after their number, and where it ends."""
    start = at + 4
    end = start + 2 * _number(content, at)
    return content[start:end].decode("utf-16-le"), end
