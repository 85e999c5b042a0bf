"""The views: what people read, computed from a few rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from order_rules import tables
from recon.warehouse.engine import writing
from recon.warehouse.views import VIEWS

MOMENT = datetime(2026, 3, 4, 5, 6, 7)
RUN = "a" * 32
DEFAULTS = {str: "x", int: 0, float: 0.0, bool: False, date: MOMENT.date(), datetime: MOMENT}


def row(table, /, **values):
    """Fill in what a row must have and no test cares for."""
    needed = {c.name: DEFAULTS[c.type.python_type] for c in table.c if not c.nullable}
    return needed | values


def insert(engine, table, *rows):
    with writing(engine) as connection:
        for values in rows:
            connection.execute(table.insert().values(row(table, **values)))


def everything(name):
    return sa.select(sa.literal_column("*")).select_from(sa.table(name))


def view(engine, name):
    with engine.connect() as connection:
        return [dict(found) for found in connection.execute(everything(name)).mappings()]


def fact(recon_id, **values):
    return {"recon_id": recon_id, "customer": "ACME", "changed_run_id": RUN} | values


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_the_columns_it_is_known_for(warehouse, name):
    with warehouse.connect() as connection:
        assert tuple(connection.execute(everything(name)).keys()) == VIEWS[name]


def test_the_order_list_holds_the_rows_of_loads_that_count(warehouse):
    insert(
        warehouse,
        tables.order_list,
        {"load_id": "new", "row_number": 5, "customer": "ACME", "drop": "D1", "customer_price": 12.5},
        {"load_id": "copy", "row_number": 5},
        {"load_id": "old", "row_number": 5},
    )
    insert(
        warehouse,
        tables.recon_load,
        {"load_id": "new", "status": "counts", "stale_reason": "the file is damaged"},
        {"load_id": "copy", "status": "superseded_workbook"},
    )
    (found,) = view(warehouse, "v_order_list")
    assert (found["load_id"], found["customer"], found["drop"], found["stale_reason"]) == (
        "new",
        "ACME",
        "D1",
        "the file is damaged",
    )
    assert float(found["customer_price"]) == 12.5


def test_days_open_count_from_ex_factory_and_only_for_what_is_not_done(warehouse):
    before = datetime.now(UTC).date()
    due = before - timedelta(days=3)
    insert(
        warehouse,
        tables.fact_order_recon,
        *(
            fact(status.lower(), recon_status=status, earliest_ex_factory_on=due)
            for status in ("UNDER", "OVER", "UNFULFILLED", "COMPLETE", "CANCELLED")
        ),
        fact("later", recon_status="OPEN", earliest_ex_factory_on=before + timedelta(days=10)),
        fact("undated", recon_status="UNDER"),
    )
    found = {status["recon_id"]: status["days_open"] for status in view(warehouse, "v_order_status")}
    passed = (datetime.now(UTC).date() - before).days  # 1 where the test ran over midnight
    assert found.pop("undated") is None
    assert found.pop("complete") is None
    assert found.pop("cancelled") is None
    assert found.pop("later") in {-10, passed - 10}
    assert set(found) == {"under", "over", "unfulfilled"}
    assert set(found.values()) <= {3, 3 + passed}


def test_the_scorecard_sums_a_customer(warehouse):
    ordered = {"order_key_id": "o", "order_lines": 2}
    insert(
        warehouse,
        tables.fact_order_recon,
        fact("1", **ordered, recon_status="COMPLETE", quality_flag="GOOD", ordered_qty=100, shipped_qty=100),
        fact("2", **ordered, recon_status="UNDER", quality_flag="POOR", ordered_qty=100, packed_qty=20, fuzzy_qty=20),
        fact("3", **ordered, recon_status="OPEN", ordered_qty=40, incomplete_key=True),
        fact("4", **ordered, recon_status="CANCELLED", cancelled_qty=30),
        fact("5", fulfil_key_id="f", recon_status="NO_ORDER", shipped_qty=7),
        fact("6", recon_status="NO_ORDER", customer="BOLT", shipped_qty=1),
    )
    insert(
        warehouse,
        tables.recon_match,
        {"fulfil_key_id": "f", "fulfil_customer": "ACME", "review_status": "PENDING"},
        {"fulfil_key_id": "g", "fulfil_customer": "ACME", "review_status": "NONE"},
    )
    acme, bolt = sorted(view(warehouse, "v_customer_scorecard"), key=lambda card: card["customer"])
    assert float(acme.pop("fill_pct")) == 50.0
    assert acme == {
        "customer": "ACME",
        "order_keys": 4,
        "order_lines": 8,
        "ordered_qty": 240,
        "cancelled_qty": 30,
        "packed_qty": 20,
        "shipped_qty": 107,
        "fuzzy_qty": 20,
        "unmatched_qty": 7,
        "complete_keys": 1,
        "open_keys": 1,
        "under_keys": 1,
        "over_keys": 0,
        "unfulfilled_keys": 0,
        "cancelled_keys": 1,
        "no_order_keys": 1,
        "good_keys": 1,
        "acceptable_keys": 0,
        "questionable_keys": 0,
        "poor_keys": 1,
        "incomplete_keys": 1,
        "review_pending": 1,
    }
    assert (bolt["fill_pct"], bolt["unmatched_qty"], bolt["review_pending"]) == (None, 1, 0)


def test_the_review_queue_shows_the_units_at_stake(warehouse):
    insert(
        warehouse,
        tables.recon_match,
        {"fulfil_key_id": "f", "review_status": "PENDING"},
        {"fulfil_key_id": "g", "review_status": "PENDING"},
        {"fulfil_key_id": "h", "review_status": "ACCEPTED"},
    )
    insert(
        warehouse,
        tables.stg_packed_current,
        {"row_id": "1", "fulfil_key_id": "f", "qty": 2_000_000_000},
        {"row_id": "2", "fulfil_key_id": "f", "qty": 2_000_000_000},
        {"row_id": "3", "fulfil_key_id": "h", "qty": 7},
    )
    insert(warehouse, tables.stg_shipped_current, {"row_id": "4", "fulfil_key_id": "f", "qty": 5})
    found = {
        item["fulfil_key_id"]: (item["packed_qty"], item["shipped_qty"]) for item in view(warehouse, "v_review_queue")
    }
    assert found == {"f": (4_000_000_000, 5), "g": (0, 0)}


def test_the_open_quarantine_leaves_out_what_is_resolved(warehouse):
    insert(
        warehouse,
        tables.quarantine,
        {"quarantine_id": "open", "place": "a.xlsx!MASTER!AF12"},
        {"quarantine_id": "done", "resolved_at": MOMENT},
    )
    assert [(one["quarantine_id"], one["place"]) for one in view(warehouse, "v_quarantine_open")] == [
        ("open", "a.xlsx!MASTER!AF12")
    ]


def test_the_history_gives_each_run_its_figures_once(warehouse):
    insert(
        warehouse,
        tables.audit_run,
        {"run_id": RUN, "started_at": MOMENT, "finished_at": MOMENT + timedelta(seconds=75), "status": "succeeded"},
        {"run_id": "b" * 32, "started_at": MOMENT, "status": "running"},
    )
    insert(
        warehouse,
        tables.audit_count,
        *(
            {
                "run_id": RUN,
                "table": table,
                "measure": measure,
                "reason": reason,
                "rows": rows,
                "cells": cells,
                "qty": qty,
            }
            for table, measure, reason, rows, cells, qty in (
                ("order_list_rows", "files", "", 3, 0, 0),
                ("order_list_rows", "received", "", 50, 400, 1000),
                ("order_list_rows", "read", "", 48, 390, 990),
                ("stg_orders_sharepoint", "staged", "", 380, 380, 900),
                ("order_list_rows", "excluded", "zero", 5, 5, 0),
                ("order_list_rows", "excluded", "sample", 5, 5, 90),
                ("order_list_rows", "quarantined", "negative", 2, 10, 0),
                ("order_list_rows", "finding", "total_qty_mismatch", 1, 0, 0),
                ("order_list_rows", "stale", "", 1, 0, 0),
            )
        ),
    )
    insert(
        warehouse,
        tables.recon_customer_run,
        {"run_id": RUN, "customer": "ACME", "ordered_qty": 600, "shipped_qty": 5},
        {"run_id": RUN, "customer": "BOLT", "ordered_qty": 300, "packed_qty": 4, "unmatched_qty": 1},
    )
    done, running = sorted(view(warehouse, "v_run_history"), key=lambda run: run["run_id"])
    figures = {name: done[name] for name in VIEWS["v_run_history"][9:]}
    assert figures == {
        "files": 3,
        "received_rows": 50,
        "read_qty": 990,
        "staged_qty": 900,
        "excluded_qty": 90,
        "quarantined_qty": 0,
        "quarantined_cells": 10,
        "stale_units": 1,
        "findings": 1,
        "customers": 2,
        "ordered_qty": 900,
        "packed_qty": 4,
        "shipped_qty": 5,
        "unmatched_qty": 1,
    }
    assert (done["seconds_taken"], running["seconds_taken"], running["ordered_qty"]) == (75, None, 0)
