"""Puts a match into words and figures: the waterfall of its score, its runner-up, and the candidates of a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from recon.frames import Flags, Ints, Objects, map_distinct, text
from recon.matching import levels
from recon.matching.codes import MISSING, distinct_rows
from recon.matching.columns import BLOCKS, COMPARED, DECIDED, PARTS
from recon.matching.forms import Sides
from recon.matching.levels import ALL
from recon.matching.passes import FIELDS, ORDER_FIELDS, Pairs, Points

CANDIDATES: Final = 3
"""How many order keys a person is asked to choose from."""
FIELD_OF: Final = dict(zip(PARTS, levels.POINTS, strict=True))
_NAMES: Final = np.array([level.name for level in ALL], dtype=object)
_QUOTED_NAMES: Final = np.array([encode_basestring(level.name or "else") for level in ALL], dtype=object)
_KIND: Final = {
    "po": "po",
    "alt": "po",
    "style": "style",
    "pattern": "style",
    "alias": "style",
    "color": "color",
    "code": "color",
    "size": "size",
}
"""Under which name an order field's texts are numbered."""

Seen = tuple[str | None, str | None]
Says = Callable[[str, Ints], list[Seen]]
"""From a part beside the fields and rows of pairs to what was seen on the order's and on the carton's side."""


class Decision(NamedTuple):
    """What a pass decided.

    Attributes:
        match_type: ``EXACT`` or ``FUZZY``.
        links: at most one pair a fulfilment key.
        runner_up: for each link the place of its runner-up in ``others``, else ``MISSING``.
        others: pairs that were not linked, of any keys.
        pending: which links are also a question.
        says_of_links: what was seen beside the fields, of links.
        says_of_others: the same of ``others``.
    """

    match_type: str
    links: Pairs
    runner_up: Ints
    others: Pairs
    pending: Flags
    says_of_links: Says | None = None
    says_of_others: Says | None = None


class Columns(NamedTuple):
    """What is decided of some fulfilment keys, before it becomes a frame.

    Attributes:
        carton: positions of the fulfilment keys.
        order: places of their order keys, ``MISSING`` where none.
        runner_up: places of the runners-up, likewise.
        texts: the text columns of ``columns.DECIDED``.
        numbers: its number columns.
    """

    carton: Ints
    order: Ints
    runner_up: Ints
    texts: dict[str, Objects]
    numbers: dict[str, Points]


TEXTS: Final = ("match_type", "match_rule", "best_match_field", "evidence", "candidates", "review_status", "decided_by")
NUMBERS: Final = ("match_score", *(f"{part}_score" for part in PARTS), "runner_up_score")


def linked(sides: Sides, decision: Decision) -> Columns:
    """Describe links.

    Args:
        sides: both sides.
        decision: what a pass decided.

    Returns:
        One entry a link.
    """
    pairs, others = decision.links, decision.others
    second = decision.runner_up
    has_second = second >= 0
    runner_up = np.full(len(pairs), MISSING, dtype=np.int64)
    runner_up_score = np.full(len(pairs), np.nan)
    candidates = np.full(len(pairs), None, dtype=object)
    if has_second.any():
        rows, place = np.unique(second[has_second], return_inverse=True)
        runner_up[has_second] = sides.key[others.reading[second[has_second]]]
        runner_up_score[has_second] = others.score[second[has_second]].round(4)
        documents = _candidate_documents(sides, others.take(rows), rows, decision.says_of_others)
        made = np.empty(len(rows), dtype=object)
        made[:] = [f"[{document}]" for document in documents]
        candidates[has_second] = made[place]
    scores = {
        f"{part}_score": (np.maximum(pairs.points[:, at], 0) / full * 100).round(4)
        for at, (part, full) in enumerate(zip(PARTS, levels.POINTS.values(), strict=True))
    }
    color, theirs = sides.cartons["color"][pairs.carton], sides.orders["color"][pairs.reading]
    scores["color_score"][(color < 0) & (theirs < 0)] = np.nan
    alternate = pairs.field[:, 0] == ORDER_FIELDS.index("alt")
    return Columns(
        pairs.carton,
        sides.key[pairs.reading],
        runner_up,
        {
            "match_type": _all(decision.match_type, len(pairs)),
            "match_rule": pass_names(pairs),
            "best_match_field": np.where(alternate, "ALT_PO", "PO").astype(object),
            "evidence": _texts(_documents(sides, pairs, np.arange(len(pairs)), decision.says_of_links)),
            "candidates": candidates,
            "review_status": np.where(decision.pending, "PENDING", "NONE").astype(object),
            "decided_by": _all("engine", len(pairs)),
        },
        {"match_score": pairs.score.round(4), **scores, "runner_up_score": runner_up_score},
    )


def _all(value: object, count: int) -> Objects:
    return np.full(count, value, dtype=object)


