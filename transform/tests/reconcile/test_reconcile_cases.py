"""Named cases of the domain, from staged loads to published facts: which cartons belong to which order."""

from __future__ import annotations

from datetime import date

from order_rules.config import Customer


def order(qty=100, *, customer="ACME", po="4500012345", style="AB1234", color="NAVY", size="M", **more):
    return (customer, po, style, color, size, qty, more)


def carton(qty=100, *, customer="AC-WMS", po="4500012345", style="AB1234", color="NAVY", size="M", **more):
    return (customer, po, style, color, size, qty, more)


def linked(warehouse, **where):
    return warehouse.match(**where)["order_key_id"] is not None


def test_what_was_ordered_packed_and_shipped_stands_in_one_row(warehouse):
    warehouse.workbook("ACME.xlsx", [order(100, ex_factory_on=date(2026, 5, 1))])
    warehouse.packed([carton(40, on=date(2026, 5, 3))])
    warehouse.shipped([carton(60, carton_id="C9", on=date(2026, 5, 2))])

    outcome = warehouse.reconcile()

    fact = warehouse.fact()
    assert (fact["ordered_qty"], fact["packed_qty"], fact["shipped_qty"], fact["qty_variance"]) == (100, 40, 60, 0)
    assert (fact["recon_status"], fact["quality_flag"], fact["match_type"]) == ("COMPLETE", "GOOD", "EXACT")
    assert (fact["match_rule"], fact["match_score"], fact["cartons"]) == ("exact", 100, 2)
    assert (fact["first_packed_on"], fact["last_shipped_on"]) == (date(2026, 5, 3), date(2026, 5, 2))
    assert (outcome.ordered, outcome.packed, outcome.shipped) == (100, 40, 60)
    assert outcome.matched["exact"].qty == 100
    assert warehouse.rows("audit_run")[0]["status"] == "succeeded"


def test_two_missing_pos_are_not_one_po(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10, po="NONE")])
    warehouse.packed([carton(10, po="none")])

    outcome = warehouse.reconcile()

    ordered, packed = warehouse.fact(ordered_qty=10), warehouse.fact(packed_qty=10)
    assert ordered["recon_id"] != packed["recon_id"]
    assert (ordered["recon_status"], packed["recon_status"]) == ("UNFULFILLED", "NO_ORDER")
    assert ordered["incomplete_key"]
    assert packed["incomplete_key"]
    assert (outcome.unmatched.qty, outcome.pending.rows) == (10, 0)


def test_alike_is_not_equal(warehouse):
    """XL and XXL are two sizes; POs one digit off are two orders; so are styles."""
    warehouse.workbook("ACME.xlsx", [order(10, size="XL"), order(20, po="4500012346"), order(30, style="AB1235")])
    warehouse.packed(
        [carton(10, size="XXL"), carton(20, po="4500012347"), carton(30, style="AB1236"), carton(5, color="BLACK")]
    )

    outcome = warehouse.reconcile()

    assert outcome.matched == {}
    assert outcome.unmatched.qty == 65
    statuses = {row["recon_status"] for row in warehouse.rows("fact_order_recon")}
    assert statuses == {"UNFULFILLED", "NO_ORDER"}


def test_an_order_line_in_many_cartons_is_ordered_once(warehouse):
    warehouse.workbook("ACME.xlsx", [order(50, order_number="A"), order(50, order_number="B")])
    warehouse.shipped([carton(20, carton_id=f"C{n}") for n in range(5)])

    outcome = warehouse.reconcile()

    fact = warehouse.fact()
    assert (fact["ordered_qty"], fact["shipped_qty"], fact["order_lines"], fact["cartons"]) == (100, 100, 2, 5)
    assert fact["order_numbers"] == "A, B"
    assert (outcome.ordered, outcome.order_lines) == (100, 2)


def test_one_thing_under_two_names_is_linked_and_says_by_which(warehouse):
    cases = {
        "alt_po": ({"customer_alt_po": "WEB-77"}, {"po": "WEB-77"}),
        "style_pattern": ({"pattern_id": "P900"}, {"style": "P900"}),
        "style_alias": ({"alias_item": "OLD-1"}, {"style": "OLD-1"}),
        "alt_po+style_pattern": ({"customer_alt_po": "77", "pattern_id": "P901"}, {"po": "77", "style": "P901"}),
        "po_suffix": ({}, {"po": "PO#0450004-1"}),
        "style_normalised+color_normalised": ({}, {"style": "AB-5", "color": "05 - nvy"}),
        "color_code": ({"color_code": "410"}, {"color": "410"}),
    }
    lines, cartons = [], []
    for number, (of_order, of_carton) in enumerate(cases.values()):
        names = {"po": f"45000{number}", "style": f"AB{number}"}
        lines += [order(10, **names, **of_order), order(10, po=f"99{number}"), order(10, po=names["po"], style="ZZ9")]
        cartons.append(carton(number + 1, **(names | of_carton)))
    warehouse.workbook("ACME.xlsx", lines)
    warehouse.packed(cartons)

    warehouse.reconcile()

    for number, rule in enumerate(cases):
        fact = warehouse.fact(packed_qty=number + 1)
        match = warehouse.match(order_key_id=fact["order_key_id"])
        assert (fact["customer_po"], fact["style"], fact["match_rule"]) == (f"45000{number}", f"AB{number}", rule)
        assert match["match_type"] == "EXACT"
        assert 90 <= match["match_score"] < 100


