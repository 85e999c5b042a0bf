"""Corruptions that the matching was never tuned on: what else people and systems do to a carton's key.

They come with ``make_truth(…, held_out=True)``, beside those of ``kinds``, and tell whether the matching learned the
trade or the registry. Whoever works on the matching looks at their figures and not at their spellings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Final

from .kinds import Corruption, Reading, Spelling, bare_color, misspell_word, one_field

# --- the PO ----------------------------------------------------------------------------------------------------------

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _with_origin(reading: Reading, chance: Random) -> Spelling:
    """Put the season or the customer's letters before the PO, as who has many customers' numbers in one list does."""
    letters = "".join(word[0] for word in reading.customer.split() if word[0].isalpha())
    season = f"{chance.choice(('SS', 'AW', 'FW'))}{chance.choice(('25', '26'))}"
    form = chance.choice(("{season}-{po}", "{season} {po}", "{season}/{po}", "{letters}-{po}", "{letters}{po}"))
    return {"customer_po": form.format(season=season, letters=letters, po=reading.customer_po)}


def _with_date(text: str, chance: Random) -> str:
    """Put the day of packing behind the PO; with a separator, or nobody could tell its digits from the PO's."""
    month, day = chance.randint(1, 12), chance.randint(1, 28)
    form = chance.choice(
        (" {day:02d}{name}", "-{month:02d}{day:02d}", "/2026{month:02d}{day:02d}", " {day}.{month}.26")
    )
    return text + str(form.format(day=day, month=month, name=_MONTHS[month - 1]))


def _last_six(text: str, _chance: Random) -> str | None:
    """Keep the last six digits: in what is left, numbers in sequence still differ."""
    whole = re.fullmatch(r"([A-Z]*\d*?)(\d{6})", text)
    return whole[2] if whole and whole[1].strip("0") else None


def _as_number(text: str, chance: Random) -> str | None:
    """Write the PO as a spreadsheet formats a number."""
    if not text.isdigit():
        return None
    number = int(text)
    return chance.choice((f"{number:,}", f"{number:,}".replace(",", " "), f"{number:,.2f}", f"{number}.00"))


def _both_numbers(reading: Reading, chance: Random) -> Spelling | None:
    other = reading.customer_alt_po
    form = chance.choice(("{po}/{other}", "{po} ({other})", "{other} {po}"))
    return None if other is None else {"customer_po": form.format(po=reading.customer_po, other=other)}


def _skip_pair(text: str, chance: Random) -> str | None:
    """Skip two digits inside a long number; its last two stay, by which it differs from its neighbours."""
    run = re.search(r"(?<!\d)0*(\d{5,})", text)
    if run is None or len(run[0]) < 7:
        return None
    place = chance.randrange(run.start(1), run.end() - 3)
    return text[:place] + text[place + 2 :]


def _swap_pairs(text: str, chance: Random) -> str | None:
    """Swap two neighbouring pairs of digits, as one who says a number in pairs does: 12 34 for 34 12."""
    made = []
    for start in range(len(text) - 3):
        four = text[start : start + 4]
        swapped = four[2:] + four[:2]
        if four.isdigit() and sum(one != other for one, other in zip(four, swapped, strict=True)) > 2:
            made.append(text[:start] + swapped + text[start + 4 :])
    return chance.choice(made) if made else None


_SCANNED: Final = {"5": "S", "8": "B", "2": "Z", "6": "G", "S": "5", "B": "8", "Z": "2", "G": "6"}


def _scanned(reading: Reading, chance: Random) -> Spelling | None:
    """Read one sign of a label as the one that looks like it, wherever it stands in PO and style."""
    there = [sign for sign in _SCANNED if sign in reading.customer_po]
    if not there:
        return None
    sign = chance.choice(there)
    values = {"customer_po": reading.customer_po, "style": reading.style}
    return {field: value.replace(sign, _SCANNED[sign]) for field, value in values.items()}


def _po_and_style_swapped(reading: Reading, _chance: Random) -> Spelling:
    return {"customer_po": reading.style, "style": reading.customer_po}


def _po_with_style(reading: Reading, chance: Random) -> Spelling:
    form = chance.choice(("{po}/{style}", "{po} {style}", "{style}-{po}"))
    return {"customer_po": form.format(po=reading.customer_po, style=reading.style)}


# --- the style -------------------------------------------------------------------------------------------------------


def _style_with_size(reading: Reading, chance: Random) -> Spelling:
    return {"style": f"{reading.style}{chance.choice('-/ .')}{reading.size}"}


