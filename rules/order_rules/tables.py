"""Every table of the warehouse, once: the staging tables from the row models, the published ones by name.

Recon's migrations build them, recon and reports read and write through them. The same definitions serve SQL
Server (``NVARCHAR``, ``DATETIME2``) and SQLite.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from order_rules.models import (
    MONEY_DIGITS,
    MONEY_PLACES,
    STAGING,
    Row,
    StagedOrder,
    StagedPacked,
    StagedShipped,
    columns,
)
from order_rules.models import Column as ModelColumn

metadata: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def text(length: int | None = None) -> sa.types.TypeEngine[Any]:
    """Text that holds any script: ``NVARCHAR(length)``, ``NVARCHAR(MAX)`` without a length."""
    return sa.Unicode(length) if length else sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")


MONEY: Final = sa.Numeric(MONEY_DIGITS, MONEY_PLACES, asdecimal=False)
"""Read as a float: reports show money, nothing here adds it up."""
PERCENT: Final = sa.Numeric(9, 4, asdecimal=False)
TIME: Final = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
"""A moment in UTC, without a zone."""
ID: Final = text(32)
NAME: Final = text(200)
FOUND: Final = text(400)
CODE: Final = text(64)
DOCUMENT: Final = text()


def _type(column: ModelColumn) -> sa.types.TypeEngine[Any]:
    if column.type is str:
        return text(column.max_length)
    if column.type is int:
        return sa.Integer() if column.maximum is not None else sa.BigInteger()
    types: dict[type, sa.types.TypeEngine[Any]] = {
        float: sa.Float(53),
        bool: sa.Boolean(),
        Decimal: MONEY,
        datetime: TIME,
        date: sa.Date(),
    }
    return types[column.type]


def _model_columns(model: type[Row]) -> list[sa.Column[Any]]:
    return [sa.Column(c.name, _type(c), nullable=c.nullable) for c in columns(model)]


def _staging(name: str) -> sa.Table:
    stream = STAGING[name]
    table = sa.Table(name, metadata, *_model_columns(stream.model))
    table.append_constraint(sa.PrimaryKeyConstraint(*stream.key))
    return table


order_list: Final = _staging("order_list")
stg_orders_sharepoint: Final = _staging("stg_orders_sharepoint")
stg_orders_wms: Final = _staging("stg_orders_wms")
stg_packed: Final = _staging("stg_packed")
stg_shipped: Final = _staging("stg_shipped")
stg_quarantine_sharepoint: Final = _staging("stg_quarantine_sharepoint")
stg_quarantine_wms: Final = _staging("stg_quarantine_wms")
source_files: Final = _staging("source_files")
loads: Final = _staging("loads")
load_counts: Final = _staging("load_counts")

sa.Index(None, loads.c.unit_id, loads.c.load_id)

ENTITY_COLUMNS: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "text": FOUND,
    "integer": sa.BigInteger(),
    "number": MONEY,
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "date-time": TIME,
}
"""The columns that tap-wms' setting `entity_columns` can name, by its names for their types."""


