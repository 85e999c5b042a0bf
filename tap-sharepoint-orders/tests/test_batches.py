"""Rows in files, where the settings ask for it: the same rows, before the load's own record, all else unchanged."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow.parquet as pq
import pytest
from singer_sdk.exceptions import ConfigValidationError
from tap_sharepoint_orders.tap import TapSharePointOrders


@pytest.fixture
def library(tmp_path, save, headers, line):
    folder = tmp_path / "order lists"
    save(folder / "a.xlsx", {"MASTER": [headers, line(1), line(2), line(3)]})
    save(folder / "b.xlsx", {"MASTER": [headers, line(4, customer=None)]})
    return folder


@pytest.fixture
def files(tmp_path):
    return tmp_path / "files of 100% #1"


def rows_in(message):
    [url] = message["manifest"]
    return pq.read_table(url2pathname(urlsplit(url).path)).to_pylist()


def without_load(rows):
    return [{name: value for name, value in row.items() if name != "load_id"} for row in rows]


@pytest.mark.parametrize("as_url", [True, False], ids=["url", "path"])
def test_files_hold_the_rows_that_records_would(library, files, run_tap, as_url):
    plain = run_tap(local_path=str(library))
    root = files.as_uri() if as_url else str(files)
    run = run_tap(local_path=str(library), batch_config={"storage": {"root": root}, "batch_size": 2}, batch_from_rows=1)
    batches = [message for message in run.messages if message["type"] == "BATCH"]
    rows = [row for message in batches for row in rows_in(message)]
    assert without_load(rows) == without_load(plain.records("order_list_rows"))
    assert [len(rows_in(message)) for message in batches] == [2, 1, 1]
    assert {message["stream"] for message in batches} == {"order_list_rows"}
    assert {row["load_id"] for row in rows} == {load["load_id"] for load in run.loads}
    assert run.records("order_list_rows") == []
    assert run.bookmark == plain.bookmark
    assert [(load["rows"], load["qty"]) for load in run.loads] == [(load["rows"], load["qty"]) for load in plain.loads]


def test_a_load_and_its_state_follow_its_last_file(library, files, run_tap):
    run = run_tap(
        local_path=str(library), batch_config={"storage": {"root": str(files)}, "batch_size": 2}, batch_from_rows=1
    )
    kinds = [message.get("stream") if message["type"] == "RECORD" else message["type"] for message in run.messages]
    assert kinds[3:] == [
        *("source_files", "BATCH", "BATCH", "loads", "STATE"),
        *("source_files", "BATCH", "loads", "STATE"),
        *("loads", "STATE"),
        *kinds[14:],
    ]
    assert set(kinds[14:]) <= {"STATE"}


@pytest.mark.parametrize(("fewest", "by_file"), [(3, [3, 1]), (4, [])])
def test_workbooks_go_by_record_until_one_has_many_rows(library, files, run_tap, fewest, by_file):
    run = run_tap(local_path=str(library), batch_config={"storage": {"root": str(files)}}, batch_from_rows=fewest)
    assert [len(rows_in(message)) for message in run.messages if message["type"] == "BATCH"] == by_file
    assert len(run.records("order_list_rows")) == (0 if by_file else 4)
    assert [load["rows"] for load in run.loads][:2] == [3, 1]


def test_nothing_new_writes_no_file(library, files, run_tap):
    config = {"local_path": str(library), "batch_config": {"storage": {"root": str(files)}}, "batch_from_rows": 1}
    state = run_tap(**config).state
    written = sorted(files.iterdir())
    again = run_tap(state, **config)
    assert [message for message in again.messages if message["type"] == "BATCH"] == []
    assert sorted(files.iterdir()) == written


def test_rows_that_are_mapped_go_by_record(library, files, run_tap):
    batch_config = {"storage": {"root": str(files)}}
    maps = {"order_list_rows": {"sheet": "'X'"}}
    run = run_tap(local_path=str(library), batch_config=batch_config, batch_from_rows=1, stream_maps=maps)
    assert [row["sheet"] for row in run.records("order_list_rows")] == ["X"] * 4
    assert not files.exists()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"encoding": {"format": "jsonl"}}, "this tap writes Parquet and no jsonl"),
        ({"storage": {"root": "s3://bucket"}}, "storage.root is no folder of this machine"),
    ],
)
def test_a_batch_config_that_cannot_be_met_is_refused(tmp_path, config, told):
    with pytest.raises(ConfigValidationError) as refused:
        TapSharePointOrders(config={"local_path": str(tmp_path), "batch_config": config})
    assert told in str(refused.value.errors)
