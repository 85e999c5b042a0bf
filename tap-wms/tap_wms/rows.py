"""Rows of a load made into records: identity among equal rows, and the sums the load is checked by."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_wms.windows import day_of

if TYPE_CHECKING:
    from tap_wms.loads import Load

# What msgspec writes as JSON by itself, every digit of a Decimal included.
_PLAIN = frozenset({str, int, float, bool, Decimal, dt.date, dt.datetime, dt.time, uuid.UUID, type(None)})
_FRACTIONS = frozenset({float, Decimal})


class LoadRows:
    """Makes a record of each row, and keeps what the load's own record needs: rows, quantity, newest day.

    To number equal rows, a 16-byte digest of every row is kept for as long as the view is read: measured with the
    dictionary around it, 107 MB for a million rows. Letting the database sort equal rows together would free that,
    at the price of a sort of the whole view on the server before its first row.

    Attributes:
        names: The columns of a record: the view's, then the tap's own.
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
        self._seen: dict[bytes, int] = {}
        self._units: int | Decimal = 0
        self.count = 0
        self.newest: dt.date | None = None

    @property
    def qty(self) -> int | Decimal | None:
        """The sum of the numeric quantities so far, in units; `None` where the view has no quantity."""
        if self._quantities is None:
            return None
        return int(self._units) if self._units == int(self._units) else self._units

    def record(self, values: Sequence[Any]) -> dict[str, Any]:
        """Count a row and return its record: the view's columns and the tap's own.

        Args:
            values: The row as the driver gives it, one value a column.
        """
        return dict(zip(self.names, self.row(values), strict=True))

    def row(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Count a row and return it with the tap's own columns, in the order of `names`.

        Args:
            values: The row as the driver gives it, one value a column.
        """
        kinds = set(map(type, values))
        if not kinds <= _PLAIN:
            values = [_plain(value) for value in values]
        if not kinds.isdisjoint(_FRACTIONS):
            # JSON has no NaN and no infinity; they are missing values.
            values = [None if _is_no_number(value) else value for value in values]
        text = "\x1f".join([value if type(value) is str else _text(value) for value in values])
        digest = hashlib.sha256(text.encode()).digest()[:16]
        occurrence = self._seen.get(digest, 0)
        self._seen[digest] = occurrence + 1
        self.count += 1
        if self._quantities is not None:
            self._add(values[self._quantities])
        if self._key is not None:
            self._note_day(values[self._key])
        number = (self.count,) if self._numbered else ()
        return (*values, *self._load, digest.hex(), occurrence, *number)

    def _add(self, cells: Sequence[Any]) -> None:
        # In two steps, as almost all cells are whole numbers or empty, and there may be sixty in a row.
        whole = [cell for cell in cells if type(cell) is int]
        self._units += sum(whole)
        if len(whole) + cells.count(None) < len(cells):
            for cell in cells:
                if type(cell) is Decimal:
                    self._units += cell
                elif type(cell) is float:
                    self._units += Decimal(repr(cell))  # as it is written, and as an exact reader reads it

    def _note_day(self, value: object) -> None:
        day = day_of(value)
        if day is not None and day <= self._latest and (self.newest is None or day > self.newest):
            self.newest = day


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
