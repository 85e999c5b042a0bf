"""The registry of corruptions: every way domain.md names in which a carton is keyed otherwise than its order.

A corruption is a function of one row's order reading and of chance. It is called for every row of the group it is
applied to, each time with the same chance, so that a group goes wrong as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, Literal, NamedTuple

Grain = Literal["color", "style", "po", "po_style", "po_style_color", "row"]
"""What goes wrong at once: a customer's colour or style wherever it stands, a whole PO, a style on a PO, a style and
colour on a PO, or a single row."""
GRAINS: Final[Mapping[Grain, tuple[str, ...]]] = {
    "color": ("customer", "color"),
    "style": ("customer", "style"),
    "po": ("customer", "customer_po"),
    "po_style": ("customer", "customer_po", "style"),
    "po_style_color": ("customer", "customer_po", "style", "color"),
    "row": ("customer", "customer_po", "style", "color", "size"),
}


class Reading(NamedTuple):
    """What an order key goes by, canonical; ``None`` where missing."""

    customer: str
    customer_po: str
    style: str
    color: str | None
    size: str
    customer_alt_po: str | None
    pattern_id: str | None
    alias_item: str | None
    color_code: str | None
    po_base_shared: bool
    """Another PO of the customer has the same number under another suffix."""

    def other_names(self) -> tuple[str | None, ...]:
        """Give the order's names outside the key."""
        return self.customer_alt_po, self.pattern_id, self.alias_item, self.color_code


FIVE: Final = Reading._fields[:5]
"""The fields of a key."""

Spelling = Mapping[str, str | None]
"""The fields of the carton that differ, as somebody typed them; ``None``: left blank."""
Spell = Callable[[Reading, Random], Spelling | None]
"""Gives the carton's spelling, or nothing where this cannot happen to the row. It must draw from chance in a way that
doesn't depend on what differs within a group of its grain."""


class Corruption(NamedTuple):
    """One way of going wrong.

    Attributes:
        function: gives the spelling.
        share: how often, in relation to the other kinds.
        grain: what goes wrong at once.
        description: in plain words.
        always: nothing of the group stands under its true spelling as well.
    """

    function: Spell
    share: float
    grain: Grain
    description: str
    always: bool = False


def one_field(field: str, change: Callable[[str, Random], str | None]) -> Spell:
    """Make a corruption of one field from a change of its text."""

    def spell(reading: Reading, chance: Random) -> Spelling | None:
        value = getattr(reading, field)
        changed = None if value is None else change(value, chance)
        return None if changed is None else {field: changed}

    return spell


def other_field(field: str, other: str) -> Spell:
    """Make a corruption that writes another name of the order's into a field."""

    def spell(reading: Reading, _chance: Random) -> Spelling | None:
        value = getattr(reading, other)
        return None if value is None else {field: value}

    return spell


def blank(field: str) -> Spell:
    """Make a corruption that leaves a field blank, however that is typed."""

    def spell(_reading: Reading, chance: Random) -> Spelling | None:
        return {field: chance.choice(("", "N/A", "TBC", "-", "none"))}

    return spell


def together(*functions: Spell) -> Spell:
    """Make a corruption of several, all of which must be possible."""

    def spell(reading: Reading, chance: Random) -> Spelling | None:
        made: dict[str, str | None] = {}
        for function in functions:
            part = function(reading, Random(chance.random()))
            if part is None:
                return None
            made |= part
        return made

    return spell


def either(*functions: Spell) -> Spell:
    """Make a corruption that is one of several, by chance."""

    def spell(reading: Reading, chance: Random) -> Spelling | None:
        return chance.choice(functions)(reading, Random(chance.random()))

    return spell


# --- spellings of numbers and words ----------------------------------------------------------------------------------


def _digits(text: str) -> list[int]:
    return [place for place, sign in enumerate(text) if sign.isdigit()]


def drop_digit(text: str, chance: Random) -> str | None:
    """Leave out a digit of a text that has at least three."""
    places = _digits(text)
    if len(places) < 3:
        return None
    place = chance.choice(places)
    return text[:place] + text[place + 1 :]


def transpose_digits(text: str, chance: Random) -> str | None:
    """Swap two neighbouring digits that differ."""
    pairs = [p for p in _digits(text)[:-1] if text[p + 1].isdigit() and text[p + 1] != text[p]]
    if not pairs:
        return None
    place = chance.choice(pairs)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def replace_digit(text: str, chance: Random) -> str | None:
    """Type another digit for one."""
    places = _digits(text)
    if not places:
        return None
    place = chance.choice(places)
    other = chance.choice([digit for digit in "0123456789" if digit != text[place]])
    return text[:place] + other + text[place + 1 :]


