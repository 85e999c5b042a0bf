"""Connects to the warehouse, SQL Server or SQLite, from one URL, and keeps its password out of every message.

A transaction on SQLite begins when it says so: ``engine.begin()`` takes a snapshot, ``writing(engine)`` the
write lock as well, so that two writers queue instead of failing half way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from order_rules.warehouse_url import hide, is_file, placed
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_WAIT_S: Final = 60
"""Seconds a SQLite writer waits for another; the longest of ours (publishing) takes a few."""
WAL_ATTEMPTS: Final = 100
CACHE_KIB: Final = 32 * 1024
"""What SQLite may keep of the file in memory, a connection."""
TEMPORARY_CACHE_KIB: Final = 64 * 1024
"""The same of temporary tables, in which rows that are copied are looked up one by one."""
SIDE: Final = "side"
"""What the names of files that a transaction opens beside the warehouse's begin with (``recon.side_file``)."""
URL_SHAPE: Final = (
    "Set RECON_WAREHOUSE_URL to mssql+pymssql://user:password@host/database, to mssql+mssqlpython://... or to "
    "sqlite:///path/to/file.db; in a user name or password write @ as %40 and / as %2F."
)


class WarehouseError(Exception):
    """The warehouse cannot be used as it is. The message says why and what to do, on one line, with no password."""


def connect(url: str) -> sa.Engine:
    """Connect to the warehouse and prove that it answers.

    A relative SQLite path is taken from the Meltano project's root where Meltano names it, else from the working
    folder; missing parent folders are made.

    Args:
        url: a SQLAlchemy URL, ``mssql+pymssql``, ``mssql+mssqlpython`` or ``sqlite``.

    Returns:
        An engine with one connection open in its pool.

    Raises:
        WarehouseError: the URL, its driver or the server cannot be used.
    """
    target = parse(url)
    try:
        engine = _engine(target)
        try:
            engine.connect().close()
        except BaseException:
            engine.dispose()
            raise
    except ModuleNotFoundError as error:
        msg = (
            f"The driver {error.name!r} of {shown(target)} is not installed here. mssql+pymssql comes with recon, "
            "mssql+mssqlpython with its extra: order-recon[entra]."
        )
        raise WarehouseError(msg) from None
    except (SQLAlchemyError, OSError, TypeError) as error:  # TypeError: an option that the driver does not know
        msg = f"Cannot connect to the warehouse {shown(target)}: {reason(error, url)}"
        raise WarehouseError(msg) from None
    return engine


def parse(url: str) -> sa.URL:
    """Read a warehouse URL and place a relative SQLite path.

    Raises:
        WarehouseError: it is no URL of a database that recon speaks. The message repeats nothing of it.
    """
    try:
        target = sa.make_url(url)
    except (ArgumentError, ValueError):
        msg = f"The warehouse URL is not a SQLAlchemy URL. {URL_SHAPE}"
        raise WarehouseError(msg) from None
    backend = target.get_backend_name()
    if backend not in {"mssql", "sqlite"}:
        msg = f"The warehouse can be SQL Server or SQLite only. {URL_SHAPE}"
        raise WarehouseError(msg)
    if backend == "mssql" and "@" in f"{target.host}{target.database}":
        # What stands after the first @ of an unescaped password would be taken for host and database, and be shown.
        msg = f"The warehouse URL has more than one @. {URL_SHAPE}"
        raise WarehouseError(msg)
    return placed(target)


def shown(url: sa.URL) -> str:
    """Write a URL for people: without its password and without what its options may hide."""
    return url.set(query={}).render_as_string(hide_password=True)


def reason(error: BaseException, url: str) -> str:
    """Say on one line what a database driver complained of.

    Args:
        error: what was raised; of SQLAlchemy's errors the driver's own message is taken, not the statement.
        url: the warehouse URL, whose secrets are left out.

    Returns:
        One line.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    texts = _texts(cause.args) if cause is not error else [str(error)]
    line = " ".join(" ".join(dict.fromkeys(texts)).split())
    return hide(line, url) or type(cause).__name__


def _texts(parts: Iterable[object]) -> list[str]:
    """Flatten a driver's arguments into lines: pymssql gives (number, bytes), and that in another tuple."""
    lines: list[str] = []
    for part in parts:
        if isinstance(part, tuple | list):
            lines += _texts(part)
        else:
            lines += (part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)).splitlines()
    return lines


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that will write; commits at a clean end and rolls back otherwise.

    On SQLite it holds the write lock from its start: a second writer waits, up to ``LOCK_WAIT_S`` seconds. So no
    second connection of the same process may write inside it.

    Args:
        engine: the warehouse.

    Yields:
        The connection in its transaction.
    """
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def straight_into_file(engine: sa.Engine, *, worth: bool) -> Iterator[None]:
    """Fill empty tables without SQLite's write-ahead log, which would have every page written twice.

    A transaction on a rollback journal is as safe: of pages added at the file's end there is nothing to keep, and what
    a killed one leaves is cut off by whoever opens the file next, who puts the log back too. But others cannot read
    once it has begun to write; of an empty warehouse there is nothing to read. Where somebody has the file open, the
    log stays.

    Args:
        engine: the warehouse, none of its connections in use.
        worth: whether it is a fill, and a large one; else nothing is done.
    """
    if not worth or not (engine.dialect.name == "sqlite" and is_file(engine.url)):
        yield
        return
    _set_journal(engine, "DELETE")
    try:
        yield
    finally:
        _set_journal(engine, "WAL")


def _set_journal(engine: sa.Engine, mode: str) -> None:
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.OperationalError):  # somebody has the file open: it stays as it is
            cursor.execute(f"PRAGMA journal_mode = {mode}")
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "mssql":
        # Babelfish has no extended properties, where SQL Server keeps comments; the warehouse uses none.
        return sa.create_engine(url, pool_pre_ping=True, supports_comments=False)
    if is_file(url):
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    # Reconciling hands its connection to a thread that writes, and touches it only when that is done.
    engine = sa.create_engine(url, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "checkin", _let_go)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's driver would begin a transaction only before the first INSERT, and never for CREATE TABLE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    # In KiB, taken as it is needed. The default of 2 MB has a million cartons' indexes written page by page, again and
    # again: publishing them took three times as long.
    cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    cursor.execute(f"PRAGMA temp.cache_size = -{TEMPORARY_CACHE_KIB}")
    _use_wal(cursor)
    cursor.close()


def _let_go(connection: DBAPIConnection | None, _entry: ConnectionPoolEntry) -> None:
    """Close the files that a transaction opened, which SQLite does not allow within it."""
    if connection is None:  # it was broken
        return
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA database_list")
        for name in [name for _, name, _ in cursor.fetchall() if name.startswith(SIDE)]:
            cursor.execute(f"DETACH DATABASE {name}")


def _use_wal(cursor: DBAPICursor) -> None:
    """Let readers read while one writes. SQLite does not wait for a lock here, so this does."""
    for attempt in range(WAL_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode")
            if cursor.fetchall() != [("delete",)]:
                return
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
