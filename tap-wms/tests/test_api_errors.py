"""What goes wrong with the REST API: settings, logins, answers that are no data. No message holds a secret."""

from __future__ import annotations

import json
import logging
import threading

import pytest
import requests
from singer_sdk.exceptions import ConfigValidationError
from tap_wms import auth, client
from tap_wms.api import PATH, parse_settings
from tap_wms.client import ApiError, Pace
from tap_wms.errors import TapError
from tap_wms.tap import TapWMS

CLIENT = {"auth": "oauth2", "client_id": "client", "client_secret": "s3cret", "scope": "urn:lgfapi"}


def on_list(*answers):
    """Faults that meet the lists asked for, one after the other."""
    return [lambda path, answer=answer: answer if "ordering=mod_ts" in path else None for answer in answers]


def failure(status, code="GENERIC_ERROR", message="It went wrong.", **more):
    body = {"reference": "5b2f-ref", "code": code, "message": message, "details": None, **more}
    return status, json.dumps(body).encode()


@pytest.fixture
def filled(lgf):
    for number in range(1, 4):
        lgf.add("order_hdr", number)
    return lgf


@pytest.fixture
def oauth(filled, api):
    filled.tokens = set()
    settings = {name: value for name, value in api.items() if name not in {"username", "password"}}
    return settings | CLIENT | {"token_url": f"{filled.host}/oauth2/v1/token"}


def test_neither_a_database_nor_the_api_is_nothing_to_read(read):
    with pytest.raises(TapError, match=r"there is nothing to read: .*TAP_WMS_CONNECTIONS.*TAP_WMS_API_URL"):
        read({})
    with pytest.raises(TapError, match=r"`views` names views to read, but .*TAP_WMS_CONNECTIONS\) is empty"):
        read({"api_url": "https://x/env", "views": [{"stream": "a", "table": "b"}]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"password": None}, "the setting `password` (TAP_WMS_PASSWORD) is empty, but the `basic` login"),
        ({**CLIENT, "token_url": None}, "the setting `token_url` (TAP_WMS_TOKEN_URL) is empty, but the `oauth2`"),
        ({"api_url": "ftp://x"}, "(TAP_WMS_API_URL) must start with https://"),
        ({"api_url": "http://wms.example/env"}, "must start with https://: the login would be sent unencrypted"),
        ({"api_url": "https://u:s3cret@wms.example/env"}, "must hold no user, password or query"),
        ({"api_url": "https://[s3cret"}, "is not an address"),
        ({"facility_timezone": "New York"}, "there is no zone 'New York'; one is America/New_York"),
        ({"entities": ["../company"]}, "must be a list of names like \"order_hdr\"; it has '../company'"),
        ({"entities": "order_hdr"}, "(TAP_WMS_ENTITIES) is not JSON"),
        ({"entities": []}, "is empty; leave it out for order_hdr, order_dtl, allocation"),
    ],
)
def test_settings_that_cannot_be_meant_are_named_without_their_secrets(api, read, settings, message):
    with pytest.raises(TapError) as refused:
        read(api | settings)
    assert message in refused.value.message
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize(
    "settings", [{"page_size": 1251}, {"page_mode": "keyed"}, {"auth": "token"}, {"max_concurrency": 0}]
)
def test_settings_out_of_their_bounds_are_refused(api, read, settings):
    with pytest.raises(ConfigValidationError):
        read(api | settings)


@pytest.mark.parametrize("tail", ["", "/", "/wms/lgfapi/v10", "/wms/lgfapi/v10/entity/"])
def test_the_address_may_be_that_of_the_browser_or_of_the_api(tail):
    settings = {
        "api_url": f"https://c1.wms.example/env{tail}", "auth": "basic", "username": "u", "password": "p",
        "entities": ["a"], "page_size": 1, "page_mode": "paged", "overlap_minutes": 0, "max_concurrency": 1,
        "request_timeout": 1,
    }  # fmt: skip
    assert parse_settings(settings).base == f"https://c1.wms.example/env{PATH}"


def test_a_view_and_an_entity_of_one_name_are_refused(warehouse, api, read):
    view = {"stream": "order_hdr", "table": "v_shipped"}
    with pytest.raises(TapError, match="order_hdr is both a stream of `views` and one of `entities`"):
        read(api | {"connections": {"wms": warehouse.url}, "views": [view]})


def test_a_filtered_list_without_rows_is_an_empty_page(lgf, api, read):
    reading = read(api | {"start_date": "2026-03-01"})
    assert reading.records("order_hdr") == []
    assert lgf.answer("/env/wms/lgfapi/v10/entity/order_hdr/", {})[0] == 404


