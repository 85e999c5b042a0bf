"""Full and incremental runs: what is written, and what the bookmark then covers."""

import copy
import hashlib
import json
import os
import re
import zipfile

import pytest
from tap_sharepoint_orders.tap import TapSharePointOrders


@pytest.fixture
def table(headers, line):
    return [headers, line(1)]


def test_a_workbook_is_file_rows_load_and_then_state(tmp_path, save, run_tap, headers, line):
    for name in ("a.xlsx", "b.xlsx"):
        save(tmp_path / name, {"MASTER": [headers, line(1), line(2, sizes=(4, None, 0.5))]})
    run = run_tap()

    def kind(message):
        return message.get("stream") if message["type"] == "RECORD" else message["type"]

    one_file = ["source_files", "order_list_rows", "order_list_rows", "loads", "STATE"]
    kinds = [kind(message) for message in run.messages]
    assert kinds[:3] == ["SCHEMA"] * 3
    assert kinds[3:13] == one_file * 2
    assert kinds[13] == "loads"
    assert set(kinds[14:]) == {"STATE"}


def test_a_load_adds_up_to_its_rows(tmp_path, save, run_tap, headers, line):
    path = save(tmp_path / "acme.xlsx", {"MASTER": [headers, line(1), [], line(2, sizes=(4, "TBC", 0.5))]})
    run = run_tap()
    [load] = run.loads
    file, rows = run.files["acme.xlsx"], run.records("order_list_rows")
    assert re.fullmatch("[0-9a-f]{32}", load["load_id"])
    assert load["unit_id"] == file["file_id"]
    assert (load["stream"], load["kind"], load["connection"]) == ("order_list_rows", "file", None)
    assert (load["rows"], load["qty"]) == (2, 10.5)
    assert load["started_at"] <= load["finished_at"]
    assert load["started_at"].endswith("Z")
    assert [row["row_number"] for row in rows] == [2, 4]
    assert {row["load_id"] for row in rows} == {load["load_id"]} == {file["load_id"]}
    assert {(row["sheet"], row["sheet_customer"], row["source_file"]) for row in rows} == {
        ("MASTER", "ACME", "acme.xlsx")
    }
    assert json.loads(rows[1]["sizes"]) == [["S", 4], ["M", "TBC"], ["L", 0.5]]
    assert (file["sheet"], file["header_row"], file["error"], file["etag"]) == ("MASTER", 1, None, None)
    assert file["size_bytes"] == path.stat().st_size
    assert file["content_hash"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_first_run_reads_everything_and_closes_with_a_listing(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx")
    (tmp_path / "b.xlsx").write_bytes(b"")
    run = run_tap()
    [listing] = run.listings
    assert listing["rows"] == 2
    assert listing["qty"] is None
    assert run.records("loads")[-1] == listing
    assert {record["listed_at"] for record in run.records("source_files")} == {listing["started_at"]}


def test_the_state_follows_the_library_through_its_changes(tmp_path, save, run_tap, headers, line):
    save(tmp_path / "a.xlsx")
    changing = save(tmp_path / "b.xlsx")
    first = run_tap()
    assert first.statuses == {"a.xlsx": "read", "b.xlsx": "read"}
    assert first.bookmark == {path: record["content_hash"] for path, record in first.files.items()}

    unchanged = run_tap(first.state)
    assert [message for message in unchanged.messages if message["type"] == "RECORD"] == []
    assert unchanged.bookmark == first.bookmark

    good = changing.read_bytes()
    save(changing, {"MASTER": [headers, line(1), line(2)]})
    changed = run_tap(unchanged.state)
    assert changed.statuses == {"b.xlsx": "read"}
    assert [load["rows"] for load in changed.loads] == [2]
    assert changed.listings == []
    assert changed.bookmark["a.xlsx"] == first.bookmark["a.xlsx"]
    assert changed.bookmark["b.xlsx"] != first.bookmark["b.xlsx"]

    changing.write_bytes(good[:700])
    failed = run_tap(changed.state)
    assert failed.statuses == {"b.xlsx": "failed"}
    assert failed.loads == []
    assert failed.bookmark == {"a.xlsx": first.bookmark["a.xlsx"], "b.xlsx": None}
    assert run_tap(failed.state).statuses == {"b.xlsx": "failed"}

    changing.write_bytes(good)
    recovered = run_tap(failed.state)
    assert recovered.statuses == {"b.xlsx": "read"}
    assert recovered.bookmark == first.bookmark

    changing.unlink()
    deleted = run_tap(recovered.state)
    assert deleted.statuses == {"b.xlsx": "deleted"}
    assert deleted.files["b.xlsx"]["file_id"] == first.files["b.xlsx"]["file_id"]
    assert deleted.bookmark == {"a.xlsx": first.bookmark["a.xlsx"]}
    assert run_tap(deleted.state).records("source_files") == []


def test_a_file_that_never_could_be_read_is_deleted_too_when_it_goes(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx")
    broken = tmp_path / "b.xlsx"
    broken.write_bytes(b"")
    run = run_tap()
    broken.unlink()
    assert run_tap(run.state).statuses == {"b.xlsx": "deleted"}


def test_a_change_of_content_is_seen_though_size_and_time_are_the_same(tmp_path, save, run_tap, headers, line):
    path = tmp_path / "a.xlsx"

    def save_with(quantity):
        save(path, {"MASTER": [headers, line(1, sizes=(quantity, None, None))]})
        with zipfile.ZipFile(path) as packed:
            parts = {name: packed.read(name) for name in packed.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stored:
            for name, content in parts.items():
                stored.writestr(name, content)
        os.utime(path, (1_800_000_000, 1_800_000_000))
        return path.stat().st_size

    size = save_with(7)
    first = run_tap()
    assert save_with(8) == size
    assert [load["qty"] for load in run_tap(first.state).loads] == [8]


def test_a_run_with_nothing_changed_starts_no_worker(tmp_path, save, run_tap, monkeypatch):
    for name in ("a.xlsx", "b.xlsx"):
        save(tmp_path / name)
    first = run_tap()
    started = []
    monkeypatch.setattr("tap_sharepoint_orders.readers.Reader", lambda _: started.append(1))
    assert run_tap(first.state).records("source_files") == []
    assert not started


def test_a_full_run_ignores_the_bookmark_and_writes_a_new_one(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx")
    first = run_tap()
    stale = copy.deepcopy(first.state)
    stale["bookmarks"]["source_files"]["files"]["gone"] = {"path": "gone.xlsx", "content_hash": "0"}
    full = run_tap(stale, sync_mode="full")
    assert full.statuses == {"a.xlsx": "read"}
    assert [listing["rows"] for listing in full.listings] == [1]
    assert full.bookmark == first.bookmark
    # Not even at its start does a full run repeat the old bookmark: it may be ended before it is replaced.
    assert "gone" not in json.dumps([m for m in full.messages if m["type"] == "STATE"])


def test_all_files_gone_are_all_deleted_and_listed_as_none(tmp_path, save, run_tap):
    path = save(tmp_path / "a.xlsx")
    first = run_tap()
    path.unlink()
    run = run_tap(first.state)
    assert run.statuses == {"a.xlsx": "deleted"}
    assert [listing["rows"] for listing in run.listings] == [0]
    assert run.bookmark == {}


def test_on_file_error_fail_writes_everything_and_then_exits_with_the_names(tmp_path, save, run_tap, caplog):
    (tmp_path / "a.xlsx").write_bytes(b"")
    save(tmp_path / "b.xlsx")
    run = run_tap(on_file_error="fail")
    assert run.exit_code == 1
    assert run.statuses == {"a.xlsx": "failed", "b.xlsx": "read"}
    assert [listing["rows"] for listing in run.listings] == [2]
    assert run.bookmark["b.xlsx"]
    assert "1 of 2 order lists could not be read (the reasons are above): a.xlsx" in caplog.text


def catalog_with(*selected: str):
    catalog = TapSharePointOrders(config={}, validate_config=False).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] in selected
    return catalog


@pytest.mark.parametrize(
    ("selected", "covered"),
    [
        (("source_files", "order_list_rows", "loads"), True),
        (("order_list_rows", "loads"), True),
        (("source_files",), False),
        (("order_list_rows",), False),
        (("source_files", "loads"), False),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_only_what_is_selected_is_written_and_only_loads_are_remembered(tmp_path, save, run_tap, selected, covered):
    save(tmp_path / "a.xlsx")
    run = run_tap(catalog=catalog_with(*selected))
    written = {message["stream"] for message in run.messages if message["type"] == "RECORD"}
    assert written == set(selected)
    assert {message["stream"] for message in run.messages if message["type"] == "SCHEMA"} == set(selected)
    assert bool(run.bookmark["a.xlsx"]) is covered
    kinds = {load["kind"] for load in run.records("loads")}
    assert ("file" in kinds) is covered
    assert ("listing" in kinds) is {"source_files", "loads"}.issubset(selected)


def test_a_property_nobody_selected_is_left_out(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx")
    catalog = catalog_with("source_files", "order_list_rows", "loads")
    rows = next(stream for stream in catalog["streams"] if stream["stream"] == "order_list_rows")
    for entry in rows["metadata"]:
        if entry["breadcrumb"] == ["properties", "cells"]:
            entry["metadata"].update(selected=False, inclusion="available")
    [row] = run_tap(catalog=catalog).records("order_list_rows")
    assert "cells" not in row
    assert "sizes" in row


def test_a_dry_run_cuts_rows_short_and_makes_no_load_of_them(tmp_path, save, headers, line, capfd):
    save(tmp_path / "a.xlsx", {"MASTER": [headers, line(1), line(2)]})
    TapSharePointOrders(config={"local_path": str(tmp_path)}).run_connection_test()
    messages = [json.loads(text) for text in capfd.readouterr().out.splitlines()]
    records = [message["stream"] for message in messages if message["type"] == "RECORD"]
    assert records.count("order_list_rows") == 1
    assert "file" not in [m["record"].get("kind") for m in messages if m["type"] == "RECORD"]


def test_the_log_says_how_far_it_got(tmp_path, save, run_tap, caplog):
    save(tmp_path / "a.xlsx")
    (tmp_path / "b.xlsx").write_bytes(b"")
    caplog.set_level("INFO")
    run = run_tap()
    assert re.search(r"1 of 2: a\.xlsx: 1 rows of 'MASTER' in [0-9.]+ s", caplog.text)
    assert re.search(r"2 of 2: b\.xlsx: not read: the file is empty", caplog.text)
    caplog.clear()
    run_tap(run.state)
    assert "1 of 2: a.xlsx: unchanged" in caplog.text


LEFT_OUT = "a second table begins at row 5, 2 rows from there on are not read: move them to a sheet of their own"


def test_the_log_says_what_was_chosen_and_what_was_left_out(tmp_path, save, run_tap, caplog, table):
    save(tmp_path / "a.xlsx", {"Orders": [*table, [], [], *table]})
    caplog.set_level("INFO")
    run_tap()
    assert "a.xlsx: no sheet is named like 'MASTER': took 'Orders'" in caplog.text
    assert f"a.xlsx: sheet 'Orders': {LEFT_OUT}" in caplog.text


def test_what_was_left_out_of_a_workbook_stands_beside_it_though_it_was_read(tmp_path, save, run_tap, table):
    save(tmp_path / "a.xlsx", {"Orders": [*table, [], [], *table]})
    save(tmp_path / "b.xlsx")
    run = run_tap()
    assert run.statuses == {"a.xlsx": "read", "b.xlsx": "read"}
    assert {path: file["error"] for path, file in run.files.items()} == {
        "a.xlsx": f"sheet 'Orders': {LEFT_OUT}",
        "b.xlsx": None,
    }
    assert sorted(load["rows"] for load in run.loads) == [1, 1]
