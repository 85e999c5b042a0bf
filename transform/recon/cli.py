"""``recon``: builds and checks the warehouse, opens runs, reconciles, and tells what it did and why.

Whatever a command does not need is loaded only by the command that does: each step of a job starts this anew.
"""
# ruff: noqa: PLC0415  (imports stand in the commands that need them)

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from recon.commands.overrides import overrides, person
from recon.migrations import HEAD
from recon.settings import Settings
from recon.settings import current_warehouse as _warehouse
from recon.settings import open_warehouse as _connect
from recon.settings import read_rules as _rules

if TYPE_CHECKING:
    from datetime import date

    import sqlalchemy as sa
    from order_rules.config import Rules

    from recon.warehouse.runs import Run

# Python ends by looking for cycles among all that is still there, which took longer than most commands: nothing is left
# to look at.
atexit.register(gc.freeze)

DEFAULT_URL: Final = "sqlite:///output/warehouse.db"
FAILED: Final = 1
BUSY: Final = 75
"""EX_TEMPFAIL of sysexits.h: try again later."""
INTERRUPTED: Final = 130
TERMINATED: Final = 143
LAST_RUN: Final = "last"
GC_THRESHOLDS: Final = (1_000_000, 20, 100)
"""Neither modules nor frames hold cycles worth finding: looking for them after every 700 objects took a tenth of the
time to load them, and a fifth of that to reconcile."""
MODES: Final = ("full", "incremental", "reconcile")
ENGINES: Final = ("local", "spark")


class Recon(click.Group):
    """The commands, with one way of failing: one line on stderr, no password in it, and an exit code that tells."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  (as click declares it)
        """Run a command and turn whatever it raises into a line and an exit code."""
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001  (the last place an error can be told in one line)
            _tell(error, ctx.obj if isinstance(ctx.obj, Settings) else None)
            ctx.exit(BUSY if _is_busy(error) else FAILED)
        finally:
            signal.signal(signal.SIGTERM, before)


@click.group(cls=Recon, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--warehouse-url",
    envvar=["RECON_WAREHOUSE_URL", "WAREHOUSE_URL"],
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    help="SQLAlchemy URL of the warehouse.",
)
@click.option(
    "--rules-path",
    envvar="RECON_RULES_PATH",
    default="config",
    show_default=True,
    show_envvar=True,
    help="Folder of customers.yml and the other rules.",
)
@click.option(
    "--batches-path",
    envvar="RECON_BATCHES_PATH",
    default="output/batches",
    show_default=True,
    show_envvar=True,
    help="Folder that taps and mapper write batch files to; what a killed job left there is removed.",
)
@click.option("--debug", is_flag=True, help="Print the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, warehouse_url: str, rules_path: str, batches_path: str, debug: bool) -> None:
    """Match orders with packed and shipped cartons, keep the books, publish the result."""
    gc.set_threshold(*GC_THRESHOLDS)
    root = os.environ.get("MELTANO_PROJECT_ROOT", "")
    ctx.obj = Settings(warehouse_url, Path(root, rules_path), Path(root, batches_path), debug)


@main.command()
@click.option("--sql", is_flag=True, help="Print the SQL of all steps instead; no connection is made.")
@click.pass_obj
def migrate(settings: Settings, *, sql: bool) -> None:
    """Bring the warehouse's tables and views to this version."""
    if sql:
        from recon.warehouse.schema import migration_sql

        click.echo(migration_sql(settings.warehouse_url), nl=False)
        return
    _bring_up(_connect(settings))


def _bring_up(engine: sa.Engine) -> None:
    """Bring the warehouse to this version and say so."""
    from recon.warehouse.version import is_current

    if is_current(engine):  # as in nearly every run: a third of the command's time would go to loading Alembic
        click.echo(f"The warehouse is at version {HEAD} (as before).")
        return
    from recon.warehouse.schema import migrate as bring_up

    before, after = bring_up(engine)
    was = "as before" if before == after else f"from {before}" if before else "made anew"
    click.echo(f"The warehouse is at version {after} ({was}).")


