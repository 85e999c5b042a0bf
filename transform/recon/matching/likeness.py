"""Grades what no level of equality holds for: the way of misspelling of each field, and what speaks against it.

Every distinct pair of texts is looked at once. A pair of which two fields differ must be near in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from recon.frames import Flags, Ints
from recon.matching import levels, spelling
from recon.matching.codes import distinct_pairs, flags_of
from recon.matching.forms import Forms, Sides
from recon.matching.learned import Learned
from recon.matching.levels import Part, Spelling
from recon.matching.passes import FIELDS, ORDER_FIELDS, Pairs, Points

MOST_GRADED: Final = 2
"""Fields of a pair that may differ."""
MUCH: Final = 0.05
"""Share of order readings without colour from which on a missing colour is one of the customer's own."""
TOO_FAR: Final = levels.ALIKE.weight
"""Where two fields differ, each must be nearer than this."""
CHEAPEST_FIRST: Final[tuple[Part, ...]] = ("size", "color", "style", "po")
"""The fields in the order they are graded: what is too far off in one of few texts needs no look at the many POs."""


def grade(sides: Sides, forms: Forms, pairs: Pairs, learned: Learned) -> Pairs:
    """Grade the fields of pairs that no level of equality holds for.

    Args:
        sides: both sides.
        forms: their normal forms.
        pairs: compared pairs (``passes.compare``).
        learned: other names that the customer's matches teach.

    Returns:
        The pairs worth judging, each field at a level, doubts told in a column of their own.
    """
    pairs = pairs.take((pairs.points[:, :4] == 0).sum(axis=1) <= MOST_GRADED)
    pairs = pairs.take(~_is_other_size(sides, pairs))
    several = (pairs.points == 0).sum(axis=1) == MOST_GRADED
    count = len(pairs)
    work = _Work(
        sides, forms, learned, pairs, np.ones(count, dtype=bool), np.zeros(count, dtype=np.int64), np.zeros(count)
    )
    for part in CHEAPEST_FIRST:
        far = _grade_field(work, part)
        work.near[far[several[far]]] = False
    _raise(work, ~pairs.linkable, levels.SUFFIX_APART)
    level = np.concatenate([pairs.level, work.doubts[:, None]], axis=1)
    points = np.concatenate([pairs.points, work.doubt[:, None]], axis=1)
    made = Pairs(pairs.carton, pairs.reading, level, points, pairs.field, np.ones(count, dtype=bool))
    return made.take(work.near)


_SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "po": ("po", "alt"),
    "style": ("style", "pattern", "alias"),
    "color": ("color", "code"),
    "size": ("size",),
}
_WAYS: Final[dict[str, Callable[[str, str], Spelling]]] = {
    "po": spelling.way,
    "style": spelling.way,
    "color": spelling.color_way,
    "size": spelling.size_way,
}


class _Work(NamedTuple):
    """Pairs being graded, in place: which are near in all that was graded, and what speaks against them."""

    sides: Sides
    forms: Forms
    learned: Learned
    pairs: Pairs
    near: Flags
    doubts: Ints
    doubt: Points


def _grade_field(work: _Work, part: Part) -> Ints:
    """Grade one field of the pairs that are still near, at the best of the order's names for it.

    Returns:
        The pairs that are too far off in it, should another field differ too.
    """
    sides, pairs = work.sides, work.pairs
    place = FIELDS.index(part)
    rows = np.flatnonzero((pairs.points[:, place] == 0) & work.near)
    if not len(rows):
        return rows
    mine = sides.cartons[part][pairs.carton[rows]]
    texts = sides.texts[part]
    best = np.full(len(rows), -np.inf)
    numbers = {one: levels.number_of_spelling(part, one) for one in levels.SPELLINGS}
    for name in _SOURCES[part]:
        # A field that is left blank says nothing, another name that the order doesn't have still less.
        blank = levels.BLANK if name == part else levels.UNLIKE
        theirs = sides.orders[name][pairs.reading[rows]]
        left, right, of = distinct_pairs(mine + 1, theirs)
        # A loop over distinct pairs of texts.
        ways = [
            blank if a == 0 or b < 0 else _WAYS[part](texts[a - 1], texts[b])
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        ]
        weights = np.array([one.weight for one in ways])[of]
        level = np.array([numbers[one] for one in ways], dtype=np.int64)[of]
        better = weights > best
        best[better] = weights[better]
        pairs.level[rows[better], place] = level[better]
        pairs.field[rows[better], place] = ORDER_FIELDS.index(name)
    taught = work.learned.holds(part, mine, sides.orders[part][pairs.reading[rows]])
    best[taught] = levels.LEARNED.weight
    pairs.level[rows[taught], place] = numbers[levels.LEARNED]
    pairs.field[rows[taught], place] = ORDER_FIELDS.index(part)
    pairs.points[rows, place] = levels.WRONG_DIGIT[part] + best
    _doubt_field(work, part, rows[~taught])
    return rows[best <= TOO_FAR]


