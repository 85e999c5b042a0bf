"""The levels at which a carton can agree with an order, field by field, each with the points it is worth.

A match is one level a field and, where fields alone don't settle it, levels of what stands beside them: company,
quantity, rivals. Its score is the sum of their points and its pass's name theirs joined, so that the explanation of a
score is the score itself. 100 points are full equality; equality after a named correction is worth at least 90, because
equal after a named correction is still equal, not merely alike. Below that, 4 points are worth as much as odds e times
as good, and 90 points are odds of 9 to 1 (see PERFORMANCE.md for how that was measured).
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Part = Literal["po", "style", "color", "size", "doubt", "company", "quantity", "rival", "ceiling"]
PARTS: Final[tuple[Part, ...]] = ("po", "style", "color", "size", "doubt", "company", "quantity", "rival", "ceiling")
"""What a score is the sum of: the four fields of every match, and what the fuzzy pass adds."""


class Level(NamedTuple):
    """One way for a carton to agree with an order, or not to.

    Attributes:
        name: its part of the pass's name.
        part: what it is a level of.
        points: what it adds to the score; of a graded level the least.
        means: what was compared, for a person.
    """

    name: str
    part: Part
    points: float
    means: str


# --- equality, as it stands or after a named correction --------------------------------------------------------------

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
PO_SWAPPED: Final = Level("po_in_style", "po", 25, "the PO, which stands in the style's column and the style in its")
STYLE_SWAPPED: Final = Level("style_in_po", "style", 25, "the style, which stands in the PO's column and the PO in its")

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

# --- likeness: only the fuzzy pass counts it -------------------------------------------------------------------------


class Spelling(NamedTuple):
    """What a way of misspelling says for a field's being the other one misspelt.

    Attributes:
        name: of the way.
        weight: points above or below those of a wrong digit.
        means: the way, for a person.
    """

    name: str
    weight: float
    means: str


LOOKS_ALIKE: Final = Spelling("looks_alike", 13, "but for separators and signs that look alike, O and 0, I and 1")
CONTAINED: Final = Spelling("contained", 6, "with more around it, or cut off")
SWAPPED: Final = Spelling("swapped", 6, "with two neighbours swapped")
DROPPED: Final = Spelling("dropped", 6, "with one sign left out")
ADDED: Final = Spelling("added", 6, "with one sign too many")
LETTER: Final = Spelling("letter", 5, "with one letter wrong")
DIGIT: Final = Spelling("digit", 0, "with one digit wrong")
TWO_SIGNS: Final = Spelling("two_signs", -2, "with two signs wrong")
SHORTENED: Final = Spelling("shortened", 10, "shortened")
ALIKE: Final = Spelling("alike", -12, "somewhat alike")
UNLIKE: Final = Spelling("unlike", -20, "spelt quite otherwise")
BLANK: Final = Spelling("blank", -4, "left blank")
ANOTHER: Final = Spelling("another", -60, "another one")
READ_AS: Final = Spelling("read_as", 4, "read as the same, letters and numbers")
LEARNED: Final = Spelling("learned", 14, "by another name that the customer's own exact matches always have for it")
SPELLINGS: Final = (
    LEARNED,
    LOOKS_ALIKE,
    CONTAINED,
    SWAPPED,
    DROPPED,
    ADDED,
    LETTER,
    DIGIT,
    TWO_SIGNS,
    SHORTENED,
    ALIKE,
    UNLIKE,
    BLANK,
    ANOTHER,
    READ_AS,
)
WRONG_DIGIT: Final[dict[Part, float]] = {"po": 13, "style": 13, "color": 1, "size": 1}
"""What is left of a field's points where one digit of it is wrong and nothing else is known."""


def _spelt(part: Part, spelling: Spelling) -> Level:
    return Level(
        f"{part}_{spelling.name}", part, WRONG_DIGIT[part] + spelling.weight, f"the {_WORD[part]}, {spelling.means}"
    )


_WORD: Final[dict[Part, str]] = {"po": "PO", "style": "style", "color": "colour", "size": "size"}

# --- what stands beside the fields -----------------------------------------------------------------------------------

