"""Columns of values as Arrow arrays: made of Python values, mapped a distinct value at a time, and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc


class Link(NamedTuple):
    """A text that leads to a cell of this workbook.

    Attributes:
        text: what is shown.
        target: sheet and cell, the sheet quoted: ``'ACME'!A5``.
    """

    text: str
    target: str


Value = str | int | float | date | datetime | Link | None


@dataclass(frozen=True)
class Links:
    """A column of texts of which some lead to a cell of this workbook.

    Attributes:
        texts: what is shown.
        linked: which of them lead somewhere.
        target: gives the place that the text at a position leads to.
    """

    texts: pa.Array
    linked: pa.Array
    target: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.texts)

    def slice(self, offset: int, length: int) -> Links:
        """Take some rows in a row, as arrays do."""
        target = self.target
        return Links(
            self.texts.slice(offset, length), self.linked.slice(offset, length), lambda place: target(offset + place)
        )


Values: TypeAlias = pa.Array | Links
"""A column: one value a row, null where a cell is left out."""


def columns_of(rows: Iterable[Sequence[Value]], count: int) -> list[Values]:
    """Turn rows into columns.

    Args:
        rows: one value a column; a column's values are of one type.
        count: how many columns there are, for no rows at all.

    Returns:
        The columns.
    """
    turned: list[Sequence[Value]] = list(zip(*rows, strict=True)) or [()] * count
    return [_links(values) if any(isinstance(one, Link) for one in values) else array_of(values) for values in turned]


def _links(values: Sequence[Value]) -> Links:
    return Links(
        array_of([one.text if isinstance(one, Link) else one for one in values]),
        pa.array([isinstance(one, Link) for one in values]),
        lambda place: one.target if isinstance(one := values[place], Link) else "",
    )


def array_of(values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Make a column of Python values.

    Args:
        values: of one type, ``None`` being missing. Half a character, which no text in UTF-8 can hold, is replaced.
        kind: the type; by default that of the values.

    Returns:
        One value each.
    """
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_whole(value) if isinstance(value, str) else value for value in values], kind)


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encoded(values: pa.Array) -> pa.DictionaryArray:
    """Tell a column's distinct values from where they stand.

    Returns:
        The same values, each stored once.
    """
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


def texts_in_order(texts: pa.ChunkedArray) -> pa.DictionaryArray:
    """Store each text of a column once, in their order, so that their numbers say which comes first."""
    found = texts.combine_chunks().dictionary_encode()
    order = pc.sort_indices(found.dictionary)
    ranks = pc.sort_indices(order).cast(pa.int32())
    return pa.DictionaryArray.from_arrays(ranks.take(found.indices), found.dictionary.take(order))


def decoded(values: pa.Array) -> pa.Array:
    """Give a column's values one after the other, as most of Arrow's functions want them."""
    return values.dictionary.take(values.indices) if pa.types.is_dictionary(values.type) else values


def mapped(values: pa.Array, rule: Callable[[Any], object], kind: pa.DataType) -> pa.DictionaryArray:
    """Apply a rule to each distinct value of a column once; missing values stay missing.

    Args:
        values: any column.
        rule: from a value to another.
        kind: the type of what the rule gives.

    Returns:
        One value each.
    """
    found = encoded(values)
    made = array_of([None if value is None else rule(value) for value in found.dictionary.to_pylist()], kind)
    return pa.DictionaryArray.from_arrays(found.indices, made)


def listed(values: pa.Array) -> list[Any]:
    """Make Python's objects of a column, each distinct value once."""
    if not len(values):
        return []
    found = encoded(values)
    known = [*found.dictionary.to_pylist(), None]
    numbers = found.indices.cast(pa.int32()).fill_null(len(known) - 1)
    first, buffer = numbers.offset, numbers.buffers()[1]
    return [known[number] for number in memoryview(buffer).cast("i")[first : first + len(numbers)]]


def where(condition: pa.Array, values: pa.Array) -> pa.Array:
    """Keep the values where a condition holds; all others are missing."""
    plain = decoded(values)
    return pc.if_else(condition, plain, pa.scalar(None, plain.type))


def longest(column: Values) -> int:
    """Measure the longest text of a column, in characters; 0 where there is none."""
    texts = decoded(column.texts if isinstance(column, Links) else column)
    return pc.max(pc.utf8_length(texts.cast(pa.string()))).as_py() or 0


def shown_words(codes: pa.Array) -> pa.Array:
    """Write codes as people read them: ``NO_ORDER`` is ``NO ORDER``."""
    return pc.replace_substring(codes.cast(pa.string()), "_", " ")
