"""The process that reads workbooks, one after another, so that a crash, a hang or a memory blow-up costs one file.

Workbooks come on stdin, rows and a summary of each go to stdout, in frames. `readers.py` is the other end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from tap_sharepoint_orders.workbook import SAVE_AS, WorkbookError, read_workbook

MEMORY_BYTES = 4 * 1024**3
"""Address space of a worker. 100,000 rows of 100 columns take 0.9 GB."""

SPENT_BYTES = 512 * 1024**2
"""A worker that once took more gives way to a new one: what it holds on to is not the next workbook's to miss."""

NICENESS = 5
"""Those who take the rows go first where there are too few cores: else they are still at it, one core each, when all is
read and the other cores have nothing left to do."""

FRAME_BYTES = 256 * 1024
LENGTH_BYTES = 8

ROWS, SUMMARY, LAST_SUMMARY = b"R", b"S", b"L"
"""What a frame holds: rows; a summary; the summary of a worker that ends with it."""


class ReadOptions(msgspec.Struct, frozen=True):
    """What a worker is told when it starts: the sheet to read, and its limits for each workbook."""

    sheet_pattern: str
    max_rows: int
    timeout_s: int
    memory_bytes: int = MEMORY_BYTES


class Reading(msgspec.Struct, frozen=True):
    """What a worker found out about a workbook; `error` says why it could not be read.

    Attributes:
        seconds: How long reading took.
        notes: What the log should say of it.
        left_out: What of the sheet was not read, for somebody to look at; null if nothing was.
    """

    error: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    rows: int = 0
    qty: int | float | None = None
    customer: str | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    left_out: str | None = None


def too_large(options: ReadOptions) -> str:
    """Why a workbook failed that took too much memory."""
    return (
        f"reading took more than {options.memory_bytes / 1024**3:.0f} GB of memory: delete stray cells far below "
        "or beside the order list, or split the workbook"
    )


def stopped(how: str) -> str:
    """Why a workbook failed that no reader survives."""
    return f"the workbook made the reader stop {how}, it is damaged or odd: put back a good copy, or {SAVE_AS}"


def read_frame(source: BinaryIO) -> tuple[bytes, bytes]:
    """Read what a frame holds, and its content.

    Raises:
        EOFError: If the other end closed before it was whole.
    """
    head = source.read(1 + LENGTH_BYTES)
    content = source.read(int.from_bytes(head[1:]))
    if len(head) < 1 + LENGTH_BYTES or len(content) < int.from_bytes(head[1:]):
        raise EOFError
    return head[:1], content


def write_frame(target: BinaryIO, kind: bytes, content: bytes | bytearray) -> None:
    """Write a frame."""
    target.write(kind + len(content).to_bytes(LENGTH_BYTES))
    target.write(content)


def main() -> None:
    """Read workbooks from stdin until it is closed."""
    # Whoever wants to stop the tap may signal its whole group; the tap ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    options = msgspec.json.decode(sys.argv[1], type=ReadOptions)
    _limit_memory(options)
    # Nobody is there any more to hear of it, if the tap was killed.
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            name, workbook = read_frame(sys.stdin.buffer), read_frame(sys.stdin.buffer)
            _set_alarm(options.timeout_s)
            spent = answer(name[1].decode(), BytesIO(workbook[1]), sys.stdout.buffer, options)
            _set_alarm(0)
            if spent:
                return


def answer(name: str, workbook: BinaryIO, out: BinaryIO, options: ReadOptions) -> bool:
    """Read a workbook; write its rows and a summary to `out`.

    Args:
        name: The workbook's file name.
        workbook: Its bytes.
        out: Where the frames go.
        options: Sheet and limits.

    Returns:
        Whether this process had better read no further workbook.
    """
    spent = False
    try:
        summary = _read(name, workbook, out, options)
    except WorkbookError as error:
        summary = Reading(error=str(error))
    except MemoryError:
        summary, spent = Reading(error=too_large(options)), True
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
        summary = Reading(error=stopped(f"with {type(error).__name__}"))
        spent = True
        sys.excepthook(type(error), error, error.__traceback__)
    spent = spent or _most_memory() > SPENT_BYTES
    write_frame(out, LAST_SUMMARY if spent else SUMMARY, msgspec.json.encode(summary))
    out.flush()
    return spent


def _read(name: str, workbook: BinaryIO, out: BinaryIO, options: ReadOptions) -> Reading:
    started = time.monotonic()
    sheet, table = read_workbook(workbook, options.sheet_pattern, name)
    rows = bytearray()
    for number, cells, sizes in table.read(sheet.below_header()):
        if table.rows > options.max_rows:
            msg = (
                f"sheet {sheet.name!r} has more than {options.max_rows:,} rows: move finished orders to another "
                "workbook, or raise max_rows"
            )
            raise WorkbookError(msg)
        # JSON holds neither a tab nor a line feed as such: the fields need no other quoting.
        rows += b"%d\t%b\t%b\n" % (number, cells, sizes)
        if len(rows) > FRAME_BYTES:
            write_frame(out, ROWS, rows)
            rows.clear()
    write_frame(out, ROWS, rows)
    left_out = None
    if table.ended_by:
        left_out = (
            f"sheet {sheet.name!r}: a second table begins at row {table.ended_by}, "
            f"{table.beyond} rows from there on are not read: move them to a sheet of their own"
        )
    return Reading(
        sheet=sheet.name,
        header_row=sheet.header.row_number,
        rows=table.rows,
        qty=table.qty,
        customer=table.customer,
        seconds=round(time.monotonic() - started, 1),
        notes=sheet.notes,
        left_out=left_out,
    )


def _limit_memory(options: ReadOptions) -> None:
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > options.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (options.memory_bytes, hard))


def _most_memory() -> int:
    """The most memory this process ever had, in bytes; 0 where that is not known."""
    try:
        # Linux hands `ru_maxrss` on through exec: a worker that a large process starts would begin with that one's.
        status = Path("/proc/self/status").read_bytes()
        return int(status.partition(b"VmHWM:")[2].split(maxsplit=1)[0]) * 1024
    except (OSError, IndexError):
        pass
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _set_alarm(seconds: int) -> None:
    """Let the system end this process when a workbook takes too long, even if the tap is busy or gone."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
