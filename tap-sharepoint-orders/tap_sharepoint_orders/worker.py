"""Reads a workbook in a process of its own, so that a crash, a hang or a memory blow-up costs one file.

A new process a workbook takes 0.2 s to start, while others read, and leaves nothing behind for the next one.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from tap_sharepoint_orders.workbook import SAVE_AS, WorkbookError, read_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_BYTES = 4 * 1024**3
"""Address space of a worker. 100,000 rows of 100 columns take 0.9 GB."""

KILL_AFTER_S = 5.0
"""How much later than the worker's own alarm it is killed, where there is no alarm or it does not ring."""

LENGTH_BYTES = 8
MESSAGES_BYTES = 64 * 1024
EXIT_NO_ROOM = 3
"""The worker's exit code when the disk for temporary files is full: no summary can be written then."""

OUT_OF_MEMORY = b"memory allocation of"
"""What Rust says before it aborts."""

logger = logging.getLogger("tap-sharepoint-orders.worker")


class ReadOptions(msgspec.Struct, frozen=True):
    """What a worker is told: the sheet to read, and its limits."""

    sheet_pattern: str
    max_rows: int
    timeout_s: int
    memory_bytes: int = MEMORY_BYTES


class Reading(msgspec.Struct, frozen=True):
    """What a worker found out about a workbook; `error` says why it could not be read.

    Attributes:
        seconds: How long reading took.
        notes: What the log should say of it.
        warnings: What somebody should look at.
    """

    error: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    rows: int = 0
    qty: int | float | None = None
    customer: str | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class WorkbookWorker:
    """A workbook being read by another process.

    Its input and output are files without a name: however this run ends, nothing is left on disk.
    """

    def __init__(self, workbook: BinaryIO, options: ReadOptions) -> None:
        self._options = options
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115
        self._started = time.monotonic()
        workbook.seek(0)
        # -P: a module lying in the working directory must not be imported in place of ours.
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-P", "-m", __name__, msgspec.json.encode(options).decode()],
            stdin=workbook,
            stdout=self._rows,
            stderr=self._messages,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        # Also runs when the interpreter exits, whatever ended it.
        self.close = weakref.finalize(self, _end, self._process, (workbook, self._rows, self._messages))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def result(self) -> Reading:
        """Wait for the worker, no longer than it may take."""
        deadline = self._started + self._options.timeout_s + KILL_AFTER_S
        try:
            code = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return Reading(error=self._too_slow)
        if code == 0:
            return self._summary()
        return Reading(error=self._reason(code))

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """The workbook's rows, once `result` has come without an error: row number, cells, sizes."""
        for _ in range(self._summary().rows):
            number, cells, sizes = self._rows.readline().decode().rstrip("\n").split("\t")
            yield int(number), cells, sizes

    def _summary(self) -> Reading:
        """Read the summary, which follows the rows, and leave the file at the first row."""
        self._rows.seek(-LENGTH_BYTES, os.SEEK_END)
        end_of_rows = int.from_bytes(self._rows.read(LENGTH_BYTES))
        self._rows.seek(end_of_rows)
        summary = msgspec.json.decode(self._rows.read()[:-LENGTH_BYTES], type=Reading)
        self._rows.seek(0)
        return summary

    def _reason(self, code: int) -> str:
        self._messages.seek(0)
        messages = self._messages.read(MESSAGES_BYTES)
        logger.debug("The reader ended with code %d: %s", code, messages.decode(errors="replace"))
        if code == -getattr(signal, "SIGALRM", 0):
            return self._too_slow
        if code == EXIT_NO_ROOM:
            return "the disk for temporary files is full: free some of it, or point TMPDIR at a larger one"
        if OUT_OF_MEMORY in messages or code == -getattr(signal, "SIGKILL", 0):
            return _too_large(self._options)
        ended = f"by signal {-code}" if code < 0 else f"with code {code}"
        return f"the workbook made the reader stop {ended}: {SAVE_AS}"

    @property
    def _too_slow(self) -> str:
        return (
            f"reading took longer than {self._options.timeout_s} s: delete what the order list does not need, "
            "or raise parse_timeout_s"
        )


def _end(process: subprocess.Popen[bytes], files: tuple[BinaryIO, ...]) -> None:
    process.kill()
    process.wait()
    for file in files:
        file.close()


def _too_large(options: ReadOptions) -> str:
    return (
        f"reading took more than {options.memory_bytes / 1024**3:.0f} GB of memory: delete stray cells far below "
        "or beside the order list, or split the workbook"
    )


def main() -> None:
    """Read the workbook on stdin; write its rows, a summary, and where the summary starts, to stdout."""
    # Whoever wants to stop the tap may signal its whole group; the tap ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    options = msgspec.json.decode(sys.argv[1], type=ReadOptions)
    _limit(options)
    try:
        _answer(sys.stdin.buffer, sys.stdout.buffer, options)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os._exit(EXIT_NO_ROOM)  # an orderly exit would try to write the rest


def _answer(workbook: BinaryIO, out: BinaryIO, options: ReadOptions) -> None:
    try:
        summary = _read(workbook, out, options)
    except WorkbookError as error:
        summary = Reading(error=str(error))
    except MemoryError:
        summary = Reading(error=_too_large(options))
    except OSError:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
        summary = Reading(error=f"the workbook made the reader stop with {type(error).__name__}: {SAVE_AS}")
        sys.excepthook(type(error), error, error.__traceback__)
    end_of_rows = out.tell()
    out.write(msgspec.json.encode(summary))
    out.write(end_of_rows.to_bytes(LENGTH_BYTES))
    out.flush()


def _read(workbook: BinaryIO, out: BinaryIO, options: ReadOptions) -> Reading:
    started = time.monotonic()
    sheet, table = read_workbook(workbook, options.sheet_pattern)
    for number, cells, sizes in table.read(sheet.below_header()):
        if table.rows > options.max_rows:
            msg = (
                f"sheet {sheet.name!r} has more than {options.max_rows:,} rows: move finished orders to another "
                "workbook, or raise max_rows"
            )
            raise WorkbookError(msg)
        # JSON holds neither a tab nor a line feed as such: the fields need no other quoting.
        out.write(b"%d\t%b\t%b\n" % (number, cells, sizes))
    warnings = []
    if table.ended_by:
        warnings.append(
            f"sheet {sheet.name!r}: a second table begins at row {table.ended_by}, "
            f"{table.beyond} rows from there on are not read"
        )
    return Reading(
        sheet=sheet.name,
        header_row=sheet.header.row_number,
        rows=table.rows,
        qty=table.qty,
        customer=table.customer,
        seconds=round(time.monotonic() - started, 1),
        notes=sheet.notes,
        warnings=tuple(warnings),
    )


def _limit(options: ReadOptions) -> None:
    """Let the system end this process when it takes too much, even if the tap is busy or gone."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, options.timeout_s)
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > options.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (options.memory_bytes, hard))


if __name__ == "__main__":
    main()
