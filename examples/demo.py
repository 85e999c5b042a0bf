"""The demo: makes sample sources, runs the full and the incremental job on them, prints what came out.

``make demo`` runs it after setting up. Every step shows as it goes; a step that fails ends the demo with its exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

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


def step(title: str, *command: str) -> None:
    """Run one step with its output passed on, under a title and followed by its seconds.

    Args:
        title: what the step does, for the person watching.
        command: the program and its arguments.

    Raises:
        SystemExit: with the command's exit code, where it fails.
    """
    print(f"\n\033[1m▶ {title}\033[0m" if sys.stdout.isatty() else f"\n> {title}", flush=True)
    started = time.monotonic()
    env = os.environ | ENVIRONMENT
    code = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode  # noqa: S603  (our own programs)
    if code:
        print(f"demo: stopped, {' '.join(command)} ended with exit code {code}.", file=sys.stderr)
        raise SystemExit(code)
    print(f"  {time.monotonic() - started:.1f} s", flush=True)


def main() -> None:
    """Run the demo."""
    sources = [sys.executable, str(ROOT / "examples" / "make_sources.py"), str(SAMPLE)]
    step("Make the sample: order lists, a warehouse system, the truth beside them", *sources)
    step("Full sync: read everything, match, publish, report", MELTANO, "run", "full-sync")
    step("Someone edits one workbook", *sources, "--change")
    step("Incremental sync: read what changed", MELTANO, "run", "incremental-sync")
    step("What the last run counted", RECON, "runs", "--show")
    step("How many links are right, against the known truth", RECON, "evaluate", "--labels", str(SAMPLE / "truth.csv"))
    print(f"\nThe report: {ROOT / 'output' / 'reports' / 'order-audit.xlsx'}")


if __name__ == "__main__":
    main()