def _entity(name: str, fields: dict[str, str], *, indexed: str | None = None) -> sa.Table:
    """Define an entity of Oracle WMS Cloud: some fields as columns, whatever else a tenant has in ``extra``."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("create_ts", TIME),
        sa.Column("mod_ts", TIME, index=True),
        *(sa.Column(field, ENTITY_COLUMNS[kind], index=field == indexed) for field, kind in fields.items()),
        sa.Column("extra", DOCUMENT, comment="JSON: every other field, and what is no value of its column"),
    )


wms_order_hdr: Final = _entity(
    "wms_order_hdr",
    {
        "facility_key": "text",
        "company_key": "text",
        "order_nbr": "text",
        "order_type_key": "text",
        "status_id": "integer",
        "ord_date": "date",
        "exp_date": "date",
        "req_ship_date": "date",
        "start_ship_date": "date",
        "stop_ship_date": "date",
        "dest_facility_key": "text",
        "cust_name": "text",
        "cust_nbr": "text",
        "customer_po_nbr": "text",
        "ref_nbr": "text",
        "stop_ship_flg": "boolean",
        "total_orig_ord_qty": "number",
    },
    indexed="order_nbr",
)
wms_order_dtl: Final = _entity(
    "wms_order_dtl",
    {
        "order_id": "integer",
        "order_key": "text",
        "seq_nbr": "integer",
        "item_id": "integer",
        "item_key": "text",
        "item_alternate_code": "text",
        "po_nbr": "text",
        "status_id": "integer",
        "ord_qty": "number",
        "orig_ord_qty": "number",
        "alloc_qty": "number",
    },
    indexed="order_id",
)
wms_allocation: Final = _entity(
    "wms_allocation",
    {
        "order_dtl_id": "integer",
        "from_inventory_id": "integer",
        "to_inventory_id": "integer",
        "wave_id": "integer",
        "wave_key": "text",
        "status_id": "integer",
        "alloc_qty": "number",
        "packed_qty": "number",
    },
    indexed="order_dtl_id",
)

stg_orders: Final = sa.Table(
    "stg_orders",
    metadata,
    *_model_columns(StagedOrder),
    sa.Column("origin", CODE, nullable=False, comment="order_list or wms"),
    sa.Column("cancelled", sa.Boolean(), nullable=False),
    sa.Column("order_key_id", ID, nullable=False, index=True),
    sa.PrimaryKeyConstraint("order_line_id"),
)
stg_packed_current: Final = sa.Table(
    "stg_packed_current",
    metadata,
    *_model_columns(StagedPacked),
    sa.Column(
        "qty_source", sa.Integer(), nullable=False, comment="as read, before what was shipped since is taken off"
    ),
    sa.Column("fulfil_key_id", ID, nullable=False, index=True),
    sa.PrimaryKeyConstraint("row_id"),
)
stg_shipped_current: Final = sa.Table(
    "stg_shipped_current",
    metadata,
    *_model_columns(StagedShipped),
    sa.Column("fulfil_key_id", ID, nullable=False, index=True),
    sa.PrimaryKeyConstraint("row_id"),
)


def _five(prefix: str) -> list[sa.Column[Any]]:
    names = ("customer", "customer_po", "style", "color", "size")
    return [sa.Column(f"{prefix}{name}", NAME, nullable=True) for name in names]


recon_load: Final = sa.Table(
    "recon_load",
    metadata,
    sa.Column("load_id", ID, primary_key=True),
    sa.Column("unit_id", NAME, nullable=False, index=True),
    sa.Column("stream", NAME, nullable=False),
    sa.Column("source", FOUND, nullable=False, comment="the workbook's path, or connection and view"),
    sa.Column("status", CODE, nullable=False, comment="counts or superseded_workbook"),
    sa.Column("superseded_by", FOUND, comment="the workbook that counts instead"),
    sa.Column("stale_reason", DOCUMENT, comment="why its unit could not be read since; null: fresh"),
    sa.Column("started_at", TIME, nullable=False),
    sa.Column("rows", sa.BigInteger(), nullable=False),
    sa.Column("staged_qty", sa.BigInteger(), nullable=False, comment="staged quantity of the rows that count"),
    sa.Column("rows_hash", ID, comment="of the rows that count, with what is made of them; null: none does"),
)

recon_match: Final = sa.Table(
    "recon_match",
    metadata,
    sa.Column("fulfil_key_id", ID, primary_key=True),
    *_five("fulfil_"),
    sa.Column("order_key_id", ID, index=True, comment="null: no order"),
    *_five("order_"),
    sa.Column("match_type", CODE, nullable=False, comment="EXACT, FUZZY or NO_MATCH"),
    sa.Column("match_rule", CODE, comment="the name of the pass"),
    sa.Column("match_score", PERCENT, nullable=False, comment="0 to 100"),
    sa.Column("po_score", PERCENT),
    sa.Column("style_score", PERCENT),
    sa.Column("color_score", PERCENT),
    sa.Column("size_score", PERCENT),
    sa.Column("best_match_field", CODE, comment="PO or ALT_PO"),
    sa.Column("evidence", DOCUMENT, comment="JSON: the waterfall"),
    sa.Column("runner_up_order_key_id", ID),
    sa.Column("runner_up_score", PERCENT),
    sa.Column("candidates", DOCUMENT, comment="JSON: at most 3"),
    sa.Column("review_status", CODE, nullable=False, comment="NONE, PENDING, ACCEPTED or REJECTED"),
    sa.Column("decided_by", CODE, nullable=False, comment="engine or override"),
)

recon_order_fill: Final = sa.Table(
    "recon_order_fill",
    metadata,
    sa.Column("order_line_id", ID, primary_key=True),
    sa.Column("fulfil_key_id", ID, primary_key=True, index=True),
    sa.Column("packed_qty", sa.BigInteger(), nullable=False),
    sa.Column("shipped_qty", sa.BigInteger(), nullable=False),
)

fact_order_recon: Final = sa.Table(
    "fact_order_recon",
    metadata,
    sa.Column("recon_id", ID, primary_key=True),
    sa.Column("order_key_id", ID, unique=False),
    sa.Column("fulfil_key_id", ID, comment="set where the key matched no order"),
    *_five(""),
    sa.Column("order_numbers", DOCUMENT),
    sa.Column("customer_alt_po", FOUND),
    sa.Column("pattern_id", FOUND),
    sa.Column("ordered_qty", sa.BigInteger(), nullable=False),
    sa.Column("cancelled_qty", sa.BigInteger(), nullable=False),
    sa.Column("packed_qty", sa.BigInteger(), nullable=False),
    sa.Column("shipped_qty", sa.BigInteger(), nullable=False),
    sa.Column("fuzzy_qty", sa.BigInteger(), nullable=False, comment="units linked by a fuzzy match"),
    sa.Column("qty_variance", sa.BigInteger(), nullable=False, comment="ordered - (packed + shipped)"),
    sa.Column("qty_variance_pct", sa.Numeric(18, 4, asdecimal=False), comment="of ordered; null: nothing ordered"),
    sa.Column("match_type", CODE, nullable=False),
    sa.Column("match_rule", CODE),
    sa.Column("match_score", PERCENT),
    sa.Column("recon_status", CODE, nullable=False),
    sa.Column("quality_flag", CODE),
    sa.Column("incomplete_key", sa.Boolean(), nullable=False),
    sa.Column("order_lines", sa.Integer(), nullable=False),
    sa.Column("cartons", sa.Integer(), nullable=False),
    sa.Column("first_packed_on", sa.Date()),
    sa.Column("last_shipped_on", sa.Date()),
    sa.Column("earliest_ex_factory_on", sa.Date()),
    sa.Column("first_seen_at", TIME, nullable=False),
    sa.Column("updated_at", TIME, nullable=False),
    sa.Column("changed_run_id", ID, nullable=False),
    sa.Index(None, "customer", "recon_status"),
    sa.Index(None, "order_key_id"),
    sa.Index(None, "fulfil_key_id"),
)

recon_override: Final = sa.Table(
    "recon_override",
    metadata,
    sa.Column("fulfil_key_id", ID, primary_key=True),
    *_five("fulfil_"),
    sa.Column("order_key_id", ID, comment="null: belongs to no order"),
    *_five("order_"),
    sa.Column("decision", CODE, nullable=False, comment="LINK, or REJECT without an order"),
    sa.Column("reason", DOCUMENT),
    sa.Column("decided_by", NAME, nullable=False),
    sa.Column("decided_at", TIME, nullable=False),
)

recon_ruled_out: Final = sa.Table(
    "recon_ruled_out",
    metadata,
    sa.Column("fulfil_key_id", ID, primary_key=True),
    *_five("fulfil_"),
    sa.Column("order_key_id", ID, primary_key=True, comment="an order that it does not belong to"),
    *_five("order_"),
    sa.Column("reason", DOCUMENT),
    sa.Column("decided_by", NAME, nullable=False),
    sa.Column("decided_at", TIME, nullable=False),
)

quarantine: Final = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine_id", ID, primary_key=True),
    sa.Column("stream", NAME, nullable=False),
    sa.Column("place", text(700), nullable=False),
    sa.Column("field", NAME),
    sa.Column("reason_code", CODE, nullable=False),
    sa.Column("reason", text(1000), nullable=False),
    sa.Column("value", DOCUMENT),
    sa.Column("record", DOCUMENT),
    sa.Column("cells", sa.BigInteger(), nullable=False),
    sa.Column("qty", sa.BigInteger(), nullable=False),
    sa.Column("load_id", ID, nullable=False),
    sa.Column("unit_id", NAME, nullable=False),
    sa.Column("source", FOUND, nullable=False),
    sa.Column("sheet", NAME),
    sa.Column("row_number", sa.BigInteger()),
    sa.Column("rules_version", ID, nullable=False),
    sa.Column("first_seen_at", TIME, nullable=False),
    sa.Column("resolved_at", TIME, index=True),
)

audit_run: Final = sa.Table(
    "audit_run",
    metadata,
    sa.Column("run_id", ID, primary_key=True),
    sa.Column("job", NAME, nullable=False),
    sa.Column("mode", CODE, nullable=False),
    sa.Column("started_at", TIME, nullable=False, index=True),
    sa.Column("finished_at", TIME),
    sa.Column("status", CODE, nullable=False, comment="running, succeeded or failed"),
    sa.Column("reason", DOCUMENT),
    sa.Column("owner", FOUND, nullable=False, comment="who holds the lease: host, process and its start"),
    sa.Column("input_hash", ID, comment="of all that was reconciled; null: not reconciled, or before this was kept"),
    sa.Column("published_run_id", ID, comment="the run that published what stands: itself, or an earlier one"),
)

audit_lease: Final = sa.Table(
    "audit_lease",
    metadata,
    sa.Column("name", CODE, primary_key=True),
    sa.Column("run_id", ID),
    sa.Column("owner", FOUND),
    sa.Column("heartbeat_at", TIME),
    sa.Column("expires_at", TIME),
)

audit_count: Final = sa.Table(
    "audit_count",
    metadata,
    sa.Column("run_id", ID, sa.ForeignKey(audit_run.c.run_id), primary_key=True),
    sa.Column("table", NAME, primary_key=True),
    sa.Column("measure", CODE, primary_key=True),
    sa.Column("reason", CODE, primary_key=True),
    sa.Column("rows", sa.BigInteger(), nullable=False),
    sa.Column("cells", sa.BigInteger(), nullable=False),
    sa.Column("qty", sa.BigInteger(), nullable=False),
)

recon_customer_run: Final = sa.Table(
    "recon_customer_run",
    metadata,
    sa.Column("run_id", ID, sa.ForeignKey(audit_run.c.run_id), primary_key=True),
    sa.Column("customer", NAME, primary_key=True),
    sa.Column("input_hash", ID, nullable=False),
    sa.Column("order_keys", sa.BigInteger(), nullable=False),
    sa.Column("ordered_qty", sa.BigInteger(), nullable=False),
    sa.Column("cancelled_qty", sa.BigInteger(), nullable=False),
    sa.Column("packed_qty", sa.BigInteger(), nullable=False),
    sa.Column("shipped_qty", sa.BigInteger(), nullable=False),
    sa.Column("exact_qty", sa.BigInteger(), nullable=False),
    sa.Column("fuzzy_qty", sa.BigInteger(), nullable=False),
    sa.Column("unmatched_qty", sa.BigInteger(), nullable=False),
)

notification: Final = sa.Table(
    "notification",
    metadata,
    sa.Column("notification_id", ID, primary_key=True, comment="sorts by time"),
    sa.Column("channel", NAME, nullable=False, comment="monday, email, or a webhook's service and short hash"),
    sa.Column("run_id", ID, sa.ForeignKey(audit_run.c.run_id), comment="null: the failure belongs to no run"),
    sa.Column("digest", ID, nullable=False, comment="of what was to be told; equal digests are the same news"),
    sa.Column("status", CODE, nullable=False, comment="sent, failed, repeated (told before), silent"),
    sa.Column("error", DOCUMENT, comment="why it was not sent, with no secret in it"),
    sa.Column("external_id", NAME, comment="the id of what was made elsewhere: a Monday.com item"),
    sa.Column("sent_at", TIME, nullable=False, index=True),
)

sa.Index(None, notification.c.channel, notification.c.notification_id)

PUBLISHED: Final = (
    stg_orders,
    stg_packed_current,
    stg_shipped_current,
    recon_load,
    recon_match,
    recon_order_fill,
    fact_order_recon,
    quarantine,
    recon_customer_run,
)
"""What ``recon reconcile`` writes, all in one transaction."""
