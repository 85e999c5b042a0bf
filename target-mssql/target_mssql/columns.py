"""Columns of a Parquet file made into rows, each distinct value converted once by the column's own conversion.

Only BATCH messages come here, so that ``pyarrow`` is imported where one has come and not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    texts: list[tuple[pa.Array, Values]] = []
    return [_values(part, source, texts) for source in sources]


def _values(part: pa.RecordBatch, source: Source, texts: list[tuple[pa.Array, Values]]) -> Values:
    name, column, convert = source
    place = part.schema.get_field_index(name) if name else -1
    if place < 0 or part.column(place).null_count == part.num_rows:
        return Repeated(None, part.num_rows)
    array, field = part.column(place), part.schema.field(place)
    if column.type is not None and not is_json(field) and _fits_as_it_is(array, column.type):
        as_they_are: list[Any] = array.to_pylist()
        return as_they_are
    if not pa.types.is_dictionary(array.type):
        if pa.types.is_nested(array.type):
            return [None if value is None else convert(value) for value in array.to_pylist()]
        array = array.dictionary_encode()
    plain = column.type is not None and not is_json(field) and _fits_as_it_is(array.dictionary, column.type)
    if plain:
        for other, same in texts:
            if array.equals(other):
                return same
    found = _distinct(array.dictionary, field, convert, plain=plain)
    made = _spread(array, found)
    if plain and pa.types.is_string(array.type.value_type):
        texts.append((array, made))
    return made


def _spread(array: pa.DictionaryArray, found: list[Any]) -> Values:
    """Give each row the converted value of its place in the dictionary."""
    if len(found) == 1 and not array.null_count:
        return Repeated(found[0], len(array))
    indices = array.indices
    if indices.null_count:
        indices = indices.fill_null(len(found))
        found.append(None)
    return list(map(found.__getitem__, indices.to_pylist()))


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
