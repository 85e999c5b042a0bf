"""SQL Server, Azure SQL and Babelfish: rows go by bulk copy into a temporary table, and from there by plain SQL.

No ``MERGE``: it deadlocks with itself, has open correctness bugs, and Babelfish has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.pool import NullPool

from target_mssql.dialects.base import Abilities, Column, Dialect, Fault, Row, Table
from target_mssql.dialects.mssql_staging import check_sql, expected_checks, mismatch
from target_mssql.errors import BulkCopyFailed
from target_mssql.names import ORDER_COLUMN
from target_mssql.types import INT, ColumnType, key_bytes
from target_mssql.values import Storage

# https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server: 2,100 parameters,
#   identifiers of 128, keys of 900 bytes (clustered) and 1,700 bytes (nonclustered)
# https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql: 1,000 rows
# https://learn.microsoft.com/sql/t-sql/data-types/nchar-and-nvarchar-transact-sql: NVARCHAR(4000), then MAX
_PYMSSQL: Final = Abilities(
    max_parameters=2_100,
    max_rows_per_insert=1_000,
    max_identifier=128,
    max_text_length=4_000,
    clustered_key_bytes=900,
    nonclustered_key_bytes=1_700,
    key_collation="Latin1_General_BIN2",
    has_schemas=True,
    direct_append=False,
    # https://pymssql.readthedocs.io/en/stable/bulk_copy.html: on the connection that it is called on
    bulk_copy="same session",
    # FreeTDS turns text into the column's own type, which is how its freebcp reads files; pymssql itself sends
    # times as text, with milliseconds only, and decimals with 33 digits only
    storage=Storage(times_as_text=True, decimals="text"),
    authentication=frozenset({"sql"}),
)
DRIVERS: Final = {
    "mssql+pymssql": _PYMSSQL,
    # https://github.com/microsoft/mssql-python/wiki: bulkcopy opens a connection of its own, so it sees global
    # temporary tables (##) and what is committed, but no local ones (#)
    "mssql+mssqlpython": replace(
        _PYMSSQL,
        bulk_copy="own session",
        storage=Storage(times_as_text=False, decimals="decimal"),
        authentication=frozenset({"sql", "managed_identity", "service_principal"}),
    ),
}

# https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues#transient-fault-error-messages-40197-40613-and-others
# mssql-python gives no numbers for statements, so a piece of the message stands beside each
TRANSIENT: Final = {
    1205: "was deadlocked on",
    4060: "Cannot open database",
    10928: "Resource ID :",
    10929: "Resource ID :",
    40197: "has encountered an error processing your request",
    40501: "service is currently busy",
    40613: "is not currently available",
    49918: "Not enough resources to process request",
    49919: "Too many create or update operations in progress",
    49920: "Too many operations in progress",
}
DEADLOCK: Final = 1205
_BULK_COPY_SECONDS: Final = 600
_NUMBER_IN_TEXT: Final = re.compile(r"(?:Sql Error|Error|Msg):? (\d{3,5})\b")
# https://www.freetds.org/reference/a00548.html (time-out, read, write, end of file, dead process); Winsock's reset
_LOST_NUMBERS: Final = frozenset({20003, 20004, 20006, 20017, 20047, 10054})
_LOST_TEXTS: Final = (
    "Communication link failure",
    "Connection is closed",
    "Not connected to any MS SQL server",
    "connection is broken",
    "Connection reset by peer",
)


# SQLAlchemy gives these constructors no annotations
_DATETIME2: Final[Any] = mssql.DATETIME2
_TIME: Final[Any] = mssql.TIME
_SQLALCHEMY: Final[Any] = mssql.dialect


class MSSQLDialect(Dialect):
    """The statements of a load in Transact-SQL."""

    def __init__(self, url: sa.URL) -> None:
        super().__init__(url)
        self.abilities = DRIVERS[url.drivername]

    # --- connecting

    def engine(self, authentication: str) -> sa.Engine:
        """Make an engine that encrypts, and checks the server's certificate where its driver can."""
        return sa.create_engine(self.connection_url(authentication), poolclass=NullPool, hide_parameters=True)

    def connection_url(self, authentication: str) -> sa.URL:
        """Complete the URL: TLS on unless the URL itself turns it off, and the way to log in.

        Args:
            authentication: ``sql``, ``managed_identity`` or ``service_principal``.
        """
        given = {name.casefold() for name in self.url.query}
        defaults: dict[str, str] = {}
        if self.url.drivername == "mssql+pymssql":
            # https://pymssql.readthedocs.io/en/stable/ref/pymssql.html, argument encryption
            defaults["encryption"] = "require"
        else:
            defaults |= {"Encrypt": "yes", "TrustServerCertificate": "no"}
            names = {"managed_identity": "ActiveDirectoryMSI", "service_principal": "ActiveDirectoryServicePrincipal"}
            if authentication in names:
                defaults["Authentication"] = names[authentication]
        missing = {name: value for name, value in defaults.items() if name.casefold() not in given}
        return self.url.update_query_dict(missing)

    def fault(self, error: BaseException) -> Fault | None:
        """Read a driver's error: the server's number where there is one, and its text."""
        original = getattr(error, "orig", None) or error
        if isinstance(original, Exception) and not _is_of_driver(original):
            return None
        number, text = _number_and_text(original)
        if number is None:
            number = next((known for known, part in TRANSIENT.items() if part in text), None)
        transient, deadlock = number in TRANSIENT, number == DEADLOCK
        lost = (
            bool(getattr(error, "connection_invalidated", False))
            or number in _LOST_NUMBERS
            or any(sign in text for sign in _LOST_TEXTS)
        )
        message = f"the server says {number}: {text}" if number else f"the server says: {text}"
        # after anything but a deadlock the session is given up: Azure SQL may have moved the database
        return Fault(message, transient=transient or lost, broken=lost or (transient and not deadlock))

    # --- types and names

    def column_type(self, declared: sa.types.TypeEngine[Any]) -> ColumnType | None:  # noqa: C901, PLR0911, PLR0912  one a type
        """Say what a column of a table holds, with the limits SQL Server enforces."""
        match declared:
            case mssql.BIT() | sa.Boolean():
                return ColumnType("boolean")
            case mssql.TINYINT():
                return ColumnType("integer", low=0, high=255)
            case sa.SmallInteger():
                return ColumnType("integer", low=-(2**15), high=2**15 - 1)
            case sa.BigInteger():
                return ColumnType("integer")
            case sa.Integer():
                return ColumnType("integer", low=INT[0], high=INT[1])
            case mssql.MONEY():
                return ColumnType("decimal", precision=19, scale=4)
            case mssql.SMALLMONEY():
                return ColumnType("decimal", precision=10, scale=4)
            case sa.Float():
                return ColumnType("float")
            case sa.Numeric():
                return ColumnType("decimal", precision=declared.precision or 18, scale=declared.scale or 0)
            case mssql.DATETIMEOFFSET():
                return ColumnType("datetime", precision=6)
            case mssql.DATETIME2():
                return ColumnType("datetime", precision=6 if declared.precision is None else min(declared.precision, 6))
            case mssql.SMALLDATETIME():
                return None  # rounds to the minute
            case sa.DateTime():
                return ColumnType("datetime", precision=2)  # DATETIME counts 1/300 of a second
            case sa.Date():
                return ColumnType("date")
            case mssql.TIME():
                return ColumnType("time", precision=6 if declared.precision is None else min(declared.precision, 6))
            case mssql.UNIQUEIDENTIFIER():
                return ColumnType("text", length=36)
            case sa.String():
                # VARCHAR turns what its code page lacks into question marks, without an error
                length = declared.length if isinstance(declared.length, int) else None
                return ColumnType(
                    "text", length=length, ascii_only=not isinstance(declared, (sa.Unicode, sa.UnicodeText))
                )
            case _:
                return None

    def declared_type(self, column: ColumnType, *, collation: str | None = None) -> sa.types.TypeEngine[Any]:  # noqa: PLR0911  one a kind
        """Give the type with which a column is created."""
        match column.kind:
            case "text":
                fits = column.length is not None and column.length <= (self.abilities.max_text_length or 0)
                return mssql.NVARCHAR(column.length if fits else None, collation=collation)
            case "integer":
                return sa.INTEGER() if column.low >= INT[0] and column.high <= INT[1] else sa.BIGINT()
            case "decimal":
                return sa.DECIMAL(column.precision, column.scale)
            case "float":
                return mssql.FLOAT(53)
            case "boolean":
                return mssql.BIT()
            case "date":
                return sa.DATE()
            case "datetime":
                moment: sa.types.TypeEngine[Any] = _DATETIME2(6)
                return moment
            case "time":
                of_day: sa.types.TypeEngine[Any] = _TIME(6)
                return of_day
            case _:
                return mssql.NVARCHAR(None)

    def quote(self, name: str) -> str:
        """Quote a name by brackets; a closing one in it is doubled."""
        return "[" + name.replace("]", "]]") + "]"

    @property
    def _sqlalchemy(self) -> sa.Dialect:
        dialect: sa.Dialect = _SQLALCHEMY()
        return dialect

    # --- changing tables

    def _primary_key(self, columns: Sequence[Column], names: Sequence[str]) -> str:
        length = sum(key_bytes(one.type) for one in columns if one.type)
        clustered = length <= (self.abilities.clustered_key_bytes or 0)
        return f"PRIMARY KEY {'CLUSTERED' if clustered else 'NONCLUSTERED'} ({self.names(names)})"

    def add_column(self, table: str, column: Column) -> str:
        """Add a nullable column: one a statement, as Babelfish wants it."""
        return f"ALTER TABLE {table} ADD {self.quote(column.name)} {self.compiled(column.declared)} NULL"

    def alter_column(self, table: str, column: Column) -> list[str]:
        """Change a column's type; ``NULL`` is left out, being the default of both drivers and refused by Babelfish."""
        null = "" if column.nullable else " NOT NULL"
        return [f"ALTER TABLE {table} ALTER COLUMN {self.quote(column.name)} {self.compiled(column.declared)}{null}"]

    def lock_schema(self, table: Table) -> str | None:
        """Take a lock of our own until the transaction ends, so that two runs don't create the same table."""
        resource = f"target-mssql {table}".replace("'", "''")[:255]
        return f"EXEC sp_getapplock @Resource = N'{resource}', @LockMode = 'Exclusive', @LockOwner = 'Transaction'"

    # --- staging

    def staging_table(self, run: str, number: int) -> str:
        """Name a temporary table: seen by its session alone, or by every session for a bulk copy that opens its own.

        Both kinds vanish with the session that made them, however it ends.
        """
        scope = "##" if self.abilities.bulk_copy == "own session" else "#"
        return f"{scope}load_{run}_{number}"

    def create_staging(self, staging: str, table: Table, columns: Sequence[Column]) -> list[str]:
        """Create the staging table from the table itself, so that types and collations are the same."""
        names = self.names([one.name for one in columns], "t.")
        return [
            f"SELECT TOP (0) CAST(0 AS BIGINT) AS {self.quote(ORDER_COLUMN)}, {names}\n"
            f"INTO {staging}\nFROM {self.table(table)} AS t"
        ]

    def widen_staging(self, staging: str, added: Sequence[Column], altered: Sequence[Column]) -> list[str]:
        """Add the new columns and widen the widened ones."""
        changes = [self.add_column(staging, one) for one in added]
        return changes + [sql for one in altered for sql in self.alter_column(staging, one)]

    def empty_staging(self, staging: str) -> str:
        """Empty the staging table."""
        return f"TRUNCATE TABLE {staging}"

    def drop_staging(self, staging: str) -> str:
        """Drop the staging table if it is there: Babelfish aborts a transaction that names an unknown one."""
        return f"IF OBJECT_ID('tempdb..{staging}') IS NOT NULL DROP TABLE {staging}"

    def copy(
        self,
        connection: sa.Connection,
        staging: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        first: int,
        bulk: bool,
    ) -> None:
        """Copy rows and compare count, numeric sums and text lengths with what was sent."""
        # FreeTDS takes a text of length 0 for a null, so rows that hold one don't go by its bulk copy
        if bulk and self.abilities.bulk_copy == "same session":
            by_insert = [(place, row) for place, row in enumerate(rows, first) if "" in row]
        else:
            by_insert = [] if bulk else list(enumerate(rows, first))
        left_out = {place for place, _ in by_insert}
        if len(by_insert) < len(rows):
            placed = [(place, *row) for place, row in enumerate(rows, first) if place not in left_out]
            self._bulk_copy(connection, staging, placed)
        for sql, parameters in self.insert_statements(staging, len(columns) + 1, [(p, *row) for p, row in by_insert]):
            connection.exec_driver_sql(sql, parameters)
        sql, checks = check_sql(self.quote, staging, columns, first, first + len(rows) - 1)
        found = connection.exec_driver_sql(sql).one()
        if reason := mismatch(checks, expected_checks(checks, rows), found):
            raise BulkCopyFailed(f"{staging} does not hold what was sent: {reason}")

    def _bulk_copy(self, connection: sa.Connection, staging: str, rows: Sequence[Row]) -> None:
        driver: Any = connection.connection.driver_connection
        try:
            if self.abilities.bulk_copy == "same session":
                driver.bulk_copy(staging, rows, batch_size=len(rows), tablock=True)
            else:
                with driver.cursor() as cursor:
                    cursor.bulkcopy(staging, rows, timeout=_BULK_COPY_SECONDS, table_lock=True, keep_nulls=True)
        except Exception as error:
            fault = self.fault(error)
            if fault is not None and fault.transient:
                raise
            # neither driver keeps to the exceptions of DB-API here: whatever it is, INSERT is tried instead
            raise BulkCopyFailed(f"{type(error).__name__}: {error}") from error

    def insert_statements(self, staging: str, width: int, rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
        """Cut rows into ``INSERT`` statements below the driver's limits.

        The columns are not named: pymssql would take a ``%s`` or ``%d`` within a name for a parameter.

        Args:
            staging: the staging table.
            width: values a row.
            rows: the rows, each beginning with its place.

        Yields:
            A statement and its parameters.
        """
        mark = "%s" if self.url.drivername == "mssql+pymssql" else "?"
        one = "(" + ", ".join([mark] * width) + ")"
        # three parameters are left for the driver's own prepared execution
        size = max(1, min(self.abilities.max_rows_per_insert, (self.abilities.max_parameters - 3) // width))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            sql = f"INSERT INTO {staging} VALUES\n" + ",\n".join([one] * len(part))
            yield sql, tuple(value for row in part for value in row)

    # --- applying

    def index_staging(self, staging: str, keys: Sequence[str]) -> str | None:  # noqa: ARG002
        """No index: the server joins by hash."""
        return None

    def drop_superseded(self, staging: str, keys: Sequence[str]) -> str:
        """Delete the staged rows that a later row with the same key supersedes."""
        place = self.quote(ORDER_COLUMN)
        return (
            f"DELETE s\nFROM {staging} AS s\nWHERE EXISTS (\n"  # noqa: S608  quoted names
            f"    SELECT 1 FROM {staging} AS later\n"
            f"    WHERE {self.key_matches('later', 's', keys)} AND later.{place} > s.{place}\n)"
        )

    def update_matched(self, table: Table, staging: str, keys: Sequence[str], others: Sequence[str]) -> str:
        """Bring the table's rows whose key is staged to the staged values.

        The hints keep the keys locked, also those not there yet, until the ``INSERT`` that follows is committed:
        a second run of the stream waits instead of inserting the same key.
        """
        values = ",\n    ".join(f"{self.quote(name)} = s.{self.quote(name)}" for name in others)
        return (
            f"UPDATE t\nSET {values}\nFROM {self.table(table)} AS t WITH (UPDLOCK, HOLDLOCK)\n"
            f"INNER JOIN {staging} AS s ON {self.key_matches('t', 's', keys)}"
        )

    def insert_missing(self, table: Table, staging: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """Insert the staged rows whose key the table has not."""
        return (
            f"INSERT INTO {self.table(table)} ({self.names(columns)})\n"  # noqa: S608  quoted names
            f"SELECT {self.names(columns, 's.')}\nFROM {staging} AS s\n"
            f"WHERE NOT EXISTS (\n    SELECT 1 FROM {self.table(table)} AS t WITH (UPDLOCK, HOLDLOCK)\n"
            f"    WHERE {self.key_matches('t', 's', keys)}\n)"
        )

    def delete_all(self, table: Table) -> str:
        """Delete every row under a table lock: readers see the old rows or wait for the new ones.

        Not ``TRUNCATE``: it needs the right to alter the table, and is refused where a foreign key points at it.
        """
        return f"DELETE FROM {self.table(table)} WITH (TABLOCKX)"  # noqa: S608  quoted names


def _is_of_driver(error: BaseException) -> bool:
    module = type(error).__module__.partition(".")[0]
    return module in ("pymssql", "mssql_python", "mssql_py_core") or (
        isinstance(error, RuntimeError) and "Sql Error" in str(error)  # mssql-python's bulk copy has no other class
    )


def _number_and_text(error: BaseException) -> tuple[int | None, str]:
    number: Any = getattr(error, "number", None)
    first: Any = error.args[0] if error.args else ""
    text: Any = error.args[1] if len(error.args) > 1 else first
    if isinstance(first, tuple):  # pymssql wraps what the server said: ((number, text),)
        first, text = first[0], first[1]
    if isinstance(first, int):
        number = first
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    line = " ".join(str(text).split())
    if number is None and (found := _NUMBER_IN_TEXT.search(line)):
        number = int(found[1])
    return number, line
