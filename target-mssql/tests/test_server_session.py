"""The whole way to SQL Server without one: its statements are run by SQLite, word for word where it knows them.

The stand-in has a session's temporary tables, transactions, and both drivers' bulk copies with their known faults: a
bulk copy that takes an empty text for a null, that loses or shifts what it is given, that runs in a session of its own.
"""

from __future__ import annotations

import json
import re
import sqlite3
import types
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql
from sqlalchemy.pool import NullPool
from target_mssql import connector as connector_module
from target_mssql.connector import MSSQLConnector
from target_mssql.dialects import Column
from target_mssql.dialects.mssql import TRANSIENT, MSSQLDialect
from target_mssql.errors import LoadError

SINGER = Path(__file__).parent / "singer"
NAMES = sorted(path.stem for path in SINGER.glob("*.json"))
URLS = {"pymssql": "mssql+pymssql://u:p@stand-in/d", "mssql-python": "mssql+mssqlpython://u:p@stand-in/d"}

REWRITES = [
    (r"\[(stg)\]\.\[", r"[\1."),  # SQLite has no schemas
    (r"^IF OBJECT_ID\('tempdb\.\.(\S+)'\) IS NOT NULL DROP TABLE .*$", r'DROP TABLE IF EXISTS "\1"'),
    (r"^SELECT TOP \(0\) (.*)\nINTO (##?\w+)\nFROM (.*)$", r'CREATE TABLE "\2" AS SELECT \1 FROM \3 WHERE 0'),
    (r"^TRUNCATE TABLE ", "DELETE FROM "),
    (r"^DELETE s\nFROM (\S+) AS s", r"DELETE FROM \1 AS s"),
    (r"(?s)^UPDATE t\nSET (.*)\nFROM (\[.*) AS t WITH .*\nINNER JOIN (\S+) AS s ON (.*)$",
     r"UPDATE \2 AS t SET \1 FROM \3 AS s WHERE \4"),
    (r" WITH \((?:UPDLOCK, HOLDLOCK|TABLOCKX)\)", ""),
    (r' (?<!")(##?load_\w+)', r' "\1"'),
    (r"COUNT_BIG\(", "COUNT("),
    (r"SUM\(CAST\((\[.*?\](?:\]\])*) AS (?:DECIMAL\(38, 0\)|INT|FLOAT)\)\)", r"EXACT_SUM(\1)"),
    (r"SUM\(CAST\(DATALENGTH\((.*)\) AS BIGINT\)\)", r"SUM(DATALENGTH(\1))"),
    (r"SUM\(CAST\(DATEDIFF\(DAY, '19000101', (.*)\) AS BIGINT\)\)", r"SUM(DAYS(\1))"),
    (r"(?<!EXACT_)SUM\((\[)", r"EXACT_SUM(\1"),
    (r" COLLATE Latin1_General_BIN2", ""),
    (r"PRIMARY KEY (?:NON)?CLUSTERED", "PRIMARY KEY"),
    (r"NVARCHAR\(max\)", "NVARCHAR(-1)"),
    (r"\bDECIMAL\(", "DECIMAL_TEXT("),  # kept digit by digit
]  # fmt: skip
BRACKETS = re.compile(r"\[((?:[^\]]|\]\])*)\]")


def in_sqlite(sql):
    """Say a statement in SQLite's words."""
    for pattern, replacement in REWRITES:
        sql = re.sub(pattern, replacement, sql)
    return BRACKETS.sub(lambda name: '"' + name[1].replace("]]", "]").replace('"', '""') + '"', sql)


def plain(value):
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(" ", "microseconds")
        case time():
            return value.isoformat("microseconds")
        case date():
            return value.isoformat()
        case _:
            return value


class ExactSum:
    def __init__(self):
        self.total = Decimal(0)

    def step(self, value):
        self.total += 0 if value is None else Decimal(str(value))

    def finalize(self):
        return format(self.total, "f")


class Error(Exception):
    """A driver's error as pymssql raises it: the server's number and text."""


Error.__module__ = "pymssql.exceptions"
CLASSES = ("Error", "InterfaceError", "DatabaseError", "OperationalError", "ProgrammingError", "IntegrityError")
DRIVER = types.SimpleNamespace(
    paramstyle="pyformat", __version__="2.4.6", pooling=lambda **_: None, **dict.fromkeys(CLASSES, Error)
)
# what SQLAlchemy asks of a new session
ANSWERS = {
    "@@version": "Microsoft SQL Azure - 12.0.2000.8",
    "schema_name()": "dbo",
    "fn_listextendedproperty": 1,
    "sys.": "READ COMMITTED",
}


