"""The passes that link by equality: on the five fields, across fields, and after normalising.

A pass takes one customer's order readings and the fulfilment keys still open, and gives the pairs that fit, each with
its levels. It decides nothing: ``recon.matching`` links where exactly one order key fits best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from recon.frames import Flags, Ints, Objects, objects
from recon.matching import levels
from recon.matching.columns import FULFILMENT, PAIR, PARTS, READING
from recon.matching.levels import POINTS, Level
from recon.matching.normalise import Normaliser, plain_style

NEVER: Final = "missing"
"""Stands for a missing text on the order's side of a comparison, where it equals nothing. Canonical text has no lower
case letters, so no value is ever spelt like it."""


@dataclass(frozen=True)
class CustomerRules:
    """The rules of one customer that its matching needs.

    Attributes:
        normaliser: normal forms.
        style_fields: which order fields a carton's style may stand for, in the order they are tried.
    """

    normaliser: Normaliser
    style_fields: tuple[str, ...]


def exact_pairs(orders: pd.DataFrame, fulfilment: pd.DataFrame, _rules: CustomerRules) -> pd.DataFrame:
    """Pair the keys whose five fields are the same; a colour missing on both sides is the same.

    Args:
        orders: order readings of one customer (see ``recon.matching``), complete keys only.
        fulfilment: fulfilment keys of the customer, complete keys only.

    Returns:
        One row a pair: ``columns.PAIR``.
    """
    keys = orders.drop_duplicates("order_key_id")
    fields = dict(zip(PARTS, POINTS, strict=True))
    met = _meet([_together(keys, fields.values())], [_together(fulfilment, fields.values())])
    order, carton = keys.iloc[met.order], fulfilment.iloc[met.carton]
    count = len(met.order)
    made = {"fulfil_key_id": objects(carton["fulfil_key_id"]), "order_key_id": objects(order["order_key_id"])}
    made |= {f"{level.part}_level": np.full(count, level.name, dtype=object) for level in levels.EXACT}
    made |= {f"{level.part}_points": np.full(count, float(level.points)) for level in levels.EXACT}
    made |= {f"compared_{part}": objects(order[fields[part]]) for part in ("po", "style", "color")}
    return _pairs(made | {"linkable": np.ones(count, dtype=bool)})


def reading_pairs(orders: pd.DataFrame, fulfilment: pd.DataFrame, rules: CustomerRules) -> pd.DataFrame:
    """Pair the keys that are the same across fields or after normalising.

    A shipment's suffix is taken off one side only, and only links where the customer's orders know the number
    under one form: where ``123`` and ``123-1`` are both ordered, or ``123-1`` and ``123-2``, the suffix tells orders
    apart and the pair is a question.

    Args:
        orders: order readings of one customer, complete keys only.
        fulfilment: fulfilment keys of the customer, complete keys only.
        rules: the customer's rules.

    Returns:
        One row a pair, each at its best reading and levels: ``columns.PAIR``.
    """
    order_forms, carton_forms = _order_forms(orders, rules), _carton_forms(fulfilment, rules)
    met = _meet(
        [
            _joined(order_forms["size"], order_forms[po], order_forms[style])
            for po in ("po_base", "alt_base")
            for style in ("style_plain", "style_bare", "style_with_code", "pattern_plain", "alias_plain")
        ],
        [
            _joined(carton_forms["size"], carton_forms["po_base"], carton_forms[style])
            for style in ("style_plain", "style_bare")
        ],
    )
    order = {name: values[met.order] for name, values in order_forms.items()}
    carton = {name: values[met.carton] for name, values in carton_forms.items()}
    made = {"fulfil_key_id": carton["fulfil_key_id"], "order_key_id": order["order_key_id"]}
    made |= _best_level("po", order, _po_levels(order, carton))
    made |= _best_level("style", order, _style_levels(order, carton, rules.style_fields))
    made |= _best_level("color", order, _color_levels(order, carton))
    made |= _best_level("size", order, [(np.ones(len(met.order), dtype=bool), levels.SIZE, "size")])
    by_suffix = np.isin(made["po_level"].astype(str), [levels.PO_SUFFIX.name, levels.ALT_PO_SUFFIX.name])
    several = _bases_with_several_forms(order_forms)
    made["linkable"] = ~(by_suffix & np.array([base in several for base in carton["po_base"]], dtype=bool))
    fits = (made["po_points"] > 0) & (made["style_points"] > 0) & (made["color_points"] > 0)
    pairs = _pairs({name: values[fits] for name, values in made.items()})
    total = pairs["po_points"] + pairs["style_points"] + pairs["color_points"]
    ranked = pairs.assign(total=total).sort_values(
        ["total", "linkable", "po_points", "style_points", "compared_po", "compared_style", "compared_color"],
        ascending=[False, False, False, False, True, True, True],
    )
    return ranked.drop_duplicates(["fulfil_key_id", "order_key_id"])[list(PAIR)].reset_index(drop=True)


Forms = dict[str, Objects]
"""The texts of one side by name, row by row: as they are and in their normal forms, ``NEVER`` where missing."""


class Met(NamedTuple):
    """Pairs by position: a row of the orders and a row of the cartons."""

    order: Ints
    carton: Ints


def _pairs(columns: Forms) -> pd.DataFrame:
    texts = [name for name in PAIR if not name.endswith("_points") and name != "linkable"]
    return pd.DataFrame({name: columns[name] for name in PAIR}).astype(dict.fromkeys(texts, "str"))


def _texts(column: pd.Series[Any]) -> Objects:
    values = objects(column)
    values[column.isna().to_numpy()] = NEVER
    return values


def _formed(texts: Objects, form: Callable[[str], str]) -> Objects:
    """Put texts into a normal form, each distinct one once."""
    forms = {text: form(text) for text in set(texts) if text != NEVER}
    made = np.empty(len(texts), dtype=object)
    made[:] = [forms.get(text, NEVER) for text in texts]
    return made


def _joined(*parts: Objects) -> Objects:
    """Join texts row by row to one; ``NEVER`` where any is missing."""
    joined: Objects = parts[0] + _SEPARATOR + parts[1]
    for part in parts[2:]:
        joined = joined + _SEPARATOR + part
    joined[np.logical_or.reduce([part == NEVER for part in parts])] = NEVER
    return joined


def _together(frame: pd.DataFrame, fields: Iterable[str]) -> Objects:
    texts = {field: _texts(frame[field]) for field in fields}
    texts["color"] = np.where(texts["color"] == NEVER, _NO_COLOR, texts["color"])
    return _joined(*texts.values())


_SEPARATOR: Final = "\x1f"
_NO_COLOR: Final = "no colour"


def _meet(orders: Sequence[Objects], cartons: Sequence[Objects]) -> Met:
    """Find the rows of both sides that share a text in any of their columns."""
    sides = [
        pd.DataFrame({"text": np.concatenate(columns), name: np.tile(np.arange(len(columns[0])), len(columns))})
        for name, columns in (("order", orders), ("carton", cartons))
    ]
    left, right = (side[side["text"] != NEVER].drop_duplicates() for side in sides)
    met = left.merge(right, on="text")[["order", "carton"]].drop_duplicates()
    return Met(met["order"].to_numpy(dtype=np.int64), met["carton"].to_numpy(dtype=np.int64))


def _po_forms(texts: Objects, name: str, rules: CustomerRules) -> Forms:
    """Give a PO column's base and suffix."""
    parts = {text: rules.normaliser.po(text) for text in set(texts) if text != NEVER}
    return {
        f"{name}_base": _formed(texts, lambda text: parts[text].base),
        f"{name}_suffix": _formed(texts, lambda text: parts[text].suffix),
    }


