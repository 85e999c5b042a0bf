"""Puts a truth together: orders, deliveries, corruptions, strangers, cartons and labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from order_rules import ids
from order_rules.canonical import clean
from order_rules.config import Rules, load_rules
from recon.frames import category, number_groups, objects, stack, sum_by

from . import kinds as registry
from .cartons import carton_rows, pack
from .kinds import FIVE, Corruption
from .known import Known
from .spellings import NONE, Canonical, spell
from .strangers import make_strangers
from .world import World, make_world

CONFIG: Final = Path(__file__).resolve().parents[2] / "config"
FEWEST_LINES: Final = 500
NOBODY: Final = -1

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """A made truth.

    Attributes:
        lines: order lines as ``sum_orders`` takes them, shuffled.
        packed: packed rows as ``sum_cartons`` takes them, shuffled.
        shipped: shipped rows likewise.
        labels: one row a fulfilment key, shuffled: fulfil_key_id, order_key_id (missing: a stranger), corruption
            (``none``, a kind of corruption or of stranger), also_true (the order also has deliveries under its true
            spelling), qty, and both sides' five fields as ``recon evaluate`` takes them.
    """

    lines: pd.DataFrame
    packed: pd.DataFrame
    shipped: pd.DataFrame
    labels: pd.DataFrame


def make_truth(
    order_lines: int,
    seed: int,
    kinds: Collection[str] | None = None,
    *,
    held_out: bool = False,
    rules: Rules | None = None,
) -> Truth:
    """Make orders, deliveries and the links between them.

    Args:
        order_lines: how many order lines, 500 or more.
        seed: the same seed makes the same frames.
        kinds: the corruptions that may happen, by name; ``None``: all there are. Strangers always come.
        held_out: whether the kinds of ``truth.held_out`` are among those there are.
        rules: whose canonical form the values get; ``None``: the project's.

    Returns:
        The truth.

    Raises:
        ValueError: there are too few lines, or a kind is not known.
    """
    if order_lines < FEWEST_LINES:
        raise ValueError(f"{order_lines} order lines are too few for 20 customers: make {FEWEST_LINES} or more.")
    chosen = choose_kinds(kinds, held_out=held_out)
    rules = rules or _project_rules()
    stages = np.random.SeedSequence(seed).spawn(4)
    of_orders, of_deliveries, of_cartons, of_rows = (np.random.Generator(np.random.PCG64(one)) for one in stages)
    world = make_world(order_lines, of_orders, rules)
    known = Known.by_lines(world.lines)
    delivered = deliver(known, of_deliveries)
    spelled = spell(known, delivered, chosen, _canonical_form(rules, world), seed)
    strangers = make_strangers(known, spelled, seed).assign(key=NOBODY)
    keys = settle(known, pd.concat([spelled, strangers], ignore_index=True))
    packed, shipped = pack(keys, carton_rows(order_lines), of_cartons)
    return Truth(
        lines=_shuffled(world.lines, of_rows),
        packed=packed,
        shipped=shipped,
        labels=_shuffled(_labels(known, keys), of_rows),
    )


@cache
def _project_rules() -> Rules:
    return load_rules(CONFIG)


def choose_kinds(names: Collection[str] | None, *, held_out: bool) -> Mapping[str, Corruption]:
    """Choose corruptions by name, in the order of the registry.

    Raises:
        ValueError: one is not known.
    """
    there = dict(registry.KINDS)
    if held_out:
        there |= import_module(f"{__package__}.held_out").KINDS
    if names is None:
        return there
    if unknown := sorted(set(names) - set(there)):
        raise ValueError(f"no such kind of corruption: {', '.join(unknown)}. There are {', '.join(there)}.")
    return {name: kind for name, kind in there.items() if name in names}


def _canonical_form(rules: Rules, world: World) -> Canonical:
    @cache
    def canonical(field: str, customer: str, value: str | None) -> str | None:
        if field != "size":
            return clean(value)
        size = rules.canonical_size(value, customer)
        return None if size is None else world.fold(customer, size)

    return canonical


def deliver(known: Known, chance: np.random.Generator) -> Ints:
    """Decide how much was delivered of each order key: most in full, some in part, few over, some nothing.

    Returns:
        Units of each order key.
    """
    po, pos = number_groups(known.frame, ("customer", "customer_po"))
    style, styles = number_groups(known.frame, ("customer", "customer_po", "style"))
    nothing = (chance.random(len(pos)) < 0.07)[po] | (chance.random(len(styles)) < 0.04)[style]
    way = chance.random(len(known.ordered))
    factor = np.where(way < 0.77, 1.0, np.where(way < 0.96, chance.uniform(0.3, 0.98, len(way)), 1.0))
    factor = np.where(way >= 0.97, chance.uniform(1.02, 1.15, len(way)), factor)
    units = np.maximum(1, np.round(known.ordered * factor)).astype(np.int64)
    units[nothing | (known.ordered <= 0)] = 0
    against_cancelled = (known.ordered <= 0) & (chance.random(len(units)) < 0.04)
    return np.asarray(np.where(against_cancelled, known.cancelled, units), dtype=np.int64)


def settle(known: Known, found: pd.DataFrame) -> pd.DataFrame:
    """Make each fulfilment key one row that belongs to one order key or to none.

    What is misspelt as another order's key, or as another order's misspelling, is keyed rightly instead; a stranger
    that has a key of somebody's is left out.

    Args:
        known: the order keys.
        found: key (of the order, -1 for a stranger), the five fields, qty, corruption.

    Returns:
        The same columns, the five fields as categories.
    """
    key = found["key"].to_numpy(dtype=np.int64)
    groups, is_order, several = _clashes(known, found, key)
    stranger = key == NOBODY
    wrong = (found["corruption"] != NONE).to_numpy() & ~stranger & (is_order | several)[groups]
    shared = np.bincount(groups, minlength=len(is_order)) > 1
    gone = stranger & (is_order | several | shared)[groups]
    columns: dict[str, Any] = {"key": key[~gone], "qty": found["qty"].to_numpy()[~gone]}
    for field in FIVE:
        values = objects(found[field])
        values[wrong] = known.names[field][key[wrong]]
        columns[field] = category(values[~gone])
    kind = objects(found["corruption"])
    kind[wrong] = NONE
    columns["corruption"] = category(kind[~gone])
    kept = pd.DataFrame(columns)
    groups, first = number_groups(kept, FIVE)
    one = kept.iloc[first].reset_index(drop=True)
    return one.assign(qty=sum_by(groups, kept["qty"], len(first)))


def _clashes(known: Known, found: pd.DataFrame, key: Ints) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Number the keys found; tell of each number whether it is an order's and whether several share it."""
    orders = known.frame[list(FIVE)]
    both = pd.DataFrame({field: stack(orders[field], category(objects(found[field]))) for field in FIVE})
    all_groups, first = number_groups(both, FIVE)
    groups = all_groups[len(orders) :]
    is_order = np.arange(len(first)) < len(orders)
    lowest = np.full(len(first), len(orders), dtype=np.int64)
    highest = np.full(len(first), NOBODY - 1, dtype=np.int64)
    np.minimum.at(lowest, groups, key)
    np.maximum.at(highest, groups, key)
    return groups, is_order, lowest < highest


