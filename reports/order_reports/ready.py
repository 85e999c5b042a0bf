"""Tells whether a warehouse has all that reports read."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from order_rules import tables

READ: Final = (
    tables.audit_run,
    tables.audit_count,
    tables.recon_load,
    tables.source_files,
    tables.recon_match,
    tables.recon_order_fill,
    tables.recon_override,
    tables.recon_ruled_out,
    tables.recon_customer_run,
    tables.fact_order_recon,
    tables.quarantine,
    tables.order_list,
    tables.stg_orders,
    tables.stg_orders_sharepoint,
    tables.stg_orders_wms,
    tables.stg_packed_current,
    tables.stg_shipped_current,
)
"""The tables that reports read."""


def missing_parts(connection: sa.Connection) -> list[str]:
    """Compare the warehouse with the tables that reports read.

    Args:
        connection: an open connection.

    Returns:
        One line for each table or column that is missing; empty where all is there.
    """
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    findings = []
    for table in READ:
        if table.name not in there:
            findings.append(f"table {table.name} is missing: run `recon migrate`")
            continue
        found = {column["name"] for column in inspector.get_columns(table.name)}
        findings += [
            f"column {table.name}.{column.name} is missing: run `recon migrate`"
            for column in table.c
            if column.name not in found
        ]
    return findings
