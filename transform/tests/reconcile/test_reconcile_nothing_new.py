"""A run with nothing new: it ends at once, what stands counts as its result, and whatever could change it is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from order_rules import tables
from order_rules.config import Customer
from recon import cli, nothing_new
from recon.loads import QUARANTINES, STAGED_QUANTITY
from recon.refusals import RunLost, Shrunk
from recon.warehouse import runs
from recon.warehouse.engine import writing

from .conftest import TODAY

ORDER = ("ACME", "1234", "AB1234", "NAVY", "M", 100)
CARTON = ("AC-WMS", "1234", "AB1234", "NAVY", "M", 40, {"carton_id": "C1"})
DECISION = {
    "fulfil_key_id": "f" * 32,
    "order_key_id": None,
    "decision": "REJECT",
    "decided_by": "ann",
    "decided_at": TODAY,
}


def fill(warehouse):
    warehouse.workbook("ACME.xlsx", [ORDER])
    warehouse.packed([CARTON])


@pytest.fixture(scope="module")
def once_reconciled(build):
    warehouse = build()
    fill(warehouse)
    warehouse.reconcile()
    return warehouse


def standing(warehouse, *, today=TODAY, accept=()):
    with warehouse.engine.begin() as connection:
        return nothing_new.standing_run(connection, warehouse.rules, today=today, accept=accept)


def end_as_before(warehouse, run=None):
    run = run or warehouse.run()
    with writing(warehouse.engine) as connection:
        found = nothing_new.standing_run(connection, warehouse.rules, today=TODAY, accept=())
        assert found is not None
        return nothing_new.close_as(connection, run, found)


def own_rows(warehouse, table, run_id):
    return [{k: v for k, v in row.items() if k != "run_id"} for row in warehouse.rows(table, run_id=run_id)]


def test_without_a_run_nothing_stands(warehouse):
    fill(warehouse)

    assert standing(warehouse) is None


def test_a_run_from_before_this_was_kept_does_not_stand(reconciled):
    reconciled.write(sa.update(tables.audit_run).values(input_hash=None))

    assert standing(reconciled) is None


def test_what_was_published_stands_though_the_run_itself_swept_loads_and_workbooks_are_seen_again(warehouse):
    for _ in range(6):  # more readings than are kept
        fill(warehouse)
    outcome = warehouse.reconcile()
    warehouse.file("ACME.xlsx")

    assert outcome.swept
    assert standing(warehouse) == outcome.run_id


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda w: w.workbook("ACME.xlsx", [ORDER]), id="a workbook read anew"),
        pytest.param(lambda w: w.workbook("ACME.xlsx", [ORDER], whole=False, listed=False), id="a reading broke off"),
        pytest.param(lambda w: w.packed([CARTON]), id="a view read anew"),
        pytest.param(lambda w: w.shipped([CARTON], whole=False), id="a view's first reading broke off"),
        pytest.param(lambda w: w.file("ACME.xlsx", status="deleted"), id="a workbook was deleted"),
        pytest.param(lambda w: w.file("ACME.xlsx", status="failed", error="no sheet"), id="a workbook failed"),
        pytest.param(lambda w: w.listing(0), id="a listing"),
        pytest.param(lambda w: w.write(sa.insert(tables.recon_override), DECISION), id="a decision"),
        pytest.param(
            lambda w: w.write(sa.insert(tables.recon_ruled_out), DECISION | {"order_key_id": "0" * 32}),
            id="an order ruled out",
        ),
        pytest.param(lambda w: w.write(sa.delete(tables.load_counts)), id="counts of a load are gone"),
    ],
)
def test_whatever_could_change_the_result_is_seen(reconciled, change):
    change(reconciled)

    assert standing(reconciled) is None


def test_every_table_that_recon_reads_by_load_is_looked_at():
    assert set(nothing_new.LOADED) == {*STAGED_QUANTITY, *QUARANTINES}


def test_another_day_and_another_acceptance_are_seen(reconciled):
    assert standing(reconciled, today=TODAY + timedelta(days=1)) is None
    assert standing(reconciled, accept={"ACME.xlsx"}) is None


@pytest.mark.parametrize(
    "rules",
    [{"matching": {"grace_days": 9}}, {"customers": [Customer(canonical="ZED")]}],
    ids=["of matching", "of customers"],
)
def test_another_rule_is_seen(reconciled, rules_of, rules):
    reconciled.rules = rules_of(**rules)

    assert standing(reconciled) is None


def test_another_version_of_the_program_is_seen(reconciled, monkeypatch):
    monkeypatch.setattr(nothing_new, "program_hash", lambda *_: "another")

    assert standing(reconciled) is None


def test_listings_that_saw_the_same_files_differ_only_by_their_own_record(warehouse):
    """A file that a listing did not see counts as gone, so that its being seen must be noticed."""
    fill(warehouse)
    warehouse.listing(1)
    warehouse.reconcile(allow_shrink=True)
    assert standing(warehouse) is not None

    warehouse.file("ACME.xlsx")

    assert standing(warehouse) is None


def test_a_run_with_nothing_new_has_the_figures_of_the_run_whose_results_stand(warehouse):
    fill(warehouse)
    first = warehouse.reconcile().run_id
    before = warehouse.published()

    ended = [end_as_before(warehouse) for _ in range(2)]

    assert ended == [first, first]
    own = "recon_customer_run"
    assert {k: v for k, v in warehouse.published().items() if k != own} == {k: v for k, v in before.items() if k != own}
    *_, last = sorted(warehouse.rows("audit_run"), key=lambda row: row["run_id"])
    assert (last["status"], last["reason"]) == ("succeeded", f"nothing new since run {first}")
    assert last["published_run_id"] == first
    for table in ("audit_count", own):
        assert own_rows(warehouse, table, last["run_id"]) == own_rows(warehouse, table, first) != []


def test_the_next_run_with_something_new_builds_on_it(reconciled):
    end_as_before(reconciled)
    reconciled.workbook("ACME.xlsx", [])

    with pytest.raises(Shrunk):
        reconciled.reconcile()

    outcome = reconciled.reconcile(allow_shrink=True)
    (last,) = reconciled.rows("audit_run", run_id=outcome.run_id)
    assert last["published_run_id"] == outcome.run_id


def test_a_refused_run_leaves_what_stands(warehouse):
    fill(warehouse)
    published = warehouse.reconcile().run_id
    warehouse.workbook("ACME.xlsx", [])
    with pytest.raises(Shrunk):
        warehouse.reconcile()

    assert standing(warehouse) is None, "the emptied workbook is still there"
    warehouse.write(sa.delete(tables.loads).where(tables.loads.c.rows == 0))
    warehouse.write(
        sa.delete(tables.load_counts).where(tables.load_counts.c.load_id.not_in(sa.select(tables.loads.c.load_id)))
    )
    (file,) = warehouse.rows("source_files")
    (load,) = warehouse.rows("loads", stream="order_list_rows")
    warehouse.file("ACME.xlsx", load_id=load["load_id"], modified_at=load["started_at"])
    assert file["load_id"] != load["load_id"]

    assert standing(warehouse) == published


def test_a_run_that_was_closed_meanwhile_is_not_ended_as_a_success(reconciled):
    run = reconciled.run()
    reconciled.write(sa.update(tables.audit_run).where(tables.audit_run.c.run_id == run.run_id).values(status="failed"))

    with pytest.raises(RunLost):
        end_as_before(reconciled, run)

    assert own_rows(reconciled, "audit_count", run.run_id) == []


def test_a_run_that_lost_its_lease_is_not_ended_as_a_success(reconciled):
    run = reconciled.run()
    runs.close(reconciled.engine, run, "failed", "closed by hand")

    with pytest.raises(runs.Busy):
        end_as_before(reconciled, run)


def test_the_command_says_so_and_rematches_when_told(build, tmp_path, monkeypatch):
    warehouse = build(url=f"sqlite:///{tmp_path / 'warehouse.db'}")
    fill(warehouse)
    monkeypatch.setattr(cli, "_rules", lambda _settings: warehouse.rules)
    monkeypatch.setattr("recon.settings.open_warehouse", lambda _settings: warehouse.engine)
    monkeypatch.setattr("recon.warehouse.version.require_version", lambda _engine: None)
    call = ["reconcile", "--today", f"{TODAY:%Y-%m-%d}"]

    first, second, third = (CliRunner().invoke(cli.main, [*call, *more]) for more in ((), (), ("--rematch",)))

    (published, repeated, rematched) = sorted(warehouse.rows("audit_run"), key=lambda row: row["run_id"])
    assert "published 1 order lines" in first.output
    assert f"nothing is new since run {published['run_id']}" in second.output
    assert repeated["published_run_id"] == published["run_id"]
    assert "published 1 order lines" in third.output
    assert rematched["published_run_id"] == rematched["run_id"]
