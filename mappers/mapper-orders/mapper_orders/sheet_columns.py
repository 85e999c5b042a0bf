"""Rows of workbooks by columns: Arrow takes the JSON text of their cells apart, and each distinct cell is read once.

A cell is what stands between two ``],[``. A text may hold these characters, too: what stands before them then ends
within quotes and is no JSON. Such rows, and any that are not written as our tap writes them, are read one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mapper_orders.columns import Values, is_json
from mapper_orders.inputs import NOT_READABLE, SheetRow
from mapper_orders.melt import KEY_FIELDS, HeaderValue, names_order, read_sizes
from mapper_orders.orders import WideRow
from mapper_orders.quarantine import json_text
from mapper_orders.reading import cleaned
from mapper_orders.wide_columns import FIELDS, OrderedCells

MakeRow = Callable[[SheetRow, list[HeaderValue], list[HeaderValue]], WideRow]
"""Makes a wide row of a record, its cells and its sizes."""

_CELL: Final = msgspec.json.Decoder(tuple[str, Any], float_hook=Decimal)
_REQUIRED: Final = ("load_id", "file_id", "source_file", "cells", "sizes")
_OPTIONAL: Final = ("sheet", "sheet_customer")
_NO_FIELD: Final = 0


def by_load(
    batch: pa.RecordBatch, field_of: Mapping[str, str | None], make: MakeRow
) -> Iterator[tuple[str, SheetColumns]] | None:
    """Take the rows of a batch apart.

    Args:
        batch: records of ``order_list_rows``.
        field_of: header to field, ``None`` for a header that is not mapped.
        make: makes one row.

    Returns:
        Each load in turn and its rows; ``None`` where the batch has to be read record by record.
    """
    if not all(_is_text(batch, name) for name in _REQUIRED + _OPTIONAL):
        return None
    columns = {name: batch.column(name) for name in (*_REQUIRED, "row_number")}
    if columns["row_number"].type != pa.int64() or any(column.null_count for column in columns.values()):
        return None
    cells, sizes = Cells.split(columns["cells"]), Cells.split(columns["sizes"])
    if cells is None or sizes is None:
        return None
    return _by_load(batch, cells, sizes, field_of, make)


def _by_load(
    batch: pa.RecordBatch, cells: Cells, sizes: Cells, field_of: Mapping[str, str | None], make: MakeRow
) -> Iterator[tuple[str, SheetColumns]]:
    first = 0
    ends = pc.run_end_encode(batch.column("load_id"))
    for load_id, end in zip(ends.values.to_pylist(), ends.run_ends.to_pylist(), strict=True):
        rows = end - first
        part = batch.slice(first, rows)
        yield load_id, SheetColumns(part, cells.of_rows(first, rows), sizes.of_rows(first, rows), field_of, make)
        first = end


def _is_text(batch: pa.RecordBatch, name: str) -> bool:
    place = batch.schema.get_field_index(name)
    return place >= 0 and batch.schema.types[place] == pa.string() and not is_json(batch.schema.field(place))


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of many rows.

    Attributes:
        distinct: header and value, each cell once.
        codes: for each cell, row by row, its place among the distinct ones.
        rows: for each cell, the place of its row.
        offsets: for each row, how many cells stand before it; then the number of all.
    """

    distinct: list[HeaderValue]
    codes: pa.Array
    rows: pa.Array
    offsets: pa.Array

    @classmethod
    def split(cls, texts: pa.Array) -> Cells | None:
        """Take JSON text of ``[header, value]`` pairs apart; ``None`` where it is not written as our tap writes it."""
        none = pc.equal(texts, "[]")
        whole = pc.and_(pc.starts_with(texts, "[["), pc.ends_with(texts, "]]"))
        if not pc.all(pc.or_(none, whole), min_count=0).as_py():
            return None
        inner = pc.binary_slice(texts.cast(pa.binary()), 2, -2).cast(pa.string())
        lists = pc.split_pattern(pc.if_else(none, pa.scalar(None, pa.string()), inner), "],[")
        encoded = lists.flatten().dictionary_encode()
        try:
            distinct = [_CELL.decode(f"[{text}]") for text in encoded.dictionary.to_pylist()]
        except NOT_READABLE:
            return None
        return cls(distinct, encoded.indices, pc.list_parent_indices(lists).cast(pa.int32()), lists.offsets)

    def of_rows(self, first: int, rows: int) -> Cells:
        """Give the cells of so many rows from a place on."""
        if rows == len(self.offsets) - 1:
            return self
        offsets = self.offsets.slice(first, rows + 1)
        start, end = offsets[0].as_py(), offsets[-1].as_py()
        of_row = pc.subtract(self.rows.slice(start, end - start), pa.scalar(first, pa.int32()))
        return Cells(self.distinct, self.codes.slice(start, end - start), of_row, pc.subtract(offsets, offsets[0]))

    def of_row(self, place: int) -> list[HeaderValue]:
        """Give the cells of one row."""
        return [self.distinct[code] for code in self.codes_of_row(place)]

    def codes_of_row(self, place: int) -> list[int]:
        """Give the codes of one row."""
        start, end = self.offsets[place].as_py(), self.offsets[place + 1].as_py()
        codes: list[int] = self.codes.slice(start, end - start).to_pylist()
        return codes

    def sums(self, of_each: pa.Array) -> pa.Array:
        """Sum a number of each distinct cell over the cells of each row."""
        all_before = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(of_each.take(self.codes))])
        at = all_before.take(self.offsets)
        return pc.subtract(at.slice(1), at.slice(0, len(at) - 1))


