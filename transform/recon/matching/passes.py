"""The passes that link by equality: on the five fields, across fields, and after normalising.

A pass takes one customer's two sides and the fulfilment keys still open, and gives the pairs that fit, each with its
levels. It decides nothing: ``recon.matching`` links where exactly one order key fits best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recon.frames import Flags, Ints
from recon.matching import levels
from recon.matching.codes import MISSING, Met, combine, meet
from recon.matching.forms import CustomerRules, Forms, Sides
from recon.matching.levels import ALL, Level

__all__ = ["CustomerRules", "Pairs", "compare", "exact_pairs", "reading_pairs"]

Points = NDArray[np.float64]
FIELDS: Final = ("po", "style", "color", "size")
"""The compared fields, in the order of the columns of ``Pairs``."""
ORDER_FIELDS: Final = ("po", "alt", "style", "pattern", "alias", "color", "code", "size")
"""The order's fields by the number that ``Pairs.field`` holds."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a fulfilment key and an order reading, and how they agree.

    Attributes:
        carton: positions of fulfilment keys.
        reading: positions of order readings.
        level: one column a part (see ``levels.PARTS``): places in ``levels.ALL``, 0 where none holds.
        points: what the levels are worth.
        field: one column a compared field: which of ``ORDER_FIELDS`` was compared.
        linkable: whether the pair may be linked; one that may not is still a candidate for a person.
    """

    carton: Ints
    reading: Ints
    level: Ints
    points: Points
    field: Ints
    linkable: Flags

    def __len__(self) -> int:
        return len(self.carton)

    def take(self, rows: Ints | Flags) -> Pairs:
        """Take some pairs."""
        return Pairs(
            self.carton[rows],
            self.reading[rows],
            self.level[rows],
            self.points[rows],
            self.field[rows],
            self.linkable[rows],
        )

    @property
    def score(self) -> Points:
        """The score of each pair: the sum of its points."""
        return np.asarray(self.points.sum(axis=1), dtype=np.float64)


def stack_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Put pairs below each other; columns of parts that one of them lacks are nought."""
    width = max(part.level.shape[1] for part in parts)
    wide = [
        (np.pad(part.level, ((0, 0), (0, width - part.level.shape[1]))), np.pad(part.points, _wider(part, width)))
        for part in parts
    ]
    return Pairs(
        np.concatenate([part.carton for part in parts]),
        np.concatenate([part.reading for part in parts]),
        np.concatenate([level for level, _ in wide]),
        np.concatenate([points for _, points in wide]),
        np.concatenate([part.field for part in parts]),
        np.concatenate([part.linkable for part in parts]),
    )


