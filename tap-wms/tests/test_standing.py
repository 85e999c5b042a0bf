"""What stands as it was is left out, and what stands in the warehouse then is the view all the same."""

from __future__ import annotations

import copy
import datetime as dt
import errno
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing, redirect_stdout
from decimal import Decimal
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_wms import sql, standing
from tap_wms.errors import TapError
from tap_wms.standing import Count, KeptRows, Standing, iso_day
from tap_wms.tap import TapWMS
from tap_wms.windows import Window, day_of

MARCH_4 = dt.date(2026, 3, 4)
NOW = dt.datetime(2026, 3, 10, 10, tzinfo=dt.UTC)


def again(read_wms, state, **more):
    return read_wms(state=copy.deepcopy(state), **more)


def partition(state, stream):
    return state["bookmarks"][stream]["partitions"][0]


@pytest.fixture(params=["records", "files"])
def way(request, tmp_path):
    """Settings for rows as records, and as files."""
    if request.param == "records":
        return {}
    return {"batch_config": {"storage": {"root": str(tmp_path / "files")}}, "batch_from_rows": 1}


def rows_of(reading, stream):
    """The rows of a stream, whichever way they went."""
    files = [
        url2pathname(urlsplit(url).path)
        for message in reading.messages
        if message["type"] == "BATCH" and message["stream"] == stream
        for url in message["manifest"]
    ]
    return reading.records(stream) + [row for file in files for row in pq.read_table(file).to_pylist()]


def cartons(reading):
    return sorted(str(row["CartonID"]) for row in rows_of(reading, "shipped"))


def test_where_nothing_has_changed_nothing_is_sent_and_the_state_stays(read_wms, way, caplog):
    state = read_wms(**way).state
    for _ in range(2):
        with caplog.at_level("INFO"):
            reading = again(read_wms, state, **way)
        assert {message["type"] for message in reading.messages} == {"SCHEMA", "STATE"}
        assert reading.state == state
    at = partition(state, "packed_products")["standing"]["sent_at"][:16].replace("T", " ")
    assert f"view v_packed_products of connection 'wms': 4 rows as they were at {at} UTC; left out" in caplog.text
    assert '"metric":"record_count","value":0,"tags":{"stream":"packed_products"' in caplog.text or way


