"""``recon overrides``: what people decide about single fulfilments, by hand or by a sheet."""
# ruff: noqa: PLC0415  (imports stand in the commands that need them)

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from recon.settings import Settings, current_warehouse, read_rules

if TYPE_CHECKING:
    from recon.decisions import Decision, Taken

LISTED: Final = 20
"""Decisions printed of one import."""

Command = Callable[..., Any]


def person() -> str:
    """Name who is at the keyboard."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _signed(*, why_needed: bool) -> Callable[[Command], Command]:
    """Add who, why and whether an older decision gives way."""

    def add(command: Command) -> Command:
        options = (
            click.option("--by", help="Who decides.  [default: the user of this computer]"),
            click.option("--why", required=why_needed, help="The reason, for whoever reads it later."),
            click.option("--replace", is_flag=True, help="Replace what was decided otherwise before."),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group()
def overrides() -> None:
    """Decide where fulfilments belong; decisions win over the engine and outlive reruns."""


@overrides.command("list")
@click.option("--json", "as_list", is_flag=True, help="Print them as a JSON list.")
@click.pass_obj
def list_(settings: Settings, *, as_list: bool) -> None:
    """List the decisions; those that no longer apply come first, with why."""
    from recon.decision_files import exported
    from recon.overrides import states
    from recon.warehouse.display import console, table

    rows = [exported(*state) for state in states(current_warehouse(settings), read_rules(settings))]
    if as_list:
        click.echo(json.dumps([{name.lower(): value for name, value in row.items()} for row in rows], indent=2))
    elif not rows:
        click.echo("Nothing was decided yet.")
    else:
        console().print(table("Overrides", _LIST, (_listed(row) for row in rows)))


_FIVE: Final = ("CUSTOMER", "CUSTOMER_PO", "STYLE", "COLOR", "SIZE")
_LIST: Final = ("decision", "fulfilment", "order", "why", "by", "at (UTC)", "applies")


def _listed(row: dict[str, Any]) -> list[str]:
    sides = []
    for side in ("FULFIL", "ORDER"):
        five = " / ".join(
            row[f"{side}_{name}"] or "-" for name in ("CUSTOMER", "CUSTOMER_PO", "STYLE", "COLOR", "SIZE")
        )
        key = row[f"{side}_KEY_ID"]
        sides.append(f"{five}\n{key}" if key else "")
    return [row["DECISION"], *sides, row["REASON"], row["DECIDED_BY"], row["DECIDED_AT"], row["APPLIES"]]


@overrides.command()
@click.argument("fulfil_key_id")
@click.argument("order_key_id", required=False)
@_signed(why_needed=False)
@click.pass_obj
def accept(
    settings: Settings, fulfil_key_id: str, order_key_id: str | None, by: str | None, why: str | None, *, replace: bool
) -> None:
    """Accept the order a fulfilment is linked to, its only candidate, or ORDER_KEY_ID."""
    from recon import overrides as verbs

    who = verbs.By(by or person(), why, replace)
    _show(verbs.accept(current_warehouse(settings), fulfil_key_id.lower(), _id(order_key_id), who))


@overrides.command()
@click.argument("fulfil_key_id")
@click.argument("order_key_id", required=False)
@_signed(why_needed=True)
@click.pass_obj
def reject(
    settings: Settings, fulfil_key_id: str, order_key_id: str | None, by: str | None, why: str, *, replace: bool
) -> None:
    """Rule out the order a fulfilment is linked to, its only candidate, or ORDER_KEY_ID."""
    from recon import overrides as verbs

    who = verbs.By(by or person(), why, replace)
    _show(verbs.reject(current_warehouse(settings), fulfil_key_id.lower(), _id(order_key_id), who))


@overrides.command()
@click.argument("fulfil_key_id")
@click.argument("order_key_id")
@_signed(why_needed=True)
@click.pass_obj
def link(settings: Settings, fulfil_key_id: str, order_key_id: str, by: str | None, why: str, *, replace: bool) -> None:
    """Link a fulfilment to an order, proposed or not."""
    from recon import overrides as verbs

    who = verbs.By(by or person(), why, replace)
    _show(verbs.link(current_warehouse(settings), fulfil_key_id.lower(), order_key_id.lower(), who))


@overrides.command()
@click.argument("fulfil_key_id")
@_signed(why_needed=True)
@click.pass_obj
def unlink(settings: Settings, fulfil_key_id: str, by: str | None, why: str, *, replace: bool) -> None:
    """Say that a fulfilment belongs to no order."""
    from recon import overrides as verbs

    _show(verbs.unlink(current_warehouse(settings), fulfil_key_id.lower(), verbs.By(by or person(), why, replace)))


@overrides.command()
@click.argument("fulfil_key_id")
@click.argument("order_key_id", required=False)
@click.pass_obj
def withdraw(settings: Settings, fulfil_key_id: str, order_key_id: str | None) -> None:
    """Take decisions about a fulfilment back: all, or the one about ORDER_KEY_ID."""
    from recon import overrides as verbs

    gone = verbs.withdraw(current_warehouse(settings), fulfil_key_id.lower(), _id(order_key_id))
    _tell("Withdrawn", gone)


@overrides.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_signed(why_needed=False)
@click.pass_obj
def import_(settings: Settings, file: Path, by: str | None, why: str | None, *, replace: bool) -> None:
    """Take the decisions of FILE, all or none: the report, its REVIEW sheet filled in, or an export."""
    from recon import overrides as verbs

    _show(verbs.import_file(current_warehouse(settings), file, verbs.By(by or person(), why, replace)))


@overrides.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.pass_obj
def export(settings: Settings, file: Path) -> None:
    """Write all decisions to FILE: a workbook where it ends in .xlsx, else CSV; - is standard output."""
    from recon.decision_files import exported, write_csv, write_workbook
    from recon.overrides import states

    rows = [exported(*state) for state in states(current_warehouse(settings), read_rules(settings))]
    if str(file) == "-":
        write_csv(sys.stdout, rows)
        return
    if file.suffix.lower() == ".xlsx":
        write_workbook(file, rows)
    else:
        with file.open("w", encoding="utf-8-sig", newline="") as opened:
            write_csv(opened, rows)
    click.echo(f"{_many(len(rows))} written to {file}.")


def _id(key: str | None) -> str | None:
    return key.lower() if key else None


def _show(taken: Taken) -> None:
    _tell("Replaced", taken.replaced)
    _tell("Decided", taken.added)
    if taken.unchanged:
        click.echo(f"{_many(len(taken.unchanged))} taken before already.")
    if not taken.added and not taken.unchanged:
        click.echo("There is no decision in it: its DECISION column is empty.")
    elif taken.added:
        click.echo("The next `recon reconcile` applies what was decided.")


def _tell(what: str, decisions: Iterable[Decision]) -> None:
    every = list(decisions)
    for one in every[:LISTED]:
        click.echo(f"{what}: {one}")
    if len(every) > LISTED:
        click.echo(f"{what}: {len(every) - LISTED} more")


def _many(count: int) -> str:
    return f"{count} decision{'' if count == 1 else 's'}"