def _color_forms(texts: Objects, rules: CustomerRules) -> Forms:
    parts = {text: rules.normaliser.color(text) for text in set(texts) if text != NEVER}
    return {
        "color_name": _formed(texts, lambda text: parts[text].name),
        "color_number": _formed(texts, lambda text: parts[text].code),
    }


def _bare_styles(styles: Objects, colors: Objects, codes: Objects, rules: CustomerRules) -> Objects:
    bare = {
        (style, color, code): rules.normaliser.bare_style(style, _or_none(color), _or_none(code)) or NEVER
        for style, color, code in set(zip(styles, colors, codes, strict=True))
    }
    made = np.empty(len(styles), dtype=object)
    made[:] = [bare[row] for row in zip(styles, colors, codes, strict=True)]
    return made


def _or_none(text: str) -> str | None:
    return None if text == NEVER else text


def _order_forms(orders: pd.DataFrame, rules: CustomerRules) -> Forms:
    forms = {name: _texts(orders[name]) for name in READING}
    plain, code = _formed(forms["style"], plain_style), _formed(forms["color_code"], plain_style)
    return forms | {
        **_po_forms(forms["customer_po"], "po", rules),
        **_po_forms(forms["customer_alt_po"], "alt", rules),
        **_color_forms(forms["color"], rules),
        "code_and_color": _formed(_joined(forms["color_code"], forms["color"]), rules.normaliser.color_name),
        "color_and_code": _formed(_joined(forms["color"], forms["color_code"]), rules.normaliser.color_name),
        "style_plain": plain,
        "style_bare": _bare_styles(forms["style"], forms["color"], forms["color_code"], rules),
        "style_with_code": np.where(code == NEVER, NEVER, plain + code),
        "pattern_plain": _formed(forms["pattern_id"], plain_style),
        "alias_plain": _formed(forms["alias_item"], plain_style),
    }


