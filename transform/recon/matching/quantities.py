"""Gives both sides of matching their units: what an order has open, and what a fulfilment key brings.

Units are evidence in the fuzzy pass alone; a frame without them is matched by its texts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

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
    keys = pd.Index(order_keys["order_key_id"])
    left = order_keys["ordered_qty"].to_numpy(dtype=np.int64, copy=True)
    of, units = keys.get_indexer(settled["order_key_id"]), settled["packed_qty"] + settled["shipped_qty"]
    np.subtract.at(left, of[of >= 0], units.to_numpy(dtype=np.int64)[of >= 0])
    return readings.assign(**{OPEN_QTY: left[keys.get_indexer(readings["order_key_id"])]})


def with_fulfilled_qty(fulfil_keys: pd.DataFrame) -> pd.DataFrame:
    """Add to each fulfilment key its packed and shipped units.

    Args:
        fulfil_keys: packed_qty, shipped_qty and any other columns.

    Returns:
        The keys with ``fulfilled_qty``, whole units.
    """
    return fulfil_keys.assign(**{FULFILLED_QTY: fulfil_keys["packed_qty"] + fulfil_keys["shipped_qty"]})
