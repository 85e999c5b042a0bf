"""Whatever is ordered and delivered: no unit is lost or made, and no customer's links are another's matter."""

from __future__ import annotations

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recon.keys import sum_cartons, sum_orders
from recon.matches import gather, match_all
from recon.matching.columns import FIVE
from recon.matching.fill import fill_lines
from recon.matching.overrides import Attached

DUE_BY = pd.Timestamp("2026-06-30")
UNDECIDED = Attached(pd.DataFrame(columns=["fulfil_key_id", "order_key_id", "meaning"]).astype("str"), ())
OTHER_NAMES = ("order_number", "customer_alt_po", "pattern_id", "alias_item", "color_code")

texts = {
    "customer_po": st.sampled_from(["450001", "450002", "PO#450001-1", "450010", "45001", None]),
    "style": st.sampled_from(["AB1234", "AB1235", "AB-1234", "BA1234", None]),
    "color": st.sampled_from(["NAVY", "NVY", "BLACK", None]),
    "size": st.sampled_from(["M", "L", "XL", None]),
}
quantities = st.integers(min_value=0, max_value=60)
lines = st.fixed_dictionaries(
    {
        **texts,
        "customer_alt_po": st.sampled_from(["450010", "9001", None]),
        "color_code": st.sampled_from(["05", None]),
        "ordered_qty": quantities,
        "cancelled": st.booleans(),
        "ex_factory_on": st.sampled_from([None, "2026-05-01", "2026-08-01"]),
    }
)
cartons = st.fixed_dictionaries({**texts, "qty": quantities})
worlds = st.tuples(st.lists(lines, max_size=8), st.lists(cartons, max_size=6), st.lists(cartons, max_size=6))
"""One customer's order lines, packed rows and shipped rows."""


def as_lines(rows):
    frame = pd.DataFrame(rows).reindex(
        columns=["order_line_id", *FIVE, *OTHER_NAMES, "ordered_qty", "cancelled", "ex_factory_on"]
    )
    kinds = dict.fromkeys(["order_line_id", *FIVE, *OTHER_NAMES], "str") | {"ordered_qty": "int64", "cancelled": "bool"}
    return frame.astype(kinds | {"ex_factory_on": "datetime64[us]"})


def as_cartons(rows):
    return pd.DataFrame(rows).reindex(columns=[*FIVE, "qty"]).astype(dict.fromkeys(FIVE, "str") | {"qty": "int64"})


def match(customers, rules):
    """Match customers' worlds and fill their lines.

    Returns:
        The matches, what filled which line, the fulfilment keys, and the packed and shipped rows.
    """
    ordered = as_lines(
        {"customer": name, "order_line_id": f"{name}{n}", **line}
        for name, (orders, _, _) in customers.items()
        for n, line in enumerate(orders)
    )
    packed, shipped = (
        as_cartons({"customer": name, **row} for name, world in customers.items() for row in world[place])
        for place in (1, 2)
    )
    ordered["order_key_id"], order_keys, readings = sum_orders(ordered, DUE_BY)
    _, _, fulfil_keys = sum_cartons(packed, shipped)
    matches = match_all(gather(order_keys, readings, fulfil_keys, UNDECIDED), rules)
    linked = matches.loc[matches["order_key_id"].notna(), ["fulfil_key_id", "order_key_id"]]
    fill = fill_lines(ordered, linked.merge(fulfil_keys, on="fulfil_key_id"))
    return matches, fill, fulfil_keys, packed, shipped


@settings(max_examples=settings.default.max_examples // 5, suppress_health_check=list(HealthCheck))
@given(world=worlds, other=worlds)
def test_every_packed_and_shipped_unit_fills_a_line_or_is_told_to_have_no_order(world, other, rules_of):
    found, fill, keys, packed, shipped = match({"ACME": world, "BOLT": other}, rules_of())
    assert sorted(found["fulfil_key_id"]) == sorted(keys["fulfil_key_id"])
    unmatched = keys[keys["fulfil_key_id"].isin(found.loc[found["order_key_id"].isna(), "fulfil_key_id"])]
    assert fill["packed_qty"].sum() + unmatched["packed_qty"].sum() == packed["qty"].sum()
    assert fill["shipped_qty"].sum() + unmatched["shipped_qty"].sum() == shipped["qty"].sum()
    by_key = fill.groupby("fulfil_key_id")[["packed_qty", "shipped_qty"]].sum()
    whole = keys.set_index("fulfil_key_id").loc[by_key.index, ["packed_qty", "shipped_qty"]]
    pd.testing.assert_frame_equal(by_key, whole, check_names=False)


@settings(max_examples=settings.default.max_examples // 5, suppress_health_check=list(HealthCheck))
@given(world=worlds, stranger=worlds)
def test_an_unrelated_customer_changes_nothing(world, stranger, rules_of):
    rules = rules_of()
    alone, filled_alone, *_ = match({"ACME": world}, rules)
    among, filled_among, *_ = match({"AARDVARK": stranger, "ACME": world, "ZEBRA": stranger}, rules)
    among = among[among["fulfil_key_id"].isin(alone["fulfil_key_id"])]
    filled_among = filled_among[filled_among["order_line_id"].str.startswith("ACME")]
    for one, other, key in (
        (alone, among, ["fulfil_key_id"]),
        (filled_alone, filled_among, ["order_line_id", "fulfil_key_id"]),
    ):
        expected = one.sort_values(key).reset_index(drop=True)
        pd.testing.assert_frame_equal(other.sort_values(key).reset_index(drop=True), expected)
