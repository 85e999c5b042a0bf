"""Group evidence: the rows that would be misspelt in the same way, and how many of them find their order there too.

A group is a supposition about one field: the carton's value means the order's. It speaks for or against every row that
has the value, and each row hears the others only, never itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.frames import Flags, Ints
from recon.matching import levels
from recon.matching.codes import combine
from recon.matching.forms import Sides
from recon.matching.passes import FIELDS, Pairs

Points = NDArray[np.float64]


class Group(NamedTuple):
    """The suppositions about one field.

    Attributes:
        rows: pairs that rest on one.
        of: the supposition of each of them, numbered from 0.
        unit: the fulfilment key under its supposition of each of them, numbered from 0.
        size: how many fulfilment keys have the value, by supposition.
        at_home: how many of these are linked by equality to what is supposed.
    """

    rows: Ints
    of: Ints
    unit: Ints
    size: Ints
    at_home: Ints


@dataclass
class Groups:
    """All suppositions about the pairs of one customer.

    Attributes:
        carton: the fulfilment key of each pair.
        by_field: by field.
    """

    carton: Ints
    by_field: list[Group]
    there: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    others: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def company(self, quantity: Points, linked: Flags, settled: Flags) -> tuple[Points, Ints]:
        """Weigh the company of each pair.

        Args:
            quantity: each pair's points of quantity.
            linked: pairs that are linked.
            settled: fulfilment keys that are linked.

        Returns:
            Points of company, and how many other rows spoke.
        """
        count = len(self.carton)
        total = np.zeros(count)
        self.others = np.zeros(count, dtype=np.int64)
        self.there = np.zeros(count, dtype=np.int64)
        worth = levels.ROW_COVERED + levels.QUANTITY_IN_COMPANY * quantity
        # A row that is linked elsewhere is no longer there for any other supposition.
        worth = np.where(settled[self.carton] & ~linked, levels.ROW_ASTRAY, np.maximum(worth, levels.ROW_ASTRAY))
        for group_ in self.by_field:
            if not len(group_.rows):
                continue
            units = int(group_.unit.max()) + 1
            best = np.full(units, -np.inf)
            np.maximum.at(best, group_.unit, worth[group_.rows])
            of_unit = np.zeros(units, dtype=np.int64)
            of_unit[group_.unit] = group_.of
            found = np.bincount(of_unit, minlength=len(group_.size))
            good = np.bincount(of_unit, weights=best > 0, minlength=len(group_.size)).astype(np.int64)
            sums: Points = np.bincount(of_unit, weights=best, minlength=len(group_.size)).astype(np.float64)
            sums += group_.at_home * levels.ROW_COVERED
            sums += (group_.size - found - group_.at_home) * levels.ROW_ASTRAY
            good += group_.at_home
            own = best[group_.unit]
            total[group_.rows] += sums[group_.of] - own
            self.others[group_.rows] += group_.size[group_.of] - 1
            self.there[group_.rows] += good[group_.of] - (own > 0)
        return np.clip(total, levels.NO_COMPANY.points, levels.MOST_COMPANY).round(2), self.others

    def told(self, pair: int) -> tuple[int, int]:
        """Give how many other rows find their order there too, and how many there are."""
        return int(self.there[pair]), int(self.others[pair])


def group(sides: Sides, pairs: Pairs, before: Sequence[Pairs]) -> Groups:
    """Find the suppositions that pairs rest on.

    Args:
        sides: both sides.
        pairs: graded pairs, one a fulfilment key and order key.
        before: the links by equality.

    Returns:
        The groups.
    """
    linked = np.concatenate([links.carton for links in before])
    reading = np.concatenate([links.reading for links in before])
    return Groups(
        pairs.carton,
        [
            *(_of_value(sides, pairs, name, (linked, reading)) for name in ("po", "style", "color")),
            _of_sizes(sides, pairs, linked),
        ],
    )


def _of_value(sides: Sides, pairs: Pairs, name: str, links: tuple[Ints, Ints]) -> Group:
    """Suppose that a carton's text means the order's, wherever the customer's fulfilment has it."""
    mine, theirs = sides.cartons[name], sides.orders[name]
    rows = np.flatnonzero(is_graded(pairs.level[:, FIELDS.index(name)]) & (mine[pairs.carton] >= 0))
    width = len(sides.texts[name]) + 1
    supposed, of = np.unique(mine[pairs.carton[rows]] * width + theirs[pairs.reading[rows]] + 1, return_inverse=True)
    times = np.bincount(mine[mine >= 0], minlength=width)
    linked, reading = links
    home = np.sort(mine[linked] * width + theirs[reading] + 1)
    at_home = np.diff(np.searchsorted(home, np.stack([supposed, supposed + 1]), "left"), axis=0)[0]
    return _group(sides, pairs, rows, of, (times[supposed // width], at_home.astype(np.int64)))


def _of_sizes(sides: Sides, pairs: Pairs, linked: Ints) -> Group:
    """Suppose that the sizes of a style on a PO go by other names: of its open keys alone, whatever their size."""
    sizes = (len(sides.texts["po"]), len(sides.texts["style"]))
    value = combine(sizes, sides.cartons["po"], sides.cartons["style"])
    rows = np.flatnonzero(is_graded(pairs.level[:, FIELDS.index("size")]) & (value[pairs.carton] >= 0))
    supposed, of = np.unique(value[pairs.carton[rows]], return_inverse=True)
    still = np.ones(len(value), dtype=bool)
    still[linked] = False
    there = np.sort(value[still])
    ends = np.searchsorted(there, np.stack([supposed, supposed + 1]), "left")
    times = np.diff(ends, axis=0)[0].astype(np.int64)
    return _group(sides, pairs, rows, of, (times, np.zeros(len(supposed), dtype=np.int64)))


def _group(sides: Sides, pairs: Pairs, rows: Ints, of: Ints, counts: tuple[Ints, Ints]) -> Group:
    _, unit = np.unique(of * len(sides.fulfil_key_ids) + pairs.carton[rows], return_inverse=True)
    size, at_home = counts
    return Group(rows, of.astype(np.int64), unit.astype(np.int64), size.astype(np.int64), at_home.astype(np.int64))


_GRADED: Final = np.array(
    [level.name in {f"{part}_{way.name}" for part in FIELDS for way in levels.SPELLINGS} for level in levels.ALL]
)


def is_graded(level: Ints) -> Flags:
    """Whether levels are of likeness, not of equality."""
    return np.asarray(_GRADED[level], dtype=bool)
