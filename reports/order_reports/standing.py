"""Tells whether a report would only say again what it says already, before anything that writes reports is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import sqlalchemy as sa
from order_rules.ids import hash_id
from order_rules.program import program_hash

from order_reports.destination import written_of
from order_reports.failure import ReportError
from order_reports.settings import Settings
from order_reports.warehouse import reading

_RUN: Final = sa.table(
    "audit_run",
    *(sa.column(name, sa.String()) for name in ("run_id", "status", "published_run_id")),
    *(sa.column(name, sa.DateTime()) for name in ("started_at", "finished_at")),
)
"""Of ``order_rules.tables``, which takes longer to load than all else here does."""
_SOURCES: Final = (".py", ".html", ".css", ".js")


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
    run = _RUN.c
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
    program = program_hash(Path(__file__).parent, _SOURCES)
    digest = hash_id(row.published_run_id, f"{row.as_of:%Y-%m-%d}", sha256(rules).hexdigest(), program)
    return Basis(row.published_run_id, digest)


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
