"""Which order line a shipment filled: first ex factory first, and not one unit lost.

Lines and fulfilment of a key are laid end to end as lengths of units; where the two overlap, the one fills the other.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from recon.frames import Flags, Ints, codes_of, objects, sum_by

FILL: Final = ("order_line_id", "fulfil_key_id", "packed_qty", "shipped_qty")
NO_DATE: Final = np.iinfo(np.int64).max


class _Lines(NamedTuple):
    """Lines in the order in which they are filled: their places in the frame, their keys, what they ordered."""

    row: Ints
    key: Ints
    qty: Ints


class _Supply(NamedTuple):
    """Packed or shipped units in the order in which they fill: their places in the frame, their keys."""

    row: Ints
    key: Ints
    packed: Flags
    qty: Ints

    def at(self, some: Ints | Flags) -> _Supply:
        """Take some, by place or flag."""
        return _Supply(self.row[some], self.key[some], self.packed[some], self.qty[some])


def fill_lines(lines: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    """Spread fulfilment over the lines of the order key it is linked to.

    Within a key, lines are filled in the order of ``ex_factory_on`` (no date: last), then of their id; shipped units
    before packed ones. What is over goes on the last line. A cancelled line gets nothing unless the key has no other.

    Args:
        lines: order_line_id, order_key_id, ordered_qty, cancelled, ex_factory_on of the lines that count.
        linked: order_key_id, fulfil_key_id, packed_qty, shipped_qty, one row a linked fulfilment key.

    Returns:
        order_line_id, fulfil_key_id, packed_qty, shipped_qty: no row for a pair without units. The sums by
        fulfil_key_id are those of ``linked``.
    """
    of_supply, distinct = pd.factorize(linked["order_key_id"])
    keys = pd.Index(distinct)
    filled = _in_filling_order(lines, keys)
    supply = _supply(linked, of_supply.astype(np.int64))
    positive, negative = supply.at(supply.qty > 0), supply.at(supply.qty < 0)
    line, unit, qty = _overlap(filled, positive, len(keys))
    last_line = np.searchsorted(filled.key, np.arange(len(keys)), side="right") - 1
    line = np.concatenate([line, last_line[negative.key]])
    row = np.concatenate([positive.row[unit], negative.row])
    packed = np.concatenate([positive.packed[unit], negative.packed])
    qty = np.concatenate([qty, negative.qty])
    pairs, place = np.unique(line * max(len(linked), 1) + row, return_inverse=True)
    line, row = pairs // max(len(linked), 1), pairs % max(len(linked), 1)
    return pd.DataFrame(
        {
            "order_line_id": lines["order_line_id"].array.take(filled.row[line]),
            "fulfil_key_id": linked["fulfil_key_id"].array.take(row),
            "packed_qty": sum_by(place, qty * packed, len(pairs)),
            "shipped_qty": sum_by(place, qty * ~packed, len(pairs)),
        }
    ).astype({"order_line_id": "str", "fulfil_key_id": "str"})


def _in_filling_order(lines: pd.DataFrame, keys: pd.Index[str]) -> _Lines:
    of_line = lines["order_key_id"]
    if isinstance(of_line.dtype, pd.CategoricalDtype):
        key = np.append(keys.get_indexer(of_line.cat.categories), -1)[codes_of(of_line)]
    else:
        key = keys.get_indexer(pd.Index(of_line))
    live = ~lines["cancelled"].to_numpy(dtype=bool)
    has_live = np.zeros(len(keys) + 1, dtype=bool)
    has_live[key[live]] = True
    row = np.flatnonzero((key >= 0) & (live | ~has_live[key]))
    key = key[row].astype(np.int64)
    day = lines["ex_factory_on"].iloc[row].to_numpy(dtype="datetime64[us]")
    date = np.where(np.isnat(day), NO_DATE, day.astype(np.int64))
    order = np.lexsort((_rank(lines["order_line_id"].iloc[row], key), date, key))
    qty = lines["ordered_qty"].to_numpy(dtype=np.int64)[row[order]]
    return _Lines(row[order], key[order], qty)


def _supply(linked: pd.DataFrame, key: Ints) -> _Supply:
    rank = _rank(linked["fulfil_key_id"], key)
    count = len(linked)
    both = _Supply(
        row=np.tile(np.arange(count), 2),
        key=np.tile(key, 2),
        packed=np.arange(2 * count) >= count,
        qty=np.concatenate([linked[name].to_numpy(dtype=np.int64) for name in ("shipped_qty", "packed_qty")]),
    )
    return both.at(np.lexsort((np.tile(rank, 2), both.packed, both.key)))


def _rank(ids: pd.Series[Any], key: Ints) -> Ints:
    """Rank the ids of keys that have several; sorting texts costs, and most keys have one."""
    rank = np.zeros(len(ids), dtype=np.int64)
    several = np.flatnonzero(np.bincount(key, minlength=1)[key] > 1)
    if len(several):
        rank[several] = np.unique(objects(ids.iloc[several]), return_inverse=True)[1]
    return rank


def _overlap(lines: _Lines, supply: _Supply, keys: int) -> tuple[Ints, Ints, Ints]:
    """Lay lines and units end to end, key after key, and cut wherever either begins anew.

    Returns:
        Position of the line, position of the supply, and units of each piece.
    """
    totals = sum_by(supply.key, supply.qty, keys)
    starts = np.cumsum(totals) - totals
    key = lines.key
    so_far = np.cumsum(np.maximum(lines.qty, 0))
    before = np.concatenate([[0], so_far])[np.searchsorted(key, key, side="left")]
    room = np.minimum(so_far - before, totals[key])
    is_last = np.append(key[1:] != key[:-1], [True] * min(len(key), 1))
    line_ends = starts[key] + np.where(is_last, totals[key], room)
    supply_ends = np.cumsum(supply.qty)
    cuts = np.unique(np.concatenate([[0], line_ends, supply_ends])).astype(np.int64)
    ends = cuts[1:]
    return (
        np.searchsorted(line_ends, ends, side="left").astype(np.int64),
        np.searchsorted(supply_ends, ends, side="left").astype(np.int64),
        np.diff(cuts),
    )
