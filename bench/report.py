"""Measures ``order-reports excel``, ``page`` and ``publish``: seconds, memory and file size. Prints one JSON document.

The warehouse is made up and seeded: 46 customers, a fifth of the keys due, over, open or without an order. The command
runs in a process of its own. The figures of a machine stand in reports/PERFORMANCE.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from order_reports.sheets.customers import COLUMNS
from order_rules import ids, tables

COMMAND = [sys.executable, "-c", "from order_reports.cli import main; main()"]
BAR = {"seconds": 8.0, "peak_mb": 300.0}
RUN_AT = datetime(2026, 3, 16, 4, 0)
RUN_ID = "a" * 32
CUSTOMERS = 46
SIZES = ("XS", "S", "M", "L", "XL", "XXL")
COLORS = ("NAVY", "BLACK", "05 - IVORY", "HEATHER GREY", "OLIVE")
STATUSES = ("COMPLETE", "OPEN", "UNDER", "UNFULFILLED", "OVER", "NO_ORDER", "CANCELLED")
SHARES = (77, 10, 4, 3, 2, 1, 3)
BATCH = 5_000
TABLES = (
    tables.fact_order_recon,
    tables.recon_match,
    tables.recon_order_fill,
    tables.stg_orders,
    tables.stg_shipped_current,
)

Rows = list[dict[str, Any]]


def main() -> None:
    """Make the warehouse, write the workbook as often as asked and print the best time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="keys in fact_order_recon")
    parser.add_argument("--times", type=int, default=3, help="how often to write the workbook; the fastest counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-report-") as folder:
        home = Path(folder)
        make_warehouse(home, options.rows)
        runs = [measure(home, "excel") for _ in range(options.times)]
        page, publish = (
            min((measure(home, command) for _ in range(options.times)), key=lambda run: run["seconds"])
            for command in ("page", "publish")
        )
        size, page_size = (
            (home / "output" / "reports" / f"order-audit.{suffix}").stat().st_size for suffix in ("xlsx", "html")
        )
    best = min(runs, key=lambda run: run["seconds"])
    peak = max(run["peak_mb"] for run in runs)
    print(
        json.dumps(
            {
                "bench": "report",
                "rows": options.rows,
                "columns": len(COLUMNS),
                "seconds": best["seconds"],
                "cpu_seconds": best["cpu_seconds"],
                "all_seconds": [run["seconds"] for run in runs],
                "peak_mb": peak,
                "file_mb": round(size / 2**20, 1),
                "page": {**page, "file_mb": round(page_size / 2**20, 2)},
                "publish": publish,
                "bar": BAR,
                "within_bar": best["seconds"] < BAR["seconds"] and peak < BAR["peak_mb"],
                "python": platform.python_version(),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            },
            indent=2,
        )
    )


def measure(home: Path, command: str) -> dict[str, float]:
    """Write the workbook or the page once.

    Returns:
        Wall-clock and processor seconds from start to exit, and the process's peak resident memory in MB. On a busy
        machine only the processor's say something.
    """
    variables = {**os.environ, "MELTANO_PROJECT_ROOT": str(home), "WAREHOUSE_URL": "sqlite:///warehouse.db"}
    for name in ("REPORTS_WAREHOUSE_URL", "REPORTS_OUTPUT_DIR", "REPORTS_RULES_PATH"):
        variables.pop(name, None)
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, command], env=variables, stdout=subprocess.DEVNULL)  # noqa: S603  (our own command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"order-reports {command} ended with {process.returncode}")
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1024, 1),
    }


def make_warehouse(home: Path, count: int) -> None:
    """Make a warehouse with a number of keys, the cartons and matches behind them, and the rules beside it."""
    (home / "config").mkdir()
    known = "".join(f"  - canonical: {customer_name(number)}\n" for number in range(CUSTOMERS - 2))
    (home / "config" / "customers.yml").write_text(f"customers:\n{known}", encoding="utf-8")
    engine = sa.create_engine(f"sqlite:///{home / 'warehouse.db'}")
    tables.metadata.create_all(engine)
    made = keys(count)
    with engine.begin() as connection:
        run = {"run_id": RUN_ID, "job": "full-sync", "mode": "full", "started_at": RUN_AT, "finished_at": RUN_AT}
        connection.execute(sa.insert(tables.audit_run), [{**run, "status": "succeeded", "owner": "bench"}])
        while batch := list(islice(made, BATCH)):
            for table in TABLES:
                rows = [row for key in batch for row in key[table.name]]
                connection.execute(sa.insert(table), [{c.name: row.get(c.name) for c in table.c} for row in rows])
        counts = [
            (stream, connection.scalar(sa.select(sa.func.sum(column))) or 0)
            for stream, column in (
                ("order_list_rows", tables.stg_orders.c.ordered_qty),
                ("shipped", tables.stg_shipped_current.c.qty),
            )
        ]
        zero = {"run_id": RUN_ID, "measure": "read", "reason": "", "rows": 1, "cells": 1}
        connection.execute(sa.insert(tables.audit_count), [{**zero, "table": name, "qty": qty} for name, qty in counts])
    engine.dispose()


