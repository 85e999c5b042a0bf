"""The commands: where settings come from, what is printed, how each failure is told, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from order_reports import destination, told
from order_reports.cli import cli
from order_reports.failure import ReportError
from order_reports.read import read_sources
from order_reports.settings import settings
from order_reports.totals import _fact_totals, match_totals
from order_reports.warehouse import _at_one_moment
from order_rules.warehouse_url import hide
from sqlalchemy.dialects import mssql

Invoke = Callable[..., Result]
COMMAND = [sys.executable, "-c", "from order_reports.cli import main; main()"]
SECRET = "s3cr3t/Pa$$"  # noqa: S105  (a made-up one, looked for in what is printed)


def test_excel_prints_where_the_workbook_is_and_how_large(monday: Any, invoke: Invoke, report_path: Path) -> None:
    monday.save()
    result = invoke("excel")
    assert result.exit_code == 0
    assert result.output == f"{report_path} ({report_path.stat().st_size / 1024:,.0f} kB)\n"
    assert [path.name for path in report_path.parent.iterdir()] == ["order-audit.xlsx"]


def test_check_says_that_everything_is_there(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("check")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"ok: warehouse sqlite:///{tmp_path}/warehouse.db: can be read, and has every table",
        f"ok: rules {tmp_path}/config/customers.yml: 4 customers",
        f"ok: output_dir {tmp_path}/reports: can be written",
    ]


def test_check_names_every_table_and_column_that_is_missing(invoke: Invoke, warehouse: Any) -> None:
    engine = sa.create_engine(warehouse.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE recon_match")
        connection.exec_driver_sql("ALTER TABLE quarantine DROP COLUMN reason_code")
    engine.dispose()
    result = invoke("check")
    assert result.exit_code == 1
    failed = [line for line in result.output.splitlines() if line.startswith("FAILED")]
    assert [line.rpartition("warehouse.db: ")[2] for line in failed] == [
        "table recon_match is missing: run `recon migrate`",
        "column quarantine.reason_code is missing: run `recon migrate`",
    ]


def test_excel_on_a_warehouse_that_is_not_migrated_says_so(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    result = invoke("excel", WAREHOUSE_URL="sqlite:///empty.db", REPORTS_WAREHOUSE_URL="")
    assert result.exit_code == 1
    assert "The warehouse is not ready: table audit_run is missing: run `recon migrate`" in result.output


def test_settings_on_the_command_line_win_over_the_environment(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("excel", "--output-dir", "elsewhere")
    assert result.output.startswith(f"{tmp_path}/elsewhere/order-audit.xlsx (")


def test_the_one_variable_that_moves_the_project_moves_the_reports(invoke: Invoke, warehouse: Any) -> None:
    assert invoke("check", WAREHOUSE_URL="sqlite:///nowhere.db").exit_code == 0
    result = invoke("check", WAREHOUSE_URL=warehouse.url, REPORTS_WAREHOUSE_URL="")
    assert result.exit_code == 0
    assert invoke("check", WAREHOUSE_URL="sqlite:///nowhere.db", REPORTS_WAREHOUSE_URL="").exit_code == 1


def test_relative_paths_start_at_the_project_and_else_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for project, root in (("/srv/audit", Path("/srv/audit")), ("", tmp_path)):
        monkeypatch.setenv("MELTANO_PROJECT_ROOT", project)
        given = settings("sqlite:///output/warehouse.db", "output/reports", "config")
        assert given.warehouse.database == str(root / "output/warehouse.db")
        assert (given.output_dir, given.rules_path) == (root / "output/reports", root / "config")
    assert settings("sqlite:////var/w.db", "/r", "/c").warehouse.database == "/var/w.db"


def test_a_warehouse_that_is_not_there_is_not_made(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("excel", "--warehouse-url", "sqlite:///nowhere.db")
    assert result.exit_code == 1
    assert result.output == (
        f"Error: There is no warehouse at {tmp_path}/nowhere.db. Set warehouse_url, or make it with `recon migrate`.\n"
    )
    assert not (tmp_path / "nowhere.db").exists()


def test_a_file_that_is_no_warehouse_is_told_in_one_line(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"this is no database" * 100)
    result = invoke("excel", "--warehouse-url", "sqlite:///bad.db")
    assert result.exit_code == 1
    assert result.output == (
        f"Error: The warehouse sqlite:///{tmp_path}/bad.db cannot be read: file is not a database\n"
    )


@pytest.mark.parametrize("command", ["excel", "check"])
@pytest.mark.parametrize(
    "url",
    [
        "mssql+pymssql://auditor:s3cr3t%2FPa$$@127.0.0.1:1/orders?login_timeout=1",
        "mssql+nodriver://auditor:s3cr3t%2FPa$$@127.0.0.1:1/orders",
        "nodialect://auditor:s3cr3t%2FPa$$@127.0.0.1:1/orders",
        "auditor:s3cr3t%2FPa$$@127.0.0.1",
    ],
)
@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_no_error_shows_the_password(invoke: Invoke, command: str, url: str, debug: tuple[str, ...]) -> None:
    result = invoke(command, "--warehouse-url", url, *debug)
    assert result.exit_code == 1
    assert "s3cr3t" not in result.output
    if not debug:
        assert sum(line.startswith(("Error", "FAILED: warehouse")) for line in result.output.splitlines()) == 1


def test_secrets_are_taken_out_however_they_are_spelt() -> None:
    url = sa.make_url("mssql+pyodbc://u:s3cr3t%2FPa$$@h/d?odbc_connect=Server%3Dx%3BPWD%3Dh1dden")
    text = f"login of u with {SECRET} or s3cr3t%2FPa%24%24 failed: Server=x;PWD=h1dden at h"
    assert hide(text, url) == "login of u with *** or *** failed: *** at h"
    assert hide("PWD=h1dden", url) == "PWD=***"


def test_debug_shows_where_an_error_arose(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"this is no database" * 100)
    result = invoke("excel", "--warehouse-url", "sqlite:///bad.db", "--debug")
    assert "Traceback (most recent call last)" in result.output
    assert "Traceback" not in invoke("excel", "--warehouse-url", "sqlite:///bad.db").output


def test_rules_that_cannot_be_used_are_told_with_file_and_line(invoke: Invoke, rules_path: Path) -> None:
    (rules_path / "customers.yml").write_text("customers:\n  - {canonical: A, alias: B}\n", encoding="utf-8")
    for command in ("excel", "check"):
        result = invoke(command)
        assert result.exit_code == 1
        assert f"{rules_path}/customers.yml:2: customers.0.alias" in result.output


def test_a_workbook_that_is_open_elsewhere_is_left_as_it_is(
    monday: Any, invoke: Invoke, report_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday.save()
    report_path.parent.mkdir()
    report_path.write_bytes(b"last week's")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    monkeypatch.setattr(destination.Path, "replace", refuse)
    result = invoke("excel")
    assert result.exit_code == 1
    assert result.output == (
        f"Error: {report_path} cannot be replaced: it is open in another program, "
        "or its folder is not writable. Close it.\n"
    )
    assert report_path.read_bytes() == b"last week's"
    assert [path.name for path in report_path.parent.iterdir()] == ["order-audit.xlsx"]


def test_an_output_folder_that_is_a_file_is_told_in_one_line(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    for command in ("excel", "check"):
        result = invoke(command)
        assert result.exit_code == 1
        (line,) = [line for line in result.output.splitlines() if line.startswith(("Error", "FAILED"))]
        assert "cannot be written" in line


def test_a_folder_in_the_workbooks_place_is_told_in_one_line(invoke: Invoke, report_path: Path) -> None:
    report_path.mkdir(parents=True)
    result = invoke("excel")
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {report_path} cannot be written: it is a folder.")
    assert invoke("check").exit_code == 1


def test_a_full_disk_leaves_last_weeks_workbook(
    monday: Any, invoke: Invoke, report_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday.save()
    report_path.parent.mkdir()
    report_path.write_bytes(b"last week's")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("order_reports.rows.RowSheet.write_columns", full)
    result = invoke("excel")
    assert (result.exit_code, result.output) == (
        1,
        f"Error: {report_path} cannot be written: the disk is full.\n",
    )
    assert report_path.read_bytes() == b"last week's"


def test_a_report_that_is_terminated_leaves_no_unfinished_file(
    warehouse: Any, tmp_path: Path, rules_path: Path
) -> None:
    warehouse.save()
    code = (
        "import time, order_reports.workbook as w\n"
        "def wait(*_, **__):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "w.styles = wait\n"
        "from order_reports.cli import main\nmain()\n"
    )
    arguments = ["excel", "--warehouse-url", warehouse.url, "--rules-path", str(rules_path)]
    output = tmp_path / "reports"
    for sent, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--output-dir", str(output)],
            env={**os.environ, "TMPDIR": str(tmp_path / "scratch")},
            stdout=subprocess.PIPE,
        ) as process:
            (tmp_path / "scratch").mkdir(exist_ok=True)
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            process.send_signal(sent)
            assert process.wait(20) == expected
        assert list(output.iterdir()) == []
        assert list((tmp_path / "scratch").iterdir()) == []


def test_the_program_ends_with_0_1_and_2(warehouse: Any, tmp_path: Path, rules_path: Path) -> None:
    warehouse.save()
    environment = {
        **os.environ,
        "MELTANO_PROJECT_ROOT": str(tmp_path),
        "REPORTS_RULES_PATH": str(rules_path),
        "WAREHOUSE_URL": "sqlite:///warehouse.db",
    }
    for name in ("REPORTS_WAREHOUSE_URL", "REPORTS_OUTPUT_DIR"):
        environment.pop(name, None)
    ended = {
        arguments: subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, check=False).returncode
        for arguments in (("check",), ("check", "--warehouse-url", "sqlite:///gone.db"), ("excel", "--nonsense"))
    }
    assert list(ended.values()) == [0, 1, 2]


def test_a_report_sees_one_moment_while_the_next_run_publishes(
    monday: Any, invoke: Invoke, report_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday.save()
    other = sa.create_engine(monday.url)
    with other.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")

    def after_another_run(connection: sa.Connection) -> Any:
        """Read the sources, which comes between the runs and the keys, once every fact has been replaced."""
        with other.begin() as publishing:
            publishing.exec_driver_sql("DELETE FROM fact_order_recon")
        return read_sources(connection)

    monkeypatch.setattr(told, "read_sources", after_another_run)
    assert invoke("excel").exit_code == 0
    other.dispose()
    book = openpyxl.load_workbook(report_path)
    assert book["COPPER & OAK"].max_row > 20
    book.close()


@pytest.mark.parametrize(("allowed", "level"), [(1, "SNAPSHOT"), (0, "SERIALIZABLE"), (None, "SERIALIZABLE")])
def test_sql_server_shows_one_moment_without_locks_where_it_may(allowed: int | None, level: str) -> None:
    connection = Mock(spec=sa.Connection, dialect=mssql.dialect())
    connection.scalar.return_value = allowed
    assert _at_one_moment(connection) is connection.execution_options.return_value
    connection.execution_options.assert_called_once_with(isolation_level=level)


def test_the_sums_are_sql_servers_language_too() -> None:
    for statement in (_fact_totals(), match_totals()):
        assert "CAST(" in str(statement.compile(dialect=mssql.dialect()))


def test_every_command_tells_its_settings() -> None:
    for command in ("check", "excel"):
        told = CliRunner().invoke(cli, [command, "--help"]).output
        for text in ("--warehouse-url", "REPORTS_WAREHOUSE_URL", "WAREHOUSE_URL", "--output-dir", "--rules-path"):
            assert text in told


def test_a_url_that_is_none_is_not_repeated() -> None:
    with pytest.raises(ReportError) as raised:
        settings(f"auditor:{SECRET}", "o", "c")
    assert "s3cr3t" not in str(raised.value)
