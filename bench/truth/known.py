"""What a person at the warehouse could look up: the order keys with all their names, and which names are real."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from recon.frames import number_groups, objects, sum_by

from .kinds import FIVE, Reading

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

OTHER_NAMES: Final = ("customer_alt_po", "pattern_id", "alias_item", "color_code")
NAMES: Final = (*FIVE, *OTHER_NAMES)
_REAL_AS: Final = {
    "customer_po": ("customer_po", "customer_alt_po"),
    "style": ("style", "pattern_id", "alias_item"),
    "color": ("color", "color_code"),
}
"""Where a field's real names stand."""


@dataclass(frozen=True)
class Known:
    """The order keys.

    Attributes:
        frame: one row an order key: ``NAMES`` as categories.
        names: the same as Python objects.
        ordered: units ordered of each key, cancelled lines left out.
        cancelled: units cancelled of each key.
        real: field, customer (and style, for a size) and value, joined: every name that means something.
        alike_without: field to how many order keys agree with each key in the other four fields.
        shared_base: whether another PO of the customer has the number of this one under another suffix.
    """

    frame: pd.DataFrame
    names: dict[str, Texts]
    ordered: Ints
    cancelled: Ints
    real: set[tuple[str, ...]]
    alike_without: dict[str, Ints]
    shared_base: NDArray[np.bool_]

    @classmethod
    def by_lines(cls, lines: pd.DataFrame) -> Known:
        """Sum order lines to their keys, in the order they first come."""
        groups, first = number_groups(lines, FIVE)
        live = ~lines["cancelled"].to_numpy(dtype=bool)
        qty = lines["ordered_qty"].to_numpy(dtype=np.int64)
        some = lines.iloc[first].reset_index(drop=True)
        frame = some[list(NAMES)]
        names = {name: objects(frame[name]) for name in NAMES}
        alike: dict[str, Ints] = {}
        for field in FIVE[1:]:
            without, kinds = number_groups(frame, [name for name in FIVE if name != field])
            alike[field] = np.bincount(without, minlength=len(kinds))[without].astype(np.int64)
        return cls(
            frame=frame,
            names=names,
            ordered=sum_by(groups, qty * live, len(first)),
            cancelled=sum_by(groups, qty * ~live, len(first)),
            real=_real(frame),
            alike_without=alike,
            shared_base=_shared_base(names),
        )

    def reading(self, row: int) -> Reading:
        """Give what an order key goes by."""
        names = {name: self.names[name][row] for name in NAMES}
        return Reading(**names, po_base_shared=bool(self.shared_base[row]))

    def is_real(self, field: str, reading: Reading, value: str) -> bool:
        """Whether a value names something of the customer; a size, something ordered of the style."""
        place = (reading.customer, reading.style) if field == "size" else (reading.customer,)
        return (field, *place, value) in self.real


def _real(frame: pd.DataFrame) -> set[tuple[str, ...]]:
    real: set[tuple[str, ...]] = set()
    for field, columns in _REAL_AS.items():
        for column in columns:
            pairs = _distinct(frame, ("customer", column))
            real |= {(field, customer, value) for customer, value in pairs if value is not None}
    return real | {("size", *triple) for triple in _distinct(frame, ("customer", "style", "size"))}


def _distinct(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    some = frame.iloc[number_groups(frame, columns)[1]]
    return list(zip(*(objects(some[column]) for column in columns), strict=True))


def _shared_base(names: dict[str, Texts]) -> NDArray[np.bool_]:
    bases = {po: re.sub(r"-[0-9A-Z]$", "", po) for po in dict.fromkeys(names["customer_po"])}
    pos = dict.fromkeys(zip(names["customer"], names["customer_po"], strict=True))
    times = Counter((customer, bases[po]) for customer, po in pos)
    pairs = zip(names["customer"], names["customer_po"], strict=True)
    return np.array([times[customer, bases[po]] > 1 for customer, po in pairs], dtype=bool)
