"""Opens the warehouse for reading, at one moment: every query of a report sees the same published tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from order_rules import tables
from order_rules.warehouse_url import hide
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from order_reports.failure import ReportError, place_of

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
