"""The databases this target writes to. No module outside this folder knows which of them it speaks to."""

from __future__ import annotations

import sqlalchemy as sa

from target_mssql.dialects.base import Abilities, Column, Dialect, Fault, Repeated, Row, Table, Values
from target_mssql.dialects.mssql import DRIVERS, MSSQLDialect
from target_mssql.dialects.sqlite import SQLiteDialect

__all__ = ["Abilities", "Column", "Dialect", "Fault", "Repeated", "Row", "Table", "Values", "dialect_for"]


def dialect_for(url: sa.URL) -> Dialect:
    """Choose the dialect of a SQLAlchemy URL.

    Args:
        url: the parsed setting ``sqlalchemy_url``.

    Raises:
        ValueError: no dialect here speaks to that database and driver.
    """
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return SQLiteDialect(url)
    if url.drivername in DRIVERS:
        return MSSQLDialect(url)
    known = ", ".join(f"{name}://" for name in (*DRIVERS, "sqlite"))
    raise ValueError(f"sqlalchemy_url begins with {url.drivername}://, this target knows {known}")
