"""Measures the published matches against links that are known to be true.

Both sides of a label are put into canonical form as reconciliation does it, so that only the matching is measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import sqlalchemy as sa
from order_rules import ids, tables
from order_rules.canonical import clean
from order_rules.config import Rules, Source

from recon.frames import look_up, objects, read, text
from recon.matching.columns import FIVE
from recon.sizes import SizeFold, size_classes

LABELS: Final = (*(f"fulfil_{field}" for field in FIVE), *(f"order_{field}" for field in FIVE), "corruption")
"""The columns of a label file, each value as found; ``order_*`` empty for a stranger that belongs to no order."""


class LabelsError(Exception):
    """A label file cannot be used. The message names it and what is missing."""


@dataclass(frozen=True)
class Score:
    """How good some of the links are.

    Attributes:
        name: what they have in common.
        keys: labelled fulfilment keys.
        true_links: keys that belong to an order.
        links: keys that were linked.
        right: keys that were linked to their order.
    """

    name: str
    keys: int
    true_links: int
    links: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the links that are right; 1 where nothing was linked."""
        return self.right / self.links if self.links else 1.0

    @property
    def recall(self) -> float:
        """Share of the true links that were found; 1 where there are none."""
        return self.right / self.true_links if self.true_links else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True)
class Evaluation:
    """How good the published matches are.

    Attributes:
        overall: all labels.
        by_corruption: one score a way in which a key was made hard.
        by_pass: one score a pass; its recall is not told, as a pass has no true links of its own.
        unknown: labels whose fulfilment key is not among the published ones; they count as not linked.
    """

    overall: Score
    by_corruption: tuple[Score, ...]
    by_pass: tuple[Score, ...]
    unknown: int

    def __str__(self) -> str:
        lines = [f"{'':<44}{'keys':>8}{'links':>8}{'right':>8}{'precision':>11}{'recall':>9}{'F1':>9}"]
        lines += [_line(self.overall)]
        lines += ["by corruption", *(_line(score) for score in self.by_corruption)]
        lines += ["by pass", *(_line(score, of_pass=True) for score in self.by_pass)]
        if self.unknown:
            lines.append(f"{self.unknown} labelled keys are not among the published ones.")
        return "\n".join(lines)


def _line(score: Score, *, of_pass: bool = False) -> str:
    figures = f"{score.name:<44}{score.keys:>8}{score.links:>8}{score.right:>8}{score.precision:>11.4f}"
    return figures if of_pass else f"{figures}{score.recall:>9.4f}{score.f1:>9.4f}"


def evaluate(engine: sa.Engine, rules: Rules, labels: Path) -> Evaluation:
    """Measure the published matches.

    Args:
        engine: the warehouse, reconciled.
        rules: the rules it was reconciled by.
        labels: a CSV file with the columns ``LABELS``.

    Returns:
        Precision, recall and F1, over distinct fulfilment keys. A key with several labels is right where it is linked
        to any of them.

    Raises:
        LabelsError: the file cannot be read or lacks a column.
    """
    found = read_labels(labels)
    with engine.connect() as connection:
        fold = _published_fold(connection, rules)
        match = tables.recon_match.c
        matches = read(connection, [match.fulfil_key_id, match.order_key_id, match.match_rule], plain=_PLAIN)
    cartons = _key_ids(found, "fulfil", rules, fold)
    orders = _key_ids(found, "order", rules, fold)
    truth = pd.DataFrame(
        {"fulfil_key_id": cartons, "true_key_id": orders, "corruption": found["corruption"].fillna("none")}
    ).drop_duplicates()
    published = matches.set_index("fulfil_key_id")
    truth["order_key_id"] = look_up(truth["fulfil_key_id"], published["order_key_id"])
    truth["match_rule"] = look_up(truth["fulfil_key_id"], published["match_rule"])
    truth["linked"] = truth["order_key_id"].notna()
    truth["belongs"] = truth["true_key_id"].notna()
    truth["right"] = truth["linked"] & (truth["order_key_id"] == truth["true_key_id"]).fillna(value=False)
    best = truth.sort_values(["right", "belongs"], ascending=False, kind="stable").drop_duplicates("fulfil_key_id")
    return Evaluation(
        overall=_score("all", best),
        by_corruption=tuple(_score(str(name), part) for name, part in best.groupby("corruption")),
        by_pass=tuple(_score(str(name), part) for name, part in best[best["linked"]].groupby("match_rule")),
        unknown=int((~best["fulfil_key_id"].isin(published.index)).sum()),
    )


_PLAIN: Final = ("fulfil_key_id", "order_key_id", "match_rule")


def read_labels(path: Path) -> pd.DataFrame:
    """Read a label file.

    Args:
        path: the CSV file.

    Returns:
        The columns ``LABELS`` as text; an empty field is missing.

    Raises:
        LabelsError: it cannot be read or lacks a column.
    """
    try:
        found = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise LabelsError(f"{path}: cannot be read as CSV: {error}.") from None
    missing = [name for name in LABELS if name not in found.columns]
    if missing:
        raise LabelsError(f"{path}: has no column {', '.join(missing)}. It needs {', '.join(LABELS)}.")
    return found[list(LABELS)]


def _score(name: str, keys: pd.DataFrame) -> Score:
    return Score(
        name,
        keys=len(keys),
        true_links=int(keys["belongs"].sum()),
        links=int(keys["linked"].sum()),
        right=int(keys["right"].sum()),
    )


def _published_fold(connection: sa.Connection, rules: Rules) -> SizeFold:
    """Tell from the published sizes how each customer's were folded: a size that is there stands for itself."""
    published = (tables.stg_orders, tables.stg_packed_current, tables.stg_shipped_current)
    classes = size_classes(rules)
    ambiguous = sorted(classes)
    apart: dict[str, set[str]] = {}
    for table in published:
        pairs = sa.select(table.c.customer, table.c.size).where(table.c.size.in_(ambiguous)).distinct()
        for customer, size in connection.execute(pairs):
            apart.setdefault(customer, set()).add(size)
    named = {
        (customer, spellings): next(size for size in spellings if size in sizes)
        for customer, sizes in apart.items()
        for spellings in {classes[size] for size in sizes}
    }
    return SizeFold(classes, {customer: frozenset(sizes) for customer, sizes in apart.items()}, named)


def _key_ids(labels: pd.DataFrame, side: str, rules: Rules, fold: SizeFold) -> pd.Series[str]:
    """Name the key of each label's side; missing where the label has no such side."""
    sources: tuple[Source, ...] = ("order_list", "master_order_list") if side == "order" else ("shipped", "packed")
    name = ids.order_key_id if side == "order" else ids.fulfil_key_id
    five = [objects(labels[f"{side}_{field}"]) for field in FIVE]
    known: dict[tuple[object, ...], str | None] = {}
    # A loop over labels: each is named once, equal ones from memory.
    for label in zip(*five, strict=True):
        if label not in known:
            customer, po, style, color, size = label
            known[label] = None
            if customer is not None:
                who = _customer(str(customer), sources, rules)
                canonical = rules.canonical_size(size, who)
                folded = fold(who, canonical) if who and canonical else canonical
                known[label] = name(who, clean(po), clean(style), clean(color), folded)
    return text(known[label] for label in zip(*five, strict=True))


def _customer(name: str, sources: Iterable[Source], rules: Rules) -> str | None:
    known = next((found for source in sources if (found := rules.customer(name, source))), None)
    return clean(known.canonical) if known else clean(name)
