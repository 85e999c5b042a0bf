"""The made truth that the matching is measured on: is it the truth, and is it hard in the ways it says?"""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from random import Random
from types import ModuleType

import match
import numpy as np
import pandas as pd
import pytest
from order_rules.config import load_rules
from recon.keys import sum_cartons, sum_orders
from recon.matching.columns import FIVE
from truth import KINDS, Corruption, Reading, make_truth
from truth.cartons import carton_rows
from truth.kinds import GRAINS
from truth.strangers import KINDS as STRANGERS

ROOT = Path(__file__).resolve().parents[2]
LINES = 10_000
DAY = pd.Timestamp("2026-06-30")
FULFIL, ORDER = [f"fulfil_{field}" for field in FIVE], [f"order_{field}" for field in FIVE]
PRINT = """
import sys
sys.path[:0] = sys.argv[1:]
from test_truth import fingerprint
print(fingerprint(7))
"""


def fingerprint(seed):
    """Give columns, types and a hash of every row of a small truth's frames."""
    made = make_truth(1_000, seed)
    frames = (made.lines, made.packed, made.shipped, made.labels)
    hashes = [sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).hexdigest() for frame in frames]
    return f"{[frame.dtypes.to_dict() for frame in frames]} {hashes}"


def as_text(frame, columns):
    """Give columns as plain text, missing as the empty text, so that they can be compared."""
    return frame[list(columns)].astype("str").fillna("")


def chance(seed):
    return Random(seed)  # noqa: S311  (a made world, no secret)


@pytest.fixture(scope="module")
def truth():
    return make_truth(LINES, 1)


@pytest.fixture(scope="module")
def labels(truth):
    return as_text(truth.labels, [*FULFIL, *ORDER, "corruption"]).assign(also_true=truth.labels["also_true"])


@pytest.fixture(scope="module")
def corrupted(labels):
    return labels[labels["corruption"].isin(list(KINDS))]


@pytest.fixture(scope="module")
def strangers(labels):
    return labels[labels["corruption"].isin(list(STRANGERS))]