class Cursor:
    description = None
    rowcount = -1

    def __init__(self, session):
        self.session = session
        self.found = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        pass

    def execute(self, sql, parameters=()):
        self.session.server.happens(sql)
        if answer := next((value for word, value in ANSWERS.items() if word in sql), None):
            self.found, self.description = [(answer,)], (("", None, None, None, None, None, None),)
            return
        if sql.startswith(("EXEC sp_getapplock", "CREATE SCHEMA")):
            return
        if "SCHEMATA" in sql:
            self.description = (("name", None, None, None, None, None, None),)
            self.found = [("stg",)] if "CREATE SCHEMA [stg]" in self.session.server.log else []
            return
        if changed := re.match(r"ALTER TABLE \[(.*)\] ALTER COLUMN \[(.*)\] (.*)", sql):
            self.session.server.altered[changed[1], changed[2]] = changed[3]
        if " ALTER COLUMN " in sql:
            return
        text = in_sqlite(sql.replace("%s", "?") if parameters else sql)
        try:
            cursor = self.session.sqlite.execute(text, [plain(value) for value in parameters])
        except sqlite3.IntegrityError as error:
            raise Error(2627, str(error).encode()) from error
        self.rowcount, self.description = cursor.rowcount, cursor.description
        self.found = cursor.fetchall() if cursor.description else []

    def fetchall(self):
        found, self.found = self.found, []
        return found

    def fetchone(self):
        return self.found.pop(0) if self.found else None

    def bulkcopy(self, name, rows, **_):
        """mssql-python's: in a session of its own, which sees what is committed."""
        server = self.session.server
        server.happens(f"BULK {name}")
        own = server.sqlite()
        server.fill(own, name, [tuple(plain(value) for value in row) for row in rows])
        own.close()


class Session:
    """A connection: transactions, temporary tables that end with it, and pymssql's bulk copy."""

    def __init__(self, server):
        self.server = server
        server.happens("LOGIN")
        self.sqlite = server.sqlite()
        self.sqlite.execute("BEGIN")

    def cursor(self):
        return Cursor(self)

    def commit(self):
        self.server.happens("COMMIT")
        self.sqlite.execute("COMMIT")
        self.server.happens("COMMITTED")
        self.sqlite.execute("BEGIN")

    def rollback(self):
        self.sqlite.execute("ROLLBACK")
        self.sqlite.execute("BEGIN")

    def close(self):
        self.sqlite.execute("ROLLBACK")
        for (name,) in self.sqlite.execute("SELECT name FROM sqlite_master WHERE name LIKE '#%'").fetchall():
            self.sqlite.execute(f'DROP TABLE "{name}"')
        self.sqlite.close()

    def bulk_copy(self, name, rows, **_):
        """pymssql's: in this session; FreeTDS takes a text of no length for a null."""
        self.server.happens(f"BULK {name}")
        self.server.fill(self.sqlite, name, [tuple(None if value == "" else value for value in row) for row in rows])


class Server:
    """A server in a file."""

    def __init__(self, path):
        self.path = path
        self.log = []
        self.faults = []
        self.altered = {}
        self.spoil = lambda rows: rows

    def sqlite(self):
        opened = sqlite3.connect(self.path, isolation_level=None, timeout=1)
        opened.create_function("DATALENGTH", 1, lambda text: None if text is None else len(text.encode("utf-16-le")))
        opened.create_function(
            "DAYS", 1, lambda day: None if day is None else date.fromisoformat(day[:10]).toordinal() - 693596
        )
        opened.create_aggregate("EXACT_SUM", 1, ExactSum)
        return opened

    def happens(self, what):
        self.log.append(what)
        for fault in list(self.faults):
            pattern, error, times = fault
            if re.search(pattern, what) and times[0]:
                times[0] -= 1
                raise error

    def fails(self, pattern, error, times=1):
        """Let what matches a pattern fail, so many times."""
        self.faults.append((pattern, error, [times]))

    def fails_after(self, first, pattern, error):
        """Let what matches a pattern fail when it comes after what matches another."""

        def happens(what):
            known(what)
            if re.search(first, what):
                self.fails(pattern, error)

        known, self.happens = self.happens, happens

    def fill(self, session, name, rows):
        rows = self.spoil(rows)
        marks = ", ".join("?" * len(rows[0])) if rows else "NULL"
        session.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)  # noqa: S608  the test's own names

    def declared(self, name):
        """The columns of a table as SQLAlchemy would reflect them on a server."""
        found = {}
        opened = self.sqlite()
        for _, column, text, required, _, _ in opened.execute("SELECT * FROM pragma_table_info(?)", (name,)):
            now = self.altered.get((name, column), text).replace("DECIMAL_TEXT", "DECIMAL")
            kind, _, arguments = now.rstrip(")").partition("(")
            numbers = [int(part) for part in arguments.split(",") if part.strip().isdigit()]
            declared = mssql.base.ischema_names[kind.lower() if kind != "INTEGER" else "int"](*numbers)
            found[column] = (declared, not required)
        opened.close()
        return found

    def rows(self, name, *columns):
        declared = self.declared(name)
        opened = self.sqlite()
        opened.row_factory = sqlite3.Row
        read = [dict(row) for row in opened.execute(f'SELECT * FROM "{name}"').fetchall()]  # noqa: S608  the test's own names
        opened.close()
        for row in read:
            for column, (kind, _) in declared.items():
                if isinstance(kind, mssql.BIT) and row[column] is not None:
                    row[column] = bool(row[column])
                elif isinstance(kind, sa.DECIMAL) and row[column] is not None:
                    row[column] = f"{Decimal(row[column]):.{kind.scale}f}"
        return [{column: row[column] for column in columns or row} for row in read]

    def left_over(self):
        opened = self.sqlite()
        found = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE name LIKE '#%'")]
        opened.close()
        return found


