"""Rows that come in files: the same in the table as by record, counted, committed before their file goes."""

from __future__ import annotations

import gzip
import json
import signal
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from target_mssql import batches as batches_module
from target_mssql.batches import local_path
from target_mssql.dialects.sqlite import SQLiteDialect
from target_mssql.errors import LoadError

PROPERTIES = {
    "id": {"type": "integer"},
    "name": {"type": ["string", "null"], "maxLength": 6},
    "note": {"type": ["string", "null"]},
    "price": {"type": ["number", "null"], "multipleOf": 0.0001, "minimum": -9999999, "maximum": 9999999},
    "day": {"type": ["string", "null"], "format": "date"},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "flag": {"type": ["boolean", "null"]},
    "tags": {"type": ["array", "null"]},
}
TYPED = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.dictionary(pa.int32(), pa.string())),
        ("note", pa.string()),
        ("price", pa.decimal128(18, 4)),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us", "UTC")),
        ("flag", pa.bool_()),
        ("tags", pa.list_(pa.string())),
    ]
)
ROWS = [
    [1, "NAVY", "a note", Decimal("12.5000"), date(2026, 3, 4), datetime(2026, 3, 4, 10, 0, 0, 5, UTC), True, ["a"]],
    [2, None, None, None, None, None, None, None],
    [3, "NAVY", "", Decimal("-0.0001"), date(1999, 12, 31), datetime(2026, 3, 4, tzinfo=UTC), False, []],
]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out put 100% #1"
    made.mkdir()
    return made


def typed(path, rows=ROWS, schema=TYPED):
    """Write a Parquet file of plain Arrow types, as other taps do."""
    records = [dict(zip(schema.names, row, strict=True)) for row in rows]
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path, row_group_size=2)
    return path


def batch(stream, *paths, form="parquet", **encoding):
    manifest = [path.as_uri() for path in paths]
    return {"type": "BATCH", "stream": stream, "encoding": {"format": form, **encoding}, "manifest": manifest}


def schema_message(stream="lines", properties=PROPERTIES, keys=("id",)):
    schema = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": list(keys)}


STATE = {"type": "STATE", "value": {"at": 3}}


@pytest.mark.parametrize("method", ["append-only", "upsert", "overwrite"])
def test_columns_of_arrow_types_are_stored_as_records_are(database, messages, folder, method):
    records = [json.loads(json.dumps(dict(zip(TYPED.names, row, strict=True)), default=plain)) for row in ROWS]
    database.load(messages("by_record", PROPERTIES, records, keys=["id"]), load_method=method)
    path = typed(folder / "a.parquet")
    run = database.load([schema_message("by_file"), batch("by_file", path), STATE], load_method=method)
    assert database.rows("by_file") == database.rows("by_record")
    assert run.states == [STATE["value"]]
    assert not path.exists()


def plain(value):
    return float(value) if isinstance(value, Decimal) else value.isoformat()


