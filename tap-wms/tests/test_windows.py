"""Incremental reading: look-back windows, rows without a day, and the bookmark."""

from __future__ import annotations

import copy
import datetime as dt
import sqlite3
from contextlib import closing
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql, oracle, postgresql
from tap_wms.sql import LostReadingError, ViewStream
from tap_wms.windows import Window, by_month, day_of, is_day, months_query, today, window_from, within

MARCH_4 = "2026-03-04"
#: The small warehouse has one shipped carton in each of three months.
BY_MONTH = [(None, "2026-02-01", 1), ("2026-02-01", "2026-03-01", 1), ("2026-03-01", None, 1)]


def state_of(bookmark, key="Shipped_Date"):
    partition = {"context": {"connection": "wms"}, "replication_key": key, "replication_key_value": bookmark}
    return {"bookmarks": {"shipped": {"partitions": [partition]}}}


def ship(warehouse, carton, day, qty=1):
    with closing(sqlite3.connect(warehouse.path)) as connection, connection:
        values = (carton, day, qty)
        connection.execute("INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES (?, ?, ?)", values)


def cartons(reading):
    return sorted(record["CartonID"] for record in reading.records("shipped"))


def test_the_first_reading_is_by_months_and_the_next_starts_fourteen_days_before_the_newest(read_wms):
    first = read_wms()
    assert first.windows() == BY_MONTH
    assert first.bookmark("shipped") == MARCH_4
    again = read_wms(state=first.state, skip_unchanged=False)
    load = again.loads["wms:shipped"]
    assert (load["window_from"], load["window_to"], load["kind"]) == ("2026-02-18", None, "window")
    assert cartons(again) == ["C-91", "C-92"]
    assert again.bookmark("shipped") == MARCH_4
    assert "unread_from" not in str(again.state)


def test_packed_and_the_order_list_are_read_whole_every_time(read_wms):
    again = read_wms(state=read_wms().state, skip_unchanged=False)
    for stream, rows in (("packed_products", 4), ("master_order_list", 2)):
        load = again.loads[f"wms:{stream}"]
        assert (load["window_from"], load["window_to"], load["rows"]) == (None, None, rows)
        assert again.bookmark(stream) is None


def test_a_row_entered_late_a_corrected_and_a_vanished_one_show_in_the_next_window(read_wms, warehouse):
    state = read_wms().state
    ship(warehouse, "C-93 late", "2026-02-18")
    warehouse.run("UPDATE shipped SET Qty = 7 WHERE CartonID = 'C-91'; DELETE FROM shipped WHERE CartonID = 'C-92'")
    again = read_wms(state=state)
    assert cartons(again) == ["C-91", "C-93 late"]
    assert again.loads["wms:shipped"]["qty"] == 7 + 1
    # The newest day is gone from the view, so the window after it is a little wider.
    assert again.bookmark("shipped") == "2026-02-25"


def test_the_day_before_the_window_is_not_read_and_its_first_day_is(read_wms, warehouse):
    ship(warehouse, "before", "2026-02-17T23:59:59")
    ship(warehouse, "first", "2026-02-18 00:00:00")
    ship(warehouse, "first with T", "2026-02-18T00:00:00")
    assert cartons(read_wms(state=state_of(MARCH_4))) == ["C-91", "C-92", "first", "first with T"]


@pytest.mark.parametrize("day", [None, "", "TBC", "03/04/2026", "0000"])
def test_a_row_without_a_readable_day_is_read_every_time(read_wms, warehouse, day):
    ship(warehouse, "undated", day)
    for bookmark in (MARCH_4, "2026-11-01"):
        assert "undated" in cartons(read_wms(state=state_of(bookmark)))
    assert read_wms().bookmark("shipped") == MARCH_4


def test_full_mode_ignores_the_bookmark_given_and_still_emits_the_new(read_wms):
    reading = read_wms(state=state_of("2026-03-01"), sync_mode="full")
    assert reading.windows() == BY_MONTH
    assert cartons(reading) == ["C-90", "C-91", "C-92"]
    assert reading.bookmark("shipped") == MARCH_4


