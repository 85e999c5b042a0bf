"""Reads staged rows load by load: what a load tells of all its rows is said once, the rest is fetched.

Where there are many, processes of their own read them, side by side; those of a SQLite file through Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.warehouse_url import is_file

from recon.frames import codes_of, read, read_parts, with_shared
from recon.warehouse.engine import connect

BESIDE_ROWS: Final = 300_000
"""Rows from which processes of their own are worth their start and the way back: some three seconds of reading."""
MOST_READERS: Final = 2
"""Shipped rows are as many as all others."""
STAGED_ROW: Final = "staged_row"
"""On SQLite, the number of a row in its staging table, by which it is found again much faster than by its key."""


def staged_row(table: sa.Table) -> sa.Label[int]:
    """Name the number of a table's row, on SQLite."""
    return sa.literal_column(f"{table.name}.rowid", sa.Integer()).label(STAGED_ROW)


@dataclass(frozen=True)
class Part:
    """Rows of one staging table that are wanted.

    Attributes:
        table: its name.
        loads: load_id, unit_id, connection, rows of the loads.
        needed: the columns needed, beside load_id, unit_id, connection and rules_version, of rows that are all of
            today's rules.
        plain: names of text columns that hardly repeat.
    """

    table: str
    loads: pd.DataFrame
    needed: Sequence[str]
    plain: Collection[str]


Rows = Callable[[], Sequence[pd.DataFrame]]
"""Gives the rows of some parts: waits for them, or reads them then and there. Each frame has what the loads share, what
is needed and, on SQLite, the row's number; or all columns of its table, where any row of these parts is of older rules.
"""


@contextmanager
def reading(
    connection: sa.Connection, wanted: Mapping[str, Sequence[Part]], version: str, processes: int
) -> Iterator[Mapping[str, Rows]]:
    """Read staged rows, side by side where they are many.

    Nothing is staged while a run holds the warehouse, so that all see the same.

    Args:
        connection: an open connection; the caller's transaction.
        wanted: what to read, by any name, the most rows first.
        version: today's version of the rules.
        processes: how many may work at once; with one, or with few rows, none is started.

    Yields:
        By the same names what gives the rows.
    """
    rows = sum(int(part.loads["rows"].sum()) for parts in wanted.values() for part in parts)
    if processes == 1 or rows < BESIDE_ROWS:
        yield {name: partial(_read, _Here(connection), parts, version) for name, parts in wanted.items()}
        return
    from recon.engines.local import worker_pool  # noqa: PLC0415  (multiprocessing, for those who read many)

    url = connection.engine.url.render_as_string(hide_password=False)
    with worker_pool(min(processes, MOST_READERS)) as pool:
        yield {name: pool.submit(_read_at, url, parts, version).result for name, parts in wanted.items()}


@dataclass(frozen=True)
class _Here:
    """Reads through the caller's connection."""

    connection: sa.Connection

    def other_rules(self, table: sa.Table, version: str) -> set[str]:
        own = table.c
        other = self.connection.execute(sa.select(own.load_id).where(own.rules_version != version).distinct())
        return set(other.scalars())

    def whole(self, table: sa.Table, part: Part) -> pd.DataFrame:
        load_ids = set(part.loads["load_id"])
        return read(self.connection, list(table.c), where=table.c.load_id, values=load_ids, plain=part.plain)

    def needed(self, table: sa.Table, part: Part, shared: pd.DataFrame) -> pd.DataFrame:
        columns: list[sa.ColumnElement[Any]] = [table.c[name] for name in part.needed]
        if self.connection.dialect.name == "sqlite":
            columns.append(staged_row(table))
        return read_parts(self.connection, columns, table.c.load_id, shared, plain=part.plain)


@dataclass(frozen=True)
class _OfFile:
    """Reads a SQLite file that this process has not open.

    Attributes:
        read: ``arrow.read_file`` of that file.
    """

    read: Callable[..., pd.DataFrame]

    def other_rules(self, table: sa.Table, version: str) -> set[str]:
        own = table.c
        return set(self.read([own.load_id], where=own.rules_version != version)["load_id"].cat.categories)

    def whole(self, table: sa.Table, part: Part) -> pd.DataFrame:
        return self.read(list(table.c), where=table.c.load_id.in_(list(part.loads["load_id"])), plain=part.plain)

    def needed(self, table: sa.Table, part: Part, shared: pd.DataFrame) -> pd.DataFrame:
        columns = [table.c.load_id, *(table.c[name] for name in part.needed), staged_row(table)]
        rows = self.read(columns, where=table.c.load_id.in_(list(shared["load_id"])), plain=part.plain)
        of_load = rows.pop("load_id")
        place = pd.Index(shared["load_id"]).get_indexer(of_load.cat.categories)[codes_of(of_load)]
        if (np.diff(place) < 0).any():  # load by load, as they are read elsewhere
            order = np.argsort(place, kind="stable")
            rows, place = rows.take(order), place[order]
        return with_shared(rows.reset_index(drop=True), shared, place)


def _read(source: _Here | _OfFile, parts: Sequence[Part], version: str) -> list[pd.DataFrame]:
    named = [(tables.metadata.tables[part.table], part) for part in parts]
    # To put rows of older rules into today's form takes all columns; and of all parts, for they stand in one frame.
    if any(not source.other_rules(table, version).isdisjoint(part.loads["load_id"]) for table, part in named):
        return [source.whole(table, part) for table, part in named]
    return [source.needed(table, part, _shared(table, part.loads, version)) for table, part in named]


def _shared(table: sa.Table, loads: pd.DataFrame, version: str) -> pd.DataFrame:
    return loads[[name for name in ("load_id", "unit_id", "connection") if name in table.c]].assign(
        rules_version=version
    )


def _read_at(url: str, parts: Sequence[Part], version: str) -> list[pd.DataFrame]:
    target = sa.make_url(url)
    if is_file(target):
        from recon.arrow import read_file  # noqa: PLC0415  (only where no other SQLite has the file open)

        return _read(_OfFile(partial(read_file, str(target.database))), parts, version)
    engine = connect(url)
    try:
        with engine.connect() as connection:
            return _read(_Here(connection), parts, version)
    finally:
        engine.dispose()
