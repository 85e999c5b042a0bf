"""A MASTER sheet before it is a file: header cells, rows, and which of its cells are orders.

What stands in a cell and what it means are kept side by side, so that a hazard can change the one and leave or
take the other, and the truth is read off what is left.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from sample.brands import Brand, HeaderCell
from sample.orders import OrderRow
from sample.size_runs import AFTER_SIZES, SAMPLE_SIZE, size_run

SHEET_NAME: Final = "MASTER"
ERROR_TEXT: Final = "#N/A"


@dataclass(frozen=True)
class Formula:
    """A formula cell with the value Excel last computed. ``{row}`` stands for the row's number."""

    text: str
    value: int


@dataclass(frozen=True)
class ErrorCell:
    """A cell that shows ``#N/A``."""


Cell = str | int | float | date | Formula | ErrorCell


@dataclass
class SheetRow:
    """One row of a sheet.

    Attributes:
        cells: values by column, from 0; what is missing is empty.
        order: the order row that stands here; ``None`` for blank, subtotal and other rows.
        counts: whether the row's quantities are orders; false where its customer cannot be known.
        hidden: the row is not shown. It is data all the same.
    """

    cells: dict[int, Cell] = field(default_factory=dict)
    order: OrderRow | None = None
    counts: bool = True
    hidden: bool = False


@dataclass(frozen=True)
class Hazard:
    """Something that is wrong on purpose: what, in which row and under which layout header."""

    kind: str
    row: SheetRow | None = None
    header: str | None = None


@dataclass
class Sheet:
    """A MASTER sheet.

    Attributes:
        brand: whose it is.
        headers: layout headers (and extra sizes) in sheet order: the names this program uses.
        header_cells: what stands in the header row instead.
        above: rows above the header row.
        rows: rows below it.
        below: a second table below the first.
        hazards: what was planted.
        quarantined: unusable cells and their units by reason.
        filtered: the sheet carries a filter.
    """

    brand: Brand
    headers: list[str]
    header_cells: list[HeaderCell]
    above: list[SheetRow] = field(default_factory=list)
    rows: list[SheetRow] = field(default_factory=list)
    below: list[SheetRow] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    quarantined: dict[str, Counter[str]] = field(default_factory=dict)
    filtered: bool = False

    def column(self, header: str) -> int:
        """Give the column, from 0, of a layout header."""
        return self.headers.index(header)

    @property
    def sizes(self) -> list[str]:
        """The size columns in sheet order."""
        return size_run(self.headers)

    @property
    def header_row(self) -> int:
        """The header row's number, from 1 as Excel counts."""
        return len(self.above) + 1

    def all_rows(self) -> list[SheetRow]:
        """Every row below the header, first below it first."""
        return self.rows + self.below

    def row_number(self, row: SheetRow) -> int:
        """Give a row's number as Excel counts, from 1."""
        place = next(n for n, other in enumerate(self.all_rows()) if other is row)
        return self.header_row + 1 + place

    def orders(self) -> Iterator[tuple[SheetRow, OrderRow]]:
        """Go through the rows whose quantities are orders."""
        for row in self.rows:
            if row.order is not None and row.counts:
                yield row, row.order

    def quarantine(self, reason: str, cells: int = 1, units: int = 0) -> None:
        """Count cells that cannot be used."""
        self.quarantined.setdefault(reason, Counter()).update(cells=cells, units=units)


def order_sheet(brand: Brand, layout: list[str], rows: list[OrderRow], rng: random.Random) -> Sheet:
    """Lay a brand's order rows out on a sheet, without any hazard but those in its header row.

    Args:
        brand: the brand.
        layout: its header row.
        rows: its order rows.
        rng: the brand's own source of chance.

    Returns:
        The sheet.
    """
    headers = list(layout)
    headers[headers.index(AFTER_SIZES) : headers.index(AFTER_SIZES)] = brand.extra_sizes
    sheet = Sheet(brand, headers, [brand.headers.get(header, header) for header in headers])
    sheet.hazards += [Hazard("header", header=header) for header in headers if header in brand.headers]
    columns = {header: n for n, header in enumerate(headers)}
    for row in rows:
        cells = _cells(brand, row, rng)
        if SAMPLE_SIZE in columns and rng.random() < 0.15:
            row.quantities[SAMPLE_SIZE] = rng.choice((1, 2, 3))
        cells |= row.quantities
        cells[AFTER_SIZES] = sum(row.quantities.values())
        sheet.rows.append(SheetRow({columns[name]: value for name, value in cells.items() if name in columns}, row))
    return sheet


