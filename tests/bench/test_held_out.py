"""The corruptions held out from the tuning: are they new, do they happen, and can the order still be told?"""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from truth import KINDS, Reading, make_truth
from truth.held_out import KINDS as HELD_OUT
from truth.kinds import FIVE, GRAINS

READING = Reading(
    customer="ACME & PIKE", customer_po="4500012345", style="FH-1042", color="HEATHER GREY", size="M",
    customer_alt_po="WEB7", pattern_id="PT1", alias_item="OLD-1", color_code="410", po_base_shared=False,
)  # fmt: skip
OTHER = READING._replace(customer_po="K0412023", style="W23-KNT-043", color="05 - NAVY", color_code=None)
BARE = READING._replace(customer_po="AB-10539-1", style="10234947", color=None, customer_alt_po=None, pattern_id=None)
FULFIL, ORDER = [f"fulfil_{field}" for field in FIVE], [f"order_{field}" for field in FIVE]


def chance(seed):
    return Random(seed)  # noqa: S311  (a made world, no secret)


@cache
def spellings(name, reading):
    """Give what a kind makes of a reading, by chance: the fields that differ, each spelling once."""
    function = {**KINDS, **HELD_OUT}[name].function
    made = (function(reading, chance(seed)) for seed in range(60))
    return {tuple(sorted(one.items())) for one in made if one is not None}


def texts(name, field, reading=READING):
    return {dict(one)[field] for one in spellings(name, reading)}


@pytest.fixture(scope="module")
def truth():
    return make_truth(2_000, 1, kinds=HELD_OUT, held_out=True)


@pytest.fixture(scope="module")
def corrupted(truth):
    labels = truth.labels[[*FULFIL, *ORDER, "corruption"]].astype("str").fillna("")
    return labels[labels["corruption"].isin(list(HELD_OUT))]


def test_every_held_out_kind_occurs(corrupted):
    assert set(corrupted["corruption"]) == set(HELD_OUT)


def test_every_held_out_kind_changes_the_key_and_never_the_customer(corrupted):
    assert (corrupted[FULFIL].to_numpy() != corrupted[ORDER].to_numpy()).any(axis=1).all()
    assert (corrupted["fulfil_customer"] == corrupted["order_customer"]).all()


def test_a_held_out_kind_changes_the_fields_that_it_names_alone(corrupted):
    kind = corrupted["corruption"]
    named = {
        "customer_po": kind.str.startswith("po_"),
        "style": kind.str.startswith("style_") | kind.str.startswith("po_and_style_"),
        "color": kind.str.contains("color"),
        "size": kind.eq("row_color_and_size_swapped"),
    }
    for field, may in named.items():
        assert may[corrupted[f"fulfil_{field}"] != corrupted[f"order_{field}"]].all()


def test_a_held_out_spelling_names_no_other_order_of_the_customer(truth, corrupted):
    orders = truth.lines[list(FIVE)].astype("str")
    for field in ("customer_po", "style", "color"):
        real = set(zip(orders["customer"], orders[field], strict=True))
        changed = corrupted[corrupted[f"fulfil_{field}"] != corrupted[f"order_{field}"]]
        assert len(changed)
        assert real.isdisjoint(zip(changed["fulfil_customer"], changed[f"fulfil_{field}"], strict=True))


def test_no_two_orders_are_spelled_alike(truth):
    assert truth.labels["fulfil_key_id"].is_unique
    assert not truth.labels.duplicated(FULFIL).any()


def test_orders_whole_misspelt_pos_stay_apart(corrupted):
    whole = corrupted[corrupted["corruption"].isin(["po_last_six", "po_pair_skipped", "po_pairs_swapped"])]
    pos = whole.groupby(["fulfil_customer", "fulfil_customer_po"])["order_customer_po"].nunique()
    assert (pos == 1).all()


def test_with_the_other_kinds_a_fifth_goes_wrong_and_a_third_of_it_is_held_out():
    kind = make_truth(3_000, 1, held_out=True).labels["corruption"].astype("str")
    wrong, held_out = kind.isin([*KINDS, *HELD_OUT]), kind.isin(list(HELD_OUT))
    assert 0.18 < wrong.mean() < 0.22
    assert 0.28 < held_out.sum() / wrong.sum() < 0.38
    assert sum(one.share for one in HELD_OUT.values()) == pytest.approx(
        sum(one.share for one in KINDS.values()) / 2, rel=0.02
    )


def test_nothing_is_held_out_that_stands_in_the_registry():
    assert set(HELD_OUT).isdisjoint(KINDS)
    assert {one.function for one in HELD_OUT.values()}.isdisjoint(one.function for one in KINDS.values())
    assert {one.description for one in HELD_OUT.values()}.isdisjoint(one.description for one in KINDS.values())


