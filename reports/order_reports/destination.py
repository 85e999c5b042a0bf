"""Where reports go: a folder or an Azure Blob container. The latest has its own name, dated copies stay for a while.

A reader sees the old file or the new one, never a half of it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from order_reports.failure import ReportError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

ARCHIVE: Final = "archive"
"""The folder of the dated copies, beside the latest."""
_MADE_OF: Final = "made_of"
"""What a blob's metadata name the digest by."""
STAMP: Final = "%Y%m%dT%H%M%SZ"
CONTENT_TYPES: Final = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".html": "text/html; charset=utf-8",
}


@dataclass(frozen=True)
class Blob:
    """A container in Azure Blob Storage, or a folder of it.

    Attributes:
        url: its address without a signature, ``https://ACCOUNT.blob.core.windows.net/CONTAINER[/FOLDER]``.
        sas: the shared access signature; empty: an identity signs in.
    """

    url: str
    sas: str = field(default="", repr=False)


class Place(NamedTuple):
    """Where the files of a report go.

    Attributes:
        folder: the folder, where it is one.
        blob: the container, where it is one.
        retention_days: how long dated copies stay; ``None``: none are made.
    """

    folder: Path
    blob: Blob | None = None
    retention_days: int | None = None


@dataclass
class Draft:
    """A file in the making.

    Attributes:
        path: where to write it.
        place: where it goes, for people; never with a signature.
        size: its size in bytes, once it is delivered.
    """

    path: Path
    place: str
    size: int = 0


class Latest(NamedTuple):
    """A file as it stands: its name, its content and when it was written, UTC."""

    name: str
    content: bytes
    written_at: datetime


