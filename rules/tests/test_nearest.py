"""Known names that an unknown one may stand for."""

from __future__ import annotations

from order_rules.config import Customers
from order_rules.nearest import NEAREST, nearest

KNOWN = Customers.model_validate(
    {
        "customers": [
            {"canonical": "Fernhollow", "aliases": ["Fernhollow (US)", "FHW Stores"]},
            {"canonical": "Oakspindle"},
            {"canonical": "Oakspindle Home"},
            {"canonical": "Oakspindle Kids"},
            {"canonical": "Oakspindle Men"},
        ]
    }
)


def test_a_customer_is_named_once_as_its_rules_write_it() -> None:
    found = nearest("FERNHOLLOW LTD", KNOWN)
    assert [one.canonical for one in found] == ["Fernhollow"]


def test_an_alias_stands_for_its_customer() -> None:
    assert nearest("FHW STORES INC", KNOWN)[0].canonical == "Fernhollow"


def test_the_likeliest_come_first_and_only_a_few() -> None:
    found = nearest("OAKSPINDLE KIDS INC", KNOWN)
    assert found[0].canonical == "Oakspindle Kids"
    assert len(found) == NEAREST
    assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)


def test_a_name_like_none_suggests_nothing() -> None:
    assert nearest("ZZYX", KNOWN) == []
