"""Which order keys are compared with a fulfilment key at all: those that share a block with it.

A block is a size with a PO, a size with a style and colour, or a PO with a style. Never is a customer's fulfilment
compared with all of its orders: memory is bounded by the largest block, and a block that would make more pairs than
the rules allow is cut by a further field, or left out where that is not enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from recon.frames import Flags, Ints
from recon.matching import spelling
from recon.matching.codes import MISSING, Met, combine, flags_of, meet, pairs_in_blocks
from recon.matching.columns import COMPARED
from recon.matching.forms import CustomerRules, Forms, Sides
from recon.matching.passes import carton_styles, order_styles

Keys = Sequence[tuple[Ints, ...]]
"""Several keys of each row, of which any may meet; each a number a field."""


@dataclass
class Blocked:
    """How many pairs the blocks of one customer made.

    Attributes:
        pairs: pairs to compare.
        cut: rows whose block was too large and was cut by a further field.
        left_out: rows of which even that block was too large.
    """

    pairs: int = 0
    cut: int = 0
    left_out: int = 0
    found: list[Met] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Give the counts by name, ``columns.COMPARED``."""
        return {name: getattr(self, name) for name in COMPARED}

    def add(self, cartons: Ints, readings: Ints, met: Met) -> None:
        """Take the pairs of one kind of block, given by places in the rows that were asked."""
        self.found.append(Met(cartons[met.carton], readings[met.order]))


