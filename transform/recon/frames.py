"""Frames between the warehouse and the rules: reading columns, numbering groups, giving values back.

Text that repeats is read as a category, a date as ``datetime64``, so that a million cartons cost megabytes and
every later step works on whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

FETCH_ROWS: Final = 50_000
"""Rows taken from the driver at once."""
IN_LIST: Final = 500
"""Values in one ``IN`` list: under SQL Server's 2,100 parameters and short enough to plan quickly."""

ODD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Spreads the bits of a second hash."""
LARGEST: Final = np.iinfo(np.int64).max

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Objects = NDArray[np.object_]


class _Codes(dict[object, int]):
    """Numbers each distinct value in the order it first comes."""

    def __missing__(self, value: object) -> int:
        self[value] = number = len(self)
        return number


class _Column:
    """Gathers one column's values over several fetches, distinct values stored once.

    Values come as the driver gives them; what SQLAlchemy makes of them (a date of a text) is made once a distinct one.
    """

    def __init__(self, column: sa.ColumnElement[Any], dialect: sa.Dialect, *, plain: bool) -> None:
        self.type = column.type
        self.plain = plain or isinstance(column.type, sa.Integer | sa.Numeric | sa.Float | sa.Boolean)
        self.process = column.type.dialect_impl(dialect).result_processor(dialect, None)
        self.values: list[Any] = []
        self.texts: list[pd.Series[Any]] = []
        self.codes: list[NDArray[np.int32]] = []
        self.numbers = _Codes()

    def extend(self, values: Sequence[object]) -> None:
        if isinstance(self.type, sa.String) and self.plain:
            self.texts.append(pd.Series(values, dtype="str"))  # at once: each would be a Python object until the end
        elif self.plain:
            self.values.extend(values)
        else:
            self.codes.append(np.fromiter(map(self.numbers.__getitem__, values), dtype=np.int32, count=len(values)))

    def array_of_values(self) -> Any:  # noqa: ANN401  (whatever array the column's type has)
        if self.texts:
            return in_one_piece(pd.concat(self.texts, ignore_index=True)).array
        if self.plain:
            return plain_values(self.values, self.type)
        distinct = list(self.numbers) if self.process is None else [self.process(value) for value in self.numbers]
        codes = np.concatenate(self.codes) if self.codes else np.empty(0, dtype=np.int32)
        if isinstance(self.type, sa.Date | sa.DateTime):
            return times(distinct, codes)
        if None in self.numbers:
            missing = self.numbers[None]
            codes = np.where(codes == missing, -1, codes - (codes > missing)).astype(np.int32)
            distinct.pop(missing)
        return pd.Categorical.from_codes(codes, categories=pd.Index(distinct, dtype="str"), validate=False)


def times(distinct: Sequence[Any], codes: NDArray[np.int32]) -> pd.DatetimeIndex:
    """Make a column of times of its distinct ones, ``None`` being missing, and the position of each row's."""
    return pd.DatetimeIndex(pd.Series(distinct, dtype="datetime64[us]")).take(codes)


def plain_values(values: list[Any], kind: sa.types.TypeEngine[Any]) -> Any:  # noqa: ANN401  (as above)
    """Make a column of its values as the driver gives them.

    Returns:
        The array of the column's type: flags, whole numbers, numbers or text.
    """
    if isinstance(kind, sa.Boolean):
        return np.array(values, dtype=bool) if None not in values else pd.array(values, dtype="boolean")
    if isinstance(kind, sa.Integer):
        return np.array(values, dtype=np.int64) if None not in values else pd.array(values, dtype="Int64")
    if isinstance(kind, sa.Numeric | sa.Float):
        return np.array(values, dtype=np.float64)
    return pd.array(values, dtype="str")


