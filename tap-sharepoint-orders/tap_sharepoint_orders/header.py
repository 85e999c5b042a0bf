"""The header row of an order list: how it is recognised and what its columns are called.

Knows the hazards of real headers: sizes that Excel turned into dates or numbers, columns without a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Cell: TypeAlias = int | float | str | bool | time | date | datetime | timedelta
"""A cell as calamine gives it; an empty cell is the empty text."""

Value: TypeAlias = int | float | str | bool
"""A cell as the tap writes it."""

UNIT_OF_MEASURE = "UNIT OF MEASURE"
TOTAL_QTY = "TOTAL QTY"
CUSTOMER_NAME = "CUSTOMER NAME"

KNOWN_HEADERS = frozenset(
    {
        "AAG ORDER NUMBER",
        "AAG SEASON",
        "ALIAS/RELATED ITEM",
        "ALLOCATION (CHANNEL)",
        "CATEGORY",
        "CUSTOMER ALT PO",
        "CUSTOMER COLOUR DESCRIPTION",
        CUSTOMER_NAME,
        "CUSTOMER PRICE",
        "CUSTOMER SEASON",
        "CUSTOMER STYLE",
        "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS",
        "DESTINATION",
        "DESTINATION WAREHOUSE",
        "DROP",
        "ETA CUSTOMER WAREHOUSE DATE",
        "EX FACTORY DATE",
        "FINAL FOB (USD)",
        "NOTES",
        "ORDER DATE PO RECEIVED",
        "ORDER TYPE",
        "PATTERN ID",
        "PLANNED DELIVERY METHOD",
        "PO NUMBER",
        "STYLE DESCRIPTION",
    }
)
"""Headers that every order list has most of. They recognise a header row; they are not a list to keep to."""

KNOWN_HEADERS_NEEDED = 3
"""Beside the two that bound the size run: a pivot table repeats one or two of an order list's headers."""

LARGEST_EXACT = 1e15
"""Excel keeps 15 digits; a larger number is not known to be whole."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header row that was found.

    Attributes:
        row_number: Its row as Excel numbers it, from 1.
        names: One name a column.
        sizes: The columns strictly between UNIT OF MEASURE and TOTAL QTY.
        customer: The column of CUSTOMER NAME, if there is one.
        fit: How many known headers it has.
    """

    row_number: int
    names: tuple[str, ...]
    sizes: slice
    customer: int | None
    fit: int


def folded(text: str) -> str:
    """A header as headers are compared: without case, outer blanks and line breaks, inner blanks folded."""
    return " ".join(text.split()).upper()


def known_headers(row: Sequence[Cell]) -> int:
    """How many different known headers a row holds."""
    return len(KNOWN_HEADERS.intersection(folded(cell) for cell in row if isinstance(cell, str)))


def header_of(row: Sequence[Cell], row_number: int, first_column: int) -> Header | None:
    """Read a row as a header row.

    Args:
        row: The row's cells.
        row_number: Its row as Excel numbers it, from 1.
        first_column: The column, from 0, in which the row's first cell stands.

    Returns:
        The header, or None if the row is none.
    """
    if not _may_be_header(row):
        return None
    headers = [folded(cell) if isinstance(cell, str) else "" for cell in row]
    try:
        unit = headers.index(UNIT_OF_MEASURE)
        total = headers.index(TOTAL_QTY, unit + 1)
    except ValueError:
        return None
    fit = known_headers(row)
    if fit < KNOWN_HEADERS_NEEDED:
        return None
    return Header(
        row_number=row_number,
        names=tuple(
            column_name(cell, in_size_run=unit < column < total) or f"[{column_letters(first_column + column)}]"
            for column, cell in enumerate(row)
        ),
        sizes=slice(unit + 1, total),
        customer=headers.index(CUSTOMER_NAME) if CUSTOMER_NAME in headers else None,
        fit=fit,
    )


def _may_be_header(row: Sequence[Cell]) -> bool:
    """A test cheap enough for every row of a sheet."""
    return any(may_be_unit_of_measure(cell) for cell in filter(None, row) if type(cell) is str)


def may_be_unit_of_measure(cell: str) -> bool:
    """Whether a cell starts as UNIT OF MEASURE does."""
    return len(cell) >= len(UNIT_OF_MEASURE) and cell.lstrip()[:4].upper() == "UNIT"


def column_name(cell: Cell, *, in_size_run: bool) -> str:
    """A header cell as text, empty if it is blank. A date in the size run is the size it was typed as."""
    if isinstance(cell, date) and in_size_run:
        return size_of_date(cell)
    value = value_of(cell)
    if isinstance(value, bool):
        return str(value).upper()
    return str(value).strip()


def size_of_date(typed: date) -> str:
    """The size that Excel took for a date when it was typed.

    `3-4` becomes 4 March or, where days come first, 3 April: sizes ascend, so either is `3-4`. `12-34` is no
    day of any month and becomes 1 December 1934 (Excel reads 30 to 99 as 19xx). A column of numbers that was
    given a date format shows day n of 1900.
    """
    typed = date(typed.year, typed.month, typed.day)
    if typed.year <= 1900:  # noqa: PLR2004 - the first year Excel has
        # Excel counts 29 February 1900, a day that never was.
        return str((typed - date(1899, 12, 31)).days + (typed > date(1900, 2, 28)))
    if typed.day == 1 and typed.year < 2000:  # noqa: PLR2004
        return f"{typed.month}-{typed.year % 100}"
    first, second = sorted((typed.month, typed.day))
    return f"{first}-{second}"


def value_of(cell: Cell) -> Value:
    """A cell as the tap writes it: whole numbers without a fraction, dates and times as ISO text."""
    if isinstance(cell, float):
        if cell.is_integer() and -LARGEST_EXACT < cell < LARGEST_EXACT:
            return int(cell)
        # A damaged file can hold a number that JSON has no way to write.
        return cell if isfinite(cell) else str(cell)
    if isinstance(cell, (str, bool, int)):  # the faster of the two ways to write it
        return cell
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat()


def column_letters(column: int) -> str:
    """A column, counted from 0, as Excel names it: 0 is A, 42 is AQ."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
