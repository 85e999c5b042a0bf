"""Speaks to Microsoft Graph v1.0: one request at a time, patiently, and with errors that say what to do.

What is asked of it (sites, drives, changes) is sharepoint.py's business; how to sign in is auth.py's.
"""

from __future__ import annotations

import email.utils
import importlib.metadata
import logging
import random
import time
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

import backoff
import requests
from singer_sdk import metrics

from tap_sharepoint_orders.library import LibraryError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

VERSION = "v1.0"
USER_AGENT = f"NONISV|order-audit|tap-sharepoint-orders/{importlib.metadata.version('tap-sharepoint-orders')}"
"""Decorated as SharePoint asks: undecorated traffic is throttled first
(learn.microsoft.com, "Avoid getting throttled or blocked in SharePoint Online")."""

TIMEOUT_S = (10, 60)
"""To connect, and between two bytes of an answer."""

BACKOFF_S = 1.0
BACKOFF_MOST_S = 30.0
BACKOFF_TRIES = 7
"""Without a Retry-After: about 1, 2, 4, 8, 16, 30 seconds, then the error counts."""

RETRY_AFTER_MOST_S = 900.0
"""So long in all a request waits as it is told to; a service that asks for more is left to the next run."""

TRANSIENT = frozenset({429, 500, 502, 503, 504, 509})

logger = logging.getLogger("tap-sharepoint-orders.graph")


class TokenSource(Protocol):
    """Whoever signs in."""

    def token(self, *, refused: str | None = None) -> str:
        """An access token for Graph, another one than the one that was refused.

        Raises:
            LibraryError: If there is none to be had. The message names the setting to mend.
        """
        ...


