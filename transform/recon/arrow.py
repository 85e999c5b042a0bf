"""Reads tables of a SQLite file through Arrow: a million rows become columns without ever being Python objects.

For processes that have the file open in no other way: the driver brings an SQLite of its own, and where two of them
have one file open in a process, closing it in the one takes the other's locks away.
https://www.sqlite.org/howtocorrupt.html#_multiple_copies_of_sqlite_linked_into_the_same_application
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_sqlite import dbapi
from sqlalchemy.dialects import sqlite

from recon.frames import plain_values, times
from recon.warehouse.engine import WarehouseError

BATCH_ROWS: Final = 65_536
"""Rows that the driver hands over at once."""
DIALECT: Final = sqlite.dialect()


def read_file(
    path: str,
    columns: Sequence[sa.ColumnElement[Any]],
    *,
    where: sa.ColumnElement[bool] | None = None,
    plain: Collection[str] = (),
) -> pd.DataFrame:
    """Read columns of a table.

    Args:
        path: the SQLite file.
        columns: the columns of one table, in order.
        where: which rows; ``None``: all.
        plain: names of text columns that hardly repeat (ids), kept as text instead of categories.

    Returns:
        What ``frames.read`` gives. Rows in no particular order.

    Raises:
        WarehouseError: the file cannot be read.
    """
    # The driver takes a column's type from its first rows, which may all be without a value: so one goes before them.
    typed = sa.select(*(_of_type(column.type).label(str(column.key)) for column in columns))
    rows = sa.select(*columns) if where is None else sa.select(*columns).where(where)
    statement = f"{_written(typed)} UNION ALL {_written(rows)}"
    try:
        with dbapi.connect(path) as link, link.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
            cursor.execute(statement)
            found = cursor.fetch_arrow_table().slice(1)
    except dbapi.Error as error:  # which cannot travel to another process
        msg = f"Cannot read the warehouse {path}: {error}"
        raise WarehouseError(msg) from None
    return pd.DataFrame(
        {str(c.key): _array(found.column(n), c.type, plain=c.key in plain) for n, c in enumerate(columns)}, copy=False
    )


def _of_type(kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    if isinstance(kind, sa.Integer | sa.Boolean):
        return sa.literal_column("0")
    return sa.literal_column("0.5" if isinstance(kind, sa.Numeric | sa.Float) else "'x'")


def _written(statement: sa.Select[Any]) -> str:
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


def _array(column: pa.ChunkedArray, kind: sa.types.TypeEngine[Any], *, plain: bool) -> Any:  # noqa: ANN401  (as in frames)
    if isinstance(kind, sa.Numeric | sa.Float):
        return column.to_numpy()
    if isinstance(kind, sa.Integer) and not column.null_count:
        return column.to_numpy()
    if isinstance(kind, sa.Integer | sa.Boolean):
        return plain_values(column.to_pylist(), kind)
    if plain:
        return pd.array(column.to_pandas(), dtype="str")
    encoded = column.dictionary_encode().combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int32, copy=False)
    if isinstance(kind, sa.Date | sa.DateTime):
        process: Any = kind.dialect_impl(DIALECT).result_processor(DIALECT, None)
        return times([*map(process, encoded.dictionary.to_pylist()), None], codes)
    return pd.Categorical.from_codes(
        codes, categories=pd.Index(encoded.dictionary.to_pandas(), dtype="str"), validate=False
    )
