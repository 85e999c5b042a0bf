"""What is misspelt is found by the company it keeps and by units; what merely looks alike is not linked."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recon.matching import match_customer
from recon.matching.columns import BLOCKS, FULFILMENT, READING
from recon.matching.forms import CustomerRules
from recon.matching.normalise import Normaliser
from recon.matching.words import in_words, paragraphs

RULES = CustomerRules(
    Normaliser(["PO", "P.O."], {"NAVY": ("NVY",), "BLACK": ("BLK",)}), ("style", "pattern_id", "alias_item")
)
FIELDS = {"customer": "ACME", "customer_po": "4500012345", "style": "AB1234", "color": "NAVY", "size": "M"}
SIZES = ("S", "M", "L", "XL")


def orders(*keys):
    rows = [{"order_key_id": f"o{n:03}", "open_qty": 100, **FIELDS, **key} for n, key in enumerate(keys)]
    return pd.DataFrame(rows).reindex(columns=[*READING, "open_qty"]).astype(dict.fromkeys(READING, "str"))


def cartons(*keys):
    rows = [{"fulfil_key_id": f"f{n:03}", "fulfilled_qty": 100, **FIELDS, **key} for n, key in enumerate(keys)]
    frame = pd.DataFrame(rows).reindex(columns=[*FULFILMENT, "fulfilled_qty"])
    return frame.astype(dict.fromkeys(FULFILMENT, "str"))


def match(order_keys, carton_keys, rules=RULES):
    found = match_customer(orders(*order_keys), cartons(*carton_keys), rules).set_index("fulfil_key_id")
    return found.loc[sorted(found.index)]


def links(found):
    return [None if pd.isna(order) else order for order in found["order_key_id"]]


def sized(qty=100, **fields):
    """A style in four sizes, each in units of its own."""
    return [{**fields, "size": size, "open_qty": qty + n, "fulfilled_qty": qty + n} for n, size in enumerate(SIZES)]


SEQUENCE = [{"customer_po": str(4500012300 + n), "style": f"ZZ{n}00"} for n in range(30) if n != 45]
"""Other orders of the customer, one PO after the other, so that its numbers are seen to be dense."""


# --- the known failure modes -----------------------------------------------------------------------------------------


def test_none_is_not_none():
    """Two missing POs, styles or sizes are not the same."""
    for field in ("customer_po", "style", "size"):
        assert links(match([{field: None}], [{field: None}])) == [None]


def test_xl_is_not_xxl():
    found = match([{"size": "XXL"}], [{"size": "XL"}])
    assert (links(found), found["review_status"].iloc[0]) == ([None], "NONE")


def test_a_po_one_digit_off_is_another_order():
    found = match([*SEQUENCE, {}], [{"customer_po": "4500012346", "fulfilled_qty": 40}])
    assert links(found) == [None]


def test_a_po_one_digit_off_is_another_order_even_in_the_units_ordered():
    found = match([*SEQUENCE, {"customer_po": "4500012331"}], [{"customer_po": "4500012332"}])
    assert links(found) == [None]
    assert found["review_status"].iloc[0] == "PENDING"  # a person may know


def test_one_fulfilment_of_several_readings_is_linked_once():
    """A key whose lines go by several alternate POs has several readings and is one order."""
    readings = orders({"customer_alt_po": "WEB1"}, {"customer_alt_po": "WEB2"}).assign(order_key_id="o").astype("str")
    found = match_customer(readings.assign(open_qty=100), cartons({}, {"customer_po": "WEB2"}), RULES)
    assert list(found["order_key_id"]) == ["o", "o"]


def test_the_alternate_po_misspelt_is_found_as_the_po_is():
    found = match(sized(customer_alt_po="WEB778812"), sized(customer_po="WEB77881"))
    assert links(found) == ["o000", "o001", "o002", "o003"]
    assert set(found["match_rule"]) == {"po_dropped"}
    assert set(found["best_match_field"]) == {"ALT_PO"}


def test_a_style_in_the_pattern_field_is_the_style():
    found = match([{"pattern_id": "PT-77"}], [{"style": "PT-77"}])
    assert (links(found), found["match_rule"].iloc[0]) == (["o000"], "style_pattern")


def test_po_and_style_each_in_the_others_column():
    found = match([{}], [{"customer_po": "AB1234", "style": "4500012345"}])
    assert (links(found), found["match_rule"].iloc[0]) == (["o000"], "po_in_style+style_in_po")


def test_a_customer_with_no_orders_has_no_links():
    nothing = orders({}).iloc[:0]
    found = match_customer(nothing, cartons({}), RULES)
    assert list(found["match_type"]) == ["NO_MATCH"]


def test_a_customer_with_no_complete_order_has_no_links():
    assert links(match([{"size": None}], [{}])) == [None]


def test_the_same_key_twice_on_both_sides_is_the_same_key_twice():
    found = match([{}, {"style": "OTHER"}], [{}, {}])
    assert links(found) == ["o000", "o000"]


# --- company and units -----------------------------------------------------------------------------------------------


def test_a_whole_po_misspelt_is_linked_by_its_company():
    found = match([*SEQUENCE, *sized(customer_po="4500012338")], sized(customer_po="4500012339"))
    assert links(found) == ["o030", "o031", "o032", "o033"]
    assert set(found["match_type"]) == {"FUZZY"}
    assert (found["match_score"] >= 90).all()
    assert set(found["review_status"]) == {"NONE"}
    company = next(line for line in json.loads(found["evidence"].iloc[0]) if line["field"] == "company")
    assert (company["order_value"], company["fulfil_value"]) == ("3 of them there", "3 other rows")


def test_a_po_with_the_same_styles_in_other_units_where_the_neighbour_is_filled_stays_without_order():
    there = sized(customer_po="4500012338")
    strange = [{**row, "customer_po": "4500012339", "fulfilled_qty": 61} for row in there]
    found = match([*SEQUENCE, *there], [*there, *strange])
    assert links(found) == ["o030", "o031", "o032", "o033", None, None, None, None]


def test_a_row_of_strangers_whose_colours_are_not_on_the_neighbour_stays_without_order():
    there = sized(customer_po="4500012338")
    strange = [{**row, "customer_po": "4500012339", "color": color} for row in there for color in ("RED", "BLACK")]
    other = [{"customer_po": "4500012301", "color": color} for color in ("RED", "BLACK")]
    found = match([*SEQUENCE, *there, *other], [*strange, {**there[0], "customer_po": "4500012339"}])
    assert set(links(found)) == {None}


def test_a_lone_row_with_a_digit_too_few_is_linked_where_its_units_are_those_ordered():
    found = match([*SEQUENCE, {}], [{"customer_po": "450001234"}])
    assert (links(found), found["match_rule"].iloc[0]) == (["o030"], "po_dropped")
    assert links(match([*SEQUENCE, {}], [{"customer_po": "450001234", "fulfilled_qty": 190}])) == [None]


def test_the_name_of_another_order_is_no_misspelling():
    """Every part of the stranger is real, and its units are those of its neighbour."""
    found = match(
        [{"style": "AB1235"}, {"customer_po": "4500012354"}], [{"customer_po": "4500012354", "style": "AB1235"}]
    )
    assert links(found) == [None]


def test_two_spellings_share_an_order_as_far_as_its_units_go():
    rows = [{}, {"fulfilled_qty": 60, "customer_po": "450001234"}, {"fulfilled_qty": 40, "customer_po": "45000123455"}]
    assert links(match([{"open_qty": 160}], [{**rows[0], "fulfilled_qty": 60}, *rows[1:]])) == ["o000"] * 3
    over = [{"fulfilled_qty": 100}, *rows[1:]]
    assert links(match([{"open_qty": 100}], over)) == ["o000", None, None]


def test_two_orders_that_fit_as_well_are_a_question_with_candidates():
    found = match([{"customer_po": "45000123451"}, {"customer_po": "45000123452"}], [{"customer_po": "4500012345"}])
    assert (links(found), found["review_status"].iloc[0]) == ([None], "PENDING")
    candidates = json.loads(found["candidates"].iloc[0])
    assert [one["order_key_id"] for one in candidates] == ["o000", "o001"]
    assert all(sum(line["points"] for line in one["evidence"]) == pytest.approx(one["score"]) for one in candidates)


def test_units_settle_what_texts_alone_leave_open():
    keys = [{"customer_po": str(n), "customer_alt_po": "WEB7", "open_qty": 30 * n} for n in (1, 2)]
    found = match(keys, [{"customer_po": "WEB7", "fulfilled_qty": 60}])
    assert links(found) == ["o001"]
    assert found["runner_up_order_key_id"].iloc[0] == "o000"


def test_a_customers_own_threshold_holds():
    strict = CustomerRules(RULES.normaliser, RULES.style_fields, fuzzy_threshold=99.5)
    assert links(match([*SEQUENCE, {}], [{"customer_po": "450001234"}], strict)) == [None]


def test_a_link_under_90_is_also_a_question():
    found = match([*SEQUENCE, {}], [{"customer_po": "450001234", "fulfilled_qty": 30}])
    assert (links(found), found["review_status"].iloc[0]) == (["o030"], "PENDING")
    assert 80 <= found["match_score"].iloc[0] < 90


def test_a_missing_colour_is_linked_only_in_the_units_ordered():
    assert links(match([{}], [{"color": None}])) == ["o000"]
    assert links(match([{}], [{"color": None, "fulfilled_qty": 30}])) == [None]
    assert links(match([{}, {"color": "RED"}], [{"color": None}])) == [None]


def test_the_sizes_of_another_house_are_found_by_what_they_read():
    theirs = [{**row, "size": size} for row, size in zip(sized(), ("SM", "MD", "LG", "XLG"), strict=True)]
    found = match(sized(), theirs)
    assert links(found) == ["o000", "o001", "o002", "o003"]
    assert set(found["match_rule"]) == {"size_read_as"}


def test_a_block_too_large_is_cut_and_told():
    few = CustomerRules(RULES.normaliser, RULES.style_fields, most_pairs=3)
    found = match_customer(orders(*sized(), *SEQUENCE), cartons(*sized(customer_po="450001234")), few)
    assert found.attrs[BLOCKS]["pairs"] > 0
    same_size = [{"style": f"S{n}"} for n in range(9)]
    found = match_customer(orders(*same_size), cartons({"style": "S33"}, {"style": "QQ"}), few)
    assert found.attrs[BLOCKS]["cut"] == 2


# --- learned names ---------------------------------------------------------------------------------------------------


def test_a_colour_code_that_exact_matches_teach_is_an_alias_and_says_so():
    taught = [{"style": f"S{n}", "color": "DREAM BLUE", "color_code": "Q7"} for n in range(3)]
    asked = {"style": "S9", "color": "DREAM BLUE"}
    fulfilled = [{"style": f"S{n}", "color": "Q7"} for n in (0, 1, 2, 9)]
    found = match([*taught, asked], fulfilled)
    assert links(found) == ["o000", "o001", "o002", "o003"]
    assert found["match_rule"].iloc[3] == "color_learned"
    assert "always have for it" in "\n".join(in_words(found["evidence"].iloc[3]))


def test_a_name_is_not_learned_from_matches_that_disagree():
    taught = [
        {"style": f"S{n}", "color": color, "color_code": "Q7"} for n, color in enumerate(("BLUE", "BLUE", "ROSE"))
    ]
    fulfilled = [{"style": f"S{n}", "color": "Q7"} for n in (0, 1, 2, 9)]
    assert links(match([*taught, {"style": "S9", "color": "BLUE"}], fulfilled))[3] is None


def test_what_only_this_customer_calls_a_colour_is_found_by_its_company():
    keys = [row for n in range(5) for row in sized(qty=50 + 7 * n, style=f"S{n}", color="DREAM BLUE")]
    found = match(keys, [{**row, "color": "XQ5"} for row in keys])
    assert links(found) == [f"o{n:03}" for n in range(20)]


# --- little is known -------------------------------------------------------------------------------------------------


def test_a_source_with_few_columns_gives_no_false_confidence():
    """As in AdventureWorks: no alternate PO, no pattern, no colour, a product number for a style, one size."""
    few = {"color": None, "size": "OS"}
    keys = [{**few, "customer_po": f"PO{522145787 + 29 * n}", "style": f"BK-{n}", "open_qty": 3 + n} for n in range(12)]
    right = [{**key, "fulfilled_qty": key["open_qty"]} for key in keys[:6]]
    strange = [{**few, "customer_po": "PO999", "style": f"BK-{n}", "fulfilled_qty": 40} for n in range(6, 9)]
    near = [{**few, "customer_po": keys[9]["customer_po"], "style": "BK-99", "fulfilled_qty": 12}]
    found = match(keys, [*right, *strange, *near])
    assert links(found) == [f"o{n:03}" for n in range(6)] + [None] * 4


def test_without_units_a_whole_po_is_still_found_and_a_lone_row_is_not():
    keys = [{**row, "style": style} for style in ("S1", "S2") for row in sized()]
    bare = orders(*SEQUENCE, *keys).drop(columns="open_qty")
    whole = cartons(*({**row, "customer_po": "450001234"} for row in keys)).drop(columns="fulfilled_qty")
    assert match_customer(bare, whole, RULES)["order_key_id"].notna().all()
    alone = cartons({"customer_po": "4500912345"}).drop(columns="fulfilled_qty")
    assert match_customer(orders(*SEQUENCE, {}).drop(columns="open_qty"), alone, RULES)["order_key_id"].isna().all()


# --- in words --------------------------------------------------------------------------------------------------------


def test_a_link_and_its_runner_up_are_told_in_words():
    found = match([{}, {"customer_po": "45000123544", "open_qty": 300}], [{"customer_po": "450001234"}])
    row = found.reset_index().iloc[0].where(lambda values: values.notna(), None)
    told = dict(paragraphs(row))
    assert next(iter(told)) == "Why"
    assert any("450001234, the order has 4500012345 - the PO, with one sign left out" in line for line in told["Why"])
    assert any("100 units, 100 of 100 open" in line for line in told["Why"])
    (title,) = [title for title in told if title.startswith("Runner-up: order key o001")]
    assert any("45000123544" in line for line in told[title])


# --- whatever the data -----------------------------------------------------------------------------------------------

NUMBERS = st.sampled_from([4500012301, 4500012302, 4500012310, 4500012311, 4500012320])
order_rows = st.lists(
    st.fixed_dictionaries(
        {
            "customer_po": NUMBERS.map(str),
            "style": st.sampled_from(["AB1234", "AB1235", "AB1244"]),
            "color": st.sampled_from(["NAVY", "BLACK", None]),
            "size": st.sampled_from(["M", "L"]),
            "open_qty": st.sampled_from([0, 12, 24, 36]),
        }
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda row: (row["customer_po"], row["style"], row["color"], row["size"]),
)
carton_rows = st.lists(
    st.fixed_dictionaries(
        {
            "customer_po": st.sampled_from(["4500012301", "450001230", "4500012031", "4500012302", "45OO012310", None]),
            "style": st.sampled_from(["AB1234", "AB-1235", "AB1243", "AB123", None]),
            "color": st.sampled_from(["NAVY", "NVAY", "BLK", None]),
            "size": st.sampled_from(["M", "L", "LG"]),
            "fulfilled_qty": st.sampled_from([6, 12, 24, 36]),
        }
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=settings.default.max_examples // 5)
@given(order_rows, carton_rows, st.integers(0, 99))
def test_the_order_of_rows_decides_nothing_and_points_sum_to_scores(of_orders, of_cartons, seed):
    left, right = orders(*of_orders), cartons(*of_cartons)
    found = match_customer(left, right, RULES).set_index("fulfil_key_id").sort_index()
    assert list(found.index) == sorted(right["fulfil_key_id"])
    again = match_customer(left.sample(frac=1, random_state=seed), right.sample(frac=1, random_state=seed), RULES)
    pd.testing.assert_frame_equal(found, again.set_index("fulfil_key_id").sort_index())
    for _, row in found[found["order_key_id"].notna()].iterrows():
        assert sum(line["points"] for line in json.loads(row["evidence"])) == pytest.approx(
            row["match_score"], abs=0.01
        )
        assert row["match_score"] >= RULES.fuzzy_threshold


@settings(max_examples=settings.default.max_examples // 5)
@given(order_rows, st.integers(0, 13))
def test_removing_the_order_of_an_exact_link_leaves_its_fulfilment_without_order(of_orders, which):
    gone = which % len(of_orders)
    filled = [{**row, "fulfilled_qty": max(row["open_qty"], 6)} for row in of_orders]
    left, right = orders(*of_orders), cartons(*filled)
    before = match_customer(left, right, RULES).set_index("fulfil_key_id")["order_key_id"]
    assert before[f"f{gone:03}"] == f"o{gone:03}"
    rest = left[left["order_key_id"] != f"o{gone:03}"]
    assume(len(rest))
    after = match_customer(rest, right, RULES).set_index("fulfil_key_id")["order_key_id"]
    assert pd.isna(after[f"f{gone:03}"])
    others = before.index != f"f{gone:03}"
    assert list(after[before.index][others]) == list(before[others])


@settings(max_examples=settings.default.max_examples // 5)
@given(order_rows, st.data())
def test_removing_the_order_of_an_open_neighbourhood_links_to_no_neighbour(of_orders, data):
    """The neighbours are not filled, so they have units open: even then the stranger is not theirs."""
    which = data.draw(st.integers(0, len(of_orders) - 1))
    stranger = {**of_orders[which], "fulfilled_qty": 24}
    rest = [row for n, row in enumerate(of_orders) if n != which]
    assume(rest)
    # Where no order comes without colour, a blank one is somebody's omission.
    assume(stranger["color"] is not None or any(row["color"] is None for row in rest))
    assert links(match(rest, [stranger])) == [None]