def read(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    *,
    where: sa.ColumnElement[Any] | None = None,
    values: Collection[str] | None = None,
    plain: Collection[str] = (),
) -> pd.DataFrame:
    """Read columns of a table.

    Args:
        connection: an open connection; the caller's transaction.
        columns: the columns (or labelled expressions) to read, in order.
        where: the column that must hold one of ``values``; ``None``: every row.
        values: its values, any number.
        plain: names of text columns that hardly repeat (ids), kept as text instead of categories.

    Returns:
        One column each: text as ``category`` (or ``str`` where plain), whole numbers ``int64`` (``Int64`` where
        some are missing), money ``float64``, dates and times ``datetime64[us]``. Rows in no particular order.
    """
    gathered = _gatherers(connection, columns, plain)
    for statement in _statements(columns, where, values):
        _gather(connection, statement, gathered)
    return _as_frame(gathered)


def read_in_turn(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    *,
    where: sa.ColumnElement[Any] | None = None,
    values: Collection[str] | None = None,
    plain: Collection[str] = (),
) -> Iterator[pd.DataFrame]:
    """Read as ``read``, but never more than ``FETCH_ROWS`` rows at once.

    Args:
        connection: as ``read``; it must do nothing else before the last row has come.
        columns: as ``read``.
        where: as ``read``.
        values: as ``read``.
        plain: as ``read``.

    Yields:
        Frames as of ``read``; none where there is no row.
    """
    for statement in _statements(columns, where, values):
        for rows in _fetched(connection, statement):
            gathered = _gatherers(connection, columns, plain)
            _add(gathered, rows)
            yield _as_frame(gathered)


def read_parts(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    by: sa.Column[Any],
    parts: pd.DataFrame,
    *,
    plain: Collection[str] = (),
) -> pd.DataFrame:
    """Read columns of a table part by part; what all rows of a part share is said once instead of fetched a row.

    Args:
        connection: an open connection; the caller's transaction.
        columns: the columns to read, in order.
        by: the column that tells the parts apart.
        parts: one row a part: the value of ``by`` under its name, and other text columns that all its rows share.
        plain: names of text columns that hardly repeat (ids), kept as text instead of categories.

    Returns:
        The columns of ``parts`` as ``category``, then the columns that were read, as ``read`` gives them.
    """
    gathered = _gatherers(connection, columns, plain)
    counts = [_gather(connection, sa.select(*columns).where(by == value), gathered) for value in objects(parts[by.key])]
    return with_shared(_as_frame(gathered), parts, np.repeat(np.arange(len(parts)), counts))


def with_shared(rows: pd.DataFrame, parts: pd.DataFrame, part: Ints) -> pd.DataFrame:
    """Put before rows what all rows of their part share.

    Args:
        rows: any frame.
        parts: one row a part, text columns.
        part: the position of each row's part.

    Returns:
        The columns of ``parts`` as ``category``, then those of ``rows``.
    """
    shared = {str(name): category(objects(parts[name])).array.take(part) for name in parts.columns}
    return pd.DataFrame(shared | dict(rows.items()), copy=False)


def _gatherers(
    connection: sa.Connection, columns: Sequence[sa.ColumnElement[Any]], plain: Collection[str]
) -> dict[str, _Column]:
    return {str(column.key): _Column(column, connection.dialect, plain=column.key in plain) for column in columns}


def _gather(connection: sa.Connection, statement: sa.Select[Any], gathered: dict[str, _Column]) -> int:
    """Add what a statement finds; gives the number of rows."""
    count = 0
    for rows in _fetched(connection, statement):
        count += len(rows)
        _add(gathered, rows)
    return count


def _fetched(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    with closing(connection.execute(statement)) as result:
        # The driver's own cursor: a row object a carton would cost as much as reading it.
        while rows := result.cursor.fetchmany(FETCH_ROWS):
            yield rows


def _add(gathered: dict[str, _Column], rows: Sequence[Any]) -> None:
    for target, found in zip(gathered.values(), zip(*rows, strict=True), strict=True):
        target.extend(found)


def _as_frame(gathered: dict[str, _Column]) -> pd.DataFrame:
    return pd.DataFrame({name: target.array_of_values() for name, target in gathered.items()}, copy=False)


def _statements(
    columns: Sequence[sa.ColumnElement[Any]], where: sa.ColumnElement[Any] | None, values: Collection[str] | None
) -> Iterator[sa.Select[Any]]:
    if where is None:
        yield sa.select(*columns)
        return
    for part in in_parts(sorted(values or ()), IN_LIST):
        yield sa.select(*columns).where(where.in_(part))


def in_parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut a sequence into parts of at most ``size``.

    Yields:
        The parts in order; none for an empty sequence.
    """
    for start in range(0, len(values), size):
        yield values[start : start + size]


def codes_of(column: pd.Series[Any]) -> Ints:
    """Number a column's distinct values from 0; missing is -1.

    Returns:
        One number a row.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes, dtype=np.int64)
    return np.asarray(pd.factorize(column)[0], dtype=np.int64)


