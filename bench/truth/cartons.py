"""Packs what was delivered into cartons: about four rows an order line, most shipped, some still packed."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recon.frames import codes_of, number_groups

from .kinds import FIVE

ORDER_LINES: Final = (60_000, 360_000)
CARTON_ROWS: Final = (220_000, 1_600_000)
"""What stands against so many order lines; in between as in between, and below as at the first."""
SHIPPED, PACKED = 0.72, 0.14
"""Shares of keys that are shipped whole, and that are packed whole; the rest is shipped in part."""

Ints = NDArray[np.int64]


def carton_rows(order_lines: int) -> int:
    """Give about how many carton rows stand against so many order lines."""
    each = [rows / lines for rows, lines in zip(CARTON_ROWS, ORDER_LINES, strict=True)]
    return round(order_lines * float(np.interp(order_lines, ORDER_LINES, each)))


def pack(keys: pd.DataFrame, rows: int, chance: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pack deliveries into cartons.

    Args:
        keys: one row a fulfilment key: the five fields as categories, qty.
        rows: about how many carton rows to make.
        chance: what decides.

    Returns:
        Packed and shipped rows, shuffled: the five fields, qty, carton_id, connection.
    """
    qty = keys["qty"].to_numpy(dtype=np.int64)
    times = _times(qty, rows, chance)
    key = np.repeat(np.arange(len(keys)), times)
    turn = np.arange(len(key)) - np.repeat(np.cumsum(times) - times, times)
    # Full cartons and a last one that holds the rest.
    full = -(-qty // times)
    times_full = qty // full
    in_carton = np.where(turn < times_full[key], full[key], np.where(turn == times_full[key], (qty % full)[key], 0))
    kept = in_carton > 0
    key, turn, in_carton = key[kept], turn[kept], in_carton[kept]
    # A carton holds the sizes and colours of a style on a PO.
    style, first = number_groups(keys, ("customer", "customer_po", "style"))
    cartons = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(cartons, style, times)
    carton = (np.cumsum(cartons) - cartons)[style[key]] + turn
    way = chance.random(len(keys))[key]
    packed = np.where(way < SHIPPED, False, np.where(way < SHIPPED + PACKED, True, chance.random(len(key)) < 0.4))
    order = chance.permutation(len(key))
    names = pd.Index([f"C{number:08d}" for number in range(int(carton.max(initial=-1)) + 1)], dtype="str")
    houses = pd.Index(["distribution", "wah"], dtype="str")
    some = keys.iloc[key[order]]
    made = {field: some[field].array for field in FIVE}
    made |= {
        "qty": in_carton[order],
        "carton_id": pd.Categorical.from_codes(carton[order], categories=names),
        "connection": pd.Categorical.from_codes(codes_of(some["customer"]) % 2, categories=houses),
    }
    both = pd.DataFrame(made, copy=False)
    is_packed = packed[order].astype(bool)
    return both[is_packed].reset_index(drop=True), both[~is_packed].reset_index(drop=True)


def _times(qty: Ints, rows: int, chance: np.random.Generator) -> Ints:
    """Decide into how many cartons each key goes: more for more units, ``rows`` in all if the units suffice."""
    weight = np.sqrt(qty) * np.exp(chance.normal(0, 0.5, len(qty)))
    times = np.ones(len(qty), dtype=np.int64)
    for _ in range(4):
        room = np.where(times < qty, weight, 0.0)
        missing = rows - int(times.sum())
        if missing <= 0 or not room.any():
            break
        times += chance.poisson(missing * room / room.sum())
        times = np.minimum(times, qty)
    return times
