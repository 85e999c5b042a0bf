"""Columns as JSON schemas: what a database says of a column's type, and one stream's columns over several databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.sql.type_api import TypeEngine

JsonSchema = dict[str, Any]


def json_schema(sql_type: TypeEngine[Any], dialect: str, *, nullable: bool = True) -> JsonSchema:
    """Return the JSON schema of a column.

    A decimal is a JSON number with every digit the database sent, and readers that keep digits get it exactly.
    There is no `multipleOf`: validators that read numbers as floats refuse 19.99 as no multiple of 0.01.

    Args:
        sql_type: The reflected type.
        dialect: The name of the SQLAlchemy dialect.
        nullable: Whether the column can be null.
    """
    if dialect == "sqlite":
        # Any column can hold any value, except that one declared as text holds text. Days are stored as text.
        if isinstance(sql_type, sa.String | sa.Date | sa.DateTime | sa.Time):
            return {"type": ["string", "null"]}
        return {"type": ["number", "string", "null"]}
    kind, text_format = _kind(sql_type, dialect)
    schema: JsonSchema = {"type": [kind, "null"] if nullable else [kind]}
    if text_format:
        schema["format"] = text_format
    return schema


def _kind(sql_type: TypeEngine[Any], dialect: str) -> tuple[str, str | None]:
    # In this order: Oracle's NUMBER is both a Numeric and an Integer, and holds fractions.
    kinds: tuple[tuple[type[Any], str, str | None], ...] = (
        (sa.Boolean, "boolean", None),
        (sa.Numeric, "number", None),
        (sa.Float, "number", None),
        (sa.Integer, "integer", None),
        (sa.DateTime, "string", "date-time"),
        (sa.Date, "string", "date"),
        (sa.Time, "string", "time"),
    )
    for sql_class, kind, text_format in kinds:
        if isinstance(sql_type, sql_class):
            return kind, text_format
    if dialect == "mssql" and sql_type.__visit_name__ in {"MONEY", "SMALLMONEY"}:
        return "number", None
    return "string", None


def merge_columns(sources: Sequence[Mapping[str, JsonSchema]]) -> dict[str, JsonSchema]:
    """Return the columns of one stream, given those of each connection it is read from.

    A column that only a later connection has goes behind the one it follows there, so that a size stays in the
    size run. It is null, and missing from the records, where a connection lacks it.
    """
    names: list[str] = []
    for source in sources:
        at = 0
        for name in source:
            if name in names:
                at = names.index(name) + 1
            else:
                names.insert(at, name)
                at += 1
    return {name: _union([source.get(name) for source in sources]) for name in names}


def _union(schemas: Sequence[JsonSchema | None]) -> JsonSchema:
    given = [schema for schema in schemas if schema is not None]
    if all(schema == given[0] for schema in given) and len(given) == len(schemas):
        return given[0]
    types = list(dict.fromkeys(kind for schema in given for kind in schema["type"]))
    if len(given) < len(schemas) and "null" not in types:
        types.append("null")
    formats = {schema.get("format") for schema in given}
    merged: JsonSchema = {"type": types}
    if len(formats) == 1 and (text_format := formats.pop()):
        merged["format"] = text_format
    return merged
