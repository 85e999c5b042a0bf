"""Writes what a reconciliation came to: first the orders and cartons that count, then links, fills and facts.

Both write in the caller's transaction and never commit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon import facts
from recon.cartons import is_whole
from recon.copying import copied_from
from recon.frames import read
from recon.inserting import Writer, insert, made_ready
from recon.ledger import CURRENT_TABLES
from recon.orders import STAGED
from recon.publish import Change, publish, to_read
from recon.published import Published
from recon.quarantine import LONG_TEXT, merge_quarantine, read_quarantine
from recon.staged import Reader
from recon.warehouse import runs
from recon.warehouse.runs import Run

ORDERS, PACKED, SHIPPED = (table.name for table in CURRENT_TABLES)
COMPARED: Final = {
    ORDERS: ("load_id", "rules_version", "order_key_id", "origin", "cancelled"),
    PACKED: ("load_id", "rules_version", "qty", "qty_source", "fulfil_key_id"),
    SHIPPED: ("load_id", "rules_version", "qty", "fulfil_key_id"),
}
"""What tells whether a published row is still the same: a load never changes, and neither does what a version of the
rules makes of it."""
GIVEN: Final = {
    ORDERS: ("size", "origin", "cancelled", "order_key_id"),
    PACKED: ("size", "qty", "qty_source", "fulfil_key_id"),
    SHIPPED: ("size", "fulfil_key_id"),
}
"""What of a published row is not as staged."""
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


def read_current(reader: Reader, table_name: str, load_ids: Collection[str] | None) -> pd.DataFrame:
    """Read of published rows what tells whether they change.

    Args:
        reader: where they are read.
        table_name: ``stg_orders``, ``stg_packed_current`` or ``stg_shipped_current``.
        load_ids: the loads whose rows are wanted; ``None``: all.

    Returns:
        What ``publish`` compares.
    """
    table = tables.metadata.tables[table_name]
    columns, plain = to_read(table, compare=COMPARED[table_name])
    return reader.read(columns, within=None if load_ids is None else (table.c.load_id, load_ids), plain=plain)


def publish_current(
    connection: sa.Connection,
    table_name: str,
    rows: pd.DataFrame,
    *,
    load_ids: Collection[str] | None,
    there: pd.DataFrame | None,
) -> dict[str, Change]:
    """Publish the order lines, packed or shipped rows that count.

    Args:
        connection: an open connection; the caller's transaction.
        table_name: as ``read_current``.
        rows: order lines with order_key_id, or ``Cartons.rows``, of these loads.
        load_ids: the loads, also those of which none counts any more; ``None``: all there are.
        there: what ``read_current`` gave for them, where it was asked.

    Returns:
        Table to what was written.
    """
    table, within = tables.metadata.tables[table_name], None if load_ids is None else ("load_id", load_ids)
    write = insert if is_whole(rows) else _copy
    compare = COMPARED[table_name]
    change = publish(connection, table, rows, compare=compare, within=within, there=there, write=write)
    return {table_name: change}


def _copy(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> None:
    """Copy rows inside the database from where they are staged."""
    given = GIVEN[table.name]
    if table.name != ORDERS:
        copied_from(tables.stg_packed if table.name == PACKED else tables.stg_shipped, given)(connection, table, rows)
        return
    for origin in STAGED:
        copied_from(origin.staged, given)(connection, table, rows[(rows["origin"] == origin.name).to_numpy()])


def publish_links(
    connection: sa.Connection, matched: pd.DataFrame, stays: Published, *, write: Writer = insert
) -> dict[str, Change]:
    """Publish the links of customers that were matched.

    Args:
        connection: an open connection; the caller's transaction.
        matched: ``recon_match`` of these customers.
        stays: the links of all others.
        write: how rows are written that are not there.

    Returns:
        Table to what was written.
    """
    within = None
    if stays.customers:
        within = ("fulfil_customer", stays.others | set(matched["fulfil_customer"]))
    return {"recon_match": publish(connection, tables.recon_match, matched, within=within, write=write)}


def read_facts(reader: Reader) -> pd.DataFrame:
    """Read of the published facts what tells whether they change."""
    columns, plain = to_read(tables.fact_order_recon, compare=facts.CHANGING, keep=KEPT)
    return reader.read(columns, plain=plain)


def read_fill(reader: Reader) -> pd.DataFrame:
    """Read which published line was filled by what."""
    columns, plain = to_read(tables.recon_order_fill)
    return reader.read(columns, plain=plain)


class Ready(NamedTuple):
    """What is to be published of what was made of the keys.

    Attributes:
        fill: ``recon_order_fill``, and what writes it.
        facts: ``fact_order_recon``, and what writes it.
    """

    fill: tuple[pd.DataFrame, Writer]
    facts: tuple[pd.DataFrame, Writer]


def ready(connection: sa.Connection, run: Run, settled: Settled, *, fills: bool) -> Ready:
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
    stamped = settled.facts.assign(first_seen_at=now, updated_at=now, changed_run_id=run.run_id)
    parts = ((tables.recon_order_fill, settled.fill), (tables.fact_order_recon, stamped))
    return Ready(*((rows, made_ready(connection, table, rows, worth=fills)) for table, rows in parts))


def publish_results(
    connection: sa.Connection,
    run: Run,
    made: Ready,
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
    (fill, write_fill), (rows, write_facts) = made
    changes = {
        "recon_load": publish(connection, tables.recon_load, loads),
        "recon_order_fill": publish(
            connection, tables.recon_order_fill, fill, there=there and there.fill, write=write_fill
        ),
        "fact_order_recon": publish(
            connection,
            tables.fact_order_recon,
            rows,
            compare=facts.CHANGING,
            keep=KEPT,
            there=there and there.facts,
            write=write_facts,
        ),
        "quarantine": publish(connection, tables.quarantine, quarantine),
    }
    of_run = tables.recon_customer_run
    connection.execute(sa.delete(of_run).where(of_run.c.run_id == run.run_id))
    insert(connection, of_run, customers.assign(run_id=run.run_id))
    return changes
