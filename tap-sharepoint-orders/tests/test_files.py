"""Files that cannot be read: each fails alone, with a reason that says what to do."""

import hashlib
import io
import os
import signal
import time
import zipfile
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import openpyxl
import pytest
from tap_sharepoint_orders import worker
from tap_sharepoint_orders.folder import Folder
from tap_sharepoint_orders.library import FileUnavailableError, KnownFile, LibraryError
from tap_sharepoint_orders.readers import Answer, Readers
from tap_sharepoint_orders.visits import visit_all
from tap_sharepoint_orders.worker import NICENESS, ReadOptions

OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000)


def archive(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return out.getvalue()


BROKEN = {
    "zero bytes": (b"", "the file is empty (0 bytes)"),
    "encrypted": (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password: save it without one"),
    "renamed xls": (OLE, "an old workbook (.xls) under another name: open it in Excel and save it"),
    "html": (b"\xef\xbb\xbf\r\n<html><table>", "a web page or XML under a workbook's name: open it in Excel"),
    "csv": (b"PO NUMBER,S,M\n1,2,3\n", "no Excel workbook, whatever its name says"),
    "word document": (archive(word__document="<w/>"), "another program's document"),
    "binary workbook": (archive(**{"xl__workbook.bin": ""}), "a binary workbook (.xlsb)"),
    "nonsense in a workbook": (archive(**{"xl__workbook.xml": "<<"}), "cut short or damaged"),
    "half an archive": (archive(**{"xl__workbook.xml": "x" * 9999})[:5000], "cut short or damaged"),
}


def test_a_broken_file_fails_with_a_reason_and_does_not_stop_the_others(tmp_path, save, run_tap):
    for name, (content, _) in BROKEN.items():
        (tmp_path / f"{name}.xlsx").write_bytes(content)
    save(tmp_path / "a good one.xlsx")
    save(tmp_path / "one more good.xlsm")

    run = run_tap(workers=4)

    assert run.exit_code == 0
    assert {path for path, status in run.statuses.items() if status == "read"} == {
        "a good one.xlsx",
        "one more good.xlsm",
    }
    for name, (_, reason) in BROKEN.items():
        record = run.files[f"{name}.xlsx"]
        assert record["status"] == "failed"
        assert reason in record["error"]
        assert record["load_id"] is None
    assert len(run.loads) == 2


def test_a_workbook_without_an_order_list_fails(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx", {"MASTER": [["nothing"]]})
    assert "restore the header row" in run_tap().files["a.xlsx"]["error"]


def test_a_reason_that_names_very_many_sheets_is_cut(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx", {f"A sheet with a name of 31 chars{n:02}"[-31:]: [["nothing"]] for n in range(60)})
    error = run_tap(sheet_pattern="*").files["a.xlsx"]["error"]
    assert len(error) == 1000
    assert error.endswith("…")


def test_a_file_too_big_fails_without_being_read(tmp_path, run_tap):
    (tmp_path / "a.xlsx").write_bytes(bytes(2_000_001))
    record = run_tap(max_file_mb=2).files["a.xlsx"]
    assert "more than 2" in record["error"]
    assert "max_file_mb" in record["error"]
    assert record["content_hash"] is None


def test_too_many_rows_fail_and_none_of_them_is_written(tmp_path, save, run_tap, headers, line):
    save(tmp_path / "three.xlsx", {"MASTER": [headers, line(1), line(2), line(3)]})
    save(tmp_path / "two.xlsx", {"MASTER": [headers, line(1), [], line(2), [], []]})
    run = run_tap(max_rows=2)
    assert run.statuses == {"three.xlsx": "failed", "two.xlsx": "read"}
    assert "max_rows" in run.files["three.xlsx"]["error"]
    assert {record["source_file"] for record in run.records("order_list_rows")} == {"two.xlsx"}


def test_a_workbook_that_takes_too_much_memory_fails_alone(tmp_path, save, run_tap):
    path = save(tmp_path / "huge.xlsx")
    book = openpyxl.load_workbook(path)
    book["MASTER"]["XFD1048576"] = "stray"
    book.save(path)
    save(tmp_path / "small.xlsx")
    run = run_tap(workers=1)
    assert run.statuses == {"huge.xlsx": "failed", "small.xlsx": "read"}
    assert "4 GB of memory: delete stray cells" in run.files["huge.xlsx"]["error"]


@pytest.fixture(scope="module")
def slow_workbook(tmp_path_factory, save) -> Path:
    """A workbook of 30 million empty rows, which takes calamine ten seconds."""
    path = save(tmp_path_factory.mktemp("slow") / "slow.xlsx")
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, content in parts.items():
            with target.open(name, "w") as part:
                start, end_of_data, rest = content.partition(b"</sheetData>")
                part.write(start)
                for _ in range(60 if end_of_data else 0):
                    part.write(b"<row/>" * 500_000)
                part.write(end_of_data + rest)
    return path


def test_a_workbook_that_takes_too_long_fails_alone(tmp_path, save, run_tap, slow_workbook):
    (tmp_path / "a.xlsx").symlink_to(slow_workbook)
    save(tmp_path / "b.xlsx")
    run = run_tap(parse_timeout_s=1)
    assert run.statuses == {"a.xlsx": "failed", "b.xlsx": "read"}
    assert "longer than 1 s" in run.files["a.xlsx"]["error"]
    assert "parse_timeout_s" in run.files["a.xlsx"]["error"]


@pytest.mark.slow
def test_a_zip_bomb_costs_its_file_only(tmp_path, save):
    good, bomb = save(tmp_path / "good.xlsx"), tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for part in source.namelist():
            with target.open(part, "w", force_zip64=True) as out:
                before, text, after = source.read(part).partition(b"<t>AAG0001")
                out.write(before + text)
                for _ in range(1500 if text else 0):
                    out.write(b"A" * 1_000_000)
                out.write(after)
    assert bomb.stat().st_size < 20_000_000
    options = ReadOptions(sheet_pattern="MASTER", max_rows=10, timeout_s=60, memory_bytes=1024**3)
    readers = Readers(options, workers=1)
    begun = [begin(readers, path) for path in (bomb, good)]
    errors = [reading.result().reading.error for reading in begun]
    for reading in begun:
        reading.result().close()
    readers.close()
    assert "took more than 1 GB of memory" in errors[0]
    assert errors[1] is None


@pytest.fixture
def readers():
    readers = Readers(ReadOptions(sheet_pattern="MASTER", max_rows=10, timeout_s=60), workers=1)
    yield readers
    readers.close()


def begin(readers: Readers, path: Path) -> Future[Answer]:
    return readers.begin(path.name, path.open("rb"))


def worker_of(readers: Readers) -> int:
    """The process id of the one worker, once it ignores the signals that are meant for the tap."""
    deadline = time.monotonic() + 20
    wanted = sum(1 << number - 1 for number in (signal.SIGTERM, signal.SIGINT))
    while time.monotonic() < deadline:
        for pid in readers.pids:
            status = Path(f"/proc/{pid}/status").read_text()
            if int(status.partition("SigIgn:")[2].split()[0], 16) & wanted == wanted:
                return pid
    pytest.fail("no worker was started")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_reader_that_crashes_costs_its_file_only(tmp_path, save, readers, slow_workbook, number):
    crashed, waiting = begin(readers, slow_workbook), begin(readers, save(tmp_path / "a.xlsx"))
    pid = worker_of(readers)
    os.kill(pid, number)
    error = crashed.result().reading.error
    assert error
    assert ("by signal 11" if number == signal.SIGSEGV else "of memory") in error
    with closing(waiting.result()) as answer:
        assert answer.reading.rows == 1
    assert readers.pids != [pid]
    crashed.result().close()


def test_one_worker_reads_one_workbook_after_another(tmp_path, save, readers, headers, line):
    pids = set()
    for rows in (3, 1, 20, 2):  # 20 are too many: a refusal is no reason for a new worker
        path = save(tmp_path / f"{rows}.xlsx", {"MASTER": [headers, *map(line, range(rows))]})
        with closing(begin(readers, path).result()) as answer:
            assert len(list(answer.rows()) if rows < 20 else []) == answer.reading.rows == rows % 20
        pids.update(readers.pids)
    assert len(pids) == 1


def test_a_worker_lets_those_go_first_who_take_its_rows(tmp_path, save, readers):
    begin(readers, save(tmp_path / "a.xlsx")).result().close()
    [pid] = readers.pids
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(own + NICENESS, 19)


def test_a_worker_that_took_much_memory_gives_way_to_a_new_one(tmp_path, save, readers):
    path = save(tmp_path / "a.xlsx")
    begin(readers, path).result().close()
    [pid] = readers.pids
    # Up to the last cell, calamine holds every cell of the sheet.
    book = openpyxl.load_workbook(path)
    book["MASTER"]["Z1048576"] = "stray"
    book.save(tmp_path / "far.xlsx")
    begin(readers, tmp_path / "far.xlsx").result().close()
    assert readers.pids == []
    begin(readers, path).result().close()
    assert readers.pids != [pid]


def test_a_worker_is_not_charged_with_the_memory_of_the_tap_that_starts_it(tmp_path, save, readers):
    mine = b"x" * worker.SPENT_BYTES
    begin(readers, save(tmp_path / "a.xlsx")).result().close()
    assert mine
    assert len(readers.pids) == 1


def test_a_signal_meant_for_the_whole_group_leaves_the_worker_to_the_tap(slow_workbook, readers):
    begin(readers, slow_workbook)
    pid = worker_of(readers)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    assert "zombie" not in Path(f"/proc/{pid}/status").read_text()


def test_readers_that_are_closed_leave_no_process(slow_workbook, readers):
    reading = begin(readers, slow_workbook)
    pid = worker_of(readers)
    readers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert reading.exception(timeout=20)


def test_a_worker_whose_tap_was_killed_ends(tmp_path, save, readers):
    begin(readers, save(tmp_path / "a.xlsx")).result().close()
    [reader] = readers._readers
    reader._process.stdin.close()  # what the system does for a process that is killed
    assert reader._process.wait(timeout=20) == 0


def test_a_full_disk_is_not_blamed_on_the_workbook(tmp_path, save, readers, monkeypatch):
    path = save(tmp_path / "a.xlsx")
    with monkeypatch.context() as full:
        full.setattr("tempfile.TemporaryFile", partial(Path("/dev/full").open, "r+b", buffering=0))
        with closing(begin(readers, path).result()) as answer:
            assert "TMPDIR" in str(answer.reading.error)


def test_a_run_that_ends_early_leaves_no_worker(tmp_path, save, slow_workbook):
    save(tmp_path / "a.xlsx")
    (tmp_path / "b.xlsx").symlink_to(slow_workbook)
    folder = Folder(tmp_path)
    options = ReadOptions(sheet_pattern="MASTER", max_rows=10, timeout_s=60)
    files = sorted(folder.files(), key=lambda file: file.path)
    visits = visit_all(folder, files, {}, options=options, max_file_mb=9, workers=2)
    assert next(visits).status == "read"
    visits.close()
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    assert "".join(each.read_text() for each in children) == ""


def visits_of(folder, known=None):
    options = ReadOptions(sheet_pattern="MASTER", max_rows=10, timeout_s=60)
    return visit_all(folder, folder.files(), known or {}, options=options, max_file_mb=9, workers=1)


def test_a_workbook_that_did_not_change_is_copied_to_no_disk(tmp_path, save, monkeypatch):
    save(tmp_path / "a.xlsx")
    folder = Folder(tmp_path)
    [file] = folder.files()
    content_hash = hashlib.sha256((tmp_path / "a.xlsx").read_bytes()).hexdigest()
    monkeypatch.delattr("tempfile.TemporaryFile")
    [visit] = visits_of(folder, {file.file_id: KnownFile(content_hash, {})})
    assert (visit.status, visit.why) == ("unchanged", "same bytes")


def test_a_workbook_too_large_for_memory_is_read_from_disk(tmp_path, save, monkeypatch):
    save(tmp_path / "a.xlsx")
    monkeypatch.setattr("tap_sharepoint_orders.visits.IN_MEMORY_BYTES", 100)
    [visit] = visits_of(Folder(tmp_path))
    assert (visit.status, visit.reading.error) == ("read", None)
    assert visit.content_hash == hashlib.sha256((tmp_path / "a.xlsx").read_bytes()).hexdigest()


def test_a_file_gone_since_the_listing_fails_with_that_reason(tmp_path, save):
    path = save(tmp_path / "a.xlsx")
    folder = Folder(tmp_path)
    [file] = folder.files()
    path.unlink()
    with pytest.raises(FileUnavailableError, match="listed but is gone"):
        folder.copy(file, io.BytesIO())


def test_a_file_changed_since_the_listing_is_read_as_it_is_now(tmp_path, save):
    path = save(tmp_path / "a.xlsx")
    folder = Folder(tmp_path)
    [listed] = folder.files()
    path.write_bytes(b"newer")
    os.utime(path, (1_800_000_000, 1_800_000_000))
    copy = io.BytesIO(b"something longer that was there before")
    copied = folder.copy(listed, copy)
    assert copy.getvalue() == b"newer"
    assert copied.size_bytes == 5
    assert copied.modified_at == datetime.fromtimestamp(1_800_000_000, tz=UTC)
    assert copied.file_id == listed.file_id


class SavedMeanwhile(io.BytesIO):
    """A target during whose writing the source is saved anew, a number of times."""

    def __init__(self, source: Path, times: int) -> None:
        super().__init__()
        self.source, self.times = source, times

    def write(self, content: bytes) -> int:
        if self.times:
            self.times -= 1
            newer = self.source.with_name("newer")
            newer.write_bytes(f"version {self.times}".encode())
            newer.replace(self.source)
        return super().write(content)


def test_a_file_saved_while_it_is_copied_is_copied_once_more(tmp_path, save):
    path = save(tmp_path / "a.xlsx")
    folder = Folder(tmp_path)
    [file] = folder.files()
    target = SavedMeanwhile(path, times=1)
    assert folder.copy(file, target).size_bytes == len(b"version 0")
    assert target.getvalue() == b"version 0"


def test_a_file_that_keeps_changing_fails_with_that_reason(tmp_path, save):
    path = save(tmp_path / "a.xlsx")
    folder = Folder(tmp_path)
    [file] = folder.files()
    with pytest.raises(FileUnavailableError, match="somebody is saving it"):
        folder.copy(file, SavedMeanwhile(path, times=9))


def test_a_file_that_may_not_be_read_fails_with_that_reason(tmp_path, save, monkeypatch):
    save(tmp_path / "a.xlsx")
    folder = Folder(tmp_path)
    [file] = folder.files()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileUnavailableError, match="right to read it"):
        folder.copy(file, io.BytesIO())


def test_a_folder_that_cannot_be_listed_stops_the_run_rather_than_looking_empty(tmp_path, run_tap, monkeypatch):
    # The tests may run as a user whom no permission stops, so the refusal is made.
    (tmp_path / "sub").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(LibraryError, match=r"sub: Permission denied"):
        Folder(tmp_path).files()
    run = run_tap()
    assert run.exit_code == 1
    assert [message for message in run.messages if message["type"] != "SCHEMA"] == []
