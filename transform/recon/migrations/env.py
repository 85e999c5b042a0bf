"""Alembic's way in: uses the connection and transaction that ``recon.warehouse.schema`` opened.

Run by hand (``alembic downgrade``) it uses ``RECON_WAREHOUSE_URL``.
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context

from recon.warehouse.engine import connect, parse, writing


def _run(connection: sa.Connection) -> None:
    """Run the steps asked for, all in the connection's transaction."""
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


def _write_sql(dialect: str) -> None:
    """Write the steps' SQL, with no connection."""
    context.configure(dialect_name=dialect, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


_given = context.config.attributes
if context.is_offline_mode():
    _write_sql(_given.get("dialect") or parse(os.environ["RECON_WAREHOUSE_URL"]).get_backend_name())
elif "connection" in _given:
    _run(_given["connection"])
else:
    with writing(connect(os.environ["RECON_WAREHOUSE_URL"])) as _connection:
        _run(_connection)
