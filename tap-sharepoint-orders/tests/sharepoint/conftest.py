"""A SharePoint site of the tests' own: Microsoft Graph, the sign-in and the download host on the loopback device.

It follows Microsoft's published descriptions of driveItem, delta, site and error responses. Faults are put before
single requests with `tenant.fault`; everything asked is in `tenant.asked`.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import ipaddress
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

import jwt
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tap_sharepoint_orders import graph, worker
from tap_sharepoint_orders.graph import GraphClient
from tap_sharepoint_orders.quick_xor_hash import QuickXorHash
from tap_sharepoint_orders.sharepoint import SharePoint
from tap_sharepoint_orders.site import Place
from tap_sharepoint_orders.worker import ReadOptions

SITE = "https://contoso.sharepoint.com/sites/orders"
SITE_ID = "contoso.sharepoint.com,0c6d7f01-0000-4000-8000-000000000001,0c6d7f01-0000-4000-8000-000000000002"
DRIVE = "b!drive-1"
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


class Tenant:
    """The tenant's state."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.asked: list[Asked] = []
        self.faults: list[list[Any]] = []
        self.items: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.changed: dict[str, int] = {}
        self.clock = 0
        self.oldest = 0
        self.tokens = 0
        self.roles = ["Sites.Selected"]
        self.certificate: x509.Certificate | None = None
        self.link_life = 10**9
        self.url = ""
        self._touch({"id": "root", "name": "root", "root": {}, "folder": {}, "parentReference": {"driveId": DRIVE}})

    # What people do to the library

    def _touch(self, item: dict[str, Any], *, content: bool = False) -> None:
        with self.lock:
            self.clock += 1
            version = int(item.get("version", 0)) + 1
            item |= {
                "version": version,
                "eTag": f'"{{{item["id"]}}},{version}"',
                "lastModifiedDateTime": f"2026-03-04T10:{self.clock // 60:02}:{self.clock % 60:02}Z",
            }
            if content:
                item["cTag"] = f'"c:{{{item["id"]}}},{version}"'
            self.items[item["id"]] = item
            self.changed[item["id"]] = self.clock

    def find(self, path: str) -> dict[str, Any]:
        item = self.items["root"]
        for name in filter(None, path.split("/")):
            item = next(inner for inner in self.inside(item["id"]) if inner["name"].casefold() == name.casefold())
        return item

    def inside(self, folder: str) -> list[dict[str, Any]]:
        return [
            item
            for item in self.items.values()
            if item["parentReference"].get("id") == folder and "deleted" not in item
        ]

    def folder(self, path: str) -> dict[str, Any]:
        above, _, name = path.rpartition("/")
        try:
            return self.find(path)
        except StopIteration:
            parent = self.folder(above) if above else self.items["root"]
            item = {"id": f"folder-{len(self.items)}", "name": name, "folder": {"childCount": 0}}
            self._touch(item | {"parentReference": {"driveId": DRIVE, "id": parent["id"]}})
            return self.find(path)

    def put(self, path: str, content: bytes) -> dict[str, Any]:
        above, _, name = path.rpartition("/")
        parent = self.folder(above) if above else self.items["root"]
        try:
            item = self.find(path)
        except StopIteration:
            item = {"id": f"item-{len(self.items)}", "name": name}
            item["parentReference"] = {"driveId": DRIVE, "id": parent["id"]}
        hasher = QuickXorHash()
        hasher.update(content)
        item |= {"size": len(content), "file": {"hashes": {"quickXorHash": hasher.base64()}}}
        self.contents[item["id"]] = content
        self._touch(item, content=True)
        return item

    def move(self, path: str, to: str) -> None:
        item = self.find(path)
        above, _, item["name"] = to.rpartition("/")
        item["parentReference"]["id"] = (self.folder(above) if above else self.items["root"])["id"]
        self._touch(item)

    def share(self, path: str) -> None:
        """Edit an item's permissions: its eTag changes, its content does not."""
        self._touch(self.find(path))

    def delete(self, path: str) -> None:
        item = self.find(path)
        for inner in self.inside(item["id"]) if "folder" in item else ():
            inner["deleted"] = {"state": "deleted"}  # gone with the folder, and not told
        item["deleted"] = {"state": "deleted"}
        self._touch(item)

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


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece, else each answer waits 40 ms for an acknowledgement
    tenant: Tenant

    def do_GET(self) -> None:
        self.serve({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.serve(dict(parse_qsl(body)))

    def serve(self, form: dict[str, str]) -> None:
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.command, unquote(address.path), query, headers)
        self.tenant.asked.append(asked)
        answer = self.tenant.faulty(asked) or self.tenant.answer(asked, form)
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        if not isinstance(answer.body, bytes):
            self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if answer.announced is None else answer.announced))
        self.end_headers()
        self.wfile.write(body)
        if answer.announced is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for the loopback device and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return public, private


