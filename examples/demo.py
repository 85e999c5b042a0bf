"""The demo: makes sample sources, runs the full and the incremental job on them, prints what came out.

``make demo`` runs it after setting up. Every step shows as it goes; a step that fails ends the demo with its exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample"
MELTANO = str(ROOT / "bin" / "meltano")
RECON = str(Path(sys.executable).with_name("recon"))
ENVIRONMENT = {
    "MELTANO_ENVIRONMENT": "dev",
    "MELTANO_PROJECT_ROOT": str(ROOT),
    "TAP_SHAREPOINT_ORDERS_LOCAL_PATH": str(SAMPLE / "order_lists"),
    "TAP_WMS_CONNECTIONS": json.dumps({"wms": f"sqlite:///{SAMPLE / 'wms.db'}"}),
    "WAREHOUSE_URL": f"sqlite:///{ROOT / 'output' / 'warehouse.db'}",
    "MAPPER_ORDERS_RULES_PATH": "config",
    "RECON_RULES_PATH": "config",
    "REPORTS_RULES_PATH": "config",
    "REPORTS_OUTPUT_DIR": "output/reports",
}
"""Said outright, so that a sample never reaches the warehouse that somebody's shell or ``.env`` names."""


class Step(NamedTuple):
    """One thing the demo does.

    Attributes:
        title: what it is, for the person watching.
        command: the program and its arguments.
    """

    title: str
    command: Sequence[str]


def run(*steps: Step) -> None:
    """Run steps side by side; each shows under its title, in turn, with the seconds until it was done.

    Args:
        *steps: the first's output is passed on as it comes, that of the others when it is their turn.

    Raises:
        SystemExit: with the exit code of a command that fails.
    """
    started = time.monotonic()
    env = os.environ | ENVIRONMENT
    waiting = [subprocess.Popen(step.command, cwd=ROOT, env=env, stdout=subprocess.PIPE) for step in steps[1:]]  # noqa: S603
    for number, (title, command) in enumerate(steps):
        print(f"\n\033[1m▶ {title}\033[0m" if sys.stdout.isatty() else f"\n> {title}", flush=True)
        if number == 0:
            code = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode  # noqa: S603  (our own programs)
        else:
            process = waiting[number - 1]
            sys.stdout.buffer.write(process.communicate()[0])
            code = process.returncode
        if code:
            print(f"demo: stopped, {' '.join(command)} ended with exit code {code}.", file=sys.stderr)
            raise SystemExit(code)
        print(f"  {time.monotonic() - started:.1f} s", flush=True)


def main() -> None:
    """Run the demo."""
    sources = [sys.executable, str(ROOT / "examples" / "make_sources.py"), str(SAMPLE)]
    run(Step("Make the sample: order lists, a warehouse system, the truth beside them", sources))
    run(Step("Full sync: read everything, match, publish, report", [MELTANO, "run", "full-sync"]))
    run(Step("Someone edits one workbook", [*sources, "--change"]))
    run(Step("Incremental sync: read what changed", [MELTANO, "run", "incremental-sync"]))
    labels = str(SAMPLE / "truth.csv")
    run(
        Step("What the last run counted", [RECON, "runs", "--show"]),
        Step("How many links are right, against the known truth", [RECON, "evaluate", "--labels", labels]),
    )
    reports = ROOT / "output" / "reports"
    print(f"\nThe report: {reports / 'order-audit.xlsx'}, and as a page: {reports / 'order-audit.html'}")


if __name__ == "__main__":
    main()
