"""Many rows come into a SQLite file by a file of their own: stored as the driver stores them, or nothing of them is."""

from __future__ import annotations

import signal
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from adbc_driver_manager import AdbcStatusCode, dbapi
from target_mssql.dialects import side_file
from target_mssql.dialects import sqlite as dialect
from target_mssql.errors import LoadError

PROPERTIES = {
    "id": {"type": "integer"},
    "text": {"type": ["string", "null"]},
    "found": {"type": ["string", "null"], "maxLength": 40},
    "cleaned": {"type": ["string", "null"], "maxLength": 40},
    "integer": {"type": ["integer", "null"]},
    "small": {"type": ["integer", "null"], "minimum": -9, "maximum": 99},
    "double": {"type": ["number", "null"]},
    "price": {"type": ["number", "null"], "multipleOf": 0.0001, "minimum": -9999999, "maximum": 9999999},
    "exact": {"type": ["string", "null"], "format": "singer.decimal", "precision": 38, "scale": 10},
    "flag": {"type": ["boolean", "null"]},
    "day": {"type": ["string", "null"], "format": "date"},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "hour": {"type": ["string", "null"], "format": "time"},
    "tags": {"type": ["array", "null"]},
    "cells": {"type": ["object", "null"]},
    "one": {"type": ["integer", "null"]},
    "half": {"type": ["number", "null"]},
    "nul": {"type": ["string", "null"]},
    "nothing": {"type": ["integer", "null"]},
}
NAMES = ["NAVY", None, "it's 'one'", "", "NAVY"]
COLUMNS = {
    "id": pa.array([5, 3, 1, 4, 2]),
    "text": pa.array(["a\x00b", "", None, "\N{PILE OF POO} \u20ac", " 007 "]),
    "found": pa.array(NAMES).dictionary_encode(),
    "cleaned": pa.array(NAMES).dictionary_encode(),
    "integer": pa.array([2**53 + 1, -(2**63), 2**63 - 1, None, 0]),
    "small": pa.array([1, None, -9, 99, 0], pa.int8()),
    "double": pa.array([1.0, 1e300, -0.0, None, 0.1]),
    "price": pa.array([Decimal("12.5"), Decimal(3), None, Decimal("-0.0001"), Decimal(9999999)], pa.decimal128(18, 4)),
    "exact": pa.array(
        [Decimal("9" * 25 + ".0123456789"), None, Decimal(1), Decimal("0.5"), Decimal(-1)], pa.decimal128(38, 10)
    ),
    "flag": pa.array([True, False, None, True, False]),
    "day": pa.array([date(2026, 3, 4), None, date(1, 1, 1), date(9999, 12, 31), date(2026, 3, 4)]),
    "moment": pa.array([datetime(2026, 3, 4, 10, 0, 0, 5, UTC), None, *[datetime(1999, 1, 1, tzinfo=UTC)] * 3]),
    "hour": pa.array([time(1, 2, 3), None, time(0), time(23, 59, 59, 5), time(1, 2, 3)]),
    "tags": pa.array([["a"], [], None, ["\u20ac"], ["a", "b"]]),
    "cells": pa.array(['{"a":1.50}', None, "null", "{}", '{"b":[]}']),
    "one": pa.array([7] * 5).dictionary_encode(),
    "half": pa.array([0.5] * 5),
    "nul": pa.array(["a\x00b"] * 5),
    "nothing": pa.nulls(5, pa.int64()),
}
FIELDS = [
    pa.field(name, array.type, metadata={"singer": "json"} if name == "cells" else None)
    for name, array in COLUMNS.items()
]
SCHEMA = {
    "type": "SCHEMA",
    "stream": "lines",
    "schema": {"type": "object", "properties": PROPERTIES},
    "key_properties": ["id"],
}
STATE = {"type": "STATE", "value": {"at": 3}}


@pytest.fixture(autouse=True)
def _many_are_two(monkeypatch):
    monkeypatch.setattr(dialect, "SIDE_ROWS", 2)


@pytest.fixture
def at(sqlite):
    """Make a database at a URL."""
    return type(sqlite)


def parquet(path, columns=COLUMNS):
    """Write the rows."""
    fields = [field for field in FIELDS if field.name in columns]
    pq.write_table(pa.Table.from_arrays([columns[one.name] for one in fields], schema=pa.schema(fields)), path)
    return path


def batch(path):
    return {"type": "BATCH", "stream": "lines", "encoding": {"format": "parquet"}, "manifest": [path.as_uri()]}


def stored(database):
    """Give the values as they stand in the file, with their types, in the order of their id."""
    with closing(sqlite3.connect(database.engine.url.database)) as connection:
        shown = ", ".join(f'"{name}", typeof("{name}")' for name in PROPERTIES)
        return connection.execute(f"SELECT {shown} FROM lines ORDER BY id").fetchall()  # noqa: S608  our own names


