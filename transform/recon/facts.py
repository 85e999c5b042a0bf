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

from recon.cartons import carton_counts
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
) -> pd.DataFrame:
    """Put order keys and unmatched fulfilment keys together.

    Args:
        order_keys: from ``keys.sum_orders``.
        fulfil_keys: from ``keys.sum_cartons``.
        matches: fulfil_key_id, order_key_id, match_type, match_rule, match_score of every fulfilment key.
        rules: all rules, for tolerances.

    Returns:
        The columns of ``FACT`` but cartons and dates of cartons, plus the inputs of status and flag.
    """
    linked = fulfil_keys.merge(matches[["fulfil_key_id", "order_key_id", *_MATCH]], on="fulfil_key_id")
    strange = linked[linked["order_key_id"].isna()]
    ordered = _with_fulfilment(order_keys, linked[linked["order_key_id"].notna()])
    ordered = ordered.assign(recon_id=ordered["order_key_id"], has_order=True)
    unordered = strange.drop(columns=_MATCH).assign(
        recon_id=strange["fulfil_key_id"], has_order=False, match_type="NO_MATCH"
    )
    facts = pd.DataFrame({name: stack(ordered[name], _column(unordered, name, ordered)) for name in ordered.columns})
    fulfilled = facts["packed_qty"] + facts["shipped_qty"]
    facts["qty_variance"] = facts["ordered_qty"] - fulfilled
    share = facts["qty_variance"] * 100 / facts["ordered_qty"].where(facts["ordered_qty"] > 0)
    facts["qty_variance_pct"] = share.round(4)
    facts["tolerance_pct"] = _tolerances(facts["customer"], rules)
    facts["recon_status"] = recon_status(facts)
    facts["quality_flag"] = quality_flag(facts)
    return facts


_MATCH: Final = ["match_type", "match_rule", "match_score"]


def _column(frame: pd.DataFrame, name: str, like: pd.DataFrame) -> pd.Series[Any]:
    """Take a column, or make one of the same type: nought for numbers, else missing."""
    if name in frame:
        return frame[name]
    nothing = 0 if like[name].dtype.kind in "iub" else None
    return pd.Series(nothing, index=frame.index, dtype=like[name].dtype)


def _with_fulfilment(order_keys: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    """Add to each order key what its linked fulfilment keys sum to, and how they were linked.

    The match type is ``FUZZY`` where any link is; the rule is that of the most units among links of that type (on a
    tie the first by name); the score is weighted by units.
    """
    units = linked["packed_qty"] + linked["shipped_qty"]
    is_fuzzy = linked["match_type"] == "FUZZY"
    some = linked.assign(units=units, fuzzy_qty=units.where(is_fuzzy, 0), weight=units.clip(lower=1), is_fuzzy=is_fuzzy)
    some["weighted"] = some["match_score"] * some["weight"]
    totals = some.groupby("order_key_id")[["packed_qty", "shipped_qty", "fuzzy_qty", "weight", "weighted"]].sum()
    totals["match_score"] = (totals["weighted"] / totals["weight"]).round(4)
    by_rule = some.groupby(["order_key_id", "is_fuzzy", "match_rule"])["units"].sum().reset_index()
    by_rule = by_rule.sort_values(
        ["order_key_id", "is_fuzzy", "units", "match_rule"], ascending=[True, False, False, True]
    )
    leading = by_rule.drop_duplicates("order_key_id").set_index("order_key_id")
    totals["match_rule"] = leading["match_rule"]
    totals["match_type"] = np.where(leading["is_fuzzy"].reindex(totals.index), "FUZZY", "EXACT")
    joined = order_keys.merge(
        totals.drop(columns=["weight", "weighted"]), how="left", left_on="order_key_id", right_index=True
    )
    quantities = {name: joined[name].fillna(0).astype("int64") for name in ("packed_qty", "shipped_qty", "fuzzy_qty")}
    return joined.assign(
        fulfil_key_id=text([None] * len(joined)), match_type=joined["match_type"].fillna("NO_MATCH"), **quantities
    )


def _tolerances(customers: pd.Series[Any], rules: Rules) -> pd.Series[Any]:
    own = {
        clean(customer.canonical): customer.tolerance_pct
        for customer in rules.customers.customers
        if customer.tolerance_pct is not None
    }
    return look_up(customers, pd.Series(own, dtype="float64")).fillna(rules.matching.tolerance_pct)


def add_cartons(
    facts: pd.DataFrame,
    matches: pd.DataFrame,
    packed: pd.DataFrame,
    shipped: pd.DataFrame,
) -> pd.DataFrame:
    """Add what only the cartons tell: how many there are, first packed, last shipped.

    Args:
        facts: from ``order_facts``.
        matches: fulfil_key_id and order_key_id of every fulfilment key.
        packed: packed rows that count: fulfil_key_id, connection, carton_id, packed_on.
        shipped: shipped rows that count: fulfil_key_id, connection, carton_id, shipped_on.

    Returns:
        The facts with cartons, first_packed_on, last_shipped_on.
    """
    number = pd.Series(np.arange(len(facts)), index=facts["recon_id"])
    recon_of = matches.set_index("fulfil_key_id")["order_key_id"]
    recon_of = recon_of.where(recon_of.notna(), pd.Series(recon_of.index, index=recon_of.index))
    fact_of = look_up(recon_of, number)
    keys = [_numbers(rows["fulfil_key_id"], fact_of) for rows in (packed, shipped)]
    both = pd.DataFrame({name: stack(packed[name], shipped[name]) for name in ("connection", "carton_id")})
    count = len(facts)
    first = packed["packed_on"].groupby(keys[0]).min().reindex(range(count))
    last = shipped["shipped_on"].groupby(keys[1]).max().reindex(range(count))
    return facts.assign(
        cartons=carton_counts(both, np.concatenate(keys), count),
        first_packed_on=first.array,
        last_shipped_on=last.array,
    )


def _numbers(fulfil_key_ids: pd.Series[Any], fact_of: pd.Series[Any]) -> Ints:
    by_category = fact_of.reindex(fulfil_key_ids.cat.categories).to_numpy(dtype=np.int64)
    return np.asarray(by_category[fulfil_key_ids.cat.codes.to_numpy()], dtype=np.int64)


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
        matches: fulfil_key_id, match_type.
        fulfil_keys: fulfil_key_id, customer, packed_qty, shipped_qty.
        hashes: customer to a hash of all that went into its matching.

    Returns:
        ``recon_customer_run`` without its run.
    """
    sums = facts.groupby("customer")[["ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty"]].sum()
    sums["order_keys"] = facts.groupby("customer")["has_order"].sum()
    units = fulfil_keys.merge(matches[["fulfil_key_id", "match_type"]], on="fulfil_key_id")
    units["units"] = units["packed_qty"] + units["shipped_qty"]
    by_type = units.groupby(["customer", "match_type"])["units"].sum().unstack(fill_value=0)
    by_type = by_type.reindex(columns=["EXACT", "FUZZY", "NO_MATCH"], fill_value=0).reindex(sums.index, fill_value=0)
    sums[["exact_qty", "fuzzy_qty", "unmatched_qty"]] = by_type
    # A customer without a fact has its cartons linked to another's orders by a person: its hash is kept all the same.
    sums = sums.reindex(hashes.index, fill_value=0).rename_axis("customer")
    return sums.assign(input_hash=hashes).reset_index()
