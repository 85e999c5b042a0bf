"""Reads one workbook: is it one, which sheet is the order list, what does it hold.

Everything that can be wrong with the file ends in a WorkbookError whose text a planner can act on.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, BinaryIO, TypeAlias
from xml.etree import ElementTree as ET

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from tap_sharepoint_orders import error_cells, xls_errors, xlsb_errors
from tap_sharepoint_orders.header import TOTAL_QTY, UNIT_OF_MEASURE, Header, folded
from tap_sharepoint_orders.table import NumberedRow, Table, find_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from python_calamine import CalamineSheet, SheetMetadata

    from tap_sharepoint_orders.error_cells import ErrorCells

    FindErrors: TypeAlias = Callable[[BinaryIO, str], ErrorCells]

OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
PROTECTED = "the workbook is protected by a password: save it without one (File, Info, Protect Workbook)"
ZIP_MAGIC = b"PK"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SAVE_AS = "open it in Excel and save it as an Excel workbook (.xlsx)"

OPEN_FORMATS = (".xlsx", ".xlsm")
"""Names under which a binary workbook is not read: Excel itself refuses to open it, so nobody can look at a cell."""

DAMAGED = (
    CalamineError,
    ET.ParseError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,  # an unknown compression
    struct.error,
    IndexError,
    RuntimeError,  # a part said to be encrypted
    ValueError,
)
"""What calamine, zipfile and the XML parser raise where a file's bytes make no sense."""


