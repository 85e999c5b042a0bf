"""Keeping contents before they are read, and reading them from where they are kept."""

import io
import json
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import ContainerClient, generate_container_sas
from tap_sharepoint_orders.archive import ArchiveError, BlobArchive, FolderArchive, open_archive

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The one key of every Azurite, printed in its documentation."""

pytestmark = pytest.mark.usefixtures("read_here")


def data(run):
    return [
        {key: row[key] for key in ("row_number", "sheet", "sheet_customer", "cells", "sizes")}
        for row in run.records("order_list_rows")
    ]


@pytest.fixture
def filled(tenant, workbook):
    for number, path in enumerate(("acme.xlsx", "beta.xlsx", "more/zeta.xlsx"), 1):
        tenant.put(path, workbook(number))
    return tenant


def replayed(run_tap, archive, run):
    """Every load of a run, made again from the archive by its content hash."""
    for file in run.files.values():
        yield run_tap(local_path=str(archive / file["content_hash"]))


@pytest.mark.usefixtures("filled")
def test_every_load_can_be_made_again_from_the_archive(run_tap, settings, tmp_path):
    archive = tmp_path / "archive"
    run = run_tap(**settings, archive_url=str(archive))
    kept = sorted(path.relative_to(archive).as_posix() for path in archive.rglob("*.xlsx"))
    assert kept == sorted(f"{file['content_hash']}/{file['name']}" for file in run.files.values())
    again = [row for load in replayed(run_tap, archive, run) for row in data(load)]
    assert again == data(run)
    whole = run_tap(local_path=str(archive))
    assert sorted(map(json.dumps, data(whole))) == sorted(map(json.dumps, data(run)))
    assert {f["content_hash"] for f in whole.files.values()} == {f["content_hash"] for f in run.files.values()}


def test_a_content_is_kept_once_and_before_it_is_read(run_tap, settings, tmp_path, filled):
    archive = tmp_path / "archive"
    filled.put("broken.xlsx", b"PK no workbook")
    first = run_tap(**settings, archive_url=f"file://{archive}")
    assert first.statuses["broken.xlsx"] == "failed"
    kept = {path: path.stat().st_mtime_ns for path in archive.rglob("*") if path.is_file()}
    assert len(kept) == 4
    run_tap(**settings, archive_url=str(archive), sync_mode="full")
    assert {path: path.stat().st_mtime_ns for path in archive.rglob("*") if path.is_file()} == kept


def test_a_folder_can_be_archived_too(run_tap, tmp_path, save):
    save(tmp_path / "orders" / "acme.xlsx")
    run = run_tap(local_path=str(tmp_path / "orders"), archive_url=str(tmp_path / "archive"))
    [load] = replayed(run_tap, tmp_path / "archive", run)
    assert data(load) == data(run)


def test_what_cannot_be_kept_is_not_read(run_tap, tmp_path, save, caplog):
    save(tmp_path / "orders" / "acme.xlsx")
    (tmp_path / "archive").write_text("a file in its place")
    run = run_tap(local_path=str(tmp_path / "orders"), archive_url=str(tmp_path / "archive"))
    assert run.exit_code == 1
    assert run.records("source_files") == []
    assert "archive_url" in caplog.text


def test_a_disk_that_fills_up_leaves_no_half_of_a_workbook(tmp_path):
    class Full(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise OSError(28, "No space left on device")
            return super().read(size)

    with pytest.raises(ArchiveError, match="No space left"):
        FolderArchive(tmp_path).store("0" * 64, "a.xlsx", Full(bytes(3_000_000)))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("url", "connection"),
    [("https:///nothing", None), ("https://a.blob.core.windows.net/c", "no connection string sig-secret")],
)
def test_an_archive_that_is_none_is_told_without_its_secret(url, connection):
    with pytest.raises(ArchiveError, match="a container's address") as refused:
        open_archive(url, connection_string=connection, credential=None)
    assert "sig-secret" not in str(refused.value)


def test_an_identity_is_asked_only_where_nothing_else_signs():
    class Credential:
        def get_token(self, *_, **__):
            return AccessToken("t", 2_000_000_000)

    url = "https://a.blob.core.windows.net/c"
    credential = Credential()
    assert open_archive(url, connection_string=None, credential=credential).container.credential is credential
    signed = open_archive(f"{url}?sv=1&sig=secret", connection_string=None, credential=credential).container
    assert signed.credential is None
    assert "sig=secret" in signed.primary_endpoint


def test_an_unreachable_container_is_told_without_its_signature():
    container = ContainerClient.from_container_url("http://127.0.0.1:1/acct/c?sig=secret", retry_total=0)
    with pytest.raises(ArchiveError, match=r"archive_url http://127.0.0.1:1/acct/c cannot be reached") as refused:
        BlobArchive(container).store("0" * 64, "a.xlsx", io.BytesIO(b"x"))
    assert "secret" not in str(refused.value)


@pytest.fixture(scope="module")
def azurite(tmp_path_factory):
    """Azure's storage emulator, installed from npm into a temporary folder and started. Gives its address."""
    folder = tmp_path_factory.mktemp("azurite")
    program = shutil.which("azurite-blob")
    if program is None:
        npm = shutil.which("npm")
        assert npm, "npm is not there: install Node.js, or put azurite-blob on the PATH, to test Azure Blob archives"
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
    data_folder = folder / "data"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--blobPort", str(port), "--location", str(data_folder), "--skipApiVersionCheck", "--silent"],
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
def container(azurite):
    """An empty container, and settings that lead to it by connection string and by SAS."""
    name = f"archive{time.time_ns()}"
    connection = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={azurite};"
    with ContainerClient.from_connection_string(connection, name) as client:
        client.create_container()
        sas = generate_container_sas(
            "devstoreaccount1", name, account_key=KEY, permission="c", expiry=datetime.now(UTC) + timedelta(hours=1)
        )
        url = f"{azurite}/{name}"
        ways = {
            "connection string": {"archive_url": url, "archive_connection_string": connection},
            "SAS": {"archive_url": f"{url}?{sas}"},
        }
        yield client, ways


@pytest.mark.slow
@pytest.mark.parametrize("way", ["connection string", "SAS"])
@pytest.mark.usefixtures("filled")
def test_a_blob_container_keeps_every_content_once_and_gives_the_same_rows_again(
    run_tap, settings, container, tmp_path, way
):
    client, ways = container
    run = run_tap(**settings, **ways[way])
    assert run.exit_code == 0
    kept = {blob.name: blob.last_modified for blob in client.list_blobs()}
    assert set(kept) == {f"{file['content_hash']}/{file['name']}" for file in run.files.values()}
    run_tap(**settings, **ways[way], sync_mode="full")
    assert {blob.name: blob.last_modified for blob in client.list_blobs()} == kept
    for name in kept:
        target = Path(tmp_path / "fetched" / name)
        target.parent.mkdir(parents=True)
        target.write_bytes(client.download_blob(name).readall())
    again = [row for load in replayed(run_tap, tmp_path / "fetched", run) for row in data(load)]
    assert again == data(run)


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_a_signature_that_allows_nothing_stops_the_run_before_anything_is_read(run_tap, settings, container, caplog):
    _, ways = container
    url = ways["SAS"]["archive_url"]
    wrong = url[: url.index("sig=")] + "sig=wrong"
    run = run_tap(**settings, archive_url=wrong)
    assert run.exit_code == 1
    assert run.records("source_files") == []
    assert "refuses the workbook (403" in caplog.text
    assert "sig=" not in caplog.text
