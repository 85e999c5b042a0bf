"""Loads: the record that completes a reading, row identity, and values that come through unchanged."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import math
import re
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_wms import sql
from tap_wms.errors import TapError
from tap_wms.loads import Load
from tap_wms.rows import LoadRows, quantity_columns
from tap_wms.sql import LostReadingError, ViewStream
from tap_wms.tap import TapWMS
from tap_wms.windows import WHOLE


def rows_of(names, key=None, numbered=False):
    latest = dt.date(2026, 3, 10)
    return LoadRows(names, Load("shipped", "wms", WHOLE), key=key, latest=latest, numbered=numbered)


def record_of(made, values):
    (record,) = made.records([values])
    return record


def test_a_load_s_record_follows_its_last_row_and_the_state_follows_the_record(read_wms):
    reading = read_wms()
    kinds = [(m["type"], m.get("stream")) for m in reading.messages]
    loads = reading.records("loads")
    assert [load["stream"] for load in loads] == ["packed_products", *["shipped"] * 3, "master_order_list"]
    for load in loads:
        of_load = [i for i, m in enumerate(reading.messages) if m.get("record", {}).get("load_id") == load["load_id"]]
        *rows, last = of_load
        assert {kinds[i] for i in rows} == {("RECORD", load["stream"])}
        assert rows == list(range(rows[0], rows[0] + load["rows"]))
        assert (last, reading.messages[last]["record"]) == (rows[-1] + 1, load)
        assert kinds[last + 1] == ("STATE", None)
        assert (load["connection"], load["kind"]) == ("wms", "window")
    first_states = [m["value"] for m in reading.messages[: kinds.index(("RECORD", "loads"))] if m["type"] == "STATE"]
    assert all(set(state["bookmarks"]) <= {"loads"} for state in first_states)


def test_load_ids_sort_as_their_readings_began_and_times_have_a_zone(read_wms):
    loads = read_wms().records("loads")
    assert [load["load_id"] for load in loads] == sorted(load["load_id"] for load in loads)
    for load in loads:
        assert re.fullmatch(r"[0-9a-f]{32}", load["load_id"])
        started = dt.datetime.fromisoformat(load["started_at"])
        assert load["started_at"].endswith("Z")
        assert int(load["load_id"][:12], 16) == int(started.timestamp() * 1000)
        assert started <= dt.datetime.fromisoformat(load["finished_at"])


def test_quantities_are_summed_from_qty_and_in_the_order_list_from_the_size_run(read_wms):
    loads = [(load["unit_id"], load["qty"]) for load in read_wms().records("loads")]
    assert loads == [
        ("wms:packed_products", 24 + 12 + 60 + 60),
        *[("wms:shipped", qty) for qty in (48, 6, 30)],
        ("wms:master_order_list", 36 + 6),
    ]


def test_a_quantity_that_is_text_is_read_as_text_and_not_summed(read_wms, warehouse):
    warehouse.run("UPDATE packed SET Qty = '12 pcs' WHERE Size = 'XXL'; UPDATE packed SET Qty = 24.5 WHERE Size = 'XL'")
    reading = read_wms()
    assert [r["Qty"] for r in reading.records("packed_products")] == [Decimal("24.5"), "12 pcs", 60, 60]
    assert reading.loads["wms:packed_products"]["qty"] == Decimal("144.5")


def test_a_view_without_quantities_has_none(read_wms):
    reading = read_wms(views=[{"stream": "names", "table": "sqlite_master"}])
    assert reading.loads["wms:names"]["qty"] is None


def test_rows_that_are_alike_stay_two(read_wms):
    harbour = [r for r in read_wms().records("packed_products") if r["Customer"] == "HARBOUR"]
    assert [r["occurrence"] for r in harbour] == [0, 1]
    assert harbour[0]["row_hash"] == harbour[1]["row_hash"]


def test_the_row_hash_is_of_all_values_in_the_view_s_order_a_missing_one_marked(read_wms):
    record = read_wms().records("master_order_list")[1]
    values = ["HARBOUR", "88-01", "H-78", "SS26", "S26", "H-7", "ECRU", "BAGS", "P-2", "EA", "\0", "4", "\0", "2", "6"]
    assert record["row_hash"] == hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:32]
    assert read_wms().records("master_order_list")[1]["row_hash"] == record["row_hash"]


def test_rows_of_the_order_list_are_numbered_as_they_are_read(read_wms):
    assert [r["row_number"] for r in read_wms().records("master_order_list")] == [1, 2]


@given(st.lists(st.tuples(st.sampled_from(["a", None, "\0", ""]), st.none() | st.integers(0, 2)), max_size=20))
def test_equal_rows_are_told_apart_by_occurrence_whatever_their_order(rows):
    made = rows_of(["Style", "Qty"])
    records = [record for row in rows for record in made.records([row])]
    assert len({(r["row_hash"], r["occurrence"]) for r in records}) == len(rows)
    backwards = rows_of(["Style", "Qty"])
    again = list(backwards.records(rows[::-1])) if rows else []
    assert {(r["row_hash"], r["occurrence"]) for r in records} == {(r["row_hash"], r["occurrence"]) for r in again}
    assert made.qty == backwards.qty == sum(qty or 0 for _, qty in rows)


CELLS = st.one_of(
    st.none(),
    st.text(alphabet="aé\x1f\0", max_size=2),
    st.integers(-1, 2),
    st.booleans(),
    st.floats(),
    st.decimals(-1, 2, places=1),
    st.sampled_from([dt.date(2026, 3, 4), dt.date(2027, 1, 1), "2026-03-05", "soon", b"\1"]),
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30), st.integers(1, 7))
def test_rows_are_the_same_however_many_are_fetched_at_once(rows, size):
    """Hashes that stand in warehouses stay what they are: of each row's texts, whatever stands beside it."""
    made, one_by_one = (rows_of(["Style", "Day", "Qty"], key="Day", numbered=True) for _ in range(2))
    records = [record for at in range(0, len(rows), size) for record in made.records(rows[at : at + size])]
    alone = [record_of(one_by_one, row) for row in rows]
    own = {"load_id": None}
    assert [repr(record | own) for record in records] == [repr(record | own) for record in alone]
    assert (made.count, made.qty, made.newest) == (one_by_one.count, one_by_one.qty, one_by_one.newest)
    for record in records:
        texts = ["\0" if record[name] is None else str(record[name]) for name in ("Style", "Day", "Qty")]
        assert record["row_hash"] == hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:32]
    assert len({(record["row_hash"], record["occurrence"]) for record in records}) == len(rows)