def double_digit(text: str, chance: Random) -> str | None:
    """Type a digit twice."""
    places = _digits(text)
    if not places:
        return None
    place = chance.choice(places)
    return text[: place + 1] + text[place:]


_LOOKALIKES: Final = {"0": "O", "1": "I", "O": "0", "I": "1"}


def confuse_letter(text: str, chance: Random) -> str | None:
    """Type O for 0, I for 1, or the other way round."""
    places = [place for place, sign in enumerate(text) if sign in _LOOKALIKES]
    if not places:
        return None
    place = chance.choice(places)
    return text[:place] + _LOOKALIKES[text[place]] + text[place + 1 :]


def misspell_word(text: str, chance: Random) -> str | None:
    """Swap, drop, double or mistype a letter of a word of at least three."""
    places = [p for p in range(1, len(text)) if text[p].isalpha() and text[p - 1].isalpha()]
    if len(places) < 2:
        return None
    place = chance.choice(places)
    way = chance.randrange(4)
    if way == 0 and text[place] != text[place - 1]:
        return text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :]
    if way == 1:
        return text[:place] + text[place + 1 :]
    if way == 2:
        return text[: place + 1] + text[place:]
    other = chance.choice([letter for letter in "AEIOURSTLN" if letter != text[place]])
    return text[:place] + other + text[place + 1 :]


def mistype_letter(text: str, chance: Random) -> str | None:
    """Type another letter for one, or leave one out."""
    places = [place for place, sign in enumerate(text) if sign.isalpha()]
    if not places:
        return None
    place = chance.choice(places)
    other = chance.choice([*(letter for letter in "ABDEFHKMNPRSTVW" if letter != text[place]), ""])
    return text[:place] + other + text[place + 1 :]


TYPO: Final = (drop_digit, transpose_digits, replace_digit, double_digit)


def mistype_number(text: str, chance: Random) -> str | None:
    """Get one digit wrong in any of the four ways."""
    return chance.choice(TYPO)(text, chance)


# --- the PO ----------------------------------------------------------------------------------------------------------


def _prefixed(text: str, chance: Random) -> str | None:
    form = chance.choice(("PO#{}", "P.O. {}", "PO {}", "po{}", "Order {}", "PO: {}", "PO-{}"))
    return str(form.format(text)) if text[0].isdigit() else None


def _other_zeros(text: str, chance: Random) -> str | None:
    if text.startswith("0"):
        return text.lstrip("0")
    return "0" * chance.randint(1, 3) + text if text.isdigit() else None


def _suffixed(text: str, chance: Random) -> str | None:
    form = chance.choice(("{}-1", "{}-01", "{} A", "{}/2", "{}-B", "{}_3"))
    return None if re.search(r"[-/ ]", text) else str(form.format(text))


def _unsuffixed(reading: Reading, _chance: Random) -> Spelling | None:
    base, dash, suffix = reading.customer_po.rpartition("-")
    return {"customer_po": base} if dash and len(suffix) == 1 and not reading.po_base_shared else None


def _other_separators(text: str, chance: Random) -> str | None:
    if "-" in text:
        return text.replace("-", chance.choice((" ", "/", "_", ".", "")))
    letters = re.match(r"[A-Z]+(?=\d)", text)
    return f"{letters[0]}{chance.choice('- /')}{text[letters.end() :]}" if letters else None


# --- the style -------------------------------------------------------------------------------------------------------


def _other_style_separators(text: str, chance: Random) -> str | None:
    if "-" in text:
        return text.replace("-", chance.choice(("", " ", "/", "_", ".")))
    letters = re.match(r"[A-Z]+(?=\d)", text) or re.match(r"\d{3,}(?=[A-Z])", text)
    if letters:
        return f"{letters[0]}{chance.choice('- ')}{text[letters.end() :]}"
    return f"{text[:4]}{chance.choice('- ')}{text[4:]}" if len(text) > 6 else None


def _style_with_color(reading: Reading, chance: Random) -> Spelling | None:
    if reading.color is None:
        return None
    name = bare_color(reading.color)
    code = reading.color_code or _ABBREVIATIONS.get(name)
    if code is None or reading.style.endswith(code):
        return None
    return {"style": f"{reading.style}{chance.choice('-_ ')}{code}"}


def _style_without_color(reading: Reading, _chance: Random) -> Spelling | None:
    code = reading.color_code
    if code is None or not reading.style.endswith(f"-{code}"):
        return None
    return {"style": reading.style[: -len(code) - 1]}


# --- the colour ------------------------------------------------------------------------------------------------------

