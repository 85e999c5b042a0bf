"""What goes wrong in order lists, planted on purpose.

Each hazard takes a sheet and changes a few of its rows. Where a change takes a quantity away from what can be
read, the order row loses it as well and the sheet counts it as quarantined, so sheet and truth stay one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from sample.orders import OrderRow
from sample.sheets import Cell, ErrorCell, Formula, Hazard, Sheet, SheetRow, ordered_units
from sample.size_runs import AFTER_SIZES, BEFORE_SIZES, SAMPLE_SIZE

UNREADABLE: Final = "unreadable_quantity"
NEGATIVE: Final = "negative_quantity"
FRACTIONAL: Final = "fractional_quantity"
CUSTOMER_UNKNOWN: Final = "customer_unknown"


def plant(sheet: Sheet, rng: random.Random) -> None:
    """Plant the hazards that the sheet's brand is down for, in that order.

    Args:
        sheet: the sheet, changed in place.
        rng: the brand's own source of chance.
    """
    for kind in sheet.brand.hazards:
        _HAZARDS[kind](sheet, rng)


def _pick(sheet: Sheet, rng: random.Random, count: int) -> list[tuple[SheetRow, OrderRow]]:
    """Choose active order rows that nothing was done to yet."""
    touched = {id(hazard.row) for hazard in sheet.hazards if hazard.row is not None}
    free = [
        (row, order)
        for row, order in sheet.orders()
        if id(row) not in touched and not order.cancelled and ordered_units(order.quantities) > 0
    ]
    return rng.sample(free, min(count, max(1, len(free) // 6)))


def _quantity_cells(sheet: Sheet, rng: random.Random, count: int) -> list[tuple[SheetRow, OrderRow, str, int]]:
    """Choose one ordered size in each of a few rows: row, order, size, units."""
    chosen = []
    for row, order in _pick(sheet, rng, count):
        size = rng.choice([s for s, units in order.quantities.items() if units > 0 and s != SAMPLE_SIZE])
        chosen.append((row, order, size, order.quantities[size]))
    return chosen


def _retotal(sheet: Sheet, row: SheetRow, order: OrderRow) -> None:
    row.cells[sheet.column(AFTER_SIZES)] = sum(order.quantities.values())


def _as_text(kind: str, form: str, count: int) -> Callable[[Sheet, random.Random], None]:
    def apply(sheet: Sheet, rng: random.Random) -> None:
        for row, _, size, units in _quantity_cells(sheet, rng, count):
            row.cells[sheet.column(size)] = form.format(units)
            sheet.hazards.append(Hazard(kind, row, size))

    return apply


def _text_thousands(sheet: Sheet, rng: random.Random) -> None:
    for row, order, size, _ in _quantity_cells(sheet, rng, 2):
        order.quantities[size] = 1200
        row.cells[sheet.column(size)] = "1,200"
        _retotal(sheet, row, order)
        sheet.hazards.append(Hazard("text_thousands", row, size))


def _nothing(kind: str, cell: Cell) -> Callable[[Sheet, random.Random], None]:
    """Ways of writing that there is no quantity (yet): missing by the canonical form, not unreadable."""

    def apply(sheet: Sheet, rng: random.Random) -> None:
        for row, order, size, _ in _quantity_cells(sheet, rng, 3):
            del order.quantities[size]
            row.cells[sheet.column(size)] = cell
            _retotal(sheet, row, order)
            sheet.hazards.append(Hazard(kind, row, size))

    return apply


def _unusable(kind: str, reason: str, cell: Cell, count: int = 2) -> Callable[[Sheet, random.Random], None]:
    def apply(sheet: Sheet, rng: random.Random) -> None:
        for row, order, size, _ in _quantity_cells(sheet, rng, count):
            del order.quantities[size]
            row.cells[sheet.column(size)] = cell
            whole = cell if isinstance(cell, int) else 0
            row.cells[sheet.column(AFTER_SIZES)] = sum(order.quantities.values()) + whole
            sheet.quarantine(reason, units=whole)
            sheet.hazards.append(Hazard(kind, row, size))

    return apply


def _total_mismatch(sheet: Sheet, rng: random.Random) -> None:
    for row, order in _pick(sheet, rng, 3):
        total = sum(order.quantities.values()) + rng.choice((-12, -6, 6, 12, 60))
        row.cells[sheet.column(AFTER_SIZES)] = total
        sheet.hazards.append(Hazard("total_mismatch", row, AFTER_SIZES))


def _total_formula(sheet: Sheet, _: random.Random) -> None:
    first, last = sheet.column(BEFORE_SIZES) + 1, sheet.column(AFTER_SIZES) - 1
    text = f"=SUM({_letters(first)}{{row}}:{_letters(last)}{{row}})"
    for row, order in sheet.orders():
        row.cells[sheet.column(AFTER_SIZES)] = Formula(text, sum(order.quantities.values()))
    sheet.hazards.append(Hazard("total_formula", header=AFTER_SIZES))


def _letters(column: int) -> str:
    """Name a column, from 0, as Excel does."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _title_rows(sheet: Sheet, _: random.Random) -> None:
    sheet.above += [
        SheetRow({0: f"{sheet.brand.name} - ORDER LIST"}),
        SheetRow({0: "Please do not sort. Quantities in units.", 5: "Rev 4"}),
        SheetRow(),
    ]
    sheet.hazards.append(Hazard("title_rows"))


