"""Decisions in files: written for a reviewer, read back with what was decided.

One reader for the export's own format (CSV or a workbook) and for the REVIEW sheet of the report: a table whose header
row names at least DECISION and FULFIL_KEY_ID. Rows without a decision are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from recon.decisions import UNLINK, Decision, DecisionError, Five, refuse
from recon.matching.columns import FIVE
from recon.matching.overrides import LINK, REJECT

SHEET: Final = "OVERRIDES"
SHEETS: Final = ("REVIEW", SHEET)
"""Sheets that are looked for first, in this order."""
NEEDED: Final = ("DECISION", "FULFIL_KEY_ID")
HEADER_WITHIN: Final = 20
"""Rows in which the header must stand."""
MEANINGS: Final = {"ACCEPT": LINK, "LINK": LINK, "REJECT": REJECT, "UNLINK": UNLINK}
REASONS: Final = ("REASON", "REMARK")
WORKBOOKS: Final = (".xlsx", ".xlsm")
EXPORTED: Final = (
    "DECISION",
    *(f"FULFIL_{name.upper()}" for name in FIVE),
    *(f"ORDER_{name.upper()}" for name in FIVE),
    "REASON",
    "DECIDED_BY",
    "DECIDED_AT",
    "APPLIES",
    "FULFIL_KEY_ID",
    "ORDER_KEY_ID",
)
WIDTHS: Final = {"REASON": 40, "APPLIES": 40, "DECIDED_AT": 20}
PLAIN_WIDTH: Final = 18

Cells = Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """One row of a file with a decision.

    Attributes:
        place: which file and row, for messages.
        word: ``LINK``, ``REJECT`` or ``UNLINK``.
        fulfil_key_id: the fulfilment key.
        order_key_id: the order key; ``None`` with ``UNLINK``.
        fulfil: the fulfilment's five fields, all missing where the file doesn't hold them.
        order: the order's, likewise.
        reason: why, if it says.
        decided_by: who, if it says.
        decided_at: when, UTC, if it says.
    """

    place: str
    word: str
    fulfil_key_id: str
    order_key_id: str | None
    fulfil: Five
    order: Five
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a file that hold a decision.

    Args:
        path: a CSV file or a workbook.

    Returns:
        The rows in order.

    Raises:
        DecisionError: the file cannot be read, has no such table, or rows that cannot be understood; each is named.
    """
    grid = _workbook(path) if path.suffix.lower() in WORKBOOKS else _csv(path)
    header, number = _header(path, grid)
    rows: list[Row] = []
    faults: list[str] = []
    for place, cells in _cells(path, grid[number:], header, number + 1):
        try:
            rows.append(_row(place, cells))
        except DecisionError as error:
            faults.append(str(error))
    refuse(faults, f"{path.name} cannot be taken as it is")
    return rows


def _csv(path: Path) -> list[list[str]]:
    try:
        # utf-8-sig: Excel writes, and needs, a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.readline()
            file.seek(0)
            return list(csv.reader(file, delimiter=";" if sample.count(";") > sample.count(",") else ","))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: cannot be read as CSV ({error}). Save it as CSV UTF-8, or hand the workbook in."
        raise DecisionError(msg) from None


def _workbook(path: Path) -> list[list[str]]:
    import python_calamine as calamine  # noqa: PLC0415  (only who hands a workbook in pays for it)

    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            names = [name for name in SHEETS if name in book.sheet_names] or book.sheet_names[:1]
            # Blank rows at the top stay in, so that row numbers are those that Excel shows.
            values = book.get_sheet_by_name(names[0]).to_python(skip_empty_area=False)
    except (calamine.CalamineError, OSError) as error:
        raise DecisionError(f"{path}: cannot be read as a workbook ({error}).") from None
    return [[_text(value) for value in row] for row in values]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _header(path: Path, grid: Sequence[Sequence[str]]) -> tuple[list[str], int]:
    """Find the header, and how many rows stand down to it."""
    for number, cells in enumerate(grid[:HEADER_WITHIN], 1):
        names = [cell.strip().upper() for cell in cells]
        if set(NEEDED) <= set(names):
            return names, number
    msg = f"{path}: no row among the first {HEADER_WITHIN} names the columns {' and '.join(NEEDED)}."
    raise DecisionError(f"{msg} Hand in the report's REVIEW sheet or what `recon overrides export` wrote.")


