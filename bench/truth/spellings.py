"""Applies corruptions to what was delivered: whole groups at a time, a third of them in part only.

A misspelling never gives the name of another order, style or colour of the customer: what it gives could not be told
from that other one by anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recon.frames import number_groups

from .kinds import FIVE, GRAINS, Corruption, Reading
from .known import Known

NONE: Final = "none"
CORRUPTED: Final = 0.2
"""Of all fulfilment keys."""
SPLIT: Final = 1 / 3
"""Of the corrupted groups: part of the quantity stands under the true spelling."""
ATTEMPTS: Final = 4
"""At a misspelling that is no other order's name, before the group is left as it is."""

Canonical = Callable[[str, str, str | None], str | None]
"""From field, customer and a value as typed to its canonical form."""
Fields = dict[str, str | None]


class _Groups(NamedTuple):
    """Rows by group: those of group g are ``rows[starts[g] : starts[g + 1]]``."""

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Sequence[str]) -> _Groups:
        groups, first = number_groups(frame, columns)
        counts = np.bincount(groups, minlength=len(first))
        return cls(np.argsort(groups, kind="stable"), np.concatenate([[0], np.cumsum(counts)]))


def spell(
    known: Known, delivered: NDArray[np.int64], kinds: Mapping[str, Corruption], canonical: Canonical, seed: int
) -> pd.DataFrame:
    """Key what was delivered, a fifth of it otherwise than it was ordered.

    Args:
        known: the order keys.
        delivered: units delivered of each order key, 0 for none.
        kinds: the corruptions that may happen.
        canonical: canonical form of a field.
        seed: what decides.

    Returns:
        One row an order key and spelling: key (position of the order key), the five fields, qty, corruption.
    """
    there = np.flatnonzero(delivered > 0)
    changed, kind, part = _changes(known, there, kinds, canonical, seed)
    rows = np.array(list(changed), dtype=np.int64)
    bad = np.zeros(len(delivered), dtype=np.int64)
    if len(rows):
        share = np.array([part[row] for row in changed])
        whole = delivered[rows]
        bad[rows] = np.where((share < 1) & (whole > 1), np.clip(np.round(whole * share), 1, whole - 1), whole)
    rest = delivered - bad
    true_rows = np.flatnonzero(rest > 0)
    made = {"key": np.concatenate([true_rows, rows]), "qty": np.concatenate([rest[true_rows], bad[rows]])}
    for field in FIVE:
        values = known.names[field]
        spelled = np.empty(len(rows), dtype=object)
        spelled[:] = [change.get(field, values[row]) for row, change in changed.items()]
        made[field] = np.concatenate([values[true_rows], spelled])
    kinds_of = np.empty(len(rows), dtype=object)
    kinds_of[:] = [kind[row] for row in changed]
    made["corruption"] = np.concatenate([np.full(len(true_rows), NONE, dtype=object), kinds_of])
    return pd.DataFrame(made)


def _changes(
    known: Known, there: NDArray[np.int64], kinds: Mapping[str, Corruption], canonical: Canonical, seed: int
) -> tuple[dict[int, Fields], dict[int, str], dict[int, float]]:
    """Decide which rows go wrong, how, by what kind, and what share of their quantity."""
    frame = known.frame.iloc[there]
    groupings = {grain: _Groups.of(frame, columns) for grain, columns in GRAINS.items()}
    total = sum(corruption.share for corruption in kinds.values())
    # A third of the corrupted are two keys, and strangers come on top: a fifth of all is somewhat more of these.
    quota = CORRUPTED * len(there) / (0.95 - CORRUPTED * SPLIT)
    carried = 0.0
    touched = np.zeros(len(known.frame), dtype=bool)
    changed: dict[int, Fields] = {}
    kind: dict[int, str] = {}
    part: dict[int, float] = {}
    coarse_first = sorted(kinds.items(), key=lambda item: list(GRAINS).index(item[1].grain))
    for name, corruption in coarse_first:
        chance = Random(f"{seed}/{name}")
        left = max(quota * corruption.share / total + carried, 0.5)
        groups = groupings[corruption.grain]
        sizes = np.diff(groups.starts)
        turns = np.random.Generator(np.random.PCG64(chance.getrandbits(64))).permutation(len(sizes))
        smallest = int(sizes.min(initial=1))
        largest = max(1.5 * left, smallest)
        # A loop over groups until the kind has its share: some thousands of them.
        for group in turns[sizes[turns] <= largest]:
            if left <= 0:
                break
            if sizes[group] > max(1.5 * left, smallest):
                continue
            rows = there[groups.rows[groups.starts[group] : groups.starts[group + 1]]]
            if touched[rows].any():
                continue
            made = _group(known, rows, corruption, canonical, chance)
            if not made:
                continue
            touched[rows] = True
            share = 1.0 if corruption.always or chance.random() >= SPLIT else chance.uniform(0.2, 0.8)
            for row, fields in made.items():
                changed[row], kind[row], part[row] = fields, name, share
            left -= len(made)
        carried = left
    return changed, kind, part


def _group(
    known: Known, rows: NDArray[np.int64], corruption: Corruption, canonical: Canonical, chance: Random
) -> dict[int, Fields] | None:
    """Spell a group's rows, or nothing where this cannot happen to it."""
    for _ in range(ATTEMPTS):
        seed = chance.getrandbits(64)
        made: dict[int, Fields] = {}
        for row in rows.tolist():
            reading = known.reading(row)
            spelling = corruption.function(reading, Random(seed))
            if spelling is None:
                if not made:
                    return None
                continue
            fields = {field: canonical(field, reading.customer, value) for field, value in spelling.items()}
            differing = {field: value for field, value in fields.items() if value != getattr(reading, field)}
            if not _is_told(known, row, reading, differing):
                made = {}
                break
            if differing:
                made[row] = differing
        if made:
            return made
    return None


def _is_told(known: Known, row: int, reading: Reading, fields: Mapping[str, str | None]) -> bool:
    """Whether the order can still be told from the spelling: it names no other, and a blank leaves one only."""
    for field, value in fields.items():
        if value is None:
            if known.alike_without[field][row] > 1:
                return False
        elif known.is_real(field, reading, value) and value not in reading.other_names():
            return False
    return True
