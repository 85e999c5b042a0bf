"""Writes what a reconciliation came to: links, fills, facts and quarantine.

All is written in the caller's transaction, which is never committed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon import facts
from recon.frames import read
from recon.inserting import Ready, insert, made_ready
from recon.publish import Change, fill, publish, to_read
from recon.published import Published
from recon.quarantine import LONG_TEXT, merge_quarantine, read_quarantine
from recon.staged import Reader
from recon.warehouse import runs
from recon.warehouse.runs import Run

KEPT: Final = ("first_seen_at",)
"""What a fact keeps when it changes."""


@dataclass(frozen=True)
class Settled:
    """What was made of the keys.

    Attributes:
        fill: ``recon_order_fill``.
        facts: ``fact_order_recon`` without its times and run.
        customers: ``recon_customer_run`` without its run.
        stays: the published links that stay as they are.
    """

    fill: pd.DataFrame
    facts: pd.DataFrame
    customers: pd.DataFrame
    stays: Published


class There(NamedTuple):
    """What is published.

    Attributes:
        fill: from ``read_fill``.
        facts: from ``read_facts``.
    """

    fill: pd.DataFrame
    facts: pd.DataFrame


def publish_links(connection: sa.Connection, matched: pd.DataFrame | Ready, stays: Published) -> dict[str, Change]:
    """Publish the links of customers that were matched.

    Args:
        connection: an open connection; the caller's transaction.
        matched: ``recon_match`` of these customers, or what fills it.
        stays: the links of all others.

    Returns:
        Table to what was written.
    """
    within = None
    if stays.customers and not isinstance(matched, Ready):
        within = ("fulfil_customer", stays.others | set(matched["fulfil_customer"]))
    return {"recon_match": _publish(connection, tables.recon_match, matched, within=within)}


def _publish(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame | Ready, **how: Any) -> Change:  # noqa: ANN401  (as ``publish``)
    """Fill a table with rows that were made ready, or publish those that differ."""
    if isinstance(rows, Ready):
        return fill(connection, table, rows.count, lambda: rows.insert(connection))
    return publish(connection, table, rows, **how)


def read_facts(reader: Reader) -> pd.DataFrame:
    """Read of the published facts what tells whether they change."""
    columns, plain = to_read(tables.fact_order_recon, compare=facts.CHANGING, keep=KEPT)
    return reader.read(columns, plain=plain)


def read_fill(reader: Reader) -> pd.DataFrame:
    """Read which published line was filled by what."""
    columns, plain = to_read(tables.recon_order_fill)
    return reader.read(columns, plain=plain)


class Made(NamedTuple):
    """What is to be published of what was made of the keys: rows, or what fills an empty table with them.

    Attributes:
        fill: ``recon_order_fill``.
        facts: ``fact_order_recon``.
    """

    fill: pd.DataFrame | Ready
    facts: pd.DataFrame | Ready


def stamped(connection: sa.Connection, run: Run, settled: Settled, *, fills: bool) -> Made:
    """Stamp facts with the run, and make the rows of an empty warehouse ready while others are still written.

    Args:
        connection: a connection to the warehouse, which another thread may use.
        run: the open run.
        settled: what was made of the keys.
        fills: whether nothing is published yet.

    Returns:
        What ``publish_results`` takes.
    """
    now = runs.utc_now()
    made = settled.facts.assign(first_seen_at=now, updated_at=now, changed_run_id=run.run_id)
    if not fills:
        return Made(settled.fill, made)
    parts = ((tables.recon_order_fill, settled.fill), (tables.fact_order_recon, made))
    return Made(*(made_ready(connection, table, rows) for table, rows in parts))


def publish_results(
    connection: sa.Connection,
    run: Run,
    made: Made,
    customers: pd.DataFrame,
    *,
    loads: pd.DataFrame,
    counting: pd.DataFrame,
    there: There | None,
) -> dict[str, Change]:
    """Publish loads, fills, facts, quarantine and the customers' totals.

    Args:
        connection: an open connection; the caller's transaction.
        run: the open run.
        made: fills and facts.
        customers: ``recon_customer_run`` without its run.
        loads: ``recon_load``.
        counting: those of them that count: load_id, started_at.
        there: what is published of fills and facts, where it was read before.

    Returns:
        Table to what was written.
    """
    now = runs.utc_now()
    known = read(connection, list(tables.quarantine.c), plain=LONG_TEXT)
    quarantine = merge_quarantine(read_quarantine(connection, set(counting["load_id"])), known, counting, now)
    compare_facts = {"compare": facts.CHANGING, "keep": KEPT, "there": there and there.facts}
    changes = {
        "recon_load": publish(connection, tables.recon_load, loads),
        "recon_order_fill": _publish(connection, tables.recon_order_fill, made.fill, there=there and there.fill),
        "fact_order_recon": _publish(connection, tables.fact_order_recon, made.facts, **compare_facts),
        "quarantine": publish(connection, tables.quarantine, quarantine),
    }
    of_run = tables.recon_customer_run
    connection.execute(sa.delete(of_run).where(of_run.c.run_id == run.run_id))
    insert(connection, of_run, customers.assign(run_id=run.run_id))
    return changes
