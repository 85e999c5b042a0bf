"""What a column can hold, read from a JSON schema or from a table, and which of two holds the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal

Kind = Literal["text", "json", "integer", "decimal", "float", "boolean", "date", "datetime", "time"]

INT: Final = (-(2**31), 2**31 - 1)
BIGINT: Final = (-(2**63), 2**63 - 1)
MAX_DECIMAL_DIGITS: Final = 38
EXACT_DOUBLE_DIGITS: Final = 15
"""Every decimal number of so many digits survives a double (IEEE 754 binary64) and back."""
EXACT_DOUBLE_INTEGER: Final = 2**53


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column holds.

    Attributes:
        kind: the family of values.
        length: for text, the most UTF-16 units (what ``NVARCHAR(n)`` counts); None for no limit.
        precision: for decimals, all digits; for times, the digits of a second's fraction.
        scale: for decimals, the digits behind the point.
        low: the smallest whole number.
        high: the largest whole number.
        ascii_only: a text column that would spoil other characters.
        loose: from a schema that sets no limit: what a column can take of it is seen value by value.
    """

    kind: Kind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    low: int = BIGINT[0]
    high: int = BIGINT[1]
    ascii_only: bool = False
    loose: bool = False

    @property
    def whole_digits(self) -> int | None:
        """The digits before the decimal point; None where unlimited."""
        return None if self.precision is None else self.precision - (self.scale or 0)


def type_of_schema(schema: Mapping[str, Any]) -> ColumnType:
    """Read a property's JSON schema.

    Args:
        schema: the schema of one property.

    Returns:
        The narrowest column that holds every value the schema allows. Alternatives of different kinds become
        text, a property without a type becomes JSON text.
    """
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives and "type" not in schema:
        return _join(type_of_schema(one) for one in alternatives if one.get("type") not in ("null", ["null"]))
    names = schema.get("type")
    listed = [names] if isinstance(names, str) else list(names or [])
    return _join(_one_type(name, schema) for name in listed if name != "null")


def _join(types: Iterable[ColumnType]) -> ColumnType:
    found = list(dict.fromkeys(types))
    if not found:
        return ColumnType("json", loose=True)
    if len(found) == 1:
        return found[0]
    if all(one.kind == "text" for one in found):
        lengths = [one.length for one in found]
        return ColumnType(
            "text", length=None if None in lengths else max(n for n in lengths if n), loose=None in lengths
        )
    if all(one.kind in ("integer", "float") for one in found):
        return ColumnType("float", loose=True)
    return ColumnType("text", loose=True)


def _one_type(name: str, schema: Mapping[str, Any]) -> ColumnType:
    match name:
        case "string":
            return _string_type(schema)
        case "integer":
            low, high = schema.get("minimum"), schema.get("maximum")
            if low is None or high is None:
                return ColumnType("integer", loose=True)
            fits = low >= INT[0] and high <= INT[1]
            return ColumnType("integer", low=INT[0], high=INT[1]) if fits else ColumnType("integer")
        case "number":
            return _number_type(schema)
        case "boolean":
            return ColumnType("boolean")
        case "object" | "array":
            return ColumnType("json", loose=True)
        case _:
            return ColumnType("text", loose=True)


def _string_type(schema: Mapping[str, Any]) -> ColumnType:
    match schema.get("format"):
        case "date-time":
            return ColumnType("datetime", precision=6)
        case "date":
            return ColumnType("date")
        case "time":
            return ColumnType("time", precision=6)
        case "x-singer.decimal" | "singer.decimal" if schema.get("precision"):
            return ColumnType("decimal", precision=int(schema["precision"]), scale=int(schema.get("scale") or 0))
        case _:
            length = schema.get("maxLength")
            return ColumnType("text", length=length, loose=length is None)


