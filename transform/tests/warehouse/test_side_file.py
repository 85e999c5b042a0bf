"""Rows that come by a file of their own are stored as those that the driver is handed, and the file never stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from adbc_driver_manager import AdbcStatusCode, dbapi
from recon import inserting, side_file
from recon.inserting import insert, made_ready
from recon.warehouse.engine import WarehouseError, connect, writing

TABLE = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("name", sa.Unicode(20), primary_key=True),
    sa.Column("kind", sa.Unicode(20)),
    sa.Column("is_new", sa.Boolean),
    sa.Column("count", sa.Integer),
    sa.Column("many", sa.BigInteger),
    sa.Column("price", sa.Numeric(12, 4, asdecimal=False)),
    sa.Column("share", sa.Float),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime),
    sa.Column("noted", sa.UnicodeText),
)


def things(count=5):
    """Rows with a value missing in every column, in no order of their key."""
    number = np.arange(count)[::-1]

    def some(values):
        return [None if n % 5 == 4 else values[n % 4] for n in number]

    return pd.DataFrame(
        {
            "name": pd.Series([f"{n:06d} ü'" for n in number], dtype="str"),
            "kind": pd.Categorical(some(["a", "ß", "", "d;--"])),
            "is_new": pd.array(some([True, False, True, True]), dtype="boolean"),
            "count": pd.array(some([0, -3, 5, 7]), dtype="Int64"),
            "many": number.astype("int64") * 2**40,
            "price": pd.Series(some([1.5, 2.0, -0.0001, 1e15]), dtype="float64"),
            "share": pd.Series(some([0.1, 1.0, 3.0, 1e-300]), dtype="float64"),
            "day": pd.to_datetime(pd.Series(some(["2026-01-31", "1999-12-31", "2026-02-01", "2000-01-01"]))),
            "at": pd.to_datetime(
                pd.Series(some([datetime(2026, 1, 31, 4, 5, 6, n) for n in (0, 1, 999_999, 120_000)]))
            ),
            "noted": pd.Series(some(['{"a": 1}', "two\nlines", "\t", "日本"]), dtype="str"),
        }
    )


@pytest.fixture
def warehouse(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'a warehouse [1].db'}")
    TABLE.create(engine)
    yield engine
    engine.dispose()


def stored(engine):
    """Everything as SQLite has it, with its kind."""
    columns = ", ".join(f'typeof("{c.name}"), "{c.name}"' for c in TABLE.c)
    with engine.connect() as connection:
        return connection.execute(sa.text(f"SELECT {columns} FROM things ORDER BY name")).all()  # noqa: S608


def files(engine):
    return sorted(path.name for path in Path(engine.url.database).parent.iterdir() if "-side" in path.name)


def opened(connection):
    return [name for _, name, _ in connection.exec_driver_sql("PRAGMA database_list") if name.startswith("side")]


@pytest.fixture
def by_file(monkeypatch):
    monkeypatch.setattr(side_file, "SIDE_ROWS", 1)


def by_driver(*_):
    raise AssertionError("handed to the driver")


def test_rows_are_stored_as_the_driver_stores_them(warehouse, tmp_path, monkeypatch):
    other = connect(f"sqlite:///{tmp_path / 'other.db'}")
    TABLE.create(other)
    with writing(other) as connection:
        insert(connection, TABLE, things())
    monkeypatch.setattr(side_file, "SIDE_ROWS", 1)
    monkeypatch.setattr(side_file, "BATCH_ROWS", 2)
    monkeypatch.setattr(inserting, "_hand_over", by_driver)

    with writing(warehouse) as connection:
        insert(connection, TABLE, things())
        assert files(warehouse) == []

    assert stored(warehouse) == stored(other)
    assert len(stored(warehouse)) == 5
    other.dispose()


def test_no_rows_and_few_rows_need_no_file(warehouse, monkeypatch):
    monkeypatch.setattr(side_file, "_write", by_driver)

    with writing(warehouse) as connection:
        insert(connection, TABLE, things(0))
        insert(connection, TABLE, things(3))

    assert len(stored(warehouse)) == 3


@pytest.mark.usefixtures("by_file")
def test_more_files_than_sqlite_opens_are_handed_to_the_driver(warehouse):
    every = things(14)
    with writing(warehouse) as connection:
        for at in range(14):
            insert(connection, TABLE, every.iloc[[at]])
            assert files(warehouse) == []
        assert len(opened(connection)) == 10

    assert len(stored(warehouse)) == 14
    with writing(warehouse) as connection:  # the same connection, given back meanwhile
        assert opened(connection) == []


@pytest.mark.usefixtures("by_file")
def test_what_is_rolled_back_is_gone(warehouse):
    def broken_off():
        with writing(warehouse) as connection:
            insert(connection, TABLE, things())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()

    assert stored(warehouse) == []
    with writing(warehouse) as connection:
        insert(connection, TABLE, things())
    assert len(stored(warehouse)) == 5


@pytest.mark.usefixtures("by_file")
def test_what_was_made_ready_is_written_when_it_is_wanted(warehouse, monkeypatch):
    monkeypatch.setattr(inserting, "_hand_over", by_driver)

    with writing(warehouse) as connection, side_file.swept(warehouse):
        ready = made_ready(connection, TABLE, things())
        assert len(files(warehouse)) == 1
        assert ready.rows is None
        assert connection.execute(sa.select(TABLE)).all() == []
        ready.insert(connection)
        assert files(warehouse) == []

    assert len(stored(warehouse)) == 5


def test_few_rows_that_were_made_ready_are_handed_to_the_driver(warehouse):
    with writing(warehouse) as connection:
        ready = made_ready(connection, TABLE, things())
        assert files(warehouse) == []
        ready.insert(connection)

    assert len(stored(warehouse)) == 5


@pytest.mark.usefixtures("by_file")
def test_what_was_made_ready_is_never_left_out(warehouse):
    """Nobody has the rows any more, so that a file which cannot be opened is an error."""
    with writing(warehouse) as connection, side_file.swept(warehouse):
        ready = made_ready(connection, TABLE, things(11).iloc[10:])
        for at in range(10):
            insert(connection, TABLE, things(11).iloc[[at]])
        with pytest.raises(RuntimeError, match="things: no more files"):
            ready.insert(connection)


@pytest.mark.usefixtures("by_file")
def test_nobody_may_read_the_file_who_may_not_read_the_warehouse(warehouse, tmp_path):
    Path(warehouse.url.database).chmod(0o600)

    with writing(warehouse) as connection, side_file.swept(warehouse):
        made_ready(connection, TABLE, things())
        (name,) = files(warehouse)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("by_file")
def test_a_disk_that_is_full_is_told_on_one_line(warehouse, monkeypatch):
    def full(*_):
        raise dbapi.InternalError("database or disk is full", status_code=AdbcStatusCode.IO)

    monkeypatch.setattr(side_file, "_batches", full)

    with writing(warehouse) as connection, side_file.swept(warehouse):
        with pytest.raises(WarehouseError, match=r"^Cannot write .*-side-\w+, by which .* disk is full$"):
            insert(connection, TABLE, things())
        assert len(files(warehouse)) == 1

    assert files(warehouse) == []


@pytest.mark.usefixtures("by_file")
def test_files_of_a_killed_run_and_those_that_nobody_took_are_removed(warehouse, tmp_path):
    (tmp_path / "a warehouse [1].db-side-0a1b2c3d").write_bytes(b"left by a killed run")
    (tmp_path / "other.db-side-0a1b2c3d").write_bytes(b"of another warehouse")

    with writing(warehouse) as connection, side_file.swept(warehouse):
        assert files(warehouse) == ["other.db-side-0a1b2c3d"]
        made_ready(connection, TABLE, things())
        assert len(files(warehouse)) == 2

    assert files(warehouse) == ["other.db-side-0a1b2c3d"]


@pytest.mark.usefixtures("by_file")
def test_a_file_that_cannot_be_written_is_told_on_one_line(warehouse, monkeypatch):
    monkeypatch.setattr(side_file, "SIDE", "no/folder")

    with pytest.raises(WarehouseError) as told, writing(warehouse) as connection:
        insert(connection, TABLE, things())

    assert "a warehouse [1].db-no/folder-" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.usefixtures("by_file")
def test_a_warehouse_in_memory_has_no_files(monkeypatch):
    monkeypatch.setattr(side_file, "_write", by_driver)
    engine = connect("sqlite://")
    TABLE.create(engine)

    with writing(engine) as connection, side_file.swept(engine):
        insert(connection, TABLE, things())

    assert len(stored(engine)) == 5


@pytest.mark.usefixtures("by_file")
def test_python_s_own_sqlite_reads_what_came_by_file(warehouse):
    with writing(warehouse) as connection:
        insert(connection, TABLE, things())
    warehouse.dispose()

    with closing(sqlite3.connect(warehouse.url.database)) as found:
        assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert found.execute("SELECT count(*) FROM things").fetchone() == (5,)
