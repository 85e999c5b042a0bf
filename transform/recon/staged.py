"""Reads staged rows load by load: what a load tells of all its rows is said once, the rest is fetched."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from recon.frames import read, read_parts


def has_other_rules(connection: sa.Connection, table: sa.Table, loads: pd.DataFrame, version: str) -> bool:
    """Tell whether some rows are of another version of the rules: to put them into today's form takes all columns.

    Args:
        connection: an open connection; the caller's transaction.
        table: the staging table.
        loads: load_id of the loads.
        version: today's version of the rules.
    """
    own = table.c
    other = connection.execute(sa.select(own.load_id).where(own.rules_version != version).distinct()).scalars()
    return not set(other).isdisjoint(loads["load_id"])


def read_rows(
    connection: sa.Connection,
    table: sa.Table,
    loads: pd.DataFrame,
    needed: Sequence[str] | None,
    version: str,
    *,
    plain: Sequence[str],
) -> pd.DataFrame:
    """Read what is staged of some loads.

    Args:
        connection: an open connection; the caller's transaction.
        table: the staging table.
        loads: load_id, unit_id, connection of the loads.
        needed: the columns needed, beside load_id, unit_id, connection and rules_version, of rows that are all of
            today's rules; ``None``: all columns, of whatever rules.
        version: today's version of the rules.
        plain: names of text columns that hardly repeat.

    Returns:
        What the loads share and what is needed, or all columns of the table.
    """
    own = table.c
    if needed is None:
        return read(connection, list(own), where=own.load_id, values=set(loads["load_id"]), plain=plain)
    shared = [name for name in ("load_id", "unit_id", "connection") if name in own]
    parts = loads[shared].assign(rules_version=version)
    return read_parts(connection, [own[name] for name in needed], own.load_id, parts, plain=plain)
