"""Everything sent fits both the pydantic row models and the Singer schemas announced for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mapper_orders.validate import Check, clip, text_units
from order_rules.models import STAGING, OrderListRow, Quarantined, StagedOrder, StagedPacked, StagedShipped, columns
from pydantic import ValidationError

MODELS = [OrderListRow, StagedOrder, StagedPacked, StagedShipped, Quarantined]

ODD_ROWS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"CUSTOMER NAME": "BRAND A", "PO NUMBER": 1, "CUSTOMER PRICE": 12.3, "FINAL FOB (USD)": "£0.07"},
        {"S": 1, "M": 2},
    ),
    (
        {"CUSTOMER NAME": "BRAND A", "PO NUMBER": 1, "EX FACTORY DATE": "x", "TOTAL QTY": 7},
        {"S": -1, "M": 2.5, "L": "x"},
    ),
    ({"PO NUMBER": "x" * 500}, {"S": 1}),
    ({"CUSTOMER NAME": "BRAND A", "PO NUMBER": "x" * 500}, {"S": 1}),
    ({"CUSTOMER NAME": "🙂" * 150, "PO NUMBER": "1"}, {"z" * 900: -1}),
    ({"CUSTOMER NAME": "BRAND A", "PO NUMBER": True, "CUSTOMER STYLE": 1e30, "DROP": 0.1}, {"S": 2**31, "M": 2**40}),
]


@pytest.fixture(scope="module")
def sent(read_sheet: Any, read_view: Any, sheet_row: Any, view_row: Any) -> list[dict[str, Any]]:
    """A mapper's whole output for rows of every kind."""
    messages = read_sheet(*(sheet_row(cells, sizes, row=n) for n, (cells, sizes) in enumerate(ODD_ROWS, 2)))
    view = {"Customer": "BRAND A", "Style": "1", "S": 3, "M": -1, "TOTAL QTY": "7.5"}
    messages += read_view("master_order_list", view_row("master_order_list", view))
    for stream in ("packed_products", "shipped"):
        cartons = [{"Customer": "BRAND A", "Qty": 3}, {"Customer": None, "Qty": 3}, {"Customer": "BRAND A", "Qty": "x"}]
        messages += read_view(stream, *(view_row(stream, carton, row=n) for n, carton in enumerate(cartons)))
    return messages


def test_every_record_fits_its_row_model(sent: list[dict[str, Any]]) -> None:
    found = [m for m in sent if m["type"] == "RECORD"]
    assert {m["stream"] for m in found} == set(STAGING) - {"source_files"}
    for message in found:
        STAGING[message["stream"]].model.model_validate(message["record"])


def test_every_record_fits_the_schema_announced_before_it(sent: list[dict[str, Any]]) -> None:
    schemas: dict[str, Draft202012Validator] = {}
    checked = 0
    for message in sent:
        if message["type"] == "SCHEMA":
            schemas[message["stream"]] = Draft202012Validator(
                message["schema"], format_checker=Draft202012Validator.FORMAT_CHECKER
            )
            assert message["key_properties"] == list(STAGING[message["stream"]].key)
        elif message["type"] == "RECORD":
            schemas[message["stream"]].validate(message["record"])
            assert all(message["record"][key] is not None for key in STAGING[message["stream"]].key)
            checked += 1
    assert checked > 30


def test_no_key_is_sent_twice(sent: list[dict[str, Any]]) -> None:
    keys = [
        (m["stream"], *(m["record"][key] for key in STAGING[m["stream"]].key))
        for m in sent
        if m["type"] == "RECORD" and m["stream"] in ("stg_orders_sharepoint", "stg_quarantine_sharepoint", "order_list")
    ]
    assert len(keys) == len(set(keys))


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.just(2**31),
    st.just(Decimal("1.5000")),
    st.just("2026-03-04"),
    st.just("x" * 33),
    st.just("x" * 201),
    st.just("x" * 401),
    st.just("x" * 1001),
    st.just(["x"]),
)
FITTING = {str: "x", int: 1, Decimal: Decimal("1.5000")}


@given(st.sampled_from(MODELS), st.data())
def test_the_compiled_check_refuses_what_the_row_model_refuses(model: Any, data: st.DataObject) -> None:
    record = {c.name: FITTING.get(c.type, "2026-03-04") for c in columns(model)}
    assert Check(model).problem(record) is None
    model.model_validate(record)
    column = data.draw(st.sampled_from(columns(model)))
    record[column.name] = data.draw(values)
    try:
        model.model_validate(record, strict=False)
        fits = True
    except ValidationError:
        fits = False
    # pydantic's lax mode also turns text, booleans and numbers into each other; the mapper never sends such.
    if type(record[column.name]) in (type(None), column.type) or isinstance(record[column.name], list):
        assert (Check(model).problem(record) is None) == fits
    elif Check(model).problem(record) is None:
        assert fits


def test_a_field_too_many_or_too_few_is_refused() -> None:
    record = {c.name: FITTING.get(c.type, "2026-03-04") for c in columns(StagedOrder)}
    check = Check(StagedOrder)
    assert check.problem(record | {"other": 1}) is not None
    del record["customer"]
    problem = check.problem(record | {"customer": None})
    assert problem is not None
    assert problem.code == "invalid_row"


def test_a_text_is_measured_as_the_database_does() -> None:
    assert text_units("abc") == 3
    assert text_units("∆é") == 2
    assert text_units("🙂") == 2


@given(st.text(), st.integers(1, 20))
def test_a_clipped_text_fits_and_keeps_its_beginning(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert text_units(clipped) <= limit
    assert clipped == text or (clipped.endswith("…") and text.startswith(clipped[:-1]))
