"""The one error the tap raises on purpose: a line that says what is wrong, where, and what to change."""

from __future__ import annotations

import logging
from typing import IO, Any

import click


class TapError(click.ClickException):
    """A failure that the person running the tap can mend.

    A `click` exception, because click turns it into exit 1 without a traceback wherever it is raised: while the
    tap reads, in `--discover` and in `--test`. A traceback would also print the database driver's own exceptions.
    """

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  the log is the tap's only way to say it
        """Write the message to the tap's log, on one line."""
        logging.getLogger("tap-wms").error(self.message)
