"""What has to come of an order list, said from its sheet alone: every record of tap and mapper, cell for cell.

Nothing here calls the tap or the mapper, or parses a value: what a cell is worth, its sheet says.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.order_lists.cells import Cell, shown
from tests.order_lists.sheets import Column, Row, Sheet

Record = dict[str, Any]

CANONICAL = ("customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color")
"""Fields that a line carries canonical, and beside it as found."""

AS_IN_THE_ROW = (
    *("order_number", "color_code", "category", "order_type", "delivery_method", "season", "drop"),
    *("ordered_on", "ex_factory_on", "eta_on", "customer_price", "final_fob_usd"),
)
ROW_FIELDS = (
    *("customer", "customer_source", "style_description", "uom", "total_qty", "size_qty", "customer_season"),
    *("destination", "destination_warehouse", "channel", "notes", "sizes", "extra", "findings"),
    *CANONICAL,
    *AS_IN_THE_ROW,
)
LINE_FIELDS = (
    *("order_line_id", "customer", "customer_source", "size", "size_source", "ordered_qty"),
    *CANONICAL,
    *(f"{name}_source" for name in CANONICAL),
    *AS_IN_THE_ROW,
)
KNOWN_BY = (
    *("order_number", "customer", "customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color"),
)
"""What a person knows a row by: a quarantine record carries it."""

REASONS = {
    "negative_quantity": "The quantity is negative. Correct it; a cancelled order is marked by its order type.",
    "fractional_quantity": "The quantity is not a whole number of pieces. Correct it.",
    "unreadable_quantity": "The quantity cannot be read. Enter a whole number, or clear it.",
    "customer_unknown": "The customer is blank and cannot be told from the other rows. Enter its name.",
}
STREAMS = ("order_list_rows", "order_list", "stg_orders_sharepoint", "stg_quarantine_sharepoint", "load_counts")
LEFT_OUT = ("zero", "blank")
READABLE = ("", "zero", "negative_quantity")


def hashed(*fields: Any) -> str:
    """An id: 128 bits of the SHA-256 of the fields, joined by U+001F, a missing one as U+0000."""
    text = "\x1f".join("\0" if value is None else str(value) for value in fields)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Outcome:
    """All records of one load.

    Attributes:
        records: stream to its records in order; JSON texts are given as what they say.
    """

    def __init__(self, sheet: Sheet, *, load_id: str, unit_id: str, source: str, rules_version: str) -> None:
        self._sheet = sheet
        self._where = {
            "load_id": load_id,
            "unit_id": unit_id,
            "source": source,
            "sheet": "MASTER",
            "rules_version": rules_version,
        }
        self._seen: Counter[str] = Counter()
        self._counts: dict[tuple[str, str, str], list[int]] = {}
        self.numbers: list[Any] = []
        self.records: dict[str, list[Record]] = {
            stream: []
            for stream in ("order_list_rows", "order_list", "stg_orders_sharepoint", "stg_quarantine_sharepoint")
        }
        for table in ("order_list", "stg_orders_sharepoint"):
            self._count(table, "staged")
        for row in sheet.rows:
            if row.fate != "blank":
                self._row(row)
        self._count("order_list_rows", "received", qty=round(sum(self.numbers)))
        self.records["load_counts"] = [
            dict(
                zip(
                    ("load_id", "table", "measure", "reason", "rows", "cells", "qty"), (load_id, *key, *of), strict=True
                )
            )
            for key, of in sorted(self._counts.items())
        ]

    @property
    def customer(self) -> str | None:
        """The sheet's customer as first written, where all its orders that name one name the same."""
        orders = [row for row in self._sheet.rows if row.fate != "subtotal"]
        cells = [cell for row in orders if (cell := row.cells.get(self._sheet.of("customer"))) and cell.canonical]
        return cells[0].kept if len({cell.canonical for cell in cells}) == 1 else None

    def _count(
        self, table: str, measure: str, reason: str = "", *, rows: int = 0, cells: int = 0, qty: int = 0
    ) -> None:
        count = self._counts.setdefault((table, measure, reason), [0, 0, 0])
        for place, number in enumerate((rows, cells, qty)):
            count[place] += number

    def _row(self, row: Row) -> None:
        filled = self._sheet.filled(row)
        sizes = [(column, cell) for column, cell in filled if column.in_run]
        others = [(column, cell) for column, cell in filled if not column.in_run]
        where = self._where | {"row_number": self._sheet.row_number(row)}
        self.records["order_list_rows"].append(
            {
                **{name: where[name] for name in ("load_id", "row_number", "sheet")},
                "file_id": where["unit_id"],
                "source_file": where["source"],
                "sheet_customer": self.customer,
                "cells": self._pairs(others),
                "sizes": self._pairs(sizes),
            }
        )
        self.numbers += [cell.sent for _, cell in sizes if isinstance(cell.sent, int | float) and cell.sent is not True]
        readable = [cell for _, cell in sizes if cell.fate in READABLE]
        qty = sum(cell.pieces for cell in readable)
        self._count("order_list_rows", "received", rows=1, cells=len(sizes))
        if readable:
            self._count("order_list_rows", "read", rows=1, cells=len(readable), qty=qty)
        known = {column.field: cell for column, cell in others if column.field and not cell.aside}
        if row.fate == "customer_unknown":
            self._quarantine(where, known, "customer_unknown", "customer", known.get("customer"), sizes, qty)
        elif row.fate != "order":
            self._count("order_list_rows", "excluded", row.fate, rows=1, cells=len(sizes), qty=qty)
        else:
            self._order(row, where, known, sizes, others, qty)

    def _order(  # noqa: PLR0917
        self,
        row: Row,
        where: Record,
        known: dict[str, Cell],
        sizes: list[tuple[Column, Cell]],
        others: list[tuple[Column, Cell]],
        qty: int,
    ) -> None:
        order: Record = dict.fromkeys(ROW_FIELDS) | where | {name: cell.kept for name, cell in known.items()}
        order["customer_source"] = row.filled or known["customer"].kept
        order["customer"] = " ".join(order["customer_source"].split()).upper()
        order["size_qty"] = qty
        order["sizes"] = self._pairs(sizes)
        unread = [(column, cell) for column, cell in others if cell.finding and not cell.aside]
        unread.sort(key=lambda pair: pair[0].field == "total_qty")  # compared last, once all sizes are read
        order["extra"] = self._pairs([pair for pair in others if not pair[0].field or pair[1].aside]) + self._pairs(
            unread
        )

        lines: dict[str, list[tuple[Column, Cell]]] = {}
        for column, cell in sizes:
            if not cell.fate:
                lines.setdefault(column.size or self._sheet.name_of(column), []).append((column, cell))
        found = {f"duplicate_header:{column.field}" for column, cell in others if cell.aside}
        found |= {f"duplicate_size:{size}" for size, cells in lines.items() if len(cells) > 1}
        found |= {cell.finding for _, cell in (*sizes, *others) if cell.finding}
        found |= {"customer_filled"} if row.filled else set()
        if order["total_qty"] is not None and order["total_qty"] != qty:
            found.add("total_qty_mismatch")
        order["findings"] = list(found) or None
        self.records["order_list"].append(order)
        self._count("order_list", "staged", rows=1)
        for code in {name.partition(":")[0] for name in found}:
            self._count("order_list_rows", "finding", code, rows=1)
        for size, cells in lines.items():
            self._line(where, order, known, size, cells)
        for column, cell in sizes:
            if cell.fate in LEFT_OUT:
                self._count("order_list_rows", "excluded", cell.fate, cells=1)
            elif cell.fate:
                name = self._sheet.name_of(column)
                self._quarantine(where, known, cell.fate, name, cell, [(column, cell)], cell.pieces, at=f"!{name}")

    def _line(
        self, where: Record, order: Record, known: dict[str, Cell], size: str, cells: list[tuple[Column, Cell]]
    ) -> None:
        line: Record = dict.fromkeys(LINE_FIELDS) | where
        line |= {name: order[name] for name in ("customer", "customer_source", *AS_IN_THE_ROW)}
        for name in CANONICAL:
            line |= {f"{name}_source": order[name], name: known[name].canonical if name in known else None}
        line["size"], line["size_source"] = size, self._sheet.name_of(cells[0][0])
        line["ordered_qty"] = sum(cell.pieces for _, cell in cells)
        named = ["order_list", where["unit_id"], where["sheet"], order["order_number"], order["customer_source"]]
        named += [order["customer_po"], order["style"], order["color"], " ".join(line["size_source"].split()).upper()]
        named += [order["drop"], order["delivery_method"]]
        self._seen[hashed(*named)] += 1
        line["order_line_id"] = hashed(*named, self._seen[hashed(*named)] - 1)
        self.records["stg_orders_sharepoint"].append(line)
        self._count("stg_orders_sharepoint", "staged", rows=1, cells=len(cells), qty=line["ordered_qty"])

    def _quarantine(  # noqa: PLR0917
        self,
        where: Record,
        known: dict[str, Cell],
        code: str,
        field: str,
        cell: Cell | None,
        cells: list[tuple[Column, Cell]],
        qty: int,
        at: str = "",
    ) -> None:
        place = f"{where['source']}!MASTER!row {where['row_number']}{at}"
        self._seen[place + code] += 1
        if self._seen[place + code] > 1:
            place += f"#{self._seen[place + code]}"
        row = {name: known[name].sent for name in KNOWN_BY if name in known and known[name].canonical is not None}
        self.records["stg_quarantine_sharepoint"].append(
            where
            | {
                "quarantine_id": hashed("order_list_rows", place, field, code),
                "stream": "order_list_rows",
                "place": place,
                "field": field,
                "reason_code": code,
                "reason": REASONS[code],
                "value": None if cell is None else shown(cell.sent),
                "record": row | {"cells": self._pairs(cells)},
                "cells": len(cells),
                "qty": qty,
            }
        )
        self._count("order_list_rows", "quarantined", code, rows=1, cells=len(cells), qty=qty)

    def _pairs(self, cells: Iterable[tuple[Column, Cell]]) -> list[list[Any]]:
        return [[self._sheet.name_of(column), cell.sent] for column, cell in cells]


TEXTS = ("cells", "sizes", "extra", "findings", "record")
"""Columns that hold JSON as text; ``cells`` of a quarantine record or a count is a number."""


UNORDERED = ("extra", "findings")


PLAIN = (str, int, type(None))


def spelt(records: Iterable[Record]) -> list[Record]:
    """Records for comparison: JSON texts in one spelling, dates as text, and 28 is not 28.0."""
    return [
        {
            name: value if type(value) in PLAIN and name not in TEXTS else _spelt(name, value)
            for name, value in record.items()
        }
        for record in records
    ]


def _spelt(name: str, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if name not in TEXTS or isinstance(value, int):
        return f"{type(value).__name__} {value}"
    value = json.loads(value) if isinstance(value, str) else value
    value = sorted(value, key=json.dumps) if name in UNORDERED and value else value
    return json.dumps(value, sort_keys=True)
