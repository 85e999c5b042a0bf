from __future__ import annotations

import json
from itertools import combinations

import pytest
from made_sample import CONFIG, PROGRAM, Made
from order_rules.canonical import clean
from order_rules.config import Rules, load_rules

LAYOUTS: dict[str, list[str]] = json.loads((PROGRAM.parent / "layouts.json").read_text(encoding="utf-8"))["layouts"]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(CONFIG)


def run_of(headers: list[str]) -> list[str]:
    return headers[headers.index("UNIT OF MEASURE") + 1 : headers.index("TOTAL QTY")]


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_no_two_sizes_of_one_run_become_one(rules: Rules, layout: str) -> None:
    run = run_of(LAYOUTS[layout])
    assert len({rules.canonical_size(size) for size in run}) == len(run)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_no_two_sizes_of_one_run_are_called_equivalent(rules: Rules, layout: str) -> None:
    first = {size: names[0] for names in rules.sizes.equivalents for size in names}
    run = [rules.canonical_size(size) or "" for size in run_of(LAYOUTS[layout])]
    assert len({first.get(size, size) for size in run}) == len(run)


@pytest.mark.parametrize(
    "spellings",
    [
        ("ONE SIZE", "OS", "O/S", "One_Sz", "one size", "OneSize", " One  Size "),
        ("30x32", "30X32", "30/32", "30 x 32", "W30 L32", "30W x 32L"),
        ("3/6 MTHS", "3-6M", "3-6 months", "3/6M"),
        ("6/12 MTHS", "6-12M"),
        ("10-12", "10/12", "10 / 12"),
        ("12/13", "12-13"),
        ("3-4", "3/4"),
        ("S(6-8)", "S (6-8)", "s(6/8)"),
        ("S-M", "S/M", "S / M"),
        ("1Y", "1 YR", "1 year"),
        ("28", "28.0", 28, 28.0),
        ("XL", "X-Large", "Extra Large"),
        ("34DD", "34 DD", "34-dd"),
        ("24/26", "24-26"),
    ],
)
def test_spellings_of_one_size_are_one(rules: Rules, spellings: tuple[object, ...]) -> None:
    assert len({rules.canonical_size(size) for size in spellings}) == 1


def test_sizes_that_look_alike_stay_apart(rules: Rules) -> None:
    different = [
        *("XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL", "2XL", "3XL", "4XL", "4XT", "1X", "2X", "3X"),
        *("2XL/3XL", "XXL/3XL", "XL/2XL", "XL/XXL", "S/M", "M/L", "L/XL", "XS/S", "XXS/XS", "S/P", "S+"),
        *("32C", "32D", "32DD", "32DDD", "34C", "34DDD", "AB/S", "CD/S", "C/S", "D/S", "D/XXL"),
        *("30x32", "30x34", "32x32", "28-30L", "28-30", "06/XS", "S(6-8)", "M(8-10)", "0w", "0", "00", "000"),
        *("3-6M", "0-3M", "6-12M", "12-18M", "18-24M", "3M", "2T", "2Y", "2", "3-4", "3-4Y", "12/13", "12X13"),
        *("10-12", "10", "12", "28", "30", "32", "ONE SIZE", "SMS"),
    ]
    folded = {size: rules.canonical_size(size) for size in different}
    same = [(a, b) for a, b in combinations(different, 2) if folded[a] == folded[b]]
    assert same == []
    assert rules.canonical_size("06/XS") == "06/XS"


def test_a_canonical_size_is_canonical(rules: Rules) -> None:
    for headers in LAYOUTS.values():
        for size in run_of(headers):
            canonical = rules.canonical_size(size)
            assert rules.canonical_size(canonical) == canonical


def test_every_name_is_known_but_one(made: Made, rules: Rules) -> None:
    unknown = {key["fulfil_customer"] for key in made.keys if rules.customer(key["fulfil_customer"], "shipped") is None}
    assert unknown == {"OAKSPINDLE TRADING INC"}
    assert made.truth["wms"]["customers_unknown_to_config"] == sorted(unknown)
    names = {name for book in made.order_lists.values() for name in book.customers}
    assert [name for name in names if rules.customer(name, "order_list") is None] == []
    canonical = {rules.canonical_customer(name, "order_list") for name in names}
    assert {book["customer"] for book in made.truth["workbooks"].values()} == canonical


def test_what_needs_no_rule_but_a_name_or_a_size_is_equal_in_canonical_form(made: Made, rules: Rules) -> None:
    first = {size: names[0] for names in rules.sizes.equivalents for size in names}

    def canonical(key: dict[str, str], side: str, source: str) -> tuple[str | None, ...]:
        customer = rules.canonical_customer(key[f"{side}_customer"], source)  # type: ignore[arg-type]
        size = rules.canonical_size(key[f"{side}_size"], customer) or ""
        fields = (clean(key[f"{side}_{name}"]) for name in ("customer_po", "style", "color"))
        return (customer, *fields, first.get(size, size))

    plain = {"exact", "alias_customer", "case_and_blanks", "size_spelling"}
    for key in made.keys:
        if key["order_customer"]:
            same = canonical(key, "fulfil", "shipped") == canonical(key, "order", "order_list")
            assert same == (key["corruption"] in plain), key


def test_no_fulfilment_key_is_in_canonical_form_the_key_of_another_order(made: Made, rules: Rules) -> None:
    owners: dict[tuple[str | None, ...], tuple[str, ...]] = {}
    for side, source in (("order", "order_list"), ("fulfil", "shipped")):
        for key in made.keys:
            if not clean(key[f"{side}_customer_po"]):
                continue
            customer = rules.canonical_customer(key[f"{side}_customer"], source)  # type: ignore[arg-type]
            fields = tuple(clean(key[f"{side}_{name}"]) for name in ("customer_po", "style", "color"))
            found = (customer, *fields, rules.canonical_size(key[f"{side}_size"], customer))
            order = tuple(key[f"order_{name}"] for name in ("customer", "customer_po", "style", "color", "size"))
            assert owners.setdefault(found, order) == order, key
