"""Goes through the order lists of a library: copies, compares, and has the changed ones read side by side.

Visits come out in the order the files went in, and few of them are held at a time, their rows on disk.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from tap_sharepoint_orders.library import FileUnavailableError
from tap_sharepoint_orders.readers import Readers
from tap_sharepoint_orders.worker import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from tap_sharepoint_orders.archive import Archive
    from tap_sharepoint_orders.library import DocumentLibrary, KnownFile, LibraryFile
    from tap_sharepoint_orders.readers import Answer
    from tap_sharepoint_orders.worker import ReadOptions

MEGABYTE = 1_000_000

HELD_PER_WORKER = 4
"""So many visits for each worker are held at most: while a large workbook is read, small ones go past it."""

IN_MEMORY_BYTES = 4 * 1024 * 1024
"""A copy is kept in memory up to this size, a larger one on disk."""


@dataclass(slots=True)
class Visit:
    """One file's turn in a run.

    Attributes:
        file: The file, as it was when copied if it could be.
        content_hash: SHA-256, in hex, of exactly the bytes that were read; null if none were.
        status: What came of it.
        reading: Sheet, counts and, where it failed, the reason.
        why: How it is known that an unchanged file is unchanged.
        answer: What the worker says, once it has read the file; none if it had not to be read.
    """

    file: LibraryFile
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    content_hash: str | None = None
    status: Literal["unchanged", "read", "failed"] = "failed"
    reading: Reading = field(default_factory=Reading)
    answer: Future[Answer] | None = None
    why: str = ""

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """The rows that were read: row number, cells, sizes."""
        if self.answer and self.status == "read":
            yield from self.answer.result().rows()

    def parts(self) -> Iterator[bytes]:
        """The same as text; see :meth:`Answer.parts`."""
        if self.answer and self.status == "read":
            yield from self.answer.result().parts()

    @property
    def finished(self) -> bool:
        """Whether the file needs no more waiting for."""
        return self.answer is None or self.answer.done()

    def finish(self) -> None:
        """Wait until the file is read."""
        if self.answer:
            self.reading = self.answer.result().reading
            self.status = "failed" if self.reading.error else "read"

    def close(self) -> None:
        """Give back the file that holds the rows, now or as soon as the worker is done with it."""
        if self.answer:
            self.answer.add_done_callback(_close)


def _close(answer: Future[Answer]) -> None:
    if not answer.exception():
        answer.result().close()


def visit_all(
    library: DocumentLibrary,
    files: Iterable[LibraryFile],
    known: Mapping[str, KnownFile],
    *,
    options: ReadOptions,
    max_file_mb: int,
    workers: int,
    archive: Archive | None = None,
) -> Iterator[Visit]:
    """Visit files in order; each visit is good until the next one is asked for.

    Args:
        library: Where the files are.
        files: The files to visit, in the order in which visits are wanted.
        known: file_id to what is known of files that need no reading if they still have the same content.
        options: What each worker is told.
        max_file_mb: Larger files, in millions of bytes, are not read.
        workers: How many files are read side by side.
        archive: Where contents to be read are kept first.

    Yields:
        Finished visits.

    Raises:
        LibraryError: If no file can be had now, or the archive cannot keep one.
    """
    readers = Readers(options, workers)
    waiting: deque[Visit] = deque()
    try:
        for file in files:
            while waiting and (waiting[0].finished or len(waiting) == workers * HELD_PER_WORKER):
                waiting[0].finish()
                yield waiting[0]
                waiting.popleft().close()
            waiting.append(
                _begin(
                    library,
                    file,
                    known.get(file.file_id),
                    readers=readers,
                    max_file_mb=max_file_mb,
                    archive=archive,
                )
            )
        while waiting:
            waiting[0].finish()
            yield waiting[0]
            waiting.popleft().close()
    finally:
        readers.close()
        for visit in waiting:
            visit.close()


def _begin(
    library: DocumentLibrary,
    file: LibraryFile,
    known: KnownFile | None,
    *,
    readers: Readers,
    max_file_mb: int,
    archive: Archive | None,
) -> Visit:
    visit = Visit(file)
    if known and (mark := known.mark_kept_by(file)):
        visit.status, visit.why, visit.content_hash = "unchanged", f"same {mark}", known.content_hash
        return visit
    if file.size_bytes > max_file_mb * MEGABYTE:
        visit.reading = Reading(
            error=f"the file has {file.size_bytes / MEGABYTE:,.0f} MB, more than {max_file_mb}: remove pictures and "
            "unused sheets, or raise max_file_mb"
        )
        return visit
    # Most copies are made only to see that nothing changed: on disk, they took a third of such a run.
    kept = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed once it was read
    copy = cast("BinaryIO", kept)
    try:
        visit.file = library.copy(file, copy)
        copy.seek(0)
        visit.content_hash = hashlib.file_digest(kept, "sha256").hexdigest()
        if known and visit.content_hash == known.content_hash:
            visit.status, visit.why = "unchanged", "same bytes"
        else:
            if archive:
                archive.store(visit.content_hash, visit.file.name, copy)
            visit.answer = readers.begin(visit.file.name, copy)
    except FileUnavailableError as error:
        visit.reading = Reading(error=str(error))
    finally:
        if not visit.answer:
            copy.close()
    return visit
