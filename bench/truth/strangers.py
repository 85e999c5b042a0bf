"""Makes strangers: deliveries that belong to no order although every part of their key is real for the customer.

Each can be told from a misspelling in principle: another colour, size or quantity than the order next to it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .kinds import FIVE, replace_digit
from .known import Known
from .spellings import NONE

STRANGERS: Final = 0.05
"""Of all fulfilment keys."""

Five = tuple[str, str | None, str | None, str | None, str | None]
Rows = list[tuple[Five, int]]
Flags = NDArray[np.bool_]
SHIPMENT: Final = 4
"""Rows below which a shipment is not one that could be told from a misspelt order."""


class Neighbourhood(NamedTuple):
    """The order keys by what they have in common, as positions.

    Attributes:
        known: the order keys.
        of_customer: by customer, in the order of POs.
        of_po: by customer and PO.
        filled: which order keys have all of their units under their true spelling.
        most_ordered: by customer, style, colour and size: the largest quantity ordered on any PO.
        taken: POs and styles by customer that were made up for somebody else.
    """

    known: Known
    of_customer: Mapping[str, list[int]]
    of_po: Mapping[tuple[str, str], list[int]]
    filled: Flags
    most_ordered: Mapping[tuple[str, ...], int]
    taken: set[tuple[str, str]]

    @classmethod
    def of(cls, known: Known, spelled: pd.DataFrame) -> Neighbourhood:
        """Lay the order keys out; what they are misspelt as is taken."""
        names = known.names
        of_customer: defaultdict[str, list[int]] = defaultdict(list)
        of_po: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        most: defaultdict[tuple[str, ...], int] = defaultdict(int)
        rows = zip(*(names[field] for field in FIVE), known.ordered.tolist(), strict=True)
        for row, (customer, po, style, color, size, ordered) in enumerate(rows):
            of_customer[customer].append(row)
            of_po[customer, po].append(row)
            most[customer, style, color, size] = max(most[customer, style, color, size], ordered)
        taken: set[tuple[str, str]] = set()
        for field in ("customer_po", "style"):
            taken |= set(zip(spelled["customer"], spelled[field], strict=True))
        true = spelled[spelled["corruption"] == NONE]
        filled = np.zeros(len(known.frame), dtype=bool)
        filled[true["key"]] = (true["qty"] >= known.ordered[true["key"]]) & (known.ordered[true["key"]] > 0)
        return cls(known, of_customer, of_po, filled, most, taken)

    def five(self, row: int) -> Five:
        """Give the five fields of an order key."""
        customer, po, style, color, size = (self.known.names[field][row] for field in FIVE)
        return customer, po, style, color, size

    def is_free(self, field: str, customer: str, value: str) -> bool:
        """Whether a PO or style names nothing of the customer, and no misspelling of it."""
        return (field, customer, value) not in self.known.real and (customer, value) not in self.taken

    def quantity(self, row: int) -> int:
        """Give what was ordered of a key, at least one."""
        return max(1, int(self.known.ordered[row]))

    def other_quantity(self, five: Five, chance: Random) -> int:
        """Give a quantity that no order of the style, colour and size explains."""
        customer, _, style, color, size = five
        most = self.most_ordered.get((customer, style or "", color or "", size or ""), 0)
        return int(most * chance.uniform(1.7, 3)) + chance.randint(3, 9)


def shift_number(text: str, by: int) -> str:
    """Add to the longest number in a text, keeping its width."""
    runs = sorted(re.finditer(r"\d+", text), key=lambda run: (len(run[0]), run.start()))
    if not runs:
        return f"{text}{by % 10}"
    run = runs[-1]
    return f"{text[: run.start()]}{max(0, int(run[0]) + by):0{len(run[0])}d}{text[run.end() :]}"


def _free_neighbour(field: str, near: Neighbourhood, customer: str, text: str, chance: Random) -> str | None:
    """Give a number next to a real one, or one digit off it, that is nobody's."""
    tries = [shift_number(text, by) for by in chance.sample((-1, 1, -2, 2), 4)]
    tries += [made for _ in range(4) if (made := replace_digit(text, chance))]
    return next((one for one in tries if one != text and near.is_free(field, customer, one)), None)


