"""What a tenant answers: Microsoft Graph, the sign-in, the download host.

It follows Microsoft's published descriptions of driveItem, delta, site and error responses. Faults are put before
single requests with `tenant.fault`; everything asked is in `tenant.asked`.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import jwt
from cryptography import x509

from .library_content import DRIVE, LibraryContent

SITE = "https://contoso.sharepoint.com/sites/orders"
SITE_ID = "contoso.sharepoint.com,0c6d7f01-0000-4000-8000-000000000001,0c6d7f01-0000-4000-8000-000000000002"
SECRET = "the-client-secret"  # noqa: S105 - nobody's
PAGE = 3


@dataclass(frozen=True)
class Answer:
    """What the server answers in place of what it would have."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    """Content-Length, if it is to differ from the body's: the body is then cut short."""


def error(status: int, code: str, message: str = "made for the test", **headers: str) -> Answer:
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "request-1"}}}
    return Answer(status, body, {key.replace("_", "-"): value for key, value in headers.items()})


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Tenant(LibraryContent):
    """A tenant with one site and its library."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.faults: list[list[Any]] = []
        self.oldest = 0
        self.tokens = 0
        self.roles = ["Sites.Selected"]
        self.certificate: x509.Certificate | None = None
        self.link_life = 10**9
        self.url = ""

    def fault(self, pattern: str, *answers: Answer | Callable[[], Answer | None], times: int = 1) -> None:
        """Answer the next requests whose method and path fit the pattern otherwise."""
        self.faults.append([re.compile(pattern), [*answers] * times])

    # What Graph tells

    def asked_for(self, pattern: str) -> list[Asked]:
        return [asked for asked in self.asked if re.search(pattern, str(asked))]

    def faulty(self, asked: Asked) -> Answer | None:
        with self.lock:
            for pattern, answers in self.faults:
                if answers and pattern.search(str(asked)):
                    answer = answers.pop(0)
                    return answer() if callable(answer) else answer
        return None

    def answer(self, asked: Asked, form: dict[str, str]) -> Answer:
        if asked.path.endswith("/oauth2/v2.0/token"):
            return self.sign_in(form)
        if asked.path.startswith("/download/"):
            return self.download(asked)
        if not asked.path.startswith("/v1.0/"):
            return error(404, "notFound", asked.path)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        return self.graph(asked.path.removeprefix("/v1.0"), asked.query)

    @property
    def token(self) -> str:
        claims = json.dumps({"roles": self.roles, "n": self.tokens}).encode()
        return f"head.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"

    def sign_in(self, form: dict[str, str]) -> Answer:
        if self.certificate is not None:
            key = self.certificate.public_key()
            audience = f"{self.url}/tenant-1/oauth2/v2.0/token"
            jwt.decode(form["client_assertion"], key, algorithms=["PS256"], audience=audience)
        elif form.get("client_secret") != SECRET:
            said = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1\r\nTimestamp: now"
            body = {"error": "invalid_client", "error_description": said, "correlation_id": "correlation-1"}
            return Answer(401, body)
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == f"{self.url}/.default"
        self.tokens += 1
        return Answer(body={"token_type": "Bearer", "expires_in": 3599, "access_token": self.token})

    def graph(self, path: str, query: dict[str, str]) -> Answer:
        drives = {"Documents": DRIVE, "Order Lists": "b!drive-2", "Site Assets": "b!drive-3"}
        known = {
            "/sites/contoso.sharepoint.com:/sites/orders": {"id": SITE_ID, "webUrl": SITE},
            f"/sites/{SITE_ID}/drive": {"id": DRIVE},
            f"/sites/{SITE_ID}/drives": {
                "value": [
                    {"id": identity, "name": name, "webUrl": f"{SITE}/{'Shared%20' * (identity == DRIVE)}{name}"}
                    for name, identity in drives.items()
                ]
            },
        }
        if path in known:
            return Answer(body=known[path])
        if path == "/sites":
            return error(403, "accessDenied", "Access denied")
        if path == f"/drives/{DRIVE}/root/delta":
            return self.delta(query)
        item = self.addressed(path.removeprefix(f"/drives/{DRIVE}").removesuffix("/children"))
        if item is None or "deleted" in item:
            return error(404, "itemNotFound", "The resource could not be found.")
        if path.endswith("/children"):
            return self.page(f"/v1.0{path}", self.inside(item["id"]), query)
        return Answer(body=self.told(item, link=not query))

    def addressed(self, address: str) -> dict[str, Any] | None:
        """An item by its id, or by its path as `/root:/folder/file:`."""
        if address.startswith("/items/"):
            return self.items.get(address.removeprefix("/items/"))
        try:
            return self.find(address.removeprefix("/root").strip(":"))
        except StopIteration:
            return None

    def told(self, item: dict[str, Any], *, link: bool = False) -> dict[str, Any]:
        told = {key: value for key, value in item.items() if key != "version"}
        if link and "file" in item:
            born = int(time.monotonic() * 1000)
            version = item["version"]
            told["@microsoft.graph.downloadUrl"] = (
                f"{self.url}/download/{item['id']}?tempauth=link-{version}&born={born}"
            )
        return told

    def page(self, link: str, items: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        start = int(query.get("$skiptoken", 0))
        body: dict[str, Any] = {"value": [self.told(item) for item in items[start : start + PAGE]]}
        if start + PAGE < len(items):
            body["@odata.nextLink"] = f"{self.url}{quote(link)}?$skiptoken={start + PAGE}"
        return Answer(body=body)

    def delta(self, query: dict[str, str]) -> Answer:
        with self.lock:
            since, start = int(query.get("token", 0)), int(query.get("skip", 0))
            link = f"{self.url}/v1.0/drives/{quote(DRIVE)}/root/delta"
            if "token" in query and since < self.oldest:
                return error(410, "resyncChangesApplyDifferences", Location=f"{link}?fresh=1")
            changes = []
            for identity, at in sorted(self.changed.items(), key=lambda change: change[1]):
                item = self.items[identity]
                if at <= since or ("deleted" in item and not since):
                    continue
                told = self.told(item)
                told.pop("cTag", None)
                if "deleted" in item:
                    told.pop("name")
                changes.append(told)
            body: dict[str, Any] = {"value": changes[start : start + PAGE]}
            if start + PAGE < len(changes):
                body["@odata.nextLink"] = (
                    f"{link}?token={since}&skip={start + PAGE}" if since else f"{link}?skip={start + PAGE}"
                )
            else:
                body["@odata.deltaLink"] = f"{link}?token={self.clock}"
            return Answer(body=body)

    def download(self, asked: Asked) -> Answer:
        assert "authorization" not in asked.headers, "a token was sent to the download host"
        identity = asked.path.rpartition("/")[2]
        if time.monotonic() * 1000 - int(asked.query["born"]) > self.link_life:
            return Answer(401, b"expired")
        content = self.contents[identity]
        if match := re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", "")):
            start = int(match[1])
            if start >= len(content):
                return Answer(416)
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return Answer(206, content[start:], headers)
        return Answer(200, content)
