"""What was told of runs, and where: so that nothing is told twice, and what could not be sent is seen."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

ID: Final = sa.Unicode(32)
CODE: Final = sa.Unicode(64)
NAME: Final = sa.Unicode(200)
DOCUMENT: Final = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
TIME: Final = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def upgrade() -> None:
    op.create_table(
        "notification",
        sa.Column("notification_id", ID, nullable=False),
        sa.Column("channel", NAME, nullable=False),
        sa.Column("run_id", ID),
        sa.Column("digest", ID, nullable=False),
        sa.Column("status", CODE, nullable=False),
        sa.Column("error", DOCUMENT),
        sa.Column("external_id", NAME),
        sa.Column("sent_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name="pk_notification"),
        sa.ForeignKeyConstraint(["run_id"], ["audit_run.run_id"], name="fk_notification_run_id"),
    )
    op.create_index("ix_notification_sent_at", "notification", ["sent_at"])
    op.create_index("ix_notification_channel_notification_id", "notification", ["channel", "notification_id"])


def downgrade() -> None:
    op.drop_table("notification")