def test_of_several_links_the_one_of_the_most_units_names_the_rule_and_any_fuzzy_one_the_type(warehouse):
    # Units by the order's own PO, by its alternate one, by one with a digit missing; and what is told of the order.
    cases = [
        ((5, 3, 0), ("exact", "EXACT")),
        ((3, 5, 0), ("alt_po", "EXACT")),
        ((4, 0, 0), ("exact", "EXACT")),
        ((4, 4, 0), ("alt_po", "EXACT")),  # a tie: the first by name
        ((5, 0, 2), ("po_dropped", "FUZZY")),
    ]
    pos = [f"45{number}7{number}31{number}6" for number in range(1, len(cases) + 1)]
    warehouse.workbook("ACME.xlsx", [order(10, po=po, style=f"AB{po}", customer_alt_po=f"WEB-{po}") for po in pos])
    under = [(po, f"WEB-{po}", po[:4] + po[5:]) for po in pos]
    warehouse.packed(
        [
            carton(units, po=name, style=f"AB{po}")
            for po, names, (all_units, _) in zip(pos, under, cases, strict=True)
            for name, units in zip(names, all_units, strict=True)
            if units
        ]
    )

    warehouse.reconcile()

    found = [warehouse.fact(customer_po=po) for po in pos]
    assert [(fact["match_rule"], fact["match_type"]) for fact in found] == [told for _, told in cases]
    assert [fact["packed_qty"] for fact in found] == [sum(units) for units, _ in cases]
    assert [fact["fuzzy_qty"] for fact in found] == [0, 0, 0, 0, 2]


def test_goods_of_a_customer_without_orders_belong_to_no_order(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10)])
    warehouse.packed([carton(7, customer="BOLT")])

    warehouse.reconcile()

    fact = warehouse.fact(customer="BOLT")
    assert (fact["recon_status"], fact["quality_flag"], fact["packed_qty"], fact["qty_variance"]) == (
        "NO_ORDER",
        "POOR",
        7,
        -7,
    )
    assert (fact["order_key_id"], fact["recon_id"]) == (None, fact["fulfil_key_id"])
    assert warehouse.match(fulfil_customer="BOLT")["review_status"] == "NONE"


def test_an_unknown_customer_keeps_its_name_and_is_reported_with_the_nearest(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10)])
    warehouse.packed([carton(7, customer="Acme Incorp")])

    (unknown,) = warehouse.reconcile().unknown_customers

    assert (unknown.name, unknown.units, unknown.nearest[0]) == ("ACME INCORP", 7, "ACME")
    assert warehouse.fact(customer="ACME INCORP")["packed_qty"] == 7


def test_fulfilment_that_fits_two_orders_is_a_question(warehouse):
    warehouse.workbook(
        "ACME.xlsx", [order(10, po="A1", customer_alt_po="77"), order(10, po="A2", customer_alt_po="77")]
    )
    warehouse.packed([carton(10, po="77")])

    outcome = warehouse.reconcile()

    match = warehouse.match()
    assert (match["match_type"], match["review_status"], match["order_key_id"]) == ("NO_MATCH", "PENDING", None)
    assert match["candidates"].count("order_key_id") == 2
    assert (outcome.pending.rows, outcome.pending.qty) == (1, 10)


def test_salesman_samples_are_left_out_on_both_sides_and_counted(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10), order(3, size="sms")])
    warehouse.packed([carton(10), carton(2, size="SMS")])

    outcome = warehouse.reconcile()

    assert warehouse.fact()["ordered_qty"] == 10
    assert (outcome.excluded["sample"].rows, outcome.excluded["sample"].qty) == (2, 5)


def test_cancelled_lines_are_not_ordered_but_kept(warehouse):
    warehouse.workbook(
        "ACME.xlsx",
        [order(10, order_type="active"), order(4, order_type="CXL"), order(5, style="ZZ1", order_type=" Cancelled ")],
    )
    warehouse.shipped([carton(10)])

    outcome = warehouse.reconcile()

    both, gone = warehouse.fact(style="AB1234"), warehouse.fact(style="ZZ1")
    assert (both["ordered_qty"], both["cancelled_qty"], both["recon_status"]) == (10, 4, "COMPLETE")
    assert (gone["ordered_qty"], gone["cancelled_qty"], gone["recon_status"]) == (0, 5, "CANCELLED")
    assert gone["quality_flag"] is None
    assert (outcome.ordered, outcome.cancelled) == (10, 9)


