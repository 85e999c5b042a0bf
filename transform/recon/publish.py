"""Writes what changed, and nothing else: rows are compared by primary key with what is there.

One function serves every published table. It writes in the caller's transaction and never commits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recon.frames import IN_LIST, Flags, Ints, Objects, as_date, codes_of, in_parts, number_groups, objects, read, stack
from recon.staged import STAGED_ROW, staged_row

TRAVELLING: Final = "travelling"
GROUP: Final = "group_number"
WRITE_ROWS: Final = 20_000
"""Rows handed to the driver at once."""
VALUES_TOGETHER: Final = 5_000
"""Values in one statement, on SQLite, which takes 32,766."""
NARROW: Final = 8
"""Columns of a table up to which that is faster: of more, handing over the values is most of the work anyway."""
MANY_ROWS: Final = 50_000
"""Rows of an empty table from which its indexes are built after it is filled."""


Writer = Callable[[sa.Connection, sa.Table, pd.DataFrame], None]
"""Writes rows of a table that are not there."""


@dataclass(frozen=True)
class Change:
    """How many rows of a table were written.

    Attributes:
        inserted: rows whose key was not there.
        updated: rows whose content is another.
        deleted: rows whose key is gone.
    """

    inserted: int
    updated: int
    deleted: int

    def __bool__(self) -> bool:
        return bool(self.inserted or self.updated or self.deleted)


def publish(
    connection: sa.Connection,
    table: sa.Table,
    wanted: pd.DataFrame,
    *,
    compare: Sequence[str] | None = None,
    keep: Collection[str] = (),
    within: tuple[str, Collection[str]] | None = None,
    write: Writer | None = None,
    there: pd.DataFrame | None = None,
) -> Change:
    """Make a table hold exactly the wanted rows, touching only those that differ.

    Args:
        connection: an open connection; the caller's transaction.
        table: the table, with a primary key.
        wanted: all its rows, with all its columns.
        compare: the columns that make a row another when they change; ``None``: all but the key.
        keep: columns that a changed row keeps from the row it replaces.
        within: a column and its values: rows with any other value stay as they are, and none of them is wanted;
            ``None``: the whole table.
        write: how rows are written; by default ``insert``.
        there: the rows that are there (of ``within``), where they were read before: the columns of ``to_read``.

    Returns:
        What was written.
    """
    key = [column.name for column in table.primary_key]
    compared = [name for name in compare or [column.name for column in table.c] if name not in key]
    if there is None:
        column, values = within or (None, None)
        columns, plain = to_read(table, compare=compare, keep=keep)
        where = None if column is None else table.c[column]
        there = read(connection, columns, where=where, values=values, plain=plain)
    wanted = wanted.reset_index(drop=True)
    at = _positions(there, wanted, key)
    known = at >= 0
    differs = np.zeros(len(wanted), dtype=bool)
    for name in compared:
        differs[known] |= _differs(wanted[name][known], there[name].iloc[at[known]], table.c[name])
    gone = np.ones(len(there), dtype=bool)
    gone[at[known]] = False
    stale = gone.copy()
    stale[at[differs]] = True
    _delete(connection, table, there.loc[stale, key], everything=within is None and bool(stale.all()))
    written = wanted[differs | ~known].reset_index(drop=True)
    if keep and differs.any():
        written = _kept(written, there, at[differs | ~known], keep)
    with _indexes_last(connection, table, worth=within is None and there.empty and len(written) >= MANY_ROWS):
        (write or insert)(connection, table, written)
    return Change(inserted=int((~known).sum()), updated=int(differs.sum()), deleted=int(gone.sum()))


def to_read(
    table: sa.Table, *, compare: Sequence[str] | None = None, keep: Collection[str] = ()
) -> tuple[list[sa.Column[Any]], list[str]]:
    """Say what ``publish`` needs to know of the rows that are there.

    Args:
        table: the table.
        compare: as ``publish``.
        keep: as ``publish``.

    Returns:
        The columns, and the names of those whose texts hardly repeat.
    """
    key = [column.name for column in table.primary_key]
    texts = [column.name for column in table.c if isinstance(column.type, sa.Unicode | sa.UnicodeText)]
    named = dict.fromkeys([*key, *(compare or [column.name for column in table.c]), *keep])
    return [table.c[name] for name in named], [*key, *texts] if compare is None else key


@contextmanager
def _indexes_last(connection: sa.Connection, table: sa.Table, *, worth: bool) -> Iterator[None]:
    """Build the indexes of an empty table after it was filled: sorted once, not grown row by row in no order."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if worth else []
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


def _positions(there: pd.DataFrame, wanted: pd.DataFrame, key: Sequence[str]) -> Ints:
    """Find each wanted row among those that are there, by its key."""
    if len(key) == 1:
        place = pd.Index(objects(there[key[0]])).get_indexer(pd.Index(objects(wanted[key[0]]), dtype=object))
        return np.asarray(place, dtype=np.int64)
    both = pd.DataFrame({name: stack(there[name], wanted[name]) for name in key})
    groups, _ = number_groups(both, key)
    place_of = np.full(len(both), -1, dtype=np.int64)
    place_of[groups[: len(there)]] = np.arange(len(there))
    return place_of[groups[len(there) :]]


