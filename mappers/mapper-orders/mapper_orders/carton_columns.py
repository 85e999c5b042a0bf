"""Stages rows of a carton view by columns, for the batch path: the same rules as ``cartons``, once a distinct value.

A row with anything odd about it (no customer, a quantity that is no ordinary one, a date nobody can read, a text that
is too long) goes through the record path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from order_rules.canonical import clean
from order_rules.ids import ID_LENGTH, SEPARATOR
from order_rules.models import columns

from mapper_orders import reading
from mapper_orders.cartons import AS_FOUND, CANONICAL, CartonStage, mapped_fields
from mapper_orders.columns import (
    Values,
    constant,
    is_json,
    is_text,
    iso_day,
    records,
    table_of,
    table_of_records,
    too_long,
)
from mapper_orders.counts import Books, LoadBook, book_of
from mapper_orders.inputs import ViewRow, envelope
from mapper_orders.order_columns import Staged
from mapper_orders.privacy import Protector
from mapper_orders.reading import cleaned, found_text

Fields = tuple[tuple[str, str], ...]

_ENVELOPE: Final = {
    "load_id": pa.string(),
    "connection": pa.string(),
    "row_hash": pa.string(),
    "occurrence": pa.int64(),
}


def stage_cartons(
    stage: CartonStage, batch: pa.RecordBatch, fields: Fields, protector: Protector | None, books: Books
) -> Iterator[Staged]:
    """Stage rows of a carton view and book them under their loads.

    Args:
        stage: the rules of the view.
        batch: its rows.
        fields: the view's columns that are fields, each with its field.
        protector: the privacy rules, if there are any for the view.
        books: the books of the loads.

    Yields:
        Tables for staging and quarantine; those without rows are left out.

    Raises:
        ContractError: a row lacks a part of its envelope.
    """
    _check_envelope(stage.source.stream, batch)
    first = 0
    ends = pc.run_end_encode(batch.column("load_id").cast(pa.string()))
    for load_id, end in zip(ends.values.to_pylist(), ends.run_ends.to_pylist(), strict=True):
        rows = end - first
        book = book_of(books, load_id, stage.source.stream)
        yield from _stage_load(stage, batch.slice(first, rows), fields, protector, book)
        first = end


def _check_envelope(stream: str, batch: pa.RecordBatch) -> None:
    for name, kind in _ENVELOPE.items():
        place = batch.schema.get_field_index(name)
        found = None if place < 0 else batch.schema.field(place)
        right = found is not None and (
            is_text(found.type) and not is_json(found) if kind == pa.string() else found.type == kind
        )
        if not right or batch.column(place).null_count:
            for record in records(batch):
                envelope(stream, ViewRow, record)


def _stage_load(
    stage: CartonStage, batch: pa.RecordBatch, fields: Fields, protector: Protector | None, book: LoadBook
) -> Iterator[Staged]:
    cartons = CartonColumns(stage, batch, fields)
    odd = set(range(batch.num_rows)) if protector else cartons.odd()
    if odd:
        outputs: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records(batch.take(pa.array(sorted(odd), pa.int32()))):
            shown = protector.record(record) if protector else record
            row = envelope(stage.source.stream, ViewRow, shown)
            for output, made in stage.stage(shown, row, fields, book):
                outputs[output].append(made)
        for output, some in outputs.items():
            yield output, table_of_records(output, some)
        batch = batch.filter(pa.array([place not in odd for place in range(batch.num_rows)], pa.bool_()))
        cartons = CartonColumns(stage, batch, fields)
    if batch.num_rows:
        cartons.book(book)
        yield stage.source.table, cartons.table()


class CartonColumns:
    """Rows of one load, by columns."""

    def __init__(self, stage: CartonStage, batch: pa.RecordBatch, fields: Fields) -> None:
        self._stage = stage
        self._batch = batch
        self._found = _found(batch, fields)
        self._limits = {one.name: one.max_length for one in columns(stage.source.model) if one.max_length}

    def odd(self) -> set[int]:
        """Find the rows that are no ordinary carton."""
        found, stage = self._found, self._stage
        odd = set(found["qty"].rows_where(lambda value: not _ordinary(value)))
        odd.update(found["customer"].rows_where(lambda value: cleaned(value) is None))
        if stage.source.day in found:
            odd.update(found[stage.source.day].rows_where(lambda value: not reading.read_day(value)[1]))
        odd |= too_long(found["customer"], self._limits["customer_source"], found_text)
        odd |= too_long(Values.of(found["customer"].each(self._customer)), self._limits["customer"], found_text)
        for name in CANONICAL:
            if name in found:
                odd |= too_long(found[name], self._limits[f"{name}_source"], found_text)
                odd |= too_long(found[name], self._limits[name], _canonical)
        for name in AS_FOUND:
            if name in found:
                odd |= too_long(found[name], self._limits[name], found_text)
        if "size" in found:
            odd |= too_long(found["size"], self._limits["size_source"], found_text)
            odd |= too_long(self._sizes, self._limits["size"], found_text)
        for name in ("load_id", "connection"):
            odd |= too_long(self._column(name), self._limits[name], found_text)
        # unit and source are made of connection and stream
        room = min(self._limits["unit_id"], self._limits["source"]) - len(stage.source.stream) - 1
        return odd | too_long(self._column("connection"), room, found_text)

    def book(self, book: LoadBook) -> None:
        """Book all rows as received, read and staged."""
        rows, quantities = self._batch.num_rows, self._found["qty"]
        qty = sum(quantities.each(_quantity))
        book.received(rows, sum(quantities.each(reading.numeric)), rows=rows)
        book.read(cells=rows, qty=qty, rows=rows)
        book.staged(self._stage.source.table, rows=rows, cells=rows, qty=qty)

    def table(self) -> pa.Table:
        """Make the staged rows."""
        found, source, rows = self._found, self._stage.source, self._batch.num_rows
        connections = self._column("connection")
        arrays = {
            "load_id": self._column("load_id").text(found_text),
            "unit_id": connections.text(lambda name: f"{name}:{source.stream}"),
            "source": connections.text(lambda name: f"{name}.{source.stream}"),
            "rules_version": constant(self._stage.version, rows),
            "row_id": pa.array(self._ids(), pa.string()),
            "connection": connections.text(lambda name: name),
            "customer_source": found["customer"].found(),
            "customer": found["customer"].text(self._customer),
            "qty": found["qty"].array(_quantity, pa.int64()),
        }
        for name in CANONICAL:
            if name in found:
                arrays[f"{name}_source"] = found[name].found()
                arrays[name] = found[name].text(_canonical)
        for name in AS_FOUND:
            if name in found:
                arrays[name] = found[name].found()
        if "size" in found:
            arrays["size_source"] = found["size"].found()
            arrays["size"] = self._sizes.text(lambda size: size)
        if source.day in found:
            arrays[source.day] = found[source.day].array(lambda value: iso_day(reading.read_day(value)[0]), pa.date32())
        return table_of(source.table, arrays)

    def _ids(self) -> list[str]:
        """Name each row as :func:`order_rules.ids.carton_row_id` does."""
        connections, row_hashes = (self._batch.column(name).cast(pa.string()) for name in ("connection", "row_hash"))
        occurrences = self._batch.column("occurrence").cast(pa.string())
        named = pc.binary_join_element_wise(connections, self._stage.source.stream, row_hashes, occurrences, SEPARATOR)
        return [sha256(name).hexdigest()[:ID_LENGTH] for name in named.cast(pa.binary()).to_pylist()]

    @cached_property
    def _sizes(self) -> Values:
        """The canonical sizes, which depend on the customer."""

        def size_of(size: object, customer: object) -> str | None:
            return self._stage.size_of(found_text(size), self._customer(customer))

        return self._found["size"].pairs(self._found["customer"], size_of)

    def _customer(self, value: object) -> str | None:
        return self._stage.customer_of(found_text(value))

    def _column(self, name: str) -> Values:
        return Values.of_column(self._batch.column(name), self._batch.schema.field(name))


def _found(batch: pa.RecordBatch, fields: Fields) -> dict[str, Values]:
    """Take the mapped columns; where several are one field, the first that holds a value counts, row by row."""
    by_field: defaultdict[str, list[str]] = defaultdict(list)
    for name, field in fields:
        if name in batch.schema.names:
            by_field[field].append(name)
    found = {
        field: Values.of_column(batch.column(names[0]), batch.schema.field(names[0]))
        for field, names in by_field.items()
    }
    for field, names in by_field.items():
        if len(names) > 1:
            same = tuple((name, field) for name in names)
            rows = records(batch.select(names))
            found[field] = Values.of([mapped_fields(row, same).get(field) for row in rows])
    for field in ("qty", "customer"):
        if field not in found:
            found[field] = Values.of([None] * batch.num_rows)
    return found


def _ordinary(value: object) -> bool:
    qty, verdict = reading.read_quantity(value)
    return verdict == reading.READABLE and qty > 0


def _quantity(value: object) -> int:
    return reading.read_quantity(value)[0]


def _canonical(value: object) -> str | None:
    return clean(found_text(value))
