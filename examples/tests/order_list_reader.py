"""Reads order lists with openpyxl, knowing nothing of how the sample was made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl

CellValue = Any


@dataclass
class OrderList:
    header_row: int
    header_cells: list[CellValue]
    customers: set[str]
    rows: dict[int, dict[int, CellValue]]
    hidden: set[int]
    sizes: range
    columns: dict[str, int]
    units: Counter[str] = field(default_factory=Counter)
    keys: Counter[tuple[str, ...]] = field(default_factory=Counter)
    quarantined: dict[str, Counter[str]] = field(default_factory=dict)


def folded(value: CellValue) -> str:
    return " ".join(str(value).split()).upper() if isinstance(value, str) else ""


def size_name(header: CellValue) -> str:
    if isinstance(header, datetime):
        return f"{header.month}-{header.day}"
    return str(header).strip()


def read_order_list(path: Path) -> OrderList:
    sheet = openpyxl.load_workbook(path, data_only=True)["MASTER"]
    grid: list[tuple[CellValue, ...]] = list(sheet.iter_rows(values_only=True))
    header_row = next(n for n, row in enumerate(grid) if "UNIT OF MEASURE" in map(folded, row))
    headers = list(grid[header_row])
    names = [folded(h) for h in headers]
    first, total = names.index("UNIT OF MEASURE") + 1, names.index("TOTAL QTY")
    rows = {
        n: {column: cell for column, cell in enumerate(row) if cell is not None}
        for n, row in enumerate(grid[header_row + 1 :], header_row + 2)
    }
    columns = {name: names.index(name) for name in dict.fromkeys(names) if name}
    customer = columns["CUSTOMER NAME"]
    hidden = {number for number, dimension in sheet.row_dimensions.items() if dimension.hidden}
    book = OrderList(
        header_row=header_row + 1,
        header_cells=headers,
        customers={row[customer].strip() for row in rows.values() if customer in row},
        rows=rows,
        hidden=hidden,
        sizes=range(first, total),
        columns=columns,
    )
    for row in rows.values():
        _add_order(book, row)
    return book


def _add_order(book: OrderList, row: dict[int, CellValue]) -> None:
    column = book.columns
    if not {column["PO NUMBER"], column["CUSTOMER STYLE"], column["ORDER TYPE"]} <= set(row):
        return
    customer = row.get(column["CUSTOMER NAME"])
    if customer is None and len(book.customers) == 1:
        (customer,) = book.customers
    for n in book.sizes:
        if n not in row:
            continue
        units, reason = read_units(row[n])
        if customer is None:
            reason = "customer_unknown"
        if reason:
            book.quarantined.setdefault(reason, Counter()).update(cells=1, units=units)
        elif units:
            size = size_name(book.header_cells[n])
            kind = "sample" if size == "SMS" else row[column["ORDER TYPE"]].lower()
            kind = {"received": "ordered", "active": "ordered"}.get(kind, kind)
            book.units[f"{kind}_units"] += units
            fields = (row[column[name]] for name in ("PO NUMBER", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION"))
            book.keys[(str(customer), *map(str, fields), size)] += units


def read_units(cell: CellValue) -> tuple[int, str]:
    if isinstance(cell, float) and not cell.is_integer():
        return 0, "fractional_quantity"
    if isinstance(cell, str):
        text = cell.strip().removesuffix(" pcs").replace(",", "")
        if text in {"-", "TBC", "#N/A"}:
            return 0, ""
        if not text.isdigit():
            return 0, "unreadable_quantity"
        cell = int(text)
    return int(cell), "negative_quantity" if cell < 0 else ""
