"""Keeps every content that was read, under its hash and name, so that any load can be made again from it.

`<hash>/<name>`, the hash being `content_hash` of source_files: a folder of that layout, or an Azure Blob container.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from tap_sharepoint_orders.library import LibraryError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import ContainerClient

COPY_BYTES = 1024 * 1024


class ArchiveError(LibraryError):
    """The archive cannot be written: what cannot be kept is not read."""


class Archive(Protocol):
    """A place that keeps contents."""

    def store(self, content_hash: str, name: str, content: BinaryIO) -> None:
        """Keep a content, unless it is there.

        Raises:
            ArchiveError: If it cannot be kept. The message names the setting to mend.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderArchive:
    """An archive that is a folder."""

    root: Path

    def store(self, content_hash: str, name: str, content: BinaryIO) -> None:
        """Keep a content: it appears under its name only when it is whole.

        Raises:
            ArchiveError: If it cannot be written.
        """
        target = self.root / content_hash / name
        if target.exists():
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".incoming-", delete=False) as incoming:
                try:
                    content.seek(0)
                    while chunk := content.read(COPY_BYTES):
                        incoming.write(chunk)
                    incoming.flush()
                    os.fsync(incoming.fileno())
                    Path(incoming.name).replace(target)
                except BaseException:
                    Path(incoming.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            msg = f"archive_url {str(self.root)!r} cannot be written ({error.strerror}): free space, or grant the right"
            raise ArchiveError(msg) from error


@dataclass(frozen=True, slots=True)
class BlobArchive:
    """An archive that is an Azure Blob container. The right to create blobs is enough."""

    container: ContainerClient

    def store(self, content_hash: str, name: str, content: BinaryIO) -> None:
        """Keep a content: a blob appears only when it is whole, and is never written over.

        Raises:
            ArchiveError: If it cannot be written.
        """
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError  # noqa: PLC0415

        content.seek(0)
        where = f"archive_url {self.container.primary_endpoint.partition('?')[0]}"
        try:
            self.container.upload_blob(f"{content_hash}/{name}", content, overwrite=False, validate_content=True)
        except ResourceExistsError:
            return
        except HttpResponseError as error:
            refusal = f"{error.status_code} {getattr(error, 'error_code', None) or error.reason}"
            msg = (
                f"{where} refuses the workbook ({refusal})"
                ": the container has to be there, and the SAS, key or identity has to allow creating blobs"
            )
            raise ArchiveError(msg) from None
        except AzureError as error:
            msg = f"{where} cannot be reached ({type(error).__name__}): check the address, the network and the identity"
            raise ArchiveError(msg) from None


def is_blob(url: str) -> bool:
    """Whether an archive is an Azure Blob container, not a folder."""
    return urlsplit(url).scheme in {"http", "https"}


def has_sas(url: str) -> bool:
    """Whether a container's address carries a shared access signature."""
    return "sig=" in urlsplit(url).query


def archive_folder(url: str) -> Path:
    """The folder an archive_url names, as a path or as a file:// address."""
    return Path(unquote(urlsplit(url).path) if url.startswith("file://") else url).expanduser()


def open_archive(url: str, *, connection_string: str | None, credential: TokenCredential | None) -> Archive:
    """Open the archive that the settings name.

    Args:
        url: A folder, or a container's address, with or without a SAS.
        connection_string: A storage account's, if it is to sign.
        credential: An identity, if neither a SAS nor a connection string is there.

    Raises:
        ArchiveError: If the address or the connection string is none.
    """
    if not is_blob(url):
        return FolderArchive(archive_folder(url))
    from azure.storage.blob import ContainerClient  # noqa: PLC0415 - only who uses Blob storage needs it

    # It logs every request, header by header.
    logging.getLogger("azure").setLevel(logging.WARNING)
    try:
        if connection_string:
            name = urlsplit(url).path.rstrip("/").rpartition("/")[2]
            return BlobArchive(ContainerClient.from_connection_string(connection_string, name))
        return BlobArchive(ContainerClient.from_container_url(url, None if has_sas(url) else credential))
    except ValueError:
        msg = (
            "archive_url has to be a folder or a container's address "
            "(https://ACCOUNT.blob.core.windows.net/CONTAINER), archive_connection_string a storage "
            "account's connection string"
        )
        raise ArchiveError(msg) from None
