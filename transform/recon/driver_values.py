"""Makes of a frame's columns the values that a database driver takes: each distinct one once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recon.frames import Ints, Objects, as_date, codes_of, objects


def is_ready(column: sa.Column[Any], dialect: sa.Dialect) -> bool:
    """Tell whether the driver takes a column's values as they are."""
    kind = column.type
    return kind.dialect_impl(dialect).bind_processor(dialect) is None and not isinstance(kind, sa.Date)


def in_key_order(table: sa.Table, rows: pd.DataFrame) -> Ints:
    """Order rows by the key of the table that they go to, whose index is then written from one end to the other.

    Args:
        table: the table.
        rows: one column each column of it.

    Returns:
        The positions of the rows in that order; where there is no key, as they come.
    """
    key = next(iter(table.primary_key), None)
    return np.arange(len(rows)) if key is None else np.asarray(rows[key.name].argsort(), dtype=np.int64)


def distinct_values(values: pd.Series[Any], column: sa.Column[Any], dialect: sa.Dialect) -> tuple[Ints, Objects]:
    """Number a column's distinct values and make each what the driver takes.

    Args:
        values: one value a row.
        column: where it goes.
        dialect: the database's.

    Returns:
        The number of each row's value, -1 where it is missing; and the values, after the last of which stands ``None``.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, distinct = codes_of(values), objects(pd.Series(values.cat.categories))
    else:
        is_date = isinstance(column.type, sa.Date) and values.dtype.kind == "M"
        codes, distinct = pd.factorize(objects(values.astype("datetime64[us]") if is_date else values))
    return codes.astype(np.int64, copy=False), np.append(_made(distinct, column, dialect), [None])


def driver_column(values: pd.Series[Any], column: sa.Column[Any], dialect: sa.Dialect) -> Callable[[Ints], list[Any]]:
    """Make what gives a column's values at some positions as the driver takes them.

    Args:
        values: one value a row.
        column: where it goes.
        dialect: the database's.

    Returns:
        Positions to values.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        # Once a category, of which there are as many as keys, not once a category and batch.
        codes, distinct = distinct_values(values, column, dialect)
        return lambda at: list(distinct[codes[at]])

    as_they_are = is_ready(column, dialect)

    def plain(at: Ints) -> list[Any]:
        some = values.take(at)
        if as_they_are:
            return list(objects(some))
        numbers, found = distinct_values(some, column, dialect)
        return list(found[numbers])

    return plain


def _made(distinct: Objects, column: sa.Column[Any], dialect: sa.Dialect) -> Objects:
    if is_ready(column, dialect):
        return distinct
    process: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    return np.array([*(_value(value, column.type, process) for value in distinct), None], object)[:-1]


def _value(value: object, kind: sa.types.TypeEngine[Any], process: Callable[[Any], Any] | None) -> object:
    if isinstance(kind, sa.Date) and not isinstance(kind, sa.DateTime):
        value = as_date(value)
    if isinstance(value, np.generic):
        value = value.item()
    return value if process is None or value is None else process(value)
