"""The input streams: each takes records of its shape and gives the records to send on.

A stream knows its SCHEMA once it came, and books each row under the row's load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from order_rules.config import Rules

from mapper_orders.batches import ROWS_AT_ONCE
from mapper_orders.cartons import PACKED, SHIPPED, CartonSource, CartonStage
from mapper_orders.counts import Books, book_of
from mapper_orders.errors import ContractError
from mapper_orders.inputs import (
    NOT_READABLE,
    SheetRow,
    ViewRow,
    WideLayout,
    WideViewRow,
    carton_fields,
    envelope,
    wide_layout,
)
from mapper_orders.melt import FieldOf, HeaderValue, read_sizes, sort_cells
from mapper_orders.orders import MASTER_VIEW, ORDER_LISTS, OrderStage, Output, WideRow
from mapper_orders.privacy import Protector
from mapper_orders.quarantine import Origin, json_text

if TYPE_CHECKING:
    import pyarrow as pa

    from mapper_orders.order_columns import Staged

_CELLS: Final = msgspec.json.Decoder(list[tuple[str, Any]], float_hook=Decimal)


CARTONS_AT_ONCE: Final = 50_000
"""Rows of a file of cartons that are worked on together: what is done once a distinct value is done less often."""


SHEET_ROWS_AT_ONCE: Final = 10_000
"""The same for rows of workbooks; the cells of so many take some twenty MB."""


class InputStream(Protocol):
    """What every input stream does.

    Attributes:
        rows_at_once: rows of a batch file that `tables` is given at once.
    """

    rows_at_once: int

    def announce(self, properties: Iterable[str]) -> None:
        """Take a SCHEMA's properties in order."""

    def outputs(self, record: dict[str, Any], books: Books) -> list[Output]:
        """Turn a record into the records to send on."""

    def tables(self, batch: pa.RecordBatch, books: Books) -> Iterable[Staged]:
        """Turn a batch of records into tables to send on, of the same rows as `outputs` gives for each."""


def input_streams(rules: Rules, protectors: Mapping[str, Protector]) -> dict[str, InputStream]:
    """Set up the input streams by name.

    Args:
        rules: the rules.
        protectors: the privacy rules by stream.
    """
    return {
        ORDER_LISTS.stream: OrderListRows(rules, protectors.get(ORDER_LISTS.stream)),
        MASTER_VIEW.stream: MasterOrderList(rules, protectors.get(MASTER_VIEW.stream)),
        PACKED.stream: Cartons(rules, PACKED, protectors.get(PACKED.stream)),
        SHIPPED.stream: Cartons(rules, SHIPPED, protectors.get(SHIPPED.stream)),
    }


class OrderListRows:
    """``order_list_rows``: rows of workbooks, their cells as JSON text."""

    rows_at_once = SHEET_ROWS_AT_ONCE

    def __init__(self, rules: Rules, protector: Protector | None) -> None:
        self._stage = OrderStage(rules, ORDER_LISTS)
        self._protector = protector
        self._field_of = FieldOf(rules.order_list_columns.by_header)
        self._protect_customer = protector and protector.customer_action(self._field_of)

    def announce(self, properties: Iterable[str]) -> None:
        """Take the SCHEMA: the columns stand in the records."""

    def outputs(self, record: dict[str, Any], books: Books) -> list[Output]:
        """Stage one sheet row."""
        row = self._wide(record)
        return self._stage.stage(row, book_of(books, row.origin.load_id, ORDER_LISTS.stream))

    def tables(self, batch: pa.RecordBatch, books: Books) -> Iterable[Staged]:
        """Stage sheet rows; protected ones, and any not written as our tap writes them, go row by row."""
        from mapper_orders.columns import records  # noqa: PLC0415  pyarrow only where a BATCH came
        from mapper_orders.order_columns import stage_orders, stage_rows  # noqa: PLC0415
        from mapper_orders.sheet_columns import by_load  # noqa: PLC0415

        sheets = None if self._protector else by_load(batch, self._field_of, self._row)
        if sheets is not None:
            for load_id, rows in sheets:
                yield from stage_rows(self._stage, rows, book_of(books, load_id, ORDER_LISTS.stream))
            return
        for start in range(0, batch.num_rows, ROWS_AT_ONCE):
            some = records(batch.slice(start, ROWS_AT_ONCE))
            yield from stage_orders(self._stage, map(self._wide, some), books)

    def _wide(self, record: dict[str, Any]) -> WideRow:
        if self._protector:
            record = self._protector.record(record)
        row = envelope(ORDER_LISTS.stream, SheetRow, record)
        cells, sizes = self._cells(row, row.cells), self._cells(row, row.sizes)
        if self._protector:
            cells, sizes = self._protector.cells(cells), self._protector.cells(sizes)
            row.sizes = json_text(sizes)
            if self._protect_customer and row.sheet_customer is not None:
                protected = self._protect_customer(row.sheet_customer)
                row.sheet_customer = None if protected is None else str(protected)
        return self._row(row, cells, sizes)

    def _row(self, row: SheetRow, cells: list[HeaderValue], sizes: list[HeaderValue]) -> WideRow:
        origin = Origin(
            load_id=row.load_id,
            unit_id=row.file_id,
            source=row.source_file,
            sheet=row.sheet,
            row_number=row.row_number,
            place=f"{row.source_file}!{row.sheet}!row {row.row_number}",
            cell_places=True,
        )
        return WideRow(origin, sort_cells(cells, self._field_of), read_sizes(sizes), row.sizes, row.sheet_customer)

    @staticmethod
    def _cells(row: SheetRow, text: str) -> list[HeaderValue]:
        try:
            return _CELLS.decode(text)
        except NOT_READABLE:
            msg = (
                f"{ORDER_LISTS.stream}: row {row.row_number} of {row.source_file!r} does not hold its cells as JSON "
                f"text of [header, value] pairs. Install tap and mapper from one release."
            )
            raise ContractError(msg) from None


