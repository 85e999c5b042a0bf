"""Orders that a fulfilment does not belong to: any number a key, where ``recon_override`` says once where it does."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

ID: Final = sa.Unicode(32)
NAME: Final = sa.Unicode(200)
DOCUMENT: Final = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
TIME: Final = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped

COLUMNS: Final = (
    "fulfil_key_id, fulfil_customer, fulfil_customer_po, fulfil_style, fulfil_color, fulfil_size, order_key_id, "
    "order_customer, order_customer_po, order_style, order_color, order_size, reason, decided_by, decided_at"
)
RULED_OUT: Final = "decision = 'REJECT' AND order_key_id IS NOT NULL"


def _five(prefix: str) -> list[sa.Column[Any]]:
    return [sa.Column(f"{prefix}{name}", NAME) for name in ("customer", "customer_po", "style", "color", "size")]


def upgrade() -> None:
    op.create_table(
        "recon_ruled_out",
        sa.Column("fulfil_key_id", ID, nullable=False),
        *_five("fulfil_"),
        sa.Column("order_key_id", ID, nullable=False),
        *_five("order_"),
        sa.Column("reason", DOCUMENT),
        sa.Column("decided_by", NAME, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("fulfil_key_id", "order_key_id", name="pk_recon_ruled_out"),
    )
    op.execute(f"INSERT INTO recon_ruled_out ({COLUMNS}) SELECT {COLUMNS} FROM recon_override WHERE {RULED_OUT}")  # noqa: S608  (names and words of this file)
    op.execute(f"DELETE FROM recon_override WHERE {RULED_OUT}")  # noqa: S608  (as above)


def downgrade() -> None:
    op.drop_table("recon_ruled_out")
