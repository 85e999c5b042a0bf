"""Compares the warehouse with what this version of recon expects, and proves that rows can be written.

Every difference is one finding of one line. A database administrator may add tables, views, indexes and
constraints; what recon made itself must be there as it was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from order_rules.tables import metadata
from sqlalchemy.engine import Inspector
from sqlalchemy.exc import SQLAlchemyError

from recon.warehouse.engine import reason
from recon.warehouse.version import installed_version, version_finding
from recon.warehouse.views import VIEWS

PROBE: Final = "recon check"
PROBE_VALUES: Final[dict[type, Any]] = {
    str: PROBE,
    int: 0,
    float: 0.0,
    Decimal: 0,
    bool: False,
    date: date(2000, 1, 1),
    datetime: datetime(2000, 1, 1),
}
SAME_TYPES: Final = (
    (re.compile(r" COLLATE \S+"), ""),
    (re.compile(r"\bINT\b"), "INTEGER"),
    (re.compile(r"\bDECIMAL\b"), "NUMERIC"),
    (re.compile(r"\bFLOAT\(53\)|\bDOUBLE PRECISION\b"), "FLOAT"),
)
"""Spellings of one type, as the databases give it back."""


def check(engine: sa.Engine) -> list[str]:
    """Compare the warehouse with this version of recon.

    Args:
        engine: the warehouse.

    Returns:
        One line a finding, each beginning with its kind; empty where all is well.
    """
    with engine.connect() as connection:
        wrong = version_finding(installed_version(connection))
        if wrong:
            return [f"version: {wrong}"]
        inspector = sa.inspect(connection)
        there = set(inspector.get_table_names())
        findings = []
        sound = []
        for table in metadata.sorted_tables:
            found = list(_table(inspector, table)) if table.name in there else [f"table: {table.name} is missing"]
            findings += found
            if not found:
                sound.append(table)
        findings += _views(connection, set(inspector.get_view_names()))
    return findings + list(_rows(engine, sound))


def _table(inspector: Inspector, table: sa.Table) -> Iterator[str]:
    found = {column["name"]: column for column in inspector.get_columns(table.name)}
    for column in table.c:
        place = f"{table.name}.{column.name}"
        if column.name not in found:
            yield f"column: {place} is missing"
            continue
        there = found[column.name]
        expected, actual = (type_name(t, inspector.dialect) for t in (column.type, there["type"]))
        if expected != actual:
            yield f"type: {place} is {actual}, not {expected}"
        if bool(there["nullable"]) != bool(column.nullable):
            yield f"nullability: {place} {'may' if there['nullable'] else 'may not'} be null"
    yield from (f"column: {table.name}.{name} is not recon's" for name in found if name not in table.c)
    yield from _keys(inspector, table)


def _keys(inspector: Inspector, table: sa.Table) -> Iterator[str]:
    key = [column.name for column in table.primary_key]
    found_key = inspector.get_pk_constraint(table.name)["constrained_columns"]
    if found_key != key:
        yield f"primary key: {table.name} has {_names(found_key)}, not {_names(key)}"
    indexes = {index["name"]: index for index in inspector.get_indexes(table.name)}
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        columns = [column.name for column in index.columns]
        there = indexes.get(str(index.name))
        if there is None:
            yield f"index: {index.name} on {table.name} {_names(columns)} is missing"
        elif there["column_names"] != columns or bool(there["unique"]) != bool(index.unique):
            found = ("unique " if there["unique"] else "") + _names(there["column_names"])
            yield f"index: {index.name} on {table.name} is {found}, not {_names(columns)}"
    references = {
        (tuple(there["constrained_columns"]), there["referred_table"], tuple(there["referred_columns"]))
        for there in inspector.get_foreign_keys(table.name)
    }
    for constraint in table.foreign_key_constraints:
        target = constraint.referred_table.name
        columns, referred = [c.name for c in constraint.columns], [e.column.name for e in constraint.elements]
        if (tuple(columns), target, tuple(referred)) not in references:
            yield f"foreign key: {table.name} {_names(columns)} to {target} {_names(referred)} is missing"


def _views(connection: sa.Connection, there: set[str]) -> Iterator[str]:
    for name, columns in VIEWS.items():
        if name not in there:
            yield f"view: {name} is missing"
            continue
        nothing: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(sa.table(name)).where(sa.false())
        try:
            with connection.execute(nothing) as result:
                found = tuple(result.keys())
        except SQLAlchemyError as error:
            connection.rollback()  # after a failed query some servers refuse the rest of the transaction
            yield f"view: {name} cannot be read: {_reason(error, connection.engine)}"
            continue
        if found != columns:
            differing = sorted(set(found) ^ set(columns))
            yield f"view: {name} has other columns ({', '.join(differing) or 'their order'})"


def _rows(engine: sa.Engine, tables: Iterable[sa.Table]) -> Iterator[str]:
    """Write one row to each table and delete it, each in a transaction of its own that is rolled back."""
    try:
        with engine.execution_options(writes=True).connect() as connection:
            for table in tables:
                transaction = connection.begin()
                try:
                    _probe(connection, table)
                except SQLAlchemyError as error:
                    yield f"row: {table.name} cannot be written: {_reason(error, engine)}"
                finally:
                    transaction.rollback()
    except SQLAlchemyError as error:
        yield f"row: the warehouse cannot be written: {_reason(error, engine)}"


def _probe(connection: sa.Connection, table: sa.Table) -> None:
    parents = {key.column.table for key in table.foreign_keys}
    written = [*sorted(parents, key=lambda parent: parent.name), table]
    for one in written:
        connection.execute(sa.insert(one).values(_probe_values(one)))
    for one in reversed(written):
        keys = _probe_values(one)
        connection.execute(sa.delete(one).where(*(column == keys[column.name] for column in one.primary_key)))


def _probe_values(table: sa.Table) -> dict[str, Any]:
    columns = [column for column in table.c if not column.nullable]
    values = {column.name: PROBE_VALUES[column.type.python_type] for column in columns}
    for column in columns:
        length = getattr(column.type, "length", None)
        if isinstance(values[column.name], str) and length is not None:
            values[column.name] = values[column.name][:length]
    return values


def type_name(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> str:
    """Write a type as its database would, the same for every spelling of it.

    Args:
        kind: a type as defined or as reflected.
        dialect: the database's.

    Returns:
        As in ``NVARCHAR(200)``, without collation.
    """
    name = kind.compile(dialect)
    for spelling, same in SAME_TYPES:
        name = spelling.sub(same, name)
    return name


def _names(columns: Iterable[str | None]) -> str:
    return f"({', '.join(str(column) for column in columns)})"


def _reason(error: SQLAlchemyError, engine: sa.Engine) -> str:
    return reason(error, engine.url.render_as_string(hide_password=False))
