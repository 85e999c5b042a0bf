"""The exchanges in `exchanges/` replayed: what the tap asks, and what it makes of the answers."""

import io
import json
import re
import runpy
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from requests.adapters import BaseAdapter
from tap_sharepoint_orders.graph import GraphClient
from tap_sharepoint_orders.library import LibraryError
from tap_sharepoint_orders.sharepoint import SharePoint
from tap_sharepoint_orders.site import Place

FOLDER = Path(__file__).with_name("exchanges")
RECORD = Path(__file__).parents[2] / "record.py"
CLOUD = "https://graph.microsoft.com"
PLACE = Place("https://contoso.sharepoint.com/sites/orders", "Documents", ("Orders",), CLOUD)


class Replay(BaseAdapter):
    """Answers requests as they were recorded, in their order, and no other ones."""

    def __init__(self, *names: str, folder: Path = FOLDER) -> None:
        super().__init__()
        files = [json.loads((folder / f"{name}.json").read_text()) for name in names]
        self.left = [exchange for file in files for exchange in file["exchanges"]]
        # Recordings say what was asked for, not for whom: names and ids are the tenant's.
        self.asked_for = runpy.run_path(str(RECORD))["asked"]

    def send(self, request, **_):
        asked, exchange = unquote(str(request.url)), self.left.pop(0)
        path, _, query = asked.partition("/v1.0")[2].partition("?")
        path = path or "content"
        expected, _, expected_query = exchange["request"].partition("?")
        assert expected in {f"{request.method} {path}", f"{request.method} {self.asked_for(asked)}"}
        assert not expected_query or query == expected_query
        assert ("Authorization" in request.headers) is (path != "content")
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = exchange["status"], asked, request
        answer.headers.update(exchange["headers"])
        body = json.dumps(exchange["body"]).encode() if "body" in exchange else bytes(exchange.get("length", 0))
        answer.raw = io.BytesIO(body)
        return answer

    def close(self):
        pass


class Tokens:
    def __init__(self):
        self.refused = []

    def token(self, *, refused=None):
        self.refused += [refused] if refused else []
        return f"token-{len(self.refused)}"


@pytest.fixture
def replayed():
    """Opens the library of recorded exchanges; every one of them must have been asked for in the end."""
    adapters = []

    def opens(*names, remembered=None, place=PLACE, folder=FOLDER):
        replay = Replay(*names, folder=folder)
        adapters.append(replay)
        library = SharePoint(GraphClient(Tokens(), CLOUD), place, remembered=remembered)
        for http in (library.graph.session, library.downloader.session):
            http.mount("https://", replay)
        return library

    yield opens
    assert [adapter.left for adapter in adapters] == [[]] * len(adapters)


def paths(library):
    return sorted(file.path for file in library.files())


@pytest.fixture
def memory(replayed):
    library = replayed("first-listing")
    library.files()
    return library.memory()


def test_first_listing(replayed):
    assert paths(replayed("first-listing")) == ["2025/beta.xlsx", "acme.xlsx"]


def test_later_listing(replayed, memory):
    assert paths(replayed("later-listing", remembered=memory)) == ["acme 2026.xlsx"]


def test_resync(replayed, memory):
    assert paths(replayed("resync", remembered=memory)) == ["acme 2026.xlsx"]


def test_without_delta(replayed):
    assert paths(replayed("without-delta")) == ["2025/beta.xlsx", "acme.xlsx"]


def test_throttled(replayed, memory, monkeypatch):
    waited = []
    monkeypatch.setattr("backoff._sync.time.sleep", waited.append)
    library = replayed("throttled", remembered=memory)
    assert paths(library) == ["2025/beta.xlsx", "acme.xlsx"]
    assert [int(seconds / 1.1) <= told <= seconds for seconds, told in zip(waited, (12, 7), strict=True)] == [True] * 2
    assert library.graph.tokens.refused == ["token-0"]


def test_download(replayed):
    library = replayed("first-listing", "download")
    listed = next(file for file in library.files() if file.name == "acme.xlsx")
    target = io.BytesIO()
    library.copy(listed, target)
    assert target.getvalue() == bytes(999)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("access-denied", "grant the app the role read on this very site"),
        ("no-site", "did you mean 'https://contoso.sharepoint.com/sites/orders-eu'"),
        ("no-folder", "did you mean 'Order lists'"),
    ],
)
def test_refusals(replayed, name, says):
    with pytest.raises(LibraryError, match=says):
        replayed(name).files()


def test_every_exchange_says_how_it_was_made_and_holds_no_token():
    files = sorted(FOLDER.glob("*.json"))
    assert len(files) >= 9
    for file in files:
        assert re.match("by hand|recorded by", json.loads(file.read_text())["made"])
        assert "Bearer ey" not in file.read_text()


@pytest.fixture
def recorded(tenant, settings, tmp_path, workbook, monkeypatch, capsys):  # noqa: PLR0917 - fixtures
    """A recording of the loopback tenant, made by the script as a person would. Gives its folder."""
    for path in ("Private Orders/Jane's customers/ACME Corp.xlsx", "Private Orders/Beta Inc.xlsx"):
        tenant.put(path, workbook())["lastModifiedBy"] = {"user": {"displayName": "Jane Roe"}}
    config, folder = tmp_path / "config.json", tmp_path / "into"
    config.write_text(json.dumps({name: value for name, value in settings.items() if value}))
    monkeypatch.setattr("sys.argv", ["record.py", "--config", str(config), "--into", str(folder)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(RECORD), run_name="__main__")
    assert ended.value.code == 0
    assert "recorded-download.json: 2 exchanges" in capsys.readouterr().out
    return folder


def test_a_recording_holds_nothing_of_the_tenant(recorded, tenant):
    files = sorted(file.name for file in recorded.iterdir())
    assert files == ["recorded-download.json", "recorded-first-listing.json", "recorded-later-listing.json"]
    text = "".join(file.read_text() for file in recorded.iterdir())
    secrets = ["Jane", "ACME", "Beta", "Private", "127.0.0.1", "tempauth", tenant.token, "the-client-secret", "b!drive"]
    assert [secret for secret in secrets if secret in text] == []
    assert '"quickXorHash"' in text
    assert "@microsoft.graph.downloadUrl" in text


def test_a_recording_can_be_replayed(recorded, replayed):
    place = Place(PLACE.site_url, None, ("",), CLOUD)
    library = replayed("recorded-first-listing", folder=recorded, place=place)
    files = paths(library)
    assert len(files) == 2
    assert all(file.endswith(".xlsx") for file in files)
    again = replayed("recorded-later-listing", folder=recorded, place=place, remembered=library.memory())
    assert paths(again) == files
