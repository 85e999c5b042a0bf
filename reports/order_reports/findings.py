"""What is odd in the data and changed no figure by itself: rows, cartons, sources and decisions to look at.

The run counted each kind (``audit_count``); here the single ones are found again in the tables, with their place.
A kind that was not counted is not looked for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Customers

from order_reports.facts import unit_sum
from order_reports.read import Count

ROW: Final = "ODD ROW"
CARTON: Final = "ODD CARTON"
DIFFERING: Final = "SOURCES DIFFER"
DECISION: Final = "LOST DECISION"
WORKBOOK: Final = "LOST WORKBOOK"

_FIVE: Final = ("customer", "customer_po", "style", "color", "size")
_ROWS_NAMED: Final = 5
"""Rows that are named where one thing is odd in many rows of a sheet."""


class Oddity(NamedTuple):
    """Something odd that a person can look at.

    Attributes:
        what: the word for it.
        units: units in question, 0 where it is not about units.
        why: what is odd and what to do, in words.
        where: workbook, sheet and row, or what names it in the warehouse.
    """

    what: str
    units: int
    why: str
    where: str
    customer: str | None = None
    customer_po: str | None = None
    style: str | None = None
    color: str | None = None
    size: str | None = None


class OddRow(NamedTuple):
    """A sheet's row with findings: a row of ``order_list``."""

    source: str
    sheet: str | None
    row_number: int | None
    customer: str | None
    customer_po: str | None
    style: str | None
    color: str | None
    total_qty: int | None
    size_qty: int | None
    findings: str


def read_oddities(
    connection: sa.Connection, counts: Sequence[Count], named_workbooks: Iterable[tuple[str, str]]
) -> list[Oddity]:
    """Find what the run counted as odd.

    Args:
        connection: an open connection.
        counts: the lines of the published run.
        named_workbooks: customer and workbook, as ``customers.yml`` names them.

    Returns:
        The oddities: those with the most units first, then by place.
    """
    counted = {count.reason for count in counts if count.measure == "finding" and count.rows}
    found: list[Oddity] = []
    if counted & (_OF_ROWS.keys() | _OF_HEADERS.keys()):
        found += row_oddities(_read_rows(connection))
    if "shipped_in_part" in counted:
        found += _cartons(connection)
    if "source_qty_differs" in counted:
        found += _sources(connection)
    if "override_detached" in counted:
        found += _decisions(connection)
    if "named_workbook_missing" in counted:
        found += _workbooks(connection, named_workbooks)
    return sorted(found, key=lambda one: (-one.units, one.what, one.where, one.why))


def named_workbooks(known: Customers) -> list[tuple[str, str]]:
    """List the customers for whom ``customers.yml`` names a workbook, with its path."""
    return [(one.canonical, one.workbook) for one in known.customers if one.workbook]


def row_oddities(rows: Iterable[OddRow]) -> Iterator[Oddity]:
    """Make oddities of sheet rows: one a row where it is about a cell, one a sheet where it is about a header.

    Args:
        rows: rows with findings.

    Yields:
        The oddities.
    """
    of_headers: defaultdict[tuple[str, str, str], list[OddRow]] = defaultdict(list)
    for row in rows:
        for finding in _codes(row.findings):
            code, _, about = finding.partition(":")
            if code in _OF_HEADERS:
                of_headers[row.source, row.sheet or "", finding].append(row)
            elif code in _OF_ROWS:
                units, why = _OF_ROWS[code](row, about)
                yield Oddity(
                    ROW, units, why, _place(row.source, row.sheet, row.row_number), row.customer, row.customer_po,
                    row.style, row.color,
                )  # fmt: skip
    for (source, sheet, finding), some in of_headers.items():
        code, _, about = finding.partition(":")
        customers = {row.customer for row in some}
        yield Oddity(
            ROW,
            0,
            f"{_OF_HEADERS[code].format(about.replace('_', ' '))} {_rows_named([row.row_number for row in some])}",
            _place(source, sheet or None, None),
            next(iter(customers)) if len(customers) == 1 else None,
        )


