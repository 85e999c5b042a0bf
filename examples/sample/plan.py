"""Puts the sample together: sheets, orders, fulfilment, cartons and the view of orders, all from one seed.

Nothing is written here. The same arguments give the same sample, so a later change can start from it again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sample.brands import COPIED_BRAND, LEAST_CUSTOMERS, VIEW_BRANDS, VIEW_SIZES, WORKBOOK_BRANDS, Brand
from sample.cartons import CartonViews, pack
from sample.fulfilment import Fulfilment, Line, OrderBook, fulfil, order_book
from sample.hazards import plant
from sample.orders import OrderRow, order_rows
from sample.sheets import Sheet, SheetRow, order_sheet
from sample.size_runs import SAMPLE_SIZE, header_rows, size_run
from sample.wms_database import ViewOrder

LEAST_ROWS_A_CUSTOMER: Final = 24
DIFFERING_QUANTITIES: Final = 6
"""Quantities by which a brand's orders in the view differ from those in its workbook."""


@dataclass(frozen=True)
class Arguments:
    """What a sample is made from.

    Attributes:
        seed: of every choice.
        as_of: the day the sample is of.
        customers: how many brands keep a workbook.
        rows: order rows in all workbooks together.
    """

    seed: int
    as_of: date
    customers: int
    rows: int

    def refuse_too_little(self) -> None:
        """Refuse what cannot hold the hazards.

        Raises:
            ValueError: too few or too many customers, or too few rows.
        """
        if not LEAST_CUSTOMERS <= self.customers <= len(WORKBOOK_BRANDS):
            msg = f"--customers must be {LEAST_CUSTOMERS} to {len(WORKBOOK_BRANDS)}, not {self.customers}."
            raise ValueError(msg)
        if self.rows < self.customers * LEAST_ROWS_A_CUSTOMER:
            least = self.customers * LEAST_ROWS_A_CUSTOMER
            msg = f"--rows must be at least {least} for {self.customers} customers, not {self.rows}."
            raise ValueError(msg)


@dataclass
class Sample:
    """The whole sample, before any of it is a file.

    Attributes:
        sheets: the MASTER sheets by path under ``order_lists/``.
        copy: the sheet that lies about a second time, its path, and which cell differs.
        book: all orders, each once.
        fulfilled: the fulfilment keys.
        cartons: the carton views.
        view_orders: the view of orders.
        view_sizes: its size columns.
        view_lines: order lines of the brands that have no workbook.
        differing: quantities in which view and workbook differ.
    """

    arguments: Arguments
    sheets: dict[str, Sheet]
    book: OrderBook
    fulfilled: list[Fulfilment]
    cartons: CartonViews
    view_orders: list[ViewOrder]
    view_sizes: list[str]
    view_lines: list[Line]
    differing: list[dict[str, Any]]


def chance(arguments: Arguments, what: str) -> random.Random:
    """Give one part of the sample its own source of chance, so that parts do not disturb each other."""
    return random.Random(f"{arguments.seed}/{what}")


def make_sample(arguments: Arguments) -> Sample:
    """Make the sample.

    Args:
        arguments: seed, date and size.

    Returns:
        The sample.

    Raises:
        ValueError: the arguments cannot hold it.
    """
    arguments.refuse_too_little()
    brands = WORKBOOK_BRANDS[: arguments.customers]
    sheets = {str(brand.path): _sheet(brand, brands, arguments) for brand in brands}
    view_rows = [(brand, row) for brand in VIEW_BRANDS for row in _view_rows(brand, arguments)]
    view_lines = [
        Line(brand, row, str(brand.view_name), size, units)
        for brand, row in view_rows
        for size, units in row.quantities.items()
        if units > 0
    ]
    lines = [line for sheet in sheets.values() for line in sheet_lines(sheet) if line.size != SAMPLE_SIZE]
    rows = [(s.brand, r.order) for s in sheets.values() for r in s.rows if r.order] + view_rows
    book = order_book(lines + view_lines, rows)
    fulfilled = fulfil(book, arguments.as_of, chance(arguments, "fulfilment"))
    cartons = pack(fulfilled, arguments.as_of, chance(arguments, "cartons"))
    view_orders, differing = _view_orders(sheets, view_rows, chance(arguments, "view"))
    used = {size for order in view_orders for size in order.quantities}
    runs = [size for sheet in sheets.values() if sheet.brand.view_name for size in sheet.sizes] + list(VIEW_SIZES)
    sizes = [size for size in dict.fromkeys(runs) if size in used]
    return Sample(arguments, sheets, book, fulfilled, cartons, view_orders, sizes, view_lines, differing)