def _wider(part: Pairs, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (0, 0), (0, width - part.points.shape[1])


def exact_pairs(sides: Sides, open_: Flags) -> Pairs:
    """Pair the keys whose five fields are the same; a colour missing on both sides is the same.

    Args:
        sides: both sides.
        open_: which fulfilment keys are open.

    Returns:
        At most one pair a fulfilment key and order key.
    """
    first = np.full(len(sides.order_key_ids), len(sides.key), dtype=np.int64)
    np.minimum.at(first, sides.key, np.arange(len(sides.key)))
    readings = first[sides.whole_orders[first]]
    cartons = np.flatnonzero(open_ & sides.whole_cartons)
    sizes = [len(sides.texts[name]) + 1 for name in FIELDS]
    met = meet(_together(sizes, sides.cartons, cartons), _together(sizes, sides.orders, readings))
    count = len(met.carton)
    made = Pairs(
        cartons[met.carton],
        readings[met.order],
        np.tile([levels.number_of(level) for level in levels.EXACT], (count, 1)),
        np.tile([float(level.points) for level in levels.EXACT], (count, 1)),
        np.tile([ORDER_FIELDS.index(name) for name in FIELDS], (count, 1)),
        np.ones(count, dtype=bool),
    )
    return without_ruled_out(sides, made)


def _together(sizes: Sequence[int], side: dict[str, Ints], rows: Ints) -> Ints:
    po, style, color, size = (side[name][rows] for name in FIELDS)
    return combine(sizes, po, style, color + 1, size)


def without_ruled_out(sides: Sides, pairs: Pairs) -> Pairs:
    """Drop the pairs that a person ruled out."""
    if not len(sides.ruled_out):
        return pairs
    return pairs.take(~np.isin(sides.pair_of(pairs.carton, sides.key[pairs.reading]), sides.ruled_out))


def reading_pairs(sides: Sides, forms: Forms, open_: Flags, rules: CustomerRules) -> Pairs:
    """Pair the keys that are the same across fields or after normalising.

    A shipment's suffix is taken off one side only, and only links where the customer's orders know the number
    under one form: where ``123`` and ``123-1`` are both ordered, or ``123-1`` and ``123-2``, the suffix tells orders
    apart and the pair is a question.

    Args:
        sides: both sides.
        forms: their normal forms.
        open_: which fulfilment keys are open.
        rules: the customer's rules.

    Returns:
        One pair a fulfilment key and order key, each at its best reading and levels.
    """
    met = meet_readings(sides, forms, np.flatnonzero(open_ & sides.whole_cartons))
    pairs = compare(sides, forms, met, rules)
    pairs = pairs.take(np.flatnonzero((pairs.points[:, :3] > 0).all(axis=1)))
    return without_ruled_out(sides, best_readings(sides, pairs))


def meet_readings(sides: Sides, forms: Forms, cartons: Ints) -> Met:
    """Find the readings that share size, PO and style with a fulfilment key in any of their forms."""
    readings = np.flatnonzero(sides.whole_orders)
    met = meet_any(
        [
            (sides.cartons["size"][cartons], forms.po_base[sides.cartons["po"][cartons]], style)
            for style in carton_styles(sides, forms, cartons)
        ],
        [
            (sides.orders["size"][readings], forms.po_base[sides.orders[po][readings]], style)
            for po in ("po", "alt")
            for style in order_styles(sides, forms, readings)
        ],
    )
    return Met(cartons[met.carton], readings[met.order])


def carton_styles(sides: Sides, forms: Forms, cartons: Ints) -> list[Ints]:
    """Give the forms of a fulfilment key's style."""
    return [forms.plain[sides.cartons["style"][cartons]], forms.carton_bare[cartons]]


def order_styles(sides: Sides, forms: Forms, readings: Ints) -> list[Ints]:
    """Give the forms of what a reading's style goes by."""
    own = [forms.plain[sides.orders[name][readings]] for name in ("style", "pattern", "alias")]
    return [own[0], forms.order_bare[readings], forms.order_with_code[readings], *own[1:]]


def meet_any(cartons: Sequence[tuple[Ints, ...]], orders: Sequence[tuple[Ints, ...]]) -> Met:
    """Find the rows of both sides that share any of several keys; each pair once."""
    columns = list(zip(*cartons, *orders, strict=False))
    sizes = [max((int(part.max(initial=0)) for part in column), default=0) + 1 for column in columns]
    left = np.concatenate([combine(sizes, *key) for key in cartons])
    right = np.concatenate([combine(sizes, *key) for key in orders])
    own, theirs = len(cartons[0][0]), len(orders[0][0])
    if not own or not theirs:
        nothing = np.empty(0, dtype=np.int64)
        return Met(nothing, nothing)
    met = meet(left, right)
    pairs = np.unique(met.carton % own * theirs + met.order % theirs)
    return Met(pairs // theirs, pairs % theirs)


def compare(sides: Sides, forms: Forms, met: Met, rules: CustomerRules) -> Pairs:
    """Compare pairs field by field at every level of equality.

    Args:
        sides: both sides.
        forms: their normal forms.
        met: the pairs.
        rules: the customer's rules.

    Returns:
        The pairs, each field at its best level; 0 where none holds.
    """
    found = [
        _best_level(_po_levels(sides, forms, met), len(met.carton)),
        _best_level(_style_levels(sides, forms, met, rules.style_fields), len(met.carton)),
        _best_level(_color_levels(sides, forms, met), len(met.carton)),
        _best_level(
            [(_same(sides.orders["size"][met.order], sides.cartons["size"][met.carton]), levels.SIZE, "size")],
            len(met.carton),
        ),
    ]
    level, points, field = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
    by_suffix = np.isin(level[:, 0], [levels.number_of(levels.PO_SUFFIX), levels.number_of(levels.ALT_PO_SUFFIX)])
    several = _bases_with_several_forms(sides, forms)
    base = forms.po_base[sides.cartons["po"][met.carton]]
    return Pairs(met.carton, met.order, level, points, field, ~(by_suffix & several[base]))


def best_readings(sides: Sides, pairs: Pairs) -> Pairs:
    """Keep of each fulfilment key and order key the best pair, whatever the order of rows."""
    compared = [
        np.select([pairs.field[:, place] == at for at in range(len(ORDER_FIELDS))], texts, default=MISSING)
        for place, texts in enumerate([[sides.orders[name][pairs.reading] for name in ORDER_FIELDS]] * 3)
    ]
    order = np.lexsort(
        (
            *compared[::-1],
            -pairs.points[:, 1],
            -pairs.points[:, 0],
            ~pairs.linkable,
            -pairs.score,
            sides.pair_of(pairs.carton, sides.key[pairs.reading]),
        )
    )
    number = sides.pair_of(pairs.carton, sides.key[pairs.reading])[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = number[1:] != number[:-1]
    return pairs.take(order[first])


Comparison = tuple[Flags, Level, str]
"""Where it holds, the level it is, and the order's field that was compared."""


def _same(left: Ints, right: Ints) -> Flags:
    """Compare numbers row by row; a missing one equals nothing."""
    return np.asarray((left == right) & (left >= 0), dtype=bool)


def _po_levels(sides: Sides, forms: Forms, met: Met) -> list[Comparison]:
    mine = sides.cartons["po"][met.carton]
    theirs = {name: sides.orders[name][met.order] for name in ("po", "alt")}
    base, suffix = forms.po_base[mine], forms.po_suffix[mine]
    same_suffix = {name: _same(forms.po_suffix[po], suffix) for name, po in theirs.items()}
    without = suffix == 0
    # An order that carries another suffix under the same number is another order, whatever its alternate PO says.
    contrary = (
        _same(forms.po_base[theirs["po"]], base) & ~same_suffix["po"] & ~without & (forms.po_suffix[theirs["po"]] != 0)
    )
    found: list[Comparison] = []
    for name, full, normalised, by_suffix in (
        ("po", levels.PO, levels.PO_NORMALISED, levels.PO_SUFFIX),
        ("alt", levels.ALT_PO, levels.ALT_PO_NORMALISED, levels.ALT_PO_SUFFIX),
    ):
        same_base = _same(forms.po_base[theirs[name]], base)
        one_suffix = (forms.po_suffix[theirs[name]] == 0) ^ without
        found += [
            (_same(theirs[name], mine), full, name),
            (same_base & same_suffix[name], normalised, name),
            (same_base & one_suffix & ~contrary, by_suffix, name),
        ]
    return [*found, (_is_swapped(sides, forms, met), levels.PO_SWAPPED, "po")]


def _is_swapped(sides: Sides, forms: Forms, met: Met) -> Flags:
    """Whether the carton has the order's PO for a style and its style for a PO."""
    po, style = sides.cartons["po"][met.carton], sides.cartons["style"][met.carton]
    return _same(forms.po_base[sides.orders["po"][met.order]], forms.style_as_po[style]) & _same(
        forms.plain[sides.orders["style"][met.order]], forms.po_as_style[po]
    )


def _style_levels(sides: Sides, forms: Forms, met: Met, style_fields: Sequence[str]) -> list[Comparison]:
    mine, theirs = sides.cartons["style"][met.carton], sides.orders["style"][met.order]
    plain, bare = forms.plain[mine], forms.carton_bare[met.carton]
    order_bare = forms.order_bare[met.order]
    without_color = (
        _same(order_bare, plain)
        | _same(order_bare, bare)
        | _same(forms.order_with_code[met.order], plain)
        | _same(forms.plain[theirs], bare)
    )
    found: list[Comparison] = [
        (_same(theirs, mine), levels.STYLE, "style"),
        (_same(forms.plain[theirs], plain), levels.STYLE_NORMALISED, "style"),
        (without_color, levels.STYLE_WITHOUT_COLOR, "style"),
        (_is_swapped(sides, forms, met), levels.STYLE_SWAPPED, "style"),
    ]
    cross = {"pattern_id": ("pattern", levels.STYLE_PATTERN), "alias_item": ("alias", levels.STYLE_ALIAS)}
    for place, field in enumerate(field for field in style_fields if field in cross):
        name, level = cross[field]
        worth = level._replace(points=level.points + place * levels.SECOND_STYLE_FIELD)
        found.append((_same(sides.orders[name][met.order], mine), worth, name))
    return found


def _color_levels(sides: Sides, forms: Forms, met: Met) -> list[Comparison]:
    mine, theirs = sides.cartons["color"][met.carton], sides.orders["color"][met.order]
    other_code = (forms.number[mine] > 0) & (forms.number[theirs] > 0) & (forms.number[mine] != forms.number[theirs])
    words = forms.words[mine]
    code_first, code_last = forms.order_words
    return [
        (_same(theirs, mine), levels.COLOR, "color"),
        ((mine < 0) & (theirs < 0), levels.COLOR, "color"),
        (_same(sides.orders["code"][met.order], mine), levels.COLOR_CODE, "code"),
        (_same(forms.name[theirs], forms.name[mine]) & ~other_code, levels.COLOR_NORMALISED, "color"),
        (
            _same(code_first[met.order], words) | _same(code_last[met.order], words),
            levels.COLOR_NORMALISED,
            "color",
        ),
    ]


def _best_level(comparisons: Sequence[Comparison], count: int) -> tuple[Ints, Points, Ints]:
    """Give each pair its best level that holds, its points (0: none holds) and the order's field compared."""
    level = np.zeros(count, dtype=np.int64)
    points = np.zeros(count)
    field = np.full(count, ORDER_FIELDS.index(comparisons[0][2]), dtype=np.int64)
    for holds, one, name in sorted(comparisons, key=lambda comparison: comparison[1].points):
        level[holds], points[holds], field[holds] = levels.NUMBER[one.name], one.points, ORDER_FIELDS.index(name)
    return level, points, field


def _bases_with_several_forms(sides: Sides, forms: Forms) -> Flags:
    """Mark the PO numbers that the customer's orders know with and without a suffix, or with several."""
    pos = np.unique(np.concatenate([sides.orders["po"], sides.orders["alt"]]))
    pos = pos[pos >= 0]
    known = np.unique(forms.po_base[pos] * (int(forms.po_suffix.max(initial=0)) + 1) + forms.po_suffix[pos])
    bases = known // (int(forms.po_suffix.max(initial=0)) + 1)
    times = np.bincount(bases, minlength=len(forms.base_texts))
    return np.asarray([*(times > 1), False], dtype=bool)


assert len(ALL) == len(levels.NUMBER), "a level's name stands for one level"  # noqa: S101  (a slip of declaring)
