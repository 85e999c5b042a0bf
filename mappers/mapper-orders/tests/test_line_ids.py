"""Ids that stay: no order of rows, no case of headers and no row put in elsewhere renames a line."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.counts import Books
from mapper_orders.reading import read_quantity

SIZES = ["S", "M", "XXL", "2XL", "30x32", "0w", "One_Sz", "3/6 MTHS", "06/XS"]
"""Nine different canonical sizes."""

orders = st.fixed_dictionaries(
    {
        "AAG ORDER NUMBER": st.sampled_from(["A1", "A2"]),
        "CUSTOMER NAME": st.sampled_from(["BRAND A", "Brand A (US)", "Zed"]),
        "PO NUMBER": st.sampled_from([1, 2, "po 3"]),
        "CUSTOMER STYLE": st.sampled_from(["s1", "S1"]),
        "DROP": st.sampled_from(["1", "2"]),
    }
)
size_values = st.dictionaries(st.sampled_from(SIZES), st.sampled_from([0, 1, 7, "12 pcs", "-", -3, "x"]))
sheets = st.lists(st.tuples(orders, size_values), max_size=7)


def melted(streams: Any, sheet_row: Any, sheet: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
    books: Books = {}
    lines: list[dict[str, Any]] = []
    for number, (cells, sizes) in enumerate(sheet, 2):
        outputs = streams["order_list_rows"].outputs(sheet_row(cells, sizes, row=number), books)
        lines += [record for stream, record in outputs if stream == "stg_orders_sharepoint"]
    return lines


def named(lines: list[dict[str, Any]]) -> Counter[str]:
    return Counter(line["order_line_id"] for line in lines)


@given(sheets)
def test_melting_and_pivoting_gives_the_sheet_back(streams: Any, sheet_row: Any, sheet: list[tuple[Any, Any]]) -> None:
    pivot: dict[int, dict[str, int]] = {}
    for line in melted(streams, sheet_row, sheet):
        row = pivot.setdefault(line["row_number"], {})
        assert line["size_source"] not in row
        row[line["size_source"]] = line["ordered_qty"]
    ordered = {
        number: {size: qty for size, value in sizes.items() if (qty := read_quantity(value)[0]) > 0}
        for number, (_, sizes) in enumerate(sheet, 2)
    }
    assert pivot == {number: sizes for number, sizes in ordered.items() if sizes}


@given(sheets, st.randoms(use_true_random=False))
def test_no_order_of_the_rows_changes_the_set_of_ids(
    streams: Any, sheet_row: Any, sheet: list[tuple[Any, Any]], chance: random.Random
) -> None:
    before = named(melted(streams, sheet_row, sheet))
    assert set(before.values()) <= {1}
    shuffled = list(sheet)
    chance.shuffle(shuffled)
    assert named(melted(streams, sheet_row, shuffled)) == before


@given(sheets, st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_no_case_of_the_headers_changes_the_set_of_ids(
    streams: Any, sheet_row: Any, sheet: list[tuple[Any, Any]], case: Any
) -> None:
    retyped = [
        ({case(header): value for header, value in cells.items()}, {case(size): value for size, value in sizes.items()})
        for cells, sizes in sheet
    ]
    assert named(melted(streams, sheet_row, retyped)) == named(melted(streams, sheet_row, sheet))


@given(sheets, st.tuples(orders, size_values), st.integers(0, 7))
def test_a_row_put_in_elsewhere_renames_no_line(
    streams: Any, sheet_row: Any, sheet: list[tuple[Any, Any]], inserted: tuple[Any, Any], position: int
) -> None:
    before = named(melted(streams, sheet_row, sheet))
    longer = [*sheet[:position], inserted, *sheet[position:]]
    after = named(melted(streams, sheet_row, longer))
    assert before <= after
    assert len(after) - len(before) == len(melted(streams, sheet_row, [inserted]))


@given(sheets)
def test_reading_a_sheet_again_gives_the_same_ids_in_the_same_order(
    streams: Any, sheet_row: Any, sheet: list[tuple[Any, Any]]
) -> None:
    first, again = (melted(streams, sheet_row, sheet) for _ in range(2))
    assert [line["order_line_id"] for line in first] == [line["order_line_id"] for line in again]
