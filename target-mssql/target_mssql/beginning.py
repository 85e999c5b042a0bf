"""Reads the beginning of the input, which in most runs is all of it: states, and nothing to load.

Nothing of the SDK or of SQLAlchemy is loaded here: that takes half a CPU second, ten times what a state alone needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import msgspec

DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
"""Reads what JSON holds as the SDK's own msgspec reader does."""
ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def lines_to_load(lines: Iterable[str]) -> list[str] | None:
    """Read STATE messages until a message of another type comes, a SCHEMA included: it may make or empty a table.

    Args:
        lines: the input; what is left of it is left unread.

    Returns:
        The lines until then. None where the input ended: nothing is to be loaded, and the last state is emitted.
    """
    held: list[str] = []
    state: Any = None
    for line in lines:
        held.append(line)
        message: Any = None
        with suppress(msgspec.DecodeError, ValueError):  # ValueError: a number of more digits than Python reads
            message = DECODER.decode(line)
        if not (isinstance(message, dict) and message.get("type") == "STATE" and "value" in message):
            return held
        state = message["value"]
    sys.stderr.write(f"Nothing to load: {len(held)} states came, and nothing else.\n")
    if state:
        write_state(state)
    return None


def write_state(state: Any) -> None:  # noqa: ANN401  (whatever the tap sent)
    """Emit a state; the SDK's `json` cannot write the decimals that its msgspec reader reads."""
    sys.stdout.write(ENCODER.encode(state).decode() + "\n")
    sys.stdout.flush()