def customer_name(number: int) -> str:
    """Name a customer."""
    return f"CUSTOMER {number:03} APPAREL"


def keys(count: int) -> Iterator[dict[str, Rows]]:
    """Make keys, each with the rows that belong to it, by table."""
    chance = random.Random(1)
    for number in range(count):
        # A few large customers and many small ones, as in life.
        customer = customer_name(min(int(chance.expovariate(0.08)), CUSTOMERS - 1))
        order = number // len(SIZES)
        five = {
            "customer": customer,
            "customer_po": f"45{order // 4:08}",
            "style": f"ST-{order % 4000:05}",
            "color": COLORS[order % len(COLORS)],
            "size": SIZES[number % len(SIZES)],
        }
        yield key_rows(chance, number, five, chance.choices(STATUSES, SHARES)[0])


def key_rows(chance: random.Random, number: int, five: dict[str, str], status: str) -> dict[str, Rows]:
    """Make the fact, the order line, the carton and the match of one key."""
    ordered = 0 if status == "NO_ORDER" else chance.randint(1, 60) * 12
    shipped = {"UNDER": ordered // 2, "OVER": ordered + 12, "NO_ORDER": 24, "COMPLETE": ordered}.get(status, 0)
    live = 0 if status == "CANCELLED" else ordered
    due = RUN_AT.date() + timedelta(days=chance.randint(1, 90) * (1 if status == "OPEN" else -1))
    order_key_id = None if status == "NO_ORDER" else ids.order_key_id(**five)
    fulfil_key_id = ids.fulfil_key_id(**five)
    fuzzy = shipped > 0 and ordered > 0 and chance.random() < 0.1
    match_type = "NO_MATCH" if not (shipped and ordered) else "FUZZY" if fuzzy else "EXACT"
    rule = {"EXACT": "exact", "FUZZY": "fuzzy"}.get(match_type)
    score = round(chance.uniform(80, 99), 4) if fuzzy else 100.0
    reading = {"load_id": "1" * 32, "unit_id": "u", "source": "s", "rules_version": "0" * 32}
    fact = {
        **five,
        "recon_id": order_key_id or fulfil_key_id,
        "order_key_id": order_key_id,
        "fulfil_key_id": None if order_key_id else fulfil_key_id,
        "order_numbers": f"AAG{number // 9:06}",
        "pattern_id": f"P{number // 80:05}",
        "ordered_qty": live,
        "cancelled_qty": ordered - live,
        "packed_qty": 0,
        "shipped_qty": shipped,
        "fuzzy_qty": shipped if fuzzy else 0,
        "qty_variance": live - shipped,
        "match_type": match_type,
        "match_rule": rule,
        "match_score": score,
        "recon_status": status,
        "quality_flag": "GOOD" if status == "COMPLETE" else "POOR" if shipped else None,
        "incomplete_key": False,
        "order_lines": 1,
        "cartons": shipped // 24,
        "first_packed_on": due if shipped else None,
        "last_shipped_on": due if shipped else None,
        "earliest_ex_factory_on": due if order_key_id else None,
        "first_seen_at": RUN_AT,
        "updated_at": RUN_AT,
        "changed_run_id": RUN_ID,
    }
    line = {**five, **reading, "order_line_id": order_key_id, "ordered_qty": ordered, "cancelled": live != ordered}
    match = {
        **{f"fulfil_{name}": value for name, value in five.items()},
        **{f"order_{name}": value if order_key_id else None for name, value in five.items()},
        "fulfil_key_id": fulfil_key_id,
        "order_key_id": order_key_id,
        "match_type": match_type,
        "match_rule": rule,
        "match_score": score,
        "review_status": "NONE",
        "decided_by": "engine",
    }
    fill = {"order_line_id": order_key_id, "fulfil_key_id": fulfil_key_id, "packed_qty": 0, "shipped_qty": shipped}
    carton = {**five, **reading, "row_id": fulfil_key_id, "connection": "wah", "qty": shipped}
    return {
        "fact_order_recon": [fact],
        "stg_orders": [{**line, "origin": "order_list", "order_key_id": order_key_id}] if ordered else [],
        "recon_match": [match] if shipped else [],
        "recon_order_fill": [fill] if shipped and ordered else [],
        "stg_shipped_current": [{**carton, "fulfil_key_id": fulfil_key_id}] if shipped else [],
    }


if __name__ == "__main__":
    main()