_ABBREVIATIONS: Final = {
    "BLACK": "BLK", "WHITE": "WHT", "NAVY": "NVY", "CHARCOAL": "CHAR", "BURGUNDY": "BURG", "KHAKI": "KHK",
    "NATURAL": "NAT", "IVORY": "IVY", "LAVENDER": "LAV", "CHOCOLATE": "CHOC", "TERRACOTTA": "TERRA", "OATMEAL": "OAT",
}  # fmt: skip
_SHORT_WORDS: Final = {
    "HEATHER": "HTHR", "GREY": "GRY", "GREEN": "GRN", "BLUE": "BLU", "BROWN": "BRN", "YELLOW": "YLW", "ORANGE": "ORG",
    "PURPLE": "PUR", "PINK": "PNK", "DARK": "DK", "LIGHT": "LT", "ROYAL": "RYL", "MIDNIGHT": "MIDN", "WASHED": "WSHD",
    "DUSTY": "DSTY", "FOREST": "FRST", "RED": "RD", "STRIPE": "STRP", "OPTIC": "OPT", "STEEL": "STL", "MARL": "MRL",
    "BLACK": "BLK", "WHITE": "WHT", "NAVY": "NVY",
}  # fmt: skip


def bare_color(text: str) -> str:
    """Take the code off a colour such as ``05 - NAVY``."""
    return re.sub(r"^\d+ - ", "", text)


def _abbreviated(text: str, chance: Random) -> str | None:
    name = bare_color(text)
    short = _ABBREVIATIONS.get(name) or " ".join(_SHORT_WORDS.get(word, word) for word in re.split(r"[ /]", name))
    if short != re.sub("/", " ", name):
        return short
    consonants = name[0] + re.sub("[AEIOU /]", "", name[1:])
    return consonants[: chance.choice((3, 4))] if len(consonants) > 2 and len(name) > 4 else None


def _number_of(color: str) -> str:
    """Number a colour as a house would that numbers its own: always alike."""
    return f"{sum(map(ord, color)) % 97 + 1:02d}"


def _with_code(reading: Reading, chance: Random) -> Spelling | None:
    if reading.color is None:
        return None
    name = bare_color(reading.color)
    if name != reading.color:  # the order has the code, the carton doesn't
        return {"color": name}
    code = reading.color_code or _number_of(name)
    form = chance.choice(("{code} - {name}", "{code} {name}", "{name} ({code})", "{code}/{name}", "{name}-{code}"))
    return {"color": form.format(code=code, name=name)}


def _private(text: str, chance: Random) -> str | None:
    """Make what only this customer calls a colour: nothing that could be guessed from the colour's letters."""
    return f"{chance.choice('BCDFGHKLMPQRTVWXZ')}{chance.choice('QXZJVK')}{chance.randint(1, 99)}" if text else None


# --- the size --------------------------------------------------------------------------------------------------------

SIZE_ALIASES: Final = {
    "XS": "XSM", "S": "SM", "M": "MD", "L": "LG", "XL": "XLG", "XXL": "XXLG", "3XL": "3XLG", "XXS": "XXSM",
    "ONE SIZE": "OSZ", "06/XS": "6", "08/S": "8", "10/M": "10", "12/L": "12", "14/XL": "14", "XS(2-4)": "2-4",
    "S(6-8)": "6-8", "M(10-12)": "10-12", "L(14-16)": "14-16", "34DDD": "34F", "36DDD": "36F", "34DD": "34E",
}  # fmt: skip
"""Spellings that ``sizes.yml`` does not know, by canonical size."""
_SIZE_FORMS: Final = (
    (re.compile(r"(\d\d)X(\d\d)"), r"\1-\2"),
    (re.compile(r"(\d+)W"), r"\1"),
    (re.compile(r"(\d+)T"), r"T\1"),
    (re.compile(r"(\d+(?:-\d+)?)M"), r"\1"),
    (re.compile(r"(\d+)Y"), r"AGE \1"),
    (re.compile(r"(\d+-\d+)"), r"AGE \1"),
    (re.compile(r"(\d\d)"), r"W\1"),
)


def _other_size(text: str, _chance: Random) -> str | None:
    if text in SIZE_ALIASES:
        return SIZE_ALIASES[text]
    return next((form.sub(made, text) for form, made in _SIZE_FORMS if form.fullmatch(text)), None)


# --- the registry ----------------------------------------------------------------------------------------------------


def _po(change: Callable[[str, Random], str | None]) -> Spell:
    return one_field("customer_po", change)


def _style(change: Callable[[str, Random], str | None]) -> Spell:
    return one_field("style", change)


def _color(change: Callable[[str, Random], str | None]) -> Spell:
    return one_field("color", change)