def _next_po(near: Neighbourhood, customer: str, chance: Random) -> str | None:
    """Give a number after the customer's last PO."""
    last = near.known.names["customer_po"][near.of_customer[customer][-1]]
    tries = (shift_number(last, by) for by in range(chance.randint(1, 3), 400))
    return next((one for one in tries if near.is_free("customer_po", customer, one)), None)


def style_not_on_po(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make a real PO with a real style that is not on it."""
    customer, po, *_ = near.five(row)
    on_it = {near.five(other)[2] for other in near.of_po[customer, po or ""]}
    _, _, style, color, size = near.five(chance.choice(near.of_customer[customer]))
    quantity = near.quantity(chance.choice(near.of_customer[customer]))
    return [] if style in on_it else [((customer, po, style, color, size), quantity)]


def neighbour_style(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make a real PO with a style next to one that is on it."""
    customer, po, style, color, size = near.five(row)
    beside = _free_neighbour("style", near, customer, style or "", chance)
    on_it = {near.five(other)[3] for other in near.of_po[customer, po or ""]}
    _, _, _, other, _ = near.five(chance.choice(near.of_customer[customer]))
    if beside is None:
        return []
    if other not in on_it:
        return [((customer, po, beside, other, size), near.quantity(row))]
    return [((customer, po, beside, color, size), near.other_quantity((customer, po, style, color, size), chance))]


def other_size(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make a real PO, style and colour in a size that is not ordered."""
    customer, po, style, color, _ = near.five(row)
    ordered = {five[4] for other in near.of_po[customer, po or ""] if (five := near.five(other))[2] == style}
    others = near.of_customer[customer]
    found = (near.five(chance.choice(others))[4] for _ in range(12))
    size = next((one for one in found if one not in ordered), None)
    return [((customer, po, style, color, size), near.quantity(chance.choice(others)))] if size else []


def other_customers_po(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make another customer's order number with this one's style, colour and size."""
    customer, own, style, color, size = near.five(row)
    other = chance.choice(list(near.of_customer))
    po = near.five(chance.choice(near.of_customer[other]))[1] or ""
    if other == customer or not near.is_free("customer_po", customer, po) or po[:4] == (own or "")[:4]:
        return []
    made: Five = (customer, po, style, color, size)
    return [(made, near.other_quantity(made, chance))]


def next_po_alone(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make a single row of a PO that comes after the last real one."""
    customer, _, style, color, size = near.five(row)
    po = _next_po(near, customer, chance)
    made: Five = (customer, po, style, color, size)
    return [(made, near.other_quantity(made, chance))] if po else []


def neighbour_po(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make a shipment under a PO one digit off a real one: the same styles, other colours, sizes and quantities."""
    customer, po, *_ = near.five(row)
    beside = _free_neighbour("customer_po", near, customer, po or "", chance)
    return _shipment(near, beside, near.of_po[customer, po or ""], chance)


def ordered_again(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make what looks like a filled order once more, under a PO one digit off: other quantities, nobody's order."""
    customer, po, *_ = near.five(row)
    beside = _free_neighbour("customer_po", near, customer, po or "", chance)
    return _shipment(near, beside, near.of_po[customer, po or ""], chance, again=True)


def next_po(near: Neighbourhood, row: int, chance: Random) -> Rows:
    """Make a shipment under a PO after the last real one."""
    customer, po, *_ = near.five(row)
    return _shipment(near, _next_po(near, customer, chance), near.of_po[customer, po or ""], chance)


def _shipment(near: Neighbourhood, po: str | None, like: list[int], chance: Random, *, again: bool = False) -> Rows:
    """Make a shipment's rows after those of a real PO, most of them in colours that are not on it.

    With ``again`` it is what the PO has, in other quantities, where the PO already has all it ordered.
    """
    if po is None:
        return []
    customer = near.five(like[0])[0]
    instead = _same_colors(near, like) if again else _other_colors(near, like, chance)
    factor = chance.choice((chance.uniform(0.45, 0.8), chance.uniform(1.25, 2.2)))
    made: Rows = []
    for row in like:
        _, _, style, color, size = near.five(row)
        if (style, color) not in instead or chance.random() < 0.1:
            continue
        five: Five = (customer, po, style, instead[style, color], size)
        over = instead[style, color] == color and not again
        scaled = max(1, round(near.quantity(row) * factor * chance.uniform(0.9, 1.1)))
        made.append((five, near.other_quantity(five, chance) if over else scaled))
    if made:
        near.taken.add((customer, po))
    return made[:24] if len({five for five, _ in made}) == len(made) else []


Colors = dict[tuple[str | None, str | None], str | None]
"""From a style and colour on a PO to the stranger's colour."""


def _same_colors(near: Neighbourhood, like: list[int]) -> Colors:
    if not near.filled[like].all() or len(like) < SHIPMENT:
        return {}
    return {(near.five(row)[2], near.five(row)[3]): near.five(row)[3] for row in like}


def _other_colors(near: Neighbourhood, like: list[int], chance: Random) -> Colors:
    """Give each style's first colour, and most others, a colour of the customer's that is not on the PO."""
    colors_on: defaultdict[str | None, dict[str | None, None]] = defaultdict(dict)
    for row in like:
        colors_on[near.five(row)[2]][near.five(row)[3]] = None
    there = {color for colors in colors_on.values() for color in colors}
    customer = near.five(like[0])[0]
    found = dict.fromkeys(near.five(chance.choice(near.of_customer[customer]))[3] for _ in range(40))
    others = [color for color in found if color not in there and color is not None]
    if not others:
        return {}
    return {
        (style, color): color if place and chance.random() < 0.35 else chance.choice(others)
        for style in (colors_on if chance.random() < 0.4 else list(colors_on)[:2])
        for place, color in enumerate(colors_on[style])
    }


class Stranger(NamedTuple):
    """One kind of stranger: how it is made, how often, and what it is in plain words."""

    function: Callable[[Neighbourhood, int, Random], Rows]
    share: float
    description: str


KINDS: Final[Mapping[str, Stranger]] = {
    "stranger_neighbour_po": Stranger(neighbour_po, 3, "a shipment under a PO one digit off a real one"),
    "stranger_ordered_again": Stranger(ordered_again, 0.7, "a filled order's content once more, one digit off its PO"),
    "stranger_next_po": Stranger(next_po, 2, "a shipment under a PO after the last real one"),
    "stranger_next_po_alone": Stranger(next_po_alone, 1, "a single row of such a PO"),
    "stranger_style_not_on_po": Stranger(style_not_on_po, 1.5, "a real style that is not on the real PO"),
    "stranger_neighbour_style": Stranger(neighbour_style, 1.5, "a style next to one that is on the PO"),
    "stranger_other_size": Stranger(other_size, 1.5, "a size that is not ordered"),
    "stranger_other_customers_po": Stranger(other_customers_po, 1, "another customer's order number"),
}


def make_strangers(known: Known, spelled: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Make deliveries that belong to no order.

    Args:
        known: the order keys.
        spelled: what was delivered: key, the five fields, qty, corruption.
        seed: what decides.

    Returns:
        The five fields, qty and corruption (the kind of stranger), 5 % of all keys.
    """
    near = Neighbourhood.of(known, spelled)
    total = sum(kind.share for kind in KINDS.values())
    wanted = len(spelled) * STRANGERS / (1 - STRANGERS)
    made: list[tuple[str | int | None, ...]] = []
    seen: set[Five] = set()
    for name, kind in KINDS.items():
        chance = Random(f"{seed}/{name}")
        left = wanted * kind.share / total
        for _ in range(int(10 * left) + 20):
            if left < 0.5:
                break
            rows = kind.function(near, chance.randrange(len(known.frame)), chance)
            if len(rows) > max(2 * left, 3):
                rows = rows[: int(max(2 * left, 3))]
            new = [(five, qty) for five, qty in rows if five not in seen]
            seen |= {five for five, _ in new}
            made += [(*five, qty, name) for five, qty in new]
            left -= len(new)
    return pd.DataFrame(made, columns=[*FIVE, "qty", "corruption"]).astype({"qty": "int64"})