def _second_table(sheet: Sheet, _: random.Random) -> None:
    """Add what planners add by hand: totals by style, under headers of their own, in the same columns."""
    style, text, total = (sheet.column(h) for h in ("CUSTOMER STYLE", "STYLE DESCRIPTION", AFTER_SIZES))
    units: dict[str, int] = {}
    names: dict[str, str] = {}
    for _row, order in sheet.orders():
        if not order.cancelled:
            names[order.style.number] = order.style.description
            units[order.style.number] = units.get(order.style.number, 0) + sum(order.quantities.values())
    sheet.below += [SheetRow() for _ in range(4)]
    sheet.below.append(SheetRow({style: "SUMMARY BY STYLE"}))
    sheet.below.append(SheetRow({style: "STYLE", text: "DESCRIPTION", total: "UNITS"}))
    sheet.below += [
        SheetRow({style: number, text: names[number], total: units[number]}) for number in sorted(units)[:6]
    ]
    sheet.hazards.append(Hazard("second_table", sheet.below[4]))


def _insert_before(sheet: Sheet, row: SheetRow, *others: SheetRow) -> None:
    place = next(n for n, other in enumerate(sheet.rows) if other is row)
    sheet.rows[place:place] = others


def _blank_rows(sheet: Sheet, rng: random.Random) -> None:
    for row, _order in _pick(sheet, rng, 3):
        blank = SheetRow()
        _insert_before(sheet, row, blank)
        sheet.hazards.append(Hazard("blank_row", blank))


def _empty_rows(sheet: Sheet, _: random.Random) -> None:
    """Rows prepared for orders to come: the customer dragged down, nothing else."""
    for _n in range(5):
        row = SheetRow({sheet.column("CUSTOMER NAME"): sheet.brand.name})
        sheet.rows.append(row)
        sheet.hazards.append(Hazard("empty_row", row))


def _subtotal_rows(sheet: Sheet, rng: random.Random) -> None:
    """Under a few POs, the sums of their size columns; at the end, those of the whole sheet."""
    pos = list(dict.fromkeys(order.header.po for _row, order in sheet.orders()))
    for po in rng.sample(pos, min(3, len(pos))):
        block = [n for n, row in enumerate(sheet.rows) if row.order and row.order.header.po == po]
        subtotal = _sums(sheet, [sheet.rows[n] for n in block], "SUBTOTAL")
        sheet.rows.insert(block[-1] + 1, subtotal)
    grand = _sums(sheet, [row for row in sheet.rows if row.order], "GRAND TOTAL")
    sheet.rows.append(grand)


def _sums(sheet: Sheet, rows: list[SheetRow], label: str) -> SheetRow:
    total = SheetRow({sheet.column("AAG ORDER NUMBER"): label})
    for size in [*sheet.sizes, AFTER_SIZES]:
        column = sheet.column(size)
        cells = [row.cells.get(column) for row in rows]
        if units := sum(cell for cell in cells if isinstance(cell, int)):
            total.cells[column] = units
    sheet.hazards.append(Hazard("subtotal_row", total))
    return total


def _blank_customer(sheet: Sheet, rng: random.Random) -> None:
    for row, _order in _pick(sheet, rng, 2):
        del row.cells[sheet.column("CUSTOMER NAME")]
        sheet.hazards.append(Hazard("blank_customer", row, "CUSTOMER NAME"))


def _blank_customer_of_two(sheet: Sheet, rng: random.Random) -> None:
    """In a sheet of two names nobody can say whose row it is."""
    for row, order in _pick(sheet, rng, 2):
        del row.cells[sheet.column("CUSTOMER NAME")]
        row.counts = False
        sheet.quarantine(CUSTOMER_UNKNOWN, len(order.quantities), sum(order.quantities.values()))
        sheet.hazards.append(Hazard("blank_customer_of_two", row, "CUSTOMER NAME"))


def _hidden_rows(sheet: Sheet, rng: random.Random) -> None:
    for row, _order in _pick(sheet, rng, 3):
        row.hidden = True
        sheet.hazards.append(Hazard("hidden_row", row))


def _filtered_rows(sheet: Sheet, _: random.Random) -> None:
    """The sheet was saved with a filter on its order type: what is cancelled is out of sight."""
    sheet.filtered = True
    for row, order in sheet.orders():
        row.hidden = order.cancelled
    sheet.hazards.append(Hazard("filtered_rows"))


def _unnamed_column(sheet: Sheet, rng: random.Random) -> None:
    column = sheet.header_cells.index(None)
    for row, _order in _pick(sheet, rng, 8):
        row.cells[column] = rng.choice(("CONFIRMED", "CHASED"))
    sheet.hazards.append(Hazard("unnamed_column", header=sheet.headers[column]))


_HAZARDS: Final[Mapping[str, Callable[[Sheet, random.Random], None]]] = {
    "text_number": _as_text("text_number", "{} ", 4),
    "text_with_unit": _as_text("text_with_unit", "{} pcs", 2),
    "text_thousands": _text_thousands,
    "dash": _nothing("dash", "-"),
    "to_be_confirmed": _nothing("to_be_confirmed", "TBC"),
    "error_value": _nothing("error_value", ErrorCell()),
    "unreadable": _unusable("unreadable", UNREADABLE, "24 OR 36"),
    "negative": _unusable("negative", NEGATIVE, -24),
    "fractional": _unusable("fractional", FRACTIONAL, 12.5),
    "total_mismatch": _total_mismatch,
    "total_formula": _total_formula,
    "title_rows": _title_rows,
    "second_table": _second_table,
    "blank_rows": _blank_rows,
    "empty_rows": _empty_rows,
    "subtotal_rows": _subtotal_rows,
    "blank_customer": _blank_customer,
    "blank_customer_of_two": _blank_customer_of_two,
    "hidden_rows": _hidden_rows,
    "filtered_rows": _filtered_rows,
    "unnamed_column": _unnamed_column,
}
