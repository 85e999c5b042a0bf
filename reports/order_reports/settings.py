"""What the commands are told, with relative paths taken from the project's root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from order_rules.warehouse_url import placed, project_root
from sqlalchemy.exc import ArgumentError

from order_reports.destination import Blob, Place, parse_blob
from order_reports.failure import ReportError

FILE_NAME = "order-audit.xlsx"
PAGE_NAME = "order-audit.html"


@dataclass(frozen=True)
class Settings:
    """The settings of a report.

    Attributes:
        warehouse: URL of the warehouse; a SQLite path is absolute.
        output_dir: the folder that reports are written to, absolute.
        rules_path: the folder that holds ``customers.yml``, absolute.
        blob: the container that reports are written to instead of the folder.
        retention_days: how long dated copies stay; ``None``: none are made.
    """

    warehouse: sa.URL
    output_dir: Path
    rules_path: Path
    blob: Blob | None = None
    retention_days: int | None = None

    @property
    def place(self) -> Place:
        """Where reports go."""
        return Place(self.output_dir, self.blob, self.retention_days)

    @property
    def workbook(self) -> Path:
        """Where the workbook goes."""
        return self.output_dir / FILE_NAME


def settings(
    warehouse_url: str,
    output_dir: str,
    rules_path: str,
    *,
    retention_days: int | None = None,
) -> Settings:
    """Resolve what was given on the command line or in the environment.

    Args:
        warehouse_url: SQLAlchemy URL.
        output_dir: a folder, absolute or relative to the project, or an Azure Blob container's address.
        rules_path: a folder, absolute or relative to the project.
        retention_days: how long dated copies of the reports stay.

    Returns:
        The settings.

    Raises:
        ReportError: a URL is none, without repeating it.
    """
    root = project_root()
    try:
        url = sa.make_url(warehouse_url)
    except ArgumentError:
        msg = "warehouse_url is no SQLAlchemy URL. Write it as sqlite:///path or mssql+pymssql://user:password@host/db."
        raise ReportError(msg) from None
    blob = parse_blob(output_dir)
    return Settings(
        warehouse=placed(url),
        output_dir=root / ("output/reports" if blob else output_dir),
        rules_path=root / rules_path,
        blob=blob,
        retention_days=retention_days,
    )
