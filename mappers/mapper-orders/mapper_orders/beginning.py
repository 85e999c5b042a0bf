"""Reads the beginning of the input, which in most runs is all of it: schemas and bookmarks, and no row to map.

Nothing of the SDK is loaded here: that takes half a CPU second, ten times what passing a bookmark on does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NoReturn

import msgspec

_TYPE: Final = frozenset({"type"})
_REQUIRED: Final = {
    "SCHEMA": frozenset({"stream", "schema"}),
    "RECORD": frozenset({"stream", "record"}),
    "STATE": frozenset({"value"}),
    "ACTIVATE_VERSION": frozenset({"stream", "version"}),
    "BATCH": frozenset({"stream"}),
}
DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
"""Writes what JSON holds as the SDK's own encoder does."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What came before the mapper was needed.

    Attributes:
        held: SCHEMA messages, and the first line that is none, nor a STATE; they are still to be mapped.
        passed: lines of STATE messages, which are on their way already.
    """

    held: list[str]
    passed: int


def message_of(line: str) -> dict[str, Any] | None:
    """Read a Singer message.

    Args:
        line: a line of the input.

    Returns:
        The message; none where the line is no JSON, or lacks a part that messages of its type have.
    """
    message: Any = None
    with suppress(msgspec.DecodeError, ValueError):  # ValueError: a number of more digits than Python reads
        message = DECODER.decode(line)
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or not _REQUIRED.get(kind, _TYPE) <= message.keys():
        return None
    found: dict[str, Any] = message
    return found


def pass_states_on(lines: Iterable[str]) -> Beginning | None:
    """Write STATE messages to standard out as they come, until something comes that needs the mapper.

    A SCHEMA does not: taps announce their streams first, and then see whether there is anything to send. It waits for
    the first line of another type. Where none comes it is left out, since nobody has use for it: the warehouse's
    tables are made by migrations, and checked before every job.

    Args:
        lines: the input; what is left of it is left unread.

    Returns:
        What came until then, or none where the input ended.
    """
    held: list[str] = []
    passed = 0
    for line in lines:
        message = message_of(line)
        if message is not None and message["type"] == "STATE":
            _write(message)
            passed += 1
            continue
        held.append(line)
        if message is None or message["type"] != "SCHEMA":
            return Beginning(held, passed)
    sys.stderr.write(f"Nothing to map: {len(held)} schemas and {passed} states came, and no row.\n")
    return None


def _write(message: dict[str, Any]) -> None:
    try:
        sys.stdout.buffer.write(_ENCODER.encode(message) + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:
        end_without_target()


def end_without_target() -> NoReturn:
    """Say that nobody reads on, and end with 1."""
    # Give Python another standard out, or it complains again while closing the old one.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.stderr.write("The target closed its input: see its own message above.\n")
    sys.exit(1)
