"""Order lists made for the tests, and ways to have them read."""

from __future__ import annotations

import io
import json
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from tap_sharepoint_orders.header import Header
from tap_sharepoint_orders.tap import TapSharePointOrders
from tap_sharepoint_orders.workbook import read_workbook

HEADERS = [
    "AAG ORDER NUMBER",
    "CUSTOMER NAME",
    "PO NUMBER",
    "CUSTOMER STYLE",
    "UNIT OF MEASURE",
    "S",
    "M",
    "L",
    "TOTAL QTY",
    "NOTES",
]


def order_line(number: int, *, customer: str | None = "ACME", sizes: tuple[Any, ...] = (1, 2, 3)) -> list[Any]:
    total = sum(size for size in sizes if isinstance(size, int | float))
    return [f"AAG{number:04}", customer, f"PO{number}", "ST-1", "EA", *sizes, total, None]


@pytest.fixture
def line():
    """Cells of one order line that fit `headers`."""
    return order_line


@pytest.fixture
def headers() -> list[str]:
    return list(HEADERS)


@pytest.fixture(scope="session")
def save():
    """Writes a workbook: sheet name to its rows; the table may begin at another cell than A1."""

    def write(
        path: Path,
        sheets: dict[str, list[list[Any]]] | None = None,
        *,
        first_row: int = 1,
        first_column: int = 1,
        states: dict[str, str] | None = None,
    ) -> Path:
        if sheets is None:
            sheets = {"MASTER": [HEADERS, order_line(1)]}
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            sheet.sheet_state = (states or {}).get(name, "visible")
            for row_number, row in enumerate(rows, first_row):
                for column, value in enumerate(row, first_column):
                    cell = sheet.cell(row_number, column)
                    cell.value = value
                    if isinstance(value, str) and value.startswith("#"):
                        cell.data_type = "e"
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(path)
        return path

    return write


class Table:
    """A workbook as read: what the worker would send."""

    def __init__(self, path: Path, sheet_pattern: str = "MASTER") -> None:
        with path.open("rb") as file:
            sheet, table = read_workbook(file, sheet_pattern, path.name)
            self.rows = {
                number: (json.loads(cells), json.loads(sizes))
                for number, cells, sizes in table.read(sheet.below_header())
            }
        self.sheet: str = sheet.name
        self.notes: tuple[str, ...] = sheet.notes
        self.header: Header = sheet.header
        self.table = table

    def sizes(self, row: int) -> dict[str, Any]:
        return dict(self.rows[row][1])

    def cells(self, row: int) -> dict[str, Any]:
        return dict(self.rows[row][0])


@pytest.fixture
def read() -> type[Table]:
    """Reads a workbook in this process."""
    return Table


class Run:
    """The messages of one run of the tap."""

    def __init__(self, messages: list[dict[str, Any]], exit_code: int) -> None:
        self.messages = messages
        self.exit_code = exit_code

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream]

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """source_files records by path."""
        return {record["path"]: record for record in self.records("source_files")}

    @property
    def statuses(self) -> dict[str, str]:
        return {path: record["status"] for path, record in self.files.items()}

    @property
    def loads(self) -> list[dict[str, Any]]:
        return [load for load in self.records("loads") if load["kind"] == "file"]

    @property
    def listings(self) -> list[dict[str, Any]]:
        return [load for load in self.records("loads") if load["kind"] == "listing"]

    @property
    def state(self) -> dict[str, Any]:
        return [m["value"] for m in self.messages if m["type"] == "STATE"][-1]

    @property
    def bookmark(self) -> dict[str, Any]:
        return {known["path"]: known["content_hash"] for known in bookmark(self.state).values()}


def bookmark(state: dict[str, Any]) -> dict[str, Any]:
    return state["bookmarks"]["source_files"]["files"]


@pytest.fixture
def run_tap(tmp_path):
    """Runs the tap on the test's folder in this process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(state: dict[str, Any] | None = None, catalog: dict[str, Any] | None = None, **settings: Any) -> Run:
        # As Meltano would: through JSON.
        state = json.loads(json.dumps(state))
        tap = TapSharePointOrders(config={"local_path": str(tmp_path), **settings}, state=state, catalog=catalog)
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        exit_code = 0
        with redirect_stdout(out):
            try:
                tap.sync_all()
            except SystemExit as end:
                exit_code = end.code
        text = out.buffer.getvalue().decode()
        return Run([json.loads(message) for message in text.splitlines()], exit_code)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def command() -> list[str]:
    """The tap as a shell would start it."""
    return [sys.executable, "-m", "tap_sharepoint_orders"]


@pytest.fixture(scope="session")
def small_library():
    """Fills a folder with two order lists, one of them broken."""

    def fill(folder: Path) -> Path:
        book = openpyxl.Workbook()
        book.active.title = "MASTER"
        for row in (HEADERS, order_line(1), order_line(2, sizes=(4, None, 0.5))):
            book.active.append(row)
        book.save(folder / "acme.xlsx")
        (folder / "broken.xlsx").write_bytes(b"")
        return folder

    return fill