class MasterOrderList:
    """``master_order_list``: the order list as a wide view."""

    rows_at_once = ROWS_AT_ONCE

    def __init__(self, rules: Rules, protector: Protector | None) -> None:
        self._stage = OrderStage(rules, MASTER_VIEW)
        self._protector = protector
        self._view = rules.wms_columns.master_order_list
        self._layout = WideLayout()
        self._field_of = FieldOf(self._view.by_header)

    def announce(self, properties: Iterable[str]) -> None:
        """Sort the view's columns; their order decides which are sizes."""
        self._layout = wide_layout(MASTER_VIEW.stream, properties, self._view)

    def outputs(self, record: dict[str, Any], books: Books) -> list[Output]:
        """Stage one row of the view."""
        row = self._wide(record)
        return self._stage.stage(row, book_of(books, row.origin.load_id, MASTER_VIEW.stream))

    def tables(self, batch: pa.RecordBatch, books: Books) -> Iterable[Staged]:
        """Stage rows of the view."""
        from mapper_orders.columns import records  # noqa: PLC0415  pyarrow only where a BATCH came
        from mapper_orders.order_columns import stage_orders  # noqa: PLC0415

        return stage_orders(self._stage, map(self._wide, records(batch)), books)

    def _wide(self, record: dict[str, Any]) -> WideRow:
        if self._protector:
            record = self._protector.record(record)
        row = envelope(MASTER_VIEW.stream, WideViewRow, record)
        layout = self._layout
        cells = _filled(record, layout.others)
        if undeclared := record.keys() - layout.declared:
            cells += _filled(record, sorted(undeclared))
        sizes = _filled(record, layout.sizes)
        view = f"{row.connection}.{MASTER_VIEW.stream}"
        origin = Origin(
            load_id=row.load_id,
            unit_id=f"{row.connection}:{MASTER_VIEW.stream}",
            source=view,
            sheet=None,
            row_number=row.row_number,
            place=f"{view}!{row.row_hash}",
            cell_places=False,
        )
        return WideRow(origin, sort_cells(cells, self._field_of), read_sizes(sizes), json_text(sizes), None)


def _filled(record: Mapping[str, Any], names: Iterable[str]) -> list[HeaderValue]:
    """Take a record's columns that hold anything, in the given order."""
    cells = zip(names, map(record.get, names), strict=True)
    return [cell for cell in cells if cell[1] is not None and cell[1] != ""]


class Cartons:
    """``packed_products`` or ``shipped``: one SKU in one carton a row."""

    rows_at_once = CARTONS_AT_ONCE

    def __init__(self, rules: Rules, source: CartonSource, protector: Protector | None) -> None:
        self._stage = CartonStage(rules, source)
        self._stream = source.stream
        self._protector = protector
        self._view = rules.wms_columns.packed_products if source is PACKED else rules.wms_columns.shipped
        self._fields: tuple[tuple[str, str], ...] = ()

    def announce(self, properties: Iterable[str]) -> None:
        """Sort the view's columns."""
        self._fields = carton_fields(self._stream, properties, self._view)

    def outputs(self, record: dict[str, Any], books: Books) -> list[Output]:
        """Stage one carton row."""
        if self._protector:
            record = self._protector.record(record)
        row = envelope(self._stream, ViewRow, record)
        return self._stage.stage(record, row, self._fields, book_of(books, row.load_id, self._stream))

    def tables(self, batch: pa.RecordBatch, books: Books) -> Iterable[Staged]:
        """Stage carton rows; protected ones go row by row."""
        from mapper_orders.carton_columns import stage_cartons  # noqa: PLC0415  pyarrow only where a BATCH came

        return stage_cartons(self._stage, batch, self._fields, self._protector, books)
