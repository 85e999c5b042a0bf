"""The tap on a SQL Server: types, windows, snapshots, query files and refusals."""

from __future__ import annotations

import os
import uuid
from decimal import Decimal

import pytest
import sqlalchemy as sa
from tap_wms import sql
from tap_wms.errors import TapError

pytestmark = pytest.mark.mssql

TABLE = """
CREATE TABLE shipped (
  carton NVARCHAR(20) NOT NULL, Shipped_Date DATETIME, on_day DATE, qty DECIMAL(18,4), price MONEY, returned BIT,
  id UNIQUEIDENTIFIER, photo VARBINARY(10), [UNIT OF MEASURE] NVARCHAR(10)
)
"""
ROWS = """
INSERT INTO shipped VALUES
  (N'Ç-1', '20260304 10:00:00', '20260304', 12345678901234.5678, 19.99, 1, '11111111-2222-3333-4444-555555555555',
   0x00FF, N'EA'),
  (N'C-2', '20260218', NULL, 0.1, NULL, NULL, NULL, NULL, NULL),
  (N'C-3', '20260217 23:59:59', NULL, 2, NULL, NULL, NULL, NULL, NULL),
  (N'C-4', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL)
"""


@pytest.fixture(scope="module", params=["ON", "OFF"])
def server(request):
    """A database of its own, once with snapshots allowed and once not."""
    name = f"tap_wms_{uuid.uuid4().hex[:12]}"
    url = sa.make_url(os.environ["MSSQL_TEST_URL"])
    master = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with master.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET ALLOW_SNAPSHOT_ISOLATION {request.param}")
    engine = sa.create_engine(url.set(database=name), poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            for statement in (TABLE, ROWS, "CREATE VIEW v_shipped AS SELECT * FROM shipped"):
                connection.exec_driver_sql(statement)
        yield engine, request.param == "ON"
    finally:
        with master.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
            connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture
def read_view(server, read):
    url = server[0].url.render_as_string(hide_password=False)

    def run(state=None, **view):
        views = [{"stream": "shipped", "table": "dbo.v_shipped", "replication_key": "shipped_date", **view}]
        return read({"connections": {"wms": url}, "views": views, "skip_unchanged": state is None}, state=state)

    return run


def test_every_type_comes_through_as_the_server_has_it(read_view):
    reading = read_view()
    record = next(record for record in reading.records("shipped") if record["carton"] == "Ç-1")
    assert list(record.items())[:9] == [
        ("carton", "Ç-1"),
        ("Shipped_Date", "2026-03-04T10:00:00"),
        ("on_day", "2026-03-04"),
        ("qty", Decimal("12345678901234.5678")),
        ("price", Decimal("19.9900")),
        ("returned", True),
        ("id", "11111111-2222-3333-4444-555555555555"),
        ("photo", "00ff"),
        ("UNIT OF MEASURE", "EA"),
    ]


def test_the_first_reading_is_by_months_and_the_next_a_window(read_view):
    first = read_view()
    assert first.windows() == [(None, "2026-03-01", 3), ("2026-03-01", None, 2)]
    again = read_view(state=first.state)
    assert again.windows() == [("2026-02-18", None, 3)]
    assert sorted(record["carton"] for record in again.records("shipped")) == ["C-2", "C-4", "Ç-1"]


def test_text_keys_have_windows_too(read_view, server):
    with server[0].begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW v_text AS SELECT carton, CONVERT(NVARCHAR(10), Shipped_Date, 23) AS day FROM shipped"
        )
    first = read_view(table="v_text", replication_key="day")
    assert first.windows() == [(None, "2026-03-01", 3), ("2026-03-01", None, 2)]


@pytest.mark.parametrize("language", ["us_english", "British", "Deutsch"])
def test_days_are_bound_alike_in_every_language(read, server, tmp_path, language):
    query = tmp_path / "q.sql"
    query.write_text(
        "SELECT carton, Shipped_Date, qty FROM shipped WHERE carton <> :carton AND qty >= :least\n"
        "AND Shipped_Date >= :window_from AND Shipped_Date < :window_to;"
    )
    view = {
        "stream": "shipped", "query_file": str(query), "replication_key": "Shipped_Date",
        "parameters": {"carton": "C-1' OR 'a' = 'a", "least": 1.5},
    }  # fmt: skip
    with server[0].connect() as connection:
        user = connection.exec_driver_sql("SELECT SUSER_SNAME()").scalar_one()
    master = sa.create_engine(server[0].url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with master.connect() as connection:
        connection.exec_driver_sql(f"ALTER LOGIN [{user}] WITH DEFAULT_LANGUAGE = {language}")
    try:
        config = {"connections": {"wms": server[0].url.render_as_string(hide_password=False)}, "views": [view]}
        reading = read(config)
    finally:
        with master.connect() as connection:
            connection.exec_driver_sql(f"ALTER LOGIN [{user}] WITH DEFAULT_LANGUAGE = us_english")
    assert sorted(record["carton"] for record in reading.records("shipped")) == ["C-3", "Ç-1"]


def test_a_view_is_read_as_of_one_moment_where_snapshots_are_allowed(read_view, server, monkeypatch, caplog):
    fetch, levels = sql.ViewStream._fetch, []

    def look(self, connection, source, window):
        yield from fetch(self, connection, source, window)
        level = "SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID"
        levels.append(connection.exec_driver_sql(level).scalar_one())

    monkeypatch.setattr(sql.ViewStream, "_fetch", look)
    with caplog.at_level("INFO"):
        read_view()
    assert set(levels) == {5 if server[1] else 2}  # SNAPSHOT, READ COMMITTED
    assert ("as of one moment (SNAPSHOT)" in caplog.text) is server[1]


def test_a_view_that_is_not_there_names_the_nearest(read_view):
    with pytest.raises(TapError, match=r"nearest names: dbo\.v_shipped"):
        read_view(table="dbo.v_shiped")
