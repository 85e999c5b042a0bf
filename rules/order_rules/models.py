"""The rows of the staging tables, one pydantic model a table.

From these models come the Singer schemas that the mapper announces (:func:`singer_schema`) and the columns of
the staging tables (``tables.py``), so a field is described in one place.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Le, MaxLen
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

MONEY_DIGITS: Final = 18
MONEY_PLACES: Final = 4
MAX_QUANTITY: Final = 2_147_483_647
"""The largest quantity an ``INT`` column holds."""

Id = Annotated[str, MaxLen(32)]
Code = Annotated[str, MaxLen(64)]
Name = Annotated[str, MaxLen(200)]
Found = Annotated[str, MaxLen(400)]
Path = Annotated[str, MaxLen(400)]
Document = Annotated[str, "JSON or free text of any length"]
Quantity = Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Money = Annotated[Decimal, Field(max_digits=MONEY_DIGITS, decimal_places=MONEY_PLACES)]


class Row(BaseModel):
    """A row of a staging table. What checks it is built when it is first used, not for those who want its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Provenance(Row):
    """Where a row was read, so that anyone can open the source and put a finger on it."""

    load_id: Id
    unit_id: Name
    source: Path
    sheet: Name | None = None
    row_number: int | None = None
    rules_version: Id


class OrderListRow(Provenance):
    """One row of an order list or of the master order view, typed but not melted. Key: load_id, row_number."""

    row_number: int
    order_number: Found | None = None
    customer_source: Found | None = None
    customer: Name | None = None
    customer_po: Found | None = None
    customer_alt_po: Found | None = None
    style: Found | None = None
    style_description: Found | None = None
    pattern_id: Found | None = None
    alias_item: Found | None = None
    color: Found | None = None
    color_code: Found | None = None
    uom: Found | None = None
    total_qty: Quantity | None = None
    size_qty: int
    ordered_on: date | None = None
    ex_factory_on: date | None = None
    eta_on: date | None = None
    delivery_method: Found | None = None
    order_type: Found | None = None
    season: Found | None = None
    customer_season: Found | None = None
    drop: Found | None = None
    category: Found | None = None
    destination: Found | None = None
    destination_warehouse: Found | None = None
    channel: Found | None = None
    customer_price: Money | None = None
    final_fob_usd: Money | None = None
    notes: Document | None = None
    sizes: Document
    extra: Document
    findings: Document | None = None


class StagedOrder(Provenance):
    """One order line: a row of an order list and one of its sizes. Key: load_id, order_line_id."""

    order_line_id: Id
    order_number: Found | None = None
    customer: Name
    customer_source: Found | None = None
    customer_po: Name | None = None
    customer_po_source: Found | None = None
    customer_alt_po: Name | None = None
    customer_alt_po_source: Found | None = None
    style: Name | None = None
    style_source: Found | None = None
    pattern_id: Name | None = None
    pattern_id_source: Found | None = None
    alias_item: Name | None = None
    alias_item_source: Found | None = None
    color: Name | None = None
    color_source: Found | None = None
    size: Name | None = None
    size_source: Found | None = None
    color_code: Found | None = None
    category: Found | None = None
    ordered_qty: Quantity
    order_type: Found | None = None
    delivery_method: Found | None = None
    season: Found | None = None
    drop: Found | None = None
    ordered_on: date | None = None
    ex_factory_on: date | None = None
    eta_on: date | None = None
    customer_price: Money | None = None
    final_fob_usd: Money | None = None


class StagedCarton(Provenance):
    """One SKU in one carton, packed or shipped. Key: load_id, row_id."""

    row_id: Id
    connection: Name
    customer: Name
    customer_source: Found | None = None
    customer_po: Name | None = None
    customer_po_source: Found | None = None
    style: Name | None = None
    style_source: Found | None = None
    color: Name | None = None
    color_source: Found | None = None
    size: Name | None = None
    size_source: Found | None = None
    carton_id: Found | None = None
    sku: Found | None = None
    qty: Quantity
    season: Found | None = None
    shipping_method: Found | None = None
    country: Found | None = None


class StagedPacked(StagedCarton):
    """One SKU in a carton that is packed and not yet shipped."""

    packed_on: date | None = None


class StagedShipped(StagedCarton):
    """One SKU in a carton that has left."""

    shipped_on: date | None = None


class Quarantined(Provenance):
    """A value or a row that cannot be used, with the reason. Key: load_id, quarantine_id."""

    quarantine_id: Id
    stream: Name
    place: Annotated[str, MaxLen(700)]
    field: Name | None = None
    reason_code: Code
    reason: Annotated[str, MaxLen(1000)]
    value: Document | None = None
    record: Document | None = None
    cells: int
    qty: int


