"""Hands many rows to SQLite in a file of their own: Arrow writes it, and the database copies it in by itself.

A row handed to Python's driver is a tuple of Python objects, made while no other thread can work. What Arrow writes
to a file never becomes any, and while the database copies, other threads compute. The file lies beside the warehouse's,
has no name any more once the warehouse has it open, and is gone when the connection is given back.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from order_rules.warehouse_url import is_file
from sqlalchemy.schema import CreateTable

from recon.driver_values import distinct_values, in_key_order
from recon.frames import Ints
from recon.warehouse.engine import SIDE, WarehouseError

SIDE_ROWS: Final = 50_000
"""Rows from which a file of their own is worth its making."""
BATCH_ROWS: Final = 50_000
"""Rows handed to Arrow's driver at once."""
ATTACHED: Final = 10
"""Files that SQLite opens beside its own, unless it was built for more."""
CANNOT_WRITE: Final = "Cannot write {path}, by which rows come into the warehouse: {error}"


@dataclass(frozen=True)
class SideFile:
    """A file with the rows of some tables.

    Attributes:
        path: the file.
        tables: the tables as they stand in it.
    """

    path: Path
    tables: Sequence[sa.Table]

    def open(self, connection: sa.Connection) -> Sequence[sa.Table] | None:
        """Have the warehouse open the file, until its connection is given back.

        Args:
            connection: an open connection to the warehouse; the caller's transaction.

        Returns:
            The tables as they are found through this connection; ``None``: it has too many files open, and this one is
            thrown away.
        """
        there = [name for _, name, _ in connection.exec_driver_sql("PRAGMA database_list") if name.startswith(SIDE)]
        found = None
        if len(there) < ATTACHED:
            name = f"{SIDE}_{len(there)}"
            connection.exec_driver_sql(f"ATTACH DATABASE ? AS {name}", (str(self.path),))
            connection.exec_driver_sql(f"PRAGMA {name}.schema_version")  # it opens the file when it reads
            found = [table.to_metadata(sa.MetaData(), schema=name) for table in self.tables]
        self.throw_away()
        return found

    def throw_away(self) -> None:
        """Remove the file; who has it open keeps it."""
        self.path.unlink(missing_ok=True)


def side_file(connection: sa.Connection, *contents: tuple[sa.Table, pd.DataFrame]) -> SideFile | None:
    """Write rows to a file of their own; the warehouse is not touched.

    Args:
        connection: a connection to the warehouse; any thread's.
        contents: tables and their rows: one column each column.

    Returns:
        The file; ``None`` where no table has ``SIDE_ROWS`` rows, or the warehouse is no SQLite file.

    Raises:
        WarehouseError: the file cannot be written.
    """
    url = connection.engine.url
    if not is_file(url) or max(len(rows) for _, rows in contents) < SIDE_ROWS:
        return None
    path = Path(f"{url.database}-{SIDE}-{uuid4().hex[:8]}")
    try:
        # Who may not read the one may not read the other.
        path.touch(mode=Path(str(url.database)).stat().st_mode & 0o777)
    except OSError as error:
        raise WarehouseError(CANNOT_WRITE.format(path=path, error=error.strerror)) from None
    return SideFile(path, [_write(path, connection.dialect, table, rows) for table, rows in contents])


@contextmanager
def swept(engine: sa.Engine) -> Iterator[None]:
    """Remove the files of a run that was killed, and at the end those of this one that nobody opened.

    Args:
        engine: the warehouse; its write lock is held meanwhile.
    """
    _sweep(engine.url)
    try:
        yield
    finally:
        _sweep(engine.url)


def _sweep(url: sa.URL) -> None:
    if is_file(url):
        database = Path(str(url.database))
        for path in database.parent.glob(f"{glob.escape(database.name)}-{SIDE}-*"):
            path.unlink(missing_ok=True)


def _write(path: Path, dialect: sa.Dialect, table: sa.Table, rows: pd.DataFrame) -> sa.Table:
    """Write the rows of a table, in the order of its key; gives the table as it stands in the file."""
    from adbc_driver_sqlite import dbapi  # noqa: PLC0415  (for those who write many)

    made = _plain(table)
    try:
        # Another SQLite than Python's: it has let go of the file before the warehouse opens it.
        with dbapi.connect(str(path), autocommit=True) as link, link.cursor() as cursor:
            for pragma in ("journal_mode = OFF", "synchronous = OFF"):  # a file that is not whole is thrown away
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute(str(CreateTable(made).compile(dialect=dialect)))
            cursor.execute("BEGIN")
            cursor.adbc_ingest(table.name, _batches(table, rows, dialect), mode="append")
            cursor.execute("COMMIT")
    except dbapi.Error as error:
        raise WarehouseError(CANNOT_WRITE.format(path=path, error=error)) from None
    return made


def _plain(table: sa.Table) -> sa.Table:
    """Define a table of the same name and columns, with no key but a number, by which SQLite lays rows out anyway."""
    keys = list(table.primary_key)
    numbered = keys if len(keys) == 1 and isinstance(keys[0].type, sa.Integer) else []
    columns = [sa.Column(c.name, c.type, primary_key=c in numbered, autoincrement=False) for c in table.c]
    return sa.Table(table.name, sa.MetaData(), *columns)


def _batches(table: sa.Table, rows: pd.DataFrame, dialect: sa.Dialect) -> pa.RecordBatchReader:
    """Give rows in the order of their key; what Arrow has of them at once are those of one batch."""
    schema = pa.schema([pa.field(column.name, _arrow_type(column)) for column in table.c])
    columns = [_arrow_column(rows[column.name], column, dialect) for column in table.c]
    at = in_key_order(table, rows)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(at), BATCH_ROWS):
            part = at[start : start + BATCH_ROWS]
            yield pa.record_batch([column(part) for column in columns], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _arrow_type(column: sa.Column[Any]) -> pa.DataType:
    if isinstance(column.type, sa.Numeric | sa.Float):
        return pa.float64()
    return pa.int64() if isinstance(column.type, sa.Integer | sa.Boolean) else pa.large_string()


def _arrow_column(values: pd.Series[Any], column: sa.Column[Any], dialect: sa.Dialect) -> Callable[[Ints], pa.Array]:
    """Make what gives a column's values at some positions as Arrow has what the driver would be given."""
    kind = column.type
    if isinstance(values.dtype, pd.CategoricalDtype) or isinstance(kind, sa.Date | sa.DateTime):
        codes, distinct = distinct_values(values, column, dialect)
        places, texts = np.where(codes < 0, len(distinct) - 1, codes), pa.array(distinct, type=pa.large_string())
        return lambda at: texts.take(pa.array(places[at]))
    if isinstance(kind, sa.Numeric | sa.Float):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        return lambda at: pa.array(numbers[at], from_pandas=True)
    if isinstance(kind, sa.Integer | sa.Boolean):
        return lambda at: pa.array(values.take(at), from_pandas=True).cast(pa.int64())

    def texts_at(at: Ints) -> pa.Array:
        found = pa.array(values.take(at), type=pa.large_string(), from_pandas=True)
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found

    return texts_at
