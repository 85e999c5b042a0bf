"""Requests to Oracle WMS Cloud's REST API: what is sent, what is tried again, and what its errors say."""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import backoff
import msgspec
import requests
from singer_sdk.exceptions import RetriableAPIError
from singer_sdk.streams import RESTStream

from tap_wms.api import ApiSettings, variable
from tap_wms.auth import ClientCredentials, login
from tap_wms.clock import FacilityClock
from tap_wms.errors import TapError
from tap_wms.paging import Place

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Auth, Context, RequestFunc

#: Tries of a request, with full jitter up to 1, 2, 4, 8 and 16 seconds between them.
REQUEST_TRIES = 6

_SECRETS = ("password", "client_secret")
_TEXT_LENGTH = 300


class ApiError(TapError):
    """An answer of the API that is no data.

    Attributes:
        status: The HTTP status.
        reference: Oracle's id of the failure, by which support finds it.
        code: Its kind, like NOT_FOUND.
        entity: What was read.
        query: The filter that was sent.
    """

    def __init__(self, message: str, *, status: int, reference: str, code: str, entity: str, query: str) -> None:
        """Make an error of an answer's parts."""
        super().__init__(message)
        self.status = status
        self.reference = reference
        self.code = code
        self.entity = entity
        self.query = query


class Pace:
    """Spaces requests out, over all threads."""

    def __init__(self, rate: int | None) -> None:
        """Allow so many requests a second; `None` allows any."""
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may be sent."""
        if not self._gap:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        time.sleep(turn - now)


class Api:
    """What all entities share: one login, one token, one pace."""

    def __init__(self, settings: ApiSettings, config: Mapping[str, Any]) -> None:
        """Prepare for requests; nothing is sent yet."""
        self.settings = settings
        self.login: Auth = login(config)
        self._secrets = tuple(str(config[name]) for name in _SECRETS if config.get(name))
        self.pace = Pace(settings.rate)
        self.clock = FacilityClock(settings.zone)

    def hide(self, text: str) -> str:
        """Return text on one line without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())