KINDS: Final[Mapping[str, Corruption]] = {
    "po_prefix": Corruption(_po(_prefixed), 4, "po", "a word before the PO: PO#0123"),
    "po_zeros": Corruption(_po(_other_zeros), 3, "po", "leading zeros added or left out"),
    "po_suffix": Corruption(_po(_suffixed), 4, "po", "a shipment's suffix behind the PO: 123-1, 123 A"),
    "po_suffix_left_out": Corruption(_unsuffixed, 1, "po", "the order's own suffix left out"),
    "po_separators": Corruption(_po(_other_separators), 2, "po", "other separators in the PO"),
    "po_alternate": Corruption(other_field("customer_po", "customer_alt_po"), 6, "po", "the alternate PO"),
    "po_digit_dropped": Corruption(_po(drop_digit), 3, "po", "a digit of the PO left out"),
    "po_digits_transposed": Corruption(_po(transpose_digits), 3, "po", "two digits of the PO swapped"),
    "po_digit_replaced": Corruption(_po(replace_digit), 4, "po", "a digit of the PO wrong"),
    "po_digit_doubled": Corruption(_po(double_digit), 2, "po", "a digit of the PO typed twice"),
    "po_letter_for_digit": Corruption(_po(confuse_letter), 3, "po", "O for 0 or I for 1 in the PO"),
    "po_blank": Corruption(blank("customer_po"), 1, "po", "no PO"),
    "po_of_a_style": Corruption(_po(mistype_number), 3, "po_style", "the PO wrong for one style of it"),
    "style_is_pattern": Corruption(other_field("style", "pattern_id"), 5, "po_style", "the pattern for the style"),
    "style_is_pattern_everywhere": Corruption(other_field("style", "pattern_id"), 2, "style", "so on every PO"),
    "style_is_alias": Corruption(other_field("style", "alias_item"), 3, "po_style", "the alias for the style"),
    "style_separators": Corruption(_style(_other_style_separators), 5, "po_style", "other separators in the style"),
    "style_with_color": Corruption(_style_with_color, 4, "po_style_color", "the colour's code behind the style"),
    "style_without_color": Corruption(_style_without_color, 2, "po_style", "the style's colour code left out"),
    "style_digit_dropped": Corruption(_style(drop_digit), 2, "po_style", "a digit of the style left out"),
    "style_digits_transposed": Corruption(_style(transpose_digits), 2, "po_style", "two digits of the style swapped"),
    "style_digit_replaced": Corruption(_style(replace_digit), 2, "po_style", "a digit of the style wrong"),
    "style_digit_doubled": Corruption(_style(double_digit), 1, "po_style", "a digit of the style typed twice"),
    "style_letter_for_digit": Corruption(_style(confuse_letter), 2, "po_style", "O for 0 or I for 1 in the style"),
    "style_letter_wrong": Corruption(_style(mistype_letter), 2, "po_style", "a letter of the style wrong"),
    "style_mistyped_everywhere": Corruption(_style(mistype_number), 2, "style", "a digit wrong on every PO"),
    "style_blank": Corruption(blank("style"), 1, "po_style", "no style"),
    "color_with_code": Corruption(_with_code, 5, "po_style_color", "a code at the colour, or left out: 05 - NAVY"),
    "color_is_code": Corruption(other_field("color", "color_code"), 4, "po_style_color", "the code for the colour"),
    "color_abbreviated": Corruption(_color(_abbreviated), 6, "po_style_color", "the colour abbreviated: NVY"),
    "color_private": Corruption(_color(_private), 3, "color", "what only this customer calls a colour", always=True),
    "color_misspelt": Corruption(_color(misspell_word), 5, "po_style_color", "the colour misspelt: NAYV"),
    "color_blank": Corruption(blank("color"), 2, "po_style_color", "no colour"),
    "size_alias": Corruption(one_field("size", _other_size), 4, "po_style", "the sizes of another house: LG"),
    "size_blank": Corruption(blank("size"), 0.5, "row", "no size"),
    "po_and_color": Corruption(
        together(_po(mistype_number), _color(_abbreviated)), 3, "po_style_color", "a digit of the PO wrong, NVY"
    ),
    "po_prefix_and_style_separators": Corruption(
        together(_po(_prefixed), _style(_other_style_separators)), 2, "po", "PO#123 and FH1042"
    ),
    "po_alternate_and_color_code": Corruption(
        together(other_field("customer_po", "customer_alt_po"), other_field("color", "color_code")), 1, "po",
        "the alternate PO and the colour's code",
    ),
    "style_and_color": Corruption(
        together(_style(mistype_number), _color(misspell_word)), 2, "po_style_color", "style and colour both mistyped"
    ),
    "row_po": Corruption(_po(mistype_number), 3, "row", "the PO wrong in a single row"),
    "row_style": Corruption(_style(mistype_number), 3, "row", "the style wrong in a single row"),
    "row_color": Corruption(_color(misspell_word), 3, "row", "the colour wrong in a single row"),
}  # fmt: skip
"""By name, in the order domain.md has them."""
