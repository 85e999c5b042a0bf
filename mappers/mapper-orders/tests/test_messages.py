"""Singer messages in any legal order, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapper_orders.errors import ContractError
from order_rules.config import RulesError
from order_rules.models import STAGING, singer_schema

ORDER = {"CUSTOMER NAME": "BRAND A", "PO NUMBER": 1}
OUTPUTS = {
    "order_list_rows": ["order_list", "stg_orders_sharepoint", "stg_quarantine_sharepoint"],
    "master_order_list": ["order_list", "stg_orders_wms", "stg_quarantine_wms"],
    "packed_products": ["stg_packed", "stg_quarantine_wms"],
    "shipped": ["stg_shipped", "stg_quarantine_wms"],
    "source_files": ["source_files"],
    "loads": ["load_counts", "loads"],
}
STATE = {"type": "STATE", "value": {"bookmarks": {"a": {"at": "2026-03-04"}, "none": None}, "n": 1.10}}


def announced(messages: list[dict[str, Any]]) -> list[str]:
    return [m["stream"] for m in messages if m["type"] == "SCHEMA"]


@pytest.mark.parametrize("stream", OUTPUTS)
def test_an_input_stream_announces_what_it_becomes_with_keys_and_schemas_of_the_models(
    run: Any, schema_message: Any, stream: str
) -> None:
    columns = ["Customer", "UNIT OF MEASURE", "S", "TOTAL QTY", "Qty"]
    messages = run(schema_message(stream, columns))
    assert announced(messages) == OUTPUTS[stream]
    for message in messages:
        assert message["key_properties"] == list(STAGING[message["stream"]].key)
        expected = singer_schema(STAGING[message["stream"]].model)
        assert message["schema"] == json.loads(json.dumps(expected), parse_float=Decimal)


def test_a_stream_is_announced_once_however_often_its_inputs_are(
    run: Any, schema_message: Any, view_properties: Any
) -> None:
    views = ["packed_products", "shipped", "master_order_list", "packed_products"]
    messages = run(
        schema_message("order_list_rows"),
        *(schema_message(stream, view_properties(stream)) for stream in views),
        schema_message("order_list_rows"),
    )
    found = announced(messages)
    assert len(found) == len(set(found)) == 7


def test_an_unknown_stream_passes_through_untouched(replay: Any) -> None:
    lines = [
        '{"type":"STATE","value":{}}',
        '{"type":"SCHEMA","stream":"order_hdr","schema":{"properties":{"id":{"type":"integer","default":null},"x":{}}},'
        '"key_properties":["id"],"bookmark_properties":["mod_ts"],"more":null}',
        '{"type":"RECORD","stream":"order_hdr","record":{"id":1,"x":{"a":[1.10,null,"é"]},"n":12345678901234567890.5},'
        '"version":3,"time_extracted":"2026-03-04T10:00:00.123+01:00","more":1}',
        '{"type":"ACTIVATE_VERSION","stream":"order_hdr","version":3}',
        '{"type":"BATCH","stream":"order_hdr","encoding":{"format":"jsonl"},"manifest":["file:///a"]}',
        '{"type":"SCHEMA","stream":"order_hdr","schema":{"properties":{"id":{}}},"key_properties":[]}',
    ]
    assert [line.rstrip("\n") for line in replay(lines)] == lines


def test_state_passes_at_its_place(run: Any, schema_message: Any, record_message: Any, sheet_row: Any) -> None:
    messages = run(
        STATE,
        schema_message("order_list_rows"),
        record_message("order_list_rows", sheet_row(ORDER, {"S": 1})),
        STATE,
    )
    assert [m["type"] for m in messages] == ["STATE", "SCHEMA", "SCHEMA", "SCHEMA", "RECORD", "RECORD", "STATE"]
    assert messages[0] == messages[-1] == STATE | {"value": STATE["value"] | {"n": Decimal("1.10")}}


def test_version_and_extraction_time_go_with_every_record(
    run: Any, schema_message: Any, record_message: Any, sheet_row: Any, load: Any
) -> None:
    told = {"version": 17, "time_extracted": "2026-03-04T10:00:00.000001+00:00"}
    messages = run(
        schema_message("order_list_rows"),
        schema_message("loads"),
        record_message("order_list_rows", sheet_row(ORDER, {"S": 1, "M": -1}), **told),
        record_message("loads", load("order_list_rows"), **told),
    )
    found = [m for m in messages if m["type"] == "RECORD"]
    assert {m["stream"] for m in found} == {*OUTPUTS["order_list_rows"], *OUTPUTS["loads"]}
    assert all(told.items() <= m.items() for m in found)


@pytest.mark.parametrize("stream", OUTPUTS)
def test_a_version_is_activated_on_what_the_stream_becomes(run: Any, stream: str) -> None:
    messages = run({"type": "ACTIVATE_VERSION", "stream": stream, "version": 17})
    assert messages == [{"type": "ACTIVATE_VERSION", "stream": name, "version": 17} for name in OUTPUTS[stream]]


def test_interleaved_streams_keep_their_own_columns_and_books(  # noqa: PLR0917  (fixtures)
    run: Any,
    schema_message: Any,
    record_message: Any,
    view_properties: Any,
    view_row: Any,
    sheet_row: Any,
    records: Any,
) -> None:
    packed = {"Customer": "BRAND A", "Qty": 4, "Size": "S"}
    messages = run(
        schema_message("shipped", view_properties("shipped")),
        schema_message("order_list_rows"),
        record_message("order_list_rows", sheet_row(ORDER, {"S": 1})),
        record_message("shipped", view_row("shipped", packed, load="c" * 32)),
        schema_message("packed_products", view_properties("packed_products")),
        record_message("packed_products", view_row("packed_products", packed, load="d" * 32)),
        record_message("order_list_rows", sheet_row(ORDER, {"M": 2}, row=3)),
    )
    assert [line["ordered_qty"] for line in records(messages, "stg_orders_sharepoint")] == [1, 2]
    assert [c["qty"] for c in records(messages, "stg_packed") + records(messages, "stg_shipped")] == [4, 4]


SOURCE_FILE = {
    "file_id": "f" * 32,
    "name": "BRAND A.xlsx",
    "path": "brands/BRAND A.xlsx",
    "size_bytes": 1024,
    "etag": None,
    "content_hash": "0" * 64,
    "modified_at": "2026-03-04T10:00:00Z",
    "sheet": "MASTER",
    "header_row": 3,
    "status": "read",
    "error": None,
    "listed_at": "2026-03-04T11:00:00+00:00",
    "load_id": "a" * 32,
}


def test_source_files_and_loads_pass_on_with_all_fields_of_their_model(
    run: Any, schema_message: Any, record_message: Any, load: Any, records: Any
) -> None:
    short = {key: SOURCE_FILE[key] for key in ("file_id", "name", "path", "status", "listed_at")}
    messages = run(
        schema_message("source_files"),
        schema_message("loads"),
        record_message("source_files", SOURCE_FILE),
        record_message("source_files", short),
        record_message("loads", load("shipped", qty=12.5, window_from="2026-01-01", window_to=None)),
    )
    first, second = records(messages, "source_files")
    assert first == SOURCE_FILE | {"listed_at": "2026-03-04T11:00:00Z"}
    assert second == dict.fromkeys(SOURCE_FILE) | short | {"listed_at": "2026-03-04T11:00:00Z"}
    (sent,) = records(messages, "loads")
    assert sent == load("shipped", qty=Decimal("12.5"), window_from="2026-01-01")


@pytest.mark.parametrize(
    ("stream", "change", "named"),
    [
        ("source_files", {"status": "lost"}, "status"),
        ("source_files", {"path": "x" * 401}, "path"),
        ("source_files", {"listed_at": None}, "listed_at"),
        ("source_files", {"owner": "someone"}, "owner"),
        ("loads", {"kind": "guess"}, "kind"),
        ("loads", {"rows": "many"}, "rows"),
    ],
)
def test_a_ledger_record_that_breaks_its_model_is_refused_by_field(  # noqa: PLR0917  (fixtures)
    run: Any, schema_message: Any, record_message: Any, load: Any, stream: str, change: dict[str, Any], named: str
) -> None:
    content = (SOURCE_FILE if stream == "source_files" else load("shipped")) | change
    with pytest.raises(
        ContractError, match=rf"{stream}: a record breaks the contract with the tap: {named}: "
    ) as refused:
        run(schema_message(stream), record_message(stream, content))
    assert str(next(iter(change.values()))) not in str(refused.value) or change == {"listed_at": None}


@pytest.mark.parametrize("missing", ["load_id", "row_number", "cells", "sizes", "source_file", "file_id"])
def test_a_sheet_row_without_its_envelope_is_refused_by_field(read_sheet: Any, sheet_row: Any, missing: str) -> None:
    row = {key: value for key, value in sheet_row(ORDER, {"S": 1}).items() if key != missing}
    with pytest.raises(ContractError, match=rf"order_list_rows: .*`{missing}`"):
        read_sheet(row)


@pytest.mark.parametrize("cells", ["", "[", '{"a": 1}', '[["a"]]', '[["a", 1, 2]]', "[[1, 2]]", "[1]"])
def test_cells_that_are_no_pairs_are_refused_with_row_and_file(read_sheet: Any, sheet_row: Any, cells: str) -> None:
    with pytest.raises(
        ContractError, match=r"order_list_rows: row 2 of 'brands/BRAND A\.xlsx' does not hold its cells"
    ):
        read_sheet(sheet_row(ORDER, {"S": 1}) | {"cells": cells})


def test_a_source_too_long_even_for_quarantine_is_refused_by_name(read_sheet: Any, sheet_row: Any) -> None:
    with pytest.raises(ContractError, match=r"cannot be kept even in quarantine: source has 401 characters"):
        read_sheet(sheet_row(ORDER, {"S": 1}, path="x" * 401))


@pytest.mark.parametrize("stream", ["order_list_rows", "loads", "order_hdr"])
def test_a_record_before_its_schema_is_refused(run: Any, record_message: Any, stream: str) -> None:
    with pytest.raises(ContractError, match=rf"A record of '{stream}' came before its SCHEMA"):
        run(record_message(stream, {}))


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        '{"type": "RECORD", "stream": "x", "rec',
        "[]",
        "7",
        "{}",
        '{"type": "RECORD", "stream": "x"}',
        '{"type": "STATE"}',
        '{"type": "SCHEMA", "schema": {}}',
        '{"type": "STATE", "value": ' + "9" * 5000 + "}",
        '{"type": ["RECORD"]}',
    ],
)
def test_a_line_that_is_no_singer_message_is_refused_by_its_number(replay: Any, line: str) -> None:
    with pytest.raises(
        ContractError, match=r"Line 2 of the input is (no Singer message|a message of the unknown type)"
    ):
        replay(['{"type":"STATE","value":{}}', line])


def test_an_unknown_message_type_is_refused_by_its_number(replay: Any) -> None:
    with pytest.raises(ContractError, match=r"Line 1 of the input is a message of the unknown type 'LOG'"):
        replay(['{"type":"LOG"}'])


def test_a_batch_before_its_schema_is_refused(run: Any) -> None:
    with pytest.raises(ContractError, match="A batch of 'order_list_rows' came before its SCHEMA"):
        run({"type": "BATCH", "stream": "order_list_rows", "encoding": {}, "manifest": []})


def test_a_relative_rules_path_starts_at_the_project(
    run: Any, config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)
    with pytest.raises(RulesError, match="no such folder"):
        run(STATE, rules_path=Path("config"))
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    assert len(run(STATE, rules_path=Path("config"))) == 1
    monkeypatch.delenv("MELTANO_PROJECT_ROOT")
    monkeypatch.chdir(tmp_path)
    assert len(run(STATE, rules_path=Path("config"))) == 1
    assert len(run(STATE, rules_path=None)) == 1


def test_a_load_that_was_cut_off_is_named_in_the_log_and_has_no_counts(  # noqa: PLR0917  (fixtures)
    run: Any, schema_message: Any, record_message: Any, sheet_row: Any, records: Any, caplog: pytest.LogCaptureFixture
) -> None:
    row = record_message("order_list_rows", sheet_row(ORDER, {"S": 1}))
    messages = run(schema_message("order_list_rows"), row)
    assert records(messages, "load_counts") == []
    assert "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa of order_list_rows has no loads record" in caplog.text
