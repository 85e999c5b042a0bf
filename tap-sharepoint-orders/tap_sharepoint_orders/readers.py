"""Has workbooks read by other processes, several side by side, each worker one workbook after another.

A worker is started when there is work for it, and anew after a workbook that it did not survive.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

import msgspec

from tap_sharepoint_orders import worker
from tap_sharepoint_orders.worker import Reading, stopped, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_sharepoint_orders.worker import ReadOptions

KILL_AFTER_S = 5.0
"""How much later than the worker's own alarm it is killed, where there is no alarm or it does not ring."""

COPY_BYTES = 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
MESSAGES_BYTES = 64 * 1024

OUT_OF_MEMORY = b"memory allocation of"
"""What Rust says before it aborts."""

logger = logging.getLogger("tap-sharepoint-orders.readers")


@dataclass(frozen=True, slots=True)
class Answer:
    """A workbook as read. Its rows are in a file without a name: however this run ends, nothing is left on disk."""

    reading: Reading
    file: BinaryIO

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """The rows, if there was no error: row number, cells, sizes."""
        self.file.seek(0)
        for line in self.file:
            number, cells, sizes = line.decode().split("\t")
            yield int(number), cells, sizes[:-1]

    def parts(self) -> Iterator[bytes]:
        """The same as lines of UTF-8 text, some megabytes at a time: number, cells and sizes between tabs."""
        self.file.seek(0)
        while lines := self.file.readlines(PART_BYTES):
            yield b"".join(lines)

    def close(self) -> None:
        """Give the file back."""
        self.file.close()


Task: TypeAlias = "tuple[str, BinaryIO, Future[Answer]] | None"
"""A file name, the workbook's bytes, and where the answer is awaited; none: there is no more to do."""


def receive(answers: BinaryIO, rows: BinaryIO) -> tuple[Reading, bool]:
    """Take what a worker answers for one workbook.

    Args:
        answers: Where it comes from, in frames.
        rows: Where the rows go.

    Returns:
        The summary, and whether it was the worker's last.

    Raises:
        EOFError: If the worker ended before its answer did.
    """
    while True:
        kind, content = worker.read_frame(answers)
        if kind != worker.ROWS:
            rows.flush()
            return msgspec.json.decode(content, type=Reading), kind == worker.LAST_SUMMARY
        rows.write(content)


class Readers:
    """So many workers at most, and a thread of this process for each."""

    def __init__(self, options: ReadOptions, workers: int) -> None:
        self._options = options
        self._workers = workers
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._readers: list[Reader] = []
        # Also runs when the interpreter exits, whatever ended it.
        self.close = weakref.finalize(self, _close, self._readers, self._tasks)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that are alive."""
        return [pid for reader in self._readers if (pid := reader.pid)]

    def begin(self, name: str, workbook: BinaryIO) -> Future[Answer]:
        """Have a workbook read as soon as a worker is free.

        Args:
            name: Its file name.
            workbook: Its bytes; closed when they have been read.
        """
        future: Future[Answer] = Future()
        self._tasks.put((name, workbook, future))
        if not self._idle.acquire(blocking=False) and len(self._readers) < self._workers:
            self._readers.append(reader := Reader(self._options))
            # Not executor threads: the interpreter would wait for these at its end, a daemon's worker is killed.
            threading.Thread(target=_serve, args=(reader, self._tasks, self._idle), daemon=True).start()
        return future


def _serve(reader: Reader, tasks: queue.SimpleQueue[Task], idle: threading.Semaphore) -> None:
    while True:
        try:
            task = tasks.get_nowait()
        except queue.Empty:
            idle.release()
            task = tasks.get()
        if task is None:
            return
        name, workbook, future = task
        try:
            with workbook:
                future.set_result(reader.read(name, workbook))
        except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
            future.set_exception(error)


def _close(readers: list[Reader], tasks: queue.SimpleQueue[Task]) -> None:
    for reader in readers:
        reader.close()
        tasks.put(None)


class Reader:
    """One worker at a time."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._messages = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed with this
        self._messages_from = 0
        self._starting = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's process id, while it is alive."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def read(self, name: str, workbook: BinaryIO) -> Answer:
        """Have a workbook read.

        Args:
            name: Its file name.
            workbook: Its bytes, seekable.

        Raises:
            EOFError: If this was closed.
        """
        rows = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed with the answer
        try:
            return Answer(self._reading(name, workbook, rows), rows)
        except BaseException:
            rows.close()
            raise

    def _reading(self, name: str, workbook: BinaryIO, rows: BinaryIO) -> Reading:
        process = self._running()
        started = time.monotonic()
        limit_s = self._options.timeout_s + KILL_AFTER_S
        watch = threading.Timer(limit_s, process.kill)
        watch.daemon = True
        watch.start()
        try:
            return self._ask(process, name, workbook, rows)
        except (EOFError, BrokenPipeError):
            if self._closed:
                raise
            code = self._end()
            slow = time.monotonic() - started >= limit_s or code == -getattr(signal, "SIGALRM", 0)
            return Reading(error=self._too_slow if slow else self._reason(code))
        except OSError as error:
            self._end()
            if error.errno != errno.ENOSPC:
                raise
            return Reading(
                error="the disk for temporary files is full: free some of it, or point TMPDIR at a larger one"
            )
        finally:
            watch.cancel()

    def _ask(self, process: subprocess.Popen[bytes], name: str, workbook: BinaryIO, rows: BinaryIO) -> Reading:
        requests, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        worker.write_frame(requests, b"N", name.encode())
        size = workbook.seek(0, os.SEEK_END)
        workbook.seek(0)
        requests.write(b"W" + size.to_bytes(worker.LENGTH_BYTES))
        shutil.copyfileobj(workbook, requests, COPY_BYTES)
        requests.flush()
        reading, is_last = receive(answers, rows)
        if is_last:
            self._end()
        return reading

    def _running(self) -> subprocess.Popen[bytes]:
        """The worker, a new one if there is none.

        Raises:
            EOFError: If this was closed.
        """
        with self._starting:
            if self._closed:
                raise EOFError
            if self._process is None:
                self._messages_from = self._messages.seek(0, os.SEEK_END)
                # -P: a module lying in the working directory must not be imported in place of ours.
                self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                    [sys.executable, "-P", "-m", worker.__name__, msgspec.json.encode(self._options).decode()],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._messages,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
            return self._process

    def _end(self) -> int:
        """End the worker. Returns its exit code, which tells why if it has ended itself."""
        process, self._process = self._process, None
        if process is None:
            return 0
        _close_pipes(process)
        try:
            # Nobody listens to it any more: if it is not about to end anyway, it will.
            return process.wait(KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _reason(self, code: int) -> str:
        self._messages.seek(self._messages_from)
        messages = self._messages.read(MESSAGES_BYTES)
        logger.debug("The reader ended with code %d: %s", code, messages.decode(errors="replace"))
        if OUT_OF_MEMORY in messages or code == -getattr(signal, "SIGKILL", 0):
            return too_large(self._options)
        return stopped(f"by signal {-code}" if code < 0 else f"with code {code}")

    @property
    def _too_slow(self) -> str:
        return (
            f"reading took longer than {self._options.timeout_s} s: delete what the order list does not need, "
            "or raise parse_timeout_s"
        )

    def close(self) -> None:
        """End the worker for good, at once."""
        with self._starting:
            self._closed = True
            process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            _close_pipes(process)
        self._messages.close()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        # What is still in the buffer has nowhere to go.
        with contextlib.suppress(OSError):
            cast("BinaryIO", pipe).close()
