"""Which part of a view is read: whole, or from a look-back before the bookmark, by days of the replication key.

A row whose key is no readable day belongs to every window, so it is read every time.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

#: A text that starts like an ISO day; anything else in a text key belongs to every window.
ISO_DAY = "____-__-__%"
_DAY_LENGTH = len("2026-03-04")


def today() -> dt.date:
    """Return today's day, in UTC."""
    return dt.datetime.now(dt.UTC).date()


def day_of(value: object) -> dt.date | None:
    """Return the day of a replication key's value: a date, a date-time or ISO text; `None` for anything else."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value[:_DAY_LENGTH])
        except ValueError:
            return None
    return None


def window_from(
    bookmark: dt.date | None, *, lookback_days: int, start_date: dt.date | None, latest: dt.date
) -> dt.date | None:
    """Return the first day to read, or `None` for the whole view.

    Args:
        bookmark: The day the last reading reached; `None` when there is none or it is to be ignored.
        lookback_days: How many days before the bookmark are read again, for rows entered late or corrected.
        start_date: A day before which nothing is wanted.
        latest: Today. A bookmark after it counts as today, so that no window starts after the real data.
    """
    if bookmark is None:
        return start_date
    first = min(bookmark, latest) - dt.timedelta(days=lookback_days)
    return first if start_date is None else max(first, start_date)


def within(key: sa.ColumnElement[Any], first: dt.date, *, as_text: bool, dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition for rows of the window that starts at `first` and is open at its end.

    Args:
        key: The replication key's column.
        first: The first day of the window; bound, never written into the SQL.
        as_text: The column holds text. ISO text compares in the order of its days.
        dialect: The name of the SQLAlchemy dialect.
    """
    if as_text:
        return sa.or_(key >= first.isoformat(), key.is_(None), key.not_like(ISO_DAY))
    # SQL Server reads a text like 2026-03-04 in the day order of the login's language when it is compared with
    # DATETIME, and drivers send parameters as text; CAST AS DATE reads it as ISO in every language.
    bound = sa.cast(first.isoformat(), sa.DATE) if dialect == "mssql" else sa.literal(first, sa.Date)
    return sa.or_(key >= bound, key.is_(None))
