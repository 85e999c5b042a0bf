"""Order keys and fulfilment keys: the grain at which orders and cartons are summed before they are compared.

Joining rows that were not summed first counts an order once a carton; here nothing is joined below its key.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from order_rules import ids
from order_rules.canonical import clean

from recon.frames import (
    Ints,
    as_text,
    category,
    codes_of,
    earliest_by,
    map_distinct,
    number_groups,
    objects,
    stack,
    sum_by,
    text,
)
from recon.matching.columns import FIVE, KEY_NEEDS, READING

LONGEST_FOUND: Final = 400
"""What a column of names found holds; longer lists of names end in an ellipsis."""


def name_keys(rows: pd.DataFrame, side: ids.Side) -> tuple[pd.Series[Any], pd.DataFrame]:
    """Name the key of each row.

    Args:
        rows: any rows with the five fields.
        side: which side's ids.

    Returns:
        The key id of each row, and one row a key: ``id`` and the five fields as text.
    """
    groups, first = number_groups(rows, FIVE)
    some = {field: rows[field].iloc[first] for field in FIVE}
    named = pd.Index(ids.key_ids(side, *(objects(column) for column in some.values())), dtype="str")
    keys = pd.DataFrame({"id": named, **{field: as_text(column) for field, column in some.items()}}, copy=False)
    return pd.Series(pd.Categorical.from_codes(groups, categories=named)), keys


def sum_orders(lines: pd.DataFrame, due_by: pd.Timestamp) -> tuple[pd.Series[Any], pd.DataFrame, pd.DataFrame]:
    """Sum the order lines that count to their keys.

    Args:
        lines: the lines that count, sizes folded, with ``cancelled``.
        due_by: the last ex factory date that is due.

    Returns:
        The order key of each line; one row a key: order_key_id, the five fields, ordered_qty, cancelled_qty, due_qty,
        order_lines, cancelled_lines, order_numbers, customer_alt_po, pattern_id, earliest_ex_factory_on (of lines not
        cancelled, else of all), incomplete_key; and the order readings for matching.
    """
    lines = lines.reset_index(drop=True)
    key_ids, keys = name_keys(lines, ids.ORDER)
    keys = keys.rename(columns={"id": "order_key_id"})
    groups, count = codes_of(key_ids), len(keys)
    live = ~lines["cancelled"].to_numpy(dtype=bool)
    qty = lines["ordered_qty"].to_numpy(dtype=np.int64)
    ex_factory = lines["ex_factory_on"]
    due = live & (ex_factory.isna() | (ex_factory <= due_by)).to_numpy()
    ones = np.ones(len(lines), dtype=np.int64)
    keys["ordered_qty"] = sum_by(groups, qty * live, count)
    keys["cancelled_qty"] = sum_by(groups, qty * ~live, count)
    keys["due_qty"] = sum_by(groups, qty * due, count)
    keys["order_lines"] = sum_by(groups, ones, count)
    keys["cancelled_lines"] = sum_by(groups, ones * ~live, count)
    for column in ("order_number", "customer_alt_po", "pattern_id"):
        limit = None if column == "order_number" else LONGEST_FOUND
        keys["order_numbers" if column == "order_number" else column] = _names(groups, lines[column], count, limit)
    earliest = earliest_by(groups, ex_factory, count)
    of_live = earliest_by(groups[live], ex_factory[live], count)
    keys["earliest_ex_factory_on"] = of_live.where(keys["cancelled_lines"] < keys["order_lines"], earliest)
    keys["incomplete_key"] = keys[list(KEY_NEEDS)].isna().any(axis=1)
    return key_ids, keys, _readings(lines, key_ids)


def _readings(lines: pd.DataFrame, key_ids: pd.Series[Any]) -> pd.DataFrame:
    codes = category(map_distinct(lines["color_code"], clean))
    named = lines.assign(order_key_id=key_ids.array, color_code=codes)
    _, first = number_groups(named, ("order_key_id", "customer_alt_po", "pattern_id", "alias_item", "color_code"))
    return pd.DataFrame({column: as_text(named[column].iloc[first]) for column in READING}, copy=False)


def _names(groups: Ints, column: pd.Series[Any], count: int, limit: int | None) -> pd.Series[Any]:
    """List the distinct names of each key, sorted, joined by a comma."""
    column = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    distinct, codes = column.cat.categories.to_numpy(dtype=object), codes_of(column)
    width = max(len(distinct), 1)
    pairs = np.unique((groups * width + codes)[codes >= 0])
    group, name = pairs // width, distinct[pairs % width]
    single = np.bincount(group, minlength=count)[group] == 1
    names = np.full(count, None, dtype=object)
    names[group[single]] = name[single]
    lists: dict[int, list[str]] = {}
    # A loop over the few keys that go by several names.
    for key, one in zip(group[~single].tolist(), name[~single].tolist(), strict=True):
        lists.setdefault(key, []).append(one)
    for key, several in lists.items():
        joined = ", ".join(sorted(several))
        names[key] = joined if limit is None or len(joined) <= limit else f"{joined[: limit - 1]}…"
    return text(names)


def sum_cartons(packed: pd.DataFrame, shipped: pd.DataFrame) -> tuple[pd.Series[Any], pd.Series[Any], pd.DataFrame]:
    """Sum the packed and shipped rows that count to their keys.

    Args:
        packed: packed rows that count, with what is kept of their quantity.
        shipped: shipped rows that count.

    Returns:
        The fulfilment key of each packed row and of each shipped row, and one row a key: fulfil_key_id, the five
        fields, packed_qty, shipped_qty, incomplete_key.
    """
    both = pd.DataFrame({field: stack(packed[field], shipped[field]) for field in (*FIVE, "qty")})
    key_ids, keys = name_keys(both, ids.FULFIL)
    groups, count = codes_of(key_ids), len(keys)
    is_packed = np.arange(len(both)) < len(packed)
    qty = both["qty"].to_numpy(dtype=np.int64)
    keys = keys.rename(columns={"id": "fulfil_key_id"}).assign(
        packed_qty=sum_by(groups, qty * is_packed, count),
        shipped_qty=sum_by(groups, qty * ~is_packed, count),
    )
    keys["incomplete_key"] = keys[list(KEY_NEEDS)].isna().any(axis=1)
    split = len(packed)
    return key_ids.iloc[:split].reset_index(drop=True), key_ids.iloc[split:].reset_index(drop=True), keys