def number_groups(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[Ints, Ints]:
    """Number the distinct combinations of some columns, missing being a value of its own.

    Args:
        frame: any frame.
        columns: the columns that make a group.

    Returns:
        The group of each row, from 0 in order of first appearance, and the position of each group's first row.
    """
    groups, most = np.zeros(len(frame), dtype=np.int64), 1
    for column in columns:
        codes = codes_of(frame[column]) + 1
        width = int(codes.max(initial=0)) + 1
        if most * width > LARGEST:
            groups = pd.factorize(groups)[0].astype(np.int64)
            most = len(frame)
        groups, most = groups * width + codes, most * width
    groups = pd.factorize(groups)[0].astype(np.int64)
    # A group comes first where its number is higher than all before it.
    highest = np.maximum.accumulate(groups)
    return groups, np.flatnonzero(np.diff(highest, prepend=-1))


def look_up(keys: pd.Series[Any], values: pd.Series[Any]) -> pd.Series[Any]:
    """Look keys up in an index, keeping the type of what is found even where nothing is.

    Args:
        keys: the keys, missing ones allowed.
        values: what they stand for, by unique key.

    Returns:
        One value a key, missing where it isn't known, with the index of ``keys``.
    """
    return values.reindex(keys.to_numpy(dtype=object)).set_axis(keys.index)


def sum_by(groups: Ints, values: pd.Series[Any] | Ints, count: int) -> Ints:
    """Sum whole numbers by group, exactly.

    Args:
        groups: the group of each row, from 0.
        values: one whole number a row.
        count: how many groups there are.

    Returns:
        One sum a group.
    """
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, groups, np.asarray(values, dtype=np.int64))
    return sums


def sum_hashes(frame: pd.DataFrame, by: pd.Series[Any], *, repeats: bool) -> dict[str, tuple[int, int]]:
    """Sum two hashes of each row by group, modulo 2 to the 64th, so that the order of rows does not matter.

    Args:
        frame: any columns.
        by: the group of each row, a text.
        repeats: whether texts repeat, so that hashing each distinct one once is worth finding them. It makes no other
            hashes.

    Returns:
        Group to the two sums.
    """
    groups = by.astype("category")
    codes, names = codes_of(groups), groups.cat.categories
    rows = pd.util.hash_pandas_object(frame, index=False, categorize=repeats).to_numpy()
    totals = []
    for hashes in (rows, (rows ^ (rows >> np.uint64(31))) * ODD):
        total = np.zeros(len(names), dtype=np.uint64)
        np.add.at(total, codes, hashes)
        totals.append(total.tolist())
    return dict(zip(names.astype(str), zip(*totals, strict=True), strict=True))


def earliest_by(groups: Ints, times: pd.Series[Any], count: int) -> pd.Series[Any]:
    """Find the earliest time of each group.

    Args:
        groups: the group of each row, from 0.
        times: one time a row, missing ones allowed.
        count: how many groups there are.

    Returns:
        One time a group, missing where none of its rows has one.
    """
    found = times.to_numpy(dtype="datetime64[us]")
    there = ~np.isnat(found)
    never = np.iinfo(np.int64).max
    first = np.full(count, never, dtype=np.int64)
    np.minimum.at(first, groups[there], found[there].astype(np.int64))
    made = first.astype("datetime64[us]")
    made[first == never] = np.datetime64("NaT")
    return pd.Series(made)


