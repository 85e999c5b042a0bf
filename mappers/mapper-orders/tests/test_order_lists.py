"""Rows of workbooks, through the whole mapper: what is staged, excluded, quarantined and noticed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from order_rules import ids

ORDER = {
    "AAG ORDER NUMBER": "A-1001",
    "CUSTOMER NAME": "Brand A (US)",
    "PO NUMBER": 4500012345,
    "CUSTOMER STYLE": "st 1",
    "CUSTOMER COLOUR DESCRIPTION": "Navy",
}
STREAM = "order_list_rows"
LINES = "stg_orders_sharepoint"
QUARANTINE = "stg_quarantine_sharepoint"


def findings(order: dict[str, Any]) -> list[str]:
    return json.loads(order["findings"]) if order["findings"] else []


def test_a_row_becomes_one_line_a_size_with_its_canonical_and_its_found_values(one: Any, rules: Any) -> None:
    cells = ORDER | {
        "CUSTOMER ALT PO": " alt  7 ",
        "STYLE DESCRIPTION": "A shirt",
        "PATTERN ID": "p-1",
        "ALIAS/RELATED ITEM": "al 1",
        "CUSTOMER’S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": "05",
        "UNIT OF MEASURE": "PCS",
        "TOTAL QTY": 17,
        "ORDER DATE PO RECEIVED": "2026-01-02",
        "EX FACTORY DATE": "2026-03-04T10:00:00",
        "ETA CUSTOMER WAREHOUSE DATE": 46100,
        "PLANNED DELIVERY METHOD": "Sea",
        "ORDER TYPE": "ACTIVE",
        "AAG SEASON": "SS26",
        "CUSTOMER SEASON": "Spring",
        "DROP": 1,
        "CATEGORY": "Tops",
        "DESTINATION": "UK",
        "DESTINATION WAREHOUSE": "North",
        "ALLOCATION (CHANNEL)": "Web",
        "CUSTOMER PRICE": "$1,012.50",
        "FINAL FOB (USD)": 4.12345,
        "NOTES": "line one\nline two",
        "PLANNER": "someone",
        "∆": 0.5,
    }
    order, lines, quarantine, _ = one(cells, {"S": 5, "OS": "12 pcs"})
    provenance = {
        "load_id": "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa",
        "unit_id": "f00d" * 8,
        "source": "brands/BRAND A.xlsx",
        "sheet": "MASTER",
        "row_number": 2,
        "rules_version": rules.version,
    }
    assert order == provenance | {
        "order_number": "A-1001",
        "customer_source": "Brand A (US)",
        "customer": "BRAND A",
        "customer_po": "4500012345",
        "customer_alt_po": "alt  7",
        "style": "st 1",
        "style_description": "A shirt",
        "pattern_id": "p-1",
        "alias_item": "al 1",
        "color": "Navy",
        "color_code": "05",
        "uom": "PCS",
        "total_qty": 17,
        "size_qty": 17,
        "ordered_on": "2026-01-02",
        "ex_factory_on": "2026-03-04",
        "eta_on": "2026-03-19",
        "delivery_method": "Sea",
        "order_type": "ACTIVE",
        "season": "SS26",
        "customer_season": "Spring",
        "drop": "1",
        "category": "Tops",
        "destination": "UK",
        "destination_warehouse": "North",
        "channel": "Web",
        "customer_price": Decimal("1012.5000"),
        "final_fob_usd": Decimal("4.1235"),
        "notes": "line one\nline two",
        "sizes": '[["S", 5], ["OS", "12 pcs"]]',
        "extra": '[["PLANNER","someone"],["∆",0.5]]',
        "findings": None,
    }
    assert quarantine == []
    assert [(line["size"], line["size_source"], line["ordered_qty"]) for line in lines] == [
        ("S", "S", 5),
        ("ONE SIZE", "OS", 12),
    ]
    common = provenance | {
        "order_number": "A-1001",
        "customer": "BRAND A",
        "customer_source": "Brand A (US)",
        "customer_po": "4500012345",
        "customer_po_source": "4500012345",
        "customer_alt_po": "ALT 7",
        "customer_alt_po_source": "alt  7",
        "style": "ST 1",
        "style_source": "st 1",
        "pattern_id": "P-1",
        "pattern_id_source": "p-1",
        "alias_item": "AL 1",
        "alias_item_source": "al 1",
        "color": "NAVY",
        "color_source": "Navy",
        "color_code": "05",
        "category": "Tops",
        "order_type": "ACTIVE",
        "delivery_method": "Sea",
        "season": "SS26",
        "drop": "1",
        "ordered_on": "2026-01-02",
        "ex_factory_on": "2026-03-04",
        "eta_on": "2026-03-19",
        "customer_price": Decimal("1012.5000"),
        "final_fob_usd": Decimal("4.1235"),
    }
    own = ("order_line_id", "size", "size_source", "ordered_qty")
    assert [{name: value for name, value in line.items() if name not in own} for line in lines] == [common, common]


def test_a_line_id_is_the_hash_of_what_names_the_line(one: Any) -> None:
    _, lines, _, _ = one(ORDER | {"DROP": 1, "PLANNED DELIVERY METHOD": "Sea"}, {"S": 5})
    assert lines[0]["order_line_id"] == ids.order_line_id(
        source="order_list",
        unit_id="f00d" * 8,
        sheet="MASTER",
        order_number="A-1001",
        customer_source="Brand A (US)",
        customer_po_source="4500012345",
        style_source="st 1",
        color_source="Navy",
        size_source="S",
        drop="1",
        delivery_method="Sea",
        occurrence=0,
    )


def test_equal_lines_of_one_load_differ_by_their_occurrence(read_sheet: Any, sheet_row: Any, records: Any) -> None:
    lines = records(read_sheet(*(sheet_row(ORDER, {"S": 5}, row=row) for row in (2, 3, 4))), LINES)
    named = {
        "source": "order_list",
        "unit_id": "f00d" * 8,
        "sheet": "MASTER",
        "order_number": "A-1001",
        "customer_source": "Brand A (US)",
        "customer_po_source": "4500012345",
        "style_source": "st 1",
        "color_source": "Navy",
        "size_source": "S",
        "drop": None,
        "delivery_method": None,
    }
    assert [line["order_line_id"] for line in lines] == [ids.order_line_id(**named, occurrence=n) for n in range(3)]


def test_headers_are_found_in_any_case_with_line_breaks_and_blanks(one: Any) -> None:
    order, _, _, _ = one([(" aag  Order\nNumber ", "A1"), ("customer name", "BRAND A"), ("po number", "1")], {"S": 1})
    assert (order["order_number"], order["customer"], order["customer_po"]) == ("A1", "BRAND A", "1")
    assert order["extra"] == "[]"


def test_a_header_no_one_has_seen_is_still_a_size(one: Any) -> None:
    _, lines, _, _ = one(ORDER, {"LONG TORSO 9": 3, "[AQ]": 2})
    assert [(line["size"], line["ordered_qty"]) for line in lines] == [("LONG TORSO 9", 3), ("[AQ]", 2)]


def test_a_misspelt_header_is_kept_under_its_own_name(one: Any) -> None:
    order, _, _, _ = one([*ORDER.items(), ("COUNTRY OF ORIGN", "PT"), ("[AX]", 7)], {"S": 1})
    assert json.loads(order["extra"]) == [["COUNTRY OF ORIGN", "PT"], ["[AX]", 7]]


def test_a_second_equal_header_goes_to_extra_with_a_finding(one: Any) -> None:
    order, lines, _, counted = one([*ORDER.items(), ("PO NUMBER", "other")], {"S": 1})
    assert lines[0]["customer_po"] == "4500012345"
    assert json.loads(order["extra"]) == [["PO NUMBER", "other"]]
    assert findings(order) == ["duplicate_header:customer_po"]
    assert counted[STREAM, "finding", "duplicate_header"] == (1, 0, 0)


def test_of_two_equal_headers_the_first_that_says_something_wins(one: Any) -> None:
    cells = [("CUSTOMER COLOR DESCRIPTION", "TBC"), *ORDER.items()]
    order, lines, _, _ = one(cells, {"S": 1})
    assert lines[0]["color"] == "NAVY"
    assert json.loads(order["extra"]) == [["CUSTOMER COLOR DESCRIPTION", "TBC"]]
    assert findings(order) == ["duplicate_header:color"]


def test_two_equal_size_headers_are_summed_into_one_line(one: Any) -> None:
    order, lines, _, counted = one(ORDER, [("M", 5), ("L", 1), ("m ", "7")])
    assert [(line["size"], line["size_source"], line["ordered_qty"]) for line in lines] == [
        ("M", "M", 12),
        ("L", "L", 1),
    ]
    assert findings(order) == ["duplicate_size:M"]
    assert counted[LINES, "staged", ""] == (2, 3, 13)
    assert counted[STREAM, "finding", "duplicate_size"] == (1, 0, 0)


def test_two_spellings_of_one_size_are_summed_under_the_first(one: Any) -> None:
    order, lines, _, _ = one(ORDER, {"ONE SIZE": 2, "OS": 3, "30x32": 4, "30/32": 5})
    assert [(line["size"], line["size_source"], line["ordered_qty"]) for line in lines] == [
        ("ONE SIZE", "ONE SIZE", 5),
        ("30X32", "30x32", 9),
    ]
    assert findings(order) == ["duplicate_size:ONE SIZE", "duplicate_size:30X32"]


def test_a_repeated_size_with_one_quantity_is_no_finding(one: Any) -> None:
    order, lines, _, _ = one(ORDER, [("M", 5), ("M", 0), ("M", "-")])
    assert [line["ordered_qty"] for line in lines] == [5]
    assert findings(order) == []


def test_size_headers_that_say_nothing_are_not_one_size(one: Any) -> None:
    _, lines, _, _ = one(ORDER, {"TBC": 2, "N/A": 3})
    assert [(line["size"], line["size_source"], line["ordered_qty"]) for line in lines] == [
        (None, "TBC", 2),
        (None, "N/A", 3),
    ]


def test_xxl_and_2xl_in_one_sheet_are_two_sizes_of_one_customer_and_one_of_another(
    read_sheet: Any, sheet_row: Any, records: Any
) -> None:
    two = ORDER | {"CUSTOMER NAME": "BRAND A"}
    one = ORDER | {"CUSTOMER NAME": "BRAND B"}
    rows = [sheet_row(two, {"XXL": 3, "2XL": 4}, row=2), sheet_row(one, {"2XL": 5}, row=3)]
    lines = records(read_sheet(*rows), LINES)
    assert [(line["customer"], line["size"], line["size_source"], line["ordered_qty"]) for line in lines] == [
        ("BRAND A", "XXL", "XXL", 3),
        ("BRAND A", "2XL", "2XL", 4),
        ("BRAND B", "XXL", "2XL", 5),
    ]


def test_an_unknown_customer_stays_under_its_own_name(one: Any) -> None:
    order, lines, quarantine, _ = one(ORDER | {"CUSTOMER NAME": " brand  zed "}, {"S": 1})
    assert order["customer"] == lines[0]["customer"] == "BRAND ZED"
    assert lines[0]["customer_source"] == "brand  zed"
    assert quarantine == []


def test_a_blank_customer_is_filled_where_the_sheet_has_one_other_name(one: Any) -> None:
    order, lines, quarantine, counted = one(ORDER | {"CUSTOMER NAME": "-"}, {"S": 1}, sheet_customer="Brand A (US)")
    assert (lines[0]["customer"], lines[0]["customer_source"]) == ("BRAND A", "Brand A (US)")
    assert findings(order) == ["customer_filled"]
    assert counted[STREAM, "finding", "customer_filled"] == (1, 0, 0)
    assert quarantine == []


@pytest.mark.parametrize("name", [None, "-", "TBC", "  "])
def test_a_blank_customer_that_nothing_fills_quarantines_the_row(one: Any, name: str | None) -> None:
    cells = {key: value for key, value in ORDER.items() if key != "CUSTOMER NAME"}
    if name is not None:
        cells["CUSTOMER NAME"] = name
    order, lines, quarantine, counted = one(cells, {"S": 5, "M": -2, "L": "x"})
    assert order is None
    assert lines == []
    assert len(quarantine) == 1
    found = quarantine[0]
    assert (found["reason_code"], found["field"]) == ("customer_unknown", "customer")
    assert found["place"] == "brands/BRAND A.xlsx!MASTER!row 2"
    assert (found["cells"], found["qty"]) == (3, 3)
    assert "Enter its name" in found["reason"]
    assert json.loads(found["record"]) == {
        "order_number": "A-1001",
        "customer_po": 4500012345,
        "style": "st 1",
        "color": "Navy",
        "cells": [["S", 5], ["M", -2], ["L", "x"]],
    }
    assert counted[STREAM, "quarantined", "customer_unknown"] == (1, 3, 3)


def test_a_row_without_a_quantity_is_still_an_order_list_row(one: Any) -> None:
    order, lines, quarantine, counted = one(ORDER, {"S": 0, "M": "-"})
    assert order["size_qty"] == 0
    assert (lines, quarantine) == ([], [])
    assert counted["order_list", "staged", ""] == (1, 0, 0)
    assert counted[LINES, "staged", ""] == (0, 0, 0)
    assert counted[STREAM, "excluded", "zero"] == (0, 1, 0)
    assert counted[STREAM, "excluded", "blank"] == (0, 1, 0)


@pytest.mark.parametrize(
    ("value", "code", "qty", "found"),
    [
        (-4, "negative_quantity", -4, "-4"),
        (2.5, "fractional_quantity", 0, "2.5"),
        ("1.200", "unreadable_quantity", 0, "1.200"),
        ("#REF!", "unreadable_quantity", 0, "#REF!"),
        (True, "unreadable_quantity", 0, "TRUE"),
        ("2026-03-04", "unreadable_quantity", 0, "2026-03-04"),
        (2147483648, "quantity_too_large", 0, "2147483648"),
    ],
)
def test_a_quantity_that_cannot_be_used_is_quarantined_with_its_address_and_the_rest_goes_on(
    one: Any, value: Any, code: str, qty: int, found: str
) -> None:
    order, lines, quarantine, counted = one(ORDER, {"S": 5, "30x32": value, "L": 7})
    assert [line["ordered_qty"] for line in lines] == [5, 7]
    assert order["size_qty"] == 12 + qty
    assert len(quarantine) == 1
    bad = quarantine[0]
    place = "brands/BRAND A.xlsx!MASTER!row 2!30x32"
    assert (bad["place"], bad["field"], bad["reason_code"]) == (place, "30x32", code)
    assert (bad["value"], bad["cells"], bad["qty"]) == (found, 1, qty)
    assert bad["quarantine_id"] == ids.quarantine_id(stream=STREAM, place=place, field="30x32", reason_code=code)
    assert bad["stream"] == STREAM
    assert bad["row_number"] == 2
    assert json.loads(bad["record"])["cells"] == [["30x32", value]]
    assert json.loads(bad["record"])["order_number"] == "A-1001"
    assert "Correct it" in bad["reason"] or "Enter" in bad["reason"]
    assert counted[STREAM, "quarantined", code] == (1, 1, qty)


def test_the_same_header_with_the_same_fault_twice_is_two_entries(one: Any) -> None:
    _, _, quarantine, counted = one(ORDER, [("M", -1), ("M", -2), ("M", "x")])
    place = "brands/BRAND A.xlsx!MASTER!row 2!M"
    assert [(q["place"], q["reason_code"]) for q in quarantine] == [
        (place, "negative_quantity"),
        (f"{place}#2", "negative_quantity"),
        (place, "unreadable_quantity"),
    ]
    assert len({q["quarantine_id"] for q in quarantine}) == 3
    assert counted[STREAM, "quarantined", "negative_quantity"] == (2, 2, -3)


def test_an_na_in_a_size_is_blank_and_a_finding(one: Any) -> None:
    order, lines, quarantine, counted = one(ORDER, {"S": "#N/A", "M": 3})
    assert len(lines) == 1
    assert quarantine == []
    assert findings(order) == ["error_cell"]
    assert counted[STREAM, "excluded", "blank"] == (0, 1, 0)
    assert counted[STREAM, "finding", "error_cell"] == (1, 0, 0)


def test_a_size_that_sums_to_more_than_a_column_holds_is_quarantined_and_the_books_keep_it(one: Any) -> None:
    most = 2147483647
    _, lines, quarantine, counted = one(ORDER, [("M", most), ("M", 1), ("L", 2)])
    assert [(line["size"], line["ordered_qty"]) for line in lines] == [("L", 2)]
    assert [(q["reason_code"], q["cells"], q["qty"]) for q in quarantine] == [("quantity_too_large", 2, most + 1)]
    assert json.loads(quarantine[0]["record"])["cells"] == [["M", most], ["M", 1]]
    assert counted[STREAM, "read", ""] == (1, 3, most + 3)
    assert counted[LINES, "staged", ""] == (1, 1, 2)


@pytest.mark.parametrize(
    ("total", "total_qty", "noticed"),
    [
        (12, 12, []),
        ("12 pcs", 12, []),
        ("-", None, []),
        ("#N/A", None, []),
        (13, 13, ["total_qty_mismatch"]),
        (0, 0, ["total_qty_mismatch"]),
        (12.5, None, ["total_qty_unreadable"]),
        ("#REF!", None, ["total_qty_unreadable"]),
        (2147483648, None, ["total_qty_unreadable"]),
    ],
)
def test_a_total_is_compared_with_its_sizes_and_never_corrected(
    one: Any, total: Any, total_qty: int | None, noticed: list[str]
) -> None:
    order, lines, _, _ = one(ORDER | {"TOTAL QTY": total}, {"S": 5, "M": 7, "L": "x"})
    assert order["total_qty"] == total_qty
    assert order["size_qty"] == 12
    assert findings(order) == noticed
    assert sum(line["ordered_qty"] for line in lines) == 12
    kept = [["TOTAL QTY", total]] if noticed == ["total_qty_unreadable"] else []
    assert json.loads(order["extra"]) == kept


def test_the_sum_of_sizes_counts_negative_quantities_too(one: Any) -> None:
    order, _, _, _ = one(ORDER | {"TOTAL QTY": 3}, {"S": 5, "M": -2})
    assert (order["size_qty"], order["total_qty"], findings(order)) == (3, 3, [])


def test_a_row_without_a_total_has_nothing_to_compare(one: Any) -> None:
    order, _, _, _ = one(ORDER, {"S": 5})
    assert (order["total_qty"], findings(order)) == (None, [])


def test_an_unreadable_date_is_kept_aside_with_a_finding(one: Any) -> None:
    order, lines, _, counted = one(
        ORDER | {"EX FACTORY DATE": "04/03/2026", "ORDER DATE PO RECEIVED": "soon"}, {"S": 1}
    )
    assert (order["ex_factory_on"], lines[0]["ex_factory_on"]) == (None, None)
    assert json.loads(order["extra"]) == [["EX FACTORY DATE", "04/03/2026"], ["ORDER DATE PO RECEIVED", "soon"]]
    assert findings(order) == ["unreadable_date:ex_factory_on", "unreadable_date:ordered_on"]
    assert counted[STREAM, "finding", "unreadable_date"] == (1, 0, 0)


def test_an_unreadable_price_is_kept_aside_with_a_finding(one: Any) -> None:
    order, lines, _, counted = one(ORDER | {"CUSTOMER PRICE": "12,50", "FINAL FOB (USD)": "TBC"}, {"S": 1})
    assert (order["customer_price"], lines[0]["customer_price"], order["final_fob_usd"]) == (None, None, None)
    assert json.loads(order["extra"]) == [["CUSTOMER PRICE", "12,50"]]
    assert findings(order) == ["unreadable_money:customer_price"]
    assert counted[STREAM, "finding", "unreadable_money"] == (1, 0, 0)
