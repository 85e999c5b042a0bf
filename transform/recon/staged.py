"""Reads the warehouse's rows in columns: here through the caller's connection, elsewhere through one of its own.

What a load tells of all its rows is said once, the rest is fetched. A process that has a SQLite file open in no other
way reads it through Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.warehouse_url import is_file

from recon.frames import codes_of, read, read_parts, with_shared
from recon.warehouse.engine import connect

STAGED_ROW: Final = "staged_row"
"""On SQLite, the number of a row in its staging table, by which it is found again much faster than by its key."""


def staged_row(table: sa.Table) -> sa.Label[int]:
    """Name the number of a table's row, on SQLite."""
    return sa.literal_column(f"{table.name}.rowid", sa.Integer()).label(STAGED_ROW)


class Reader(Protocol):
    """Where rows are read."""

    def read(
        self,
        columns: Sequence[sa.ColumnElement[Any]],
        *,
        within: tuple[sa.Column[Any], Collection[str]] | None = None,
        plain: Collection[str] = (),
    ) -> pd.DataFrame:
        """Read columns of a table.

        Args:
            columns: of the table, or of a statement.
            within: a column and the few values that it may have; ``None``: every row.
            plain: names of text columns that hardly repeat.

        Returns:
            As ``frames.read``.
        """
        ...

    def loads(
        self, table: sa.Table, columns: Sequence[sa.Column[Any]], shared: pd.DataFrame, *, plain: Collection[str]
    ) -> pd.DataFrame:
        """Read columns of a staging table load by load.

        Args:
            table: the table.
            columns: the columns that are not shared.
            shared: one row a load: load_id, and other text columns that all its rows share.
            plain: names of text columns that hardly repeat.

        Returns:
            What is shared, the columns and, on SQLite, the row's number.
        """
        ...


@dataclass(frozen=True)
class Connected:
    """Reads through an open connection."""

    connection: sa.Connection

    def read(
        self,
        columns: Sequence[sa.ColumnElement[Any]],
        *,
        within: tuple[sa.Column[Any], Collection[str]] | None = None,
        plain: Collection[str] = (),
    ) -> pd.DataFrame:
        """As ``Reader.read``."""
        where, values = within or (None, None)
        return read(self.connection, columns, where=where, values=values, plain=plain)

    def loads(
        self, table: sa.Table, columns: Sequence[sa.Column[Any]], shared: pd.DataFrame, *, plain: Collection[str]
    ) -> pd.DataFrame:
        """As ``Reader.loads``."""
        numbered = [staged_row(table)] if self.connection.dialect.name == "sqlite" else []
        return read_parts(self.connection, [*columns, *numbered], table.c.load_id, shared, plain=plain)


@dataclass(frozen=True)
class OfFile:
    """Reads a SQLite file that this process has open in no other way.

    Attributes:
        read_file: ``arrow.read_file`` of that file.
    """

    read_file: Callable[..., pd.DataFrame]

    def read(
        self,
        columns: Sequence[sa.ColumnElement[Any]],
        *,
        within: tuple[sa.Column[Any], Collection[str]] | None = None,
        plain: Collection[str] = (),
    ) -> pd.DataFrame:
        """As ``Reader.read``."""
        where = None if within is None else within[0].in_(list(within[1]))
        return self.read_file(columns, where=where, plain=plain)

    def loads(
        self, table: sa.Table, columns: Sequence[sa.Column[Any]], shared: pd.DataFrame, *, plain: Collection[str]
    ) -> pd.DataFrame:
        """As ``Reader.loads``."""
        of_loads = table.c.load_id.in_(list(shared["load_id"]))
        rows = self.read_file([table.c.load_id, *columns, staged_row(table)], where=of_loads, plain=plain)
        of_load = rows.pop("load_id")
        place = pd.Index(shared["load_id"]).get_indexer(of_load.cat.categories)[codes_of(of_load)]
        if (np.diff(place) < 0).any():  # load by load, as they are read elsewhere
            order = np.argsort(place, kind="stable")
            rows, place = rows.take(order), place[order]
        return with_shared(rows.reset_index(drop=True), shared, place)


@contextmanager
def reader_at(url: str) -> Iterator[Reader]:
    """Open the warehouse for reading, in a process that has it open in no other way.

    Args:
        url: a warehouse URL with its password.

    Yields:
        Where rows are read.
    """
    target = sa.make_url(url)
    if is_file(target):
        from recon.arrow import read_file  # noqa: PLC0415  (only where no other SQLite has the file open)

        yield OfFile(partial(read_file, str(target.database)))
        return
    engine = connect(url)
    try:
        with engine.connect() as connection:
            yield Connected(connection)
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Part:
    """Rows of one staging table that are wanted.

    Attributes:
        table: its name.
        loads: load_id, unit_id, connection, rules_version of the loads.
        needed: the columns needed, beside load_id, unit_id, connection and rules_version, of rows that are all of
            today's rules.
        plain: names of text columns that hardly repeat.
    """

    table: str
    loads: pd.DataFrame
    needed: Sequence[str]
    plain: Collection[str]


def staged_rows(reader: Reader, parts: Sequence[Part], version: str) -> list[pd.DataFrame]:
    """Read the rows of some parts.

    Args:
        reader: where they are read.
        parts: what is wanted.
        version: today's version of the rules.

    Returns:
        One frame a part: what the loads share, what is needed and, on SQLite, the row's number; or all columns of its
        table, where any row of these parts is of older rules.
    """
    # To put rows of older rules into today's form takes all columns; and of all parts, for they stand in one frame.
    is_older = any((part.loads["rules_version"].fillna(version) != version).any() for part in parts)
    return [_rows(reader, part, version, whole=is_older) for part in parts]


def _rows(reader: Reader, part: Part, version: str, *, whole: bool) -> pd.DataFrame:
    table = tables.metadata.tables[part.table]
    names = [column.key for column in table.c] if whole else part.needed
    said = ["load_id"] if whole else [n for n in ("load_id", "unit_id", "connection", "rules_version") if n in table.c]
    shared = part.loads.assign(rules_version=version)[said]
    rows = reader.loads(table, [table.c[name] for name in names if name not in said], shared, plain=part.plain)
    return rows.drop(columns=STAGED_ROW, errors="ignore") if whole else rows
