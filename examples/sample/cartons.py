"""Fulfilment put into cartons: one row a carton and SKU, packed or shipped, with what goes wrong in such rows."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from sample.fulfilment import Fulfilment
from sample.spellings import Key

FIRST_CARTON: Final = 300_100_001
PACKED_DAYS: Final = 170
"""A carton is not left standing longer than the packing view looks back (180 days)."""
IDENTICAL_ROWS: Final = 16
UNDATED_ROWS: Final = 25
SHIPPED_SINCE_ROWS: Final = 40
SHIPPED_IN_PART_ROWS: Final = 12


@dataclass(frozen=True)
class CartonRow:
    """One SKU in one carton. ``day`` is that of packing or of shipping."""

    key: Key
    carton: str
    day: date | None
    season: str
    method: str
    country: str
    sku: str
    qty: int


@dataclass
class Carton:
    """A carton as it is filled."""

    number: str
    packed_on: date
    shipped_on: date | None
    units: int = 0
    skus: set[str] = field(default_factory=set)


@dataclass
class CartonViews:
    """What the two carton views show, and what is wrong in it.

    Attributes:
        packed: rows of the packing view.
        shipped: rows of the shipping view.
        shipped_since: packed rows that stand in both views, because the carton left between two queries.
        shipped_in_part: packed rows of which half (rounded down) is in the shipping view.
        identical: rows that are there a second time.
        undated: rows without a date.
    """

    packed: list[CartonRow] = field(default_factory=list)
    shipped: list[CartonRow] = field(default_factory=list)
    shipped_since: list[CartonRow] = field(default_factory=list)
    shipped_in_part: list[CartonRow] = field(default_factory=list)
    identical: int = 0
    undated: int = 0


def pack(fulfilled: Sequence[Fulfilment], as_of: date, rng: random.Random) -> CartonViews:
    """Put every fulfilment key into cartons, full ones first, what is left over into mixed ones.

    Args:
        fulfilled: the fulfilment keys.
        as_of: the sample's date; nothing is packed or shipped after it.
        rng: the source of chance.

    Returns:
        The rows of both views, sorted by day and carton.
    """
    views = CartonViews()
    groups: dict[Hashable, list[Fulfilment]] = defaultdict(list)
    for one in fulfilled:
        groups[one.brand.name, one.order.found.po if one.order else one.found].append(one)
    skus: dict[Hashable, str] = {}
    number = FIRST_CARTON
    for group in groups.values():
        shipped_share = _shipped_share(group[0], as_of, rng)
        mixed: Carton | None = None
        for one in group:
            what = one.order.found[2:] if one.order else one.found[2:]
            sku = skus.setdefault((one.brand.name, *what), barcode(len(skus)))
            left = one.units
            while left > 0:
                units = min(left, one.brand.carton)
                if units == one.brand.carton or not _fits(mixed, units, sku, one.brand.carton):
                    carton = _carton(number, one, shipped_share, as_of, rng)
                    number += 1
                    if units < one.brand.carton:
                        mixed = carton
                elif mixed is not None:
                    carton = mixed
                carton.units += units
                carton.skus.add(sku)
                row = CartonRow(
                    one.found,
                    carton.number,
                    carton.shipped_on or carton.packed_on,
                    one.row.season,
                    one.row.header.method,
                    one.row.header.country,
                    sku,
                    units,
                )
                (views.shipped if carton.shipped_on else views.packed).append(row)
                left -= units
    _read_at_two_moments(views, as_of, rng)
    _repeat(views, rng)
    _lose_dates(views, rng)
    for rows in (views.packed, views.shipped):
        rows.sort(key=lambda row: (row.day or date.min, row.carton, row.sku, row.key))
    return views


def barcode(n: int) -> str:
    """Make an EAN-13 of the range that shops number themselves (20 to 29), so it is nobody's."""
    digits = f"29{n + 4_410_017:010d}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(odd + 3 * even) % 10}"


def _shipped_share(one: Fulfilment, as_of: date, rng: random.Random) -> float:
    due = (as_of - one.row.header.ex_factory_on).days
    return rng.choice((1.0, 1.0, 1.0, 0.8, 0.5)) if due > 14 else rng.choice((0.0, 0.0, 0.4))


def _fits(mixed: Carton | None, units: int, sku: str, room: int) -> bool:
    return mixed is not None and sku not in mixed.skus and mixed.units + units <= room


def _carton(number: int, one: Fulfilment, shipped_share: float, as_of: date, rng: random.Random) -> Carton:
    yesterday = as_of - timedelta(days=1)
    packed_on = min(one.row.header.ex_factory_on - timedelta(days=rng.randrange(2, 18)), yesterday)
    shipped_on = packed_on + timedelta(days=rng.randrange(1, 12))
    if rng.random() < shipped_share and shipped_on <= yesterday:
        return Carton(f"C{number}", packed_on, shipped_on)
    earliest = as_of - timedelta(days=PACKED_DAYS - rng.randrange(20))
    return Carton(f"C{number}", max(packed_on, earliest), None)


def _read_at_two_moments(views: CartonViews, as_of: date, rng: random.Random) -> None:
    """Let cartons leave between the query for what is packed and the one for what is shipped."""
    latest = as_of - timedelta(days=1)
    recent = [n for n, row in enumerate(views.shipped) if row.day and (latest - row.day).days < PACKED_DAYS]
    chosen = rng.sample(recent, min(SHIPPED_SINCE_ROWS + SHIPPED_IN_PART_ROWS, len(recent) // 4))
    for count, n in enumerate(chosen):
        row = views.shipped[n]
        before = replace(row, day=(row.day or latest) - timedelta(days=rng.randrange(1, 6)))
        if count % 4 == 3 and row.qty > 2:
            views.shipped[n] = replace(row, qty=row.qty // 2, day=latest)
            views.shipped_in_part.append(before)
        else:
            views.shipped[n] = replace(row, day=latest)
            views.shipped_since.append(before)
        views.packed.append(before)


def _ordinary(views: CartonViews, rows: list[CartonRow]) -> list[int]:
    both = {(row.carton, row.sku) for row in views.shipped_since + views.shipped_in_part}
    return [n for n, row in enumerate(rows) if (row.carton, row.sku) not in both]


def _repeat(views: CartonViews, rng: random.Random) -> None:
    """Two scans of the same units of one SKU in one carton: rows that are equal in every column, and both true."""
    for rows in (views.packed, views.shipped):
        chosen = rng.sample(_ordinary(views, rows), min(IDENTICAL_ROWS, len(rows) // 20))
        for n in chosen:
            if rows[n].qty % 2 == 0:
                rows[n] = replace(rows[n], qty=rows[n].qty // 2)
                rows.append(rows[n])
                views.identical += 1


def _lose_dates(views: CartonViews, rng: random.Random) -> None:
    """Rows without a date belong to every window. A pair of equal rows loses it on one side only by chance."""
    for rows in (views.packed, views.shipped):
        for n in rng.sample(_ordinary(views, rows), min(UNDATED_ROWS, len(rows) // 20)):
            rows[n] = replace(rows[n], day=None)
            views.undated += 1