def _labels(known: Known, keys: pd.DataFrame) -> pd.DataFrame:
    key = keys["key"].to_numpy()
    belongs = key != NOBODY
    made: dict[str, Any] = {}
    for field in FIVE:
        made[f"fulfil_{field}"] = keys[field]
    for field in FIVE:
        made[f"order_{field}"] = known.frame[field].take(np.maximum(key, 0)).reset_index(drop=True).where(belongs)
    true = (keys["corruption"] == NONE).to_numpy()
    whole = np.zeros(len(known.frame), dtype=bool)
    whole[key[true]] = True
    return pd.DataFrame(
        {
            "fulfil_key_id": _named(ids.fulfil_key_id, made, "fulfil_", np.ones(len(keys), dtype=bool)),
            "order_key_id": _named(ids.order_key_id, made, "order_", belongs),
            "corruption": keys["corruption"],
            "also_true": ~true & belongs & whole[key],
            "qty": keys["qty"],
            **made,
        }
    )


def _named(name: Any, sides: Mapping[str, Any], prefix: str, there: NDArray[np.bool_]) -> pd.Series[Any]:  # noqa: ANN401
    five = zip(*(objects(sides[f"{prefix}{field}"]) for field in FIVE), strict=True)
    return pd.Series([name(*one) if known else None for one, known in zip(five, there, strict=True)], dtype="str")


def _shuffled(frame: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[chance.permutation(len(frame))].reset_index(drop=True)
