"""All rows of ``fact_order_recon`` as columns: read once, in the order of the tabs, and what follows from them.

A text is stored once and named by number, so that half a million keys take some fifty megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from order_reports.beside import IDS
from order_reports.columns import array_of, decoded, mapped, texts_in_order
from order_reports.facts import ACTIONABLE, ALL_FACTS, DUE, size_rank
from order_reports.totals import FactSum

FETCH_ROWS: Final = 2_000
"""Rows taken from the driver at once: as many as a processor keeps at hand until they are columns."""

_COLUMNS: Final = tuple(ALL_FACTS.selected_columns)
_EPOCH: Final = date(1970, 1, 1)
_LAST: Final = 2**31 - 1
"""Behind all days, and all numbers of texts."""


@dataclass(frozen=True)
class Facts:
    """All rows of ``fact_order_recon``, in the order of the customers' tabs.

    Attributes:
        rows: a column for each of a fact's, under its name, and ``place``: the row's number among its customer's,
            from 0. Texts are each stored once.
        spans: customer to the first of its rows and how many they are, by name, nobody's last.
    """

    rows: pa.Table
    spans: Mapping[str | None, tuple[int, int]]

    def numbers(self, customers: Iterable[str | None]) -> pa.Array:
        """Give the numbers of some customers' rows, one customer after the other."""
        found = [range(first, first + count) for first, count in (self.spans[name] for name in customers)]
        return pa.array(chain.from_iterable(found), pa.int64())


def facts_of(found: pa.Table, dialect: sa.Dialect) -> pa.Table:
    """Make facts of what the other process reads.

    Args:
        found: its table.
        dialect: SQLAlchemy's of SQLite.

    Returns:
        What ``read_facts`` does.
    """
    return pa.table({column.key: _typed(found[column.key], column, dialect) for column in _COLUMNS})


def _typed(values: pa.ChunkedArray, column: sa.ColumnElement[Any], dialect: sa.Dialect) -> pa.Array:
    kind = _kind(column)
    whole = values.combine_chunks()
    if kind == pa.date32():
        process: Any = column.type.dialect_impl(dialect).result_processor(dialect, None)
        return decoded(mapped(whole, process, kind))
    return whole if kind == pa.string() else whole.cast(kind)


def read_facts(connection: sa.Connection) -> pa.Table:
    """Read all facts.

    Args:
        connection: an open connection.

    Returns:
        A column for each of a fact's that reports tell, under its name. Rows in no order; each text but ids is stored
        once, and a column's texts are numbered in their order.
    """
    gathered: list[list[pa.Array]] = [[] for _ in _COLUMNS]
    makers = [_maker(column, connection.dialect) for column in _COLUMNS]
    with closing(connection.execute(ALL_FACTS)) as result:
        # The driver's own cursor: a row object a fact would cost as much as reading it.
        while found := result.cursor.fetchmany(FETCH_ROWS):
            for parts, make, values in zip(gathered, makers, zip(*found, strict=True), strict=True):
                parts.append(make(values))
    return pa.table({column.key: _whole(parts, column) for parts, column in zip(gathered, _COLUMNS, strict=True)})


def _maker(column: sa.ColumnElement[Any], dialect: sa.Dialect) -> Callable[[Sequence[Any]], pa.Array]:
    """Say how what the driver gives of a column becomes an array; SQLAlchemy's part is done once a distinct value."""
    kind = _kind(column)
    process = column.type.dialect_impl(dialect).result_processor(dialect, None)
    if process is None:
        return lambda values: array_of(values, kind)
    once = lru_cache(maxsize=None)(process)
    return lambda values: array_of(list(map(once, values)), kind)


def _kind(column: sa.ColumnElement[Any]) -> pa.DataType:
    kinds = {sa.Boolean: pa.bool_(), sa.Integer: pa.int64(), sa.Numeric: pa.float64(), sa.Date: pa.date32()}
    return next((kind for known, kind in kinds.items() if isinstance(column.type, known)), pa.string())


def _whole(parts: Sequence[pa.Array], column: sa.ColumnElement[Any]) -> pa.Array:
    """Put a column together; ids never repeat, so there is nothing to store once."""
    kind = _kind(column)
    whole = pa.chunked_array(parts, kind)
    return texts_in_order(whole) if kind == pa.string() and column.key not in IDS else whole.combine_chunks()


