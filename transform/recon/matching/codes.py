"""Texts as whole numbers: numbering distinct texts, joining several numbers to one, meeting two sides on it.

All comparing and joining of matching runs on numbers; texts are touched once a distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from recon.frames import Flags, Ints, Objects

MISSING: Final = -1
"""The number of a missing text. Tables by number end in one entry more, so that this finds it."""


class Met(NamedTuple):
    """Pairs by position: a row of the cartons and a row of the orders."""

    carton: Ints
    order: Ints


def encode(columns: Sequence[pd.Series[Any]]) -> tuple[list[Ints], Objects]:
    """Number the distinct texts of several columns together, in the order of the texts.

    Args:
        columns: text columns, missing values allowed.

    Returns:
        The numbers of each column, ``MISSING`` where it has no text, and the texts by number. The order of rows does
        not change them.
    """
    found = [pd.factorize(column) for column in columns]
    texts = [np.asarray(distinct, dtype=object) for _, distinct in found]
    together, distinct = pd.factorize(np.concatenate(texts), sort=True)
    numbers = np.split(together, np.cumsum([len(part) for part in texts])[:-1])
    coded = [
        np.append(number, MISSING).astype(np.int64)[codes] for (codes, _), number in zip(found, numbers, strict=True)
    ]
    return coded, np.asarray(distinct, dtype=object)


def by_number(texts: Objects, form: Callable[[str], str | None], known: dict[str, int]) -> Ints:
    """Put each distinct text into a form and number the forms.

    Args:
        texts: distinct texts by number.
        form: from a text to its form; ``None`` where it has none.
        known: form to number; new forms are added.

    Returns:
        The number of the form by the number of the text, with one entry more for ``MISSING``.
    """
    made = [MISSING if (found := form(text)) is None else known.setdefault(found, len(known)) for text in texts]
    return np.array([*made, MISSING], dtype=np.int64)


def combine(sizes: Sequence[int], *codes: Ints) -> Ints:
    """Join numbers row by row to one.

    Args:
        sizes: how many numbers each column may have, the same on both sides of a comparison.
        codes: the columns.

    Returns:
        One number a row, ``MISSING`` where any is missing.
    """
    combined = codes[0].astype(np.int64)
    gone = codes[0] < 0
    for size, column in zip(sizes[1:], codes[1:], strict=True):
        combined = combined * (size + 1) + column
        gone |= column < 0
    combined[gone] = MISSING
    return combined


def meet(cartons: Ints, orders: Ints) -> Met:
    """Find the rows of both sides that share a number.

    Returns:
        All pairs, in the order of the cartons; a missing number meets nothing.
    """
    rows = np.flatnonzero(orders >= 0)
    rows = rows[np.argsort(orders[rows], kind="stable")]
    keys = orders[rows]
    asking = np.flatnonzero(cartons >= 0)
    first = np.searchsorted(keys, cartons[asking], "left")
    counts = np.searchsorted(keys, cartons[asking], "right") - first
    return Met(np.repeat(asking, counts), rows[_ranges(first, counts)])


def _ranges(first: Ints, counts: Ints) -> Ints:
    """Give first, first + 1, … of each row, ``counts`` of them, end to end."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(first - (ends - counts), counts), dtype=np.int64)


def pairs_in_blocks(cartons: Ints, orders: Ints) -> Ints:
    """Count, for each row of the cartons, the pairs that the whole of its block would make.

    Args:
        cartons: the block of each row, ``MISSING`` where it is in none.
        orders: the blocks of the orders' rows, sorted, none missing.

    Returns:
        One number a row of the cartons.
    """
    distinct, place = np.unique(cartons, return_inverse=True)
    mine = np.bincount(place, minlength=len(distinct))
    theirs = np.searchsorted(orders, distinct, "right") - np.searchsorted(orders, distinct, "left")
    theirs[distinct < 0] = 0
    return np.asarray((mine * theirs)[place], dtype=np.int64)


def distinct_pairs(left: Ints, right: Ints) -> tuple[Ints, Ints, Ints]:
    """Find the distinct pairs of two columns.

    Returns:
        The left and the right of each distinct pair, and the number of its pair for each row.
    """
    if not len(left):
        return left, right, np.empty(0, dtype=np.int64)
    size = int(right.max()) + 2
    distinct, place = np.unique(left * size + right + 1, return_inverse=True)
    return distinct // size, distinct % size - 1, place.astype(np.int64)


def distinct_rows(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Find the distinct rows of some columns.

    Args:
        columns: numbers from ``MISSING`` on.

    Returns:
        The place of one row of each kind, and the number of its kind for each row.
    """
    number = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        number = number * (int(column.max(initial=MISSING)) + 2) + column + 1
    _, first, kind = np.unique(number, return_index=True, return_inverse=True)
    return first.astype(np.int64), kind.astype(np.int64)


def flags_of(count: int, members: Ints) -> Flags:
    """Mark numbers in a table by number, which ends in one entry more for ``MISSING``, never marked."""
    made = np.zeros(count + 1, dtype=bool)
    made[members[members >= 0]] = True
    return made
