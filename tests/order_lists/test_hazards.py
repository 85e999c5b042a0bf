"""Every hazard of order lists in every real layout: a workbook in, through tap and mapper, every cell out as it should.

The hazards are declared in ``hazards.py``; what has to come of a sheet, ``outcome.py`` says.
"""

from __future__ import annotations

import gc
import io
import json
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow.parquet as pq
import pytest
from mapper_orders.mapper import MapperOrders
from order_rules.config import Rules, load_rules
from tap_sharepoint_orders import worker
from tap_sharepoint_orders.readers import Answer, receive
from tap_sharepoint_orders.tap import TapSharePointOrders
from tap_sharepoint_orders.worker import ReadOptions

from tests.order_lists.hazards import HAZARDS, Alter, Hazard, put_all
from tests.order_lists.outcome import Outcome, Record, spelt
from tests.order_lists.sheets import FIELDS, LAYOUTS, MOST_SIZES, ROOT, Sheet

CONFIG = ROOT / "config"
ALL = "all hazards at once"
COPY = "archive/orders copy"

BROKEN = {
    "~$orders.xlsx": None,
    "empty.xlsx": "the file is empty (0 bytes)",
    "cut short.xlsx": "cut short or damaged",
    "protected.xlsx": "protected by a password",
    "renamed.xlsx": "an old workbook (.xls) under another name",
    "a page.xlsx": "a web page or XML under a workbook's name",
}
"""Files beside the order lists that are none, and why; the lock file is not even looked at."""


@dataclass
class Reading:
    """What tap and mapper made of a folder of workbooks.

    Attributes:
        sheets: path to the sheet that was saved there.
        files: path to its record of ``source_files``.
        loads: load id to its record of ``loads``.
        records: load id and stream to its records.
        carried: streams that came in files.
    """

    sheets: dict[str, Sheet]
    files: dict[str, Record] = field(default_factory=dict)
    loads: dict[str, Record] = field(default_factory=dict)
    records: defaultdict[tuple[str, str], list[Record]] = field(default_factory=lambda: defaultdict(list))
    carried: set[str] = field(default_factory=set)

    def take(self, lines: list[str]) -> None:
        """Take in what a plugin wrote, record by record or in files."""
        for message in (json.loads(line, parse_float=Decimal) for line in lines):
            match message:
                case {"type": "RECORD", "stream": stream, "record": record}:
                    self._put(stream, record)
                case {"type": "BATCH", "stream": stream, "manifest": urls}:
                    self.carried.add(stream)
                    for url in urls:
                        for record in pq.read_table(url2pathname(urlsplit(url).path)).to_pylist():
                            self._put(stream, record)

    def _put(self, stream: str, record: Record) -> None:
        if stream == "source_files":
            self.files[record["path"]] = record
        elif stream == "loads":
            self.loads[record["load_id"]] = record
        else:
            self.records[record["load_id"], stream].append(record)


def read(folder: Path, sheets: dict[str, Sheet], **settings: Any) -> Reading:
    """Read all workbooks of a folder, by one run of the tap and one of the mapper."""
    reading = Reading(sheets)
    config = {"local_path": str(folder), "workers": 1, "batch_from_rows": 1} | settings
    rows = said_by(TapSharePointOrders(config=config).sync_all)
    reading.take(rows)
    mapper = MapperOrders(config={"rules_path": str(CONFIG)} | settings)
    reading.take(said_by(lambda: mapper.listen(io.StringIO("".join(f"{line}\n" for line in rows)))))
    return reading


class OwnReader:
    """Has workbooks read by what a worker runs, in this process: to start a worker takes as long as to read fifty."""

    def __init__(self, options: ReadOptions, workers: int) -> None:
        assert workers == 1
        self._options = options

    def begin(self, name: str, workbook: BinaryIO) -> Future[Answer]:
        said, rows = io.BytesIO(), io.BytesIO()
        with workbook:
            workbook.seek(0)
            worker.answer(name, workbook, said, self._options)
        said.seek(0)
        future: Future[Answer] = Future()
        future.set_result(Answer(receive(said, rows)[0], rows))
        return future

    def close(self) -> None:
        """Nothing is open."""


def said_by(run: Callable[[], None]) -> list[str]:
    """The lines that a plugin writes to standard out."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    out = io.TextIOWrapper(buffer := io.BytesIO(), encoding="utf-8")
    try:
        with redirect_stdout(out):
            run()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return buffer.getvalue().decode().splitlines()


def spoil(folder: Path) -> None:
    """Put the broken files beside the order lists."""
    whole = (folder / f"{ALL}.xlsx").read_bytes()
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    contents = (b"locked", b"", whole[: len(whole) // 2], ole + "EncryptedPackage".encode("utf-16-le"), ole, b"<html>")
    for name, content in zip(BROKEN, contents, strict=True):
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module", autouse=True)
def _look_for_garbage_less_often() -> Iterator[None]:
    """Hundreds of workbooks are written, and hardly a cell of them is in a cycle: a sixth of the time here."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    yield
    gc.set_threshold(*before)


