"""How messages are written: records by the part, in order, whole, and as they are by the SDK's own way."""

from __future__ import annotations

import io
import json
import os
import sys
from decimal import Decimal
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow.parquet as pq
import pytest
from singer_sdk.singerlib import StateMessage
from tap_wms import messages
from tap_wms.batches import BatchFolder, batch_folder
from tap_wms.errors import TapError
from tap_wms.messages import PipeWriter, record_head


class Trickle(io.RawIOBase):
    """An unbuffered output that takes a few bytes at a time, as a pipe does when a signal interrupts a write."""

    def __init__(self, most=7):
        super().__init__()
        self.got = bytearray()
        self.most = most

    def writable(self):
        return True

    def write(self, data):
        part = bytes(data[: self.most])
        self.got += part
        return len(part)


class Output:
    """What stands for sys.stdout."""

    def __init__(self, buffer):
        self.buffer = buffer

    def flush(self):
        self.buffer.flush()


def test_records_wait_for_more_and_go_out_before_any_other_message(monkeypatch):
    raw, writer = Trickle(10**6), PipeWriter()
    monkeypatch.setattr(sys, "stdout", Output(raw))

    def lines():
        return [json.loads(line) for line in raw.got.splitlines()]

    monkeypatch.setattr(messages, "PART", 400)
    head = record_head('a "stream"')
    writer.write_record(head, {"n": 1, "qty": Decimal("1.50")})
    assert lines() == []
    writer.write_message(StateMessage(value={"bookmarks": {}}))
    assert [line["type"] for line in lines()] == ["RECORD", "STATE"]
    assert lines()[0]["stream"] == 'a "stream"'
    assert lines()[0]["record"] == {"n": 1, "qty": 1.5}
    assert lines()[0]["time_extracted"].endswith("Z")
    for number in range(10):
        writer.write_record(head, {"n": number})
    assert 2 < len(lines()) < 12
    writer.write_waiting()
    assert [line["record"]["n"] for line in lines()[2:]] == list(range(10))


def test_a_write_that_is_only_begun_is_ended(monkeypatch):
    raw = Trickle()
    monkeypatch.setattr(sys, "stdout", Output(raw))
    writer = PipeWriter()
    writer.write_record(record_head("s"), {"name": "Ç" * 50})
    writer.write_waiting()
    assert json.loads(raw.got)["record"] == {"name": "Ç" * 50}


def test_told_to_end_while_it_writes_it_ends_behind_the_whole_line(monkeypatch):
    writer = PipeWriter()

    class Told(Trickle):
        def write(self, data):
            if len(self.got) == 7:
                writer.stop(143)
            return super().write(data)

    raw = Told()
    monkeypatch.setattr(sys, "stdout", Output(raw))
    writer.write_record(record_head("s"), {"n": 1})
    with pytest.raises(SystemExit) as ended:
        writer.write_message(StateMessage(value={}))
    assert ended.value.code == 143
    assert [json.loads(line)["type"] for line in raw.got.splitlines()] == ["RECORD"]
    assert raw.got.endswith(b"\n")


def test_told_to_end_while_it_does_not_write_or_twice_it_ends_at_once():
    with pytest.raises(SystemExit):
        PipeWriter().stop(143)
    writer = PipeWriter()
    writer._writing = True
    writer.stop(143)
    with pytest.raises(SystemExit):
        writer.stop(143)


