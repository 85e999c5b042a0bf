"""Dates and prices, as people type them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.reading import found_text, read_day, read_money


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-03-04", "2026-03-04"),
        (" 2026-03-04 ", "2026-03-04"),
        ("2026-03-04T10:00:00", "2026-03-04"),
        ("2026-03-04 10:00", "2026-03-04"),
        ("2026-03-04T23:30:00.123-05:00", "2026-03-04"),
        ("2026-03-04T00:00:00Z", "2026-03-04"),
        (46085, "2026-03-04"),
        (Decimal("46085.75"), "2026-03-04"),
        (20001, "1954-10-04"),
        (79999, "2119-01-10"),
    ],
)
def test_a_date_is_read_from_iso_text_or_an_excel_serial(value: object, day: str) -> None:
    assert read_day(value) == (day, True)


@pytest.mark.parametrize("value", [None, "", " ", "TBC", "-", "#N/A", "n/a"])
def test_a_missing_date_is_no_finding(value: object) -> None:
    assert read_day(value) == (None, True)


@pytest.mark.parametrize(
    "value",
    ["04/03/2026", "4 March 2026", "2026-02-30", "2026-13-01", "20260304", "46085", "wk 12", 20000, 80000, 0, -1, True],
)
def test_a_date_with_two_readings_or_none_is_unreadable(value: object) -> None:
    assert read_day(value) == (None, False)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (12, "12.0000"),
        (Decimal("12.5"), "12.5000"),
        (Decimal("0.30000000000000004"), "0.3000"),
        (Decimal("4.12345"), "4.1235"),
        (Decimal("-0.00001"), "0.0000"),
        ("12.50", "12.5000"),
        ("$12.50", "12.5000"),
        ("-$12.50", "-12.5000"),
        ("$ -12.50", "-12.5000"),
        ("US$ 1,234.50", "1234.5000"),
        ("£1,234", "1234.0000"),
        ("12.50 USD", "12.5000"),
        ("USD12.5", "12.5000"),
        ("EUR 4.125", "4.1250"),
        ("1 234.50", "1234.5000"),
        (99999999999999, "99999999999999.0000"),
    ],
)
def test_money_is_read_exactly_and_kept_to_four_places(value: object, amount: str) -> None:
    read, readable = read_money(value)
    assert (str(read), readable) == (amount, True)


@pytest.mark.parametrize("value", [None, "", "TBC", "-", "#N/A"])
def test_missing_money_is_no_finding(value: object) -> None:
    assert read_money(value) == (None, True)


@pytest.mark.parametrize(
    "value",
    [
        "12,50",
        "1.234,50",
        "abc",
        "$",
        "12.50 each",
        "$$12",
        "#REF!",
        True,
        Decimal("NaN"),
        Decimal("1E+14"),
        100000000000000,
        "100000000000000",
        Decimal("99999999999999.99999"),
        Decimal("1E+400000"),
    ],
)
def test_money_with_two_readings_none_or_too_many_digits_is_unreadable(value: object) -> None:
    assert read_money(value) == (None, False)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4))
def test_an_amount_with_four_places_is_kept_to_the_last_digit(amount: Decimal) -> None:
    assert read_money(amount) == (amount, True)
    assert read_money(f"${amount:,}" if amount >= 0 else f"-${-amount:,}") == (amount, True)


@given(st.dates(min_value=date(1954, 10, 5), max_value=date(2119, 1, 10)))
def test_a_day_is_the_same_from_its_text_and_its_serial(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    assert read_day(serial) == read_day(day.isoformat()) == (day.isoformat(), True)


def test_a_number_of_absurd_size_stays_short_as_text() -> None:
    assert found_text(Decimal("1E+400000")) == "1E+400000"
    assert found_text(Decimal("4500012345.0")) == "4500012345"
    assert found_text("  a b ") == "a b"
    assert found_text(" ") is None
    assert found_text(None) is None
