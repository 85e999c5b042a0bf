"""Measures the published matches against links that are known to be true.

Both sides of a label are put into canonical form as reconciliation does it, so that only the matching is measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import ids, tables
from order_rules.canonical import clean
from order_rules.config import Rules, Source

from recon.frames import look_up, objects, read, text
from recon.matching.columns import FIVE
from recon.matching.words import candidates_of
from recon.sizes import SizeFold, published_fold

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


BANDS: Final = (0, 75, 80, 85, 90, 95, 99, 100)
"""Where bands of scores begin; the last holds the score of 100 alone."""
THRESHOLDS: Final = (75, 78, 80, 82, 84, 86, 88, 90, 92, 95, 98)
"""What the sweep tries as the least score of a fuzzy link."""
NO_LEAST: Final = -1.0


@dataclass(frozen=True)
class Evaluation:
    """How good the published matches are.

    Attributes:
        overall: all labels.
        by_corruption: one score a way in which a key was made hard.
        by_pass: one score a pass; its recall is not told, as a pass has no true links of its own.
        unknown: labels whose fulfilment key is not among the published ones; they count as not linked.
        reliability: one score a band of match scores: which share of the links there is right.
        sweep: one score a threshold: what would be linked if fuzzy links began there.
    """

    overall: Score
    by_corruption: tuple[Score, ...]
    by_pass: tuple[Score, ...]
    unknown: int
    reliability: tuple[Score, ...] = ()
    sweep: tuple[Score, ...] = ()

    def __str__(self) -> str:
        lines = [f"{'':<44}{'keys':>8}{'links':>8}{'right':>8}{'precision':>11}{'recall':>9}{'F1':>9}"]
        lines += [_line(self.overall)]
        lines += ["by corruption", *(_line(score) for score in self.by_corruption)]
        lines += ["by pass", *(_line(score, of_pass=True) for score in self.by_pass)]
        lines += ["by score: the share of links that is right", *(_line(one, of_pass=True) for one in self.reliability)]
        lines += ["if fuzzy links began at a score of", *(_line(score) for score in self.sweep)]
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
        fold = published_fold(connection, rules)
        match = tables.recon_match.c
        matches = read(connection, [match[name] for name in _PUBLISHED], plain=_PUBLISHED)
    cartons = _key_ids(found, "fulfil", rules, fold)
    orders = _key_ids(found, "order", rules, fold)
    truth = pd.DataFrame(
        {"fulfil_key_id": cartons, "true_key_id": orders, "corruption": found["corruption"].fillna("none")}
    ).drop_duplicates()
    published = matches.set_index("fulfil_key_id")
    for name in _PUBLISHED[1:]:
        truth[name] = look_up(truth["fulfil_key_id"], published[name])
    truth["linked"] = truth["order_key_id"].notna()
    truth["belongs"] = truth["true_key_id"].notna()
    truth["right"] = truth["linked"] & (truth["order_key_id"] == truth["true_key_id"]).fillna(value=False)
    best = truth.sort_values(["right", "belongs"], ascending=False, kind="stable").drop_duplicates("fulfil_key_id")
    return Evaluation(
        overall=_score("all", best),
        by_corruption=tuple(_score(str(name), part) for name, part in best.groupby("corruption")),
        by_pass=tuple(_score(str(name), part) for name, part in best[best["linked"]].groupby("match_rule")),
        unknown=int((~best["fulfil_key_id"].isin(published.index)).sum()),
        reliability=_reliability(best),
        sweep=tuple(_at_threshold(truth, threshold) for threshold in THRESHOLDS),
    )


_PUBLISHED: Final = ("fulfil_key_id", "order_key_id", "match_rule", "match_type", "match_score", "candidates")


def _reliability(keys: pd.DataFrame) -> tuple[Score, ...]:
    """Score the links of each band of match scores; bands without links are left out."""
    made = []
    for low, high in zip(BANDS, (*BANDS[1:], None), strict=True):
        within = (keys["match_score"] >= low) & (keys["match_score"] < (np.inf if high is None else high))
        if len(part := keys[keys["linked"] & within]):
            made.append(_score(str(low) if high is None else f"{low} to under {high}", part))
    return tuple(made)


def _at_threshold(truth: pd.DataFrame, threshold: float) -> Score:
    """Score what would be linked with another threshold: fuzzy links and best candidates from there on.

    What a key scores beside others that are no longer linked is not judged again, so this is near the truth, not it.
    """
    fuzzy = np.array(truth["match_type"] == "FUZZY", dtype=bool)
    order, score = objects(truth["order_key_id"]), np.array(truth["match_score"].fillna(NO_LEAST), dtype=np.float64)
    # A loop over the few keys that were left with candidates.
    for place in (~truth["linked"] & truth["candidates"].notna()).to_numpy().nonzero()[0].tolist():
        first = candidates_of(truth["candidates"].iloc[place])[0]
        order[place], score[place], fuzzy[place] = first.get("order_key_id"), float(first.get("score") or 0), True
    order[fuzzy & (score < threshold)] = None
    tried = truth.assign(order_key_id=text(order))
    tried["linked"] = tried["order_key_id"].notna()
    tried["right"] = tried["linked"] & (tried["order_key_id"] == tried["true_key_id"]).fillna(value=False)
    best = tried.sort_values(["right", "belongs"], ascending=False, kind="stable").drop_duplicates("fulfil_key_id")
    return _score(str(threshold), best)


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
