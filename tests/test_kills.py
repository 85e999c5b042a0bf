"""Killed anywhere: the published tables stay the previous ones, whole, and the next run recovers by itself."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.conftest import installed
from tests.test_jobs import content, plain_workbook, sheet_of

pytestmark = pytest.mark.e2e

MOMENTS = {
    "tap-sharepoint-orders": 1.2,
    "tap-wms": 0.5,
    "mapper-orders": 1.4,
    "target-mssql": 1.6,
    "recon reconcile": 0.7,
}
"""Seconds into a program's life at which it is at work on the sample."""

ALWAYS = {("recon reconcile", "KILL")}
"""Run by `make test`; the others by `make test-all`, as each takes two long jobs."""
CASES = [
    pytest.param(program, name, id=f"{program}-{name}", marks=[] if (program, name) in ALWAYS else pytest.mark.slow)
    for program in MOMENTS
    for name in ("TERM", "KILL")
]


SOONER = (1.0, 0.6, 0.36)
"""Shares of its moment at which a program is tried to be caught, where it had ended before: machines differ."""


@pytest.mark.parametrize(("program", "name"), CASES)
def test_a_kill_leaves_the_previous_tables_and_the_next_run_recovers(
    synced_home: Path, tmp_path: Path, program: str, name: str
) -> None:
    for share in SOONER:
        project = installed(synced_home, tmp_path / str(share))
        before = project.published()
        path, _ = plain_workbook(project)
        book, sheet, _, header_row = sheet_of(path)
        sheet.delete_rows(header_row + 1)
        book.save(path)
        number = signal.Signals[f"SIG{name}"]
        code = project.kill_when_running("full-sync", program, number, after=MOMENTS[program] * share)
        if code is not None:
            break
    else:
        pytest.fail(f"{program} had ended each time before it could be killed")

    assert code != 0, project.log[-4000:]
    assert project.published() == before
    for left in project.batches.iterdir():  # what the killed job left, two hours later
        os.utime(left, (0, 0))
    # What was loaded before is there: after a kill of recon, the short job is enough.
    project.run("reconcile" if program.startswith("recon") else "full-sync")
    assert list(project.batches.iterdir()) == []
    assert len(content(project)["stg_orders"]) < len(before["stg_orders"])
    assert project.value("SELECT count(*) FROM audit_run WHERE status = 'running'") == 0
