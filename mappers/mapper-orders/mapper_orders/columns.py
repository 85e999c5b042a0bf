"""Columns of values: what is costly is done once a distinct value, then spread over the rows by Arrow.

Only the batch path comes here, so that ``pyarrow`` is imported where a BATCH message has come and not before.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from itertools import compress, count
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from order_rules.models import MONEY_DIGITS, MONEY_PLACES, STAGING, Column, columns

from mapper_orders.reading import found_text
from mapper_orders.validate import text_units

V = TypeVar("V")
MONEY_TYPE: Final = pa.decimal128(MONEY_DIGITS, MONEY_PLACES)

_TEXT: Final = frozenset({str, type(None)})
_COMPARABLE: Final = frozenset({str, int, type(None)})
"""Types whose values are equal only where they read alike; ``True == 1 == Decimal("1.0")``, and they do not."""

_JSON: Final = msgspec.json.Decoder(float_hook=Decimal)

_UNIQUE: Final = frozenset({"order_line_id", "row_id", "quarantine_id", "sizes", "extra", "record", "carton_id", "sku"})
REPEATED: Final = pa.dictionary(pa.int32(), pa.string())

_TYPES: Final[dict[type, pa.DataType]] = {
    str: pa.string(),
    int: pa.int64(),
    Decimal: MONEY_TYPE,
    date: pa.date32(),
}


def is_json(field: pa.Field) -> bool:
    """Tell whether a text column holds JSON: what no other Arrow type would keep as it is."""
    return bool(field.metadata) and field.metadata.get(b"singer") == b"json"


def records(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Give the rows of a batch as the record path has them."""
    found = [
        Values.of_column(column, field).each(lambda value: value) if is_json(field) else column.to_pylist()
        for column, field in zip(batch.columns, batch.schema, strict=True)
    ]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*found, strict=True)]


@cache
def schema_of(stream: str) -> pa.Schema:
    """Give the Arrow schema of an output stream, declared by its row model as its Singer schema is.

    Texts that repeat are dictionary-encoded, from here to the file and out of it again.
    """
    return pa.schema([pa.field(one.name, _type(one), nullable=one.nullable) for one in columns(STAGING[stream].model)])


def _type(column: Column) -> pa.DataType:
    return REPEATED if column.type is str and column.name not in _UNIQUE else _TYPES[column.type]


