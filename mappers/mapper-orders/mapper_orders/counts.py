"""The books of one load: what was received, read, staged, excluded and quarantined, by reason.

One :class:`LoadBook` lives from a load's first row to its ``loads`` record, then becomes ``load_counts`` records.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any, Final, Literal

Measure = Literal["received", "read", "staged", "excluded", "quarantined", "finding"]

INPUT_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "order_list_rows": ("order_list", "stg_orders_sharepoint"),
    "master_order_list": ("order_list", "stg_orders_wms"),
    "packed_products": ("stg_packed",),
    "shipped": ("stg_shipped",),
}
"""The staging tables that each input stream feeds, beside its quarantine."""

QUARANTINE_TABLES: Final[dict[str, str]] = {
    "order_list_rows": "stg_quarantine_sharepoint",
    "master_order_list": "stg_quarantine_wms",
    "packed_products": "stg_quarantine_wms",
    "shipped": "stg_quarantine_wms",
}


class LoadBook:
    """The running counts of one load, and what tells its equal rows apart.

    Attributes:
        load_id: the load.
        stream: the input stream, which is also the table that ``received`` to ``quarantined`` are booked under.
        received_qty: sum of the numeric quantity cells, fractions included, as the tap sums ``loads.qty``.
    """

    def __init__(self, load_id: str, stream: str) -> None:
        self.load_id = load_id
        self.stream = stream
        self.received_qty: int | Decimal = 0
        self._counts: defaultdict[tuple[str, Measure, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._seen: dict[str, int] = {}
        self._received = self._counts[stream, "received", ""]
        for table in INPUT_TABLES[stream]:
            self._counts[table, "staged", ""]  # booked even where nothing comes

    def received(self, cells: int, qty: int | Decimal, *, rows: int = 1) -> None:
        """Book incoming records with their quantity cells and the sum of the numeric ones."""
        self._received[0] += rows
        self._received[1] += cells
        self.received_qty += qty

    def staged(self, table: str, *, rows: int, cells: int = 0, qty: int = 0) -> None:
        """Book rows that went to a staging table."""
        self._add(table, "staged", "", rows, cells, qty)

    def read(self, *, cells: int, qty: int, rows: int = 1) -> None:
        """Book the readable quantity cells of records that have any, negative and zero ones included."""
        if cells:
            self._add(self.stream, "read", "", rows, cells, qty)

    def excluded(self, reason: str, *, rows: int = 0, cells: int = 0, qty: int = 0) -> None:
        """Book what is left out for a reason; ``rows`` where the reason is the whole row's."""
        self._add(self.stream, "excluded", reason, rows, cells, qty)

    def quarantined(self, reason_code: str, *, cells: int, qty: int) -> None:
        """Book one quarantine record."""
        self._add(self.stream, "quarantined", reason_code, 1, cells, qty)

    def findings(self, findings: list[str]) -> None:
        """Book a row's findings: one row a code, whatever stands behind the code's colon."""
        for code in {finding.partition(":")[0] for finding in findings}:
            self._add(self.stream, "finding", code, 1, 0, 0)

    def occurrence(self, identity: str) -> int:
        """Count how often an id or a place came before in this load: 0 for the first."""
        before = self._seen.get(identity, 0)
        self._seen[identity] = before + 1
        return before

    def occurrences(self, identities: list[str]) -> list[tuple[int, int]]:
        """Count many ids in turn.

        Returns:
            Place and count of each that came before, among these or earlier.
        """
        new = dict.fromkeys(identities, 1)
        if len(new) == len(identities) and self._seen.keys().isdisjoint(new):
            self._seen |= new
            return []
        counted = enumerate(map(self.occurrence, identities))
        return [(place, before) for place, before in counted if before]

    def _add(self, table: str, measure: Measure, reason: str, rows: int, cells: int, qty: int) -> None:  # noqa: PLR0917
        count = self._counts[table, measure, reason]
        count[0] += rows
        count[1] += cells
        count[2] += qty

    def records(self) -> list[dict[str, Any]]:
        """Give the load's ``load_counts`` records, sorted by table, measure and reason.

        Returns:
            ``received`` and ``staged`` always, the others where anything was counted.
        """
        self._received[2] = round(self.received_qty)
        return [
            {
                "load_id": self.load_id,
                "table": table,
                "measure": measure,
                "reason": reason,
                "rows": count[0],
                "cells": count[1],
                "qty": count[2],
            }
            for (table, measure, reason), count in sorted(self._counts.items())
            if any(count) or measure in ("received", "staged")
        ]


Books = dict[str, LoadBook]
"""Load id to the books of that load, from its first row to its ``loads`` record."""


def book_of(books: Books, load_id: str, stream: str) -> LoadBook:
    """Give the books of a load, opened with its first row."""
    book = books.get(load_id)
    if book is None:
        book = books[load_id] = LoadBook(load_id, stream)
    return book
