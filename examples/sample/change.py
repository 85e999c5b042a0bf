"""A later day: one workbook was worked on. A quantity is corrected, a row is gone, a row is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sample.brands import CHANGED_BRAND
from sample.orders import OrderRow, colour_code
from sample.plan import Sample, chance
from sample.sheets import Cell, Sheet, SheetRow
from sample.size_runs import AFTER_SIZES

_CORRECTED_BY = 12


def change_one_workbook(sample: Sample) -> tuple[str, dict[str, Any]]:
    """Change one workbook of a sample, the same way every time.

    What is deleted was never fulfilled and what is new is not yet, so ``truth.csv`` stays as it is.

    Args:
        sample: the sample, changed in place.

    Returns:
        The workbook's path under ``order_lists/`` and what was done to it.
    """
    path, sheet = next((p, s) for p, s in sample.sheets.items() if s.brand.name == CHANGED_BRAND)
    rng = chance(sample.arguments, "change")
    fulfilled = {one.order.found[1:4] for one in sample.fulfilled if one.order}
    active = [(row, order) for row, order in sheet.orders() if not order.cancelled and order.drop == "1"]
    untouched = [
        (row, order) for row, order in active if (order.header.po, order.style.number, order.colour) not in fulfilled
    ]
    gone, gone_order = rng.choice(untouched)
    corrected, corrected_order = rng.choice([pair for pair in active if pair[0] is not gone])
    size = rng.choice([s for s, units in corrected_order.quantities.items() if units > 0])
    before = corrected_order.quantities[size]
    corrected_order.quantities[size] = before + _CORRECTED_BY
    corrected.cells[sheet.column(size)] = before + _CORRECTED_BY
    corrected.cells[sheet.column(AFTER_SIZES)] = sum(corrected_order.quantities.values())
    sheet.rows = [row for row in sheet.rows if row is not gone]
    new = _new_row(sample, sheet)
    return f"order_lists/{path}", {
        "workbook": path,
        "corrected": {
            "order_number": corrected_order.order_number,
            "size": size,
            "from": before,
            "to": before + _CORRECTED_BY,
        },
        "deleted": {
            "order_number": gone_order.order_number,
            "units": sum(gone_order.quantities.values()),
        },
        "added": {"order_number": new.order_number, "po": new.header.po, "units": sum(new.quantities.values())},
    }


def _new_row(sample: Sample, sheet: Sheet) -> OrderRow:
    """Add the first row of the next PO, ordered the day before: the last row's style in another colour."""
    brand = sheet.brand
    last_row, last = list(sheet.orders())[-1]
    pos = {order.header.po for _row, order in sheet.orders()}
    numbers = [int(order.order_number[3:]) for _row, order in sheet.orders()]
    as_of = sample.arguments.as_of
    colour = next(c for c in last.style.colours if c != last.colour)
    header = replace(
        last.header,
        po=brand.po.format(n=max(int(po) for po in pos) + 1),
        alt_po=None,
        ordered_on=as_of - timedelta(days=1),
        ex_factory_on=as_of + timedelta(days=90),
    )
    new = replace(
        last,
        order_number=f"AAG{max(numbers) + 1:010d}",
        header=header,
        colour=colour,
        colour_code=colour_code(brand, colour),
        order_type="RECEIVED",
        drop="1",
        quantities=dict.fromkeys(last.style.sizes[:4], 24),
    )
    cells = {
        column: cell
        for column, cell in last_row.cells.items()
        if sheet.headers[column] not in {*sheet.sizes, "CUSTOMER ALT PO", "NOTES"}
    }
    values: dict[str, Cell] = {
        "AAG ORDER NUMBER": new.order_number,
        "PO NUMBER": header.po,
        "ORDER DATE PO RECEIVED": header.ordered_on,
        "EX FACTORY DATE": header.ex_factory_on,
        "ETA CUSTOMER WAREHOUSE DATE": header.ex_factory_on + timedelta(days=35),
        "AAG SEASON": new.season,
        "CUSTOMER SEASON": f"{'SPRING' if new.season.startswith('SS') else 'FALL'} {header.ex_factory_on.year}",
        "MONTH": header.ex_factory_on.strftime("%B").upper(),
        "DROP": "1",
        "CUSTOMER COLOUR DESCRIPTION": colour,
        "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": new.colour_code,
        "ORDER TYPE": new.order_type,
        **new.quantities,
        AFTER_SIZES: sum(new.quantities.values()),
    }
    sheet.rows.append(SheetRow(cells | {sheet.column(name): value for name, value in values.items()}, new))
    return new
