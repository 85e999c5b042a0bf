"""The passes as a pure function of one customer's orders and fulfilment."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recon.matching import match_customer
from recon.matching.columns import FULFILMENT, READING
from recon.matching.normalise import Normaliser
from recon.matching.passes import CustomerRules

RULES = CustomerRules(
    Normaliser(["PO", "P.O."], {"NAVY": ("NVY",), "BLACK": ("BLK",)}), ("style", "pattern_id", "alias_item")
)
FIELDS = {"customer": "ACME", "customer_po": "4500", "style": "AB1234", "color": "NAVY", "size": "M"}


def orders(*keys, **same):
    rows = [{"order_key_id": f"o{n}", **FIELDS, **same, **key} for n, key in enumerate(keys)]
    return pd.DataFrame(rows).reindex(columns=list(READING)).astype("str")


def cartons(*keys):
    rows = [{"fulfil_key_id": f"f{n}", **FIELDS, **key} for n, key in enumerate(keys)]
    return pd.DataFrame(rows).reindex(columns=list(FULFILMENT)).astype("str")


def match(order_side, carton_side, rules=RULES):
    found = match_customer(order_side, carton_side, rules).set_index("fulfil_key_id")
    assert sorted(found.index) == sorted(carton_side["fulfil_key_id"])
    return found.loc[carton_side["fulfil_key_id"]]


def only(order_keys, carton_key, rules=RULES):
    return match(orders(*order_keys), cartons(carton_key), rules).iloc[0]


def test_a_match_explains_its_score_field_by_field():
    found = only([{"customer_alt_po": "WEB7"}], {"customer_po": "WEB7", "color": "5 - NVY"})
    evidence = json.loads(found["evidence"])
    assert found["match_rule"] == "alt_po+color_normalised"
    assert found["best_match_field"] == "ALT_PO"
    assert sum(line["points"] for line in evidence) == found["match_score"] == 97.5
    assert evidence[0] == {
        "field": "customer_po",
        "order_value": "WEB7",
        "fulfil_value": "WEB7",
        "level": "alt_po",
        "points": 29,
    }
    assert (found["style_score"], found["color_score"]) == (100, 92.5)


def test_text_that_json_must_quote_is_quoted_in_the_evidence():
    found = only([{"style": 'A"B\\1'}], {"style": 'A"B\\1'})
    assert json.loads(found["evidence"])[1]["order_value"] == 'A"B\\1'


@pytest.mark.parametrize(
    ("known", "carton", "linked"),
    [
        (["123"], "123-1", True),  # a shipment of it
        (["123-1"], "123", True),
        (["123-1"], "123-01", True),
        (["PO 0123"], "123", True),
        (["123-1", "123-2"], "123", False),  # which of the two?
        (["123", "123-2"], "123-1", False),  # where suffixes tell orders apart, 123-1 is an order of its own
        (["123-1"], "123-2", False),
        (["123 A"], "123-B", False),
        (["124"], "123-1", False),
    ],
)
def test_a_shipment_suffix_is_taken_off_only_where_it_tells_no_orders_apart(known, carton, linked):
    found = only([{"customer_po": po} for po in known], {"customer_po": carton})
    assert pd.notna(found["order_key_id"]) == linked


def test_sequential_pos_in_other_styles_still_tell_suffixes_apart():
    found = only([{"customer_po": "123-1"}, {"customer_po": "123-2", "style": "ZZ9"}], {"customer_po": "123"})
    assert pd.isna(found["order_key_id"])
    assert found["review_status"] == "PENDING"
    assert [candidate["order_key_id"] for candidate in json.loads(found["candidates"])] == ["o0"]


def test_an_order_with_another_suffix_is_not_reached_through_its_alternate_po():
    assert pd.isna(only([{"customer_po": "123-1", "customer_alt_po": "123"}], {"customer_po": "123-2"})["order_key_id"])


def test_colours_with_another_code_are_other_colours():
    assert pd.isna(only([{"color": "06 - NAVY"}], {"color": "05 - NAVY"})["order_key_id"])
    assert pd.isna(only([{"color": "06 - NAVY"}, {"color": "05 - NAVY"}], {"color": "NAVY"})["order_key_id"])
    assert only([{"color": "06 - NAVY"}], {"color": "NVY"})["match_rule"] == "color_normalised"


def test_a_colour_with_the_orders_own_code_beside_it_is_the_colour():
    for carton in ("DRM-DREAM BLUE", "DREAM BLUE (DRM)", "DREAM BLUE DRM"):
        found = only([{"color": "DREAM BLUE", "color_code": "DRM"}], {"color": carton})
        assert found["match_rule"] == "color_normalised"
    assert pd.isna(only([{"color": "DREAM BLUE", "color_code": "DRM"}], {"color": "SKY DREAM BLUE"})["order_key_id"])


def test_two_missing_colours_do_not_stand_against_a_link_but_one_does():
    found = only([{"color": None}], {"color": None})
    assert (found["match_rule"], pd.isna(found["color_score"])) == ("exact", True)
    assert pd.isna(only([{"color": None}], {})["order_key_id"])
    assert pd.isna(only([{}], {"color": None})["order_key_id"])


@pytest.mark.parametrize("field", ["customer_po", "style", "size"])
def test_a_key_that_lacks_po_style_or_size_is_linked_by_no_pass(field):
    found = only([{field: None, "customer_alt_po": "4500", "pattern_id": "AB1234"}], {field: None})
    assert (found["match_type"], found["review_status"]) == ("NO_MATCH", "NONE")
    assert pd.isna(only([{field: None}], {})["order_key_id"])


def test_the_better_pass_wins_and_the_other_is_the_runner_up():
    found = only([{"customer_po": "9", "customer_alt_po": "4500-1"}, {"customer_po": "PO 4500"}], {})
    assert (found["order_key_id"], found["match_rule"]) == ("o1", "po_normalised")
    assert (found["runner_up_order_key_id"], found["runner_up_score"]) == ("o0", 96)


def test_a_tie_is_not_settled_by_what_fits_less_well():
    found = only(
        [
            {"customer_po": "1", "customer_alt_po": "4500"},
            {"customer_po": "2", "customer_alt_po": "4500"},
            {"customer_po": "PO 4500"},
        ],
        {},
    )
    assert pd.isna(found["order_key_id"])
    candidates = json.loads(found["candidates"])
    assert [candidate["match_rule"] for candidate in candidates] == ["alt_po", "alt_po", "po_normalised"]
    assert max(candidate["score"] for candidate in candidates) < 85  # each is told what the others take off


def test_at_most_three_candidates_are_proposed():
    many = [{"customer_po": str(n), "customer_alt_po": "4500"} for n in range(5)]
    assert len(json.loads(only(many, {})["candidates"])) == 3


def test_a_customers_own_order_of_style_fields_is_kept():
    keys = [{"style": "S1", "pattern_id": "X"}, {"style": "S2", "alias_item": "X"}]
    for fields, winner in (
        (("style", "pattern_id", "alias_item"), "o0"),
        (("style", "alias_item", "pattern_id"), "o1"),
    ):
        assert only(keys, {"style": "X"}, CustomerRules(RULES.normaliser, fields))["order_key_id"] == winner
    assert pd.isna(only(keys, {"style": "X"}, CustomerRules(RULES.normaliser, ("style",)))["order_key_id"])


def test_several_spellings_may_belong_to_one_order():
    found = match(
        orders({"customer_po": "0123"}),
        cartons({"customer_po": "123"}, {"customer_po": "PO 123"}, {"customer_po": "123-1"}),
    )
    assert list(found["order_key_id"]) == ["o0", "o0", "o0"]


def test_a_style_with_its_colour_at_its_end_is_the_style():
    assert only([{}], {"style": "AB1234-NVY"})["match_rule"] == "style_without_color"
    assert only([{"color_code": "410"}], {"style": "AB1234410"})["match_rule"] == "style_without_color"
    assert only([{"style": "AB1234 NAVY"}], {})["match_rule"] == "style_without_color"


def test_an_order_that_a_person_ruled_out_is_not_linked():
    one = cartons({}).assign(rejected_order_key_id="o0").astype("str")
    found = match(orders({}), one).iloc[0]
    assert (found["match_type"], found["review_status"], found["decided_by"]) == ("NO_MATCH", "REJECTED", "override")
    assert match(orders({}, {"customer_po": "PO 4500"}), one).iloc[0]["order_key_id"] == "o1"


KEY = ("customer_po", "style", "color", "size")
words = st.sampled_from(["4500", "PO 4500", "4500-1", "4501", "0123", None])
keys = st.fixed_dictionaries(
    {
        "customer_po": words,
        "style": st.sampled_from(["AB1234", "AB-1234", "P9", None]),
        "color": st.sampled_from(["NAVY", "NVY", "5 - NAVY", None]),
        "size": st.sampled_from(["M", "L"]),
    }
)
order_keys = st.builds(
    lambda key, alt, pattern: key | {"customer_alt_po": alt, "pattern_id": pattern},
    keys,
    words,
    st.sampled_from(["P9", None]),
)


@settings(max_examples=settings.default.max_examples // 5)
@given(
    st.lists(order_keys, max_size=6, unique_by=lambda key: tuple(key[name] for name in KEY)),
    st.lists(keys, min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_neither_the_order_of_rows_matters_nor_is_a_link_without_equal_size(of_orders, of_cartons, random):
    left, right = orders(*of_orders), cartons(*of_cartons)
    found = match(left, right)
    shuffled = match(
        left.sample(frac=1, random_state=random.randrange(9)), right.sample(frac=1, random_state=random.randrange(9))
    ).loc[found.index]
    pd.testing.assert_frame_equal(found, shuffled)
    linked = found[found["order_key_id"].notna()]
    sizes = left.set_index("order_key_id")["size"]
    assert list(sizes.loc[linked["order_key_id"]]) == list(right.set_index("fulfil_key_id")["size"].loc[linked.index])
    assert (linked["match_score"] >= RULES.fuzzy_threshold).all()
    assert (linked.loc[linked["match_type"] == "EXACT", "match_score"] >= 90).all()