@pytest.mark.parametrize(
    ("names", "quantities"),
    [
        (["Style", "Qty"], ["Qty"]),
        (["QTY", "Style"], ["QTY"]),
        (["Unit of Measure ", "S", "M", "total qty", "Qty"], ["S", "M"]),
        (["UNIT OF MEASURE", "TOTAL QTY"], []),
        (["TOTAL QTY", "S", "UNIT OF MEASURE"], None),
        (["Style"], None),
    ],
)
def test_quantities_stand_in_the_size_run_or_in_qty(names, quantities):
    found = quantity_columns(names)
    assert (None if found is None else names[found]) == quantities


def test_values_that_json_has_no_form_for_come_through_as_text():
    identity = uuid.uuid4()
    made = rows_of(["a", "b", "c", "d", "e", "f"])
    values = (b"\x00\xff", memoryview(b"\x01"), {"k": [1, Decimal("1.50")]}, dt.timedelta(hours=1), identity, ["x"])
    record = record_of(made, values)
    assert list(record.values())[:6] == ["00ff", "01", '{"k":[1,"1.50"]}', "1:00:00", identity, '["x"]']


def test_what_is_no_number_is_missing():
    made = rows_of(["Qty", "Name"])
    for value in (math.nan, math.inf, Decimal("NaN"), Decimal("-Infinity")):
        assert record_of(made, (value, "banana"))["Qty"] is None
    assert {r["row_hash"] for r in (record_of(made, (None, "banana")), record_of(made, (math.nan, "banana")))} == {
        record_of(rows_of(["Qty", "Name"]), (None, "banana"))["row_hash"]
    }
    assert made.qty == 0


