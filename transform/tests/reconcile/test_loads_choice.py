"""Which loads count: only whole ones, and of a view's days those that no later load covers."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from order_rules import tables
from recon import loads
from recon.loads import Choice, current_rows, loads_to_sweep, uncovered_days

FIRST_DAY = date(2026, 3, 1)
DAYS = 6


def order(qty, po="1234"):
    return ("ACME", po, "AB1234", "NAVY", "M", qty)


def carton(qty, on=None, carton_id="C1", po="1234"):
    return ("AC-WMS", po, "AB1234", "NAVY", "M", qty, {"on": on, "carton_id": carton_id})


def choice(warehouse):
    with warehouse.engine.connect() as connection:
        return loads.choose(loads.read_loads(connection))


def chosen(warehouse):
    return list(choice(warehouse).loads["load_id"])


def fault(warehouse, load_id):
    known = choice(warehouse).known
    (found,) = known.loc[known["load_id"] == load_id, "fault"]
    return None if pd.isna(found) else found


def test_a_reading_that_broke_off_is_invisible_and_the_one_before_is_marked_stale(warehouse):
    whole = warehouse.workbook("ACME.xlsx", [order(10)])
    broken = warehouse.workbook("ACME.xlsx", [order(7)], whole=False, listed=False)

    found = choice(warehouse)

    assert list(found.loads["load_id"]) == [whole]
    assert found.loads["stale_reason"][0] == f"a later reading did not arrive whole: {fault(warehouse, broken)}"


def test_the_newest_whole_reading_of_a_workbook_counts(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10)])
    newest = warehouse.workbook("ACME.xlsx", [order(11)])
    assert chosen(warehouse) == [newest]
    assert choice(warehouse).loads["stale_reason"].isna().all()


def test_a_load_counts_only_where_what_is_staged_is_what_was_counted(warehouse):
    load_id = warehouse.workbook("ACME.xlsx", [order(10), order(20)], quarantined=[("unreadable_quantity", 1, 0)])
    of_load = {"stg_orders_sharepoint": 0, "order_list": 0, "stg_quarantine_sharepoint": 0}
    for name in of_load:
        table = tables.metadata.tables[name]
        (row, *_) = warehouse.rows(name, load_id=load_id)
        key = [table.c[column.name] == row[column.name] for column in table.primary_key]
        warehouse.write(sa.delete(table).where(*key))
        assert chosen(warehouse) == []
        assert fault(warehouse, load_id) is not None
        warehouse.write(table.insert(), row)
        assert chosen(warehouse) == [load_id]

    staged = tables.stg_orders_sharepoint
    warehouse.write(sa.update(staged).values(ordered_qty=staged.c.ordered_qty + 1))
    assert chosen(warehouse) == []


def test_a_load_counts_only_where_all_the_tap_sent_was_received(warehouse):
    load_id = warehouse.packed([carton(10)])
    received = sa.update(tables.load_counts).where(tables.load_counts.c.measure == "received")
    for wrong, right in (({"rows": 2}, {"rows": 1}), ({"qty": 11}, {"qty": 10})):
        warehouse.write(received.values(**wrong))
        assert "the mapper received" in fault(warehouse, load_id)
        warehouse.write(received.values(**right))
        assert fault(warehouse, load_id) is None

    warehouse.write(sa.delete(tables.load_counts).where(tables.load_counts.c.measure == "received"))
    assert fault(warehouse, load_id) == "the mapper counted nothing of it"


def test_a_fraction_in_the_taps_sum_is_rounded_as_the_mapper_rounds_it(warehouse):
    load_id = warehouse.packed([carton(10)])
    warehouse.write(sa.update(tables.loads).values(qty=10.5))
    assert fault(warehouse, load_id) is None


def test_an_empty_reading_is_a_whole_one(warehouse):
    warehouse.packed([carton(10)])
    empty = warehouse.packed([])
    found = choice(warehouse)
    assert list(found.loads["load_id"]) == [empty]


def test_a_deleted_workbook_does_not_count(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10)])
    kept = warehouse.workbook("BOLT.xlsx", [order(10)])
    warehouse.file("ACME.xlsx", status="deleted")
    assert chosen(warehouse) == [kept]


def test_a_workbook_that_a_whole_listing_lacks_is_gone_and_a_broken_listing_says_nothing(warehouse):
    gone = warehouse.workbook("ACME.xlsx", [order(10)])
    kept = warehouse.workbook("BOLT.xlsx", [order(10)])
    warehouse.listing(2)
    warehouse.file("BOLT.xlsx")
    assert set(chosen(warehouse)) == {gone, kept}  # two were announced, one arrived

    warehouse.listing(1)
    warehouse.file("BOLT.xlsx")
    assert chosen(warehouse) == [kept]


def test_a_workbook_that_failed_keeps_its_last_reading_and_says_why(warehouse):
    load_id = warehouse.workbook("ACME.xlsx", [order(10)])
    warehouse.file("ACME.xlsx", status="failed", error="the file is not a workbook")
    warehouse.file("NEW.xlsx", status="failed", error="the file is empty")

    found = choice(warehouse)

    assert list(found.loads["load_id"]) == [load_id]
    assert list(found.loads["stale_reason"]) == ["the file is not a workbook"]
    assert list(found.unread["path"]) == ["NEW.xlsx"]


def test_a_later_window_replaces_its_days_and_no_others(warehouse):
    older = warehouse.shipped(
        [carton(1, date(2026, 3, 1), "A"), carton(2, date(2026, 3, 5), "B"), carton(4, None, "C")]
    )
    newer = warehouse.shipped([carton(8, date(2026, 3, 5), "D")], window=(date(2026, 3, 4), None))
    warehouse.workbook("ACME.xlsx", [order(10)])

    warehouse.reconcile()

    current = {row["carton_id"]: row["load_id"] for row in warehouse.rows("stg_shipped_current")}
    # The undated carton is read in every window: the later one would have brought it.
    assert current == {"A": older, "D": newer}
    excluded = warehouse.rows("audit_count", table="stg_shipped_current", measure="excluded")
    assert [(row["reason"], row["qty"]) for row in excluded] == [("superseded_window", 6)]


def test_a_view_that_gave_rows_outside_its_window_is_not_counted_twice(warehouse):
    warehouse.shipped([carton(5, date(2026, 3, 1))])
    newer = warehouse.shipped([carton(5, date(2026, 3, 1))], window=(date(2026, 3, 4), None))
    warehouse.workbook("ACME.xlsx", [order(10)])
    assert warehouse.reconcile().shipped == 5
    assert [row["load_id"] for row in warehouse.rows("stg_shipped_current")] == [newer]


def test_superseded_and_broken_loads_are_swept_behind_two_newer_ones(warehouse):
    read = [warehouse.workbook("ACME.xlsx", [order(n)]) for n in (1, 2)]
    broken = warehouse.workbook("ACME.xlsx", [order(9)], whole=False, listed=False)
    read += [warehouse.workbook("ACME.xlsx", [order(n)]) for n in (3, 4)]
    being_written = warehouse.workbook("ACME.xlsx", [order(9)], whole=False, listed=False)

    outcome = warehouse.reconcile()

    kept = {row["load_id"] for row in warehouse.rows("stg_orders_sharepoint")}
    assert kept == {*read[2:], being_written}
    assert broken not in kept
    assert {row["load_id"] for row in warehouse.rows("load_counts")} == set(read[2:])
    assert {row["load_id"] for row in warehouse.rows("loads")} == set(read[2:])
    assert outcome.swept == 3


def test_a_window_is_swept_only_when_none_of_its_rows_counts(warehouse):
    oldest = warehouse.shipped([carton(1, date(2026, 3, 1), "A")])
    for n in range(3):
        warehouse.shipped([carton(1, date(2026, 3, 9), f"B{n}")], window=(date(2026, 3, 8), None))
    warehouse.workbook("ACME.xlsx", [order(10)])

    warehouse.reconcile()
    staged = [row["load_id"] for row in warehouse.rows("stg_shipped")]
    assert oldest in staged
    assert len(staged) == 3

    warehouse.shipped([carton(1, date(2026, 3, 9), "C")])
    warehouse.shipped([carton(1, date(2026, 3, 9), "C")])
    warehouse.reconcile(allow_shrink=True)
    assert oldest not in [row["load_id"] for row in warehouse.rows("stg_shipped")]


def test_the_sweep_never_takes_a_load_younger_than_the_newest_whole_one():
    known = pd.DataFrame(
        {"load_id": list("abcde"), "unit_id": "u", "fault": pd.Series([None, "x", None, None, "x"], dtype="str")}
    )
    assert loads_to_sweep(known, ["d"], 1) == ["a", "b", "c"]
    assert loads_to_sweep(known, ["d"], 2) == ["a", "b"]
    assert loads_to_sweep(known, ["a", "d"], 2) == ["b"]
    assert loads_to_sweep(known, [], 9) == []


def views(windows):
    return pd.DataFrame(
        {
            "load_id": [f"{n:04}" for n in range(len(windows))],
            "unit_id": "distribution:shipped",
            "window_from": pd.Series([start for start, _ in windows], dtype="datetime64[us]"),
            "window_to": pd.Series([end for _, end in windows], dtype="datetime64[us]"),
        }
    )


def as_choice(windows):
    slices = uncovered_days(views(windows))
    newest = f"{len(windows) - 1:04}"
    chosen_loads = views(windows).assign(newest=lambda frame: frame["load_id"] == newest)
    return Choice(chosen_loads, slices, pd.DataFrame(), pd.DataFrame(), listing_empty=False)


offsets = st.none() | st.integers(0, DAYS)


@st.composite
def readings(draw):
    """Draw how a view changes and is read: before each reading of a window, rows change on days that it reads.

    Returns:
        For each reading, its window, whether it arrived whole, and the rows it brought, (day, content).
    """
    state = {day: draw(st.frozensets(st.integers(0, 3), max_size=2)) for day in [None, *range(DAYS)]}
    made = []
    windows = [(None, None), *draw(st.lists(st.tuples(offsets, offsets), max_size=5))]
    for start, end in windows:
        inside = [
            day for day in state if day is None or ((start is None or day >= start) and (end is None or day < end))
        ]
        for day in inside:
            if draw(st.booleans()):
                state[day] = draw(st.frozensets(st.integers(0, 9), max_size=2))
        whole = draw(st.booleans()) if made else True
        times = draw(st.integers(1, 2))
        made += [((start, end), whole, [(day, item) for day in inside for item in state[day]])] * times
        if not whole:  # what a broken reading would have shown is read again
            made.append(((start, end), True, made[-1][2]))
    return made


def day_of(offset):
    return None if offset is None else FIRST_DAY + timedelta(days=offset)


@given(readings(), st.randoms(use_true_random=False))
def test_whole_broken_repeated_and_late_readings_give_what_one_reading_at_the_end_gives(made, random):
    whole = [(window, rows) for window, is_whole, rows in made if is_whole]
    found = as_choice([(day_of(start), day_of(end)) for (start, end), _ in whole])
    staged = [(f"{n:04}", day_of(day), item) for n, (_, rows) in enumerate(whole) for day, item in rows]
    random.shuffle(staged)  # late loads stand anywhere in the table; their ids tell their order
    frame = pd.DataFrame(staged, columns=["load_id", "on", "item"]).astype({"on": "datetime64[us]", "load_id": "str"})

    current = frame[current_rows(frame["load_id"], frame["on"], found)]

    at_the_end = {}
    for (start, end), rows in whole:
        for day in [None, *range(DAYS)]:
            if day is None or ((start is None or day >= start) and (end is None or day < end)):
                at_the_end[day] = sorted(item for found_day, item in rows if found_day == day)
    kept = {}
    for day, item in zip(current["on"], current["item"], strict=True):
        kept.setdefault(None if pd.isna(day) else (day.date() - FIRST_DAY).days, []).append(item)
    assert {day: sorted(items) for day, items in kept.items()} == {d: i for d, i in at_the_end.items() if i}


def test_days_before_and_after_everything_lie_in_open_windows():
    far = pd.DataFrame({"on": pd.Series([datetime(1900, 1, 1), datetime(2200, 1, 1)], dtype="datetime64[us]")})
    found = as_choice([(None, None), (date(2026, 1, 1), None)])
    for load, counts in (("0000", [True, False]), ("0001", [True, True])):
        marked = current_rows(pd.Series([load, load]), far["on"], found)
        assert np.array_equal(marked, counts)