def _texts(values: Sequence[object]) -> Objects:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def as_frame(sides: Sides, parts: Sequence[Columns]) -> pd.DataFrame:
    """Put what was decided into one frame: ``columns.DECIDED``."""
    carton = np.concatenate([part.carton for part in parts])
    made: dict[str, Any] = {"fulfil_key_id": sides.fulfil_key_ids.array.take(carton)}
    ids = np.append(sides.order_key_ids, [None])  # at its end, where ``MISSING`` points to
    for name, keys in (("order_key_id", "order"), ("runner_up_order_key_id", "runner_up")):
        places = np.concatenate([getattr(part, keys) for part in parts])
        made[name] = pd.array(ids[places], dtype="str")
    for name in TEXTS:
        made[name] = pd.array(np.concatenate([part.texts[name] for part in parts]), dtype="str")
    for name in NUMBERS:
        made[name] = np.concatenate([part.numbers[name] for part in parts])
    return pd.DataFrame({name: made[name] for name in DECIDED}, copy=False)


def pass_names(pairs: Pairs) -> Objects:
    """Name each pair's pass by the levels of its fields.

    Returns:
        One text a pair.
    """
    level = pairs.level[:, : len(FIELDS)]
    first, kind = distinct_rows(list(level.T))
    return _texts([levels.pass_name(tuple(_NAMES[row])) for row in level[first]])[kind]


def _documents(sides: Sides, pairs: Pairs, rows: Ints, says: Says | None) -> list[str]:
    """Write the waterfall of each pair; ``rows`` are their places for what ``says`` knows."""
    parts = [_field_lines(sides, pairs, place, part) for place, part in enumerate(FIELDS)]
    for place in range(len(FIELDS), pairs.level.shape[1]):
        told = pairs.level[:, place] > 0
        if told.any() and says is not None:
            part = levels.PARTS[place]
            shown = zip(
                says(part, rows[told]),
                _QUOTED_NAMES[pairs.level[told, place]].tolist(),
                pairs.points[told, place].tolist(),
                strict=True,
            )
            lines = np.full(len(pairs), "", dtype=object)
            lines[told] = [
                ", " + _line(part, _quoted(order), _quoted(carton), level, points)
                for (order, carton), level, points in shown
            ]
            parts.append(lines)
    return ["".join(row) for row in zip(repeat("["), *(lines.tolist() for lines in parts), repeat("]"))]


def _field_lines(sides: Sides, pairs: Pairs, place: int, part: str) -> Objects:
    """Write the line of one field for each pair, once for each distinct line, with the comma before it."""
    compared = np.full(len(pairs), MISSING, dtype=np.int64)
    for at, name in enumerate(ORDER_FIELDS):
        if _KIND[name] == part:
            mine = pairs.field[:, place] == at
            compared[mine] = sides.orders[name][pairs.reading[mine]]
    carton = sides.cartons[part][pairs.carton]
    texts = sides.texts[part]
    points = np.round(pairs.points[:, place] * 1000).astype(np.int64)
    first, kind = distinct_rows((compared, carton, pairs.level[:, place], points - points.min(initial=0)))
    numbers = (compared[first], carton[first], pairs.level[first, place], pairs.points[first, place])
    comma = ", " if place else ""
    # A loop over distinct lines: quoting text costs, and most lines come many times.
    lines = [
        comma
        + _line(
            FIELD_OF[part],
            _quoted(None if order < 0 else texts[order]),
            _quoted(None if mine < 0 else texts[mine]),
            _QUOTED_NAMES[level],
            worth,
        )
        for order, mine, level, worth in zip(*(column.tolist() for column in numbers), strict=True)
    ]
    return _texts(lines)[kind]


def _line(field: str, order: str, carton: str, level: str, points: float) -> str:
    return (
        f'{{"field": "{field}", "order_value": {order}, "fulfil_value": {carton}, '
        f'"level": {level}, "points": {points:g}}}'
    )


def waterfall(pairs: pd.DataFrame, cartons: pd.DataFrame) -> pd.Series[Any]:
    """Write the evidence of pairs given as a frame: what was compared with what, at which level, for how many points.

    Args:
        pairs: pairs with levels, points and the order's compared values.
        cartons: the fulfilment key of each pair, row by row.

    Returns:
        JSON text a pair: a list of {field, order_value, fulfil_value, level, points}, one a field; the points add up
        to the score.
    """
    parts = []
    for part, field in FIELD_OF.items():
        theirs = cartons[field] if part == "size" else pairs[f"compared_{part}"]
        columns = (
            map_distinct(theirs, _quoted),
            map_distinct(cartons[field], _quoted),
            map_distinct(pairs[f"{part}_level"], _quoted),
            pairs[f"{part}_points"].tolist(),
        )
        parts.append(
            [
                _line(field, order or "null", carton or "null", level, points)
                for order, carton, level, points in zip(*columns, strict=True)
            ]
        )
    return text(f"[{', '.join(row)}]" for row in zip(*parts, strict=True))