def test_true_is_not_a_quantity_and_fractions_are_summed_exactly():
    made = rows_of(["Qty"])
    list(made.records([(value,) for value in (True, 1, Decimal("0.10"), 0.2, "5", None)]))
    assert made.qty == Decimal("1.30")


def test_fractions_are_summed_exactly_however_far_apart_they_are():
    made = rows_of(["Qty"])
    for value in (10**30, 1.3664687694248033e-24, -(10**30)):
        list(made.records([(value,)]))
    assert made.qty == Decimal("1.3664687694248033E-24")


def test_naive_date_times_keep_having_no_zone(read_wms, warehouse):
    warehouse.run("UPDATE shipped SET Shipped_Date = '2026-03-04T10:00:00' WHERE CartonID = 'C-92'")
    reading = read_wms()
    assert reading.records("shipped")[2]["Shipped_Date"] == "2026-03-04T10:00:00"
    assert reading.bookmark("shipped") == "2026-03-04"


def read_before():
    """A state of a view that has been read before, so that its next reading is one window."""
    partition = {"context": {"connection": "wms"}, "replication_key": "Shipped_Date"}
    return {"bookmarks": {"shipped": {"partitions": [partition | {"replication_key_value": "2026-01-20"}]}}}


def breaking(times, monkeypatch, stream="shipped"):
    """Let the connection break after the second row, this often."""
    whole = ViewStream._fetch
    left = [times]

    def fetch(self, connection, source, window):
        rows = whole(self, connection, source, window)
        if self.name != stream or not left[0]:
            yield from rows
            return
        left[0] -= 1
        yield next(rows)[:2]
        rows.close()
        raise LostReadingError("server closed the connection unexpectedly")

    monkeypatch.setattr(ViewStream, "_fetch", fetch)


def test_a_view_broken_off_half_way_is_read_again_from_its_start_as_a_new_load(read_wms, monkeypatch, caplog):
    breaking(2, monkeypatch)
    reading = read_wms(state=read_before())
    by_load = {}
    for record in reading.records("shipped"):
        by_load.setdefault(record["load_id"], []).append(record)
    assert [len(rows) for rows in by_load.values()] == [2, 2, 3]
    assert [load["load_id"] for load in reading.records("loads") if load["stream"] == "shipped"] == [list(by_load)[-1]]
    assert reading.loads["wms:shipped"]["rows"] == 3
    assert [row["occurrence"] for row in list(by_load.values())[-1]] == [0, 0, 0]
    assert "connection broke while view v_shipped was read: server closed the connection unexpectedly" in caplog.text


def test_a_view_that_breaks_off_every_time_fails_without_a_load_or_a_bookmark(warehouse, monkeypatch, capsysbinary):
    breaking(sql.READ_TRIES, monkeypatch)
    tap = TapWMS(config={"connections": {"wms": warehouse.url}}, state=read_before())
    with pytest.raises(TapError, match=r"connection 'wms' .* broke while view v_shipped was read: .* after 3 times"):
        tap.sync_all()
    out = capsysbinary.readouterr().out
    assert b'"unit_id":"wms:packed_products"' in out
    assert b'"unit_id":"wms:shipped"' not in out
    assert b"2026-03-04" not in b"".join(line for line in out.splitlines() if b'"STATE"' in line)


def test_the_log_says_which_view_of_how_many_its_rows_and_its_progress(read_wms, caplog, monkeypatch):
    monkeypatch.setattr(sql, "PROGRESS_ROWS", 3)
    monkeypatch.setattr(sql, "ROWS_AT_ONCE", 3)
    with caplog.at_level(logging.INFO):
        read_wms()
    assert (
        "view 1 of 3: packed_products, view v_packed_products of connection 'wms': reading the whole view"
        in caplog.text
    )
    assert "view v_packed_products of connection 'wms': 3 rows so far" in caplog.text
    assert "shipped, view v_shipped of connection 'wms': reading before 2026-02-01, 2 more to come" in caplog.text
    assert "view v_shipped of connection 'wms': reading from 2026-03-01" in caplog.text
    assert re.search(r"view 2 of 3: shipped, .*: 1 rows in \d+\.\d s", caplog.text)
