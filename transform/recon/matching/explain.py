"""Puts a match into words and figures: the waterfall of its score, its runner-up, and the candidates of a question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from recon.frames import look_up, map_distinct, objects, text
from recon.matching import levels
from recon.matching.columns import DECIDED, KEY_NEEDS, PARTS

CANDIDATES: Final = 3
"""How many order keys a person is asked to choose from."""
ALT_LEVELS: Final = (levels.ALT_PO.name, levels.ALT_PO_NORMALISED.name, levels.ALT_PO_SUFFIX.name)
FIELD_OF: Final = dict(zip(PARTS, levels.POINTS, strict=True))


def linked(links: pd.DataFrame, fulfilment: pd.DataFrame) -> pd.DataFrame:
    """Describe links.

    Args:
        links: one pair a fulfilment key, with match_type, score and its runner-up.
        fulfilment: the fulfilment keys with their fields.

    Returns:
        ``columns.DECIDED``, one row a link.
    """
    cartons = fulfilment.set_index("fulfil_key_id").loc[links["fulfil_key_id"]].reset_index()
    made = pd.DataFrame(
        {
            "fulfil_key_id": links["fulfil_key_id"].to_numpy(),
            "order_key_id": links["order_key_id"].to_numpy(),
            "match_type": links["match_type"].to_numpy(),
            "match_rule": pass_names(links).to_numpy(),
            "match_score": links["score"].round(4).to_numpy(),
            "runner_up_order_key_id": links["runner_up_order_key_id"].to_numpy(),
            "runner_up_score": links["runner_up_score"].round(4).to_numpy(),
        }
    )
    for part, full in zip(PARTS, levels.POINTS.values(), strict=True):
        made[f"{part}_score"] = (links[f"{part}_points"] / full * 100).round(4).to_numpy()
    both_missing = cartons["color"].isna().to_numpy() & (links["color_level"] == levels.COLOR.name).to_numpy()
    made["color_score"] = made["color_score"].mask(both_missing)
    alternate = links["po_level"].isin(ALT_LEVELS).to_numpy()
    made["best_match_field"] = text(np.where(alternate, "ALT_PO", "PO"))
    made["evidence"] = waterfall(links, cartons)
    made["candidates"] = text([None] * len(made))
    return made.assign(review_status="NONE", decided_by="engine")[list(DECIDED)]


def pass_names(pairs: pd.DataFrame) -> pd.Series[Any]:
    """Name each pair's pass.

    Returns:
        One text a pair.
    """
    combinations = list(zip(*(objects(pairs[f"{part}_level"]) for part in PARTS), strict=True))
    names = {combination: levels.pass_name(combination) for combination in set(combinations)}
    return pd.Series([names[combination] for combination in combinations], index=pairs.index, dtype="str")


def waterfall(pairs: pd.DataFrame, cartons: pd.DataFrame) -> pd.Series[Any]:
    """Write the evidence of each pair: what was compared with what, at which level, for how many points.

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
            map_distinct(pairs[f"{part}_points"], lambda points: f"{points:g}"),
        )
        # Text is put together value by value: the quoting, which costs, is done once a distinct value above.
        parts.append(
            [
                f'{{"field": "{field}", "order_value": {order or "null"}, "fulfil_value": {carton or "null"}, '
                f'"level": {level}, "points": {points}}}'
                for order, carton, level, points in zip(*columns, strict=True)
            ]
        )
    return text(f"[{', '.join(row)}]" for row in zip(*parts, strict=True))


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def unlinked(rest: pd.DataFrame, seen: Sequence[pd.DataFrame], orders: pd.DataFrame) -> pd.DataFrame:
    """Describe fulfilment keys that no pass linked, with the order keys a person may choose from.

    Args:
        rest: the fulfilment keys.
        seen: the pairs that each pass found, for any keys.
        orders: order readings, for the candidates' fields.

    Returns:
        ``columns.DECIDED``, one row a key: ``PENDING`` where there are candidates, ``REJECTED`` where a person ruled
        out the only one, else ``NONE``.
    """
    keys = rest["fulfil_key_id"].reset_index(drop=True)
    candidates = _candidates(seen, set(keys), orders)
    ruled_out = rest["rejected_order_key_id"].notna().to_numpy()
    asked = keys.isin(candidates.index).to_numpy()
    made = pd.DataFrame({"fulfil_key_id": keys}).reindex(columns=list(DECIDED))
    made = made.astype(dict.fromkeys(DECIDED, "str"))
    made = made.astype(dict.fromkeys([f"{part}_score" for part in PARTS], "float64") | {"runner_up_score": "float64"})
    return made.assign(
        match_type="NO_MATCH",
        match_score=0.0,
        candidates=look_up(keys, candidates),
        review_status=text(np.where(asked, "PENDING", np.where(ruled_out, "REJECTED", "NONE"))),
        decided_by=text(np.where(ruled_out & ~asked, "override", "engine")),
    )[list(DECIDED)]


def _candidates(seen: Sequence[pd.DataFrame], keys: set[str], orders: pd.DataFrame) -> pd.Series[Any]:
    """Write the best candidates of each key: a JSON list of order keys with score and pass, best first."""
    found = [pairs[pairs["fulfil_key_id"].isin(keys)] for pairs in seen]
    found = [pairs for pairs in found if len(pairs)]
    if not found:
        return pd.Series(dtype="str")
    pairs = pd.concat(found, ignore_index=True)
    pairs = pairs.sort_values(["fulfil_key_id", "score", "order_key_id"], ascending=[True, False, True])
    pairs = pairs.drop_duplicates(["fulfil_key_id", "order_key_id"])
    pairs = pairs[pairs.groupby("fulfil_key_id").cumcount() < CANDIDATES]
    pairs = pairs.assign(match_rule=pass_names(pairs))
    fields = [*KEY_NEEDS, "color"]
    named = pairs.merge(orders.drop_duplicates("order_key_id")[["order_key_id", *fields]], on="order_key_id")
    named = named.sort_values(["fulfil_key_id", "score", "order_key_id"], ascending=[True, False, True])
    shown = ["order_key_id", "score", "match_rule", *fields]
    values = zip(*(objects(named[column]) for column in shown), strict=True)
    # A loop over the few keys that are a question, to write each one's list.
    lists: dict[str, list[dict[str, object]]] = {}
    for key, row in zip(named["fulfil_key_id"], values, strict=True):
        lists.setdefault(key, []).append(dict(zip(shown, row, strict=True)))
    return pd.Series({key: json.dumps(found, ensure_ascii=False) for key, found in lists.items()}, dtype="str")
