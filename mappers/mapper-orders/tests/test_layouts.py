"""The 14 header rows of real order lists, cell for cell, with the hazards that were seen in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mapper_orders.counts import Books

LAYOUTS = json.loads((Path(__file__).parent / "data" / "order_list_layouts.json").read_text(encoding="utf-8"))
MAPPED = {
    "AAG ORDER NUMBER": ("order_number", "A-1001"),
    "CUSTOMER NAME": ("customer_source", "BRAND A"),
    "PO NUMBER": ("customer_po", "4500012345"),
    "CUSTOMER ALT PO": ("customer_alt_po", "ALT 1"),
    "CUSTOMER STYLE": ("style", "ST-1"),
    "STYLE DESCRIPTION": ("style_description", "A shirt"),
    "PATTERN ID": ("pattern_id", "P-1"),
    "ALIAS/RELATED ITEM": ("alias_item", "AL-1"),
    "CUSTOMER COLOUR DESCRIPTION": ("color", "NAVY"),
    "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": ("color_code", "05"),
    "UNIT OF MEASURE": ("uom", "PCS"),
    "ORDER DATE PO RECEIVED": ("ordered_on", "2026-01-02"),
    "EX FACTORY DATE": ("ex_factory_on", "2026-03-04"),
    "ETA CUSTOMER WAREHOUSE DATE": ("eta_on", "2026-04-05"),
    "PLANNED DELIVERY METHOD": ("delivery_method", "SEA"),
    "ORDER TYPE": ("order_type", "RECEIVED"),
    "AAG SEASON": ("season", "SS26"),
    "CUSTOMER SEASON": ("customer_season", "SPRING"),
    "DROP": ("drop", "1"),
    "CATEGORY": ("category", "TOPS"),
    "DESTINATION": ("destination", "UK"),
    "DESTINATION WAREHOUSE": ("destination_warehouse", "NORTH"),
    "ALLOCATION (CHANNEL)": ("channel", "WEB"),
    "NOTES": ("notes", "none yet"),
}
MESSY = [" {}", "{}  ", "{}\n"]
"""How a header comes out of a sheet: with blanks and line breaks at its ends."""


def split(columns: list[str]) -> tuple[list[str], list[str]]:
    """A layout's columns outside and inside the size run."""
    first, last = columns.index("UNIT OF MEASURE"), columns.index("TOTAL QTY")
    return [*columns[: first + 1], *columns[last:]], columns[first + 1 : last]


def filled(columns: list[str]) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """A row of a layout with a value in every cell; each size has its own quantity."""
    others, sizes = split(columns)
    quantities = [(size, number) for number, size in enumerate(sizes, 1)]
    values = {"TOTAL QTY": sum(qty for _, qty in quantities), "CUSTOMER PRICE": 12.5, "FINAL FOB (USD)": "$4.25"}
    cells = [(name, MAPPED[name][1] if name in MAPPED else values.get(name, f"value of {name}")) for name in others]
    return cells, quantities


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout["layout"])
def columns(request: pytest.FixtureRequest) -> list[str]:
    return request.param["columns"]


@pytest.fixture
def stage(streams: Any, sheet_row: Any) -> Any:
    def _stage(cells: Any, sizes: Any) -> dict[str, list[dict[str, Any]]]:
        outputs: dict[str, list[dict[str, Any]]] = {"stg_orders_sharepoint": [], "stg_quarantine_sharepoint": []}
        books: Books = {}
        for stream, record in streams["order_list_rows"].outputs(sheet_row(cells, sizes), books):
            outputs.setdefault(stream, []).append(record)
        return outputs

    return _stage