CHANGES = {
    "a row of the last day": ("UPDATE shipped SET Qty = 31 WHERE CartonID = 'C-92'", "2026-03-04", ["C-92"]),
    "a row of an earlier day": ("UPDATE shipped SET Qty = 7 WHERE CartonID = 'C-91'", "2026-02-25", ["C-91", "C-92"]),
    "a row added": (
        "INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES ('new', '2026-02-20', 1)",
        "2026-02-20",
        ["C-91", "C-92", "new"],
    ),
    "a row added behind all others": (
        "INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES ('new', '2026-03-05', 1)",
        "2026-03-05",
        ["new"],
    ),
    "the only row of a day deleted": ("DELETE FROM shipped WHERE CartonID = 'C-91'", "2026-02-25", ["C-92"]),
    "the last day deleted": ("DELETE FROM shipped WHERE CartonID = 'C-92'", "2026-03-04", []),
    "a row moved to another day": (
        "UPDATE shipped SET Shipped_Date = '2026-03-01' WHERE CartonID = 'C-92'",
        "2026-03-01",
        ["C-92"],
    ),
    "a row moved out of the look-back": (
        "UPDATE shipped SET Shipped_Date = '2026-01-01' WHERE CartonID = 'C-91'",
        "2026-02-25",
        ["C-92"],
    ),
    "a row that is there twice": ("INSERT INTO shipped SELECT * FROM shipped WHERE CartonID = 'C-92'", "2026-03-04",
                                  ["C-92", "C-92"]),
    "a row without a readable day": (
        "INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES ('new', 'TBC', 1)",
        "2026-03-04",
        ["C-92", "new"],
    ),
    "a number that became text": ("UPDATE shipped SET Qty = '30 pcs' WHERE CartonID = 'C-92'", "2026-03-04", ["C-92"]),
    "two rows that exchanged a value": (
        "UPDATE shipped SET Qty = 36 - Qty WHERE Shipped_Date > '2026-02-01'",
        "2026-02-25",
        ["C-91", "C-92"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_of_a_view_with_days_what_follows_the_first_day_that_differs_is_sent(read_wms, warehouse, way, change):
    state = read_wms(**way).state
    script, first, sent = CHANGES[change]
    warehouse.run(script)
    reading = again(read_wms, state, **way)
    assert cartons(reading) == sent
    assert reading.windows() == [(first, None, len(sent))]
    assert [load["stream"] for load in reading.records("loads")] == ["shipped"]
    # Where the newest day is gone from the view, the look-back reaches further back, to days that are still held.
    assert again(read_wms, reading.state, **way).records("loads") == []
    # Only the days sent are younger.
    before, after = (partition(s, "shipped")["standing"] for s in (state, reading.state))
    assert after["whole_at"] == before["whole_at"]


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("DELETE FROM packed WHERE Size = 'XL'", 3),
        ("UPDATE packed SET Stock_Age = 13 WHERE Size = 'XL'", 4),
        ("INSERT INTO packed SELECT * FROM packed WHERE Size = 'XL'", 5),
        ("DELETE FROM packed", 0),
    ],
)
def test_a_view_without_days_is_sent_whole_when_anything_differs(read_wms, warehouse, way, script, rows):
    state = read_wms(**way).state
    warehouse.run(script)
    reading = again(read_wms, state, **way)
    assert reading.windows("wms:packed_products") == [(None, None, rows)]
    assert len(rows_of(reading, "packed_products")) == rows
    assert [load["stream"] for load in reading.records("loads")] == ["packed_products"]
    assert again(read_wms, reading.state, **way).records("loads") == []


def test_every_load_holds_the_rows_without_a_readable_day(read_wms, warehouse, way):
    """They count in the newest load alone, whatever its days are."""
    warehouse.run("INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES ('undated', NULL, 1), ('20th', '4.3.', 1)")
    state = read_wms(**way).state
    warehouse.run("INSERT INTO shipped (CartonID, Shipped_Date, Qty) VALUES ('new', '2026-03-09', 1)")
    reading = again(read_wms, state, **way)
    assert cartons(reading) == ["20th", "new", "undated"]
    assert reading.windows() == [("2026-03-09", None, 3)]


def test_a_view_whose_rows_come_in_another_order_stands_as_it_was(read_wms, warehouse):
    state = read_wms().state
    warehouse.run(
        "DROP VIEW v_shipped; CREATE VIEW v_shipped AS SELECT * FROM shipped ORDER BY Qty DESC;"
        "DROP VIEW v_packed_products; CREATE VIEW v_packed_products AS SELECT * FROM packed ORDER BY Size DESC"
    )
    assert again(read_wms, state).records("loads") == []


@pytest.mark.parametrize(
    ("settings", "loads"),
    [
        ({"sync_mode": "full"}, 5),
        ({"skip_unchanged": False}, 3),
        ({"resend_after_hours": 0}, 3),
        # Days that were not held before.
        ({"lookback": 30}, 1),
        ({"lookback": 3}, 0),
        # What is sent of a row would be another thing.
        ({"stream_maps": {"shipped": {"CartonID": None}}}, 3),
        ({"start_date": "2026-03-01"}, 0),
    ],
)
def test_a_reading_of_another_kind_sends_all_it_reads(read_wms, settings, loads):
    lookback = settings.pop("lookback", None) if (settings := dict(settings)) else None
    state = read_wms().state
    if lookback is not None:
        shipped = {"stream": "shipped", "table": "v_shipped", "replication_key": "Shipped_Date"}
        settings["views"] = [{**shipped, "lookback_days": lookback}]
    assert len(again(read_wms, state, **settings).records("loads")) == loads


def test_a_look_back_that_has_grown_is_sent_whole_from_its_new_first_day(read_wms):
    view = {"stream": "shipped", "table": "v_shipped", "replication_key": "Shipped_Date", "lookback_days": 1}
    state = read_wms(views=[view]).state
    grown = again(read_wms, state, views=[view | {"lookback_days": 60}])
    assert grown.windows() == [("2026-01-03", None, 3)]


@pytest.mark.parametrize(
    "script",
    [
        "DROP VIEW v_packed_products; CREATE VIEW v_packed_products AS SELECT *, 1 AS Layer FROM packed",
        "DROP VIEW v_packed_products; CREATE VIEW v_packed_products AS SELECT Qty, Style FROM packed",
        "DROP VIEW v_packed_products; CREATE VIEW v_packed_products AS SELECT *, Qty AS q FROM packed WHERE 0",
    ],
)
def test_a_view_with_other_columns_is_sent_anew(read_wms, warehouse, script):
    state = read_wms().state
    warehouse.run(script)
    assert [load["stream"] for load in again(read_wms, state).records("loads")] == ["packed_products"]


@pytest.mark.parametrize("hours", [1, 24])
def test_what_was_sent_too_long_ago_is_sent_again_though_it_stands(read_wms, monkeypatch, hours):
    """A load that never arrived, or was lost since, is so made good."""
    state = read_wms().state
    sent = dt.datetime.fromisoformat(partition(state, "packed_products")["standing"]["whole_at"])
    for later, loads in ((dt.timedelta(hours=hours, minutes=-5), 0), (dt.timedelta(hours=hours, minutes=5), 3)):
        monkeypatch.setattr(sql, "now", lambda later=later: sent + later)
        reading = again(read_wms, state, resend_after_hours=hours)
        assert len(reading.records("loads")) == loads
    # A state of a clock that went wrong is none to trust.
    monkeypatch.setattr(sql, "now", lambda: sent - dt.timedelta(days=1))
    assert len(again(read_wms, state).records("loads")) == 3


def test_days_sent_alone_do_not_put_off_when_the_window_is_sent_again(read_wms, warehouse, monkeypatch):
    state = read_wms().state
    sent = dt.datetime.fromisoformat(partition(state, "shipped")["standing"]["whole_at"])
    for hour in (8, 16):
        warehouse.run("INSERT INTO shipped (CartonID, Shipped_Date) VALUES ('new', '2026-03-04')")
        monkeypatch.setattr(sql, "now", lambda hour=hour: sent + dt.timedelta(hours=hour))
        reading = again(read_wms, state)
        assert reading.windows()[0][0] == "2026-03-04"
        state = reading.state
    monkeypatch.setattr(sql, "now", lambda: sent + dt.timedelta(hours=25))
    assert again(read_wms, state).windows()[0][0] == "2026-02-18"


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        lambda _: "2026-03-04",
        lambda kept: {**kept, "days": {"2026-03-04": "1"}},
        lambda kept: {**kept, "days": {"4.3.2026": "1:0"}},
        lambda kept: {**kept, "days": None},
        lambda kept: {**kept, "form": "older"},
        lambda kept: {**kept, "whole_at": "yesterday"},
        lambda kept: {name: value for name, value in kept.items() if name != "from"},
    ],
)
def test_a_state_that_cannot_be_compared_with_means_everything_is_sent(read_wms, damage):
    state = read_wms().state
    for stream in ("packed_products", "shipped", "master_order_list"):
        one = partition(state, stream)
        one["standing"] = damage(one["standing"])
    reading = again(read_wms, state)
    assert len(reading.records("loads")) == 3
    assert again(read_wms, reading.state).records("loads") == []


