"""Wide rows of one load by columns, as ``order_columns`` stages them, and those that came one by one brought into them.

Most rows are alike in being plain. A row with anything odd about it is looked at by itself, as the record path does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc
from order_rules.models import OrderListRow, columns

from mapper_orders.columns import Values
from mapper_orders.orders import DATES, MONEY, WideRow

PROVENANCE: Final = ("load_id", "unit_id", "source", "sheet")
_MADE: Final = {*PROVENANCE, "rules_version", "customer", "customer_source", "findings", "sizes", "extra"}
TEXTS: Final = tuple(one.name for one in columns(OrderListRow) if one.type is str and one.name not in _MADE)
"""The fields of an order that are text as found."""
FIELDS: Final = (*TEXTS, *sorted(DATES), *sorted(MONEY), "customer", "total_qty")


@dataclass(frozen=True, slots=True)
class OrderedCells:
    """Cells of size runs, each an ordered quantity.

    Attributes:
        rows: place of the row that each belongs to, ascending.
        headers: size as found.
        quantities: pieces ordered.
    """

    rows: pa.Array
    headers: Values
    quantities: pa.Array

    def without(self, rows: Set[int], of: int) -> OrderedCells:
        """Leave out the cells of some of so many rows."""
        kept = pc.indices_nonzero(others(rows, of).take(self.rows))
        return OrderedCells(self.rows.take(kept), self.headers.take(kept), self.quantities.take(kept))


def others(places: Set[int], rows: int) -> pa.Array:
    """Say of each of so many rows whether it is none of those."""
    return pa.array([place not in places for place in range(rows)], pa.bool_())


class WideColumns(Protocol):
    """Wide rows of one load, by columns.

    Attributes:
        origin: the texts of each row's provenance.
        row_numbers: of each row.
        found: field to the value that each row has of it.
        extra: the cells of no field as JSON text; any text for a row that is odd.
        sizes: the size run as JSON text, as it came.
        size_qty: the sum of the size run's readable quantities.
        cells: the size cells of the rows that are not odd.
        odd: places of the rows that are not surely an order of a named customer, that have a field twice, or a size
            cell that is no ordered quantity.
    """

    origin: Mapping[str, Values]
    row_numbers: pa.Array
    found: Mapping[str, Values]
    extra: pa.Array
    sizes: pa.Array
    size_qty: pa.Array
    cells: OrderedCells
    odd: Set[int]

    def row(self, place: int) -> WideRow:
        """Give a row by itself, the same each time, so that its findings gather there."""


class GivenRows:
    """Rows that came one by one: each is looked at by itself. See :class:`WideColumns`."""

    def __init__(self, rows: Sequence[WideRow]) -> None:
        self._rows = rows
        self.origin: Mapping[str, Values] = {
            name: Values.of([getattr(row.origin, name) for row in rows]) for name in PROVENANCE
        }
        self.row_numbers = pa.array([row.origin.row_number for row in rows], pa.int64())
        self.found: Mapping[str, Values] = {name: Values.of(column) for name, column in _columns(rows).items()}
        self.extra = pa.nulls(len(rows), pa.string())
        self.sizes = pa.array([row.sizes for row in rows], pa.string())
        self.size_qty = pa.array([row.run.qty for row in rows], pa.int64())
        self.cells = OrderedCells(pa.array([], pa.int32()), Values.of([]), pa.array([], pa.int64()))
        self.odd: Set[int] = frozenset(range(len(rows)))

    def row(self, place: int) -> WideRow:
        """Give a row."""
        return self._rows[place]


def _columns(rows: Sequence[WideRow]) -> dict[str, list[object]]:
    """Bring the rows' fields into columns, row by row, so that each row is looked at while it is at hand."""
    columns: dict[str, list[object]] = {}
    for place, row in enumerate(rows):
        for name, cell in row.fields.found.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [None] * len(rows)
            column[place] = cell[1]
    return {name: columns[name] for name in FIELDS if name in columns}
