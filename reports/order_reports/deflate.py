"""Deflates a workbook's rows while they are made, and puts them between what XlsxWriter writes around them.

XlsxWriter would keep all rows in files, copy them into the sheets' files, and deflate these one after the other.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

LEVEL: Final = 4
"""Half the time of zlib's usual level for a file a seventh larger."""
MOST_WAITING: Final = 16
"""Parts that wait to be deflated, of some megabytes each; who is faster than that waits as well."""
_WINDOW: Final = -zlib.MAX_WBITS
"""Bare deflate, as a zip file has it."""
_ALL_BITS: Final = 0xFFFF_FFFF


class Deflater:
    """A thread that deflates what several streams are given, in that order."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="deflate")
        self._waiting: deque[Future[None]] = deque()

    def add(self, stream: Stream, data: bytes | memoryview) -> None:
        """Have data deflated into a stream, which is not looked at before ``finish``."""
        while len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(stream.take, data))

    def finish(self) -> None:
        """Wait until all is deflated."""
        while self._waiting:
            self._waiting.popleft().result()
        self._thread.shutdown()

    def give_up(self) -> None:
        """End without deflating what waits."""
        self._thread.shutdown(cancel_futures=True)


class Stream:
    """The middle of one file of a zip, deflated as it comes."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, _WINDOW)
        self.crc = 0
        self.size = 0
        self.deflated: list[bytes] = []

    def take(self, data: bytes | memoryview) -> None:
        """Deflate some more."""
        self.crc = zlib.crc32(data, self.crc)
        self.size += len(data)
        self.deflated.append(self._deflate.compress(data))

    def end(self) -> None:
        """End at a whole byte, so that other deflated data can follow."""
        self.deflated.append(self._deflate.flush(zlib.Z_FULL_FLUSH))


class Middle(NamedTuple):
    """What is put into a file of the template.

    Attributes:
        before: what it is put in front of, which the file holds once.
        stream: its data, all of it taken.
    """

    before: bytes
    stream: Stream


def assemble(template: IO[bytes], path: Path, middles: Mapping[str, Middle]) -> None:
    """Write a zip file of a template's files, some of them with a middle that the template lacks.

    Args:
        template: a zip file.
        path: where to write; overwritten.
        middles: a file's name to what is put into it.

    Raises:
        OSError: it cannot be written.
        ValueError: the template lacks a file that has a middle, or its place.
    """
    with ZipFile(template) as given, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=LEVEL) as made:
        if missing := middles.keys() - set(given.namelist()):
            msg = f"XlsxWriter wrote no {', '.join(sorted(missing))}."
            raise ValueError(msg)
        for info in given.infolist():
            content = given.read(info)
            if info.filename in middles:
                _write_around(made, info, content, middles[info.filename])
            else:
                made.writestr(info, content)


def _write_around(archive: ZipFile, info: ZipInfo, content: bytes, middle: Middle) -> None:
    """Write one file of three deflated parts, which together are one deflated whole."""
    head, found, tail = content.partition(middle.before)
    if not found:
        msg = f"{info.filename} has no {middle.before.decode()}."
        raise ValueError(msg)
    stream = middle.stream
    stream.end()
    deflated = [_deflated(head, zlib.Z_FULL_FLUSH), *stream.deflated, _deflated(found + tail, zlib.Z_FINISH)]
    entry = ZipInfo(info.filename, info.date_time)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = info.external_attr
    entry.file_size = len(content) + stream.size
    entry.compress_size = sum(map(len, deflated))
    entry.CRC = zlib.crc32(found + tail, _joined(zlib.crc32(head), stream.crc, stream.size))
    # zipfile takes no data that is deflated already. This is what its own mkdir does to add an entry.
    file: Any = archive.fp
    entry.header_offset = file.tell()
    file.write(entry.FileHeader())
    file.writelines(deflated)
    archive.filelist.append(entry)
    archive.NameToInfo[entry.filename] = entry
    archive.start_dir = file.tell()


def _deflated(data: bytes, flush: int) -> bytes:
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, _WINDOW)
    return deflate.compress(data) + deflate.flush(flush)


def _joined(first: int, second: int, size: int) -> int:
    """Give the CRC of two parts put together, of which the second has a size: the first's moves on as over noughts."""
    moved = first ^ _ALL_BITS
    noughts = bytes(min(size, 2**20))
    for _ in range(size // 2**20):
        moved = zlib.crc32(noughts, moved)
    return zlib.crc32(noughts[: size % 2**20], moved) ^ _ALL_BITS ^ second
