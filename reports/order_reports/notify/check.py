"""Proves before a job that every channel that is set up would work, and tells which are not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from order_rules.config import Notify, RulesError, load_file

from order_reports.failure import ReportError
from order_reports.notify.patience import NotSentError
from order_reports.notify.send import open_channels, secrets_of
from order_reports.notify.settings import channels, without
from order_reports.settings import Settings


class Proof(NamedTuple):
    """What the check of a channel found."""

    good: bool
    text: str


def check_channels(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Proof]:
    """Check the rules and every channel that is set up, without telling anybody anything.

    Args:
        settings: the settings in use.
        environment: where the channels' settings are looked up; by default the process's.

    Returns:
        One line a thing that was checked, with no secret in it; empty where no channel is set up.
    """
    try:
        given = channels(os.environ if environment is None else environment)
    except ReportError as error:
        return [Proof(good=False, text=str(error))]
    found = open_channels(given)
    if not found:
        return []
    secrets = secrets_of(settings, given)
    proofs = [_rules(settings)]
    for channel in found:
        try:
            proofs += [Proof(good=True, text=without(line, secrets)) for line in channel.prove()]
        except NotSentError as error:
            proofs.append(Proof(good=False, text=f"{channel.name}: {without(str(error), secrets)}"))
    return proofs


def _rules(settings: Settings) -> Proof:
    path = settings.rules_path / "notify.yml"
    if not path.exists():
        return Proof(good=True, text=f"rules {path}: not there, so channels speak on failure, Monday.com of every run")
    try:
        load_file(path, Notify)
    except RulesError as error:
        return Proof(good=False, text=f"rules_path: {' '.join(str(error).split())}")
    return Proof(good=True, text=f"rules {path}: can be used")
