"""The quarantine that people work through: what is open, since when, and what a later reading resolved."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.frames import look_up, read, stack
from recon.loads import QUARANTINES

LONG_TEXT: Final = ("quarantine_id", "place", "value", "record", "reason")


def read_quarantine(connection: sa.Connection, load_ids: Collection[str]) -> pd.DataFrame:
    """Read what the loads that count have in quarantine.

    Args:
        connection: an open connection; the caller's transaction.
        load_ids: the loads that count.

    Returns:
        The quarantine staging columns, one row a quarantine_id: of equal ones, the newest load's.
    """
    first, second = (
        read(connection, list(table.c), where=table.c.load_id, values=load_ids, plain=LONG_TEXT)
        for table in QUARANTINES
    )
    rows = pd.DataFrame({column: stack(first[column], second[column]) for column in first.columns})
    rows = rows.astype({"load_id": "str"}).sort_values("load_id", ascending=False)
    return rows.drop_duplicates("quarantine_id").reset_index(drop=True)


def merge_quarantine(found: pd.DataFrame, known: pd.DataFrame, loads: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Carry the quarantine on.

    What was known keeps its id and ``first_seen_at``. What is no longer found is resolved: its unit was read again
    without it, or doesn't count any more. What returns is open again.

    Args:
        found: from ``read_quarantine``.
        known: the table ``quarantine``.
        loads: load_id, started_at of the loads that count.
        now: this moment, UTC.

    Returns:
        All rows of the table ``quarantine``.
    """
    first_seen = known.set_index("quarantine_id")["first_seen_at"]
    started = look_up(found["load_id"], loads.set_index("load_id")["started_at"])
    current = found.assign(
        first_seen_at=look_up(found["quarantine_id"], first_seen).fillna(started).astype("datetime64[us]"),
        resolved_at=pd.Series(pd.NaT, index=found.index, dtype="datetime64[us]"),
    )
    past = known[~known["quarantine_id"].isin(found["quarantine_id"])]
    past = past.assign(resolved_at=past["resolved_at"].fillna(pd.Timestamp(now)).astype("datetime64[us]"))
    columns = [column.name for column in tables.quarantine.c]
    return pd.DataFrame({name: stack(current[name], past[name]) for name in columns})
