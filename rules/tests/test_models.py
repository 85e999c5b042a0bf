"""The row models, and the columns and Singer schemas derived from them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from order_rules.models import (
    MAX_QUANTITY,
    STAGING,
    Column,
    Load,
    LoadCount,
    OrderListRow,
    Quarantined,
    StagedOrder,
    StagedPacked,
    StagedShipped,
    columns,
    singer_schema,
)
from pydantic import ValidationError

LINE: dict[str, Any] = {
    "load_id": "a" * 32,
    "unit_id": "u",
    "source": "b.xlsx",
    "rules_version": "v" * 32,
    "order_line_id": "c" * 32,
    "customer": "BRAND A",
    "ordered_qty": 12,
}


def column(model: Any, name: str) -> Column:
    return next(c for c in columns(model) if c.name == name)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (StagedOrder, Column("load_id", str, nullable=False, max_length=32)),
        (StagedOrder, Column("customer", str, nullable=False, max_length=200)),
        (StagedOrder, Column("customer_po", str, nullable=True, max_length=200)),
        (StagedOrder, Column("customer_po_source", str, nullable=True, max_length=400)),
        (StagedOrder, Column("ordered_qty", int, nullable=False, max_length=None, maximum=MAX_QUANTITY)),
        (StagedOrder, Column("row_number", int, nullable=True, max_length=None)),
        (StagedOrder, Column("customer_price", Decimal, nullable=True, max_length=None)),
        (StagedOrder, Column("ordered_on", date, nullable=True, max_length=None)),
        (OrderListRow, Column("row_number", int, nullable=False, max_length=None)),
        (OrderListRow, Column("total_qty", int, nullable=True, max_length=None, maximum=MAX_QUANTITY)),
        (OrderListRow, Column("notes", str, nullable=True, max_length=None)),
        (Quarantined, Column("place", str, nullable=False, max_length=700)),
        (Load, Column("kind", str, nullable=False, max_length=len("listing"))),
        (Load, Column("started_at", datetime, nullable=False, max_length=None)),
        (Load, Column("qty", float, nullable=True, max_length=None)),
        (LoadCount, Column("measure", str, nullable=False, max_length=len("quarantined"))),
    ],
)
def test_a_field_is_a_column(model: Any, expected: Column) -> None:
    assert column(model, expected.name) == expected


def test_columns_stand_in_the_order_of_declaration_provenance_first() -> None:
    provenance = ["load_id", "unit_id", "source", "sheet", "row_number", "rules_version"]
    for model in (StagedOrder, StagedPacked, StagedShipped, Quarantined, OrderListRow):
        assert [c.name for c in columns(model)] == list(model.model_fields)
        assert [c.name for c in columns(model)][:6] == provenance


def test_packed_and_shipped_differ_in_their_date_alone() -> None:
    packed, shipped = ({c.name for c in columns(model)} for model in (StagedPacked, StagedShipped))
    assert (packed - shipped, shipped - packed) == ({"packed_on"}, {"shipped_on"})


@pytest.mark.parametrize("stream", STAGING)
def test_a_stream_has_a_schema_that_holds_and_a_key_that_is_never_missing(stream: str) -> None:
    staging = STAGING[stream]
    schema = singer_schema(staging.model)
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(staging.model.model_fields)
    assert set(staging.key) <= set(schema["required"])
    required = {name for name, field in staging.model.model_fields.items() if field.is_required()}
    assert set(schema["required"]) == required


def test_a_schema_says_what_a_database_needs_to_know() -> None:
    properties = singer_schema(OrderListRow)["properties"]
    assert properties["load_id"] == {"type": "string", "maxLength": 32}
    assert properties["order_number"] == {"type": ["string", "null"], "maxLength": 400}
    assert properties["total_qty"] == {"type": ["integer", "null"], "minimum": -MAX_QUANTITY, "maximum": MAX_QUANTITY}
    assert properties["size_qty"] == {"type": "integer"}
    assert properties["ordered_on"] == {"type": ["string", "null"], "format": "date"}
    assert properties["customer_price"] == {"type": ["number", "null"], "multipleOf": 0.0001}
    assert properties["extra"] == {"type": "string"}
    assert singer_schema(Load)["properties"]["started_at"] == {"type": "string", "format": "date-time"}
    assert singer_schema(Load)["properties"]["qty"] == {"type": ["number", "null"]}


def test_a_row_is_accepted() -> None:
    assert StagedOrder.model_validate(LINE).ordered_qty == 12


@pytest.mark.parametrize(
    "change",
    [
        {"customer": None},
        {"customer": "x" * 201},
        {"load_id": "a" * 33},
        {"ordered_qty": MAX_QUANTITY + 1},
        {"ordered_qty": 1.5},
        {"ordered_qty": None},
        {"ordered_on": "04/03/2026"},
        {"customer_price": Decimal("1.23456")},
        {"customer_price": Decimal(123456789012345)},
        {"colour": "NAVY"},
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_field(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        StagedOrder.model_validate(LINE | change)
    assert [error["loc"] for error in refused.value.errors()] == [tuple(change)]


@pytest.mark.parametrize(
    "name", ["load_id", "unit_id", "source", "rules_version", "order_line_id", "customer", "ordered_qty"]
)
def test_a_row_without_what_it_needs_is_refused_by_field(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        StagedOrder.model_validate({key: value for key, value in LINE.items() if key != name})
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


def test_a_row_cannot_be_changed() -> None:
    row = StagedOrder.model_validate(LINE)
    with pytest.raises(ValidationError, match="frozen"):
        row.ordered_qty = 13
