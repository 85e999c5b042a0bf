"""Stages wide rows by columns, for the batch path: the same rules as ``orders``, a value at a time where it can be.

What a row is decided by (is it an order, its sizes, its findings) is asked of the record path's own functions; its
fields, lines and ids are made by columns. A row that fails its check goes through the record path for its quarantine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from order_rules.canonical import clean
from order_rules.ids import ID_LENGTH, MISSING_FIELD, SEPARATOR
from order_rules.models import MAX_QUANTITY, OrderListRow, StagedOrder, columns

from mapper_orders.columns import (
    MONEY_TYPE,
    Values,
    constant,
    iso_day,
    kept,
    replaced,
    table_of,
    table_of_records,
    too_long,
)
from mapper_orders.counts import QUARANTINE_TABLES, Books, LoadBook, book_of
from mapper_orders.melt import Line
from mapper_orders.orders import CANONICAL, DATES, MONEY, SAME_ON_LINE, OrderStage, WideRow, add_findings, read_fields
from mapper_orders.quarantine import json_text
from mapper_orders.reading import BLANK, ERROR_CELL, READABLE, found_text, read_day, read_money, read_quantity
from mapper_orders.wide_columns import PROVENANCE, TEXTS, GivenRows, WideColumns, others

Staged = tuple[str, pa.Table]
"""A stream and rows for it."""

ORDER_LIMITS: Final = {one.name: one.max_length for one in columns(OrderListRow) if one.max_length}
LINE_LIMITS: Final = {one.name: one.max_length for one in columns(StagedOrder) if one.max_length}
_BEFORE_SIZE: Final = ("customer_po", "style", "color")
_BEHIND_SIZE: Final = ("drop", "delivery_method")


def stage_orders(stage: OrderStage, rows: Iterable[WideRow], books: Books) -> Iterator[Staged]:
    """Stage wide rows that come one by one, and book them under their loads.

    Args:
        stage: the rules of their source.
        rows: the rows, in order.
        books: the books of the loads.

    Yields:
        Tables for the order list, its lines and the quarantine; those without rows are left out.
    """
    for load_id, some in groupby(rows, lambda row: row.origin.load_id):
        yield from stage_rows(stage, GivenRows(list(some)), book_of(books, load_id, stage.source.stream))


def stage_rows(stage: OrderStage, rows: WideColumns, book: LoadBook) -> Iterator[Staged]:
    """Stage wide rows of one load.

    Args:
        stage: the rules of their source.
        rows: the rows, in order.
        book: the books of the load.

    Yields:
        As :func:`stage_orders`.
    """
    orders = OrderColumns(stage, rows)
    quarantined = [*orders.admit(book), *orders.set_unfit_aside(book)]
    if orders.rows:
        quarantined += orders.book(book)
        yield "order_list", orders.order_table(book)
        if orders.lines.count:
            yield stage.source.table, orders.line_table(book)
    if quarantined:
        table = QUARANTINE_TABLES[stage.source.stream]
        yield table, table_of_records(table, quarantined)


@dataclass(frozen=True, slots=True)
class LineColumns:
    """The lines of many rows, by columns.

    Attributes:
        rows: place of the row that each line belongs to.
        sizes: canonical size.
        headers: size as found.
        quantities: pieces ordered.
        cells: how many cells each is made of.
    """

    rows: pa.Array
    sizes: Values
    headers: Values
    quantities: pa.Array
    cells: pa.Array

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.rows)

    def take(self, places: pa.Array) -> LineColumns:
        """Give some of the lines."""
        return LineColumns(
            self.rows.take(places),
            self.sizes.take(places),
            self.headers.take(places),
            self.quantities.take(places),
            self.cells.take(places),
        )

    def joined(self, place: list[int], lines: list[Line]) -> LineColumns:
        """Put other lines, each with the place of its row, in between, where their rows stand."""
        joined = LineColumns(
            pa.concat_arrays([self.rows, pa.array(place, pa.int32())]),
            Values.of([*self.sizes.each(_itself), *(line.size for line in lines)]),
            Values.of([*self.headers.each(_itself), *(line.cells[0].header for line in lines)]),
            pa.concat_arrays([self.quantities, pa.array([line.qty for line in lines], pa.int64())]),
            pa.concat_arrays([self.cells, pa.array([len(line.cells) for line in lines], pa.int64())]),
        )
        return joined.take(pc.sort_indices(joined.rows)) if self.count else joined


class OrderColumns:
    """Wide rows of one load, by columns: first they are admitted, then made into tables.

    Attributes:
        rows: how many are staged.
        lines: their lines that fit their column.
    """

    def __init__(self, stage: OrderStage, wide: WideColumns) -> None:
        self.rows = len(wide.sizes)
        self.lines: LineColumns
        self._stage = stage
        self._wide = wide
        self._found = wide.found
        self._names: Values
        self._dropped: set[int] = set()
        self._duplicates: dict[int, list[str]] = {}
        self._set_aside: list[tuple[int, list[Line]]] = []
        self._staged: pa.Array | None = None  # which rows are; None: all
        self._order: dict[str, pa.Array] = {}

    def admit(self, book: LoadBook) -> list[dict[str, Any]]:
        """Book all rows as received, and melt those that are orders.

        Returns:
            The quarantine records of rows that are not.
        """
        wide, cells = self._wide, self._wide.cells
        qty = pc.sum(cells.quantities).as_py() or 0
        book.received(len(cells.rows), qty, rows=self.rows - len(wide.odd))
        book.read(cells=len(cells.rows), qty=qty, rows=pc.count_distinct(cells.rows).as_py())
        names = [""] * self.rows
        if "customer" in self._found:
            names = self._found["customer"].each(lambda value: found_text(value) or "")
        quarantined: list[dict[str, Any]] = []
        for place in sorted(wide.odd):
            answer = self._stage.admit(wide.row(place), book)
            if isinstance(answer, str):
                names[place] = answer
            else:
                quarantined += [record for _, record in answer]
                self._dropped.add(place)
        self._names = Values.of(names)
        self._melt(set(wide.odd))
        return quarantined

    def _melt(self, odd: set[int]) -> None:
        """Make lines of all cells at once; rows that are odd, or have a size twice, are melted one by one."""
        cells = self._wide.cells
        size_of, customer_of = self._stage.size_of, self._stage.customer_of
        customers = Values.among(list(map(customer_of, self._names.distinct)), self._names.codes.take(cells.rows))
        lines = cells.headers.pairs(customers, lambda header, customer: (size_of(header, customer), header))
        # Two headers that say nothing are not one size: missing is never equal to missing.
        keys = [(None, header) if size is None else (size, "") for size, header in lines.distinct]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        of_line = pa.array([numbers[key] for key in keys], pa.int64()).take(lines.codes)
        sizes = [size for size, _ in numbers]
        self.lines = LineColumns(
            cells.rows,
            Values.among(sizes, of_line),
            cells.headers,
            cells.quantities,
            pa.repeat(pa.scalar(1, pa.int64()), len(cells.rows)),
        )
        row_and_size = pc.add(pc.multiply(cells.rows.cast(pa.int64()), len(sizes)), of_line)
        if pc.count_distinct(row_and_size).as_py() < len(row_and_size):
            counted = pc.value_counts(row_and_size)
            twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
            again = set(pc.divide(twice, len(sizes)).to_pylist())
            self.lines = self.lines.take(pc.indices_nonzero(others(again, self.rows).take(self.lines.rows)))
            odd |= again
        if odd:
            self._melt_each(sorted(odd - self._dropped))

    def _melt_each(self, places: list[int]) -> None:
        of_row: list[int] = []
        fitting: list[Line] = []
        customers = self._names.each(self._stage.customer_of)
        for place in places:
            run = self._wide.row(place).run
            lines, self._duplicates[place] = self._stage.lines(run, customers[place])
            cells = 0
            for line in lines:
                if line.qty <= MAX_QUANTITY:
                    of_row.append(place)
                    fitting.append(line)
                    cells += len(line.cells)
            if cells < len(run.cells):
                self._set_aside.append((place, lines))
        if fitting:
            self.lines = self.lines.joined(of_row, fitting)

    def set_unfit_aside(self, book: LoadBook) -> list[dict[str, Any]]:
        """Take out the rows with a text that does not fit its column.

        Returns:
            Their quarantine records.
        """
        unfit = self._unfit() - self._dropped
        quarantined: list[dict[str, Any]] = []
        if unfit:
            names = self._names.each(_itself)
            for place in sorted(unfit):
                made = self._stage.stage_order(self._wide.row(place), book, names[place])
                quarantined += [record for _, record in made]
            self._dropped |= unfit
            self._set_aside = [(place, lines) for place, lines in self._set_aside if place not in unfit]
        if self._dropped:
            self._staged = others(self._dropped, self.rows)
            self.lines = self.lines.take(pc.indices_nonzero(self._staged.take(self.lines.rows)))
            self.rows -= len(self._dropped)
        return quarantined

    def _unfit(self) -> set[int]:
        customer_of = self._stage.customer_of
        unfit = too_long(self._names, ORDER_LIMITS["customer_source"], found_text)
        unfit |= too_long(Values.of(self._names.each(customer_of)), ORDER_LIMITS["customer"], found_text)
        for name in PROVENANCE:
            unfit |= too_long(self._wide.origin[name], ORDER_LIMITS[name], _itself)
        for name in TEXTS:
            if name in self._found and name in ORDER_LIMITS:
                unfit |= too_long(self._found[name], ORDER_LIMITS[name], found_text)
        # What only lines carry counts in rows that have lines.
        of_lines: set[int] = set()
        for name, _ in CANONICAL:
            if name in self._found:
                of_lines |= too_long(self._found[name], LINE_LIMITS[name], _canonical)
        if of_lines:
            unfit |= of_lines.intersection(self.lines.rows.to_pylist())
        for sizes, name in ((self.lines.sizes, "size"), (self.lines.headers, "size_source")):
            if long := too_long(sizes, LINE_LIMITS[name], found_text):
                unfit.update(self.lines.rows.take(pa.array(sorted(long), pa.int64())).to_pylist())
        return unfit

    def book(self, book: LoadBook) -> list[dict[str, Any]]:
        """Book what is staged, and set aside the cells that are no line.

        Returns:
            The quarantine records of those cells.
        """
        book.staged("order_list", rows=self.rows)
        if lines := self.lines.count:
            cells, qty = pc.sum(self.lines.cells).as_py(), pc.sum(self.lines.quantities).as_py()
            book.staged(self._stage.source.table, rows=lines, cells=cells, qty=qty)
        return [
            record
            for place, lines in self._set_aside
            for _, record in self._stage.set_aside(self._wide.row(place), book, lines)
        ]

    def order_table(self, book: LoadBook) -> pa.Table:
        """Make the order list rows, and book what is odd about them."""
        wide = self._wide
        arrays = {name: values.text(_itself) for name, values in wide.origin.items()}
        arrays["rules_version"] = constant(self._stage.version, len(wide.sizes))
        arrays["customer_source"] = self._names.text(found_text)
        arrays["customer"] = self._names.text(self._stage.customer_of)
        arrays["row_number"] = wide.row_numbers
        arrays["size_qty"] = wide.size_qty
        arrays["sizes"] = wide.sizes
        unreadable: set[int] = set()
        for name, values in self._found.items():
            if name in DATES:
                unreadable.update(values.rows_where(lambda value: not read_day(value)[1]))
                arrays[name] = values.array(lambda value: iso_day(read_day(value)[0]), pa.date32())
            elif name in MONEY:
                unreadable.update(values.rows_where(lambda value: not read_money(value)[1]))
                arrays[name] = values.array(lambda value: read_money(value)[0], MONEY_TYPE)
            elif name in TEXTS:
                arrays[name] = values.text(found_text)
        told = unreadable | wide.odd | self._duplicates.keys()
        if "total_qty" in self._found:
            totals = self._found["total_qty"]
            arrays["total_qty"] = totals.array(_total, pa.int64())
            told.update(totals.rows_where(_unreadable))
            told.update(
                pc.indices_nonzero(pc.not_equal(arrays["total_qty"], wide.size_qty).fill_null(False)).to_pylist()
            )
        arrays |= self._tell(sorted(told - self._dropped), unreadable, book)
        if self._staged is not None:
            arrays = {name: kept(array, self._staged) for name, array in arrays.items()}
        self._order = arrays
        return table_of("order_list", arrays)

    def _tell(self, places: list[int], unreadable: set[int], book: LoadBook) -> dict[str, pa.Array]:
        """Gather the findings of rows that have any, book them, and keep with the other cells what cannot be read."""
        findings: dict[int, str | None] = {}
        extra: dict[int, str | None] = {}
        for place in places:
            row = self._wide.row(place)
            if place in unreadable:
                read_fields({}, row.fields)
            add_findings(row, self._duplicates.get(place, []))
            if said := row.fields.findings:
                book.findings(said)
                findings[place] = json_text(list(dict.fromkeys(said)))
            extra[place] = json_text(row.fields.extra)
        nothing = pa.nulls(len(self._wide.sizes), pa.string())
        return {"findings": replaced(nothing, findings), "extra": replaced(self._wide.extra, extra)}

    def line_table(self, book: LoadBook) -> pa.Table:
        """Make the lines of the rows; the order table must be made before."""
        lines, order = self.lines, self._order
        of_row = self._place_of(lines.rows)
        arrays: dict[str, pa.Array] = {
            name: order[name].take(of_row)
            for name in (*PROVENANCE, "rules_version", "row_number", "customer", "customer_source", *SAME_ON_LINE)
            if name in order
        }
        for name, source in CANONICAL:
            if name in self._found:
                arrays[source] = order[name].take(of_row)
                canonical = self._found[name].text(_canonical)
                arrays[name] = (canonical if self._staged is None else kept(canonical, self._staged)).take(of_row)
        arrays["size"] = lines.sizes.text(_itself)
        arrays["size_source"] = lines.headers.text(found_text)
        arrays["ordered_qty"] = lines.quantities
        arrays["order_line_id"] = pa.array(self._ids(lines.headers.each(_canonical), book), pa.string())
        return table_of(self._stage.source.table, arrays)

    def _place_of(self, rows: pa.Array) -> pa.Array:
        """Give the places of rows among those that are staged."""
        if self._staged is None:
            return rows
        before = pc.subtract(pc.cumulative_sum(self._staged.cast(pa.int32())), pa.scalar(1, pa.int32()))
        return before.take(rows)

    def _ids(self, sizes: list[str | None], book: LoadBook) -> list[str]:
        """Name each line as :func:`order_rules.ids.order_line_id` does, what its row's lines share joined once."""
        heads, tails = self._shared_parts()
        of_line = zip(self.lines.rows.to_pylist(), map(_or_missing, sizes), strict=True)
        stems = [heads[row] + size + tails[row] for row, size in of_line]
        ids = [_hash(stem + "0") for stem in stems]
        for line, before in book.occurrences(ids):
            ids[line] = _hash(stems[line] + str(before))
        return ids

    def _shared_parts(self) -> tuple[list[str], list[str]]:
        rows = len(self._wide.sizes)

        def part(name: str) -> list[str]:
            if name not in self._found:
                return [MISSING_FIELD] * rows
            return self._found[name].each(lambda value: _or_missing(found_text(value)))

        source = self._stage.source.id_source
        before = zip(
            [source] * rows,
            self._wide.origin["unit_id"].each(_or_missing),
            self._wide.origin["sheet"].each(_or_missing),
            part("order_number"),
            self._names.each(lambda name: _or_missing(found_text(name))),
            *map(part, _BEFORE_SIZE),
            strict=True,
        )
        behind = zip(*map(part, _BEHIND_SIZE), strict=True)
        return (
            [SEPARATOR.join(parts) + SEPARATOR for parts in before],
            [SEPARATOR + SEPARATOR.join(parts) + SEPARATOR for parts in behind],
        )


def _total(value: object) -> int | None:
    total, unreadable = read_quantity(value)
    return None if unreadable else total


def _unreadable(value: object) -> bool:
    return read_quantity(value)[1] not in (READABLE, BLANK, ERROR_CELL)


def _itself(value: Any) -> Any:  # noqa: ANN401  (any value)
    return value


def _hash(joined: str) -> str:
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH]


def _or_missing(text: str | None) -> str:
    return MISSING_FIELD if text is None else text


def _canonical(value: object) -> str | None:
    return clean(found_text(value))
