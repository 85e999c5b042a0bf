"""Which order a carton belongs to: a pure function of one customer's orders and one customer's fulfilment.

``match_customer`` runs in a loop here and may run in a process pool or on a cluster with the same code. A pass gives
the pairs that fit; a key is linked where exactly one order key fits best, otherwise it stays a question for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from order_rules.canonical import clean
from order_rules.config import Rules

from recon.frames import look_up
from recon.matching import explain
from recon.matching.columns import DECIDED, KEY_NEEDS, PARTS
from recon.matching.normalise import Normaliser
from recon.matching.passes import CustomerRules, exact_pairs, reading_pairs


class Pass(NamedTuple):
    """One way of finding pairs.

    Attributes:
        match_type: what its links are called, ``EXACT`` or ``FUZZY``.
        pairs: from complete order readings, open fulfilment keys and the customer's rules to pairs that fit.
    """

    match_type: str
    pairs: Callable[[pd.DataFrame, pd.DataFrame, CustomerRules], pd.DataFrame]


PASSES: Final = (Pass("EXACT", exact_pairs), Pass("EXACT", reading_pairs))
"""In this order; what one leaves open goes to the next."""
GENERAL_STYLE_FIELDS: Final = ("style", "pattern_id", "alias_item")
"""Those of a customer that ``customers.yml`` doesn't know."""


def customer_rules(rules: Rules, customer: str, normaliser: Normaliser) -> CustomerRules:
    """Take from the rules what one customer's matching needs.

    Args:
        rules: all rules.
        customer: the canonical name.
        normaliser: made once for all customers.

    Returns:
        The customer's rules; those of an unknown customer are the general ones.
    """
    known = rules.customers.by_alias.get(customer)
    fields = known.style_fields if known and clean(known.canonical) == customer else GENERAL_STYLE_FIELDS
    return CustomerRules(normaliser=normaliser, style_fields=tuple(fields))


def match_customer(orders: pd.DataFrame, fulfilment: pd.DataFrame, rules: CustomerRules) -> pd.DataFrame:
    """Match one customer's fulfilment keys to its order keys.

    Args:
        orders: order readings, ``columns.READING``, text columns; one row a key and combination of its other names.
        fulfilment: fulfilment keys, ``columns.FULFILMENT``, text columns.
        rules: the customer's rules.

    Returns:
        One row a fulfilment key, ``columns.DECIDED``. Neither the order of rows nor another customer changes it.
    """
    complete = orders.dropna(subset=list(KEY_NEEDS))
    open_keys = fulfilment.dropna(subset=list(KEY_NEEDS))
    links: list[pd.DataFrame] = []
    seen: list[pd.DataFrame] = []
    for match_type, find_pairs in PASSES:
        if complete.empty or open_keys.empty:
            break
        pairs = _ranked(find_pairs(complete, open_keys, rules), open_keys)
        found = _links(pairs).assign(match_type=match_type)
        links.append(found)
        seen.append(pairs)
        open_keys = open_keys[~open_keys["fulfil_key_id"].isin(found["fulfil_key_id"])]
    decided = [explain.linked(found, fulfilment) for found in links if len(found)]
    matched = {key for part in decided for key in part["fulfil_key_id"]}
    rest = fulfilment[~fulfilment["fulfil_key_id"].isin(matched)]
    if len(rest):
        decided.append(explain.unlinked(rest, seen, complete))
    return pd.concat(decided, ignore_index=True)[list(DECIDED)]


def _ranked(pairs: pd.DataFrame, fulfilment: pd.DataFrame) -> pd.DataFrame:
    """Add a pair's score and rank within its fulfilment key, and drop pairs that a person ruled out."""
    rejected = look_up(pairs["fulfil_key_id"], fulfilment.set_index("fulfil_key_id")["rejected_order_key_id"])
    kept = pairs[rejected.isna() | (rejected != pairs["order_key_id"])]
    scored = kept.assign(score=kept[[f"{part}_points" for part in PARTS]].sum(axis=1))
    scored = scored.sort_values(
        ["fulfil_key_id", "score", "linkable", "order_key_id"], ascending=[True, False, False, True]
    )
    return scored.assign(rank=scored.groupby("fulfil_key_id").cumcount()).reset_index(drop=True)


def _links(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep of each fulfilment key its best pair, where it may be linked and no other order key fits as well.

    What fits less well doesn't stand against it, and never settles a tie of what fits better.
    """
    best = pairs[pairs["rank"] == 0]
    second = pairs[pairs["rank"] == 1].set_index("fulfil_key_id")
    best = best.assign(
        runner_up_order_key_id=look_up(best["fulfil_key_id"], second["order_key_id"]),
        runner_up_score=look_up(best["fulfil_key_id"], second["score"]),
    )
    tied = np.isclose(best["runner_up_score"].fillna(-1).to_numpy(), best["score"].to_numpy())
    may_link = pd.Series(best["linkable"].to_numpy(dtype=bool) & ~tied, index=best.index)
    return best[may_link]
