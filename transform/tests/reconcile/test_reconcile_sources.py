"""Where orders and cartons stand twice: copies of workbooks, two sources of an order, packed and shipped."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from order_rules.config import Customer

MARCH = datetime(2026, 3, 1)


def order(qty, po="1234", customer="ACME", **more):
    return (customer, po, "AB1234", "NAVY", "M", qty, more)


def carton(qty, carton_id="C1", sku="K1", po="1234", **more):
    return ("AC-WMS", po, "AB1234", "NAVY", "M", qty, {"carton_id": carton_id, "sku": sku, **more})


def lines(count, start=0, qty=10):
    return [order(qty, po=f"PO{number}") for number in range(start, start + count)]


def test_of_two_equal_workbooks_the_lowest_path_counts(warehouse):
    warehouse.workbook("b copy.xlsx", lines(4), modified=MARCH + timedelta(days=9))
    warehouse.workbook("a.xlsx", lines(4), modified=MARCH)

    outcome = warehouse.reconcile()

    assert (outcome.ordered, outcome.files) == (40, 1)
    assert outcome.superseded == (("b copy.xlsx", "a.xlsx"),)
    assert (outcome.excluded["superseded_workbook"].rows, outcome.excluded["superseded_workbook"].qty) == (4, 40)
    statuses = {row["source"]: (row["status"], row["superseded_by"]) for row in warehouse.rows("recon_load")}
    assert statuses == {"a.xlsx": ("counts", None), "b copy.xlsx": ("superseded_workbook", "a.xlsx")}


def test_of_two_differing_workbooks_the_newest_counts(warehouse):
    """One cell was changed in the copy; a third workbook shares too little with it to be one."""
    changed = [*lines(9), order(99, po="PO9")]
    warehouse.workbook("a.xlsx", lines(10), modified=MARCH)
    warehouse.workbook("archive/a.xlsx", changed, modified=MARCH + timedelta(days=1))
    warehouse.workbook("other.xlsx", [*lines(3), *lines(7, start=50)], modified=MARCH - timedelta(days=9))

    outcome = warehouse.reconcile()

    assert outcome.superseded == (("a.xlsx", "archive/a.xlsx"),)
    assert outcome.ordered == 9 * 10 + 99 + 100


def test_the_workbook_that_the_rules_name_counts_alone(build, rules_of):
    warehouse = build(rules_of(customers=[Customer(canonical="ACME", workbook="a.xlsx")]))
    warehouse.workbook("a.xlsx", lines(4), modified=MARCH)
    warehouse.workbook("a new.xlsx", [*lines(3), order(5, customer="BOLT")], modified=MARCH + timedelta(days=9))

    outcome = warehouse.reconcile()

    assert outcome.ordered == 40 + 5  # another customer's lines in it stay
    assert outcome.files == 2


def test_workbooks_of_different_customers_never_compete(warehouse):
    warehouse.workbook("ACME.xlsx", lines(4))
    warehouse.workbook("BOLT.xlsx", [order(10, po=f"PO{number}", customer="BOLT") for number in range(4)])
    assert warehouse.reconcile().ordered == 80


def test_missing_pos_are_not_common_lines(warehouse):
    warehouse.workbook("a.xlsx", [order(1, po=None), order(2, po="A")])
    warehouse.workbook("b.xlsx", [order(3, po=None), order(4, po="B")])
    assert warehouse.reconcile().ordered == 10


@pytest.mark.parametrize(("orders_from", "ordered", "left_out"), [("order_list", 10 + 7, 16), ("wms", 16 + 7, 10)])
def test_an_order_in_two_sources_is_ordered_once(build, rules_of, orders_from, ordered, left_out):
    warehouse = build(rules_of(matching={"orders_from": orders_from}))
    warehouse.workbook("ACME.xlsx", [order(10)])
    warehouse.view("master_order_list", [order(12), order(4, po="8"), order(7, customer="BOLT")])

    outcome = warehouse.reconcile()

    assert outcome.ordered == ordered
    assert outcome.excluded["superseded_source"].qty == left_out
    assert (outcome.findings["source_qty_differs"].rows, outcome.findings["source_qty_differs"].qty) == (1, 2)
    lacking = outcome.findings.get("source_key_lacking")
    assert (lacking.qty if lacking else 0) == (4 if orders_from == "order_list" else 0)


def test_a_carton_that_left_between_two_readings_is_shipped_and_no_longer_packed(warehouse):
    warehouse.workbook("ACME.xlsx", [order(100)])
    warehouse.packed(
        [
            carton(10, "GONE"),
            carton(4, "PART", row_id="1"),
            carton(6, "PART", row_id="2"),
            carton(5, "MORE"),
            carton(3, "STAYS"),
            carton(2, None),
        ]
    )
    warehouse.shipped(
        [carton(10, "GONE"), carton(7, "PART"), carton(9, "MORE"), carton(2, None), carton(1, "STAYS", "K2")]
    )

    outcome = warehouse.reconcile()

    current = {(row["carton_id"], row["row_id"]): row for row in warehouse.rows("stg_packed_current")}
    kept = {carton_id: (row["qty"], row["qty_source"]) for (carton_id, _), row in current.items()}
    assert kept == {"PART": (3, 6), "STAYS": (3, 3), None: (2, 2)}
    assert ("PART", "2") in current  # the shipped units are taken from the rows in the order of their ids
    assert outcome.excluded["shipped_since"].qty == 10 + 7 + 5
    assert (outcome.findings["shipped_in_part"].rows, outcome.findings["shipped_in_part"].qty) == (1, 3)
    assert (outcome.findings["shipped_over_packed"].rows, outcome.findings["shipped_over_packed"].qty) == (1, 4)
    assert (warehouse.fact()["packed_qty"], warehouse.fact()["shipped_qty"]) == (8, 29)


def test_the_same_carton_number_in_another_database_is_another_carton(warehouse):
    warehouse.workbook("ACME.xlsx", [order(100)])
    warehouse.packed([carton(10)], connection="wah")
    warehouse.shipped([carton(10)], connection="distribution")
    assert warehouse.reconcile().packed == 10
    assert warehouse.fact()["cartons"] == 2
