"""The order list as a wide view: the size run is the columns between two marks, in the view's order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapper_orders.errors import ContractError
from order_rules import ids

STREAM = "master_order_list"
LINES = "stg_orders_wms"
QUARANTINE = "stg_quarantine_wms"
ORDER = {
    "Customer": "Brand A (US)",
    "Customer_PO": "4500012345",
    "Season": "Spring",
    "AAG_Season": "SS26",
    "Style": "st1",
    "Color": "Navy",
    "Category": "TOPS",
    "Pattern_ID": "P1",
    "UNIT OF MEASURE": "PCS",
}


def test_a_view_row_becomes_an_order_list_row_and_one_line_a_size(
    read_view: Any, view_row: Any, records: Any, rules: Any
) -> None:
    messages = read_view(STREAM, view_row(STREAM, ORDER | {"M": 5, "S": 2, "OS": 0, "TOTAL QTY": 8}, row=7))
    (order,) = records(messages, "order_list")
    assert order["sizes"] == '[["S",2],["M",5],["OS",0]]'
    assert order["extra"] == "[]"
    assert json.loads(order["findings"]) == ["total_qty_mismatch"]
    provenance = {
        "load_id": "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa",
        "unit_id": "distribution:master_order_list",
        "source": "distribution.master_order_list",
        "sheet": None,
        "row_number": 7,
        "rules_version": rules.version,
    }
    expected = provenance | {
        "customer": "BRAND A",
        "customer_source": "Brand A (US)",
        "customer_po": "4500012345",
        "style": "st1",
        "season": "SS26",
        "customer_season": "Spring",
        "uom": "PCS",
        "pattern_id": "P1",
        "total_qty": 8,
        "size_qty": 7,
    }
    assert expected.items() <= order.items()
    lines = records(messages, LINES)
    assert [(line["size"], line["ordered_qty"]) for line in lines] == [("S", 2), ("M", 5)]
    assert all(provenance.items() <= line.items() for line in lines)
    assert lines[0]["order_line_id"] == ids.order_line_id(
        source="wms",
        unit_id="distribution:master_order_list",
        sheet=None,
        order_number=None,
        customer_source="Brand A (US)",
        customer_po_source="4500012345",
        style_source="st1",
        color_source="Navy",
        size_source="S",
        drop=None,
        delivery_method=None,
        occurrence=0,
    )


def test_what_the_tap_adds_is_neither_size_nor_extra_and_a_column_of_no_field_is_kept(
    run: Any, schema_message: Any, record_message: Any, records: Any, view_row: Any
) -> None:
    columns = ["Customer", "UNIT OF MEASURE", "load_id", "S", "row_hash", "TOTAL QTY", "Planner", "connection"]
    columns += ["occurrence", "row_number"]
    row = {key: value for key, value in view_row(STREAM, ORDER | {"S": 4}).items() if key in columns}
    row |= {"Planner": "someone", "Undeclared": 9, "Empty": ""}
    messages = run(schema_message(STREAM, columns), record_message(STREAM, row))
    (order,) = records(messages, "order_list")
    assert json.loads(order["sizes"]) == [["S", 4]]
    assert json.loads(order["extra"]) == [["Planner", "someone"], ["Undeclared", 9]]


def test_a_bad_quantity_stands_under_the_rows_hash(read_view: Any, view_row: Any, records: Any, counts: Any) -> None:
    messages = read_view(STREAM, view_row(STREAM, ORDER | {"S": -3, "M": "x", "XXL": 4}, row=255))
    quarantine = records(messages, QUARANTINE)
    place = f"distribution.master_order_list!{255:032x}"
    assert [(q["place"], q["field"], q["reason_code"]) for q in quarantine] == [
        (place, "S", "negative_quantity"),
        (place, "M", "unreadable_quantity"),
    ]
    assert len({q["quarantine_id"] for q in quarantine}) == 2
    assert counts(messages)[LINES, "staged", ""] == (1, 1, 4)


def test_two_equal_rows_of_the_view_have_two_quarantine_entries_and_two_line_ids(
    read_view: Any, view_row: Any, records: Any
) -> None:
    rows = [
        view_row(STREAM, ORDER | {"S": -3, "M": 4}, row=1, row_number=number, occurrence=number - 1)
        for number in (1, 2)
    ]
    messages = read_view(STREAM, *rows)
    assert len({q["quarantine_id"] for q in records(messages, QUARANTINE)}) == 2
    assert len({line["order_line_id"] for line in records(messages, LINES)}) == 2


def test_the_view_has_no_sheet_to_fill_a_blank_customer_from(read_view: Any, view_row: Any, records: Any) -> None:
    messages = read_view(STREAM, view_row(STREAM, ORDER | {"Customer": None, "S": 3}))
    assert records(messages, "order_list") == []
    assert [q["reason_code"] for q in records(messages, QUARANTINE)] == ["customer_unknown"]


def test_null_and_empty_columns_are_no_cells_but_blanks_are(read_view: Any, view_row: Any, counts: Any) -> None:
    counted = counts(read_view(STREAM, view_row(STREAM, ORDER | {"S": None, "M": "", "XXL": " ", "2XL": 0, "OS": 1})))
    assert counted[STREAM, "received", ""] == (1, 3, 1)
    assert counted[STREAM, "excluded", "blank"] == (0, 1, 0)


def test_a_changed_schema_changes_the_size_run_from_there_on(  # noqa: PLR0917  (fixtures)
    run: Any, schema_message: Any, record_message: Any, view_properties: Any, view_row: Any, records: Any
) -> None:
    before = view_properties(STREAM)
    after = [name for name in before if name != "S"]
    after.insert(after.index("TOTAL QTY"), "4XT")
    messages = run(
        schema_message(STREAM, before),
        record_message(STREAM, view_row(STREAM, ORDER | {"S": 1, "M": 2}, row=1)),
        schema_message(STREAM, after),
        record_message(STREAM, view_row(STREAM, ORDER | {"S": 1, "M": 2, "4XT": 3}, row=2)),
    )
    assert [(line["row_number"], line["size"]) for line in records(messages, LINES)] == [
        (1, "S"),
        (1, "M"),
        (2, "M"),
        (2, "4XT"),
    ]
    assert [m["stream"] for m in messages if m["type"] == "SCHEMA"] == ["order_list", LINES, QUARANTINE]


@pytest.mark.parametrize(
    "columns",
    [
        ["Customer", "S", "TOTAL QTY"],
        ["Customer", "UNIT OF MEASURE", "S"],
        ["Customer", "TOTAL QTY", "S", "UNIT OF MEASURE"],
    ],
)
def test_a_view_without_its_marks_is_refused_by_name(run: Any, schema_message: Any, columns: list[str]) -> None:
    with pytest.raises(
        ContractError, match=r"master_order_list: its SCHEMA has no column 'UNIT OF MEASURE' followed by"
    ):
        run(schema_message(STREAM, columns))


def test_a_view_without_a_customer_is_refused_by_name(run: Any, schema_message: Any) -> None:
    with pytest.raises(ContractError, match=r"'customer'.*wms_columns\.yml"):
        run(schema_message(STREAM, ["UNIT OF MEASURE", "S", "TOTAL QTY"]))
