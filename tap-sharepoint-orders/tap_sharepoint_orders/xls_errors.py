"""Finds the error cells of a sheet in an old workbook (.xls), which calamine reads as empty.

Written after [MS-CFB], the container, and [MS-XLS]: a stream of records, each a type, a length and its content.
"""

from __future__ import annotations

from itertools import takewhile
from struct import unpack_from
from typing import TYPE_CHECKING, BinaryIO

from tap_sharepoint_orders.error_cells import ERROR_TEXTS, ErrorCells

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMULA = 0x0006
END = 0x000A
PASSWORD = 0x002F
SHEET = 0x0085
ERROR_OR_BOOLEAN = 0x0205
BEGIN = 0x0809

FORMULA_ERROR = 2
"""What the result of a formula begins with where it is an error; it then ends with two bytes of ones."""

WIDE_NAMES = 0x0600
"""The version that began to keep names in one or two bytes a character, as a flag before them says."""

LAST_SECTOR = 0xFFFFFFF0
"""A sector number from here on is none."""

STREAMS = ("workbook", "book")


def error_cells(file: BinaryIO, sheet_name: str) -> ErrorCells:
    """Find a sheet's error cells.

    Args:
        file: The workbook's bytes, seekable.
        sheet_name: The sheet's name, as found.

    Returns:
        Row number, from 1, to the row's error cells: column, from 0, and text.

    Raises:
        ValueError: If the workbook does not say where the sheet is, or its container makes no sense.
        struct.error: If it is cut short.
    """
    file.seek(0)
    stream = _workbook_stream(file.read())
    found: ErrorCells = {}
    depth = 0
    for kind, start, _ in _records(stream, _start_of(stream, sheet_name)):
        if kind == BEGIN:  # a chart on the sheet is a sheet within it
            depth += 1
        elif kind == END:
            depth -= 1
            if not depth:
                break
        elif kind in {ERROR_OR_BOOLEAN, FORMULA} and depth == 1:
            row, column, _, value, is_error = unpack_from("<HHHBB", stream, start)
            if kind == FORMULA:
                is_error = value == FORMULA_ERROR and stream[start + 12 : start + 14] == b"\xff\xff"
                value = stream[start + 8]
            if is_error:
                found.setdefault(row + 1, []).append((column, ERROR_TEXTS.get(value, "#VALUE!")))
    return found


def is_protected(file: BinaryIO) -> bool:
    """Whether the workbook is encrypted.

    Raises:
        ValueError: If its container makes no sense.
        struct.error: If it is cut short.
    """
    file.seek(0)
    records = _records(_workbook_stream(file.read()), 0)
    return any(kind == PASSWORD for kind, _, _ in takewhile(lambda record: record[0] != END, records))


def _start_of(stream: bytes, sheet_name: str) -> int:
    wide = False
    for kind, start, length in _records(stream, 0):
        if kind == BEGIN:
            wide = unpack_from("<H", stream, start)[0] >= WIDE_NAMES
        elif kind == END:
            break
        elif kind == SHEET:
            position: int = unpack_from("<I", stream, start)[0]
            name = stream[start + 7 + wide : start + length]
            decoded = name.decode("utf-16-le" if wide and stream[start + 7] & 1 else "latin-1")
            # A name in an old code page may come out otherwise than calamine has it.
            if decoded == sheet_name or (not wide and len(decoded) == len(sheet_name)):
                return position
    msg = f"the workbook does not say where its sheet {sheet_name!r} is"
    raise ValueError(msg)


def _records(stream: bytes, position: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and length of each record."""
    while position + 4 <= len(stream):
        kind, length = unpack_from("<HH", stream, position)
        yield kind, position + 4, length
        position += 4 + length


def _workbook_stream(content: bytes) -> bytes:
    """Take the stream that is the workbook out of its container."""
    sector_bits, small_bits = unpack_from("<HH", content, 30)
    size, small_size = 1 << sector_bits, 1 << small_bits
    directory_at, _, cutoff, small_table_at, _, more_at, more_count = unpack_from("<IIIIIII", content, 48)
    numbers = list(unpack_from("<109I", content, 76))
    for _ in range(min(more_count, len(content) // size)):
        *further, more_at = unpack_from(f"<{size // 4}I", content, size * (more_at + 1))
        numbers += further
    table: list[int] = []
    for number in numbers:
        if number < LAST_SECTOR:
            table += unpack_from(f"<{size // 4}I", content, size * (number + 1))

    # Sector 0 begins where the header's own ends.
    body = memoryview(content)[size:]
    directory = _chain(body, table, directory_at, size)
    entries = [directory[at : at + 128] for at in range(0, len(directory) - 127, 128)]
    small_body = memoryview(_chain(body, table, unpack_from("<I", entries[0], 116)[0], size))
    for wanted in STREAMS:
        for entry in entries:
            name = entry[: max(0, unpack_from("<H", entry, 64)[0] - 2)].decode("utf-16-le", errors="replace")
            if name.casefold() != wanted:
                continue
            start, length = unpack_from("<II", entry, 116)
            if length >= cutoff:
                return _chain(body, table, start, size)[:length]
            small = _chain(body, table, small_table_at, size)
            small_table = list(unpack_from(f"<{len(small) // 4}I", small))
            return _chain(small_body, small_table, start, small_size)[:length]
    msg = "the file has no workbook in it"
    raise ValueError(msg)


def _chain(body: memoryview, table: list[int], first: int, size: int) -> bytes:
    """Put together the sectors that follow each other from `first` on."""
    sectors: list[memoryview] = []
    number = first
    while number < LAST_SECTOR:
        if len(sectors) > len(table):
            msg = "the file's sectors go round in a circle"
            raise ValueError(msg)
        sectors.append(body[number * size : (number + 1) * size])
        number = table[number]
    return b"".join(sectors)
