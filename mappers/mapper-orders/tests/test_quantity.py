"""A quantity cell, as people type it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.reading import (
    BLANK,
    ERROR_CELL,
    FRACTIONAL,
    READABLE,
    TOO_LARGE,
    UNREADABLE,
    numeric,
    read_quantity,
)
from order_rules.models import MAX_QUANTITY


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        (12, 12),
        (0, 0),
        (-3, -3),
        (Decimal("28.0"), 28),
        (Decimal("-4.00"), -4),
        (Decimal("1.5E+3"), 1500),
        ("12", 12),
        ("12 ", 12),
        ("\u00a012\n", 12),
        ("+7", 7),
        ("-7", -7),
        ("−7", -7),
        ("007", 7),
        ("12.0", 12),
        ("12.", None),
        ("1,200", 1200),
        ("1,234,567", 1234567),
        ("1 200", 1200),
        ("1\u00a0200", 1200),
        ("1,200.00", 1200),
        ("1,200.000", 1200),
        ("1200.000", 1200),
        ("12 pcs", 12),
        ("12pcs", 12),
        ("12 PC", 12),
        ("12 Pcs.", 12),
        ("12 EA", 12),
        ("12 each", 12),
        ("12 UNITS", 12),
        ("1 unit", 1),
        ("1,200 pieces", 1200),
        ("１２", 12),
        (MAX_QUANTITY, MAX_QUANTITY),
        (str(-MAX_QUANTITY), -MAX_QUANTITY),
    ],
)
def test_a_whole_number_is_read_however_it_is_written(value: object, pieces: int | None) -> None:
    assert read_quantity(value) == ((pieces, READABLE) if pieces is not None else (0, UNREADABLE))


@pytest.mark.parametrize("value", [None, "", " ", "\n", "-", " - ", "TBC", "tbc", "N/A", "n/a", "NONE", "null", "NaN"])
def test_a_spelling_of_nothing_is_blank(value: object) -> None:
    assert read_quantity(value) == (0, BLANK)


@pytest.mark.parametrize("value", ["#N/A", " #n/a "])
def test_an_excel_na_is_blank_and_noticed(value: object) -> None:
    assert read_quantity(value) == (0, ERROR_CELL)


@pytest.mark.parametrize("value", [Decimal("12.5"), Decimal("-0.5"), "12.5", "0.500", "1,200.5", "12.5 pcs", "-1.25"])
def test_a_part_of_a_piece_is_fractional(value: object) -> None:
    assert read_quantity(value) == (0, FRACTIONAL)


@pytest.mark.parametrize(
    "value",
    [
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "abc",
        "12 boxes",
        "12 13",
        "1,20",
        "12,5",
        "0,200",
        "1,2,3",
        "01,200",
        "12-",
        "(12)",
        "--5",
        "1.5e3",
        "1E3",
        "0x1F",
        "٣",
        "2026-03-04",
        "2026-03-04T10:00:00",
        "1.200.000",
        "∞",
        True,
        False,
        Decimal("NaN"),
        Decimal("Infinity"),
        ["12"],
        {"qty": 12},
    ],
)
def test_what_is_no_number_is_unreadable(value: object) -> None:
    assert read_quantity(value) == (0, UNREADABLE)


@pytest.mark.parametrize("value", ["1.200", "12.000", "999.999", "-1.200", "1.200 pcs"])
def test_a_dot_before_three_digits_may_be_thousands_or_a_fraction_and_is_not_guessed(value: str) -> None:
    assert read_quantity(value) == (0, UNREADABLE)


@pytest.mark.parametrize(
    "value",
    [
        MAX_QUANTITY + 1,
        -MAX_QUANTITY - 1,
        "2,147,483,648",
        4006381333931,
        "9" * 5000,
        10**30,
        Decimal("1E+400000"),
        Decimal("-1E+400000"),
    ],
)
def test_more_than_a_quantity_column_holds_is_too_large(value: object) -> None:
    assert read_quantity(value) == (0, TOO_LARGE)


@given(st.integers(-MAX_QUANTITY, MAX_QUANTITY))
def test_every_whole_number_is_read_from_all_its_spellings(pieces: int) -> None:
    spellings = [pieces, Decimal(pieces), str(pieces), f" {pieces} ", f"{pieces:,}", f"{pieces:,} pcs"]
    spellings += [f"{pieces:,}".replace(",", " "), f"{pieces}.00"]
    assert {read_quantity(spelling) for spelling in spellings} == {(pieces, READABLE)}


@given(st.one_of(st.text(), st.integers(), st.decimals(), st.booleans(), st.none()))
def test_any_value_is_read_to_one_verdict_and_only_readable_ones_carry_pieces(value: object) -> None:
    pieces, verdict = read_quantity(value)
    assert verdict in (READABLE, BLANK, ERROR_CELL, FRACTIONAL, UNREADABLE, TOO_LARGE)
    assert abs(pieces) <= MAX_QUANTITY
    assert pieces == 0 or verdict == READABLE


@pytest.mark.parametrize(
    ("value", "added"),
    [
        (12, 12),
        (-3, -3),
        (Decimal("12.5"), Decimal("12.5")),
        ("12", 0),
        (True, 0),
        (None, 0),
        ("#N/A", 0),
        (10**30, 0),
        (Decimal("1E+400000"), 0),
        (Decimal("NaN"), 0),
    ],
)
def test_only_json_numbers_add_to_what_the_tap_summed(value: object, added: object) -> None:
    assert numeric(value) == added