@pytest.fixture(scope="module", autouse=True)
def rules() -> Iterator[Rules]:
    """The project's rules, read once."""
    found = load_rules(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mapper_orders.mapper.load_rules", lambda _: found)
        yield found


@pytest.fixture(scope="module", params=LAYOUTS)
def reading(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """All workbooks of a layout."""
    folder = tmp_path_factory.mktemp(request.param)
    alterations: dict[str, Alter] = {hazard.name: hazard.alter for hazard in HAZARDS}
    alterations |= {ALL: put_all, "orders": Sheet.order, COPY: Sheet.order}
    sheets = {f"{name}.xlsx": Sheet(LAYOUTS[request.param]) for name in alterations}
    for path, alter in zip(sheets, alterations.values(), strict=True):
        alter(sheets[path])
        sheets[path].save(folder / path)
    spoil(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tap_sharepoint_orders.visits.Readers", OwnReader)
        return read(folder, sheets)


@pytest.fixture(scope="module")
def reading_by_files(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """One workbook a layout, all hazards at once, read by a worker; rows go to the mapper and on in Parquet files."""
    folder, files = tmp_path_factory.mktemp("order lists"), tmp_path_factory.mktemp("files")
    sheets = {f"{layout}.xlsx": Sheet(columns) for layout, columns in LAYOUTS.items()}
    for path, sheet in sheets.items():
        put_all(sheet)
        sheet.save(folder / path)
    return read(folder, sheets, batch_config={"encoding": {"format": "parquet"}, "storage": {"root": str(files)}})


def check(reading: Reading, path: str, rules: Rules) -> dict[str, list[Record]]:
    """Compare everything that came of a workbook with what has to; give the latter by stream."""
    sheet, file = reading.sheets[path], reading.files[path]
    load = reading.loads[file["load_id"]]
    assert (file["status"], file["sheet"], file["header_row"]) == ("read", "MASTER", sheet.header_row)
    below = [number for number, row in enumerate(sheet.below, sheet.header_row + len(sheet.rows) + 1) if row]
    assert (file["error"] is None) is not bool(below)
    if below:
        beyond = f"a second table begins at row {below[0]}, {len(below)} rows from there on are not read"
        assert beyond in file["error"]
    found = {"load_id": file["load_id"], "unit_id": file["file_id"], "source": path, "rules_version": rules.version}
    outcome = Outcome(sheet, **found)
    for stream, expected in outcome.records.items():
        assert spelt(reading.records[file["load_id"], stream]) == spelt(expected), stream
    assert (load["unit_id"], load["stream"], load["kind"]) == (file["file_id"], "order_list_rows", "file")
    assert (load["rows"], load["qty"]) == (len(outcome.records["order_list_rows"]), sum(outcome.numbers))
    return outcome.records


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.name)
def test_a_hazard_in_a_real_layout_comes_out_cell_for_cell(reading: Reading, rules: Rules, hazard: Hazard) -> None:
    check(reading, f"{hazard.name}.xlsx", rules)
    assert not reading.carried


def test_the_same_workbook_twice_is_two_units_of_equal_lines_and_no_id_is_shared(
    reading: Reading, rules: Rules
) -> None:
    twice = [check(reading, f"{name}.xlsx", rules) for name in ("orders", COPY)]
    lines = [outcome["stg_orders_sharepoint"] for outcome in twice]
    assert len(lines[0]) == len(lines[1]) > 0
    assert not {line["order_line_id"] for line in lines[0]} & {line["order_line_id"] for line in lines[1]}


def test_all_hazards_at_once_in_a_real_layout_come_out_cell_for_cell(reading: Reading, rules: Rules) -> None:
    check(reading, f"{ALL}.xlsx", rules)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_hazards_at_once_in_a_real_layout_come_out_alike_where_rows_go_in_files(
    reading_by_files: Reading, rules: Rules, layout: str
) -> None:
    check(reading_by_files, f"{layout}.xlsx", rules)
    assert {"order_list_rows", "order_list", "stg_orders_sharepoint"} <= reading_by_files.carried


def test_what_can_be_read_in_a_real_layout_is_ordered_left_out_or_quarantined_to_the_last_piece(
    reading: Reading,
) -> None:
    sheet, load_id = reading.sheets[f"{ALL}.xlsx"], reading.files[f"{ALL}.xlsx"]["load_id"]
    ordered = sum(line["ordered_qty"] for line in reading.records[load_id, "stg_orders_sharepoint"])
    quarantined = sum(record["qty"] for record in reading.records[load_id, "stg_quarantine_sharepoint"])
    subtotals = sum(sheet.sum(row) for row in sheet.rows if row.fate == "subtotal")
    assert sum(map(sheet.sum, sheet.rows)) == ordered + quarantined + subtotals
    assert quarantined < 0 < subtotals < ordered


def test_files_that_are_no_order_list_lie_beside_those_of_a_layout_and_cost_nobody_a_row(reading: Reading) -> None:
    failed = {path: file["error"] for path, file in reading.files.items() if file["status"] == "failed"}
    reasons = {path: reason for path, reason in BROKEN.items() if reason}
    assert failed.keys() == reasons.keys()
    assert [path for path, reason in reasons.items() if reason not in failed[path]] == []
    assert reading.files.keys() == reading.sheets.keys() | failed.keys()
    loaded = {file["load_id"] for file in reading.files.values() if file["status"] == "read"}
    assert {load_id for load_id, load in reading.loads.items() if load["kind"] == "file"} == loaded


@pytest.mark.parametrize("columns", LAYOUTS.values(), ids=LAYOUTS)
def test_a_real_layout_has_every_column_that_a_hazard_needs(columns: list[str]) -> None:
    for header in (*FIELDS, "PLANNER", "∆"):
        assert columns.count(header) == 1, header
    assert columns.index("TOTAL QTY") - columns.index("UNIT OF MEASURE") - 1 >= MOST_SIZES


def test_only_what_gives_a_sheet_a_second_customer_stands_alone() -> None:
    for hazard in HAZARDS:
        sheet = Sheet(LAYOUTS["L01"])
        hazard.alter(sheet)
        orders = [row for row in sheet.rows if row.fate != "subtotal"]
        names = {cell.canonical for row in orders if (cell := row.cells.get(sheet.of("customer")))}
        assert (len(names - {None, ""}) > 1) is bool(hazard.alone), hazard.name
