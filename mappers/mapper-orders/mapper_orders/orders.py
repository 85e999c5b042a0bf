"""Stages one wide row of an order list or of the master order view: the order, its lines, what is set aside.

The rows of both sources come here in one shape. Each goes one way: excluded, quarantined whole, or staged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from order_rules import ids
from order_rules.canonical import clean
from order_rules.config import Rules
from order_rules.models import MAX_QUANTITY, OrderListRow, StagedOrder

from mapper_orders import reading
from mapper_orders.counts import LoadBook
from mapper_orders.melt import ZERO, Fields, HeaderValue, Line, SizeRun, is_empty, is_subtotal, melt
from mapper_orders.quarantine import CUSTOMER_UNKNOWN, Finding, Origin, json_text, quarantine
from mapper_orders.reading import cleaned, found_text
from mapper_orders.validate import Check, Problem

Output = tuple[str, dict[str, Any]]
"""A stream and a record for it."""

DATES: Final = frozenset({"ordered_on", "ex_factory_on", "eta_on"})
MONEY: Final = frozenset({"customer_price", "final_fob_usd"})
NO_TEXT: Final = DATES | MONEY | {"total_qty"}
CANONICAL: Final = tuple(
    (field, f"{field}_source")
    for field in ("customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color")
)
"""Fields that a line carries canonical and as found."""

SAME_ON_LINE: Final = (
    "order_number",
    "color_code",
    "category",
    "order_type",
    "delivery_method",
    "season",
    "drop",
    "ordered_on",
    "ex_factory_on",
    "eta_on",
    "customer_price",
    "final_fob_usd",
)
_IDENTITY: Final = (
    "order_number",
    "customer",
    "customer_po",
    "customer_alt_po",
    "style",
    "pattern_id",
    "alias_item",
    "color",
)


@dataclass(frozen=True, slots=True)
class OrderSource:
    """What differs between the two sources of orders.

    Attributes:
        stream: the input stream.
        table: the table of its lines.
        customer_source: the source kind of its customer names.
        id_source: the source's name within line ids.
    """

    stream: str
    table: str
    customer_source: Literal["order_list", "master_order_list"]
    id_source: str


ORDER_LISTS: Final = OrderSource("order_list_rows", "stg_orders_sharepoint", "order_list", "order_list")
MASTER_VIEW: Final = OrderSource("master_order_list", "stg_orders_wms", "master_order_list", "wms")


class WideRow(NamedTuple):
    """One wide row of either source.

    Attributes:
        origin: where it was read.
        fields: its cells outside the size run.
        run: its size cells.
        sizes: the same as JSON text, as they came.
        sheet_customer: the sheet's only customer, which a blank one is filled with.
    """

    origin: Origin
    fields: Fields
    run: SizeRun
    sizes: str
    sheet_customer: str | None


class OrderStage:
    """Stages wide rows of one source by the rules."""

    def __init__(self, rules: Rules, source: OrderSource) -> None:
        self.source = source
        self.version = rules.version
        self._order_check = Check(OrderListRow)
        self._line_check = Check(StagedOrder)
        self._size_of = lru_cache(maxsize=16384)(rules.canonical_size)
        self._customer_of = lru_cache(maxsize=4096)(lambda name: rules.canonical_customer(name, source.customer_source))

    def stage(self, row: WideRow, book: LoadBook) -> list[Output]:
        """Stage one row and book all of it.

        Args:
            row: the row.
            book: the books of its load.

        Returns:
            Streams and records: the order list row and its lines, and what is quarantined; nothing for a row that
            is excluded.
        """
        answer = self.admit(row, book)
        return self.stage_order(row, book, answer) if isinstance(answer, str) else answer

    def admit(self, row: WideRow, book: LoadBook) -> str | list[Output]:
        """Book a row as received, and tell whether it is an order at all.

        Args:
            row: the row.
            book: the books of its load.

        Returns:
            The name of its customer as found; else what is quarantined of it: nothing for a row that is excluded.
        """
        fields, run = row.fields, row.run
        book.received(len(run.cells), run.numeric)
        book.read(cells=run.readable, qty=run.qty)
        if is_subtotal(fields, run):
            book.excluded("subtotal", rows=1, cells=len(run.cells), qty=run.qty)
            return []
        if is_empty(fields, run):
            book.excluded("empty_row", rows=1, cells=len(run.cells), qty=run.qty)
            return []
        name = fields.found["customer"][1] if "customer" in fields.found else None
        if cleaned(name) is None:
            if cleaned(row.sheet_customer) is None:
                return [
                    self._whole_row(row, book, Finding(CUSTOMER_UNKNOWN, "customer", name, len(run.cells), run.qty))
                ]
            name = row.sheet_customer
            fields.findings.append("customer_filled")
        return found_text(name) or ""

    def customer_of(self, name: str) -> str | None:
        """Give the canonical name of a customer as found."""
        return self._customer_of(name)

    def lines(self, run: SizeRun, customer: str | None) -> tuple[list[Line], list[str]]:
        """Melt a row's ordered quantities by the sizes of its customer; see :func:`melt`."""
        return melt(run, lambda header: self._size_of(header, customer))

    def size_of(self, header: str, customer: str | None) -> str | None:
        """Give the canonical size of a header for a customer."""
        return self._size_of(header, customer)

    def stage_order(self, row: WideRow, book: LoadBook, customer_source: str) -> list[Output]:
        """Stage a row that is admitted.

        Args:
            row: the row.
            book: the books of its load.
            customer_source: the name of its customer as found.

        Returns:
            Streams and records: the order list row, its lines and what is quarantined of it; or the quarantine of the
            whole row.
        """
        fields, run = row.fields, row.run
        customer = self._customer_of(customer_source)
        lines, duplicates = self.lines(run, customer)
        order = self._order_check.blank | row.origin.provenance(self.version)
        others = (*(cell.header for cell in run.cells), customer_source, row.origin.source, row.origin.sheet or "")
        wide_text = read_fields(order, fields) or not all(map(str.isascii, others))
        order["customer"] = customer
        order["customer_source"] = customer_source
        order["size_qty"] = run.qty
        order["sizes"] = row.sizes
        order["total_qty"] = add_findings(row, duplicates)
        order["findings"] = json_text(list(dict.fromkeys(fields.findings))) if fields.findings else None
        order["extra"] = json_text(fields.extra)

        base = self._line(row, order)
        fitting = [line for line in lines if line.qty <= MAX_QUANTITY]
        staged = [self._of_size(base, line) for line in fitting]
        if problem := self._order_check.problem(order, wide_text=wide_text):
            return [self._unfit_row(row, book, problem, order)]
        for record in staged:
            if problem := self._line_check.problem(record, wide_text=wide_text):
                return [self._unfit_row(row, book, problem, record)]

        book.staged("order_list", rows=1)
        if staged:
            cells, qty = sum(len(line.cells) for line in fitting), sum(line.qty for line in fitting)
            book.staged(self.source.table, rows=len(staged), cells=cells, qty=qty)
        if fields.findings:
            book.findings(fields.findings)
        outputs: list[Output] = [("order_list", order)]
        for record in staged:
            first = self._line_id(record, 0)
            occurrence = book.occurrence(first)
            record["order_line_id"] = self._line_id(record, occurrence) if occurrence else first
            outputs.append((self.source.table, record))
        if len(fitting) < len(run.cells):
            outputs += self.set_aside(row, book, lines)
        return outputs

    def _line(self, row: WideRow, order: dict[str, Any]) -> dict[str, Any]:
        """Give what all lines of a row have in common."""
        line = self._line_check.blank | row.origin.provenance(self.version)
        line["customer"] = order["customer"]
        line["customer_source"] = order["customer_source"]
        for field, source in CANONICAL:
            if (found := order[field]) is not None:
                line[source] = found
                line[field] = clean(found)
        for field in SAME_ON_LINE:
            line[field] = order[field]
        line["order_line_id"] = ""
        return line

    @staticmethod
    def _of_size(base: dict[str, Any], line: Line) -> dict[str, Any]:
        record = base.copy()
        record["size"] = line.size
        record["size_source"] = found_text(line.cells[0].header)
        record["ordered_qty"] = line.qty
        return record

    def _line_id(self, line: dict[str, Any], occurrence: int) -> str:
        """Name a line.

        The size goes in cleaned: who retypes a header in other letters names no other line.
        """
        return ids.order_line_id(
            source=self.source.id_source,
            unit_id=line["unit_id"],
            sheet=line["sheet"],
            order_number=line["order_number"],
            customer_source=line["customer_source"],
            customer_po_source=line["customer_po_source"],
            style_source=line["style_source"],
            color_source=line["color_source"],
            size_source=clean(line["size_source"]),
            drop=line["drop"],
            delivery_method=line["delivery_method"],
            occurrence=occurrence,
        )

    def set_aside(self, row: WideRow, book: LoadBook, lines: list[Line]) -> list[Output]:
        """Exclude or quarantine the cells that are no line, while the rest of the row goes on."""
        outputs: list[Output] = []
        for cell in row.run.cells:
            if cell.verdict in (ZERO, reading.BLANK):
                book.excluded(cell.verdict, cells=1)
            elif cell.verdict:
                finding = Finding(cell.verdict, cell.header, cell.value, 1, cell.qty, header=cell.header)
                outputs.append(self._quarantine(row, book, finding, [(cell.header, cell.value)]))
        for line in lines:
            if line.qty > MAX_QUANTITY:  # cells that are each small enough, summed
                header = line.cells[0].header
                finding = Finding(reading.TOO_LARGE, header, line.qty, len(line.cells), line.qty, header=header)
                outputs.append(self._quarantine(row, book, finding, [(cell.header, cell.value) for cell in line.cells]))
        return outputs

    def _unfit_row(self, row: WideRow, book: LoadBook, problem: Problem, record: dict[str, Any]) -> Output:
        value = problem.value_in(record)
        finding = Finding(problem.code, problem.field, value, len(row.run.cells), row.run.qty, reason=problem.reason)
        return self._whole_row(row, book, finding)

    def _whole_row(self, row: WideRow, book: LoadBook, finding: Finding) -> Output:
        return self._quarantine(row, book, finding, [(cell.header, cell.value) for cell in row.run.cells])

    def _quarantine(self, row: WideRow, book: LoadBook, finding: Finding, offending: Iterable[HeaderValue]) -> Output:
        found = row.fields.found
        identity: dict[str, object] = {field: found[field][1] for field in _IDENTITY if field in found}
        return quarantine(book, row.origin, finding, identity=identity, offending=offending, rules_version=self.version)