def test_an_unknown_entity_is_an_error_that_names_the_nearest(api, read):
    with pytest.raises(TapError) as unknown:
        read(api | {"entities": ["order_hdrs"]})
    assert (
        "the API has no entity order_hdrs, or the user may not see it; nearest names: order_hdr"
        in unknown.value.message
    )
    assert "(TAP_WMS_ENTITIES)" in unknown.value.message


def test_a_404_that_is_not_the_api_s_is_no_empty_page(filled, api, read):
    with pytest.raises(ApiError, match=r"the API answered 404 .*check the setting `api_url`"):
        read(api | {"api_url": f"{filled.host}/elsewhere"})
    filled.faults += on_list((404, b"<html>gateway</html>"))
    with pytest.raises(ApiError, match="the API answered 404"):
        read(api)


def test_a_login_page_elsewhere_is_not_followed(filled, api, read):
    filled.faults.append(lambda _path: (302, b"{}"))
    with pytest.raises(
        ApiError, match=r"the API answered 302 that it is at another address .*check the setting `api_url`"
    ):
        read(api)


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
def test_a_passing_failure_is_tried_again_and_loses_nothing(filled, api, read, naps, status):
    filled.faults += on_list(failure(status, "TRY_AGAIN"), (status, b"<html>"))
    assert len(read(api).records("order_hdr")) == 3
    assert len(naps) == 2


def test_a_failure_that_stays_is_given_up_with_all_it_said(filled, api, read, naps):
    filled.faults += on_list(*[failure(500, details={"field": "mod_ts"})] * client.REQUEST_TRIES)
    with pytest.raises(TapError) as failed:
        read(api | {"start_date": "2026-03-01"})
    message = failed.value.message
    assert message.startswith(
        "order_hdr: the API answered 500 (code GENERIC_ERROR, reference 5b2f-ref): It went wrong."
    )
    assert '{"field":"mod_ts"}' in message
    assert (
        "[v10/entity/order_hdr/?page_mode=sequenced&page_size=1250&ordering=mod_ts%2Cid&mod_ts__gte=2026-03-01"
        in message
    )
    assert message.endswith(f"given up after {client.REQUEST_TRIES} tries")
    assert len(naps) == client.REQUEST_TRIES - 1
    assert all(nap <= 2**tried for tried, nap in enumerate(naps))


def test_a_refusal_is_not_tried_again_and_carries_its_parts(filled, api, read, naps):
    filled.faults += on_list(failure(403, "PERMISSION_DENIED", "No permission for s3cret."))
    with pytest.raises(ApiError) as refused:
        read(api | {"start_date": "2026-03-01"})
    error = refused.value
    assert (error.status, error.code, error.reference, error.entity) == (
        403,
        "PERMISSION_DENIED",
        "5b2f-ref",
        "order_hdr",
    )
    assert "mod_ts__gte=2026-03-01" in error.query
    assert "the user's group needs the permission" in error.message
    assert "s3cret" not in error.message
    assert naps == []


def test_an_answer_cut_short_is_asked_for_again(filled, api, read, naps):
    filled.faults += on_list((200, b'{"results": [{"id": 1,'))
    assert len(read(api).records("order_hdr")) == 3
    assert len(naps) == 1
    filled.faults += on_list(*[(200, b"not json")] * client.REQUEST_TRIES)
    with pytest.raises(TapError, match="the API answered 200: its JSON cannot be read"):
        read(api)


@pytest.mark.parametrize("body", [b"[]", b'{"results": 3}', b'{"results": [1]}', b"{}"])
def test_an_answer_of_another_form_is_no_empty_page(filled, api, read, body):
    filled.faults += on_list((200, body))
    with pytest.raises(TapError, match=r"order_hdr: the API's answer has no list of results \[v10/entity/order_hdr/"):
        read(api)


@pytest.mark.parametrize("row", [{"id": 1.5, "mod_ts": "2026-03-01T08:00:00Z"}, {"id": 1, "mod_ts": "soon"}])
def test_a_row_that_cannot_be_placed_is_named(filled, api, read, row):
    filled.faults += on_list((200, json.dumps({"next_page": "?page=2", "results": [row]}).encode()))
    with pytest.raises(
        TapError, match=r"not of the documented form: .*id|row 1 has mod_ts 'soon', which is no date-time"
    ):
        read(api)


def test_a_slow_answer_is_asked_for_again(filled, api, read, naps):
    slow = iter([1.3])
    filled.before = lambda path: "ordering=mod_ts" in path and threading.Event().wait(next(slow, 0))
    assert len(read(api | {"request_timeout": 1}).records("order_hdr")) == 3
    assert len(naps) == 1


