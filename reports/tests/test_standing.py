"""Nothing new, nothing written: a report that would only say again what it says already stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from order_reports import destination, standing
from order_rules import tables

Invoke = Callable[..., Result]
MONDAY = datetime(2026, 3, 16, 4, 0)
PUBLISHED = "a" * 32


@pytest.fixture
def published(warehouse: Any, invoke: Invoke, report_path: Path) -> dict[str, bytes]:
    """A run that published, and both of its reports, each a word longer than when they were written."""
    warehouse.run(published_run_id=PUBLISHED)
    warehouse.order("ACME SPORTSWEAR", "1", "A", None, "M", ordered=12, status="UNFULFILLED", due=MONDAY.date())
    warehouse.save()
    assert invoke("publish").exit_code == 0
    for path in visible(report_path.parent):
        with path.open("ab") as file:
            file.write(b" a planner's own")
    return {path.name: path.read_bytes() for path in visible(report_path.parent)}


def visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def left_alone(folder: Path) -> dict[str, bool]:
    return {path.name: path.read_bytes().endswith(b" a planner's own") for path in visible(folder)}


def another_run(
    warehouse: Any, *, later: timedelta = timedelta(hours=1), status: str = "succeeded", **run: Any
) -> None:
    engine = sa.create_engine(warehouse.url)
    at = MONDAY + later
    with engine.begin() as connection:
        row = {"run_id": "b" * 32, "job": "incremental-sync", "mode": "incremental", "status": status, "owner": "o"}
        times = {"started_at": at, "finished_at": None if status == "running" else at + timedelta(minutes=1)}
        connection.execute(sa.insert(tables.audit_run), [row | times | run])
    engine.dispose()


def test_what_stands_is_left_alone_and_told_in_one_line(
    published: dict[str, bytes], invoke: Invoke, report_path: Path
) -> None:
    assert len(published) == 2
    result = invoke("publish")
    assert result.exit_code == 0
    line, last = result.output.splitlines()
    assert line.startswith(f"Nothing new since run {PUBLISHED}: order-audit.xlsx of ")
    assert "and order-audit.html of " in line
    assert line.endswith("UTC stand. --force writes anew.")
    assert last.startswith("No channel is set up")
    assert {path.name: path.read_bytes() for path in visible(report_path.parent)} == published


@pytest.mark.usefixtures("published")
def test_a_run_that_found_nothing_new_writes_nothing(warehouse: Any, invoke: Invoke, report_path: Path) -> None:
    another_run(warehouse, published_run_id=PUBLISHED, reason=f"nothing new since run {PUBLISHED}")
    assert invoke("publish").output.startswith(f"Nothing new since run {PUBLISHED}: ")
    assert all(left_alone(report_path.parent).values())


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "run",
    [
        {"published_run_id": "b" * 32},
        {"published_run_id": PUBLISHED, "later": timedelta(days=1)},
        {"published_run_id": None},
        {"published_run_id": None, "status": "failed"},
        {"published_run_id": None, "status": "running"},
    ],
    ids=["published", "another day", "of older times", "failed", "under way"],
)
def test_another_run_with_something_to_tell_is_told(
    warehouse: Any, invoke: Invoke, report_path: Path, run: dict[str, Any]
) -> None:
    another_run(warehouse, **run)
    result = invoke("publish")
    assert result.exit_code == 0
    assert "Nothing new" not in result.output
    assert not any(left_alone(report_path.parent).values())


@pytest.mark.usefixtures("published")
def test_a_failure_that_was_told_is_taken_back_by_a_run_that_found_nothing_new(
    warehouse: Any, invoke: Invoke, report_path: Path
) -> None:
    another_run(warehouse, status="failed", run_id="c" * 32)
    assert invoke("publish").exit_code == 0
    assert b"THE LAST RUN FAILED" in report_path.with_suffix(".html").read_bytes()
    another_run(warehouse, later=timedelta(hours=2), published_run_id=PUBLISHED)
    assert "Nothing new" not in invoke("publish").output
    assert b"THE LAST RUN FAILED" not in report_path.with_suffix(".html").read_bytes()


@pytest.mark.usefixtures("published")
def test_other_rules_and_another_program_write_anew(
    invoke: Invoke, report_path: Path, rules_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (rules_path / "customers.yml").open("a", encoding="utf-8") as file:
        file.write("  - {canonical: Elder}\n")
    assert "Nothing new" not in invoke("publish").output
    assert "Nothing new" in invoke("publish").output
    monkeypatch.setattr(standing, "program_hash", lambda *_: "another program")
    assert "Nothing new" not in invoke("publish").output
    assert not any(left_alone(report_path.parent).values())


@pytest.mark.usefixtures("published")
def test_force_writes_anew(invoke: Invoke, report_path: Path) -> None:
    assert "Nothing new" not in invoke("publish", "--force").output
    assert not any(left_alone(report_path.parent).values())


@pytest.mark.usefixtures("published")
def test_only_the_one_that_is_gone_is_written(invoke: Invoke, report_path: Path) -> None:
    report_path.with_suffix(".html").unlink()
    line, page, _ = invoke("publish").output.splitlines()
    assert line.endswith("UTC stands. --force writes anew.")
    assert page.startswith(f"{report_path.with_suffix('.html')} (")
    assert left_alone(report_path.parent) == {"order-audit.html": False, "order-audit.xlsx": True}


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"0" * 32])
def test_a_note_that_is_missing_or_makes_no_sense_writes_anew(
    invoke: Invoke, report_path: Path, content: bytes | None
) -> None:
    note = report_path.with_name(".order-audit.xlsx.made-of")
    assert note.is_file()
    if content is None:
        note.unlink()
    else:
        note.write_bytes(content)
    assert "Nothing new" not in invoke("excel").output
    assert left_alone(report_path.parent) == {"order-audit.html": True, "order-audit.xlsx": False}


@pytest.mark.usefixtures("published")
def test_what_breaks_off_before_the_file_is_in_place_costs_no_more_than_writing_it_again(
    invoke: Invoke, report_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(destination.Path, "replace", broken)
        assert invoke("excel", "--force").exit_code == 1
    assert left_alone(report_path.parent)["order-audit.xlsx"]
    assert "Nothing new" not in invoke("excel").output
    assert not left_alone(report_path.parent)["order-audit.xlsx"]


@pytest.mark.usefixtures("published")
def test_a_note_that_cannot_be_written_does_not_fail_the_report(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(destination.Path, "write_text", full)
        assert invoke("excel", "--force").exit_code == 0
    assert "Nothing new" not in invoke("excel").output


@pytest.mark.usefixtures("published")
def test_a_run_with_nothing_new_loads_nothing_that_writes(warehouse: Any, tmp_path: Path, rules_path: Path) -> None:
    code = (
        "import sys\n"
        "from order_reports.__main__ import main\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    print(ended.code)\n"
        "names = ('pyarrow', 'numpy', 'pandas', 'xlsxwriter', 'vl_convert', 'jinja2', 'order_reports.told')\n"
        "print([name for name in names if name in sys.modules])"
    )
    given = [
        "--warehouse-url",
        warehouse.url,
        "--rules-path",
        str(rules_path),
        "--output-dir",
        str(tmp_path / "reports"),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REPORTS_")}
    command = [sys.executable, "-c", code, "publish", *given]
    said = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout.splitlines()
    assert said[0].startswith("Nothing new since run")
    assert said[-2:] == ["0", "[]"]
