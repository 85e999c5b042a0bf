"""Writes the order lists: proper workbooks, and the files beside them that are none.

The same sheet gives the same bytes: the workbook's creation date and the dates in its zip are fixed, and the
file's modification time is set by the caller's date.
"""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from sample.sheets import ERROR_TEXT, SHEET_NAME, Cell, ErrorCell, Formula, Sheet, SheetRow

CREATED: Final = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN: Final = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_MACRO: Final = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"


def workbook_bytes(sheet: Sheet, *, macro_enabled: bool) -> bytes:
    """Write one workbook.

    Args:
        sheet: the MASTER sheet.
        macro_enabled: declare the content type of an ``.xlsm``; there is no macro in it.

    Returns:
        The file's content.
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"title": f"{sheet.brand.name} order list", "created": CREATED})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    header_day = book.add_format({"num_format": "d-mmm", "bold": True})
    bold = book.add_format({"bold": True, "text_wrap": True})
    page = book.add_worksheet(SHEET_NAME)
    for number, row in enumerate(sheet.above):
        _write_row(page, number, row, day)
    top = len(sheet.above)
    for column, cell in enumerate(sheet.header_cells):
        if cell is not None:
            _write(page, top, column, cell, header_day if isinstance(cell, date) else bold)
    for number, row in enumerate(sheet.all_rows(), top + 1):
        _write_row(page, number, row, day)
    if sheet.filtered:
        page.autofilter(top, 0, top + len(sheet.rows), len(sheet.headers) - 1)
        page.filter_column_list(sheet.column("ORDER TYPE"), ["RECEIVED", "ACTIVE"])
    page.freeze_panes(top + 1, 0)
    book.add_worksheet("LISTS").write_column(0, 0, ["RECEIVED", "ACTIVE", "CANCELLED"])
    book.close()
    content = buffer.getvalue()
    return _macro_enabled(content) if macro_enabled else content


def _write_row(page: Any, number: int, row: SheetRow, day: object) -> None:  # noqa: ANN401  (an xlsxwriter sheet)
    for column, cell in row.cells.items():
        _write(page, number, column, cell, day if isinstance(cell, date) else None)
    if row.hidden:
        page.set_row(number, None, None, {"hidden": True})


def _write(page: Any, row: int, column: int, cell: Cell, style: object) -> None:  # noqa: ANN401
    match cell:
        case str():
            page.write_string(row, column, cell, style)
        case date():
            page.write_datetime(row, column, datetime.combine(cell, time()), style)
        case Formula():
            page.write_formula(row, column, cell.text.format(row=row + 1), style, cell.value)
        case ErrorCell():
            page.write_formula(row, column, "=NA()", style, ERROR_TEXT)
        case _:
            page.write_number(row, column, cell, style)


def _macro_enabled(content: bytes) -> bytes:
    """Write the zip again with the other content type; XlsxWriter does so only for a book with a macro."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "[Content_Types].xml":
                data = data.replace(_PLAIN, _MACRO)
            new.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def write_file(path: Path, content: bytes, modified_at: datetime) -> None:
    """Write a file and set when it was last modified, making its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    seconds = modified_at.timestamp()
    os.utime(path, (seconds, seconds))


def saved_at(as_of: date, hours_before: int) -> datetime:
    """Give a time before the as-of date begins (UTC), so that no file comes from the future."""
    return datetime.combine(as_of, time(), tzinfo=UTC) - timedelta(hours=hours_before)


def write_broken_files(folder: Path, as_of: date, whole: bytes) -> list[str]:
    """Write what a library also holds: files that look like workbooks and cannot be read.

    Args:
        folder: the order lists' folder.
        as_of: the sample's date.
        whole: a proper workbook, to be cut off.

    Returns:
        Their paths relative to ``folder``; the lock file comes first.
    """
    page = b"<html><body><h1>Sign in</h1><p>Your session has ended.</p></body></html>\n"
    files = {
        "Womenswear/~$FERNHOLLOW ORDER LIST.xlsx": b"\x07planner" + b" " * 47 + b"\x07\x00p" + b"\x00 " * 54,
        "Archive/EMPTY UPLOAD.xlsx": b"",
        "Archive/INTERRUPTED UPLOAD.xlsx": whole[: len(whole) // 2],
        "Archive/DOWNLOADED PAGE.xlsx": page,
    }
    for hours, (path, content) in enumerate(files.items(), 300):
        write_file(folder / path, content, saved_at(as_of, hours))
    return list(files)
