"""Rows of workbooks that are set aside whole: subtotals, empty rows, texts longer than their column."""

from __future__ import annotations

from typing import Any

import pytest

ORDER = {
    "AAG ORDER NUMBER": "A-1001",
    "CUSTOMER NAME": "Brand A (US)",
    "PO NUMBER": 4500012345,
    "CUSTOMER STYLE": "st 1",
    "CUSTOMER COLOUR DESCRIPTION": "Navy",
}
STREAM = "order_list_rows"
LINES = "stg_orders_sharepoint"


@pytest.mark.parametrize(
    "cells",
    [
        {"CUSTOMER NAME": "TOTAL"},
        {"CUSTOMER NAME": "BRAND A Total"},
        {"CUSTOMER NAME": "BRAND A", "STYLE DESCRIPTION": "Grand Total"},
        {"STYLE DESCRIPTION": "sub-total SS26"},
        {"NOTES": "Subtotal:"},
        {"SOMETHING ELSE": "TOTAL BRAND A"},
        {"AAG ORDER NUMBER": "TOTAL"},
        {"CUSTOMER STYLE": "ST1 Total", "PO NUMBER": "-"},
        {"PO NUMBER": "TOTAL QTY:", "CUSTOMER NAME": "BRAND A"},
    ],
)
def test_a_subtotal_row_is_excluded_with_its_cells(one: Any, cells: dict[str, str]) -> None:
    order, lines, quarantine, counted = one(cells | {"TOTAL QTY": 30}, {"S": 10, "M": 20, "L": "x"})
    assert (order, lines, quarantine) == (None, [], [])
    assert counted[STREAM, "excluded", "subtotal"] == (1, 3, 30)
    assert counted["order_list", "staged", ""] == (0, 0, 0)


@pytest.mark.parametrize(
    "cells",
    [
        {"CUSTOMER COLOUR DESCRIPTION": "TOTAL ECLIPSE"},
        {"CUSTOMER STYLE": "TOTALLY 1", "NOTES": "TOTAL"},
        {"PO NUMBER": "1", "NOTES": "TOTAL LOOK"},
        {"NOTES": "totally new"},
    ],
)
def test_an_order_that_only_mentions_a_total_is_staged(one: Any, cells: dict[str, str]) -> None:
    order, lines, _, _ = one({"CUSTOMER NAME": "BRAND A"} | cells, {"S": 10})
    assert order is not None
    assert len(lines) == 1


@pytest.mark.parametrize("sizes", [{}, {"S": 0}, {"S": "-", "M": "x"}])
def test_a_row_that_says_nothing_is_excluded_as_empty(one: Any, sizes: dict[str, Any]) -> None:
    order, lines, quarantine, counted = one(
        {"CUSTOMER NAME": "BRAND A", "PO NUMBER": "TBC", "PLANNER": "x", "UNIT OF MEASURE": "PCS"}, sizes
    )
    assert (order, lines, quarantine) == (None, [], [])
    assert counted[STREAM, "excluded", "empty_row"] == (1, len(sizes), 0)


@pytest.mark.parametrize("header", ["AAG ORDER NUMBER", "CUSTOMER ALT PO", "PATTERN ID", "ALIAS/RELATED ITEM"])
def test_a_row_with_one_name_of_an_order_is_not_empty(one: Any, header: str) -> None:
    order, _, _, _ = one({"CUSTOMER NAME": "BRAND A", header: "X1"})
    assert order is not None


@pytest.mark.parametrize("qty", [4, -4])
def test_a_nameless_row_with_a_quantity_is_not_empty(one: Any, qty: int) -> None:
    order, lines, quarantine, _ = one({"CUSTOMER NAME": "BRAND A"}, {"S": qty})
    assert order is not None
    assert len(lines) + len(quarantine) == 1


@pytest.mark.parametrize(
    ("cells", "sizes", "field", "limit"),
    [
        ({"AAG ORDER NUMBER": "x" * 401}, {}, "order_number", 400),
        ({"CUSTOMER NAME": "x" * 201}, {}, "customer", 200),
        ({"CUSTOMER STYLE": "x" * 201}, {"S": 1}, "style", 200),
        ({"CATEGORY": "👕" * 201}, {"S": 1}, "category", 400),
        ({}, {"x" * 201: 1}, "size", 200),
    ],
)
def test_a_text_over_its_limit_quarantines_the_row_naming_field_and_limit(
    one: Any, cells: dict[str, str], sizes: dict[str, int], field: str, limit: int
) -> None:
    order, lines, quarantine, counted = one(ORDER | cells, {"M": 4} | sizes)
    assert (order, lines) == (None, [])
    assert [(q["reason_code"], q["field"]) for q in quarantine] == [("too_long", field)]
    assert field in quarantine[0]["reason"]
    assert str(limit) in quarantine[0]["reason"]
    assert quarantine[0]["value"] in [*cells.values(), *sizes]
    assert counted[STREAM, "quarantined", "too_long"] == (1, 1 + len(sizes), 4 + len(sizes))


def test_a_text_at_its_limit_is_staged(one: Any) -> None:
    order, lines, _, _ = one(ORDER | {"AAG ORDER NUMBER": "x" * 400, "CUSTOMER STYLE": "y" * 200}, {"S": 1})
    assert order is not None
    assert len(lines) == 1


def test_notes_may_be_of_any_length(one: Any) -> None:
    order, _, _, _ = one(ORDER | {"NOTES": "x" * 5000}, {"S": 1})
    assert len(order["notes"]) == 5000


def test_the_rows_ids_are_not_used_up_by_a_row_that_does_not_fit(read_sheet: Any, sheet_row: Any, records: Any) -> None:
    fits = sheet_row(ORDER, {"S": 1}, row=2)
    unfit = sheet_row(ORDER | {"CATEGORY": "x" * 401}, {"S": 1}, row=3)
    alone = records(read_sheet(fits), LINES)
    after = records(read_sheet(unfit, fits), LINES)
    assert [line["order_line_id"] for line in alone] == [line["order_line_id"] for line in after]
