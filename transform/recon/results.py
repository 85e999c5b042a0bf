"""Writes what a reconciliation came to: first the orders and cartons that count, then links, fills and facts.

Both write in the caller's transaction and never commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon import facts
from recon.frames import read
from recon.orders import STAGED
from recon.publish import Change, Writer, copied_from, insert, publish
from recon.published import Published
from recon.quarantine import LONG_TEXT, merge_quarantine, read_quarantine
from recon.warehouse import runs
from recon.warehouse.runs import Run

NAMED_BY_LOAD: Final = ("load_id", "rules_version", "order_key_id", "origin", "cancelled")
"""What tells whether a published order line is still the same: a load never changes, and neither does what a version
of the rules makes of it."""
CARTON: Final = ("load_id", "rules_version", "qty", "fulfil_key_id")
"""The same of a carton row."""


@dataclass(frozen=True)
class Rows:
    """The rows that count, each with its key.

    Attributes:
        orders: order lines with order_key_id.
        packed: packed rows with fulfil_key_id; ``qty`` is what is left of ``qty_source``.
        shipped: shipped rows with fulfil_key_id.
    """

    orders: pd.DataFrame
    packed: pd.DataFrame
    shipped: pd.DataFrame


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


def publish_rows(connection: sa.Connection, rows: Rows) -> dict[str, Change]:
    """Publish the order lines and cartons that count.

    Args:
        connection: an open connection; the caller's transaction.
        rows: the rows that count.

    Returns:
        Table to what was written.
    """
    orders, packed, shipped = tables.stg_orders, tables.stg_packed_current, tables.stg_shipped_current
    write_packed = _carton_writer(rows.packed, tables.stg_packed, ("size", "qty", "qty_source", "fulfil_key_id"))
    write_shipped = _carton_writer(rows.shipped, tables.stg_shipped, ("size", "fulfil_key_id"))
    return {
        orders.name: publish(connection, orders, rows.orders, compare=NAMED_BY_LOAD, write=_line_writer(rows.orders)),
        packed.name: publish(connection, packed, rows.packed, compare=(*CARTON, "qty_source"), write=write_packed),
        shipped.name: publish(connection, shipped, rows.shipped, compare=CARTON, write=write_shipped),
    }


def publish_links(connection: sa.Connection, matched: pd.DataFrame, stays: Published) -> dict[str, Change]:
    """Publish the links of customers that were matched.

    Args:
        connection: an open connection; the caller's transaction.
        matched: ``recon_match`` of these customers.
        stays: the links of all others.

    Returns:
        Table to what was written.
    """
    within = None
    if stays.customers:
        within = ("fulfil_customer", stays.others | set(matched["fulfil_customer"]))
    return {"recon_match": publish(connection, tables.recon_match, matched, within=within)}


def publish_results(
    connection: sa.Connection, run: Run, settled: Settled, *, loads: pd.DataFrame, counting: pd.DataFrame
) -> dict[str, Change]:
    """Publish loads, fills, facts, quarantine and the customers' totals.

    Args:
        connection: an open connection; the caller's transaction.
        run: the open run.
        settled: what was made of the keys.
        loads: ``recon_load``.
        counting: those of them that count: load_id, started_at.

    Returns:
        Table to what was written.
    """
    now = runs.utc_now()
    known = read(connection, list(tables.quarantine.c), plain=LONG_TEXT)
    quarantine = merge_quarantine(read_quarantine(connection, set(counting["load_id"])), known, counting, now)
    stamped = settled.facts.assign(first_seen_at=now, updated_at=now, changed_run_id=run.run_id)
    fact = tables.fact_order_recon
    changes = {
        "recon_load": publish(connection, tables.recon_load, loads),
        "recon_order_fill": publish(connection, tables.recon_order_fill, settled.fill),
        fact.name: publish(connection, fact, stamped, compare=facts.CHANGING, keep=["first_seen_at"]),
        "quarantine": publish(connection, tables.quarantine, quarantine),
    }
    of_run = tables.recon_customer_run
    connection.execute(sa.delete(of_run).where(of_run.c.run_id == run.run_id))
    insert(connection, of_run, settled.customers.assign(run_id=run.run_id))
    return changes


def _is_whole(rows: pd.DataFrame) -> bool:
    """Tell whether staged rows were read with all their columns."""
    return "source" in rows


def _carton_writer(rows: pd.DataFrame, staged: sa.Table, given: tuple[str, ...]) -> Writer:
    return insert if _is_whole(rows) else copied_from(staged, given)


def _line_writer(rows: pd.DataFrame) -> Writer:
    if _is_whole(rows):
        return insert

    def write(connection: sa.Connection, table: sa.Table, written: pd.DataFrame) -> None:
        for origin in STAGED:
            copy = copied_from(origin.staged, ("size", "origin", "cancelled", "order_key_id"))
            copy(connection, table, written[(written["origin"] == origin.name).to_numpy()])

    return write
