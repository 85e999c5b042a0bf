"""What is sent so that a view is read as of one moment; of SQL Server and Oracle, only what they are sent is seen."""

from __future__ import annotations

import types

import pytest
import sqlalchemy as sa
from tap_wms import sql
from tap_wms.database import is_lost
from tap_wms.snapshot import MSSQL_ALLOWS, hold_still, is_refused

REFUSAL = (
    3952,
    b"Snapshot isolation transaction failed accessing database 'wah' because snapshot isolation is not allowed in this "
    b"database. Use ALTER DATABASE to allow snapshot isolation.",
)


class Sent:
    """A connection that notes what it is asked, in order."""

    def __init__(self, dialect, allowed=None):
        self.dialect = types.SimpleNamespace(name=dialect)
        self.allowed = allowed
        self.asked = []

    def exec_driver_sql(self, statement):
        self.asked.append(statement)
        return types.SimpleNamespace(scalar=lambda: self.allowed)

    def execution_options(self, **options):
        self.asked.append(options)

    def rollback(self):
        self.asked.append("ROLLBACK")


def failure(*reason):
    return sa.exc.OperationalError("SELECT", None, Exception(reason))


@pytest.mark.parametrize(
    ("dialect", "allowed", "kind", "asked"),
    [
        ("mssql", 1, "SNAPSHOT", [MSSQL_ALLOWS, "ROLLBACK", {"isolation_level": "SNAPSHOT"}]),
        ("mssql", 0, None, [MSSQL_ALLOWS, "ROLLBACK"]),
        ("mssql", 3, None, [MSSQL_ALLOWS, "ROLLBACK"]),
        (
            "postgresql",
            None,
            "REPEATABLE READ, READ ONLY",
            [{"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}],
        ),
        ("oracle", None, "READ ONLY", ["SET TRANSACTION READ ONLY"]),
        ("sqlite", None, "one transaction", ["BEGIN"]),
        ("mysql", None, None, []),
    ],
)
def test_each_server_is_asked_for_one_moment_in_its_own_way(dialect, allowed, kind, asked):
    connection = Sent(dialect, allowed)
    assert hold_still(connection) == kind
    assert connection.asked == asked
    assert "NOLOCK" not in str(asked)
    assert "UNCOMMITTED" not in str(asked)


def test_sql_server_and_postgresql_know_the_levels_that_are_set():
    for driver, level in (("mssql+pymssql", "SNAPSHOT"), ("postgresql+psycopg", "REPEATABLE READ")):
        dialect = sa.create_engine(f"{driver}://reader:word@host/wms").dialect
        assert level in dialect.get_isolation_level_values(None)


def test_a_database_that_does_not_allow_snapshots_is_told_from_one_whose_snapshot_broke():
    assert is_refused(failure(*REFUSAL))
    for number, reason in (
        (3961, b"Snapshot isolation transaction failed in database 'wah' because the object was modified by DDL"),
        (3958, b"Transaction aborted when accessing versioned row in table 'shipped'"),
    ):
        assert not is_refused(failure(number, reason))
        assert is_lost(failure(number, reason))
    assert is_lost(failure("ORA-01555: snapshot too old"))
    assert not is_refused(failure(18456, b"Login failed"))
    assert not is_refused(sa.exc.NoSuchTableError("v_shipped"))


def test_a_view_over_a_database_that_does_not_allow_snapshots_is_read_without(read_wms, monkeypatch, caplog):
    """Only the first statement shows it: the connection's own database allowed them."""
    begun = []
    monkeypatch.setattr(sql, "hold_still", lambda connection: begun.append(connection) or "SNAPSHOT")
    execute = sa.Connection.execute

    def refuse(self, statement, *more, **options):
        if self in begun and "FROM v_shipped" in str(statement):
            raise failure(*REFUSAL)
        return execute(self, statement, *more, **options)

    monkeypatch.setattr(sa.Connection, "execute", refuse)
    with caplog.at_level("INFO"):
        reading = read_wms()
    assert [rows for *_, rows in reading.windows()] == [1, 1, 1]
    assert len(begun) == 3
    assert "view v_shipped is read without a snapshot: 3952 Snapshot isolation transaction failed" in caplog.text
    assert "view v_packed_products as of one moment (SNAPSHOT)" in caplog.text


def test_packed_is_read_as_of_a_moment_before_the_one_shipped_is_read_as_of(read_wms, monkeypatch):
    order = []
    begin, fetch = sql.hold_still, sql.ViewStream._fetch
    monkeypatch.setattr(sql, "hold_still", lambda connection: order.append("moment") or begin(connection))
    monkeypatch.setattr(sql.ViewStream, "_fetch", lambda self, *read: order.append(self.name) or fetch(self, *read))
    read_wms()
    assert order == ["moment", "packed_products", "moment", *["shipped"] * 3, "moment", "master_order_list"]


def test_what_is_written_between_two_months_is_not_seen(read_wms, warehouse, monkeypatch):
    """A row moved to a later month would else stand in both."""
    fetch = sql.ViewStream._fetch

    def meanwhile(self, connection, source, window):
        yield from fetch(self, connection, source, window)
        if self.name == "shipped" and window.first is None:
            warehouse.run("UPDATE shipped SET Shipped_Date = '2026-03-09' WHERE CartonID = 'C-90'")

    with sa.create_engine(warehouse.url).connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    monkeypatch.setattr(sql.ViewStream, "_fetch", meanwhile)
    assert sorted(record["CartonID"] for record in read_wms().records("shipped")) == ["C-90", "C-91", "C-92"]