def _style_with_pattern(reading: Reading, chance: Random) -> Spelling | None:
    pattern = reading.pattern_id
    form = chance.choice(("{style} ({pattern})", "{style}/{pattern}", "{pattern} {style}"))
    return None if pattern is None else {"style": form.format(style=reading.style, pattern=pattern)}


def _style_without_head(text: str, _chance: Random) -> str | None:
    """Leave out a house's letters with the zeros behind them, or the season's: 1042 for FH-1042, TEE-001."""
    made = re.sub(r"^(?:[A-Z]\d\d-(?=[A-Z])|[A-Z]+-?0*(?=\d))", "", text)
    return made if made != text else None


def _style_with_vendor(reading: Reading, chance: Random) -> Spelling:
    """Put the maker's name, or the number a customer knows the maker by, before the style."""
    vendor = sum(map(ord, reading.customer)) % 900 + 100
    return {"style": f"{chance.choice(('AAG-', 'AAG ', f'{vendor}-', f'V{vendor} '))}{reading.style}"}


# --- the colour ------------------------------------------------------------------------------------------------------

_FAMILIES: Final = {
    "NAVY": "BLUE", "CHARCOAL": "GREY", "IVORY": "WHITE", "BURGUNDY": "RED", "KHAKI": "GREEN", "DUSTY ROSE": "PINK",
    "LAVENDER": "PURPLE", "NATURAL": "WHITE", "SAND": "BEIGE", "TEAL": "GREEN", "CORAL": "PINK", "STONE": "BEIGE",
    "MIDNIGHT NAVY": "BLUE", "CAMEL": "BROWN", "SAGE": "GREEN", "RUST": "ORANGE", "WINE": "RED", "CREAM": "WHITE",
    "CHOCOLATE": "BROWN", "MINT": "GREEN", "TERRACOTTA": "ORANGE", "OATMEAL": "BEIGE", "PLUM": "PURPLE",
    "EMERALD": "GREEN", "NAVY STRIPE": "BLUE", "ECRU": "WHITE", "MOSS": "GREEN", "PEACH": "ORANGE",
}  # fmt: skip
_FRENCH: Final = {
    "BLACK": "NOIR", "WHITE": "BLANC", "NAVY": "MARINE", "HEATHER GREY": "GRIS CHINE", "CHARCOAL": "ANTHRACITE",
    "IVORY": "IVOIRE", "BURGUNDY": "BORDEAUX", "KHAKI": "KAKI", "OLIVE GREEN": "VERT OLIVE", "ROYAL BLUE": "BLEU ROI",
    "LIGHT BLUE": "BLEU CLAIR", "DARK BROWN": "MARRON FONCE", "FOREST GREEN": "VERT FORET", "DUSTY ROSE": "VIEUX ROSE",
    "MUSTARD YELLOW": "JAUNE MOUTARDE", "BURNT ORANGE": "ORANGE BRULE", "LAVENDER": "LAVANDE",
    "DEEP PURPLE": "VIOLET PROFOND", "NATURAL": "NATUREL", "SAND": "SABLE", "TEAL": "BLEU CANARD", "CORAL": "CORAIL",
    "BLUSH PINK": "ROSE POUDRE", "MIDNIGHT NAVY": "BLEU NUIT", "WASHED BLACK": "NOIR DELAVE",
    "OPTIC WHITE": "BLANC OPTIQUE", "STONE": "PIERRE", "CAMEL": "CHAMEAU", "SLATE GREY": "GRIS ARDOISE",
    "SAGE": "SAUGE", "RUST": "ROUILLE", "WINE": "LIE DE VIN", "CREAM": "CREME", "DENIM BLUE": "BLEU JEAN",
    "HOT PINK": "ROSE VIF", "CHOCOLATE": "CHOCOLAT", "MINT": "MENTHE", "STEEL BLUE": "BLEU ACIER",
    "GREY MARL": "GRIS MARLE", "OATMEAL": "AVOINE", "PLUM": "PRUNE", "CHERRY RED": "ROUGE CERISE",
    "EMERALD": "EMERAUDE", "SKY BLUE": "BLEU CIEL", "BLACK/WHITE": "NOIR/BLANC", "NAVY STRIPE": "RAYURE MARINE",
    "MOSS": "MOUSSE", "PEACH": "PECHE",
}  # fmt: skip
COLOR_FIELD: Final = 6
"""Signs that the colour field of a small system holds."""


