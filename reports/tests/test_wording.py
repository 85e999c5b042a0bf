"""Reasons in words, days late and the order of sizes: what a planner reads, by the domain's rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from order_reports.fact_columns import days_late, weights
from order_reports.facts import Fact, size_rank, weight
from order_reports.wording import why

TODAY = date(2026, 3, 16)


def fact(**values: Any) -> Fact:
    settled = dict.fromkeys(Fact._fields) | {
        "ordered_qty": 0,
        "packed_qty": 0,
        "shipped_qty": 0,
        "fuzzy_qty": 0,
        "incomplete_key": False,
    }
    made = Fact(**(settled | values))
    return made._replace(qty_variance=made.ordered_qty - made.packed_qty - made.shipped_qty)


def late(
    status: str,
    due: date | None = None,
    packed_on: date | None = None,
    shipped_on: date | None = None,
) -> int | None:
    """Days late of one key by its dates."""
    rows = pa.table(
        {
            "recon_status": pa.array([status]),
            "earliest_ex_factory_on": pa.array([due], pa.date32()),
            "first_packed_on": pa.array([packed_on], pa.date32()),
            "last_shipped_on": pa.array([shipped_on], pa.date32()),
        }
    )
    (days,) = days_late(rows, TODAY).to_pylist()
    return days  # type: ignore[no-any-return]


SHORT = fact(
    recon_status="UNDER", ordered_qty=480, shipped_qty=300, packed_qty=60, earliest_ex_factory_on=date(2026, 2, 11)
)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (SHORT, "Due 11 Feb 2026, 33 days late: 120 of 480 missing (25 %), 60 packed and waiting."),
        (
            SHORT._replace(fuzzy_qty=36),
            "Due 11 Feb 2026, 33 days late: 120 of 480 missing (25 %), 60 packed and waiting. "
            "36 linked by likeness: check the match.",
        ),
        (
            fact(recon_status="UNFULFILLED", ordered_qty=480, earliest_ex_factory_on=date(2026, 3, 15)),
            "Due 15 Mar 2026, 1 day late: nothing of 480 packed or shipped.",
        ),
        (
            fact(recon_status="UNFULFILLED", ordered_qty=480, earliest_ex_factory_on=TODAY),
            "Due 16 Mar 2026: nothing of 480 packed or shipped.",
        ),
        (
            fact(recon_status="UNFULFILLED", ordered_qty=480),
            "No ex factory date, so due: nothing of 480 packed or shipped.",
        ),
        (
            fact(recon_status="OVER", ordered_qty=1000, shipped_qty=1004),
            "1,004 against 1,000 ordered: 0.4 % too many.",
        ),
        (
            fact(recon_status="OVER", shipped_qty=60),
            "60 packed or shipped against a cancelled order.",
        ),
        (
            fact(recon_status="NO_ORDER", shipped_qty=240),
            "240 packed or shipped that no order of this customer accounts for.",
        ),
        (
            fact(recon_status="NO_ORDER", packed_qty=24, incomplete_key=True),
            "24 packed or shipped without a PO, style or size to look for.",
        ),
    ],
)
def test_the_reason_stands_in_words(key: Fact, reason: str) -> None:
    assert why(key, late(key.recon_status, key.earliest_ex_factory_on)) == reason


@pytest.mark.parametrize(
    ("status", "days"),
    [("UNDER", 10), ("UNFULFILLED", 10), ("OVER", 4), ("NO_ORDER", 4), ("OPEN", None), ("COMPLETE", None)],
)
def test_what_is_missing_is_late_since_ex_factory_and_what_is_too_many_since_it_left(
    status: str, days: int | None
) -> None:
    assert late(status, date(2026, 3, 6), date(2026, 3, 1), date(2026, 3, 12)) == days


def test_goods_without_an_order_that_stand_here_are_late_since_they_were_packed() -> None:
    assert late("NO_ORDER", packed_on=date(2026, 3, 1)) == 15


def test_what_is_due_in_future_is_not_late() -> None:
    assert late("UNDER", due=date(2026, 4, 1)) == 0


@pytest.mark.parametrize(("units", "days", "expected"), [(120, 33, 3960), (-36, 2, 72), (50, None, 50), (50, 0, 50)])
def test_an_exception_weighs_units_times_days_and_an_unknown_day_counts_as_one(
    units: int, days: int | None, expected: int
) -> None:
    assert weight(units, days) == expected
    assert weights(pa.array([units]), pa.array([days], pa.int64())).to_pylist() == [expected]


def test_sizes_stand_as_they_are_worn() -> None:
    worn = ["XS", "S", "M", "L", "XL", "XXL", "2T", "5-6", "28", "30X32", "100", "OS", None]
    shuffled = worn[::2] + worn[1::2]
    assert sorted(shuffled, key=size_rank) == worn
