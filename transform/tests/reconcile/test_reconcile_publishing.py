"""What a run writes: only what changed, all of it or nothing."""

from __future__ import annotations

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from order_rules import ids, tables
from order_rules.config import Customer
from recon import frames
from recon import reconcile as reconciliation
from recon.publish import publish
from recon.warehouse import runs


def order(qty, po="1234", customer="ACME", **more):
    return (customer, po, "AB1234", "NAVY", "M", qty, more)


def carton(qty, carton_id="C1", po="1234", customer="AC-WMS", **more):
    return (customer, po, "AB1234", "NAVY", "M", qty, {"carton_id": carton_id, **more})


@pytest.fixture(scope="module")
def rules(rules_of):
    return rules_of(matching={"max_quarantine_pct": 60})


@pytest.fixture
def warehouse(build, rules):
    return build(rules)


def without_the_runs_own(published):
    return {name: rows for name, rows in published.items() if name != "recon_customer_run"}


def fill(warehouse):
    warehouse.workbook("ACME.xlsx", [order(100), order(50, po="5678")])
    warehouse.packed([carton(40), carton(5, "C2", po="NONE")], quarantined=[("negative_quantity", 1, -3)])
    warehouse.shipped([carton(30, "C3"), carton(20, "C4", po="9999")])


@pytest.fixture(scope="module")
def once_reconciled(build, rules):
    warehouse = build(rules)
    fill(warehouse)
    warehouse.reconcile()
    return warehouse


