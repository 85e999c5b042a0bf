"""Order rows: one style and colour of one PO, with its quantities by size.

POs and styles count upwards, POs in the order of their dates, neighbouring POs order much the same styles: a
number that is off by one digit is nearly always another real order.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sample.brands import Brand
from sample.size_runs import size_families

ROWS_A_PO: Final = 8
FIRST_ORDERED_DAYS: Final = 340
"""Days before the as-of date on which the oldest PO came in; the newest came in the day before."""

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "BLACK": ("001", "BLK"),
    "WHITE": ("100", "WHT"),
    "NAVY": ("410", "NVY"),
    "GREY": ("020", "GRY"),
    "CHARCOAL": ("025", "CHR"),
    "BURGUNDY": ("610", "BGY"),
    "KHAKI": ("250", "KHK"),
    "GREEN": ("300", "GRN"),
    "BLUE": ("400", "BLU"),
    "IVORY": ("120", "IVY"),
    "BROWN": ("210", "BRN"),
    "SEA MIST": ("331", "SMT"),
    "SEA MOSS": ("332", "SMO"),
    "DUSTY ROSE": ("642", "DRS"),
    "HEATHER OAT": ("118", "HOT"),
    "NAVY STRIPE": ("411", "NST"),
}
"""Colour to its code in digits and in letters."""

_GARMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "bra": ("BALCONETTE BRA", "PLUNGE BRA", "T-SHIRT BRA"),
    "cup": ("LONGLINE BRALETTE", "SWIM TOP"),
    "months": ("BABYGROW", "ROMPER"),
    "years": ("TODDLER TEE", "TODDLER LEGGING"),
    "ages": ("KIDS HOODIE", "KIDS JOGGER", "KIDS TEE"),
    "inseam": ("STRAIGHT JEAN", "CHINO"),
    "numbers": ("TAPERED TROUSER", "WOVEN DRESS", "DENIM SHORT"),
    "plus": ("CURVE DRESS", "CURVE TUNIC"),
    "pairs": ("KNIT CARDIGAN", "WRAP TOP"),
    "fit": ("PETITE TEE",),
    "one size": ("BEANIE", "SCARF", "TOTE"),
    "letters": ("CREW TEE", "RIB TANK", "FLEECE HOODIE", "JOGGER", "POLO", "RAIN SHELL"),
}
_DESTINATIONS: Final = (("US", "US EAST DC"), ("GB", "UK DC"), ("CA", "CANADA 3PL"), ("AU", "SYDNEY 3PL"))


@dataclass(frozen=True)
class Style:
    """A style: what it is, the sizes and colours it is made in, and the numbers of other systems for it."""

    number: str
    description: str
    family: str
    sizes: tuple[str, ...]
    colours: tuple[str, ...]
    pattern_id: str
    alias_item: str
    price: float


@dataclass(frozen=True)
class Header:
    """What all rows of one PO have in common."""

    customer: str
    po: str
    alt_po: str | None
    ordered_on: date
    ex_factory_on: date
    method: str
    country: str
    warehouse: str


@dataclass
class OrderRow:
    """One row of an order list. ``quantities`` are units by size, in the size run's order."""

    order_number: str
    header: Header
    style: Style
    colour: str
    colour_code: str
    drop: str
    order_type: str
    quantities: dict[str, int]

    @property
    def season(self) -> str:
        """The maker's season, by the month of leaving the factory."""
        return season(self.header.ex_factory_on)

    @property
    def cancelled(self) -> bool:
        """Whether the row is no longer ordered."""
        return self.order_type.upper() == "CANCELLED"


def season(day: date) -> str:
    """Name the season a day falls in: ``SS26``, ``AW26``."""
    return f"{'SS' if day.month <= 6 else 'AW'}{day.year % 100}"


def colour_code(brand: Brand, colour: str) -> str:
    """Give a brand's own code of a colour."""
    digits, letters = COLOURS[colour]
    return digits if brand.colour_codes == "digits" else letters


