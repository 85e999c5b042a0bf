"""A SharePoint site of the tests' own, and a tap that reads it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tap_sharepoint_orders import graph, readers, worker
from tap_sharepoint_orders.graph import GraphClient
from tap_sharepoint_orders.readers import Answer
from tap_sharepoint_orders.sharepoint import SharePoint
from tap_sharepoint_orders.site import Place
from tap_sharepoint_orders.worker import ReadOptions

from . import tenant as tenants
from .server import make_certificate, served
from .tenant import SECRET, SITE, Tenant


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate for the loopback device and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tenant(certificate, monkeypatch) -> Iterator[Tenant]:
    """An empty library, served."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    monkeypatch.setattr(graph, "BACKOFF_S", 0.01)
    tenant = Tenant()
    with served(tenant, *certificate):
        yield tenant


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


class ReadersHere:
    """Read workbooks in this process, as a worker does: starting one for every run would take most of the time."""

    def __init__(self, options: ReadOptions, workers: int) -> None:  # noqa: ARG002
        self.options = options

    def begin(self, name: str, workbook: BinaryIO) -> Future[Answer]:
        frames, rows = io.BytesIO(), io.BytesIO()
        with workbook:
            workbook.seek(0)
            worker.answer(name, workbook, frames, self.options)
        frames.seek(0)
        reading, _ = readers.receive(frames, rows)
        future: Future[Answer] = Future()
        future.set_result(readers.Answer(reading, rows))
        return future

    def close(self) -> None:
        pass


@pytest.fixture
def read_here(monkeypatch) -> None:
    """Has the tap read workbooks in this process."""
    monkeypatch.setattr("tap_sharepoint_orders.visits.Readers", ReadersHere)


@pytest.fixture
def answers() -> tuple[type[tenants.Answer], Callable[..., tenants.Answer]]:
    """Ways to make an answer: any, and Graph's errors."""
    return tenants.Answer, tenants.error