def test_a_run_that_is_killed_behind_any_state_leaves_nothing_out(read_wms, warehouse):
    clean = read_wms()
    warehouse.run("UPDATE shipped SET Qty = 31 WHERE CartonID = 'C-92'; DELETE FROM packed WHERE Size = 'XL'")
    second = again(read_wms, clean.state)
    assert [load["stream"] for load in second.records("loads")] == ["packed_products", "shipped"]
    done = []
    for message in second.messages:
        if message["type"] == "RECORD" and message["stream"] == "loads":
            done.append(message["record"]["stream"])
        elif message["type"] == "STATE":
            rest = [load["stream"] for load in again(read_wms, message["value"]).records("loads")]
            assert rest == [stream for stream in ("packed_products", "shipped") if stream not in done]


def test_a_view_that_breaks_off_while_it_is_compared_is_compared_again(read_wms, warehouse, monkeypatch):
    state = read_wms().state
    warehouse.run("UPDATE shipped SET Qty = 7 WHERE CartonID = 'C-91'")
    whole, left = sql.ViewStream._fetch, [2]

    def fetch(self, connection, source, window):
        rows = whole(self, connection, source, window)
        if self.name == "shipped" and left[0]:
            left[0] -= 1
            yield next(rows)[:1]
            rows.close()
            raise sql.LostReadingError("server closed the connection unexpectedly")
        yield from rows

    monkeypatch.setattr(sql.ViewStream, "_fetch", fetch)
    reading = again(read_wms, state)
    assert reading.windows() == [("2026-02-25", None, 2)]
    # Nothing of what broke off went out.
    assert cartons(reading) == ["C-91", "C-92"]


