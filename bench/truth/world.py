"""Makes the orders of a world: customers of unequal size, sequential POs and styles, colours, size runs, drops.

Everything is made as people write it and then put into canonical form by ``order_rules``, as the mapper would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from order_rules.canonical import clean
from order_rules.config import Rules
from order_rules.ids import hash_id
from recon.frames import category, map_distinct, map_pairs
from recon.sizes import SizeFold, size_fold

from .vocabulary import FIRST_NAMES, LAST_NAMES, PALETTE, SIZE_RUNS

Chance = np.random.Generator
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

LARGEST_SHARE: Final = 0.2
"""Of all order lines, those of the largest customer."""
LINES_PER_PO: Final = 22
LINES_PER_STYLE: Final = 32
"""So that a style stands on about four POs."""
WAYS: Final = np.array(["SEA", "AIR", "TRUCK"], dtype=object)
NO_COLOR: Final = 0.008
"""Of styles: made in one colour, which nobody names."""
FIRST_DAY: Final = np.datetime64("2026-01-05", "D")

PO_FORMATS: Final[tuple[tuple[int, Callable[[int], str]], ...]] = (
    (4500012000, lambda number: f"{number:010d}"),
    (412000, lambda number: f"K{number:07d}"),
    (10200, lambda number: f"AB-{number}-1"),
    (20450, lambda number: f"{number}"),
    (61200, lambda number: f"00{number:06d}"),
    (310500, lambda number: f"{number}"),
    (3300410000, lambda number: f"{number:010d}"),
    (7100, lambda number: f"US{number:06d}"),
)
"""Where a customer's numbers begin, and how they are written."""
STYLE_FORMATS: Final[tuple[tuple[int, Callable[[int], str]], ...]] = (
    (1042, lambda number: f"FH-{number}"),
    (10234500, lambda number: f"{number}"),
    (1, lambda number: f"W23-{('TEE', 'DRS', 'PNT', 'KNT')[number // 40 % 4]}-{number:03d}"),
    (20310, lambda number: f"{number}{'MW'[number // 25 % 2]}"),
    (5100, lambda number: f"L{number}-{('MEN', 'WMN', 'KID')[number // 30 % 3]}"),
    (701, lambda number: f"BT{number:05d}"),
)
PATTERN_FORMATS: Final = ("PT{:05d}", "{:06d}", "P-{:04d}")
ALIAS_FORMATS: Final = ("OLD-{:04d}", "9{:06d}", "R{:05d}X")
ALT_FORMATS: Final = ("WEB{:06d}", "77{:06d}", "C-{:05d}")

ORDER_TEXTS: Final = ("customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color", "color_code")


@dataclass(frozen=True)
class World:
    """The orders of a made world.

    Attributes:
        lines: one row an order line, canonical: order_line_id, order_number, the five fields, customer_alt_po,
            pattern_id, alias_item, color_code, ordered_qty, cancelled, ex_factory_on, drop, delivery_method; in the
            order of POs.
        fold: which sizes stand for another with each customer, as its order lines prove.
    """

    lines: pd.DataFrame
    fold: SizeFold


