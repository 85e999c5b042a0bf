"""One customer's two frames in numbers, with the normal forms of every distinct text.

The forms are made only when a key is left that full equality did not link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from recon.frames import Flags, Ints, Objects, objects
from recon.matching.codes import MISSING, by_number, combine, encode
from recon.matching.columns import FULFILLED_QTY, OPEN_QTY
from recon.matching.normalise import Color, Normaliser, Po, plain_style

NO_QTY: Final = np.iinfo(np.int64).min
"""Stands for units that nobody told."""


@dataclass(frozen=True)
class CustomerRules:
    """The rules of one customer that its matching needs.

    Attributes:
        normaliser: normal forms.
        style_fields: which order fields a carton's style may stand for, in the order they are tried.
        fuzzy_threshold: least score of a fuzzy link.
        review_margin: a fuzzy link less than so many points before its runner-up is also a question.
        review_from: least score at which an order key is proposed for a key that stays unlinked.
        tolerance_pct: variance still called good, in percent of ordered.
        most_pairs: the ceiling of the pairs that one block may make; larger blocks are cut by a further field.
    """

    normaliser: Normaliser
    style_fields: tuple[str, ...]
    fuzzy_threshold: float = 80
    review_margin: float = 10
    review_from: float = 70
    tolerance_pct: float = 5
    most_pairs: int = 200_000


@dataclass(frozen=True)
class Sides:
    """One customer's order readings and fulfilment keys, texts as numbers (see ``codes``).

    Attributes:
        orders: ``po``, ``alt``, ``style``, ``pattern``, ``alias``, ``color``, ``code``, ``size`` of each reading.
        cartons: ``po``, ``style``, ``color``, ``size`` of each fulfilment key.
        texts: the texts by number, of ``po``, ``style``, ``color``, ``size``.
        key: the order key of each reading, by its place in ``order_key_ids``.
        order_key_ids: each once, in their order.
        fulfil_key_ids: of each fulfilment key, as a text column.
        open_qty: units of each order key; ``NO_QTY`` where not told.
        fulfilled_qty: units of each fulfilment key; ``NO_QTY`` where not told.
        ruled_out: pairs that a person ruled out, as ``pair_of`` numbers them.
        whole_orders: readings that have PO, style and size.
        whole_cartons: fulfilment keys that have them.
    """

    orders: dict[str, Ints]
    cartons: dict[str, Ints]
    texts: dict[str, Objects]
    key: Ints
    order_key_ids: Objects
    fulfil_key_ids: pd.Series[Any]
    open_qty: Ints
    fulfilled_qty: Ints
    ruled_out: Ints
    whole_orders: Flags
    whole_cartons: Flags

    def pair_of(self, carton: Ints, key: Ints) -> Ints:
        """Number pairs of fulfilment key and order key."""
        return carton * len(self.order_key_ids) + key


ORDER_COLUMNS: Final = {
    "po": "customer_po",
    "alt": "customer_alt_po",
    "style": "style",
    "pattern": "pattern_id",
    "alias": "alias_item",
    "color": "color",
    "code": "color_code",
    "size": "size",
}
"""Names here to columns of the readings."""
KINDS: Final = {
    "po": ("po", "alt"),
    "style": ("style", "pattern", "alias"),
    "color": ("color", "code"),
    "size": ("size",),
}
"""The fields whose texts are numbered together, under the name that the carton's field has too."""


