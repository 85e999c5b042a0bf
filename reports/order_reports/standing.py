"""Tells whether a report would only say again what it says already, before anything that writes reports is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import order_rules
import sqlalchemy as sa
from order_rules import tables

from order_reports.destination import written_of
from order_reports.failure import ReportError
from order_reports.settings import Settings
from order_reports.warehouse import reading

_SOURCES: Final = frozenset({".py", ".html", ".css", ".js"})


class Basis(NamedTuple):
    """What reports are made of.

    Attributes:
        run_id: the run that published it.
        digest: of all that decides what reports say: the run, the day, ``customers.yml`` and this program.
    """

    run_id: str
    digest: str


def basis_of(settings: Settings) -> Basis | None:
    """Find out what reports would be made of, by one row of the warehouse.

    Args:
        settings: where the warehouse and the rules are.

    Returns:
        The basis; ``None`` where reports are to be written in any case: the last run did not publish or find that
        nothing is new, or something of it cannot be read, which writing them will tell.
    """
    run = tables.audit_run.c
    newest = sa.select(
        run.status, run.published_run_id, sa.func.coalesce(run.finished_at, run.started_at).label("as_of")
    )
    try:
        rules = (settings.rules_path / "customers.yml").read_bytes()
        with reading(settings.warehouse) as connection:
            row = connection.execute(newest.order_by(run.started_at.desc(), run.run_id.desc()).limit(1)).one_or_none()
    except (OSError, ReportError):
        return None
    if row is None or row.status != "succeeded" or row.published_run_id is None:
        return None
    digest = sha256(f"{row.published_run_id} {row.as_of:%Y-%m-%d} ".encode())
    for content in (rules, *_sources()):
        digest.update(sha256(content).digest())
    return Basis(row.published_run_id, digest.hexdigest()[:32])


def standing(settings: Settings, names: Sequence[str], basis: Basis | None) -> dict[str, datetime]:
    """Find the reports that stand where they would go, made of the same.

    Args:
        settings: where reports go.
        names: the files.
        basis: what they would be made of.

    Returns:
        File to when it was written, UTC.
    """
    if basis is None:
        return {}
    found = {}
    for name in names:
        # What cannot be looked at is written, and says then what is wrong.
        with suppress(ReportError):
            if (written_at := written_of(settings.place, name, basis.digest)) is not None:
                found[name] = written_at
    return found


def _sources() -> Iterator[bytes]:
    """Give this program's files, so that a change of it cannot be forgotten to be told by its version."""
    for package in (Path(__file__).parent, Path(str(order_rules.__file__)).parent):
        for path in sorted(package.rglob("*")):
            if path.suffix in _SOURCES:
                yield path.read_bytes()
