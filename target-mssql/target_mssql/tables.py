"""Which columns a stream loads, and what must change in its table first.

A table that exists is used as it is. Where changes are allowed it is created, gets the columns it lacks and has
columns widened; nothing is ever narrowed, dropped or renamed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from target_mssql.connector import MSSQLConnector
from target_mssql.dialects import Abilities, Column, Dialect, Table
from target_mssql.errors import LoadError
from target_mssql.names import column_names
from target_mssql.types import ColumnType, describe, holds, key_bytes, type_of_schema, widened


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table that a stream loads.

    Attributes:
        columns: property to column, as the table has them now, in the order of the properties.
        wanted: property to what its schema asks for.
        keys: the key's columns, in their order.
    """

    columns: Mapping[str, Column]
    wanted: Mapping[str, ColumnType]
    keys: tuple[str, ...]


@dataclass(slots=True)
class Changes:
    """What a table needs before a stream can be loaded.

    Attributes:
        create: the columns of the table, where there is none.
        add: columns it lacks.
        alter: columns to widen, in their new type.
        lacks: the same in words, for the error where changes are not allowed.
    """

    create: list[Column] = field(default_factory=list)
    add: list[Column] = field(default_factory=list)
    alter: list[Column] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)


def prepare_table(
    connector: MSSQLConnector,
    stream: str,
    table: Table,
    schema: Mapping[str, Any],
    keys: Sequence[str],
    *,
    unique: bool,
) -> Layout:
    """Make a table fit for a stream.

    Args:
        connector: the session.
        stream: the stream's name.
        table: its table.
        schema: the stream's JSON schema.
        keys: its key properties.
        unique: a table that is created gets the key as its primary key.

    Returns:
        The columns as they are now.

    Raises:
        LoadError: the table does not fit and must not, or cannot, be changed.
    """
    properties: Mapping[str, Any] = schema["properties"]
    if missing := [key for key in keys if key not in properties]:
        raise LoadError(f"stream {stream!r}: key properties {missing} are not in its schema")
    if not properties:
        raise LoadError(f"stream {stream!r}: its schema has no properties, so there is nothing to load")
    wanted = {name: type_of_schema(one) for name, one in properties.items()}
    dialect = connector.dialect
    # looked at twice: without a lock, which is all that a table that fits needs, and under it, before a change
    names, changes = _plan(dialect, stream, table, wanted=wanted, keys=keys, existing=connector.existing_columns(table))
    if changes.lacks:
        if not connector.allows_changes:
            raise LoadError(
                f"stream {stream!r}: {'; '.join(changes.lacks)}. Tables are not changed here "
                "(allow_schema_changes is off): run `recon migrate`"
            )
        primary_key = [names[key] for key in keys] if unique else []

        def work(session: sa.Connection) -> None:
            _, needed = _plan(
                dialect, stream, table, wanted=wanted, keys=keys, existing=connector.existing_columns(table)
            )
            for sql in _statements(dialect, table, needed, primary_key):
                session.exec_driver_sql(sql)

        connector.change(f"stream {stream!r}: changing table {table}", table, work)
    now = connector.existing_columns(table) or {}
    names = column_names(stream, wanted, now, dialect.abilities.max_identifier)
    return Layout({name: now[names[name]] for name in wanted}, wanted, tuple(names[key] for key in keys))


def widen_column(connector: MSSQLConnector, stream: str, table: Table, column: Column) -> Column:
    """Give a text or number column its widest form, for a value that its schema sets no limit to.

    Args:
        connector: the session.
        stream: the stream's name.
        table: its table.
        column: the column that is too narrow.

    Returns:
        The column as it is now.
    """
    if column.type is None or (wide := widened(column.type, ColumnType(column.type.kind, loose=True))) is None:
        raise LoadError(f"stream {stream!r}: column {column.name!r} of table {table} cannot be widened")
    changed = _retyped(connector.dialect, column, wide)

    def work(session: sa.Connection) -> None:
        for sql in connector.dialect.alter_column(connector.dialect.table(table), changed):
            session.exec_driver_sql(sql)

    connector.change(f"stream {stream!r}: widening column {column.name!r} of table {table}", table, work)
    return changed


