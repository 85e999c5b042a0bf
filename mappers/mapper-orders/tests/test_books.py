"""The books of a load: whatever a sheet holds, what came in is what went on, was excluded or quarantined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.counts import Books
from mapper_orders.reading import read_quantity

LOAD = "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa"

quantities = st.one_of(
    st.integers(-50, 500),
    st.integers(2**31 - 3, 2**31 + 3),
    st.floats(-10, 10).map(lambda number: round(number, 2)),
    st.booleans(),
    st.sampled_from(
        ["12 ", "1,200", "1.200", "12 pcs", "-", "TBC", "N/A", "#N/A", "#REF!", " ", "x", "-4", "2.5", "0"]
    ),
)
names = st.sampled_from(["A", "B", "-", "TBC", "TOTAL", "x" * 401, "🙂" * 201])
cells = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "AAG ORDER NUMBER",
                "CUSTOMER NAME",
                "customer name ",
                "PO NUMBER",
                "CUSTOMER STYLE",
                "CUSTOMER COLOUR DESCRIPTION",
                "TOTAL QTY",
                "NOTES",
                "PLANNER",
            ]
        ),
        st.one_of(names, quantities),
    ),
    max_size=8,
)
sizes = st.lists(st.tuples(st.sampled_from(["S", "s", "M", "OS", "ONE SIZE", "-", "z" * 201]), quantities), max_size=6)
rows = st.lists(st.tuples(cells, sizes, st.sampled_from([None, "BRAND B", "-"])), max_size=6)

Counts = dict[tuple[str, str, str], tuple[int, int, int]]


def booked(books: Books) -> Counts:
    counts = books[LOAD].records()
    return {(c["table"], c["measure"], c["reason"]): (c["rows"], c["cells"], c["qty"]) for c in counts}


def total(counts: Counts, measure: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, kind, _), (row_count, cell_count, qty) in counts.items():
        if kind == measure:
            found.update({"rows": row_count, "cells": cell_count, "qty": qty})
    return found


def assert_balanced(counts: Counts) -> None:
    staged, excluded, quarantined = (total(counts, measure) for measure in ("staged", "excluded", "quarantined"))
    assert total(counts, "received")["cells"] == staged["cells"] + excluded["cells"] + quarantined["cells"]
    assert total(counts, "read")["qty"] == staged["qty"] + excluded["qty"] + quarantined["qty"]


def assert_counts_match(counts: Counts, outputs: Iterable[tuple[str, dict[str, Any]]], quantity: str) -> None:
    """What is booked as staged and quarantined is what was sent."""
    sent: dict[tuple[str, str], list[int]] = {}
    for stream, record in outputs:
        key = ("quarantined", record["reason_code"]) if "reason_code" in record else ("staged", stream)
        count = sent.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += record["qty"] if "reason_code" in record else record.get(quantity, 0)
    for (kind, name), (row_count, qty) in sent.items():
        key = (name, kind, "") if kind == "staged" else (next(iter(counts))[0], kind, name)
        booked_rows, _, booked_qty = next(
            v for k, v in counts.items() if k[1:] == key[1:] and (kind != "staged" or k == key)
        )
        assert (booked_rows, booked_qty) == (row_count, qty)
    booked_rows = sum(v[0] for k, v in counts.items() if k[1] in ("staged", "quarantined"))
    assert booked_rows == sum(count[0] for count in sent.values())


@given(rows)
def test_the_books_of_a_workbook_balance_whatever_its_cells_hold(
    streams: Any, sheet_row: Any, made: list[tuple[Any, Any, Any]]
) -> None:
    books: Books = {}
    outputs = []
    for number, (row_cells, row_sizes, sheet_customer) in enumerate(made, 2):
        row = sheet_row(row_cells, row_sizes, row=number, sheet_customer=sheet_customer)
        outputs += streams["order_list_rows"].outputs(row, books)
    if not made:
        assert books == {}
        return
    counts = booked(books)
    assert_balanced(counts)
    assert_counts_match(counts, outputs, "ordered_qty")
    size_cells = [value for _, row_sizes, _ in made for _, value in row_sizes]
    numbers = [Decimal(str(v)) for v in size_cells if isinstance(v, int | float) and not isinstance(v, bool)]
    assert counts["order_list_rows", "received", ""] == (len(made), len(size_cells), round(sum(numbers)))
    readable = [qty for qty, verdict in map(read_quantity, map(as_decoded, size_cells)) if not verdict]
    assert total(counts, "read")["cells"] == len(readable)
    assert total(counts, "read")["qty"] == sum(readable)
    ids = [record["quarantine_id"] for _, record in outputs if "quarantine_id" in record]
    ids += [record["order_line_id"] for _, record in outputs if "order_line_id" in record]
    assert len(ids) == len(set(ids))


def as_decoded(value: object) -> object:
    """A value as the JSON reader gives it."""
    return Decimal(str(value)) if isinstance(value, float) else value


view_rows = st.lists(
    st.dictionaries(
        st.sampled_from(["Customer", "Customer_PO", "Style", "S", "M", "XXL", "OS", "TOTAL QTY"]),
        st.one_of(names, quantities.map(as_decoded)),
    ),
    min_size=1,
    max_size=6,
)


@given(view_rows)
def test_the_books_of_the_wide_view_balance_whatever_its_columns_hold(
    streams: Any, view_row: Any, view_properties: Any, made: list[dict[str, Any]]
) -> None:
    books: Books = {}
    streams["master_order_list"].announce(view_properties("master_order_list"))
    outputs = []
    for number, columns in enumerate(made, 1):
        outputs += streams["master_order_list"].outputs(view_row("master_order_list", columns, row=number), books)
    assert_balanced(booked(books))
    assert_counts_match(booked(books), outputs, "ordered_qty")


@given(
    st.sampled_from(["packed_products", "shipped"]),
    st.lists(st.tuples(st.one_of(st.none(), names), st.one_of(st.none(), quantities.map(as_decoded))), min_size=1),
)
def test_the_books_of_cartons_balance_whatever_their_columns_hold(
    streams: Any, view_row: Any, view_properties: Any, stream: str, made: list[tuple[Any, Any]]
) -> None:
    books: Books = {}
    streams[stream].announce(view_properties(stream))
    outputs = []
    for number, (customer, qty) in enumerate(made, 1):
        columns = {"Customer": customer, "Qty": qty}
        outputs += streams[stream].outputs(view_row(stream, columns, row=number), books)
    counts = booked(books)
    assert_balanced(counts)
    assert_counts_match(counts, outputs, "qty")
    rows_out = sum(v[0] for k, v in counts.items() if k[1] in ("staged", "excluded", "quarantined"))
    assert rows_out == len(made) == counts[stream, "received", ""][1]


def test_a_workbooks_counts_are_one_record_a_table_measure_and_reason(
    read_sheet: Any, sheet_row: Any, counts: Any
) -> None:
    order = {"AAG ORDER NUMBER": "A1", "CUSTOMER NAME": "BRAND A", "PO NUMBER": 1, "CUSTOMER STYLE": "S1"}
    messages = read_sheet(
        sheet_row(order | {"TOTAL QTY": 99}, {"S": 5, "M": "1,200", "L": 0, "XL": "-"}, row=2),
        sheet_row(order, {"S": -2, "M": 2.5, "L": "x"}, row=3),
        sheet_row({"NOTES": "TOTAL"}, {"S": 3, "M": "y"}, row=4),
        sheet_row({"PLANNER": "x"}, {"S": 0}, row=5),
        sheet_row({"PO NUMBER": 7}, {"S": 6, "M": "z"}, row=6),
    )
    assert counts(messages) == {
        ("order_list", "staged", ""): (2, 0, 0),
        # numbers only: 5 + 0 - 2 + 2.5 + 3 + 0 + 6 = 14.5, to the even whole
        ("order_list_rows", "received", ""): (5, 12, 14),
        ("order_list_rows", "read", ""): (5, 7, 1212),
        ("order_list_rows", "excluded", "blank"): (0, 1, 0),
        ("order_list_rows", "excluded", "empty_row"): (1, 1, 0),
        ("order_list_rows", "excluded", "subtotal"): (1, 2, 3),
        ("order_list_rows", "excluded", "zero"): (0, 1, 0),
        ("order_list_rows", "finding", "total_qty_mismatch"): (1, 0, 0),
        ("order_list_rows", "quarantined", "customer_unknown"): (1, 2, 6),
        ("order_list_rows", "quarantined", "fractional_quantity"): (1, 1, 0),
        ("order_list_rows", "quarantined", "negative_quantity"): (1, 1, -2),
        ("order_list_rows", "quarantined", "unreadable_quantity"): (1, 1, 0),
        ("stg_orders_sharepoint", "staged", ""): (2, 2, 1205),
    }


@pytest.mark.parametrize(
    ("stream", "tables"),
    [
        ("order_list_rows", ["order_list", "stg_orders_sharepoint"]),
        ("master_order_list", ["order_list", "stg_orders_wms"]),
        ("packed_products", ["stg_packed"]),
        ("shipped", ["stg_shipped"]),
    ],
)
def test_a_load_without_rows_is_counted_as_nothing_received_and_nothing_staged(  # noqa: PLR0917  (fixtures)
    run: Any, schema_message: Any, record_message: Any, load: Any, counts: Any, stream: str, tables: list[str]
) -> None:
    counted = counts(run(schema_message("loads"), record_message("loads", load(stream))))
    assert counted == {(stream, "received", ""): (0, 0, 0)} | {(table, "staged", ""): (0, 0, 0) for table in tables}


def test_a_listing_and_a_load_of_an_unknown_stream_only_pass_through(
    run: Any, schema_message: Any, record_message: Any, load: Any
) -> None:
    listing = load("source_files", kind="listing", unit_id="order_lists", connection=None, rows=46)
    other = load("order_hdr", load="e" * 32)
    messages = run(schema_message("loads"), record_message("loads", listing), record_message("loads", other))
    assert [m["record"]["stream"] for m in messages if m["type"] == "RECORD"] == ["source_files", "order_hdr"]
    assert {m["stream"] for m in messages if m["type"] == "RECORD"} == {"loads"}


def test_loads_that_run_at_once_are_booked_apart_and_forgotten_when_they_end(
    run: Any, schema_message: Any, record_message: Any, load: Any, sheet_row: Any
) -> None:
    order = {"PO NUMBER": 1, "CUSTOMER NAME": "BRAND A"}
    first, second = "a" * 32, "b" * 32
    messages = run(
        schema_message("order_list_rows"),
        schema_message("loads"),
        record_message("order_list_rows", sheet_row(order, {"S": 1}, load=first)),
        record_message("order_list_rows", sheet_row(order, {"S": 20}, load=second)),
        record_message("order_list_rows", sheet_row(order, {"S": 3}, load=first, row=3)),
        record_message("loads", load("order_list_rows", load=first)),
        record_message("loads", load("order_list_rows", load=second)),
        record_message("loads", load("order_list_rows", load=first)),
    )
    staged = [
        (m["record"]["load_id"], m["record"]["rows"], m["record"]["qty"])
        for m in messages
        if m["type"] == "RECORD" and m["stream"] == "load_counts" and m["record"]["table"] == "stg_orders_sharepoint"
    ]
    assert staged == [(first, 2, 4), (second, 1, 20), (first, 0, 0)]


def test_the_counts_of_a_load_come_just_before_its_loads_record(read_sheet: Any, sheet_row: Any) -> None:
    messages = read_sheet(sheet_row({"PO NUMBER": 1, "CUSTOMER NAME": "BRAND A"}, {"S": 1}))
    assert [m["stream"] for m in messages if m["type"] == "RECORD"] == [
        "order_list",
        "stg_orders_sharepoint",
        *["load_counts"] * 4,
        "loads",
    ]
