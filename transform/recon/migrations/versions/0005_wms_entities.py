"""The entities of Oracle WMS Cloud, brought up to date by their id.

Their columns are those that any tenant has; a tenant's own fields stand in ``extra``, so that a new one needs no step.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None

TEXT: Final = sa.Unicode(400)
DOCUMENT: Final = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
NUMBER: Final = sa.Numeric(18, 4)
TIME: Final = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
DATE: Final = sa.DATE()
FLAG: Final = sa.Boolean()
WHOLE: Final = sa.BigInteger()

INDEXED: Final = {"wms_order_hdr": "order_nbr", "wms_order_dtl": "order_id", "wms_allocation": "order_dtl_id"}


def upgrade() -> None:
    _entity(
        "wms_order_hdr",
        sa.Column("facility_key", TEXT),
        sa.Column("company_key", TEXT),
        sa.Column("order_nbr", TEXT),
        sa.Column("order_type_key", TEXT),
        sa.Column("status_id", WHOLE),
        sa.Column("ord_date", DATE),
        sa.Column("exp_date", DATE),
        sa.Column("req_ship_date", DATE),
        sa.Column("start_ship_date", DATE),
        sa.Column("stop_ship_date", DATE),
        sa.Column("dest_facility_key", TEXT),
        sa.Column("cust_name", TEXT),
        sa.Column("cust_nbr", TEXT),
        sa.Column("customer_po_nbr", TEXT),
        sa.Column("ref_nbr", TEXT),
        sa.Column("stop_ship_flg", FLAG),
        sa.Column("total_orig_ord_qty", NUMBER),
    )
    _entity(
        "wms_order_dtl",
        sa.Column("order_id", WHOLE),
        sa.Column("order_key", TEXT),
        sa.Column("seq_nbr", WHOLE),
        sa.Column("item_id", WHOLE),
        sa.Column("item_key", TEXT),
        sa.Column("item_alternate_code", TEXT),
        sa.Column("po_nbr", TEXT),
        sa.Column("status_id", WHOLE),
        sa.Column("ord_qty", NUMBER),
        sa.Column("orig_ord_qty", NUMBER),
        sa.Column("alloc_qty", NUMBER),
    )
    _entity(
        "wms_allocation",
        sa.Column("order_dtl_id", WHOLE),
        sa.Column("from_inventory_id", WHOLE),
        sa.Column("to_inventory_id", WHOLE),
        sa.Column("wave_id", WHOLE),
        sa.Column("wave_key", TEXT),
        sa.Column("status_id", WHOLE),
        sa.Column("alloc_qty", NUMBER),
        sa.Column("packed_qty", NUMBER),
    )


def downgrade() -> None:
    for table in reversed(INDEXED):
        op.drop_table(table)


def _entity(table: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("id", WHOLE, nullable=False, autoincrement=False),
        sa.Column("create_ts", TIME),
        sa.Column("mod_ts", TIME),
        *columns,
        sa.Column("extra", DOCUMENT),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )
    for column in ("mod_ts", INDEXED[table]):
        op.create_index(f"ix_{table}_{column}", table, [column])
