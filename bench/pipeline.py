"""Measures the pipeline at seed scale: every stage alone and the jobs together, against bare parsing in the same run.

``python bench/pipeline.py`` makes the set once under ``output/bench`` (some minutes), runs every stage ``--repeats``
times, prints a table of medians against the bars, and with ``--json`` writes all of it; ``--docs`` puts the table into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import openpyxl
from measure import PARSE_PROGRAM, Figures, measure
from seed_set import AFTER_SIZES, ROOT, Scale, SeedSet, seed_set

HOME: Final = ROOT / "output" / "bench"
DOCS: Final = ROOT / "docs" / "performance.md"
MELTANO: Final = str(ROOT / "bin" / "meltano")
CHANGED_CARTON_ROWS: Final = 5_000
FROM, TO = "<!-- figures: make bench -->\n", "<!-- end of figures -->\n"

PARSE = "bare calamine parse"
ORDERS = "order lists to loads"
VIEWS = "views to staging"
RECONCILE = "reconcile"
REPORTS = "Excel and page"
FULL = "full-sync"
CHANGED = "incremental-sync, changed"
UNCHANGED = "incremental-sync, unchanged"
EMPTY = "empty Meltano run"


@dataclass
class Bench:
    """One measurement.

    Attributes:
        sources: the set.
        home: the folder of warehouse, bookmarks and reports, made anew for each repetition.
        runs: stage to the figures of its runs.
    """

    sources: SeedSet
    home: Path
    runs: dict[str, list[Figures]] = field(default_factory=lambda: defaultdict(list))

    @property
    def env(self) -> dict[str, str]:
        """The environment that points the jobs at the set."""
        own = {
            "MELTANO_ENVIRONMENT": "dev",
            "MELTANO_PROJECT_ROOT": str(ROOT),
            "MELTANO_DATABASE_URI": f"sqlite:///{self.home / 'meltano.db'}",
            "NO_COLOR": "1",
            "WAREHOUSE_URL": f"sqlite:///{self.home / 'warehouse.db'}",
            "TAP_SHAREPOINT_ORDERS_LOCAL_PATH": str(self.home / "order_lists"),
            "TAP_WMS_CONNECTIONS": json.dumps({"wms": f"sqlite:///{self.home / 'wms.db'}"}),
            "MAPPER_ORDERS_RULES_PATH": str(self.sources.rules),
            "RECON_RULES_PATH": str(self.sources.rules),
            "REPORTS_RULES_PATH": str(self.sources.rules),
            "REPORTS_OUTPUT_DIR": str(self.home / "reports"),
        }
        ours = ("TAP_", "TARGET_", "MAPPER_", "RECON_", "REPORTS_", "MELTANO_")
        return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | own

    def clear(self) -> None:
        """Put sources as they were made, and nothing else, into the home."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        shutil.copytree(self.sources.order_lists, self.home / "order_lists")
        shutil.copy(self.sources.wms, self.home / "wms.db")

    def meltano(self, stage: str | None, *steps: str) -> None:
        """Run steps; without a stage they are only prepared for one."""
        self.command(stage, [MELTANO, "run", *steps])

    def command(self, stage: str | None, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Run a command and keep its figures under a stage."""
        if stage:
            sys.stderr.write(f"  {stage} ... ")
            sys.stderr.flush()
        figures = measure(command, self.home / "last-run.log", env or self.env)
        if stage:
            self.runs[stage].append(figures)
            sys.stderr.write(f"{figures.seconds:.1f} s\n")


def stages_alone(bench: Bench) -> None:
    """Run each stage of a full sync by itself."""
    bench.clear()
    books = sorted(str(path) for path in bench.sources.order_lists.iterdir())
    bench.command(PARSE, [sys.executable, "-c", PARSE_PROGRAM, *books])
    bench.meltano(None, "recon:migrate", "recon:begin")
    bench.meltano(ORDERS, "tap-sharepoint-orders-full", "canonicalise", "target-mssql")
    bench.meltano(VIEWS, "tap-wms-full", "canonicalise", "target-mssql")
    bench.meltano(RECONCILE, "recon:reconcile")
    bench.meltano(REPORTS, "reports:publish")


def jobs_together(bench: Bench) -> None:
    """Run the jobs as the schedules do: everything, one workbook and some cartons changed, nothing changed."""
    bench.clear()
    bench.meltano(FULL, FULL)
    change_a_workbook(bench.home / "order_lists")
    change_cartons(bench.home / "wms.db")
    bench.meltano(CHANGED, "incremental-sync")
    bench.meltano(UNCHANGED, "incremental-sync")
    project = empty_project(bench.home / "empty")
    env = {name: value for name, value in bench.env.items() if not name.startswith("MELTANO_")}
    bench.command(EMPTY, [str(ROOT / ".venv-meltano" / "bin" / "meltano"), "--cwd", str(project), "run", "empty"], env)


def change_a_workbook(folder: Path) -> None:
    """Correct one quantity in a workbook of middling size, with its total."""
    path = sorted(folder.iterdir(), key=lambda one: one.stat().st_size)[len(list(folder.iterdir())) // 2]
    book = openpyxl.load_workbook(path)
    sheet = book["MASTER"]
    total = next(number for number, cell in enumerate(sheet[1]) if cell.value == AFTER_SIZES)
    row = sheet[2]
    quantities = {number: cell.value for number, cell in enumerate(row[: total + 1]) if isinstance(cell.value, int)}
    size = max(number for number in quantities if number < total)
    for number in (size, total):
        row[number].value = quantities[number] + 12
    book.save(path)


def change_cartons(path: Path) -> None:
    """Ship what was packed: the rows leave one view and come into the other, on the day after the last one."""
    with sqlite3.connect(path) as database:
        (after,) = database.execute("SELECT date(max(day), '+1 day') FROM shipped").fetchone()
        database.execute("CREATE TEMP TABLE gone AS SELECT rowid AS row FROM packed LIMIT ?", (CHANGED_CARTON_ROWS,))
        database.execute(
            "INSERT INTO shipped SELECT customer, customer_po, season, carton, ?, method, country, style, color, size, "
            "sku, qty FROM packed WHERE rowid IN (SELECT row FROM gone)",
            (after,),
        )
        database.execute("DELETE FROM packed WHERE rowid IN (SELECT row FROM gone)")
    database.close()


EMPTY_PROJECT: Final = """
project_id: empty
default_environment: dev
environments: [{name: dev}]
send_anonymous_usage_stats: false
plugins:
  extractors: [{name: tap-empty, namespace: tap_empty, executable: ./nothing, capabilities: [state]}]
  mappers: [{name: mapper-empty, namespace: mapper_empty, executable: ./nothing, mappings: [{name: pass, config: {}}]}]
  loaders: [{name: target-empty, namespace: target_empty, executable: ./nothing}]
  utilities: [{name: nothing, namespace: nothing, executable: ./nothing, commands: {do: {args: ""}}}]
jobs:
  - name: empty
    tasks: ["nothing:do nothing:do nothing:do", tap-empty pass target-empty, tap-empty pass target-empty,
      "nothing:do nothing:do nothing:do nothing:do"]
"""
"""As many blocks and utilities as incremental-sync has, with programs that end at once."""


def empty_project(folder: Path) -> Path:
    """Make a Meltano project whose plugins do nothing.

    Returns:
        Its folder.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "meltano.yml").write_text(EMPTY_PROJECT, encoding="utf-8")
    program = folder / "nothing"
    program.write_text("#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


@dataclass(frozen=True)
class Bar:
    """One measure that has a bar.

    Attributes:
        name: the measure.
        unit: how it is written.
        bar: the bar, as written.
        value: what was measured.
        met: whether that is within the bar.
    """

    name: str
    unit: str
    bar: str
    value: float
    met: bool


def bars(seconds: Callable[[str], float], contents: dict[str, Any]) -> list[Bar]:
    """Hold the medians to the bars.

    Args:
        seconds: gives a stage's median of wall-clock seconds.
        contents: of the set.

    Returns:
        One entry a measure.
    """
    rows_s = contents["carton_rows"] / seconds(VIEWS)
    at_most = [
        ("order lists → complete loads, wall over bare parse", "×", 3.0, seconds(ORDERS) / seconds(PARSE)),
        ("reconcile", "s", 60.0, seconds(RECONCILE)),
        ("Excel + page", "s", 15.0, seconds(REPORTS)),
        ("whole full-sync", "s", 120.0, seconds(FULL)),
        ("incremental-sync, one workbook and 5,000 carton rows changed", "s", 15.0, seconds(CHANGED)),
        ("incremental-sync, nothing changed, over an empty Meltano run", "×", 2.0, seconds(UNCHANGED) / seconds(EMPTY)),
    ]
    made = [Bar(name, unit, f"≤ {bar:g} {unit}", value, value <= bar) for name, unit, bar, value in at_most]
    made.insert(1, Bar("WMS views → staging", "rows/s", "≥ 40,000 rows/s", rows_s, rows_s >= 40_000))
    return made


def result(bench: Bench) -> dict[str, Any]:
    """Put all figures into one document."""
    stages: dict[str, dict[str, Any]] = {}
    for name, runs in bench.runs.items():
        programs = sorted({program for run in runs for program in run.peak_mib})
        stages[name] = {
            "seconds": round(statistics.median(run.seconds for run in runs), 2),
            "cpu_seconds": round(statistics.median(run.cpu_seconds for run in runs), 2),
            "peak_mib": {program: max(run.peak_mib.get(program, 0.0) for run in runs) for program in programs},
            "runs": [round(run.seconds, 2) for run in runs],
        }
    return {
        "bench": "pipeline",
        "machine": {
            "python": platform.python_version(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "calamine": version("python-calamine"),
        },
        "set": bench.sources.contents,
        "stages": stages,
        "bars": [asdict(bar) for bar in bars(lambda stage: stages[stage]["seconds"], bench.sources.contents)],
    }


def table(made: dict[str, Any]) -> str:
    """Write the figures as Markdown."""
    contents, machine = made["set"], made["machine"]
    repeats = max(len(stage["runs"]) for stage in made["stages"].values())
    lines = [
        f"{contents['workbooks']} workbooks with {contents['wide_rows']:,} wide rows, {contents['order_lines']:,} "
        f"order lines, {contents['carton_rows']:,} carton rows; medians of {repeats}; Python {machine['python']}, "
        f"{machine['cores']} cores.",
        "",
        "| measure | bar | measured | |",
        "|---|---|---|---|",
        *(
            f"| {bar['name']} | {bar['bar']} | {bar['value']:,.{0 if bar['unit'] == 'rows/s' else 2}f} {bar['unit']} "
            f"| {'met' if bar['met'] else '**missed**'} |"
            for bar in made["bars"]
        ),
        "",
        "| stage | s | CPU s | times bare parse | peak MiB of the largest program |",
        "|---|---|---|---|---|",
    ]
    parse = made["stages"][PARSE]["seconds"]
    for name, stage in made["stages"].items():
        program, peak = max(stage["peak_mib"].items(), key=lambda one: one[1], default=("", 0.0))
        ratio = f"{stage['seconds'] / parse:.2f}"
        lines.append(f"| {name} | {stage['seconds']} | {stage['cpu_seconds']} | {ratio} | {program} {peak:.0f} |")
    return "\n".join(lines) + "\n"


def write_docs(text: str) -> None:
    """Put the table in place of the one in docs/performance.md."""
    before, rest = DOCS.read_text(encoding="utf-8").split(FROM)
    DOCS.write_text(before + FROM + text + TO + rest.split(TO)[1], encoding="utf-8")


def main() -> int:
    """Make the set, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    scale = Scale()
    parser.add_argument("--order-lines", type=int, default=scale.order_lines)
    parser.add_argument("--wide-rows", type=int, default=scale.wide_rows)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each stage; the median counts")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/performance.md")
    given = parser.parse_args()
    scale = Scale(given.order_lines, given.wide_rows)
    sys.stderr.write("making the set, or taking the one made before ...\n")
    bench = Bench(seed_set(HOME / "set", scale), HOME / "run")
    for number in range(1, given.repeats + 1):
        sys.stderr.write(f"repetition {number} of {given.repeats}\n")
        stages_alone(bench)
        jobs_together(bench)
    shutil.rmtree(bench.home, ignore_errors=True)
    made = result(bench)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    text = table(made)
    if given.docs:
        write_docs(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