def _cells(brand: Brand, row: OrderRow, rng: random.Random) -> dict[str, Cell]:
    """Fill every column that real order lists fill; those that a layout lacks are left out by the caller."""
    header, style = row.header, row.style
    cells: dict[str, Cell] = {
        "AAG ORDER NUMBER": row.order_number,
        "CUSTOMER NAME": header.customer,
        "INFOR CUSTOMER CODE": f"C{brand.first_style:05d}",
        "CUSTOMER CODE": f"C{brand.first_style:05d}",
        "ORDER DATE PO RECEIVED": header.ordered_on,
        "PO NUMBER": int(header.po) if brand.po_as_number else header.po,
        "AAG SEASON": row.season,
        "CUSTOMER SEASON": f"{'SPRING' if row.season.startswith('SS') else 'FALL'} {header.ex_factory_on.year}",
        "DROP": row.drop,
        "MONTH": header.ex_factory_on.strftime("%B").upper(),
        "RANGE / COLLECTION": "CORE" if style.price < 20 else "PREMIUM",
        "CATEGORY": category(row),
        "PATTERN ID": style.pattern_id,
        "PLANNER": f"PLANNER {1 + brand.first_po % 4}",
        "MAKE OR BUY": "MAKE",
        "ITEM TYPE CODE": "FG",
        "INFOR ITEM TYPE CODE": "FG",
        "PRODUCT GROUP CODE": f"PG{brand.first_style % 7}",
        "INFOR PRODUCT GROUP CODE": f"PG{brand.first_style % 7}",
        "ORIGINAL ALIAS/RELATED ITEM": style.alias_item,
        "ALIAS/RELATED ITEM": style.alias_item,
        "CUSTOMER STYLE": style.number,
        "STYLE DESCRIPTION": style.description,
        "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": row.colour_code,
        "CUSTOMER COLOUR DESCRIPTION": row.colour,
        "UNIT OF MEASURE": "EA",
        "DESTINATION": header.country,
        "DESTINATION WAREHOUSE": header.warehouse,
        "ALLOCATION (CHANNEL)": "WHOLESALE" if header.method == "SEA" else "ECOM",
        "ETA CUSTOMER WAREHOUSE DATE": header.ex_factory_on + timedelta(days=35 if header.method == "SEA" else 8),
        "EX FACTORY DATE": header.ex_factory_on,
        "DELIVERY TERMS": "FOB",
        "PLANNED DELIVERY METHOD": header.method,
        "ORDER TYPE": row.order_type,
        "VALIDATION": "OK",
        "VALIDATION2": "OK",
        "CUSTOMER PRICE": round(style.price * 1.35, 2),
        "EX WORKS (USD)": style.price,
        "FINAL FOB (USD)": round(style.price * 1.08, 2),
        "HS CODE": "6109100010",
        "US DUTY RATE": 0.165,
        "US DUTY": round(style.price * 0.165, 4),
        "UK DUTY RATE": 0.12,
        "FINAL PRICES Y/N": "Y" if header.method == "SEA" else "N",
    }
    if header.alt_po is not None:
        cells["CUSTOMER ALT PO"] = header.alt_po
    if rng.random() < 0.06:
        cells["NOTES"] = rng.choice(("HOLD FOR LAB DIP", "SPLIT DELIVERY AGREED", "PRICE TICKETS SUPPLIED"))
    return cells


def category(row: OrderRow) -> str:
    """Give the category a row's style is filed under."""
    kids = row.style.family in {"months", "years", "ages"}
    return "KIDS" if kids else "INTIMATES" if row.style.family in {"bra", "cup"} else "APPAREL"


def ordered_units(rows: Mapping[str, int]) -> int:
    """Add up a row's units, salesman samples left out."""
    return sum(units for size, units in rows.items() if size != SAMPLE_SIZE)