def test_a_start_date_bounds_the_first_reading_the_full_one_and_every_window(read_wms):
    for given_settings in ({}, {"sync_mode": "full", "state": state_of(MARCH_4)}):
        reading = read_wms(start_date="2026-02-10T00:00:00Z", **given_settings)
        assert reading.windows() == [("2026-02-10", "2026-03-01", 1), ("2026-03-01", None, 1)]
        assert cartons(reading) == ["C-91", "C-92"]
        assert reading.loads["wms:packed_products"]["rows"] == 4
    later = read_wms(start_date="2026-03-01", state=state_of(MARCH_4))
    assert later.loads["wms:shipped"]["window_from"] == "2026-03-01"


def test_a_day_in_the_future_does_not_push_the_window_past_real_rows(read_wms, warehouse):
    ship(warehouse, "typo", "2062-03-04")
    reading = read_wms()
    assert reading.bookmark("shipped") == MARCH_4
    assert "typo" in cartons(read_wms(state=reading.state, skip_unchanged=False))
    # A bookmark from elsewhere that lies ahead counts as today.
    first = today() - dt.timedelta(days=14)
    assert read_wms(state=state_of("2062-03-04")).loads["wms:shipped"]["window_from"] == first.isoformat()


def test_a_window_with_nothing_in_it_keeps_its_bookmark(read_wms, warehouse):
    warehouse.run("DELETE FROM shipped")
    reading = read_wms(state=state_of(MARCH_4))
    assert (reading.loads["wms:shipped"]["rows"], reading.loads["wms:shipped"]["qty"]) == (0, 0)
    assert reading.bookmark("shipped") == MARCH_4


@pytest.mark.parametrize(
    "state",
    [
        state_of("yesterday"),
        state_of(None),
        state_of(MARCH_4, key="Pack_Date"),
        {"bookmarks": {"shipped": {"partitions": [{"context": {"connection": "other"}}]}}},
    ],
)
def test_a_bookmark_that_is_not_this_view_s_means_the_whole_view(read_wms, state):
    assert read_wms(state=state).windows() == BY_MONTH


def test_each_connection_has_its_own_bookmark(make_warehouse, read):
    old, new = make_warehouse("old"), make_warehouse("new")
    new.run("DELETE FROM shipped WHERE Shipped_Date > '2026-02-01'")
    config = {"connections": {"old": old.url, "new": new.url}}
    config["skip_unchanged"] = False
    state = read(config).state
    again = read(config, state=state)
    assert again.loads["old:shipped"]["window_from"] == "2026-02-18"
    assert again.loads["new:shipped"]["window_from"] == "2025-12-27"
    # A third one starts from its beginning, whatever the others have reached.
    config["connections"]["third"] = make_warehouse("third").url
    assert read(config, state=state).windows("third:shipped") == BY_MONTH


def test_packed_may_be_given_a_window_too(read_wms):
    view = {"stream": "packed_products", "table": "v_packed_products", "replication_key": "Pack_Date"}
    state = read_wms(views=[{**view, "lookback_days": 0}]).state
    again = read_wms(views=[{**view, "lookback_days": 0}], state=state, skip_unchanged=False)
    assert {record["Pack_Date"] for record in again.records("packed_products")} == {"2026-03-01"}
    wide = read_wms(views=[{**view, "lookback_days": 180}], state=state)
    assert wide.loads["wms:packed_products"]["window_from"] == "2025-09-02"


days = st.dates(min_value=dt.date(2020, 1, 1), max_value=dt.date(2030, 12, 31))
texts = st.one_of(
    st.none(),
    days.map(str),
    st.datetimes(min_value=dt.datetime(2020, 1, 1), max_value=dt.datetime(2030, 12, 31)).map(str),
    st.sampled_from(["", "TBC", "4.3.2026", "20260304", "2026-02-29", "2024-02-29", "2026-13-01", 20260304, 45000.5]),
)


def selected(values, condition):
    table = sa.table("t", sa.column("k"))
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (k)")
        for value in values:
            connection.execute(table.insert().values(k=value))
        return list(connection.execute(sa.select(table.c.k).where(condition(table.c.k))).scalars())


