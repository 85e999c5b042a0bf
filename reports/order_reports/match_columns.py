"""Adds up matches that were read row by row, as the database itself does where they are not."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from order_reports.facts import KEY_FIELDS

_BY: Final = ("fulfil_customer", "match_type", "match_rule")


def match_sums(matches: pa.Table, units: pa.Table) -> list[tuple[Any, ...]]:
    """Add up keys, units and fields that agree, of each customer, match type and rule.

    Args:
        matches: what ``match_rows`` asks for.
        units: what ``unit_rows`` asks for.

    Returns:
        The rows that ``match_totals`` finds, in no order.
    """
    fields = [(name, "sum") for name in KEY_FIELDS]
    counted = matches.group_by(_BY).aggregate([([], "count_all"), *fields])
    match = pc.index_in(units["fulfil_key_id"], value_set=matches["fulfil_key_id"])
    of_units = pa.table({**{name: matches[name].take(match) for name in _BY}, "qty": units["qty"]})
    summed = of_units.group_by(_BY).aggregate([("qty", "sum")])
    units_of = {row[:3]: row[3] for row in _rows(summed, *_BY, "qty_sum")}
    columns = (*_BY, "count_all", *(f"{name}_sum" for name in KEY_FIELDS))
    return [(*row[:4], units_of.get(row[:3]), *row[4:]) for row in _rows(counted, *columns)]


def _rows(table: pa.Table, *names: str) -> zip[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)
