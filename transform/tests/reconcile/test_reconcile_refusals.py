"""What a run refuses to publish, what it says, and what it leaves in the books."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from order_rules import tables
from recon.reconcile import BooksUnequal, NothingLoaded, Refused, Shrunk, TooMuchQuarantine


def order(qty, po="1234", customer="ACME"):
    return (customer, po, "AB1234", "NAVY", "M", qty)


def carton(qty, carton_id="C1"):
    return ("AC-WMS", "1234", "AB1234", "NAVY", "M", qty, {"carton_id": carton_id})


def refused(warehouse, kind, **how):
    """Reconcile, expect a refusal, and check that nothing was published and the run was closed with its reason."""
    before = warehouse.published()
    run = warehouse.run()
    with pytest.raises(kind) as refusal:
        warehouse.reconcile(run=run, **how)
    assert isinstance(refusal.value, Refused)
    assert warehouse.published() == before
    (closed,) = warehouse.rows("audit_run", run_id=run.run_id)
    assert (closed["status"], closed["reason"]) == ("failed", refusal.value.reason)
    assert warehouse.rows("audit_lease")[0]["run_id"] is None
    return refusal.value.reason, warehouse.rows("audit_count", run_id=run.run_id)


def test_without_any_whole_load_there_is_nothing_to_publish(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10)], whole=False)
    reason, _ = refused(warehouse, NothingLoaded)
    assert reason == "no complete load in the warehouse: run `meltano run full-sync`"


def test_workbooks_that_vanished_stop_the_run_and_are_named(warehouse):
    for name in "ABC":
        warehouse.workbook(f"{name}.xlsx", [order(10, po=name)])
    warehouse.reconcile()
    warehouse.file("B.xlsx", status="deleted")

    reason, counts = refused(warehouse, Shrunk)

    assert reason.startswith("Workbooks fell from 3 to 2 since the last run, by 33.3 % where 20 % is allowed")
    assert "gone are B.xlsx" in reason
    assert "--allow-shrink" in reason
    assert {(row["measure"], row["rows"]) for row in counts if row["measure"] == "files"} >= {("files", 2)}
    assert warehouse.reconcile(allow_shrink=True).files == 2
    assert warehouse.reconcile().files == 2


def test_rows_that_vanished_stop_the_run(warehouse):
    warehouse.workbook("A.xlsx", [order(10, po=str(n)) for n in range(10)])
    warehouse.packed([carton(1, f"C{n}") for n in range(10)])
    warehouse.reconcile()

    warehouse.workbook("A.xlsx", [order(10, po=str(n)) for n in range(7)])
    assert refused(warehouse, Shrunk)[0].startswith("Rows of order lists fell from 10 to 7")
    warehouse.workbook("A.xlsx", [order(10, po=str(n)) for n in range(8)])
    warehouse.shipped([carton(1, f"C{n}") for n in range(4)])  # left the one, arrived in the other
    warehouse.packed([carton(1, f"C{n}") for n in range(4, 10)])
    warehouse.reconcile()
    warehouse.shipped([])
    assert refused(warehouse, Shrunk)[0].startswith("Packed and shipped rows fell from 10 to 6")


def test_a_deleted_copy_is_no_loss(warehouse):
    warehouse.workbook("A.xlsx", [order(10, po=str(n)) for n in range(5)])
    warehouse.workbook("A copy.xlsx", [order(10, po=str(n)) for n in range(5)])
    assert warehouse.reconcile().files == 1
    warehouse.file("A.xlsx", status="deleted")
    assert warehouse.reconcile().files == 1


def test_an_empty_listing_stops_even_the_first_run(warehouse):
    warehouse.listing(0)
    warehouse.packed([carton(1)])
    assert "listing of order lists is empty" in refused(warehouse, Shrunk)[0]
    assert warehouse.reconcile(allow_shrink=True).packed == 1


def test_too_much_quarantine_stops_this_run_and_the_next_until_accepted_by_name(warehouse):
    warehouse.workbook(
        "A.xlsx",
        [order(10), order(20)],
        quarantined=[("unreadable_quantity", 1, 0), ("negative_quantity", 1, -5)],
        excluded=[("zero", 1, 0)],
    )
    warehouse.packed([carton(1)], quarantined=[("negative_quantity", 1, -1)])

    reason, counts = refused(warehouse, TooMuchQuarantine, accept=["distribution.packed_products"])
    assert reason.startswith("A.xlsx: 40.0 % of its quantity cells are in quarantine where 20 % is allowed")
    assert (
        "negative_quantity 1, unreadable_quantity 1" in reason or "unreadable_quantity 1, negative_quantity 1" in reason
    )
    quarantined = {(row["table"], row["reason"]): row["qty"] for row in counts if row["measure"] == "quarantined"}
    assert quarantined == {
        ("order_list_rows", "unreadable_quantity"): 0,
        ("order_list_rows", "negative_quantity"): -5,
        ("packed_products", "negative_quantity"): -1,
    }
    refused(warehouse, TooMuchQuarantine, accept=["A.xlsx"])

    outcome = warehouse.reconcile(accept=["A.xlsx", "distribution.packed_products"])
    assert (outcome.quarantined.cells, outcome.quarantined.qty) == (3, -6)
    assert len(warehouse.rows("quarantine")) == 3


def test_a_copy_that_does_not_count_may_be_as_bad_as_it_likes(warehouse):
    warehouse.workbook("A.xlsx", [order(10)])
    warehouse.workbook("A.xlsx copy", [order(10)], quarantined=[("unreadable_quantity", 1, 0)])
    assert warehouse.reconcile().ordered == 10


@pytest.mark.parametrize(
    ("measure", "figure", "said"),
    [("read", "qty", "11 units were read"), ("received", "cells", "2 cells were received")],
)
def test_a_count_that_was_tampered_with_makes_the_books_unequal(warehouse, measure, figure, said):
    warehouse.workbook("A.xlsx", [order(10)])
    counts = tables.load_counts
    tampered = sa.update(counts).where(counts.c.measure == measure)
    warehouse.write(tampered.values({figure: counts.c[figure] + 1}))

    reason, _ = refused(warehouse, BooksUnequal)

    assert reason.startswith(f"The books of order_list_rows don't balance: of A.xlsx {said}, but staged")


def test_a_quantity_that_was_tampered_with_makes_its_load_incomplete(warehouse):
    warehouse.workbook("A.xlsx", [order(10)])
    warehouse.reconcile()
    warehouse.workbook("A.xlsx", [order(12)])
    staged = tables.stg_orders_sharepoint
    warehouse.write(sa.update(staged).where(staged.c.ordered_qty == 12).values(ordered_qty=13))

    outcome = warehouse.reconcile()

    assert outcome.ordered == 10
    (stale,) = outcome.stale
    assert "stg_orders_sharepoint holds 1 rows and 13 units of it, the mapper made 1 and 12" in stale[1]