def _mismatch(row: OddRow, _about: str) -> tuple[int, str]:
    total, sizes = row.total_qty or 0, row.size_qty or 0
    return abs(total - sizes), f"TOTAL QTY says {total:,}, its sizes add up to {sizes:,}, which count. Correct one."


def _unreadable_total(_row: OddRow, _about: str) -> tuple[int, str]:
    return 0, "TOTAL QTY is no number, so nothing checks the sizes. Correct it."


def _error_cell(_row: OddRow, _about: str) -> tuple[int, str]:
    return (
        0,
        "A size cell holds an Excel error such as #N/A and counts as empty. Correct its formula or enter a number.",
    )


def _unreadable(_row: OddRow, about: str) -> tuple[int, str]:
    undated = " The order may look due, or not due, on another day." if about == "ex_factory_on" else ""
    return 0, f"The cell of {about.replace('_', ' ')} cannot be read and counts as empty.{undated} Correct it."


_OF_ROWS: Final[dict[str, Callable[[OddRow, str], tuple[int, str]]]] = {
    "total_qty_mismatch": _mismatch,
    "total_qty_unreadable": _unreadable_total,
    "error_cell": _error_cell,
    "unreadable_date": _unreadable,
    "unreadable_money": _unreadable,
}
_OF_HEADERS: Final = {
    "duplicate_header": "Several columns are headed {}; the first with a value counts. Rename or remove the others.",
    "duplicate_size": "Several columns are headed size {}; their quantities were added up. Check that it is one.",
    "customer_filled": "CUSTOMER NAME is empty; the sheet's only other name was taken. Fill it in.",
}
"""What a header, or a whole sheet, is odd for: told once a sheet, with the rows."""


def _codes(document: str) -> list[str]:
    try:
        found = json.loads(document)
    except ValueError:
        return []
    return [str(code) for code in found] if isinstance(found, list) else []


def _place(source: str, sheet: str | None, row: int | None) -> str:
    return ", ".join([source, *([f"sheet {sheet}"] if sheet else []), *([f"row {row}"] if row is not None else [])])


def _rows_named(numbers: Sequence[int | None]) -> str:
    known = sorted({number for number in numbers if number is not None})
    if not known:
        return f"{len(numbers):,} rows."
    named = ", ".join(str(number) for number in known[:_ROWS_NAMED])
    more = f" and {len(known) - _ROWS_NAMED:,} more" if len(known) > _ROWS_NAMED else ""
    return f"{'Row' if len(known) == 1 else 'Rows'} {named}{more}."


def _counting(stream: str | None = None) -> sa.Select[Any]:
    load = tables.recon_load
    chosen = sa.select(load.c.load_id).where(load.c.status == "counts")
    return chosen if stream is None else chosen.where(load.c.stream == stream)


def _read_rows(connection: sa.Connection) -> Iterator[OddRow]:
    rows = tables.order_list
    statement = (
        sa.select(*(rows.c[name] for name in OddRow._fields))
        .where(rows.c.load_id.in_(_counting()), rows.c.findings.is_not(None))
        .order_by(rows.c.source, rows.c.sheet, rows.c.row_number)
    )
    return map(OddRow._make, connection.execute(statement))


def _cartons(connection: sa.Connection) -> Iterator[Oddity]:
    """Find cartons that stand in packed and, for a part, in shipped: the rest still counts as packed."""
    packed = tables.stg_packed_current
    names = ("connection", "carton_id", "sku")
    as_read, kept = unit_sum(packed.c.qty_source), unit_sum(packed.c.qty)
    five = [sa.func.min(packed.c[name]).label(name) for name in _FIVE]
    statement = (
        sa.select(*(packed.c[name] for name in names), as_read, kept, *five)
        .where(packed.c.qty != packed.c.qty_source)
        .group_by(*(packed.c[name] for name in names))
    )
    for connection_name, carton, sku, units, left, *key in connection.execute(statement):
        yield Oddity(
            CARTON,
            int(left),
            f"{int(units) - int(left):,} of {int(units):,} packed stand in shipped as well; {int(left):,} still count "
            "as packed. Check whether the carton left in full.",
            f"{connection_name}, carton {carton}, SKU {sku}",
            *key,
        )


