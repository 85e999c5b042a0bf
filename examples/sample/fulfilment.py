"""What became of the orders: how much was packed and shipped, under which spelling, and what belongs to no order.

The truth is made first (a key is fulfilled to so many units) and the spelling put over it afterwards, so each
fulfilment key is known to belong to one order key, or to none.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sample.brands import Brand
from sample.orders import OrderRow
from sample.spellings import CORRUPTIONS, Corruption, Key, Neighbours, OrderKey, loose

STRANGERS_PCT: Final = 4.0
INCOMPLETE_KEYS: Final = 12
SECOND_SPELLING: Final = 0.25
"""How often a key whose spelling departs stands under the right one as well: part of a shipment keyed otherwise."""


@dataclass(frozen=True)
class Line:
    """One order line: an order row and one of its sizes. ``customer`` is its name as found."""

    brand: Brand
    row: OrderRow
    customer: str
    size: str
    units: int

    @property
    def found(self) -> Key:
        """The order key as found."""
        return Key(self.customer, self.row.header.po, self.row.style.number, self.row.colour, self.size)


@dataclass
class Fulfilment:
    """What is in the warehouse's books under one spelling.

    Attributes:
        found: the key as found in the carton views.
        order: the order key it belongs to; ``None`` for a stranger.
        corruption: how ``found`` departs from the order.
        units: packed and shipped together.
        row: an order row that says what, where to and when; for a stranger any of the brand.
    """

    brand: Brand
    found: Key
    order: OrderKey | None
    corruption: str
    units: int
    row: OrderRow


@dataclass
class OrderBook:
    """All orders of the sample, each once.

    Attributes:
        keys: order keys in the order in which they were first seen.
        ordered: units by order key, neither cancelled nor samples.
        rows: every order row of a brand, by the brand's name, also those that cannot be used.
    """

    keys: list[OrderKey] = field(default_factory=list)
    ordered: Counter[Key] = field(default_factory=Counter)
    cancelled: Counter[Key] = field(default_factory=Counter)
    rows: dict[str, list[OrderRow]] = field(default_factory=lambda: defaultdict(list))


def order_book(lines: Iterable[Line], rows: Iterable[tuple[Brand, OrderRow]]) -> OrderBook:
    """Sum order lines to their keys.

    Args:
        lines: order lines that count, samples left out.
        rows: every order row, to know what is real.

    Returns:
        The book.
    """
    book = OrderBook()
    seen: dict[Key, OrderKey] = {}
    for line in lines:
        if line.found not in seen:
            seen[line.found] = OrderKey(line.brand, line.row, line.found)
            book.keys.append(seen[line.found])
        (book.cancelled if line.row.cancelled else book.ordered)[line.found] += line.units
    for brand, row in rows:
        book.rows[brand.name].append(row)
    return book


def fulfil(book: OrderBook, as_of: date, rng: random.Random) -> list[Fulfilment]:
    """Decide what was fulfilled of every order and how the warehouse spells it, and add the strangers.

    Args:
        book: the orders.
        as_of: the sample's date: what has not left the factory by then is mostly not packed either.
        rng: the source of chance.

    Returns:
        One entry a fulfilment key, each key (cleaned) once; in the order of the order keys, strangers last.
    """
    units = _fulfilled_units(book, as_of, rng)
    spelt, kinds = _spell([key for key in book.keys if key.found in units], book, rng)
    taken = {_cleaned(key.in_wms) for key in book.keys}
    fulfilled = []
    for key in book.keys:
        if key.found not in units:
            continue
        total = units[key.found]
        plain = "exact" if key.in_wms.customer == key.found.customer else "alias_customer"
        found, kind = spelt.get(key.found, key.in_wms), kinds.get(key.found, plain)
        right = 0
        if kind not in {plain, "po_misspelt", "style_misspelt", "case_and_blanks"} and rng.random() < SECOND_SPELLING:
            right = total // 2
        if right:
            fulfilled.append(Fulfilment(key.brand, key.in_wms, key, plain, right, key.row))
        fulfilled.append(Fulfilment(key.brand, found, key, kind, total - right, key.row))
        taken.add(_cleaned(found))
    count = round(len(fulfilled) * STRANGERS_PCT / (100 - STRANGERS_PCT))
    return fulfilled + _strangers(book, count, taken, rng) + _incomplete(book, rng)


def _fulfilled_units(book: OrderBook, as_of: date, rng: random.Random) -> dict[Key, int]:
    """Decide units by order key; what is missing was not fulfilled at all."""
    units: dict[Key, int] = {}
    fates: dict[Hashable, float] = {}
    for key in book.keys:
        ordered = book.ordered[key.found]
        if ordered <= 0:
            if book.cancelled[key.found] > 0 and rng.random() < 0.03:  # cancelled too late
                units[key.found] = book.cancelled[key.found]
            continue
        # A PO mostly shares one fate; 1.0 is filled, below is not begun, in its order of ex-factory dates.
        due = (as_of - key.row.header.ex_factory_on).days
        po = (key.brand.name, key.found.po)
        if po not in fates:
            begun = 0.92 if due > 20 else 0.75 if due > 0 else 0.35 if due > -25 else 0.0
            fates[po] = rng.random() < begun
        if not fates[po] or rng.random() < 0.1:
            continue
        share = _share_filled(rng, late=due > 0)
        if filled := round(ordered * share):
            units[key.found] = filled
    return units


def _share_filled(rng: random.Random, *, late: bool) -> float:
    """Most keys are filled exactly; some short within tolerance, some well short, some over."""
    if not late:
        return rng.choice((0.25, 0.5, 1.0))
    (kind,) = rng.choices(("full", "near", "short", "over"), (76, 7, 11, 6))
    match kind:
        case "near":
            return rng.uniform(0.95, 0.99)
        case "short":
            return rng.uniform(0.4, 0.93)
        case "over":
            return rng.uniform(1.02, 1.2)
        case _:
            return 1.0


def _cleaned(key: Key) -> tuple[str, ...]:
    return tuple(" ".join(part.upper().split()) for part in key)


def _neighbours(rows: Sequence[OrderRow]) -> Neighbours:
    pos = {loose(row.header.po) for row in rows} | {loose(row.header.alt_po) for row in rows if row.header.alt_po}
    styles = {loose(name) for row in rows for name in _style_names(row)}
    return Neighbours(pos, styles, {row.colour for row in rows})


def _style_names(row: OrderRow) -> tuple[str, str, str]:
    return row.style.number, row.style.pattern_id, row.style.alias_item


def _spell(keys: Sequence[OrderKey], book: OrderBook, rng: random.Random) -> tuple[dict[Key, Key], dict[Key, str]]:
    """Choose which keys depart in which way, group by group until each way has its share.

    Returns:
        Order key to its spelling and to the name of the corruption, for those that depart.
    """
    real = {name: _neighbours(rows) for name, rows in book.rows.items()}
    owner = {_cleaned(key.in_wms): key.found for key in book.keys}
    spelt: dict[Key, Key] = {}
    kinds: dict[Key, str] = {}
    for corruption in CORRUPTIONS:
        wanted = round(len(keys) * corruption.share / 100)
        for group in _shuffled_groups(corruption, [key for key in keys if key.found not in spelt], rng):
            if wanted <= 0:
                break
            speller = corruption.speller(group[0], real[group[0].brand.name], rng)
            for key in group:
                found = speller(key) if speller else None
                if found is None or owner.setdefault(_cleaned(found), key.found) != key.found:
                    continue
                spelt[key.found], kinds[key.found] = found, corruption.name
                wanted -= 1
    return spelt, kinds


def _shuffled_groups(corruption: Corruption, keys: Sequence[OrderKey], rng: random.Random) -> list[list[OrderKey]]:
    groups: dict[Hashable, list[OrderKey]] = defaultdict(list)
    for key in keys:
        groups[corruption.group(key)].append(key)
    shuffled = list(groups.values())
    rng.shuffle(shuffled)
    return shuffled


def _strangers(book: OrderBook, count: int, taken: set[tuple[str, ...]], rng: random.Random) -> list[Fulfilment]:
    """Make fulfilment that belongs to no order, of parts that are real elsewhere or come next in their sequence."""
    brands = {key.brand.name: key.brand for key in book.keys}
    ordered = {
        (name, loose(po), loose(style), row.colour, size)
        for name, rows in book.rows.items()
        for row in rows
        for po in (row.header.po, row.header.alt_po)
        if po
        for style in _style_names(row)
        for size in row.quantities
    }
    strangers: list[Fulfilment] = []
    while len(strangers) < count:
        brand = brands[rng.choice(list(brands))]
        rows = book.rows[brand.name]
        row, other = rng.choice(rows), rng.choice(rows)
        po, style, colour = row.header.po, row.style.number, row.colour
        size = rng.choice(row.style.sizes)
        match rng.randrange(5):
            case 0:
                po = other.header.po
            case 1:
                colour = rng.choice(row.style.colours)
            case 2:
                style, colour, size = other.style.number, other.colour, rng.choice(other.style.sizes)
            case 3:
                last = max(len({r.header.po for r in rows}), 1)
                po = brand.po.format(n=brand.first_po + last + rng.randrange(2, 9))
            case _:
                pass  # all real: a size of the style's run that this PO did not order
        key = Key(brand.wms_names[0], po, style, colour, size)
        if (brand.name, loose(po), loose(style), colour, size) in ordered or _cleaned(key) in taken:
            continue
        taken.add(_cleaned(key))
        strangers.append(Fulfilment(brand, key, None, "stranger", 6 * rng.randrange(1, 7), row))
    return strangers


def _incomplete(book: OrderBook, rng: random.Random) -> list[Fulfilment]:
    """Make fulfilment whose PO was not keyed: it may belong to an order, nobody can say to which."""
    made: dict[tuple[str, ...], Fulfilment] = {}
    for key in rng.sample(book.keys, min(INCOMPLETE_KEYS, len(book.keys))):
        found = key.in_wms._replace(po=rng.choice(("", "N/A", "TBC")))
        made.setdefault(_cleaned(found._replace(po="")), Fulfilment(key.brand, found, None, "incomplete", 12, key.row))
    return list(made.values())
