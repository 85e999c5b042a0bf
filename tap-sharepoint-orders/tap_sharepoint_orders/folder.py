"""A document library that is a folder: local, mounted, or synchronised."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from tap_sharepoint_orders.library import FileUnavailableError, LibraryError, LibraryFile

if TYPE_CHECKING:
    from collections.abc import Iterator

COPY_ATTEMPTS = 2
"""A file that changes while it is copied is copied once more before it is given up."""


class Folder:
    """The files below a folder. Links to files are followed, links to folders are not (they can loop)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def where(self) -> str:
        """What the settings say of it."""
        return f"local_path {self._root}"

    def memory(self) -> None:
        """Nothing: a folder is listed anew each time."""

    def log_traffic(self) -> None:
        """Nothing: a folder needs no network."""

    def files(self) -> list[LibraryFile]:
        """List every file below the folder.

        Raises:
            LibraryError: If the folder or one below it cannot be listed.
        """
        try:
            return list(self._walk())
        except OSError as error:
            msg = f"local_path cannot be listed: {error.filename}: {error.strerror}"
            raise LibraryError(msg) from error

    def _walk(self) -> Iterator[LibraryFile]:
        for folder, _, names in os.walk(self._root, onerror=_refuse):
            for name in names:
                location = Path(folder, name)
                try:
                    status = location.stat()
                except FileNotFoundError:
                    continue  # removed while being listed, or a link to nothing
                # A name that is not UTF-8 cannot be written as JSON; it is still found again by its key.
                path = os.fsencode(location.relative_to(self._root).as_posix()).decode(errors="replace")
                yield LibraryFile(
                    file_id=hashlib.sha256(f"local\x1f{path}".encode()).hexdigest()[:32],
                    path=path,
                    size_bytes=status.st_size,
                    modified_at=_utc(status.st_mtime),
                    etag=None,
                    key=str(location),
                )

    def copy(self, file: LibraryFile, target: BinaryIO) -> LibraryFile:
        """Copy a file's bytes to `target`, all of one version.

        Returns:
            The file with the size and time of the version copied.

        Raises:
            FileUnavailableError: If it is gone, may not be read, or keeps changing.
        """
        try:
            for _ in range(COPY_ATTEMPTS):
                target.seek(0)
                target.truncate()
                with Path(file.key).open("rb") as source:
                    before = os.fstat(source.fileno())
                    shutil.copyfileobj(source, target)
                # By path, not by descriptor: Excel saves by putting a new file in the old one's place.
                after = Path(file.key).stat()
                if _version(before) == _version(after):
                    return replace(file, size_bytes=after.st_size, modified_at=_utc(after.st_mtime))
        except FileNotFoundError:
            msg = "the file was listed but is gone: if it was moved or deleted, the next run will see that"
            raise FileUnavailableError(msg) from None
        except PermissionError:
            msg = "the file may not be read: give the user who runs the tap the right to read it"
            raise FileUnavailableError(msg) from None
        except OSError as error:
            msg = f"the file cannot be copied ({error.strerror}): check the disk or share it is on"
            raise FileUnavailableError(msg) from error
        msg = "the file kept changing while it was read: somebody is saving it, the next run tries again"
        raise FileUnavailableError(msg)


def _refuse(error: OSError) -> NoReturn:
    raise error


def _version(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