def in_order(rows: pa.Table) -> Facts:
    """Put facts in the order of the tabs: each customer's by PO, style, colour, then sizes as they are worn."""
    # Texts stand in their order, so that their numbers are compared; what is missing comes first, but for nobody.
    ranks = {
        "customer": pc.fill_null(_numbers(rows["customer"]), _LAST),
        **{name: pc.fill_null(_numbers(rows[name]), -1) for name in ("customer_po", "style", "color")},
        "size": _size_ranks(rows["size"]),
    }
    order = pc.sort_indices(
        pa.table(ranks | {"recon_id": rows["recon_id"]}), [(name, "ascending") for name in (*ranks, "recon_id")]
    )
    # In order, so that each customer's are counted in the order of their names.
    counts = pc.value_counts(rows["customer"].combine_chunks().take(order)).to_pylist()
    spans, places, first = {}, [], 0
    for count in counts:
        spans[count["values"]] = (first, count["counts"])
        places.append(pa.array(range(count["counts"]), pa.int64()))
        first += count["counts"]
    place = pa.chunked_array(places, pa.int64())
    return Facts(rows.take(order).append_column("place", place).combine_chunks(), spans)


def _numbers(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().indices


def _size_ranks(column: pa.ChunkedArray) -> pa.Array:
    sizes: list[str | None] = [*column.combine_chunks().dictionary.to_pylist(), None]
    worn = {size: rank for rank, size in enumerate(sorted(sizes, key=size_rank))}
    return pa.array([worn[size] for size in sizes], pa.int32()).take(pc.fill_null(_numbers(column), len(sizes) - 1))


def fact_sums(rows: pa.Table) -> list[FactSum]:
    """Add facts up by customer, status and flag."""
    by = ("customer", "recon_status", "quality_flag")
    units = ("ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty", "qty_variance", "lacking", "cartons")
    with_lacking = rows.append_column("lacking", pc.max_element_wise(rows["qty_variance"], 0))
    summed = with_lacking.group_by(by).aggregate([([], "count_all"), *((name, "sum") for name in units)])
    columns = (*by, "count_all", *(f"{name}_sum" for name in units))
    return [FactSum(*row) for row in zip(*(summed[name].to_pylist() for name in columns), strict=True)]


def open_rows(facts: Facts) -> pa.Table:
    """Choose the order keys that are not due yet, the next one due first.

    Returns:
        Rows of ``Facts.rows``; those without a date come last.
    """
    rows = facts.rows.filter(pc.equal(facts.rows["recon_status"], "OPEN"))
    due = rows["earliest_ex_factory_on"].cast(pa.int32())
    by = {"due": pc.fill_null(due, _LAST)}
    by |= {name: pc.fill_null(rows[name].cast(pa.string()), "") for name in ("customer", "customer_po", "style")}
    by |= {"recon_id": rows["recon_id"]}
    return rows.take(pc.sort_indices(pa.table(by), [(name, "ascending") for name in by])).combine_chunks()


def is_actionable(rows: pa.Table) -> pa.Array:
    """Tell of each fact whether a person can act on it now."""
    return pc.is_in(rows["recon_status"].cast(pa.string()), pa.array(sorted(ACTIONABLE)))


def days_late(rows: pa.Table, as_of: date) -> pa.Array:
    """Tell for how long something has been wrong.

    An order that lacks goods is late since it should have left the factory. Goods too many, or without an order,
    are wrong since they were shipped, or packed where they still stand here.

    Args:
        rows: facts.
        as_of: the day that the report speaks of.

    Returns:
        Days, at least 0; null where nothing is wrong or no date is known.
    """
    due = pc.is_in(rows["recon_status"].cast(pa.string()), pa.array(sorted(DUE)))
    gone = pc.coalesce(rows["last_shipped_on"], rows["first_packed_on"])
    since = pc.if_else(due, rows["earliest_ex_factory_on"], gone).cast(pa.int32())
    days = pc.subtract((as_of - _EPOCH).days, since.cast(pa.int64()))
    return pc.if_else(is_actionable(rows), pc.max_element_wise(days, 0, skip_nulls=False), None)


def days_to_go(rows: pa.Table, as_of: date) -> pa.Array:
    """Tell how long there is until orders are due.

    Returns:
        Days; null where no date is known, or it has passed.
    """
    days = pc.subtract(rows["earliest_ex_factory_on"].cast(pa.int32()).cast(pa.int64()), (as_of - _EPOCH).days)
    return pc.if_else(pc.less(days, 0), None, days)


def weights(units: pa.Array, days: pa.Array) -> pa.Array:
    """Weigh many exceptions."""
    return pc.multiply(pc.abs(units), pc.max_element_wise(days, 1))


def variance_shares(rows: pa.Table) -> pa.Array:
    """Give the variances as shares of what was ordered.

    Returns:
        -0.05 for 5 % too many; null where nothing was ordered.
    """
    ordered = pc.if_else(pc.equal(rows["ordered_qty"], 0), None, rows["ordered_qty"])
    return pc.divide(rows["qty_variance"].cast(pa.float64()), ordered.cast(pa.float64()))
