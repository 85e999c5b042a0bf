"""Puts rows staged under older rules into today's canonical form, so that a new alias takes effect at once.

The mapper does the same on the way in; here it is done again from what was found, once a distinct value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from order_rules.canonical import clean
from order_rules.config import Rules, Source

from recon.frames import Flags, category, map_distinct, map_pairs, objects

ORDER_FIELDS: Final = ("customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color")
"""An order line's fields that are cleaned and nothing else."""
CARTON_FIELDS: Final = ("customer_po", "style", "color")
"""A carton row's."""


def canonicalise(rows: pd.DataFrame, fields: Sequence[str], rules: Rules, source: Source) -> pd.DataFrame:
    """Canonicalise again the rows of another rules version.

    Args:
        rows: staged rows with customer, size and ``fields``, each with its ``_source``, and rules_version.
        fields: the fields that are cleaned.
        rules: today's rules.
        source: where the rows come from, as customers' names may differ by source.

    Returns:
        The rows as the mapper would stage them today; the same frame where nothing is older.
    """
    older = (rows["rules_version"] != rules.version).to_numpy()
    if not older.any():
        return rows
    some = rows[older]
    names = map_distinct(some["customer_source"], lambda name: rules.canonical_customer(name, source))
    customer = np.where(pd.isna(names), objects(some["customer"]), names)
    today: dict[str, Any] = {field: map_distinct(some[f"{field}_source"], clean) for field in fields}
    today["customer"] = customer
    today["size"] = map_pairs(some["size_source"], category(customer), rules.canonical_size)
    today["rules_version"] = np.full(len(some), rules.version, dtype=object)
    return rows.assign(**_replaced(rows, older, today))


def _replaced(rows: pd.DataFrame, older: Flags, today: Mapping[str, Any]) -> dict[str, pd.Series[Any]]:
    columns: dict[str, pd.Series[Any]] = {}
    for name, values in today.items():
        whole = objects(rows[name])
        whole[older] = values
        columns[name] = category(whole).set_axis(rows.index)
    return columns
