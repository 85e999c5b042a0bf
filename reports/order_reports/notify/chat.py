"""Teams, Slack and any other webhook, by Apprise: one channel an address, so that each is told once."""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from order_reports.notify import messages
from order_reports.notify.messages import Message
from order_reports.notify.patience import NotSentError, Sent, TryAgainError, patiently

if TYPE_CHECKING:
    from apprise import Apprise

TIMEOUT_S: Final = 60
TYPES: Final = {"Success": "success", "Warning": "warning", "Failed": "failure"}
BUSY: Final = 429
BROKEN: Final = 500
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_SAFE: Final = re.compile(r"[a-z][a-z0-9+.-]{0,30}")


@dataclass(frozen=True)
class Chat:
    """One webhook.

    Attributes:
        url: its address as Apprise writes it: a secret.
    """

    url: str = field(repr=False)
    kind: str = "chat"
    shows: bool = False

    @property
    def name(self) -> str:
        """The service and a hash of the address, which tells nothing of it but tells two of them apart."""
        scheme = urlsplit(self.url).scheme
        service = scheme if _SAFE.fullmatch(scheme) else "webhook"
        return f"{service}-{hashlib.sha256(self.url.encode()).hexdigest()[:6]}"

    def send(self, message: Message) -> Sent:
        """Post the news as text.

        Raises:
            NotSentError: the service refuses it or cannot be reached, or the address is none.
        """
        with _heard() as records:
            patiently(self._send, self._open(), message, records)
        return Sent()

    def prove(self) -> list[str]:
        """Check that the address is one that Apprise knows; nothing is posted.

        Returns:
            One line that names the service.

        Raises:
            NotSentError: it is none.
        """
        with _heard():
            service = self._open()[0].service_name
        return [f"{self.name}: an address of {service}"]

    def _open(self) -> Apprise:
        try:
            with warnings.catch_warnings():
                # It looks for a module that Python is about to lose, and is ready for its loss.
                warnings.simplefilter("ignore", DeprecationWarning)
                from apprise import Apprise, AppriseAsset  # noqa: PLC0415  (it takes a second to load)

                opened = Apprise(asset=AppriseAsset(secure_logging=True, async_mode=False, app_id="order-audit"))
                good = bool(opened.add(self.url)) and len(opened) == 1
        except ImportError:
            msg = "webhook_urls need the extra notify: install order-reports[notify]."
            raise NotSentError(msg) from None
        if not good:
            msg = (
                "webhook_urls holds an address that Apprise does not know. Write it as its page for the "
                "service shows, as workflows:// for Teams and slack:// for Slack."
            )
            raise NotSentError(msg)
        return opened

    def _send(self, opened: Apprise, message: Message, records: list[logging.LogRecord]) -> None:
        records.clear()
        news = message.news
        done = opened.notify(
            body=messages.text(message),
            title=f"{news.status}: {news.headline}",
            notify_type=TYPES[news.status],
            body_format="text",
            timeout=TIMEOUT_S,
        )
        if done:
            return
        # What Apprise says of it may quote the address, so no more than the status is taken from it.
        statuses = [int(found[1]) for record in records if (found := _STATUS.search(record.getMessage()))]
        if not statuses:
            raise TryAgainError(NotSentError("The webhook cannot be reached: check its address and the network."))
        final = NotSentError(f"The webhook refuses the message ({statuses[-1]}): check its address in webhook_urls.")
        raise TryAgainError(final) if statuses[-1] == BUSY or statuses[-1] >= BROKEN else final


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _heard() -> Iterator[list[logging.LogRecord]]:
    """Keep what Apprise logs to ourselves: its lines may hold addresses, and ours must not."""
    logger, kept = logging.getLogger("apprise"), _Kept()
    before: tuple[Any, ...] = (logger.handlers, logger.propagate, logger.level)
    logger.handlers, logger.propagate = [kept], False
    logger.setLevel(logging.WARNING)
    try:
        yield kept.records
    finally:
        logger.handlers, logger.propagate = before[:2]
        logger.setLevel(before[2])
