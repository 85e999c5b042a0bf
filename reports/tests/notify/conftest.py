"""Rules for when to speak, a board on loopback that answers as Monday.com does, and a real mail server."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from click.testing import Result
from order_rules import tables

TOKEN = "t0ken-of-the-board"  # noqa: S105  (a made-up one, looked for in everything that is written)
PASSWORD = "pa55/w0rd of mail"  # noqa: S105
ERRORS = Path(__file__).parent / "monday_errors"
COLUMNS = {
    "status": "status",
    "ran_at": "date4",
    "rows": "numbers1",
    "exceptions": "numbers2",
    "review": "numbers3",
    "balance": "numbers4",
    "report": "link7",
    "workbook": "files9",
}
TYPES = {"status": "status", "date4": "date", "link7": "link", "files9": "file", "name": "name"}
OPERATION = re.compile(
    r"\b(boards|items|items_page_by_column_values|create_item|create_update|add_file_to_\w+|change_\w+)\("
)


class Board:
    """What Monday.com keeps, what it was asked, and what it will refuse."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.updates: list[str] = []
        self.files: list[tuple[str, bytes]] = []
        self.columns = [
            {"id": one, "title": one.title(), "type": TYPES.get(one, "numbers")} for one in COLUMNS.values()
        ]
        self.refusals: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    def refuse(self, *names: str, operation: str = "change_multiple_column_values") -> None:
        """Answer an operation with errors of these names, one after the other."""
        self.refusals += [(operation, json.loads((ERRORS / f"{name}.json").read_text())) for name in names]

    @property
    def asked(self) -> list[str]:
        return [operation for operation, _ in self.requests]

    def answer(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((operation, variables))
        for refusal in self.refusals:
            if refusal[0] == operation:
                self.refusals.remove(refusal)
                return refusal[1]
        return {"status": 200, "body": {"data": {operation: self._data(operation, variables)}}}

    def _data(self, operation: str, variables: dict[str, Any]) -> Any:
        match operation:
            case "boards":
                board = {"id": "77", "name": "Audit", "groups": [{"id": "topics"}], "columns": self.columns}
                return [board] if variables["board"] == ["77"] else []
            case "items":
                return [{"id": one, "board": {"id": "77"}} for one in variables["item"] if one in self.items]
            case "items_page_by_column_values":
                found = [{"id": one} for one, item in self.items.items() if item["name"] == variables["name"]]
                return {"items": found[:1]}
            case "create_item":
                made = str(5000 + len(self.items))
                self.items[made] = {"name": variables["name"], "group": variables["group"]}
                return {"id": made}
            case "change_multiple_column_values":
                assert variables["board"] == "77"
                self.items[variables["item"]].update(json.loads(variables["values"]))
                return {"id": variables["item"]}
            case "create_update":
                self.updates.append(variables["body"])
                return {"id": str(900 + len(self.updates))}
            case _:
                return {"id": "31"}


@pytest.fixture
def board() -> Iterator[Board]:
    """A board on loopback."""
    kept = Board()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v2/file":
                head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                parts = list(message_from_bytes(head + body, policy=policy.HTTP).iter_parts())
                named = {part.get_param("name", header="content-disposition"): part for part in parts}
                query, variables = named["query"].get_content().strip(), {}
                file = named["variables[file]"]
                kept.files.append((file.get_filename(), file.get_payload(decode=True)))
            else:
                assert self.path == "/v2"
                asked = json.loads(body)
                query, variables = asked["query"], asked["variables"]
            operation = OPERATION.search(query)
            assert operation, query
            answer = kept.answer(operation[1], variables)
            content = (answer["text"] if "text" in answer else json.dumps(answer["body"])).encode()
            self.send_response(answer["status"])
            for name, value in answer.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        kept.url = f"http://127.0.0.1:{server.server_port}/v2"
        yield kept
        server.shutdown()
        thread.join()


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which take no time here."""
    seconds: list[float] = []
    monkeypatch.setattr("backoff._sync.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def monday_settings(board: Board) -> dict[str, str]:
    return {
        "REPORTS_MONDAY_API_TOKEN": TOKEN,
        "REPORTS_MONDAY_API_URL": board.url,
        "REPORTS_MONDAY_BOARD_ID": "77",
        "REPORTS_MONDAY_COLUMNS": json.dumps(COLUMNS),
        "REPORTS_REPORT_URL": "https://reports.example/order-audit.html",
    }


class Mailbox:
    """What a mail server took, and whom it does not know."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.receivers: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.unknown: set[str] = set()
        self.refuse_next: list[str] = []
        self.port = 0

    async def handle_RCPT(  # noqa: N802  (aiosmtpd calls it so)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: Any, session: Any, envelope: Any
    ) -> str:
        if self.refuse_next:
            return self.refuse_next.pop(0)
        parsed = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.receivers.append(envelope.rcpt_tos)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


def _sign_in(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (b"auditor", PASSWORD.encode()), handled=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def start_mail(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Mailbox]]:
    """Start a real mail server, by default one that insists on STARTTLS and a sign-in."""
    running: list[Controller] = []
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    def start(name: str = "localhost", **options: Any) -> Mailbox:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        box = Mailbox()
        if options.pop("tls", False):
            settings: dict[str, Any] = {"ssl_context": context, "auth_require_tls": False, "auth_required": False}
        else:
            settings = {"tls_context": context, "require_starttls": True}
        settings = {"authenticator": _sign_in, "auth_required": True, **settings, **options}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            box.port = free.getsockname()[1]
        controller = Controller(box, hostname="localhost", port=box.port, **settings)
        controller.start()
        running.append(controller)
        return box

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def mail_settings() -> Callable[..., dict[str, str]]:
    def made(box: Mailbox, **more: str) -> dict[str, str]:
        return {
            "REPORTS_SMTP_HOST": "localhost",
            "REPORTS_SMTP_PORT": str(box.port),
            "REPORTS_SMTP_USERNAME": "auditor",
            "REPORTS_SMTP_PASSWORD": PASSWORD,
            "REPORTS_MAIL_FROM": "Order audit <audit@maker.example>",
            "REPORTS_MAIL_TO": "ann@maker.example, bob@maker.example",
            **more,
        }

    return made


@pytest.fixture
def speak(rules_path: Path) -> Callable[[str], None]:
    """Write ``notify.yml``."""

    def write(text: str) -> None:
        (rules_path / "notify.yml").write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def remembered(warehouse: Any) -> Callable[[], list[dict[str, Any]]]:
    """Read the notifications that the warehouse remembers, the first first."""

    def read() -> list[dict[str, Any]]:
        engine = sa.create_engine(warehouse.url)
        with engine.connect() as connection:
            rows = connection.execute(sa.select(tables.notification).order_by(tables.notification.c.notification_id))
            found = [dict(row) for row in rows.mappings()]
        engine.dispose()
        return found

    return read


@pytest.fixture
def notify(invoke: Callable[..., Result]) -> Callable[..., Result]:
    """Run ``order-reports notify``, which ends well whatever becomes of the notifications."""

    def run(*arguments: str, **environment: str) -> Result:
        result = invoke("notify", *arguments, **environment)
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def tell(monday: Any, notify: Callable[..., Result], monday_settings: dict[str, str]) -> Callable[..., str]:
    """Save the warehouse and tell the board; what was said."""

    def run(*arguments: str, **environment: str) -> str:
        monday.save()
        return notify(*arguments, **{**monday_settings, **environment}).output

    return run


@pytest.fixture
def run_again(warehouse: Any) -> Callable[[int], str]:
    """A later run that publishes the same again."""

    def add(hours: int) -> str:
        before = warehouse._good_run
        run_id = warehouse.run(started_at=datetime(2026, 3, 16, 4, 0) + timedelta(hours=hours))
        warehouse.save()
        engine = sa.create_engine(warehouse.url)
        with engine.begin() as connection:
            for table in (tables.audit_count, tables.recon_customer_run):
                rows = connection.execute(sa.select(table).where(table.c.run_id == before)).mappings()
                copies = [{**row, "run_id": run_id} for row in rows]
                if copies:
                    connection.execute(sa.insert(table), copies)
        engine.dispose()
        return str(run_id)

    return add


@pytest.fixture
def failed_run(warehouse: Any) -> Callable[[str], str]:
    """A later run that failed."""

    def add(reason: str = "The books of orders don't balance.", **more: Any) -> str:
        return str(warehouse.run("failed", started_at=datetime(2026, 3, 16, 8, 30), reason=reason, **more))

    return add
