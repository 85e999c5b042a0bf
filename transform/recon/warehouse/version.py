"""Tells which version the warehouse is at, without loading Alembic: every command asks this first."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from recon.migrations import HEAD
from recon.warehouse.engine import WarehouseError

VERSION_TABLE: Final = sa.table("alembic_version", sa.column("version_num", sa.String))


def installed_version(connection: sa.Connection) -> str | None:
    """Read the warehouse's version.

    Returns:
        The revision, ``None`` where nothing was ever migrated.
    """
    # Looked for first: on Babelfish asking for a table that isn't there ends the transaction.
    if not sa.inspect(connection).has_table(VERSION_TABLE.name):
        return None
    return connection.execute(sa.select(VERSION_TABLE.c.version_num)).scalar_one_or_none()


def version_finding(version: str | None) -> str | None:
    """Say what is wrong with a version.

    Returns:
        One line, ``None`` for the version of this recon.
    """
    if version == HEAD:
        return None
    if version is None:
        return "The warehouse has no tables yet. Make them: recon migrate"
    if version > HEAD:
        return f"The warehouse is at version {version}, this recon knows {HEAD}. Install the newer recon."
    return f"The warehouse is at version {version}, this recon needs {HEAD}. Bring it up: recon migrate"


def is_current(engine: sa.Engine) -> bool:
    """Tell whether the warehouse is at this recon's version."""
    with engine.connect() as connection:
        return installed_version(connection) == HEAD


def require_version(engine: sa.Engine) -> None:
    """Refuse a warehouse of another version.

    Raises:
        WarehouseError: it has no tables, older or newer ones; the message says what to do.
    """
    with engine.connect() as connection:
        finding = version_finding(installed_version(connection))
    if finding:
        raise WarehouseError(finding)
