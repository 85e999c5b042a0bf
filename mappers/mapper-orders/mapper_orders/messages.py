"""Singer messages in and out, where the SDK's own would log a line of data or drop a part of a message."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from singer_sdk.contrib.msgspec import MsgSpecReader, MsgSpecWriter, encoder
from singer_sdk.singerlib.messages import Message

from mapper_orders.beginning import message_of
from mapper_orders.errors import ContractError


class LineReader(MsgSpecReader):
    """The SDK's msgspec reader, but for lines it cannot read: it logs their text, which may hold protected values.

    Attributes:
        lines_before: lines of the input that came before those that are read here.
    """

    lines_before: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self._line = self.lines_before

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Read one line.

        Args:
            line: a Singer message as JSON.

        Returns:
            The message.

        Raises:
            ContractError: the line is no Singer message; names its number.
        """
        self._line += 1
        message = message_of(line)
        if message is None:
            msg = (
                f"Line {self._line} of the input is no Singer message. The tap was cut off, or something else wrote to "
                f"its standard output: run the tap alone to see which."
            )
            raise ContractError(msg)
        return message

    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        msg = f"Line {self._line} of the input is a message of the unknown type {message_dict['type']!r:.40}."
        raise ContractError(msg)


class LineWriter(MsgSpecWriter):
    """The SDK's msgspec writer, and a way to write all messages of one input message at once.

    A wide row becomes four or five messages, which need one write and one flush, not one each.
    """

    def write_messages(self, messages: Iterable[Message]) -> None:
        """Write messages to standard out, whole lines, and flush.

        Args:
            messages: the messages in order; none is fine.
        """
        if lines := encoder.encode_lines([message.to_dict() for message in messages]):
            sys.stdout.buffer.write(lines)
            sys.stdout.flush()


@dataclass(slots=True)
class PassedOn(Message):
    """A message that passes through as it came, parts unknown to the SDK included."""

    content: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Give the message."""
        return self.content


def record_message(stream: str, record: dict[str, Any], message: dict[str, Any]) -> PassedOn:
    """Wrap an outgoing record; version, extraction time and all else are those of the message it came from."""
    return PassedOn({**message, "stream": stream, "record": record})


def record_message_of(batch: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Make the RECORD message that a row of a BATCH message stands for; the version is the batch's."""
    others = {name: value for name, value in batch.items() if name not in ("encoding", "manifest")}
    return {**others, "type": "RECORD", "record": record}