def test_the_connection_test_sends_a_row_though_it_stands(read_wms, warehouse, capsysbinary):
    state = read_wms().state
    TapWMS(config={"connections": {"wms": warehouse.url}}, state=state).run_connection_test()
    lines = [line for line in capsysbinary.readouterr().out.splitlines() if b'"RECORD"' in line]
    streams = sorted(json.loads(line)["stream"] for line in lines)
    assert streams == ["master_order_list", "packed_products", "shipped"]


def test_a_run_that_sends_nothing_does_not_load_what_files_need(read_wms, warehouse, tmp_path):
    config, state = tmp_path / "config.json", tmp_path / "state.json"
    batches = {"batch_config": {"storage": {"root": str(tmp_path / "files")}}, "batch_from_rows": 1}
    config.write_text(json.dumps({"connections": {"wms": warehouse.url}, **batches}))
    state.write_text(json.dumps(read_wms(**batches).state))
    program = (
        "import sys; from tap_wms.tap import TapWMS\n"
        "TapWMS.cli(['--config', sys.argv[1], '--state', sys.argv[2]], standalone_mode=False)\n"
        "print('pyarrow' in sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, config, state], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert ended.stderr.splitlines()[-1] == "False"
    assert {json.loads(line)["type"] for line in ended.stdout.splitlines()} == {"SCHEMA", "STATE"}


ROW = (
    "BRIGHTON", 1, 0.5, None, True, Decimal("1.50"), MARCH_4, NOW, dt.time(10, 30), UUID(int=7), b"\x00\xff",
    ["a", Decimal("2.0")], {"k": 1}, dt.timedelta(hours=1), memoryview(b"\x01"),
)  # fmt: skip


def totals_of(*parts, key=None, first=None):
    count = Count(key, first)
    for part in parts:
        count.add(part)
    return count.totals


@pytest.mark.parametrize("at", range(len(ROW)))
def test_a_row_has_its_digest_whatever_rows_it_is_fetched_with(at):
    """A value that is kept in another form must not change how those beside it are."""
    one, other = [tuple(None if n == at else value for n, value in enumerate(ROW))], [("x", *ROW[1:])]
    plain = [("x", 1, 0.5, None, True) + (None,) * (len(ROW) - 5)]
    assert totals_of(one, other, plain) == totals_of(plain + other + one) == totals_of(other + one, plain)
    assert totals_of(one, plain) != totals_of([ROW], plain) or ROW[at] is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"), (1, True), (1, 1.0), (1, Decimal(1)), (None, ""), (None, "None"), (MARCH_4, "2026-03-04"),
        (Decimal("1.0"), Decimal("1.00")), ("x", "y"), (b"x", "78"),
    ],
)  # fmt: skip
def test_values_that_are_sent_or_read_differently_have_different_digests(one, other):
    assert totals_of([(one, "a")]) != totals_of([(other, "a")])


def test_what_moves_from_one_value_to_the_next_is_seen():
    assert totals_of([("ab", "c")]) != totals_of([("a", "bc")])
    assert totals_of([("a", "b"), ("c", "d")]) != totals_of([("a", "d"), ("c", "b")])


