"""Reads what people type into cells: quantities, dates and money.

One function a kind. Nothing is guessed: what has two readings (``1.200``, ``04/03/2026``) is unreadable.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from order_rules import canonical
from order_rules.models import MAX_QUANTITY, MONEY_DIGITS, MONEY_PLACES

READABLE: Final = ""
BLANK: Final = "blank"
ERROR_CELL: Final = "error_cell"
FRACTIONAL: Final = "fractional_quantity"
UNREADABLE: Final = "unreadable_quantity"
TOO_LARGE: Final = "quantity_too_large"

_MOST_DIGITS: Final = 18
"""Longer whole numbers are no quantity or serial; guards against building a number of a million digits."""
_SUMMED: Final = 10**_MOST_DIGITS

_QUANTITY = re.compile(
    r"(?P<sign>[+\-−]?)"
    r"(?P<whole>[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,2}(?: [0-9]{3})+|[0-9]+)"
    r"(?:\.(?P<fraction>[0-9]+))?"
    r"(?: ?(?:PCS?|PIECES?|EA|EACH|UNITS?)\.?)?"
)
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9]{2}:[0-9]{2}.*)?", re.DOTALL)
_MONEY = re.compile(
    r"(?P<sign>[+\-−]?)(?P<whole>[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,2}(?: [0-9]{3})+|[0-9]+)"
    r"(?P<fraction>\.[0-9]+)?"
)
_CURRENCY = re.compile(r"(?:US|CA|AU|HK|C|A)?\$|[£€¥₹]|(?<![A-Z])(?:USD|GBP|EUR|CAD|AUD|HKD|CNY|RMB|INR|JPY)(?![A-Z])")
_EXCEL_DAY_ZERO: Final = date(1899, 12, 30)
_FIRST_SERIAL: Final = 20000
_LAST_SERIAL: Final = 80000
_SMALLEST_MONEY: Final = Decimal(1).scaleb(-MONEY_PLACES)
_MONEY_LIMIT: Final = Decimal(10) ** (MONEY_DIGITS - MONEY_PLACES)


def found_text(value: object) -> str | None:
    """Give a value as found, trimmed; ``None`` for blanks.

    The same as ``order_rules.canonical.found``, but a number of absurd size (``1E+400000``) is not written out.
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, Decimal) and value.is_finite() and value and value.adjusted() > _MOST_DIGITS:
        return str(value)
    return canonical.found(value)


def cleaned(value: object) -> str | None:
    """Clean a value; ``None`` where it is missing. Like ``order_rules.canonical.clean``, for any number."""
    return canonical.clean(value if isinstance(value, str) else found_text(value))


def read_quantity(value: object) -> tuple[int, str]:
    """Read a quantity.

    A JSON number counts where it is whole (``28.0``, ``1.5e3``). Text counts where it is a whole number with or
    without thousands marks and a unit: ``12``, ``1,200``, ``1 200``, ``12 pcs``. ``1.200`` may be twelve hundred or
    one and a fifth, and ``1.5e3`` as text may be a style: both are unreadable.

    Args:
        value: a cell's value: text, whole number, ``Decimal``, boolean or ``None``.

    Returns:
        The quantity in pieces (0 where there is none) and why it cannot be used: ``READABLE`` (it can; zero and
        negative too), ``BLANK``, ``ERROR_CELL`` (blank, too), ``FRACTIONAL``, ``UNREADABLE`` or ``TOO_LARGE``.
    """
    if type(value) is int:
        return _within_limit(value)
    if isinstance(value, str):
        return _read_quantity_text(value)
    if isinstance(value, Decimal):
        return _read_quantity_number(value)
    return (0, BLANK) if value is None else (0, UNREADABLE)


def _within_limit(number: int) -> tuple[int, str]:
    return (number, READABLE) if -MAX_QUANTITY <= number <= MAX_QUANTITY else (0, TOO_LARGE)


