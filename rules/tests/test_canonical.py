"""Canonical form: what is compared, as against what was found."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_rules.canonical import MISSING, as_text, clean, found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", ""),
        (" as found ", " as found "),
        (28, "28"),
        (28.0, "28"),
        (4500012345.0, "4500012345"),
        (Decimal("28.0"), "28"),
        (Decimal("1E+3"), "1000"),
        (0.1, "0.1"),
        (Decimal("12.50"), "12.5"),
        (1e-7, "0.0000001"),
        (-0.0, "0"),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("NaN"), None),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(2026, 3, 4), "2026-03-04"),
        (datetime(2026, 3, 4, 10, 5), "2026-03-04T10:05:00"),
    ],
)
def test_a_cell_is_the_text_a_person_reads_in_it(value: object, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        (" navy  blue ", "NAVY BLUE"),
        ("navy\u00a0\n\tblue", "NAVY BLUE"),
        ("ﬁne", "FINE"),
        ("ＮＡＶＹ", "NAVY"),
        ("café", "CAFÉ"),
        ("cafe\u0301", "CAFÉ"),
        ("straße", "STRASSE"),
        ("30x32", "30X32"),
        (28.0, "28"),
        ("--", "--"),
        ("N / A", "N / A"),
        ("0", "0"),
        (0, "0"),
    ],
)
def test_a_value_is_cleaned(value: object, cleaned: str) -> None:
    assert clean(value) == cleaned


@pytest.mark.parametrize("spelling", sorted(MISSING))
def test_every_spelling_of_nothing_is_missing_in_any_case_and_with_any_blanks(spelling: str) -> None:
    for value in (spelling, spelling.lower(), spelling.title(), f" {spelling}\u00a0\n"):
        assert clean(value) is None


def test_nothing_is_missing() -> None:
    assert clean(None) is None
    assert clean(float("nan")) is None


def test_the_spellings_of_nothing_are_those_of_the_domain() -> None:
    assert {"", "NONE", "NULL", "NAN", "N/A", "-", "TBC", "#N/A"} == MISSING


@pytest.mark.parametrize(
    ("value", "kept"),
    [(" a  B\n", "a  B"), ("\u00a0", None), ("", None), (None, None), ("-", "-"), ("tbc", "tbc"), (28.0, "28")],
)
def test_a_value_as_found_loses_its_outer_blanks_and_nothing_else(value: object, kept: str | None) -> None:
    assert found(value) == kept


@given(st.text(alphabet=st.characters(max_codepoint=0xFF)))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@given(st.text(alphabet=st.characters(max_codepoint=0x7F)))
def test_neither_case_nor_blanks_make_a_difference(text: str) -> None:
    assert clean(text) == clean(text.lower()) == clean(text.upper()) == clean(f"  {text}\n")


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_is_the_same_from_every_kind_of_number(number: int) -> None:
    assert as_text(number) == as_text(float(number)) == as_text(Decimal(number)) == as_text(Decimal(f"{number}.00"))