def objects(column: pd.Series[Any]) -> Objects:
    """Give a column's values as Python objects, missing as ``None``.

    Returns:
        One object a row: text, int, float, bool, ``datetime`` or ``None``.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _and_none(column.cat.categories)[codes_of(column)]
    if column.dtype.kind == "M":
        codes, times = pd.factorize(column)
        return _objects([*pd.DatetimeIndex(times).to_pydatetime(), None])[codes]
    values = column.astype(object).to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = None
    return values


def text(values: Iterable[object]) -> pd.Series[Any]:
    """Make a text column of Python values, ``None`` being missing.

    Returns:
        A ``str`` column.
    """
    return pd.Series(values if isinstance(values, np.ndarray) else list(values), dtype="str")


def as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Make a text column of one of categories or of text.

    Returns:
        A ``str`` column with a plain index.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        distinct = pd.Index(column.cat.categories, dtype="str").array
        return pd.Series(distinct.take(column.cat.codes.to_numpy(), allow_fill=True), copy=False)
    return text(objects(column))


def category(values: Objects) -> pd.Series[Any]:
    """Make a category column of texts, ``None`` being missing.

    Returns:
        A ``category`` column with a plain index.
    """
    codes, distinct = pd.factorize(values)
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(distinct, dtype="str")))


def stack(first: pd.Series[Any], second: pd.Series[Any]) -> pd.Series[Any]:
    """Put two columns on top of each other; two of categories stay one of categories.

    Returns:
        One column with a plain index.
    """
    if first.empty or second.empty:
        return (second if first.empty else first).reset_index(drop=True)
    if isinstance(first.dtype, pd.CategoricalDtype) and isinstance(second.dtype, pd.CategoricalDtype):
        return pd.Series(union_categoricals([first, second]))
    return in_one_piece(pd.concat([first, second], ignore_index=True))


def in_one_piece(column: pd.Series[Any]) -> pd.Series[Any]:
    """Join the pieces that a text column was put together of: taking rows of several would join them each time.

    Returns:
        The column.
    """
    if not isinstance(column.dtype, pd.StringDtype):
        return column
    found = pa.array(column)
    if not isinstance(found, pa.ChunkedArray):
        return column
    return pd.Series(pd.array(found.combine_chunks(), dtype="str"), index=column.index, copy=False)


def map_distinct(column: pd.Series[Any], rule: Callable[[Any], object]) -> Objects:
    """Apply a rule to each distinct value of a column once, missing values staying missing.

    Args:
        column: any column.
        rule: from a value to another, or ``None``.

    Returns:
        One object a row.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, distinct = column.cat.codes.to_numpy(), column.cat.categories.tolist()
    else:
        codes, found = pd.factorize(column)
        distinct = list(found)
    return _objects([*map(rule, distinct), None])[codes]


def map_pairs(left: pd.Series[Any], right: pd.Series[Any], rule: Callable[[Any, Any], object]) -> Objects:
    """Apply a rule to each distinct pair of two columns once, missing given to it as ``None``.

    Returns:
        One object a row.
    """
    frame = pd.DataFrame({"left": left.array, "right": right.array})
    groups, first = number_groups(frame, ("left", "right"))
    some = frame.iloc[first]
    pairs: Iterable[tuple[Hashable, Hashable]] = zip(objects(some["left"]), objects(some["right"]), strict=True)
    return _objects([rule(a, b) for a, b in pairs])[groups]


def _and_none(values: pd.Index[Any]) -> Objects:
    """Give distinct values with ``None`` at their end, which a code of -1 points to."""
    made = np.empty(len(values) + 1, dtype=object)
    made[:-1] = values.to_numpy(dtype=object)  # not one by one: an index makes each value anew
    return made


def _objects(values: Sequence[object]) -> Objects:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def as_date(value: object) -> object:
    """Give the day of a time, for a column that holds days.

    Returns:
        A ``date``, or the value itself where it is no time.
    """
    return value.date() if isinstance(value, datetime) else value


def days(column: pd.Series[Any]) -> Ints:
    """Give a date column as days since 1970, for comparing with windows.

    Returns:
        One number a row; the smallest ``int64`` where the date is missing.
    """
    return column.to_numpy(dtype="datetime64[D]").astype(np.int64)


def day_number(day: date) -> int:
    """Give a day as days since 1970."""
    return (day - date(1970, 1, 1)).days
