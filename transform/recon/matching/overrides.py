"""What people decided about single keys: it comes before every pass and is found again when ids change.

An id changes when a rule changes a canonical form. A decision is therefore kept with both sides' five fields, which
are put into today's form here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from order_rules import ids
from order_rules.canonical import clean
from order_rules.config import Rules

from recon.frames import text
from recon.matching import levels
from recon.matching.columns import DECIDED, FIVE, PARTS
from recon.matching.explain import waterfall

LINK: Final = "LINK"
REJECT: Final = "REJECT"
NO_ORDER: Final = "no_order"
RULED_OUT: Final = "ruled_out"
LOST: Final = "lost"
MEANINGS: Final = (LINK, NO_ORDER, RULED_OUT, LOST)

Decision = Mapping[Any, Any]
"""A row of ``recon_override`` or ``recon_ruled_out``, with its decision."""
Fold = Callable[[str, str], str]
"""From customer and canonical size to the size that stands for it with that customer."""

GONE: Final = "its fulfilment is no longer there"
ORDER_GONE: Final = "the order it was linked to is no longer there: the fulfilment is for review again"
RULED_OUT_GONE: Final = "the order it ruled out is no longer there"
OVERRULED: Final = "its fulfilment is now the same as that of a later decision"


class Unattached(NamedTuple):
    """A decision that no longer applies.

    Attributes:
        decision: the decision as stored.
        why: in words.
    """

    decision: Decision
    why: str


@dataclass(frozen=True)
class Attached:
    """Decisions that speak of keys there are.

    Attributes:
        decisions: fulfil_key_id, order_key_id, meaning: ``LINK`` to the order; ``no_order``: the key belongs to none;
            ``ruled_out``: not to this one; ``lost``: the order it was linked to is gone. At most one a key that is not
            ``ruled_out``.
        unattached: decisions that no longer apply, for people to see.
    """

    decisions: pd.DataFrame
    unattached: tuple[Unattached, ...]


def attach(
    overrides: pd.DataFrame, order_keys: pd.DataFrame, fulfil_keys: pd.DataFrame, rules: Rules, fold: Fold
) -> Attached:
    """Find the keys that decisions speak of.

    Args:
        overrides: the tables ``recon_override`` and ``recon_ruled_out``, one below the other.
        order_keys: order_key_id of all order keys.
        fulfil_keys: fulfil_key_id of all fulfilment keys.
        rules: all rules.
        fold: how sizes of one class are folded, by customer.

    Returns:
        The decisions by the keys of today. A decision whose fields are still those of a key is attached by them,
        else by its id. Of two that settle one key, the later one holds.
    """
    some = not overrides.empty  # sets of all keys cost a second where they are many
    orders, cartons = (
        set(keys) if some else set() for keys in (order_keys["order_key_id"], fulfil_keys["fulfil_key_id"])
    )
    settled: dict[str, tuple[str | None, str, Decision]] = {}
    ruled_out: dict[tuple[str, str], None] = {}
    unattached: list[Unattached] = []
    # A loop over decisions: people make them one by one, and there are as many as they made.
    for decision in overrides.sort_values(["decided_at", "fulfil_key_id"]).to_dict("records"):
        carton = _find(decision, "fulfil", cartons, rules, fold)
        order = _find(decision, "order", orders, rules, fold)
        if carton is None:
            unattached.append(Unattached(decision, GONE))
            continue
        meaning = _meaning(decision, order)
        if meaning == RULED_OUT:
            if order is None:
                unattached.append(Unattached(decision, RULED_OUT_GONE))
            else:
                ruled_out[carton, order] = None
            continue
        if carton in settled:
            unattached.append(Unattached(settled[carton][2], OVERRULED))
        settled[carton] = (order, meaning, decision)
    unattached += [Unattached(decision, ORDER_GONE) for _, meaning, decision in settled.values() if meaning == LOST]
    rows = [(carton, order, meaning) for carton, (order, meaning, _) in settled.items()]
    rows += [(carton, order, RULED_OUT) for carton, order in ruled_out]
    made = pd.DataFrame(rows, columns=["fulfil_key_id", "order_key_id", "meaning"]).astype("str")
    return Attached(made, tuple(unattached))


def _meaning(decision: Decision, order: str | None) -> str:
    if pd.isna(decision["order_key_id"]):
        return NO_ORDER
    if decision["decision"] == LINK:
        return LINK if order else LOST
    return RULED_OUT


def _find(decision: Decision, side: str, keys: set[str], rules: Rules, fold: Fold) -> str | None:
    name = ids.order_key_id if side == "order" else ids.fulfil_key_id
    stored = decision[f"{side}_key_id"]
    if pd.isna(stored):
        return None
    five = [None if pd.isna(value := decision[f"{side}_{field}"]) else str(value) for field in FIVE]
    customer, po, style, color, size = five
    known = _customer(customer, side, rules)
    size = rules.canonical_size(size, known)
    folded = fold(known, size) if known and size else size
    today = name(known, clean(po), clean(style), clean(color), folded)
    return next((key for key in (today, stored) if key in keys), None)


def _customer(name: str | None, side: str, rules: Rules) -> str | None:
    """Name a customer as today: on the warehouse's side ``packed`` and ``shipped`` may know different names."""
    sources: tuple[Any, ...] = ("order_list", "master_order_list") if side == "order" else ("packed", "shipped")
    known = next((found for source in sources if (found := rules.customer(name, source))), None)
    return clean(known.canonical) if known else clean(name)


