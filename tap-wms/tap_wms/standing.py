"""What stands of a view in the warehouse, by day: how many rows, and the sum of their digests.

A sum does not mind in which order a database gives its rows, and one a day can be compared although the window has
moved on since. Kept in the bookmark, it tells a window that stands as it was from one that is to be sent.
"""

from __future__ import annotations

import datetime as dt
import marshal
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, Self

from tap_wms.errors import TapError
from tap_wms.rows import plain_values
from tap_wms.windows import Window, day_of

Rows = Sequence[Sequence[Any]]
"""Rows as the driver gives them."""

Total = tuple[int, int]
"""How many rows, and the sum of their digests modulo 2¹²⁸."""

Totals = dict[dt.date | None, Total]
"""The total of each day that has rows; of `None` for rows without a readable one, or of a view without a key."""

#: In a state, beside the bookmark.
STANDING: Final = "standing"
#: How digests are made and what is sent of a row: another number makes every view be sent anew once.
FORM: Final = 1

_DIGEST_BYTES: Final = 16
_MODULUS: Final = 1 << 8 * _DIGEST_BYTES
# The last form without back references, which depend on how many places a value is held in.
_MARSHAL_FORM: Final = 2
# Of a tuple, itself; of SQLAlchemy's rows the tuple they hold, which `tuple` would copy.
_AS_TUPLE: Final = itemgetter(slice(None))
_MARSHALLED: Final = frozenset({str, int, float, bool, type(None)})
#: Bytes of rows held in memory until it is known whether they are sent; more go to a file.
_IN_MEMORY: Final = 32 * 1024 * 1024


def form_of(*described: object) -> str:
    """Return a short text for what decides how rows are read and sent; equal texts mean that totals can be compared.

    Args:
        described: Whatever must be as it was: columns, query, parameters.
    """
    return sha256(repr((FORM, *described)).encode()).hexdigest()[:16]


class Count:
    """The totals of rows read, by day.

    Attributes:
        totals: So far.
    """

    def __init__(self, key: int | None, first: dt.date | None) -> None:
        """Prepare for the rows of one window.

        Args:
            key: Where the replication key stands in a row.
            first: The first day that matters; rows of earlier ones are left out.
        """
        self.totals: Totals = {}
        self._key = key
        self._first = first

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return sum(rows for rows, _ in self.totals.values())

    def noting(self, parts: Iterable[Rows]) -> Iterator[Rows]:
        """Count rows on their way."""
        for part in parts:
            if counted := _from(part, self._key, self._first):
                self.add(counted)
            yield part

    def add(self, rows: Rows) -> Rows | list[bytes]:
        """Count rows.

        Args:
            rows: As the driver gives them; at least one.

        Returns:
            The same rows in a form that can be written to a file: each encoded, where that is as good as the row.
        """
        kept: Rows | list[bytes]
        try:
            texts = kept = list(map(marshal.dumps, map(_AS_TUPLE, rows), repeat(_MARSHAL_FORM)))
        except ValueError:  # a decimal, a date, or what else marshal does not know
            columns = list(zip(*rows, strict=True))
            kept = list(zip(*map(plain_values, columns), strict=True))
            texts = list(map(marshal.dumps, zip(*map(_marshalled, columns), strict=True), repeat(_MARSHAL_FORM)))
        if self._key is None:
            self._add(None, texts)
            return kept
        keys = [row[self._key] for row in rows]
        days = {value: iso_day(value) for value in set(keys)}
        by_day: dict[dt.date | None, list[bytes]] = {day: [] for day in days.values()}
        if len(by_day) == 1:
            by_day = dict.fromkeys(by_day, texts)
        else:
            for value, text in zip(keys, texts, strict=True):
                by_day[days[value]].append(text)
        for day, of_day in by_day.items():
            if day is None or self._first is None or day >= self._first:
                self._add(day, of_day)
        return kept

    def _add(self, day: dt.date | None, texts: Sequence[bytes]) -> None:
        rows, total = self.totals.get(day, (0, 0))
        total += sum([int.from_bytes(blake2b(text, digest_size=_DIGEST_BYTES).digest(), "little") for text in texts])
        self.totals[day] = rows + len(texts), total % _MODULUS


