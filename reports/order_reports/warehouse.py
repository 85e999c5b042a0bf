"""Opens the warehouse for reading, at one moment: every query of a report sees the same published tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from order_rules.warehouse_url import hide
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from order_reports.failure import ReportError, place_of

SNAPSHOT_ALLOWED: Final = sa.text("SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()")
"""1 where a SQL Server database gives readers a view of one moment without locks, as Azure SQL does by default."""


@contextmanager
def reading(url: sa.URL) -> Iterator[sa.Connection]:
    """Open the warehouse for one report.

    Args:
        url: the warehouse; a SQLite path is absolute.

    Yields:
        A connection whose reads all see one moment.

    Raises:
        ReportError: it cannot be reached, or a query fails; the text holds no secret.
    """
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        msg = f"There is no warehouse at {url.database}. Set warehouse_url, or make it with `recon migrate`."
        raise ReportError(msg)
    try:
        engine = sa.create_engine(url)
    except (NoSuchModuleError, ModuleNotFoundError, TypeError) as error:
        msg = f"warehouse_url: the driver of {url.drivername} cannot be used ({hide(str(error), url)})."
        raise ReportError(msg) from None
    try:
        with engine.connect() as connection:
            yield _at_one_moment(connection)
    except SQLAlchemyError as error:
        raise ReportError(explain(error, url)) from error
    finally:
        engine.dispose()


def begin_anew(connection: sa.Connection) -> None:
    """Let a connection to a SQLite file see another moment, that of its next query."""
    connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("BEGIN")


def _at_one_moment(connection: sa.Connection) -> sa.Connection:
    match connection.dialect.name:
        case "sqlite":
            # Left alone, the driver begins no transaction for a SELECT, and each query would see another moment.
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("BEGIN")
        case "mssql":
            snapshot = connection.scalar(SNAPSHOT_ALLOWED) == 1
            connection.rollback()
            level = "SNAPSHOT" if snapshot else "SERIALIZABLE"
            connection = connection.execution_options(isolation_level=level)
    return connection


def explain(error: SQLAlchemyError, url: sa.URL) -> str:
    """Say in one line what the database answered.

    Args:
        error: what SQLAlchemy raised.
        url: the URL in use, whose secrets are left out.

    Returns:
        One line.
    """
    answer = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    line = " ".join(hide(answer, url).split())
    return f"The warehouse {place_of(url)} cannot be read: {line}"
