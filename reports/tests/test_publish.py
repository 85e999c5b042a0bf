"""``publish``: both reports of one reading, and one that fails does not take the other along."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from order_reports import told

Invoke = Callable[..., Result]


def test_both_reports_are_what_their_own_commands_write(monday: Any, invoke: Invoke, report_path: Path) -> None:
    monday.save()
    folder = report_path.parent
    assert (invoke("excel").exit_code, invoke("page").exit_code) == (0, 0)
    alone = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    result = invoke("publish")
    assert result.exit_code == 0, result.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == alone
    workbook, page, last = result.output.splitlines()
    assert workbook.startswith(f"{report_path} (")
    assert page.startswith(f"{report_path.with_suffix('.html')} (")
    assert last.startswith("No channel is set up")


def test_the_warehouse_is_read_once_for_both(monday: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monday.save()
    read = []
    real = told.read_told
    monkeypatch.setattr(told, "read_told", lambda *given: read.append(given) or real(*given))
    assert invoke("publish").exit_code == 0
    assert len(read) == 1


@pytest.mark.parametrize("broken", ["order-audit.xlsx", "order-audit.html"])
def test_one_that_cannot_be_written_fails_the_step_and_the_other_is_there(
    monday: Any, invoke: Invoke, report_path: Path, broken: str
) -> None:
    monday.save()
    (report_path.parent / broken).mkdir(parents=True)
    result = invoke("publish")
    assert result.exit_code == 1
    assert f"{broken} cannot be written: it is a folder." in result.output
    whole = ".html" if broken.endswith(".xlsx") else ".xlsx"
    assert report_path.with_suffix(whole).is_file()
    assert "No channel" not in result.output


def test_both_that_cannot_be_written_are_told(monday: Any, invoke: Invoke, report_path: Path) -> None:
    monday.save()
    for suffix in (".xlsx", ".html"):
        report_path.with_suffix(suffix).mkdir(parents=True)
    result = invoke("publish")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "order-audit.xlsx cannot be written" in line
    assert "order-audit.html cannot be written" in line


def test_terminated_it_leaves_no_unfinished_file(warehouse: Any, tmp_path: Path, rules_path: Path) -> None:
    warehouse.save()
    code = (
        "import time, order_reports.workbook as w\n"
        "def wait(*_):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "w.styles = wait\n"
        "from order_reports.cli import main\nmain()\n"
    )
    output = tmp_path / "out"
    given = ["--warehouse-url", warehouse.url, "--rules-path", str(rules_path), "--output-dir", str(output)]
    with subprocess.Popen([sys.executable, "-c", code, "publish", *given], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert [path.name for path in output.iterdir() if path.name != "order-audit.html"] == []