class SourceFile(Row):
    """What the last run saw of one workbook. Key: file_id."""

    file_id: Name
    name: Path
    path: Path
    size_bytes: int | None = None
    etag: Name | None = None
    content_hash: Code | None = None
    modified_at: datetime | None = None
    sheet: Name | None = None
    header_row: int | None = None
    status: Literal["read", "failed", "deleted"]
    error: Annotated[str, MaxLen(1000)] | None = None
    listed_at: datetime
    load_id: Id | None = None


class Load(Row):
    """One complete reading of a unit, written after its last row. Key: load_id."""

    load_id: Id
    unit_id: Name
    stream: Name
    kind: Literal["file", "window", "listing"]
    connection: Name | None = None
    window_from: date | None = None
    window_to: date | None = None
    started_at: datetime
    finished_at: datetime
    rows: int
    qty: float | None = None


class LoadCount(Row):
    """What became of a load's rows and quantities. Key: load_id, table, measure, reason."""

    load_id: Id
    table: Name
    measure: Literal["received", "read", "staged", "excluded", "quarantined", "finding"]
    reason: Code
    rows: int
    cells: int
    qty: int


@dataclass(frozen=True)
class Stream:
    """A Singer stream into a staging table: its row model and key.

    Attributes:
        model: the row model.
        key: the key properties, in order.
    """

    model: type[Row]
    key: tuple[str, ...]


STAGING: Final[dict[str, Stream]] = {
    "order_list": Stream(OrderListRow, ("load_id", "row_number")),
    "stg_orders_sharepoint": Stream(StagedOrder, ("load_id", "order_line_id")),
    "stg_orders_wms": Stream(StagedOrder, ("load_id", "order_line_id")),
    "stg_packed": Stream(StagedPacked, ("load_id", "row_id")),
    "stg_shipped": Stream(StagedShipped, ("load_id", "row_id")),
    "stg_quarantine_sharepoint": Stream(Quarantined, ("load_id", "quarantine_id")),
    "stg_quarantine_wms": Stream(Quarantined, ("load_id", "quarantine_id")),
    "source_files": Stream(SourceFile, ("file_id",)),
    "loads": Stream(Load, ("load_id",)),
    "load_counts": Stream(LoadCount, ("load_id", "table", "measure", "reason")),
}
"""Every staging table that the target loads, by stream name."""


@dataclass(frozen=True)
class Column:
    """A field of a row model, as databases and Singer see it.

    Attributes:
        name: the field's name.
        type: the Python type without its ``None``.
        nullable: whether the field may be missing.
        max_length: longest text, ``None`` for any length or another type.
        maximum: greatest absolute whole number, ``None`` for unbounded or another type.
    """

    name: str
    type: type
    nullable: bool
    max_length: int | None
    maximum: int | None = None


def columns(model: type[Row]) -> list[Column]:
    """List a row model's fields as columns, keys and provenance in the order they are declared.

    Args:
        model: a row model.

    Returns:
        One column a field.
    """
    return [_column(name, info) for name, info in model.model_fields.items()]


def _column(name: str, info: FieldInfo) -> Column:
    annotation: Any = info.annotation
    metadata = list(info.metadata)
    nullable = False
    if get_origin(annotation) in (Union, types.UnionType):
        members = [arg for arg in get_args(annotation) if arg is not type(None)]
        nullable = len(members) < len(get_args(annotation))
        (annotation,) = members
    if get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        metadata += inner
    if get_origin(annotation) is Literal:
        longest = max(len(choice) for choice in get_args(annotation))
        return Column(name, str, nullable, longest)
    metadata += [item for wrapped in metadata if isinstance(wrapped, FieldInfo) for item in wrapped.metadata]
    lengths = [item.max_length for item in metadata if isinstance(item, MaxLen)]
    greatest = [item.le for item in metadata if isinstance(item, Le) and isinstance(item.le, int)]
    return Column(name, annotation, nullable, lengths[0] if lengths else None, greatest[0] if greatest else None)


def singer_schema(model: type[Row]) -> dict[str, Any]:
    """Derive the Singer (JSON) schema of a row model.

    Args:
        model: a row model.

    Returns:
        An object schema with one property a field; nothing else may be sent.
    """
    properties = {column.name: _json_type(column) for column in columns(model)}
    required = [column.name for column in columns(model) if not column.nullable]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _json_type(column: Column) -> dict[str, Any]:
    kinds: dict[type, dict[str, Any]] = {
        str: {"type": "string"},
        int: {"type": "integer"},
        float: {"type": "number"},
        bool: {"type": "boolean"},
        Decimal: {"type": "number", "multipleOf": 10**-MONEY_PLACES},
        datetime: {"type": "string", "format": "date-time"},
        date: {"type": "string", "format": "date"},
    }
    schema = dict(kinds[column.type])
    if column.max_length is not None:
        schema["maxLength"] = column.max_length
    if column.maximum is not None:
        schema |= {"minimum": -column.maximum, "maximum": column.maximum}
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema
