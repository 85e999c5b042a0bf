"""Writes rows into a table, many at once: by the driver, or in a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from recon.driver_values import driver_column, in_key_order
from recon.frames import in_parts
from recon.side_file import SideFile, side_file

WRITE_ROWS: Final = 20_000
"""Rows handed to the driver at once."""
VALUES_TOGETHER: Final = 5_000
"""Values in one statement, on SQLite, which takes 32,766."""
NARROW: Final = 8
"""Columns of a table up to which that is faster: of more, handing over the values is most of the work anyway."""

Writer = Callable[[sa.Connection, sa.Table, pd.DataFrame], None]
"""Writes rows of a table that are not there."""


def insert(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> None:
    """Insert rows.

    Args:
        connection: an open connection; the caller's transaction.
        table: the table.
        rows: one column each column of the table.
    """
    if rows.empty:
        return
    file = side_file(connection, (table, rows))
    if file is None or not _taken_in(connection, table, file):
        _hand_over(connection, table, rows)


@dataclass(frozen=True)
class Ready:
    """Rows that are to be inserted.

    Attributes:
        table: the table.
        count: how many rows there are.
        rows: the rows, where they stand in no file.
        file: the file they stand in, so that they take no memory until then.
    """

    table: sa.Table
    count: int
    rows: pd.DataFrame | None
    file: SideFile | None

    def insert(self, connection: sa.Connection) -> None:
        """Insert them, once.

        Args:
            connection: an open connection; the caller's transaction.
        """
        if self.rows is not None:
            _hand_over(connection, self.table, self.rows)
        elif self.file is None or not _taken_in(connection, self.table, self.file):
            msg = f"{self.table.name}: no more files can be opened in one transaction"
            raise RuntimeError(msg)


def made_ready(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> Ready:
    """Make rows ready that will all be inserted, while another thread uses the connection.

    Args:
        connection: a connection to the warehouse.
        table: the table.
        rows: as ``insert``.

    Returns:
        What inserts them; it does not hold the frame where a file does.
    """
    file = side_file(connection, (table, rows))
    return Ready(table, len(rows), rows if file is None else None, file)


def _taken_in(connection: sa.Connection, table: sa.Table, file: SideFile) -> bool:
    """Insert the rows of a file, where it can be opened."""
    found = file.open(connection)
    if found is None:
        return False
    (source,) = found
    names = [column.name for column in table.c]
    in_order = sa.select(*(source.c[name] for name in names)).order_by(sa.literal_column("rowid"))
    connection.execute(table.insert().from_select(names, in_order))
    return True


def _hand_over(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> None:
    """Insert rows by the driver's own ``executemany``, values made column by column."""
    statement = table.insert().compile(dialect=connection.dialect, column_keys=[column.name for column in table.c])
    names = [column.name for column in table.c]
    order = list((statement.positiontup if statement.positional else None) or names)
    columns = [driver_column(rows[name], table.c[name], connection.dialect) for name in order]
    at = in_key_order(table, rows)
    for start in range(0, len(at), WRITE_ROWS):
        values = zip(*(column(at[start : start + WRITE_ROWS]) for column in columns), strict=True)
        if connection.dialect.name == "sqlite" and len(order) <= NARROW:
            _insert_together(connection, str(statement), list(values), len(order))
        elif statement.positional:
            connection.exec_driver_sql(str(statement), list(values))
        else:
            connection.exec_driver_sql(str(statement), [dict(zip(order, row, strict=True)) for row in values])


def _insert_together(connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]], width: int) -> None:
    """Insert many rows a statement: the driver lets go of the interpreter's lock once each, not once a row.

    A thread that has to get it back from one that computes waits for milliseconds.
    """
    many = max(1, VALUES_TOGETHER // width)
    head, one = statement.split(" VALUES ")
    whole = len(rows) - len(rows) % many
    together = [tuple(chain.from_iterable(part)) for part in in_parts(rows[:whole], many)]
    if together:
        connection.exec_driver_sql(f"{head} VALUES {', '.join([one] * many)}", together)
    if rows[whole:]:
        connection.exec_driver_sql(statement, rows[whole:])
