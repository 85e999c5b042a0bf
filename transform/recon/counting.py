"""What counts, before it is matched: which loads, which of their rows, and what the books say of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules

from recon import guards
from recon.cartons import SHIPPED_SINCE, Told
from recon.frames import look_up, text
from recon.ledger import Ledger, figures_by_load
from recon.loads import MASTER_VIEW, ORDER_LIST, PACKED, SHIPPED, Choice
from recon.orders import SUPERSEDED_WINDOW, SUPERSEDED_WORKBOOK, Lines

COUNTS: Final = "counts"
ORDERS: Final = tables.stg_orders.name
CURRENT: Final = {PACKED: tables.stg_packed_current.name, SHIPPED: tables.stg_shipped_current.name}
"""Stream to the published table of its rows that count."""


@dataclass(frozen=True)
class Counting:
    """What counts.

    Attributes:
        choice: the loads that may count.
        loads: those that do, with status, superseded_by and staged_qty (of their rows that count).
        counts: what the mapper counted of these.
        findings: published table to what is remarkable about its rows: code to rows and quantity.
        figures: published table to ``ledger.figures_by_load`` of its rows.
    """

    choice: Choice
    loads: pd.DataFrame
    counts: pd.DataFrame
    findings: Mapping[str, dict[str, tuple[int, int]]]
    figures: Mapping[str, pd.DataFrame]

    @property
    def of_loads(self) -> Mapping[str, pd.DataFrame]:
        """The figures of the loads that count."""
        kept = self.loads["load_id"]
        return {table: figures[figures["load_id"].isin(kept)] for table, figures in self.figures.items()}


def what_counts(choice: Choice, counts: pd.DataFrame, lines: Lines, told: Told) -> Counting:
    """Find the loads that count: the newest of each unit, and older ones of a view of which rows count.

    Args:
        choice: the loads that may count.
        counts: the table ``load_counts``.
        lines: the order lines of these loads.
        told: what the books need to know of their cartons.

    Returns:
        What counts.
    """
    qty = lines.rows["ordered_qty"]
    of_lines = figures_by_load(lines.rows, qty, qty.where(lines.rows["reason"].isna(), 0))
    figures = {ORDERS: of_lines, CURRENT[PACKED]: told.packed, CURRENT[SHIPPED]: told.shipped}
    every = pd.concat(figures.values())
    held = every[every["reason"] != SUPERSEDED_WINDOW].groupby("load_id")["kept"].sum()
    counting = choice.loads[choice.loads["newest"] | choice.loads["load_id"].isin(held.index)].reset_index(drop=True)
    replaced_by = lines.superseded.drop_duplicates("unit_id").set_index("unit_id")["by"]
    left = of_lines.loc[of_lines["reason"] != SUPERSEDED_WORKBOOK, "load_id"]
    superseded = counting["unit_id"].isin(replaced_by.index) & ~counting["load_id"].isin(left)
    counting = counting.assign(
        status=text(np.where(superseded, SUPERSEDED_WORKBOOK, COUNTS)),
        superseded_by=look_up(counting["unit_id"], replaced_by).where(superseded),
        staged_qty=look_up(counting["load_id"], held).fillna(0).astype("int64"),
    )
    findings = {ORDERS: lines.findings, CURRENT[PACKED]: told.findings}
    return Counting(choice, counting, counts[counts["load_id"].isin(counting["load_id"])], findings, figures)


def book(booked: Ledger, found: Counting) -> None:
    """Book what was read, staged and left out.

    Args:
        booked: the run's books.
        found: what counts.
    """
    counting = found.loads
    workbooks = counting[counting["stream"] == ORDER_LIST]
    copies = workbooks[workbooks["status"] == SUPERSEDED_WORKBOOK]
    booked.add(ORDER_LIST, "files", rows=len(workbooks) - len(copies))
    booked.book_loads(found.counts, set(copies["load_id"]), SUPERSEDED_WORKBOOK)
    for stream, part in counting[counting["stale_reason"].notna()].groupby("stream"):
        booked.add(str(stream), "stale", rows=len(part))
    for table, figures in found.of_loads.items():
        booked.book_rows(table, figures, SHIPPED_SINCE)
    for table, findings in found.findings.items():
        booked.findings(table, findings)


def guard(
    connection: sa.Connection,
    booked: Ledger,
    found: Counting,
    rules: Rules,
    *,
    allow_shrink: bool,
    accept: frozenset[str],
) -> None:
    """Refuse what must not be published: a source that shrank, a unit of which too much cannot be used.

    Args:
        connection: an open connection; the caller's transaction.
        booked: the run's books, with what counts.
        found: what counts.
        rules: all rules.
        allow_shrink: publish although far fewer workbooks or rows count than in the last run.
        accept: workbooks or views that may have more than ``max_quarantine_pct`` in quarantine.

    Raises:
        Shrunk: a source shrank.
        TooMuchQuarantine: too much is in quarantine.
    """
    counting = found.loads[found.loads["status"] == COUNTS]
    if not allow_shrink:
        guards.refuse_empty_listing(listing_empty=found.choice.listing_empty)
        sources = {str(stream): frozenset(part) for stream, part in counting.groupby("stream")["source"]}
        guards.refuse_shrunk(guards.last_run(connection), booked, sources, rules.matching.max_shrink_pct)
    guards.refuse_quarantine(found.counts, counting, rules.matching.max_quarantine_pct, accept)


def handled(found: Counting) -> Mapping[str, tuple[tuple[str, ...], int]]:
    """Sum the staged units that went through this run's hands, by stream.

    Returns:
        Stream to its staging tables and the units.
    """
    stream_of = found.loads.set_index("load_id")["stream"]
    every = pd.concat(found.of_loads.values())
    units = every.groupby(look_up(every["load_id"], stream_of).to_numpy())["qty"].sum()
    staged = {
        ORDER_LIST: tables.stg_orders_sharepoint,
        MASTER_VIEW: tables.stg_orders_wms,
        PACKED: tables.stg_packed,
        SHIPPED: tables.stg_shipped,
    }
    return {stream: ((table.name,), int(units.get(stream, 0))) for stream, table in staged.items()}