def test_a_second_run_changes_nothing_not_even_a_time(reconciled):
    before = reconciled.published()

    outcome = reconciled.reconcile()

    assert not any(outcome.changes.values())
    assert without_the_runs_own(reconciled.published()) == without_the_runs_own(before)
    own = [{k: v for k, v in row.items() if k != "run_id"} for row in reconciled.rows("recon_customer_run")]
    assert own[: len(own) // 2] == own[len(own) // 2 :]


def test_only_the_fact_that_changed_is_written_and_keeps_when_it_was_first_seen(reconciled):
    facts = tables.fact_order_recon
    long_ago = pd.Timestamp("2020-01-01").to_pydatetime()
    reconciled.write(sa.update(facts).values(first_seen_at=long_ago, updated_at=long_ago))
    before = {row["recon_id"]: row for row in reconciled.rows("fact_order_recon")}
    reconciled.shipped([carton(30, "C3"), carton(21, "C5", po="5678"), carton(1, "C6", customer="BOLT")])

    run = reconciled.run()
    changes = reconciled.reconcile(run=run).changes["fact_order_recon"]

    after = {row["recon_id"]: row for row in reconciled.rows("fact_order_recon")}
    changed = reconciled.fact(customer_po="5678")
    assert (changed["shipped_qty"], changed["changed_run_id"], changed["first_seen_at"]) == (21, run.run_id, long_ago)
    assert changed["updated_at"] > long_ago
    assert reconciled.fact(customer="BOLT")["first_seen_at"] > long_ago
    assert [row for row in before.values() if row["customer_po"] == "9999"]
    assert "9999" not in {row["customer_po"] for row in after.values()}  # it vanished from the view
    assert (changes.inserted, changes.updated, changes.deleted) == (1, 1, 1)
    untouched = [row for row in after.values() if row["updated_at"] == long_ago]
    assert {row["customer_po"] for row in untouched} == {"1234", None}


def test_a_quarantined_value_keeps_its_first_day_is_resolved_when_read_without_and_open_when_it_returns(warehouse):
    def reading(*quarantined):
        warehouse.workbook("ACME.xlsx", [order(10)] * 9, quarantined=quarantined)
        warehouse.reconcile()
        return {row["reason_code"]: row for row in warehouse.rows("quarantine")}

    first = reading(("unreadable_quantity", 1, 0))["unreadable_quantity"]
    assert first["resolved_at"] is None
    assert reading(("unreadable_quantity", 1, 0))["unreadable_quantity"]["first_seen_at"] == first["first_seen_at"]
    resolved = reading()["unreadable_quantity"]
    assert resolved["resolved_at"] is not None
    warehouse.reconcile()
    assert warehouse.rows("quarantine") == [resolved]
    again = reading(("unreadable_quantity", 1, 0))["unreadable_quantity"]
    assert (again["first_seen_at"], again["resolved_at"]) == (first["first_seen_at"], None)


def test_a_deleted_workbook_takes_its_orders_with_it(warehouse):
    fill(warehouse)
    warehouse.workbook("BOLT.xlsx", [order(10, customer="BOLT")])
    assert warehouse.reconcile().ordered == 160
    warehouse.file("BOLT.xlsx", status="deleted")
    assert warehouse.reconcile(allow_shrink=True).ordered == 150
    assert warehouse.rows("fact_order_recon", customer="BOLT") == []


def test_a_workbook_that_could_not_be_read_still_counts_and_is_shown_stale(warehouse):
    fill(warehouse)
    warehouse.file("ACME.xlsx", status="failed", error="the file is encrypted")
    outcome = warehouse.reconcile()
    assert outcome.ordered == 150
    assert outcome.stale == (("ACME.xlsx", "the file is encrypted"),)
    (stale,) = [row for row in warehouse.rows("recon_load") if row["stale_reason"]]
    assert (stale["source"], stale["staged_qty"]) == ("ACME.xlsx", 150)


def test_the_customers_totals_of_a_run_add_up(reconciled):
    (acme,) = reconciled.rows("recon_customer_run")
    figures = {name: acme[name] for name in ("order_keys", "ordered_qty", "packed_qty", "shipped_qty")}
    assert figures == {"order_keys": 2, "ordered_qty": 150, "packed_qty": 45, "shipped_qty": 50}
    assert (acme["exact_qty"], acme["fuzzy_qty"], acme["unmatched_qty"]) == (70, 0, 25)


def once(step):
    """Let a step work its result out once and give it again."""
    results = []

    def remembered(*arguments, **named):
        if not results:
            results.append(step(*arguments, **named))
        return results[0]

    return remembered


class StruckError(Exception):
    """Stands for whatever ends a process: a lost connection, a full disk, a kill."""


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_a_fault_at_any_write_leaves_everything_as_it_was(reconciled, monkeypatch, step):
    fill(reconciled)  # superseding loads, so that the sweep has work to do as well
    reconciled.shipped([carton(31, "C3"), carton(1, "C7", customer="BOLT")])
    reconciled.workbook("ACME.xlsx", [order(101), order(7, po="777")])
    before, staged = reconciled.published(), reconciled.rows("stg_orders_sharepoint")
    writes, strike_at = 0, 10**9

    def count(_connection, _cursor, statement, *_more):
        nonlocal writes
        if statement.split(None, 1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            writes += 1
            if writes == strike_at:
                raise StruckError

    # What is worked out before the first write is the same at every strike: it is worked out once.
    for name in ("decide_lines", "_settle"):
        monkeypatch.setattr(f"recon.reconcile.{name}", once(getattr(reconciliation, name)))
    run = reconciled.run()
    sa.event.listen(reconciled.engine, "before_cursor_execute", count)
    for strike_at in range(1, 100, step):
        writes = 0
        try:
            reconciled.reconcile(run=run, allow_shrink=True)
        except StruckError:
            assert reconciled.published() == before, f"write {strike_at}"
            assert reconciled.rows("stg_orders_sharepoint") == staged
            assert reconciled.rows("audit_run", run_id=run.run_id)[0]["status"] == "running"
        else:
            break
    assert strike_at > 15
    assert reconciled.fact(customer_po="777")["ordered_qty"] == 7
    assert reconciled.rows("audit_run", run_id=run.run_id)[0]["status"] == "succeeded"


def test_a_run_that_lost_its_lease_publishes_nothing(warehouse):
    fill(warehouse)
    run = warehouse.run()
    runs.close_by_hand(warehouse.engine, run.run_id, "somebody")
    with pytest.raises(runs.Busy):
        warehouse.reconcile(run=run)
    assert warehouse.rows("fact_order_recon") == []


def test_a_decision_links_a_stranger_and_stays_after_a_rule_changes_its_ids(warehouse, rules_of):
    warehouse.workbook("ACME.xlsx", [order(10)])
    warehouse.packed([carton(10, po="WHO KNOWS"), carton(3, "C2")])
    warehouse.reconcile()
    stranger, (ordered,) = warehouse.match(fulfil_customer_po="WHO KNOWS"), warehouse.rows("stg_orders")
    five = ("customer", "customer_po", "style", "color", "size")
    override = {
        "fulfil_key_id": stranger["fulfil_key_id"],
        "order_key_id": ordered["order_key_id"],
        **{f"fulfil_{name}": stranger[f"fulfil_{name}"] for name in five},
        **{f"order_{name}": ordered[name] for name in five},
        "decision": "LINK",
        "decided_by": "a planner",
        "decided_at": pd.Timestamp("2026-05-05").to_pydatetime(),
    }
    warehouse.write(tables.recon_override.insert(), override)

    warehouse.reconcile()
    match = warehouse.match(fulfil_customer_po="WHO KNOWS")
    assert (match["match_rule"], match["review_status"], match["decided_by"]) == ("override", "ACCEPTED", "override")
    assert warehouse.fact()["packed_qty"] == 13

    renamed = Customer(canonical="ACME WORLD", aliases=("ACME",), source_names={"packed": "AC-WMS"})
    warehouse.rules = rules_of(customers=[renamed], without=["ACME"])
    warehouse.reconcile()
    match = warehouse.match(fulfil_customer_po="WHO KNOWS")
    assert (match["fulfil_customer"], match["match_rule"]) == ("ACME WORLD", "override")
    assert match["fulfil_key_id"] != stranger["fulfil_key_id"]

    warehouse.write(sa.update(tables.recon_override).values(decision="REJECT", order_key_id=None))
    warehouse.reconcile()
    match = warehouse.match(fulfil_customer_po="WHO KNOWS")
    assert (match["match_type"], match["review_status"], match["order_key_id"]) == ("NO_MATCH", "REJECTED", None)

    warehouse.write(
        sa.update(tables.recon_override).values(
            decision="LINK", order_key_id=ids.order_key_id(None, None, None, None, None), order_style="GONE"
        )
    )
    warehouse.reconcile()
    match = warehouse.match(fulfil_customer_po="WHO KNOWS")
    assert (match["match_type"], match["review_status"]) == ("NO_MATCH", "PENDING")


THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("a", sa.Unicode(9), primary_key=True),
    sa.Column("b", sa.Unicode(9), primary_key=True),
    sa.Column("text", sa.Unicode(9)),
    sa.Column("number", sa.BigInteger()),
    sa.Column("share", sa.Numeric(9, 4, asdecimal=False)),
    sa.Column("on", sa.Date()),
    sa.Column("at", sa.DateTime()),
    sa.Column("flag", sa.Boolean()),
)
names = st.sampled_from(["x", "y", "z"])
things = st.dictionaries(
    st.tuples(names, names),
    st.tuples(
        st.sampled_from(["é", "", "a'b", None]),
        st.none() | st.integers(-(2**40), 2**40),
        st.none() | st.integers(0, 99).map(lambda n: n / 8),
        st.none() | st.dates(),
        st.none() | st.datetimes(),
        st.none() | st.booleans(),
    ),
    max_size=5,
)


def as_frame(content):
    rows = [(*key, *values) for key, values in content.items()]
    frame = pd.DataFrame(rows, columns=[column.name for column in THINGS.c], dtype=object)
    kinds = {"number": "Int64", "share": "float64", "on": "datetime64[us]", "at": "datetime64[us]", "flag": "boolean"}
    return frame.astype({"a": "str", "b": "str", "text": "str"} | kinds)


VALUES = ("text", "number", "share", "on", "at", "flag")


@settings(max_examples=settings.default.max_examples // 2)
@given(
    before=things,
    after=things,
    keep=st.sampled_from([(), ("at",), ("text", "at")]),
    those=st.sampled_from([None, {"x", "z"}, {"nobody"}]),
    fetched=st.integers(1, 6),
)
def test_publishing_makes_the_table_hold_exactly_what_is_wanted_and_counts_what_it_wrote(
    before, after, keep, those, fetched
):
    after = {key: row for key, row in after.items() if those is None or key[1] in those}
    how = {"compare": [name for name in VALUES if name not in keep], "keep": keep, "within": those and ("b", those)}
    engine = sa.create_engine("sqlite://")
    THINGS.metadata.create_all(engine)
    with engine.begin() as connection, pytest.MonkeyPatch.context() as patched:
        patched.setattr(frames, "FETCH_ROWS", fetched)
        publish(connection, THINGS, as_frame(before))
        change = publish(connection, THINGS, as_frame(after), **how)
        again = publish(connection, THINGS, as_frame(after), **how)
        rows = connection.execute(sa.select(THINGS)).all()

    compared = {key: row for key, row in before.items() if those is None or key[1] in those}
    both = compared.keys() & after.keys()
    changed = {key for key in both if values_of(after[key], how["compare"]) != values_of(before[key], how["compare"])}
    wanted = before | after | {key: before[key] for key in both - changed}
    for key in compared.keys() - after.keys():
        del wanted[key]
    for key in changed:
        kept = dict(zip(VALUES, before[key], strict=True))
        wanted[key] = tuple(
            kept[name] if name in keep else value for name, value in zip(VALUES, after[key], strict=True)
        )
    assert {(row[0], row[1]): tuple(row[2:]) for row in rows} == wanted
    assert change.inserted == len(after.keys() - before.keys())
    assert change.deleted == len(compared.keys() - after.keys())
    assert change.updated == len(changed)
    assert not again


def values_of(row, names):
    return [value for name, value in zip(VALUES, row, strict=True) if name in names]
