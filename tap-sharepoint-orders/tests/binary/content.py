"""What the workbooks of this folder hold: every real layout on a sheet of its own, with hazards in its cells."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LAYOUTS: dict[str, list[str]] = {
    layout["layout"]: layout["columns"] for layout in json.loads((HERE.parent / "layouts.json").read_text())
}
TITLE = ["ORDER LIST – MÄRZ 2026"]
QUANTITIES = (12, -5, 0.5, "TBC", "1,200", None, 0, 28.0)


def rows_of(columns: list[str]) -> list[list[Any]]:
    """A sheet: a title, a blank row, the header with sizes as Excel mistakes them, three order lines."""
    unit, total = columns.index("UNIT OF MEASURE"), columns.index("TOTAL QTY")
    header = [_header(name) if unit < column < total else name for column, name in enumerate(columns)]
    lines = []
    for line in range(3):
        cells: list[Any] = [f"{name[:9]} – {line}" if column % 3 else None for column, name in enumerate(columns)]
        for column in range(unit + 1, total):
            cells[column] = QUANTITIES[(column + line) % len(QUANTITIES)]
        cells[total] = 4500012345 + line
        cells[total + 1] = dt.datetime(2026, 3, 4) + dt.timedelta(hours=10 * line)
        lines.append(cells)
    return [TITLE, [], header, *lines]


def _header(name: str) -> object:
    """`28` as a number and `3-4` as the fourth of March, as Excel makes them."""
    if name.isdigit() and not name.startswith("0"):
        return int(name)
    if (match := re.fullmatch(r"(\d{1,2})-(\d{1,2})", name)) and int(match[1]) <= 12 and int(match[2]) <= 28:
        return dt.datetime(2026, int(match[1]), int(match[2]))
    return name


def rows_with_errors() -> list[list[Any]]:
    """A sheet with error cells, results of formulas among them, and what is no error."""
    header = [*("PO NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE", "UNIT OF MEASURE"), *("S", "M", "L"), "TOTAL QTY"]
    return [
        header,
        ["PO1", "ACME", "ST-1", "EA", "#N/A", 2, "#DIV/0!", "#REF!"],
        ["PO2", "ACME", "#NAME?", "EA", True, False, 7, "#VALUE!"],
        ["PO3", "ACME", "ST-3", "EA", 1, "#NUM!", "#NULL!", 1],
    ]