def read_fields(order: dict[str, Any], fields: Fields) -> bool:
    """Read the mapped cells into an order list row; what cannot be read is a finding and stays in ``extra``.

    Returns:
        Whether a text might fit its column in characters and not in the UTF-16 units that columns count.
    """
    wide_text = False
    for field, cell in fields.found.items():
        value = cell[1]
        if field not in NO_TEXT:
            order[field] = text = found_text(value)
            if text is not None and not text.isascii():
                wide_text = True
        elif field in DATES:
            order[field], readable = reading.read_day(value)
            if not readable:
                fields.findings.append(f"unreadable_date:{field}")
                fields.extra.append(cell)
        elif field in MONEY:
            order[field], readable = reading.read_money(value)
            if not readable:
                fields.findings.append(f"unreadable_money:{field}")
                fields.extra.append(cell)
    return wide_text


def add_findings(row: WideRow, duplicates: list[str]) -> int | None:
    """Add what is odd about a row's quantities; ``TOTAL QTY`` is compared with the sizes, never corrected.

    Args:
        row: the row, whose findings and extra cells grow.
        duplicates: the findings of its melting.

    Returns:
        The total as the row says it, ``None`` where it says none.
    """
    fields, run = row.fields, row.run
    if run.error_cell:
        fields.findings.append("error_cell")
    fields.findings.extend(duplicates)
    if "total_qty" not in fields.found:
        return None
    total, unreadable = reading.read_quantity(fields.found["total_qty"][1])
    if unreadable in (reading.BLANK, reading.ERROR_CELL):
        return None
    if unreadable:
        fields.findings.append("total_qty_unreadable")
        fields.extra.append(fields.found["total_qty"])
        return None
    if total != run.qty:
        fields.findings.append("total_qty_mismatch")
    return total
