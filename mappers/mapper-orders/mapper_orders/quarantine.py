"""Builds quarantine records: what could not be used, where it stands, and what a person has to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from order_rules.ids import quarantine_id
from order_rules.models import MAX_QUANTITY, Quarantined

from mapper_orders.counts import QUARANTINE_TABLES, LoadBook
from mapper_orders.errors import ContractError
from mapper_orders.reading import cleaned, found_text
from mapper_orders.validate import Check, clip

CUSTOMER_UNKNOWN: Final = "customer_unknown"

REASONS: Final[dict[str, str]] = {
    "negative_quantity": "The quantity is negative. Correct it; a cancelled order is marked by its order type.",
    "fractional_quantity": "The quantity is not a whole number of pieces. Correct it.",
    "unreadable_quantity": "The quantity cannot be read. Enter a whole number, or clear it.",
    "quantity_too_large": f"The quantity is over {MAX_QUANTITY}. Correct it.",
    CUSTOMER_UNKNOWN: "The customer is blank and cannot be told from the other rows. Enter its name.",
}
"""What to do, by reason code, in words of whoever keeps the workbook or the view."""

_CHECK: Final = Check(Quarantined)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_FIELD_LIMIT: Final = 200
_PLACE_LIMIT: Final = 700
_PLACE_ROOM: Final = 12  # for the number that tells two equal places apart
_REASON_LIMIT: Final = 1000


def json_text(value: object) -> str:
    """Write a value as JSON text; a ``Decimal`` keeps its digits."""
    return _ENCODER.encode(value).decode()


class Origin(NamedTuple):
    """Where a row was read.

    Attributes:
        load_id: its load.
        unit_id: workbook or view.
        source: path of the workbook, or connection and view.
        sheet: the sheet, ``None`` for a view.
        row_number: the row, ``None`` for cartons.
        place: the row's address as a person would look for it.
        cell_places: whether a header behind the place leads to the cell.
    """

    load_id: str
    unit_id: str
    source: str
    sheet: str | None
    row_number: int | None
    place: str
    cell_places: bool

    def provenance(self, rules_version: str) -> dict[str, Any]:
        """Give the provenance fields of a staged row."""
        return {
            "load_id": self.load_id,
            "unit_id": self.unit_id,
            "source": self.source,
            "sheet": self.sheet,
            "row_number": self.row_number,
            "rules_version": rules_version,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a row or a cell.

    Attributes:
        code: the reason's code.
        field: the field or size at fault, ``None`` for the whole row.
        value: the value as found.
        header: the cell's header where the finding is a cell's.
        reason: what to do; by default the text of the code.
        cells: how many quantity cells go with it.
        qty: their readable pieces.
    """

    code: str
    field: str | None
    value: object
    cells: int
    qty: int
    header: str | None = None
    reason: str | None = None


def quarantine(
    book: LoadBook,
    origin: Origin,
    finding: Finding,
    *,
    identity: Mapping[str, object],
    offending: Iterable[tuple[str, object]],
    rules_version: str,
) -> tuple[str, dict[str, Any]]:
    """Build a quarantine record and book it.

    Args:
        book: the load's books.
        origin: where the row was read.
        finding: what is wrong.
        identity: the fields a person knows the row by; missing ones are left out.
        offending: header and value of the cells at fault, after privacy rules.
        rules_version: the version of the rules.

    Returns:
        The quarantine table and the record.

    Raises:
        ContractError: the row's provenance does not fit, so that not even its quarantine can be kept.
    """
    place = origin.place
    if finding.header is not None and origin.cell_places:
        place = f"{place}!{finding.header}"
    place = clip(place, _PLACE_LIMIT - _PLACE_ROOM)
    field = None if finding.field is None else clip(finding.field, _FIELD_LIMIT)
    before = book.occurrence(f"{place}\x1f{field}\x1f{finding.code}")
    if before:
        place = f"{place}#{before + 1}"
    known = {name: value for name, value in identity.items() if cleaned(value) is not None}
    record = _CHECK.blank | origin.provenance(rules_version)
    record["quarantine_id"] = quarantine_id(stream=book.stream, place=place, field=field, reason_code=finding.code)
    record["stream"] = book.stream
    record["place"] = place
    record["field"] = field
    record["reason_code"] = finding.code
    record["reason"] = clip(finding.reason or REASONS[finding.code], _REASON_LIMIT)
    record["value"] = found_text(finding.value)
    record["record"] = json_text({**known, "cells": list(offending)})
    record["cells"] = finding.cells
    record["qty"] = finding.qty
    if problem := _CHECK.problem(record, wide_text=True):
        msg = f"{book.stream}, load {book.load_id}: a row cannot be kept even in quarantine: {problem.reason}"
        raise ContractError(msg)
    book.quarantined(finding.code, cells=finding.cells, qty=finding.qty)
    return QUARANTINE_TABLES[book.stream], record
