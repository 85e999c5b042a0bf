"""The books: every unit that was read is staged, excluded or quarantined, and every unit that counts is in a fact.

Figures are exact whole numbers. Where two that must be equal are not, nothing is published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.frames import number_groups, objects, sum_by, text
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

QUANTITIES: Final = {
    table: table.c.ordered_qty if "ordered_qty" in table.c else table.c.qty for table in CURRENT_TABLES
}
"""Published table to the units of its rows."""
MEASURES: Final = ("ordered", "cancelled", "packed", "shipped")
"""What a fact adds up."""
MOVED: Final = ("packed", "shipped")
ROWS: Final = "rows"


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

    def book_rows(self, table: str, figures: pd.DataFrame, reason_less: str = "") -> None:
        """Book rows that count and rows that are left out, by reason.

        Args:
            table: the published table.
            figures: of its rows, from ``figures_by_load``.
            reason_less: the reason under which units are booked that rows which count do not keep.
        """
        counts = figures["reason"].isna()
        current = figures[counts]
        kept, less = int(current["kept"].sum()), int((current["qty"] - current["kept"]).sum())
        self.add(table, "current", rows=int(current["rows"].sum()), qty=kept)
        for reason, part in figures[~counts].groupby("reason"):
            self.add(table, "excluded", str(reason), rows=int(part["rows"].sum()), qty=int(part["qty"].sum()))
        if less:
            self.add(table, "excluded", reason_less, qty=less)

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


def figures_by_load(rows: pd.DataFrame, qty: pd.Series[Any], kept: pd.Series[Any]) -> pd.DataFrame:
    """Sum rows by load and reason.

    Args:
        rows: load_id and reason (missing: the row counts), any number of rows.
        qty: the units of each.
        kept: those of them that count.

    Returns:
        load_id, reason, rows, qty, kept.
    """
    groups, first = number_groups(rows, ("load_id", "reason"))
    named = {name: text(objects(rows[name].iloc[first])) for name in ("load_id", "reason")}
    ones = np.ones(len(rows), dtype=np.int64)
    sums = {name: sum_by(groups, values, len(first)) for name, values in (("rows", ones), ("qty", qty), ("kept", kept))}
    return pd.DataFrame(named | sums)


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
    of_orders = {name: sa.case((fact.order_key_id.is_not(None), fact[f"{name}_qty"]), else_=0) for name in MOVED}
    # Every table is gone through once.
    facts = _sums(
        connection,
        {name: fact[f"{name}_qty"] for name in MEASURES} | {f"{name} of orders": of_orders[name] for name in MOVED},
    )
    fills = _sums(connection, {name: fill[f"{name}_qty"] for name in MOVED})
    held = {
        "orders": ("ordered and cancelled", facts["ordered"] + facts["cancelled"]),
        "packed": ("packed", facts["packed"]),
        "shipped": ("shipped", facts["shipped"]),
    }
    equations = [
        (stream, what, units, table.name, _sums(connection, {stream: quantity})[stream])
        for (stream, (what, units)), (table, quantity) in zip(held.items(), QUANTITIES.items(), strict=True)
    ]
    equations += [
        (name, f"{name} of orders", facts[f"{name} of orders"], "recon_order_fill", fills[name]) for name in MOVED
    ]
    for stream, what, units, table_name, there in equations:
        if units != there:
            raise BooksUnequal(
                f"The books of {stream} don't balance: {units} units {what} in fact_order_recon, but {there} in "
                f"{table_name}. Nothing was published."
            )
    return {name: Figures(rows=facts[ROWS], qty=facts[name]) for name in MEASURES}


def _sums(connection: sa.Connection, columns: Mapping[str, sa.ColumnElement[Any]]) -> dict[str, int]:
    """Add up some columns of a table, and count its rows under ``ROWS``."""
    sums = [sa.func.sum(sa.cast(column, sa.BigInteger)) for column in columns.values()]
    found = connection.execute(sa.select(*sums, sa.cast(sa.func.count(), sa.BigInteger))).one()
    return {name: int(value or 0) for name, value in zip([*columns, ROWS], found, strict=True)}
