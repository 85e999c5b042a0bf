"""Measures whether taps, mapper and target take the same memory however much there is: the set once, and ten times.

``python bench/memory.py`` loads the order lists and the views of the seed-scale set, then ten of each workbook and ten
of each carton row, and prints the peak of every program side by side. Ten times takes as long as it sounds, and 10 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Final

from pipeline import HOME, ORDERS, VIEWS, Bench
from seed_set import Scale, seed_set

STEPS: Final = {
    ORDERS: ("tap-sharepoint-orders-full", "canonicalise", "target-mssql"),
    VIEWS: ("tap-wms-full", "canonicalise", "target-mssql"),
}
MEASURED: Final = ("tap", "mapper", "target")
"""What the programs' names begin with; Meltano itself stands between them and is none of ours."""


def multiply(home: Path, times: int) -> None:
    """Make every workbook and every carton row of a set several.

    Args:
        home: holds order_lists and wms.db; changed in place.
        times: how many of each there are afterwards.
    """
    for path in sorted((home / "order_lists").iterdir()):
        for number in range(2, times + 1):
            os.link(path, path.with_stem(f"{path.stem} {number}"))
    with sqlite3.connect(home / "wms.db") as database:
        for name in ("v_packed_products", "v_shipped"):
            (made,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            select = made.split(" AS ", 1)[1]
            # Another PO, so that the rows differ as ten times as many would.
            each = (select.replace("customer_po AS", f"customer_po || '-{n}' AS") for n in range(times))
            database.executescript(f"DROP VIEW {name}; CREATE VIEW {name} AS {' UNION ALL '.join(each)};")
    database.close()


def peaks(bench: Bench, times: int) -> dict[str, dict[str, float]]:
    """Load everything, so many times over.

    Returns:
        Stage to program to its peak in MiB.
    """
    bench.clear()
    multiply(bench.home, times)
    bench.meltano(None, "recon:migrate", "recon:begin")
    for stage, steps in STEPS.items():
        bench.meltano(stage, *steps)
    found = {stage: runs[-1].peak_mib for stage, runs in bench.runs.items()}
    return {
        stage: {program: mib for program, mib in programs.items() if program.startswith(MEASURED)}
        for stage, programs in found.items()
    }


def main() -> int:
    """Measure once and ten times, print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write all figures there")
    given = parser.parse_args()
    bench = Bench(seed_set(HOME / "set", Scale()), HOME / "run")
    once, many = peaks(bench, 1), peaks(bench, given.times)
    shutil.rmtree(bench.home, ignore_errors=True)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"once": once, str(given.times): many}, indent=2) + "\n", encoding="utf-8")
    lines = [f"| stage | program | MiB | MiB at {given.times} times |", "|---|---|---|---|"]
    for stage, programs in many.items():
        for program, mib in programs.items():
            lines.append(f"| {stage} | {program} | {once[stage].get(program, 0.0):.0f} | {mib:.0f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
