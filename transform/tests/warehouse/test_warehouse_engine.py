"""Connecting: where a relative file is, transactions that begin, and errors without a password."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from recon.warehouse.engine import (
    WarehouseError,
    connect,
    parse,
    reason,
    shown,
    straight_into_file,
    writing,
)
from sqlalchemy.exc import OperationalError

SECRET = "S3cr!t/pw"  # noqa: S105  (a made one)
QUOTED = "S3cr%21t%2Fpw"


@pytest.fixture
def counter(tmp_path):
    """A SQLite database with one number in it."""
    engine = connect(f"sqlite:///{tmp_path / 'counter.db'}")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    yield engine
    engine.dispose()


def number(engine):
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT n FROM counter").scalar_one()


def test_a_relative_file_is_taken_from_the_meltano_project(tmp_path, monkeypatch):
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path / "project"))
    connect("sqlite:///output/warehouse.db").dispose()
    assert (tmp_path / "project" / "output" / "warehouse.db").is_file()


def test_without_meltano_a_relative_file_is_taken_from_the_working_folder(tmp_path):
    connect("sqlite:///output/warehouse.db").dispose()
    assert Path("output/warehouse.db").resolve() == tmp_path / "output" / "warehouse.db"
    assert Path("output/warehouse.db").is_file()


def test_an_absolute_file_stays_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", "/elsewhere")
    assert parse(f"sqlite:///{tmp_path}/w.db").database == f"{tmp_path}/w.db"


def test_a_database_in_memory_has_no_place():
    engine = connect("sqlite://")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    engine.dispose()


def test_sqlite_keeps_foreign_keys_and_lets_readers_read_while_one_writes(counter):
    with writing(counter) as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        connection.exec_driver_sql("UPDATE counter SET n = 1")
        assert number(counter) == 0
    assert number(counter) == 1


def test_tables_made_in_a_transaction_that_fails_are_gone(counter):
    def fail():
        with writing(counter) as connection:
            connection.exec_driver_sql("CREATE TABLE half (n INTEGER)")
            msg = "half way"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError):
        fail()
    with counter.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["counter"]


def test_writers_queue_so_that_no_count_is_lost(counter):
    def count():
        for _ in range(20):
            with writing(counter) as connection:
                n = connection.exec_driver_sql("SELECT n FROM counter").scalar_one()
                connection.exec_driver_sql("UPDATE counter SET n = ?", (n + 1,))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number(counter) == 60


def test_a_new_file_can_be_opened_by_many_at_once(tmp_path):
    failures = []

    def open_it():
        try:
            connect(f"sqlite:///{tmp_path}/new/w.db").dispose()
        except WarehouseError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("S3cr!t/pw", "The warehouse URL is not a SQLAlchemy URL. Set RECON_WAREHOUSE_URL to mssql+pymssql://user:"),
        ("mssql+pymssql://sa:S3cr!t/pw@host:here/db", "The warehouse URL is not a SQLAlchemy URL."),
        ("mssql+pymssql://sa:x@S3cr!t/pw@host/db", "The warehouse URL has more than one @."),
        ("postgresql://sa:S3cr!t/pw@host/db", "The warehouse can be SQL Server or SQLite only."),
        ("mssql+pymssql://sa:x@S3cr!t@host/db", "The warehouse URL has more than one @."),
        (
            "mssql+nodriver://sa:S3cr!t/pw@host/db",
            "Cannot connect to the warehouse mssql+nodriver://sa:***@host/db: Can't",
        ),
        (
            "mssql+pymssql://sa:S3cr!t/pw@host/db?nothing=1",
            "Cannot connect to the warehouse mssql+pymssql://sa:***@host/db",
        ),
        ("oracle+nodriver://sa:S3cr!t/pw@host/db", "The warehouse can be SQL Server or SQLite only."),
        (
            "mssql+pyodbc://sa:S3cr!t/pw@host/db",
            "The driver 'pyodbc' of mssql+pyodbc://sa:***@host/db is not installed",
        ),
    ],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url, said):
    with pytest.raises(WarehouseError) as refused:
        connect(url)
    assert str(refused.value).startswith(said)
    assert "S3cr" not in str(refused.value)


@pytest.mark.parametrize("password", [SECRET, QUOTED])
def test_a_server_that_does_not_answer_is_named_without_the_password(password):
    with pytest.raises(WarehouseError) as refused:
        connect(f"mssql+pymssql://sa:{password}@127.0.0.1:1/warehouse?login_timeout=5")
    said = str(refused.value)
    assert said.startswith("Cannot connect to the warehouse mssql+pymssql://sa:***@127.0.0.1:1/warehouse: 20009 DB-Lib")
    assert "Connection refused" in said
    assert "\n" not in said
    assert "S3cr" not in said


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "w.db").write_text("Not a database, but long enough to be taken for one.\n" * 20, encoding="utf-8")
    with pytest.raises(WarehouseError, match=r"w\.db: file is not a database$"):
        connect(f"sqlite:///{tmp_path}/w.db")


def test_a_url_is_shown_without_its_options():
    url = "mssql+mssqlpython://host/db?authentication=ActiveDirectoryServicePrincipal&client_secret=S3cr"
    assert shown(parse(url)) == "mssql+mssqlpython://host/db"


def test_the_driver_is_quoted_and_not_the_statement():
    error = OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such\n  column"))
    assert reason(error, "sqlite://") == "no such column"
    nested = OperationalError("SELECT 1", {}, Exception((20009, b"Unable to connect\nUnable to connect\n")))
    assert reason(nested, "mssql+pymssql://host/db") == "20009 Unable to connect"


def test_a_fill_that_was_killed_in_the_middle_leaves_the_file_as_it_was(counter, tmp_path):
    place, left = tmp_path / "counter.db", tmp_path / "left"
    left.mkdir()
    with suppress(ZeroDivisionError), straight_into_file(counter, worth=True), writing(counter) as connection:
        connection.exec_driver_sql("PRAGMA cache_size = 10")
        connection.exec_driver_sql("UPDATE counter SET n = 1")
        for _ in range(200):
            connection.exec_driver_sql("INSERT INTO counter VALUES (zeroblob(4000))")
        for name in ("counter.db", "counter.db-journal"):
            shutil.copy(tmp_path / name, left)
        raise ZeroDivisionError
    assert (left / "counter.db").stat().st_size > place.stat().st_size  # it had begun to write

    for file in (place, left / "counter.db"):
        engine = connect(f"sqlite:///{file}")
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT n FROM counter").fetchall() == [(0,)]
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        engine.dispose()


def test_a_fill_goes_through_the_log_where_somebody_has_the_file_open(counter, tmp_path):
    reader = sqlite3.connect(tmp_path / "counter.db")
    assert reader.execute("SELECT n FROM counter").fetchall() == [(0,)]
    with straight_into_file(counter, worth=True), writing(counter) as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 2")
        assert reader.execute("SELECT n FROM counter").fetchall() == [(0,)]
    assert reader.execute("SELECT n FROM counter").fetchall() == [(2,)]
    reader.close()
