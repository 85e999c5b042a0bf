"""The books: every unit that was read is staged, excluded or quarantined, and every unit that counts is in a fact.

Figures are exact whole numbers. Where two that must be equal are not, nothing is published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.frames import objects
from recon.refusals import BooksUnequal

Measure = Literal[
    "files",
    "received",
    "read",
    "staged",
    "excluded",
    "quarantined",
    "current",
    "fact",
    "stale",
    "finding",
    "matched",
    "compared",
]
CURRENT_TABLES: Final = (tables.stg_orders, tables.stg_packed_current, tables.stg_shipped_current)


class Figures(NamedTuple):
    """What was counted: rows, quantity cells, units."""

    rows: int = 0
    cells: int = 0
    qty: int = 0

    def __add__(self, other: object) -> Figures:
        if not isinstance(other, Figures):
            return NotImplemented
        return Figures(self.rows + other.rows, self.cells + other.cells, self.qty + other.qty)


@dataclass
class Ledger:
    """The figures of one run, by table or stream, measure and reason: what ``audit_count`` keeps."""

    figures: dict[tuple[str, str, str], Figures] = field(default_factory=dict)

    def add(
        self, table: str, measure: Measure, reason: str = "", *, rows: int = 0, cells: int = 0, qty: int = 0
    ) -> None:
        """Book figures."""
        self.figures[table, measure, reason] = self.get(table, measure, reason) + Figures(rows, cells, qty)

    def get(self, table: str, measure: str, reason: str = "") -> Figures:
        """Look figures up; what was never booked is nought."""
        return self.figures.get((table, measure, reason), Figures())

    def by_reason(self, measure: Measure) -> dict[str, Figures]:
        """Sum a measure by reason over all tables."""
        sums: dict[str, Figures] = {}
        for (_, found, reason), figures in sorted(self.figures.items()):
            if found == measure:
                sums[reason] = sums.get(reason, Figures()) + figures
        return sums

    def book_loads(self, counts: pd.DataFrame, apart: Collection[str], reason_apart: str) -> None:
        """Book what the mapper counted of the loads that may count.

        Args:
            counts: their ``load_counts``.
            apart: loads whose received figures are booked under a reason of their own.
            reason_apart: that reason.
        """
        is_apart = counts["load_id"].isin(list(apart)) & (counts["measure"] == "received")
        counts = counts.assign(reason=counts["reason"].mask(is_apart, reason_apart))
        sums = counts.fillna({"reason": ""}).groupby(["table", "measure", "reason"])[["rows", "cells", "qty"]].sum()
        named = sums.reset_index()
        columns = (objects(named[name]) for name in named.columns)
        for table, measure, reason, rows, cells, qty in zip(*columns, strict=True):
            self.add(table, measure, reason, rows=int(rows), cells=int(cells), qty=int(qty))

    def book_rows(self, table: str, reasons: pd.Series[Any], qty: pd.Series[Any]) -> None:
        """Book rows that count and rows that are left out, by reason.

        Args:
            table: the published table.
            reasons: why each row is left out, missing where it counts.
            qty: the units of each row.
        """
        counts = qty[reasons.isna().to_numpy()]
        self.add(table, "current", rows=len(counts), qty=int(counts.sum()))
        left_out = pd.Series(qty.to_numpy()).groupby(objects(reasons))
        for reason, part in left_out:
            self.add(table, "excluded", str(reason), rows=len(part), qty=int(part.sum()))

    def move(self, table: str, reason: str, qty: int) -> None:
        """Book units of rows that count as left out after all: the part of a carton that was shipped since."""
        if qty:
            self.add(table, "current", qty=-qty)
            self.add(table, "excluded", reason, qty=qty)

    def findings(self, table: str, findings: Mapping[str, tuple[int, int]]) -> None:
        """Book findings: code to rows and units."""
        for code, (rows, qty) in findings.items():
            self.add(table, "finding", code, rows=rows, qty=qty)

    def write(self, connection: sa.Connection, run_id: str) -> None:
        """Write the run's ``audit_count``, replacing what a former attempt of it wrote."""
        connection.execute(sa.delete(tables.audit_count).where(tables.audit_count.c.run_id == run_id))
        rows = [
            {"run_id": run_id, "table": table, "measure": measure, "reason": reason, **figures._asdict()}
            for (table, measure, reason), figures in sorted(self.figures.items())
        ]
        if rows:
            connection.execute(tables.audit_count.insert(), rows)


