"""Fetches a file's content by its pre-authenticated link: without a token, resumed where it broke off, verified."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO

import backoff
import requests

from tap_sharepoint_orders.graph import (
    TIMEOUT_S,
    TRANSIENT,
    USER_AGENT,
    Traffic,
    TryAgainError,
    reason,
    retry_after,
    waits,
)
from tap_sharepoint_orders.library import FileUnavailableError
from tap_sharepoint_orders.quick_xor_hash import QuickXorHash

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 1024 * 1024
LINK_REFUSED = frozenset({401, 403, 404, 410})
"""What the file's host answers once a link has expired."""

BROKEN = "the download broke off again and again: check the network, the next run tries again"

LINKS = 3
"""A link lives minutes: for one download, more than these are not asked for."""

logger = logging.getLogger("tap-sharepoint-orders.download")


class LinkExpiredError(Exception):
    """The link is good no longer; a new one may go on where it stopped."""


@dataclass(frozen=True, slots=True)
class Content:
    """A version of a file's content, as Graph describes it.

    Attributes:
        link: Where to fetch it, without a token. It is a credential: never shown.
        size_bytes: Its size.
        quick_xor_hash: Its hash, where the library keeps one.
        version: Equal for links to the same version.
    """

    link: str
    size_bytes: int
    quick_xor_hash: str | None
    version: str


@dataclass(slots=True)
class Downloader:
    """Fetches contents."""

    verify: bool = True
    traffic: Traffic = field(default_factory=lambda: Traffic("download"))
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # No compression: Range counts bytes of the file.
        self.session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        # Not even a .netrc file may add a credential to a link that is one.
        self.session.auth = _unchanged

    def fetch(self, content: Content, target: BinaryIO, renew: Callable[[], Content]) -> Content:
        """Write a file's content to `target`.

        Args:
            content: The version to fetch.
            target: Where to, from its start; what it holds is overwritten.
            renew: Describes the file anew, with a new link.

        Returns:
            The version that was fetched, a newer one if the file was saved meanwhile.

        Raises:
            FileUnavailableError: If it cannot be had whole.
        """
        _empty(target)
        problem = ""
        for _ in range(LINKS):
            try:
                self._patiently(content, target)
            except LinkExpiredError:
                problem = "its download link expired again and again: the network may be too slow for the file"
                logger.info("The download link expired after %d of %d bytes", target.tell(), content.size_bytes)
                newer = renew()
                if newer.version != content.version:
                    _empty(target)
                content = newer
                continue
            if not (difference := self._difference(content, target)):
                return content
            problem = (
                f"the download is not what the library lists ({difference}): somebody is saving the file, the next "
                "run tries again; if it stays so, save it anew in Excel or set verify_downloads to false"
            )
            logger.info("The download is not what the library lists (%s): fetching it once more", difference)
            content = renew()
            _empty(target)
        raise FileUnavailableError(problem)

    def _patiently(self, content: Content, target: BinaryIO) -> None:
        patient = backoff.on_exception(waits, TryAgainError, jitter=None, on_backoff=self.traffic.wait, logger=None)(
            self._go_on
        )
        try:
            patient(content, target)
        except TryAgainError as error:
            raise error.final from None

    def _go_on(self, content: Content, target: BinaryIO) -> None:
        """Fetch what is missing."""
        have = target.seek(0, 2)
        if self.verify and have and have >= content.size_bytes:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        self.traffic.requests += 1
        broken = FileUnavailableError(BROKEN)
        try:
            with self.session.get(content.link, headers=headers, timeout=TIMEOUT_S, stream=True) as answer:
                if answer.status_code in LINK_REFUSED:
                    raise LinkExpiredError
                if answer.status_code in TRANSIENT:
                    final = FileUnavailableError(f"the library's host answered {answer.status_code}: try again later")
                    raise TryAgainError(final, retry_after(answer))
                if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    _empty(target)
                    raise TryAgainError(broken)
                if not answer.ok:
                    said = f"{answer.status_code} {answer.reason}"
                    msg = f"the library's host answered {said}: see whether SharePoint itself opens the file"
                    raise FileUnavailableError(msg)
                if have and not _continues(answer, have):
                    _empty(target)
                target.writelines(answer.iter_content(CHUNK_BYTES))
                # With a Content-Length, requests has seen to it that the body is whole.
                if self.verify and "Content-Length" not in answer.headers and target.tell() < content.size_bytes:
                    raise TryAgainError(broken)
        except requests.RequestException as error:
            logger.info("The download broke off: %s", reason(error))
            raise TryAgainError(broken) from error

    def _difference(self, content: Content, target: BinaryIO) -> str | None:
        """What differs between the bytes fetched and the version described."""
        size = target.seek(0, 2)
        if not self.verify:
            return None
        if size != content.size_bytes:
            return f"{size:,} bytes in place of {content.size_bytes:,}"
        if content.quick_xor_hash is None:
            return None
        hasher = QuickXorHash()
        target.seek(0)
        while chunk := target.read(CHUNK_BYTES):
            hasher.update(chunk)
        return None if hasher.base64() == content.quick_xor_hash else "another quickXorHash"


def _continues(answer: requests.Response, have: int) -> bool:
    """Whether an answer goes on where the download stopped; a host may send the whole file instead."""
    continues = answer.status_code == HTTPStatus.PARTIAL_CONTENT
    return continues and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _empty(target: BinaryIO) -> None:
    target.seek(0)
    target.truncate()


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
