"""A document library that is a SharePoint one: its changes by delta query, its files by download link.

Documented at learn.microsoft.com/graph: driveItem, driveItem: delta, site: getByPath.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from tap_sharepoint_orders.download import Content, Downloader
from tap_sharepoint_orders.drive import DriveTree, drive_file
from tap_sharepoint_orders.graph import GraphError
from tap_sharepoint_orders.library import FileUnavailableError, LibraryFile
from tap_sharepoint_orders.site import Place, find_drive, find_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_sharepoint_orders.graph import GraphClient

DELTA_QUERY = {
    "$select": "id,name,size,eTag,cTag,file,folder,root,deleted,parentReference,lastModifiedDateTime",
    "$top": "1000",
}
CHILDREN_QUERY = {**DELTA_QUERY, "$top": "200"}

DELTA_UNAVAILABLE = frozenset({400, 403, 404, 405, 410, 501})
"""With these, a drive that has no delta query, or not for this app, answers to it; its folders may still be listed."""

MOST_REMEMBERED = 5_000
"""So many folders and files at most go into the state, which is written after every workbook."""

logger = logging.getLogger("tap-sharepoint-orders.sharepoint")


class Memory(msgspec.Struct):
    """What one listing remembers for the next.

    Attributes:
        settings: Hash of the settings it is good for.
        drive: The drive's id.
        delta_link: Where the next changes are told.
        tree: What the drive held.
    """

    settings: str
    drive: str
    delta_link: str
    tree: DriveTree


@dataclass(slots=True)
class SharePoint:
    """The files of a SharePoint document library.

    Attributes:
        graph: Speaks to Graph.
        place: Site, drive and folders to be read.
        downloader: Fetches contents.
        remembered: What an earlier listing left in the state, as it was left.
        most: See MOST_REMEMBERED.
    """

    graph: GraphClient
    place: Place
    downloader: Downloader = field(default_factory=Downloader)
    remembered: object = None
    most: int = MOST_REMEMBERED
    _memory: Memory | None = None

    @property
    def where(self) -> str:
        """What the settings say of it."""
        folders = ", ".join(repr(folder) for folder in self.place.folders if folder)
        return f"site_url {self.place.site_url}" + (f", folder_path {folders}" if folders else "")

    def files(self) -> list[LibraryFile]:
        """List every file below the folders: what changed since the last listing, or else everything.

        Raises:
            LibraryError: If it cannot be listed as a whole. The message names the permission or the setting.
        """
        before = self._recalled()
        memory = (before and self._later(before)) or self._first()
        tree = memory.tree
        files = [
            LibraryFile(
                file_id=file_id(memory.drive, identity),
                path=path,
                size_bytes=file.size,
                modified_at=file.modified_at.astimezone(UTC),
                etag=file.etag,
                key=f"/drives/{memory.drive}/items/{identity}",
                marks=file.marks,
            )
            for identity, path, file in tree.paths()
        ]
        self._memory = memory
        return files

    def memory(self) -> object:
        """What the next listing can start from, to be kept once all that this one lists has been written."""
        if self._memory is None or not self._memory.delta_link:
            return None
        if (size := len(self._memory.tree.folders) + len(self._memory.tree.files)) > self.most:
            logger.warning(
                "%d folders and files are too many to remember, the next run lists them all again: name the folder "
                "of the order lists in folder_path",
                size,
            )
            return None
        return msgspec.to_builtins(self._memory)

    def _recalled(self) -> Memory | None:
        if self.remembered is None:
            return None
        try:
            memory = msgspec.convert(self.remembered, Memory)
        except msgspec.ValidationError:
            logger.info("The state was left by another version of the tap: listing everything")
            return None
        if memory.settings != self.place.fingerprint:
            logger.info("Site, library, folders or cloud are not those of the state: listing everything")
            return None
        # A state is data: it must not lead the token to another host.
        return memory if self.graph.owns(memory.delta_link) else None

    def _later(self, memory: Memory) -> Memory | None:
        """Follow what changed since the memory was made; none if everything must be listed."""
        tree = memory.tree
        try:
            changes, memory.delta_link = self._changes(memory.delta_link)
        except GraphError as error:
            if error.status not in DELTA_UNAVAILABLE:
                raise
            logger.info("Changes cannot be told any more (%s): listing everything", error)
            return None
        if tree.roots.keys() & {item["id"] for item in changes if item.get("deleted") is not None}:
            logger.info("A folder of folder_path was deleted: looking for it by its name")
            return None
        for folder in sorted(tree.apply(changes)):
            # What lies in a folder that was moved, renamed or restored is not told with it.
            tree.forget(folder)
            tree.apply(self._below(memory.drive, folder))
        tree.prune()
        logger.info("%d changes since the last run", len(changes))
        return memory

    def _first(self) -> Memory:
        """List everything: by delta query, else folder by folder."""
        drive = find_drive(self.graph, self.place)
        roots = find_folders(self.graph, drive, self.place)
        tree = DriveTree(roots)
        memory = Memory(self.place.fingerprint, drive, "", tree)
        link = f"/drives/{drive}/root/delta"
        for attempt in (1, 2):
            try:
                items, memory.delta_link = self._changes(link)
            except GraphError as error:
                if error.status not in DELTA_UNAVAILABLE:
                    raise
                if error.status == HTTPStatus.GONE and attempt == 1:
                    link = error.location if error.location and self.graph.owns(error.location) else link
                    continue
                logger.warning("Changes cannot be asked for (%s): listing folder by folder", error)
                break
            tree.apply(items)
            tree.prune()
            return memory
        for root in roots:
            tree.apply(self._below(drive, root))
        return memory

    def _changes(self, link: str) -> tuple[list[dict[str, Any]], str]:
        """All pages of a delta query, and the link under which the next changes are told.

        Raises:
            GraphError: As GraphClient.get does; with status 410 also if the pages go round in a circle.
        """
        items: list[dict[str, Any]] = []
        query = DELTA_QUERY if link.endswith("/root/delta") else None
        followed = set()
        while True:
            if link in followed:
                msg = "Graph sends the same page of changes again and again"
                raise GraphError(msg, HTTPStatus.GONE)
            followed.add(link)
            page = self.graph.get(link, query)
            query = None
            items += page.get("value", ())
            if following := page.get("@odata.nextLink"):
                link = following
            elif delta_link := page.get("@odata.deltaLink"):
                return items, delta_link
            else:
                msg = "Graph's changes end without a link to the next ones: try again later"
                raise GraphError(msg)

    def _below(self, drive: str, folder: str) -> Iterator[dict[str, Any]]:
        """Everything below a folder, folder by folder.

        Raises:
            LibraryError: If any part of it cannot be listed.
        """
        waiting = [folder]
        while waiting:
            try:
                items = list(self.graph.items(f"/drives/{drive}/items/{waiting.pop()}/children", CHILDREN_QUERY))
            except GraphError as error:
                raise self.place.refused(error, "the folders of the library") from None
            for item in items:
                yield item
                if item.get("folder") is not None:
                    waiting.append(item["id"])

    def copy(self, file: LibraryFile, target: BinaryIO) -> LibraryFile:
        """Download a file's content to `target`.

        Returns:
            The file as it was when downloaded.

        Raises:
            FileUnavailableError: If it is gone, withheld, or cannot be had whole.
            LibraryError: If no file could be had now.
        """
        item: dict[str, Any] = {}

        def renew() -> Content:
            nonlocal item
            item = self._item(file.key)
            return _content(item)

        self.downloader.fetch(renew(), target, renew)
        now = drive_file(item)
        return replace(
            file,
            size_bytes=target.seek(0, 2),
            modified_at=now.modified_at.astimezone(UTC),
            etag=now.etag,
            marks=now.marks,
        )

    def _item(self, key: str) -> dict[str, Any]:
        try:
            item = self.graph.get(key)
        except GraphError as error:
            if error.status in {0, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}:
                raise
            if error.status == HTTPStatus.NOT_FOUND:
                msg = "the file was listed but is gone: if it was moved or deleted, the next run will see that"
            elif error.status == HTTPStatus.FORBIDDEN:
                msg = f"the file may not be read by the app: look at the file's own permissions and labels ({error})"
            else:
                msg = f"the file cannot be had: {error}"
            raise FileUnavailableError(msg) from None
        if item.get("file") is None or not item.get("@microsoft.graph.downloadUrl"):
            msg = "SharePoint offers no download of the file: it may be quarantined as malware, open it in SharePoint"
            raise FileUnavailableError(msg)
        return item

    def log_traffic(self) -> None:
        """Write to the log what was asked of Graph and of the library's host."""
        self.graph.traffic.log()
        self.downloader.traffic.log()


def _content(item: dict[str, Any]) -> Content:
    file = drive_file(item)
    return Content(
        link=item["@microsoft.graph.downloadUrl"],
        size_bytes=file.size,
        quick_xor_hash=file.quick_xor_hash,
        version=next(iter(file.marks.values()), ""),
    )


def file_id(drive: str, item: str) -> str:
    """A file's own id: 32 hex characters that a rename or a move within the drive does not change."""
    return hashlib.sha256(f"sharepoint\x1f{drive}\x1f{item}".encode()).hexdigest()[:32]