def order_rows(brand: Brand, count: int, run: Sequence[str], as_of: date, rng: random.Random) -> list[OrderRow]:
    """Make a brand's order rows, POs ascending.

    Args:
        brand: the brand.
        count: how many rows.
        run: its size run.
        as_of: the day the sample is of.
        rng: the brand's own source of chance.

    Returns:
        ``count`` rows; order numbers, POs and styles are sequential.
    """
    po_count = max(4, count // ROWS_A_PO)
    styles = _styles(brand, max(8, count // 5), run, rng)
    rows: list[OrderRow] = []
    for n in range(po_count):
        header = _header(brand, n, po_count, as_of, rng)
        wanted = count // po_count + (1 if n < count % po_count else 0)
        # Neighbouring POs draw from overlapping stretches of the style numbers.
        start = round(n / po_count * max(0, len(styles) - 8))
        pairs = [(style, colour) for style in styles[start : start + 8] for colour in style.colours]
        for what in sorted(rng.sample(pairs, min(wanted, len(pairs))), key=lambda p: (p[0].number, p[1])):
            rows.append(_row(brand, len(rows), header, what, rng))
            if rng.random() < 0.02 and len(rows) > 1:  # a second drop of the same style and colour
                rows[-1] = _second_drop(rows[-2], rows[-1].order_number, rng)
    return rows


def _styles(brand: Brand, count: int, run: Sequence[str], rng: random.Random) -> list[Style]:
    families = size_families(run)
    weights = [min(len(sizes), 8) * (2.0 if name == "letters" else 1.0) for name, sizes in families.items()]
    styles = []
    for n in range(count):
        (family,) = rng.choices(list(families), weights)
        styles.append(
            Style(
                number=brand.style.format(n=brand.first_style + n),
                description=rng.choice(_GARMENTS[family]),
                family=family,
                sizes=tuple(families[family]),
                colours=tuple(rng.sample(list(COLOURS), 4)),
                pattern_id=f"PT{brand.first_style % 89:02d}-{301 + n:04d}",
                alias_item=f"A{brand.first_po % 97:02d}{11 + n:04d}X",
                price=round(rng.uniform(4.5, 38.0), 2),
            )
        )
    return styles


def _header(brand: Brand, n: int, po_count: int, as_of: date, rng: random.Random) -> Header:
    age = round(FIRST_ORDERED_DAYS * (1 - n / po_count)) + 1
    ordered_on = as_of - timedelta(days=age)
    country, warehouse = rng.choices(_DESTINATIONS, (6, 3, 1, 1))[0]
    outlet = brand.second_name is not None and n % 4 == 3
    return Header(
        customer=brand.second_name if outlet and brand.second_name else brand.name,
        po=brand.po.format(n=brand.first_po + n),
        alt_po=brand.alt_po.format(n=brand.first_po % 9000 + 300 + n) if brand.alt_po and n % 2 == 0 else None,
        ordered_on=ordered_on,
        ex_factory_on=ordered_on + timedelta(days=rng.randrange(80, 110)),
        method=rng.choices(("SEA", "AIR", "COURIER"), (7, 2, 1))[0],
        country=country,
        warehouse=warehouse,
    )


def _row(brand: Brand, n: int, header: Header, what: tuple[Style, str], rng: random.Random) -> OrderRow:
    style, colour = what
    return OrderRow(
        order_number=f"AAG{brand.first_style:05d}{n + 1:05d}",
        header=header,
        style=style,
        colour=colour,
        colour_code=colour_code(brand, colour),
        drop="1",
        order_type=rng.choices(("RECEIVED", "ACTIVE", "CANCELLED"), (60, 36, 4))[0],
        quantities=_quantities(style.sizes, rng),
    )


def _second_drop(first: OrderRow, order_number: str, rng: random.Random) -> OrderRow:
    quantities = {size: 6 * rng.randrange(1, 6) for size in first.quantities}
    return OrderRow(
        order_number,
        first.header,
        first.style,
        first.colour,
        first.colour_code,
        "2",
        first.order_type,
        quantities,
    )


def _quantities(sizes: Sequence[str], rng: random.Random) -> dict[str, int]:
    """Order three to six neighbouring sizes, most of the middle ones; now and then a size at nought."""
    width = min(len(sizes), rng.choice((3, 4, 4, 5, 5, 6)))
    start = rng.randrange(len(sizes) - width + 1)
    base = rng.choice((24, 36, 48, 60, 72, 96, 120, 180))
    quantities = {}
    for place, size in enumerate(sizes[start : start + width]):
        off_centre = abs(place - (width - 1) / 2) / max(1.0, width / 2)
        quantities[size] = 0 if rng.random() < 0.02 else max(2, round(base * (1 - 0.7 * off_centre)))
    return quantities
