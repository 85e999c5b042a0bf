"""What the tap asks of a document library, whichever it is: list its files, copy one.

Which of the files are order lists is decided here, once, for every kind of library.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

LOCK_FILE_PREFIX = "~$"
"""Excel keeps such a file beside a workbook while somebody has it open."""


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A file as the library lists it.

    Attributes:
        file_id: 32 hex characters that stay the file's own from run to run.
        path: Path below the library's root, with forward slashes.
        size_bytes: Size when listed.
        modified_at: Time of the last change, UTC.
        etag: The library's own version mark, where it has one.
        key: What the library finds the file by again: a path, an item id.
    """

    file_id: str
    path: str
    size_bytes: int
    modified_at: datetime
    etag: str | None
    key: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class LibraryError(Exception):
    """The library cannot be listed: the run cannot go on."""


class FileUnavailableError(Exception):
    """One listed file cannot be had. The message says why and what to do."""


class DocumentLibrary(Protocol):
    """A place that holds order lists."""

    def files(self) -> Sequence[LibraryFile]:
        """List every file below the root.

        Raises:
            LibraryError: If any part of it cannot be listed: a part left out would look deleted.
        """
        ...

    def copy(self, file: LibraryFile, target: BinaryIO) -> LibraryFile:
        """Write the file's bytes to `target`.

        Returns:
            The file as it was when copied, which may be newer than the listing.

        Raises:
            FileUnavailableError: If it is gone, locked, or was being saved meanwhile.
        """
        ...


def order_lists(files: Iterable[LibraryFile], pattern: str) -> list[LibraryFile]:
    """Those files that match the pattern, in path order, without Excel's lock files."""
    return sorted(
        (file for file in files if not file.name.startswith(LOCK_FILE_PREFIX) and path_matches(file.path, pattern)),
        key=lambda file: file.path,
    )


def path_matches(path: str, pattern: str) -> bool:
    """Whether a path fits a glob, in which `**` stands for any number of folders, none included.

    Case is ignored, as SharePoint and Windows do: `ORDERS.XLSX` is an order list.
    """
    return _parts_match(path.casefold().split("/"), pattern.casefold().strip("/").split("/"))


def _parts_match(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not parts
    first, *rest = patterns
    if first == "**":
        return any(_parts_match(parts[skip:], rest) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], first) and _parts_match(parts[1:], rest)
