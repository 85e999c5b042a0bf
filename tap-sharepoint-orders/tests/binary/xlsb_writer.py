"""Writes a binary workbook with error cells, which no library at hand writes: the least that [MS-XLSB] asks for."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

from tap_sharepoint_orders.error_cells import ERROR_TEXTS

ERRORS = {text: code for code, text in ERROR_TEXTS.items()}
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def write_xlsb(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """Write sheets of texts, numbers, booleans, errors (`#N/A`) and formulas that result in one (`=#N/A`)."""
    bundle, relations = b"", ""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, rows) in enumerate(sheets.items(), 1):
            bundle += record(156, struct.pack("<II", 0, number) + text(f"rId{number}") + text(name))
            target = f'Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.bin"'
            relations += f'<Relationship Id="rId{number}" {target}/>'
            archive.writestr(f"xl/worksheets/sheet{number}.bin", sheet(rows))
        book = record(131) + record(143) + bundle + record(144) + record(132)
        archive.writestr("xl/workbook.bin", book)
        archive.writestr(
            "xl/_rels/workbook.bin.rels", f'<Relationships xmlns="{RELATIONSHIPS}">{relations}</Relationships>'
        )
    return path


def sheet(rows: list[list[Any]]) -> bytes:
    """A worksheet part."""
    width = max(map(len, rows))
    out = record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1)) + record(145)
    for number, row in enumerate(rows):
        out += record(0, struct.pack("<IIHHBI", number, 0, 300, 0, 0, 0))
        out += b"".join(cell(column, value) for column, value in enumerate(row) if value is not None)
    return out + record(146) + record(130)


def cell(column: int, value: object) -> bytes:
    """A cell's record: BrtCellError, BrtFmlaError, BrtCellBool, BrtCellReal, BrtCellSt."""
    head = struct.pack("<II", column, 0)
    if value in ERRORS:
        return record(3, head + bytes([ERRORS[value]]))
    if str(value).removeprefix("=") in ERRORS:
        formula = struct.pack("<HI", 0, 2) + bytes([0x1C, 0x2A]) + struct.pack("<I", 0)
        return record(11, head + bytes([ERRORS[str(value)[1:]]]) + formula)
    if isinstance(value, bool):
        return record(4, head + bytes([value]))
    if isinstance(value, int | float):
        return record(5, head + struct.pack("<d", value))
    return record(6, head + text(str(value)))


def record(kind: int, content: bytes = b"") -> bytes:
    """A record: type and length in groups of seven bits, the lowest first."""
    out = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length = len(content)
    while length > 127:
        out += bytes([length & 0x7F | 0x80])
        length >>= 7
    return out + bytes([length]) + content


def text(value: str) -> bytes:
    """A text of two-byte characters after their number."""
    encoded = value.encode("utf-16-le")
    return struct.pack("<I", len(encoded) // 2) + encoded
