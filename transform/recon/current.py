"""Writes the order lines and cartons that count: those of loads that do not stand as they are.

All is written in the caller's transaction, which is never committed here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.beside import Answer, Beside, Held
from recon.cartons import STAGED as STAGED_CARTONS
from recon.cartons import Cartons, is_whole
from recon.copying import copied_from
from recon.counting import CURRENT, ORDERS, Counting
from recon.inserting import Writer, insert
from recon.orders import STAGED as STAGED_ORDERS
from recon.publish import Change, fill, publish, to_read
from recon.staged import Reader
from recon.standing import Standing

COMPARED: Final = {
    tables.stg_orders.name: ("load_id", "rules_version", "order_key_id", "origin", "cancelled"),
    tables.stg_packed_current.name: ("load_id", "rules_version", "qty", "qty_source", "fulfil_key_id"),
    tables.stg_shipped_current.name: ("load_id", "rules_version", "qty", "fulfil_key_id"),
}
"""What tells whether a published row is still the same: a load never changes, and neither does what a version of the
rules makes of it."""
GIVEN: Final = {
    tables.stg_orders.name: ("size", "origin", "cancelled", "order_key_id"),
    tables.stg_packed_current.name: ("size", "qty", "qty_source", "fulfil_key_id"),
    tables.stg_shipped_current.name: ("size", "fulfil_key_id"),
}
"""What of a published row is not as staged."""
STREAM_OF: Final = {table: stream for stream, table in CURRENT.items()}
"""Published table of cartons to their stream."""


@dataclass(frozen=True)
class Before:
    """What is published of rows.

    Attributes:
        beside: where it is read.
        standing: which loads' rows stand as they are; ``None``: all are to be compared.
    """

    beside: Beside
    standing: Answer[Standing] | None

    def to_compare(
        self, table: str, found: Counting, prints: Answer[Mapping[str, Mapping[str, str]]]
    ) -> Collection[str] | None:
        """Name the loads whose rows do not stand as they are; ``None``: all, or all is to be compared."""
        return self.standing and self.standing().to_compare(table, found.figures[table], prints()[table])


def publish_rows(
    connection: sa.Connection,
    orders: pd.DataFrame,
    cartons: Held[Cartons],
    *,
    found: Counting,
    prints: Answer[Mapping[str, Mapping[str, str]]],
    before: Before,
) -> dict[str, Change]:
    """Publish the rows of loads that do not stand as they are.

    Args:
        connection: an open connection; the caller's transaction.
        orders: the order lines that count, with order_key_id.
        cartons: asked where they are, summed to keys.
        found: what counts.
        prints: gives published table to load to the hash of its rows.
        before: what is published.

    Returns:
        Table to what was written.
    """
    changes = {}
    for table in (ORDERS, *STREAM_OF):
        load_ids, rows = before.to_compare(table, found, prints), orders
        if table in STREAM_OF:
            rows = cartons.ask(Cartons.rows, STREAM_OF[table], load_ids)()
        elif load_ids is not None:
            rows = rows[rows["load_id"].isin(list(load_ids)).to_numpy()]
        there = before.beside.read(read_current, table, load_ids)()
        changes[table] = publish_current(connection, table, rows, load_ids=load_ids, there=there)
    return changes


def fill_orders(connection: sa.Connection, orders: pd.DataFrame) -> dict[str, Change]:
    """Publish all order lines, where nothing is published yet.

    Args:
        connection: an open connection; the caller's transaction.
        orders: the lines that count, with order_key_id.

    Returns:
        Table to what was written.
    """
    return {ORDERS: _fill(connection, ORDERS, orders)}


def fill_cartons(connection: sa.Connection, cartons: Held[Cartons]) -> dict[str, Change]:
    """Publish all packed and shipped rows, where nothing is published yet.

    Args:
        connection: as ``fill_orders``.
        cartons: asked where they are, summed to keys.

    Returns:
        As ``fill_orders``.
    """
    return {
        table: _fill(connection, table, cartons.ask(Cartons.rows_to_fill, stream, GIVEN[table])())
        for table, stream in STREAM_OF.items()
    }


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
) -> Change:
    """Publish the order lines, packed or shipped rows of some loads.

    Args:
        connection: an open connection; the caller's transaction.
        table_name: as ``read_current``.
        rows: order lines with order_key_id, or ``Cartons.rows``, of these loads.
        load_ids: the loads, also those of which none counts any more; ``None``: all there are.
        there: what ``read_current`` gave for them, where it was asked.

    Returns:
        What was written.
    """
    table, within = tables.metadata.tables[table_name], None if load_ids is None else ("load_id", load_ids)
    compare = COMPARED[table_name]
    return publish(connection, table, rows, compare=compare, within=within, there=there, write=_writer(rows))


def _fill(connection: sa.Connection, table_name: str, rows: pd.DataFrame) -> Change:
    table = tables.metadata.tables[table_name]
    return fill(connection, table, len(rows), lambda: _writer(rows)(connection, table, rows))


def _writer(rows: pd.DataFrame) -> Writer:
    return insert if is_whole(rows) else _copy


def _copy(connection: sa.Connection, table: sa.Table, rows: pd.DataFrame) -> None:
    """Copy rows inside the database from where they are staged."""
    given = GIVEN[table.name]
    if table.name in STREAM_OF:
        copied_from(STAGED_CARTONS[STREAM_OF[table.name]][0], given)(connection, table, rows)
        return
    for origin in STAGED_ORDERS:
        copied_from(origin.staged, given)(connection, table, rows[(rows["origin"] == origin.name).to_numpy()])