def test_every_cell_of_a_layout_arrives(stage: Any, columns: list[str], rules: Any) -> None:
    cells, sizes = filled(columns)
    outputs = stage(cells, sizes)
    (order,) = outputs["order_list"]
    present = {field: value for name, (field, value) in MAPPED.items() if name in columns}
    assert present.items() <= order.items()
    assert order["findings"] is None
    assert order["size_qty"] == order["total_qty"] == sum(qty for _, qty in sizes)
    unmapped = [[name, value] for name, value in cells if name.upper() not in rules.order_list_columns.by_header]
    assert json.loads(order["extra"]) == unmapped
    assert len(unmapped) + len(present) + len({"TOTAL QTY", "CUSTOMER PRICE", "FINAL FOB (USD)"} & set(columns)) == len(
        cells
    )
    lines = outputs["stg_orders_sharepoint"]
    by_size: dict[str | None, int] = {}
    for size, qty in sizes:
        canonical = rules.canonical_size(size, "BRAND A")
        by_size[canonical] = by_size.get(canonical, 0) + qty
    assert {line["size"]: line["ordered_qty"] for line in lines} == by_size
    assert len(lines) == len(by_size)
    assert outputs["stg_quarantine_sharepoint"] == []


@pytest.mark.parametrize("mess", MESSY)
def test_messy_headers_of_a_layout_change_nothing_but_the_headers(stage: Any, columns: list[str], mess: str) -> None:
    cells, sizes = filled(columns)
    clean, messy = stage(cells, sizes), stage([(mess.format(name.lower()), value) for name, value in cells], sizes)
    kept = [{k: v for k, v in out["order_list"][0].items() if k != "extra"} for out in (clean, messy)]
    assert kept[0] == kept[1]
    assert clean["stg_orders_sharepoint"] == messy["stg_orders_sharepoint"]


@pytest.mark.parametrize(
    ("value", "qty"),
    [
        ("12 ", 12),
        ("1,200", 1200),
        ("12 pcs", 12),
        (28.0, 28),
        ("-", None),
        ("TBC", None),
        ("#N/A", None),
        (0, None),
        (-5, None),
        (2.5, None),
        ("#REF!", None),
    ],
)
def test_a_hazard_in_any_size_of_a_layout_touches_that_size_alone(
    stage: Any, columns: list[str], value: Any, qty: int | None
) -> None:
    cells, sizes = filled(columns)
    before = {line["size_source"]: line["ordered_qty"] for line in stage(cells, sizes)["stg_orders_sharepoint"]}
    for position in (0, len(sizes) // 2, len(sizes) - 1):
        size = sizes[position][0]
        changed = [*sizes[:position], (size, value), *sizes[position + 1 :]]
        outputs = stage(cells, changed)
        after = {line["size_source"]: line["ordered_qty"] for line in outputs["stg_orders_sharepoint"]}
        expected = {key: pieces for key, pieces in before.items() if key != size} | ({size: qty} if qty else {})
        assert after == expected
        bad = value in (-5, 2.5, "#REF!")
        assert [q["place"] for q in outputs["stg_quarantine_sharepoint"]] == (
            [f"brands/BRAND A.xlsx!MASTER!row 2!{size}"] if bad else []
        )


def test_every_header_of_a_layout_twice_keeps_all_cells(stage: Any, columns: list[str]) -> None:
    cells, sizes = filled(columns)
    outputs = stage([*cells, *[(name, "again") for name, _ in cells]], [*sizes, *sizes])
    (order,) = outputs["order_list"]
    kept = json.loads(order["extra"])
    assert sum(value == "again" for _, value in kept) == len(cells)
    found = set(json.loads(order["findings"]))
    assert {
        f"duplicate_header:{field}"
        for name, (field, _) in MAPPED.items()
        if name in columns
        if field != "customer_source"
    } <= found
    assert "duplicate_header:customer" in found
    assert "total_qty_mismatch" in found
    assert {line["ordered_qty"] % 2 for line in outputs["stg_orders_sharepoint"]} == {0}
    assert sum(line["ordered_qty"] for line in outputs["stg_orders_sharepoint"]) == 2 * sum(qty for _, qty in sizes)
