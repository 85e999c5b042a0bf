"""Says a stored match in plain words: each line of its waterfall, of its runner-up's and of what was proposed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from recon.matching.levels import BY_NAME

_FIELDS: Final = {
    "customer_po": "PO",
    "style": "style",
    "color": "colour",
    "size": "size",
    "doubt": "doubt",
    "company": "company",
    "quantity": "quantity",
    "rival": "rivals",
    "ceiling": "ceiling",
}
_ELSE: Final = "else"
_OVERRIDE: Final = "override"


def in_words(document: str | None) -> list[str]:
    """Say a waterfall, one line a level and a last one for its sum.

    Args:
        document: ``recon_match.evidence``, or a candidate's.

    Returns:
        The lines; none where there is no waterfall, the text itself where it is not one of ours.
    """
    lines = _read(document)
    if lines is None:
        return [document] if document else []
    said = [_say(line) for line in lines]
    total = sum(float(line.get("points") or 0) for line in lines)
    return [*said, f"{round(total, 2):>7g}  in all"] if said else []


def candidates_of(document: str | None) -> list[dict[str, Any]]:
    """Read ``recon_match.candidates``: the orders proposed for a fulfilment, or the runner-up of its link.

    Returns:
        One mapping a candidate; none where the text is not a list of them.
    """
    return _read(document) or []


def say_candidate(candidate: Mapping[str, Any]) -> list[str]:
    """Say which order a candidate is, and its waterfall.

    Returns:
        A line that names it, and those of ``in_words``.
    """
    named = ", ".join(
        f"{_FIELDS[field]} {candidate[field]}"
        for field in ("customer_po", "style", "color", "size")
        if candidate.get(field)
    )
    evidence = candidate.get("evidence")
    lines = in_words(json.dumps(evidence)) if isinstance(evidence, list) else []
    return [f"order key {candidate.get('order_key_id')} ({named}), score {candidate.get('score')}", *lines]


def _read(document: str | None) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(document) if document else []
    except ValueError:
        return None
    whole = isinstance(found, list) and all(isinstance(line, dict) for line in found)
    return found if whole else None


def _say(line: Mapping[str, Any]) -> str:
    field, name = str(line.get("field")), str(line.get("level"))
    points = float(line.get("points") or 0)
    return f"{points:>7g}  {_FIELDS.get(field, field)}: {_seen(field, line)}{_means(name)} ({name})"


def _means(name: str) -> str:
    if name in BY_NAME and name:
        return BY_NAME[name].means
    return {_ELSE: "not the same", _OVERRIDE: "a person decided it"}.get(name, name)


def _seen(field: str, line: Mapping[str, Any]) -> str:
    order, carton = line.get("order_value"), line.get("fulfil_value")
    match field:
        case "company":
            return f"{carton}, {order} - "
        case "quantity":
            return f"{carton} units, {order} - " if order else ""
        case "rival":
            return f"above all order key {order} - " if order else ""
        case "doubt" | "ceiling":
            return ""
        case _ if order == carton:
            return f"{_value(carton)} - "
        case _:
            return f"{_value(carton)}, the order has {_value(order)} - "


def _value(value: object) -> str:
    return "nothing" if value is None else str(value)


def paragraphs(link: Mapping[str, Any]) -> Iterable[tuple[str, list[str]]]:
    """Say all that is stored of a match.

    Args:
        link: a row of ``recon_match``.

    Returns:
        Titles with their lines: why it is linked, the runner-up, and what else was proposed.
    """
    if lines := in_words(link["evidence"]):
        yield "Why", lines
    candidates = candidates_of(link["candidates"])
    runner_up = link["runner_up_order_key_id"]
    if runner_up:
        behind = next((one for one in candidates if one.get("order_key_id") == runner_up), None)
        yield (
            f"Runner-up: order key {runner_up}, score {link['runner_up_score']:g}",
            say_candidate(behind)[1:] if behind else [],
        )
    for place, one in enumerate((one for one in candidates if one.get("order_key_id") != runner_up), 1):
        title, *lines = say_candidate(one)
        yield f"Candidate {place}: {title}", lines