@main.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Prove that the warehouse is as this version expects it: one line a finding, exit 1 with any."""
    from recon.warehouse.check import check as findings_of
    from recon.warehouse.engine import WarehouseError

    settings: Settings = ctx.obj
    try:
        findings = findings_of(_connect(settings))
    except WarehouseError as error:
        findings = [f"connection: {error}"]
    _say_findings(ctx, findings)


def _say_findings(ctx: click.Context, findings: list[str]) -> None:
    """Print what a check found; with any, the command ends here."""
    for finding in findings:
        click.echo(finding)
    if findings:
        ctx.exit(FAILED)
    click.echo("The warehouse is as expected.")


_job = click.option("--job", help="Name of the job.  [default: what the calling `meltano run` runs, else manual]")
_mode = click.option("--mode", type=click.Choice(MODES), help="How much is read.  [default: by the job's name]")


@main.command()
@_job
@_mode
@click.pass_obj
def begin(settings: Settings, job: str | None, mode: str | None) -> None:
    """Open a run and take the lease; exit 75 while another run holds it."""
    _open(_warehouse(settings), settings, job, mode)


@main.command()
@_job
@_mode
@click.pass_context
def prepare(ctx: click.Context, job: str | None, mode: str | None) -> None:
    """Migrate, check and begin, one after the other; the first that fails ends it, with its exit code."""
    from recon.warehouse.check import check as findings_of

    engine = _connect(ctx.obj)
    _bring_up(engine)
    _say_findings(ctx, findings_of(engine))
    _open(engine, ctx.obj, job, mode)


def _open(engine: sa.Engine, settings: Settings, job: str | None, mode: str | None) -> None:
    """Open a run, say so, and clear away what a killed one left on disk."""
    from recon.batch_files import sweep
    from recon.warehouse import runs

    run = runs.begin(engine, job=job, mode=mode)
    click.echo(f"Run {run.run_id} ({run.job}, {run.mode}) is open, for {runs.LEASE.seconds // 3600} hours at most.")
    try:
        removed = sweep(settings.batches_path)
    except OSError as error:  # a matter of disk space only
        click.echo(f"Old batch files in {settings.batches_path} cannot be removed: {error.strerror}.", err=True)
        return
    if removed:
        click.echo(f"Removed {removed} batch files that a killed job had left in {settings.batches_path}.")


@main.command()
@click.option("--allow-shrink", is_flag=True, help="Publish although far fewer workbooks or rows count than before.")
@click.option("--accept", multiple=True, metavar="UNIT", help="A workbook or view whose quarantine share is accepted.")
@click.option("--rematch", "--full", is_flag=True, help="Match every customer, not only those that changed.")
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    envvar="RECON_ENGINE",
    show_envvar=True,
    help="What matches the customers: this machine's processors or a Spark cluster.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    envvar="RECON_WORKERS",
    show_envvar=True,
    help="Processes of the local engine.  [default: one a processor]",
)
@click.option(
    "--today", type=click.DateTime(["%Y-%m-%d"]), help="The day by which orders are due.  [default: UTC today]"
)
@click.pass_obj
def reconcile(
    settings: Settings,
    *,
    allow_shrink: bool,
    accept: tuple[str, ...],
    rematch: bool,
    engine_name: str,
    workers: int | None,
    today: datetime | None,
) -> None:
    """Match, check the books and publish, all or nothing; ends the run."""
    from recon.warehouse import runs

    engine = _warehouse(settings)
    run = runs.open_run(engine)
    try:
        rules, day, accepted = _rules(settings), (today or datetime.now(UTC)).date(), frozenset(accept)
        if not rematch and _ends_as_before(engine, run, rules, day, accepted):
            return
        from recon.engines import How, choose, processors
        from recon.reconcile import reconcile as publish
        from recon.warehouse.display import show_outcome

        how = How(choose(engine_name, workers), rematch, processors(workers))
        outcome = publish(engine, rules, run, today=day, allow_shrink=allow_shrink, accept=accepted, how=how)
    except BaseException as error:
        _close_failed(engine, run, error, settings)
        raise
    runs.close(engine, run, "succeeded")
    show_outcome(outcome)


def _ends_as_before(engine: sa.Engine, run: Run, rules: Rules, today: date, accept: frozenset[str]) -> bool:
    """End a run that has nothing new to work with; what an earlier one published stands."""
    from recon.nothing_new import close_as, standing_run
    from recon.warehouse.engine import writing

    with writing(engine) as connection:
        standing = standing_run(connection, rules, today=today, accept=accept)
        if standing is None:
            return False
        published = close_as(connection, run, standing)
    click.echo(f"Run {run.run_id}: nothing is new since run {published}, whose results stand. (--rematch: all anew.)")
    return True


@main.command()
@click.option(
    "--labels", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The truth."
)
@click.pass_obj
def evaluate(settings: Settings, labels: Path) -> None:
    """Compare the published links with labelled truth."""
    from recon.evaluate import evaluate as compare

    click.echo(compare(_warehouse(settings), _rules(settings), labels))


@main.command()
@click.argument("key")
@click.option("--most", default=10, show_default=True, type=click.IntRange(min=1), help="Links to print.")
@click.pass_context
def explain(ctx: click.Context, key: str, most: int) -> None:
    """Print why a fulfilment belongs to an order. KEY is a fulfil_key_id, an order_key_id or a PO."""
    from recon.warehouse.display import show_link
    from recon.warehouse.links import find_links

    links, total = find_links(_warehouse(ctx.obj), key, most)
    for link in links:
        show_link(link)
    if not links:
        click.echo(f"No published link has {key!r} as fulfil_key_id, order_key_id or PO.", err=True)
        ctx.exit(FAILED)
    if total > len(links):
        click.echo(f"{total - len(links)} more links: --most {total} prints them all.")


@main.command()
@click.option("--last", default=10, show_default=True, type=click.IntRange(min=1), help="How many runs.")
@click.option("--json", "as_list", is_flag=True, help="Print them as a JSON list.")
@click.option("--close", "run_id", metavar="RUN_ID", help="Close a run that was left open, as failed.")
@click.option(
    "--show",
    metavar="RUN_ID",
    is_flag=False,
    flag_value=LAST_RUN,
    help="Show what one run counted; without a RUN_ID the last one that succeeded.",
)
@click.pass_obj
def runs(settings: Settings, last: int, run_id: str | None, show: str | None, *, as_list: bool) -> None:
    """Show the last runs, what one of them counted, or close one that was left open."""
    from recon.warehouse import display
    from recon.warehouse.runs import close_by_hand, last_runs, run_figures, unsent

    engine = _warehouse(settings)
    if show:
        figures = run_figures(engine, None if show == LAST_RUN else show)
        if figures is None:
            msg = "There is no such run; `recon runs` shows the last ones."
            raise click.ClickException(msg)
        display.show_figures(*figures)
        return
    if run_id:
        if not close_by_hand(engine, run_id, person()):
            msg = f"There is no open run {run_id}; `recon runs` shows the last ones."
            raise click.ClickException(msg)
        click.echo(f"Run {run_id} is closed as failed, the warehouse is free.")
        return
    rows = last_runs(engine, last)
    if as_list:
        click.echo(display.as_json(rows))
    else:
        since = rows[-1]["started_at"] if rows else datetime(1970, 1, 1)
        display.show_runs(rows, unsent(engine, since))


def _close_failed(engine: sa.Engine, run: Run, error: BaseException, settings: Settings) -> None:
    """Close a run as failed; where even that fails, the next run's begin does it."""
    from sqlalchemy.exc import SQLAlchemyError

    from recon.warehouse import runs

    match error:
        case KeyboardInterrupt():
            reason = "interrupted"
        case click.exceptions.Exit() | SystemExit():
            reason = "terminated"
        case _:
            reason = _line(error, settings)
    with suppress(SQLAlchemyError):
        runs.close(engine, run, "failed", reason)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    """End at SIGTERM as after an error, so that transactions roll back and the run is closed; only once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(TERMINATED)


def _is_busy(error: Exception) -> bool:
    busy = sys.modules.get("recon.warehouse.runs")
    return busy is not None and isinstance(error, busy.Busy)


def _tell(error: Exception, settings: Settings | None) -> None:
    if settings and settings.debug:
        click.echo(_without_secrets("".join(traceback.format_exception(error)), settings), err=True, nl=False)
    click.echo(f"recon: {_line(error, settings)}", err=True)


def _line(error: BaseException, settings: Settings | None) -> str:
    """Say what went wrong: our own errors as they are, others with their kind."""
    ours = type(error).__module__.split(".")[0] in {"recon", "order_rules"}
    if ours or settings is None:
        return _without_secrets(str(error), settings)
    from recon.warehouse.engine import reason

    return f"{type(error).__name__}: {reason(error, settings.warehouse_url)}"


def _without_secrets(text: str, settings: Settings | None) -> str:
    from order_rules.warehouse_url import hide

    return hide(text, settings.warehouse_url) if settings else text


main.add_command(overrides)