def test_rows_held_back_come_back_as_they_were_from_memory_and_from_a_file(monkeypatch):
    parts = [[("x", n, "2026-03-04" if n % 2 else "2026-03-05") for n in range(50)], [(Decimal("1.5"), MARCH_4, None)]]
    for in_memory in (100, 10**6):
        monkeypatch.setattr(standing, "_IN_MEMORY", in_memory)
        with KeptRows() as kept:
            count = Count(None, None)
            for part in parts:
                kept.add(count.add(part))
            assert list(kept.rows(None, None)) == parts
            assert list(kept.rows(2, dt.date(2026, 3, 5))) == [[row for row in parts[0] if row[1] % 2 == 0], parts[1]]
            assert list(kept.rows(2, dt.date(2026, 3, 6))) == [parts[1]]


keys = st.one_of(
    st.none(),
    st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1)).map(str),
    st.sampled_from(["TBC", "2026-02-29", "20260301", "2026-02-28T10:00:00", 20260301]),
)


@given(rows=st.lists(st.tuples(st.text(max_size=3), keys), max_size=30), size=st.integers(1, 9), data=st.data())
def test_totals_are_of_each_day_whatever_the_order_and_the_parts(rows, size, data):
    mixed = data.draw(st.permutations(rows))
    first = dt.date(2026, 2, 1)
    totals = totals_of(*(mixed[at : at + size] for at in range(0, len(mixed), size)), key=1, first=first)
    days = Counter(iso_day(key) for _, key in rows)
    expected = {day: count for day, count in days.items() if day is None or day >= first}
    assert {day: count for day, (count, _) in totals.items()} == expected
    for day in expected:
        assert totals[day] == totals_of([row for row in rows if iso_day(row[1]) == day])[None]


dates = st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1))
totals = st.dictionaries(st.none() | dates, st.tuples(st.integers(1, 9), st.integers(0, (1 << 128) - 1)), max_size=6)


@given(totals=totals, first=st.none() | dates, later=dates)
def test_a_standing_comes_through_a_state_as_it_was(totals, first, later):
    held = {day: total for day, total in totals.items() if day is None or first is None or day >= first}
    kept = Standing("form", first, held, NOW, NOW)
    assert Standing.from_state(json.loads(json.dumps(kept.to_state()))) == kept
    since = kept.since(later)
    assert since.totals == {day: total for day, total in held.items() if day is None or day >= later}
    assert since.holds(Window(max(later, first or later)))


@given(before=totals, now=totals, first=st.none() | dates)
def test_what_is_to_be_sent_starts_at_the_first_day_that_differs(before, now, first):
    now = {day: total for day, total in now.items() if day is None or first is None or day >= first}
    window = Standing("form", None, before, NOW, NOW).to_send(now, first)
    before = {day: total for day, total in before.items() if day is None or first is None or day >= first}
    if before == now:
        assert window is None
        return
    assert window is not None
    start = window.first or dt.date.min
    assert {day: t for day, t in before.items() if day and day < start} == {
        day: t for day, t in now.items() if day and day < start
    }
    assert start == dt.date.min or first is None or start >= first


# The rules of loads (a window replaces older loads for its days; undated rows count in the newest load), in small.
def current(loads):
    """What counts: the rows of each load of the days that no later load covers, and the newest load's undated ones."""
    counting = Counter()
    for at, (_, rows) in enumerate(loads):
        for row in rows:
            day = iso_day(row[1])
            if day is None:
                counting[row] += at == len(loads) - 1
            else:
                later = [window for window, _ in loads[at + 1 :]]
                covered = any((not f or day >= day_of(f)) and (not u or day < day_of(u)) for f, u in later)
                counting[row] += not covered
    return +counting


operations = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 3), st.integers(-3, 20)),
        st.tuples(st.just("add"), st.integers(0, 3), st.sampled_from([None, "TBC", "2026-02-30"])),
        st.tuples(st.just("delete"), st.integers(0, 9), st.none()),
        st.tuples(st.just("move"), st.integers(0, 9), st.integers(-3, 20) | st.sampled_from([None, "TBC"])),
        st.tuples(st.just("change"), st.integers(0, 9), st.integers(0, 3)),
        st.tuples(st.just("read"), st.none(), st.none()),
        st.tuples(st.just("full"), st.none(), st.none()),
        st.tuples(st.just("killed"), st.integers(0, 6), st.none()),
    ),
    max_size=12,
)


