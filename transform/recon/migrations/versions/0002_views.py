"""Every view, as of the first release.

One text serves both databases: ``[name]`` quotes a word that is reserved in either, and the few spots where they
differ are named in ``DIFFERENCES``. No ``CREATE OR ALTER``: Babelfish lacks it.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

DIFFERENCES: Final = {
    "mssql": {
        "drop_view": "IF OBJECT_ID(N'{name}', N'V') IS NOT NULL DROP VIEW {name}",
        "days_since_ex_factory": "DATEDIFF(day, f.earliest_ex_factory_on, CAST(SYSUTCDATETIME() AS date))",
        "seconds_taken": "DATEDIFF(second, r.started_at, r.finished_at)",
    },
    "sqlite": {
        "drop_view": "DROP VIEW IF EXISTS {name}",
        "days_since_ex_factory": "CAST(julianday(date('now')) - julianday(f.earliest_ex_factory_on) AS INTEGER)",
        "seconds_taken": "CAST(round((julianday(r.finished_at) - julianday(r.started_at)) * 86400) AS INTEGER)",
    },
}

ORDER_LIST: Final = """
SELECT
    o.load_id,
    o.unit_id,
    o.source,
    o.sheet,
    o.row_number,
    o.rules_version,
    o.order_number,
    o.customer_source,
    o.customer,
    o.customer_po,
    o.customer_alt_po,
    o.style,
    o.style_description,
    o.pattern_id,
    o.alias_item,
    o.color,
    o.color_code,
    o.uom,
    o.total_qty,
    o.size_qty,
    o.ordered_on,
    o.ex_factory_on,
    o.eta_on,
    o.delivery_method,
    o.order_type,
    o.season,
    o.customer_season,
    o.[drop],
    o.category,
    o.destination,
    o.destination_warehouse,
    o.channel,
    o.customer_price,
    o.final_fob_usd,
    o.notes,
    o.sizes,
    o.extra,
    o.findings,
    l.started_at AS read_at,
    l.stale_reason
FROM order_list AS o
INNER JOIN recon_load AS l ON o.load_id = l.load_id
WHERE l.status = 'counts'
"""

ORDER_STATUS: Final = """
SELECT
    f.recon_id,
    f.order_key_id,
    f.fulfil_key_id,
    f.customer,
    f.customer_po,
    f.style,
    f.color,
    f.size,
    f.order_numbers,
    f.customer_alt_po,
    f.pattern_id,
    f.ordered_qty,
    f.cancelled_qty,
    f.packed_qty,
    f.shipped_qty,
    f.fuzzy_qty,
    f.qty_variance,
    f.qty_variance_pct,
    f.match_type,
    f.match_rule,
    f.match_score,
    f.recon_status,
    f.quality_flag,
    f.incomplete_key,
    f.order_lines,
    f.cartons,
    f.first_packed_on,
    f.last_shipped_on,
    f.earliest_ex_factory_on,
    f.first_seen_at,
    f.updated_at,
    f.changed_run_id,
    CASE WHEN f.recon_status NOT IN ('COMPLETE', 'CANCELLED') THEN {days_since_ex_factory} END AS days_open
FROM fact_order_recon AS f
"""

CUSTOMER_SCORECARD: Final = """
SELECT
    f.customer,
    f.order_keys,
    f.order_lines,
    f.ordered_qty,
    f.cancelled_qty,
    f.packed_qty,
    f.shipped_qty,
    f.fuzzy_qty,
    f.unmatched_qty,
    f.complete_keys,
    f.open_keys,
    f.under_keys,
    f.over_keys,
    f.unfulfilled_keys,
    f.cancelled_keys,
    f.no_order_keys,
    f.good_keys,
    f.acceptable_keys,
    f.questionable_keys,
    f.poor_keys,
    f.incomplete_keys,
    CASE
        WHEN f.ordered_qty > 0
            THEN ROUND(100.0 * (f.packed_qty + f.shipped_qty - f.unmatched_qty) / f.ordered_qty, 2)
    END AS fill_pct,
    COALESCE(m.pending, 0) AS review_pending