@pytest.fixture
def server(tmp_path, monkeypatch):
    made = Server(tmp_path / "server.db")

    def engine(self, _authentication):
        return sa.create_engine(self.url, creator=lambda: Session(made), poolclass=NullPool, module=DRIVER)

    def existing_columns(self, table):
        self.session()
        dialect = self.dialect
        found = {
            name: Column(name, dialect.column_type(declared), declared, nullable)
            for name, (declared, nullable) in made.declared(str(table)).items()
        }
        return found or None

    monkeypatch.setattr(MSSQLDialect, "engine", engine)
    monkeypatch.setattr(MSSQLConnector, "existing_columns", existing_columns)
    monkeypatch.setattr(MSSQLConnector, "has_unique_key", lambda *_: True)
    monkeypatch.setattr(connector_module, "LONGEST_WAIT_SECONDS", 0.001)
    return made


@pytest.fixture(params=URLS)
def driver(request):
    return {"sqlalchemy_url": URLS[request.param]}


@pytest.mark.parametrize("name", NAMES)
def test_a_behaviour_is_the_same_on_a_server(server, driver, sqlite, name):
    expected = json.loads((SINGER / f"{name}.json").read_text())
    for run in expected["runs"]:
        lines = (SINGER / run.get("input", f"{name}.singer")).read_text().splitlines()
        done = sqlite.run(lines, **driver | run.get("settings", {}))
        if "error" not in run and done.error is not None:
            raise done.error
        assert all(part in str(done.error) for part in run.get("error", []))
    for table, rows in expected["tables"].items():
        found = server.rows(table, *(rows[0] if rows else ()))
        assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, rows))
    assert server.left_over() == []


PROPERTIES = {
    "id": {"type": "integer"},
    "note": {"type": ["string", "null"], "maxLength": 20},
    "qty": {"type": ["integer", "null"]},
    "price": {"type": ["number", "null"], "multipleOf": 0.01, "minimum": 0, "maximum": 999},
}
RECORDS = [
    {"id": 1, "note": "a", "qty": 5, "price": 1.25},
    {"id": 2, "note": None, "price": None},
    {"id": 3, "note": "c"},
]
ROWS = [
    {"id": 1, "note": "a", "qty": 5, "price": "1.25"},
    {"id": 2, "note": None, "qty": None, "price": None},
    {"id": 3, "note": "c", "qty": None, "price": None},
]
METHODS = ["append-only", "upsert", "overwrite"]


@pytest.fixture(params=URLS)
def loading(request, server, sqlite, messages):  # noqa: ARG001  the stand-in must be there
    """Load records into table `lines` of the stand-in, by each driver."""

    def load(records, **settings):
        lines = messages("lines", PROPERTIES, records, keys=["id"])
        return sqlite.load(lines, sqlalchemy_url=URLS[request.param], **settings)

    return load


def in_log(server, pattern):
    return [line for line in server.log if re.search(pattern, line)]