def check_loads(counts: pd.DataFrame, loads: pd.DataFrame) -> None:
    """Check that what each load that counts brought is staged, excluded or quarantined.

    Args:
        counts: ``load_counts`` of the loads that count.
        loads: load_id, stream, source of the same.

    Raises:
        BooksUnequal: cells received or units read do not add up.
    """
    sums = counts.pivot_table(index="load_id", columns="measure", values=["cells", "qty"], aggfunc="sum", fill_value=0)
    for figure, left in (("cells", "received"), ("qty", "read")):
        told = _column(sums, figure, left)
        became = sum(
            (_column(sums, figure, measure) for measure in ("staged", "excluded", "quarantined")),
            start=pd.Series(0, index=sums.index),
        )
        for load_id in sums.index[told != became]:
            load = loads[loads["load_id"] == load_id].iloc[0]
            unit = "cells" if figure == "cells" else "units"
            raise BooksUnequal(
                f"The books of {load['stream']} don't balance: of {load['source']} {told[load_id]} {unit} were {left}, "
                f"but staged, excluded and quarantined are {became[load_id]}. Read it again: meltano run full-sync."
            )


def _column(sums: pd.DataFrame, figure: str, measure: str) -> pd.Series[Any]:
    zero = pd.Series(0, index=sums.index)
    return sums[(figure, measure)].astype("int64") if (figure, measure) in sums.columns else zero


def check_staged(counts: pd.DataFrame, streams: Mapping[str, tuple[tuple[str, ...], int]]) -> None:
    """Check that every staged unit of the loads that count went through this run's hands.

    Args:
        counts: ``load_counts`` of the loads that count.
        streams: stream to its staging tables and the units that this run counts as current or excluded.

    Raises:
        BooksUnequal: the two differ.
    """
    staged = counts[counts["measure"] == "staged"]
    for stream, (names, handled) in streams.items():
        told = int(staged.loc[staged["table"].isin(names), "qty"].sum())
        if told != handled:
            raise BooksUnequal(
                f"The books of {stream} don't balance: {told} units are staged, but {handled} are current or excluded."
            )


def check_published(connection: sa.Connection) -> dict[str, Figures]:
    """Check, in the tables as they would be committed, that the facts hold every current unit once.

    Args:
        connection: an open connection; the caller's transaction, with everything published in it.

    Returns:
        ordered, cancelled, packed and shipped as in the facts.

    Raises:
        BooksUnequal: two sums differ.
    """
    fact, fill = tables.fact_order_recon.c, tables.recon_order_fill.c
    totals = {name: _total(connection, fact[f"{name}_qty"]) for name in ("ordered", "cancelled", "packed", "shipped")}
    linked = fact.order_key_id.is_not(None)
    equations = [
        (
            "orders",
            "ordered and cancelled in fact_order_recon",
            totals["ordered"] + totals["cancelled"],
            "in stg_orders",
            _total(connection, tables.stg_orders.c.ordered_qty),
        ),
        *(
            (
                name,
                f"{name} in fact_order_recon",
                totals[name],
                f"in {table.name}",
                _total(connection, table.c.qty),
            )
            for name, table in (("packed", tables.stg_packed_current), ("shipped", tables.stg_shipped_current))
        ),
        *(
            (
                name,
                f"{name} of orders in fact_order_recon",
                _total(connection, fact[f"{name}_qty"], linked),
                "in recon_order_fill",
                _total(connection, fill[f"{name}_qty"]),
            )
            for name in ("packed", "shipped")
        ),
    ]
    for stream, left, left_qty, right, right_qty in equations:
        if left_qty != right_qty:
            raise BooksUnequal(
                f"The books of {stream} don't balance: {left_qty} units {left}, but {right_qty} {right}. "
                f"Nothing was published."
            )
    rows = int(connection.execute(sa.select(sa.func.count()).select_from(tables.fact_order_recon)).scalar_one())
    return {name: Figures(rows=rows, qty=qty) for name, qty in totals.items()}


def _total(connection: sa.Connection, column: sa.Column[Any], where: sa.ColumnElement[bool] | None = None) -> int:
    statement = sa.select(sa.func.sum(sa.cast(column, sa.BigInteger)))
    if where is not None:
        statement = statement.where(where)
    return int(connection.execute(statement).scalar() or 0)