def test_a_server_that_does_not_answer_in_time_is_named_with_what_to_do(filled, api, read, monkeypatch):
    monkeypatch.setattr(client, "REQUEST_TRIES", 1)
    filled.latency = 1.3
    with pytest.raises(TapError) as slow:
        read(api | {"request_timeout": 1})
    assert (
        "no answer from 127.0.0.1 in 1 tries: nothing came in time; the setting `request_timeout`" in slow.value.message
    )
    assert "[v10/entity/order_hdr/describe/]" in slow.value.message


def test_a_server_that_cannot_be_reached_is_named(api, read, naps):
    with pytest.raises(
        TapError, match=r"no answer from 127\.0\.0\.1 in 6 tries: the connection failed \(ConnectionError\)"
    ):
        read(api | {"api_url": "http://127.0.0.1:9/env"})
    assert len(naps) == client.REQUEST_TRIES - 1


def test_a_wrong_password_is_tried_once_and_named(filled, api, read, caplog):
    filled.tokens = set()
    with caplog.at_level(logging.DEBUG), pytest.raises(ApiError) as refused:
        read(api)
    assert "the API answered 401" in refused.value.message
    assert "check the setting `username` (TAP_WMS_USERNAME) and `password`" in refused.value.message
    assert len(filled.requests) == 1
    assert "s3cret" not in refused.value.message + caplog.text


def test_one_token_serves_all_entities(oauth, filled, read):
    for name in ("order_dtl", "allocation"):
        filled.add(name, 1)
    reading = read(oauth | {"entities": ["order_hdr", "order_dtl", "allocation"]})
    assert len(reading.records("order_hdr")) == 3
    assert filled.tokens_given == 1


def test_a_token_refused_is_replaced_once(oauth, filled, read):
    filled.faults += on_list(failure(401))
    assert len(read(oauth).records("order_hdr")) == 3
    assert filled.tokens_given == 2
    filled.faults += on_list(failure(401), failure(401))
    with pytest.raises(ApiError, match=r"the API answered 401 .*check the setting `client_id`"):
        read(oauth)
    assert filled.tokens_given == 4


def test_threads_that_were_refused_the_same_token_replace_it_once(oauth, filled):
    login = auth.ClientCredentials(oauth)
    first = requests.Request("GET", filled.host).prepare()
    login(first)
    old = first.copy()
    login.forget(first)
    login(first)
    login.forget(old)
    login(old)
    assert filled.tokens_given == 2
    assert old.headers["Authorization"] == first.headers["Authorization"] == "Bearer token-2"


def test_a_token_is_replaced_before_it_expires(oauth, filled):
    login = auth.ClientCredentials(oauth)
    request = requests.Request("GET", filled.host).prepare()
    login(request)
    login.expires_in = auth.MARGIN_SECONDS * 2
    assert login.is_token_valid()
    login.last_refreshed -= auth.dt.timedelta(seconds=auth.MARGIN_SECONDS + 1)
    login(request)
    assert filled.tokens_given == 2


def test_a_client_that_is_refused_a_token_is_named_without_its_secret(oauth, read, naps, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(TapError) as refused:
        read(oauth | {"client_secret": "s3cret wrong"})
    assert "refused the client: 401 invalid_client; check the setting `client_id`" in refused.value.message
    assert "s3cret" not in refused.value.message + caplog.text
    assert naps == []


def test_a_token_endpoint_in_trouble_is_tried_again(oauth, read, naps):
    with pytest.raises(
        TapError, match=r"no token from http://127\.0\.0\.1:9/t in 4 tries: ConnectionError; check the setting"
    ):
        read(oauth | {"token_url": "http://127.0.0.1:9/t"})
    assert len(naps) == auth.TOKEN_TRIES - 1


def test_the_pace_is_kept():
    pace = Pace(200)
    start = client.time.monotonic()
    for _ in range(5):
        pace.wait()
    assert client.time.monotonic() - start >= 4 / 200


def test_about_names_the_api_s_settings_and_keeps_its_secrets(capsys):
    TapWMS.print_about("json")
    settings = json.loads(capsys.readouterr().out)["settings"]["properties"]
    assert {name for name, setting in settings.items() if setting.get("secret")} == {
        "connections", "password", "client_secret",
    }  # fmt: skip
    assert settings["entities"]["default"] == ["order_hdr", "order_dtl", "allocation"]
    assert settings["page_size"]["default"] == 1250
