"""Filling order lines: first ex factory first, and not one unit lost or made."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from recon.matching.fill import fill_lines


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["order_line_id", "order_key_id", "ordered_qty", "cancelled", "ex_factory_on"])
    return frame.astype({"ex_factory_on": "datetime64[us]", "order_line_id": "str", "order_key_id": "str"})


def linked(*rows):
    frame = pd.DataFrame(rows, columns=["order_key_id", "fulfil_key_id", "packed_qty", "shipped_qty"])
    return frame.astype({"order_key_id": "str", "fulfil_key_id": "str", "packed_qty": "int64", "shipped_qty": "int64"})


def filled(found):
    return {(row.order_line_id, row.fulfil_key_id): (row.packed_qty, row.shipped_qty) for row in found.itertuples()}


def test_shipped_units_fill_the_earliest_line_and_packed_ones_what_is_left():
    found = fill_lines(
        lines(("late", "k", 10, False, "2026-06-01"), ("early", "k", 10, False, "2026-05-01")),
        linked(("k", "f1", 4, 6), ("k", "f2", 0, 7)),
    )
    assert filled(found) == {
        ("early", "f1"): (0, 6),
        ("early", "f2"): (0, 4),
        ("late", "f2"): (0, 3),
        ("late", "f1"): (4, 0),
    }


def test_what_is_over_goes_on_the_last_line_and_a_line_without_a_date_is_last():
    found = fill_lines(
        lines(("a", "k", 10, False, None), ("b", "k", 10, False, "2026-05-01")), linked(("k", "f", 0, 25))
    )
    assert filled(found) == {("b", "f"): (0, 10), ("a", "f"): (0, 15)}


def test_a_cancelled_line_gets_nothing_unless_there_is_no_other():
    found = fill_lines(
        lines(
            ("gone", "k", 10, True, "2026-01-01"), ("live", "k", 5, False, "2026-05-01"), ("only", "x", 5, True, None)
        ),
        linked(("k", "f", 0, 9), ("x", "g", 2, 0)),
    )
    assert filled(found) == {("live", "f"): (0, 9), ("only", "g"): (2, 0)}


def test_nothing_fulfilled_fills_nothing():
    assert fill_lines(lines(("a", "k", 10, False, None)), linked()).empty
    assert fill_lines(lines(("a", "k", 10, False, None)), linked(("k", "f", 0, 0))).empty


key = st.sampled_from(["k1", "k2", "k3"])
qty = st.integers(0, 20)
day = st.none() | st.dates()


@given(
    st.lists(st.tuples(key, qty, st.booleans(), st.sampled_from([None, "2026-05-01", "2026-06-01"])), max_size=8),
    st.lists(st.tuples(key, st.integers(-3, 20), qty), max_size=8),
)
def test_every_linked_unit_fills_a_line_of_its_own_order(of_lines, of_cartons):
    every_key = [(name, 3, False, None) for name in ("k1", "k2", "k3")]
    order_lines = lines(*((f"l{n}", *line) for n, line in enumerate([*of_lines, *every_key])))
    supply = linked(*((name, f"f{n}", packed, shipped) for n, (name, packed, shipped) in enumerate(of_cartons)))

    found = fill_lines(order_lines, supply)

    by_carton = found.groupby("fulfil_key_id")[["packed_qty", "shipped_qty"]].sum()
    told = supply.set_index("fulfil_key_id")[["packed_qty", "shipped_qty"]]
    pd.testing.assert_frame_equal(by_carton.reindex(told.index, fill_value=0), told)
    key_of_line = order_lines.set_index("order_line_id")["order_key_id"]
    key_of_carton = supply.set_index("fulfil_key_id")["order_key_id"]
    assert list(key_of_line.loc[found["order_line_id"]]) == list(key_of_carton.loc[found["fulfil_key_id"]])
    if (supply["packed_qty"] >= 0).all():
        total = found.assign(qty=found["packed_qty"] + found["shipped_qty"]).groupby("order_line_id")["qty"].sum()
        room = order_lines.set_index("order_line_id")
        over = total[total > room["ordered_qty"].reindex(total.index)]
        assert not room.loc[over.index, "order_key_id"].duplicated().any()  # only one line of a key is over