FROM (
    SELECT
        customer,
        SUM(CASE WHEN order_key_id IS NOT NULL THEN 1 ELSE 0 END) AS order_keys,
        SUM(order_lines) AS order_lines,
        SUM(ordered_qty) AS ordered_qty,
        SUM(cancelled_qty) AS cancelled_qty,
        SUM(packed_qty) AS packed_qty,
        SUM(shipped_qty) AS shipped_qty,
        SUM(fuzzy_qty) AS fuzzy_qty,
        SUM(CASE WHEN order_key_id IS NULL THEN packed_qty + shipped_qty ELSE 0 END) AS unmatched_qty,
        SUM(CASE WHEN recon_status = 'COMPLETE' THEN 1 ELSE 0 END) AS complete_keys,
        SUM(CASE WHEN recon_status = 'OPEN' THEN 1 ELSE 0 END) AS open_keys,
        SUM(CASE WHEN recon_status = 'UNDER' THEN 1 ELSE 0 END) AS under_keys,
        SUM(CASE WHEN recon_status = 'OVER' THEN 1 ELSE 0 END) AS over_keys,
        SUM(CASE WHEN recon_status = 'UNFULFILLED' THEN 1 ELSE 0 END) AS unfulfilled_keys,
        SUM(CASE WHEN recon_status = 'CANCELLED' THEN 1 ELSE 0 END) AS cancelled_keys,
        SUM(CASE WHEN recon_status = 'NO_ORDER' THEN 1 ELSE 0 END) AS no_order_keys,
        SUM(CASE WHEN quality_flag = 'GOOD' THEN 1 ELSE 0 END) AS good_keys,
        SUM(CASE WHEN quality_flag = 'ACCEPTABLE' THEN 1 ELSE 0 END) AS acceptable_keys,
        SUM(CASE WHEN quality_flag = 'QUESTIONABLE' THEN 1 ELSE 0 END) AS questionable_keys,
        SUM(CASE WHEN quality_flag = 'POOR' THEN 1 ELSE 0 END) AS poor_keys,
        SUM(CASE WHEN incomplete_key = 1 THEN 1 ELSE 0 END) AS incomplete_keys
    FROM fact_order_recon
    GROUP BY customer
) AS f
LEFT JOIN (
    SELECT
        fulfil_customer,
        COUNT(*) AS pending
    FROM recon_match
    WHERE review_status = 'PENDING'
    GROUP BY fulfil_customer
) AS m ON f.customer = m.fulfil_customer
"""

REVIEW_QUEUE: Final = """
SELECT
    m.fulfil_key_id,
    m.fulfil_customer,
    m.fulfil_customer_po,
    m.fulfil_style,
    m.fulfil_color,
    m.fulfil_size,
    COALESCE(p.qty, 0) AS packed_qty,
    COALESCE(s.qty, 0) AS shipped_qty,
    m.order_key_id,
    m.order_customer,
    m.order_customer_po,
    m.order_style,
    m.order_color,
    m.order_size,
    m.match_type,
    m.match_rule,
    m.match_score,
    m.runner_up_order_key_id,
    m.runner_up_score,
    m.evidence,
    m.candidates
FROM recon_match AS m
LEFT JOIN (
    SELECT
        fulfil_key_id,
        SUM(CAST(qty AS BIGINT)) AS qty
    FROM stg_packed_current
    GROUP BY fulfil_key_id
) AS p ON m.fulfil_key_id = p.fulfil_key_id
LEFT JOIN (
    SELECT
        fulfil_key_id,
        SUM(CAST(qty AS BIGINT)) AS qty
    FROM stg_shipped_current
    GROUP BY fulfil_key_id
) AS s ON m.fulfil_key_id = s.fulfil_key_id
WHERE m.review_status = 'PENDING'
"""

QUARANTINE_OPEN: Final = """
SELECT
    q.quarantine_id,
    q.stream,
    q.place,
    q.field,
    q.reason_code,
    q.reason,
    q.value,
    q.record,
    q.cells,
    q.qty,
    q.load_id,
    q.unit_id,
    q.source,
    q.sheet,
    q.row_number,
    q.rules_version,
    q.first_seen_at
