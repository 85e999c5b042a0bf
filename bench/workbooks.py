"""Measures tap-sharepoint-orders against calamine's bare parse of the same workbooks.

`python bench/workbooks.py` makes 46 workbooks of 100 to 145 columns, 100,000 rows in all, in a temporary folder, and
prints one JSON document. The bare parse reads every cell of every file, one after another in one process; the tap reads
`--workers` of them side by side.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import xlsxwriter
from measure import PARSE_PROGRAM

TARGET_RATIO = 2.5
TARGET_MIB = 600

BEFORE = ["AAG ORDER NUMBER", "CUSTOMER NAME", "PO NUMBER", "CUSTOMER ALT PO", "CUSTOMER STYLE", "STYLE DESCRIPTION"]
AFTER = ["TOTAL QTY", "ORDER DATE PO RECEIVED", "EX FACTORY DATE", "CUSTOMER PRICE", "FINAL FOB (USD)", "NOTES"]
COLOURS = ("NAVY", "05 - NAVY", "CRÈME", "BLACK", "WHITE", "HEATHER GREY")

TAP = [sys.executable, "-m", "tap_sharepoint_orders"]


def write_workbook(path: Path, rows: int, columns: int, chance: random.Random) -> None:
    """Write an order list as customers keep theirs: text, dates, a size run that is mostly empty.

    Args:
        path: the file.
        rows: order lines.
        columns: columns in all, a fifth of them sizes.
        chance: what decides the values.
    """
    sizes = [f"{number}Y" for number in range(1, columns // 5 + 1)]
    others = [f"FIELD {number}" for number in range(columns - len(BEFORE) - len(AFTER) - len(sizes) - 1)]
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("MASTER")
    sheet.write_row(0, 0, [*BEFORE, *others, "UNIT OF MEASURE", *sizes, *AFTER])
    for row in range(1, rows + 1):
        quantities = [chance.randrange(1, 400) if chance.random() < 0.4 else None for _ in sizes]
        key = [f"AAG{row:05}", path.stem, f"45000{row:05}", None, f"ST-{row % 97}", "LONG SLEEVE TEE WITH POCKET"]
        filled = [chance.choice(COLOURS) if chance.random() < 0.6 else None for _ in others]
        total = sum(quantity or 0 for quantity in quantities)
        sheet.write_row(row, 0, [*key, *filled, "EA", *quantities, total, 46085, 46150, 12.5, 4.75, None])
    book.close()


def make(folder: Path, files: int, rows: int) -> int:
    """Make the workbooks; as in life, some are far larger than others.

    Args:
        folder: where to.
        files: how many.
        rows: order lines in all.

    Returns:
        Their size in bytes.
    """
    chance = random.Random(1)
    shares = [chance.paretovariate(1.2) for _ in range(files)]
    counts = [max(1, int(rows * share / sum(shares))) for share in shares]
    counts[0] += rows - sum(counts)
    for number, count in enumerate(counts):
        write_workbook(folder / f"CUSTOMER {number:02}.xlsx", count, chance.randrange(100, 146), chance)
    return sum(path.stat().st_size for path in folder.iterdir())


def run(command: list[str], output: Path) -> dict[str, float]:
    """Run a command to its end.

    Args:
        command: program and arguments.
        output: where its stdout goes.

    Returns:
        Wall and CPU seconds of it and of its workers, and peak memory in MiB of all its processes together.

    Raises:
        RuntimeError: it failed.
    """
    log = output.with_suffix(".log")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with output.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)  # noqa: S603 - our own command, no shell
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.02)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak}


def memory(pid: int) -> float:
    """Memory of a process and its children in MiB; shared pages count in each.

    Args:
        pid: the process.
    """
    pids = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # of each of its threads
        with contextlib.suppress(OSError):
            pids += map(int, children.read_text().split())
    total = 0
    for each in pids:
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        total += int(status.partition("VmRSS:")[2].split()[0]) if "VmRSS:" in status else 0
    return total / 1024


def best(command: list[str], output: Path, repeats: int) -> dict[str, float]:
    """Run a command several times. Returns the fastest run's figures, and the highest peak of memory.

    Args:
        command: program and arguments.
        output: where its stdout goes.
        repeats: how often.
    """
    runs = [run(command, output) for _ in range(repeats)]
    fastest = min(runs, key=lambda figures: figures["seconds"])
    return {**fastest, "peak_mib": max(figures["peak_mib"] for figures in runs)}


def measure(files: int, rows: int, workers: int, repeats: int) -> dict[str, Any]:
    """Measure the bare parse, a run that reads everything, and one in which nothing changed.

    Args:
        files: workbooks.
        rows: order lines in all.
        workers: workbooks read side by side.
        repeats: runs of each; the fastest counts.

    Raises:
        RuntimeError: a row was lost.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, library = Path(name), Path(name, "library")
        library.mkdir()
        size = make(library, files, rows)
        config, state, output = folder / "config.json", folder / "state.json", folder / "out.singer"
        config.write_text(json.dumps({"local_path": str(library), "workers": workers}))
        books = [str(path) for path in sorted(library.iterdir())]
        parse = best([sys.executable, "-c", PARSE_PROGRAM, *books], folder / "parse", repeats)
        full = best([*TAP, "--config", str(config)], output, repeats)
        records = 0
        with output.open("rb") as messages:
            for line in messages:
                records += b'"stream":"order_list_rows","record":' in line
                if b'"type":"STATE"' in line:
                    last_state = line
        if records != rows:
            raise RuntimeError(f"{rows} rows written, {records} read")
        state.write_text(json.dumps(json.loads(last_state)["value"]))
        unchanged = best([*TAP, "--config", str(config), "--state", str(state)], output, repeats)
        output_bytes = output.stat().st_size
    figures = {"bare parse": parse, "everything": full, "nothing changed": unchanged}
    ratio = full["seconds"] / parse["seconds"]
    return {
        "files": files,
        "rows": rows,
        "workers": workers,
        "input_mib": round(size / 2**20, 1),
        "runs": {label: {key: round(value, 2) for key, value in run.items()} for label, run in figures.items()},
        "ratio": round(ratio, 2),
        "cpu_ratio": round(full["cpu_seconds"] / parse["cpu_seconds"], 2),
        "target": {"ratio": TARGET_RATIO, "peak_mib": TARGET_MIB},
        "met": ratio <= TARGET_RATIO and full["peak_mib"] <= TARGET_MIB,
        "output_bytes_when_nothing_changed": output_bytes,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=46)
    parser.add_argument("--rows", type=int, default=100_000, help="order lines in all files together")
    parser.add_argument("--workers", type=int, default=2, help="workbooks read side by side")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each; the fastest counts")
    options = parser.parse_args()
    found = measure(options.files, options.rows, options.workers, options.repeats)
    calamine = version("python-calamine")
    machine = {"python": platform.python_version(), "calamine": calamine, "cores": os.cpu_count()}
    json.dump({"machine": machine, **found}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
