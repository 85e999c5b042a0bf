"""Speaks GraphQL to Monday.com: one request at a time, patiently, and with errors that say what to do.

Answers and errors are as in https://developer.monday.com/api-reference/docs/error-handling and …/docs/rate-limits.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import requests
from pydantic import SecretStr

from order_reports.notify.patience import NotSentError, TryAgainError, patiently

API_VERSION: Final = "2026-10"
"""Current since 26 October 2026, and served for at least half a year after that; a request without a version would
change its meaning with every quarter. https://developer.monday.com/api-reference/docs/api-versioning"""
TIMEOUT_S: Final = (10, 60)
"""To connect, and between two bytes of an answer."""
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

DAILY: Final = frozenset({"DAILY_LIMIT_EXCEEDED", "DailyLimitExceeded"})
"""Over until midnight UTC: asking again only counts on."""
LATER: Final = frozenset(
    {
        "COMPLEXITY_BUDGET_EXHAUSTED",
        "ComplexityException",
        "FIELD_LIMIT_EXCEEDED",
        "FIELD_MINUTE_RATE_LIMIT_EXCEEDED",
        "IP_RATE_LIMIT_EXCEEDED",
        "RATE_LIMIT_EXCEEDED",
        "maxConcurrencyExceeded",
        "API_TEMPORARILY_BLOCKED",
        "RESOURCE_LOCKED",
        "resourceLocked",
    }
)
"""Refused before anything was done, so that even what must not be done twice may be asked again."""
REFUSED_FOR_NOW: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.LOCKED})
SERVER_TROUBLE: Final = 500

_RESET: Final = re.compile(r"reset in (\d+) second")


class MondayError(NotSentError):
    """Monday.com's refusal of a request.

    Attributes:
        code: its own code, as ``InvalidColumnIdException``; empty where it gave none.
        status: of HTTP; 0: no answer came.
    """

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class MondayApi:
    """A connection to the API.

    Attributes:
        url: its address, without a slash at its end.
        token: whose right it is.
    """

    url: str
    token: SecretStr
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def ask(self, query: str, variables: Mapping[str, Any], *, again: bool = True) -> dict[str, Any]:
        """Send a query or a mutation.

        Args:
            query: GraphQL.
            variables: its variables.
            again: whether it may be sent again where nobody knows if it was carried out: not what makes something new.

        Returns:
            ``data`` of the answer.

        Raises:
            MondayError: it is refused, or there is no answer.
        """
        return patiently(self._once, self.url, again, json={"query": query, "variables": dict(variables)})

    def upload(self, query: str, name: str, content: bytes) -> dict[str, Any]:
        """Send a mutation with a file as its variable ``$file``.

        Args:
            query: GraphQL.
            name: the file's name.
            content: the file's content.

        Returns:
            ``data`` of the answer.

        Raises:
            MondayError: it is refused, or there is no answer.
        """
        files = {"variables[file]": (name, content, XLSX)}
        return patiently(self._once, f"{self.url}/file", False, data={"query": query}, files=files)

    def _once(self, url: str, again: bool, **body: Any) -> dict[str, Any]:  # noqa: ANN401  (as requests takes it)
        try:
            answer = self.session.post(
                url,
                auth=_Token(self.token),
                headers={"API-Version": API_VERSION},
                timeout=TIMEOUT_S,
                allow_redirects=False,
                **body,
            )
        except requests.RequestException as error:
            where = f"monday_api_url {self.url}"
            final = MondayError(f"Monday.com cannot be reached at {where} ({_reason(error)}): check the network.")
            if again or isinstance(error, requests.ConnectTimeout):
                raise TryAgainError(final) from None
            raise final from None
        return _data(answer, again=again)


