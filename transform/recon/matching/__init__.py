"""Which order a carton belongs to: a pure function of one customer's orders and one customer's fulfilment.

``match_customer`` runs in a loop, in a pool of processes or on a cluster with the same code. A pass gives the pairs
that fit; a key is linked where exactly one order key fits best, otherwise it stays a question for a person.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from order_rules.canonical import clean
from order_rules.config import Rules

from recon.frames import Flags, Ints
from recon.matching import explain
from recon.matching.candidates import Blocked
from recon.matching.codes import MISSING
from recon.matching.columns import BLOCKS
from recon.matching.explain import Decision
from recon.matching.forms import CustomerRules, Forms, Sides, read_sides
from recon.matching.fuzzy import fuzzy_pass
from recon.matching.normalise import Normaliser
from recon.matching.passes import Pairs, exact_pairs, reading_pairs

__all__ = ["CustomerRules", "customer_rules", "match_customer"]

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
    named = rules.customers.by_alias.get(customer)
    known = named if named and clean(named.canonical) == customer else None
    general = rules.matching
    threshold = known.fuzzy_threshold if known else None
    tolerance = known.tolerance_pct if known else None
    return CustomerRules(
        normaliser=normaliser,
        style_fields=tuple(known.style_fields if known else GENERAL_STYLE_FIELDS),
        fuzzy_threshold=general.fuzzy_threshold if threshold is None else threshold,
        review_margin=general.review_margin,
        review_from=general.review_from,
        tolerance_pct=general.tolerance_pct if tolerance is None else tolerance,
        most_pairs=general.most_pairs,
    )


def match_customer(orders: pd.DataFrame, fulfilment: pd.DataFrame, rules: CustomerRules) -> pd.DataFrame:
    """Match one customer's fulfilment keys to its order keys.

    The passes run in this order: equal in all fields; equal across fields or after normalising; alike. What one leaves
    open goes to the next.

    Args:
        orders: order readings, ``columns.READING``, text columns; one row a key and combination of its other names.
            With ``open_qty``, units are evidence.
        fulfilment: fulfilment keys, ``columns.FULFILMENT``, text columns; with ``fulfilled_qty``, units are evidence.
        rules: the customer's rules.

    Returns:
        One row a fulfilment key, ``columns.DECIDED``. Neither the order of rows nor another customer changes it.
        ``attrs[columns.BLOCKS]`` counts what the fuzzy pass compared, by ``columns.COMPARED``.
    """
    sides = read_sides(orders, fulfilment)
    forms = Forms(sides, rules.normaliser)
    open_ = np.ones(len(fulfilment), dtype=bool)
    decisions = [_decide(sides, exact_pairs(sides, open_))]
    proposals: dict[int, str] = {}
    blocks = Blocked().counts()
    open_[decisions[-1].links.carton] = False
    if open_.any() and sides.whole_orders.any():
        decisions.append(_decide(sides, reading_pairs(sides, forms, open_, rules)))
        open_[decisions[-1].links.carton] = False
    if open_.any() and sides.whole_orders.any():
        found = fuzzy_pass(sides, forms, open_, [decision.links for decision in decisions], rules)
        decisions.append(found.decision)
        open_[found.decision.links.carton] = False
        proposals = explain.proposed(sides, found.proposed, found.says)
        blocks = found.blocked.counts()
    ruled_out = fulfilment["rejected_order_key_id"].notna().to_numpy()
    made = [explain.linked(sides, decision) for decision in decisions]
    whole = explain.as_frame(sides, [*made, explain.left_open(open_, ruled_out, proposals)])
    whole.attrs[BLOCKS] = blocks
    return whole


def _decide(sides: Sides, pairs: Pairs) -> Decision:
    """Link of each fulfilment key its best pair, where it may be linked and no other order key fits as well.

    What fits less well doesn't stand against it, and never settles a tie of what fits better.
    """
    order = _ranked(sides, pairs)
    pairs = pairs.take(order)
    count = len(pairs)
    starts = np.ones(count, dtype=bool)
    starts[1:] = pairs.carton[1:] != pairs.carton[:-1]
    best = np.flatnonzero(starts)
    has_second = np.append(~starts[1:], False)[best] if count else np.empty(0, dtype=bool)
    score = pairs.score
    tied = np.zeros(len(best), dtype=bool)
    tied[has_second] = np.isclose(score[best[has_second]], score[best[has_second] + 1])
    kept = pairs.linkable[best] & ~tied
    links = best[kept]
    second = np.where(has_second[kept], links + 1, MISSING)
    return Decision("EXACT", pairs.take(links), second, pairs, np.zeros(len(links), dtype=bool))


def _ranked(sides: Sides, pairs: Pairs) -> Ints:
    """Sort pairs by fulfilment key, the best first; equal ones by their order key, whose number goes by its id."""
    alone: Flags = np.bincount(pairs.carton, minlength=len(sides.fulfil_key_ids))[pairs.carton] == 1
    if alone.all():
        return np.argsort(pairs.carton, kind="stable")
    return np.lexsort((sides.key[pairs.reading], ~pairs.linkable, -pairs.score, pairs.carton))
