"""SQLite, the embedded default for development: one file, one writer at a time, no server.

It behaves as SQL Server does: declared lengths and digits are kept although SQLite would not enforce them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from target_mssql.dialects.base import Abilities, Column, Dialect, Fault, Repeated, Row, Table, Values
from target_mssql.errors import SideFileFailed
from target_mssql.names import ORDER_COLUMN
from target_mssql.types import EXACT_DOUBLE_DIGITS, ColumnType
from target_mssql.values import Storage

if TYPE_CHECKING:
    import pyarrow as pa

LOCK_TIMEOUT_SECONDS: Final = 30
"""How long a write waits for another process, unless the URL says otherwise (``?timeout=5``)."""

# https://www.sqlite.org/limits.html; names and keys have no limit of their own there, so SQL Server's limit for
# names is kept: what loads here loads there.
ABILITIES: Final = Abilities(
    max_parameters=32_766,
    max_rows_per_insert=32_766,
    max_identifier=128,
    max_text_length=None,
    clustered_key_bytes=None,
    nonclustered_key_bytes=None,
    key_collation=None,
    has_schemas=False,
    direct_append=True,
    bulk_copy=None,
    # SQLAlchemy's own types read dates as ISO text and decimals from doubles
    storage=Storage(times_as_text=True, decimals="double"),
    authentication=frozenset({"sql"}),
)

SIDE_ROWS: Final = 20_000
"""Rows from which a file of their own is worth its making."""
SIDE: Final = "load"
"""Names the file of rows, beside the database's and as a schema of the session."""
SIDE_TABLE: Final = "rows_of_batch"
"""The table in it."""

_NO_VALUE: Final = {None: None}.get
"""Gives a null for a null, without a call of a Python function."""


