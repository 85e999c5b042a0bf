"""Matches every customer's fulfilment, what people decided first, and lays both sides' fields side by side.

The loop over customers stands here so that it can become a pool of processes; each turn is a pure function.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
from order_rules import tables
from order_rules.config import Rules
from order_rules.ids import hash_id

from recon.frames import look_up
from recon.matching import customer_rules, match_customer
from recon.matching.columns import FIVE, FULFILMENT
from recon.matching.explain import unlinked
from recon.matching.normalise import Normaliser
from recon.matching.overrides import LINK, RULED_OUT, Attached, decided
from recon.matching.quantities import with_fulfilled_qty, with_open_qty

MATCH: Final = tuple(column.name for column in tables.recon_match.c)


def match_all(
    order_keys: pd.DataFrame, readings: pd.DataFrame, fulfil_keys: pd.DataFrame, attached: Attached, rules: Rules
) -> pd.DataFrame:
    """Match all fulfilment keys.

    Args:
        order_keys: order_key_id and the five fields.
        readings: order readings, ``matching.columns.READING``.
        fulfil_keys: fulfil_key_id and the five fields.
        attached: what people decided.
        rules: all rules.

    Returns:
        ``recon_match``, one row a fulfilment key.
    """
    decisions = attached.decisions.set_index("fulfil_key_id")
    ruled_out = decisions.loc[decisions["meaning"] == RULED_OUT, "order_key_id"]
    settled = decisions.index[decisions["meaning"] != RULED_OUT]
    fulfilment = fulfil_keys[["fulfil_key_id", *FIVE]].assign(
        rejected_order_key_id=look_up(fulfil_keys["fulfil_key_id"], ruled_out)
    )
    open_keys = fulfilment.loc[~fulfilment["fulfil_key_id"].isin(settled), list(FULFILMENT)]
    open_keys = with_fulfilled_qty(open_keys, fulfil_keys)
    linked_by_people = decisions[decisions["meaning"] == LINK].reset_index().merge(
        fulfil_keys[["fulfil_key_id", "packed_qty", "shipped_qty"]], on="fulfil_key_id"
    )
    readings = with_open_qty(readings, order_keys, linked_by_people)
    parts = [decided(attached, fulfilment, order_keys), *_by_customer(readings, open_keys, rules)]
    parts = [part for part in parts if len(part)]
    whole = pd.concat(parts, ignore_index=True) if parts else decided(attached, fulfilment, order_keys)
    sides = [
        _side(whole["fulfil_key_id"], fulfil_keys.set_index("fulfil_key_id"), "fulfil_"),
        _side(whole["order_key_id"], order_keys.set_index("order_key_id"), "order_"),
    ]
    return pd.concat([whole, *sides], axis=1)[list(MATCH)]


def _by_customer(readings: pd.DataFrame, open_keys: pd.DataFrame, rules: Rules) -> list[pd.DataFrame]:
    normaliser = Normaliser.by_rules(rules)
    orders = dict(iter(readings.groupby("customer")))
    strangers = open_keys[~open_keys["customer"].isin(list(orders))]
    parts = [unlinked(strangers, [], readings)] if len(strangers) else []
    for name, fulfilment in open_keys[open_keys["customer"].isin(list(orders))].groupby("customer"):
        parts.append(match_customer(orders[name], fulfilment, customer_rules(rules, str(name), normaliser)))
    return parts


def _side(ids: pd.Series[Any], keys: pd.DataFrame, prefix: str) -> pd.DataFrame:
    fields = keys[list(FIVE)].reindex(ids.to_numpy(dtype=object)).reset_index(drop=True)
    return fields.add_prefix(prefix)


def input_hashes(readings: pd.DataFrame, order_keys: pd.DataFrame, fulfil_keys: pd.DataFrame) -> pd.Series[Any]:
    """Hash all that goes into a customer's reconciliation, so that a change of it can be told.

    Args:
        readings: order readings.
        order_keys: order keys with their quantities and dates.
        fulfil_keys: fulfilment keys with their quantities.

    Returns:
        Customer to a hash of 32 hex characters.
    """
    sums: dict[str, list[int]] = {}
    for place, frame in enumerate((readings, order_keys, fulfil_keys)):
        rows = pd.Series(pd.util.hash_pandas_object(frame, index=False).to_numpy(), index=frame["customer"])
        # Sums of row hashes, modulo 2 to the 64th, so that the order of rows does not matter.
        for customer, total in rows.groupby(level=0).sum().items():
            sums.setdefault(str(customer), [0, 0, 0])[place] = int(total)
    return pd.Series({customer: hash_id(*totals) for customer, totals in sums.items()}, dtype="str")
