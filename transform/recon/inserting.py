"""Writes rows into a table, many at once: by the driver, or in a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    if len(rows):
        _take_in(connection, table, rows, side_file(connection, (table, rows)))


def made_ready(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame, *, worth: bool) -> Writer:
    """Make rows ready that will all be inserted, while another thread uses the connection.

    Args:
        connection: a connection to the warehouse.
        table: the table.
        rows: as ``insert``.
        worth: whether all will be inserted; else nothing is done.

    Returns:
        What inserts them.
    """
    if not worth:
        return insert
    ready = side_file(connection, (table, rows))

    def write(connection: sa.Connection, table: sa.Table, wanted: pd.DataFrame) -> None:
        if ready and len(wanted) < len(rows):  # some are there
            ready.throw_away()
            insert(connection, table, wanted)
        else:
            _take_in(connection, table, wanted, ready)

    return write


def _take_in(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame, ready: SideFile | None) -> None:
    """Insert rows that stand in a file, where they do."""
    found = ready.open(connection) if ready else None
    if found is None:
        _hand_over(connection, table, rows)
        return
    (source,) = found
    names = [column.name for column in table.c]
    in_order = sa.select(*(source.c[name] for name in names)).order_by(sa.literal_column("rowid"))
    connection.execute(table.insert().from_select(names, in_order))


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
