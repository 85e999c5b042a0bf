"""Other names that a customer's own exact matches teach: if its cartons' ``NVY`` always went with ``NAVY``, it is that.

Only what was linked by equality teaches, and only where it never says anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from recon.frames import Flags, Ints
from recon.matching.codes import flags_of
from recon.matching.forms import Sides
from recon.matching.passes import Pairs

LEAST_SUPPORT: Final = 2
"""Matches that must agree before a name is learned."""
TAUGHT: Final = ("style", "color")
"""The fields with names of their own; a PO is one order's alone, and sizes are settled by the rules."""


@dataclass(frozen=True)
class Learned:
    """What was learned, by field.

    Attributes:
        means: the order's text that a carton's text stands for, by text; ``MISSING`` where nothing was learned.
    """

    means: Mapping[str, Ints] = field(default_factory=dict)

    def holds(self, part: str, carton: Ints, order: Ints) -> Flags:
        """Whether a carton's text was learned to stand for the order's."""
        means = self.means.get(part)
        if means is None:
            return np.zeros(len(carton), dtype=bool)
        return np.asarray((means[carton] == order) & (order >= 0), dtype=bool)


def learn(sides: Sides, before: Sequence[Pairs]) -> Learned:
    """Learn names from links by equality.

    Args:
        sides: both sides.
        before: the links of the passes of equality.

    Returns:
        What a carton's text that is none of the order's field stands for, where at least ``LEAST_SUPPORT`` matches
        say so and none says otherwise.
    """
    carton = np.concatenate([links.carton for links in before])
    reading = np.concatenate([links.reading for links in before])
    found: dict[str, Ints] = {}
    for part in TAUGHT:
        mine, theirs = sides.cartons[part][carton], sides.orders[part][reading]
        told = (mine >= 0) & (theirs >= 0)
        mine, theirs = mine[told], theirs[told]
        width = len(sides.texts[part])
        pairs, times = np.unique(mine * max(width, 1) + theirs, return_counts=True)
        text, meaning = pairs // max(width, 1), pairs % max(width, 1)
        said = np.bincount(text, minlength=width)
        own = flags_of(width, sides.orders[part])[text]
        sure = (times >= LEAST_SUPPORT) & (said[text] == 1) & ~own
        means = np.where(flags_of(width, text[sure]), 0, -1).astype(np.int64)
        means[text[sure]] = meaning[sure]
        found[part] = means
    return Learned(found)
