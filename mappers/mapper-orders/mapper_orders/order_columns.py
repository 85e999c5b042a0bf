"""Stages wide rows by columns, for the batch path: the same rules as ``orders``, a value at a time where it can be.

What a row is decided by (is it an order, its sizes, its findings) is asked of the record path's own functions; its
fields, lines and ids are made by columns. A row that fails its check goes through the record path for its quarantine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import compress, groupby
from typing import Any, Final

import pyarrow as pa
from order_rules.canonical import clean
from order_rules.ids import ID_LENGTH, MISSING_FIELD, SEPARATOR
from order_rules.models import MAX_QUANTITY, OrderListRow, StagedOrder, columns

from mapper_orders.columns import MONEY_TYPE, Values, constant, iso_day, table_of, table_of_records, too_long
from mapper_orders.counts import QUARANTINE_TABLES, Books, LoadBook, book_of
from mapper_orders.melt import Line
from mapper_orders.orders import CANONICAL, DATES, MONEY, SAME_ON_LINE, OrderStage, WideRow, add_findings, read_fields
from mapper_orders.quarantine import json_text
from mapper_orders.reading import found_text, read_day, read_money

Staged = tuple[str, pa.Table]
"""A stream and rows for it."""

ORDER_LIMITS: Final = {one.name: one.max_length for one in columns(OrderListRow) if one.max_length}
LINE_LIMITS: Final = {one.name: one.max_length for one in columns(StagedOrder) if one.max_length}
PROVENANCE: Final = ("load_id", "unit_id", "source", "sheet")
_MADE: Final = {*PROVENANCE, "rules_version", "customer", "customer_source", "findings", "sizes", "extra"}
TEXTS: Final = tuple(one.name for one in columns(OrderListRow) if one.type is str and one.name not in _MADE)
"""The fields of an order that are text as found."""
FIELDS: Final = (*TEXTS, *sorted(DATES), *sorted(MONEY))
_BEFORE_SIZE: Final = ("customer_po", "style", "color")
_BEHIND_SIZE: Final = ("drop", "delivery_method")


def stage_orders(stage: OrderStage, rows: Iterable[WideRow], books: Books) -> Iterator[Staged]:
    """Stage wide rows and book them under their loads.

    Args:
        stage: the rules of their source.
        rows: the rows, in order.
        books: the books of the loads.

    Yields:
        Tables for the order list, its lines and the quarantine; those without rows are left out.
    """
    for load_id, some in groupby(rows, lambda row: row.origin.load_id):
        yield from _stage_load(stage, some, book_of(books, load_id, stage.source.stream))


def _stage_load(stage: OrderStage, rows: Iterable[WideRow], book: LoadBook) -> Iterator[Staged]:
    quarantined: list[dict[str, Any]] = []
    admitted: list[WideRow] = []
    names: list[str] = []
    for row in rows:
        answer = stage.admit(row, book)
        if isinstance(answer, str):
            admitted.append(row)
            names.append(answer)
        else:
            quarantined += [record for _, record in answer]
    orders = OrderColumns(stage, admitted, names)
    if unfit := orders.unfit():
        for place in sorted(unfit):
            quarantined += [record for _, record in stage.stage_order(admitted[place], book, names[place])]
        fit = [place not in unfit for place in range(len(admitted))]
        orders = OrderColumns(stage, list(compress(admitted, fit)), list(compress(names, fit)))
    if orders.rows:
        quarantined += orders.book(book)
        yield "order_list", orders.order_table(book)
        if orders.lines.rows:
            yield stage.source.table, orders.line_table(book)
    if quarantined:
        table = QUARANTINE_TABLES[stage.source.stream]
        yield table, table_of_records(table, quarantined)


@dataclass(slots=True)
class LineColumns:
    """The lines of many rows, by columns.

    Attributes:
        rows: place of the row that each line belongs to.
        sizes: canonical size.
        headers: size as found.
        quantities: pieces ordered.
        cells: how many cells all of them are made of.
    """

    rows: list[int] = field(default_factory=list)
    sizes: list[str | None] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)
    cells: int = 0


class OrderColumns:
    """Admitted rows of one load, by columns.

    Attributes:
        rows: the rows.
        lines: their lines that fit their column.
    """

    def __init__(self, stage: OrderStage, rows: list[WideRow], names: list[str]) -> None:
        self.rows = rows
        self._stage = stage
        self._names = Values.of(names)
        self._origin = {name: Values.of([getattr(row.origin, name) for row in rows]) for name in PROVENANCE}
        self._found = {name: Values.of(column) for name, column in _columns(rows).items()}
        self.lines = LineColumns()
        self._duplicates: list[list[str]] = []
        self._set_aside: list[tuple[int, list[Line]]] = []
        self._order: dict[str, pa.Array] = {}
        self._melt()

    def _melt(self) -> None:
        into = self.lines
        customers = self._names.each(self._stage.customer_of)
        for place, (row, customer) in enumerate(zip(self.rows, customers, strict=True)):
            lines, duplicates = self._stage.lines(row.run, customer)
            cells = 0
            for line in lines:
                if line.qty <= MAX_QUANTITY:
                    into.rows.append(place)
                    into.sizes.append(line.size)
                    into.headers.append(line.cells[0].header)
                    into.quantities.append(line.qty)
                    cells += len(line.cells)
            into.cells += cells
            if cells < len(row.run.cells):
                self._set_aside.append((place, lines))
            self._duplicates.append(duplicates)

    def unfit(self) -> set[int]:
        """Find the rows with a text, as found or canonical, that is too long for its column."""
        customer_of = self._stage.customer_of
        unfit = too_long(self._names, ORDER_LIMITS["customer_source"], found_text)
        unfit |= too_long(Values.of(self._names.each(customer_of)), ORDER_LIMITS["customer"], found_text)
        for name in PROVENANCE:
            unfit |= too_long(self._origin[name], ORDER_LIMITS[name], lambda text: text)
        for name in TEXTS:
            if name in self._found and name in ORDER_LIMITS:
                unfit |= too_long(self._found[name], ORDER_LIMITS[name], found_text)
        # What only lines carry counts in rows that have lines.
        of_lines: set[int] = set()
        for name, _ in CANONICAL:
            if name in self._found:
                of_lines |= too_long(self._found[name], LINE_LIMITS[name], _canonical)
        if of_lines:
            unfit |= of_lines.intersection(self.lines.rows)
        for sizes, name in ((self.lines.sizes, "size"), (self.lines.headers, "size_source")):
            if long := too_long(Values.of(sizes), LINE_LIMITS[name], found_text):
                unfit.update(self.lines.rows[line] for line in long)
        return unfit

    def book(self, book: LoadBook) -> list[dict[str, Any]]:
        """Book what is staged, and set aside the cells that are no line.

        Returns:
            The quarantine records of those cells.
        """
        book.staged("order_list", rows=len(self.rows))
        if self.lines.rows:
            lines = self.lines
            book.staged(self._stage.source.table, rows=len(lines.rows), cells=lines.cells, qty=sum(lines.quantities))
        return [
            record
            for place, lines in self._set_aside
            for _, record in self._stage.set_aside(self.rows[place], book, lines)
        ]

    def order_table(self, book: LoadBook) -> pa.Table:
        """Make the order list rows, and book what is odd about them."""
        unreadable: set[int] = set()
        arrays: dict[str, pa.Array] = {}
        for name, values in self._found.items():
            if name in DATES:
                unreadable.update(values.rows_where(lambda value: not read_day(value)[1]))
                arrays[name] = values.array(lambda value: iso_day(read_day(value)[0]), pa.date32())
            elif name in MONEY:
                unreadable.update(values.rows_where(lambda value: not read_money(value)[1]))
                arrays[name] = values.array(lambda value: read_money(value)[0], MONEY_TYPE)
            else:
                arrays[name] = values.text(found_text)
        for place in sorted(unreadable):
            read_fields({}, self.rows[place].fields)
        totals = [add_findings(row, found) for row, found in zip(self.rows, self._duplicates, strict=True)]
        findings: list[str | None] = []
        for row in self.rows:
            said = row.fields.findings
            if said:
                book.findings(said)
            findings.append(json_text(list(dict.fromkeys(said))) if said else None)
        arrays |= self._provenance()
        arrays["row_number"] = pa.array([row.origin.row_number for row in self.rows], pa.int64())
        arrays["total_qty"] = pa.array(totals, pa.int64())
        arrays["size_qty"] = pa.array([row.run.qty for row in self.rows], pa.int64())
        arrays["sizes"] = pa.array([row.sizes for row in self.rows], pa.string())
        arrays["extra"] = pa.array([json_text(row.fields.extra) for row in self.rows], pa.string())
        arrays["findings"] = pa.array(findings, pa.string())
        self._order = arrays
        return table_of("order_list", arrays)

    def _provenance(self) -> dict[str, pa.Array]:
        texts = {name: values.text(lambda text: text) for name, values in self._origin.items()}
        texts["rules_version"] = constant(self._stage.version, len(self.rows))
        texts["customer_source"] = self._names.text(found_text)
        texts["customer"] = self._names.text(self._stage.customer_of)
        return texts

    def line_table(self, book: LoadBook) -> pa.Table:
        """Make the lines of the rows; the order table must be made before."""
        lines, order = self.lines, self._order
        headers = Values.of(lines.headers)
        of_row = pa.array(lines.rows, pa.int32())
        arrays: dict[str, pa.Array] = {
            name: order[name].take(of_row)
            for name in (*PROVENANCE, "rules_version", "row_number", "customer", "customer_source", *SAME_ON_LINE)
            if name in order
        }
        for name, source in CANONICAL:
            if name in self._found:
                arrays[source] = order[name].take(of_row)
                arrays[name] = self._found[name].text(_canonical).take(of_row)
        arrays["size"] = Values.of(lines.sizes).text(lambda text: text)
        arrays["size_source"] = headers.text(found_text)
        arrays["ordered_qty"] = pa.array(lines.quantities, pa.int64())
        arrays["order_line_id"] = pa.array(self._ids(headers.each(_canonical), book), pa.string())
        return table_of(self._stage.source.table, arrays)

    def _ids(self, sizes: list[str | None], book: LoadBook) -> list[str]:
        """Name each line as :func:`order_rules.ids.order_line_id` does, what its row's lines share joined once."""
        heads, tails = self._shared_parts()
        ids: list[str] = []
        for row, size in zip(self.lines.rows, sizes, strict=True):
            stem = heads[row] + (MISSING_FIELD if size is None else size) + tails[row]
            first = _hash(stem + "0")
            occurrence = book.occurrence(first)
            ids.append(_hash(stem + str(occurrence)) if occurrence else first)
        return ids

    def _shared_parts(self) -> tuple[list[str], list[str]]:
        def part(name: str) -> list[str]:
            if name not in self._found:
                return [MISSING_FIELD] * len(self.rows)
            return self._found[name].each(lambda value: _or_missing(found_text(value)))

        source = self._stage.source.id_source
        before = zip(
            [source] * len(self.rows),
            self._origin["unit_id"].each(_or_missing),
            self._origin["sheet"].each(_or_missing),
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


def _columns(rows: list[WideRow]) -> dict[str, list[object]]:
    """Bring the rows' fields into columns, row by row, so that each row is looked at while it is at hand."""
    columns: dict[str, list[object]] = {}
    for place, row in enumerate(rows):
        for name, cell in row.fields.found.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [None] * len(rows)
            column[place] = cell[1]
    return {name: columns[name] for name in FIELDS if name in columns}


def _hash(joined: str) -> str:
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH]


def _or_missing(text: str | None) -> str:
    return MISSING_FIELD if text is None else text


def _canonical(value: object) -> str | None:
    return clean(found_text(value))
