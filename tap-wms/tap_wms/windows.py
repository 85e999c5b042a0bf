"""Which part of a view is read: whole, month by month, or from a look-back before the bookmark.

A window is of whole days of the replication key. A row whose key is no readable day belongs to every window, so it is
read every time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

#: A text that starts like an ISO day.
ISO_DAY = "____-__-__%"
_DAY_LENGTH = len("2026-03-04")

_COMMON_YEAR = dt.date(2001, 1, 1)
_MONTHS_AND_DAYS = [(_COMMON_YEAR + dt.timedelta(days=n)).isoformat()[5:] for n in range(365)]
_FOURS = [f"{n:02d}" for n in range(0, 100, 4)]


@dataclass(frozen=True)
class Window:
    """Days of the replication key, half-open.

    Attributes:
        first: The first day; `None`: no lower bound.
        until: The first day not in it; `None`: no upper bound.
    """

    first: dt.date | None = None
    until: dt.date | None = None

    def __str__(self) -> str:
        bounds = [f"from {self.first}"] * (self.first is not None) + [f"before {self.until}"] * (self.until is not None)
        return ", ".join(bounds) or "the whole view"


WHOLE = Window()


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


def window_from(bookmark: dt.date, *, lookback_days: int, start_date: dt.date | None, latest: dt.date) -> dt.date:
    """Return the first day to read.

    Args:
        bookmark: The day the last reading reached.
        lookback_days: How many days before the bookmark are read again, for rows entered late or corrected.
        start_date: A day before which nothing is wanted.
        latest: Today. A bookmark after it counts as today, so that no window starts after the real data.
    """
    first = min(bookmark, latest) - dt.timedelta(days=lookback_days)
    return first if start_date is None else max(first, start_date)


def by_month(first: dt.date | None, months: Iterable[dt.date], latest: dt.date) -> list[Window]:
    """Divide a reading by months, so that each can count, and be gone on from, as soon as it has been read.

    Args:
        first: The first day to read; `None`: no lower bound.
        months: First days of the months that have rows. A bound stands only at one of these, so a row dated 1926 by
            mistake makes one window more, and not a thousand.
        latest: Today. Months after this one belong to the last window.

    Returns:
        Windows that follow each other from `first` on without a gap; the last has no upper bound.
    """
    bounds = sorted({month for month in months if month <= latest})[1:]
    return [Window(*pair) for pair in pairwise([first, *bounds, None])]


def months_query(
    key: sa.ColumnElement[Any], first: dt.date | None, *, as_text: bool, dialect: str
) -> sa.Select[Any, Any]:
    """Return the query for the months that have rows: year and month, as numbers or as text.

    Args:
        key: The replication key's column.
        first: The first day that matters; `None`: any.
        as_text: The column holds text.
        dialect: The name of the SQLAlchemy dialect.
    """
    there = is_day(key, dialect) if as_text else key.is_not(None)
    if first is not None:
        there &= key >= _bound(first, as_text=as_text, dialect=dialect)
    if as_text:
        return sa.select(_cut(key, 1, 4, dialect), _cut(key, 6, 2, dialect)).where(there).distinct()
    return sa.select(sa.extract("year", key), sa.extract("month", key)).where(there).distinct()


def within(key: sa.ColumnElement[Any], window: Window, *, as_text: bool, dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition for the rows of a window that has a bound, those without a readable day included.

    Args:
        key: The replication key's column.
        window: The days; bound, never written into the SQL.
        as_text: The column holds text. ISO text compares in the order of its days.
        dialect: The name of the SQLAlchemy dialect.
    """
    bounds = []
    if window.first is not None:
        bounds.append(key >= _bound(window.first, as_text=as_text, dialect=dialect))
    if window.until is not None:
        bounds.append(key < _bound(window.until, as_text=as_text, dialect=dialect))
    without = sa.or_(key.is_(None), sa.not_(is_day(key, dialect))) if as_text else key.is_(None)
    return sa.or_(sa.and_(*bounds), without)


def is_day(key: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition for text that starts with an ISO day that there is: 29 February in leap years only.

    No function of a database says so in the same way in two of them, and most raise an error for a text that is none.
    """
    century, year = _cut(key, 1, 2, dialect), _cut(key, 3, 2, dialect)
    leap = sa.or_(sa.and_(year != "00", year.in_(_FOURS)), sa.and_(year == "00", century.in_(_FOURS)))
    month_and_day = _cut(key, 6, 5, dialect)
    found = sa.and_(
        key.like(ISO_DAY),
        _cut(key, 1, 4, dialect).between("0001", "9999"),
        sa.or_(month_and_day.in_(_MONTHS_AND_DAYS), sa.and_(month_and_day == "02-29", leap)),
    )
    if dialect != "sqlite":
        return found
    # A day and nothing else, which most values are, is told in half the time: every row outside a window is asked.
    # Only with a modifier does `date` count 29 February on to 1 March, where a year has none.
    return sa.or_(sa.and_(sa.func.date(key, "+0 days").is_not_distinct_from(key), key >= "0001"), found)


def _cut(key: sa.ColumnElement[Any], start: int, length: int, dialect: str) -> sa.ColumnElement[str]:
    cut = sa.func.substring if dialect == "mssql" else sa.func.substr
    return cut(key, start, length, type_=sa.String())


def _bound(day: dt.date, *, as_text: bool, dialect: str) -> str | sa.ColumnElement[Any]:
    if as_text:
        return day.isoformat()
    # SQL Server reads a text like 2026-03-04 in the day order of the login's language when it is compared with
    # DATETIME, and drivers send parameters as text; CAST AS DATE reads it as ISO in every language.
    return sa.cast(day.isoformat(), sa.DATE) if dialect == "mssql" else sa.literal(day, sa.Date)
