"""What is in a document library, as far as Graph tells of it, and what people do to it.

It follows Microsoft's published description of driveItem.
"""

from __future__ import annotations

import threading
from typing import Any

from tap_sharepoint_orders.quick_xor_hash import QuickXorHash

DRIVE = "b!drive-1"


class LibraryContent:
    """Items by id. Nothing is forgotten: a deleted item stays, so that its deletion can be told."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.items: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.changed: dict[str, int] = {}
        self.clock = 0
        self._touch({"id": "root", "name": "root", "root": {}, "folder": {}, "parentReference": {"driveId": DRIVE}})

    def _touch(self, item: dict[str, Any], *, content: bool = False) -> None:
        with self.lock:
            self.clock += 1
            version = int(item.get("version", 0)) + 1
            item |= {
                "version": version,
                "eTag": f'"{{{item["id"]}}},{version}"',
                "lastModifiedDateTime": f"2026-03-04T10:{self.clock // 60:02}:{self.clock % 60:02}Z",
            }
            if content:
                item["cTag"] = f'"c:{{{item["id"]}}},{version}"'
            self.items[item["id"]] = item
            self.changed[item["id"]] = self.clock

    def find(self, path: str) -> dict[str, Any]:
        item = self.items["root"]
        for name in filter(None, path.split("/")):
            item = next(inner for inner in self.inside(item["id"]) if inner["name"].casefold() == name.casefold())
        return item

    def inside(self, folder: str) -> list[dict[str, Any]]:
        return [
            item
            for item in self.items.values()
            if item["parentReference"].get("id") == folder and "deleted" not in item
        ]

    def folder(self, path: str) -> dict[str, Any]:
        above, _, name = path.rpartition("/")
        try:
            return self.find(path)
        except StopIteration:
            parent = self.folder(above) if above else self.items["root"]
            item = {"id": f"folder-{len(self.items)}", "name": name, "folder": {"childCount": 0}}
            self._touch(item | {"parentReference": {"driveId": DRIVE, "id": parent["id"]}})
            return self.find(path)

    def put(self, path: str, content: bytes) -> dict[str, Any]:
        above, _, name = path.rpartition("/")
        parent = self.folder(above) if above else self.items["root"]
        try:
            item = self.find(path)
        except StopIteration:
            item = {"id": f"item-{len(self.items)}", "name": name}
            item["parentReference"] = {"driveId": DRIVE, "id": parent["id"]}
        hasher = QuickXorHash()
        hasher.update(content)
        item |= {"size": len(content), "file": {"hashes": {"quickXorHash": hasher.base64()}}}
        self.contents[item["id"]] = content
        self._touch(item, content=True)
        return item

    def move(self, path: str, to: str) -> None:
        item = self.find(path)
        above, _, item["name"] = to.rpartition("/")
        item["parentReference"]["id"] = (self.folder(above) if above else self.items["root"])["id"]
        self._touch(item)

    def share(self, path: str) -> None:
        """Edit an item's permissions: its eTag changes, its content does not."""
        self._touch(self.find(path))

    def delete(self, path: str) -> None:
        item = self.find(path)
        for inner in self.inside(item["id"]) if "folder" in item else ():
            inner["deleted"] = {"state": "deleted"}  # gone with the folder, and not told
        item["deleted"] = {"state": "deleted"}
        self._touch(item)
