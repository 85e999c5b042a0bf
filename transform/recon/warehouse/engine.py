"""Connects to the warehouse, SQL Server or SQLite, from one URL, and keeps its password out of every message.

A transaction on SQLite begins when it says so: ``engine.begin()`` takes a snapshot, ``writing(engine)`` the
write lock as well, so that two writers queue instead of failing half way.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_WAIT_S: Final = 60
"""Seconds a SQLite writer waits for another; the longest of ours (publishing) takes a few."""
WAL_ATTEMPTS: Final = 100
SECRET_WORDS: Final = ("password", "pwd", "secret", "token")
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
    if _is_file(target):
        root = Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd())
        target = target.set(database=str(root / str(target.database)))
    return target


def shown(url: sa.URL) -> str:
    """Write a URL for people: without its password and without what its options may hide."""
    return url.set(query={}).render_as_string(hide_password=True)


def hide(text: str, url: str) -> str:
    """Take out of a text every secret that a warehouse URL holds, as written and as decoded.

    Args:
        text: any text: an error, a traceback.
        url: the warehouse URL as set, valid or not.

    Returns:
        The text with ``***`` in place of each secret.
    """
    authority = url.partition("://")[2].rpartition("@")[0]
    secrets = {authority.partition(":")[2]}
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        secrets.add(url)
    else:
        secrets.add(str(parsed.password or ""))
        secrets |= {str(v) for k, v in parsed.query.items() if any(word in k.lower() for word in SECRET_WORDS)}
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret)) if form}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


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


def _is_file(url: sa.URL) -> bool:
    path = url.database or ""
    return url.get_backend_name() == "sqlite" and path not in {"", ":memory:"} and not path.startswith("file:")


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "mssql":
        # Babelfish has no extended properties, where SQL Server keeps comments; the warehouse uses none.
        return sa.create_engine(url, pool_pre_ping=True, supports_comments=False)
    if _is_file(url):
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's driver would begin a transaction only before the first INSERT, and never for CREATE TABLE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    _use_wal(cursor)
    cursor.close()


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
