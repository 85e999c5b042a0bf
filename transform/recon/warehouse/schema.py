"""Brings the warehouse's tables and views to a version, all in one transaction, and writes the SQL of it on paper.

Alembic is loaded here and nowhere else: only ``recon migrate`` needs it.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from recon import migrations
from recon.warehouse.engine import LOCK_WAIT_S, WarehouseError, parse, writing

LOCK_SQL: Final = (
    "SET NOCOUNT ON; DECLARE @granted int; "
    "EXEC @granted = sp_getapplock @Resource = N'recon migrate', @LockMode = N'Exclusive', "
    f"@LockOwner = N'Transaction', @LockTimeout = {LOCK_WAIT_S * 1000}; "
    "SET NOCOUNT OFF; SELECT @granted"
)
"""SQL Server keeps a second migration waiting by a named lock; negative where the wait was too long. Row counts are
off meanwhile, as a driver may take the procedure's for the answer.
https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql"""


def migrate(engine: sa.Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the warehouse up to a version, in one transaction: killed, it is as it was.

    Two at once queue; the second finds nothing left to do.

    Args:
        engine: the warehouse.
        revision: the version to end at.

    Returns:
        The version before, ``None`` for an empty warehouse, and the one after.

    Raises:
        WarehouseError: another migration did not end in time, or the warehouse is of a later recon.
    """
    return _apply(engine, revision, up=True)


def unmigrate(engine: sa.Engine, revision: str = "base") -> tuple[str | None, str | None]:
    """Take steps back; what their tables held is lost.

    Args:
        engine: the warehouse.
        revision: the version to end at; ``base`` leaves no table.

    Returns:
        The version before and the one after.

    Raises:
        WarehouseError: as for :func:`migrate`.
    """
    return _apply(engine, revision, up=False)


def migration_sql(url: str, *, up: bool = True) -> str:
    """Write the SQL of every step, without a connection, for a person who may not let a program change tables.

    Args:
        url: the warehouse's URL, which decides the dialect.
        up: from nothing to the newest version; else back to nothing.

    Returns:
        A script; on SQL Server with ``GO`` between its batches.
    """
    config = _config()
    config.attributes["dialect"] = parse(url).get_backend_name()
    config.output_buffer = StringIO()
    if up:
        command.upgrade(config, "head", sql=True)
    else:
        command.downgrade(config, "head:base", sql=True)
    # Text is padded with blanks at line ends by the compilers; scripts are compared line by line.
    return "\n".join(line.rstrip() for line in config.output_buffer.getvalue().strip().splitlines()) + "\n"


def _apply(engine: sa.Engine, revision: str, *, up: bool) -> tuple[str | None, str | None]:
    config = _config()
    with writing(engine) as connection:
        if connection.dialect.name == "mssql":
            _lock(connection)
        before = _version(connection)
        if before is not None and before > migrations.HEAD:
            msg = f"The warehouse is at version {before}, this recon knows {migrations.HEAD}. Install the newer recon."
            raise WarehouseError(msg)
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)
        return before, _version(connection)


def _lock(connection: sa.Connection) -> None:
    if connection.exec_driver_sql(LOCK_SQL).scalar_one() < 0:
        msg = f"Another migration has been at work for {LOCK_WAIT_S} s. Try again when it is done."
        raise WarehouseError(msg)


def _version(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config