def _doubt_field(work: _Work, part: Part, rows: Ints) -> None:
    """Doubt values that name something else the customer ordered, or that could be the next of its numbers."""
    if part == "size":
        return
    sides, pairs = work.sides, work.pairs
    mine = sides.cartons[part][pairs.carton[rows]]
    real = _real(sides, work.forms, part)[mine]
    if part == "color":
        real |= (mine < 0) & _comes_without_color(sides)[sides.orders["style"][pairs.reading[rows]]]
    hit = np.zeros(len(pairs), dtype=bool)
    hit[rows[real]] = True
    _raise(work, hit, levels.REAL)
    if part == "color":
        return
    own = np.unique(np.concatenate([sides.orders[name] for name in _SOURCES[part]]))
    numbering = spelling.Numbering(sides.texts[part], own[own >= 0])
    could = numbering.could_be_next(np.maximum(mine, 0), sides.orders[part][pairs.reading[rows]]) & (mine >= 0)
    hit = np.zeros(len(pairs), dtype=bool)
    hit[rows[could & ~real]] = True
    _raise(work, hit, levels.NEXT_IN_LINE)


def _real(sides: Sides, forms: Forms, part: Part) -> Flags:
    """Mark the texts of a field that name something the customer ordered."""
    texts = np.arange(len(sides.texts[part]))
    own = np.concatenate([sides.orders[name] for name in _SOURCES[part]])
    own = own[own >= 0]
    if part == "po":
        known = flags_of(len(forms.base_texts), forms.po_base[own])[forms.po_base[texts]]
    elif part == "style":
        names = np.concatenate([forms.plain[own], forms.order_bare, forms.order_with_code])
        known = flags_of(len(forms.plain_texts), names)[forms.plain[texts]]
    else:
        names = np.concatenate([forms.name[own], *forms.order_words])
        known = flags_of(int(max(names.max(initial=0), forms.name.max(initial=0))) + 1, names)[forms.name[texts]]
    return np.asarray([*known, False], dtype=bool)


def _comes_without_color(sides: Sides) -> Flags:
    """Mark the styles of which a missing colour is meant: some of them are ordered without, or much of everything."""
    without = (sides.orders["color"] < 0) & sides.whole_orders
    made = flags_of(len(sides.texts["style"]), sides.orders["style"][without])
    if without.sum() >= MUCH * max(int(sides.whole_orders.sum()), 1):
        made[:] = True
    return made


def _raise(work: _Work, where: Flags, level: levels.Level) -> None:
    """Add a doubt; of several the gravest gives its name."""
    known = np.array([one.points for one in levels.ALL])[work.doubts]
    graver = where & (level.points < np.where(work.doubts > 0, known, 0))
    work.doubt[where] += level.points
    work.doubts[graver] = levels.number_of(level)


def _is_other_size(sides: Sides, pairs: Pairs) -> Flags:
    """Whether a pair differs in size although the order's style comes in the carton's size: then it is another."""
    size = sides.cartons["size"][pairs.carton]
    differs = (pairs.level[:, 3] != levels.number_of(levels.SIZE)) & (size >= 0)
    width = len(sides.texts["size"])
    known = np.unique(sides.orders["style"] * width + sides.orders["size"])
    asked = sides.orders["style"][pairs.reading] * width + size
    return np.asarray(differs & np.isin(asked, known), dtype=bool)