def _number_type(schema: Mapping[str, Any]) -> ColumnType:
    """`multipleOf` gives the scale, the bounds the digits before the point; without it the number is a double."""
    step = schema.get("multipleOf")
    if not step:
        return ColumnType("float", loose=True)
    exponent = Decimal(repr(step) if isinstance(step, float) else str(step)).normalize().as_tuple().exponent
    scale = max(0, -int(exponent))
    bounds = [schema.get("minimum"), schema.get("maximum")]
    if None in bounds:
        return ColumnType("decimal", precision=MAX_DECIMAL_DIGITS, scale=scale, loose=True)
    digits = max(Decimal(str(bound)).adjusted() + 1 for bound in bounds if bound is not None)
    return ColumnType("decimal", precision=min(max(digits, 1) + scale, MAX_DECIMAL_DIGITS), scale=scale)


def holds(column: ColumnType, wanted: ColumnType) -> bool:
    """Say whether a column of a table can take a stream's property as it is.

    Args:
        column: the column as the table declares it.
        wanted: the property as its schema declares it.

    Returns:
        True also where the schema sets no limit and only single values may turn out too large.
    """
    match column.kind:
        case "text" | "json":
            if wanted.kind != "text" or wanted.loose or column.length is None:
                return True
            return wanted.length is not None and wanted.length <= column.length
        case "integer":
            if wanted.kind == "boolean":
                return True
            return wanted.kind == "integer" and (
                wanted.loose or (column.low <= wanted.low and wanted.high <= column.high)
            )
        case "decimal":
            return _decimal_holds(column, wanted)
        case "float":
            exact = wanted.kind == "decimal" and (wanted.precision or MAX_DECIMAL_DIGITS) <= EXACT_DOUBLE_DIGITS
            bounded = wanted.kind == "integer" and wanted.high <= EXACT_DOUBLE_INTEGER
            return exact or bounded or (wanted.kind in ("integer", "float", "decimal") and wanted.loose)
        case "datetime":
            return wanted.kind in ("datetime", "date")
        case _:
            return wanted.kind == column.kind


def _decimal_holds(column: ColumnType, wanted: ColumnType) -> bool:
    if wanted.loose and wanted.kind in ("integer", "float", "decimal"):
        return True
    if column.precision is None:
        return wanted.kind in ("integer", "decimal")
    room = column.whole_digits or 0
    if wanted.kind == "integer":
        return len(str(wanted.high)) <= room
    return (
        wanted.kind == "decimal"
        and (wanted.scale or 0) <= (column.scale or 0)
        and (wanted.whole_digits or MAX_DECIMAL_DIGITS) <= room
    )


def widened(column: ColumnType, wanted: ColumnType) -> ColumnType | None:
    """Give the column type that holds both what the column holds and what the stream sends.

    Args:
        column: the column as it is.
        wanted: the property that does not fit.

    Returns:
        A wider type of the same kind; None where the kinds differ, which no widening mends.
    """
    if column.kind == "text" and wanted.kind in ("text", "json"):
        both = wanted.length is not None and column.length is not None
        return replace(column, length=max(wanted.length or 0, column.length or 0) if both else None)
    if column.kind == wanted.kind == "integer":
        return ColumnType("integer")
    if column.kind == wanted.kind == "decimal" and column.precision is not None:
        scale = max(column.scale or 0, wanted.scale or 0)
        whole = max(column.whole_digits or 0, wanted.whole_digits or 0)
        if whole + scale <= MAX_DECIMAL_DIGITS:
            return ColumnType("decimal", precision=whole + scale, scale=scale)
    return None


def key_bytes(column: ColumnType) -> int:
    """Count the most bytes that a column adds to a key."""
    fixed = {"integer": 8, "float": 8, "boolean": 1, "date": 3, "datetime": 8, "time": 5, "decimal": 17}
    return 2 * (column.length or 0) if column.kind == "text" else fixed.get(column.kind, 0)


def describe(column: ColumnType) -> str:
    """Name a column type in an error message, such as ``text(20)`` or ``decimal(18, 4)``."""
    match column.kind:
        case "text" if column.length is not None:
            return f"text({column.length})"
        case "decimal" if column.precision is not None:
            return f"decimal({column.precision}, {column.scale or 0})"
        case "integer":
            return "whole number" if (column.low, column.high) == BIGINT else f"whole number to {column.high}"
        case _:
            return column.kind


def utf16_units(text: str) -> int:
    """Count the UTF-16 units of a text, which is what ``NVARCHAR(n)`` limits."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
