"""What is done otherwise where rows are many gives the same tables: reading beside, indexes built last."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from order_rules import tables
from recon import beside, publish, reconcile, results, side_file
from recon.engines import EngineError, How
from recon.warehouse.engine import WarehouseError

STAMPS = {"first_seen_at", "updated_at", "changed_run_id", "run_id"}


def order(qty, po="1234", **more):
    return ("ACME", po, "AB1234", "NAVY", "M", qty, more)


def carton(qty, carton_id="C1", po="1234", **more):
    return ("AC-WMS", po, "AB1234", "NAVY", "M", qty, {"carton_id": carton_id, "sku": "K1", **more})


def fill(warehouse):
    warehouse.workbook("a.xlsx", [order(10), order(20, po="5678")])
    warehouse.packed([carton(4), carton(5, carton_id="C2", po="5678")])
    warehouse.shipped([carton(6, carton_id="C3"), carton(3, carton_id="C2", po="5678")])
    return warehouse


def content(warehouse):
    return {
        name: sorted(repr({key: value for key, value in row.items() if key not in STAMPS}) for row in rows)
        for name, rows in warehouse.published().items()
    }


def index_names(warehouse):
    found = sa.inspect(warehouse.engine)
    return {index["name"] for table in tables.PUBLISHED for index in found.get_indexes(table.name)}


@pytest.fixture
def on_disk(build, tmp_path):
    return fill(build(url=f"sqlite:///{tmp_path / 'warehouse.db'}"))


def test_shipped_rows_read_by_another_process_are_the_same_rows(on_disk, warehouse, monkeypatch):
    monkeypatch.setattr(beside, "BESIDE_ROWS", 0)

    outcome = on_disk.reconcile(how=How(processes=2))

    assert (outcome.packed, outcome.shipped) == (6, 9)
    assert outcome.excluded["shipped_since"].qty == 3
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]
    fill(warehouse).reconcile()
    assert content(on_disk) == content(warehouse)


def test_one_process_reads_everything_itself(warehouse, monkeypatch):
    monkeypatch.setattr(beside, "BESIDE_ROWS", 0)

    assert fill(warehouse).reconcile(how=How(processes=1)).shipped == 9  # in memory: no other process could see it


def test_a_reading_process_that_fails_publishes_nothing(on_disk, monkeypatch):
    monkeypatch.setattr(beside, "BESIDE_ROWS", 0)
    monkeypatch.setattr(beside, "_read", _killed)

    with pytest.raises(EngineError, match="--workers 1"):
        on_disk.reconcile(how=How(processes=2))

    assert on_disk.rows("fact_order_recon") == []


def _killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_indexes_that_are_built_last_are_all_there(on_disk, warehouse, monkeypatch):
    before = index_names(on_disk)
    monkeypatch.setattr(publish, "MANY_ROWS", 1)

    on_disk.reconcile()

    assert index_names(on_disk) == before
    assert {"ix_fact_order_recon_order_key_id", "ix_stg_orders_order_key_id"} <= before
    fill(warehouse).reconcile()
    assert content(on_disk) == content(warehouse)


def test_an_empty_warehouse_is_filled_without_the_log_which_is_there_again_afterwards(on_disk, monkeypatch):
    monkeypatch.setattr(reconcile, "FILL_ROWS", 0)
    seen = []
    publish = reconcile.publish_links
    monkeypatch.setattr(
        reconcile, "publish_links", lambda *them, **how: seen.append(journal(them[0])) or publish(*them, **how)
    )

    assert on_disk.reconcile().shipped == 9
    on_disk.workbook("b.xlsx", [order(7, po="9012")])
    on_disk.reconcile()

    assert seen == ["delete", "wal"]
    with on_disk.engine.connect() as connection:
        assert journal(connection) == "wal"


@pytest.mark.parametrize(("side_rows", "processes"), [(1, 2), (1_000_000, 1)], ids=["by file", "by driver"])
def test_an_empty_warehouse_is_filled_with_what_would_be_compared(
    on_disk, warehouse, monkeypatch, side_rows, processes
):
    monkeypatch.setattr(reconcile, "FILL_ROWS", 0)
    monkeypatch.setattr(beside, "BESIDE_ROWS", 0)
    monkeypatch.setattr(side_file, "SIDE_ROWS", side_rows)
    monkeypatch.setattr(publish, "publish", compares_only({"recon_load", "quarantine"}))
    monkeypatch.setattr(results, "publish", publish.publish)

    filled = on_disk.reconcile(how=How(processes=processes))

    monkeypatch.undo()
    assert filled.changes["stg_shipped_current"].inserted == 2
    compared = fill(warehouse).reconcile()
    assert content(on_disk) == content(warehouse)
    assert filled.changes == compared.changes
    assert not [path for path in Path(on_disk.engine.url.database).parent.iterdir() if "-side-" in path.name]


def compares_only(names):
    compare = publish.publish

    def publish_some(connection, table, *given, **more):
        assert table.name in names
        return compare(connection, table, *given, **more)

    return publish_some


def test_a_table_that_somebody_wrote_into_is_not_filled(on_disk, monkeypatch):
    monkeypatch.setattr(reconcile, "FILL_ROWS", 0)
    on_disk.reconcile()
    before = content(on_disk)
    on_disk.workbook("b.xlsx", [order(7, po="9012")])
    monkeypatch.setattr(reconcile, "_is_empty", lambda _: True)

    with pytest.raises(WarehouseError, match=r"wrote into stg_orders .* Run again\.$"):
        on_disk.reconcile()

    assert content(on_disk) == before


def test_order_lines_are_written_only_when_nobody_reads_any_more(on_disk, monkeypatch):
    """Whoever writes into an empty warehouse, without a log, locks the processes out that still read it."""
    monkeypatch.setattr(reconcile, "FILL_ROWS", 0)
    steps = []
    what_counts, fill_orders = reconcile.what_counts, reconcile.fill_orders

    def with_cartons(choice, counts, lines, told):
        steps.append(("cartons were told of", len(told.packed)))
        return what_counts(choice, counts, lines, told)

    monkeypatch.setattr(reconcile, "what_counts", with_cartons)
    monkeypatch.setattr(reconcile, "fill_orders", lambda *them: steps.append("written") or fill_orders(*them))

    on_disk.reconcile()

    assert steps == [("cartons were told of", 1), "written"]


def journal(connection):
    return connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
