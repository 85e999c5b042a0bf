"""Names of sheets: legal in Excel and told apart, whatever customers are called."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from order_reports.names import sheet_names

FIXED = ("SUMMARY", "EXCEPTIONS", "OTHER")


def one(name: str) -> str:
    return sheet_names([name], FIXED)[name]


def test_an_ordinary_customer_keeps_its_name() -> None:
    assert one("BRACKEN & VALE") == "BRACKEN & VALE"


def test_excels_own_name_for_its_change_log_is_never_used() -> None:
    assert one("HISTORY") == "HISTORY (CUSTOMER)"
    assert one("History") == "History (CUSTOMER)"


def test_a_customer_called_like_one_of_our_tabs_does_not_take_its_place() -> None:
    assert one("Summary") == "Summary (CUSTOMER)"
    assert one("OTHER") == "OTHER (CUSTOMER)"


def test_forbidden_characters_are_replaced() -> None:
    assert one("A[]:*?/\\Z") == "A_______Z"


def test_apostrophes_stay_inside_and_go_from_the_ends() -> None:
    assert one("'LEVI'S'") == "LEVI'S"


def test_two_customers_whose_first_31_characters_agree_are_told_apart() -> None:
    long = "NORTHFELL OUTDOOR EQUIPMENT AND APPAREL"
    names = sheet_names([f"{long} EAST", f"{long} WEST"], FIXED)
    assert list(names.values()) == ["NORTHFELL OUTDOOR EQUIPMENT AND", "NORTHFELL OUTDOOR EQUIPMENT (2)"]


def test_case_alone_does_not_tell_two_sheets_apart() -> None:
    assert list(sheet_names(["Acme", "ACME", "acme"], FIXED).values()) == ["Acme", "ACME (2)", "acme (3)"]


def test_a_name_of_nothing_that_is_allowed_still_gets_a_sheet() -> None:
    assert one("'''") == "NO NAME"


@given(st.lists(st.text(min_size=1), unique=True, max_size=30))
def test_every_name_is_legal_and_its_own(customers: list[str]) -> None:
    names = list(sheet_names(customers, FIXED).values())
    assert len({name.casefold() for name in (*names, *FIXED)}) == len(customers) + len(FIXED)
    for name in names:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
        assert not re.search(r"[\[\]:*?/\\\x00-\x1f]", name)
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.casefold() != "history"