class WorkbookError(Exception):
    """The workbook cannot be read. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class OrderListSheet:
    """The sheet that was chosen, not read yet.

    Attributes:
        name: The sheet's name.
        header: Its header row.
        notes: What a reader of the log should know about the choice.
    """

    name: str
    header: Header
    notes: tuple[str, ...]
    _sheet: CalamineSheet
    _errors: ErrorCells

    def below_header(self) -> Iterator[NumberedRow]:
        """All rows below the header row, each with its row number in Excel."""
        rows = _numbered(self._sheet, self._errors)
        return (row for row in rows if row[0] > self.header.row_number)


def read_workbook(file: BinaryIO, sheet_pattern: str, name: str) -> tuple[OrderListSheet, Table]:
    """Open a workbook at its order list.

    Args:
        file: The workbook's bytes, seekable.
        sheet_pattern: Name of the sheet, a glob, or a part of its name; case is ignored.
        name: The file's name.

    Returns:
        The sheet, and the table to read its rows with.

    Raises:
        WorkbookError: If it is no workbook, damaged, protected, or has no order list.
    """
    try:
        find_errors = _format_of(file, name)
        file.seek(0)
        sheet = _choose(CalamineWorkbook.from_filelike(file), file, sheet_pattern, find_errors)
    except DAMAGED as error:
        msg = f"the file is cut short or damaged ({error}): put back a good copy, or {SAVE_AS}"
        raise WorkbookError(msg) from error
    return sheet, Table(sheet.header)


def _format_of(file: BinaryIO, name: str) -> FindErrors:
    """Tell the files that are often found under a workbook's name but are something else.

    Returns:
        What finds the error cells in a workbook of this format.
    """
    start = file.read(512)
    renamed = name.lower().endswith(OPEN_FORMATS)
    if start.startswith(ZIP_MAGIC):
        return _zipped_format_of(file, renamed=renamed)
    if start.startswith(OLE_MAGIC):
        return _old_format_of(file, renamed=renamed)
    if not start:
        msg = "the file is empty (0 bytes): the upload or the synchronisation broke off, put back a good copy"
    elif start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        msg = f"the file is a web page or XML under a workbook's name: {SAVE_AS}"
    else:
        msg = f"the file is no Excel workbook, whatever its name says: {SAVE_AS}"
    raise WorkbookError(msg)


def _zipped_format_of(file: BinaryIO, *, renamed: bool) -> FindErrors:
    with zipfile.ZipFile(file) as archive:
        parts = {part.replace("\\", "/").casefold() for part in archive.namelist()}
    if "xl/workbook.xml" in parts:
        return error_cells.error_cells
    if "xl/workbook.bin" not in parts:
        msg = f"the file is an archive or another program's document, no Excel workbook: {SAVE_AS}"
    elif renamed:
        msg = f"the file is a binary workbook (.xlsb) under another name: {SAVE_AS}"
    else:
        return xlsb_errors.error_cells
    raise WorkbookError(msg)


def _old_format_of(file: BinaryIO, *, renamed: bool) -> FindErrors:
    file.seek(0)
    if ENCRYPTED_PACKAGE in file.read():
        msg = PROTECTED
    elif renamed:
        msg = f"the file is an old workbook (.xls) under another name: {SAVE_AS}"
    elif xls_errors.is_protected(file):
        msg = PROTECTED
    else:
        return xls_errors.error_cells
    raise WorkbookError(msg)


def _choose(workbook: CalamineWorkbook, file: BinaryIO, sheet_pattern: str, find_errors: FindErrors) -> OrderListSheet:
    """The sheet whose name fits the pattern; among several, or if none does, the one whose header fits best."""
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ is SheetTypeEnum.WorkSheet]
    named = _named(sheets, sheet_pattern)
    candidates = named or sheets
    found: list[tuple[tuple[bool, int, int], str, CalamineSheet, Header]] = []
    for metadata in candidates:
        sheet = workbook.get_sheet_by_name(metadata.name)
        # A sheet with nothing on it has no start.
        if sheet.start and (header := find_header(_numbered(sheet, {}), sheet.start[1])):
            rank = (_is_visible(metadata), header.fit, sheet.height)
            found.append((rank, metadata.name, sheet, header))
    if not found:
        looked_at = ", ".join(repr(sheet.name) for sheet in candidates) or "none, it has no worksheet"
        msg = (
            f"no header row with {UNIT_OF_MEASURE} and {TOTAL_QTY} was found (sheets looked at: {looked_at}): "
            "restore the header row, or name the right sheet in sheet_pattern"
        )
        raise WorkbookError(msg)
    _, name, sheet, header = max(found, key=lambda candidate: candidate[0])  # the first of equals
    notes = []
    if not named:
        notes.append(f"no sheet is named like {sheet_pattern!r}: took {name!r}, whose header fits best")
    elif len(found) > 1:
        others = ", ".join(repr(other) for _, other, _, _ in found if other != name)
        notes.append(f"several sheets could be the order list: took {name!r}, whose header fits best, not {others}")
    errors = find_errors(file, name)
    return OrderListSheet(name=name, header=header, notes=tuple(notes), _sheet=sheet, _errors=errors)


def _named(sheets: Sequence[SheetMetadata], pattern: str) -> list[SheetMetadata]:
    """The sheets that the pattern names: exactly, else as a glob, else in part; visible ones first."""
    wanted = folded(pattern)
    visible = [sheet for sheet in sheets if _is_visible(sheet)]
    for pool in (visible, sheets):
        for fits in (
            lambda name: name == wanted,
            lambda name: fnmatchcase(name, wanted),
            lambda name: wanted in name,
        ):
            if fitting := [sheet for sheet in pool if fits(folded(sheet.name))]:
                return fitting
    return []


def _is_visible(sheet: SheetMetadata) -> bool:
    return sheet.visible is SheetVisibleEnum.Visible


def _numbered(sheet: CalamineSheet, errors: ErrorCells) -> Iterator[NumberedRow]:
    """The sheet's rows with their numbers in Excel, error cells put back as text.

    calamine gives rows from row 1 on, but only the columns from the first to the last with content.
    """
    first_column = sheet.start[1] if sheet.start else 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        for column, text in errors.get(number, ()):
            if 0 <= column - first_column < len(row):
                row[column - first_column] = text
        yield number, row