def _plan(
    dialect: Dialect,
    stream: str,
    table: Table,
    *,
    wanted: Mapping[str, ColumnType],
    keys: Sequence[str],
    existing: Mapping[str, Column] | None,
) -> tuple[dict[str, str], Changes]:
    changes = Changes()
    names = column_names(stream, wanted, existing or (), dialect.abilities.max_identifier)
    key_types = _bounded_keys(dialect.abilities, stream, {key: wanted[key] for key in keys})
    for name, asked in wanted.items():
        kind, is_key = key_types.get(name, asked), name in key_types
        collation = dialect.abilities.key_collation if is_key else None
        created = Column(names[name], kind, dialect.declared_type(kind, collation=collation), nullable=not is_key)
        column = None if existing is None else existing.get(names[name])
        if existing is None:
            changes.create.append(created)
        elif column is None:
            changes.add.append(replace(created, nullable=True))
            changes.lacks.append(f"table {table} has no column {names[name]!r}")
        elif column.type is None:
            raise LoadError(
                f"stream {stream!r}: column {column.name!r} of table {table} is {dialect.compiled(column.declared)}, "
                "which this target cannot load"
            )
        elif not holds(column.type, asked):
            changes.alter.append(_widened(dialect, stream, table, column, asked))
            changes.lacks.append(
                f"column {column.name!r} of table {table} is {dialect.compiled(column.declared)}, too narrow for "
                f"{describe(asked)}"
            )
    if existing is None:
        changes.lacks.append(f"table {table} is missing")
    return names, changes


def _widened(dialect: Dialect, stream: str, table: Table, column: Column, asked: ColumnType) -> Column:
    wide = None if column.type is None else widened(column.type, asked)
    if wide is None:
        raise LoadError(
            f"stream {stream!r}: column {column.name!r} of table {table} is {dialect.compiled(column.declared)} and "
            f"the stream sends {describe(asked)}; this target never narrows or changes the kind of a column, so "
            "change the table (ours: `recon migrate`), or send the property under another name with stream_maps"
        )
    return _retyped(dialect, column, wide)


def _retyped(dialect: Dialect, column: Column, wide: ColumnType) -> Column:
    collation = getattr(column.declared, "collation", None)  # ALTER COLUMN would fall back to the database's
    return replace(column, type=wide, declared=dialect.declared_type(wide, collation=collation))


def _bounded_keys(abilities: Abilities, stream: str, keys: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """Give key columns a length, so that an index can stand on them: texts without one share what is left."""
    for limit in (abilities.clustered_key_bytes, abilities.nonclustered_key_bytes):
        if limit is None:
            return dict(keys)
        known = sum(key_bytes(one) for one in keys.values())
        open_ended = [name for name, one in keys.items() if one.kind in ("text", "json") and one.length is None]
        share = (limit - known) // 2 // max(1, len(open_ended))
        if known <= limit and (share >= 1 or not open_ended):
            shared = ColumnType("text", length=share)
            return {name: shared if name in open_ended else one for name, one in keys.items()}
    raise LoadError(
        f"stream {stream!r}: its key takes {known} bytes and an index {abilities.nonclustered_key_bytes}; give the "
        "key's properties a smaller maxLength"
    )


def _statements(dialect: Dialect, table: Table, changes: Changes, primary_key: Sequence[str]) -> list[str]:
    if changes.create:
        return [dialect.create_table(table, changes.create, primary_key)]
    name = dialect.table(table)
    statements = [dialect.add_column(name, one) for one in changes.add]
    return statements + [sql for one in changes.alter for sql in dialect.alter_column(name, one)]
