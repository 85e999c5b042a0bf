"""``publish``: both reports at once, and one that fails does not take the other along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from order_reports import side_by_side

Invoke = Callable[..., Result]


def test_both_reports_are_what_their_own_commands_write(
    monday: Any, invoke: Invoke, report_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monday.save()
    folder = report_path.parent
    assert (invoke("excel").exit_code, invoke("page").exit_code) == (0, 0)
    alone = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    result = invoke("publish")
    assert result.exit_code == 0, result.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == alone
    workbook, last = result.output.splitlines()
    assert workbook.startswith(f"{report_path} (")
    assert last.startswith("No channel is set up")
    assert capfd.readouterr().out.startswith(f"{report_path.with_suffix('.html')} (")


@pytest.mark.parametrize("broken", ["order-audit.xlsx", "order-audit.html"])
def test_one_that_cannot_be_written_fails_the_step_and_the_other_is_there(
    monday: Any, invoke: Invoke, report_path: Path, capfd: pytest.CaptureFixture[str], broken: str
) -> None:
    monday.save()
    (report_path.parent / broken).mkdir(parents=True)
    result = invoke("publish")
    assert result.exit_code == 1
    assert f"{broken} cannot be written: it is a folder." in result.output + capfd.readouterr().err
    whole = ".html" if broken.endswith(".xlsx") else ".xlsx"
    assert report_path.with_suffix(whole).is_file()
    assert "No channel" not in result.output


def test_a_page_whose_process_is_killed_is_told_in_one_line(
    monday: Any, invoke: Invoke, report_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday.save()
    monkeypatch.setattr(side_by_side, "PAGE_COMMAND", (sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"))
    result = invoke("publish")
    assert result.exit_code == 1
    assert "Error: order-audit.html is not made: its process ended by SIGKILL." in result.output
    assert report_path.is_file()


def test_terminated_it_ends_the_page_as_well(warehouse: Any, tmp_path: Path, rules_path: Path) -> None:
    warehouse.save()
    begun = tmp_path / "begun"
    child = f"import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        "import sys, time, order_reports.workbook as w, order_reports.side_by_side as s\n"
        f"s.PAGE_COMMAND = (sys.executable, '-c', {child!r})\n"
        "w.write_report = lambda _: time.sleep(60)\n"
        "from order_reports.cli import main\nmain()\n"
    )
    given = ["--warehouse-url", warehouse.url, "--rules-path", str(rules_path), "--output-dir", str(tmp_path / "out")]
    with subprocess.Popen([sys.executable, "-c", code, "publish", *given]) as process:
        deadline = time.monotonic() + 30
        while not (begun.is_file() and begun.read_text(encoding="utf-8")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text(encoding="utf-8")), 0)
