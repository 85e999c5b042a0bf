"""One row an order key and one a fulfilment key that matched none: what was ordered, packed and shipped.

Everything here is summed from keys, never from joined lines. Quantities are whole numbers of units throughout.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from order_rules import tables
from order_rules.canonical import clean
from order_rules.config import Rules

from recon.frames import Ints, look_up, stack, text
from recon.matching.columns import FIVE
from recon.matching.flags import quality_flag, recon_status

FACT: Final = tuple(
    column.name
    for column in tables.fact_order_recon.c
    if column.name not in {"first_seen_at", "updated_at", "changed_run_id"}
)
"""The content of a fact."""
NAMED_BY_ID: Final = frozenset({"order_key_id", "fulfil_key_id", *FIVE})
"""What ``recon_id`` is a hash of, or is itself: the same in every fact of that id."""
CHANGING: Final = tuple(name for name in FACT if name not in NAMED_BY_ID)
"""What makes a fact another when it changes."""


def order_facts(
    order_keys: pd.DataFrame, fulfil_keys: pd.DataFrame, matches: pd.DataFrame, rules: Rules
) -> tuple[pd.DataFrame, Ints]:
    """Put order keys and unmatched fulfilment keys together.

    Args:
        order_keys: from ``keys.sum_orders``.
        fulfil_keys: from ``keys.sum_cartons``.
        matches: order_key_id, match_type, match_rule, match_score of every fulfilment key, in their order.
        rules: all rules, for tolerances.

    Returns:
        The columns of ``FACT`` but cartons and dates of cartons, plus the inputs of status and flag; and the place of
        the fact that each fulfilment key belongs to.
    """
    order_of = np.asarray(pd.Index(order_keys["order_key_id"]).get_indexer(matches["order_key_id"]), dtype=np.int64)
    has_order = order_of >= 0
    fact_of = np.where(has_order, order_of, len(order_keys) + np.cumsum(~has_order) - 1)
    linked = matches.assign(**{name: fulfil_keys[name] for name in ("packed_qty", "shipped_qty")})
    ordered = _with_fulfilment(order_keys, linked[has_order], order_of[has_order])
    ordered = ordered.assign(recon_id=ordered["order_key_id"], has_order=True)
    strange = fulfil_keys[~has_order]
    unordered = strange.assign(recon_id=strange["fulfil_key_id"], has_order=False, match_type="NO_MATCH")
    facts = pd.DataFrame({name: stack(ordered[name], _column(unordered, name, ordered)) for name in ordered.columns})
    fulfilled = facts["packed_qty"] + facts["shipped_qty"]
    facts["qty_variance"] = facts["ordered_qty"] - fulfilled
    share = facts["qty_variance"] * 100 / facts["ordered_qty"].where(facts["ordered_qty"] > 0)
    facts["qty_variance_pct"] = share.round(4)
    facts["tolerance_pct"] = _tolerances(facts["customer"], rules)
    facts["recon_status"] = recon_status(facts)
    facts["quality_flag"] = quality_flag(facts)
    return facts, fact_of


def _column(frame: pd.DataFrame, name: str, like: pd.DataFrame) -> pd.Series[Any]:
    """Take a column, or make one of the same type: nought for numbers, else missing."""
    if name in frame:
        return frame[name]
    nothing = 0 if like[name].dtype.kind in "iub" else None
    return pd.Series(nothing, index=frame.index, dtype=like[name].dtype)


def _with_fulfilment(order_keys: pd.DataFrame, linked: pd.DataFrame, order_of: Ints) -> pd.DataFrame:
    """Add to each order key what its linked fulfilment keys sum to, and how they were linked.

    The match type is ``FUZZY`` where any link is; the rule is that of the most units among links of that type (on a
    tie the first by name); the score is weighted by units.
    """
    units = linked["packed_qty"] + linked["shipped_qty"]
    is_fuzzy = linked["match_type"] == "FUZZY"
    some = linked.assign(units=units, fuzzy_qty=units.where(is_fuzzy, 0), weight=units.clip(lower=1), is_fuzzy=is_fuzzy)
    some["weighted"] = some["match_score"] * some["weight"]
    quantities = ["packed_qty", "shipped_qty", "fuzzy_qty"]
    totals = some.groupby(order_of)[[*quantities, "weight", "weighted"]].sum().reindex(range(len(order_keys)))
    leading = _leading(some, order_of).reindex(range(len(order_keys)))
    types = np.select([leading["match_type"] == "FUZZY", leading["match_type"].notna()], ["FUZZY", "EXACT"], "NO_MATCH")
    return order_keys.assign(
        **{name: totals[name].fillna(0).astype("int64") for name in quantities},
        match_score=(totals["weighted"] / totals["weight"]).round(4),
        match_rule=leading["match_rule"],
        match_type=text(types),
        fulfil_key_id=text([None] * len(order_keys)),
    )


def _leading(linked: pd.DataFrame, order_of: Ints) -> pd.DataFrame:
    """Find the rule and type by which an order key is mostly linked; most have one link, of which it is that one's."""
    columns = ["match_type", "match_rule"]
    linked = linked.set_axis(order_of)
    is_alone = np.bincount(order_of)[order_of] == 1
    several = linked[~is_alone].rename_axis("order").reset_index()
    by_rule = several.groupby(["order", "is_fuzzy", "match_rule"])[["units"]].sum().reset_index()
    ascending = {"order": True, "is_fuzzy": False, "units": False, "match_rule": True}
    first = (
        by_rule.sort_values(list(ascending), ascending=list(ascending.values()))
        .drop_duplicates("order")
        .reset_index(drop=True)
    )
    first["match_type"] = text(np.where(first["is_fuzzy"], "FUZZY", "EXACT"))
    made: pd.DataFrame = pd.concat([linked[is_alone], first.set_index("order")])[columns]
    return made