def _differs(wanted: pd.Series[Any], there: pd.Series[Any], column: sa.Column[Any]) -> Flags:
    kind = column.type
    if isinstance(kind, sa.Float | sa.Numeric):
        new, old = wanted.to_numpy(dtype=float, na_value=np.nan), there.to_numpy(dtype=float, na_value=np.nan)
        return np.asarray(~np.isclose(new, old, rtol=1e-9, atol=1e-6, equal_nan=True), dtype=bool)
    if isinstance(kind, sa.Date | sa.DateTime):
        unit = "datetime64[D]" if isinstance(kind, sa.Date) else "datetime64[us]"
        new, old = wanted.to_numpy(dtype=unit), there.to_numpy(dtype=unit)
        return np.asarray((new != old) & ~(np.isnat(new) & np.isnat(old)), dtype=bool)
    return np.asarray(objects(wanted) != objects(there), dtype=bool)


def _kept(written: pd.DataFrame, there: pd.DataFrame, at: Ints, keep: Collection[str]) -> pd.DataFrame:
    known = at >= 0
    columns = {}
    for name in keep:
        values = written[name].copy()
        values[known] = there[name].iloc[at[known]].to_numpy()
        columns[name] = values
    return written.assign(**columns)


def _delete(connection: sa.Connection, table: sa.Table, keys: pd.DataFrame, *, everything: bool) -> None:
    if keys.empty:
        return
    if everything:
        connection.execute(sa.delete(table))
        return
    first, *others = keys.columns
    if not others:
        for part in in_parts(list(objects(keys[first])), IN_LIST):
            connection.execute(sa.delete(table).where(table.c[first].in_(part)))
        return
    matches = [table.c[name] == sa.bindparam(f"key_{name}") for name in keys.columns]
    rows = zip(*(objects(keys[name]) for name in keys.columns), strict=True)
    parameters = [{f"key_{name}": value for name, value in zip(keys.columns, row, strict=True)} for row in rows]
    for part in in_parts(parameters, WRITE_ROWS):
        connection.execute(sa.delete(table).where(*matches), part)


def insert(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> None:
    """Insert rows in large batches.

    Values are turned into what the driver takes column by column, once a distinct value, and handed to its own
    ``executemany``: a million cartons spend their time in the database, not in getting there.

    Args:
        connection: an open connection; the caller's transaction.
        table: the table.
        rows: one column each column of the table.
    """
    if rows.empty:
        return
    statement = table.insert().compile(dialect=connection.dialect, column_keys=[column.name for column in table.c])
    names = [column.name for column in table.c]
    order = list((statement.positiontup if statement.positional else None) or names)
    columns = [_driver_column(rows[name], table.c[name], connection.dialect) for name in order]
    # In the order of the key, whose index is then written from one end to the other.
    key = rows[next(iter(table.primary_key)).name].argsort() if table.primary_key else pd.RangeIndex(len(rows))
    at = np.asarray(key, dtype=np.int64)
    for start in range(0, len(at), WRITE_ROWS):
        values = zip(*(column(at[start : start + WRITE_ROWS]) for column in columns), strict=True)
        if connection.dialect.name == "sqlite" and len(order) <= NARROW:
            _insert_together(connection, str(statement), list(values), len(order))
        elif statement.positional:
            connection.exec_driver_sql(str(statement), list(values))
        else:
            connection.exec_driver_sql(str(statement), [dict(zip(order, row, strict=True)) for row in values])


def _insert_together(connection: sa.Connection, statement: str, rows: list[tuple[Any, ...]], width: int) -> None:
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


def _driver_column(values: pd.Series[Any], column: sa.Column[Any], dialect: sa.Dialect) -> Callable[[Ints], list[Any]]:
    """Make what gives a column's values at some positions as the driver takes them."""
    kind = column.type
    process: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    is_ready = process is None and not isinstance(kind, sa.Date)

    def made(some: Objects) -> Objects:
        return some if is_ready else np.array([*(_value(value, kind, process) for value in some), None], object)[:-1]

    if isinstance(values.dtype, pd.CategoricalDtype):
        # Once a category, of which there are as many as keys, not once a category and batch.
        codes, distinct = codes_of(values), np.append(made(objects(pd.Series(values.cat.categories))), [None])
        return lambda at: list(distinct[codes[at]])

    def plain(at: Ints) -> list[Any]:
        some = values.take(at)
        if is_ready:
            return list(objects(some))
        number, found = pd.factorize(objects(some.astype("datetime64[us]") if isinstance(kind, sa.Date) else some))
        return list(np.append(made(found), [None])[number])

    return plain


def _value(value: object, kind: sa.types.TypeEngine[Any], process: Callable[[Any], Any] | None) -> object:
    if isinstance(kind, sa.Date) and not isinstance(kind, sa.DateTime):
        value = as_date(value)
    if isinstance(value, np.generic):
        value = value.item()
    return value if process is None or value is None else process(value)


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
        groups = _temporary(connection, "groups", [number, *(table.c[name] for name in kept)])
        travelling = _temporary(connection, "rows", [*named, sa.Column(GROUP, sa.Integer)])
        for temporary, values in ((groups, some), (travelling, rows.assign(**{GROUP: group}))):
            temporary.create(connection, checkfirst=False)
            insert(connection, temporary, values)
        columns = [groups.c[c.name] if c.name in kept else source.c[c.name] for c in table.c]
        same = sa.and_(*(travelling.c[str(column.key)] == _found(column) for column in named))
        of_group = groups.c[GROUP] == travelling.c[GROUP]
        found = sa.select(*columns).select_from(travelling.join(source, same).join(groups, of_group))
        if STAGED_ROW in rows:  # which has the rows gone through as they lie on disk
            found = found.order_by(travelling.c[STAGED_ROW])
        connection.execute(table.insert().from_select([column.name for column in table.c], found))
        for temporary in (groups, travelling):
            temporary.drop(connection, checkfirst=False)

    return write


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