def test_goods_against_a_cancelled_order_are_over_and_found(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10, order_type="CANCELLED")])
    warehouse.shipped([carton(6)])

    outcome = warehouse.reconcile()

    assert (warehouse.fact()["recon_status"], warehouse.fact()["quality_flag"]) == ("OVER", "POOR")
    assert outcome.findings["shipped_against_cancelled"].qty == 6
    assert sum(row["shipped_qty"] for row in warehouse.rows("recon_order_fill")) == 6


def test_the_first_line_to_leave_the_factory_is_filled_first(warehouse):
    warehouse.workbook(
        "ACME.xlsx",
        [
            order(50, order_number="JUNE", ex_factory_on=date(2026, 6, 30)),
            order(50, order_number="MAY", ex_factory_on=date(2026, 5, 1)),
        ],
    )
    warehouse.packed([carton(10)])
    warehouse.shipped([carton(45, carton_id="C7")])

    warehouse.reconcile()

    number = {row["order_line_id"]: row["order_number"] for row in warehouse.rows("stg_orders")}
    filled = {number[row["order_line_id"]]: row for row in warehouse.rows("recon_order_fill")}
    assert (filled["MAY"]["shipped_qty"], filled["MAY"]["packed_qty"]) == (45, 5)
    assert (filled["JUNE"]["shipped_qty"], filled["JUNE"]["packed_qty"]) == (0, 5)
    # What was due is there; what isn't due yet makes the key open, not short.
    assert warehouse.fact()["recon_status"] == "OPEN"
    assert warehouse.fact()["earliest_ex_factory_on"] == date(2026, 5, 1)


def test_a_wms_name_of_a_customer_holds_in_the_wms_alone(warehouse):
    warehouse.workbook("ACME.xlsx", [order(10), order(10, customer="AC-WMS", po="9")])
    warehouse.packed([carton(10)])

    warehouse.reconcile()

    assert warehouse.fact(customer="ACME")["packed_qty"] == 10
    assert warehouse.fact(customer="AC-WMS")["packed_qty"] == 0


def test_xxl_and_2xl_are_one_size_unless_a_workbook_tells_them_apart(warehouse):
    """The view has every size column, so it proves nothing; a workbook with both does."""
    warehouse.workbook("ACME.xlsx", [order(10, size="XXL")])
    warehouse.workbook("BOLT.xlsx", [order(10, customer="BOLT", size="XXL"), order(5, customer="BOLT", size="2X")])
    warehouse.view(
        "master_order_list",
        [order(1, customer="ACME", size="2X", po="8"), order(1, customer="ACME", size="XXL", po="8")],
    )
    warehouse.packed(
        [
            carton(10, size="2X"),
            carton(4, customer="BOLT", size="XXL"),
            carton(3, customer="BOLT", size="2X"),
            carton(2, customer="BOLT", size="2XL"),
        ]
    )

    warehouse.reconcile()

    assert warehouse.fact(customer="ACME")["packed_qty"] == 10
    assert warehouse.fact(customer="ACME")["size"] == "2XL"
    assert warehouse.fact(customer="BOLT", size="XXL")["packed_qty"] == 4
    assert warehouse.fact(customer="BOLT", size="2X")["packed_qty"] == 3
    assert warehouse.fact(customer="BOLT", size="2XL")["recon_status"] == "NO_ORDER"


def test_a_customers_own_sizes_win(warehouse, build, rules_of):
    own = (
        Customer(canonical="ACME", sizes={"2X": "XXL"}, source_names={"packed": "AC-WMS", "shipped": "AC-WMS"}),
        Customer(canonical="BOLT", sizes={"2X": "2X"}),
    )
    warehouse = build(rules_of(customers=own))
    warehouse.workbook("ACME.xlsx", [order(10, size="2X"), order(10, customer="BOLT", size="XXL")])
    warehouse.packed([carton(6, size="2XL"), carton(5, customer="BOLT", size="2X")])

    warehouse.reconcile()

    assert (warehouse.fact(customer="ACME")["size"], warehouse.fact(customer="ACME")["packed_qty"]) == ("XXL", 6)
    assert warehouse.fact(customer="BOLT", size="2X")["recon_status"] == "NO_ORDER"
    assert warehouse.fact(customer="BOLT", size="2XL")["recon_status"] == "UNFULFILLED"


def test_a_new_rule_takes_effect_on_what_is_loaded(warehouse, rules_of):
    warehouse.workbook("ACME.xlsx", [order(10, size="One Size")])
    warehouse.packed([carton(10, customer="Acme & Sons", size="o/s")])
    warehouse.reconcile()
    assert warehouse.fact(customer="ACME & SONS")["recon_status"] == "NO_ORDER"

    warehouse.rules = rules_of(customers=(Customer(canonical="ACME", aliases=("ACME & SONS",), sizes={"OS": "TU"}),))
    warehouse.reconcile()

    fact = warehouse.fact()
    assert (fact["customer"], fact["size"], fact["ordered_qty"], fact["packed_qty"]) == ("ACME", "TU", 10, 10)
    assert {row["rules_version"] for row in warehouse.rows("stg_packed_current")} == {warehouse.rules.version}