def left(tmp_path):
    return [path.name for path in tmp_path.rglob("*-load*")]


@pytest.fixture
def side_files(monkeypatch):
    """Look at the mode of each file as it is written."""
    seen = []
    write = side_file.write

    def looked_at(path, table, columns, **given):
        write(path, table, columns, **given)
        seen.append(stat.S_IMODE(path.stat().st_mode))

    monkeypatch.setattr(side_file, "write", looked_at)
    return seen


def test_values_are_stored_as_the_driver_stores_them(at, tmp_path, monkeypatch, side_files):
    ways = []
    for name, many in (("driver", 100), ("file", 2)):
        monkeypatch.setattr(dialect, "SIDE_ROWS", many)
        database = at(f"sqlite:///{tmp_path}/{name}.db")
        run = database.load([SCHEMA, batch(parquet(tmp_path / "a.parquet")), STATE])
        assert run.states == [STATE["value"]]
        ways.append(stored(database))
    assert ways[0] == ways[1]
    assert len(ways[0]) == 5
    assert len(side_files) == 1


def test_tables_of_before_get_the_same_values(at, tmp_path, monkeypatch):
    """Columns declared otherwise than the target declares them: SQLite brings values into the form they ask for."""
    kinds = {
        "id": "INT",
        "small": "NUMERIC",
        "text": "CLOB",
        "day": "DATE",
        "price": "DECIMAL(18, 4)",
        "flag": "BOOLEAN",
    }
    declared = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    columns = {name: array for name, array in COLUMNS.items() if name in kinds}
    properties = {name: PROPERTIES[name] for name in columns}
    ways = []
    for name, many in (("driver", 100), ("file", 2)):
        monkeypatch.setattr(dialect, "SIDE_ROWS", many)
        database = at(f"sqlite:///{tmp_path}/{name}.db")
        database.execute(f"CREATE TABLE lines ({declared})")
        schema = SCHEMA | {"schema": {"type": "object", "properties": properties}}
        database.load([schema, batch(parquet(tmp_path / "a.parquet", columns=columns))], allow_schema_changes=False)
        with closing(sqlite3.connect(database.engine.url.database)) as connection:
            shown = ", ".join(f'"{name}", typeof("{name}")' for name in columns)
            rows = connection.execute(f"SELECT {shown} FROM lines ORDER BY rowid").fetchall()  # noqa: S608  our own names
            ways.append(rows)
    assert ways[0] == ways[1]


def disk_full(*_, **__):
    raise dbapi.OperationalError("database or\ndisk is full", status_code=AdbcStatusCode.IO)


def not_a_database(path, *_, **__):
    path.write_bytes(b"no database" * 1000)


def without_a_column(path, table, columns, **given):
    side_file_write(path, table, dict(list(columns.items())[1:]), **given)


side_file_write = side_file.write


@pytest.mark.parametrize(
    ("place", "fault", "told"),
    [
        (
            (dbapi.Cursor, "adbc_ingest"),
            disk_full,
            "warehouse.db-load, by which rows come into the database, cannot be ",
        ),
        ((side_file, "write"), not_a_database, "SQLITE_NOTADB"),
        ((side_file, "write"), without_a_column, "no such column"),
    ],
    ids=["ingesting", "attaching", "copying"],
)
def test_after_a_fault_nothing_is_there_and_the_next_run_loads_all(sqlite, tmp_path, place, fault, told):
    path = parquet(tmp_path / "a.parquet")
    sqlite.load([SCHEMA])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*place, fault)
        run = sqlite.run([SCHEMA, batch(path), STATE])
    assert isinstance(run.error, LoadError)
    assert "stream 'lines': appending to table lines" in str(run.error)
    assert told in str(run.error)
    assert "\n" not in str(run.error)
    assert (run.states, stored(sqlite), path.exists(), left(tmp_path)) == ([], [], True, [])
    sqlite.load([SCHEMA, batch(path), STATE])
    assert [row[0] for row in stored(sqlite)] == [1, 2, 3, 4, 5]
    assert not path.exists()


def test_a_file_that_may_not_be_written_is_named(sqlite, tmp_path):
    (tmp_path / "warehouse.db-load").mkdir()
    run = sqlite.run([SCHEMA, batch(parquet(tmp_path / "a.parquet")), STATE])
    assert isinstance(run.error, LoadError)
    assert f"{tmp_path}/warehouse.db-load, by which rows come into the database, cannot be written" in str(run.error)
    assert "stream 'lines'" in str(run.error)


