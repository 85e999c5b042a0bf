"""A database to load into, the target run in this process, and the tables read back through SQLAlchemy's own types."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from target_mssql.dialects import dialect_for
from target_mssql.target import TargetMSSQL

SERVER = os.environ.get("MSSQL_TEST_URL")


def pytest_collection_modifyitems(config, items):
    """Without a server its tests are not skipped one by one but left out, and one line says so."""
    if SERVER:
        return
    here = str(config.rootpath / "target-mssql")
    left_out = [item for item in items if item.get_closest_marker("mssql") and str(item.path).startswith(here)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    if not SERVER:
        terminalreporter.write_line(
            "target-mssql: tests on a server are left out; run them with "
            "MSSQL_TEST_URL='mssql+pymssql://sa:PASSWORD@localhost:1433/master' pytest target-mssql -m mssql"
        )


@dataclass
class Run:
    """What one run of the target did."""

    states: list = field(default_factory=list)
    error: BaseException | None = None


def plain(value):
    """Bring a value read from a table into JSON's types, whatever database it comes from."""
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(" ", "microseconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("microseconds")
        case _:
            return value


class Database:
    """A database of one test: a SQLite file, or a schema of its own on a server."""

    def __init__(self, url, schema=None):
        self.url = url
        self.schema = schema
        self.engine = dialect_for(sa.make_url(url)).engine("sql")

    @property
    def settings(self):
        return {"sqlalchemy_url": self.url} | ({"default_target_schema": self.schema} if self.schema else {})

    def table(self, name):
        with self.engine.connect() as connection:
            return sa.Table(name, sa.MetaData(), autoload_with=connection, schema=self.schema)

    def rows(self, name, *columns):
        """Read a table through the types it declares: a list of records, sorted by their JSON text."""
        table = self.table(name)
        query = sa.select(*(table.c[column] for column in columns)) if columns else sa.select(table)
        with self.engine.connect() as connection:
            found = [
                {key: plain(value) for key, value in row.items()} for row in connection.execute(query).mappings().all()
            ]
        return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))

    def names(self):
        with self.engine.connect() as connection:
            return sa.inspect(connection).get_table_names(schema=self.schema)

    def execute(self, *statements):
        with self.engine.connect() as connection:
            for statement in statements:
                connection.execute(statement if isinstance(statement, sa.Executable) else sa.text(statement))
            connection.commit()

    def create(self, name, *columns):
        """Make a table by SQLAlchemy, as migrations do."""
        table = sa.Table(name, sa.MetaData(), *columns, schema=self.schema)
        with self.engine.connect() as connection:
            if self.schema and not sa.inspect(connection).has_schema(self.schema):
                connection.execute(sa.schema.CreateSchema(self.schema))
            table.create(connection)
            connection.commit()
        return table

    def run(self, lines, **settings):
        """Run the target in this process over messages.

        Args:
            lines: messages, or lines of text; they are taken one by one, as from a pipe.
            settings: the target's settings beside the database.
        """
        text = ((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        run, out = Run(), io.StringIO()
        try:
            target = TargetMSSQL(config={"validate_records": False, **self.settings, **settings})
            with redirect_stdout(out):
                target.listen(text)
        except Exception as error:  # noqa: BLE001  tests look at what it is
            run.error = error
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        run.states = [json.loads(line) for line in out.getvalue().splitlines()]
        return run

    def run_program(self, code, lines, folder):
        """Run a program that calls the target in a process of its own over messages.

        Args:
            code: the program.
            lines: messages.
            folder: where its settings are written.
        """
        config = folder / "config.json"
        config.write_text(json.dumps({"validate_records": False, **self.settings}))
        return subprocess.run(
            [sys.executable, "-c", code, "--config", str(config)],
            input="".join(json.dumps(line) + "\n" for line in lines).encode(),
            capture_output=True,
            timeout=50,
            check=False,
        )

    def load(self, lines, **settings):
        """Run the target over messages; it must succeed."""
        run = self.run(lines, **settings)
        if run.error is not None:
            raise run.error
        return run

    def drop(self):
        if self.schema is None:
            self.engine.dispose()
            return
        with closing(self.engine.connect()) as connection:
            for name in sa.inspect(connection).get_table_names(schema=self.schema):
                connection.execute(sa.text(f"DROP TABLE [{self.schema}].[{name.replace(']', ']]')}]"))
            if sa.inspect(connection).has_schema(self.schema):
                connection.execute(sa.text(f"DROP SCHEMA [{self.schema}]"))
            connection.commit()


@pytest.fixture(params=["sqlite", pytest.param("mssql", marks=pytest.mark.mssql)])
def database(request, tmp_path):
    """Each test that asks for it runs on SQLite, and on a server where there is one."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path}/warehouse.db")
    else:
        made = Database(SERVER, schema=f"test_{uuid.uuid4().hex[:12]}")
    yield made
    made.drop()


@pytest.fixture
def sqlite(tmp_path):
    """For what only SQLite has: files, locks and processes that share them."""
    made = Database(f"sqlite:///{tmp_path}/warehouse.db")
    yield made
    made.drop()


def schema_message(stream, properties, keys=()):
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(keys),
    }


def record_messages(stream, records):
    return [{"type": "RECORD", "stream": stream, "record": record} for record in records]


@pytest.fixture
def messages():
    """Make the messages of one stream: its schema, then its records."""

    def make(stream, properties, records, keys=()):
        return [schema_message(stream, properties, keys), *record_messages(stream, records)]

    return make


DECODER = msgspec.json.Decoder(float_hook=Decimal)


@pytest.fixture
def as_batches(tmp_path):
    """Put neighbouring records of one stream into Parquet files, each value as JSON text, below an awkward name."""
    folder = tmp_path / "my 100% batches #1"
    folder.mkdir()

    def make(lines):
        found = []
        for key, same in itertools.groupby(lines, batch_key):
            if key is None:
                found += same
                continue
            messages = [DECODER.decode(line) for line in same]
            records = [message.pop("record") for message in messages]
            path = folder / f"{uuid.uuid4().hex}.parquet"
            write_parquet(path, records)
            encoding = {"format": "parquet", "compression": "none"}
            found.append(messages[0] | {"type": "BATCH", "encoding": encoding, "manifest": [path.as_uri()]})
        return found

    return make


def batch_key(line):
    try:
        message = DECODER.decode(line)
    except msgspec.DecodeError:
        return None
    if message.get("type") != "RECORD" or not message.get("record"):
        return None
    return json.dumps([message["stream"], message.get("version"), list(message["record"])])


def write_parquet(path, records):
    fields = [pa.field(name, pa.string(), metadata={b"singer": b"json"}) for name in records[0]]
    columns = [
        [None if record[field.name] is None else json_text(record[field.name]) for record in records]
        for field in fields
    ]
    arrays = [pa.array(column, pa.string()) for column in columns]
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)


def json_text(value):
    return msgspec.json.Encoder(decimal_format="number").encode(value).decode()
