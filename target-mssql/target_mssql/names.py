"""How a stream's names become names of tables and columns: kept as found, blanks, signs and case included.

Only what a database cannot hold is changed, always in the same way: a name too long, or one that differs from
another only by case, gets a suffix made from the whole name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from target_mssql.errors import LoadError
from target_mssql.types import utf16_units

ORDER_COLUMN: Final = "_target_mssql_order"
"""The staging tables' own column: the order in which the records came."""


def suffixed(name: str, limit: int) -> str:
    """Make a name unique and short enough: its beginning, ``_`` and eight hex characters of its SHA-256.

    Args:
        name: the name as found.
        limit: the most UTF-16 units the database takes.
    """
    suffix = "_" + hashlib.sha256(name.encode()).hexdigest()[:8]
    start = name
    while utf16_units(start) + len(suffix) > limit:
        start = start[:-1]
    return start + suffix


def table_name(stream: str, limit: int) -> str:
    """Give the name of a stream's table.

    Args:
        stream: the stream's name, which the table keeps.
        limit: the most UTF-16 units the database takes.

    Raises:
        LoadError: no database can hold the name.
    """
    _check(stream, f"stream {stream!r}")
    return stream if utf16_units(stream) <= limit else suffixed(stream, limit)


def column_names(stream: str, properties: Iterable[str], existing: Iterable[str], limit: int) -> dict[str, str]:
    """Give each property of a stream its column.

    A property takes the column of exactly its name, else the one that differs by case only. Of several that
    differ only by case, one keeps the plain name (the one whose exact name is a column already, else the first in
    order of code points) and the others get a suffix, so the answer depends on the names alone and not on the
    order in which a tap lists them.

    Args:
        stream: the stream, for the error text.
        properties: the property names.
        existing: the columns the table has already.
        limit: the most UTF-16 units the database takes.

    Returns:
        Property to column, in the order of the properties.

    Raises:
        LoadError: a name is empty, or one that the target keeps for itself.
    """
    wanted = list(properties)
    columns = list(existing)
    by_fold = {_fold(column): column for column in columns}
    groups: dict[str, list[str]] = {}
    for name in wanted:
        _check(name, f"stream {stream!r}: property {name!r}")
        groups.setdefault(_fold(_short(name, limit)), []).append(name)
    found: dict[str, str] = {}
    for fold, alike in groups.items():
        # told apart in an earlier run: keeps its column even when it now comes without its double
        apart = {name: own for name in alike if (own := suffixed(name, limit)) in columns}
        rest = [name for name in alike if name not in apart]
        keeper = next((name for name in sorted(rest) if _short(name, limit) in columns), min(rest, default=None))
        for name in rest:
            column = _short(name, limit) if name == keeper else suffixed(name, limit)
            found[name] = column if column in columns else by_fold.get(_fold(column), column)
        found |= apart
        if len({found[name] for name in alike}) < len(alike):
            raise LoadError(f"stream {stream!r}: properties {sorted(alike)} want the same column {by_fold[fold]!r}")
    return {name: found[name] for name in wanted}


def _short(name: str, limit: int) -> str:
    return name if utf16_units(name) <= limit else suffixed(name, limit)


def _fold(name: str) -> str:
    # SQL Server compares names without blanks at the end
    return name.casefold().rstrip(" ")


def _check(name: str, what: str) -> None:
    if not name.strip() or "\x00" in name:
        raise LoadError(f"{what} has no name a database can hold; rename it with stream_maps")
    if _fold(name) == ORDER_COLUMN:
        raise LoadError(f"{what} is a name that target-mssql uses itself; rename it with stream_maps")