class SQLiteDialect(Dialect):
    """The statements of a load in SQLite's words."""

    abilities = ABILITIES

    def engine(self, authentication: str) -> sa.Engine:  # noqa: ARG002  a file knows no logins
        """Make an engine whose write transactions take the write lock at their beginning."""
        url = _below_project_root(self.url)
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        seconds = float(str(url.query.get("timeout", LOCK_TIMEOUT_SECONDS)))
        engine = sa.create_engine(
            url.difference_update_query(["timeout"]),
            # no implicit transactions of the driver's own: they leave out DDL, and cannot be IMMEDIATE
            connect_args={"timeout": seconds, "isolation_level": None},
            poolclass=NullPool,
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _prepare_session)
        sa.event.listen(engine, "begin", _begin)
        # Where the driver finds no adapter of a null, it looks for one in two more places, each time: half of binding.
        sqlite3.register_adapter(type(None), _NO_VALUE)
        return engine

    def fault(self, error: BaseException) -> Fault | None:
        """Read a driver's error. A lock is no passing fault: the session has waited its time-out already."""
        if isinstance(error, SideFileFailed):
            return Fault(str(error))
        original = getattr(error, "orig", error)
        name = getattr(original, "sqlite_errorname", None)
        if name is None:
            return None
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return Fault(
                f"the database file {self.url.database} is locked: another process has kept it for longer than the "
                "time-out; let it end, or wait longer with ?timeout=SECONDS in sqlalchemy_url"
            )
        return Fault(f"SQLite says {name}: {original}")

    def column_type(self, declared: sa.types.TypeEngine[Any]) -> ColumnType | None:  # noqa: PLR0911  one a type
        """Say what a column of a table holds. An ``INTEGER`` of SQLite's has 64 bits."""
        match declared:
            case sa.Boolean():
                return ColumnType("boolean")
            case sa.Integer():
                return ColumnType("integer")
            case sa.Float():
                return ColumnType("float")
            case sa.Numeric():
                scale = declared.scale if declared.precision is None else declared.scale or 0
                return ColumnType("decimal", precision=declared.precision, scale=scale)
            case sa.DateTime():
                return ColumnType("datetime", precision=6)
            case sa.Date():
                return ColumnType("date")
            case sa.Time():
                return ColumnType("time", precision=6)
            case sa.JSON():
                return ColumnType("json")
            case sa.String():
                return ColumnType("text", length=declared.length)
            case _:
                return None

    def declared_type(  # noqa: PLR0911  one a kind
        self, column: ColumnType, *, collation: str | None = None
    ) -> sa.types.TypeEngine[Any]:
        """Give the type with which a column is created, such that values read back as they were sent.

        A column that is declared ``DECIMAL`` keeps a double: more digits than a double keeps are kept as text.
        """
        match column.kind:
            case "text":
                return sa.VARCHAR(column.length, collation) if column.length else sa.TEXT(collation=collation)
            case "integer":
                return sa.BIGINT()
            case "decimal" if (column.precision or EXACT_DOUBLE_DIGITS + 1) <= EXACT_DOUBLE_DIGITS:
                return sa.NUMERIC(column.precision, column.scale)
            case "float":
                return sa.FLOAT()
            case "boolean":
                return sa.BOOLEAN()
            case "date":
                return sa.DATE()
            case "datetime":
                return sa.DATETIME()
            case "time":
                return sa.TIME()
            case _:
                return sa.TEXT()

    def quote(self, name: str) -> str:
        """Quote a name by doubling the quotes in it."""
        return '"' + name.replace('"', '""') + '"'

    @property
    def _sqlalchemy(self) -> sa.Dialect:
        return sqlite.dialect()

    def add_column(self, table: str, column: Column) -> str:
        """Add a nullable column."""
        return f"ALTER TABLE {table} ADD COLUMN {self.quote(column.name)} {self.compiled(column.declared)}"

    def alter_column(self, table: str, column: Column) -> list[str]:
        """Change a column's type by way of a new column, because a declared scale decides how a decimal reads back."""
        name, new = self.quote(column.name), self.quote(column.name + " (widened)")
        return [
            self.add_column(table, replace(column, name=column.name + " (widened)")),
            f"UPDATE {table} SET {new} = {name}",  # noqa: S608  quoted names
            f"ALTER TABLE {table} DROP COLUMN {name}",
            f"ALTER TABLE {table} RENAME COLUMN {new} TO {name}",
        ]

    def staging_table(self, run: str, number: int) -> str:
        """Name a temporary table, which only its own session sees."""
        return f"temp.{self.quote(f'load_{run}_{number}')}"

    def create_staging(self, staging: str, table: Table, columns: Sequence[Column]) -> list[str]:  # noqa: ARG002
        """Create a temporary table without column types, so that it keeps values exactly as they were bound."""
        names = self.names([one.name for one in columns])
        return [f"CREATE TEMP TABLE {staging.removeprefix('temp.')} ({self.quote(ORDER_COLUMN)} INTEGER, {names})"]

    def widen_staging(self, staging: str, added: Sequence[Column], altered: Sequence[Column]) -> list[str]:  # noqa: ARG002
        """Add the new columns; there are no types to widen."""
        return [f"ALTER TABLE {staging} ADD COLUMN {self.quote(one.name)}" for one in added]

    def empty_staging(self, staging: str) -> str:
        """Delete all staged rows."""
        return f"DELETE FROM {staging}"  # noqa: S608  quoted names

    def drop_staging(self, staging: str) -> str:
        """Drop the temporary table and its index."""
        return f"DROP TABLE IF EXISTS {staging}"

    def copy(
        self,
        connection: sa.Connection,
        staging: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        first: int,
        bulk: bool,  # noqa: ARG002  SQLite has no bulk copy
    ) -> None:
        """Insert rows into the staging table; the engine is in this process, so nothing can get lost on the way."""
        marks = ", ".join("?" * (len(columns) + 1))
        placed = [(place, *row) for place, row in enumerate(rows, first)]
        connection.exec_driver_sql(f"INSERT INTO {staging} VALUES ({marks})", placed)  # noqa: S608  quoted names

    def append(self, connection: sa.Connection, table: Table, columns: Sequence[Column], rows: Sequence[Row]) -> int:
        """Insert rows into the table.

        Returns:
            Rows inserted.
        """
        names = [one.name for one in columns]
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {self.table(table)} ({self.names(names)}) VALUES ({marks})"  # noqa: S608  quoted names
        return connection.exec_driver_sql(sql, list(rows)).rowcount

    def append_columns(
        self, connection: sa.Connection, table: Table, columns: Sequence[Column], values: Sequence[Values]
    ) -> int:
        """Insert rows into the table. What is the same in all of them stands in the statement and is not bound.

        Arrays of Arrow come by a file of their own, which has no name any more once the session has it open. That is
        within the transaction, whose write lock makes a file of this name one that a killed run has left.

        Returns:
            Rows inserted.
        """
        literals = [_literal(one) for one in values]
        # two columns of the same values, as a name found and cleaned, are one parameter
        bound = list({id(one): one for one, literal in zip(values, literals, strict=True) if literal is None}.values())
        if not bound:
            return self.append(connection, table, columns, list(zip(*values, strict=True)))
        arrays = {f"c{number}": one for number, one in enumerate(bound) if not isinstance(one, Sequence | Repeated)}
        bound = [one for one in bound if isinstance(one, Sequence | Repeated)]
        marks = {id(one): name for name, one in arrays.items()}
        marks |= {id(one): f"?{number}" for number, one in enumerate(bound, 1)}
        given = ", ".join(literal or marks[id(one)] for one, literal in zip(values, literals, strict=True))
        into = f"INSERT INTO {self.table(table)} ({self.names([one.name for one in columns])})"
        with closing(cast("sqlite3.Cursor", connection.connection.cursor())) as cursor:
            if arrays:
                self._open_side_file(cursor, arrays)
                once = [one.value for one in bound if isinstance(one, Repeated)]
                cursor.execute(f"{into} SELECT {given} FROM {SIDE}.{SIDE_TABLE}", once)  # noqa: S608  quoted names
            else:
                # the driver itself takes the rows one by one, so that they need not all be made at once
                rows = cast("Sequence[Row]", zip(*bound, strict=True))
                cursor.executemany(f"{into} VALUES ({given})", rows)
            return cursor.rowcount

    def takes_arrays(self, rows: int) -> bool:
        """Say whether so many rows are worth a file of their own: not beside a database in memory or given by a URI."""
        name = self.url.database or ":memory:"
        return rows >= SIDE_ROWS and name != ":memory:" and not name.startswith("file:")

    def _open_side_file(self, cursor: sqlite3.Cursor, arrays: Mapping[str, pa.Array]) -> None:
        """Write arrays to a file beside the database's, and have the session open it as ``SIDE``."""
        from target_mssql.dialects.side_file import write  # noqa: PLC0415  only where many rows have come

        database = str(_below_project_root(self.url).database)
        path = Path(f"{database}-{SIDE}")
        (encoding,) = cursor.execute("PRAGMA encoding").fetchone()
        write(path, SIDE_TABLE, arrays, beside=Path(database), encoding=encoding)
        try:
            cursor.execute(f"ATTACH DATABASE ? AS {SIDE}", (str(path),))
            cursor.execute(f"PRAGMA {SIDE}.schema_version").fetchone()  # it opens the file when it reads
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def letting_go(self, connection: sa.Connection) -> Iterator[None]:
        """Close the file of rows at the end, if there is one; within a transaction SQLite does not."""
        try:
            yield
        finally:
            with suppress(sqlite3.Error), closing(connection.connection.cursor()) as cursor:
                cursor.execute(f"DETACH DATABASE {SIDE}")

    def index_staging(self, staging: str, keys: Sequence[str]) -> str | None:
        """Index the keys: SQLite joins by nested loops only."""
        name = staging.removeprefix("temp.")
        index = self.quote(name.strip('"') + "_key")
        return f"CREATE INDEX IF NOT EXISTS temp.{index} ON {name} ({self.names([*keys, ORDER_COLUMN])})"

    def drop_superseded(self, staging: str, keys: Sequence[str]) -> str:
        """Delete the staged rows that a later row with the same key supersedes."""
        place, name = self.quote(ORDER_COLUMN), staging.removeprefix("temp.")
        return (
            f"DELETE FROM {staging}\nWHERE EXISTS (\n"  # noqa: S608  quoted names
            f"    SELECT 1 FROM {staging} AS later\n"
            f"    WHERE {self.key_matches('later', name, keys)} AND later.{place} > {name}.{place}\n)"
        )

    def update_matched(self, table: Table, staging: str, keys: Sequence[str], others: Sequence[str]) -> str:
        """Bring the table's rows whose key is staged to the staged values."""
        values = ",\n    ".join(f"{self.quote(name)} = s.{self.quote(name)}" for name in others)
        return (
            f"UPDATE {self.table(table)} AS t\nSET {values}\n"
            f"FROM {staging} AS s\nWHERE {self.key_matches('t', 's', keys)}"
        )

    def insert_missing(self, table: Table, staging: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """Insert the staged rows whose key the table has not."""
        return (
            f"INSERT INTO {self.table(table)} ({self.names(columns)})\n"  # noqa: S608  quoted names
            f"SELECT {self.names(columns, 's.')}\nFROM {staging} AS s\n"
            f"WHERE NOT EXISTS (\n    SELECT 1 FROM {self.table(table)} AS t\n"
            f"    WHERE {self.key_matches('t', 's', keys)}\n)"
        )

    def delete_all(self, table: Table) -> str:
        """Delete every row of the table."""
        return f"DELETE FROM {self.table(table)}"  # noqa: S608  quoted names


def _literal(values: Values) -> str | None:
    """Write the one text or null of a column as SQL; None for any other column."""
    if not isinstance(values, Repeated):
        return None
    if values.value is None:
        return "NULL"
    if not isinstance(values.value, str) or "\x00" in values.value:  # a statement ends there
        return None
    return "'" + values.value.replace("'", "''") + "'"


def _below_project_root(url: sa.URL) -> sa.URL:
    """Take a relative path from Meltano's project, whatever folder a plugin is started in."""
    root, path = os.environ.get("MELTANO_PROJECT_ROOT"), url.database
    if not root or not path or path == ":memory:" or path.startswith("file:"):
        return url
    return url.set(database=str(Path(root) / path))


def _prepare_session(session: Any, _: PoolProxiedConnection) -> None:  # noqa: ANN401  the driver's connection
    """Let readers go on while a load writes, and keep what is committed through a loss of power."""
    session.execute("PRAGMA journal_mode = WAL").close()
    session.execute("PRAGMA foreign_keys = ON").close()


def _begin(connection: sa.Connection) -> None:
    """A transaction that reads and then writes would fail at once where another has written in between."""
    immediate = connection.get_execution_options().get("writes_tables")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
