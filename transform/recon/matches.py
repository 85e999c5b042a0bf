"""Matches every customer's fulfilment, what people decided first, and lays both sides' fields side by side.

What goes into a customer's matching is gathered here and hashed, so that a customer of whom nothing changed keeps
the links that are published. How the customers are gone through (here, in a pool, on a cluster) is ``recon.engines``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pandas as pd
from order_rules import tables
from order_rules.canonical import clean
from order_rules.config import Rules
from order_rules.ids import hash_id
from order_rules.program import source_hash

from recon.engines import Engine, Task, in_process
from recon.frames import in_one_piece, sum_hashes
from recon.matching import customer_rules
from recon.matching.columns import BLOCKS, COMPARED, FIVE, FULFILLED_QTY, FULFILMENT
from recon.matching.explain import unlinked
from recon.matching.normalise import Normaliser
from recon.matching.overrides import LINK, RULED_OUT, Attached, decided, list_ruled_out
from recon.matching.quantities import with_fulfilled_qty, with_open_qty

MATCH: Final = tuple(column.name for column in tables.recon_match.c)
NOT_MATCHED_BY: Final = frozenset(
    {
        "orders_from",
        "excluded_sizes",
        "cancelled_order_types",
        "order_type_aliases",
        "tolerance_pct",
        "grace_days",
        "overlap_pct",
        "max_shrink_pct",
        "max_quarantine_pct",
        "keep_loads",
    }
)
"""Rules of ``matching.yml`` that decide which rows count and what a link means, not which links there are. A rule that
is not named here makes every customer's matching another when it changes."""


@dataclass(frozen=True)
class Inputs:
    """All that goes into matching.

    Attributes:
        order_keys: order_key_id and the five fields of every order key.
        fulfil_keys: fulfil_key_id and the five fields of every fulfilment key.
        readings: order readings, ``matching.columns.READING``, with what people have left open of their key.
        open_keys: fulfilment keys that people did not settle, ``matching.columns.FULFILMENT``, with their units.
        settled: customer, fulfil_key_id, order_key_id, meaning of those they did.
    """

    order_keys: pd.DataFrame
    fulfil_keys: pd.DataFrame
    readings: pd.DataFrame
    open_keys: pd.DataFrame
    settled: pd.DataFrame

    def without(self, customers: Collection[str]) -> Inputs:
        """Leave out the fulfilment of some customers, and their readings.

        Returns:
            What is left to match; the keys of both sides stay, to look fields up.
        """
        if not customers:
            return self
        kept = list(customers)
        parts = (self.readings, self.open_keys, self.settled)
        readings, open_keys, settled = (part[~part["customer"].isin(kept)] for part in parts)
        return replace(self, readings=readings, open_keys=open_keys, settled=settled)


def gather(order_keys: pd.DataFrame, readings: pd.DataFrame, fulfil_keys: pd.DataFrame, attached: Attached) -> Inputs:
    """Gather what goes into matching.

    Args:
        order_keys: order_key_id, the five fields and ordered_qty.
        readings: order readings, ``matching.columns.READING``.
        fulfil_keys: fulfil_key_id, the five fields, packed_qty and shipped_qty.
        attached: what people decided.

    Returns:
        The inputs of all customers.
    """
    decisions = attached.decisions
    decided_keys = fulfil_keys[fulfil_keys["fulfil_key_id"].isin(decisions["fulfil_key_id"])]
    settled = decisions[decisions["meaning"] != RULED_OUT].merge(
        decided_keys[["fulfil_key_id", "customer", "packed_qty", "shipped_qty"]], on="fulfil_key_id"
    )
    open_keys = with_fulfilled_qty(fulfil_keys[~fulfil_keys["fulfil_key_id"].isin(settled["fulfil_key_id"])])
    ruled_out = open_keys["fulfil_key_id"].map(list_ruled_out(decisions)).astype("str")
    open_keys = open_keys.assign(rejected_order_key_id=ruled_out)
    return Inputs(
        order_keys=order_keys,
        fulfil_keys=fulfil_keys,
        readings=with_open_qty(readings, order_keys, settled[settled["meaning"] == LINK]),
        open_keys=open_keys[[*FULFILMENT, FULFILLED_QTY]],
        settled=settled[["customer", "fulfil_key_id", "order_key_id", "meaning"]],
    )


