"""What a database can do, declared once, and the statements of a load in its words.

The statements built here are the same in every database; the modules beside this one add what differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa

from target_mssql.names import ORDER_COLUMN
from target_mssql.types import ColumnType
from target_mssql.values import Storage

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]
"""A record as it is written: one value a column, in the form that the driver wants."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A column's values where they are one and the same in every row.

    Attributes:
        value: the value, in the form that the driver wants.
        rows: how often it stands there.
    """

    value: Any
    rows: int

    def __iter__(self) -> Iterator[Any]:
        return repeat(self.value, self.rows)

    def __len__(self) -> int:
        return self.rows

    def __contains__(self, value: object) -> bool:
        return self.rows > 0 and self.value == value


Values: TypeAlias = "Sequence[Any] | Repeated | pa.Array"
"""The values of one column, one a row; an array of Arrow where the database takes such."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """The limits and abilities of a database and its driver.

    Attributes:
        max_parameters: parameters of one statement.
        max_rows_per_insert: rows of one ``INSERT … VALUES``.
        max_identifier: length of a name, in UTF-16 units.
        max_text_length: the longest text with a declared length; longer ones are declared without.
        clustered_key_bytes: length of a clustered primary key; None for no limit.
        nonclustered_key_bytes: length of any other key; None for no limit.
        key_collation: how text keys that this target creates compare: by code point, as they do in the tap, so that
            'a' and 'A' are two; None where they do so anyway.
        has_schemas: tables live in schemas.
        direct_append: appended rows go straight into the table; else through a staging table.
        bulk_copy: the driver's bulk copy runs in the session that it is called on, in one of its own, or is missing.
        storage: the Python form of values.
        authentication: values of the setting ``authentication`` that work.
    """

    max_parameters: int
    max_rows_per_insert: int
    max_identifier: int
    max_text_length: int | None
    clustered_key_bytes: int | None
    nonclustered_key_bytes: int | None
    key_collation: str | None
    has_schemas: bool
    direct_append: bool
    bulk_copy: Literal["same session", "own session"] | None
    storage: Storage
    authentication: frozenset[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a stream loads.

    Attributes:
        name: as the table has it.
        type: what it holds; None for a type that cannot be loaded.
        declared: its type as the table declares it.
        nullable: whether it takes nulls.
    """

    name: str
    type: ColumnType | None
    declared: sa.types.TypeEngine[Any]
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a stream loads: its name, and its schema where the database has schemas."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure as the server reported it.

    Attributes:
        message: number and text, never statement parameters.
        transient: it passes by itself.
        broken: the session is lost.
    """

    message: str
    transient: bool = False
    broken: bool = False


class Dialect(ABC):
    """The statements of a load. Those built here are the same in every database."""

    abilities: Abilities

    def __init__(self, url: sa.URL) -> None:
        self.url = url

    # --- connecting

    @abstractmethod
    def engine(self, authentication: str) -> sa.Engine:
        """Make an engine that opens a new session for each connection and hides parameters in its errors."""

    @abstractmethod
    def fault(self, error: BaseException) -> Fault | None:
        """Read a driver's error; None where it is no error of the database."""

    # --- types and names

    @abstractmethod
    def column_type(self, declared: sa.types.TypeEngine[Any]) -> ColumnType | None:
        """Say what a column of a table holds; None for types that cannot be loaded."""

    @abstractmethod
    def declared_type(self, column: ColumnType, *, collation: str | None = None) -> sa.types.TypeEngine[Any]:
        """Give the type with which a column is created."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """Quote a name, whatever characters it has."""

    def table(self, table: Table) -> str:
        """Quote a table's full name."""
        return (
            self.quote(table.name) if table.schema is None else f"{self.quote(table.schema)}.{self.quote(table.name)}"
        )

    def names(self, columns: Sequence[str], prefix: str = "") -> str:
        """Quote column names and join them by commas."""
        return ", ".join(prefix + self.quote(name) for name in columns)

    def compiled(self, declared: sa.types.TypeEngine[Any]) -> str:
        """Write a column type in this database's words."""
        return declared.compile(dialect=self._sqlalchemy)

    @property
    @abstractmethod
    def _sqlalchemy(self) -> sa.Dialect: ...

    # --- changing tables

    def create_table(self, table: Table, columns: Sequence[Column], primary_key: Sequence[str]) -> str:
        """Create a table; without key columns it gets no primary key."""
        parts = [
            f"{self.quote(one.name)} {self.compiled(one.declared)} {'NULL' if one.nullable else 'NOT NULL'}"
            for one in columns
        ]
        if primary_key:
            parts.append(self._primary_key([one for one in columns if one.name in primary_key], primary_key))
        lines = ",\n".join(f"    {part}" for part in parts)
        return f"CREATE TABLE {self.table(table)} (\n{lines}\n)"

    def _primary_key(self, columns: Sequence[Column], names: Sequence[str]) -> str:  # noqa: ARG002  SQL Server asks the columns
        return f"PRIMARY KEY ({self.names(names)})"

    @abstractmethod
    def add_column(self, table: str, column: Column) -> str:
        """Add a nullable column to a table, given by its quoted name."""

    @abstractmethod
    def alter_column(self, table: str, column: Column) -> list[str]:
        """Change a column's declared type, which must hold all that the old one held."""

    def create_schema(self, name: str) -> str:
        """Create a schema."""
        return f"CREATE SCHEMA {self.quote(name)}"

    def lock_schema(self, table: Table) -> str | None:  # noqa: ARG002  SQLite's write transaction is the lock
        """Keep other runs from changing the same table until the transaction ends."""
        return None

    # --- staging

    @abstractmethod
    def staging_table(self, run: str, number: int) -> str:
        """Name a staging table, quoted: no other run and no other stream has it."""

    @abstractmethod
    def create_staging(self, staging: str, table: Table, columns: Sequence[Column]) -> list[str]:
        """Create an empty staging table that ends with its session: `ORDER_COLUMN`, then the columns."""

    @abstractmethod
    def widen_staging(self, staging: str, added: Sequence[Column], altered: Sequence[Column]) -> list[str]:
        """Let a staging table that holds rows follow a change of its table."""

    def clear_staging(self, staging: str, first: int) -> str:
        """Take the rows from a place on out of a staging table: what a failed try has left."""
        if first == 0:
            return self.empty_staging(staging)
        return f"DELETE FROM {staging} WHERE {self.quote(ORDER_COLUMN)} >= {first}"  # noqa: S608  quoted names

    @abstractmethod
    def empty_staging(self, staging: str) -> str:
        """Take all rows out of a staging table."""

    @abstractmethod
    def drop_staging(self, staging: str) -> str:
        """Drop a staging table, which may be gone already."""

    @abstractmethod
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
        """Put rows into a staging table and make sure that they are there as given.

        Args:
            connection: the session that owns the staging table, in a transaction.
            staging: the staging table.
            columns: its columns, without `ORDER_COLUMN`.
            rows: the rows, in the order in which they came.
            first: the place of the first of them among all that the staging table is given.
            bulk: by the driver's bulk copy, else by ``INSERT``.

        Raises:
            BulkCopyFailed: the bulk copy did not put there what it was given.
        """

    # --- applying

    def append(self, connection: sa.Connection, table: Table, columns: Sequence[Column], rows: Sequence[Row]) -> int:
        """Insert rows straight into the table, for a database whose abilities say so.

        Returns:
            Rows inserted.
        """
        raise NotImplementedError

    def append_columns(
        self, connection: sa.Connection, table: Table, columns: Sequence[Column], values: Sequence[Values]
    ) -> int:
        """Insert rows, given by columns, straight into the table, for a database whose abilities say so.

        Returns:
            Rows inserted.
        """
        return self.append(connection, table, columns, list(zip(*values, strict=True)))

    def takes_arrays(self, rows: int) -> bool:  # noqa: ARG002  most drivers take Python's values only
        """Say whether `append_columns` takes so many rows as arrays of Arrow."""
        return False

    def letting_go(self, connection: sa.Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """Give back at the end, out of any transaction, what `append_columns` has opened."""
        return nullcontext()

    @abstractmethod
    def index_staging(self, staging: str, keys: Sequence[str]) -> str | None:
        """Index a staging table's keys; None where the database joins as fast without."""

    @abstractmethod
    def drop_superseded(self, staging: str, keys: Sequence[str]) -> str:
        """Delete the staged rows that a later row with the same key supersedes."""

    @abstractmethod
    def update_matched(self, table: Table, staging: str, keys: Sequence[str], others: Sequence[str]) -> str:
        """Bring the table's rows whose key is staged to the staged values."""

    @abstractmethod
    def insert_missing(self, table: Table, staging: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """Insert the staged rows whose key the table has not."""

    def insert_all(self, table: Table, staging: str, columns: Sequence[str]) -> str:
        """Insert all staged rows, in the order in which they came."""
        return (
            f"INSERT INTO {self.table(table)} ({self.names(columns)})\n"
            f"SELECT {self.names(columns, 's.')}\n"
            f"FROM {staging} AS s\n"
            f"ORDER BY s.{self.quote(ORDER_COLUMN)}"
        )

    @abstractmethod
    def delete_all(self, table: Table) -> str:
        """Delete every row of the table."""

    def delete_versions(self, table: Table, column: str, version: int) -> str:
        """Delete the rows of versions before the given one."""
        return f"DELETE FROM {self.table(table)}\nWHERE {self.quote(column)} < {int(version)}"  # noqa: S608  quoted names

    def mark_versions_deleted(self, table: Table, column: str, version: int, mark: str, moment: str) -> str:
        """Mark the rows of versions before the given one as deleted at a moment (ISO text of our own making)."""
        deleted = self.quote(mark)
        return (
            f"UPDATE {self.table(table)}\nSET {deleted} = '{moment}'\n"
            f"WHERE {self.quote(column)} < {int(version)} AND {deleted} IS NULL"
        )

    def key_matches(self, left: str, right: str, keys: Sequence[str]) -> str:
        """Compare two rows' keys, column by column in order."""
        return " AND ".join(f"{left}.{self.quote(key)} = {right}.{self.quote(key)}" for key in keys)
