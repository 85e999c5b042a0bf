"""Makes the workbooks of this folder anew: see README.md for what it needs.

`python -m tests.binary.make`, in the tap's folder.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
from pyxlsbwriter import XlsbWriter

from .content import HERE, LAYOUTS, rows_of, rows_with_errors


def main() -> None:
    """Write layouts.xls, errors.xls and layouts.xlsb."""
    layouts = {name: rows_of(columns) for name, columns in LAYOUTS.items()}
    with tempfile.TemporaryDirectory() as folder:
        for name, sheets in (("layouts", layouts), ("errors", {"MASTER": rows_with_errors()})):
            source = save(Path(folder, f"{name}.xlsx"), sheets)
            command = ["soffice", "--headless", "--convert-to", "xls:MS Excel 97", "--outdir", str(HERE), str(source)]
            subprocess.run(command, check=True)
    with XlsbWriter(str(HERE / "layouts.xlsb")) as book:
        for name, rows in layouts.items():
            book.add_sheet(name)
            width = max(map(len, rows))
            book.write_sheet([[*row, *[None] * (width - len(row))] for row in rows])


def save(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """Write sheets as they are to be converted."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cell in (cell for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("#")):
            cell.data_type = "e"
    book.save(path)
    return path


if __name__ == "__main__":
    main()