def iso_day_of(value):
    # 20260304 as text is a day to Python but no ISO day to a database: it is read every time.
    return day_of(value) if isinstance(value, str) and value[4:5] == "-" else None


@given(values=st.lists(texts, max_size=8), first=st.none() | days, length=st.none() | st.integers(1, 800))
def test_a_window_holds_its_days_and_everything_without_a_day(values, first, length):
    until = None if length is None else (first or dt.date(2024, 2, 1)) + dt.timedelta(days=length)
    assume((first, until) != (None, None))
    read = selected(values, lambda key: within(key, Window(first, until), as_text=True, dialect="sqlite"))
    expected = []
    for value in values:
        day = iso_day_of(value)
        if day is None or ((first is None or day >= first) and (until is None or day < until)):
            expected.append(value)
    assert read == expected


@given(values=st.lists(texts, max_size=12), first=st.none() | days, latest=days)
def test_windows_by_month_hold_each_dated_row_once_and_each_undated_one_every_time(values, first, latest):
    months = {day.replace(day=1) for value in values if (day := iso_day_of(value)) and (first is None or day >= first)}
    windows = by_month(first, months, latest)
    assert windows[0].first == first
    assert windows[-1].until is None
    assert all(one.until == other.first for one, other in pairwise(windows))
    times = dict.fromkeys(map(str, values), 0)
    for window in windows:
        if window == Window():
            read = values
        else:
            read = selected(values, lambda key, w=window: within(key, w, as_text=True, dialect="sqlite"))
        for value in set(map(str, read)):
            times[value] += 1
    for value in values:
        day = iso_day_of(value)
        expected = len(windows) if day is None else int(first is None or day >= first)
        assert times[str(value)] == expected


@given(st.text("0123456789-", min_size=8, max_size=10) | st.dates().map(str) | st.just("1900-02-29") | texts)
def test_a_text_is_a_day_to_the_database_when_it_is_one_to_python(value):
    expected = [value] if iso_day_of(value) and len(value) >= 10 else []
    assert selected([value], lambda key: is_day(key, "sqlite")) == expected


def test_a_row_whose_day_there_is_not_is_read_with_every_month(read_wms, warehouse):
    ship(warehouse, "30 February", "2026-02-30")
    reading = read_wms()
    assert [rows for *_, rows in reading.windows()] == [2, 2, 2]
    assert [bounds for *bounds, _ in reading.windows()] == [list(window[:2]) for window in BY_MONTH]


def test_a_month_without_rows_and_a_day_far_off_make_no_window_of_their_own(read_wms, warehouse):
    ship(warehouse, "typo", "1926-03-04")
    ship(warehouse, "ahead", "2062-03-04")
    warehouse.run("DELETE FROM shipped WHERE CartonID = 'C-91'")
    assert read_wms().windows() == [
        (None, "2026-01-01", 1),
        ("2026-01-01", "2026-03-01", 1),
        ("2026-03-01", None, 2),
    ]


def states_and_rows(reading):
    """Each state with the cartons of the loads that were complete before it."""
    rows, complete = {}, set()
    for message in reading.messages:
        record = message.get("record", {})
        if message["type"] == "STATE":
            yield copy.deepcopy(message["value"]), set(complete)
        elif message.get("stream") == "shipped" and record:
            rows.setdefault(record["load_id"], set()).add((record["CartonID"], record["Qty"]))
        elif message.get("stream") == "loads" and record:
            complete |= rows.get(record["load_id"], set())


def test_a_first_reading_killed_after_any_month_goes_on_with_the_next(read_wms, warehouse):
    for month in range(1, 13):
        ship(warehouse, f"2025-{month}", f"2025-{month:02d}-17", qty=month)
    ship(warehouse, "undated", None)
    clean = read_wms()
    everything = {(record["CartonID"], record["Qty"]) for record in clean.records("shipped")}
    assert len(clean.windows()) == 15
    stops = list(states_and_rows(clean))
    assert len(stops) >= 15 + 2
    for state, had in stops:
        rest = read_wms(state=copy.deepcopy(state))
        had |= {(record["CartonID"], record["Qty"]) for record in rest.records("shipped")}
        assert had == everything
        assert rest.bookmark("shipped") == clean.bookmark("shipped") == MARCH_4
        assert "unread_from" not in str(rest.state)
        # No month is read a second time: what is left of the first reading, or else nothing, for it stands.
        bookmark = state["bookmarks"].get("shipped", {}).get("partitions", [{}])[0]
        if "standing" in bookmark:
            assert rest.windows() == []
        else:
            assert rest.windows()[0][0] == bookmark.get("unread_from")


