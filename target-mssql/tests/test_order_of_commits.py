"""What is committed when: a load's own record after its rows, no state before its records, and proof at the end."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from target_mssql.dialects import dialect_for
from target_mssql.errors import LoadError
from target_mssql.load import StreamLoad

ROWS = {"load_id": {"type": "string", "maxLength": 32}, "row_number": {"type": "integer"}}
LOADS = {"load_id": {"type": "string", "maxLength": 32}, "rows": {"type": "integer"}}


@pytest.fixture
def committed(sqlite, monkeypatch):
    """Look at the tables after every commit: for each, which loads have a record, and how many rows they have."""
    seen = []
    kind = type(dialect_for(sa.make_url(sqlite.url)))
    make = kind.engine

    def engine(self, authentication):
        made = make(self, authentication)

        @sa.event.listens_for(made, "begin")
        def look(_connection):
            names = sqlite.names()
            if "loads" in names and "order_list" in names:
                rows = [row["load_id"] for row in sqlite.rows("order_list")]
                seen.append({row["load_id"]: (row["rows"], rows.count(row["load_id"])) for row in sqlite.rows("loads")})

        return made

    monkeypatch.setattr(kind, "engine", engine)
    return seen


def readings(messages, loads, rows):
    """The messages of a tap: each load's rows, then its record."""
    lines = [messages("loads", LOADS, [], keys=["load_id"])[0], messages("order_list", ROWS, [])[0]]
    for number in range(loads):
        name = f"{number:032}"
        for row in range(rows):
            record = {"load_id": name, "row_number": row}
            lines.append({"type": "RECORD", "stream": "order_list", "record": record})
        lines.append({"type": "RECORD", "stream": "loads", "record": {"load_id": name, "rows": rows}})
    return lines


@pytest.mark.parametrize("settings", [{}, {"load_methods": {"order_list": "overwrite"}}, {"atomic": True}])
@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_a_load_s_record_is_never_there_before_its_rows(sqlite, messages, committed, settings, batch):
    sqlite.load(readings(messages, 5, 3), batch_size_rows=batch, commit_last=["loads"], **settings)
    last = sqlite.rows("loads")
    assert len(last) == 5
    assert committed
    assert all(rows == there for tables in committed for rows, there in tables.values())


def test_a_state_waits_for_the_rows_it_speaks_of(sqlite, messages, monkeypatch):
    """A state in the middle, as after five minutes, is held back while rows are gathered."""
    lines = messages("lines", {"id": {"type": "integer"}}, [{"id": 1}, {"id": 2}], keys=["id"])
    lines.insert(2, {"type": "STATE", "value": {"at": 1}})
    monkeypatch.setattr("target_mssql.target.TargetMSSQL._MAX_RECORD_AGE_IN_MINUTES", -1.0)
    assert sqlite.load(lines).states[0] == {"at": 1}
    assert sqlite.load(lines, load_method="overwrite").states == [{"at": 1}]
    run = sqlite.run([*lines, {"type": "RECORD", "stream": "lines", "record": {"id": None}}], load_method="overwrite")
    assert isinstance(run.error, LoadError)
    assert run.states == []


def test_rows_that_went_missing_end_the_run_with_their_stream(sqlite, messages, monkeypatch):
    write = StreamLoad.write
    monkeypatch.setattr(StreamLoad, "write", lambda self, rows: write(self, rows[1:]))
    lines = messages("lines", {"id": {"type": "integer"}}, [{"id": 1}, {"id": 2}])
    run = sqlite.run([*lines, {"type": "STATE", "value": {"at": 1}}])
    assert isinstance(run.error, LoadError)
    assert "stream 'lines': 2 records received, but 1 committed" in str(run.error)
    assert run.states == []


def test_one_line_a_stream_says_what_was_loaded(sqlite, messages, caplog):
    caplog.set_level("INFO")
    lines = messages("lines", {"id": {"type": "integer"}}, [{"id": 1}, {"id": 1}, {"id": 2}], keys=["id"])
    sqlite.load(lines, load_method="upsert")
    said = [record.message for record in caplog.records if record.message.startswith("stream 'lines'")]
    assert len(said) == 1
    assert "3 records received, 2 committed to table lines, 1 merged" in said[0]


def test_two_streams_of_one_table_are_refused(sqlite, messages):
    lines = [*messages("Lines", {"id": {"type": "integer"}}, []), *messages("lines", {"id": {"type": "integer"}}, [])]
    run = sqlite.run(lines)
    assert isinstance(run.error, LoadError)
    assert "want the same table" in str(run.error)


def test_stream_maps_rename_what_a_database_cannot_hold(sqlite, messages):
    lines = messages("lines", {"id": {"type": "integer"}, "": {"type": "string"}}, [{"id": 1, "": "x"}])
    assert isinstance(sqlite.run(lines).error, LoadError)
    sqlite.load(lines, stream_maps={"lines": {"__alias__": "ordered_lines", "": "__NULL__"}})
    assert sqlite.rows("ordered_lines") == [{"id": 1}]


def test_a_soft_delete_marks_old_versions_at_the_clean_end(sqlite, messages):
    settings = {"load_method": "upsert", "add_record_metadata": True}
    for version, ids in ((1, [1, 2]), (2, [2, 3])):
        schema, *records = messages("lines", {"id": {"type": "integer"}}, [{"id": n} for n in ids], keys=["id"])
        records = [record | {"version": version} for record in records]
        activate = {"type": "ACTIVATE_VERSION", "stream": "lines", "version": version}
        sqlite.load([schema, activate, *records, activate], **settings)
    rows = {row["id"]: row["_sdc_deleted_at"] for row in sqlite.rows("lines")}
    assert rows[1] is not None
    assert (rows[2], rows[3]) == (None, None)