def _quoted(value: object) -> str:
    return "null" if value is None else encode_basestring(str(value))


def unlinked(rest: pd.DataFrame) -> pd.DataFrame:
    """Describe fulfilment keys of a customer that ordered nothing.

    Args:
        rest: the fulfilment keys, ``columns.FULFILMENT``.

    Returns:
        ``columns.DECIDED``, one row a key.
    """
    ids, ruled_out = rest["fulfil_key_id"], rest["rejected_order_key_id"].notna().to_numpy()
    columns = _left(np.arange(len(rest)), _all(None, len(rest)), ruled_out)
    made: dict[str, Any] = {"fulfil_key_id": ids.array}
    made |= {name: text(_all(None, len(rest))) for name in ("order_key_id", "runner_up_order_key_id")}
    made |= {name: text(columns.texts[name]) for name in TEXTS} | columns.numbers
    whole = pd.DataFrame({name: made[name] for name in DECIDED})
    whole.attrs[BLOCKS] = dict.fromkeys(COMPARED, 0)
    return whole


def left_open(open_: Flags, ruled_out: Flags, proposals: dict[int, str]) -> Columns:
    """Describe the fulfilment keys that no pass linked, with the order keys a person may choose from.

    Args:
        open_: which fulfilment keys are left.
        ruled_out: which of all had an order key ruled out by a person.
        proposals: candidates by fulfilment key, from ``proposed``.

    Returns:
        One entry a key: ``PENDING`` where there are candidates, ``REJECTED`` where a person ruled out the only one,
        else ``NONE``.
    """
    cartons = np.flatnonzero(open_)
    return _left(cartons, _texts([proposals.get(carton) for carton in cartons.tolist()]), ruled_out[cartons])


def _left(cartons: Ints, candidates: Objects, ruled_out: Flags) -> Columns:
    count = len(cartons)
    asked = np.array([document is not None for document in candidates], dtype=bool)
    nothing = np.full(count, MISSING, dtype=np.int64)
    unknown = np.full(count, np.nan)
    return Columns(
        cartons,
        nothing,
        nothing,
        {
            "match_type": _all("NO_MATCH", count),
            "match_rule": _all(None, count),
            "best_match_field": _all(None, count),
            "evidence": _all(None, count),
            "candidates": candidates,
            "review_status": np.where(asked, "PENDING", np.where(ruled_out, "REJECTED", "NONE")).astype(object),
            "decided_by": np.where(ruled_out & ~asked, "override", "engine").astype(object),
        },
        {name: np.zeros(count) if name == "match_score" else unknown for name in NUMBERS},
    )


def proposed(sides: Sides, pairs: Pairs, says: Says | None) -> dict[int, str]:
    """Write the best candidates of each fulfilment key.

    Args:
        sides: both sides.
        pairs: one pair a fulfilment key and order key.
        says: what was seen beside the fields.

    Returns:
        By fulfilment key a JSON list of order keys with score, pass and waterfall, best first, ``CANDIDATES`` at most.
    """
    order = np.lexsort((sides.key[pairs.reading], -pairs.score, pairs.carton))
    carton = pairs.carton[order]
    first = np.searchsorted(carton, carton, "left")
    best = order[np.arange(len(order)) - first < CANDIDATES]
    documents = _candidate_documents(sides, pairs.take(best), best, says)
    lists: dict[int, list[str]] = {}
    # A loop over the few keys that are a question, to write each one's list.
    for key, document in zip(pairs.carton[best].tolist(), documents, strict=True):
        lists.setdefault(key, []).append(document)
    return {key: f"[{', '.join(found)}]" for key, found in lists.items()}


def _candidate_documents(sides: Sides, pairs: Pairs, rows: Ints, says: Says | None) -> list[str]:
    """Write one candidate each: its id, score, pass, four fields and waterfall."""
    names = pass_names(pairs)
    evidence = _documents(sides, pairs, rows, says)
    fields = [
        [None if code < 0 else sides.texts[part][code] for code in sides.orders[part][pairs.reading].tolist()]
        for part in FIELDS
    ]
    ids = sides.order_key_ids[sides.key[pairs.reading]]
    made = []
    for key, score, rule, po, style, color, size, lines in zip(
        ids, pairs.score.round(4).tolist(), names, *fields, evidence, strict=True
    ):
        made.append(
            f'{{"order_key_id": {_quoted(key)}, "score": {score:g}, "match_rule": {_quoted(rule)}, '
            f'"customer_po": {_quoted(po)}, "style": {_quoted(style)}, "size": {_quoted(size)}, '
            f'"color": {_quoted(color)}, "evidence": {lines}}}'
        )
    return made
