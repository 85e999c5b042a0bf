"""Finds site, document library and folders by the names people use, and says which name or permission is wrong."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from tap_sharepoint_orders.graph import GraphError
from tap_sharepoint_orders.library import LibraryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_sharepoint_orders.graph import GraphClient

NAMES_SHOWN = 8
READING_ROLES = ("Sites.Selected", "Sites.Read.All", "Files.Read.All", "Sites.ReadWrite.All", "Files.ReadWrite.All")
"""Application permissions with which a library can be read; the first is enough."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the order lists are, in the settings' words.

    Attributes:
        site_url: The site's address, as in a browser.
        drive_name: The document library's name; none for the site's own.
        folders: Paths of folders in it; one that is empty stands for the whole library.
        cloud: Graph's address.
    """

    site_url: str
    drive_name: str | None
    folders: tuple[str, ...]
    cloud: str

    @property
    def fingerprint(self) -> str:
        """Changes with the settings."""
        settings = json.dumps([self.site_url, self.drive_name, self.folders, self.cloud])
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def refused(self, error: GraphError, what: str, roles: Sequence[str] | None = None) -> LibraryError:
        """The error to stop with when something may not be read.

        Args:
            error: Graph's refusal.
            what: What was to be read.
            roles: The app's permissions as its token lists them; none if the token does not tell.
        """
        if error.status == HTTPStatus.UNAUTHORIZED:
            return LibraryError(f"Graph does not accept the app's token for {what}: check tenant_id. {error}")
        if error.status != HTTPStatus.FORBIDDEN:
            return error
        if roles is not None and not set(roles) & set(READING_ROLES):
            held = ", ".join(roles) or "none"
            need = (
                "add the application permission Sites.Selected to the app registration, have an administrator consent "
                f"to it, and grant the app the role read on the site (the app's permissions now: {held})"
            )
        else:
            need = (
                "with Sites.Selected, an administrator has to grant the app the role read on this very site "
                "(POST /sites/{site-id}/permissions)"
            )
        return LibraryError(f"the app may not read {what} of site_url {self.site_url}: {need}. {error}")


def find_drive(graph: GraphClient, place: Place) -> str:
    """The id of the site's document library.

    Raises:
        LibraryError: If there is no such site or library, or the app may not read it.
    """
    address = urlsplit(place.site_url)
    path = quote(unquote(address.path).strip("/"))
    at = f"/sites/{address.hostname}:/{path}" if path else f"/sites/{address.hostname}"
    try:
        site = graph.get(at, {"$select": "id,webUrl"})["id"]
        if place.drive_name is None:
            return str(graph.get(f"/sites/{site}/drive", {"$select": "id"})["id"])
        drives = list(graph.items(f"/sites/{site}/drives", {"$select": "id,name,webUrl"}))
    except GraphError as error:
        if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
            raise LibraryError(_no_site(graph, place, path, error)) from None
        raise place.refused(error, "the lists", roles_of(graph.tokens.token())) from None
    wanted = place.drive_name.casefold()
    for drive in drives:
        # People know a library by its title or by the end of its address: Documents, Shared Documents.
        if wanted in {str(drive.get("name", "")).casefold(), _last_part(drive).casefold()}:
            return str(drive["id"])
    names = [str(drive.get("name", "")) for drive in drives]
    msg = f"drive_name {place.drive_name!r} is no document library of {place.site_url}{near(place.drive_name, names)}"
    raise LibraryError(msg)


def find_folders(graph: GraphClient, drive: str, place: Place) -> dict[str, str]:
    """The folders to be read.

    Returns:
        Id to what paths of its files begin with: nothing where there is one folder, its path where there are several.

    Raises:
        LibraryError: If there is no such folder, or it may not be read.
    """
    found: dict[str, str] = {}
    for folder in place.folders:
        path = folder.strip("/")
        at = f"/drives/{drive}/root:/{quote(path)}" if path else f"/drives/{drive}/root"
        try:
            item = graph.get(at, {"$select": "id,name,folder,root"})
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise LibraryError(_no_folder(graph, drive, path)) from None
            raise place.refused(error, f"folder {path!r}", roles_of(graph.tokens.token())) from None
        if item.get("folder") is None and item.get("root") is None:
            msg = f"folder_path {folder!r} is a file: name the folder it is in, and the file in file_pattern"
            raise LibraryError(msg)
        found[str(item["id"])] = path if len(place.folders) > 1 else ""
    return found


def near(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about a wrong name: which names come near, or else which there are."""
    there = sorted({other for other in names if other}, key=str.casefold)
    by_folded = {other.casefold(): other for other in there}
    close = [by_folded[match] for match in difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.6)]
    if close:
        return f": did you mean {' or '.join(map(repr, close))}?"
    if not there:
        return ": there is none that the app can see"
    shown = ", ".join(map(repr, there[:NAMES_SHOWN]))
    more = f" and {len(there) - NAMES_SHOWN} more" if len(there) > NAMES_SHOWN else ""
    return f": there are {shown}{more}"


def roles_of(token: str) -> tuple[str, ...] | None:
    """The application permissions a token lists, for an error's text; none if it cannot be read."""
    try:
        claims = token.split(".")[1]
        roles = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("roles", [])
    except (IndexError, ValueError, binascii.Error, AttributeError):
        return None
    return tuple(map(str, roles)) if isinstance(roles, list) else None


def _no_site(graph: GraphClient, place: Place, path: str, error: GraphError) -> str:
    last = unquote(path).rpartition("/")[2]
    try:
        sites = list(graph.items("/sites", {"search": last, "$select": "webUrl"})) if last else []
    except GraphError:
        sites = []  # with Sites.Selected, sites cannot be searched
    addresses = [str(site.get("webUrl", "")) for site in sites]
    hint = near(place.site_url, addresses) if addresses else ": copy the site's address from the browser"
    return f"site_url {place.site_url} is no site{hint} ({error})"


def _no_folder(graph: GraphClient, drive: str, path: str) -> str:
    """Walk down the path to the first part that is not there, and look what is there instead."""
    above = f"/drives/{drive}/root"
    parts = path.split("/")
    for depth, part in enumerate(parts):
        names = [
            str(item["name"])
            for item in graph.items(f"{above}/children", {"$select": "id,name,folder", "$top": "200"})
            if item.get("folder") is not None
        ]
        if part.casefold() not in {name.casefold() for name in names}:
            inside = "/".join(parts[:depth]) or "the library"
            return f"folder_path {path!r} is not there: {inside!r} has no folder {part!r}{near(part, names)}"
        above = f"/drives/{drive}/root:/{quote('/'.join(parts[: depth + 1]))}:"
    return f"folder_path {path!r} is not there: it may have been moved this very moment, run again"


def _last_part(drive: dict[str, Any]) -> str:
    return unquote(str(drive.get("webUrl", ""))).rstrip("/").rpartition("/")[2]