def _cells(
    path: Path, rows: Iterable[Sequence[str]], header: Sequence[str], above: int
) -> Iterator[tuple[str, dict[str, str]]]:
    for number, cells in enumerate(rows, above):
        found = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name}
        if found.get("DECISION"):
            yield f"{path.name} row {number}", found


def _row(place: str, cells: Cells) -> Row:
    found = cells["DECISION"].upper()
    word = MEANINGS.get(found)
    if word is None:
        raise DecisionError(f"{place}: the decision {cells['DECISION']!r} is none of {', '.join(MEANINGS)}")
    carton, order = cells["FULFIL_KEY_ID"].lower(), cells.get("ORDER_KEY_ID", "").lower() or None
    if not carton:
        raise DecisionError(f"{place}: FULFIL_KEY_ID is empty, so that it is unknown what was decided about")
    if word == LINK and order is None:
        raise DecisionError(f"{place}: {found} needs the order it belongs to, but ORDER_KEY_ID is empty")
    if word == UNLINK and order is not None:
        raise DecisionError(f"{place}: UNLINK means that it belongs to no order, but ORDER_KEY_ID names one: REJECT?")
    return Row(
        place=place,
        # A question without any candidate has no order to reject: it belongs to none.
        word=UNLINK if order is None else word,
        fulfil_key_id=carton,
        order_key_id=order,
        fulfil=_five(cells, "FULFIL"),
        order=_five(cells, "ORDER"),
        reason=next((cells[name] for name in REASONS if cells.get(name)), None),
        decided_by=cells.get("DECIDED_BY") or None,
        decided_at=_moment(place, cells.get("DECIDED_AT", "")),
    )


def _five(cells: Cells, side: str) -> Five:
    return tuple(cells.get(f"{side}_{name.upper()}") or None for name in FIVE)


def _moment(place: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{place}: DECIDED_AT {text!r} is no time such as 2026-05-31 14:30"
        raise DecisionError(msg) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def exported(decision: Decision, why_not: str | None) -> dict[str, Any]:
    """Lay a decision out as a row of the export.

    Args:
        decision: the decision.
        why_not: why it no longer applies, ``None`` where it does.

    Returns:
        ``EXPORTED``, text; missing is empty.
    """
    row = {
        "DECISION": decision.word,
        "REASON": decision.reason or "",
        "DECIDED_BY": decision.decided_by,
        "DECIDED_AT": f"{decision.decided_at:%Y-%m-%d %H:%M:%S}",
        "APPLIES": f"no: {why_not}" if why_not else "yes",
        "FULFIL_KEY_ID": decision.fulfil_key_id,
        "ORDER_KEY_ID": decision.order_key_id or "",
    }
    for side, five in (("FULFIL", decision.fulfil), ("ORDER", decision.order)):
        row |= {f"{side}_{name.upper()}": value or "" for name, value in zip(FIVE, five, strict=True)}
    return {name: row[name] for name in EXPORTED}


def write_csv(file: TextIO, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write an export as CSV.

    Args:
        file: an open text file, with ``newline=""``.
        rows: from ``exported``.
    """
    writer = csv.DictWriter(file, EXPORTED)
    writer.writeheader()
    writer.writerows(rows)


def write_workbook(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write an export as a workbook with one sheet, every cell as text.

    Args:
        path: the workbook to write.
        rows: from ``exported``.
    """
    import xlsxwriter  # noqa: PLC0415  (as above)

    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(SHEET)
        head = book.add_format({"bold": True, "bottom": 1})
        last = 0
        sheet.write_row(0, 0, EXPORTED, head)
        for last, row in enumerate(rows, 1):
            for place, name in enumerate(EXPORTED):
                sheet.write_string(last, place, row[name])
        for place, name in enumerate(EXPORTED):
            sheet.set_column(place, place, WIDTHS.get(name, PLAIN_WIDTH))
        words = {"validate": "list", "source": [LINK, REJECT, UNLINK]}
        sheet.data_validation(1, 0, max(last, 1), 0, words)
        sheet.autofilter(0, 0, max(last, 1), len(EXPORTED) - 1)
        sheet.freeze_panes(1, 1)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
