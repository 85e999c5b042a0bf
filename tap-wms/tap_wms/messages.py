"""Singer messages on their way out: records by the part, all others at once."""

from __future__ import annotations

import datetime as dt
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder

from tap_wms.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import Message

#: Bytes of records that wait to be written together. Linux' pipes hold 64 KiB.
PART = 64 * 1024


class PipeWriter(MsgSpecWriter):
    """The SDK's msgspec writer, with a way for many records, and a word for the target that has gone.

    A record by itself takes the SDK as long to wrap, write and flush as this tap takes to read, hash and encode it.
    What waits when the tap is ended is lost, and is read again: no state says otherwise, for each message of another
    kind goes out behind all records that came before it.
    """

    def __init__(self) -> None:
        """Start with nothing waiting."""
        super().__init__()
        self._waiting = bytearray()
        self._end = b""
        self._writing = False
        self._told: int | None = None

    def stop(self, exit_code: int) -> None:
        """End the tap: at once, or when the line being written is whole; told twice, at once.

        Raises:
            SystemExit: With the exit code.
        """
        if self._told is not None or not self._writing:
            sys.exit(exit_code)
        self._told = exit_code

    def write_record(self, head: bytes, record: Record) -> None:
        """Write a record, now or together with the next.

        Args:
            head: What `record_head` returns for its stream.
            record: The record.

        Raises:
            TapError: Nobody reads any more.
            SystemExit: The tap was told to end.
        """
        waiting = self._waiting
        if not waiting:
            self._end = b',"time_extracted":' + encoder.encode(dt.datetime.now(dt.UTC)) + b"}\n"
        waiting += head
        waiting += encoder.encode(record)
        waiting += self._end
        if len(waiting) >= PART:
            self.write_waiting()

    def write_message(self, message: Message) -> None:
        """Write a message to stdout, behind the records that wait.

        Raises:
            TapError: Nobody reads any more.
            SystemExit: The tap was told to end.
        """
        self.write_waiting()
        with self._whole():
            super().write_message(message)

    def write_waiting(self) -> None:
        """Write the records that wait."""
        if not self._waiting:
            return
        lines, self._waiting = self._waiting, bytearray()
        with self._whole():
            rest = memoryview(lines)
            while rest:  # unbuffered (PYTHONUNBUFFERED), a write that a signal interrupts is only begun
                rest = rest[sys.stdout.buffer.write(rest) :]
            sys.stdout.flush()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        self._writing = True
        try:
            yield
        except BrokenPipeError:
            # What is still buffered has nowhere to go; Python would try again when it ends, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise TapError("the target has closed the pipe before everything was read; its log says why") from None
        finally:
            self._writing = False
        if self._told is not None:
            sys.exit(self._told)


def record_head(stream: str) -> bytes:
    """Return what every record message of a stream starts with."""
    return b'{"type":"RECORD","stream":' + encoder.encode(stream) + b',"record":'
