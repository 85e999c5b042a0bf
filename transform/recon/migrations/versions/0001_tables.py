"""Every table, as of the first release.

The definitions stand here in full and never follow later changes of the code: a step that has run is history.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

Columns = list[sa.Column[Any]]

ID: Final = sa.Unicode(32)
CODE: Final = sa.Unicode(64)
NAME: Final = sa.Unicode(200)
FOUND: Final = sa.Unicode(400)
DOCUMENT: Final = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
MONEY: Final = sa.Numeric(18, 4)
PERCENT: Final = sa.Numeric(9, 4)
TIME: Final = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
DATE: Final = sa.DATE()
WHOLE: Final = sa.BigInteger()

TABLES: Final = (
    "order_list",
    "stg_orders_sharepoint",
    "stg_orders_wms",
    "stg_packed",
    "stg_shipped",
    "stg_quarantine_sharepoint",
    "stg_quarantine_wms",
    "source_files",
    "loads",
    "load_counts",
    "stg_orders",
    "stg_packed_current",
    "stg_shipped_current",
    "recon_load",
    "recon_match",
    "recon_order_fill",
    "fact_order_recon",
    "recon_override",
    "quarantine",
    "audit_run",
    "audit_lease",
    "audit_count",
    "recon_customer_run",
)


def upgrade() -> None:
    _staging()
    _current()
    _published()
    _audit()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _provenance() -> Columns:
    return [
        sa.Column("load_id", ID, nullable=False),
        sa.Column("unit_id", NAME, nullable=False),
        sa.Column("source", FOUND, nullable=False),
        sa.Column("sheet", NAME),
        sa.Column("row_number", WHOLE),
        sa.Column("rules_version", ID, nullable=False),
    ]


def _order_line() -> Columns:
    return [
        *_provenance(),
        sa.Column("order_line_id", ID, nullable=False),
        sa.Column("order_number", FOUND),
        sa.Column("customer", NAME, nullable=False),
        sa.Column("customer_source", FOUND),
        sa.Column("customer_po", NAME),
        sa.Column("customer_po_source", FOUND),
        sa.Column("customer_alt_po", NAME),
        sa.Column("customer_alt_po_source", FOUND),
        sa.Column("style", NAME),
        sa.Column("style_source", FOUND),
        sa.Column("pattern_id", NAME),
        sa.Column("pattern_id_source", FOUND),
        sa.Column("alias_item", NAME),
        sa.Column("alias_item_source", FOUND),
        sa.Column("color", NAME),
        sa.Column("color_source", FOUND),
        sa.Column("size", NAME),
        sa.Column("size_source", FOUND),
        sa.Column("color_code", FOUND),
        sa.Column("category", FOUND),
        sa.Column("ordered_qty", sa.Integer(), nullable=False),
        sa.Column("order_type", FOUND),
        sa.Column("delivery_method", FOUND),
        sa.Column("season", FOUND),
        sa.Column("drop", FOUND),
        sa.Column("ordered_on", DATE),
        sa.Column("ex_factory_on", DATE),
        sa.Column("eta_on", DATE),
        sa.Column("customer_price", MONEY),
        sa.Column("final_fob_usd", MONEY),
    ]


def _carton(moved_on: str) -> Columns:
    return [
        *_provenance(),
        sa.Column("row_id", ID, nullable=False),
        sa.Column("connection", NAME, nullable=False),
        sa.Column("customer", NAME, nullable=False),
        sa.Column("customer_source", FOUND),
        sa.Column("customer_po", NAME),
        sa.Column("customer_po_source", FOUND),
        sa.Column("style", NAME),
        sa.Column("style_source", FOUND),
        sa.Column("color", NAME),
        sa.Column("color_source", FOUND),
        sa.Column("size", NAME),
        sa.Column("size_source", FOUND),
        sa.Column("carton_id", FOUND),
        sa.Column("sku", FOUND),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.Column("season", FOUND),
        sa.Column("shipping_method", FOUND),
        sa.Column("country", FOUND),
        sa.Column(moved_on, DATE),
    ]


def _finding() -> Columns:
    return [
        sa.Column("quarantine_id", ID, nullable=False),
        sa.Column("stream", NAME, nullable=False),
        sa.Column("place", sa.Unicode(700), nullable=False),
        sa.Column("field", NAME),
        sa.Column("reason_code", CODE, nullable=False),
        sa.Column("reason", sa.Unicode(1000), nullable=False),
        sa.Column("value", DOCUMENT),
        sa.Column("record", DOCUMENT),
        sa.Column("cells", WHOLE, nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
    ]


def _five(side: str) -> Columns:
    fields = ("customer", "customer_po", "style", "color", "size")
    return [sa.Column(f"{side}{field}", NAME) for field in fields]


def _staging() -> None:
    op.create_table(
        "order_list",
        sa.Column("load_id", ID, nullable=False),
        sa.Column("unit_id", NAME, nullable=False),
        sa.Column("source", FOUND, nullable=False),
        sa.Column("sheet", NAME),
        sa.Column("row_number", WHOLE, nullable=False),
        sa.Column("rules_version", ID, nullable=False),
        sa.Column("order_number", FOUND),
        sa.Column("customer_source", FOUND),
        sa.Column("customer", NAME),
        sa.Column("customer_po", FOUND),
        sa.Column("customer_alt_po", FOUND),
        sa.Column("style", FOUND),
        sa.Column("style_description", FOUND),
        sa.Column("pattern_id", FOUND),
        sa.Column("alias_item", FOUND),
        sa.Column("color", FOUND),
        sa.Column("color_code", FOUND),
        sa.Column("uom", FOUND),
        sa.Column("total_qty", sa.Integer()),
        sa.Column("size_qty", WHOLE, nullable=False),
        sa.Column("ordered_on", DATE),
        sa.Column("ex_factory_on", DATE),
        sa.Column("eta_on", DATE),
        sa.Column("delivery_method", FOUND),
        sa.Column("order_type", FOUND),
        sa.Column("season", FOUND),
        sa.Column("customer_season", FOUND),
        sa.Column("drop", FOUND),
        sa.Column("category", FOUND),
        sa.Column("destination", FOUND),
        sa.Column("destination_warehouse", FOUND),
        sa.Column("channel", FOUND),
        sa.Column("customer_price", MONEY),
        sa.Column("final_fob_usd", MONEY),
        sa.Column("notes", DOCUMENT),
        sa.Column("sizes", DOCUMENT, nullable=False),
        sa.Column("extra", DOCUMENT, nullable=False),
        sa.Column("findings", DOCUMENT),
        sa.PrimaryKeyConstraint("load_id", "row_number", name="pk_order_list"),
    )
    for table in ("stg_orders_sharepoint", "stg_orders_wms"):
        key = sa.PrimaryKeyConstraint("load_id", "order_line_id", name=f"pk_{table}")
        op.create_table(table, *_order_line(), key)
    for table, moved_on in (("stg_packed", "packed_on"), ("stg_shipped", "shipped_on")):
        key = sa.PrimaryKeyConstraint("load_id", "row_id", name=f"pk_{table}")
        op.create_table(table, *_carton(moved_on), key)
    for table in ("stg_quarantine_sharepoint", "stg_quarantine_wms"):
        key = sa.PrimaryKeyConstraint("load_id", "quarantine_id", name=f"pk_{table}")
        op.create_table(table, *_provenance(), *_finding(), key)
    op.create_table(
        "source_files",
        sa.Column("file_id", NAME, nullable=False),
        sa.Column("name", FOUND, nullable=False),
        sa.Column("path", FOUND, nullable=False),
        sa.Column("size_bytes", WHOLE),
        sa.Column("etag", NAME),
        sa.Column("content_hash", CODE),
        sa.Column("modified_at", TIME),
        sa.Column("sheet", NAME),
        sa.Column("header_row", WHOLE),
        sa.Column("status", sa.Unicode(7), nullable=False),
        sa.Column("error", sa.Unicode(1000)),
        sa.Column("listed_at", TIME, nullable=False),
        sa.Column("load_id", ID),
        sa.PrimaryKeyConstraint("file_id", name="pk_source_files"),
    )
    op.create_table(
        "loads",
        sa.Column("load_id", ID, nullable=False),
        sa.Column("unit_id", NAME, nullable=False),
        sa.Column("stream", NAME, nullable=False),
        sa.Column("kind", sa.Unicode(7), nullable=False),
        sa.Column("connection", NAME),
        sa.Column("window_from", DATE),
        sa.Column("window_to", DATE),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.Column("qty", sa.Float(53)),
        sa.PrimaryKeyConstraint("load_id", name="pk_loads"),
    )
    op.create_index("ix_loads_unit_id_load_id", "loads", ["unit_id", "load_id"])
    op.create_table(
        "load_counts",
        sa.Column("load_id", ID, nullable=False),
        sa.Column("table", NAME, nullable=False),
        sa.Column("measure", sa.Unicode(11), nullable=False),
        sa.Column("reason", CODE, nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.Column("cells", WHOLE, nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("load_id", "table", "measure", "reason", name="pk_load_counts"),
    )


def _current() -> None:
    op.create_table(
        "stg_orders",
        *_order_line(),
        sa.Column("origin", CODE, nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("order_key_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("order_line_id", name="pk_stg_orders"),
    )
    op.create_index("ix_stg_orders_order_key_id", "stg_orders", ["order_key_id"])
    op.create_table(
        "stg_packed_current",
        *_carton("packed_on"),
        sa.Column("qty_source", sa.Integer(), nullable=False),
        sa.Column("fulfil_key_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("row_id", name="pk_stg_packed_current"),
    )
    op.create_index("ix_stg_packed_current_fulfil_key_id", "stg_packed_current", ["fulfil_key_id"])
    op.create_table(
        "stg_shipped_current",
        *_carton("shipped_on"),
        sa.Column("fulfil_key_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("row_id", name="pk_stg_shipped_current"),
    )
    op.create_index("ix_stg_shipped_current_fulfil_key_id", "stg_shipped_current", ["fulfil_key_id"])


def _published() -> None:
    op.create_table(
        "recon_load",
        sa.Column("load_id", ID, nullable=False),
        sa.Column("unit_id", NAME, nullable=False),
        sa.Column("stream", NAME, nullable=False),
        sa.Column("source", FOUND, nullable=False),
        sa.Column("status", CODE, nullable=False),
        sa.Column("superseded_by", FOUND),
        sa.Column("stale_reason", DOCUMENT),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.Column("staged_qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("load_id", name="pk_recon_load"),
    )
    op.create_index("ix_recon_load_unit_id", "recon_load", ["unit_id"])
    op.create_table(
        "recon_match",
        sa.Column("fulfil_key_id", ID, nullable=False),
        *_five("fulfil_"),
        sa.Column("order_key_id", ID),
        *_five("order_"),
        sa.Column("match_type", CODE, nullable=False),
        sa.Column("match_rule", CODE),
        sa.Column("match_score", PERCENT, nullable=False),
        sa.Column("po_score", PERCENT),
        sa.Column("style_score", PERCENT),
        sa.Column("color_score", PERCENT),
        sa.Column("size_score", PERCENT),
        sa.Column("best_match_field", CODE),
        sa.Column("evidence", DOCUMENT),
        sa.Column("runner_up_order_key_id", ID),
        sa.Column("runner_up_score", PERCENT),
        sa.Column("candidates", DOCUMENT),
        sa.Column("review_status", CODE, nullable=False),
        sa.Column("decided_by", CODE, nullable=False),
        sa.PrimaryKeyConstraint("fulfil_key_id", name="pk_recon_match"),
    )
    op.create_index("ix_recon_match_order_key_id", "recon_match", ["order_key_id"])
    op.create_table(
        "recon_order_fill",
        sa.Column("order_line_id", ID, nullable=False),
        sa.Column("fulfil_key_id", ID, nullable=False),
        sa.Column("packed_qty", WHOLE, nullable=False),
        sa.Column("shipped_qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("order_line_id", "fulfil_key_id", name="pk_recon_order_fill"),
    )
    op.create_index("ix_recon_order_fill_fulfil_key_id", "recon_order_fill", ["fulfil_key_id"])
    op.create_table(
        "fact_order_recon",
        sa.Column("recon_id", ID, nullable=False),
        sa.Column("order_key_id", ID),
        sa.Column("fulfil_key_id", ID),
        *_five(""),
        sa.Column("order_numbers", DOCUMENT),
        sa.Column("customer_alt_po", FOUND),
        sa.Column("pattern_id", FOUND),
        sa.Column("ordered_qty", WHOLE, nullable=False),
        sa.Column("cancelled_qty", WHOLE, nullable=False),
        sa.Column("packed_qty", WHOLE, nullable=False),
        sa.Column("shipped_qty", WHOLE, nullable=False),
        sa.Column("fuzzy_qty", WHOLE, nullable=False),
        sa.Column("qty_variance", WHOLE, nullable=False),
        sa.Column("qty_variance_pct", sa.Numeric(18, 4)),
        sa.Column("match_type", CODE, nullable=False),
        sa.Column("match_rule", CODE),
        sa.Column("match_score", PERCENT),
        sa.Column("recon_status", CODE, nullable=False),
        sa.Column("quality_flag", CODE),
        sa.Column("incomplete_key", sa.Boolean(), nullable=False),
        sa.Column("order_lines", sa.Integer(), nullable=False),
        sa.Column("cartons", sa.Integer(), nullable=False),
        sa.Column("first_packed_on", DATE),
        sa.Column("last_shipped_on", DATE),
        sa.Column("earliest_ex_factory_on", DATE),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("changed_run_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("recon_id", name="pk_fact_order_recon"),
    )
    op.create_index("ix_fact_order_recon_customer_recon_status", "fact_order_recon", ["customer", "recon_status"])
    op.create_index("ix_fact_order_recon_order_key_id", "fact_order_recon", ["order_key_id"])
    op.create_index("ix_fact_order_recon_fulfil_key_id", "fact_order_recon", ["fulfil_key_id"])
    op.create_table(
        "recon_override",
        sa.Column("fulfil_key_id", ID, nullable=False),
        *_five("fulfil_"),
        sa.Column("order_key_id", ID),
        *_five("order_"),
        sa.Column("decision", CODE, nullable=False),
        sa.Column("reason", DOCUMENT),
        sa.Column("decided_by", NAME, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("fulfil_key_id", name="pk_recon_override"),
    )
    op.create_table(
        "quarantine",
        *_finding(),
        *_provenance(),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME),
        sa.PrimaryKeyConstraint("quarantine_id", name="pk_quarantine"),
    )
    op.create_index("ix_quarantine_resolved_at", "quarantine", ["resolved_at"])


def _audit() -> None:
    op.create_table(
        "audit_run",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("job", NAME, nullable=False),
        sa.Column("mode", CODE, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("status", CODE, nullable=False),
        sa.Column("reason", DOCUMENT),
        sa.Column("owner", FOUND, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_audit_run"),
    )
    op.create_index("ix_audit_run_started_at", "audit_run", ["started_at"])
    op.create_table(
        "audit_lease",
        sa.Column("name", CODE, nullable=False),
        sa.Column("run_id", ID),
        sa.Column("owner", FOUND),
        sa.Column("heartbeat_at", TIME),
        sa.Column("expires_at", TIME),
        sa.PrimaryKeyConstraint("name", name="pk_audit_lease"),
    )
    # The row is there from the start, so that taking the lease is one UPDATE, which two runs cannot both win.
    op.execute("INSERT INTO audit_lease (name) VALUES ('run')")
    op.create_table(
        "audit_count",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("table", NAME, nullable=False),
        sa.Column("measure", CODE, nullable=False),
        sa.Column("reason", CODE, nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.Column("cells", WHOLE, nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "table", "measure", "reason", name="pk_audit_count"),
        sa.ForeignKeyConstraint(["run_id"], ["audit_run.run_id"], name="fk_audit_count_run_id"),
    )
    op.create_table(
        "recon_customer_run",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("customer", NAME, nullable=False),
        sa.Column("input_hash", ID, nullable=False),
        sa.Column("order_keys", WHOLE, nullable=False),
        sa.Column("ordered_qty", WHOLE, nullable=False),
        sa.Column("cancelled_qty", WHOLE, nullable=False),
        sa.Column("packed_qty", WHOLE, nullable=False),
        sa.Column("shipped_qty", WHOLE, nullable=False),
        sa.Column("exact_qty", WHOLE, nullable=False),
        sa.Column("fuzzy_qty", WHOLE, nullable=False),
        sa.Column("unmatched_qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "customer", name="pk_recon_customer_run"),
        sa.ForeignKeyConstraint(["run_id"], ["audit_run.run_id"], name="fk_recon_customer_run_run_id"),
    )
