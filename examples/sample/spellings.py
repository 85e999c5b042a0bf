"""How the warehouse spells an order's key: each way in which it departs from the order, by name and share.

A kind says which keys go wrong together (one shipment, one style, one row) and makes the spelling for such a
group. What the rules of the domain can undo and what only evidence can stand apart.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from sample.brands import Brand
from sample.orders import COLOURS, OrderRow

COLOUR_ABBREVIATIONS: Final = {
    "BLACK": "BLK",
    "WHITE": "WHT",
    "NAVY": "NVY",
    "GREY": "GRY",
    "CHARCOAL": "CHAR",
    "BURGUNDY": "BURG",
    "KHAKI": "KHK",
    "GREEN": "GRN",
    "BLUE": "BLU",
    "IVORY": "IVY",
    "BROWN": "BRN",
}
SIZE_SPELLINGS: Final = {
    "XXS": "2XS",
    "XXL": "2XL",
    "2XL": "XXL",
    "XXXL": "3XL",
    "3XL": "XXXL",
    "4XL": "XXXXL",
    "XL/2XL": "XL/XXL",
    "XL/XXL": "XL/2XL",
    "XXL/3XL": "2XL/3XL",
    "S/M": "S-M",
    "M/L": "M-L",
    "L/XL": "L-XL",
    "S-M": "S/M",
    "L-XL": "L/XL",
    "OS": "ONE SIZE",
    "O/S": "One_Sz",
    "ONE SIZE": "O/S",
    "30x32": "30/32",
    "32x32": "32 X 32",
    "34x32": "34/32",
    "36x32": "36X32",
    "3/6 MTHS": "3-6M",
    "6/12 MTHS": "6-12M",
    "12/18 MTHS": "12-18 MTHS",
    "18/24 MTHS": "18/24M",
    "6-12M": "6/12 MTHS",
    "1Y": "1 YR",
    "2Y": "2 YRS",
    "3-4": "3/4",
    "5-6": "5/6",
    "10-12": "10/12",
    "12-13": "12/13",
    "M": "MEDIUM",
}


class Key(NamedTuple):
    """A key as found: what an order line or a carton row is known by."""

    customer: str
    po: str
    style: str
    color: str
    size: str


@dataclass(frozen=True)
class OrderKey:
    """An order key with what it stands for.

    Attributes:
        brand: its brand.
        row: the first order row with it.
        found: its five fields as found in the workbook or view.
    """

    brand: Brand
    row: OrderRow
    found: Key

    @property
    def in_wms(self) -> Key:
        """The key as the warehouse has it when nothing goes wrong: its own name for the customer."""
        names = self.brand.wms_names
        name = names[sum(map(ord, self.found.po)) % len(names)]
        return self.found._replace(customer=name)


@cache
def loose(text: str) -> str:
    """Reduce a PO or style to its letters and digits, leading zeros gone: equal here is too near to call."""
    return re.sub(r"[^A-Z0-9]", "", text.upper()).lstrip("0")


@dataclass
class Neighbours:
    """What is real for a brand, so that a misspelling is never somebody else's number."""

    pos: set[str]
    styles: set[str]
    colours: set[str]


Speller = Callable[[OrderKey], Key | None]


@dataclass(frozen=True)
class Corruption:
    """One way of departing.

    Attributes:
        name: as in ``truth.csv``.
        share: of all fulfilment keys, in percent.
        group: which keys go wrong together.
        speller: makes the spelling for one group; ``None`` from it: this key stays as it is.
        resolvable: the domain's rules undo it.
    """

    name: str
    share: float
    group: Callable[[OrderKey], Hashable]
    speller: Callable[[OrderKey, Neighbours, random.Random], Speller | None]
    resolvable: bool = True


def _by_po(key: OrderKey) -> Hashable:
    return key.brand.name, key.found.po


def _by_po_and_style(key: OrderKey) -> Hashable:
    return key.brand.name, key.found.po, key.found.style


def _by_style(key: OrderKey) -> Hashable:
    return key.brand.name, key.found.style


def _by_colour(key: OrderKey) -> Hashable:
    return key.brand.name, key.found.po, key.found.style, key.found.color


def _alone(key: OrderKey) -> Hashable:
    return key.found


def _same(field: str, value: str) -> Speller:
    return lambda key: key.in_wms._replace(**{field: value})


def _alt_po(key: OrderKey, _: Neighbours, __: random.Random) -> Speller | None:
    return _same("po", key.row.header.alt_po) if key.row.header.alt_po else None


def _pattern_style(key: OrderKey, _: Neighbours, __: random.Random) -> Speller:
    return _same("style", key.row.style.pattern_id)


def _alias_style(key: OrderKey, _: Neighbours, __: random.Random) -> Speller | None:
    # The view of orders has no alias column: there nobody could know.
    return _same("style", key.row.style.alias_item) if key.brand.layout else None


def _po_prefix(key: OrderKey, _: Neighbours, rng: random.Random) -> Speller:
    forms = ["PO#{}", "PO {}", "P.O. {}", "PO-{}"]
    if key.found.po.isdigit():
        forms.append("PO#0{}-1")
    return _same("po", rng.choice(forms).format(key.found.po))


def _po_zeros(key: OrderKey, _: Neighbours, rng: random.Random) -> Speller | None:
    po = key.found.po
    if not po.isdigit():
        return None
    return _same("po", po.lstrip("0") if po.startswith("0") else "0" * rng.choice((2, 3)) + po)


def _po_suffix(key: OrderKey, _: Neighbours, rng: random.Random) -> Speller:
    return _same("po", key.found.po + rng.choice(("-1", "-2", " A", " B")))