def _named(text: str, name: str | None) -> str | None:
    """Give a colour another name, keeping the code before it."""
    return None if name is None else text.removesuffix(bare_color(text)) + name


def _with_family(text: str, chance: Random) -> str | None:
    name = bare_color(text)
    form = chance.choice(("{family} {name}", "{family} - {name}", "{name}/{family}"))
    return _named(text, form.format(family=_FAMILIES[name], name=name)) if name in _FAMILIES else None


def _french(text: str, _chance: Random) -> str | None:
    return _named(text, _FRENCH.get(bare_color(text)))


def _cut(text: str, _chance: Random) -> str | None:
    name = bare_color(text)
    return name[:COLOR_FIELD] if len(name) > COLOR_FIELD else None


def _other_word_order(text: str, chance: Random) -> str | None:
    """Put a colour's last word first, as a catalogue sorts it."""
    first, blank, last = bare_color(text).rpartition(" ")
    return _named(text, f"{last}{chance.choice((' ', ', ', '-'))}{first}") if blank else None


def _misspelt_with_code(reading: Reading, chance: Random) -> Spelling | None:
    code, color = reading.color_code, reading.color
    if code is None or color is None or color != bare_color(color):
        return None
    form = chance.choice(("{code} - {name}", "{code} {name}", "{name} ({code})", "{code}/{name}"))
    name = misspell_word(color, chance)
    return None if name is None or name == color else {"color": form.format(code=code, name=name)}


# --- a row -----------------------------------------------------------------------------------------------------------


def _color_and_size_swapped(reading: Reading, _chance: Random) -> Spelling | None:
    return None if reading.color is None else {"color": reading.size, "size": reading.color}


KINDS: Final[Mapping[str, Corruption]] = {
    "po_with_origin": Corruption(_with_origin, 4, "po", "season or customer's letters before the PO: SS26-123, GO-123"),
    "po_with_date": Corruption(one_field("customer_po", _with_date), 4, "po", "a date behind the PO: 123 12JUN"),
    "po_last_six": Corruption(one_field("customer_po", _last_six), 3, "po", "the PO's last six digits"),
    "po_as_number": Corruption(one_field("customer_po", _as_number), 3, "po", "the PO as a formatted number: 1,234.00"),
    "po_both_numbers": Corruption(_both_numbers, 3, "po", "the PO and the alternate PO in one field"),
    "po_pair_skipped": Corruption(one_field("customer_po", _skip_pair), 2, "po", "two digits inside a long PO skipped"),
    "po_pairs_swapped": Corruption(one_field("customer_po", _swap_pairs), 2, "po", "pairs of digits swapped: 34 12"),
    "po_and_style_scanned": Corruption(_scanned, 3, "po", "every 5 an S (8 B, 2 Z, 6 G) in the PO and its styles"),
    "po_and_style_swapped": Corruption(_po_and_style_swapped, 3, "po", "PO and style in each other's field"),
    "po_with_style": Corruption(_po_with_style, 3, "po_style", "PO and style together in the PO's field"),
    "style_with_size": Corruption(_style_with_size, 4, "po_style", "the size behind the style: FH-1042-M"),
    "style_with_pattern": Corruption(_style_with_pattern, 3, "po_style", "style and pattern together in the style"),
    "style_without_head": Corruption(
        one_field("style", _style_without_head), 4, "po_style", "the style without its first letters: 1042 for FH-1042"
    ),
    "style_with_vendor": Corruption(_style_with_vendor, 3, "style", "the maker before the style on every PO: AAG-1042"),
    "color_with_family": Corruption(
        one_field("color", _with_family), 2, "color", "the family at the colour on every PO: BLUE NAVY"
    ),
    "color_french": Corruption(one_field("color", _french), 4, "po", "a PO's colours in French: MARINE"),
    "color_cut": Corruption(one_field("color", _cut), 3, "po", "a PO's colours cut to six signs: HEATHE"),
    "color_word_order": Corruption(
        one_field("color", _other_word_order), 3, "po_style_color", "the colour's last word first: GREY, HEATHER"
    ),
    "color_misspelt_with_code": Corruption(
        _misspelt_with_code, 2, "po_style_color", "the colour misspelt and its code: 410 - NAYV"
    ),
    "row_color_and_size_swapped": Corruption(
        _color_and_size_swapped, 2, "row", "colour and size in each other's field in a single row"
    ),
}  # fmt: skip
"""By name; together half as often as those of ``kinds``, so that with these they are a third of what is corrupted."""