def as_key(day):
    return day if day is None or isinstance(day, str) else (dt.date(2026, 2, 20) + dt.timedelta(days=day)).isoformat()


@settings(max_examples=settings.default.max_examples // 5)
@given(operations=operations, files=st.booleans())
def test_what_stands_in_the_warehouse_is_the_view_after_any_changes(tmp_path_factory, operations, files):
    """Changes stay within the look-back, which is all that an incremental reading promises to see."""
    folder = tmp_path_factory.mktemp("standing")
    path = folder / "wms.db"
    view = {"stream": "shipped", "table": "v_shipped", "replication_key": "day", "lookback_days": 400}
    settings = {"connections": {"wms": f"sqlite:///{path}"}, "views": [view]}
    if files:
        settings |= {"batch_config": {"storage": {"root": str(folder / "files")}}, "batch_from_rows": 1}
    loads, state = [], None
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE v_shipped (name TEXT, day TEXT, qty)")
        database.execute("INSERT INTO v_shipped VALUES ('first', '2026-02-20', 1)")

        def rowid(n):
            there = [row for (row,) in database.execute("SELECT rowid FROM v_shipped ORDER BY rowid")]
            return there[n % len(there)] if there else None

        for kind, n, value in [*operations, *[("read", None, None)] * 3]:
            if kind == "add":
                database.execute("INSERT INTO v_shipped VALUES (?, ?, 1)", (f"C-{n}", as_key(value)))
            elif kind == "delete":
                database.execute("DELETE FROM v_shipped WHERE rowid = ?", (rowid(n),))
            elif kind == "move":
                database.execute("UPDATE v_shipped SET day = ? WHERE rowid = ?", (as_key(value), rowid(n)))
            elif kind == "change":
                database.execute("UPDATE v_shipped SET qty = ? WHERE rowid = ?", (value, rowid(n)))
            else:
                # Going on with a first reading that was cut off, only the months it lacks are read.
                cut_off = kind == "read" and "unread_from" in json.dumps(state)
                messages = run_tap({**settings, "sync_mode": "full" if kind == "full" else "incremental"}, state)
                state = settle(messages[: n + 4] if kind == "killed" else messages, loads, state)
                if kind != "killed" and not cut_off:
                    rows = Counter(database.execute("SELECT name, day, qty FROM v_shipped").fetchall())
                    assert current(loads) == rows
        # Of the last three readings, the second may have had a wider window: the newest day was gone.
        assert not any(message["type"] in ("RECORD", "BATCH") for message in messages)


def run_tap(config, state):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(out):
        TapWMS(config=config, state=copy.deepcopy(state)).sync_all()
    out.seek(0)
    return [json.loads(line) for line in out]


def settle(messages, loads, state):
    """Take in what a target does: rows, loads that are complete, and the last state that came."""
    rows = {}
    for message in messages:
        if message["type"] == "STATE":
            state = message["value"]
        elif message["type"] == "BATCH":
            for url in message["manifest"]:
                for row in pq.read_table(url2pathname(urlsplit(url).path)).to_pylist():
                    rows.setdefault(row["load_id"], []).append((row["name"], row["day"], json.loads(row["qty"])))
        elif message["type"] == "RECORD" and message["stream"] == "loads":
            load = message["record"]
            of_load = rows.get(load["load_id"], [])
            assert load["rows"] == len(of_load)
            loads.append(((load["window_from"], load["window_to"]), of_load))
        elif message["type"] == "RECORD":
            row = message["record"]
            rows.setdefault(row["load_id"], []).append((row["name"], row["day"], row["qty"]))
    return state


def test_a_full_disk_is_told_in_one_line(monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(standing.pickle, "dump", full)
    with KeptRows() as kept, pytest.raises(TapError, match=r"No space left on device; make room there, name another"):
        kept.add([("a", 1)])