class LgfStream(RESTStream[Place]):
    """A stream over one entity of the `lgfapi` entity module."""

    # An answer elsewhere, such as a login page, is no data; and the login is not for others to see.
    allow_redirects = False

    api: Api
    _decoded: tuple[requests.Response | None, Any] = (None, None)

    @property
    def url_base(self) -> str:
        """The entity module's address."""
        return self.api.settings.base

    @property
    def authenticator(self) -> Auth:
        """The login, shared by all entities."""
        return self.api.login

    @property
    def timeout(self) -> int:
        """Seconds without an answer before a request is tried again."""
        return self.api.settings.timeout

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(float_hook=Decimal)  # decimals keep every digit

    def describe(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the entity's fields by name, as the API describes them.

        `describe` answers for every entity that there is, whether it has rows or not ("Describe Entity", WMS REST API
        Guide 21D). So its 404 means an unknown entity, and after it a list's 404 means no rows: "If, after filtering,
        no data is found, a 404 will be returned" ("Resource Representations (GET)", 24C). The bodies do not tell them
        apart, and a list without a filter is no probe: it is filtered by the user's facilities and companies anyway.

        Raises:
            TapError: There is no such entity, or the API cannot be read.
        """
        response = self._get(f"{self.url_base}{self.name}/describe/")
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise self._unknown_entity()
        fields = self._decode(response).get("fields")
        if not isinstance(fields, dict):
            raise TapError(f"{self.name}: the API describes no fields; check {variable('api_url')}")
        return {name: field if isinstance(field, dict) else {} for name, field in fields.items()}

    def _unknown_entity(self) -> TapError:
        # The module's root lists the entities ("Entity Module", WMS REST API Guide 21C).
        try:
            listed = self._decoder.decode(self._get(self.url_base).content)
        except (TapError, msgspec.DecodeError):
            listed = ()
        names = [str(name) for name in listed] if isinstance(listed, list | dict) else []
        near = difflib.get_close_matches(self.name, names, n=3)
        return TapError(
            f"the API has no entity {self.name}, or the user may not see it; nearest names: "
            f"{', '.join(near) or 'none'}; check {variable('entities')} and {variable('api_url')}"
        )

    def _get(self, url: str, params: Mapping[str, str] | None = None) -> requests.Response:
        request = self.build_prepared_request(method="GET", url=url, params=dict(params or {}))
        return self.send(request)

    def send(self, request: requests.PreparedRequest, context: Context | None = None) -> requests.Response:
        """Send a request until there is an answer that trying again would not change.

        Raises:
            TapError: It is no data, or there is none.
        """
        try:
            return self.request_decorator(self._request)(request, context)
        except RetriableAPIError as error:
            raise _given_up(error) from None
        except (requests.RequestException, ConnectionResetError) as error:
            # The library's own words name its objects; the kind of failure and the host say more.
            raise TapError(
                f"{self.name}: no answer from {urlsplit(request.url or '').hostname} in {REQUEST_TRIES} tries: "
                f"{_cause(error)} {self._asked(request)}; check {variable('api_url')} and the way there"
            ) from None

    def _request(self, prepared_request: requests.PreparedRequest, context: Context | None) -> requests.Response:
        self.api.pace.wait()
        try:
            return super()._request(prepared_request, context)
        except ApiError as error:
            if error.status != HTTPStatus.UNAUTHORIZED or not isinstance(self.api.login, ClientCredentials):
                raise  # a wrong password tried twice may lock the user
        self.logger.info("the API refused the token; getting a new one")
        self.api.login.forget(prepared_request)
        self.api.pace.wait()
        return super()._request(prepared_request, context)

    def validate_response(self, response: requests.Response) -> None:
        """Accept data, and the 404 that means no rows.

        Raises:
            RetriableAPIError: Trying again can help: 409, 429, 5xx, or an answer that broke off.
            ApiError: It cannot.
        """
        status = response.status_code
        try:
            body = self._decoder.decode(response.content)
        except msgspec.DecodeError:
            if status == HTTPStatus.OK:
                raise RetriableAPIError(
                    self._words(response, {"message": "its JSON cannot be read"}), response
                ) from None
            body = None
        if status == HTTPStatus.OK:
            self._decoded = response, body  # a page takes a while to decode: once is enough
            return
        lgf = body if isinstance(body, dict) else {}
        if status == HTTPStatus.NOT_FOUND and {"reference", "code", "message"} & lgf.keys():
            return  # whoever asked knows what it means; one without these is not the API's
        message = self._words(response, lgf)
        if status in {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RetriableAPIError(message, response)
        raise ApiError(
            message + _advice(status, self.config["auth"]),
            status=status,
            reference=str(lgf.get("reference", "")),
            code=str(lgf.get("code", "")),
            entity=self.name,
            query=self._asked(response.request),
        )

    def _words(self, response: requests.Response, body: Mapping[str, Any]) -> str:
        parts = [f"{self.name}: the API answered {response.status_code}"]
        if 300 <= response.status_code < 400:  # noqa: PLR2004  redirections
            parts.append(
                f"that it is at {urlsplit(response.headers.get('Location', '')).hostname or 'another address'}"
            )
        named = [f"{name} {body[name]}" for name in ("code", "reference") if body.get(name)]
        if named:
            parts.append(f"({', '.join(named)})")
        text = str(body.get("message") or "")
        if body.get("details"):
            text += " " + msgspec.json.encode(body["details"], enc_hook=str).decode()
        words = " ".join(parts) + (f": {text.strip()[:_TEXT_LENGTH]}" if text.strip() else "")
        return self.api.hide(f"{words} {self._asked(response.request)}")

    def _asked(self, request: requests.PreparedRequest) -> str:
        """Return what was asked: the path behind the entity module and the filter."""
        parts = urlsplit(request.url or "")
        path = parts.path.partition("/lgfapi/")[2] or parts.path
        return f"[{path}{'?' + parts.query if parts.query else ''}]"

    def _decode(self, response: requests.Response) -> dict[str, Any]:
        known, body = self._decoded
        if known is not response:
            body = self._decoder.decode(response.content)
        return body if isinstance(body, dict) else {}

    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        """Try again what may pass, as the SDK does, but say so in one line of our own."""
        decorator: Callable[[RequestFunc], RequestFunc] = backoff.on_exception(
            self.backoff_wait_generator,
            (RetriableAPIError, requests.RequestException, ConnectionResetError),
            max_tries=self.backoff_max_tries,
            jitter=self.backoff_jitter,
            on_backoff=self.backoff_handler,
            logger=None,
        )
        return decorator(func)

    def backoff_max_tries(self) -> int:
        """Tries of a request."""
        return REQUEST_TRIES

    def backoff_wait_generator(self) -> Generator[float, None, None]:
        """Wait up to 1, 2, 4, … seconds."""
        return backoff.expo()

    def backoff_jitter(self, value: float) -> float:
        """Wait any part of it, so that entities that failed together do not come back together."""
        return backoff.full_jitter(value)

    def backoff_handler(self, details: Any) -> None:  # noqa: ANN401  backoff's type for it is private
        """Say why and how long."""
        error = details["exception"]
        reason = str(error) if isinstance(error, RetriableAPIError) else f"{self.name}: {_cause(error)}"
        self.logger.warning("%s; trying again in %.1f s", reason, details["wait"])


def _given_up(error: RetriableAPIError) -> TapError:
    return TapError(f"{error}; given up after {REQUEST_TRIES} tries")


def _cause(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return f"nothing came in time; {variable('request_timeout')} can be raised"
    return f"the connection failed ({type(error).__name__})"


def _advice(status: int, auth: str) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        names = ("client_id", "client_secret") if auth == "oauth2" else ("username", "password")
        return f"; check {variable(names[0])} and `{names[1]}`"
    if status == HTTPStatus.FORBIDDEN:
        return "; the user's group needs the permission to read this entity by the API"
    if status == HTTPStatus.NOT_FOUND or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"; check {variable('api_url')}"
    return ""
