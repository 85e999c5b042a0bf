"""Proves before a job that a report can be made: the warehouse can be read and is complete, the folder written."""

from __future__ import annotations

import tempfile
from typing import NamedTuple

from order_rules.config import Customers, RulesError, load_file

from order_reports.destination import prove_writable
from order_reports.failure import ReportError, place_of
from order_reports.ready import missing_parts
from order_reports.settings import Settings
from order_reports.warehouse import reading


class Finding(NamedTuple):
    """What one check found."""

    good: bool
    text: str


def check(settings: Settings) -> list[Finding]:
    """Check everything that a report needs.

    Args:
        settings: the settings in use.

    Returns:
        One finding a thing that was checked; nothing in it is secret.
    """
    return [*_warehouse(settings), _rules(settings), _output(settings), *_channels(settings)]


def _warehouse(settings: Settings) -> list[Finding]:
    place = place_of(settings.warehouse)
    try:
        with reading(settings.warehouse) as connection:
            missing = missing_parts(connection)
    except ReportError as error:
        return [Finding(good=False, text=f"warehouse: {error}")]
    if missing:
        return [Finding(good=False, text=f"warehouse {place}: {one}") for one in missing]
    return [Finding(good=True, text=f"warehouse {place}: can be read, and has every table")]


def _rules(settings: Settings) -> Finding:
    path = settings.rules_path / "customers.yml"
    try:
        known = load_file(path, Customers)
    except RulesError as error:
        return Finding(good=False, text=f"rules_path: {' '.join(str(error).split())}")
    return Finding(good=True, text=f"rules {path}: {len(known.customers):,} customers")


def _output(settings: Settings) -> Finding:
    if settings.blob:
        try:
            prove_writable(settings.place)
        except ReportError as error:
            return Finding(good=False, text=str(error))
        return Finding(good=True, text=f"output_dir {settings.blob.url}: can be written")
    folder = settings.output_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = f"output_dir {folder}: cannot be written ({error.strerror}). Set it to a folder you may write to."
        return Finding(good=False, text=text)
    if settings.workbook.is_dir():
        return Finding(
            good=False, text=f"output_dir {folder}: {settings.workbook.name} is a folder there. Move it away."
        )
    return Finding(good=True, text=f"output_dir {folder}: can be written")


def _channels(settings: Settings) -> list[Finding]:
    # Most commands need none of what the channels load.
    from order_reports.notify.check import check_channels  # noqa: PLC0415

    return [Finding(proof.good, proof.text) for proof in check_channels(settings)]
