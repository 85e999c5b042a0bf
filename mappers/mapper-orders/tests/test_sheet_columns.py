"""Rows of workbooks taken apart by columns: which are plain, which are looked at alone, what is left to records.

That all come out as by record is proven in ``test_batches``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.counts import LoadBook
from mapper_orders.sheet_columns import Cells, by_load

LOAD, NEXT_LOAD = "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa", "0190a0b0c0d0bbbbbbbbbbbbbbbbbbbb"
ORDER = [
    ["AAG ORDER NUMBER", "A1"],
    ["CUSTOMER NAME", "BRAND A"],
    ["PLANNER", "P"],
    ["PO NUMBER", 4500],
    ["NOTES", 1.5],
]
SIZES = [["S", 5], ["M", 12]]
FIELD_OF = {
    "AAG ORDER NUMBER": "order_number", "CUSTOMER NAME": "customer", "PO NUMBER": "customer_po", "PO": "customer_po",
    "NOTES": "notes", "PLANNER": None,
}  # fmt: skip


def json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def batch(*rows: tuple[Any, Any], loads: list[str] | None = None) -> pa.RecordBatch:
    columns = {
        "load_id": loads or [LOAD] * len(rows), "file_id": ["f" * 32] * len(rows), "sheet": ["MASTER"] * len(rows),
        "sheet_customer": [None] * len(rows), "source_file": ["a/B.xlsx"] * len(rows),
        "cells": [cells if isinstance(cells, str) else json_text(cells) for cells, _ in rows],
        "sizes": [sizes if isinstance(sizes, str) else json_text(sizes) for _, sizes in rows],
    }  # fmt: skip
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.RecordBatch.from_pydict(arrays | {"row_number": pa.array(range(2, len(rows) + 2), pa.int64())})


def taken_apart(given: pa.RecordBatch) -> Any:
    def no_row(*_: object) -> Any:
        raise AssertionError("a plain row is not made by itself")

    return by_load(given, FIELD_OF, no_row)


def test_plain_rows_are_columns_and_never_rows() -> None:
    ((load_id, rows),) = taken_apart(batch((ORDER, SIZES), (ORDER[:2], []), (ORDER, SIZES[:1])))
    assert load_id == LOAD
    assert not rows.odd
    assert {name: values.each(lambda value: value) for name, values in rows.found.items()} == {
        "order_number": ["A1"] * 3, "customer": ["BRAND A"] * 3, "customer_po": [4500, None, 4500],
        "notes": [Decimal("1.5"), None, Decimal("1.5")],
    }  # fmt: skip
    assert rows.extra.to_pylist() == ['[["PLANNER","P"]]', "[]", '[["PLANNER","P"]]']
    assert rows.size_qty.to_pylist() == [17, 0, 5]
    assert rows.cells.rows.to_pylist() == [0, 0, 2]
    assert rows.cells.headers.each(str) == ["S", "M", "S"]
    assert rows.cells.quantities.to_pylist() == [5, 12, 5]


@pytest.mark.parametrize(
    ("cells", "sizes"),
    [
        (ORDER[1:3], SIZES),
        ([["AAG ORDER NUMBER", "TOTAL"], *ORDER[1:3]], SIZES),
        ([*ORDER[:1], ["CUSTOMER NAME", "TBC"]], SIZES),
        (ORDER[:1], SIZES),
        (ORDER, [["S", 0]]),
        (ORDER, [["S", "5"]]),
        (ORDER, [["S", 5.5]]),
        (ORDER, [["S", None], ["M", 3]]),
    ],
    ids=["no key", "total", "customer unknown", "no customer", "zero", "text", "fraction", "empty"],
)
def test_a_row_that_is_not_plain_is_looked_at_by_itself(cells: Any, sizes: Any) -> None:
    ((_, rows),) = taken_apart(batch((ORDER, SIZES), (cells, sizes), (ORDER, SIZES)))
    assert rows.odd == {1}
    assert rows.cells.rows.to_pylist() == [0, 0, 2, 2]


def test_each_load_has_its_own_rows() -> None:
    parts = list(
        taken_apart(batch((ORDER, []), (ORDER, SIZES), (ORDER, SIZES[1:]), loads=[LOAD, NEXT_LOAD, NEXT_LOAD]))
    )
    assert [load_id for load_id, _ in parts] == [LOAD, NEXT_LOAD]
    assert [rows.size_qty.to_pylist() for _, rows in parts] == [[0], [17, 12]]
    assert [rows.cells.rows.to_pylist() for _, rows in parts] == [[], [0, 0, 1]]


@pytest.mark.parametrize(
    "text",
    [
        json_text([["A", "x],[y"], ["B", 1]]), json_text([["A", '"],["']]), '[["A", 1], ["B", 2]]', '[["A",1],["B"]]',
        '[["A",[[1],[2]]]]', "[[]]", "[[1,2]]", '{"A":1}', "", '[["A",1]', '[["A",1e999999999999999999999]]',
    ],
)  # fmt: skip
def test_what_the_tap_does_not_write_so_is_left_to_the_records(text: str) -> None:
    assert Cells.split(pa.array([json_text(ORDER), text])) is None
    assert taken_apart(batch((text, SIZES))) is None
    assert taken_apart(batch((ORDER, text))) is None


@given(
    rows=st.lists(
        st.lists(st.tuples(st.text(), st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text()), max_size=4)
    )
)
def test_rows_taken_apart_are_the_rows_as_written_or_none_at_all(rows: Any) -> None:
    cells = Cells.split(pa.array(map(json_text, rows), pa.string()))
    if cells is None:
        assert any("],[" in str(part) for row in rows for cell in row for part in cell)
    else:
        assert [cells.of_row(place) for place in range(len(rows))] == rows


@given(parts=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=5), max_size=5))
def test_many_ids_are_counted_as_each_in_turn(parts: list[list[str]]) -> None:
    one_by_one, together = LoadBook(LOAD, "shipped"), LoadBook(LOAD, "shipped")
    for ids in parts:
        expected = [one_by_one.occurrence(one) for one in ids]
        counted = dict(together.occurrences(ids))
        assert [counted.get(place, 0) for place in range(len(ids))] == expected
