"""The levels at which a field of a carton can equal a field of an order, each with the points it is worth.

A match is one level a field, its score the sum of their points, and its pass's name theirs joined: the explanation
of a score is therefore the score itself. 100 points are full equality; every level here is worth at least 90 together
with the weakest of the others, because equal after a named correction is still equal, not merely alike.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Part = Literal["po", "style", "color", "size"]


class Level(NamedTuple):
    """One way for a field to be equal.

    Attributes:
        name: its part of the pass's name.
        part: the field, as columns of pairs begin.
        points: what it adds to the score.
        means: what was compared, for a person.
    """

    name: str
    part: Part
    points: float
    means: str


PO: Final = Level("po", "po", 30, "the PO")
ALT_PO: Final = Level("alt_po", "po", 29, "the carton's PO is the order's alternate PO")
PO_NORMALISED: Final = Level(
    "po_normalised", "po", 27.5, "the PO without its prefix, leading zeros and kind of separator"
)
ALT_PO_NORMALISED: Final = Level("alt_po_normalised", "po", 27, "the same, of the order's alternate PO")
PO_SUFFIX: Final = Level("po_suffix", "po", 26.5, "the PO, of which one side carries a shipment's suffix")
ALT_PO_SUFFIX: Final = Level("alt_po_suffix", "po", 26, "the same, of the order's alternate PO")

STYLE: Final = Level("style", "style", 30, "the style")
STYLE_PATTERN: Final = Level("style_pattern", "style", 28.5, "the carton's style is the order's pattern")
STYLE_ALIAS: Final = Level("style_alias", "style", 28.5, "the carton's style is the order's alias or related item")
SECOND_STYLE_FIELD: Final = -0.25
"""Of a customer's cross fields, the one tried after the other is worth this much less."""
STYLE_NORMALISED: Final = Level("style_normalised", "style", 27.5, "the style without punctuation")
STYLE_WITHOUT_COLOR: Final = Level("style_without_color", "style", 27, "the style without the colour code at its end")

COLOR: Final = Level("color", "color", 20, "the colour")
COLOR_CODE: Final = Level("color_code", "color", 19, "the carton's colour is the order's colour code")
COLOR_NORMALISED: Final = Level(
    "color_normalised", "color", 18.5, "the colour without its code, abbreviations written out"
)

SIZE: Final = Level("size", "size", 20, "the size")

EXACT: Final = (PO, STYLE, COLOR, SIZE)
"""The four levels of the first pass; the customer is always the same."""
FULL_LEVELS: Final = frozenset({PO.name, STYLE.name, COLOR.name, SIZE.name})
POINTS: Final[dict[str, float]] = {"customer_po": 30, "style": 30, "color": 20, "size": 20}
"""What a field is worth in full."""


def pass_name(levels: tuple[str, ...]) -> str:
    """Name the pass that a match's levels make.

    Args:
        levels: the names of its levels, in the order of the fields.

    Returns:
        ``exact``, or the levels that are not full equality, joined by ``+``.
    """
    return "+".join(level for level in levels if level not in FULL_LEVELS) or "exact"
