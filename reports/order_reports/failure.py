"""What ends a report with one clear line, and how it names the warehouse."""

from __future__ import annotations

import sqlalchemy as sa


class ReportError(Exception):
    """A report cannot be made. The message is one line that says what to do about it."""


def place_of(url: sa.URL) -> str:
    """Name a warehouse without user, password or connection options.

    Args:
        url: the warehouse's URL.

    Returns:
        Dialect, host and database, as ``mssql://host/database`` or ``sqlite:///path``.
    """
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"
