"""The command line: ``excel`` and ``page`` write a report, ``notify`` tells of a run, ``publish`` does all three."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, NoReturn

import click
from order_rules.warehouse_url import hide

from order_reports.failure import ReportError
from order_reports.moments import moment
from order_reports.settings import FILE_NAME, PAGE_NAME, Settings, settings
from order_reports.standing import basis_of, standing

INTERRUPTED: Final = 130
TERMINATED: Final = 143
"""128 and the signal's number, as a shell reports a process that a signal ended."""


def _with_settings(command: Callable[..., int]) -> Callable[..., None]:
    """Give a command the settings as options, and its failures one clear line."""

    @click.option(
        "--warehouse-url",
        envvar=["REPORTS_WAREHOUSE_URL", "WAREHOUSE_URL"],
        default="sqlite:///output/warehouse.db",
        show_default=True,
        show_envvar=True,
        help="SQLAlchemy URL of the warehouse.",
    )
    @click.option(
        "--output-dir",
        envvar="REPORTS_OUTPUT_DIR",
        default="output/reports",
        show_default=True,
        show_envvar=True,
        help="The folder, or address of an Azure Blob container, that reports are written to.",
    )
    @click.option(
        "--retention-days",
        envvar="REPORTS_RETENTION_DAYS",
        type=click.IntRange(min=1),
        show_envvar=True,
        help="Keep dated copies of the reports for so many days.  [default: none are made]",
    )
    @click.option(
        "--rules-path",
        envvar="REPORTS_RULES_PATH",
        default="config",
        show_default=True,
        show_envvar=True,
        help="The folder that holds customers.yml.",
    )
    @click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
    @wraps(command)
    def run(
        warehouse_url: str,
        output_dir: str,
        rules_path: str,
        retention_days: int | None,
        *,
        debug: bool,
        **own: Any,  # noqa: ANN401  (whatever options the command has itself)
    ) -> None:
        with _one_line(warehouse_url, debug=debug):
            resolved = settings(warehouse_url, output_dir, rules_path, retention_days=retention_days)
            code = command(resolved, **own)
        if code:
            click.get_current_context().exit(code)

    return run


@contextmanager
def _one_line(warehouse_url: str, *, debug: bool) -> Iterator[None]:
    """Turn a failure that a person can do something about into one line and exit 1."""
    try:
        yield
    except Exception as error:
        # Loaded only where something failed: who finds that reports stand needs no rules.
        from order_rules.rule_file import RulesError  # noqa: PLC0415

        if not isinstance(error, ReportError | RulesError):
            raise
        if debug:
            click.echo(hide(traceback.format_exc(), warehouse_url), err=True)
        raise click.ClickException(hide(str(error), warehouse_url)) from None


@click.group()
@click.version_option(package_name="order-reports")
def cli() -> None:
    """Reports of order-audit. Relative paths are taken from MELTANO_PROJECT_ROOT, else from where you are."""


@cli.command()
@_with_settings
def check(given: Settings) -> int:
    """Prove that the warehouse can be read and the output folder written."""
    from order_reports.check import check as run_checks  # noqa: PLC0415  (no other command needs what it loads)

    findings = run_checks(given)
    for finding in findings:
        click.echo(f"{'ok' if finding.good else 'FAILED'}: {finding.text}")
    return 0 if all(finding.good for finding in findings) else 1


_force = click.option("--force", is_flag=True, help="Write anew even what would only say again what it says already.")


@cli.command()
@_force
@_with_settings
def excel(given: Settings, *, force: bool) -> int:
    """Write the workbook, order-audit.xlsx."""
    return _write(given, FILE_NAME, force=force)


@cli.command()
@_force
@_with_settings
def page(given: Settings, *, force: bool) -> int:
    """Write the page, order-audit.html: one file to look at in a browser or a mail."""
    return _write(given, PAGE_NAME, force=force)


@cli.command()
@_force
@_with_settings
def publish(given: Settings, *, force: bool) -> int:
    """Write the workbook and the page, then tell people: what every job ends with."""
    return _write(given, FILE_NAME, PAGE_NAME, force=force) or _notify(given)


@cli.command()
@click.option("--failed", is_flag=True, help="The job failed: tell what is known of it, warehouse or not.")
@click.option("--reason", help="What the caller knows of the failure, such as the exit code.")
@_with_settings
def notify(given: Settings, *, failed: bool, reason: str | None) -> int:
    """Tell people of the last run, where config/notify.yml says so.

    What cannot be sent is an error line, and is tried anew by the next run; the exit code stays 0.

    Where the channels lead is set in the environment (docs/notifications.md).
    """
    return _notify(given, failed=failed, reason=reason)


def _write(given: Settings, *names: str, force: bool) -> int:
    """Write reports, each with a line on where it is; one that fails leaves the others to be made."""
    basis = basis_of(given)
    stand = {} if force else standing(given, names, basis)
    if basis and stand:
        files = " and ".join(f"{name} of {moment(written_at)}" for name, written_at in stand.items())
        click.echo(
            f"Nothing new since run {basis.run_id}: {files} stand{'s' * (len(stand) == 1)}. --force writes anew."
        )
    if not (left := [name for name in names if name not in stand]):
        return 0
    from order_reports.publish import write_reports  # noqa: PLC0415  (only who writes needs what it loads)

    failures = []
    for written in write_reports(given, left, basis and basis.digest):
        if isinstance(written, ReportError):
            failures.append(str(written))
        else:
            click.echo(f"{written.place} ({written.size / 1024:,.0f} kB)")
    if failures:
        raise ReportError(" ".join(failures))
    return 0


def _notify(given: Settings, *, failed: bool = False, reason: str | None = None) -> int:
    # Most commands need none of what the channels load, and where none is set up nor does this.
    from order_reports.notify.settings import NONE_SET_UP, channels  # noqa: PLC0415

    try:
        found = channels(os.environ)
        if not found.any_set_up:
            click.echo(NONE_SET_UP)
            return 0
        from order_reports.notify.send import notify as send  # noqa: PLC0415

        outcome = send(given, found, failed=failed, reason=reason)
    except ReportError as error:
        click.echo(f"Error: nothing is sent. {error}", err=True)
        return 0
    for line in outcome.said:
        click.echo(line)
    for line in outcome.errors:
        click.echo(f"Error: {line}", err=True)
    return 0


def _terminated(_signal: int, _frame: object) -> NoReturn:
    # Raised, so that unfinished files are removed on the way out.
    raise SystemExit(TERMINATED)


def main() -> None:
    """Run the command line; 0 done, 1 failed, 2 misused, 130 interrupted, 143 terminated."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    sys.exit(code or 0)