def test_a_first_reading_that_was_cut_off_starts_over_in_full_mode_and_under_another_key(read_wms, warehouse):
    state = next(state for state, _ in states_and_rows(read_wms()) if "unread_from" in str(state))
    assert read_wms(state=copy.deepcopy(state)).windows() == BY_MONTH[1:]
    assert read_wms(state=copy.deepcopy(state), start_date="2026-02-20").windows()[0][0] == "2026-02-20"
    assert read_wms(state=copy.deepcopy(state), sync_mode="full").windows() == BY_MONTH
    warehouse.run("DROP VIEW v_shipped; CREATE VIEW v_shipped AS SELECT *, Shipped_Date AS Day FROM shipped")
    view = {"stream": "shipped", "table": "v_shipped", "replication_key": "Day"}
    assert read_wms(state=copy.deepcopy(state), views=[view]).windows() == BY_MONTH


def test_a_connection_that_breaks_in_a_month_reads_that_month_again(read_wms, monkeypatch):
    whole, left = ViewStream._fetch, [2]

    def fetch(self, connection, source, window):
        rows = whole(self, connection, source, window)
        if window.first and left[0]:
            left[0] -= 1
            yield next(rows)
            rows.close()
            raise LostReadingError("server closed the connection unexpectedly")
        yield from rows

    monkeypatch.setattr(ViewStream, "_fetch", fetch)
    reading = read_wms()
    assert reading.windows() == BY_MONTH
    assert sorted(cartons(reading)) == ["C-90", "C-91", "C-91", "C-91", "C-92"]


@given(bookmark=days, latest=days, lookback=st.integers(0, 400), start=st.none() | days)
def test_a_window_never_starts_after_today_s_look_back_nor_before_the_start_date(bookmark, latest, lookback, start):
    first = window_from(bookmark, lookback_days=lookback, start_date=start, latest=latest)
    expected = min(bookmark, latest) - dt.timedelta(days=lookback)
    assert first == (expected if start is None else max(expected, start))


def test_the_day_of_a_value_is_found_in_dates_date_times_and_iso_text():
    march_4 = dt.date(2026, 3, 4)
    for value in (march_4, dt.datetime(2026, 3, 4, 23, 59), "2026-03-04", "2026-03-04 10:00", "2026-03-04T10:00:00Z"):
        assert day_of(value) == march_4
    for value in (None, "", "4 March", "2026-13-01", 20260304):
        assert day_of(value) is None


@pytest.mark.parametrize("as_text", [False, True])
def test_the_bounds_are_bound_and_in_sql_server_read_alike_in_every_language(as_text):
    key, window = sa.column("Shipped_Date"), Window(dt.date(2026, 3, 4), dt.date(2026, 4, 1))
    sent = {}
    for name, dialect in (
        ("mssql", mssql.dialect()),
        ("postgresql", postgresql.dialect()),
        ("oracle", oracle.dialect()),
    ):
        condition = within(key, window, as_text=as_text, dialect=name).compile(dialect=dialect)
        months = months_query(key, window.first, as_text=as_text, dialect=name).compile(dialect=dialect)
        sent[name] = str(condition) + str(months)
        bound = [str(value) for compiled in (condition, months) for value in compiled.params.values()]
        assert [value for value in bound if value[:5] == "2026-"] == ["2026-03-04", "2026-04-01", "2026-03-04"]
        assert "2026" not in sent[name]
        assert "IS NULL" in sent[name]
        assert "NOLOCK" not in sent[name]
    if as_text:
        assert "substring(" in sent["mssql"].lower()
        assert "substr(" in sent["oracle"]
    else:
        assert sent["mssql"].count("AS DATE)") == 3
        assert "DATEPART(month" in sent["mssql"]
        assert "EXTRACT(MONTH" in sent["oracle"].upper()