def _read_quantity_number(number: Decimal) -> tuple[int, str]:
    if not number.is_finite():
        return 0, UNREADABLE
    if number and number.adjusted() > _MOST_DIGITS:
        return 0, TOO_LARGE
    return _within_limit(int(number)) if number == number.to_integral_value() else (0, FRACTIONAL)


@lru_cache(maxsize=8192)
def _read_quantity_text(text: str) -> tuple[int, str]:
    said = canonical.clean(text)
    if said is None:
        return 0, ERROR_CELL if "#" in text else BLANK
    matched = _QUANTITY.fullmatch(said)
    if matched is None:
        return 0, UNREADABLE
    sign, whole, fraction = matched["sign"], matched["whole"], matched["fraction"]
    digits = whole.replace(",", "").replace(" ", "")
    if fraction is not None:
        if digits == whole and whole.lstrip("0") and len(whole) <= 3 and len(fraction) == 3:  # noqa: PLR2004
            return 0, UNREADABLE
        if fraction.strip("0"):
            return 0, FRACTIONAL
    if len(digits) > _MOST_DIGITS:
        return 0, TOO_LARGE
    return _within_limit(-int(digits) if sign in ("-", "−") else int(digits))


def numeric(value: object) -> int | Decimal:
    """Give the number that a cell adds to ``loads.qty``: JSON numbers count, whole or not; all else is 0.

    A number too large for any column adds nothing, so that one such cell cannot break the sum's precision.
    """
    if type(value) is int:
        return value if -_SUMMED < value < _SUMMED else 0
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < _MOST_DIGITS:
        return value
    return 0


def read_day(value: object) -> tuple[str | None, bool]:
    """Read a date: ISO text, with or without a time, or an Excel serial number of days.

    Args:
        value: a cell's value.

    Returns:
        The date as ISO text, ``None`` where there is none, and whether the value was readable; a missing value is.
    """
    if isinstance(value, str):
        return _read_day_text(value)
    if value is None:
        return None, True
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None, False
    if not _FIRST_SERIAL < value < _LAST_SERIAL:
        return None, False
    return (_EXCEL_DAY_ZERO + timedelta(days=int(value))).isoformat(), True


@lru_cache(maxsize=8192)
def _read_day_text(text: str) -> tuple[str | None, bool]:
    if canonical.clean(text) is None:
        return None, True
    matched = _DAY.fullmatch(text.strip())
    if matched is None:
        return None, False
    try:
        return date.fromisoformat(matched[1]).isoformat(), True
    except ValueError:
        return None, False


def read_money(value: object) -> tuple[Decimal | None, bool]:
    """Read an amount: a number, or text with a currency sign or code and thousands marks.

    Args:
        value: a cell's value.

    Returns:
        The amount with 4 decimal places, half a unit rounded up; ``None`` where there is none; and whether the value
        was readable; a missing value is.
    """
    if isinstance(value, str):
        return _read_money_text(value)
    if value is None:
        return None, True
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None, False
    return _quantised(Decimal(value))


@lru_cache(maxsize=8192)
def _read_money_text(text: str) -> tuple[Decimal | None, bool]:
    said = canonical.clean(text)
    if said is None:
        return None, True
    matched = _MONEY.fullmatch(_CURRENCY.sub("", said, count=1).replace("- ", "-").strip())
    if matched is None:
        return None, False
    digits = matched["whole"].replace(",", "").replace(" ", "") + (matched["fraction"] or "")
    return _quantised(Decimal(("-" if matched["sign"] in ("-", "−") else "") + digits))


def _quantised(amount: Decimal) -> tuple[Decimal | None, bool]:
    if not amount.is_finite() or abs(amount) >= _MONEY_LIMIT:
        return None, False
    rounded = amount.quantize(_SMALLEST_MONEY, rounding=ROUND_HALF_UP)
    return (rounded + 0, True) if abs(rounded) < _MONEY_LIMIT else (None, False)  # + 0: no negative zero
