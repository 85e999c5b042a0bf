"""Webhooks by Apprise: posted as text, one turn each, and no part of their address in what is said or remembered."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import Result
from order_reports.notify.chat import Chat

WORD = "sekrit-word"
PATH = "hook-0123456789"


class Hook:
    """A webhook on loopback: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.answers: list[int] = []
        self.url = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            kept.paths.append(self.path)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = kept.answers.pop(0) if kept.answers else 200
            if status == 200:
                kept.posted.append(body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        kept.url = f"json://auditor:{WORD}@127.0.0.1:{server.server_port}/{PATH}"
        yield kept
        server.shutdown()
        thread.join()


@pytest.fixture
def shout(monday: Any, notify: Callable[..., Result], speak: Any) -> Callable[..., str]:
    speak("chat: {always: true}\n")

    def run(*urls: str, **more: str) -> str:
        monday.save()
        return notify(**{"REPORTS_WEBHOOK_URLS": json.dumps(urls), **more}).output

    return run


def test_a_webhook_is_told_once(shout: Callable[..., str], hook: Hook, remembered: Any) -> None:
    name = Chat(hook.url).name
    assert shout(hook.url) == f"{name}: sent, because you hear of every run with something new\n"
    [posted] = hook.posted
    assert posted["title"].startswith("Warning: Order audit: ")
    assert posted["type"] == "warning"
    assert "Units ordered: " in posted["message"]
    assert hook.paths == [f"/{PATH}"]
    assert shout(hook.url) == f"{name}: told before\n"
    assert [(row["channel"], row["status"]) for row in remembered()] == [(name, "sent"), (name, "repeated")]


def test_each_webhook_has_its_own_turn(shout: Callable[..., str], hook: Hook, waited: list[float]) -> None:
    gone = f"json://127.0.0.1:1/{PATH}"
    first = shout(hook.url, gone)
    assert f"{Chat(gone).name}: not sent. The webhook cannot be reached" in first
    assert len(hook.posted) == 1
    assert len(waited) == 3
    again = shout(gone, hook.url)
    assert f"{Chat(hook.url).name}: told before" in again
    assert len(hook.posted) == 1


@pytest.mark.parametrize(("status", "attempts"), [(401, 1), (404, 1), (429, 4), (503, 4)])
def test_a_refusal_is_told_without_the_address(
    *,
    shout: Callable[..., str],
    hook: Hook,
    remembered: Any,
    waited: list[float],
    caplog: pytest.LogCaptureFixture,
    status: int,
    attempts: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.answers = [status] * 10
    output = shout(hook.url)
    assert f"not sent. The webhook refuses the message ({status})" in output
    assert len(hook.paths) == attempts == len(waited) + 1
    [row] = remembered()
    assert row["status"] == "failed"
    told = output + str(row) + "".join(record.getMessage() for record in caplog.records if "urllib3" not in record.name)
    for secret in (WORD, PATH, hook.url):
        assert secret not in told


def test_an_address_that_apprise_does_not_know_is_told_without_it(
    shout: Callable[..., str], invoke: Callable[..., Result], capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"nonsense://{WORD}/{PATH}"
    output = shout(url)
    assert "webhook_urls holds an address that Apprise does not know" in output
    checked = invoke("check", REPORTS_WEBHOOK_URLS=url)
    assert checked.exit_code == 1
    assert "FAILED: nonsense-" in checked.output
    everything = output + checked.output + "".join(capfd.readouterr())
    assert WORD not in everything
    assert PATH not in everything


def test_check_names_the_service_and_posts_nothing(invoke: Callable[..., Result], hook: Hook) -> None:
    slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#audit"
    teams = "workflows://prod-1.westeurope.logic.azure.com:443/643e69f83c8944/4FgZ6d3ss2SQm"
    checked = invoke("check", REPORTS_WEBHOOK_URLS=f"{slack} {teams} {hook.url}")
    assert checked.exit_code == 0, checked.output
    assert "an address of Slack" in checked.output
    assert "an address of Power Automate" in checked.output
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in checked.output
    assert hook.posted == []