KILLED = """
import os, signal
from target_mssql.dialects import side_file, sqlite
from target_mssql.target import TargetMSSQL
sqlite.SIDE_ROWS = 2
def then_killed(owner, name):
    work = getattr(owner, name)
    def killed(*arguments, **given):
        work(*arguments, **given)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, killed)
then_killed(*{place})
TargetMSSQL.cli()
"""


@pytest.mark.parametrize(
    ("place", "leaves"),
    [
        ("(side_file, 'write')", ["warehouse.db-load"]),
        ("(sqlite.SQLiteDialect, '_open_side_file')", []),
        ("(sqlite.SQLiteDialect, 'append_columns')", []),
    ],
    ids=["written", "attached", "copied"],
)
def test_a_kill_loses_nothing_and_doubles_nothing(sqlite, tmp_path, place, leaves):
    path = parquet(tmp_path / "a.parquet")
    sqlite.load([SCHEMA])
    done = sqlite.run_program(KILLED.replace("{place}", place), [SCHEMA, batch(path), STATE], tmp_path)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
    assert (stored(sqlite), path.exists(), left(tmp_path)) == ([], True, leaves)
    sqlite.load([SCHEMA, batch(path), STATE])
    assert [row[0] for row in stored(sqlite)] == [1, 2, 3, 4, 5]
    assert (path.exists(), left(tmp_path)) == (False, [])


@pytest.mark.parametrize("name", ["a b", "100%", "it's", "50%20#1"])
def test_any_path_will_do(at, tmp_path, side_files, name):
    (tmp_path / name).mkdir()
    database = at(f"sqlite:///{tmp_path}/{name}/{name}.db")
    database.load([SCHEMA, batch(parquet(tmp_path / "a.parquet"))])
    assert (len(stored(database)), len(side_files)) == (5, 1)


def test_a_path_below_meltano_s_project_with_a_question_mark_will_do(at, tmp_path, monkeypatch, side_files):
    root = tmp_path / "why?mode=ro"
    root.mkdir()
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(root))
    database = at("sqlite:///output/warehouse.db")
    database.load([SCHEMA, batch(parquet(tmp_path / "a.parquet"))])
    assert (len(stored(database)), len(side_files)) == (5, 1)


def test_who_may_not_read_the_database_may_not_read_the_file(sqlite, tmp_path, side_files):
    sqlite.load([SCHEMA])
    (tmp_path / "warehouse.db").chmod(0o600)
    sqlite.load([SCHEMA, batch(parquet(tmp_path / "a.parquet"))])
    assert side_files == [0o600]


def test_a_database_of_another_encoding_will_do(sqlite, tmp_path, side_files):
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as connection:
        connection.executescript("PRAGMA encoding = 'UTF-16le'; CREATE TABLE other (a)")
    sqlite.load([SCHEMA, batch(parquet(tmp_path / "a.parquet"))])
    assert (len(stored(sqlite)), len(side_files)) == (5, 1)


@pytest.mark.parametrize(
    "settings", [{"load_method": "upsert"}, {"load_method": "overwrite"}, {"atomic": True}], ids=str
)
def test_staged_rows_go_by_the_driver(sqlite, tmp_path, side_files, settings):
    sqlite.load([SCHEMA, batch(parquet(tmp_path / "a.parquet"))], **settings)
    assert (len(stored(sqlite)), side_files) == (5, [])


def test_a_database_in_memory_goes_by_the_driver(at, tmp_path, side_files):
    at("sqlite://").load([SCHEMA, batch(parquet(tmp_path / "a.parquet"))])
    assert side_files == []


def test_a_value_that_does_not_fit_is_named_as_ever(sqlite, tmp_path):
    sqlite.load([SCHEMA])
    columns = COLUMNS | {"found": pa.array(["NAVY"] * 4 + ["x" * 41]).dictionary_encode()}
    path = parquet(tmp_path / "a.parquet", columns=columns)
    run = sqlite.run([SCHEMA, batch(path), STATE], allow_schema_changes=False)
    assert isinstance(run.error, LoadError)
    assert "column 'found' of the record with id=2: a text of 41" in str(run.error)
    assert (stored(sqlite), path.exists()) == ([], True)


def test_arrow_s_driver_is_not_imported_for_few_rows(sqlite, tmp_path):
    code = (
        "import sys; from target_mssql.target import TargetMSSQL; TargetMSSQL.cli(standalone_mode=False);"
        "sys.exit(3 if {'adbc_driver_manager', 'adbc_driver_sqlite'} & sys.modules.keys() else 0)"
    )
    done = sqlite.run_program(code, [SCHEMA, batch(parquet(tmp_path / "a.parquet"))], tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(stored(sqlite)) == 5
