"""What a reconciliation came to, for the people who started it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from order_rules.canonical import clean
from order_rules.config import Rules
from order_rules.nearest import nearest

from recon.ledger import Figures
from recon.publish import Change


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
        customers: customers there are.
        kept: those of whom nothing changed, so that their links stayed as published.
        compared: pairs of fulfilment and order that the fuzzy pass compared.
        cut: fulfilment keys, once a kind of block, whose candidates were too many and were cut by a further field.
        left_out: those whose candidates were too many even so, and were not compared.
        unattached: decisions of people that no longer apply, in words, and why.
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
    customers: int = 0
    kept: int = 0
    compared: int = 0
    cut: int = 0
    left_out: int = 0
    unattached: tuple[tuple[str, str], ...] = ()
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
    known = {clean(customer.canonical) or customer.canonical for customer in rules.customers.customers}
    found = [
        UnknownCustomer(name, quantity, tuple(near.canonical for near in nearest(name, rules.customers)))
        for name, quantity in units
        if name not in known
    ]
    return tuple(sorted(found, key=lambda one: (-one.units, one.name)))
