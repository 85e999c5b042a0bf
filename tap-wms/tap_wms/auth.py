"""Logins to Oracle WMS Cloud: Basic, or OAuth 2 client credentials with one token for all entities until it expires."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import backoff
import requests
from singer_sdk.authenticators import BasicAuthenticator, OAuthAuthenticator
from singer_sdk.helpers.types import Auth

from tap_wms.api import variable
from tap_wms.errors import TapError

#: A token that expires within this many seconds is replaced first, so that it does not expire on its way.
MARGIN_SECONDS = 60
TOKEN_TRIES = 4
TOKEN_TIMEOUT_SECONDS = 60


class ClientCredentials(OAuthAuthenticator):
    """A token of the `oauth2` login, shared by all entities.

    The client is named by Basic authentication, as Oracle's identity service asks ("Working with OAuth 2 to Access the
    REST API", Oracle Identity Cloud Service).
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Prepare for getting tokens; the settings have been checked."""
        super().__init__(
            auth_endpoint=config["token_url"], client_id=config["client_id"], client_secret=config["client_secret"]
        )
        self._scope: str | None = config.get("scope")
        self._lock = threading.Lock()

    @property
    def oauth_request_body(self) -> dict[str, str]:
        """The form that asks for a token."""
        return {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})

    def is_token_valid(self) -> bool:
        """Whether the token can be used for a while."""
        if self.last_refreshed is None or not self.expires_in:
            return self.last_refreshed is not None
        margin = min(MARGIN_SECONDS, self.expires_in // 2)
        return (_now() - self.last_refreshed).total_seconds() < self.expires_in - margin

    def authenticate_request(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token, getting one first where need be; several threads ask, and one gets it."""
        with self._lock:
            return super().authenticate_request(request)

    def forget(self, request: requests.PreparedRequest) -> None:
        """Give up the token that was refused, unless another thread has replaced it already."""
        with self._lock:
            if request.headers.get("Authorization") == f"Bearer {self.access_token}":
                self.last_refreshed = None

    def update_access_token(self) -> None:
        """Get a token.

        Raises:
            TapError: It is refused, or cannot be had in `TOKEN_TRIES` tries.
        """
        asked = _now()
        retrying = backoff.on_exception(
            backoff.expo, (requests.RequestException, _TryAgainError), max_tries=TOKEN_TRIES, logger=None
        )
        try:
            answer = retrying(self._ask)()
        except (requests.RequestException, _TryAgainError) as error:
            reason = str(error) if isinstance(error, _TryAgainError) else type(error).__name__
            raise TapError(
                f"no token from {self.auth_endpoint} in {TOKEN_TRIES} tries: {reason}; check {variable('token_url')}"
            ) from None
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise TapError(f"{self.auth_endpoint} answered without a token; check {variable('token_url')}")
        self.access_token = token
        self.expires_in = int(answer.get("expires_in") or 0) or None
        self.last_refreshed = asked

    def _ask(self) -> dict[str, Any]:
        response = self._session.post(
            self.auth_endpoint,
            data=self.oauth_request_body,
            auth=(self.client_id or "", self.client_secret or ""),
            timeout=TOKEN_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        status = response.status_code
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if status == HTTPStatus.OK and isinstance(answer, dict):
            return answer
        if status in {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _TryAgainError(f"it answered {status}")
        # Only the standard's short code: descriptions may repeat what was sent.
        code = answer.get("error") if isinstance(answer, dict) else None
        raise TapError(
            f"{self.auth_endpoint} refused the client: {status} {code or ''}".rstrip()
            + f"; check {variable('client_id')}, `client_secret` and `scope`"
        )


class _TryAgainError(Exception):
    """The token endpoint is in trouble of its own."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def login(config: Mapping[str, Any]) -> Auth:
    """Return the login the settings choose."""
    if config["auth"] == "oauth2":
        return ClientCredentials(config)
    return BasicAuthenticator(username=config["username"], password=config["password"])