@pytest.fixture
def tenant(certificate, monkeypatch) -> Iterator[Tenant]:
    """An empty library, served."""
    public, private = certificate
    tenant = Tenant()
    handler = type("TenantHandler", (Handler,), {"tenant": tenant})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    # A client that breaks off is what some tests are about.
    server.handle_error = lambda *_: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    tenant.url = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(public))
    monkeypatch.setattr(graph, "BACKOFF_S", 0.01)
    yield tenant
    server.shutdown()
    thread.join()
    server.server_close()


class Tokens:
    """Signs in without a sign-in."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.held = tenant.token
        self.refused: list[str] = []

    def token(self, *, refused: str | None = None) -> str:
        if refused is not None:
            self.refused.append(refused)
            self.held = self.tenant.token
        return self.held


@pytest.fixture
def tokens(tenant) -> Tokens:
    return Tokens(tenant)


@pytest.fixture
def library(tenant, tokens):
    """Opens the tenant's library, with what an earlier listing remembered."""
    opened: list[SharePoint] = []

    def opens(
        remembered: object = None, *, site: str = SITE, drive: str | None = None, folders: tuple[str, ...] = ("",)
    ) -> SharePoint:
        library = SharePoint(GraphClient(tokens, tenant.url), Place(site, drive, folders, tenant.url))
        library.remembered = json.loads(json.dumps(remembered))
        opened.append(library)
        return library

    yield opens
    for library in opened:
        library.graph.session.close()
        library.downloader.session.close()


@pytest.fixture
def settings(tenant) -> dict[str, Any]:
    """Settings of a tap that reads the tenant's library."""
    return {
        "local_path": None,
        "site_url": SITE,
        "tenant_id": "tenant-1",
        "client_id": "client-1",
        "client_secret": SECRET,
        "graph_url": tenant.url,
        "authority_url": tenant.url,
    }


@pytest.fixture
def workbook(tmp_path, save, headers, line) -> Callable[..., bytes]:
    """Makes a workbook's bytes with a number of order lines."""

    def make(lines: int = 1) -> bytes:
        path = tmp_path / "made" / "workbook.xlsx"
        return save(path, {"MASTER": [headers, *map(line, range(1, lines + 1))]}).read_bytes()

    return make


class ReadHere:
    """Reads a workbook in this process, as the worker process does; a process each would take most of the time."""

    def __init__(self, workbook: BinaryIO, options: ReadOptions) -> None:
        workbook.seek(0)
        self.workbook, self.out = workbook, io.BytesIO()
        worker._answer(workbook, self.out, options)
        content = self.out.getvalue()
        end_of_rows = int.from_bytes(content[-worker.LENGTH_BYTES :])
        self.reading = msgspec.json.decode(content[end_of_rows : -worker.LENGTH_BYTES], type=worker.Reading)
        self.lines = content[:end_of_rows].decode().splitlines()

    def result(self) -> worker.Reading:
        return self.reading

    def rows(self) -> Iterator[tuple[int, str, str]]:
        for line in self.lines:
            number, cells, sizes = line.split("\t")
            yield int(number), cells, sizes

    def close(self) -> None:
        self.workbook.close()


@pytest.fixture
def read_here(monkeypatch) -> None:
    """Has the tap read workbooks in this process."""
    monkeypatch.setattr("tap_sharepoint_orders.visits.WorkbookWorker", ReadHere)


@pytest.fixture
def answers() -> tuple[type[Answer], Callable[..., Answer]]:
    """Ways to make an answer: any, and Graph's errors."""
    return Answer, error
