"""Whether ``2XL``, ``XXL`` and ``2X`` are one size is each customer's own matter, and its workbooks prove it.

A workbook in which two spellings both carry quantities tells them apart. The WMS view has every size column and
therefore proves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.canonical import clean
from order_rules.config import Rules

from recon.frames import category, map_pairs, number_groups, objects, sum_by


@dataclass(frozen=True)
class SizeFold:
    """Which size stands for another with one customer.

    Attributes:
        spelling_class: size to the sizes it may be one with, the first of them first.
        apart: customer to the sizes that stand for themselves.
        named: customer and class to the size its own rules call the class by.
    """

    spelling_class: Mapping[str, tuple[str, ...]]
    apart: Mapping[str, frozenset[str]]
    named: Mapping[tuple[str, tuple[str, ...]], str]

    def __call__(self, customer: str, size: str) -> str:
        """Give the size that stands for a size.

        Args:
            customer: the canonical customer.
            size: a canonical size.

        Returns:
            The size itself, or the one its class goes by with this customer.
        """
        spellings = self.spelling_class.get(size)
        if spellings is None or size in self.apart.get(customer, _NONE):
            return size
        return self.named.get((customer, spellings), spellings[0])

    def column(self, rows: pd.DataFrame) -> pd.Series[Any]:
        """Fold the sizes of many rows.

        Args:
            rows: customer and size, canonical.

        Returns:
            The folded sizes, with the rows' index.
        """
        rule: Callable[[str, str | None], str | None] = lambda c, s: None if s is None else self(c, s)  # noqa: E731
        return category(map_pairs(rows["customer"], rows["size"], rule)).set_axis(rows.index)


_NONE: Final[frozenset[str]] = frozenset()


def size_classes(rules: Rules) -> dict[str, tuple[str, ...]]:
    """Give each size that may be one with others all spellings of its class, the class's first one first."""
    classes = [
        tuple(dict.fromkeys(filter(None, map(rules.canonical_size, names)))) for names in rules.sizes.equivalents
    ]
    return {size: spellings for spellings in classes for size in spellings}


def size_fold(lines: pd.DataFrame, rules: Rules) -> SizeFold:
    """Learn from the workbooks which sizes are one.

    Of a class of spellings, those that carry quantities beside another in one workbook of a customer stay apart
    there; the rest are folded to the class's first. A customer's own ``sizes`` win: a spelling they name itself
    stays, and a size they turn another spelling into gives the class its name.

    Args:
        lines: customer, size, unit_id and ordered_qty of the workbooks' lines that count; no lines of a view.
        rules: all rules.

    Returns:
        The fold.
    """
    spelling_class = size_classes(rules)
    apart = _proven_apart(lines, spelling_class)
    named: dict[tuple[str, tuple[str, ...]], str] = {}
    for customer in rules.customers.customers:
        name = clean(customer.canonical)
        own = {clean(found): clean(size) for found, size in customer.sizes.items()}
        for spellings in dict.fromkeys(spelling_class.values()) if name and own else ():
            apart[str(name)] |= {size for size in spellings if own.get(size) == size}
            targets = {size for found, size in own.items() if found != size}
            called = next((size for size in spellings if size in targets), None)
            if called is not None:
                named[str(name), spellings] = called
    return SizeFold(spelling_class, {name: frozenset(sizes) for name, sizes in apart.items()}, named)


def _proven_apart(lines: pd.DataFrame, spelling_class: Mapping[str, tuple[str, ...]]) -> defaultdict[str, set[str]]:
    apart: defaultdict[str, set[str]] = defaultdict(set)
    some = lines[lines["size"].isin(list(spelling_class))]
    groups, first = number_groups(some, ("customer", "unit_id", "size"))
    carried = sum_by(groups, some["ordered_qty"], len(first)) > 0
    seen = some.iloc[first[carried]]
    together: defaultdict[tuple[object, object, tuple[str, ...]], set[str]] = defaultdict(set)
    # A loop over customers' workbooks and the few ambiguous sizes in each.
    for customer, unit, size in zip(*(objects(seen[c]) for c in ("customer", "unit_id", "size")), strict=True):
        together[customer, unit, spelling_class[size]].add(size)
    for (customer, _, _), sizes in together.items():
        if len(sizes) > 1:
            apart[str(customer)] |= sizes
    return apart


def published_fold(connection: sa.Connection, rules: Rules) -> SizeFold:
    """Tell from the published sizes how each customer's were folded: a size that is there stands for itself.

    Args:
        connection: an open connection to a reconciled warehouse.
        rules: the rules it was reconciled by.

    Returns:
        The fold.
    """
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