def _carton_forms(fulfilment: pd.DataFrame, rules: CustomerRules) -> Forms:
    forms = {name: _texts(fulfilment[name]) for name in FULFILMENT}
    no_code = np.full(len(fulfilment), NEVER, dtype=object)
    return forms | {
        **_po_forms(forms["customer_po"], "po", rules),
        **_color_forms(forms["color"], rules),
        "color_words": _formed(forms["color"], rules.normaliser.color_name),
        "style_plain": _formed(forms["style"], plain_style),
        "style_bare": _bare_styles(forms["style"], forms["color"], no_code, rules),
    }


def _equal(left: Objects, right: Objects) -> Flags:
    """Compare texts row by row; a missing one equals nothing."""
    return np.asarray((left == right) & (left != NEVER), dtype=bool)


Comparison = tuple[Flags, Level, str]
"""Where it holds, the level it is, and the order's column that was compared."""


def _po_levels(order: Forms, carton: Forms) -> list[Comparison]:
    same_suffix = {name: _equal(order[f"{name}_suffix"], carton["po_suffix"]) for name in ("po", "alt")}
    without = np.asarray(carton["po_suffix"] == "", dtype=bool)
    # An order that carries another suffix under the same number is another order, whatever its alternate PO says.
    contrary = _equal(order["po_base"], carton["po_base"]) & ~same_suffix["po"] & ~without & (order["po_suffix"] != "")
    sides = (
        ("po", "customer_po", levels.PO, levels.PO_NORMALISED, levels.PO_SUFFIX),
        ("alt", "customer_alt_po", levels.ALT_PO, levels.ALT_PO_NORMALISED, levels.ALT_PO_SUFFIX),
    )
    found: list[Comparison] = []
    for name, column, full, normalised, suffix in sides:
        same_base = _equal(order[f"{name}_base"], carton["po_base"])
        one_suffix = np.asarray(order[f"{name}_suffix"] == "", dtype=bool) ^ without
        found += [
            (_equal(order[column], carton["customer_po"]), full, column),
            (same_base & same_suffix[name], normalised, column),
            (same_base & one_suffix & ~contrary, suffix, column),
        ]
    return found


def _style_levels(order: Forms, carton: Forms, style_fields: Sequence[str]) -> list[Comparison]:
    plain, bare = carton["style_plain"], carton["style_bare"]
    without_color = (
        _equal(order["style_bare"], plain)
        | _equal(order["style_bare"], bare)
        | _equal(order["style_with_code"], plain)
        | _equal(order["style_plain"], bare)
    )
    found: list[Comparison] = [
        (_equal(order["style"], carton["style"]), levels.STYLE, "style"),
        (_equal(order["style_plain"], plain), levels.STYLE_NORMALISED, "style"),
        (without_color, levels.STYLE_WITHOUT_COLOR, "style"),
    ]
    cross = {"pattern_id": levels.STYLE_PATTERN, "alias_item": levels.STYLE_ALIAS}
    tried = [field for field in style_fields if field in cross]
    for place, field in enumerate(tried):
        level = cross[field]._replace(points=cross[field].points + place * levels.SECOND_STYLE_FIELD)
        found.append((_equal(order[field], carton["style"]), level, field))
    return found


def _color_levels(order: Forms, carton: Forms) -> list[Comparison]:
    known = _formed_codes(order), _formed_codes(carton)
    other_code = known[0] & known[1] & (order["color_number"] != carton["color_number"])
    both_missing = np.asarray((order["color"] == NEVER) & (carton["color"] == NEVER), dtype=bool)
    with_code = _equal(order["code_and_color"], carton["color_words"]) | _equal(
        order["color_and_code"], carton["color_words"]
    )
    return [
        (_equal(order["color"], carton["color"]), levels.COLOR, "color"),
        (both_missing, levels.COLOR, "color"),
        (_equal(order["color_code"], carton["color"]), levels.COLOR_CODE, "color_code"),
        (_equal(order["color_name"], carton["color_name"]) & ~other_code, levels.COLOR_NORMALISED, "color"),
        (with_code, levels.COLOR_NORMALISED, "color"),
    ]


def _formed_codes(forms: Forms) -> Flags:
    return np.asarray((forms["color_number"] != "") & (forms["color_number"] != NEVER), dtype=bool)


def _best_level(part: str, order: Forms, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Give each pair its best level that holds, its points (0: none holds) and the order's value compared."""
    count = len(order["order_key_id"])
    names, compared = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    points = np.zeros(count)
    for holds, level, column in sorted(comparisons, key=lambda one: one[1].points):
        names[holds], points[holds] = level.name, level.points
        compared[holds] = order[column][holds]
    compared[compared == NEVER] = None
    return {f"{part}_level": names, f"{part}_points": points, f"compared_{part}": compared}


def _bases_with_several_forms(orders: Forms) -> set[str]:
    """Name the PO numbers that the customer's orders know with and without a suffix, or with several."""
    forms: set[tuple[str, str]] = set()
    for name in ("po", "alt"):
        forms |= set(zip(orders[f"{name}_base"], orders[f"{name}_suffix"], strict=True))
    bases = [base for base, _ in forms]
    return {base for base, times in Counter(bases).items() if times > 1}