SUFFIX_APART: Final = Level(
    "suffix_apart", "doubt", -16, "the customer tells orders apart by the suffix that one side lacks"
)
NEXT_IN_LINE: Final = Level(
    "next_in_line", "doubt", -20, "among the customer's own numbers: it may be one more of them"
)
REAL: Final = Level("real", "doubt", -26, "the carton's value is the name of something else that the customer ordered")

COMPANY: Final = Level("company", "company", 0, "other rows that go wrong in the same way find their order there too")
MOST_COMPANY: Final = 22.0
NO_COMPANY: Final = Level("company_against", "company", -40, "other rows with this spelling don't find theirs there")
ROW_COVERED: Final = 3.0
ROW_ASTRAY: Final = -7.0
"""Of the company of a row: another row with the same spelling that finds an order key there too, or doesn't."""
QUANTITY_IN_COMPANY: Final = 0.6
"""How much of another row's points of quantity counts as company."""

QTY_EXACT: Final = Level("qty_exact", "quantity", 9, "as many units as the order has open")
QTY_NEAR: Final = Level("qty_near", "quantity", 6, "as many units as the order has open, within tolerance")
QTY_PART: Final = Level("qty_part", "quantity", 0, "fewer units than the order has open")
QTY_UNKNOWN: Final = Level("qty_unknown", "quantity", -10, "nothing is known of units, which alone could tell")
QTY_SOMEWHAT_OVER: Final = Level("qty_somewhat_over", "quantity", -2, "up to a fifth more units than are open")
QTY_OVER: Final = Level("qty_over", "quantity", -14, "more units than the order has open")
QTY_NONE_OPEN: Final = Level("qty_none_open", "quantity", -16, "nothing of the order is open")
SOMEWHAT_OVER: Final = 0.2

RIVAL: Final = Level("rival", "rival", -100, "what else it could be: other order keys")
CEILING: Final = Level("ceiling", "ceiling", -100, "no likeness is worth more than 99")
MOST: Final = 99.0
POINTS_PER_E: Final = 4.0
EVEN: Final = 81.25
"""Points of even odds: 90 points are odds of e to the (90 - 81.25) / 4, which is 9 to 1."""

NOTHING: Final = Level("", "po", 0, "")
"""Where no level holds; number 0."""
ALL: Final = (
    NOTHING,
    *(PO, ALT_PO, PO_NORMALISED, ALT_PO_NORMALISED, PO_SUFFIX, ALT_PO_SUFFIX),
    *(PO_SWAPPED, STYLE_SWAPPED),
    *(STYLE, STYLE_PATTERN, STYLE_ALIAS, STYLE_NORMALISED, STYLE_WITHOUT_COLOR),
    *(COLOR, COLOR_CODE, COLOR_NORMALISED, SIZE),
    *(_spelt(part, spelling) for part in ("po", "style", "color", "size") for spelling in SPELLINGS),
    *(SUFFIX_APART, NEXT_IN_LINE, REAL, COMPANY, NO_COMPANY),
    *(QTY_EXACT, QTY_NEAR, QTY_PART, QTY_UNKNOWN, QTY_SOMEWHAT_OVER, QTY_OVER, QTY_NONE_OPEN),
    *(RIVAL, CEILING),
)
NUMBER: Final = {level.name: number for number, level in enumerate(ALL)}
"""Level to its place in ``ALL``."""
BY_NAME: Final = {level.name: level for level in ALL}
ALT_LEVELS: Final = (ALT_PO.name, ALT_PO_NORMALISED.name, ALT_PO_SUFFIX.name)


def number_of(level: Level) -> int:
    """Give a level's place in ``ALL``."""
    return NUMBER[level.name]


def number_of_spelling(part: Part, spelling: Spelling) -> int:
    """Give the place in ``ALL`` of a way of misspelling a field."""
    return NUMBER[f"{part}_{spelling.name}"]


def pass_name(levels: tuple[str, ...]) -> str:
    """Name the pass that a match's levels make.

    Args:
        levels: the names of the levels of its fields, in their order.

    Returns:
        ``exact``, or the levels that are not full equality, joined by ``+``.
    """
    return "+".join(level for level in levels if level not in FULL_LEVELS) or "exact"
