"""The books: exact, for anything that may be staged, and closed over everything that was read."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from order_rules import tables
from recon.ledger import Figures, Ledger, check_published, check_staged
from recon.refusals import BooksUnequal

missing_or = lambda *values: st.sampled_from([None, "N/A", *values])  # noqa: E731
order_lines = st.lists(
    st.tuples(
        st.sampled_from(["ACME", "BOLT", "Who"]),
        missing_or("1234", "PO 1234", "1234-1", "1235"),
        missing_or("AB1", "AB-1", "P9"),
        missing_or("NAVY", "5 - NVY"),
        missing_or("M", "XXL", "2XL", "SMS"),
        st.integers(1, 30),
        st.fixed_dictionaries(
            {
                "order_type": st.sampled_from([None, "ACTIVE", "CANCELLED"]),
                "pattern_id": st.sampled_from([None, "P9"]),
                "ex_factory_on": st.sampled_from([None, date(2026, 5, 1), date(2026, 9, 1)]),
            }
        ),
    ),
    max_size=6,
)
carton_rows = st.lists(
    st.tuples(
        st.sampled_from(["AC-WMS", "BOLT", "Who"]),
        missing_or("1234", "PO#01234", "1234-1", "777"),
        missing_or("AB1", "P9"),
        missing_or("NAVY", "NVY"),
        missing_or("M", "XXL", "2X"),
        st.integers(1, 30),
        st.fixed_dictionaries(
            {
                "carton_id": st.sampled_from([None, "C1", "C2"]),
                "sku": st.sampled_from([None, "K1"]),
                "on": st.sampled_from([None, date(2026, 5, 1), date(2026, 5, 9)]),
            }
        ),
    ),
    max_size=6,
)


def numbered(rows):
    """Name rows as the mapper does, by a hash of all that they say: rows of one id are of one day."""
    return [(*row[:6], {**row[6], "row_id": f"r{number} {row[6]['on']}"}) for number, row in enumerate(rows)]


@settings(max_examples=settings.default.max_examples // 10)
@given(st.tuples(order_lines, order_lines, order_lines), st.tuples(carton_rows, carton_rows, carton_rows))
def test_whatever_is_staged_the_books_balance_to_the_last_unit(build, orders, cartons):
    warehouse = build()
    (first, second, viewed), (packed, shipped, later) = orders, cartons
    warehouse.workbook("a.xlsx", first, excluded=[("zero", 1, 0)])
    warehouse.workbook("b.xlsx", second)
    warehouse.view("master_order_list", viewed)
    warehouse.packed(numbered(packed))
    warehouse.shipped(numbered(shipped))
    warehouse.shipped(numbered(later), window=(date(2026, 5, 5), None))

    outcome = warehouse.reconcile()

    facts = pd.DataFrame(warehouse.rows("fact_order_recon"), columns=[c.name for c in tables.fact_order_recon.c])
    left_out = outcome.excluded
    staged = sum(row[5] for rows in (first, second, viewed, packed, shipped, later) for row in rows)
    excluded = sum(left_out[reason].qty for reason in left_out)
    swept_window = staged - (outcome.ordered + outcome.cancelled + outcome.packed + outcome.shipped + excluded)
    # What a wholly superseded window held is in no load that counts.
    assert swept_window in (0, sum(row[5] for row in shipped))
    assert facts["ordered_qty"].sum() == outcome.ordered
    assert facts["cancelled_qty"].sum() == outcome.cancelled
    assert (facts["packed_qty"].sum(), facts["shipped_qty"].sum()) == (outcome.packed, outcome.shipped)
    assert (facts["qty_variance"] == facts["ordered_qty"] - facts["packed_qty"] - facts["shipped_qty"]).all()
    linked = sum(figures.qty for figures in outcome.matched.values())
    assert linked + outcome.unmatched.qty == outcome.packed + outcome.shipped
    fill = warehouse.rows("recon_order_fill")
    assert sum(row["packed_qty"] + row["shipped_qty"] for row in fill) == linked
    assert not (facts["incomplete_key"].astype(bool) & (facts["match_type"] == "EXACT")).any()


@settings(max_examples=settings.default.max_examples // 10)
@given(order_lines, carton_rows, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_another_customer_changes_a_fact(build, lines, cartons, random):
    lines = [
        (*row[:6], {**row[6], "order_line_id": f"l{number}", "order_number": "N"}) for number, row in enumerate(lines)
    ]
    cartons = numbered(cartons)

    def facts(lines, cartons):
        warehouse = build()
        warehouse.workbook("a.xlsx", lines)
        warehouse.workbook("z.xlsx", [("ZETA", "1234", "AB1", "NAVY", size, 9) for size in ("XXL", "2XL")])
        warehouse.packed(cartons)
        warehouse.reconcile()
        stamps = ("first_seen_at", "updated_at", "changed_run_id")
        rows = [row for row in warehouse.rows("fact_order_recon") if row["customer"] != "ZETA"]
        return [{name: value for name, value in row.items() if name not in stamps} for row in rows]

    shuffled, stirred = random.sample(lines, len(lines)), random.sample(cartons, len(cartons))
    stranger = ("ZETA", "1234", "AB1", "NAVY", "2X", 3, {"carton_id": "C9", "row_id": "z", "on": None})
    assert facts(lines, cartons) == facts(shuffled, [*stirred, stranger])


def test_every_reason_is_booked_once_with_rows_and_units(warehouse):
    warehouse.workbook(
        "a.xlsx",
        [("ACME", "1", "S1", "NAVY", "M", 10), ("ACME", "1", "S1", "NAVY", "SMS", 2)],
        excluded=[("zero", 3, 0)],
        quarantined=[("negative_quantity", 1, -4)],
    )
    warehouse.packed([("AC-WMS", "1", "S1", "NAVY", "M", 5, {"carton_id": "C1"})])
    warehouse.shipped([("AC-WMS", "1", "S1", "NAVY", "M", 3, {"carton_id": "C1", "sku": "K1"})])

    warehouse.reconcile(accept=["a.xlsx"])

    booked = {
        (row["table"], row["measure"], row["reason"]): Figures(row["rows"], row["cells"], row["qty"])
        for row in warehouse.rows("audit_count")
    }
    expected = {
        ("order_list_rows", "files", ""): (1, 0, 0),
        ("order_list_rows", "received", ""): (4, 6, 8),
        ("order_list_rows", "read", ""): (4, 6, 8),
        ("order_list_rows", "excluded", "zero"): (1, 3, 0),
        ("order_list_rows", "quarantined", "negative_quantity"): (1, 1, -4),
        ("stg_orders_sharepoint", "staged", ""): (2, 2, 12),
        ("stg_orders", "current", ""): (1, 0, 10),
        ("stg_orders", "excluded", "sample"): (1, 0, 2),
        ("stg_packed_current", "current", ""): (1, 0, 2),
        ("stg_packed_current", "excluded", "shipped_since"): (0, 0, 3),
        ("stg_packed_current", "finding", "shipped_in_part"): (1, 0, 2),
        ("stg_shipped_current", "current", ""): (1, 0, 3),
        ("recon_match", "matched", "exact"): (1, 0, 5),
        ("fact_order_recon", "fact", "ordered"): (1, 0, 10),
        ("fact_order_recon", "fact", "shipped"): (1, 0, 3),
    }
    assert {key: tuple(booked[key]) for key in expected} == expected


def test_a_unit_that_never_reached_this_run_is_noticed():
    counts = pd.DataFrame([{"table": "stg_packed", "measure": "staged", "qty": 10}])
    check_staged(counts, {"packed_products": (("stg_packed",), 10)})
    with pytest.raises(BooksUnequal, match="packed_products don't balance: 10 units are staged, but 9 are current"):
        check_staged(counts, {"packed_products": (("stg_packed",), 9)})


def test_the_tables_as_they_would_be_committed_are_what_is_checked(warehouse):
    warehouse.workbook("a.xlsx", [("ACME", "1", "S1", "NAVY", "M", 10)])
    warehouse.shipped([("AC-WMS", "1", "S1", "NAVY", "M", 3)])
    warehouse.reconcile()
    tampered = [
        (tables.fact_order_recon, "ordered_qty", "orders"),
        (tables.fact_order_recon, "packed_qty", "packed"),
        (tables.stg_shipped_current, "qty", "shipped"),
        (tables.recon_order_fill, "shipped_qty", "shipped"),
    ]
    for table, column, stream in tampered:
        with warehouse.engine.connect() as connection:  # rolled back at its end
            assert check_published(connection)["shipped"] == Figures(1, 0, 3)
            connection.execute(sa.update(table).values({column: table.c[column] + 1}))
            with pytest.raises(BooksUnequal, match=f"The books of {stream} don't balance"):
                check_published(connection)


def test_figures_add_up_by_reason_over_tables():
    ledger = Ledger()
    ledger.add("a", "excluded", "sample", rows=1, qty=2)
    ledger.add("b", "excluded", "sample", rows=1, qty=3)
    ledger.add("b", "finding", "sample", rows=9)
    assert ledger.by_reason("excluded") == {"sample": Figures(2, 0, 5)}
