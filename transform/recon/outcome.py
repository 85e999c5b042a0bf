"""What a reconciliation came to, for the people who started it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from order_rules.canonical import clean
from order_rules.config import Rules
from rapidfuzz import fuzz, process

from recon.ledger import Figures
from recon.publish import Change

NEAREST: Final = 3
ALIKE: Final = 70
"""Least likeness, 0 to 100, of a known name that is worth proposing."""


@dataclass(frozen=True)
class UnknownCustomer:
    """A customer that ``customers.yml`` doesn't know.

    Attributes:
        name: its cleaned name.
        units: ordered, packed and shipped under it.
        nearest: known customers it may be, the likeliest first.
    """

    name: str
    units: int
    nearest: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The totals of a run that published.

    Attributes:
        run_id: the run.
        files: workbooks that count.
        order_lines: order lines that count.
        ordered: units ordered, without cancelled ones.
        cancelled: units of cancelled lines.
        packed: units packed and not shipped.
        shipped: units shipped.
        matched: pass to fulfilment keys (rows) and units it linked.
        unmatched: fulfilment keys and units that belong to no order.
        pending: fulfilment keys and units that are a question for a person; part of ``unmatched``.
        statuses: recon status to keys and ordered units.
        quarantined: what the loads that count have in quarantine.
        excluded: reason to rows, cells and units left out, by mapper and reconciliation.
        findings: code to rows and units.
        stale: source and reason of what could not be read since.
        unread: path and error of workbooks that were never read.
        superseded: workbook left out and the one that counts instead.
        unknown_customers: those with the most units first.
        changes: table to what was written.
        swept: loads deleted.
        balanced: the books are equal; always true, as nothing is published otherwise.
    """

    run_id: str
    files: int
    order_lines: int
    ordered: int
    cancelled: int
    packed: int
    shipped: int
    matched: Mapping[str, Figures]
    unmatched: Figures
    pending: Figures
    statuses: Mapping[str, Figures]
    quarantined: Figures
    excluded: Mapping[str, Figures]
    findings: Mapping[str, Figures]
    stale: tuple[tuple[str, str], ...]
    unread: tuple[tuple[str, str], ...]
    superseded: tuple[tuple[str, str], ...]
    unknown_customers: tuple[UnknownCustomer, ...]
    changes: Mapping[str, Change] = field(default_factory=dict)
    swept: int = 0
    balanced: bool = True


def unknown_customers(units: Iterable[tuple[str, int]], rules: Rules) -> tuple[UnknownCustomer, ...]:
    """Find the customers that ``customers.yml`` doesn't know, with the known ones they may be.

    Args:
        units: canonical customer and its units.
        rules: all rules.

    Returns:
        The unknown ones, those with the most units first.
    """
    canonical = {name: clean(customer.canonical) or name for name, customer in rules.customers.by_alias.items()}
    known = set(canonical.values())
    found = []
    for name, quantity in units:
        if name not in known:
            likely = process.extract(name, list(canonical), scorer=fuzz.WRatio, limit=None, score_cutoff=ALIKE)
            nearest = tuple(dict.fromkeys(canonical[alias] for alias, _, _ in likely))[:NEAREST]
            found.append(UnknownCustomer(name, quantity, nearest))
    return tuple(sorted(found, key=lambda one: (-one.units, one.name)))
