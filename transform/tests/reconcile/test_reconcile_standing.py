"""Published rows of loads that stand as they are: neither read again nor compared, and yet never wrong for long."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from order_rules import tables
from recon import beside, current
from recon.engines import How
from recon.standing import read_standing
from recon.warehouse.engine import WarehouseError, connect

CARTONS = tables.stg_shipped_current


def order(qty, po="1234", **more):
    return ("ACME", po, "AB1234", "NAVY", "M", qty, more)


def carton(qty, carton_id="C1", po="1234", **more):
    return ("AC-WMS", po, "AB1234", "NAVY", "M", qty, {"carton_id": carton_id, "sku": "K1", **more})


@pytest.fixture(scope="module")
def once_reconciled(build):
    warehouse = build()
    warehouse.workbook("a.xlsx", [order(10)])
    warehouse.workbook("b.xlsx", [order(20, po="5678")])
    warehouse.packed([carton(4)])
    warehouse.shipped([carton(6, "C2"), carton(3, "C3", po="5678")])
    warehouse.reconcile()
    return warehouse


@pytest.fixture
def compared(monkeypatch):
    """How many published rows were read to be compared, by table."""
    rows = {}

    def read(reader, table_name, load_ids):
        found = read_current(reader, table_name, load_ids)
        rows[table_name] = len(found)
        return found

    read_current = current.read_current
    monkeypatch.setattr(current, "read_current", read)
    return rows


def test_only_rows_of_a_load_that_changed_are_compared(reconciled, compared):
    reconciled.workbook("b.xlsx", [order(25, po="5678")])

    assert reconciled.reconcile().ordered == 35

    assert compared == {"stg_orders": 1, "stg_packed_current": 0, "stg_shipped_current": 0}


def test_a_carton_that_is_shipped_takes_its_units_off_rows_of_a_load_that_did_not_change(reconciled):
    reconciled.shipped([carton(6, "C2"), carton(3, "C3", po="5678"), carton(1, "C1")])

    outcome = reconciled.reconcile()

    assert (outcome.packed, outcome.shipped) == (3, 10)
    assert [(row["qty"], row["qty_source"]) for row in reconciled.rows("stg_packed_current")] == [(3, 4)]


@pytest.mark.parametrize(
    "by_hand",
    [sa.delete(CARTONS).where(CARTONS.c.qty == 3), sa.update(CARTONS).where(CARTONS.c.qty == 3).values(qty=4)],
    ids=["a row deleted", "a quantity altered"],
)
def test_units_altered_by_hand_are_put_right_by_the_next_run(reconciled, by_hand):
    before = reconciled.rows("stg_shipped_current")
    reconciled.write(by_hand)
    reconciled.workbook("a.xlsx", [order(11)])

    reconciled.reconcile()

    assert reconciled.rows("stg_shipped_current") == before


@pytest.mark.parametrize(
    "how",
    [{"how": How(rematch=True)}, {"today": date(2026, 6, 2)}],
    ids=["where all is asked for", "on the next day"],
)
def test_a_key_altered_by_hand_is_put_right(reconciled, how):
    before = reconciled.rows("stg_shipped_current")
    reconciled.write(sa.update(CARTONS).values(fulfil_key_id="0" * 32))

    reconciled.reconcile(**how)

    assert reconciled.rows("stg_shipped_current") == before


def test_rows_of_a_load_that_no_longer_counts_go(reconciled):
    newer = reconciled.shipped([carton(3, "C3", po="5678")])

    assert reconciled.reconcile(allow_shrink=True).shipped == 3

    assert [(row["load_id"], row["qty"]) for row in reconciled.rows("stg_shipped_current")] == [(newer, 3)]


def test_every_load_that_counts_has_a_hash_of_its_rows(reconciled):
    hashes = {row["source"]: row["rows_hash"] for row in reconciled.rows("recon_load")}

    assert len(set(hashes.values())) == len(hashes) == 4
    assert None not in hashes.values()


def test_what_could_not_be_held_says_so_when_it_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "BESIDE_ROWS", 0)
    engine = connect(f"sqlite:///{tmp_path / 'empty.db'}")

    with (
        engine.connect() as connection,
        beside.beside(connection, rows=1, processes=2) as others,
        pytest.raises(WarehouseError, match="no such table: recon_load"),
    ):
        others.hold(read_standing).ask(repr)()