def match_all(inputs: Inputs, rules: Rules, engine: Engine = in_process) -> pd.DataFrame:
    """Match the open fulfilment keys and describe those that people settled.

    Args:
        inputs: from ``gather``, of all customers or some.
        rules: all rules.
        engine: how the customers are gone through.

    Returns:
        As ``side_by_side``.
    """
    return side_by_side(decide_all(inputs, rules, engine), inputs.order_keys, inputs.fulfil_keys)


def decide_all(inputs: Inputs, rules: Rules, engine: Engine = in_process) -> Iterator[pd.DataFrame]:
    """Decide what each fulfilment key belongs to.

    Args:
        inputs: as ``match_all``.
        rules: as ``match_all``.
        engine: as ``match_all``.

    Returns:
        Frames of ``columns.DECIDED``, of one customer or several; whoever goes through them has them alone.
    """
    normaliser = Normaliser.by_rules(rules)
    orders = dict(iter(inputs.readings.groupby("customer")))
    known = inputs.open_keys["customer"].isin(list(orders))
    strangers = inputs.open_keys[~known]
    tasks = [
        Task(orders[name], fulfilment, customer_rules(rules, str(name), normaliser))
        for name, fulfilment in inputs.open_keys[known].groupby("customer")
    ]
    found = [decided(inputs.settled, inputs.fulfil_keys, inputs.order_keys), *engine(tasks)]
    if len(strangers):
        found.append(unlinked(strangers))
    return iter(found)


def side_by_side(found: Iterator[pd.DataFrame], order_keys: pd.DataFrame, fulfil_keys: pd.DataFrame) -> pd.DataFrame:
    """Lay both sides' fields beside what was decided.

    Args:
        found: from ``decide_all``.
        order_keys: order_key_id and the five fields of every order key.
        fulfil_keys: fulfil_key_id and the five fields of every fulfilment key.

    Returns:
        ``recon_match``, one row a fulfilment key; ``attrs[columns.BLOCKS]`` sums what was compared.
    """
    parts = list(found)
    blocks = {name: sum(part.attrs.get(BLOCKS, {}).get(name, 0) for part in parts) for name in COMPARED}
    whole = dict(pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True).items())
    del parts
    # One after the other, so that no more than one column is there twice.
    columns = {str(name): in_one_piece(whole.pop(name)) for name in list(whole)}
    fields = _side(columns, fulfil_keys, "fulfil") | _side(columns, order_keys, "order")
    made = pd.DataFrame(columns | fields, columns=list(MATCH), copy=False)
    made.attrs = {BLOCKS: blocks}
    return made


def _side(matches: Mapping[str, pd.Series[Any]], keys: pd.DataFrame, side: str) -> dict[str, Any]:
    """Look up the five fields of one side of each match."""
    place = pd.Index(keys[f"{side}_key_id"]).get_indexer(matches[f"{side}_key_id"])
    return {f"{side}_{field}": keys[field].array.take(place, allow_fill=True) for field in FIVE}


def input_hashes(inputs: Inputs, rules: Rules) -> pd.Series[Any]:
    """Hash all that goes into each customer's matching: both sides, what people decided, rules and the engine.

    Args:
        inputs: of all customers.
        rules: all rules.

    Returns:
        Customer to a hash of 32 hex characters, whatever the order of rows.
    """
    sums: dict[str, list[int]] = {}
    frames = (inputs.readings, inputs.open_keys, inputs.settled)
    for place, frame in enumerate(frames):
        for customer, both in sum_hashes(frame, frame["customer"], repeats=True).items():
            sums.setdefault(customer, [0] * 2 * len(frames))[2 * place : 2 * place + 2] = both
    shared = hash_id(engine_version(), _as_text(rules.matching.model_dump(mode="json", exclude=set(NOT_MATCHED_BY))))
    hashes = {
        customer: hash_id(shared, _own_rules(rules, customer), *totals) for customer, totals in sorted(sums.items())
    }
    return pd.Series(hashes, dtype="str")


def _own_rules(rules: Rules, customer: str) -> str:
    known = rules.customers.by_alias.get(customer)
    return _as_text(known.model_dump(mode="json")) if known and clean(known.canonical) == customer else ""


def _as_text(rule: Mapping[str, Any]) -> str:
    return json.dumps(rule, sort_keys=True)


@cache
def engine_version() -> str:
    """Name the engine by a hash of its source, so that no change of it can be forgotten to be told.

    Returns:
        32 hex characters: of ``recon.matching`` and of this module, which prepares its frames.
    """
    here = Path(__file__)
    return source_hash([here, *sorted((here.parent / "matching").rglob("*.py"))])
