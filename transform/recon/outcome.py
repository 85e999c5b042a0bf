"""What a reconciliation came to, for the people who started it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from order_rules.canonical import clean
from order_rules.config import Rules
from order_rules.nearest import nearest

from recon.frames import objects
from recon.ledger import Figures, Ledger
from recon.loads import ORDER_LIST
from recon.orders import SUPERSEDED_WORKBOOK
from recon.publish import Change
from recon.results import Settled
from recon.warehouse.runs import Run


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


def outcome_of(run: Run, rules: Rules, booked: Ledger, settled: Settled, counting: pd.DataFrame) -> Outcome:
    """Sum up what a run came to.

    Args:
        run: the run.
        rules: all rules.
        booked: its books.
        settled: what was made of the keys.
        counting: the loads that count: source, status, superseded_by, stale_reason.

    Returns:
        The totals, but for those that the books do not tell.
    """
    matched = booked.by_reason("matched")
    stale = counting[counting["stale_reason"].notna()].sort_values("source")
    copies = counting[counting["status"] == SUPERSEDED_WORKBOOK].sort_values("source")
    statuses = settled.facts.groupby("recon_status")["ordered_qty"]
    quarantined = sum(booked.by_reason("quarantined").values(), start=Figures())
    return Outcome(
        run_id=run.run_id,
        files=booked.get(ORDER_LIST, "files").rows,
        order_lines=0,
        matched={rule: figures for rule, figures in matched.items() if rule},
        unmatched=matched.get("", Figures()),
        pending=booked.get("recon_match", "finding", "pending"),
        compared=booked.get("recon_match", "compared", "pairs").rows,
        cut=booked.get("recon_match", "compared", "cut").rows,
        left_out=booked.get("recon_match", "compared", "left_out").rows,
        statuses={str(status): Figures(rows=len(part), qty=int(part.sum())) for status, part in statuses},
        quarantined=quarantined,
        excluded=booked.by_reason("excluded"),
        findings=booked.by_reason("finding"),
        stale=pairs(stale, "source", "stale_reason"),
        unread=(),
        superseded=pairs(copies, "source", "superseded_by"),
        unknown_customers=_unknown(settled, rules),
        customers=len(settled.customers),
        kept=len(settled.stays.customers),
        ordered=booked.get("fact_order_recon", "fact", "ordered").qty,
        cancelled=booked.get("fact_order_recon", "fact", "cancelled").qty,
        packed=booked.get("fact_order_recon", "fact", "packed").qty,
        shipped=booked.get("fact_order_recon", "fact", "shipped").qty,
    )


def pairs(frame: pd.DataFrame, first: str, second: str) -> tuple[tuple[str, str], ...]:
    """Give two columns as pairs of text."""
    return tuple((str(a), str(b)) for a, b in zip(objects(frame[first]), objects(frame[second]), strict=True))


def _unknown(settled: Settled, rules: Rules) -> tuple[UnknownCustomer, ...]:
    made = settled.facts
    units = made[["ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty"]].sum(axis=1).groupby(made["customer"])
    return unknown_customers([(str(name), int(total)) for name, total in units.sum().items()], rules)