def list_ruled_out(decisions: pd.DataFrame) -> pd.Series[Any]:
    """List for each fulfilment key the order keys that people ruled out, as ``rejected_order_key_id`` holds them.

    Args:
        decisions: from ``attach``.

    Returns:
        Fulfilment key to order keys, sorted and joined by a blank.
    """
    lists: dict[str, list[str]] = {}
    some = decisions[decisions["meaning"] == RULED_OUT]
    # A loop over what people ruled out one by one.
    for carton, order in zip(some["fulfil_key_id"], some["order_key_id"], strict=True):
        lists.setdefault(carton, []).append(order)
    return pd.Series({carton: " ".join(sorted(orders)) for carton, orders in lists.items()}, dtype="str")


def decided(settled: pd.DataFrame, fulfilment: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Describe the keys that a person settled: linked to an order, to none, or to one that is gone.

    Args:
        settled: fulfil_key_id, order_key_id, meaning of the keys that people settled.
        fulfilment: fulfilment keys with their fields.
        orders: order keys with their fields.

    Returns:
        ``columns.DECIDED``, one row a settled key.
    """
    settled = settled.reset_index(drop=True)
    link = (settled["meaning"] == LINK).to_numpy()
    cartons, theirs = (
        keys[keys[name].isin(settled[name])].set_index(name).reindex(settled[name]).reset_index()
        for keys, name in ((fulfilment, "fulfil_key_id"), (orders, "order_key_id"))
    )
    pairs = pd.DataFrame(
        {f"compared_{part}": theirs[field].to_numpy() for part, field in zip(PARTS, levels.POINTS, strict=True)}
    ).astype("str")
    for part, full in zip(PARTS, levels.POINTS.values(), strict=True):
        pairs[f"{part}_level"], pairs[f"{part}_points"] = "override", float(full)
    made = pd.DataFrame({"fulfil_key_id": settled["fulfil_key_id"]}).reindex(columns=list(DECIDED))
    made = made.astype(dict.fromkeys(DECIDED, "str"))
    numbers = [*(f"{part}_score" for part in PARTS), "runner_up_score"]
    lost = (settled["meaning"] == LOST).to_numpy()
    return made.astype(dict.fromkeys(numbers, "float64")).assign(
        order_key_id=settled["order_key_id"].where(link),
        match_type=text(np.where(link, "EXACT", "NO_MATCH")),
        match_rule=text("override" if linked else None for linked in link),
        match_score=np.where(link, 100.0, 0.0),
        evidence=waterfall(pairs, cartons).where(link),
        review_status=text(np.where(link, "ACCEPTED", np.where(lost, "PENDING", "REJECTED"))),
        decided_by="override",
    )[list(DECIDED)]