def _sheet(brand: Brand, brands: tuple[Brand, ...], arguments: Arguments) -> Sheet:
    rng = chance(arguments, brand.name)
    layout = header_rows()[str(brand.layout)]
    run = [*size_run(layout), *(size for size in brand.extra_sizes)]
    rows = order_rows(brand, _share(brand, brands, arguments.rows), run, arguments.as_of, rng)
    sheet = order_sheet(brand, layout, rows, rng)
    plant(sheet, rng)
    return sheet


def _share(brand: Brand, brands: tuple[Brand, ...], rows: int) -> int:
    """Divide the rows by weight; the last brand takes what rounding leaves."""
    total = sum(other.weight for other in brands)
    shares = {other.name: int(rows * other.weight / total) for other in brands}
    return shares[brand.name] + (rows - sum(shares.values()) if brand is brands[-1] else 0)


def _view_rows(brand: Brand, arguments: Arguments) -> list[OrderRow]:
    count = max(LEAST_ROWS_A_CUSTOMER, arguments.rows // 30)
    rows = order_rows(brand, count, VIEW_SIZES, arguments.as_of, chance(arguments, brand.name))
    # The view has no order type: what was cancelled is not in it.
    return [row for row in rows if not row.cancelled]


def sheet_lines(sheet: Sheet) -> Iterator[Line]:
    """Go through the order lines that can be read off a sheet, cancelled ones and samples among them."""
    column = sheet.column("CUSTOMER NAME")
    for row, order in sheet.orders():
        customer = str(row.cells.get(column, sheet.brand.name))
        for size, units in order.quantities.items():
            if units > 0:
                yield Line(sheet.brand, order, customer, size, units)


def _view_orders(
    sheets: dict[str, Sheet], view_rows: list[tuple[Brand, OrderRow]], rng: random.Random
) -> tuple[list[ViewOrder], list[dict[str, Any]]]:
    """Fill the view of orders: two brands that have a workbook too, and those that have none."""
    orders: list[ViewOrder] = []
    differing: list[dict[str, Any]] = []
    for sheet in sheets.values():
        if not sheet.brand.view_name:
            continue
        own = [
            ViewOrder(sheet.brand.view_name, order, {size: n for size, n in order.quantities.items() if n > 0})
            for _row, order in sheet.orders()
            if not order.cancelled
        ]
        own = [order for order in own if order.quantities]
        for order in rng.sample(own, min(DIFFERING_QUANTITIES, len(own) // 4)):
            size = rng.choice(list(order.quantities))
            before = order.quantities[size]
            order.quantities[size] = before + rng.choice((6, 12, 24))
            found = order.row
            differing.append(
                {
                    "customer": sheet.brand.name,
                    "po": found.header.po,
                    "style": found.style.number,
                    "color": found.colour,
                    "size": size,
                    "order_list": before,
                    "view": order.quantities[size],
                }
            )
        orders += own
    for brand, row in view_rows:
        quantities = {size: n for size, n in row.quantities.items() if n > 0}
        if quantities:
            orders.append(ViewOrder(str(brand.view_name), row, quantities))
    return orders, differing


def copied_sheet(sample: Sample) -> tuple[str, Sheet, SheetRow]:
    """Make the older copy of one workbook: one quantity as it was before somebody corrected it.

    Returns:
        Its path, the sheet, and the row that differs.
    """
    arguments = sample.arguments
    brand = next(b for b in WORKBOOK_BRANDS if b.name == COPIED_BRAND)
    sheet = _sheet(brand, WORKBOOK_BRANDS[: arguments.customers], arguments)
    rng = chance(arguments, "copy")
    row, order = rng.choice([(r, o) for r, o in sheet.orders() if not o.cancelled and any(o.quantities.values())])
    size = rng.choice([s for s, units in order.quantities.items() if units > 0 and s != SAMPLE_SIZE])
    order.quantities[size] += 24
    row.cells[sheet.column(size)] = order.quantities[size]
    return f"Archive/{str(brand.path).rsplit('/', 1)[1].removesuffix('.xlsx')} copy.xlsx", sheet, row
