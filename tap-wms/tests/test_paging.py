"""Lists that change while they are read: no row is left out, none comes twice, and a killed reading goes on."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_wms import paging, prefetch
from tap_wms.errors import TapError

MODES = pytest.mark.parametrize("mode", ["sequenced", "paged"])
EIGHT = dt.datetime(2026, 3, 1, 8, 0, tzinfo=dt.UTC)


def rows(reading, stream="order_hdr"):
    return [(record["id"], dt.datetime.fromisoformat(record["mod_ts"])) for record in reading.records(stream)]


def stored(lgf, entity="order_hdr"):
    return sorted((row["id"], row["mod_ts"]) for row in lgf.rows[entity].values())


def bookmark(reading, stream="order_hdr"):
    return reading.state["bookmarks"][stream].get("replication_key_value")


@MODES
def test_a_list_is_read_page_by_page_in_the_order_of_change(lgf, api, read, mode):
    for number in range(1, 11):
        lgf.add("order_hdr", number, EIGHT + dt.timedelta(minutes=20 - number))
    reading = read(api | {"page_size": 3, "page_mode": mode})
    assert [number for number, _ in rows(reading)] == list(range(10, 0, -1))
    asked = lgf.lists("order_hdr")
    assert {query["page_mode"] for query in asked} == {mode}
    assert {query["page_size"] for query in asked} == {"3"}
    assert {query["ordering"] for query in asked} == {"mod_ts,id"}
    # Each page but the first has the row before it again. None is asked for by a number or a cursor, which would
    # shift when a row changes.
    assert len(asked) == 5
    assert not any("page" in query or "cursor" in query for query in asked)
    assert bookmark(reading) == "2026-03-01T08:19:00.000000Z"


@MODES
def test_the_largest_page_is_1250_rows(lgf, api, read, mode):
    for number in range(1, 1252):
        lgf.add("order_hdr", number, EIGHT + dt.timedelta(seconds=number))
    assert len(rows(read(api | {"page_mode": mode}))) == 1251
    assert [query["page_size"] for query in lgf.lists("order_hdr")] == ["1250", "1250"]


@MODES
def test_a_row_that_changes_while_the_list_is_read_leaves_no_gap(lgf, api, read, mode):
    """The rows behind it slide forward, one of them to a page that has been read already."""
    for number in range(1, 13):
        lgf.add("order_hdr", number)

    def change(path):
        if len(lgf.lists("order_hdr")) == 2 and "/?" in path:
            for number in (1, 2):
                lgf.add("order_hdr", number, EIGHT + dt.timedelta(hours=2, minutes=number))
            lgf.add("order_hdr", 99, EIGHT + dt.timedelta(hours=3))
            lgf.rows["order_hdr"] = {n: row for n, row in lgf.rows["order_hdr"].items() if n != 3}
            lgf.before = None

    lgf.before = change
    read_rows = rows(read(api | {"page_size": 4, "page_mode": mode}))
    assert len(read_rows) == len(set(read_rows))
    assert set(stored(lgf)) <= set(read_rows)
    assert [number for number, _ in read_rows] == [*range(1, 13), 1, 2, 99]


@MODES
def test_rows_of_one_moment_that_fill_pages_all_come_once(lgf, api, read, mode):
    """A whole import may carry one time."""
    for number in range(1, 24):
        lgf.add("order_hdr", number, EIGHT)
    lgf.add("order_hdr", 50, EIGHT + dt.timedelta(seconds=1))
    read_rows = rows(read(api | {"page_size": 4, "page_mode": mode}))
    assert sorted(read_rows) == stored(lgf)


@MODES
def test_rows_of_one_moment_leave_no_gap_when_one_of_them_changes(lgf, api, read, mode):
    for number in range(1, 24):
        lgf.add("order_hdr", number, EIGHT)

    def change(_path):
        if len(lgf.lists("order_hdr")) == 4:
            for number in (1, 2, 3):
                lgf.add("order_hdr", number, EIGHT + dt.timedelta(hours=1))
            lgf.before = None

    lgf.before = change
    read_rows = rows(read(api | {"page_size": 4, "page_mode": mode}))
    assert len(read_rows) == len(set(read_rows))
    assert set(stored(lgf)) <= set(read_rows)


@settings(max_examples=settings.default.max_examples // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reading=st.tuples(
        st.sampled_from(["sequenced", "paged"]),
        st.integers(1, 4),
        st.lists(st.integers(0, 5), min_size=1, max_size=12),
    ),
    changes=st.lists(st.tuples(st.integers(1, 8), st.integers(1, 12)), max_size=4),
)
def test_whatever_changes_while_it_is_read_every_row_comes_as_it_is_at_the_end(lgf, api, read, reading, changes):
    mode, size, minutes = reading
    lgf.rows["order_hdr"] = {}
    lgf.requests.clear()
    for number, minute in enumerate(minutes, 1):
        lgf.add("order_hdr", number, EIGHT + dt.timedelta(minutes=minute))
    clock = iter(range(1000))

    def change(_path):
        for page, number in changes:
            if len(lgf.lists("order_hdr")) == page and number in lgf.rows["order_hdr"]:
                lgf.add("order_hdr", number, EIGHT + dt.timedelta(hours=1, seconds=next(clock)))

    lgf.before = change
    read_rows = rows(read(api | {"page_size": size, "page_mode": mode}))
    lgf.before = None
    assert len(read_rows) == len(set(read_rows))
    # A row that changed behind the last page belongs to the next reading; all others are here as they are now.
    last = max(moment for _, moment in read_rows)
    assert {row for row in stored(lgf) if row[1] <= last} <= set(read_rows)


@MODES
def test_a_next_page_on_another_host_is_refused_and_gets_no_login(lgf, api, read, mode):
    for number in range(1, 8):
        lgf.add("order_hdr", number)
    other = type(lgf)()
    foreign = json.dumps({"next_page": f"{other.url}/?cursor=x", "results": [{"id": 1, "mod_ts": EIGHT.isoformat()}]})
    lgf.faults.append(lambda path: (200, foreign.encode()) if "mod_ts" in path else None)
    with pytest.raises(
        TapError, match=r"next_page leads to 127\.0\.0\.1:\d+, not to 127\.0\.0\.1:\d+; it is not followed"
    ):
        read(api | {"page_size": 3, "page_mode": mode})
    assert other.requests == []
    other.close()


@pytest.mark.parametrize("link", ["?cursor=2", "/env/x/?page=2", "https://wms.example:443/x", "http://wms.example/x"])
def test_a_next_page_of_the_same_host_says_that_there_is_more(link):
    paging.require_same_host(link, "https://wms.example/env/")


@pytest.mark.parametrize("link", ["https://wms.example:8443/x", "//other.example/x", "https://wms.example.evil/"])
def test_another_host_or_port_is_another_host(link):
    with pytest.raises(TapError, match=r"not to wms\.example; it is not followed"):
        paging.require_same_host(link, "https://wms.example/env/")


def test_an_api_that_ignores_a_filter_is_no_endless_reading(lgf, api, read):
    page = json.dumps({"next_page": "?page=2", "results": [{"id": 1, "mod_ts": EIGHT.isoformat()}]}).encode()
    lgf.faults += [lambda path: (200, page) if "mod_ts" in path else None] * 5
    with pytest.raises(TapError, match="the API gives the same page again: it does not filter by id__gt"):
        read(api)


def test_a_list_that_is_not_in_order_is_refused_rather_than_bookmarked(lgf, api, read):
    wrong = [{"id": 1, "mod_ts": "2026-03-01T09:00:00+00:00"}, {"id": 2, "mod_ts": "2026-03-01T08:00:00+00:00"}]
    lgf.faults.append(lambda path: (200, json.dumps({"results": wrong}).encode()) if "mod_ts" in path else None)
    with pytest.raises(TapError, match=r"row 2 of 2026-03-01T08:00:00\+00:00 comes behind one of 2026-03-01T09:00"):
        read(api)


@MODES
def test_the_next_reading_starts_at_the_bookmark(lgf, api, read, mode):
    for number in range(1, 6):
        lgf.add("order_hdr", number)
    config = api | {"page_size": 2, "page_mode": mode}
    first = read(config)
    lgf.add("order_hdr", 2, EIGHT + dt.timedelta(minutes=30), order_nbr="CHANGED")
    lgf.add("order_hdr", 9, EIGHT + dt.timedelta(minutes=31))
    again = read(config, state=first.state)
    # The bookmark's own row comes again, and is the same: the stream is loaded by upsert on id.
    assert [number for number, _ in rows(again)] == [5, 2, 9]
    assert again.records("order_hdr")[1]["order_nbr"] == "CHANGED"
    assert bookmark(again) == "2026-03-01T08:31:00.000000Z"
    full = read(config | {"sync_mode": "full"}, state=first.state)
    assert [number for number, _ in rows(full)] == [1, 3, 4, 5, 2, 9]
    assert bookmark(full) == bookmark(again)


def test_what_changed_in_the_last_minutes_is_read_again_for_rows_committed_late(lgf, api, read):
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    lgf.add("order_hdr", 1, now - dt.timedelta(hours=1))
    lgf.add("order_hdr", 2, now - dt.timedelta(minutes=2))
    first = read(api | {"overlap_minutes": 15})
    settled = dt.datetime.fromisoformat(bookmark(first))
    assert now - dt.timedelta(minutes=15, seconds=30) < settled <= now - dt.timedelta(minutes=14, seconds=30)
    lgf.add("order_hdr", 3, now - dt.timedelta(minutes=10))
    assert [number for number, _ in rows(read(api, state=first.state))] == [3, 2]
    # Without it, the late row would be missed.
    assert bookmark(read(api | {"overlap_minutes": 0})) >= bookmark(first)


def test_a_row_dated_in_the_future_does_not_carry_the_bookmark_with_it(lgf, api, read):
    lgf.date = False
    lgf.add("order_hdr", 1, dt.datetime(2099, 1, 1, tzinfo=dt.UTC))
    assert dt.datetime.fromisoformat(bookmark(read(api))) < dt.datetime.now(dt.UTC) - dt.timedelta(minutes=14)


def test_a_start_date_bounds_the_first_reading_and_the_full_one(lgf, api, read):
    for day in (1, 2, 3):
        lgf.add("order_hdr", day, dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC))
    for mode in ("incremental", "full"):
        reading = read(api | {"start_date": "2026-03-02", "sync_mode": mode})
        assert [number for number, _ in rows(reading)] == [2, 3]
    later = read(api | {"start_date": "2026-03-03"}, state=reading.state)
    assert lgf.lists("order_hdr")[-1]["mod_ts__gte"] == "2026-03-03T12:00:00.000000+00:00"
    assert [number for number, _ in rows(later)] == [3]


def test_an_entity_without_mod_ts_is_read_whole_by_id(lgf, api, read):
    for number in range(1, 6):
        lgf.rows["company"][number] = {"id": number, "code": f"C{number}"}
    for mode in ("sequenced", "paged"):
        reading = read(api | {"entities": ["company"], "page_size": 2, "page_mode": mode})
        assert [record["id"] for record in reading.records("company")] == [1, 2, 3, 4, 5]
        assert [query.get("id__gt") for query in lgf.lists("company")][-3:] == [None, "2", "4"]
        assert reading.schema("company").get("bookmark_properties") in (None, [])
        assert read(api | {"entities": ["company"]}, state=reading.state).records("company")


@MODES
def test_a_reading_killed_after_any_page_goes_on_to_the_same_rows(lgf, api, read, mode):
    for number in range(1, 12):
        lgf.add("order_hdr", number)
        lgf.add("order_dtl", number)
    config = api | {"entities": ["order_hdr", "order_dtl"], "page_size": 3, "page_mode": mode}
    clean = {stream: sorted(rows(read(config), stream)) for stream in ("order_hdr", "order_dtl")}
    assert {stream: stored(lgf, stream) for stream in clean} == clean
    whole = read(config).messages
    stops = [at for at, message in enumerate(whole) if message["type"] == "STATE"]
    assert len(stops) >= 8
    for at in stops:
        # What a target has when the tap is killed behind this state, and what the next run adds to it.
        before = [m for m in whole[:at] if m["type"] == "RECORD"]
        lgf.requests.clear()
        rest = read(config, state=whole[at]["value"])
        for stream, expected in clean.items():
            had = [
                (m["record"]["id"], dt.datetime.fromisoformat(m["record"]["mod_ts"]))
                for m in before
                if m["stream"] == stream
            ]
            assert sorted({*had, *rows(rest, stream)}) == expected
            assert len(had) + len(rows(rest, stream)) <= len(expected) + 1  # the bookmark's own row


def test_a_reading_killed_amid_rows_of_one_moment_goes_on_to_the_same_rows(lgf, api, read):
    """Their ids run against their microseconds, so a bookmark among them would leave some out."""
    for number in range(1, 12):
        lgf.add("order_hdr", number, EIGHT - dt.timedelta(microseconds=number))
    config = api | {"page_size": 3}
    whole = read(config).messages
    for at in [at for at, message in enumerate(whole) if message["type"] == "STATE"]:
        had = {message["record"]["id"] for message in whole[:at] if message["type"] == "RECORD"}
        rest = read(config, state=whole[at]["value"])
        assert had | {number for number, _ in rows(rest)} == set(range(1, 12))


def test_entities_are_fetched_at_once_within_the_limit_and_written_one_after_the_other(lgf, api, read):
    names = ["order_hdr", "order_dtl", "allocation"]
    for name in names:
        for number in range(1, 10):
            lgf.add(name, number)
    lgf.latency = 0.02
    for limit in (1, 2, 3):
        lgf.busiest = 0
        reading = read(api | {"entities": names, "page_size": 2, "max_concurrency": limit})
        assert lgf.busiest == limit
        streams = [m["stream"] for m in reading.messages if m["type"] == "RECORD"]
        assert list(dict.fromkeys(streams)) == names
        assert streams == sorted(streams, key=names.index)


def test_requests_are_spaced_out_over_all_entities(lgf, api, read):
    for name in ("order_hdr", "order_dtl"):
        for number in range(1, 5):
            lgf.add(name, number)
    times = []
    lgf.before = lambda _path: times.append(dt.datetime.now(dt.UTC))
    read(api | {"entities": ["order_hdr", "order_dtl"], "page_size": 1, "requests_per_second": 50})
    assert len(times) >= 12
    assert (times[-1] - times[0]).total_seconds() >= (len(times) - 1) / 50 - 0.02


def test_reading_ahead_is_bounded_and_stops_with_the_one_who_uses_it():
    fetched = []

    def endless():
        for number in range(10**6):
            fetched.append(number)
            yield number

    ahead = prefetch.Prefetch(2)
    pages = ahead.pages("a", [("a", endless), ("b", endless)])
    assert next(pages) == 0
    pages.close()
    assert len(fetched) < 4 * prefetch.PAGES_AHEAD