@pytest.mark.parametrize("method", METHODS)
def test_rows_go_by_bulk_copy_and_are_checked_before_they_are_written(server, driver, sqlite, messages, method):
    sqlite.load(messages("lines", PROPERTIES, RECORDS, keys=["id"]), load_method=method, **driver)
    order = [
        next(at for at, line in enumerate(server.log) if re.search(pattern, line))
        for pattern in (r"^BULK", r"COUNT_BIG", r"INSERT INTO \[lines\]")
    ]
    assert order == sorted(order)
    assert in_log(server, r"INSERT INTO ##?load") == []
    assert server.rows("lines") == ROWS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[:-1],
        lambda rows: [(*row[:2], row[2] and "", *row[3:]) for row in rows],
        lambda rows: [(row[0], row[1] + 1, *row[2:]) for row in rows],
        lambda rows: [(*row[:3], row[4], row[3]) for row in rows],
        lambda rows: [(*row[:4], None) for row in rows],
    ],
    ids=["a row lost", "texts blank", "a number changed", "columns shifted", "a column empty"],
)
@pytest.mark.parametrize("method", METHODS)
def test_a_bulk_copy_that_spoils_rows_is_noticed_and_replaced(server, loading, method, spoil, caplog):
    server.spoil = spoil
    loading(RECORDS, load_method=method)
    assert server.rows("lines") == ROWS
    assert "rows go by INSERT from now on" in caplog.text


def test_inserts_that_spoil_rows_end_the_load(server, driver, sqlite, messages, monkeypatch):
    statements = MSSQLDialect.insert_statements
    monkeypatch.setattr(MSSQLDialect, "insert_statements", lambda self, s, w, rows: statements(self, s, w, rows[1:]))
    server.fails("^BULK", Error(4002, b"protocol stream is incorrect"))
    run = sqlite.run(messages("lines", PROPERTIES, RECORDS, keys=["id"]), **driver)
    assert isinstance(run.error, LoadError)
    assert "does not hold what was sent: rows: 3 sent, 2 there" in str(run.error)
    assert server.rows("lines") == []


@pytest.mark.parametrize("error", [Error(4002, b"stream is incorrect"), TypeError("unsupported"), RuntimeError("x")])
def test_a_bulk_copy_that_fails_is_replaced(server, driver, sqlite, messages, error):
    server.fails("^BULK", error, times=9)
    lines = messages("lines", PROPERTIES, RECORDS, keys=["id"])
    sqlite.load(lines, load_method="upsert", batch_size_rows=1, **driver)
    assert server.rows("lines") == ROWS
    assert len(in_log(server, "^BULK")) == 1


def test_a_missing_schema_is_created_once(server, driver, sqlite, messages):
    lines = messages("lines", PROPERTIES, RECORDS, keys=["id"])
    for method in METHODS:
        sqlite.load(lines, load_method=method, default_target_schema="stg", **driver)
    assert len(in_log(server, r"^CREATE SCHEMA \[stg\]$")) == 1
    assert server.rows("stg.lines") == ROWS


def test_a_missing_schema_that_must_not_be_created_is_named(server, driver, sqlite, messages):
    run = sqlite.run(
        messages("lines", PROPERTIES, []), default_target_schema="stg", allow_schema_changes=False, **driver
    )
    assert isinstance(run.error, LoadError)
    assert "schema 'stg' is missing" in str(run.error)
    assert "recon migrate" in str(run.error)
    assert in_log(server, "CREATE") == []


def test_an_empty_text_does_not_go_by_pymssql_s_bulk_copy(server, sqlite, messages):
    records = [{"id": 1, "note": ""}, {"id": 2, "note": "b"}]
    sqlite.load(messages("lines", PROPERTIES, records, keys=["id"]), sqlalchemy_url=URLS["pymssql"])
    assert server.rows("lines", "id", "note") == records
    assert len(in_log(server, "^BULK")) == 1


# the moments at which a statement may fail: each of a batch's own
MOMENTS = [
    r"^SELECT TOP",
    r"^TRUNCATE",
    r"^BULK",
    r"COUNT_BIG",
    r"^(INSERT INTO \[lines\]|UPDATE t)",
    r"^COMMIT$",
]