def make_world(order_lines: int, chance: Chance, rules: Rules) -> World:
    """Make the orders.

    Args:
        order_lines: how many lines.
        chance: what decides.
        rules: whose canonical form the values get.

    Returns:
        The world; exactly ``order_lines`` lines.
    """
    names = customer_names(order_lines, chance)
    counts = customer_sizes(order_lines, len(names), chance)
    parts = [
        _customer(name, place, int(count), chance)
        for place, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
    found = pd.concat(parts, ignore_index=True)
    return _canonical(found, rules)


def customer_names(order_lines: int, chance: Chance) -> list[str]:
    """Name the customers: 20 of a small world, up to 46 of a large one."""
    names = [f"{first} {last}" for last in LAST_NAMES for first in FIRST_NAMES]
    count = int(np.clip(20 + order_lines // 3000, 20, 46))
    return [names[place] for place in chance.permutation(len(names))[:count]]


def customer_sizes(order_lines: int, customers: int, chance: Chance) -> Ints:
    """Share the order lines out: the largest customer has a fifth of them, most have one in a hundred."""
    others = chance.pareto(1.1, customers - 1) + 0.3
    for _ in range(20):  # none of the others comes near the largest
        others = np.minimum(others, others.sum() * LARGEST_SHARE)
    weights = np.concatenate([[others.sum() * LARGEST_SHARE / (1 - LARGEST_SHARE)], others])
    counts = np.maximum(1, np.floor(order_lines * weights / weights.sum())).astype(np.int64)
    counts[0] += order_lines - counts.sum()
    return np.asarray(counts, dtype=np.int64)


def _customer(name: str, place: int, count: int, chance: Chance) -> pd.DataFrame:
    """Make one customer's order lines, as found."""
    styles = max(4, round(count / LINES_PER_STYLE))
    palette = chance.permutation(len(PALETTE))[: int(chance.integers(9, 25))]
    runs = chance.permutation(len(SIZE_RUNS) - 1)[: int(chance.integers(1, 4))]
    if chance.random() < 0.3:
        runs = np.append(runs, len(SIZE_RUNS) - 1)
    pos, grid = 0, pd.DataFrame()
    while len(grid) < count:  # more POs than it takes, as the last ones are cut off
        pos = round(max(pos, count / LINES_PER_PO + 2) * 1.6)
        grid = _grid(pos, styles, len(palette), [SIZE_RUNS[run] for run in runs], chance)
    grid = grid.iloc[:count].reset_index(drop=True)
    po, style, color, plain = (grid[part].to_numpy() for part in ("po", "style", "color", "plain"))
    colors = _color_names(palette, chance)
    codes = _color_codes(palette, chance)
    base_styles = _sequence(STYLE_FORMATS[(place * 5 + int(chance.integers(2))) % len(STYLE_FORMATS)], styles, chance)
    style_texts = base_styles[style]
    if chance.random() < 0.15:
        suffixes = np.array([f"{100 + 7 * int(number)}" for number in palette], dtype=object)
        codes, style_texts = suffixes, style_texts + "-" + suffixes[color]
    made = {
        "customer": np.full(len(grid), name, dtype=object),
        "customer_po": _pos(place, pos, chance)[po],
        "customer_alt_po": _other_names(ALT_FORMATS, pos, (0.45, 0.85), chance)[po],
        "style": style_texts,
        "pattern_id": _other_names(PATTERN_FORMATS, styles, (0.7, 0.95), chance)[style],
        "alias_item": _other_names(ALIAS_FORMATS, styles, (0.45, 0.8), chance)[style],
        "color": np.where(plain, None, colors[color]),
        "color_code": np.where(plain, None, codes[color]),
        "size": grid["size"].to_numpy(),
        "order_number": _numbered(f"A{place:02d}", po),
        "ordered_qty": grid["qty"].to_numpy(),
        "cancelled": grid["cancelled"].to_numpy(),
        "drop": grid["drop"].to_numpy(),
        "delivery_method": WAYS[chance.choice(3, pos, p=(0.8, 0.15, 0.05))[po]],
        "ex_factory_on": FIRST_DAY + (po * 360 // pos + 30 * (grid["drop"].to_numpy() == "2")).astype("timedelta64[D]"),
    }  # fmt: skip
    return pd.DataFrame(made)


def _grid(pos: int, styles: int, colors: int, runs: Sequence[Sequence[str]], chance: Chance) -> pd.DataFrame:
    """Lay out which styles, colours and sizes stand on which PO, in what quantity; numbers, not names."""
    # Styles on POs: each PO takes a few around its season, so neighbouring POs share styles.
    several = np.clip(1 + chance.poisson(1.8, pos), 1, min(7, styles))
    po = np.repeat(np.arange(pos), several)
    spread = max(2.0, 0.03 * styles)
    style = np.clip(po / pos * styles + chance.normal(0, spread, len(po)), 0, styles - 1).astype(np.int64)
    po, style = _distinct(po, style)
    # Colours of a style on a PO: one to three of the style's own handful.
    plain = chance.random(styles) < NO_COLOR
    own = np.where(plain, 1, chance.integers(2, 6, styles))
    first = chance.integers(0, colors, styles)
    times = np.minimum(1 + chance.poisson(0.7, len(po)), own[style])
    row = np.repeat(np.arange(len(po)), times)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times) + chance.integers(0, 9, len(po))[row]
    po, style = po[row], style[row]
    color = (first[style] + turn % own[style] * 2) % colors
    keep = pd.DataFrame({"po": po, "style": style, "color": color}).drop_duplicates().index.to_numpy()
    po, style, color = po[keep], style[keep], color[keep]
    # Sizes: the style's run, now and then without an end.
    run_of = chance.integers(0, len(runs), styles)[style]
    length = np.array([len(run) for run in runs])[run_of]
    low = (chance.random(len(po)) < 0.18) & (length > 2)
    high = (chance.random(len(po)) < 0.18) & (length > 3)
    sizes = length - low - high
    row = np.repeat(np.arange(len(po)), sizes)
    at = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[row]
    flat = np.array([size for run in runs for size in run], dtype=object)
    start = np.cumsum([0, *(len(run) for run in runs)])[run_of]
    curve = np.exp(-(((at + 0.5) / length[row] - 0.5) ** 2) * 5)
    total = np.exp(chance.normal(4.1, 0.8, len(po)))
    pack = np.array([1, 1, 2, 6, 12])[int(chance.integers(5))]
    qty = np.maximum(1, np.round(total[row] * curve * chance.uniform(0.85, 1.15, len(row)) / pack)) * pack
    cancelled = (chance.random(len(po)) < 0.025)[row] | (chance.random(len(row)) < 0.005)
    frame = pd.DataFrame({"po": po[row], "style": style[row], "color": color[row], "size": flat[start[row] + at]})
    frame = frame.assign(qty=qty.astype(np.int64), cancelled=cancelled, drop="1", plain=plain[style][row])
    # Several drops of one order key.
    again = frame[(chance.random(len(po)) < 0.06)[row]]
    again = again.assign(drop="2", qty=np.maximum(1, again["qty"] * 2 // 3))
    return pd.concat([frame, again]).sort_values("po", kind="stable")


def _distinct(po: Ints, style: Ints) -> tuple[Ints, Ints]:
    pairs = np.unique(po * (style.max(initial=0) + 1) + style)
    return pairs // (style.max(initial=0) + 1), pairs % (style.max(initial=0) + 1)


def _numbers(first: int, count: int, chance: Chance) -> Ints:
    """Number in sequence, with a gap now and then: a number that was another house's or never used."""
    steps = chance.choice(4, count, p=(0.78, 0.14, 0.05, 0.03)) + 1
    return first + int(chance.integers(0, 700)) + np.cumsum(steps)


def _sequence(written: tuple[int, Callable[[int], str]], count: int, chance: Chance) -> Texts:
    first, form = written
    return np.array([form(int(number)) for number in _numbers(first, count, chance)], dtype=object)


def _pos(place: int, count: int, chance: Chance) -> Texts:
    texts = _sequence(PO_FORMATS[place % len(PO_FORMATS)], count, chance)
    if str(texts[0]).startswith("AB-"):  # here a suffix may tell two orders of one number apart
        for second in np.flatnonzero(chance.random(count - 1) < 0.12) + 1:
            if texts[second - 1].endswith("-1"):
                texts[second] = texts[second - 1][:-1] + "2"
    return texts


def _numbered(prefix: str, numbers: Ints) -> Texts:
    names = np.array([f"{prefix}{number:06d}" for number in range(int(numbers.max(initial=0)) + 1)], dtype=object)
    return names[numbers]


def _other_names(formats: Sequence[str], count: int, shares: tuple[float, float], chance: Chance) -> Texts:
    """Make another name for each, where the customer keeps such a column: shares of customers and of its rows."""
    form = formats[int(chance.integers(len(formats)))]
    texts = np.array([form.format(number) for number in _numbers(1200, count, chance)], dtype=object)
    kept = (chance.random() < shares[0]) & (chance.random(count) < shares[1])
    texts[~kept] = None
    return texts


def _color_names(palette: Ints, chance: Chance) -> Texts:
    names = [PALETTE[place] for place in palette]
    if chance.random() < 0.15:
        names = [f"{place + 1:02d} - {name}" for place, name in zip(palette, names, strict=True)]
    return np.array(names, dtype=object)


def _color_codes(palette: Ints, chance: Chance) -> Texts:
    """Give colour codes: numbers, three letters, or none with this customer."""
    way = chance.random()
    if way < 0.35:
        return np.full(len(palette), None, dtype=object)
    if way < 0.7:
        return np.array([f"{10 * (int(place) + 11):03d}" for place in palette], dtype=object)
    codes: list[str] = []
    for place in palette:
        name = PALETTE[place].upper().replace(" ", "").replace("/", "")
        short = name[0] + "".join(letter for letter in name[1:] if letter not in "AEIOU")
        tries = [short[:3], name[:3], *(f"{short[:2]}{number}" for number in range(1, 99))]
        codes.append(next(text for text in tries if text not in codes))
    return np.array(codes, dtype=object)


def _canonical(found: pd.DataFrame, rules: Rules) -> World:
    customer = category(map_distinct(found["customer"], lambda name: rules.canonical_customer(name, "order_list")))
    columns: dict[str, Any] = {name: category(map_distinct(found[name], clean)) for name in ORDER_TEXTS}
    columns["customer"] = customer
    columns["size"] = category(map_pairs(found["size"], customer, rules.canonical_size))
    for name in ("order_number", "drop", "delivery_method"):
        columns[name] = category(found[name].to_numpy())
    for name in ("ordered_qty", "cancelled", "ex_factory_on"):
        columns[name] = found[name]
    lines = pd.DataFrame(columns)
    fold = size_fold(lines.assign(unit_id=customer), rules)
    lines["size"] = fold.column(lines)
    lines.insert(0, "order_line_id", pd.Series([hash_id("line", number) for number in range(len(lines))], dtype="str"))
    return World(lines, fold)