class _Token(requests.auth.AuthBase):
    """Puts the token on a request. Without an AuthBase, requests would take one from a .netrc file."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._token.get_secret_value()
        return request


def _data(answer: requests.Response, *, again: bool) -> dict[str, Any]:
    """Take the data out of an answer.

    Raises:
        MondayError: it holds errors, whatever its status says, or no data.
        TryAgainError: it asks to come again.
    """
    try:
        body = answer.json()
    except ValueError:
        body = None
    told = body if isinstance(body, dict) else {}
    errors = _errors(told)
    data = told.get("data")
    if answer.status_code == HTTPStatus.OK and not errors and isinstance(data, dict):
        return data
    first = errors[0] if errors else _Refusal(answer.reason if answer.status_code != HTTPStatus.OK else "no data came")
    request_id = _request_id(told, answer)
    message = f"Monday.com answered {answer.status_code} {first.code}".rstrip()
    final = MondayError(
        f"{message}: {first.text.strip().rstrip('.')}{_advice(first.code, answer.status_code)} "
        f"(request_id {request_id}).",
        first.code,
        answer.status_code,
    )
    if any(one.code in DAILY for one in errors):
        raise final
    wait_s = next((one.wait_s for one in errors if one.wait_s is not None), None)
    if wait_s is None:
        wait_s = _retry_after(answer)
    if any(one.code in LATER for one in errors) or answer.status_code in REFUSED_FOR_NOW:
        raise TryAgainError(final, wait_s)
    status = next((one.status for one in errors if one.status), answer.status_code)
    if again and (status >= SERVER_TROUBLE or (answer.status_code == HTTPStatus.OK and not told)):
        raise TryAgainError(final, wait_s)
    raise final


@dataclass(frozen=True)
class _Refusal:
    """One error of an answer, whichever of the shapes it came in."""

    text: str
    code: str = ""
    status: int = 0
    wait_s: float | None = None


def _errors(body: Mapping[str, Any]) -> list[_Refusal]:
    """Read the errors of an answer: GraphQL's objects, plain texts, or the older ``error_code`` beside them."""
    found: list[_Refusal] = []
    listed = body.get("errors")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            more = one.get("extensions")
            more = more if isinstance(more, dict) else {}
            found.append(_refusal(str(one.get("message") or "no reason given"), more, more.get("code")))
        else:
            found.append(_refusal(str(one), body, body.get("error_code")))
    if not found and (body.get("error_code") or body.get("error_message")):
        found.append(_refusal(str(body.get("error_message") or "no reason given"), body, body.get("error_code")))
    return found


def _refusal(text: str, more: Mapping[str, Any], code: object) -> _Refusal:
    data = more.get("error_data")
    data = data if isinstance(data, dict) else {}
    told = more.get("retry_in_seconds", data.get("retry_in_seconds"))
    if told is None and (reset := _RESET.search(text)):
        told = reset[1]
    status = more.get("status_code")
    return _Refusal(text, str(code or ""), status if isinstance(status, int) else 0, _seconds(told))


def _seconds(told: object) -> float | None:
    try:
        return None if told is None else max(0.0, float(str(told)))
    except ValueError:
        return None


def _request_id(body: Mapping[str, Any], answer: requests.Response) -> str:
    listed = body.get("errors")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    for holder in (body, first):
        more = holder.get("extensions")
        if isinstance(more, dict) and more.get("request_id"):
            return str(more["request_id"])
    return answer.headers.get("x-request-id", "none")


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that an answer asks to wait, from either form of Retry-After."""
    told = answer.headers.get("Retry-After", "").strip()
    if not told:
        return None
    seconds = _seconds(told)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None


def _advice(code: str, status: int) -> str:
    if code in DAILY:
        return ". The account's calls of the day are used up until 00:00 UTC; the next run tries again"
    if status == HTTPStatus.UNAUTHORIZED:
        return ": check monday_api_token"
    if status == HTTPStatus.FORBIDDEN or code in {"UserUnauthorizedException", "USER_UNAUTHORIZED", "UserAccessDenied"}:
        return ": the token's user has to be allowed to edit the board monday_board_id"
    if code in {"InvalidColumnIdException", "InvalidBoardIdException", "ColumnValueException"}:
        return ": `reports check` compares monday_board_id and monday_columns with the board"
    return ""


def _reason(error: Exception) -> str:
    """Why a request failed, without its address."""
    inner = error.args[0] if error.args else None
    cause = getattr(inner, "reason", None) or error
    return type(cause).__name__
