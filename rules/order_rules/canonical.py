"""Canonical form of the values that name an order line: what is compared, as against what was found.

Every function takes a value as found (text, number or nothing) and returns its canonical text, or ``None``
where the value is missing. Missing is never a value: two missing POs are not equal.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

MISSING: Final = frozenset({"", "NONE", "NULL", "NAN", "N/A", "-", "TBC", "#N/A"})
"""Cleaned spellings of nothing (domain: canonical form)."""

_BLANKS = re.compile(r"\s+")


def as_text(value: object) -> str | None:
    """Give a cell's value the text a person reads in it.

    A number that Excel holds as a float is written without its fraction when it has none: the PO
    ``4500012345.0`` is ``4500012345`` and the size ``28.0`` is ``28``.

    Args:
        value: text, number, date, boolean or ``None``.

    Returns:
        The text as found, not trimmed, or ``None`` for ``None``.
    """
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float() | Decimal():
            if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  (NaN is not itself)
                return None
            return str(int(value)) if value == int(value) else format(Decimal(str(value)).normalize(), "f")
        case datetime() | date():
            return value.isoformat()
        case _:
            return str(value)


@lru_cache(maxsize=65536)
def _clean(text: str) -> str | None:
    folded = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip().upper()
    return None if folded in MISSING else folded


def clean(value: object) -> str | None:
    """Clean a value: Unicode NFKC, trimmed, inner blanks folded, upper case; missing spellings are ``None``.

    Args:
        value: text, number, date or ``None`` as found.

    Returns:
        The canonical text, or ``None`` where the value is missing.
    """
    text = as_text(value)
    return None if text is None else _clean(text)


def found(value: object) -> str | None:
    """Give the value as found, for a ``*_source`` column: trimmed at its ends, nothing else touched.

    Args:
        value: text, number, date or ``None``.

    Returns:
        The text, or ``None`` where the cell holds nothing but blanks.
    """
    text = as_text(value)
    return (text.strip() or None) if text is not None else None