class GraphError(LibraryError):
    """Graph's refusal of a request.

    Attributes:
        status: HTTP status; 0 if no answer came at all.
        code: Graph's own code, as `itemNotFound`.
        location: Where it sends us instead, if it does.
    """

    def __init__(self, message: str, status: int = 0, code: str = "", location: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.location = location


class TryAgainError(Exception):
    """A request that may succeed if sent again.

    Attributes:
        wait_s: Seconds the service asks to wait, if it says.
        final: What to raise when there is no time or patience left.
    """

    def __init__(self, final: Exception, wait_s: float | None = None) -> None:
        super().__init__(str(final))
        self.final = final
        self.wait_s = wait_s


def waits() -> Generator[float, TryAgainError, None]:
    """How long to wait before each further attempt: as told, else longer and longer with jitter.

    Yields:
        Seconds; ends when there should be no further attempt.
    """
    error = yield 0
    told, untold = 0.0, 0
    while True:
        if error.wait_s is None:
            untold += 1
            if untold >= BACKOFF_TRIES:
                return
            longest = min(BACKOFF_S * 2 ** (untold - 1), BACKOFF_MOST_S)
            error = yield random.uniform(longest / 2, longest)  # noqa: S311 - spreads requests, guards nothing
        else:
            told += error.wait_s
            if told > RETRY_AFTER_MOST_S:
                return
            # A little more than told, each client differently, lest all come back at once.
            error = yield error.wait_s * random.uniform(1.0, 1.1)  # noqa: S311


class Wait(StrEnum):
    """The name of a metric the SDK has none for."""

    DURATION = "http_wait_duration"


@dataclass(slots=True)
class Traffic:
    """What was asked of a service, and how long that was waited for its leave."""

    service: str
    requests: int = 0
    waits: int = 0
    waited_s: float = 0.0

    def wait(self, details: Any) -> None:  # noqa: ANN401 - backoff's type for it is private
        """Note a wait that is about to begin."""
        self.waits += 1
        self.waited_s += details["wait"]
        logger.info("%s: %s; trying again in %.1f s", self.service, details["exception"], details["wait"])

    def log(self) -> None:
        """Write requests and waits to the log as metrics."""
        tags: dict[str, Any] = {metrics.Tag.ENDPOINT: self.service}
        counted = metrics.Point("counter", metrics.Metric.HTTP_REQUEST_COUNT, self.requests, tags)
        waited = metrics.Point("timer", cast("metrics.Metric", Wait.DURATION), round(self.waited_s, 1), tags)
        for point in (counted, waited):
            metrics.log(metrics_logger, point)
        logger.info("%s: %d requests, %d waits, %.1f s waited", self.service, self.requests, self.waits, self.waited_s)


metrics_logger = logging.getLogger(metrics.METRICS_LOGGER_NAME)


@dataclass(slots=True)
class GraphClient:
    """Sends GET requests to Graph.

    Attributes:
        tokens: Who signs in.
        url: Graph's address in this cloud, without version and slash at the end.
    """

    tokens: TokenSource
    url: str
    traffic: Traffic = field(default_factory=lambda: Traffic("graph"))
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.headers["User-Agent"] = USER_AGENT

    def owns(self, link: str) -> bool:
        """Whether a link leads to this Graph: to no other place is the token sent."""
        return link.startswith(f"{self.url}/{VERSION}/")

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Get a resource.

        Args:
            path: Path below the version, or a whole link that Graph gave.
            query: Parameters of the query.

        Raises:
            GraphError: If Graph refuses, or cannot be reached in spite of waiting.
        """
        link = path if "://" in path else f"{self.url}/{VERSION}{path}"
        if not self.owns(link):
            msg = f"Graph sent the tap on to another host than graph_url {self.url}: the token is not sent there"
            raise GraphError(msg)
        try:
            return self._patiently(link, query)
        except TryAgainError as error:
            raise error.final from None

    def items(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Go through a collection, page after page.

        Yields:
            Its members.
        """
        page = self.get(path, query)
        yield from page.get("value", ())
        while following := page.get("@odata.nextLink"):
            page = self.get(following)
            yield from page.get("value", ())

    def _patiently(self, link: str, query: Mapping[str, str] | None) -> dict[str, Any]:
        patient = backoff.on_exception(waits, TryAgainError, jitter=None, on_backoff=self.traffic.wait, logger=None)(
            self._once
        )
        token = self.tokens.token()
        try:
            return patient(link, query, token)
        except GraphError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
        # Once: a second refusal has another reason than the token's age.
        return patient(link, query, self.tokens.token(refused=token))

    def _once(self, link: str, query: Mapping[str, str] | None, token: str) -> dict[str, Any]:
        self.traffic.requests += 1
        try:
            answer = self.session.get(link, params=query, auth=_Bearer(token), timeout=TIMEOUT_S, allow_redirects=False)
            if answer.status_code == HTTPStatus.OK:
                return dict(answer.json())
        except ValueError as error:
            raise TryAgainError(GraphError("Graph's answer is no JSON: try again later")) from error
        except requests.RequestException as error:
            msg = f"Graph cannot be reached at graph_url {self.url} ({reason(error)}): check the network and proxy"
            raise TryAgainError(GraphError(msg)) from error
        refusal = _refusal(answer)
        if answer.status_code in TRANSIENT:
            raise TryAgainError(refusal, retry_after(answer))
        raise refusal


class _Bearer(requests.auth.AuthBase):
    """Puts the token on a request. Without an AuthBase, requests would take one from a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def retry_after(answer: requests.Response) -> float | None:
    """Seconds that an answer asks to wait, from either form of Retry-After."""
    told = answer.headers.get("Retry-After", "").strip()
    if not told:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None


def reason(error: Exception) -> str:
    """Why a request failed, without its address, which may hold a credential."""
    inner = error.args[0] if error.args else None
    cause = getattr(inner, "reason", None) or error
    return type(cause).__name__


def _refusal(answer: requests.Response) -> GraphError:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    told = body.get("error") if isinstance(body, dict) else None
    told = told if isinstance(told, dict) else {}
    code, text = str(told.get("code") or ""), str(told.get("message") or answer.reason or "")
    inner = told.get("innerError")
    traced = inner.get("request-id") if isinstance(inner, dict) else None
    request_id = answer.headers.get("request-id") or traced or "none"
    msg = f"Graph answered {answer.status_code} {code}: {text.strip().rstrip('.')} (request-id {request_id})"
    return GraphError(msg, answer.status_code, code, answer.headers.get("Location"))
