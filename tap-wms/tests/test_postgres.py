"""The tap on a PostgreSQL server of its own: types, windows, streaming, refusals and broken connections."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from tap_wms import database, sql
from tap_wms.errors import TapError

pytestmark = pytest.mark.slow

OWNER_WORD, READER_WORD = "own3r-word", "r3ader/w@rd"

SCRIPT = """
CREATE SCHEMA dist;
CREATE ROLE reader LOGIN PASSWORD 'r3ader/w@rd';
GRANT USAGE ON SCHEMA dist TO reader;
ALTER ROLE reader SET timezone = 'Europe/Berlin';
CREATE TABLE dist.shipped (
  carton text NOT NULL, "Shipped_Date" timestamp, on_day date, at timestamptz, qty numeric(18,4), rate double precision,
  odd numeric, returned boolean, id uuid, photo bytea, tags text[], extra jsonb, t time, "UNIT OF MEASURE" text
);
INSERT INTO dist.shipped VALUES
  ('C-1', '2026-03-04 10:00:00', '2026-03-04', '2026-03-04 10:00:00+00', 12345678901234.5678, 0.1, 'NaN', true,
   '11111111-2222-3333-4444-555555555555', '\\x00ff', '{a,b}', '{"k": 1}', '10:30', 'EA'),
  ('C-2', '2026-02-18 00:00:00', NULL, NULL, 0.1000, NULL, 7, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('C-3', '2026-02-17 23:59:59', NULL, NULL, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('C-4', NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE VIEW dist.v_shipped AS SELECT * FROM dist.shipped;
CREATE VIEW dist.v_folded AS SELECT carton, "Shipped_Date" AS Shipped_Date, qty FROM dist.shipped;
CREATE VIEW dist.v_text AS SELECT carton, to_char("Shipped_Date", 'YYYY-MM-DD') AS day FROM dist.shipped;
CREATE VIEW dist.v_big AS
  SELECT generate_series(1, 10000000) AS n, 'a carton with a rather long name, so that memory would be seen' AS name;
CREATE VIEW dist.v_mid AS SELECT generate_series(1, 60000) AS qty, repeat('x', 100) AS name;
CREATE VIEW dist.v_secret AS SELECT 1 AS n;
GRANT SELECT ON dist.shipped, dist.v_shipped, dist.v_folded, dist.v_text, dist.v_big, dist.v_mid TO reader;
"""


class Server:
    """A private PostgreSQL server."""

    def __init__(self, binaries, folder):
        # PostgreSQL refuses to be run by root.
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.binaries, self.data, self.folder = binaries, folder / "data", folder
        if self.prefix:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def call(self, program, *arguments):
        subprocess.run([*self.prefix, self.binaries / program, *arguments], check=True, capture_output=True, cwd="/")

    def start(self):
        word = self.folder / "word"
        word.write_text(OWNER_WORD)
        word.chmod(0o644)
        self.call(
            *("initdb", "-D", self.data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", word),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        )
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.call("pg_ctl", "-D", self.data, "-o", options, "-l", self.folder / "log", "-w", "start")

    def stop(self):
        self.call("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def url(self, user="reader", word=READER_WORD):
        url = sa.URL.create("postgresql+psycopg", user, word, "127.0.0.1", self.port, "postgres")
        return url.render_as_string(hide_password=False)

    def run(self, statement):
        engine = sa.create_engine(self.url("owner", OWNER_WORD), poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
            connection.commit()


@pytest.fixture(scope="module")
def server():
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not binaries:
        pytest.fail("there is no /usr/lib/postgresql/*/bin/pg_ctl: install PostgreSQL (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="tap-wms-postgres-", dir="/tmp"))
    started = Server(binaries[-1].parent, folder)
    try:
        started.start()
        try:
            started.run(SCRIPT)
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def read_view(server, read):
    def run(table, state=None, stream="shipped", url=None, skip_unchanged=True, **view):
        views = [{"stream": stream, "table": table, **view}]
        config = {"connections": {"wms": url or server.url()}, "views": views, "skip_unchanged": skip_unchanged}
        return read(config, state=state)

    return run


def test_every_type_comes_through_as_the_server_has_it(read_view):
    reading = read_view("dist.v_shipped")
    properties = reading.schema("shipped")["schema"]["properties"]
    number, text = {"type": ["number", "null"]}, {"type": ["string", "null"]}
    assert {name: properties[name] for name in list(properties)[:14]} == {
        "carton": text,
        "Shipped_Date": {**text, "format": "date-time"},
        "on_day": {**text, "format": "date"},
        "at": {**text, "format": "date-time"},
        "qty": number,
        "rate": number,
        "odd": number,
        "returned": {"type": ["boolean", "null"]},
        "id": text,
        "photo": text,
        "tags": text,
        "extra": text,
        "t": {**text, "format": "time"},
        "UNIT OF MEASURE": text,
    }
    record = reading.records("shipped")[0]
    assert list(record)[:14] == list(properties)[:14]
    assert list(record.values())[:14] == [
        "C-1",
        "2026-03-04T10:00:00",
        "2026-03-04",
        "2026-03-04T11:00:00+01:00",
        Decimal("12345678901234.5678"),
        Decimal("0.1"),
        None,
        True,
        "11111111-2222-3333-4444-555555555555",
        "00ff",
        '["a","b"]',
        '{"k":1}',
        "10:30:00",
        "EA",
    ]
    assert reading.loads["wms:shipped"]["qty"] == Decimal("12345678901237.6678")


def test_a_table_says_which_columns_cannot_be_null(read_view):
    properties = read_view("dist.shipped").schema("shipped")["schema"]["properties"]
    assert properties["carton"] == {"type": ["string"]}


@pytest.mark.parametrize(
    ("table", "key", "rows"),
    [
        ("dist.v_shipped", "Shipped_Date", ["C-1", "C-2", "C-4"]),
        ("dist.v_folded", "Shipped_Date", ["C-1", "C-2", "C-4"]),
        ("dist.v_text", "Day", ["C-1", "C-2", "C-4"]),
    ],
)
def test_windows_hold_for_date_times_folded_names_and_text(read_view, table, key, rows):
    first = read_view(table, replication_key=key)
    assert first.bookmark("shipped") == "2026-03-04"
    again = read_view(table, replication_key=key, state=copy.deepcopy(first.state), skip_unchanged=False)
    assert again.loads["wms:shipped"]["window_from"] == "2026-02-18"
    assert sorted(record["carton"] for record in again.records("shipped")) == rows
    assert read_view(table, replication_key=key, state=first.state).records("loads") == []


def test_what_differs_is_sent_with_every_type_as_it_was_read(read_view, server):
    """Rows held back meanwhile are in a file: decimals, documents, bytes and times with zones come out of it whole."""
    first = read_view("dist.v_shipped", replication_key="Shipped_Date")
    again = read_view("dist.v_shipped", replication_key="Shipped_Date", state=copy.deepcopy(first.state))
    assert again.records("shipped") == []
    server.run("UPDATE dist.shipped SET qty = qty + 1 WHERE carton = 'C-2'")
    try:
        changed = read_view("dist.v_shipped", replication_key="Shipped_Date", state=first.state)
    finally:
        server.run("UPDATE dist.shipped SET qty = qty - 1 WHERE carton = 'C-2'")
    assert changed.windows() == [("2026-02-18", None, 3)]

    def by_carton(reading):
        return {r["carton"]: {**r, "load_id": None} for r in reading.records("shipped")}

    sent, before = by_carton(changed), by_carton(first)
    assert sorted(sent) == ["C-1", "C-2", "C-4"]
    assert sent["C-1"] == before["C-1"]
    assert sent["C-2"]["qty"] == before["C-2"]["qty"] + 1


@pytest.mark.parametrize("day", ['"Shipped_Date"', "to_char(\"Shipped_Date\", 'YYYY-MM-DD')"])
def test_a_query_file_has_windows_by_the_type_of_its_values(read, server, tmp_path, day):
    query = tmp_path / "q.sql"
    # The cast's colons are no parameters, nor is the per cent sign a placeholder.
    query.write_text(
        "SELECT carton, DAY AS day, qty::bigint AS qty FROM dist.shipped WHERE carton LIKE 'C%';\n".replace("DAY", day)
    )
    view = {"stream": "shipped", "query_file": str(query), "replication_key": "day"}
    config = {"connections": {"wms": server.url()}, "views": [view]}
    first = read(config)
    config["skip_unchanged"] = False
    assert sorted(r["carton"] for r in read(config, state=first.state).records("shipped")) == ["C-1", "C-2", "C-4"]


def test_a_query_file_s_parameters_are_bound_by_the_server(read, server, tmp_path):
    query = tmp_path / "q.sql"
    query.write_text(
        'SELECT carton, "Shipped_Date" AS day FROM dist.shipped WHERE carton <> :carton AND qty >= :least\n'
        'AND ("Shipped_Date" IS NULL OR ("Shipped_Date" >= :window_from AND "Shipped_Date" < :window_to))'
    )
    parameters = {"carton": "C-1' OR 'a' = 'a", "least": 1.5}
    view = {"stream": "shipped", "query_file": str(query), "replication_key": "day", "parameters": parameters}
    config = {"connections": {"wms": server.url()}, "views": [view]}
    first = read(config)
    assert sorted(r["carton"] for r in first.records("shipped")) == ["C-1", "C-3"]
    assert first.windows() == [(None, "2026-03-01", 1), ("2026-03-01", None, 1)]
    again = read({**config, "skip_unchanged": False}, state=first.state)
    assert again.windows() == [("2026-02-18", None, 1)]


def test_a_first_reading_is_by_months_and_of_one_moment(read_view, server, monkeypatch):
    """A carton whose day is corrected between two months stands in one of them; one packed meanwhile in none."""
    fetch, levels = sql.ViewStream._fetch, []

    def meanwhile(self, connection, source, window):
        yield from fetch(self, connection, source, window)
        shown = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
        levels.append(tuple(connection.exec_driver_sql(shown).one()))
        if window.first is None:
            server.run("UPDATE dist.moving SET day = '2026-03-09' WHERE carton = 'M-1'")
            server.run("INSERT INTO dist.moving VALUES ('M-9', '2026-03-10')")

    server.run(
        "CREATE TABLE dist.moving (carton text, day date); GRANT SELECT ON dist.moving TO reader;"
        "INSERT INTO dist.moving VALUES ('M-1', '2026-01-05'), ('M-2', '2026-02-05'), ('M-3', '2026-03-05')"
    )
    monkeypatch.setattr(sql.ViewStream, "_fetch", meanwhile)
    reading = read_view("dist.moving", replication_key="day")
    server.run("DROP TABLE dist.moving")
    assert [record["carton"] for record in reading.records("shipped")] == ["M-1", "M-2", "M-3"]
    assert reading.windows() == [(None, "2026-02-01", 1), ("2026-02-01", "2026-03-01", 1), ("2026-03-01", None, 1)]
    assert set(levels) == {("repeatable read", "on")}


def test_a_query_without_one_dated_row_is_read_whole(read, server, tmp_path):
    query = tmp_path / "q.sql"
    query.write_text('SELECT * FROM dist.shipped WHERE "Shipped_Date" IS NULL')
    view = {"stream": "shipped", "query_file": str(query), "replication_key": "Shipped_Date"}
    reading = read({"connections": {"wms": server.url()}, "views": [view], "start_date": "2026-01-01"})
    assert reading.loads["wms:shipped"]["window_from"] is None
    assert [r["carton"] for r in reading.records("shipped")] == ["C-4"]


def test_a_query_with_one_column_twice_is_refused(read, server, tmp_path):
    query = tmp_path / "q.sql"
    query.write_text("SELECT a.qty, b.qty FROM dist.shipped a, dist.shipped b")
    with pytest.raises(TapError, match="has the column qty twice; give one of them another name with AS"):
        read({"connections": {"wms": server.url()}, "views": [{"stream": "s", "query_file": str(query)}]})


def test_a_key_that_is_no_day_is_refused(read_view):
    with pytest.raises(TapError, match=r"the replication key qty of view dist.v_shipped is NUMERIC\(18, 4\)"):
        read_view("dist.v_shipped", replication_key="qty")


def test_a_view_without_permission_says_what_to_grant(read_view):
    with pytest.raises(TapError, match=r"reading view dist\.v_secret failed: permission denied") as refused:
        read_view("dist.v_secret")
    assert "grant the user of this connection SELECT on view dist.v_secret" in refused.value.message
    assert READER_WORD not in refused.value.message


def test_the_nearest_names_are_those_of_the_schema_asked(read_view):
    with pytest.raises(TapError, match=r"nearest names: dist\.v_shipped, dist\.shipped"):
        read_view("dist.v_shiped")


def test_a_wrong_password_is_refused_once_and_not_repeated(read_view, server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("a refused login was tried again"))
    with pytest.raises(TapError, match="check user, password and database") as refused:
        read_view("dist.v_shipped", url=server.url(word="wr0ng-word"))
    assert "password authentication failed" in refused.value.message
    assert "wr0ng-word" not in refused.value.message


def tap_process(server, table):
    settings = {
        "TAP_WMS_CONNECTIONS": json.dumps({"wms": server.url() + "?application_name=tap-wms-test"}),
        "TAP_WMS_VIEWS": json.dumps([{"stream": "shipped", "table": table}]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", "from tap_wms.tap import TapWMS; TapWMS.cli()", "--config=ENV"],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def read_lines(process, rows):
    return [json.loads(process.stdout.readline()) for _ in range(rows)]


def finish(process):
    lines = [json.loads(line) for line in process.stdout]
    errors = process.stderr.read().decode()
    process.stdout.close()
    process.stderr.close()
    return lines, errors, process.wait(timeout=60)


def test_a_view_of_ten_million_rows_streams_in_little_memory_and_ends_on_a_signal(server):
    process = tap_process(server, "dist.v_big")
    messages = read_lines(process, 40_000)
    assert messages[-1]["record"]["n"] > 39_000
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
    process.send_signal(signal.SIGTERM)
    rest, errors, code = finish(process)
    assert code == 143, errors
    assert peak_mb < 250
    assert all(m["type"] == "RECORD" and m["stream"] == "shipped" for m in rest)
    assert "Traceback" not in errors


def test_a_connection_the_server_ends_half_way_is_made_again_and_the_view_read_from_its_start(server):
    process = tap_process(server, "dist.v_mid")
    messages = read_lines(process, 2_000)
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tap-wms-test'")
    rest, errors, code = finish(process)
    assert code == 0, errors
    rows = {}
    for message in messages + rest:
        if message["type"] == "RECORD" and message["stream"] == "shipped":
            rows[message["record"]["load_id"]] = rows.get(message["record"]["load_id"], 0) + 1
    loads = [m["record"] for m in rest if m["type"] == "RECORD" and m["stream"] == "loads"]
    broken, complete = rows
    assert [(load["load_id"], load["rows"]) for load in loads] == [(complete, 60_000)]
    assert rows[broken] < rows[complete] == 60_000
    assert "connection broke while view dist.v_mid was read" in errors
    assert READER_WORD not in errors


def test_a_server_that_stays_away_is_given_up(server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    place = database.parse_connections({"wms": server.url().replace(str(server.port), "1")})["wms"]
    with pytest.raises(TapError, match=r"cannot connect: .*Connection refused"):
        database.connect(place)