class Values:
    """A column of values as found: each once, and for each row the place of its value among those."""

    def __init__(self, distinct: list[Any], places: array[int]) -> None:
        self._parts = (distinct, places)
        self._texts: pa.Array | None = None
        self._longest: int | None = None

    @classmethod
    def of(cls, values: Sequence[object]) -> Values:
        """Take Python's values, one a row."""
        place: defaultdict[object, int] = defaultdict(count().__next__)
        with suppress(TypeError):  # a list, which is no key
            places = array("i", map(place.__getitem__, values))
            if _TEXT.issuperset(map(type, place)) or _COMPARABLE.issuperset(map(type, values)):
                return cls(list(place), places)
        keys = [(type(value), str(value)) for value in values]
        first = dict(zip(keys, values, strict=True))
        numbered = {key: number for number, key in enumerate(first)}
        return cls(list(first.values()), array("i", map(numbered.__getitem__, keys)))

    @classmethod
    def of_column(cls, column: pa.Array, field: pa.Field) -> Values:
        """Take a column of a batch file; one of JSON text holds what the text says."""
        if not is_text(column.type):
            return cls.of(column.to_pylist())
        if is_json(field):
            distinct, places = _parts(column)
            return cls([None if text is None else _JSON.decode(text) for text in distinct], places)
        return Texts(column)

    @classmethod
    def among(cls, values: Sequence[Any], places: pa.Array) -> Values:
        """Take values by their place among others, not all of which need be used; where it is null there is none."""
        used, own = _parts(places)
        return cls([None if place is None else values[place] for place in used], own)

    def take(self, rows: pa.Array) -> Values:
        """Give the values of some rows."""
        return Values.among(self.distinct, self.codes.take(rows))

    @property
    def distinct(self) -> list[Any]:
        """Each value once."""
        return self._parts[0]

    @property
    def places(self) -> array[int]:
        """For each row, the place of its value among the distinct ones; 32 bits each."""
        return self._parts[1]

    @property
    def codes(self) -> pa.Array:
        """The places as an Arrow array."""
        return pa.Array.from_buffers(pa.int32(), len(self.places), [None, pa.py_buffer(self.places)])

    def each(self, function: Callable[[Any], V]) -> list[V]:
        """Apply a function once a distinct value; give its answer for each row."""
        answers = list(map(function, self.distinct))
        return list(map(answers.__getitem__, self.places))

    def pairs(self, other: Values, function: Callable[[Any, Any], object]) -> Values:
        """Apply a function once a distinct pair of this column's value and another's."""
        wide = len(other.distinct) or 1
        numbers = pc.add(pc.multiply(self.codes.cast(pa.int64()), wide), other.codes.cast(pa.int64()))
        pair, places = _parts(numbers)
        return Values([function(self.distinct[one // wide], other.distinct[one % wide]) for one in pair], places)

    def surely_fits(self, limit: int) -> bool:
        """Tell whether no value is a text over a limit, cleaned or not: ASCII gets no longer by cleaning."""
        if self._longest is None:
            self._longest = self._length()
        return self._longest <= limit

    def _length(self) -> int:
        plain = _COMPARABLE.issuperset(map(type, self.distinct))  # a Decimal can be much longer written out
        texts = list(map(str, self.distinct)) if plain else []
        ascii_only = plain and all(map(str.isascii, texts))
        return max(map(len, texts), default=0) if ascii_only else sys.maxsize

    def rows_where(self, holds: Callable[[Any], bool]) -> Iterable[int]:
        """Give the rows whose value has a property."""
        answers = list(map(holds, self.distinct))
        if not any(answers):
            return ()
        return compress(range(len(self.places)), map(answers.__getitem__, self.places))

    def text(self, function: Callable[[Any], str | None]) -> pa.DictionaryArray:
        """Apply a function that gives text; the column stays dictionary-encoded, on its way to disk too."""
        encoded = pa.array(map(function, self.distinct), pa.string()).dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.take(self.codes), encoded.dictionary)

    def found(self) -> pa.Array:
        """Give the values as found, trimmed: texts, or a dictionary of them."""
        return self.text(found_text)

    def array(self, function: Callable[[Any], Any], kind: pa.DataType) -> pa.Array:
        """Apply a function that gives values of an Arrow type."""
        return pa.array(map(function, self.distinct), kind).take(self.codes)


class Texts(Values):
    """A text column of a batch file, made into Python's texts only where someone asks for one."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column
        self._once = column.dictionary if pa.types.is_dictionary(column.type) else column
        self._longest = None

    @cached_property
    def _parts(self) -> tuple[list[Any], array[int]]:  # type: ignore[override]  # an attribute there
        return _parts(self._column)

    @cached_property
    def _ascii(self) -> bool:
        return pc.all(pc.string_is_ascii(self._once)).as_py() is not False

    def _length(self) -> int:
        return (pc.max(pc.binary_length(self._once)).as_py() or 0) if self._ascii else sys.maxsize

    def found(self) -> pa.Array:
        """Give the texts as found; the column itself, where there is nothing to trim."""
        once = self._once
        if self._ascii:
            same = pc.and_(pc.equal(pc.ascii_trim(once, _BLANK), once), pc.not_equal(once, ""))
            if pc.all(same).as_py() is not False:
                return self._column
        return super().found()


_BLANK: Final = "".join(filter(str.isspace, map(chr, range(128))))
"""What Python trims of a text of ASCII."""


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds texts, each by itself or by its place in a dictionary."""
    return bool(pa.types.is_string(kind.value_type if pa.types.is_dictionary(kind) else kind))


def _parts(column: pa.Array) -> tuple[list[Any], array[int]]:
    """Give a column's distinct values, and the place of each row's value among them."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    distinct: list[Any] = encoded.dictionary.to_pylist()
    codes = encoded.indices.cast(pa.int32())
    if codes.null_count:
        codes = codes.fill_null(len(distinct))
        distinct.append(None)
    places = array("i")
    if len(codes):
        places.frombytes(memoryview(codes.buffers()[1])[4 * codes.offset : 4 * (codes.offset + len(codes))])
    return distinct, places


def constant(text: str | None, rows: int) -> pa.DictionaryArray:
    """Give a text column of one value."""
    return pa.DictionaryArray.from_arrays(
        pa.array([None if text is None else 0] * rows, pa.int32()), pa.array([text or ""], pa.string())
    )


def table_of(stream: str, found: dict[str, pa.Array]) -> pa.Table:
    """Bring arrays into the order of an output stream's columns; columns not given are null."""
    rows = len(next(iter(found.values())))
    schema = schema_of(stream)
    arrays = [
        _as(found[field.name], field.type) if field.name in found else _as(pa.nulls(rows, pa.string()), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _as(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if array.type == kind:
        return array
    return array.dictionary_encode() if kind == REPEATED else array.cast(kind)


def table_of_records(stream: str, records: list[dict[str, Any]]) -> pa.Table:
    """Bring records, as the record path makes them, into columns.

    Args:
        stream: the output stream.
        records: its records; dates as ISO text, money as ``Decimal``.
    """
    found = {}
    for field in schema_of(stream):
        values = [record[field.name] for record in records]
        if field.type == pa.date32():
            values = list(map(iso_day, values))
        found[field.name] = pa.array(values, pa.string() if field.type == REPEATED else field.type)
    return table_of(stream, found)


def kept(array: pa.Array, chosen: pa.Array) -> pa.Array:
    """Give the chosen rows of an array; a dictionary loses the texts that only others had."""
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode().filter(chosen).dictionary_encode()
    return array.filter(chosen)


def replaced(texts: pa.Array, by: dict[int, str | None]) -> pa.Array:
    """Put other texts in the place of some."""
    if not by:
        return texts
    mask = pa.array([place in by for place in range(len(texts))], pa.bool_())
    return pc.replace_with_mask(texts, mask, pa.array([by[place] for place in sorted(by)], pa.string()))


def iso_day(text: str | None) -> date | None:
    """Read a date that is ISO text already."""
    return None if text is None else date.fromisoformat(text)


def too_long(values: Values, limit: int, text_of: Callable[[Any], str | None]) -> set[int]:
    """Find the rows whose text does not fit its column.

    Args:
        values: the values.
        limit: the column's length in UTF-16 units.
        text_of: gives the text that a value becomes, as found or cleaned.
    """
    if values.surely_fits(limit):
        return set()
    return set(values.rows_where(lambda value: text_units(text_of(value) or "") > limit))