class SheetColumns:
    """Rows of a workbook, all of one load. See :class:`mapper_orders.wide_columns.WideColumns`."""

    def __init__(
        self, batch: pa.RecordBatch, cells: Cells, sizes: Cells, field_of: Mapping[str, str | None], make: MakeRow
    ) -> None:
        self._cells, self._sizes, self._make = cells, sizes, make
        self._made: dict[int, WideRow] = {}
        self._texts = {
            name: Values.of_column(batch.column(name), batch.schema.field(name))
            for name in ("load_id", "file_id", "source_file", "sheet", "sheet_customer")
        }
        given = self._texts
        self.origin: Mapping[str, Values] = {
            "load_id": given["load_id"],
            "unit_id": given["file_id"],
            "source": given["source_file"],
            "sheet": given["sheet"],
        }
        self.row_numbers = batch.column("row_number")
        self.sizes = batch.column("sizes")
        self._odd: set[int] = set()
        self.odd: Set[int] = self._odd
        self.size_qty, self.cells = self._read_sizes()
        self.found: Mapping[str, Values]
        self.found, self.extra = self._read_fields(field_of)
        self._odd.update(pc.indices_nonzero(pc.invert(self._surely_orders())).to_pylist())
        if self.odd:
            self.cells = self.cells.without(self.odd, len(self.sizes))

    def row(self, place: int) -> WideRow:
        """Give a row, made when first asked for."""
        row = self._made.get(place)
        if row is None:
            texts = {name: values.distinct[values.places[place]] for name, values in self._texts.items()}
            number, sizes = self.row_numbers[place].as_py(), self.sizes[place].as_py()
            record = SheetRow(**texts, row_number=number, cells="", sizes=sizes)
            row = self._make(record, self._cells.of_row(place), self._sizes.of_row(place))
            self._made[place] = row
        return row

    def _read_sizes(self) -> tuple[pa.Array, OrderedCells]:
        """Read the size cells; a row with one that is no ordered quantity is odd."""
        cells = self._sizes
        runs = [read_sizes([cell]) for cell in cells.distinct]
        quantities = pa.array([run.qty for run in runs], pa.int64())
        plain = pa.array([run.numeric > 0 and not run.cells[0].verdict for run in runs], pa.bool_()).take(cells.codes)
        if not pc.all(plain, min_count=0).as_py():
            self._odd.update(cells.rows.filter(pc.invert(plain)).to_pylist())
        named = Values.of([header for header, _ in cells.distinct])
        headers = Values.among(named.distinct, named.codes.take(cells.codes))
        return cells.sums(quantities), OrderedCells(cells.rows, headers, quantities.take(cells.codes))

    def _read_fields(self, field_of: Mapping[str, str | None]) -> tuple[dict[str, Values], pa.Array]:
        """Sort the cells into fields and the rest; a row that has a field twice is odd."""
        cells = self._cells
        names = [field_of[header] for header, _ in cells.distinct]
        values = [value for _, value in cells.distinct]
        fields = {name: number for number, name in enumerate(dict.fromkeys(filter(None, names)), 1)}
        of_cell = pa.array([fields.get(name or "", _NO_FIELD) for name in names], pa.int8()).take(cells.codes)
        order = pc.sort_indices(of_cell)  # of small numbers: one pass to count, one to put; equal ones stay in order
        rows, codes = cells.rows.take(order), cells.codes.take(order)
        counted = pc.value_counts(of_cell)
        counts = dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
        start = counts.get(_NO_FIELD, 0)
        extra = self._extra(rows.slice(0, start), codes.slice(0, start))
        found = {}
        for name, number in fields.items():
            if count := counts.get(number, 0):
                own = self._once(name, rows.slice(start, count), codes.slice(start, count))
                found[name] = Values.among(values, own)
                start += count
        return {name: found[name] for name in FIELDS if name in found}, extra

    def _once(self, name: str, rows: pa.Array, codes: pa.Array) -> pa.Array:
        """Give the code of each row's cell of a field, null where the row has none."""
        after = rows.slice(1)
        twice = set(after.filter(pc.equal(after, rows.slice(0, len(after)))).to_pylist())
        if twice:
            chosen = dict(zip(rows.to_pylist(), codes.to_pylist(), strict=True))
            for place in twice:
                cell = self.row(place).fields.found[name]
                own = self._cells.codes_of_row(place)
                chosen[place] = next(code for code in own if self._cells.distinct[code] is cell)
            rows, codes = pa.array(chosen.keys(), pa.int32()), pa.array(chosen.values(), pa.int32())
            self._odd |= twice
        if len(rows) == len(self.sizes):
            return codes
        return codes.take(pc.index_in(pa.array(range(len(self.sizes)), pa.int32()), rows))

    def _extra(self, rows: pa.Array, codes: pa.Array) -> pa.Array:
        """Write cells of no field as JSON text again, each distinct one once."""
        used = codes.dictionary_encode()
        texts = pa.array([json_text(self._cells.distinct[code]) for code in used.dictionary.to_pylist()], pa.string())
        counts = [0] * (len(self.sizes) + 1)
        of_rows = pc.value_counts(rows)
        for row, count in zip(of_rows.field("values").to_pylist(), of_rows.field("counts").to_pylist(), strict=True):
            counts[row + 1] = count
        offsets = pc.cumulative_sum(pa.array(counts, pa.int32()))
        lists = pa.ListArray.from_arrays(offsets, texts.take(used.indices))
        return pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")

    def _surely_orders(self) -> pa.Array:
        """Say of each row whether it names a customer and an order, so that it neither sums others nor is empty."""
        rows = len(self.sizes)
        found = self.found
        named = pa.repeat(pa.scalar(False), rows)
        if "customer" not in found:
            return named
        for name in KEY_FIELDS:
            if name in found:
                named = pc.or_(named, found[name].array(names_order, pa.bool_()))
        return pc.and_(named, found["customer"].array(lambda value: cleaned(value) is not None, pa.bool_()))