def read_sides(orders: pd.DataFrame, fulfilment: pd.DataFrame) -> Sides:
    """Put one customer's frames into numbers.

    Args:
        orders: order readings, ``columns.READING``, ``open_qty`` where known.
        fulfilment: fulfilment keys, ``columns.FULFILMENT``, ``fulfilled_qty`` where known.

    Returns:
        Both sides.
    """
    order_codes: dict[str, Ints] = {}
    carton_codes: dict[str, Ints] = {}
    texts: dict[str, Objects] = {}
    for kind, fields in KINDS.items():
        carton_field = "customer_po" if kind == "po" else kind
        codes, texts[kind] = encode([*(orders[ORDER_COLUMNS[field]] for field in fields), fulfilment[carton_field]])
        order_codes |= dict(zip(fields, codes, strict=False))
        carton_codes[kind] = codes[-1]
    key, distinct = pd.factorize(orders["order_key_id"], sort=True)
    ids = np.asarray(distinct, dtype=object)
    first = np.unique(key, return_index=True)[1]
    open_qty = orders[OPEN_QTY].to_numpy()[first] if OPEN_QTY in orders else np.full(len(ids), NO_QTY)
    told = fulfilment[FULFILLED_QTY].to_numpy() if FULFILLED_QTY in fulfilment else np.full(len(fulfilment), NO_QTY)
    needs = ("po", "style", "size")
    return Sides(
        orders=order_codes,
        cartons=carton_codes,
        texts=texts,
        key=key.astype(np.int64),
        order_key_ids=ids,
        fulfil_key_ids=fulfilment["fulfil_key_id"],
        open_qty=open_qty.astype(np.int64),
        fulfilled_qty=told.astype(np.int64),
        ruled_out=_ruled_out(fulfilment["rejected_order_key_id"], ids),
        whole_orders=np.logical_and.reduce([order_codes[name] >= 0 for name in needs]),
        whole_cartons=np.logical_and.reduce([carton_codes[name] >= 0 for name in needs]),
    )


def _ruled_out(column: pd.Series[Any], order_key_ids: Objects) -> Ints:
    some = np.flatnonzero(column.notna().to_numpy())
    if not len(some):
        return np.empty(0, dtype=np.int64)
    rejected = objects(column)
    number = {order: place for place, order in enumerate(order_key_ids)}
    # A loop over what people ruled out one by one.
    pairs = [
        carton * len(order_key_ids) + number[order]
        for carton in some.tolist()
        for order in rejected[carton].split()
        if order in number
    ]
    return np.array(pairs, dtype=np.int64)


