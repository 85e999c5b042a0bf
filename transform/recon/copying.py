"""Copies rows inside the database from where they are staged to where they are published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recon.frames import number_groups
from recon.inserting import Writer, insert
from recon.side_file import side_file
from recon.staged import STAGED_ROW, staged_row

TRAVELLING: Final = "travelling"
GROUP: Final = "group_number"


def copied_from(source: sa.Table, given: Sequence[str]) -> Writer:
    """Make a writer of rows that stand in a staging table already, but for a few columns.

    Those few travel, each combination of them once, the others are copied inside the database: a million cartons
    neither come here nor go back.

    Args:
        source: the staging table, its primary key among the frame's columns, or on SQLite the number of the row.
        given: the columns that the frame gives.

    Returns:
        The writer; its frame needs the key or number, and ``given``.
    """

    def write(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> None:
        if rows.empty:
            return
        named: list[sa.ColumnElement[Any]] = list(source.primary_key)
        if STAGED_ROW in rows:
            named = [staged_row(source)]
        kept = [name for name in given if name in table.c]
        group, first = number_groups(rows, kept)
        some = rows[kept].iloc[first].assign(**{GROUP: np.arange(len(first))})
        number = sa.Column(GROUP, sa.Integer, primary_key=True, autoincrement=False)
        own = (
            (_temporary(connection, "groups", [number, *(table.c[name] for name in kept)]), some),
            (
                _temporary(connection, "rows", [*named, sa.Column(GROUP, sa.Integer)]),
                rows.assign(**{GROUP: group}),
            ),
        )
        with _seen_here(connection, own) as (groups, travelling):
            columns = [groups.c[c.name] if c.name in kept else source.c[c.name] for c in table.c]
            same = sa.and_(*(travelling.c[str(column.key)] == _found(column) for column in named))
            of_group = groups.c[GROUP] == travelling.c[GROUP]
            found = sa.select(*columns).select_from(travelling.join(source, same).join(groups, of_group))
            if STAGED_ROW in rows:  # which has the rows gone through as they lie on disk
                found = found.order_by(travelling.c[STAGED_ROW])
            connection.execute(table.insert().from_select([column.name for column in table.c], found))

    return write


@contextmanager
def _seen_here(
    connection: sa.Connection, contents: Sequence[tuple[sa.Table, pd.DataFrame]]
) -> Iterator[Sequence[sa.Table]]:
    """Put rows where only this connection sees them; gives the tables that they are in."""
    ready = side_file(connection, *contents)
    found = ready.open(connection) if ready else None
    if found:
        yield found
        return
    for temporary, rows in contents:
        temporary.create(connection, checkfirst=False)
        insert(connection, temporary, rows)
    yield [temporary for temporary, _ in contents]
    for temporary, _ in contents:
        temporary.drop(connection, checkfirst=False)


def _found(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column.element if isinstance(column, sa.Label) else column


def _temporary(connection: sa.Connection, name: str, columns: Iterable[sa.ColumnElement[Any]]) -> sa.Table:
    """Define a table that only this connection sees; of whole numbers, the first is its key."""
    is_mssql = connection.dialect.name == "mssql"
    made = []
    for number, column in enumerate(columns):
        kind = column.type
        if is_mssql and isinstance(kind, sa.Unicode):
            # Texts of tempdb have the server's collation, which may be another than the database's: they would not
            # compare.
            kind = sa.Unicode(kind.length, "DATABASE_DEFAULT")
        key = number == 0 and isinstance(kind, sa.Integer)
        made.append(sa.Column(str(column.key), kind, primary_key=key, autoincrement=False))
    name = f"{TRAVELLING}_{name}"
    if is_mssql:
        return sa.Table(f"#{name}", sa.MetaData(), *made)
    return sa.Table(name, sa.MetaData(), *made, prefixes=["TEMPORARY"])
