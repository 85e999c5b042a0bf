"""What a run had to work with, and whose results stand since: a run with nothing new publishes nothing again."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

ID: Final = sa.Unicode(32)

COUNTED: Final = "SELECT run_id FROM audit_count WHERE measure = 'files'"


def upgrade() -> None:
    op.add_column("audit_run", sa.Column("input_hash", ID))
    op.add_column("audit_run", sa.Column("published_run_id", ID))
    # In a statement of its own: SQL Server compiles a batch before its new columns are there.
    op.execute(f"UPDATE audit_run SET published_run_id = run_id WHERE status = 'succeeded' AND run_id IN ({COUNTED})")  # noqa: S608  (names and words of this file)


def downgrade() -> None:
    op.drop_column("audit_run", "published_run_id")
    op.drop_column("audit_run", "input_hash")
