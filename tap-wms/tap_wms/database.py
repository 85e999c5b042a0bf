"""Connections: from the `connections` setting to an open SQLAlchemy connection, with retries and readable errors.

No password leaves this file: addresses are rendered without it and drivers' messages are searched for it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import backoff
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tap_wms.errors import TapError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

logger = logging.getLogger("tap-wms.database")

SETTING = "the setting `connections` (TAP_WMS_CONNECTIONS)"
EXAMPLE = '{"wms": "mssql+pymssql://user:password@host:1433/database"}'

#: Tries to connect, with full jitter up to 1, 2, 4 and 8 seconds between them.
CONNECT_TRIES = 5

# Trying these again cannot help, and a wrong password tried five times may lock the account.
_REFUSED = re.compile(
    r"login failed|authentication failed|access denied|no password supplied|pg_hba"
    r"|cannot open (server|database)|(database|role|user) .* does not exist|unknown database"
    r"|unable to open database|not a database|ORA-010(17|45)|ORA-125(05|14)|18456",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(r"permission|denied|not authori[sz]ed|privilege|ORA-01031", re.IGNORECASE)
# The server ended the statement for its own reasons; the same statement can work a moment later.
_TURNED_AWAY = re.compile(
    r"deadlock|conflict with recovery|terminating connection"
    # what a snapshot needs was cleaned up, or a table was altered: a new one has all of it
    r"|snapshot isolation transaction|versioned row|ORA-01555",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Database:
    """One entry of `connections`: its name, which rows carry as `connection`, and its address."""

    name: str
    url: URL

    def __str__(self) -> str:
        # The query part is left out as well: some drivers take a password or a whole connection string in it.
        return f"connection '{self.name}' ({self.url.set(query={}).render_as_string(hide_password=True)})"


def parse_connections(value: object) -> dict[str, Database]:
    """Read the `connections` setting.

    Args:
        value: An object of name to SQLAlchemy URL, or the same as JSON text, as it stands in an environment variable.

    Returns:
        The databases by name, in the order given.

    Raises:
        TapError: Nothing is given, the text is not JSON, or a URL cannot be read. The message repeats no value.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise TapError(f"{SETTING} is not JSON; it is an object like {EXAMPLE}") from None
    if not isinstance(value, Mapping):
        raise TapError(f"{SETTING} must be an object of name to SQLAlchemy URL, like {EXAMPLE}")
    if not value:
        raise TapError(f"there is nothing to read: {SETTING} is empty; it is an object like {EXAMPLE}")
    return {str(name): Database(str(name), _parse_url(str(name), url)) for name, url in value.items()}


def _parse_url(name: str, text: object) -> URL:
    if not re.fullmatch(r"[\w.-]+", name):
        raise TapError(f"connection '{name}' in {SETTING}: a name is letters, digits, `_`, `-` and `.`")
    try:
        url = sa.make_url(text if isinstance(text, str) else "")
    except (ValueError, sa.exc.ArgumentError):  # their messages repeat the URL or a part of it
        raise TapError(
            f"connection '{name}' in {SETTING} is not a SQLAlchemy URL: it is written "
            "dialect+driver://user:password@host:port/database, special characters in the password %-encoded"
        ) from None
    try:
        url.get_dialect().import_dbapi()
    except sa.exc.NoSuchModuleError:
        raise TapError(f"connection '{name}' in {SETTING}: there is no dialect '{url.drivername}'") from None
    except ImportError as error:
        raise TapError(
            f"connection '{name}' in {SETTING}: the driver of '{url.drivername}' is not installed ({error.name}); "
            "install tap-wms[postgres], tap-wms[oracle] or the driver's own package"
        ) from None
    return url


def connect(database: Database) -> sa.Connection:
    """Open a connection, waiting and trying again while the server cannot be reached.

    Nothing is pooled: a view may take an hour, and the other databases' connections would only time out meanwhile.

    Raises:
        TapError: The server refused, or could not be reached in `CONNECT_TRIES` tries.
    """
    _require_file(database)

    def say(details: Any) -> None:  # noqa: ANN401  backoff's type for it is private
        reason = driver_message(details["exception"], database)
        logger.warning("%s: %s; trying again in %.1f s", database, reason, details["wait"])

    def is_final(error: Exception) -> bool:
        message = driver_message(error, database)
        return bool(_REFUSED.search(message)) or (_is_file(database) and "locked" not in message)

    retrying = backoff.on_exception(
        backoff.expo, sa.exc.DBAPIError, max_tries=CONNECT_TRIES, giveup=is_final, on_backoff=say, logger=None
    )
    try:
        return retrying(sa.create_engine(database.url, poolclass=NullPool).connect)()
    except sa.exc.DBAPIError as error:
        message = driver_message(error, database)
        check = "user, password and database" if _REFUSED.search(message) else "host and port, and the way there"
        raise TapError(f"{database}: cannot connect: {message}; check {check} in {SETTING}") from None
    except (sa.exc.SQLAlchemyError, TypeError, ValueError) as error:  # options the driver does not know
        message = driver_message(error, database)
        raise TapError(f"{database}: cannot connect: {message}; check the URL in {SETTING}") from None


def _is_file(database: Database) -> bool:
    return bool(database.url.get_backend_name() == "sqlite")


def _require_file(database: Database) -> None:
    """Refuse a SQLite file that is not there, which connecting would create, empty."""
    name = database.url.database
    if not _is_file(database) or not name or name == ":memory:" or name.startswith("file:"):
        return
    if not Path(name).is_file():
        raise TapError(f"{database}: the file {Path(name).absolute()} does not exist; check {SETTING}")


def reading_failed(database: Database, what: str, error: Exception) -> TapError:
    """Word a failure while something was read.

    Args:
        database: Where it was read from.
        what: What was read, such as `view dbo.v_shipped`.
        error: SQLAlchemy's exception.

    Returns:
        The error to raise: the connection, the view, the driver's reason and what to do.
    """
    message = driver_message(error, database)
    advice = f"; grant the user of this connection SELECT on {what}" if _FORBIDDEN.search(message) else ""
    return TapError(f"{database}: reading {what} failed: {message}{advice}")


def is_lost(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether reading again may work: the connection broke, or the server gave the statement up."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    return error.connection_invalidated or bool(_TURNED_AWAY.search(str(error.orig)))


def driver_message(error: BaseException, database: Database) -> str:
    """The database's own words on one line, without SQLAlchemy's additions and without the password."""
    words = " ".join(" ".join(_texts(getattr(error, "orig", None) or error)).split())
    password = database.url.password
    if isinstance(password, str) and password:
        for secret in sorted({password, quote(password), quote_plus(password)}, key=len, reverse=True):
            words = words.replace(secret, "***")
    return words.rstrip(".;")


def _texts(value: object) -> list[str]:
    # pymssql nests its arguments and leaves the server's words as bytes.
    if isinstance(value, BaseException):
        return _texts(value.args) or [type(value).__name__]
    if isinstance(value, tuple | list):
        return [text for part in value for text in _texts(part)]
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)]
