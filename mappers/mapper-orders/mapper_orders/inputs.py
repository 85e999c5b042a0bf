"""What the taps send: the envelope of each input record, and which column of a view is what.

A view's columns are sorted into fields, sizes and the rest once a SCHEMA, not once a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from order_rules.canonical import clean
from order_rules.config import CartonView, OrderView, SizeRun

from mapper_orders.errors import ContractError


class SheetRow(msgspec.Struct):
    """One record of ``order_list_rows``."""

    load_id: str
    file_id: str
    row_number: int
    source_file: str
    cells: str
    sizes: str
    sheet: str | None = None
    sheet_customer: str | None = None


class ViewRow(msgspec.Struct):
    """What every record of a WMS view carries beside the view's columns."""

    load_id: str
    connection: str
    row_hash: str
    occurrence: int


class WideViewRow(ViewRow):
    """The same for ``master_order_list``."""

    row_number: int


ENVELOPE: Final = frozenset({"load_id", "connection", "row_hash", "occurrence", "row_number"})
"""Properties that a tap adds to a view's columns."""

NOT_READABLE: Final = (msgspec.DecodeError, ValueError, ArithmeticError)
"""What reading JSON text raises; the last two for a number of more digits, or a larger exponent, than Python takes."""

E = TypeVar("E", bound=msgspec.Struct)


def envelope(stream: str, kind: type[E], record: Mapping[str, Any]) -> E:
    """Take a record's envelope.

    Raises:
        ContractError: a part is missing or of another type; names it, not its value.
    """
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        msg = f"{stream}: a record breaks the contract with the tap: {error}."
        raise ContractError(msg) from None


@dataclass(frozen=True, slots=True)
class WideLayout:
    """The wide view's columns, sorted, each in the view's order.

    Attributes:
        others: columns outside the size run.
        sizes: columns of the size run.
        declared: every property of the SCHEMA, those the tap adds too.
    """

    others: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    declared: frozenset[str] = ENVELOPE


def wide_layout(stream: str, properties: Iterable[str], view: OrderView) -> WideLayout:
    """Sort the columns of the wide order view; the sizes stand strictly between the two marks of its size run.

    Args:
        stream: the stream, for the message.
        properties: the SCHEMA's properties in order.
        view: the view's rules.

    Returns:
        The layout.

    Raises:
        ContractError: the marks are missing or in the wrong order, or no column is the customer.
    """
    columns = [name for name in properties if name not in ENVELOPE]
    first, last = _size_run(stream, columns, view.size_run)
    others = (*columns[: first + 1], *columns[last:])
    _require(stream, {view.by_header.get(clean(name) or "") for name in others}, "customer")
    return WideLayout(others, tuple(columns[first + 1 : last]), ENVELOPE.union(columns))


def _size_run(stream: str, columns: list[str], run: SizeRun) -> tuple[int, int]:
    cleaned = [clean(name) for name in columns]
    try:
        first, last = cleaned.index(clean(run.after)), cleaned.index(clean(run.before))
    except ValueError:
        first, last = 0, -1
    if first >= last:
        msg = (
            f"{stream}: its SCHEMA has no column {run.after!r} followed by a column {run.before!r}, between which the "
            f"sizes stand. Select both in the view, or set size_run in wms_columns.yml."
        )
        raise ContractError(msg)
    return first, last


def carton_fields(stream: str, properties: Iterable[str], view: CartonView) -> tuple[tuple[str, str], ...]:
    """Find the columns of a carton view that are fields.

    Returns:
        Column and field, in the view's order.

    Raises:
        ContractError: no column is the customer or the quantity.
    """
    fields = [(name, view.by_header.get(clean(name) or "")) for name in properties if name not in ENVELOPE]
    _require(stream, {field for _, field in fields}, "customer", "qty")
    return tuple((name, field) for name, field in fields if field is not None)


def _require(stream: str, present: set[str | None], *fields: str) -> None:
    for field in fields:
        if field not in present:
            msg = f"{stream}: no column of its SCHEMA is the field {field!r}. Name the column in wms_columns.yml."
            raise ContractError(msg)
