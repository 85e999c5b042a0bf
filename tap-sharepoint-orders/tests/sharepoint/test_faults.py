"""What goes wrong on the way to Graph and back, and what the tap makes of it."""

import base64
import io
import logging
from email.utils import formatdate

import pytest
import requests
from tap_sharepoint_orders import graph
from tap_sharepoint_orders.download import CHUNK_BYTES
from tap_sharepoint_orders.graph import USER_AGENT, GraphError
from tap_sharepoint_orders.library import FileUnavailableError, LibraryError
from tap_sharepoint_orders.quick_xor_hash import QuickXorHash

DOWNLOAD = "GET /download/"
ITEM = "GET /v1.0/drives/b!drive-1/items/item-"
CONTENT = bytes(range(251)) * (3 * CHUNK_BYTES // 251)


@pytest.fixture(autouse=True)
def file(tenant):
    return tenant.put("acme.xlsx", CONTENT)


@pytest.fixture
def copied(library):
    """Copies the one file. Returns its bytes, the file as copied, and the library."""

    def copy(**downloading):
        opened = library()
        for name, value in downloading.items():
            setattr(opened.downloader, name, value)
        [listed] = opened.files()
        target = io.BytesIO(b"left over from before" * 100)
        now = opened.copy(listed, target)
        return target.getvalue(), now, opened

    return copy


@pytest.fixture
def waited(monkeypatch):
    """Seconds that were to be waited; nobody waits them."""
    seconds = []
    monkeypatch.setattr("backoff._sync.time.sleep", seconds.append)
    return seconds


def test_a_copy_is_the_file_and_takes_two_requests_without_a_token(copied, tenant, file):
    content, now, _ = copied()
    assert content == CONTENT
    assert (now.size_bytes, now.etag) == (len(CONTENT), file["eTag"])
    assert set(now.marks) == {"quickXorHash", "cTag", "eTag"}
    assert len(tenant.asked_for(ITEM)) == len(tenant.asked_for(DOWNLOAD)) == 1
    assert "authorization" not in tenant.asked_for(DOWNLOAD)[0].headers


def test_links_are_asked_for_when_they_are_needed_and_no_sooner(library, tenant):
    opened = library()
    opened.files()
    assert not tenant.asked_for(ITEM)
    assert "downloadUrl" not in str(opened.memory())


def test_every_request_says_who_asks(copied, tenant):
    copied()
    assert {asked.headers["user-agent"] for asked in tenant.asked} == {USER_AGENT}
    assert USER_AGENT.startswith("NONISV|")


def test_a_storm_of_429_is_waited_out_as_told(copied, tenant, answers, waited, caplog):
    _, error = answers
    caplog.set_level(logging.INFO)
    tenant.fault("/delta", error(429, "tooManyRequests", Retry_After="30"), times=20)
    content, _, opened = copied()
    assert content == CONTENT
    assert len(waited) == 20
    assert all(30 <= seconds <= 33 for seconds in waited)
    assert opened.graph.traffic.waits == 20
    opened.log_traffic()
    points = [record.args[-1].to_dict() for record in caplog.records if "METRIC" in record.msg]
    requests_made = {"type": "counter", "metric": "http_request_count", "value": 25, "tags": {"endpoint": "graph"}}
    assert requests_made in points
    assert sum(point["value"] for point in points if point["metric"] == "http_wait_duration") >= 600


def test_a_storm_that_does_not_end_ends_the_run(library, tenant, answers, waited):
    _, error = answers
    tenant.fault("/delta", error(429, "tooManyRequests", Retry_After="120"), times=99)
    with pytest.raises(LibraryError, match="429 tooManyRequests"):
        library().files()
    assert sum(waited) < graph.RETRY_AFTER_MOST_S * 1.1


def test_a_time_to_retry_after_may_be_a_date(library, tenant, answers, waited):
    _, error = answers
    tenant.fault("/delta", error(503, "serviceUnavailable", Retry_After=formatdate(2_000_000_000)))
    with pytest.raises(LibraryError, match="503"):  # years from now
        library().files()
    tenant.fault("/delta", error(503, "serviceUnavailable", Retry_After=formatdate(0, usegmt=True)))
    assert len(library().files()) == 1
    assert waited == [0]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_service_is_asked_again_later_and_later_but_not_for_ever(library, tenant, answers, waited, status):
    _, error = answers
    tenant.fault("/delta", error(status, "generalException"), times=99)
    with pytest.raises(GraphError, match=str(status)):
        library().files()
    assert len(waited) == graph.BACKOFF_TRIES - 1
    assert waited[-1] > waited[0]
    assert len(set(waited)) == len(waited)


def test_broken_connections_are_tried_again(library, tenant, answers, waited):
    answer, _ = answers
    tenant.fault("/delta", answer(200, b'{"value": [', announced=99), answer(200, b"<html>"))
    assert len(library().files()) == 1
    assert len(waited) == 2


def test_no_network_is_told_without_details_that_could_hold_a_secret(library, monkeypatch, waited):
    opened = library()

    def refuse(*_, **__):
        raise requests.ConnectionError("https://user:secret@proxy")

    monkeypatch.setattr(opened.graph.session, "get", refuse)
    with pytest.raises(LibraryError, match=r"cannot be reached at graph_url .* check the network") as refused:
        opened.files()
    assert "secret" not in str(refused.value)
    assert waited


def test_a_token_that_expired_is_replaced_once(copied, tokens):
    tokens.held = "one that expired"
    content, _, _ = copied()
    assert content == CONTENT
    assert tokens.refused == ["one that expired"]


def test_a_token_refused_twice_is_not_asked_for_a_third_time(library, tenant, tokens, answers):
    _, error = answers
    tenant.fault("/v1.0/", error(401, "InvalidAuthenticationToken"), times=9)
    with pytest.raises(LibraryError, match="does not accept the app's token"):
        library().files()
    assert len(tokens.refused) == 1
    assert len(tenant.asked) == 2


def test_a_body_cut_short_is_resumed_where_it_broke_off(copied, tenant, answers):
    answer, _ = answers
    tenant.fault(DOWNLOAD, answer(200, CONTENT[: CHUNK_BYTES + 5], announced=len(CONTENT)))
    content, _, opened = copied()
    assert content == CONTENT
    first, second = tenant.asked_for(DOWNLOAD)
    assert "range" not in first.headers
    assert int(second.headers["range"].removeprefix("bytes=").rstrip("-")) >= CHUNK_BYTES
    assert opened.downloader.traffic.waits == 1


def test_a_host_that_knows_no_range_sends_the_whole_again(copied, tenant, answers):
    answer, _ = answers
    cut = answer(200, CONTENT[: CHUNK_BYTES + 5], announced=len(CONTENT))
    tenant.fault(DOWNLOAD, cut, answer(200, CONTENT))
    assert copied()[0] == CONTENT


def test_a_link_that_expires_during_the_download_is_renewed_and_the_rest_fetched(copied, tenant, answers):
    answer, _ = answers
    cut = answer(200, CONTENT[: CHUNK_BYTES + 5], announced=len(CONTENT))
    tenant.fault(DOWNLOAD, cut, answer(401, b"expired"))
    assert copied()[0] == CONTENT
    assert len(tenant.asked_for(ITEM)) == 2
    assert tenant.asked_for(DOWNLOAD)[-1].headers["range"].startswith("bytes=1")


def test_a_file_saved_between_two_links_is_fetched_anew_as_it_is_then(copied, tenant, answers):
    answer, _ = answers
    newer = CONTENT[::-1] + b"newer"

    def save():
        tenant.put("acme.xlsx", newer)
        return answer(401, b"expired")

    tenant.fault(DOWNLOAD, answer(200, CONTENT[: CHUNK_BYTES + 5], announced=len(CONTENT)), save)
    content, now, _ = copied()
    assert content == newer
    assert now.size_bytes == len(newer)


def test_a_link_that_never_works_costs_its_file_only(copied, tenant):
    tenant.link_life = -1
    with pytest.raises(FileUnavailableError, match="link expired again and again"):
        copied()


def test_wrong_bytes_of_the_right_size_are_fetched_again(copied, tenant, answers):
    answer, _ = answers
    tenant.fault(DOWNLOAD, answer(200, bytes(len(CONTENT))))
    assert copied()[0] == CONTENT


@pytest.mark.parametrize(
    ("content", "difference"),
    [
        (bytes(len(CONTENT)), "another quickXorHash"),
        (CONTENT[:-1], f"{len(CONTENT) - 1:,} bytes in place of {len(CONTENT):,}"),
    ],
    ids=["same size", "shorter"],
)
def test_a_download_that_stays_wrong_costs_its_file_unless_that_is_allowed(
    copied, tenant, answers, content, difference
):
    answer, _ = answers
    tenant.fault(DOWNLOAD, answer(200, content), times=9)
    with pytest.raises(FileUnavailableError, match=f"{difference}.*verify_downloads"):
        copied()
    assert copied(verify=False)[0] == content


def test_an_empty_file_is_copied_too(library, tenant):
    tenant.put("empty.xlsx", b"")
    opened = library()
    target = io.BytesIO()
    listed = next(file for file in opened.files() if file.name == "empty.xlsx")
    assert opened.copy(listed, target).size_bytes == 0


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ((404, "itemNotFound"), "listed but is gone"),
        ((403, "accessDenied"), "may not be read by the app"),
        ((423, "resourceLocked"), "423 resourceLocked"),
    ],
)
def test_a_file_that_cannot_be_had_says_why(copied, tenant, answers, refusal, says):
    _, error = answers
    tenant.fault(ITEM, error(*refusal))
    with pytest.raises(FileUnavailableError, match=says):
        copied()


