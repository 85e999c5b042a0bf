"""How a value is brought into the form its column is written in.

A value is stored exactly or refused: nothing here shortens, rounds or guesses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from target_mssql.errors import ValueRefused
from target_mssql.types import BIGINT, EXACT_DOUBLE_DIGITS, MAX_DECIMAL_DIGITS, ColumnType, describe, utf16_units

Convert = Callable[[Any], Any]
_JSON: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Storage:
    """The Python form a driver wants values in.

    Attributes:
        times_as_text: dates and times go as ISO text instead of Python objects.
        decimals: decimals go as `Decimal`, as plain text or as a double.
    """

    times_as_text: bool
    decimals: Literal["decimal", "text", "double"]


def converter(column: ColumnType, storage: Storage) -> Convert:
    """Build the function that brings one non-null value into the form a column is written in.

    Args:
        column: the column as the table declares it.
        storage: the form the driver wants.

    Returns:
        A function that raises `ValueRefused` for a value the column cannot hold exactly.
    """
    match column.kind:
        case "text" | "json":
            return _ascii(column.length) if column.ascii_only else _text(column.length)
        case "integer":
            return _integer(column.low, column.high)
        case "boolean":
            return _boolean
        case "float":
            return _float
        case "decimal":
            return _decimal(column, storage)
        case "date":
            # the same days come again and again
            return lru_cache(4096)(lambda value: _date_form(_date(value), storage))
        case "datetime":
            return lambda value: _datetime_form(_datetime(value), column, storage)
        case "time":
            return lambda value: _time_form(_time(value), column, storage)


def json_text(value: object) -> str:
    """Write a value as JSON text, numbers digit by digit as they came."""
    return _JSON.encode(value).decode()


def _as_text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return json_text(value)


def _text(length: int | None) -> Convert:
    if length is None:
        return lambda value: value if value.__class__ is str else _as_text(value)
    surely_fits = length // 2  # a character takes at most two units

    def convert(value: object) -> str:
        text = value if isinstance(value, str) else _as_text(value)
        if len(text) > surely_fits and utf16_units(text) > length:
            raise ValueRefused(f"a text of {utf16_units(text)} does not fit into {length}", too_wide=True)
        return text

    return convert


def _ascii(length: int | None) -> Convert:
    fit = _text(length)

    def convert(value: object) -> str:
        text: str = fit(value)
        if not text.isascii():
            raise ValueRefused("characters beyond ASCII may be lost in a VARCHAR column; make it NVARCHAR")
        return text

    return convert


def _integer(low: int, high: int) -> Convert:
    def convert(value: object) -> int:
        number = value if value.__class__ is int else _whole(value)
        if not low <= number <= high:
            raise ValueRefused(f"{number} does not fit between {low} and {high}", too_wide=low > BIGINT[0])
        return number

    return convert


def _whole(value: object) -> int:
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, (Decimal, float)) and value == (number := int(value)):
        return number
    raise ValueRefused(f"{value!r} is not a whole number")


def _boolean(value: object) -> bool:
    if value is True or value is False:
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueRefused(f"{value!r} is neither true nor false")


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueRefused(f"{value!r} is not a number")
    number = float(value)
    if isinstance(value, int) and int(number) != value:
        raise ValueRefused(f"{value} has more digits than a double keeps")
    if number in (float("inf"), float("-inf")) or number != number:  # noqa: PLR0124  only NaN differs from itself
        raise ValueRefused(f"{value} is out of a double's range")
    return number


def _decimal(column: ColumnType, storage: Storage) -> Convert:
    step = None if column.precision is None else Decimal(1).scaleb(-(column.scale or 0))
    context = Context(prec=column.precision or MAX_DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])

    def exact(value: object) -> Decimal:
        number = value if isinstance(value, Decimal) else _as_decimal(value)
        try:
            return context.plus(number) if step is None else number.quantize(step, context=context)
        except (Inexact, InvalidOperation):
            raise ValueRefused(f"{number} does not fit into {describe(column)}", too_wide=True) from None

    match storage.decimals:
        case "text":
            return lambda value: format(exact(value), "f")
        case "double" if column.precision is not None and column.precision <= EXACT_DOUBLE_DIGITS:
            return lambda value: float(exact(value))
        case "double":
            return lambda value: _exact_double(exact(value))
        case _:
            return exact


def _as_decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueRefused(f"{value!r} is not a number")
    try:
        return Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueRefused(f"{value!r} is not a number") from None


def _exact_double(number: Decimal) -> float:
    """SQLite has no decimals: a number goes as a double that reads back as the same number, or not at all."""
    double = float(number)
    places = max(0, -int(number.as_tuple().exponent))
    if number.adjusted() + places < EXACT_DOUBLE_DIGITS or Decimal(f"{double:.{places}f}") == number:
        return double
    raise ValueRefused(f"{number} has more digits than SQLite keeps of a number")


def _date(value: object) -> date:
    if isinstance(value, str):
        if len(value) == len("2026-03-04"):
            return date.fromisoformat(value)
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        if value.time() != time():
            raise ValueRefused(f"{value.isoformat()} has a time of day, the column holds dates")
        return value.date()
    if isinstance(value, date):
        return value
    raise ValueRefused(f"{value!r} is not a date")


_MICROSECOND_LENGTH: Final = len("2026-03-04T10:00:00.123456")
_BEYOND_MICROSECONDS: Final = re.compile(r"\.\d{6}0*[1-9]")


def _datetime(value: object) -> datetime:
    """Read a moment; one with an offset is brought to UTC, one without is taken to be UTC."""
    if isinstance(value, str):
        # without its Z a moment in UTC is what is stored: half the time of bringing it to UTC
        text = value[:-1] if value[-1:] == "Z" else value
        # `fromisoformat` drops the seventh digit of a fraction without a word
        if len(text) > _MICROSECOND_LENGTH and _BEYOND_MICROSECONDS.search(text):
            raise ValueRefused(f"{value} is finer than a microsecond")
        value = datetime.fromisoformat(text)
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    raise ValueRefused(f"{value!r} is not a date and time")


def _time(value: object) -> time:
    if isinstance(value, str):
        if _BEYOND_MICROSECONDS.search(value):
            raise ValueRefused(f"{value} is finer than a microsecond")
        value = time.fromisoformat(value)
    if not isinstance(value, time):
        raise ValueRefused(f"{value!r} is not a time of day")
    if value.tzinfo is not None and value.utcoffset():
        raise ValueRefused(f"{value.isoformat()} has an offset, which a time of day cannot keep")
    return value.replace(tzinfo=None)


def _date_form(value: date, storage: Storage) -> str | date:
    return value.isoformat() if storage.times_as_text else value


def _check_fraction(microsecond: int, column: ColumnType) -> None:
    digits = 6 if column.precision is None else column.precision
    if digits < 6 and microsecond % 10 ** (6 - digits):  # noqa: PLR2004  microseconds have six digits
        raise ValueRefused(f"a fraction of {microsecond:06d} microseconds does not fit into {digits} digits")


def _datetime_form(value: datetime, column: ColumnType, storage: Storage) -> str | datetime:
    if column.precision != 6:  # noqa: PLR2004  microseconds
        _check_fraction(value.microsecond, column)
    if not storage.times_as_text:
        return value
    if column.precision is not None and column.precision <= 3:  # noqa: PLR2004  DATETIME takes no more digits
        # DATETIME reads a text by the session's language, unless it has the T
        return value.isoformat("T", "milliseconds")
    return value.isoformat(" ", "microseconds")


def _time_form(value: time, column: ColumnType, storage: Storage) -> str | time:
    _check_fraction(value.microsecond, column)
    return value.isoformat("microseconds") if storage.times_as_text else value