def test_the_same_seed_makes_the_same_frames_in_any_process():
    folders = [str(ROOT / "bench"), str(Path(__file__).parent)]
    other = subprocess.run(
        [sys.executable, "-c", PRINT, *folders],
        env={**os.environ, "PYTHONHASHSEED": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == fingerprint(7)


def test_another_seed_makes_another_world():
    one, other = make_truth(500, 1), make_truth(500, 2)
    assert set(one.labels["fulfil_key_id"]).isdisjoint(other.labels["fulfil_key_id"])


@pytest.mark.parametrize("lines", [500, 1_111])
def test_there_are_as_many_order_lines_as_asked_for(lines):
    assert len(make_truth(lines, 3).lines) == lines


def test_a_world_too_small_for_its_customers_is_refused():
    with pytest.raises(ValueError, match="make 500 or more"):
        make_truth(499, 1)


def test_customers_are_of_very_unequal_size(truth):
    shares = truth.lines["customer"].value_counts(normalize=True)
    assert 20 <= len(shares) <= 50
    assert 0.18 < shares.iloc[0] < 0.22
    assert shares.iloc[-1] < 0.02


def test_a_style_stands_on_several_pos_and_a_po_holds_several_styles(truth):
    pairs = as_text(truth.lines, FIVE[:3]).drop_duplicates()
    assert pairs.groupby(["customer", "style"]).size().mean() > 2.5
    assert pairs.groupby(["customer", "customer_po"]).size().mean() > 2


def test_some_order_keys_have_several_lines_and_some_lines_are_cancelled(truth):
    assert 0.03 < as_text(truth.lines, FIVE).duplicated().mean() < 0.1
    assert 0.01 < truth.lines["cancelled"].mean() < 0.06


def test_there_are_about_four_carton_rows_an_order_line(truth):
    assert (len(truth.packed) + len(truth.shipped)) / LINES == pytest.approx(3.7, rel=0.04)
    assert carton_rows(367_000) == pytest.approx(1.6e6, rel=0.03)
    assert (truth.packed["qty"] > 0).all()
    assert (truth.shipped["qty"] > 0).all()


def test_every_value_is_in_canonical_form(truth):
    rules = load_rules(ROOT / "config")
    for frame in (truth.lines, truth.packed, truth.shipped):
        for field in ("customer_po", "style", "color"):
            assert {value.strip().upper() for value in frame[field].cat.categories} == set(frame[field].cat.categories)
        assert {rules.canonical_size(size) for size in truth.lines["size"].cat.categories} == set(
            truth.lines["size"].cat.categories
        )


def test_labels_cover_every_fulfilment_key_once(truth):
    _, _, keys = sum_cartons(truth.packed, truth.shipped)
    assert truth.labels["fulfil_key_id"].is_unique
    assert set(truth.labels["fulfil_key_id"]) == set(keys["fulfil_key_id"])
    units = keys.set_index("fulfil_key_id")[["packed_qty", "shipped_qty"]].sum(axis=1)
    assert (units.reindex(truth.labels["fulfil_key_id"]).to_numpy() == truth.labels["qty"].to_numpy()).all()


def test_labels_name_orders_there_are(truth):
    _, keys, _ = sum_orders(truth.lines, DAY)
    assert set(truth.labels["order_key_id"].dropna()) <= set(keys["order_key_id"])


def test_a_fifth_of_the_keys_is_spelled_otherwise_and_a_twentieth_strange(labels, corrupted, strangers):
    assert 0.18 < len(corrupted) / len(labels) < 0.22
    assert 0.045 < len(strangers) / len(labels) < 0.06
    assert 0.27 < corrupted["also_true"].mean() < 0.4


def test_every_kind_of_corruption_and_of_stranger_occurs(labels):
    assert set(labels["corruption"]) == {"none", *KINDS, *STRANGERS}


def test_every_corruption_changes_the_key_and_nothing_else_does(labels, corrupted):
    differ = (labels[FULFIL].to_numpy() != labels[ORDER].to_numpy()).any(axis=1)
    assert differ[corrupted.index].all()
    assert not differ[labels["corruption"] == "none"].any()
    assert (corrupted["fulfil_customer"] == corrupted["order_customer"]).all()


@pytest.mark.parametrize("field", FIVE[1:])
def test_a_kind_changes_what_its_name_says(field, corrupted):
    part = {"customer_po": "po", "style": "style", "color": "color", "size": "size"}[field]
    changed = corrupted[corrupted[f"fulfil_{field}"] != corrupted[f"order_{field}"]]
    named = changed["corruption"].str.contains(part) | (changed["corruption"] == "po_and_color")
    assert named.all()
    assert len(changed)


def test_a_whole_po_goes_wrong_in_one_way(corrupted):
    whole = corrupted[corrupted["corruption"].map({name: kind.grain == "po" for name, kind in KINDS.items()})]
    ways = whole.groupby(["corruption", "order_customer", "order_customer_po"])["fulfil_customer_po"].nunique()
    rows = whole.groupby(["corruption", "order_customer", "order_customer_po"]).size()
    assert (ways == 1).all()
    assert rows.mean() > 5


def test_a_private_colour_is_never_shipped_under_its_name(labels, corrupted):
    private = corrupted[corrupted["corruption"] == "color_private"]
    pairs = private[["order_customer", "order_color"]].drop_duplicates()
    named = labels.merge(pairs, left_on=["fulfil_customer", "fulfil_color"], right_on=["order_customer", "order_color"])
    assert not named["corruption"].isin(list(KINDS)).any()
    assert not named["corruption"].eq("none").any()


def test_no_stranger_has_the_key_of_an_order(truth, strangers):
    orders = set(as_text(truth.lines, FIVE).itertuples(index=False, name=None))
    assert orders.isdisjoint(strangers[FULFIL].itertuples(index=False, name=None))
    assert truth.labels.loc[strangers.index, "order_key_id"].isna().all()


def test_the_parts_of_a_stranger_are_the_customers_own(truth, strangers):
    known = as_text(truth.lines, FIVE)
    for field, stranger_to in (("style", ["stranger_neighbour_style"]), ("color", []), ("size", [])):
        some = strangers[~strangers["corruption"].isin(stranger_to)]
        pairs = set(zip(known["customer"], known[field], strict=True))
        assert set(zip(some["fulfil_customer"], some[f"fulfil_{field}"], strict=True)) <= pairs


def test_whole_shipments_are_strange_under_a_po_next_to_a_real_one(strangers):
    trap = strangers[strangers["corruption"] == "stranger_neighbour_po"]
    assert trap.groupby(["fulfil_customer", "fulfil_customer_po"]).size().mean() > 3


def test_a_misspelling_is_never_another_order_of_the_customer(truth, corrupted):
    known = as_text(truth.lines, FIVE)
    for field in ("customer_po", "style"):
        real = set(zip(known["customer"], known[field], strict=True))
        changed = corrupted[(corrupted[f"fulfil_{field}"] != corrupted[f"order_{field}"])]
        assert real.isdisjoint(zip(changed["fulfil_customer"], changed[f"fulfil_{field}"], strict=True))


def test_what_is_left_blank_leaves_one_order_only(truth, corrupted):
    known = as_text(truth.lines, FIVE).drop_duplicates()
    for field in FIVE[1:]:
        rest = [name for name in FIVE if name != field]
        times = known.groupby(rest).size()
        blank = corrupted[(corrupted[f"fulfil_{field}"] == "") & (corrupted[f"order_{field}"] != "")]
        keys = pd.MultiIndex.from_frame(blank[[f"fulfil_{name}" for name in rest]])
        assert len(blank)
        assert (times.reindex(keys) == 1).all()


def test_no_unit_is_lost_or_made_by_spelling_it_otherwise(truth):
    plain = make_truth(LINES, 1, kinds=())
    assert set(plain.labels["corruption"]) <= {"none", *STRANGERS}
    pd.testing.assert_series_equal(
        truth.labels.groupby("order_key_id")["qty"].sum(), plain.labels.groupby("order_key_id")["qty"].sum()
    )


def test_an_exact_join_links_rightly_and_not_enough(truth, labels):
    orders = as_text(truth.lines, FIVE).drop_duplicates()
    joined = labels.merge(orders, left_on=FULFIL, right_on=list(FIVE))
    assert (joined[FULFIL].to_numpy() == joined[ORDER].to_numpy()).all()
    assert len(joined) == (labels["corruption"] == "none").sum()


def test_rows_come_in_no_order(truth):
    codes = truth.lines["customer_po"].cat.codes.to_numpy()
    assert abs(np.corrcoef(np.arange(len(codes)), codes)[0, 1]) < 0.05
    assert not truth.labels["fulfil_key_id"].is_monotonic_increasing


def test_only_the_kinds_asked_for_happen():
    made = make_truth(2_000, 1, kinds=["po_prefix", "color_misspelt"]).labels
    assert set(made["corruption"].astype("str")) <= {"none", "po_prefix", "color_misspelt", *STRANGERS}
    assert 0.12 < made["corruption"].isin(["po_prefix", "color_misspelt"]).mean() < 0.25


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no such kind of corruption: po_upside_down"):
        make_truth(500, 1, kinds=["po_upside_down"])


def test_held_out_kinds_come_from_a_module_of_their_own(monkeypatch):
    def backwards(reading: Reading, _chance: Random) -> dict[str, str | None]:
        return {"customer_po": reading.customer_po[::-1]}

    module = ModuleType("truth.held_out")
    module.KINDS = {"po_backwards": Corruption(backwards, 5, "po", "the PO backwards")}
    monkeypatch.setitem(sys.modules, "truth.held_out", module)
    made = make_truth(2_000, 1, kinds=["po_backwards"], held_out=True).labels
    wrong = made[made["corruption"] == "po_backwards"].astype("str")
    assert len(wrong) > 200
    assert (wrong["fulfil_customer_po"] == wrong["order_customer_po"].str[::-1]).all()


READING = Reading(
    customer="ACME", customer_po="4500012345", style="FH-1042", color="HEATHER GREY", size="M", customer_alt_po="WEB7",
    pattern_id="PT1", alias_item="OLD-1", color_code="410", po_base_shared=False,
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_decides_by_chance_alone(name):
    kind = KINDS[name]
    assert kind.function(READING, chance(5)) == kind.function(READING, chance(5))
    assert kind.grain in GRAINS
    assert kind.share > 0
    assert kind.description


@pytest.mark.parametrize(
    ("name", "field", "one_of"),
    [
        ("po_alternate", "customer_po", {"WEB7"}),
        ("style_is_pattern", "style", {"PT1"}),
        ("style_is_alias", "style", {"OLD-1"}),
        ("color_is_code", "color", {"410"}),
        ("color_abbreviated", "color", {"HTHR GRY"}),
        ("size_alias", "size", {"MD"}),
        ("po_letter_for_digit", "customer_po", {"45O0012345", "450O012345", "4500O12345", "4500 12345", "45000I2345"}),
        ("style_separators", "style", {"FH1042", "FH 1042", "FH/1042", "FH_1042", "FH.1042"}),
    ],
)
def test_a_kind_spells_as_people_do(name, field, one_of):
    made = [KINDS[name].function(READING, chance(seed)) for seed in range(20)]
    assert {spelling[field] for spelling in made} <= one_of


@pytest.mark.parametrize(
    ("name", "length"),
    [("po_digit_dropped", 9), ("po_digits_transposed", 10), ("po_digit_replaced", 10), ("po_digit_doubled", 11)],
)
def test_a_digit_goes_wrong_in_its_way(name, length):
    for seed in range(20):
        made = KINDS[name].function(READING, chance(seed))["customer_po"]
        assert len(made) == length
        assert made != READING.customer_po


def test_a_linked_stranger_is_a_wrong_link_and_a_wrong_order_is_both():
    rows = pd.DataFrame(
        [("a", "a"), ("a", "b"), ("a", None), (None, "a"), (None, None)], columns=["true_key_id", "order_key_id"]
    ).astype("str")
    made = match.score("all", rows)
    assert (made["keys"], made["true_links"], made["links"], made["right"]) == (5, 3, 3, 1)
    assert made["precision"] == made["recall"] == pytest.approx(1 / 3, abs=1e-5)
