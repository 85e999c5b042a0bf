"""Gives both sides of matching their units: what an order has open, and what a fulfilment key brings.

Units are evidence in the fuzzy pass alone; a frame without them is matched by its texts.
"""

from __future__ import annotations

import pandas as pd

from recon.frames import look_up
from recon.matching.columns import FULFILLED_QTY, OPEN_QTY


def with_open_qty(readings: pd.DataFrame, order_keys: pd.DataFrame, settled: pd.DataFrame) -> pd.DataFrame:
    """Add to each order reading the units of its key that people have not linked yet.

    Args:
        readings: order readings.
        order_keys: order_key_id, ordered_qty of every order key.
        settled: order_key_id, packed_qty, shipped_qty of the fulfilment keys that people linked.

    Returns:
        The readings with ``open_qty``, whole units; below nought where more was linked than ordered.
    """
    taken = (settled["packed_qty"] + settled["shipped_qty"]).groupby(settled["order_key_id"]).sum()
    ordered = order_keys.set_index("order_key_id")["ordered_qty"]
    left = ordered.sub(taken, fill_value=0).reindex(ordered.index)
    return readings.assign(**{OPEN_QTY: look_up(readings["order_key_id"], left).astype("int64")})


def with_fulfilled_qty(fulfilment: pd.DataFrame, fulfil_keys: pd.DataFrame) -> pd.DataFrame:
    """Add to each fulfilment key its packed and shipped units.

    Args:
        fulfilment: fulfilment keys, any of ``fulfil_keys``.
        fulfil_keys: fulfil_key_id, packed_qty, shipped_qty.

    Returns:
        The keys with ``fulfilled_qty``, whole units.
    """
    units = (fulfil_keys["packed_qty"] + fulfil_keys["shipped_qty"]).set_axis(fulfil_keys["fulfil_key_id"])
    return fulfilment.assign(**{FULFILLED_QTY: look_up(fulfilment["fulfil_key_id"], units).astype("int64")})