@pytest.mark.parametrize("name", HELD_OUT)
def test_no_kind_of_the_registry_ever_spells_as_a_held_out_one(name):
    for reading in (READING, OTHER, BARE):
        made = spellings(name, reading)
        assert all(made.isdisjoint(spellings(other, reading)) for other in KINDS)


@pytest.mark.parametrize("name", HELD_OUT)
def test_a_held_out_kind_decides_by_chance_alone(name):
    kind = HELD_OUT[name]
    for reading in (READING, OTHER, BARE):
        assert kind.function(reading, chance(5)) == kind.function(reading, chance(5))
    assert kind.grain in GRAINS
    assert kind.share > 0
    assert kind.description


def test_the_same_seed_holds_out_the_same():
    one, again = (make_truth(500, 4, kinds=HELD_OUT, held_out=True).labels for _ in range(2))
    assert one["corruption"].isin(list(HELD_OUT)).any()
    assert one.equals(again)


@pytest.mark.parametrize(
    ("name", "field", "made"),
    [
        ("po_last_six", "customer_po", {"012345"}),
        ("po_as_number", "customer_po", {"4,500,012,345", "4 500 012 345", "4,500,012,345.00", "4500012345.00"}),
        ("po_both_numbers", "customer_po", {"4500012345/WEB7", "4500012345 (WEB7)", "WEB7 4500012345"}),
        ("po_pairs_swapped", "customer_po", {"0045012345", "4500230145", "4500014523", "4501200345", "4500034125"}),
        ("po_and_style_scanned", "customer_po", {"4S0001234S", "450001Z345"}),
        ("po_and_style_scanned", "style", {"FH-1042", "FH-104Z"}),
        ("po_and_style_swapped", "customer_po", {"FH-1042"}),
        ("po_and_style_swapped", "style", {"4500012345"}),
        ("po_with_style", "customer_po", {"4500012345/FH-1042", "4500012345 FH-1042", "FH-1042-4500012345"}),
        ("style_with_size", "style", {"FH-1042-M", "FH-1042/M", "FH-1042 M", "FH-1042.M"}),
        ("style_with_pattern", "style", {"FH-1042 (PT1)", "FH-1042/PT1", "PT1 FH-1042"}),
        ("style_without_head", "style", {"1042"}),
        ("color_french", "color", {"GRIS CHINE"}),
        ("color_cut", "color", {"HEATHE"}),
        ("color_word_order", "color", {"GREY HEATHER", "GREY, HEATHER", "GREY-HEATHER"}),
        ("row_color_and_size_swapped", "color", {"M"}),
        ("row_color_and_size_swapped", "size", {"HEATHER GREY"}),
    ],
)
def test_a_held_out_kind_spells_as_people_do(name, field, made):
    assert texts(name, field) == made


@pytest.mark.parametrize(
    ("name", "field", "made"),
    [
        ("po_last_six", "customer_po", {"412023"}),
        ("style_without_head", "style", {"KNT-043"}),
        ("color_french", "color", {"05 - MARINE"}),
        ("color_with_family", "color", {"05 - BLUE NAVY", "05 - BLUE - NAVY", "05 - NAVY/BLUE"}),
    ],
)
def test_a_code_or_letters_are_kept_or_lost_as_the_kind_says(name, field, made):
    assert texts(name, field, OTHER) == made


@pytest.mark.parametrize(
    "name",
    [
        "po_last_six", "po_as_number", "po_both_numbers", "po_pair_skipped", "style_with_pattern", "style_without_head",
        "color_with_family", "color_french", "color_cut", "color_word_order", "color_misspelt_with_code",
        "row_color_and_size_swapped",
    ],
)  # fmt: skip
def test_what_cannot_happen_to_a_row_does_not(name):
    assert spellings(name, BARE) == set()


def test_a_po_loses_two_digits_and_never_its_last():
    made = texts("po_pair_skipped", "customer_po")
    assert {len(one) for one in made} == {8}
    assert {one[-2:] for one in made} == {"45"}


def test_a_pos_number_stays_whole_beside_what_is_put_to_it():
    origins, dates = texts("po_with_origin", "customer_po"), texts("po_with_date", "customer_po")
    assert {"AP-4500012345", "AP4500012345"} < origins
    assert all(one.endswith("4500012345") for one in origins)
    assert all(one.startswith("4500012345") and not one[10].isdigit() for one in dates)


def test_a_customer_knows_the_maker_by_one_number():
    heads = {one.removesuffix("FH-1042").strip(" -V") for one in texts("style_with_vendor", "style")}
    assert len(heads) == 2
    assert "AAG" in heads


def test_a_misspelt_colour_with_its_code_keeps_the_code():
    made = texts("color_misspelt_with_code", "color")
    assert len(made) > 10
    assert all("410" in one and "HEATHER GREY" not in one for one in made)
