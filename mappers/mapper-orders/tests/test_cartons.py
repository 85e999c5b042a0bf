"""Packed and shipped cartons."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mapper_orders.errors import ContractError
from order_rules import ids

QUARANTINE = "stg_quarantine_wms"
PACKED = {
    "Customer": "Brand A (US)",
    "Customer_PO": " 4500012345",
    "Season": "SS26",
    "cartonid": "C1",
    "Pack_Date": "2026-03-04T10:11:12",
    "Shipping_Method": "Sea",
    "shippingCountry": "UK",
    "Style": "st1",
    "Color": "Navy",
    "Size": "OS",
    "SKUBarcode": 4006381333931,
    "Stock_Age": 3,
    "Qty": 12,
}
SHIPPED = {
    "Customer": "Brand A (US)",
    "CartonID": "C1",
    "Customer_PO": "4500012345",
    "Season": "SS26",
    "Shipped_Date": "2026-03-05",
    "Style": "st1",
    "Color": "Navy",
    "Size": "2XL",
    "SKUBarcode": "4006381333931",
    "Shipping_Method": "Sea",
    "shippingCountry": "UK",
    "Qty": 12,
}
ROWS = {"packed_products": PACKED, "shipped": SHIPPED}
TABLES = {"packed_products": "stg_packed", "shipped": "stg_shipped"}
VIEWS = pytest.mark.parametrize("stream", ["packed_products", "shipped"])


def test_a_packed_row_is_staged(read_view: Any, view_row: Any, records: Any, rules: Any, counts: Any) -> None:
    messages = read_view("packed_products", view_row("packed_products", PACKED, row=9, occurrence=1))
    assert records(messages, "stg_packed") == [
        {
            "load_id": "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa",
            "unit_id": "distribution:packed_products",
            "source": "distribution.packed_products",
            "sheet": None,
            "row_number": None,
            "rules_version": rules.version,
            "row_id": ids.carton_row_id(
                connection="distribution", stream="packed_products", row_hash=f"{9:032x}", occurrence=1
            ),
            "connection": "distribution",
            "customer": "BRAND A",
            "customer_source": "Brand A (US)",
            "customer_po": "4500012345",
            "customer_po_source": "4500012345",
            "style": "ST1",
            "style_source": "st1",
            "color": "NAVY",
            "color_source": "Navy",
            "size": "ONE SIZE",
            "size_source": "OS",
            "carton_id": "C1",
            "sku": "4006381333931",
            "qty": 12,
            "season": "SS26",
            "shipping_method": "Sea",
            "country": "UK",
            "packed_on": "2026-03-04",
        }
    ]
    assert counts(messages) == {
        ("packed_products", "received", ""): (1, 1, 12),
        ("packed_products", "read", ""): (1, 1, 12),
        ("stg_packed", "staged", ""): (1, 1, 12),
    }


def test_a_shipped_row_is_staged(read_view: Any, view_row: Any, records: Any) -> None:
    (row,) = records(read_view("shipped", view_row("shipped", SHIPPED)), "stg_shipped")
    assert (row["shipped_on"], row["size"], row["carton_id"], row["qty"]) == ("2026-03-05", "2XL", "C1", 12)
    assert "packed_on" not in row


@VIEWS
def test_a_name_of_one_source_alone_is_known_there(read_view: Any, view_row: Any, records: Any, stream: str) -> None:
    (row,) = records(read_view(stream, view_row(stream, ROWS[stream] | {"Customer": "web store 7"})), TABLES[stream])
    assert (row["customer"], row["customer_source"]) == ("BRAND A", "web store 7")


@VIEWS
def test_a_customers_own_sizes_count_in_the_warehouse_too(
    read_view: Any, view_row: Any, records: Any, stream: str
) -> None:
    row = view_row(stream, ROWS[stream] | {"Customer": "BRAND B", "Size": "2XL"})
    (staged,) = records(read_view(stream, row), TABLES[stream])
    assert (staged["size"], staged["size_source"]) == ("XXL", "2XL")


@VIEWS
@pytest.mark.parametrize(("value", "qty"), [("12 ", 12), (12.0, 12), ("1,200", 1200)])
def test_a_quantity_is_read_like_any_other(  # noqa: PLR0917  (fixtures)
    read_view: Any, view_row: Any, records: Any, stream: str, value: Any, qty: int
) -> None:
    (row,) = records(read_view(stream, view_row(stream, ROWS[stream] | {"Qty": value})), TABLES[stream])
    assert row["qty"] == qty


@VIEWS
def test_an_empty_carton_is_excluded(read_view: Any, view_row: Any, records: Any, counts: Any, stream: str) -> None:
    messages = read_view(stream, view_row(stream, ROWS[stream] | {"Qty": 0, "Customer": None}))
    assert records(messages, TABLES[stream]) == records(messages, QUARANTINE) == []
    assert counts(messages) == {
        (stream, "received", ""): (1, 1, 0),
        (stream, "read", ""): (1, 1, 0),
        (stream, "excluded", "zero"): (1, 1, 0),
        (TABLES[stream], "staged", ""): (0, 0, 0),
    }


@VIEWS
@pytest.mark.parametrize(
    ("change", "code", "field", "qty"),
    [
        ({"Qty": -2}, "negative_quantity", "qty", -2),
        ({"Qty": 1.5}, "fractional_quantity", "qty", 0),
        ({"Qty": "x"}, "unreadable_quantity", "qty", 0),
        ({"Qty": None}, "unreadable_quantity", "qty", 0),
        ({"Qty": "-"}, "unreadable_quantity", "qty", 0),
        ({"Qty": 2147483648}, "quantity_too_large", "qty", 0),
        ({"Customer": None}, "customer_unknown", "customer", 12),
        ({"Customer": "N/A"}, "customer_unknown", "customer", 12),
        ({"Season": "x" * 401}, "too_long", "season", 12),
        ({"Style": "x" * 201}, "too_long", "style", 12),
        ({"Season": "👕" * 201}, "too_long", "season", 12),
    ],
)
def test_a_carton_that_cannot_be_used_is_quarantined_whole(  # noqa: PLR0917  (fixtures)
    read_view: Any,
    view_row: Any,
    records: Any,
    counts: Any,
    stream: str,
    change: dict[str, Any],
    code: str,
    field: str,
    qty: int,
) -> None:
    messages = read_view(stream, view_row(stream, ROWS[stream] | change, row=3))
    assert records(messages, TABLES[stream]) == []
    (bad,) = records(messages, QUARANTINE)
    place = f"distribution.{stream}!{3:032x}"
    assert (bad["reason_code"], bad["field"], bad["place"]) == (code, field, place)
    assert (bad["cells"], bad["qty"], bad["row_number"]) == (1, qty, None)
    assert bad["unit_id"] == f"distribution:{stream}"
    assert bad["quarantine_id"] == ids.quarantine_id(stream=stream, place=place, field=field, reason_code=code)
    kept = json.loads(bad["record"])
    assert kept["carton_id"] == "C1"
    assert ["qty", change.get("Qty", 12)] in kept["cells"]
    assert counts(messages)[stream, "quarantined", code] == (1, 1, qty)


def test_a_missing_quantity_is_said_to_be_missing(read_view: Any, view_row: Any, records: Any) -> None:
    (bad,) = records(read_view("shipped", view_row("shipped", SHIPPED | {"Qty": None})), QUARANTINE)
    assert bad["reason"] == "The quantity is missing. Enter it."
    assert bad["value"] is None


@VIEWS
def test_an_unreadable_date_is_null_and_counted(
    read_view: Any, view_row: Any, records: Any, counts: Any, stream: str
) -> None:
    column, field = {"packed_products": ("Pack_Date", "packed_on"), "shipped": ("Shipped_Date", "shipped_on")}[stream]
    messages = read_view(stream, view_row(stream, ROWS[stream] | {column: "yesterday"}))
    (row,) = records(messages, TABLES[stream])
    assert row[field] is None
    assert counts(messages)[stream, "finding", "unreadable_date"] == (1, 0, 0)


@VIEWS
def test_a_carton_without_a_date_is_staged_without_a_finding(
    read_view: Any, view_row: Any, counts: Any, stream: str
) -> None:
    column = {"packed_products": "Pack_Date", "shipped": "Shipped_Date"}[stream]
    counted = counts(read_view(stream, view_row(stream, ROWS[stream] | {column: None})))
    assert not any(measure == "finding" for _, measure, _ in counted)


@VIEWS
@pytest.mark.parametrize("missing", ["Customer", "Qty"])
def test_a_view_without_customer_or_quantity_is_refused_by_name(
    run: Any, schema_message: Any, view_properties: Any, stream: str, missing: str
) -> None:
    properties = [name for name in view_properties(stream) if name != missing]
    with pytest.raises(ContractError, match=rf"{stream}: no column .*'{missing.lower()}'.*wms_columns\.yml"):
        run(schema_message(stream, properties))
