"""Which order line a shipment filled: first ex factory first, and not one unit lost.

Lines and fulfilment of a key are laid end to end as lengths of units; where the two overlap, the one fills the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from recon.frames import Ints

FILL: Final = ("order_line_id", "fulfil_key_id", "packed_qty", "shipped_qty")


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
    keys = pd.Index(np.sort(linked["order_key_id"].unique()))
    lines = _in_filling_order(lines, keys)
    supply = _supply(linked, keys)
    positive = supply[supply["qty"] > 0]
    line, unit, qty = _overlap(lines, positive, len(keys))
    last_line = np.searchsorted(lines["key"].to_numpy(), np.arange(len(keys)), side="right") - 1
    negative = supply[supply["qty"] < 0]
    pieces = pd.DataFrame(
        {
            "line": np.concatenate([line, last_line[negative["key"]]]),
            "fulfil_key_id": np.concatenate([positive["fulfil_key_id"].to_numpy()[unit], negative["fulfil_key_id"]]),
            "packed": np.concatenate([positive["packed"].to_numpy()[unit], negative["packed"]]).astype(bool),
            "qty": np.concatenate([qty, negative["qty"]]).astype("int64"),
        }
    )
    pieces["packed_qty"] = pieces["qty"].where(pieces["packed"], 0)
    pieces["shipped_qty"] = pieces["qty"].where(~pieces["packed"], 0)
    summed = pieces.groupby(["line", "fulfil_key_id"], as_index=False)[["packed_qty", "shipped_qty"]].sum()
    summed["order_line_id"] = lines["order_line_id"].to_numpy()[summed["line"]]
    return summed.astype({"order_line_id": "str", "fulfil_key_id": "str"})[list(FILL)]


def _in_filling_order(lines: pd.DataFrame, keys: pd.Index[str]) -> pd.DataFrame:
    key = keys.get_indexer(pd.Index(lines["order_key_id"].astype("str")))
    found = lines.assign(key=key)[key >= 0]
    live = ~found["cancelled"].astype("bool")
    has_live = live.groupby(found["key"]).transform("any")
    found = found[live | ~has_live]
    return found.sort_values(["key", "ex_factory_on", "order_line_id"], na_position="last").reset_index(drop=True)


def _supply(linked: pd.DataFrame, keys: pd.Index[str]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "key": keys.get_indexer(pd.Index(linked["order_key_id"])),
                "fulfil_key_id": linked["fulfil_key_id"].to_numpy(),
                "packed": packed,
                "qty": linked["packed_qty" if packed else "shipped_qty"].to_numpy(),
            }
        )
        for packed in (False, True)
    ]
    return pd.concat(parts, ignore_index=True).sort_values(["key", "packed", "fulfil_key_id"]).reset_index(drop=True)


def _overlap(lines: pd.DataFrame, supply: pd.DataFrame, keys: int) -> tuple[Ints, Ints, Ints]:
    """Lay lines and units end to end, key after key, and cut wherever either begins anew.

    Returns:
        Position of the line, position of the supply, and units of each piece.
    """
    totals = np.zeros(keys, dtype=np.int64)
    np.add.at(totals, supply["key"].to_numpy(), supply["qty"].to_numpy())
    starts = np.cumsum(totals) - totals
    key = lines["key"].to_numpy()
    room = lines["ordered_qty"].clip(lower=0).groupby(key).cumsum().to_numpy()
    room = np.minimum(room, totals[key])
    is_last = np.append(key[1:] != key[:-1], [True] * min(len(key), 1))
    line_ends = starts[key] + np.where(is_last, totals[key], room)
    supply_ends = np.cumsum(supply["qty"].to_numpy())
    cuts = np.unique(np.concatenate([[0], line_ends, supply_ends])).astype(np.int64)
    ends = cuts[1:]
    return (
        np.searchsorted(line_ends, ends, side="left").astype(np.int64),
        np.searchsorted(supply_ends, ends, side="left").astype(np.int64),
        np.diff(cuts),
    )