def _tolerances(customers: pd.Series[Any], rules: Rules) -> pd.Series[Any]:
    own = {
        clean(customer.canonical): customer.tolerance_pct
        for customer in rules.customers.customers
        if customer.tolerance_pct is not None
    }
    return look_up(customers, pd.Series(own, dtype="float64")).fillna(rules.matching.tolerance_pct)


def shipped_against_cancelled(facts: pd.DataFrame) -> tuple[int, int]:
    """Count keys whose every line is cancelled and which were fulfilled all the same.

    Returns:
        Keys and units.
    """
    fulfilled = facts["packed_qty"] + facts["shipped_qty"]
    hit = facts["has_order"] & (facts["cancelled_lines"] == facts["order_lines"]) & (fulfilled > 0)
    return int(hit.sum()), int(fulfilled[hit].sum())


def customer_totals(
    facts: pd.DataFrame, matches: pd.DataFrame, fulfil_keys: pd.DataFrame, hashes: pd.Series[Any]
) -> pd.DataFrame:
    """Sum the facts by customer, for trends.

    Args:
        facts: from ``order_facts``.
        matches: match_type of every fulfilment key.
        fulfil_keys: the same keys: customer, packed_qty, shipped_qty.
        hashes: customer to a hash of all that went into its matching.

    Returns:
        ``recon_customer_run`` without its run.
    """
    sums = facts.groupby("customer")[["ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty"]].sum()
    sums["order_keys"] = facts.groupby("customer")["has_order"].sum()
    units = fulfil_keys["packed_qty"] + fulfil_keys["shipped_qty"]
    by_type = units.groupby([fulfil_keys["customer"], matches["match_type"]]).sum().unstack(fill_value=0)
    by_type = by_type.reindex(columns=["EXACT", "FUZZY", "NO_MATCH"], fill_value=0).reindex(sums.index, fill_value=0)
    sums[["exact_qty", "fuzzy_qty", "unmatched_qty"]] = by_type
    # A customer without a fact has its cartons linked to another's orders by a person: its hash is kept all the same.
    sums = sums.reindex(hashes.index, fill_value=0).rename_axis("customer")
    return sums.assign(input_hash=hashes).reset_index()