FROM quarantine AS q
WHERE q.resolved_at IS NULL
"""

RUN_HISTORY: Final = """
SELECT
    r.run_id,
    r.job,
    r.mode,
    r.started_at,
    r.finished_at,
    {seconds_taken} AS seconds_taken,
    r.status,
    r.reason,
    r.owner,
    COALESCE(c.files, 0) AS files,
    COALESCE(c.received_rows, 0) AS received_rows,
    COALESCE(c.read_qty, 0) AS read_qty,
    COALESCE(c.staged_qty, 0) AS staged_qty,
    COALESCE(c.excluded_qty, 0) AS excluded_qty,
    COALESCE(c.quarantined_qty, 0) AS quarantined_qty,
    COALESCE(c.quarantined_cells, 0) AS quarantined_cells,
    COALESCE(c.stale_units, 0) AS stale_units,
    COALESCE(c.findings, 0) AS findings,
    COALESCE(t.customers, 0) AS customers,
    COALESCE(t.ordered_qty, 0) AS ordered_qty,
    COALESCE(t.packed_qty, 0) AS packed_qty,
    COALESCE(t.shipped_qty, 0) AS shipped_qty,
    COALESCE(t.unmatched_qty, 0) AS unmatched_qty
FROM audit_run AS r
LEFT JOIN (
    SELECT
        run_id,
        SUM(CASE WHEN measure = 'files' THEN [rows] ELSE 0 END) AS files,
        SUM(CASE WHEN measure = 'received' THEN [rows] ELSE 0 END) AS received_rows,
        SUM(CASE WHEN measure = 'read' THEN qty ELSE 0 END) AS read_qty,
        SUM(CASE WHEN measure = 'staged' THEN qty ELSE 0 END) AS staged_qty,
        SUM(CASE WHEN measure = 'excluded' THEN qty ELSE 0 END) AS excluded_qty,
        SUM(CASE WHEN measure = 'quarantined' THEN qty ELSE 0 END) AS quarantined_qty,
        SUM(CASE WHEN measure = 'quarantined' THEN cells ELSE 0 END) AS quarantined_cells,
        SUM(CASE WHEN measure = 'stale' THEN [rows] ELSE 0 END) AS stale_units,
        SUM(CASE WHEN measure = 'finding' THEN [rows] ELSE 0 END) AS findings
    FROM audit_count
    GROUP BY run_id
) AS c ON r.run_id = c.run_id
LEFT JOIN (
    SELECT
        run_id,
        COUNT(*) AS customers,
        SUM(ordered_qty) AS ordered_qty,
        SUM(packed_qty) AS packed_qty,
        SUM(shipped_qty) AS shipped_qty,
        SUM(unmatched_qty) AS unmatched_qty
    FROM recon_customer_run
    GROUP BY run_id
) AS t ON r.run_id = t.run_id
"""

VIEWS: Final = {
    "v_order_list": ORDER_LIST,
    "v_order_status": ORDER_STATUS,
    "v_customer_scorecard": CUSTOMER_SCORECARD,
    "v_review_queue": REVIEW_QUEUE,
    "v_quarantine_open": QUARANTINE_OPEN,
    "v_run_history": RUN_HISTORY,
}


def upgrade() -> None:
    downgrade()
    dialect = DIFFERENCES[op.get_context().dialect.name]
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS{query.format(**dialect).rstrip()}")


def downgrade() -> None:
    dialect = DIFFERENCES[op.get_context().dialect.name]
    for name in VIEWS:
        op.execute(dialect["drop_view"].format(name=name))
