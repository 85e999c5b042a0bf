"""Only customers of whom something changed are matched again, and the result is that of matching everybody."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from order_rules import ids, tables
from order_rules.config import Customer
from recon import matches
from recon.engines import How, in_process
from recon.published import last_hashes
from recon.reconcile import Shrunk

FIVE = ("customer", "customer_po", "style", "color", "size")
STAGED = (
    *(tables.metadata.tables[name] for name in ("order_list", "stg_orders_sharepoint", "stg_orders_wms")),
    *(tables.metadata.tables[name] for name in ("stg_packed", "stg_shipped", "source_files", "loads", "load_counts")),
    tables.recon_override,
    tables.recon_ruled_out,
)
OWN = {"run_id", "changed_run_id", "first_seen_at", "updated_at"}
"""What tells of the run itself."""


def order(qty, po="1234", customer="ACME", style="AB1234", **more):
    return (customer, po, style, "NAVY", "M", qty, more)


def carton(qty, carton_id="C1", po="1234", customer="AC-WMS", style="AB1234", **more):
    return (customer, po, style, "NAVY", "M", qty, {"carton_id": carton_id, **more})


class Watched:
    """Matches as always and remembers whom."""

    def __init__(self):
        self.customers = []

    def __call__(self, tasks):
        self.customers += sorted(task.fulfilment["customer"].iloc[0] for task in tasks)
        return in_process(tasks)


def matched(warehouse, *, rematch=False, **options):
    """Reconcile and name the customers that were matched."""
    watched = Watched()
    outcome = warehouse.reconcile(how=How(watched, rematch), allow_shrink=True, **options)
    assert outcome.customers - outcome.kept >= len(watched.customers)
    return watched.customers


def packed(warehouse, *more):
    warehouse.packed([carton(40), carton(5, "C2", customer="BOLT"), *more])


@pytest.fixture(scope="module")
def once_reconciled(build):
    warehouse = build()
    warehouse.workbook("ACME.xlsx", [order(100), order(50, po="5678")])
    warehouse.workbook("BOLT.xlsx", [order(10, customer="BOLT"), order(20, po="77", customer="BOLT")])
    packed(warehouse)
    assert matched(warehouse) == ["ACME", "BOLT"]
    return warehouse


def decide(warehouse, carton_row, order_row, **fields):
    row = {f"{side}_{name}": value[name] for side, value in (("order", order_row),) for name in FIVE}
    row |= {f"fulfil_{name}": carton_row[f"fulfil_{name}"] for name in FIVE}
    row |= {"fulfil_key_id": carton_row["fulfil_key_id"], "order_key_id": order_row["order_key_id"]}
    row |= {"decision": "LINK", "decided_by": "a planner", "decided_at": datetime(2026, 5, 5)} | fields
    warehouse.write(
        sa.delete(tables.recon_override).where(tables.recon_override.c.fulfil_key_id == row["fulfil_key_id"])
    )
    warehouse.write(tables.recon_override.insert(), row)


def test_nobody_is_matched_again_where_nothing_changed(reconciled):
    before = reconciled.rows("recon_match")
    assert matched(reconciled) == []
    assert reconciled.rows("recon_match") == before
    assert reconciled.reconcile().kept == 2


def test_everybody_is_matched_again_on_demand(reconciled):
    assert matched(reconciled, rematch=True) == ["ACME", "BOLT"]


def test_a_new_carton_has_its_customer_matched_again_and_nobody_else(reconciled):
    packed(reconciled, carton(1, "C3", customer="BOLT", po="77"))
    assert matched(reconciled) == ["BOLT"]
    assert reconciled.fact(customer="BOLT", customer_po="77")["packed_qty"] == 1


def test_a_changed_quantity_alone_has_its_customer_matched_again(reconciled):
    reconciled.workbook("ACME.xlsx", [order(100), order(51, po="5678")])
    assert matched(reconciled) == ["ACME"]


def test_a_new_alternate_name_has_its_customer_matched_again(reconciled):
    reconciled.workbook("ACME.xlsx", [order(100), order(50, po="5678", customer_alt_po="9999")])
    assert matched(reconciled) == ["ACME"]


def test_the_same_rows_read_again_have_nobody_matched(reconciled):
    reconciled.workbook("ACME.xlsx", [order(50, po="5678"), order(100)])
    packed(reconciled)
    assert matched(reconciled) == []


def test_another_day_has_nobody_matched_though_more_is_due(reconciled):
    assert matched(reconciled, today=datetime(2027, 1, 1).date()) == []


def test_a_rule_has_those_matched_again_whom_it_concerns(reconciled, rules_of):
    reconciled.rules = rules_of(customers=[Customer(canonical="BOLT", style_fields=("style", "alias_item"))])
    assert matched(reconciled) == ["BOLT"]
    reconciled.rules = rules_of(
        customers=[Customer(canonical="BOLT", style_fields=("style", "alias_item"))], matching={"tolerance_pct": 9}
    )
    assert matched(reconciled) == []
    reconciled.rules = rules_of(
        customers=[Customer(canonical="BOLT", style_fields=("style", "alias_item"))], matching={"po_prefixes": ("B",)}
    )
    assert matched(reconciled) == ["ACME", "BOLT"]


def test_every_rule_of_matching_is_known_to_concern_the_links_or_not(rules_of):
    assert set(type(rules_of().matching).model_fields) >= matches.NOT_MATCHED_BY


def test_a_decision_has_its_customer_matched_again_when_it_is_made_and_when_it_is_taken_back(reconciled):
    stranger = {**reconciled.match(fulfil_customer="BOLT"), "order_key_id": None}
    (other,) = [row for row in reconciled.rows("stg_orders") if row["customer_po"] == "77"]
    decide(reconciled, stranger, other)
    assert matched(reconciled) == []  # it has no other fulfilment left to match
    assert reconciled.match(fulfil_customer="BOLT")["decided_by"] == "override"
    assert reconciled.fact(customer="BOLT", customer_po="77")["packed_qty"] == 5
    reconciled.write(sa.delete(tables.recon_override))
    assert matched(reconciled) == ["BOLT"]
    assert reconciled.match(fulfil_customer="BOLT")["decided_by"] == "engine"


def test_an_engine_of_another_version_matches_everybody(reconciled, monkeypatch):
    monkeypatch.setattr(matches, "engine_version", lambda: "another")
    assert matched(reconciled) == ["ACME", "BOLT"]


def test_links_that_somebody_touched_are_matched_again(reconciled):
    match = tables.recon_match
    reconciled.write(sa.delete(match).where(match.c.fulfil_customer == "BOLT"))
    assert matched(reconciled) == ["BOLT"]
    reconciled.write(sa.update(match).where(match.c.fulfil_customer == "BOLT").values(fulfil_customer="NOBODY"))
    assert matched(reconciled) == ["BOLT"]
    assert {row["fulfil_customer"] for row in reconciled.rows("recon_match")} == {"ACME", "BOLT"}


def test_a_run_that_failed_does_not_count_as_the_last(reconciled):
    with reconciled.engine.connect() as connection:
        before = last_hashes(connection)
    packed(reconciled, carton(1, "C3", customer="BOLT", po="77"))
    reconciled.file("BOLT.xlsx", status="deleted")
    with pytest.raises(Shrunk):
        reconciled.reconcile()
    with reconciled.engine.connect() as connection:
        assert last_hashes(connection) == before
    assert matched(reconciled) == []  # BOLT has no order left to be matched to
    assert {row["match_type"] for row in reconciled.rows("recon_match", fulfil_customer="BOLT")} == {"NO_MATCH"}


def test_the_links_of_a_customer_that_is_gone_go_with_it(reconciled):
    reconciled.packed([carton(40)])
    assert matched(reconciled) == []
    assert {row["fulfil_customer"] for row in reconciled.rows("recon_match")} == {"ACME"}


POS = ("1234", "01234-1", "5678", "PO 5678", "4500012345", "4500012346", None)
lines = st.lists(
    st.tuples(
        st.sampled_from(["ACME", "BOLT", "OTHER"]),
        st.sampled_from(POS),
        st.sampled_from(["AB1234", "AB-1234", "CD99"]),
        st.integers(1, 60),
    ),
    min_size=1,
    max_size=5,
)
changes = st.one_of(
    st.tuples(st.just("orders"), lines),
    st.tuples(st.just("packed"), lines),
    st.tuples(st.just("shipped"), lines),
    st.tuples(st.just("decide"), st.integers(0, 99)),
    st.tuples(st.just("rule out"), st.integers(0, 99)),
    st.tuples(st.just("withdraw"), st.none()),
    st.tuples(st.just("rules"), st.sampled_from([{}, {"po_prefixes": ()}, {"tolerance_pct": 20}])),
)


def change(warehouse, rules_of, what, how):
    """Do one thing to the warehouse that a day may bring."""
    match what:
        case "orders":
            warehouse.workbook("ALL.xlsx", [order(qty, po, customer, style) for customer, po, style, qty in how])
        case "packed" | "shipped":
            rows = [carton(qty, f"C{n}", po, customer, style) for n, (customer, po, style, qty) in enumerate(how)]
            warehouse.view("packed_products" if what == "packed" else "shipped", rows)
        case "rules":
            warehouse.rules = rules_of(matching=how)
        case "withdraw":
            warehouse.write(sa.delete(tables.recon_override))
            warehouse.write(sa.delete(tables.recon_ruled_out))
        case _:
            links, orders = warehouse.rows("recon_match"), warehouse.rows("stg_orders")
            if links and orders:
                link, wanted = links[how % len(links)], orders[how % len(orders)]
                if what == "decide":
                    decide(warehouse, link, wanted, decided_at=datetime(2026, 5, 5) + timedelta(hours=how))
                else:
                    rule_out(warehouse, link, wanted)


def rule_out(warehouse, link, wanted):
    row = {f"fulfil_{name}": link[f"fulfil_{name}"] for name in FIVE} | {f"order_{name}": wanted[name] for name in FIVE}
    row |= {"fulfil_key_id": link["fulfil_key_id"], "order_key_id": wanted["order_key_id"]}
    row |= {"decided_by": "a planner", "decided_at": datetime(2026, 5, 5)}
    there = warehouse.rows("recon_ruled_out", fulfil_key_id=row["fulfil_key_id"], order_key_id=row["order_key_id"])
    if not there:
        warehouse.write(tables.recon_ruled_out.insert(), row)


def result(warehouse):
    """Read what was published, without what tells of the run itself."""
    return {
        table.name: [{k: v for k, v in row.items() if k not in OWN} for row in warehouse.rows(table.name)]
        for table in tables.PUBLISHED
        if table is not tables.recon_customer_run
    }


@settings(max_examples=settings.default.max_examples // 25)
@given(lines, lines, st.lists(changes, min_size=1, max_size=4))
def test_whatever_happens_day_after_day_is_published_as_if_it_had_happened_at_once(build, rules_of, first, then, days):
    warehouse = build(rules_of())
    for what, how in (("orders", first), ("packed", then), *days):
        change(warehouse, rules_of, what, how)
        if warehouse.rows("loads"):
            warehouse.reconcile(allow_shrink=True)
    fresh = build(warehouse.rules)
    for table in STAGED:
        if rows := warehouse.rows(table.name):
            fresh.write(table.insert(), rows)
    fresh.reconcile()
    assert result(warehouse) == result(fresh)


def test_a_hash_does_not_depend_on_the_order_of_rows(reconciled, build):
    other = build(reconciled.rules)
    other.workbook("BOLT.xlsx", [order(20, po="77", customer="BOLT"), order(10, customer="BOLT")])
    other.workbook("ACME.xlsx", [order(50, po="5678"), order(100)])
    other.packed([carton(5, "C2", customer="BOLT"), carton(40)])
    other.reconcile()
    hashes = [{row["customer"]: row["input_hash"] for row in w.rows("recon_customer_run")} for w in (reconciled, other)]
    assert hashes[0] == hashes[1]
    assert len(hashes[0]["ACME"]) == ids.ID_LENGTH


def test_what_was_compared_and_what_was_too_much_is_counted(warehouse, rules_of):
    warehouse.rules = rules_of(matching={"most_pairs": 1_000})
    warehouse.workbook("ACME.xlsx", [order(1, style=f"S{number:04}") for number in range(1_001)])
    warehouse.packed([carton(1, style="UNHEARD")])
    outcome = warehouse.reconcile()
    counts = {row["reason"]: row["rows"] for row in warehouse.rows("audit_count", measure="compared")}
    assert counts == {"pairs": outcome.compared, "cut": 1, "left_out": outcome.left_out}
    assert outcome.cut == 1
    assert warehouse.reconcile().cut == 0, "nobody was matched again"
