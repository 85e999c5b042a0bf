"""Writes what changed, and nothing else: rows are compared by primary key with what is there.

One function serves every published table. It writes in the caller's transaction and never commits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recon.frames import IN_LIST, Flags, Ints, in_parts, number_groups, objects, read_in_turn, stack
from recon.inserting import WRITE_ROWS, Writer, insert
from recon.warehouse.engine import WarehouseError

MANY_ROWS: Final = 50_000
"""Rows of an empty table from which its indexes are built after it is filled."""


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
    found = _Compared(table, wanted.reset_index(drop=True), compare, keep)
    # What is read here is let go as soon as it is compared: it may be as much as all that is wanted.
    for part in [there] if there is not None else _read(connection, table, compare, keep, within):
        found.add(part)
    whole = within is None
    _delete(connection, table, found.stale(), everything=whole and found.gone + found.updated == found.there)
    written = found.to_write()
    with _indexes_last(connection, table, worth=whole and not found.there and len(written) >= MANY_ROWS):
        (write or insert)(connection, table, written)
    return Change(inserted=len(written) - found.updated, updated=found.updated, deleted=found.gone)


def fill(connection: sa.Connection, table: sa.Table, count: int, write: Callable[[], None]) -> Change:
    """Fill an empty table: nothing is compared.

    Args:
        connection: an open connection; the caller's transaction.
        table: the table.
        count: how many rows it gets.
        write: writes them.

    Returns:
        What was written.

    Raises:
        WarehouseError: it is not empty.
    """
    if connection.execute(sa.select(*table.primary_key).limit(1)).first():
        msg = f"Somebody wrote into {table.name} while the empty warehouse was to be filled. Run again."
        raise WarehouseError(msg)
    with _indexes_last(connection, table, worth=count >= MANY_ROWS):
        write()
    return Change(inserted=count, updated=0, deleted=0)


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


def _read(
    connection: sa.Connection,
    table: sa.Table,
    compare: Sequence[str] | None,
    keep: Collection[str],
    within: tuple[str, Collection[str]] | None,
) -> Iterator[pd.DataFrame]:
    column, values = within or (None, None)
    columns, plain = to_read(table, compare=compare, keep=keep)
    where = None if column is None else table.c[column]
    return read_in_turn(connection, columns, where=where, values=values, plain=plain)


@contextmanager
def _indexes_last(connection: sa.Connection, table: sa.Table, *, worth: bool) -> Iterator[None]:
    """Build the indexes of an empty table after it was filled: sorted once, not grown row by row in no order."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if worth else []
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


class _Compared:
    """Wanted rows compared with those that are there, which come part by part.

    Attributes:
        there: how many are there.
        gone: how many of them are not wanted.
        updated: how many wanted ones are there with other content.
    """

    def __init__(
        self, table: sa.Table, wanted: pd.DataFrame, compare: Sequence[str] | None, keep: Collection[str]
    ) -> None:
        self.there = self.gone = self.updated = 0
        self._key = [column.name for column in table.primary_key]
        self._columns = [table.c[name] for name in compare or table.c.keys() if name not in self._key]
        self._wanted, self._keep = wanted, list(keep)
        self._to_write = np.ones(len(wanted), dtype=bool)
        self._stale = [wanted.iloc[:0][self._key]]
        self._kept = [wanted.iloc[:0][self._keep]]

    def add(self, part: pd.DataFrame) -> None:
        at = _positions(self._wanted, part, self._key)
        still, differs = at >= 0, np.zeros(len(part), dtype=bool)
        for column in self._columns:
            wanted, there = self._wanted[column.name].iloc[at[still]], part[column.name][still]
            differs[still] |= _differs(wanted, there, column)
        self._to_write[at[still]] = differs[still]
        self._stale.append(part.loc[differs | ~still, self._key])
        self._kept.append(part.loc[differs, self._keep].set_axis(at[differs]))
        self.there += len(part)
        self.gone += int((~still).sum())
        self.updated += int(differs.sum())

    def stale(self) -> pd.DataFrame:
        """Give the keys of the rows that go, be it that others come in their place."""
        return pd.concat(self._stale, ignore_index=True)

    def to_write(self) -> pd.DataFrame:
        """Give the rows that are not there as they are wanted, with what they keep."""
        rows = self._wanted[self._to_write]
        kept = pd.concat(self._kept)
        columns = {}
        for name in self._keep:
            columns[name] = rows[name].copy()
            columns[name][kept.index] = kept[name].to_numpy()
        return rows.assign(**columns).reset_index(drop=True)


def _positions(wanted: pd.DataFrame, there: pd.DataFrame, key: Sequence[str]) -> Ints:
    """Find each row that is there among those that are wanted, by its key."""
    if wanted.empty or there.empty:
        return np.full(len(there), -1, dtype=np.int64)
    if len(key) == 1 and _are_texts(wanted[key[0]], there[key[0]]):
        place = pc.index_in(pa.array(there[key[0]]), value_set=pa.array(wanted[key[0]]))
        return np.asarray(place.fill_null(-1), dtype=np.int64)
    if len(key) == 1:
        place = pd.Index(objects(wanted[key[0]]), dtype=object).get_indexer(
            pd.Index(objects(there[key[0]]), dtype=object)
        )
        return np.asarray(place, dtype=np.int64)
    both = pd.DataFrame({name: stack(wanted[name], there[name]) for name in key})
    groups, _ = number_groups(both, key)
    place_of = np.full(len(both), -1, dtype=np.int64)
    place_of[groups[: len(wanted)]] = np.arange(len(wanted))
    return place_of[groups[len(wanted) :]]


def _differs(wanted: pd.Series[Any], there: pd.Series[Any], column: sa.Column[Any]) -> Flags:
    kind = column.type
    if isinstance(kind, sa.Float | sa.Numeric):
        new, old = wanted.to_numpy(dtype=float, na_value=np.nan), there.to_numpy(dtype=float, na_value=np.nan)
        return np.asarray(~np.isclose(new, old, rtol=1e-9, atol=1e-6, equal_nan=True), dtype=bool)
    if isinstance(kind, sa.Date | sa.DateTime):
        unit = "datetime64[D]" if isinstance(kind, sa.Date) else "datetime64[us]"
        new, old = wanted.to_numpy(dtype=unit), there.to_numpy(dtype=unit)
        return np.asarray((new != old) & ~(np.isnat(new) & np.isnat(old)), dtype=bool)
    if _are_texts(wanted, there):
        new, old = pa.array(wanted), pa.array(there)
        other = pc.or_kleene(pc.not_equal(new, old), pc.xor(new.is_null(), old.is_null()))
        return np.asarray(other.fill_null(False), dtype=bool)
    return np.asarray(objects(wanted) != objects(there), dtype=bool)


def _are_texts(*columns: pd.Series[Any]) -> bool:
    """Tell whether columns are in Arrow's hands: what is asked of them there makes no Python object a value."""
    return all(isinstance(column.dtype, pd.StringDtype) for column in columns)


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
