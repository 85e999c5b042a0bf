"""A hash of each load's published rows: those that stand as they are need not be compared again."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None

ID: Final = sa.Unicode(32)


def upgrade() -> None:
    op.add_column("recon_load", sa.Column("rows_hash", ID))


def downgrade() -> None:
    op.drop_column("recon_load", "rows_hash")
