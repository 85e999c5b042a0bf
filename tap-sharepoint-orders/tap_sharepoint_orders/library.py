"""What the tap asks of a document library, whichever it is: list its files, copy one.

Which of the files are order lists is decided here, once, for every kind of library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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
        marks: What the library itself tells one content from another by, the surest first: name to value. Empty where
            only reading the file can tell.
    """

    file_id: str
    path: str
    size_bytes: int
    modified_at: datetime
    etag: str | None
    key: str
    marks: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class LibraryError(Exception):
    """The library cannot be listed: the run cannot go on."""


class FileUnavailableError(Exception):
    """One listed file cannot be had. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as an earlier run read it.

    Attributes:
        content_hash: SHA-256 of the bytes that were read.
        marks: The marks its version had.
    """

    content_hash: str
    marks: Mapping[str, str]

    def mark_kept_by(self, file: LibraryFile) -> str | None:
        """The name of a mark that shows that the file's content is still the one known, if there is one.

        One equal mark is proof enough: a rename changes eTag only, restoring a version changes all but the hash.
        """
        return next((name for name, value in file.marks.items() if self.marks.get(name) == value), None)


class DocumentLibrary(Protocol):
    """A place that holds order lists."""

    @property
    def where(self) -> str:
        """What the settings say of it, for the log."""
        ...

    def files(self) -> Sequence[LibraryFile]:
        """List every file below the root.

        Raises:
            LibraryError: If any part of it cannot be listed: a part left out would look deleted.
        """
        ...

    def memory(self) -> object:
        """What the next listing can start from, as JSON; none if it needs nothing.

        It is kept only once everything that was listed has been written.
        """
        ...

    def log_traffic(self) -> None:
        """Write to the log what was asked of the network, if anything was."""
        ...

    def copy(self, file: LibraryFile, target: BinaryIO) -> LibraryFile:
        """Write the file's bytes to `target`.

        Returns:
            The file as it was when copied, which may be newer than the listing.

        Raises:
            FileUnavailableError: If it is gone, locked, or was being saved meanwhile.
            LibraryError: If no file at all can be had now: the run cannot go on.
        """
        ...


def order_lists(files: Iterable[LibraryFile], pattern: str, excluded: Sequence[str] = ()) -> list[LibraryFile]:
    """Those files that match the pattern and none of those excluded, without Excel's lock files.

    The largest come first, so that at the end nobody waits for one that was begun last; equals in path order.
    """
    return sorted(
        (
            file
            for file in files
            if not file.name.startswith(LOCK_FILE_PREFIX)
            and path_matches(file.path, pattern)
            and not any(path_matches(file.path, out) for out in excluded)
        ),
        key=lambda file: (-file.size_bytes, file.path),
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
