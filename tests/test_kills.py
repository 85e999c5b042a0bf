"""Killed anywhere: the published tables stay the previous ones, whole, and the next run recovers by itself."""

from __future__ import annotations

import signal

import pytest

from tests.conftest import Project
from tests.test_jobs import HISTORY, plain_workbook, sheet_of

pytestmark = pytest.mark.e2e

PROGRAMS = ("tap-sharepoint-orders", "tap-wms", "mapper-orders", "target-mssql", "recon reconcile")
MOMENTS = {
    "tap-sharepoint-orders": 1.2,
    "tap-wms": 1.2,
    "mapper-orders": 1.4,
    "target-mssql": 1.6,
    "recon reconcile": 1.0,
}
"""Seconds into a program's life at which it is at work on the sample: after its start, before its end."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_kill_leaves_the_previous_tables_and_the_next_run_recovers(
    project: Project, program: str, number: signal.Signals
) -> None:
    before = project.published()
    path, _ = plain_workbook(project)
    book, sheet, _, header_row = sheet_of(path)
    sheet.delete_rows(header_row + 1)
    book.save(path)

    code = project.kill_when_running("full-sync", program, number, after=MOMENTS[program])

    assert code != 0, project.log[-4000:]
    assert project.published() == before
    project.run("full-sync")
    recovered = project.published(without=HISTORY)
    project.run("full-sync")
    assert project.published(without=HISTORY) == recovered
    assert len(recovered["stg_orders"]) < len(before["stg_orders"])
