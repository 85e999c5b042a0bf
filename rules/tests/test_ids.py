"""Ids, held to vectors that any other tool can compute: the first 128 bits of SHA-256 over the joined fields.

``printf 'a\\x1f\\x00\\x1f\\x1f7' | sha256sum | cut -c1-32`` gives the first one.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_rules import ids

LINE: dict[str, Any] = {
    "source": "order_list",
    "unit_id": "f00d",
    "sheet": "MASTER",
    "order_number": "A-1001",
    "customer_source": "Brand A",
    "customer_po_source": "4500012345",
    "style_source": "st 1",
    "color_source": "Navy",
    "size_source": "M",
    "drop": "1",
    "delivery_method": "Sea",
    "occurrence": 0,
}


@pytest.mark.parametrize(
    ("fields", "vector"),
    [
        (("a", None, "", 7), "8f1a64cbc15b8e4a4bb96112fb47906a"),
        (("",), "e3b0c44298fc1c149afbf4c8996fb924"),
        ((None,), "6e340b9cffb37a989ca544e6bb780a2c"),
    ],
)
def test_fields_are_hashed_with_missing_apart_from_empty(fields: tuple[str | int | None, ...], vector: str) -> None:
    assert ids.hash_id(*fields) == vector


def test_an_order_line_of_a_workbook() -> None:
    assert ids.order_line_id(**LINE) == "164322c18593dfd30effea05a953a9bf"


def test_an_order_line_of_the_view_with_missing_fields_and_other_scripts() -> None:
    line = dict.fromkeys(LINE) | {
        "source": "wms",
        "unit_id": "orders:master_order_list",
        "customer_source": "Brand A",
        "style_source": "st 1",
        "color_source": "Rød ∆",
        "size_source": "M",
        "occurrence": 2,
    }
    assert ids.order_line_id(**line) == "bac89738d7e9197c58ac9e46380a44a0"


@pytest.mark.parametrize("field", LINE)
def test_every_field_of_a_line_counts(field: str) -> None:
    changed = LINE | {field: 1 if field == "occurrence" else "other"}
    assert ids.order_line_id(**changed) != ids.order_line_id(**LINE)


def test_a_carton_row() -> None:
    row = ids.carton_row_id(connection="distribution", stream="shipped", row_hash="abc", occurrence=1)
    assert row == "88d162a5a4d3cbecd4105a157a35e71a"


def test_an_order_key_and_a_fulfilment_key_of_the_same_fields_differ() -> None:
    key = ("BRAND A", "1", "S", "NAVY", "M")
    assert ids.order_key_id(*key) == "c232c15f17fd993af61732ae3e93b2c4"
    assert ids.fulfil_key_id(*key) == "3d7dcae8f53ee8f21207c50caec3970c"


def test_an_order_key_with_missing_fields() -> None:
    assert ids.order_key_id("BRAND A", None, "S", None, None) == "68909614ce6a8336a2d45b33178239c4"


@pytest.mark.parametrize(
    ("finding", "vector"),
    [
        (
            {
                "stream": "order_list_rows",
                "place": "a/b.xlsx!MASTER!row 7!M",
                "field": "M",
                "reason_code": "negative_quantity",
            },
            "dd6efc4feb28c6cc7ac766f84b29315e",
        ),
        (
            {"stream": "shipped", "place": "d.shipped!abc", "field": None, "reason_code": "too_long"},
            "2d8869a9583092926e748bd8af05defe",
        ),
    ],
)
def test_a_quarantine_entry(finding: dict[str, Any], vector: str) -> None:
    assert ids.quarantine_id(**finding) == vector


plain = st.one_of(st.none(), st.text(alphabet=st.characters(exclude_characters="\x00\x1f")))


@given(st.tuples(plain, plain, plain), st.tuples(plain, plain, plain))
def test_different_fields_have_different_ids(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    assert (ids.hash_id(*first) == ids.hash_id(*second)) == (first == second)


@given(st.text(alphabet=st.characters(categories=["Cs", "Lu"])))
def test_even_half_a_character_has_an_id(text: str) -> None:
    assert len(ids.hash_id(text)) == ids.ID_LENGTH


@given(st.lists(st.tuples(plain, plain, plain, plain, plain), max_size=5))
def test_many_keys_are_named_as_one_is(keys: list[tuple[str | None, ...]]) -> None:
    columns = list(zip(*keys, strict=True)) or [()] * 5
    assert ids.key_ids(ids.ORDER, *columns) == [ids.order_key_id(*key) for key in keys]
    assert ids.key_ids(ids.FULFIL, *columns) == [ids.fulfil_key_id(*key) for key in keys]


def test_a_load_made_later_sorts_later() -> None:
    first = ids.time_ordered_id()
    time.sleep(0.002)
    second = ids.time_ordered_id()
    assert first < second
    assert len(first) == ids.ID_LENGTH
    assert abs(int(first[:12], 16) - time.time() * 1000) < 60_000
    assert int(first, 16) >= 0


def test_loads_made_in_one_moment_differ() -> None:
    made = [ids.time_ordered_id() for _ in range(1000)]
    assert len(set(made)) == len(made)
