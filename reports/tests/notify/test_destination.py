"""Where reports go: a folder or a container in Azure Blob Storage, with dated copies for as long as they are wanted."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from azure.storage.blob import ContainerClient, generate_container_sas
from click.testing import Result
from order_reports import destination
from order_reports.destination import Blob, Place, archived, delivering, is_old, latest, parse_blob, written_of
from order_reports.failure import ReportError
from order_reports.settings import settings

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The one key of every Azurite, printed in its documentation."""
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
NAME = "order-audit.xlsx"


def deliver(place: Place, content: bytes, now: datetime = NOW) -> destination.Draft:
    with delivering(place, NAME, now=now) as draft:
        draft.path.write_bytes(content)
    return draft


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_keeps_dated_copies_beside_the_latest(tmp_path: Path) -> None:
    place = Place(tmp_path / "reports", retention_days=7)
    for day in range(10):
        draft = deliver(place, f"day {day}".encode(), NOW + timedelta(days=day))
    assert (draft.place, draft.size) == (str(tmp_path / "reports" / NAME), 5)
    assert files_in(place.folder) == [
        *(f"archive/order-audit-202611{day}T060000Z.xlsx" for day in range(23, 31)),
        NAME,
    ]
    found = latest(place, NAME)
    assert found is not None
    assert found.content == b"day 9"
    assert (place.folder / "archive/order-audit-20261123T060000Z.xlsx").read_bytes() == b"day 2"


