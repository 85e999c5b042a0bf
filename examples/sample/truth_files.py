"""Writes what is true about the sample: which key belongs to which order, and the totals a reader can check."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sample.brands import VIEW_BRANDS
from sample.fulfilment import Line
from sample.plan import Sample, sheet_lines
from sample.sheets import Sheet
from sample.size_runs import SAMPLE_SIZE
from sample.spellings import Key

KEY_COLUMNS: Final = ("customer", "customer_po", "style", "color", "size")
NO_ORDER: Final = Key("", "", "", "", "")


def write_truth_table(path: Path, sample: Sample) -> None:
    """Write ``truth.csv``: one row a fulfilment key as found, the order key it belongs to, how it departs."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        fulfil, order = ([f"{side}_{name}" for name in KEY_COLUMNS] for side in ("fulfil", "order"))
        writer.writerow([*fulfil, *order, "corruption"])
        for one in sample.fulfilled:
            writer.writerow([*one.found, *(one.order.found if one.order else NO_ORDER), one.corruption])


def write_totals(path: Path, totals: dict[str, Any]) -> None:
    """Write ``truth.json``."""
    path.write_text(json.dumps(totals, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def totals(sample: Sample, others: dict[str, Any], change: dict[str, Any] | None = None) -> dict[str, Any]:
    """Add the sample up.

    Args:
        sample: the sample, changed or not.
        others: files beside the workbooks, by what they are.
        change: what ``--change`` did; ``None`` before it.

    Returns:
        What ``truth.json`` holds; units are whole numbers.
    """
    lines = [line for sheet in sample.sheets.values() for line in sheet_lines(sheet)] + sample.view_lines
    ordered = [line for line in lines if not line.row.cancelled and line.size != SAMPLE_SIZE]
    by_customer: Counter[str] = Counter()
    for line in ordered:
        by_customer[line.brand.name] += line.units
    keys = {line.found for line in ordered}
    fulfilled = {one.order.found for one in sample.fulfilled if one.order}
    corruptions = Counter(one.corruption for one in sample.fulfilled)
    arguments = sample.arguments
    return {
        "about": "The truth about this sample. Units count each order once, the workbook before the view.",
        "arguments": {
            "seed": arguments.seed,
            "as_of": arguments.as_of.isoformat(),
            "customers": arguments.customers,
            "rows": arguments.rows,
        },
        "orders": {
            **_units(lines),
            "order_keys": len(keys),
            "unfulfilled_order_keys": len(keys - fulfilled),
            "ordered_units_by_customer": dict(by_customer),
        },
        "fulfilment_keys": {"total": len(sample.fulfilled), "by_corruption": dict(sorted(corruptions.items()))},
        "wms": _wms(sample),
        "view_of_orders": {
            "rows": len(sample.view_orders),
            "units": sum(sum(order.quantities.values()) for order in sample.view_orders),
            "customers_without_workbook": [brand.name for brand in VIEW_BRANDS],
            "customers_with_workbook": [s.brand.name for s in sample.sheets.values() if s.brand.view_name],
            "differing_quantities": sample.differing,
        },
        "workbooks": {path: _workbook(sheet) for path, sheet in sample.sheets.items()},
        **others,
        "change": change,
    }


def _units(lines: Sequence[Line]) -> dict[str, int]:
    units: Counter[str] = Counter(ordered_units=0, cancelled_units=0, sample_units=0)
    for line in lines:
        kind = "sample" if line.size == SAMPLE_SIZE else "cancelled" if line.row.cancelled else "ordered"
        units[f"{kind}_units"] += line.units
    return dict(units)


def _wms(sample: Sample) -> dict[str, Any]:
    views = sample.cartons
    since = sum(row.qty for row in views.shipped_since)
    in_part = sum(row.qty // 2 for row in views.shipped_in_part)
    packed = sum(row.qty for row in views.packed)
    unlisted = sorted({one.found.customer for one in sample.fulfilled if one.corruption == "unlisted_customer"})
    return {
        "packed_rows": len(views.packed),
        "packed_units": packed,
        "shipped_rows": len(views.shipped),
        "shipped_units": sum(row.qty for row in views.shipped),
        "shipped_since": {"rows": len(views.shipped_since), "units": since},
        "shipped_in_part": {"rows": len(views.shipped_in_part), "units": in_part},
        "packed_units_still_there": packed - since - in_part,
        "identical_rows": views.identical,
        "undated_rows": views.undated,
        "customers_unknown_to_config": unlisted,
    }


def _workbook(sheet: Sheet) -> dict[str, Any]:
    first, last = sheet.column(sheet.sizes[0]), sheet.column(sheet.sizes[-1])
    numbers = [
        cell
        for row in sheet.all_rows()
        for column, cell in row.cells.items()
        if first <= column <= last and isinstance(cell, int | float)
    ]
    places = defaultdict(list)
    numbered = {id(row): number for number, row in enumerate(sheet.all_rows(), sheet.header_row + 1)}
    for hazard in sheet.hazards:
        place: dict[str, int | str] = {}
        if hazard.row is not None:
            place["row"] = numbered[id(hazard.row)]
        if hazard.header is not None:
            place["header"] = hazard.header
        places[hazard.kind].append(place)
    return {
        "customer": sheet.brand.name,
        "layout": sheet.brand.layout,
        "extra_sizes": list(sheet.brand.extra_sizes),
        "header_row": sheet.header_row,
        "rows_with_cells": sum(1 for row in sheet.rows if row.cells),
        "order_rows": sum(1 for row in sheet.rows if row.order),
        "second_table_rows": sum(1 for row in sheet.below if row.cells),
        "number_cells_sum": sum(numbers),
        **_units(list(sheet_lines(sheet))),
        "quarantined": {reason: dict(counts) for reason, counts in sorted(sheet.quarantined.items())},
        "hazards": dict(places),
    }
