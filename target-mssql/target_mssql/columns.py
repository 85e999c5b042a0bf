"""Columns of a Parquet file made into rows, each distinct value converted once by the column's own conversion.

Only BATCH messages come here, so that ``pyarrow`` is imported where one has come and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from singer_sdk.contrib.msgspec import decoder

from target_mssql.dialects import Column, Repeated, Values
from target_mssql.types import ColumnType
from target_mssql.values import Convert

Source = tuple[str, Column, Convert]
"""A property, the column it goes to, and what brings a value into that column's form."""

JSON_METADATA: Final = (b"singer", b"json")
"""Marks a text column whose values are JSON: what Arrow would not keep as it is."""


def is_json(field: pa.Field) -> bool:
    """Say whether a column of a file holds JSON text that stands for the value."""
    name, value = JSON_METADATA
    return bool(field.metadata) and field.metadata.get(name) == value


def records(part: pa.RecordBatch) -> list[dict[str, Any]]:
    """Give the rows of a part as records."""
    rows: list[dict[str, Any]] = part.to_pylist()
    for field in part.schema:
        if is_json(field):
            for row in rows:
                if row[field.name] is not None:
                    row[field.name] = decoder.decode(row[field.name])
    return rows


def by_key(part: pa.RecordBatch, keys: Sequence[str]) -> pa.RecordBatch:
    """Sort rows by the texts of their key, ids made by a hash: an index takes them sorted at half the cost.

    Args:
        part: rows of a file.
        keys: the key properties; those that repeat (dictionary-encoded ones) or are no text decide nothing.
    """
    texts = [name for name in keys if pa.types.is_string(part.schema.field(name).type)]
    if not texts:
        return part
    return part.take(pc.sort_indices(part, sort_keys=[(name, "ascending") for name in texts]))


def values(part: pa.RecordBatch, sources: Iterable[Source]) -> list[Values]:
    """Give the values of properties in their columns' form.

    Args:
        part: rows of a file.
        sources: properties, columns and conversions.

    Returns:
        For each its values; all null where the file has no such column. Those of two properties that hold the same
        texts, as a name found and cleaned often is, are one and the same list.

    Raises:
        ValueError, TypeError, ArithmeticError: a value does not fit.
    """
    return _each_once(_listed, part, sources)


def arrays(part: pa.RecordBatch, sources: Iterable[Source]) -> list[Values]:
    """Give the values of properties in their columns' form as `values` does, but as arrays of Arrow.

    Args:
        part: rows of a file.
        sources: properties, columns and conversions to what Arrow has: texts, integers, doubles, booleans.

    Returns:
        For each its values, or the one that is in every row.

    Raises:
        ValueError, TypeError, ArithmeticError: a value does not fit.
    """
    return _each_once(_array, part, sources)


def has_null(column: Values) -> bool:
    """Say whether a column has a null."""
    return bool(column.null_count) if isinstance(column, pa.Array) else None in column


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """Distinct values, and for each row the place of its own; null for none."""

    distinct: list[Any]
    places: pa.Array


def _each_once(
    make: Callable[[pa.Array | Repeated | _Spread], Values], part: pa.RecordBatch, sources: Iterable[Source]
) -> list[Values]:
    texts: list[tuple[pa.Array, _Spread]] = []
    columns = [_column(part, source, texts) for source in sources]
    made = {id(column): make(column) for column in columns}
    return [made[id(column)] for column in columns]


def _listed(column: pa.Array | Repeated | _Spread) -> Values:
    if isinstance(column, Repeated):
        return column
    if isinstance(column, _Spread):
        distinct, places = column.distinct, column.places
        if places.null_count:
            distinct, places = [*distinct, None], places.fill_null(len(distinct))
        return list(map(distinct.__getitem__, places.to_pylist()))
    listed: list[Any] = column.to_pylist()
    return listed


def _array(column: pa.Array | Repeated | _Spread) -> Values:
    if isinstance(column, Repeated):
        return column
    return pa.array(column.distinct).take(column.places) if isinstance(column, _Spread) else column


def _column(
    part: pa.RecordBatch, source: Source, texts: list[tuple[pa.Array, _Spread]]
) -> pa.Array | Repeated | _Spread:
    """Bring a column's values into its form; they are left in Arrow's where they are in their form already."""
    name, column, convert = source
    place = part.schema.get_field_index(name) if name else -1
    if place < 0 or part.column(place).null_count == part.num_rows:
        return Repeated(None, part.num_rows)
    array, field = part.column(place), part.schema.field(place)
    if column.type is not None and not is_json(field) and _fits_as_it_is(array, column.type):
        return array
    if pa.types.is_nested(array.type) and not pa.types.is_dictionary(array.type):
        return pa.array([None if value is None else convert(value) for value in array.to_pylist()])
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    plain = column.type is not None and not is_json(field) and _fits_as_it_is(array.dictionary, column.type)
    if plain:
        for other, same in texts:
            if array.equals(other):
                return same
    made = _Spread(_distinct(array.dictionary, field, convert, plain=plain), array.indices)
    if len(made.distinct) == 1 and not array.null_count:
        return Repeated(made.distinct[0], len(array))
    if plain and pa.types.is_string(array.type.value_type):
        texts.append((array, made))
    return made


def _distinct(dictionary: pa.Array, field: pa.Field, convert: Convert, *, plain: bool) -> list[Any]:
    """Convert each value of a dictionary once, unless it is plain: in its column's form already."""
    distinct: list[Any] = dictionary.to_pylist()
    if plain:
        return distinct
    if is_json(field):
        distinct = [None if value is None else decoder.decode(value) for value in distinct]
    return [None if value is None else convert(value) for value in distinct]


def _fits_as_it_is(array: pa.Array, column: ColumnType) -> bool:
    """Say whether every value is in its column's form already, by looking at the extremes only."""
    if pa.types.is_string(array.type) and column.kind in ("text", "json") and not column.ascii_only:
        if column.length is None:
            return True
        longest = pc.max(pc.utf8_length(array)).as_py() or 0
        # a character takes at most two UTF-16 units; ASCII takes as many bytes as characters, and one unit each
        return longest * 2 <= column.length or (pc.max(pc.binary_length(array)).as_py() or 0) <= column.length
    if pa.types.is_integer(array.type) and column.kind == "integer":
        ends = pc.min_max(array).as_py()
        return ends["min"] is None or (column.low <= ends["min"] and ends["max"] <= column.high)
    return False
