"""Measures tap-wms: cartons from SQLite to records and to the warehouse, and Oracle WMS Cloud's REST API on loopback.

`python bench/wms.py` prints one JSON document, within two minutes; `--cartons 1000000` is the size of a full year.
Every program runs in a process of its own, whose wall time and peak memory are given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "tap-wms" / "tests" / "lgf.py"
PAGE_SIZE = 1250
COLUMNS = (
    "Customer", "Customer_PO", "Season", "cartonid", "Pack_Date", "Shipping_Method", "shippingCountry", "Style",
    "Color", "Size", "SKUBarcode", "Stock_Age", "Qty",
)  # fmt: skip


def command(module: str, plugin: str, *arguments: str) -> list[str]:
    """Return what runs a plugin of this environment."""
    return [sys.executable, "-c", f"from {module} import {plugin}; {plugin}.cli()", *arguments]


def cartons(rows: int) -> Iterator[tuple[Any, ...]]:
    """Make packed cartons: about 46 customers, four rows a carton, one row in fifty without a date."""
    made = random.Random(7)
    sizes, colors = ("XS", "S", "M", "L", "XL", "XXL", "OS"), ("NAVY", "BLACK", "IVORY", "ROSE")
    for number in range(rows):
        style = number // 40
        day = None if number % 50 == 0 else f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}"
        yield (
            f"BRAND {number % 46}", f"45{number // 60:08d}", "SS26", f"C-{number // 4:08d}", day, "SEA", "GB",
            f"ST{style:06d}", colors[number % 4], sizes[number % 7], f"50{number % 97_000:011d}", made.randint(0, 180),
            made.randint(1, 48),
        )  # fmt: skip


def make_database(path: Path, rows: int) -> None:
    """Write the cartons as the view `v_packed_products`."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE packed ({', '.join(COLUMNS)})")
        database.executemany(f"INSERT INTO packed VALUES ({','.join('?' * len(COLUMNS))})", cartons(rows))  # noqa: S608
        database.execute("CREATE VIEW v_packed_products AS SELECT * FROM packed")


def run(commands: Sequence[Sequence[str]], out: IO[bytes], folder: Path) -> list[dict[str, float]]:
    """Run programs joined by pipes.

    Args:
        commands: The programs.
        out: Where the last one's output goes.
        folder: Where their logs go.

    Returns:
        Of each program: wall and CPU seconds, and peak memory in MiB.

    Raises:
        RuntimeError: One failed.
    """
    processes: list[subprocess.Popen[bytes]] = []
    began = time.perf_counter()
    for number, arguments in enumerate(commands):
        last = number == len(commands) - 1
        with (folder / f"{number}.log").open("wb") as log:
            processes.append(
                subprocess.Popen(  # noqa: S603  our own plugins
                    arguments,
                    stdin=processes[-1].stdout if processes else subprocess.DEVNULL,
                    stdout=out if last else subprocess.PIPE,
                    stderr=log,
                )
            )
        if number and (pipe := processes[number - 1].stdout):
            pipe.close()  # the program's alone, so that it notices when the next one ends
    found = []
    for number, process in enumerate(processes):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log_text = (folder / f"{number}.log").read_text()[-2000:]
            raise RuntimeError(f"program {number + 1} of {len(commands)} ended with {process.returncode}:\n{log_text}")
        seconds = time.perf_counter() - began
        found.append(
            {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}
        )
    return found


