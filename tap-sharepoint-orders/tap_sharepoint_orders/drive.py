"""A drive's tree as the tap knows it: which folders and files lie below the folders to be read, and where.

Items are tracked by their ids, never by path: renaming a folder sends no word of what is in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class DriveFile(msgspec.Struct, frozen=True):
    """A file of the drive.

    Attributes:
        parent: Id of the folder it is in.
        name: Its name.
        size: Bytes.
        modified: Time of its last change, as Graph writes it.
        etag: Changes with anything about the file.
        ctag: Changes with its content; not told by every request.
        quick_xor_hash: Hash of its content, where the library keeps one.
    """

    parent: str
    name: str
    size: int
    modified: str
    etag: str | None = None
    ctag: str | None = None
    quick_xor_hash: str | None = None

    @property
    def modified_at(self) -> datetime:
        """Time of its last change."""
        return datetime.fromisoformat(self.modified)

    @property
    def marks(self) -> dict[str, str]:
        """What tells its content from other content, the surest first; a rename changes none but the last."""
        marks = {
            "quickXorHash": f"{self.size}:{self.quick_xor_hash}" if self.quick_xor_hash else None,
            "cTag": self.ctag,
            "eTag": self.etag,
        }
        return {name: value for name, value in marks.items() if value}


class DriveFolder(msgspec.Struct, frozen=True):
    """A folder of the drive: the folder it is in, and its name."""

    parent: str
    name: str


class DriveTree(msgspec.Struct):
    """Folders and files below the folders to be read, by id.

    Attributes:
        roots: Id of each folder to be read, to what its files' paths begin with.
        folders: The folders below them.
        files: The files below them.
    """

    roots: dict[str, str]
    folders: dict[str, DriveFolder] = msgspec.field(default_factory=dict)
    files: dict[str, DriveFile] = msgspec.field(default_factory=dict)

    def apply(self, items: Iterable[dict[str, Any]]) -> set[str]:
        """Take over what Graph says of items; of one that comes several times, the last word counts.

        Returns:
            Ids of folders that are new, renamed or moved, the uppermost of each branch: what is in them may not have
            been told.
        """
        changed: set[str] = set()
        for item in {item["id"]: item for item in items}.values():
            identity = item["id"]
            if item.get("deleted") is not None:
                self.folders.pop(identity, None)
                self.files.pop(identity, None)
            elif item.get("file") is not None:
                self.files[identity] = drive_file(item)
            elif item.get("folder") is not None and item.get("root") is None:
                folder = DriveFolder(_parent(item), item["name"])
                if self.folders.get(identity) != folder and identity not in self.roots:
                    self.folders[identity] = folder
                    changed.add(identity)
        return {
            identity
            for identity in changed
            if self.path_of(identity) is not None and not changed & set(self._above(identity))
        }

    def forget(self, folder: str) -> None:
        """Forget what is in a folder, before it is listed anew."""
        for identity in [key for key, file in self.files.items() if file.parent == folder]:
            del self.files[identity]
        for identity in [key for key, inner in self.folders.items() if inner.parent == folder]:
            self.forget(identity)
            del self.folders[identity]

    def prune(self) -> None:
        """Drop what does not lie below the folders to be read."""
        self.folders = {key: folder for key, folder in self.folders.items() if self.path_of(key) is not None}
        self.files = {key: file for key, file in self.files.items() if self.path_of(file.parent) is not None}

    def paths(self) -> Iterator[tuple[str, str, DriveFile]]:
        """All files below the folders to be read.

        Yields:
            Id, path, file.
        """
        for identity, file in self.files.items():
            if (folder := self.path_of(file.parent)) is not None:
                yield identity, f"{folder}/{file.name}".lstrip("/"), file

    def path_of(self, folder: str) -> str | None:
        """A folder's path below the folders to be read; none if it does not lie there."""
        way = [folder, *self._above(folder)]
        if way[-1] not in self.roots:
            return None
        names = [self.folders[identity].name for identity in reversed(way[:-1])]
        return "/".join([self.roots[way[-1]], *names]).strip("/")

    def _above(self, folder: str) -> list[str]:
        """The folders a folder is in, up to one that is to be read, or to where the way is lost."""
        way: list[str] = []
        while folder in self.folders and folder not in self.roots:
            folder = self.folders[folder].parent
            if folder in way:
                break  # a circle: between two pages, a folder was moved below one of its own
            way.append(folder)
        return way


def drive_file(item: dict[str, Any]) -> DriveFile:
    """A file from Graph's driveItem."""
    return DriveFile(
        parent=_parent(item),
        name=item["name"],
        size=int(item.get("size") or 0),
        modified=item.get("lastModifiedDateTime") or "1970-01-01T00:00:00Z",
        etag=item.get("eTag"),
        ctag=item.get("cTag"),
        quick_xor_hash=(item["file"].get("hashes") or {}).get("quickXorHash"),
    )


def _parent(item: dict[str, Any]) -> str:
    return str((item.get("parentReference") or {}).get("id") or "")