class Forms:
    """The normal forms of one customer's texts, each as a number; made when first asked for."""

    def __init__(self, sides: Sides, normaliser: Normaliser) -> None:
        self._sides = sides
        self._normaliser = normaliser
        self._bases: dict[str, int] = {}
        self._suffixes: dict[str, int] = {"": 0}
        self.plains: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._numbers: dict[str, int] = {"": 0}

    @cached_property
    def _pos(self) -> list[Po]:
        return [self._normaliser.po(text) for text in self._sides.texts["po"]]

    @cached_property
    def po_base(self) -> Ints:
        """The number of a PO's base, by PO."""
        return _numbered((po.base for po in self._pos), self._bases)

    @cached_property
    def po_suffix(self) -> Ints:
        """The number of a PO's shipment suffix, by PO; 0: none."""
        return _numbered((po.suffix for po in self._pos), self._suffixes)

    @cached_property
    def base_texts(self) -> Objects:
        """The texts of the POs' bases, by their number."""
        _ = self.po_base
        return _texts(self._bases)

    @cached_property
    def plain(self) -> Ints:
        """The number of a style without punctuation, by style."""
        return by_number(self._sides.texts["style"], plain_style, self.plains)

    @cached_property
    def plain_texts(self) -> Objects:
        """The texts of plain styles, by their number."""
        _ = self.plain, self.order_bare, self.carton_bare
        return _texts(self.plains)

    @cached_property
    def po_as_style(self) -> Ints:
        """The number of the plain style that a PO's text is, by PO; ``MISSING`` where it is none."""
        _ = self.plain_texts
        return self._known("po", plain_style, self.plains)

    @cached_property
    def style_as_po(self) -> Ints:
        """The number of the PO's base that a style's text is, by style; ``MISSING`` where it is none."""
        _ = self.po_base
        return self._known("style", lambda text: self._normaliser.po(text).base, self._bases)

    def _known(self, kind: str, form: Callable[[str], str], known: dict[str, int]) -> Ints:
        made = [known.get(form(text), MISSING) for text in self._sides.texts[kind]]
        return np.array([*made, MISSING], dtype=np.int64)

    @cached_property
    def _colors(self) -> list[Color]:
        return [self._normaliser.color(text) for text in self._sides.texts["color"]]

    @cached_property
    def name(self) -> Ints:
        """The number of a colour's name without code, abbreviations written out, by colour."""
        return _numbered((color.name for color in self._colors), self._names)

    @cached_property
    def number(self) -> Ints:
        """The number of a colour's code, by colour; 0: none."""
        return _numbered((color.code for color in self._colors), self._numbers)

    @cached_property
    def words(self) -> Ints:
        """The number of a colour with all its words, abbreviations written out, by colour; numbered with the names."""
        return by_number(self._sides.texts["color"], self._normaliser.color_name, self._names)

    @cached_property
    def order_bare(self) -> Ints:
        """The plain style of each reading without the colour code at its end, ``MISSING`` where none stands there."""
        orders = self._sides.orders
        return self._bare(orders["style"], orders["color"], orders["code"])

    @cached_property
    def carton_bare(self) -> Ints:
        """The same of each fulfilment key."""
        cartons = self._sides.cartons
        return self._bare(cartons["style"], cartons["color"], np.full(len(cartons["style"]), MISSING, dtype=np.int64))

    def _bare(self, styles: Ints, colors: Ints, codes: Ints) -> Ints:
        texts, hues = self._sides.texts["style"], self._sides.texts["color"]
        sizes = (len(texts), len(hues) + 1, len(hues) + 1)
        rows, first, place = np.unique(
            combine(sizes, styles, colors + 1, codes + 1), return_index=True, return_inverse=True
        )
        made = np.full(len(rows), MISSING, dtype=np.int64)
        # A loop over the distinct styles in their colours whose style ends in a token that names any colour at all.
        for at in np.flatnonzero(self._ends_in_color[styles[first]]).tolist():
            row = first[at]
            color = hues[colors[row]] if colors[row] >= 0 else None
            code = hues[codes[row]] if codes[row] >= 0 else None
            bare = self._normaliser.bare_style(texts[styles[row]], color, code)
            if bare is not None:
                made[at] = self.plains.setdefault(bare, len(self.plains))
        return made[place]

    @cached_property
    def _ends_in_color(self) -> Flags:
        """Whether a style's last token names one of the customer's colours, by style."""
        _ = self.plain
        known: set[str] = set()
        for text, parts in zip(self._sides.texts["color"], self._colors, strict=True):
            known |= {parts.name, parts.code, text, text.lstrip("0")}
        known.discard("")
        tokens = [self._normaliser.last_token(text) for text in self._sides.texts["style"]]
        named = (
            bool(token) and not known.isdisjoint((token, token.lstrip("0"), self._normaliser.color_name(token)))
            for token in tokens
        )
        return np.array([*named, False], dtype=bool)

    @cached_property
    def order_with_code(self) -> Ints:
        """The plain style of each reading with its colour code behind it; ``MISSING`` where no carton is spelt so."""
        orders, plain = self._sides.orders, self.plain
        styles, hues = self._sides.texts["style"], self._sides.texts["color"]
        sizes = (len(styles), len(hues))
        rows, first, place = np.unique(
            combine(sizes, orders["style"], orders["code"]), return_index=True, return_inverse=True
        )
        made = np.full(len(rows), MISSING, dtype=np.int64)
        plains = _texts(self.plains)
        codes = {code: plain_style(hues[code]) for code in np.unique(orders["code"]).tolist() if code >= 0}
        # A loop over the distinct styles with their codes.
        for at in np.flatnonzero(rows >= 0).tolist():
            row = first[at]
            text = plains[plain[orders["style"][row]]] + codes[orders["code"][row]]
            made[at] = self.plains.get(text, MISSING)
        return made[place]

    @cached_property
    def order_words(self) -> tuple[Ints, Ints]:
        """The colour of each reading with its code before it and behind it, numbered with the names."""
        orders, hues = self._sides.orders, self._sides.texts["color"]
        rows, first, place = np.unique(
            combine((len(hues), len(hues)), orders["color"], orders["code"]), return_index=True, return_inverse=True
        )
        made = np.full((2, len(rows)), MISSING, dtype=np.int64)
        _ = self.name, self.words
        # A loop over the distinct colours with their codes.
        for at in np.flatnonzero(rows >= 0).tolist():
            color, code = hues[orders["color"][first[at]]], hues[orders["code"][first[at]]]
            for place_of_code, text in enumerate((f"{code} {color}", f"{color} {code}")):
                name = self._normaliser.color_name(text)
                made[place_of_code, at] = self._names.setdefault(name, len(self._names))
        return made[0][place], made[1][place]


def _numbered(forms: Iterable[str], known: dict[str, int]) -> Ints:
    return np.array([*(known.setdefault(form, len(known)) for form in forms), MISSING], dtype=np.int64)


def _texts(known: dict[str, int]) -> Objects:
    made = np.empty(len(known), dtype=object)
    made[:] = list(known)
    return made
