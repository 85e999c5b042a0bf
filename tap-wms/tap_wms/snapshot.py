"""One moment for all that is read of a view: a transaction that sees no change, where the server has such.

The windows of a first reading are then of one moment too: a row whose day is corrected meanwhile stands in one of them.
Nobody waits for such a transaction, and it waits for nobody. Dirty reads are no substitute: they leave rows out and
give others twice.
"""

from __future__ import annotations

import re

import sqlalchemy as sa

#: 1 where ALLOW_SNAPSHOT_ISOLATION is on; everybody may see it of the database they are in.
#: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql
MSSQL_ALLOWS = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"

# Error 3952: the view reads another database, and that one does not allow it.
_REFUSED = re.compile(r"\b3952\b|snapshot isolation is not allowed", re.IGNORECASE)


def hold_still(connection: sa.Connection) -> str | None:
    """Begin a transaction on a new connection in which every statement sees the same moment.

    Args:
        connection: A connection on which nothing was executed yet.

    Returns:
        The kind of transaction; `None` where the server has none, and each statement sees what it finds committed.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The connection broke.
    """
    match connection.dialect.name:
        case "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return "REPEATABLE READ, READ ONLY"
        case "mssql":
            allowed = connection.exec_driver_sql(MSSQL_ALLOWS).scalar() == 1
            connection.rollback()  # the level is set before a transaction begins
            if not allowed:
                return None
            connection.execution_options(isolation_level="SNAPSHOT")
            return "SNAPSHOT"
        case "oracle":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            return "READ ONLY"
        case "sqlite":
            connection.exec_driver_sql("BEGIN")
            return "one transaction"
    return None


def is_refused(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether a statement failed because a database it reads does not allow snapshots."""
    return isinstance(error, sa.exc.DBAPIError) and bool(_REFUSED.search(str(error.orig)))
