"""What stops a run before it publishes: a source that shrank, a unit of which too much cannot be used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.ledger import CURRENT_TABLES, Figures, Ledger
from recon.loads import MASTER_VIEW, ORDER_LIST, PACKED, SHIPPED
from recon.refusals import Shrunk, TooMuchQuarantine

NAMED: Final = 5
"""How many of what vanished a refusal names."""


@dataclass(frozen=True)
class Before:
    """What the last succeeded run published.

    Attributes:
        figures: table, measure and reason to figures.
        sources: stream to the sources that counted.
    """

    figures: Mapping[tuple[str, str, str], Figures]
    sources: Mapping[str, frozenset[str]]


def last_run(connection: sa.Connection) -> Before | None:
    """Read what the last succeeded reconciliation published.

    Args:
        connection: an open connection; the caller's transaction.

    Returns:
        Its figures and sources, ``None`` where there was none.
    """
    run, count, load = tables.audit_run.c, tables.audit_count.c, tables.recon_load.c
    reconciled = sa.exists().where(count.run_id == run.run_id, count.measure == "files")
    newest = sa.select(run.run_id).where(run.status == "succeeded", reconciled).order_by(run.started_at.desc()).limit(1)
    run_id = connection.execute(newest).scalar()
    if run_id is None:
        return None
    columns = (count.table, count.measure, count.reason, count.rows, count.cells, count.qty)
    found = connection.execute(sa.select(*columns).where(count.run_id == run_id)).all()
    sources: dict[str, set[str]] = {}
    for stream, source in connection.execute(sa.select(load.stream, load.source).where(load.status == "counts")):
        sources.setdefault(stream, set()).add(source)
    return Before(
        figures={(row[0], row[1], row[2] or ""): Figures(row[3], row[4], row[5]) for row in found},
        sources={stream: frozenset(names) for stream, names in sources.items()},
    )


def refuse_shrunk(
    before: Before | None, ledger: Ledger, sources: Mapping[str, frozenset[str]], max_shrink_pct: float
) -> None:
    """Refuse where far fewer workbooks or rows count than the last run published.

    Compared are workbooks, rows of order lists, rows of the order view, and cartons, packed and shipped together
    (what leaves the one arrives in the other).

    Args:
        before: the last run; ``None``: nothing to compare with.
        ledger: this run's figures, with files, received and current.
        sources: stream to the sources that count now.
        max_shrink_pct: how far each may fall.

    Raises:
        Shrunk: naming what fell and what vanished.
    """
    if before is None:
        return
    now = Before(ledger.figures, sources)
    for what, count, streams in _MEASURES:
        was, is_now = count(before), count(now)
        fell = 100 * (was - is_now) / was if was > 0 else 0.0
        if fell > max_shrink_pct:
            gone = sorted(
                source
                for stream in streams
                for source in before.sources.get(stream, frozenset()) - sources.get(stream, frozenset())
            )
            raise Shrunk(
                f"{what} fell from {was} to {is_now} since the last run, by {fell:.1f} % where {max_shrink_pct:g} % is "
                f"allowed (max_shrink_pct){_gone(gone)}. If that is right, run again with --allow-shrink."
            )


def refuse_empty_listing(*, listing_empty: bool) -> None:
    """Refuse where the library of order lists was found empty.

    Raises:
        Shrunk: it was.
    """
    if listing_empty:
        raise Shrunk(
            "The listing of order lists is empty: the folder moved, or its permission was taken away. "
            "If it is right, run again with --allow-shrink."
        )


def _gone(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"; gone are {', '.join(names[:NAMED])}{more}"


def _rows(run: Before, table: str, measure: str) -> int:
    return run.figures.get((table, measure, ""), Figures()).rows


def _workbooks(run: Before) -> int:
    return _rows(run, ORDER_LIST, "files")


def _sheet_rows(run: Before) -> int:
    return _rows(run, ORDER_LIST, "received")


def _view_rows(run: Before) -> int:
    return _rows(run, MASTER_VIEW, "received")


def _cartons(run: Before) -> int:
    return sum(_rows(run, table.name, "current") for table in CURRENT_TABLES[1:])


_MEASURES: Final[Any] = (
    ("Workbooks", _workbooks, (ORDER_LIST,)),
    ("Rows of order lists", _sheet_rows, (ORDER_LIST,)),
    (f"Rows of {MASTER_VIEW}", _view_rows, (MASTER_VIEW,)),
    ("Packed and shipped rows", _cartons, (PACKED, SHIPPED)),
)


def refuse_quarantine(
    counts: pd.DataFrame, loads: pd.DataFrame, max_quarantine_pct: float, accept: Collection[str]
) -> None:
    """Refuse where too large a share of one workbook or view is in quarantine.

    The share is of quantity cells; of a carton view, whose rows have one each, of rows.

    Args:
        counts: ``load_counts`` of the loads that count.
        loads: load_id, unit_id, source, stream of the same, without superseded workbooks.
        max_quarantine_pct: the largest share allowed.
        accept: sources or units that are let pass.

    Raises:
        TooMuchQuarantine: naming unit, share and the most frequent reasons.
    """
    of_units = counts.merge(loads[["load_id", "unit_id", "source", "stream"]], on="load_id")
    cells = of_units.pivot_table(
        index=["unit_id", "source"], columns="measure", values="cells", aggfunc="sum", fill_value=0
    ).reindex(columns=["received", "quarantined"], fill_value=0)
    share = 100 * cells["quarantined"] / cells["received"].where(cells["received"] > 0)
    over = share[share > max_quarantine_pct].rename("pct").sort_values(ascending=False).reset_index()
    for unit_id, source, pct in zip(over["unit_id"], over["source"], over["pct"], strict=True):
        if not {unit_id, source} & set(accept):
            reasons = of_units[(of_units["unit_id"] == unit_id) & (of_units["measure"] == "quarantined")]
            frequent = reasons.groupby("reason")["cells"].sum().sort_values(ascending=False).head(3)
            named = ", ".join(f"{reason} {number}" for reason, number in frequent.items())
            raise TooMuchQuarantine(
                f"{source}: {pct:.1f} % of its quantity cells are in quarantine where {max_quarantine_pct:g} % is "
                f"allowed (max_quarantine_pct): {named}. Correct the source, or run again with --accept {source!r}."
            )
