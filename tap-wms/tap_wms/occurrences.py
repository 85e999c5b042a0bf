"""Tells equal rows of a load apart by a number, in memory that does not grow with the load.

Rows come in no order, so each has to be compared with all before it. The newest stand in memory; behind a bound they
go to a file, and a filter of one bit a row says of nearly all others that they cannot be there.
"""

from __future__ import annotations

import sqlite3
import struct
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tap_wms.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DIGEST_BYTES: Final = 16

#: Digests in memory, 100 bytes each; they go to the file together. At 349,526 a dictionary would double.
IN_MEMORY: Final = 340_000

# 16 MiB, of a bit for each digest: of three million rows one in fifty is looked for in the file in vain.
_FILTER_BYTES: Final = 1 << 24
# Three bytes of a digest tell which byte of the filter, the fourth which bit of it.
_WORD: Final = struct.Struct(f">I{DIGEST_BYTES - 4}x")

# Digests are spread evenly, so a part of a run is some 80 of them, 1.3 KB.
_PARTS: Final = 1 << 12
_FIRST_OF_PARTS: Final = [part.to_bytes(2, "big") for part in range(0, 1 << 16, (1 << 16) // _PARTS)]
_TABLES: Final = """
PRAGMA page_size = 8192;
PRAGMA cache_size = -4096;
PRAGMA journal_mode = OFF;
CREATE TABLE once (part INTEGER, run INTEGER, digests BLOB, PRIMARY KEY (part, run)) WITHOUT ROWID;
CREATE TABLE repeated (digest BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID;
"""


class Occurrences:
    """Numbers equal digests from 0, in the order in which they come."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        """Start without any.

        Args:
            in_memory: How many digests may stand in memory; more go to a file.
        """
        self._in_memory = in_memory
        self._seen: dict[bytes, int] = {}
        self._earlier: _Earlier | None = None

    def close(self) -> None:
        """Give the file up, if there is one."""
        if self._earlier is not None:
            self._earlier.close()

    def number(self, digests: list[bytes]) -> list[int]:
        """Tell for each digest how many equal ones came before it.

        Args:
            digests: The next ones, of `DIGEST_BYTES` each.

        Raises:
            TapError: There is no room for the file.
        """
        seen, new = self._seen, dict.fromkeys(digests, 1)
        if self._earlier is not None:
            seen.update(self._earlier.counts(digest for digest in new if digest not in seen))
        if len(new) == len(digests) and seen.keys().isdisjoint(new):
            seen.update(new)
            numbers = [0] * len(digests)
        else:
            numbers = []
            for digest in digests:
                number = seen.get(digest, 0)
                seen[digest] = number + 1
                numbers.append(number)
        if len(seen) >= self._in_memory:
            self._earlier = self._earlier or _Earlier()
            self._earlier.add(seen)
            seen.clear()
        return numbers


class _Earlier:
    """Digests that no longer stand in memory, and how many of each there were."""

    def __init__(self) -> None:
        # Without a name: SQLite deletes the file as it makes it, so that none is left by a program that is killed.
        self._database = sqlite3.connect("", isolation_level=None)
        self._filter = bytearray(_FILTER_BYTES)
        self._runs = 0

    def close(self) -> None:
        self._database.close()

    def add(self, counts: Mapping[bytes, int]) -> None:
        """Add digests, each with its count so far, that of an earlier time included."""
        bits = self._filter
        for (word,) in _WORD.iter_unpack(b"".join(counts)):
            bits[word >> 8] |= 1 << (word & 7)
        once = sorted(digest for digest, count in counts.items() if count == 1)
        bounds = [*(bisect_left(once, first) for first in _FIRST_OF_PARTS), len(once)]
        parts = (
            (part, self._runs, b"".join(once[first:end]))
            for part, (first, end) in enumerate(pairwise(bounds))
            if first < end
        )
        try:
            if not self._runs:
                self._database.executescript(_TABLES)
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO once VALUES (?, ?, ?)", parts)
            self._database.executemany(
                "INSERT OR REPLACE INTO repeated VALUES (?, ?)", (one for one in counts.items() if one[1] > 1)
            )
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise _no_room(error) from None
        self._runs += 1

    def counts(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Return the counts of those digests that have been added."""
        bits, asked = self._filter, list(digests)
        maybe = [
            digest
            for digest, (word,) in zip(asked, _WORD.iter_unpack(b"".join(asked)), strict=True)
            if bits[word >> 8] & 1 << (word & 7)
        ]
        try:
            return {digest: count for digest in maybe if (count := self._count(digest))}
        except sqlite3.Error as error:
            raise _no_room(error) from None

    def _count(self, digest: bytes) -> int:
        for (count,) in self._database.execute("SELECT number FROM repeated WHERE digest = ?", (digest,)):
            return int(count)
        part = int.from_bytes(digest[:2], "big") * _PARTS >> 16
        runs = self._database.execute("SELECT digests FROM once WHERE part = ?", (part,))
        return int(any(_holds(run, digest) for (run,) in runs))


def _holds(run: bytes, digest: bytes) -> bool:
    at = run.find(digest)
    while at % DIGEST_BYTES and at > 0:  # across two of them
        at = run.find(digest, at + 1)
    return at >= 0


def _no_room(error: sqlite3.Error) -> TapError:
    return TapError(
        f"cannot keep in a temporary file what tells equal rows apart: {error}; make room, or name another folder for "
        "temporary files in TMPDIR"
    )
