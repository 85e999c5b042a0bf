"""Cells that hold a formula no program has calculated: the tap sends the formula, and it is no number to anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

ORDER = {
    "AAG ORDER NUMBER": "A-1001",
    "CUSTOMER NAME": "BRAND A",
    "PO NUMBER": 4500012345,
    "CUSTOMER STYLE": "ST 1",
    "CUSTOMER COLOUR DESCRIPTION": "NAVY",
}
STREAM = "order_list_rows"
FORMULAS = ["=SUM(F2:H2)", "=12", "=1+1", '=IF(A2="x",1,0)', "="]
"""As the tap sends them; the last is one that a shared formula stands for. A text formula without a text is no cell."""


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_for_a_quantity_is_quarantined_under_its_own_text_and_the_rest_goes_on(
    one: Any, formula: str
) -> None:
    order, lines, quarantine, counted = one(ORDER | {"TOTAL QTY": 9}, {"S": 5, "M": formula, "L": 4})
    assert [(line["size"], line["ordered_qty"]) for line in lines] == [("S", 5), ("L", 4)]
    assert (order["size_qty"], order["total_qty"], order["findings"]) == (9, 9, None)
    assert json.loads(order["sizes"]) == [["S", 5], ["M", formula], ["L", 4]]
    (bad,) = quarantine
    assert (bad["place"], bad["field"]) == ("brands/BRAND A.xlsx!MASTER!row 2!M", "M")
    assert (bad["reason_code"], bad["value"]) == ("unreadable_quantity", formula)
    assert (bad["cells"], bad["qty"]) == (1, 0)
    assert json.loads(bad["record"])["cells"] == [["M", formula]]
    assert counted[STREAM, "quarantined", "unreadable_quantity"] == (1, 1, 0)
    assert counted[STREAM, "received", ""] == (1, 3, 9)
    assert counted[STREAM, "read", ""] == (1, 2, 9)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_for_the_total_is_a_finding_and_stays_beside_the_fields(one: Any, formula: str) -> None:
    order, lines, quarantine, counted = one(ORDER | {"TOTAL QTY": formula}, {"S": 5, "M": 4})
    assert (order["size_qty"], order["total_qty"]) == (9, None)
    assert json.loads(order["findings"]) == ["total_qty_unreadable"]
    assert json.loads(order["extra"]) == [["TOTAL QTY", formula]]
    assert [line["ordered_qty"] for line in lines] == [5, 4]
    assert quarantine == []
    assert counted[STREAM, "finding", "total_qty_unreadable"] == (1, 0, 0)


def test_a_row_of_nothing_but_formulas_is_an_order_that_waits_in_quarantine(one: Any) -> None:
    order, lines, quarantine, counted = one(ORDER | {"TOTAL QTY": "=SUM(F2:G2)"}, {"S": "=A1", "M": "=A2"})
    assert (order["size_qty"], lines) == (0, [])
    assert [bad["value"] for bad in quarantine] == ["=A1", "=A2"]
    assert counted["stg_orders_sharepoint", "staged", ""] == (0, 0, 0)
    assert counted[STREAM, "quarantined", "unreadable_quantity"] == (2, 2, 0)
