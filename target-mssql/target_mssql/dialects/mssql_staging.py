"""What a staging table must hold after a copy, asked of the server in one row and compared with what was sent.

Drivers have mapped columns wrongly and turned texts into blanks without an error, so a batch is counted and its
values are summed before they reach the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import sqlalchemy as sa

from target_mssql.dialects.base import Column, Row
from target_mssql.names import ORDER_COLUMN
from target_mssql.types import utf16_units

Measure = Literal["rows", "values", "sum", "double", "days", "length"]
_SUMMABLE_DIGITS: Final = 28
"""A sum has 38 digits: so many are left for ten thousand million rows."""
_RELATIVE_TOLERANCE: Final = 1e-9
"""Doubles are added in another order on the server."""
_DAY_ONE: Final = date(1900, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of the staging table.

    Attributes:
        measure: what is counted or summed.
        position: the column, from 0; -1 for all rows.
        name: the column's name.
    """

    measure: Measure
    position: int
    name: str


def check_sql(
    quote: Callable[[str], str], staging: str, columns: Sequence[Column], first: int, last: int
) -> tuple[str, list[Check]]:
    """Write the query that measures the rows of one batch.

    Args:
        quote: the dialect's way to quote a name.
        staging: the staging table.
        columns: its columns, without `ORDER_COLUMN`.
        first: the place of the batch's first row.
        last: the place of its last row.

    Returns:
        The query, and what its columns stand for.
    """
    checks, parts = [Check("rows", -1, "")], ["COUNT_BIG(*)"]
    for position, column in enumerate(columns):
        name = quote(column.name)
        checks.append(Check("values", position, column.name))
        parts.append(f"COUNT_BIG({name})")
        if measured := _measure(column, name):
            checks.append(Check(measured[0], position, column.name))
            parts.append(measured[1])
    place = quote(ORDER_COLUMN)
    listed = ",\n    ".join(parts)
    return f"SELECT\n    {listed}\nFROM {staging}\nWHERE {place} BETWEEN {first} AND {last}", checks


def _measure(column: Column, name: str) -> tuple[Measure, str] | None:
    if column.type is None:
        return None
    match column.type.kind:
        case "integer":
            return "sum", f"SUM(CAST({name} AS DECIMAL(38, 0)))"
        case "boolean":
            return "sum", f"SUM(CAST({name} AS INT))"
        case "decimal" if (column.type.precision or 0) <= _SUMMABLE_DIGITS:
            return "sum", f"SUM({name})"
        case "decimal" | "float":
            return "double", f"SUM(CAST({name} AS FLOAT))"
        case "date" | "datetime":
            return "days", f"SUM(CAST(DATEDIFF(DAY, '19000101', {name}) AS BIGINT))"
        case "text" | "json" if isinstance(column.declared, (sa.Unicode, sa.UnicodeText)) and not _padded(column):
            return "length", f"SUM(CAST(DATALENGTH({name}) AS BIGINT))"
        case _:
            return None


def _padded(column: Column) -> bool:
    return isinstance(column.declared, sa.NCHAR)


def expected_checks(checks: Sequence[Check], rows: Sequence[Row]) -> list[Decimal | float | int]:
    """Measure the rows that were sent.

    Args:
        checks: what to measure.
        rows: the rows as they were sent, without their places.

    Returns:
        One figure a check.
    """
    by_column = list(zip(*rows, strict=True))
    return [
        len(rows) if check.position < 0 else _measured(check.measure, by_column[check.position]) for check in checks
    ]


def _measured(measure: Measure, values: Iterable[Any]) -> Decimal | float | int:
    present = [value for value in values if value is not None]
    match measure:
        case "sum":
            return sum((Decimal(value) for value in present), Decimal(0))
        case "double":
            return math.fsum(float(value) for value in present)
        case "days":
            return sum(_ordinal(value) - _DAY_ONE for value in present)
        case "length":
            return sum(2 * utf16_units(value) for value in present)
        case _:
            return len(present)


def _ordinal(value: str | date | datetime) -> int:
    return (date.fromisoformat(value[:10]) if isinstance(value, str) else value).toordinal()


def mismatch(checks: Sequence[Check], expected: Sequence[Any], found: Sequence[Any]) -> str | None:
    """Compare what was sent with what the server has.

    Returns:
        The first difference in words, without any value of a record; None where all is as sent.
    """
    for check, sent, has in zip(checks, expected, found, strict=True):
        value = 0 if has is None else has
        if check.measure == "double":
            same = math.isclose(float(value), float(sent), rel_tol=_RELATIVE_TOLERANCE, abs_tol=_RELATIVE_TOLERANCE)
        else:
            same = Decimal(value) == Decimal(sent)
        if not same:
            where = f" of column {check.name!r}" if check.name else ""
            return f"{check.measure}{where}: {sent} sent, {value} there"
    return None
