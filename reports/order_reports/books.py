"""The books of a run as a reader checks them: what was read went somewhere, and what counts is in the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from order_reports.read import Count
from order_reports.totals import Totals

FLOWS: Final = {
    "ORDERED": ("order_list_rows", "master_order_list", "stg_orders_sharepoint", "stg_orders_wms", "stg_orders"),
    "PACKED": ("packed_products", "stg_packed", "stg_packed_current"),
    "SHIPPED": ("shipped", "stg_shipped", "stg_shipped_current"),
}
"""What is counted in units, and the streams and tables that it is booked under."""


class Flow(NamedTuple):
    """One quantity's way from its sources into the facts, in units.

    Attributes:
        name: ``ORDERED``, ``PACKED`` or ``SHIPPED``.
        read: what stood readable in the sources; ``None``: the run counted none.
        staged: what the mapper staged of it.
        excluded: what was left out, for every reason.
        quarantined: what could not be used.
        current: what counts.
        facts: what the facts add up to.
    """

    name: str
    read: int | None
    staged: int
    excluded: int
    quarantined: int
    current: int
    facts: int

    @property
    def difference(self) -> int:
        """Units that are unaccounted for; 0 where the books balance."""
        unbooked = 0 if self.read is None else self.read - self.excluded - self.quarantined - self.current
        return unbooked or self.current - self.facts


class Excluded(NamedTuple):
    """What was left out of one flow for one reason."""

    flow: str
    reason: str
    rows: int
    units: int


class Finding(NamedTuple):
    """Something odd that changed no figure, such as a total that is not the sum of its sizes."""

    code: str
    rows: int
    units: int


@dataclass(frozen=True)
class Books:
    """The books of the run that is published.

    Attributes:
        flows: ordered, packed, shipped.
        excluded: by flow, the most units first.
        findings: those with the most rows first.
        counted: whether the run left any counts.
    """

    flows: Sequence[Flow]
    excluded: Sequence[Excluded]
    findings: Sequence[Finding]
    counted: bool

    @property
    def balanced(self) -> bool:
        """Whether every unit is accounted for."""
        return self.counted and not any(flow.difference for flow in self.flows)


def close_books(counts: Sequence[Count], totals: Totals) -> Books:
    """Draw up the books.

    Args:
        counts: the run's lines of ``audit_count``.
        totals: what is published.

    Returns:
        The books.
    """
    facts = {
        "ORDERED": sum(one.ordered + one.cancelled for one in totals.customers),
        "PACKED": sum(one.packed for one in totals.customers),
        "SHIPPED": sum(one.shipped for one in totals.customers),
    }
    flows = []
    excluded = []
    for name, booked_under in FLOWS.items():
        lines = [count for count in counts if count.table in booked_under]
        read = [count.qty for count in lines if count.measure == "read"]
        flows.append(
            Flow(
                name=name,
                read=sum(read) if read else None,
                staged=_units(lines, "staged"),
                excluded=_units(lines, "excluded"),
                quarantined=_units(lines, "quarantined"),
                current=totals.current[name.lower()],
                facts=facts[name],
            )
        )
        reasons = {count.reason for count in lines if count.measure == "excluded"}
        by_reason = [
            Excluded(
                name,
                reason,
                rows=sum(count.rows for count in lines if (count.measure, count.reason) == ("excluded", reason)),
                units=sum(count.qty for count in lines if (count.measure, count.reason) == ("excluded", reason)),
            )
            for reason in reasons
        ]
        excluded += sorted(by_reason, key=lambda one: (-one.units, -one.rows, one.reason))
    return Books(flows, excluded, _findings(counts), counted=any(flow.read is not None for flow in flows))


def _findings(counts: Sequence[Count]) -> list[Finding]:
    found = [count for count in counts if count.measure == "finding"]
    summed = [
        Finding(
            code,
            rows=sum(count.rows for count in found if count.reason == code),
            units=sum(count.qty for count in found if count.reason == code),
        )
        for code in {count.reason for count in found}
    ]
    return sorted(summed, key=lambda one: (-one.rows, one.code))


def _units(lines: Sequence[Count], measure: str) -> int:
    return sum(count.qty for count in lines if count.measure == measure)