def _style_punctuation(key: OrderKey, _: Neighbours, rng: random.Random) -> Speller | None:
    style = key.found.style
    if bare := re.sub(r"[^A-Z0-9]", "", style):
        if bare != style:
            return _same("style", rng.choice((bare, re.sub(r"[^A-Z0-9]", rng.choice((" ", "_", "/")), style))))
        if split := re.fullmatch(r"([A-Z]+)(\d+[A-Z]*)", style):
            return _same("style", rng.choice("-. ").join(split.groups()))
    return None


def _style_colour_code(key: OrderKey, _: Neighbours, rng: random.Random) -> Speller | None:
    if not key.brand.layout:  # the view of orders has no colour code either
        return None
    mark = rng.choice(("-", " ", "_"))
    return lambda one: one.in_wms._replace(style=f"{one.found.style}{mark}{one.row.colour_code}")


def _colour_code(key: OrderKey, _: Neighbours, rng: random.Random) -> Speller | None:
    form = rng.choice(("{} - {}", "{}-{}", "{} {}"))
    return _same("color", form.format(key.row.colour_code, key.found.color)) if key.brand.layout else None


def _colour_abbreviation(key: OrderKey, _: Neighbours, __: random.Random) -> Speller | None:
    short = COLOUR_ABBREVIATIONS.get(key.found.color)
    return _same("color", short) if short else None


def _size_spelling(key: OrderKey, _: Neighbours, __: random.Random) -> Speller:
    # A brand that orders 1X 2X 3X beside XL XXL means two things by them.
    plus = any(size.endswith("X") for size in key.brand.extra_sizes)

    def spell(one: OrderKey) -> Key | None:
        spelling = SIZE_SPELLINGS.get(one.found.size)
        return one.in_wms._replace(size=spelling) if spelling and not plus else None

    return spell


def _case_and_blanks(_key: OrderKey, _: Neighbours, __: random.Random) -> Speller:
    return lambda one: one.in_wms._replace(
        style=f"{one.found.style.lower()} ", color=one.found.color.title().replace(" ", "  ")
    )


def _unlisted_customer(key: OrderKey, _: Neighbours, __: random.Random) -> Speller | None:
    return _same("customer", key.brand.unlisted_name) if key.brand.unlisted_name else None


def _misspell(text: str, real: set[str], rng: random.Random) -> str | None:
    """Misspell a number as fingers do: two neighbours exchanged, one left out, doubled or another."""
    for _attempt in range(20):
        n = rng.randrange(len(text) // 2, len(text))
        match rng.randrange(4):
            case 0 if n + 1 < len(text):
                wrong = text[:n] + text[n + 1] + text[n] + text[n + 2 :]
            case 1:
                wrong = text[:n] + text[n + 1 :]
            case 2:
                wrong = text[: n + 1] + text[n:]
            case _:
                wrong = text[:n] + rng.choice("0123456789") + text[n + 1 :]
        if wrong.strip(" -.") == wrong and loose(wrong) not in real and loose(wrong) != "":
            return wrong
    return None


def _po_misspelt(key: OrderKey, real: Neighbours, rng: random.Random) -> Speller | None:
    wrong = _misspell(key.found.po, real.pos, rng)
    return _same("po", wrong) if wrong else None


def _style_misspelt(key: OrderKey, real: Neighbours, rng: random.Random) -> Speller | None:
    wrong = _misspell(key.found.style, real.styles, rng)
    return _same("style", wrong) if wrong else None


def _row_typo(key: OrderKey, real: Neighbours, rng: random.Random) -> Speller | None:
    field = rng.choice(("po", "style", "color"))
    if field == "po":
        return _po_misspelt(key, real, rng)
    if field == "style":
        return _style_misspelt(key, real, rng)
    colour = key.found.color
    known = real.colours | set(COLOUR_ABBREVIATIONS.values()) | {code for pair in COLOURS.values() for code in pair}
    n = rng.randrange(1, len(colour))
    wrong = rng.choice((colour[: n + 1] + colour[n:], colour[:n] + colour[n + 1 :]))
    # A letter less can be an abbreviation that the rules know, two more blanks are none.
    return _same("color", wrong) if len(wrong) > 3 and wrong not in known and "  " not in wrong else None


CORRUPTIONS: Final = (
    Corruption("po_misspelt", 3.5, _by_po, _po_misspelt, resolvable=False),
    Corruption("style_misspelt", 2.5, _by_style, _style_misspelt, resolvable=False),
    Corruption("unlisted_customer", 0.8, _by_po, _unlisted_customer, resolvable=False),
    Corruption("alt_po", 3.5, _by_po, _alt_po),
    Corruption("po_prefix", 2.5, _by_po, _po_prefix),
    Corruption("po_zeros", 1.5, _by_po, _po_zeros),
    Corruption("po_suffix", 2.5, _by_po, _po_suffix),
    Corruption("case_and_blanks", 1.0, _by_po, _case_and_blanks),
    Corruption("pattern_style", 1.5, _by_po_and_style, _pattern_style),
    Corruption("alias_style", 1.0, _by_po_and_style, _alias_style),
    Corruption("style_punctuation", 2.0, _by_po_and_style, _style_punctuation),
    Corruption("style_colour_code", 1.5, _by_po_and_style, _style_colour_code),
    Corruption("size_spelling", 1.5, _by_po_and_style, _size_spelling),
    Corruption("colour_code", 1.5, _by_colour, _colour_code),
    Corruption("colour_abbreviation", 1.0, _by_colour, _colour_abbreviation),
    Corruption("row_typo", 2.0, _alone, _row_typo, resolvable=False),
)
"""Whole POs first: what goes wrong together must still be free together."""
