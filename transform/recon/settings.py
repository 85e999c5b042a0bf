"""What every command is told, and the warehouse and rules it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import sqlalchemy as sa
    from order_rules.config import Rules


@dataclass(frozen=True)
class Settings:
    """What every command is told.

    Attributes:
        warehouse_url: the warehouse's SQLAlchemy URL, with its password.
        rules_path: the folder of the rules.
        batches_path: the folder of batch files.
        debug: whether an error comes with its traceback.
    """

    warehouse_url: str
    rules_path: Path
    batches_path: Path
    debug: bool


def open_warehouse(settings: Settings) -> sa.Engine:
    """Connect to the warehouse until the command ends, whatever version it is at."""
    from recon.warehouse.engine import connect  # noqa: PLC0415  (loaded by the commands that connect)

    engine = connect(settings.warehouse_url)
    click.get_current_context().call_on_close(engine.dispose)
    return engine


def current_warehouse(settings: Settings) -> sa.Engine:
    """Connect to a warehouse that is at this version."""
    from recon.warehouse.version import require_version  # noqa: PLC0415  (as above)

    engine = open_warehouse(settings)
    require_version(engine)
    return engine


def read_rules(settings: Settings) -> Rules:
    """Read the rules."""
    from order_rules.config import load_rules  # noqa: PLC0415  (as above)

    return load_rules(settings.rules_path)
