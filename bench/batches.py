"""Measures both carriers through tap, mapper and target: records, and Parquet files named by BATCH messages.

`python bench/batches.py` makes sample sources, loads them into a migrated SQLite warehouse each way, checks that both
warehouses hold the same, and prints one JSON document: wall and CPU seconds, peak memory of each process, the ratio to
a bare parse of the same workbooks, and rows of the views a second.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PARSE = """
import sys
from python_calamine import CalamineWorkbook
for path in sys.argv[1:]:
    for row in CalamineWorkbook.from_path(path).get_sheet_by_name("MASTER").iter_rows():
        pass
"""
COMMANDS = {
    "tap-sharepoint-orders": "from tap_sharepoint_orders.tap import TapSharePointOrders as Plugin",
    "tap-wms": "from tap_wms.tap import TapWMS as Plugin",
    "mapper-orders": "from mapper_orders.mapper import MapperOrders as Plugin",
    "target-mssql": "from target_mssql.target import TargetMSSQL as Plugin",
}
OF_THE_RUN = frozenset({"load_id", "listed_at", "started_at", "finished_at"})
"""Columns that differ from one reading to the next."""


def finish(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Wait for a process; give its CPU seconds, its workers' included, and its own peak memory."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{process.args!r} ended with exit code {process.returncode}")
    return {"cpu_s": round(usage.ru_utime + usage.ru_stime, 2), "peak_mib": round(usage.ru_maxrss / 1024)}


def pipe(plugins: dict[str, dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Run plugins as a job does, each reading the one before.

    Args:
        plugins: name to settings, in order.
        folder: where settings and logs are written.

    Returns:
        Wall seconds of all, CPU seconds and peak memory of each.
    """
    running: dict[str, subprocess.Popen[bytes]] = {}
    before: Any = subprocess.DEVNULL
    began = time.perf_counter()
    for name, settings in plugins.items():
        config = folder / f"{name}.json"
        config.write_text(json.dumps(settings))
        last = name == list(plugins)[-1]
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  our own commands
                [sys.executable, "-c", f"{COMMANDS[name]}; Plugin.cli()", "--config", str(config)],
                stdin=before,
                stdout=subprocess.DEVNULL if last else subprocess.PIPE,
                stderr=log,
            )
        if before is not subprocess.DEVNULL:
            before.close()
        before, running[name] = process.stdout, process
    figures = {name: finish(process) for name, process in running.items()}
    cpu = sum(one["cpu_s"] for one in figures.values())
    return {"wall_s": round(time.perf_counter() - began, 2), "cpu_s": round(cpu, 2), "processes": figures}


def load(sources: Path, folder: Path, carrier: str) -> dict[str, Any]:
    """Load the order lists, then the views, into a warehouse of its own."""
    folder.mkdir()
    warehouse = f"sqlite:///{folder / 'warehouse.db'}"
    environment = {**os.environ, "WAREHOUSE_URL": warehouse}
    migrate = [sys.executable, "-c", "from recon.cli import main; main()", "migrate"]
    subprocess.run(migrate, env=environment, check=True, capture_output=True)  # noqa: S603
    batches = {"batch_config": {"encoding": {"format": "parquet"}, "storage": {"root": str(folder / "batches")}}}
    files = batches if carrier == "files" else {}
    mapper = {"rules_path": str(ROOT / "config"), **files}
    target = {
        "sqlalchemy_url": warehouse, "validate_records": False, "allow_schema_changes": False,
        "load_methods": {"source_files": "upsert"}, "commit_last": ["loads"], "batch_size_rows": 20_000,
    }  # fmt: skip
    # All of it goes the way that is measured, however few rows there are.
    tap: dict[str, Any] = {**files, "batch_from_rows": 1}
    lists: dict[str, Any] = {"local_path": str(sources / "order_lists"), **tap}
    views: dict[str, Any] = {"connections": {"distribution": f"sqlite:///{sources / 'wms.db'}"}, **tap}
    rest: dict[str, dict[str, Any]] = {"mapper-orders": mapper, "target-mssql": target}
    found = {
        "order lists": pipe({"tap-sharepoint-orders": lists, **rest}, folder),
        "views": pipe({"tap-wms": views, **rest}, folder),
    }
    if left := [path.name for path in (folder / "batches").glob("*")]:
        raise SystemExit(f"files were left behind: {left[:3]}")
    return found


def difference(one: Path, other: Path) -> str | None:
    """Compare two warehouses row for row, but for what belongs to a run; name the first table that differs."""
    with sqlite3.connect(one) as connection:
        connection.execute("ATTACH ? AS other", (str(other),))
        tables = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        for table in tables:
            names = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            shown = ", ".join(f'"{name}"' for name in names if name not in OF_THE_RUN)
            if table.startswith(("stg_", "order_list", "load")) and shown:
                for left, right in (("main", "other"), ("other", "main")):
                    query = f'SELECT {shown} FROM {left}."{table}" EXCEPT SELECT {shown} FROM {right}."{table}"'  # noqa: S608
                    if connection.execute(f"SELECT COUNT(*) FROM ({query})").fetchone()[0]:  # noqa: S608
                        return str(table)
    return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="order rows in all workbooks (20000)")
    parser.add_argument("--sources", type=Path, help="sources made before, instead of new ones")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources: Path = options.sources or folder / "sources"
        if options.sources is None:
            make = [sys.executable, str(ROOT / "examples" / "make_sources.py"), str(sources), "--rows"]
            subprocess.run([*make, str(options.rows)], check=True, capture_output=True)  # noqa: S603
        workbooks = [path for path in sources.glob("order_lists/**/*ORDER LIST*.xls*") if not path.name.startswith("~")]
        workbooks = [path for path in workbooks if "copy" not in path.name]
        began = time.perf_counter()
        finish(subprocess.Popen([sys.executable, "-c", PARSE, *map(str, workbooks)]))  # noqa: S603
        parse = time.perf_counter() - began
        carriers = {carrier: load(sources, folder / carrier, carrier) for carrier in ("records", "files")}
        differs = difference(folder / "records" / "warehouse.db", folder / "files" / "warehouse.db")
        with sqlite3.connect(sources / "wms.db") as connection:
            views = ("v_packed_products", "v_shipped", "v_master_order_list")
            rows = sum(connection.execute(f"SELECT COUNT(*) FROM {view}").fetchone()[0] for view in views)  # noqa: S608
        connection.close()
        shutil.rmtree(folder / "records")
    for found in carriers.values():
        found["order lists"]["ratio to bare parse"] = round(found["order lists"]["wall_s"] / parse, 2)
        found["views"]["rows_per_second"] = round(rows / found["views"]["wall_s"])
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    result = {"machine": machine, "bare_parse_s": round(parse, 2), "carriers": carriers, "differs": differs}
    json.dump(result, sys.stdout, indent=2)
    sys.stdout.write("\n")
    if differs:
        raise SystemExit(f"table {differs} differs between the carriers")


if __name__ == "__main__":
    main()
