"""Status and quality flag of a reconciled key."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from recon.matching.flags import due_by, quality_flag, recon_status


def fact(**given):
    usual = {
        "has_order": True,
        "ordered_qty": 100,
        "due_qty": 100,
        "cancelled_lines": 0,
        "order_lines": 1,
        "packed_qty": 0,
        "shipped_qty": 100,
        "tolerance_pct": 5.0,
        "match_type": "EXACT",
        "match_score": 100.0,
    }
    return pd.DataFrame([usual | given])


def status(**given):
    return recon_status(fact(**given))[0]


def flag(**given):
    found = quality_flag(fact(**given).assign(recon_status=recon_status))[0]
    return None if pd.isna(found) else found


@pytest.mark.parametrize(
    ("shipped", "due", "expected"),
    [
        (0, 0, "OPEN"),
        (100, 0, "OPEN"),
        (105, 0, "OPEN"),
        (106, 0, "OVER"),
        (0, 100, "UNFULFILLED"),
        (94, 100, "UNDER"),
        (95, 100, "COMPLETE"),
        (105, 100, "COMPLETE"),
        (106, 100, "OVER"),
        (50, 50, "OPEN"),  # what is due is there
        (48, 50, "OPEN"),
        (47, 50, "UNDER"),
        (0, 50, "UNFULFILLED"),
        (96, 50, "COMPLETE"),
    ],
)
def test_an_order_is_open_until_it_is_due_and_then_judged_by_tolerance(shipped, due, expected):
    assert status(shipped_qty=shipped, due_qty=due) == expected


def test_packed_counts_like_shipped():
    assert status(packed_qty=60, shipped_qty=40) == "COMPLETE"


def test_a_customers_own_tolerance_decides():
    assert status(shipped_qty=98, tolerance_pct=1.0) == "UNDER"
    assert flag(shipped_qty=98, tolerance_pct=1.0) == "POOR"
    assert status(shipped_qty=100, tolerance_pct=0.0) == "COMPLETE"


def test_a_cancelled_order_is_cancelled_unless_goods_left():
    cancelled = {"ordered_qty": 0, "due_qty": 0, "cancelled_lines": 1}
    assert (status(**cancelled, shipped_qty=0), flag(**cancelled, shipped_qty=0)) == ("CANCELLED", None)
    assert (status(**cancelled, shipped_qty=1), flag(**cancelled, shipped_qty=1)) == ("OVER", "POOR")


def test_fulfilment_without_an_order_is_poor():
    strange = {"has_order": False, "ordered_qty": 0, "due_qty": 0, "order_lines": 0, "match_type": "NO_MATCH"}
    assert (status(**strange), flag(**strange)) == ("NO_ORDER", "POOR")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "GOOD"),
        ({"shipped_qty": 95}, "GOOD"),
        ({"shipped_qty": 94}, "POOR"),
        ({"shipped_qty": 106}, "POOR"),
        ({"match_type": "FUZZY", "match_score": 90.0}, "ACCEPTABLE"),
        ({"match_type": "FUZZY", "match_score": 89.9}, "QUESTIONABLE"),
        ({"match_type": "FUZZY", "match_score": 75.0}, "QUESTIONABLE"),
        ({"match_type": "FUZZY", "match_score": 74.9}, "POOR"),
        ({"match_type": "FUZZY", "match_score": 99.0, "shipped_qty": 94}, "POOR"),
        ({"due_qty": 0}, None),  # open
        ({"shipped_qty": 0}, None),  # nothing to judge
    ],
)
def test_the_flag_is_the_previous_systems(given, expected):
    assert flag(**given) == expected


def test_a_line_is_due_from_its_date_and_grace_on():
    assert due_by(date(2026, 6, 10), 0) == pd.Timestamp("2026-06-10")
    assert due_by(date(2026, 6, 10), 7) == pd.Timestamp("2026-06-03")