def test_a_file_without_a_link_may_be_malware(copied, tenant, file, answers):
    answer, _ = answers
    tenant.fault(ITEM, answer(body=tenant.told(file)))
    with pytest.raises(FileUnavailableError, match="malware"):
        copied()


def test_a_link_to_another_host_does_not_get_the_token(library, tenant, answers):
    answer, _ = answers
    tenant.fault("/delta", answer(body={"value": [], "@odata.nextLink": "https://127.0.0.1:1/v1.0/x"}))
    with pytest.raises(LibraryError, match="the token is not sent there"):
        library().files()


def test_the_hash_is_the_one_microsoft_publishes():
    def hashed(content, step):
        hasher = QuickXorHash()
        for start in range(0, len(content), step):
            hasher.update(content[start : start + step])
        return hasher.base64()

    def by_the_book(content):
        total = 0
        for position, byte in enumerate(content):
            shifted = byte << position * 11 % 160
            total ^= shifted & (1 << 160) - 1 | shifted >> 160
        return total ^ len(content) << 96

    assert hashed(b"hello world", 11) == "aCgDG9jwBhDc4Q1yawMZAAAAAAA="
    for size in (0, 1, 159, 160, 161, 5000):
        content = CONTENT[7 : size + 7]
        found = {hashed(content, step) for step in (1, 7, 160, 4096)}
        assert len(found) == 1
        assert int.from_bytes(base64.b64decode(found.pop()), "little") == by_the_book(content)
