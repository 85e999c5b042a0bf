"""Rows of a load, by columns: identity among equal rows, and the sums the load is checked by.

Records and files are made of the same columns, so that a row has the same hash on both ways.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import uuid
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING, Any

import msgspec

from tap_wms.occurrences import DIGEST_BYTES, Occurrences
from tap_wms.windows import day_of

if TYPE_CHECKING:
    from tap_wms.loads import Load

Values = Sequence[Any]
"""The values of one column, one a row."""

# What msgspec writes as JSON by itself, every digit of a Decimal included.
_PLAIN = frozenset({str, int, float, bool, Decimal, dt.date, dt.datetime, dt.time, uuid.UUID, type(None)})
_FRACTIONS = frozenset({float, Decimal})
# Sums are the same in whatever order and parts they are made: all floats there are lie within 700 digits.
_EXACT = Context(prec=1_000)


class LoadRows:
    """Adds the tap's own columns to rows, and keeps what the load's own record needs: rows, quantity, newest day.

    Equal rows are numbered as they come. Letting the database sort them together would spare keeping a digest of
    every row, at the price of a sort of the whole view on the server before its first row.

    Attributes:
        names: The view's columns, then the tap's own.
        count: Rows so far.
        newest: The greatest day of the replication key so far, days after today left out: one row dated next year
            must not carry the window past all the real ones.
    """

    def __init__(self, names: Sequence[str], load: Load, *, key: str | None, latest: dt.date, numbered: bool) -> None:
        """Prepare for the rows of one load.

        Args:
            names: The view's columns, in its order.
            load: The load the rows belong to.
            key: The replication key, one of `names`.
            latest: Today.
            numbered: Whether records carry `row_number`, from 1.
        """
        self.names = [*names, "load_id", "connection", "row_hash", "occurrence"]
        if numbered:
            self.names.append("row_number")
        self._numbered = numbered
        self._load = (load.load_id, load.connection)
        self._quantities = quantity_columns(names)
        self._key = None if key is None else names.index(key)
        self._latest = latest
        self._occurrences = Occurrences()
        self._units: int | Decimal = 0
        self.count = 0
        self.newest: dt.date | None = None

    @property
    def qty(self) -> int | Decimal | None:
        """The sum of the numeric quantities so far, in units; `None` where the view has no quantity."""
        if self._quantities is None:
            return None
        return int(self._units) if self._units == int(self._units) else self._units

    def close(self) -> None:
        """Give up what equal rows are told apart by."""
        self._occurrences.close()

    def records(self, rows: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Count rows and return a record of each: the view's columns and the tap's own.

        Args:
            rows: The rows as the driver gives them, one value a column.
        """
        return (dict(zip(self.names, row, strict=True)) for row in zip(*self.columns(rows), strict=True))

    def columns(self, rows: Sequence[Sequence[Any]]) -> list[Values]:
        """Count rows and return their columns, in the order of `names`.

        Args:
            rows: The rows as the driver gives them, one value a column; at least one.

        Raises:
            TapError: There is no room for telling equal rows apart.
        """
        columns: list[Values] = []
        texts: list[Values] = []
        for found in zip(*rows, strict=True):
            values, text = _values_and_texts(found)
            columns.append(values)
            texts.append(text)
        digests = [
            hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES] for text in map("\x1f".join, zip(*texts, strict=True))
        ]
        with localcontext(_EXACT):
            for values in columns[self._quantities or slice(0)]:
                self._units += _units(values)
        if self._key is not None:
            self._note_days(columns[self._key])
        numbers = range(self.count + 1, self.count + len(rows) + 1)
        self.count += len(rows)
        own: list[Values] = [[value] * len(rows) for value in self._load]
        own += [[digest.hex() for digest in digests], self._occurrences.number(digests)]
        return [*columns, *own, *([numbers] if self._numbered else [])]

    def _note_days(self, values: Values) -> None:
        days = (day for day in map(day_of, set(values)) if day is not None and day <= self._latest)
        self.newest = max([day for day in (self.newest, *days) if day is not None], default=None)


def _values_and_texts(found: Values) -> tuple[Values, Values]:
    """Return a column's values as they are sent, and the texts they are hashed by."""
    kinds = set(map(type, found))
    values = found if kinds <= _PLAIN else plain_values(found)
    if not kinds.isdisjoint(_FRACTIONS):
        # JSON has no NaN and no infinity; they are missing values.
        values = [None if _is_no_number(value) else value for value in values]
    if kinds == {str}:
        return values, values
    if kinds == {int}:
        return values, list(map(str, values))
    return values, [value if type(value) is str else _text(value) for value in values]


def plain_values(found: Values) -> Values:
    """Return a column's values, those that JSON has no form for as text."""
    return found if _PLAIN.issuperset(map(type, found)) else [_plain(value) for value in found]


def _units(values: Values) -> int | Decimal:
    """Sum the numbers of a column, each as it is written; flags and texts are none."""
    units: int | Decimal = sum(value for value in values if type(value) is int)
    for value in values:
        if type(value) is Decimal:
            units += value
        elif type(value) is float:
            units += Decimal(repr(value))  # as it is written, and as an exact reader reads it
    return units


def quantity_columns(names: Sequence[str]) -> slice | None:
    """Return where a view's quantities stand: its size run, or else its `Qty`.

    The size run is what stands strictly between UNIT OF MEASURE and TOTAL QTY. Case and outer blanks do not matter.

    Args:
        names: The view's columns, in its order.
    """
    folded = [name.strip().upper() for name in names]
    if "UNIT OF MEASURE" in folded and "TOTAL QTY" in folded:
        before, behind = folded.index("UNIT OF MEASURE"), folded.index("TOTAL QTY")
        if before < behind:
            return slice(before + 1, behind)
    if "QTY" in folded:
        at = folded.index("QTY")
        return slice(at, at + 1)
    return None


def _text(value: object) -> str:
    return "\x00" if value is None else str(value)


def _is_no_number(value: object) -> bool:
    return isinstance(value, float | Decimal) and not math.isfinite(value)


def _plain(value: object) -> object:
    """Return a value that JSON has no form for as text: bytes as hexadecimal, arrays and documents as JSON."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple | dict):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)
