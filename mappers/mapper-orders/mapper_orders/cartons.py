"""Stages one row of a carton view: packed or shipped, one SKU in one carton."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from order_rules import ids
from order_rules.canonical import clean
from order_rules.config import Rules
from order_rules.models import StagedCarton, StagedPacked, StagedShipped

from mapper_orders import reading
from mapper_orders.counts import LoadBook
from mapper_orders.inputs import ViewRow
from mapper_orders.quarantine import CUSTOMER_UNKNOWN, Finding, Origin, quarantine
from mapper_orders.reading import cleaned, found_text
from mapper_orders.validate import Check

CANONICAL: Final = ("customer_po", "style", "color")
AS_FOUND: Final = ("carton_id", "sku", "season", "shipping_method", "country")
_IDENTITY: Final = ("customer", "customer_po", "style", "color", "size", "carton_id", "sku")


@dataclass(frozen=True, slots=True)
class CartonSource:
    """What differs between packed and shipped.

    Attributes:
        stream: the input stream.
        table: the staging table.
        model: its row model.
        customer_source: the source kind of its customer names.
        day: the field that holds its date.
    """

    stream: str
    table: str
    model: type[StagedCarton]
    customer_source: Literal["packed", "shipped"]
    day: str


PACKED: Final = CartonSource("packed_products", "stg_packed", StagedPacked, "packed", "packed_on")
SHIPPED: Final = CartonSource("shipped", "stg_shipped", StagedShipped, "shipped", "shipped_on")


class CartonStage:
    """Stages rows of one carton view by the rules."""

    def __init__(self, rules: Rules, source: CartonSource) -> None:
        self.source = source
        self.version = rules.version
        self._check = Check(source.model)
        self._size_of = lru_cache(maxsize=16384)(rules.canonical_size)
        self._customer_of = lru_cache(maxsize=4096)(lambda name: rules.canonical_customer(name, source.customer_source))

    def stage(
        self, record: dict[str, Any], row: ViewRow, fields: tuple[tuple[str, str], ...], book: LoadBook
    ) -> list[tuple[str, dict[str, Any]]]:
        """Stage one row and book it.

        Args:
            record: the record, after privacy rules.
            row: its envelope.
            fields: the view's columns that are fields, each with its field.
            book: the books of its load.

        Returns:
            One record with its stream: staged or quarantined; nothing for a carton with no pieces.
        """
        found = mapped_fields(record, fields)
        value = found.get("qty")
        qty, verdict = reading.read_quantity(value)
        readable = verdict == reading.READABLE
        book.received(1, reading.numeric(value))
        book.read(cells=int(readable), qty=qty)
        if readable and qty == 0:
            book.excluded("zero", rows=1, cells=1)
            return []
        finding = _quantity_finding(value, qty, verdict)
        if finding is None and cleaned(found.get("customer")) is None:
            finding = Finding(CUSTOMER_UNKNOWN, "customer", found.get("customer"), 1, qty)
        if finding is not None:
            return [self._quarantine(found, row, book, finding)]

        carton, findings = self._carton(found, row, qty)
        if problem := self._check.problem(carton, wide_text=self._check.has_wide_text(carton)):
            finding = Finding(problem.code, problem.field, problem.value_in(carton), 1, qty, reason=problem.reason)
            return [self._quarantine(found, row, book, finding)]
        book.staged(self.source.table, rows=1, cells=1, qty=qty)
        if findings:
            book.findings(findings)
        return [(self.source.table, carton)]

    def _carton(self, found: dict[str, object], row: ViewRow, qty: int) -> tuple[dict[str, Any], list[str]]:
        source, findings = self.source, list[str]()
        carton = self._check.blank | self._origin(row).provenance(self.version)
        carton["row_id"] = ids.carton_row_id(
            connection=row.connection, stream=source.stream, row_hash=row.row_hash, occurrence=row.occurrence
        )
        carton["connection"] = row.connection
        carton["customer_source"] = found_text(found.get("customer"))
        carton["customer"] = customer = self._customer_of(carton["customer_source"])
        for field in CANONICAL:
            if (text := found_text(found.get(field))) is not None:
                carton[field + "_source"] = text
                carton[field] = clean(text)
        carton["size_source"] = size = found_text(found.get("size"))
        carton["size"] = self._size_of(size, customer)
        for field in AS_FOUND:
            carton[field] = found_text(found.get(field))
        carton["qty"] = qty
        carton[source.day], readable = reading.read_day(found.get(source.day))
        if not readable:
            findings.append(f"unreadable_date:{source.day}")
        return carton, findings

    def customer_of(self, name: str | None) -> str | None:
        """Give the canonical name of a customer as found."""
        return self._customer_of(name)

    def size_of(self, size: str | None, customer: str | None) -> str | None:
        """Give the canonical spelling of a size as found."""
        return self._size_of(size, customer)

    def _origin(self, row: ViewRow) -> Origin:
        stream = self.source.stream
        view = f"{row.connection}.{stream}"
        return Origin(
            row.load_id, f"{row.connection}:{stream}", view, None, None, f"{view}!{row.row_hash}", cell_places=False
        )

    def _quarantine(
        self, found: dict[str, object], row: ViewRow, book: LoadBook, finding: Finding
    ) -> tuple[str, dict[str, Any]]:
        identity: dict[str, object] = {field: found[field] for field in _IDENTITY if field in found}
        offending = [("qty", found.get("qty"))]
        if finding.field not in (None, "qty", "customer"):
            offending.append((str(finding.field), finding.value))
        return quarantine(
            book,
            self._origin(row),
            finding,
            identity=identity,
            offending=offending,
            rules_version=self.version,
        )


def mapped_fields(record: dict[str, Any], fields: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """Take the mapped columns; of two columns of one field the first that holds a value counts."""
    found: dict[str, object] = {}
    for name, field in fields:
        value = record.get(name)
        if value is not None and (field not in found or cleaned(found[field]) is None):
            found[field] = value
    return found


def _quantity_finding(value: object, qty: int, verdict: str) -> Finding | None:
    if verdict in (reading.BLANK, reading.ERROR_CELL):
        return Finding(reading.UNREADABLE, "qty", value, 1, 0, reason="The quantity is missing. Enter it.")
    if verdict:
        return Finding(verdict, "qty", value, 1, 0)
    if qty < 0:
        return Finding("negative_quantity", "qty", value, 1, qty)
    return None
