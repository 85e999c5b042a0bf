"""Why a reconciliation refuses to publish. Each refusal says what was found and what to do about it.

A refusal is an answer, not a crash: nothing is published, the run is closed as failed with this reason.
"""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  (it names what happened, as the run's reason does)
    """Nothing was published, for the reason given. The message is one line for a person."""

    @property
    def reason(self) -> str:
        """The line that the run is closed with."""
        return str(self)


class NothingLoaded(Refused):
    """The warehouse holds no complete load."""


class Shrunk(Refused):
    """Far fewer workbooks or rows arrived than the last run published."""


class TooMuchQuarantine(Refused):
    """Too large a share of one workbook or view could not be used."""


class BooksUnequal(Refused):
    """A quantity does not add up to the last unit."""


class RunLost(Refused):
    """The run was closed by somebody else while it was reconciling."""
