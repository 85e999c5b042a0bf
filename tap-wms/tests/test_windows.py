"""Incremental reading: look-back windows, rows without a day, and the bookmark."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql, postgresql
from tap_wms.windows import day_of, today, window_from, within

MARCH_4 = "2026-03-04"


def state_of(bookmark, key="Shipped_Date"):
    partition = {"context": {"connection": "wms"}, "replication_key": key, "replication_key_value": bookmark}
    return {"bookmarks": {"shipped": {"partitions": [partition]}}}


def ship(warehouse, carton, day, qty=1):
    with closing(sqlite3.connect(warehouse.path)) as connection, connection:
        values = (carton, day, qty)
        connection.execute("INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES (?, ?, ?)", values)


def cartons(reading):
    return sorted(record["CartonID"] for record in reading.records("shipped"))


def test_the_first_reading_is_whole_and_the_next_starts_fourteen_days_before_the_newest(read_wms):
    first = read_wms()
    load = first.loads["wms:shipped"]
    assert (load["window_from"], load["window_to"], load["rows"]) == (None, None, 3)
    assert first.bookmark("shipped") == MARCH_4
    again = read_wms(state=first.state)
    load = again.loads["wms:shipped"]
    assert (load["window_from"], load["window_to"], load["kind"]) == ("2026-02-18", None, "window")
    assert cartons(again) == ["C-91", "C-92"]
    assert again.bookmark("shipped") == MARCH_4


def test_packed_and_the_order_list_are_read_whole_every_time(read_wms):
    again = read_wms(state=read_wms().state)
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
    assert reading.loads["wms:shipped"]["window_from"] is None
    assert cartons(reading) == ["C-90", "C-91", "C-92"]
    assert reading.bookmark("shipped") == MARCH_4


def test_a_start_date_bounds_the_first_reading_the_full_one_and_every_window(read_wms):
    for settings in ({}, {"sync_mode": "full", "state": state_of(MARCH_4)}):
        reading = read_wms(start_date="2026-02-01T00:00:00Z", **settings)
        assert reading.loads["wms:shipped"]["window_from"] == "2026-02-01"
        assert cartons(reading) == ["C-91", "C-92"]
        assert reading.loads["wms:packed_products"]["rows"] == 4
    later = read_wms(start_date="2026-03-01", state=state_of(MARCH_4))
    assert later.loads["wms:shipped"]["window_from"] == "2026-03-01"


def test_a_day_in_the_future_does_not_push_the_window_past_real_rows(read_wms, warehouse):
    ship(warehouse, "typo", "2062-03-04")
    reading = read_wms()
    assert reading.bookmark("shipped") == MARCH_4
    assert "typo" in cartons(read_wms(state=reading.state))
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
    assert read_wms(state=state).loads["wms:shipped"]["window_from"] is None


def test_each_connection_has_its_own_bookmark(make_warehouse, read):
    old, new = make_warehouse("old"), make_warehouse("new")
    new.run("DELETE FROM shipped WHERE Shipped_Date > '2026-02-01'")
    config = {"connections": {"old": old.url, "new": new.url}}
    state = read(config).state
    again = read(config, state=state)
    assert again.loads["old:shipped"]["window_from"] == "2026-02-18"
    assert again.loads["new:shipped"]["window_from"] == "2025-12-27"
    # A third one starts from its beginning, whatever the others have reached.
    config["connections"]["third"] = make_warehouse("third").url
    assert read(config, state=state).loads["third:shipped"]["window_from"] is None


def test_packed_may_be_given_a_window_too(read_wms):
    view = {"stream": "packed_products", "table": "v_packed_products", "replication_key": "Pack_Date"}
    state = read_wms(views=[{**view, "lookback_days": 0}]).state
    again = read_wms(views=[{**view, "lookback_days": 0}], state=state)
    assert {record["Pack_Date"] for record in again.records("packed_products")} == {"2026-03-01"}
    wide = read_wms(views=[{**view, "lookback_days": 180}], state=state)
    assert wide.loads["wms:packed_products"]["window_from"] == "2025-09-02"


days = st.dates(min_value=dt.date(2020, 1, 1), max_value=dt.date(2030, 12, 31))
texts = st.one_of(
    st.none(),
    days.map(str),
    st.datetimes(min_value=dt.datetime(2020, 1, 1), max_value=dt.datetime(2030, 12, 31)).map(str),
    st.sampled_from(["", "TBC", "4.3.2026", "20260304", 20260304, 45000.5]),
)


@given(values=st.lists(texts, max_size=8), first=days)
def test_a_window_holds_its_days_and_everything_without_a_day(values, first):
    table = sa.table("t", sa.column("k"))
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (k)")
        for value in values:
            connection.execute(table.insert().values(k=value))
        condition = within(table.c.k, first, as_text=True, dialect="sqlite")
        read = list(connection.execute(sa.select(table.c.k).where(condition)).scalars())
    # 20260304 as text is a day to Python but no ISO day to a database: it is read every time.
    expected = [v for v in values if not (isinstance(v, str) and "-" in v and v[:10] < first.isoformat())]
    assert read == expected


@given(bookmark=days, latest=days, lookback=st.integers(0, 400), start=st.none() | days)
def test_a_window_never_starts_after_today_s_look_back_nor_before_the_start_date(bookmark, latest, lookback, start):
    first = window_from(bookmark, lookback_days=lookback, start_date=start, latest=latest)
    expected = min(bookmark, latest) - dt.timedelta(days=lookback)
    assert first == (expected if start is None else max(expected, start))
    assert window_from(None, lookback_days=lookback, start_date=start, latest=latest) == start


def test_the_day_of_a_value_is_found_in_dates_date_times_and_iso_text():
    march_4 = dt.date(2026, 3, 4)
    for value in (march_4, dt.datetime(2026, 3, 4, 23, 59), "2026-03-04", "2026-03-04 10:00", "2026-03-04T10:00:00Z"):
        assert day_of(value) == march_4
    for value in (None, "", "4 March", "2026-13-01", 20260304):
        assert day_of(value) is None


def test_the_first_day_is_bound_and_in_sql_server_read_alike_in_every_language():
    key, first = sa.column("Shipped_Date"), dt.date(2026, 3, 4)
    in_mssql = within(key, first, as_text=False, dialect="mssql").compile(dialect=mssql.dialect())
    assert "AS DATE)" in str(in_mssql)
    assert "2026" not in str(in_mssql)
    in_postgres = within(key, first, as_text=False, dialect="postgresql").compile(dialect=postgresql.dialect())
    assert list(in_postgres.params.values()) == [first]
    for text in (str(in_mssql), str(in_postgres)):
        assert "IS NULL" in text
        assert "NOLOCK" not in text