def test_without_a_retention_there_are_no_copies(tmp_path: Path) -> None:
    deliver(Place(tmp_path), b"one")
    deliver(Place(tmp_path), b"two")
    assert files_in(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"two"


def test_nothing_but_old_copies_of_the_same_report_is_deleted(tmp_path: Path) -> None:
    kept = [
        "archive/order-audit-20200101T000000Z.html",
        "archive/order-audit-20200101.xlsx",
        "archive/order-audit-20209901T000000Z.xlsx",
        "archive/other-20200101T000000Z.xlsx",
        "archive/order-audit-20200101T000000Z.xlsx.bak",
        "order-audit-20200101T000000Z.xlsx",
    ]
    for name in [*kept, "archive/order-audit-20200101T000000Z.xlsx"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    deliver(Place(tmp_path, retention_days=1), b"new")
    assert files_in(tmp_path) == sorted([*kept, archived(NAME, NOW), NAME])


def test_a_copy_is_kept_for_the_whole_of_its_last_day() -> None:
    path = archived(NAME, NOW)
    assert path == "archive/order-audit-20261121T060000Z.xlsx"
    assert not is_old(path, NAME, NOW + timedelta(days=7), 7)
    assert is_old(path, NAME, NOW + timedelta(days=7, seconds=1), 7)


def test_a_report_that_fails_leaves_latest_and_copies_as_they_were(tmp_path: Path) -> None:
    place = Place(tmp_path, retention_days=7)
    deliver(place, b"good")
    before = files_in(tmp_path)

    def fail() -> None:
        with delivering(place, NAME) as draft:
            draft.path.write_bytes(b"half")
            msg = "The warehouse is gone."
            raise ReportError(msg)

    with pytest.raises(ReportError, match="The warehouse is gone"):
        fail()
    assert files_in(tmp_path) == before
    assert (tmp_path / NAME).read_bytes() == b"good"


def test_a_copy_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file in its place")
    with pytest.raises(ReportError, match=r"archive/order-audit-.*xlsx cannot be written"):
        deliver(Place(tmp_path, retention_days=7), b"new")
    assert (tmp_path / NAME).read_bytes() == b"new"


def test_the_retention_is_a_setting(monday: Any, invoke: Callable[..., Result], tmp_path: Path) -> None:
    monday.save()
    assert invoke("excel", REPORTS_RETENTION_DAYS="30").exit_code == 0
    latest_one, copy = sorted((tmp_path / "reports").rglob("*.xlsx"), key=lambda path: len(path.parts))
    assert copy.parent.name == "archive"
    assert copy.read_bytes() == latest_one.read_bytes()
    refused = invoke("excel", REPORTS_RETENTION_DAYS="0")
    assert refused.exit_code == 2


@pytest.mark.parametrize("address", ["https://account.blob.core.windows.net", "https:///container?sig=hush-hush"])
def test_an_address_of_no_container_is_told_without_its_signature(address: str) -> None:
    with pytest.raises(ReportError, match="output_dir is no container's address") as raised:
        settings("sqlite:///w.db", address, "config")
    assert "hush-hush" not in str(raised.value)


def test_a_signature_is_no_part_of_the_place() -> None:
    given = settings("sqlite:///w.db", "https://a.blob.core.windows.net/c/reports/?sv=1&sig=hush-hush", "config")
    assert given.blob == Blob("https://a.blob.core.windows.net/c/reports", "sv=1&sig=hush-hush")
    assert "hush-hush" not in repr(given)


def test_a_container_that_cannot_be_reached_is_told_without_its_signature(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.core.pipeline.policies import RetryPolicy  # noqa: PLC0415

    monkeypatch.setattr(RetryPolicy, "sleep", lambda *_, **__: None)
    monkeypatch.setattr("azure.storage.blob._shared.policies.StorageRetryPolicy.sleep", lambda *_, **__: None)
    result = invoke("check", REPORTS_OUTPUT_DIR="http://127.0.0.1:1/account/c?sv=1&sig=hush-hush")
    assert result.exit_code == 1
    assert "FAILED: output_dir http://127.0.0.1:1/account/c cannot be reached (ServiceRequestError)" in result.output
    assert "hush-hush" not in result.output


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Azure's storage emulator, installed from npm into a temporary folder and started. Gives its address."""
    folder = tmp_path_factory.mktemp("azurite")
    program = shutil.which("azurite-blob")
    if program is None:
        npm = shutil.which("npm")
        assert npm, "npm is not there: install Node.js, or put azurite-blob on the PATH, to test Azure Blob"
        installed = subprocess.run(
            [npm, "install", "--silent", "--no-fund", "--no-audit", "azurite"],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        assert installed.returncode == 0, f"npm could not install azurite:\n{installed.stderr.decode()[-2000:]}"
        program = str(folder / "node_modules" / ".bin" / "azurite-blob")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    location = str(folder / "data")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--blobPort", str(port), "--location", location, "--skipApiVersionCheck", "--silent"],
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            pytest.fail(f"azurite does not answer:\n{(folder / 'log').read_text()[-2000:]}")
        yield f"http://127.0.0.1:{port}/devstoreaccount1"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def container(azurite: str) -> Iterator[tuple[ContainerClient, Callable[[str], str]]]:
    """An empty container, and its address with a signature that allows some rights."""
    name = f"reports{time.time_ns()}"
    connection = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={azurite};"
    with ContainerClient.from_connection_string(connection, name) as client:
        client.create_container()

        def address(rights: str, folder: str = "") -> str:
            expiry = datetime.now(UTC) + timedelta(hours=1)
            sas = generate_container_sas("devstoreaccount1", name, account_key=KEY, permission=rights, expiry=expiry)
            return f"{azurite}/{name}{folder}?{sas}"

        yield client, address


@pytest.mark.slow
def test_the_workbook_goes_to_a_container(monday: Any, invoke: Callable[..., Result], container: Any) -> None:
    client, address = container
    url = address("racwdl", "/weekly/audit")
    client.upload_blob("weekly/audit/archive/order-audit-20200101T000000Z.xlsx", b"old")
    client.upload_blob("archive/order-audit-20200101T000000Z.xlsx", b"another's")
    monday.save()
    settings = {"REPORTS_OUTPUT_DIR": url, "REPORTS_RETENTION_DAYS": "30"}
    checked = invoke("check", **settings)
    assert checked.exit_code == 0, checked.output
    written = invoke("excel", **settings)
    assert written.exit_code == 0, written.output
    place = url.partition("?")[0]
    assert written.output.startswith(f"{place}/order-audit.xlsx (")
    kept = {blob.name: blob for blob in client.list_blobs()}
    copies = [name for name in kept if name.startswith("weekly/audit/archive/")]
    assert sorted(kept) == sorted(
        ["archive/order-audit-20200101T000000Z.xlsx", "weekly/audit/order-audit.xlsx", *copies]
    )
    assert len(copies) == 1
    assert "spreadsheetml" in kept["weekly/audit/order-audit.xlsx"].content_settings.content_type
    content = client.download_blob("weekly/audit/order-audit.xlsx").readall()
    assert client.download_blob(copies[0]).readall() == content
    assert "SUMMARY" in openpyxl.load_workbook(BytesIO(content)).sheetnames
    assert "sig=" not in checked.output + written.output


@pytest.mark.slow
def test_what_stands_in_a_container_is_known_by_what_it_was_made_of(container: Any) -> None:
    client, address = container
    blob = parse_blob(address("racwdl", "/weekly"))
    place = Place(Path("unused"), blob, retention_days=7)
    assert written_of(place, NAME, "digest") is None
    with delivering(place, NAME, made_of="digest") as draft:
        draft.path.write_bytes(b"new")
    written = written_of(place, NAME, "digest")
    assert written is not None
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)
    assert written_of(place, NAME, "another") is None
    deliver(place, b"newer")
    assert written_of(place, NAME, "digest") is None
    with pytest.raises(ReportError, match="refuses"):
        written_of(Place(Path("unused"), parse_blob(address("w", "/weekly"))), NAME, "digest")
    client.delete_container()
    assert written_of(place, NAME, "digest") is None


@pytest.mark.slow
def test_the_workbook_in_a_container_is_sent_along(
    monday: Any, invoke: Callable[..., Result], tell: Callable[..., str], board: Any, container: Any
) -> None:
    client, address = container
    url = address("racwdl")
    monday.save()
    assert invoke("excel", REPORTS_OUTPUT_DIR=url).exit_code == 0
    said = tell(REPORTS_OUTPUT_DIR=url, REPORTS_MONDAY_UPLOAD="update", REPORTS_REPORT_URL="")
    assert said.startswith("monday: sent")
    assert board.files == [("order-audit.xlsx", client.download_blob("order-audit.xlsx").readall())]
    link = f"{url.partition('?')[0]}/order-audit.xlsx"
    assert board.items["5000"]["link7"]["url"] == link
    assert f'href="{link}"' in board.updates[0]
    assert "sig=" not in said + board.updates[0]


@pytest.mark.slow
def test_a_signature_that_does_not_allow_it_is_told_without_it(
    monday: Any, invoke: Callable[..., Result], tell: Callable[..., str], container: Any
) -> None:
    client, address = container
    monday.save()
    url = address("r")
    for command in ("check", "excel"):
        result = invoke(command, REPORTS_OUTPUT_DIR=url)
        assert result.exit_code == 1
        assert "refuses (403" in result.output
        assert "sig=" not in result.output
    wrong = f"{url[: url.index('sig=')]}sig=wrong"
    said = tell(REPORTS_OUTPUT_DIR=wrong)
    assert "monday: sent" in said
    assert "Error: The workbook is not sent along. output_dir http://127.0.0.1" in said
    assert "sig=" not in said
    assert list(client.list_blobs()) == []


@pytest.mark.slow
def test_a_container_that_is_not_there_is_told(invoke: Callable[..., Result], container: Any) -> None:
    client, address = container
    url = address("racwdl")
    client.delete_container()
    result = invoke("check", REPORTS_OUTPUT_DIR=url)
    assert result.exit_code == 1
    assert "the container has to be there" in result.output