def candidates(sides: Sides, forms: Forms, open_: Flags, rules: CustomerRules) -> tuple[Met, Blocked]:
    """Find the readings that each open fulfilment key is compared with.

    Args:
        sides: both sides.
        forms: their normal forms.
        open_: which fulfilment keys are open.
        rules: the customer's rules.

    Returns:
        The pairs, each once, and how they were found.
    """
    cartons = np.flatnonzero(open_)
    readings = np.flatnonzero(sides.whole_orders)
    blocked = Blocked()
    mine = {name: codes[cartons] for name, codes in sides.cartons.items()}
    theirs = {name: codes[readings] for name, codes in sides.orders.items()}
    my_styles, their_styles = carton_styles(sides, forms, cartons), order_styles(sides, forms, readings)
    my_colors, their_colors = _colors(forms, mine, theirs, readings)
    base = forms.po_base[mine["po"]]
    their_bases = [forms.po_base[theirs[name]] for name in ("po", "alt")]

    # The same PO and size, whatever the style and colour.
    _block(
        blocked,
        (cartons, [(mine["size"], base)]),
        (readings, [(theirs["size"], one) for one in their_bases]),
        ([(style,) for style in my_styles], [(style,) for style in their_styles]),
        rules,
    )
    # The same style, colour and size, whatever the PO.
    _block(
        blocked,
        (cartons, [(mine["size"], style, color) for style in my_styles for color in my_colors]),
        (readings, [(theirs["size"], style, color) for style in their_styles for color in their_colors]),
        None,
        rules,
    )
    # The same PO and style where the style comes in no such size.
    odd = ~_is_size_of_style(mine["size"], theirs["size"], my_styles, their_styles)
    _block(
        blocked,
        (cartons[odd], [(base[odd], style[odd]) for style in my_styles]),
        (readings, [(one, style) for one in their_bases for style in their_styles]),
        ([(color[odd],) for color in my_colors], [(color,) for color in their_colors]),
        rules,
    )
    # PO and style, each in the other's column.
    swapped = (forms.po_as_style[mine["po"]] >= 0) & (forms.style_as_po[mine["style"]] >= 0)
    _block(
        blocked,
        (
            cartons[swapped],
            [
                (
                    mine["size"][swapped],
                    forms.style_as_po[mine["style"][swapped]],
                    forms.po_as_style[mine["po"][swapped]],
                )
            ],
        ),
        (readings, [(theirs["size"], their_bases[0], their_styles[0])]),
        None,
        rules,
    )
    # A PO one edit off and the size, whatever the style and colour, where the PO is none of the customer's.
    edges = _near_pos(sides, forms, mine["po"], their_bases)
    if len(edges.carton):
        spread = meet(mine["po"], edges.carton)
        rows = spread.carton
        _block(
            blocked,
            (cartons[rows], [(mine["size"][rows], edges.order[spread.order])]),
            (readings, [(theirs["size"], theirs[name]) for name in ("po", "alt")]),
            ([(style[rows],) for style in my_styles], [(style,) for style in their_styles]),
            rules,
        )
    numbers = [met.carton * len(sides.key) + met.order for met in blocked.found]
    pairs = np.unique(np.concatenate(numbers)) if numbers else np.empty(0, dtype=np.int64)
    blocked.pairs = len(pairs)
    return Met(pairs // len(sides.key), pairs % len(sides.key)), blocked


def _block(
    blocked: Blocked,
    cartons: tuple[Ints, Keys],
    orders: tuple[Ints, Keys],
    further: tuple[Keys, Keys] | None,
    rules: CustomerRules,
) -> None:
    """Meet both sides in one kind of block; where it is too large, in what it shares with a further field."""
    (rows, mine), (readings, theirs) = cartons, orders
    if not len(rows) or not len(readings):
        return
    left, right = _numbered(mine, theirs)
    large = _is_large(left, right, rules)
    _meet(blocked, rows, readings, [np.where(large, MISSING, key) for key in left], right)
    if not large.any():
        return
    blocked.cut += int(large.sum())
    if further is None:
        blocked.left_out += int(large.sum())
        return
    my_cut = [(*key, *more) for key in mine for more in further[0]]
    their_cut = [(*key, *more) for key in theirs for more in further[1]]
    left, right = _numbered(my_cut, their_cut)
    still = large & _is_large(left, right, rules)
    blocked.left_out += int(still.sum())
    _meet(blocked, rows, readings, [np.where(large & ~still, key, MISSING) for key in left], right)


def _is_large(left: Sequence[Ints], right: Sequence[Ints], rules: CustomerRules) -> Flags:
    """Mark the rows one of whose blocks would make more pairs than the rules allow."""
    theirs = np.concatenate(right)
    theirs = np.sort(theirs[theirs >= 0])
    large = [pairs_in_blocks(key, theirs) > rules.most_pairs for key in left]
    return np.asarray(np.logical_or.reduce(large), dtype=bool)


def _numbered(mine: Keys, theirs: Keys) -> tuple[list[Ints], list[Ints]]:
    columns = list(zip(*mine, *theirs, strict=True))
    sizes = [max(int(part.max(initial=0)) for part in column) + 1 for column in columns]
    return [combine(sizes, *key) for key in mine], [combine(sizes, *key) for key in theirs]


def _meet(blocked: Blocked, rows: Ints, readings: Ints, left: Sequence[Ints], right: Sequence[Ints]) -> None:
    met = meet(np.concatenate(left), np.concatenate(right))
    blocked.add(rows, readings, Met(met.carton % len(rows), met.order % len(readings)))


_NO_COLOR: Final = 0


def _colors(
    forms: Forms, mine: dict[str, Ints], theirs: dict[str, Ints], readings: Ints
) -> tuple[list[Ints], list[Ints]]:
    """Give the forms of both sides' colours in one numbering; a colour missing on both sides is one."""
    first, last = forms.order_words
    own = [np.where(mine["color"] < 0, _NO_COLOR, form[mine["color"]] + 1) for form in (forms.name, forms.words)]
    other = [
        np.where(theirs["color"] < 0, _NO_COLOR, forms.name[theirs["color"]] + 1),
        *(
            np.where(form < 0, MISSING, form + 1)
            for form in (forms.name[theirs["code"]], first[readings], last[readings])
        ),
    ]
    return own, other


def _is_size_of_style(mine: Ints, theirs: Ints, my_styles: Sequence[Ints], their_styles: Sequence[Ints]) -> Flags:
    """Whether a fulfilment key's style is ordered in its size on any PO."""
    left, right = _numbered([(mine, one) for one in my_styles], [(theirs, one) for one in their_styles])
    known = np.concatenate(right)
    found = [np.isin(key, known[known >= 0]) for key in left]
    return np.asarray(np.logical_or.reduce(found), dtype=bool)


def _near_pos(sides: Sides, forms: Forms, pos: Ints, their_bases: Sequence[Ints]) -> Met:
    """Find the POs of orders one edit off those of fulfilment keys that are none of the customer's.

    Returns:
        Pairs of texts by number: a carton's PO, an order's PO.
    """
    real = flags_of(len(forms.base_texts), np.concatenate(their_bases))
    asked = np.unique(pos[(pos >= 0) & ~real[forms.po_base[pos]]])
    there = np.unique(np.concatenate([sides.orders["po"], sides.orders["alt"]]))
    there = there[there >= 0]
    texts = sides.texts["po"]
    mine, theirs = spelling.near(texts[asked], texts[there])
    return Met(asked[mine], there[theirs])
