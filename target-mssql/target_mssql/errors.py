"""The errors the target raises on purpose: one line each, saying what is wrong, where, and what to change."""

from __future__ import annotations

import logging
from typing import IO, Any

import click


class LoadError(click.ClickException):
    """A failure that the person running the target can mend.

    A `click` exception, because click turns it into exit 1 without a traceback, and a traceback would show the
    driver's own exceptions, which may hold record values.
    """

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  the log is the target's only way to say it
        """Write the message to the target's log, on one line."""
        logging.getLogger("target-mssql").error(self.message)


class ValueRefused(ValueError):  # noqa: N818  a refusal, not a fault of the program
    """A value that its column cannot hold exactly.

    Attributes:
        too_wide: the value is of the right kind, and a wider column of that kind would hold it.
    """

    def __init__(self, reason: str, *, too_wide: bool = False) -> None:
        super().__init__(reason)
        self.too_wide = too_wide


class TransientFault(Exception):  # noqa: N818  a passing condition of the server
    """A failure that passes by itself (deadlock, failover, throttling): the batch is tried again.

    Attributes:
        broken: the session is lost, and with it its temporary tables.
    """

    def __init__(self, message: str, *, broken: bool) -> None:
        super().__init__(message)
        self.broken = broken


class SideFileFailed(Exception):  # noqa: N818  as above: a condition of the disk
    """The file by which rows come into a SQLite database could not be written."""


class BulkCopyFailed(Exception):  # noqa: N818  not the load's failure: rows then go by INSERT
    """The driver's bulk copy failed or did not put into the staging table what it was given."""
