"""The columns of the warehouse's views, in their order, as people and other programs may rely on them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from order_rules.tables import TIME, fact_order_recon, order_list, quarantine

VIEWS: Final[dict[str, tuple[str, ...]]] = {
    "v_order_list": (*order_list.c.keys(), "read_at", "stale_reason"),
    "v_order_status": (*fact_order_recon.c.keys(), "days_open"),
    "v_customer_scorecard": (
        "customer",
        "order_keys",
        "order_lines",
        "ordered_qty",
        "cancelled_qty",
        "packed_qty",
        "shipped_qty",
        "fuzzy_qty",
        "unmatched_qty",
        "complete_keys",
        "open_keys",
        "under_keys",
        "over_keys",
        "unfulfilled_keys",
        "cancelled_keys",
        "no_order_keys",
        "good_keys",
        "acceptable_keys",
        "questionable_keys",
        "poor_keys",
        "incomplete_keys",
        "fill_pct",
        "review_pending",
    ),
    "v_review_queue": (
        "fulfil_key_id",
        "fulfil_customer",
        "fulfil_customer_po",
        "fulfil_style",
        "fulfil_color",
        "fulfil_size",
        "packed_qty",
        "shipped_qty",
        "order_key_id",
        "order_customer",
        "order_customer_po",
        "order_style",
        "order_color",
        "order_size",
        "match_type",
        "match_rule",
        "match_score",
        "runner_up_order_key_id",
        "runner_up_score",
        "evidence",
        "candidates",
    ),
    "v_quarantine_open": tuple(column.name for column in quarantine.c if column.name != "resolved_at"),
    "v_run_history": (
        "run_id",
        "job",
        "mode",
        "started_at",
        "finished_at",
        "seconds_taken",
        "status",
        "reason",
        "owner",
        "files",
        "received_rows",
        "read_qty",
        "staged_qty",
        "excluded_qty",
        "quarantined_qty",
        "quarantined_cells",
        "stale_units",
        "findings",
        "customers",
        "ordered_qty",
        "packed_qty",
        "shipped_qty",
        "unmatched_qty",
    ),
}

_TIMES: Final = ("started_at", "finished_at")
v_run_history: Final = sa.table(
    "v_run_history",
    *(sa.column(name, TIME if name in _TIMES else None) for name in VIEWS["v_run_history"]),
)
"""The runs; times typed, as SQLite keeps them as text."""