def test_a_target_that_has_gone_is_said_in_one_line(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        writer = PipeWriter()
        writer.write_record(record_head("s"), {"n": 1})
        with pytest.raises(TapError, match="the target has closed the pipe before everything was read"):
            writer.write_waiting()


def test_mapped_streams_are_written_as_the_sdk_maps_them(read_wms):
    plain = read_wms()
    renamed = read_wms(stream_maps={"shipped": {"__alias__": "gone"}})
    mapped = read_wms(stream_maps={"shipped": {"__alias__": "gone", "Units": "Qty * 2", "__filter__": "Qty > 6"}})
    own = ("load_id",)

    def rows(reading, stream):
        return [{n: v for n, v in r.items() if n not in own} for r in reading.records(stream)]

    assert rows(renamed, "gone") == rows(plain, "shipped")
    assert [(r["Qty"], r["Units"]) for r in rows(mapped, "gone")] == [(48, 96), (30, 60)]
    assert rows(mapped, "packed_products") == rows(plain, "packed_products")


def test_files_of_rows_come_before_the_record_that_completes_their_load(read_wms, tmp_path):
    plain = read_wms()
    root = tmp_path / "files of 100% #1"
    reading = read_wms(batch_config={"storage": {"root": root.as_uri()}, "batch_size": 2}, batch_from_rows=1)
    assert {m["type"] for m in reading.messages} == {"SCHEMA", "BATCH", "RECORD", "STATE"}
    found, loads = {}, {}
    for message in reading.messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                table = pq.read_table(url2pathname(urlsplit(url).path))
                assert table.num_rows <= 2
                found.setdefault(message["stream"], []).extend(rows_of(table))
        elif message["type"] == "RECORD":
            load = message["record"]
            loads[load["load_id"]] = load
            assert [row["load_id"] for row in found[load["stream"]]].count(load["load_id"]) == load["rows"]
    own = ("load_id",)
    for stream, rows in found.items():
        expected = [{n: v for n, v in r.items() if n not in own} for r in plain.records(stream)]
        assert [{n: v for n, v in r.items() if n not in own} for r in rows] == expected
        assert {row["load_id"] for row in rows} <= loads.keys()
    assert [load["qty"] for load in loads.values()] == [load["qty"] for load in plain.records("loads")]


def rows_of(table):
    rows = table.to_pylist()
    for field in table.schema:
        if field.metadata:
            for row in rows:
                row[field.name] = None if row[field.name] is None else json.loads(row[field.name])
    return rows


def test_a_column_that_changes_its_type_on_the_way_is_json_text_in_the_whole_file(tmp_path):
    properties = {"n": {"type": ["integer", "null"]}, "size": {"type": ["string"]}}
    parts = [[[1, None], ["S", "S"]], [[2**70], ["M"]], [[True, -4], ["M", "M"]]]
    folder = BatchFolder(tmp_path, rows=4)
    urls = list(folder.write("stock", {"properties": properties}, ["n", "size"], parts))
    tables = [pq.read_table(url2pathname(urlsplit(url).path)) for url in urls]
    assert [table.num_rows for table in tables] == [4, 1]
    assert tables[0].schema.field("n").metadata == {b"singer": b"json"}
    assert tables[0].column("n").to_pylist() == ["1", None, str(2**70), "true"]
    assert tables[1].column("n").to_pylist() == [-4]
    assert [size for table in tables for size in table.column("size").to_pylist()] == ["S", "S", "M", "M", "M"]


def test_rows_go_by_record_until_a_window_has_many(read_wms, tmp_path):
    def rows_by_record(reading):
        return {
            stream: [{n: v for n, v in row.items() if n != "load_id"} for row in reading.records(stream)]
            for stream in ("packed_products", "shipped")
        }

    plain = rows_by_record(read_wms())
    batch_config = {"storage": {"root": str(tmp_path / "files")}}
    few = read_wms(batch_config=batch_config, batch_from_rows=len(plain["packed_products"]) + 1)
    assert rows_by_record(few)["packed_products"] == plain["packed_products"]
    many = read_wms(batch_config=batch_config, batch_from_rows=len(plain["packed_products"]))
    assert rows_by_record(many)["packed_products"] == []
    [message] = [m for m in many.messages if m["type"] == "BATCH" and m["stream"] == "packed_products"]
    [url] = message["manifest"]
    assert pq.read_table(url2pathname(urlsplit(url).path)).num_rows == len(plain["packed_products"])


def test_a_stream_that_is_mapped_goes_by_record_and_the_others_by_file(read_wms, tmp_path):
    config = {"batch_config": {"storage": {"root": str(tmp_path / "files")}}, "batch_from_rows": 1}
    reading = read_wms(**config, stream_maps={"shipped": {"Units": "Qty"}})
    by_file = {m["stream"] for m in reading.messages if m["type"] == "BATCH"}
    assert "packed_products" in by_file
    assert "shipped" not in by_file
    assert reading.records("shipped")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"encoding": {"format": "jsonl"}}, "this tap writes Parquet and no jsonl"),
        ({"storage": {"root": "s3://bucket"}}, "storage.root is no folder of this machine"),
    ],
)
def test_a_batch_config_that_cannot_be_met_is_refused(config, told):
    with pytest.raises(TapError, match=told):
        batch_folder({"batch_config": config})