def test_columns_that_hold_the_same_texts_are_bound_once_and_stored_each(sqlite, folder):
    found = ["NAVY", None, "black", "NAVY"]
    columns = {"id": [1, 2, 3, 4], "found": found, "cleaned": found, "other": ["NAVY", None, "BLACK", "NAVY"]}
    texts = {name: pa.array(values).dictionary_encode() for name, values in columns.items() if name != "id"}
    pq.write_table(pa.table({"id": columns["id"], **texts}), folder / "a.parquet")
    text = {"type": ["string", "null"], "maxLength": 12}
    properties = {"id": {"type": "integer"}} | dict.fromkeys(texts, text)
    sqlite.load([schema_message(properties=properties), batch("lines", folder / "a.parquet"), STATE])
    stored = sorted(sqlite.rows("lines"), key=lambda row: row["id"])
    assert stored == [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("settings", [{"validate_records": True}, {"add_record_metadata": True}])
def test_settings_that_work_on_records_work_on_files(sqlite, folder, settings):
    path = folder / "a.parquet"
    table = pa.table({"id": [1, 2], "name": ["a", None]})
    pq.write_table(table, path)
    properties = {name: PROPERTIES[name] for name in ("id", "name")}
    sqlite.load([schema_message(properties=properties), batch("lines", path), STATE], **settings)
    assert [(row["id"], row["name"]) for row in sqlite.rows("lines", "id", "name")] == [(1, "a"), (2, None)]
    assert ("_sdc_received_at" in sqlite.table("lines").c) == ("add_record_metadata" in settings)
    assert not path.exists()


def test_json_lines_of_another_tap_are_read_and_counted(sqlite, folder, caplog):
    path = folder / "a b.json.gz"
    path.write_bytes(gzip.compress(b'{"id": 1, "note": "x"}\n{"id": 2, "note": null}\n'))
    properties = {name: PROPERTIES[name] for name in ("id", "note")}
    caplog.set_level("INFO")
    lines = [schema_message(properties=properties), batch("lines", path, form="jsonl", compression="gzip"), STATE]
    run = sqlite.load(lines)
    assert sqlite.rows("lines") == [{"id": 1, "note": "x"}, {"id": 2, "note": None}]
    assert run.states == [STATE["value"]]
    assert not path.exists()
    assert "stream 'lines': 2 records received, 2 committed" in caplog.text


def test_a_line_that_is_no_json_is_named_and_keeps_the_file(sqlite, folder):
    path = folder / "a.jsonl"
    path.write_text('{"id": 1}\n{"id":\n')
    run = sqlite.run([schema_message(), batch("lines", path, form="jsonl"), STATE])
    assert isinstance(run.error, LoadError)
    assert "line 2 of batch file" in str(run.error)
    assert run.states == []
    assert path.exists()


def test_an_unknown_format_is_refused_with_what_to_set(sqlite, folder):
    run = sqlite.run([schema_message(), batch("lines", typed(folder / "a"), form="avro")])
    assert isinstance(run.error, LoadError)
    assert "format 'avro' cannot be read; set the tap's batch_config.encoding.format" in str(run.error)


def test_a_file_that_is_cut_off_is_named_and_nothing_of_it_is_there(sqlite, folder):
    path = typed(folder / "a.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    run = sqlite.run([schema_message(), batch("lines", path), STATE])
    assert isinstance(run.error, LoadError)
    assert "batch file file://" in str(run.error)
    assert "ArrowInvalid" in str(run.error)
    assert sqlite.rows("lines") == []
    assert path.exists()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            [4, "much too long", None, None, None, None, None, None],
            "column 'name' of the record with id=4: a text of 13",
        ),
        ([4, "🙂" * 4, None, None, None, None, None, None], "column 'name' of the record with id=4: a text of 8"),
        ([None, "a", None, None, None, None, None, None], "key 'id' is null in the record with id=None"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_of_its_file_is_there(sqlite, folder, row, told):
    sqlite.load([schema_message()])
    path = typed(folder / "a.parquet", [*ROWS, row])
    run = sqlite.run([schema_message(), batch("lines", path), STATE], allow_schema_changes=False)
    assert isinstance(run.error, LoadError)
    assert told in str(run.error)
    assert sqlite.rows("lines") == []
    assert run.states == []
    assert path.exists()


def test_a_key_that_is_there_already_is_refused_with_stream_and_columns(sqlite, folder):
    sqlite.load([schema_message(), batch("lines", typed(folder / "a.parquet"))], load_method="upsert")
    again = typed(folder / "b.parquet", ROWS[2:])
    run = sqlite.run([schema_message(), batch("lines", again)])
    assert isinstance(run.error, LoadError)
    assert "stream 'lines': appending to table lines: SQLite says SQLITE_CONSTRAINT_PRIMARYKEY" in str(run.error)
    assert "lines.id" in str(run.error)
    assert again.exists()


def test_records_before_and_after_a_file_keep_their_order(sqlite, folder):
    def record(note):
        return {"type": "RECORD", "stream": "lines", "record": {"id": 1, "note": note}}

    schema = schema_message(properties={name: PROPERTIES[name] for name in ("id", "note")})
    form = pa.schema([("id", pa.int64()), ("note", pa.string())])
    lines = [schema, record("first"), batch("lines", typed(folder / "a", [[1, "second"]], form))]
    sqlite.load(lines, load_method="upsert")
    assert sqlite.rows("lines") == [{"id": 1, "note": "second"}]
    lines = [schema, batch("lines", typed(folder / "b", [[1, "third"]], form)), record("fourth")]
    sqlite.load(lines, load_method="upsert")
    assert sqlite.rows("lines") == [{"id": 1, "note": "fourth"}]


def test_files_of_gathered_rows_stay_until_those_are_committed(sqlite, folder):
    path = typed(folder / "a.parquet")
    lines = [schema_message(), batch("lines", path), "no message"]
    assert sqlite.run(lines, load_method="overwrite").error is not None
    assert sqlite.rows("lines") == []
    assert path.exists()
    sqlite.load(lines[:2], load_method="overwrite")
    assert len(sqlite.rows("lines")) == 3
    assert not path.exists()


def test_files_stay_where_cleaning_up_is_off(sqlite, folder):
    path = typed(folder / "a.parquet")
    sqlite.load([schema_message(), batch("lines", path)], clean_up_batch_files=False)
    assert path.exists()


def test_a_load_s_record_that_came_before_waits_for_no_file_after_it(sqlite, folder):
    """What a stream in `commit_last` is held back for is what came before its record, in files too."""
    loads = {"load_id": {"type": "string"}}
    path = typed(folder / "a.parquet")
    lines = [
        schema_message("loads", loads, ["load_id"]),
        schema_message(),
        batch("lines", path),
        {"type": "RECORD", "stream": "loads", "record": {"load_id": "x"}},
        batch("lines", folder / "missing.parquet"),
    ]
    run = sqlite.run(lines, commit_last=["loads"], batch_size_rows=1)
    assert "missing.parquet" in str(run.error)
    assert len(sqlite.rows("lines")) == 3
    assert len(sqlite.rows("loads")) == 1


@pytest.fixture
def appended(monkeypatch):
    """Count the rows of each transaction that appends columns."""
    seen = []
    append = SQLiteDialect.append_columns

    def counted(self, *arguments):
        seen.append(append(self, *arguments))
        return seen[-1]

    monkeypatch.setattr(SQLiteDialect, "append_columns", counted)
    return seen


def test_a_large_file_is_several_transactions(sqlite, folder, monkeypatch, appended):
    monkeypatch.setattr(batches_module, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(batches_module, "ROWS_TOGETHER", 3)
    sqlite.load([schema_message(), batch("lines", typed(folder / "a.parquet"))])
    assert [row["id"] for row in sqlite.rows("lines", "id")] == [1, 2, 3]
    assert appended == [2, 1]


@pytest.mark.parametrize("limit", [("ROWS_TOGETHER", 4), ("BYTES_TOGETHER", 1500)])
def test_small_files_are_one_transaction_and_removed_after_it(sqlite, folder, monkeypatch, appended, limit):
    paths = [typed(folder / f"{number}", [[3 * number + row[0], *row[1:]] for row in ROWS]) for number in range(5)]
    monkeypatch.setattr(batches_module, *limit)
    lines = [schema_message(), batch("lines", *paths[:2]), batch("lines", paths[2]), batch("lines", *paths[3:])]
    assert sqlite.run([*lines[:3], "no message"]).error is not None
    assert appended == [6]
    assert [path.exists() for path in paths] == [False, False, True, True, True]
    sqlite.load([lines[0], *[batch("lines", path) for path in paths[2:]], STATE])
    assert appended == [6, 6, 3]
    assert sorted(row["id"] for row in sqlite.rows("lines", "id")) == list(range(1, 16))
    assert not any(path.exists() for path in paths)


def test_small_files_of_other_columns_are_another_transaction(sqlite, folder, appended):
    paths = [
        typed(folder / "a"),
        typed(folder / "b", [[4, "NAVY"]], pa.schema([("id", pa.int64()), ("note", pa.string())])),
    ]
    sqlite.load([schema_message(), batch("lines", *paths), STATE])
    assert appended == [3, 1]
    assert {row["id"]: row["note"] for row in sqlite.rows("lines", "id", "note")} == {
        1: "a note",
        2: None,
        3: "",
        4: "NAVY",
    }


def test_a_fault_in_one_of_several_small_files_keeps_all_of_them(sqlite, folder):
    sqlite.load([schema_message()], load_method="upsert")
    paths = [typed(folder / "a"), typed(folder / "b", ROWS[2:])]
    run = sqlite.run([schema_message(), batch("lines", *paths), STATE])
    assert "stream 'lines': appending to table lines: SQLite says SQLITE_CONSTRAINT_PRIMARYKEY" in str(run.error)
    assert (sqlite.rows("lines"), run.states) == ([], [])
    assert all(path.exists() for path in paths)


def test_a_file_without_rows_is_removed(sqlite, folder):
    path = typed(folder / "a.parquet", [])
    assert sqlite.load([schema_message(), batch("lines", path), STATE]).states == [STATE["value"]]
    assert not path.exists()


IDS = {
    "load_id": {"type": "string", "maxLength": 32},
    "row_id": {"type": "string", "maxLength": 32},
    "note": {"type": ["string", "null"]},
}


def ids(path, notes, row_ids):
    """Write rows as our mapper does: texts that repeat are dictionary-encoded, a row group for every two rows."""
    columns = {
        "load_id": pa.array(["x"] * len(notes)).dictionary_encode(),
        "row_id": pa.array(row_ids),
        "note": pa.array(notes, pa.string()).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


@pytest.mark.parametrize("note", ["it's 'one'", "?", ":name %s", "a\x00b", "\N{SNOWMAN} --", "", None])
def test_a_text_that_is_the_same_in_every_row_is_stored_as_it_is(database, folder, note):
    lines = [schema_message("lines", IDS, ["load_id", "row_id"])]
    database.load([*lines, batch("lines", ids(folder / "a.parquet", [note] * 3, ["c", "a", "b"]))])
    assert [row["note"] for row in database.rows("lines", "row_id", "note")] == [note] * 3


def test_row_groups_with_dictionaries_of_their_own_keep_their_values(sqlite, folder):
    notes = ["one", "two", "two", None, "three"]
    path = ids(folder / "a.parquet", notes, ["e", "a", "d", "b", "c"])
    sqlite.load([schema_message("lines", IDS, ["load_id", "row_id"]), batch("lines", path)])
    stored = {row["row_id"]: row["note"] for row in sqlite.rows("lines", "row_id", "note")}
    assert stored == {"a": "two", "b": None, "c": "three", "d": "two", "e": "one"}


def test_of_rows_with_one_key_the_last_in_the_file_wins(sqlite, folder):
    path = ids(folder / "a.parquet", ["first", "other", "last"], ["b", "a", "b"])
    lines = [schema_message("lines", IDS, ["load_id", "row_id"]), batch("lines", path)]
    sqlite.load(lines, load_method="upsert")
    assert [row["note"] for row in sqlite.rows("lines", "row_id", "note")] == ["last", "other"]


KILLED_BEFORE_COMMIT = """
import os, signal, sys
import sqlalchemy as sa
from target_mssql.dialects.sqlite import SQLiteDialect
from target_mssql.target import TargetMSSQL
append = SQLiteDialect.append_columns
def killed(self, *arguments):
    append(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
SQLiteDialect.append_columns = killed
TargetMSSQL.cli()
"""


def test_a_kill_between_a_file_and_its_commit_leaves_nothing_twice(sqlite, folder, tmp_path):
    path = typed(folder / "a.parquet")
    sqlite.load([schema_message()])
    lines = [schema_message(), batch("lines", path), STATE]
    done = sqlite.run_program(KILLED_BEFORE_COMMIT, lines, tmp_path)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
    assert sqlite.rows("lines") == []
    assert path.exists()
    sqlite.load(lines)
    assert [row["id"] for row in sqlite.rows("lines", "id")] == [1, 2, 3]
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "path"),
    [("file:///a%20b/100%25", "/a b/100%"), ("/a%20b", "/a%20b"), ("s3://bucket/x", None)],
)
def test_a_url_is_decoded_and_a_path_is_taken_as_it_is(url, path):
    found = local_path(url)
    assert (None if found is None else str(found)) == path


def test_a_url_that_was_never_encoded_is_found_all_the_same(tmp_path):
    (tmp_path / "a%20b").touch()
    assert local_path(f"file://{tmp_path}/a%20b") == tmp_path / "a%20b"


def test_arrow_is_not_imported_for_records(sqlite, tmp_path):
    code = (
        "import sys; from target_mssql.target import TargetMSSQL; TargetMSSQL.cli(standalone_mode=False);"
        "sys.exit(3 if {'pyarrow', 'pandas'} & sys.modules.keys() else 0)"
    )
    record = {"type": "RECORD", "stream": "lines", "record": {"id": 1}}
    done = sqlite.run_program(code, [schema_message(), record], tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(sqlite.rows("lines")) == 1