@pytest.mark.parametrize("fault", [(method, number) for method in METHODS[:2] for number in (1205, 40613)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_passing_fault_is_tried_again_and_has_its_effect_once(server, loading, caplog, moment, fault):
    method, number = fault
    loading([], load_method=method)
    server.fails(moment, Error(number, f"Error {number}: try again".encode()), times=2)
    loading(RECORDS, load_method=method)
    assert server.rows("lines") == ROWS
    assert "trying again in" in caplog.text


def test_a_session_lost_while_appended_rows_are_committed_ends_the_load(server, sqlite, messages):
    """The rows may be there: trying again could write them twice."""
    server.fails_after(r"^INSERT INTO \[lines\]", "^COMMITTED$", Error(20047, b"DBPROCESS is dead or not enabled"))
    lines = [*messages("lines", PROPERTIES, RECORDS, keys=["id"]), {"type": "STATE", "value": {"at": 3}}]
    run = sqlite.run(lines, sqlalchemy_url=URLS["pymssql"])
    assert isinstance(run.error, LoadError)
    assert "whether they are in the table is unknown" in str(run.error)
    assert run.states == []
    assert server.rows("lines") == ROWS


def test_a_session_lost_while_upserted_rows_are_committed_does_no_harm(server, sqlite, messages):
    lines = messages("lines", PROPERTIES, RECORDS, keys=["id"])
    server.fails("^COMMITTED$", Error(20047, b"DBPROCESS is dead or not enabled"), times=3)
    sqlite.load(lines, sqlalchemy_url=URLS["pymssql"], load_method="upsert")
    assert server.rows("lines") == ROWS


def test_a_session_lost_while_rows_are_gathered_leaves_the_old_ones(server, sqlite, messages):
    overwrite = {"sqlalchemy_url": URLS["pymssql"], "load_method": "overwrite", "batch_size_rows": 1}
    sqlite.load(messages("lines", PROPERTIES, RECORDS, keys=["id"]), **overwrite)
    server.fails("BETWEEN 1 AND 1", Error(20047, b"DBPROCESS is dead or not enabled"))
    run = sqlite.run(messages("lines", PROPERTIES, [{"id": 8}, {"id": 9}], keys=["id"]), **overwrite)
    assert isinstance(run.error, LoadError)
    assert "the session was lost" in str(run.error)
    assert server.rows("lines") == ROWS


def test_what_does_not_pass_fails_with_the_server_s_number(server, driver, sqlite, messages):
    lines = messages("lines", PROPERTIES, RECORDS, keys=["id"])
    server.fails(r"INSERT INTO \[lines\]", Error(2627, b"Violation of PRIMARY KEY constraint"), times=9)
    run = sqlite.run([*lines, {"type": "STATE", "value": {"at": 3}}], **driver)
    assert isinstance(run.error, LoadError)
    assert "stream 'lines'" in str(run.error)
    assert "2627: Violation of PRIMARY KEY" in str(run.error)
    assert run.states == []
    assert len(in_log(server, r"INSERT INTO \[lines\]")) == 1


def test_a_fault_that_stays_ends_the_load(server, sqlite, messages):
    server.fails(r"INSERT INTO \[lines\]", Error(1205, b"was deadlocked on lock resources"), times=99)
    run = sqlite.run(messages("lines", PROPERTIES, RECORDS, keys=["id"]), sqlalchemy_url=URLS["pymssql"])
    assert isinstance(run.error, LoadError)
    assert "(6 tries)" in str(run.error)
    assert server.rows("lines") == []


def test_a_server_that_is_busy_at_first_is_waited_for(server, sqlite, messages):
    server.fails("^LOGIN$", Error((40613, b"Database 'd' on server 's' is not currently available")), times=2)
    sqlite.load(messages("lines", PROPERTIES, RECORDS, keys=["id"]), sqlalchemy_url=URLS["pymssql"])
    assert server.rows("lines") == ROWS


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
@pytest.mark.parametrize(("number", "text"), TRANSIENT.items())
def test_passing_faults_are_known_by_number_and_by_text(url, number, text):
    dialect = MSSQLDialect(sa.make_url(url))
    for error in (Error(number, b"what the server said"), Error((number, b"what")), Error(f"DDBC Error: {text} …")):
        fault = dialect.fault(error)
        assert fault is not None
        assert fault.transient
        assert fault.broken is (number != 1205)
    assert dialect.fault(Error(547, b"The INSERT statement conflicted")).transient is False
    assert dialect.fault(ValueError("ours")) is None


@settings(max_examples=settings.default.max_examples // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(st.tuples(st.integers(0, 3), st.none() | st.sampled_from(["", "a", "∆"])), max_size=12),
    batch=st.integers(1, 4),
    fault=st.tuples(st.sampled_from(MOMENTS), st.sampled_from([1205, 40613])),
)
def test_any_upserts_with_any_fault_equal_a_dict(server, loading, records, batch, fault):
    opened = server.sqlite()
    opened.execute("DROP TABLE IF EXISTS lines")
    opened.close()
    server.faults.clear()
    server.fails(fault[0], Error(fault[1], b"try again"))
    loading([{"id": key, "note": note} for key, note in records], load_method="upsert", batch_size_rows=batch)
    assert {row["id"]: row["note"] for row in server.rows("lines")} == dict(records)