def settings(folder: Path, name: str, values: dict[str, Any]) -> list[str]:
    """Write a plugin's settings; return the arguments that name them."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(values))
    return ["--config", str(path)]


def records(path: Path) -> int:
    """Count the records of a file of messages."""
    with path.open("rb") as file:
        return sum(line.startswith(b'{"type":"RECORD"') for line in file)


def last_state(path: Path) -> Any:  # noqa: ANN401  (JSON)
    """Return the last state in a file of messages."""
    with path.open("rb") as file:
        *_, last = (line for line in file if line.startswith(b'{"type":"STATE"'))
    return json.loads(last)["value"]


def figures(rows: int, found: dict[str, float]) -> dict[str, float]:
    """Round, and add rows a second."""
    return {"rows": rows, "rows_per_second": round(rows / found["seconds"])} | {
        k: round(v, 1) for k, v in found.items()
    }


def measure_views(rows: int, *, warehouse: bool) -> dict[str, Any]:
    """Measure cartons from SQLite to records, once more with nothing changed, and into a new SQLite warehouse.

    Raises:
        RuntimeError: Rows are missing, or were sent though they stand.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_database(folder / "wms.db", rows)
        view = {"stream": "packed_products", "table": "v_packed_products"}
        config = settings(folder, "tap", {"connections": {"wms": f"sqlite:///{folder}/wms.db"}, "views": [view]})
        tap = command("tap_wms.tap", "TapWMS", *config)
        with (folder / "out.singer").open("wb") as out:
            (found,) = run([tap], out, folder)
        there = records(folder / "out.singer")
        if there != rows + 1:  # the load's own record
            raise RuntimeError(f"{rows} cartons, {there} records")
        state = folder / "state.json"
        state.write_text(json.dumps(last_state(folder / "out.singer")))
        report: dict[str, Any] = {"to_records": figures(rows, found)}
        with (folder / "out.singer").open("wb") as out:
            (found,) = run([[*tap, "--state", str(state)]], out, folder)
        if records(folder / "out.singer"):
            raise RuntimeError("nothing has changed, and rows were sent")
        report["unchanged"] = figures(rows, found)
        (folder / "out.singer").unlink()
        if warehouse:
            report["to_warehouse"] = measure_warehouse(rows, tap, folder)
    return report


def measure_warehouse(rows: int, tap: list[str], folder: Path) -> dict[str, Any]:
    """Measure tap, mapper and target, joined by pipes.

    Raises:
        RuntimeError: Rows are missing in the warehouse.
    """
    mapper = settings(folder, "mapper", {"rules_path": str(ROOT / "config")})
    url = f"sqlite:///{folder}/warehouse.db"
    target = settings(folder, "target", {"sqlalchemy_url": url, "validate_records": False, "batch_size_rows": 20_000})
    programs = [
        tap,
        command("mapper_orders.mapper", "MapperOrders", *mapper),
        command("target_mssql.target", "TargetMSSQL", *target),
    ]
    with (folder / "state.jsonl").open("wb") as out:
        found = run(programs, out, folder)
    with closing(sqlite3.connect(folder / "warehouse.db")) as database:
        counts = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("stg_packed", "stg_quarantine_wms")
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        }
        excluded = database.execute(
            "SELECT coalesce(sum(\"rows\"), 0) FROM load_counts WHERE measure = 'excluded'"
        ).fetchone()[0]
    if counts.get("stg_packed", 0) + excluded < rows - counts.get("stg_quarantine_wms", 0):
        raise RuntimeError(f"{rows} cartons sent; in the warehouse: {counts}, excluded: {excluded}")
    peaks = {
        f"{name}_peak_mib": round(part["peak_mib"], 1)
        for name, part in zip(("tap", "mapper", "target"), found, strict=True)
    }
    whole = {"seconds": found[-1]["seconds"], "cpu_seconds": sum(part["cpu_seconds"] for part in found)}
    return figures(rows, whole) | peaks | counts


def measure_rest(rows: int, latency: float) -> dict[str, Any]:
    """Measure one entity from the loopback server to a file of records, in both page modes."""
    report: dict[str, Any] = {"latency_ms": round(latency * 1000), "page_size": PAGE_SIZE}
    serve = [sys.executable, str(SERVER), "--records", str(rows), "--latency", str(latency)]
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,  # noqa: S603
    ):
        folder = Path(name)
        url = server.stdout.readline().strip() if server.stdout else ""
        for mode in ("sequenced", "paged"):
            login = {"username": "bench", "password": "bench", "entities": ["order_hdr"]}
            config = settings(folder, "tap", {"api_url": url, "page_mode": mode, "page_size": PAGE_SIZE, **login})
            with (folder / "out.singer").open("wb") as out:
                (found,) = run([command("tap_wms.tap", "TapWMS", *config)], out, folder)
            there = records(folder / "out.singer")
            if there != rows:
                raise RuntimeError(f"{rows} rows served, {there} records")
            report[mode] = figures(rows, found)
        if server.stdin:
            server.stdin.close()
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cartons", type=int, default=100_000, help="rows of v_packed_products")
    parser.add_argument("--rest", type=int, default=100_000, help="rows of order_hdr")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before each answer of the API")
    parser.add_argument("--no-warehouse", action="store_true", help="leave mapper and target out")
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": {"python": platform.python_version(), "cores": os.cpu_count()}}
    if options.cartons:
        report["views"] = measure_views(options.cartons, warehouse=not options.no_warehouse)
    if options.rest:
        report["rest"] = measure_rest(options.rest, options.latency)
    json.dump(report, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