def parse_blob(address: str) -> Blob | None:
    """Read ``output_dir`` as a container's address.

    Args:
        address: the setting.

    Returns:
        The container; ``None``: it is a folder.

    Raises:
        ReportError: it is an address, but of no container; a signature is not repeated.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"}:
        return None
    if not parts.netloc or not parts.path.strip("/"):
        msg = (
            "output_dir is no container's address. Write it as https://ACCOUNT.blob.core.windows.net/CONTAINER, "
            "with or without a folder behind it and a shared access signature (?sv=…&sig=…)."
        )
        raise ReportError(msg)
    return Blob(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", parts.query)


@contextmanager
def delivering(place: Place, name: str, *, now: datetime | None = None, made_of: str | None = None) -> Iterator[Draft]:
    """Give a path to write to; once that is written, it becomes the latest, and old copies go.

    Args:
        place: where it goes.
        name: its name there.
        now: the moment that its dated copy is named by and that others are old by, UTC; by default this one.
        made_of: a digest of what it is made of, for ``written_of``; ``None``: it is to be written anew next time.

    Yields:
        The draft.

    Raises:
        ReportError: the place cannot be written; the latest stays as it was, unless the message says otherwise.
    """
    moment = now or datetime.now(UTC)
    if place.blob is None:
        note = _note(place.folder / name)
        with _in_place_of(place.folder / name) as draft:
            yield draft
            # Gone before the file changes: whatever breaks off here costs no more than writing the file again.
            note.unlink(missing_ok=True)
        if place.retention_days is not None:
            _keep_copy(place.folder / name, moment, place.retention_days)
        if made_of is not None:
            with suppress(OSError):
                note.write_text(made_of, encoding="utf-8")
        return
    with tempfile.TemporaryDirectory(prefix="order-reports-") as scratch:
        draft = Draft(Path(scratch) / name, f"{place.blob.url}/{name}")
        try:
            yield draft
            draft.size = draft.path.stat().st_size
        except OSError as error:
            raise ReportError(cannot_write(draft.path, error)) from error
        with _container(place.blob) as (container, folder):
            _upload(container, folder + name, draft.path, made_of)
            if place.retention_days is not None:
                _upload(container, folder + archived(name, moment), draft.path)
                for blob in container.list_blob_names(name_starts_with=f"{folder}{ARCHIVE}/"):
                    if is_old(blob.removeprefix(folder), name, moment, place.retention_days):
                        container.delete_blob(blob)


def archived(name: str, moment: datetime) -> str:
    """Name a dated copy: ``archive/order-audit-20261121T060000Z.xlsx``."""
    stem, dot, suffix = name.rpartition(".")
    return f"{ARCHIVE}/{stem}-{moment:{STAMP}}{dot}{suffix}"


def is_old(path: str, name: str, now: datetime, days: int) -> bool:
    """Tell whether a file is a dated copy whose time is over. Nothing else in the folder is ever deleted.

    Args:
        path: below the place, as ``archive/order-audit-20261121T060000Z.xlsx``.
        name: the latest's name, as ``order-audit.xlsx``.
        now: UTC.
        days: how long copies stay.
    """
    stem, _, suffix = name.rpartition(".")
    copy = re.fullmatch(rf"{ARCHIVE}/{re.escape(stem)}-(\d{{8}}T\d{{6}}Z)\.{re.escape(suffix)}", path)
    if not copy:
        return False
    try:
        written = datetime.strptime(copy[1], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return False
    return now - written > timedelta(days=days)


def latest(place: Place, name: str) -> Latest | None:
    """Read a file as it stands.

    Args:
        place: where files go.
        name: its name there.

    Returns:
        The file; ``None``: there is none.

    Raises:
        ReportError: it cannot be read.
    """
    if place.blob is None:
        path = place.folder / name
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            return Latest(name, path.read_bytes(), written)
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"{path} cannot be read ({error.strerror})."
            raise ReportError(msg) from None
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  (only who uses Blob storage needs it)

    with _container(place.blob) as (container, folder):
        try:
            found = container.download_blob(folder + name)
            return Latest(name, found.readall(), found.properties.last_modified)
        except ResourceNotFoundError as error:
            if getattr(error, "error_code", None) == "ContainerNotFound":
                raise
            return None


def written_of(place: Place, name: str, made_of: str) -> datetime | None:
    """Tell when a file was written, if it is there and was made of the same.

    What has become of it since does not matter: a planner's own entries are no reason to write over them.

    Args:
        place: where files go.
        name: its name there.
        made_of: the digest that was given to ``delivering``.

    Returns:
        The moment, UTC; ``None``: it is not there, or was made of something else.

    Raises:
        ReportError: the container cannot be asked.
    """
    if place.blob is None:
        path = place.folder / name
        try:
            if _note(path).read_text(encoding="utf-8") != made_of or not path.is_file():
                return None
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, UnicodeDecodeError):
            return None
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415  (only who uses Blob storage needs it)

    with _container(place.blob) as (container, folder):
        try:
            found = container.get_blob_client(folder + name).get_blob_properties()
        except ResourceNotFoundError:
            return None
        return found.last_modified if (found.metadata or {}).get(_MADE_OF) == made_of else None


def _note(path: Path) -> Path:
    """Name the file that says what a file beside it is made of; a container keeps that with the blob."""
    return path.with_name(f".{path.name}.made-of")


def prove_writable(place: Place) -> None:
    """Write a small file to a container and delete it.

    Raises:
        ReportError: that is refused; the message says what to do.
    """
    if place.blob is None:
        return
    name = f".order-reports-{os.getpid()}.tmp"
    with _container(place.blob) as (container, folder):
        container.upload_blob(folder + name, b"", overwrite=True)
        container.delete_blob(folder + name)
        if place.retention_days is not None:
            next(iter(container.list_blob_names(name_starts_with=f"{folder}{ARCHIVE}/")), None)


@contextmanager
def _in_place_of(target: Path) -> Iterator[Draft]:
    """Give a path beside the target that takes its place once it is written.

    The name tells the process, so that two reports at once do not write into one file.
    """
    unfinished = target.with_name(f".{target.stem}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft = Draft(unfinished, str(target))
            yield draft
            draft.size = unfinished.stat().st_size
            unfinished.replace(target)
        finally:
            # Where the folder cannot be used at all, unlink fails as well and must not hide why.
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(cannot_write(target, error)) from error


def cannot_write(target: Path, error: OSError) -> str:
    """Say why a file could not be put in its place, and what to do."""
    if target.is_dir():
        return f"{target} cannot be written: it is a folder. Move it away, or set output_dir to another folder."
    if isinstance(error, PermissionError) and target.exists():
        return f"{target} cannot be replaced: it is open in another program, or its folder is not writable. Close it."
    if error.errno == errno.ENOSPC:
        return f"{target} cannot be written: the disk is full."
    return (
        f"{target} cannot be written ({error.strerror or error}). Check that output_dir is a folder you may write to."
    )


def _keep_copy(written: Path, moment: datetime, days: int) -> None:
    copy = written.parent / archived(written.name, moment)
    try:
        with _in_place_of(copy) as draft:
            shutil.copyfile(written, draft.path)
        for path in copy.parent.iterdir():
            if is_old(f"{ARCHIVE}/{path.name}", written.name, moment, days):
                path.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{copy.parent}: old copies cannot be deleted ({error.strerror}). {written} is in place."
        raise ReportError(msg) from error


@contextmanager
def _container(blob: Blob) -> Iterator[tuple[ContainerClient, str]]:
    """Open a container.

    Yields:
        The container, and the folder in it with a slash at its end, or nothing.

    Raises:
        ReportError: the libraries are not there, the container refuses or cannot be reached; without the signature.
    """
    try:
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415
        from azure.storage.blob import ContainerClient  # noqa: PLC0415
    except ImportError:
        msg = "output_dir is an Azure Blob container, which needs the extra azure: install order-reports[azure]."
        raise ReportError(msg) from None
    # It logs every request, header by header.
    logging.getLogger("azure").setLevel(logging.WARNING)
    address, folder = _container_of(blob.url)
    where = f"output_dir {blob.url}"
    try:
        if blob.sas:
            client = ContainerClient.from_container_url(f"{address}?{blob.sas}")
        else:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415

            client = ContainerClient.from_container_url(address, DefaultAzureCredential())
        with client:
            yield client, folder
    except HttpResponseError as error:
        refusal = f"{error.status_code} {getattr(error, 'error_code', None) or error.reason}"
        msg = (
            f"{where} refuses ({refusal}): the container has to be there, and the signature or identity has to allow "
            "reading, writing, listing and deleting blobs."
        )
        raise ReportError(msg) from None
    except AzureError as error:
        msg = f"{where} cannot be reached ({type(error).__name__}): check the address, the network and the identity."
        raise ReportError(msg) from None
    except ValueError:
        msg = f"{where} is no container's address."
        raise ReportError(msg) from None


def _container_of(url: str) -> tuple[str, str]:
    """Tell container and folder apart. An emulator's address has the account in front of the container."""
    parts = urlsplit(url)
    steps = parts.path.strip("/").split("/")
    depth = 1 if ".blob." in parts.netloc or len(steps) == 1 else 2
    folder = "/".join(steps[depth:])
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(steps[:depth])}", f"{folder}/" if folder else ""


def _upload(container: ContainerClient, name: str, path: Path, made_of: str | None = None) -> None:
    from azure.storage.blob import ContentSettings  # noqa: PLC0415

    settings = ContentSettings(content_type=CONTENT_TYPES.get(path.suffix, "application/octet-stream"))
    with path.open("rb") as content:
        # A blob is replaced when all its blocks are there.
        container.upload_blob(
            name,
            content,
            overwrite=True,
            validate_content=True,
            content_settings=settings,
            metadata={_MADE_OF: made_of} if made_of else {},
        )