def _sources(connection: sa.Connection) -> Iterator[Oddity]:
    """Find keys that a workbook and the view order in different quantities; the one that counts stays."""
    counts, view = tables.stg_orders, tables.stg_orders_wms

    def summed(table: sa.Table, condition: sa.ColumnElement[bool], qty: str) -> sa.Subquery:
        by = [table.c[name] for name in _FIVE]
        return sa.select(*by, unit_sum(table.c.ordered_qty).label(qty)).where(condition).group_by(*by).subquery()

    # Where the view counts, its workbooks' rows are in no table of current rows: only one direction can be told.
    here = summed(counts, counts.c.origin == "order_list", "counted")
    there = summed(view, view.c.load_id.in_(_counting("master_order_list")), "other")
    same = [
        sa.or_(here.c[name] == there.c[name], sa.and_(here.c[name].is_(None), there.c[name].is_(None)))
        for name in _FIVE[1:]
    ]
    statement = sa.select(*(here.c[name] for name in _FIVE), here.c.counted, there.c.other).select_from(
        here.join(there, sa.and_(here.c.customer == there.c.customer, *same))
    )
    for *key, counted, other in connection.execute(statement.where(here.c.counted != there.c.other)):
        yield Oddity(
            DIFFERING,
            abs(int(counted) - int(other)),
            f"The workbook orders {int(counted):,}, which count; v_master_order_list {int(other):,}. "
            "Correct one of them.",
            "order list and v_master_order_list",
            *key,
        )


def _decisions(connection: sa.Connection) -> Iterator[Oddity]:
    """Find decisions about a fulfilment or an order that is no longer there, neither by id nor by its fields."""
    linked, ruled_out = tables.recon_override, tables.recon_ruled_out
    for made, decision in ((linked, linked.c.decision), (ruled_out, sa.literal("REJECT"))):
        fulfilled = _still_there(made, "fulfil", tables.recon_match, "fulfil_key_id", "fulfil_")
        ordered = sa.or_(
            made.c.order_key_id.is_(None), _still_there(made, "order", tables.fact_order_recon, "order_key_id", "")
        )
        gone = sa.case((~fulfilled, "a fulfilment"), else_="an order").label("gone")
        statement = sa.select(made, decision.label("word"), gone).where(sa.or_(~fulfilled, ~ordered))
        for row in connection.execute(statement).mappings():
            yield Oddity(
                DECISION,
                0,
                f"{row['decided_by']} decided {row['word']} about {row['gone']} that is no longer there, so the "
                "decision has no effect. Take it back, or decide anew on REVIEW.",
                f"decision of {row['decided_at']:%Y-%m-%d}, fulfilment {row['fulfil_key_id']}",
                *(row[f"fulfil_{name}"] for name in _FIVE),
            )


def _still_there(made: sa.Table, side: str, there: sa.Table, key: str, prefix: str) -> sa.ColumnElement[bool]:
    same = [
        sa.func.coalesce(there.c[f"{prefix}{name}"], "") == sa.func.coalesce(made.c[f"{side}_{name}"], "")
        for name in _FIVE
    ]
    found = sa.or_(there.c[key] == made.c[f"{side}_key_id"], sa.and_(there.c[key].is_not(None), *same))
    return sa.exists(sa.select(sa.literal(1)).select_from(there).where(found).correlate(made))


def _workbooks(connection: sa.Connection, named: Iterable[tuple[str, str]]) -> Iterator[Oddity]:
    """Find workbooks that ``customers.yml`` names and that are not there."""
    load = tables.recon_load
    there = set(connection.scalars(sa.select(load.c.source).where(load.c.stream == "order_list_rows")))
    for customer, workbook in named:
        if workbook not in there:
            why = "customers.yml names this workbook for the customer, and it is not there. Correct the name."
            yield Oddity(WORKBOOK, 0, why, workbook, customer)