class KeptRows:
    """Rows held back until it is known whether they are sent: in memory, or many of them in a file without a name.

    Reading them a second time would ask the database for the whole view again, and where it has no snapshots give
    other rows than those that were counted.
    """

    def __init__(self) -> None:
        """Start without rows."""
        # Nobody but this process can reach the file: what is unpickled is what was pickled.
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed by __exit__)
        self._parts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, part: Rows | list[bytes]) -> None:
        """Keep what `Count.add` has returned.

        Raises:
            TapError: There is no room for it.
        """
        try:
            pickle.dump(part, self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise TapError(
                f"cannot hold rows back in {tempfile.gettempdir()} until it is known whether they differ: "
                f"{error.strerror}; make room there, name another folder in TMPDIR, or set skip_unchanged to false"
            ) from None
        self._parts += 1

    def rows(self, key: int | None, first: dt.date | None) -> Iterator[Rows]:
        """Give the rows back, in their order, some at a time.

        Args:
            key: Where the replication key stands in a row.
            first: Rows of an earlier day are left out; `None`: none are.

        Yields:
            At least one row.
        """
        self._file.seek(0)
        for _ in range(self._parts):
            part = pickle.load(self._file)  # noqa: S301
            rows = list(map(marshal.loads, part)) if isinstance(part[0], bytes) else part
            if rows := _from(rows, key, first):
                yield rows


@dataclass(frozen=True)
class Standing:
    """What was sent of a view.

    Attributes:
        form: What `form_of` returned.
        first: The first day that the totals hold; `None`: no lower bound.
        totals: By day.
        whole_at: When the whole window was last sent, UTC.
        sent_at: When any part of it was.
    """

    form: str
    first: dt.date | None
    totals: Totals
    whole_at: dt.datetime
    sent_at: dt.datetime

    def to_state(self) -> dict[str, Any]:
        """Return what is kept in the state."""
        days = sorted(self.totals.items(), key=lambda one: str(one[0] or ""))
        return {
            "form": self.form,
            "from": None if self.first is None else self.first.isoformat(),
            "whole_at": self.whole_at.isoformat(timespec="seconds"),
            "sent_at": self.sent_at.isoformat(timespec="seconds"),
            "days": {str(day or ""): f"{rows}:{digest:032x}" for day, (rows, digest) in days},
        }

    @classmethod
    def from_state(cls, value: object) -> Self | None:
        """Read what is kept in a state; `None` where nothing is, or nothing that this program has written."""
        if not isinstance(value, Mapping):
            return None
        try:
            totals = {
                dt.date.fromisoformat(day) if day else None: (int(rows), int(digest, 16))
                for day, (rows, digest) in ((day, text.split(":")) for day, text in value["days"].items())
            }
            first = value["from"] and dt.date.fromisoformat(value["from"])
            moments = [dt.datetime.fromisoformat(value[name]).astimezone(dt.UTC) for name in ("whole_at", "sent_at")]
            return cls(value["form"], first, totals, *moments)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def holds(self, window: Window) -> bool:
        """Whether the totals are of every day of a window."""
        return window.until is None and (
            self.first is None or (window.first is not None and window.first >= self.first)
        )

    def is_due(self, moment: dt.datetime, after: dt.timedelta) -> bool:
        """Whether the whole window was sent so long ago, or, by a clock that went wrong, later than now."""
        return not dt.timedelta(0) <= moment - self.whole_at < after

    def behind(self, before: Self) -> Self:
        """Return the same with the earlier days of what stood before, which was not looked at again."""
        earlier: Totals = {d: total for d, total in before.totals.items() if d and self.first and d < self.first}
        return replace(self, first=before.first, totals={**earlier, **self.totals})

    def since(self, first: dt.date | None) -> Self:
        """Return the same from a later day on; earlier days are of no use to the next reading."""
        if first is None or (self.first is not None and first <= self.first):
            return self
        totals = {day: total for day, total in self.totals.items() if day is None or day >= first}
        return replace(self, first=first, totals=totals)

    def to_send(self, totals: Totals, first: dt.date | None) -> Window | None:
        """Tell what of a window is to be sent, where its totals are other ones now.

        One window without an end, from the first day that differs. Rows without a readable day count in the newest load
        alone, whatever its days; where only they differ, the last day there is goes with them.

        Args:
            totals: Those of the same window now.
            first: Its first day.

        Returns:
            The window to send; `None` where all is as it was.
        """
        before = self.since(first).totals
        changed = {day for day in {*before, *totals} if before.get(day) != totals.get(day)}
        if not changed:
            return None
        days = changed - {None} or {max((day for day in totals if day), default=first)}
        return Window(min((day for day in days if day), default=None))


def iso_day(value: object) -> dt.date | None:
    """Return the day of a replication key's value as windows know it: text must start with an ISO day."""
    return None if isinstance(value, str) and (value[4:5], value[7:8]) != ("-", "-") else day_of(value)


def _from(rows: Rows, key: int | None, first: dt.date | None) -> Rows:
    """Leave out rows of a day before the first."""
    if key is None or first is None:
        return rows
    early = {value for value in {row[key] for row in rows} if (day := iso_day(value)) and day < first}
    return [row for row in rows if row[key] not in early] if early else rows


def _marshalled(values: Sequence[Any]) -> Sequence[Any]:
    """Return a column's values, or what stands for those that marshal does not know: their type and text."""
    return values if _MARSHALLED.issuperset(map(type, values)) else [_stand_in(value) for value in values]


def _stand_in(value: Any) -> object:  # noqa: ANN401  (a value as the driver gives it)
    # Decided value by value: a row must have the same digest whatever other rows it was fetched with.
    try:
        marshal.dumps(value, _MARSHAL_FORM)
    except ValueError:
        return type(value).__name__, str(value)
    return value
