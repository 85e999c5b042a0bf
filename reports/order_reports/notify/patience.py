"""How long to wait before something is sent again: as told, else longer and longer with jitter, and never for long.

A notification comes at the end of a job; what cannot be sent in some minutes is left to the next run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import Final, NamedTuple, ParamSpec, TypeVar

import backoff
import click

BACKOFF_S: Final = 1.0
BACKOFF_TRIES: Final = 4
"""Where nobody says how long: about 1, 2 and 4 seconds, then the error counts."""
TOLD_MOST_S: Final = 180.0
"""So long in all a request waits as it is told to."""

P = ParamSpec("P")
R = TypeVar("R")


class Sent(NamedTuple):
    """What came of a notification that was sent.

    Attributes:
        external_id: the id of what was made elsewhere.
        warning: what of it did not work, one line.
    """

    external_id: str | None = None
    warning: str | None = None


class NotSentError(Exception):
    """A notification could not be sent. The message is one line that says what to do.

    Attributes:
        external_id: the id of what was made elsewhere all the same.
    """

    def __init__(self, message: str, external_id: str | None = None) -> None:
        super().__init__(message)
        self.external_id = external_id


class TryAgainError(Exception):
    """Something that may succeed if it is sent again.

    Attributes:
        final: what to raise when there is no patience left.
        wait_s: the seconds that the other side asks to wait, if it says.
    """

    def __init__(self, final: NotSentError, wait_s: float | None = None) -> None:
        super().__init__(str(final))
        self.final = final
        self.wait_s = wait_s


def waits() -> Generator[float, TryAgainError, None]:
    """Say how long to wait before each further attempt.

    Yields:
        Seconds; ends when there should be no further attempt.
    """
    error = yield 0
    told, untold = 0.0, 0
    while True:
        if error.wait_s is None:
            untold += 1
            if untold >= BACKOFF_TRIES:
                return
            longest = BACKOFF_S * 2 ** (untold - 1)
            error = yield random.uniform(longest / 2, longest)  # noqa: S311  (spreads requests, guards nothing)
        else:
            told += error.wait_s
            if told > TOLD_MOST_S:
                return
            error = yield error.wait_s


def patiently(attempt: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call something, again where it says that this may help.

    Args:
        attempt: what to call; it raises :class:`TryAgainError` where it may succeed later.
        args: its arguments.
        kwargs: its keyword arguments.

    Returns:
        What it returns.

    Raises:
        NotSentError: it failed for good.
    """
    again = backoff.on_exception(waits, TryAgainError, jitter=None, on_backoff=_say, logger=None)(attempt)
    try:
        return again(*args, **kwargs)
    except TryAgainError as error:
        raise error.final from None


def _say(details: object) -> None:
    told = details["exception"], details["wait"]  # type: ignore[index]  # backoff's type for it is private
    click.echo(f"{told[0]} Trying again in {told[1]:.1f} s.", err=True)
