"""Makes and deflates a workbook's rows in threads, and puts them between what XlsxWriter writes around them.

XlsxWriter would keep all rows in files, copy them into the sheets' files, and deflate these one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from isal import isal_zlib

LEVEL: Final = 1
"""ISA-L's: a sixth of the time that zlib takes at 4, for a file an eighth larger."""
THREADS: Final = 2
"""What they do leaves the interpreter alone but for a moment a part; more would wait for it, and each holds a part."""
_WINDOW: Final = -isal_zlib.MAX_WBITS
"""Bare deflate, as a zip file has it."""


class Part(NamedTuple):
    """Some of a file, deflated on its own, so that other parts can stand before and behind it."""

    deflated: bytes
    crc: int
    size: int


class Deflater:
    """Threads that make and deflate parts of several files; each file's stay in the order that they were given in."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="deflate")

    def add(self, parts: list[Future[Part]], make: Callable[[], bytes | memoryview]) -> None:
        """Have a part made and deflated."""
        parts.append(self._threads.submit(lambda: deflated(make())))

    def finish(self) -> None:
        """Wait until all is deflated."""
        self._threads.shutdown()

    def give_up(self) -> None:
        """End without deflating what waits."""
        self._threads.shutdown(cancel_futures=True)


class Middle(NamedTuple):
    """What is put into a file of the template.

    Attributes:
        before: what it is put in front of, which the file holds once.
        parts: its data.
    """

    before: bytes
    parts: Sequence[Future[Part]]


def deflated(data: bytes | memoryview, flush: int = isal_zlib.Z_FULL_FLUSH) -> Part:
    """Deflate a part of a file.

    Args:
        data: the part.
        flush: how it ends; by default at a whole byte, so that another part can follow.

    Returns:
        The part.
    """
    deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _WINDOW)
    return Part(deflate.compress(data) + deflate.flush(flush), isal_zlib.crc32(data), len(data))


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
    """Write one file of deflated parts, which together are one deflated whole."""
    head, found, tail = content.partition(middle.before)
    if not found:
        msg = f"{info.filename} has no {middle.before.decode()}."
        raise ValueError(msg)
    between = [part.result() for part in middle.parts]
    parts = [deflated(head), *between, deflated(found + tail, isal_zlib.Z_FINISH)]
    entry = ZipInfo(info.filename, info.date_time)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = info.external_attr
    entry.file_size = sum(part.size for part in parts)
    entry.compress_size = sum(len(part.deflated) for part in parts)
    entry.CRC = reduce(lambda crc, part: isal_zlib.crc32_combine(crc, part.crc, part.size), parts, 0)
    # zipfile takes no data that is deflated already. This is what its own mkdir does to add an entry.
    file: Any = archive.fp
    entry.header_offset = file.tell()
    file.write(entry.FileHeader())
    file.writelines(part.deflated for part in parts)
    archive.filelist.append(entry)
    archive.NameToInfo[entry.filename] = entry
    archive.start_dir = file.tell()
