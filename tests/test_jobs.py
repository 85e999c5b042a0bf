"""What the jobs promise: run twice, changed, shrunk, ruled otherwise, the published tables are what the sources say."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import yaml
from openpyxl.worksheet.worksheet import Worksheet

from tests.conftest import Project

pytestmark = pytest.mark.e2e

slow = pytest.mark.slow
HISTORY = ("first_seen_at", "updated_at", "changed_run_id", "load_id", "resolved_at", "rules_version")
"""Columns that tell when and by which reading, not what."""


def content(project: Project) -> dict[str, list[tuple[object, ...]]]:
    """What is published, without when and by which reading: a window's load differs from a whole view's."""
    tables = project.published(without=HISTORY)
    del tables["recon_load"]
    return tables


def sheet_of(path: Path) -> tuple[openpyxl.Workbook, Worksheet, dict[str, int], int]:
    """Open a workbook for editing: workbook, sheet, header → column number, header row."""
    book = openpyxl.load_workbook(path, keep_vba=path.suffix == ".xlsm")
    sheet = book["MASTER"]
    for row in sheet.iter_rows(max_row=20):
        headers = {str(cell.value).strip(): cell.column for cell in row if cell.value is not None}
        if "TOTAL QTY" in headers:
            return book, sheet, headers, row[0].row
    pytest.fail(f"{path} has no header")


def plain_workbook(project: Project) -> tuple[Path, str]:
    """Find a workbook that counts, has no copy, and whose customer is not in the WMS view: its path, and its source."""
    sources = project.rows(
        """SELECT source FROM recon_load AS l WHERE stream = 'order_list_rows' AND status = 'counts'
           AND source LIKE '%.xlsx'
           AND NOT EXISTS (SELECT 1 FROM recon_load AS copy WHERE copy.superseded_by = l.source)
           AND NOT EXISTS (SELECT 1 FROM stg_orders AS o JOIN stg_orders_wms AS w ON w.customer = o.customer
                           WHERE o.source = l.source)
           ORDER BY staged_qty DESC"""
    )
    source = str(sources[0][0])
    return project.order_lists / source, source


def a_line(project: Project, source: str) -> tuple[str, int, str, int]:
    """One plain order line of a workbook: id, row number, size as found, quantity."""
    (line,) = project.rows(
        """SELECT order_line_id, row_number, size_source, ordered_qty FROM stg_orders
           WHERE source = ? AND cancelled = 0 AND ordered_qty > 3
           AND size_source IN (SELECT size_source FROM stg_orders WHERE length(size_source) <= 2)
           ORDER BY row_number DESC LIMIT 1""",
        source,
    )
    return line  # type: ignore[return-value]


def test_the_books_balance_and_the_report_is_written(project: Project) -> None:
    current = project.rows(
        """SELECT (SELECT sum(ordered_qty) FROM stg_orders), (SELECT sum(qty) FROM stg_packed_current),
                  (SELECT sum(qty) FROM stg_shipped_current)"""
    )
    facts = project.rows(
        "SELECT sum(ordered_qty + cancelled_qty), sum(packed_qty), sum(shipped_qty) FROM fact_order_recon"
    )
    assert facts == current
    assert all(isinstance(total, int) and total > 0 for total in facts[0])
    assert project.value("SELECT status FROM audit_run ORDER BY run_id DESC LIMIT 1") == "succeeded"
    book = openpyxl.load_workbook(project.report, read_only=True)
    assert book.sheetnames[0] == "SUMMARY"
    book.close()


def test_a_second_full_sync_changes_no_fact_row_by_whichever_carrier(project: Project) -> None:
    facts, all_tables = project.rows("SELECT * FROM fact_order_recon ORDER BY recon_id"), content(project)
    project.batches.rmdir()  # the first came by files: their folder is there, and empty
    by_record = Project(project.home, by_file=False)
    by_record.run("full-sync")
    assert not project.batches.exists()
    assert project.rows("SELECT * FROM fact_order_recon ORDER BY recon_id") == facts
    assert content(project) == all_tables


@slow
@pytest.mark.parametrize("job", ["full-sync", "incremental-sync"])
def test_a_removed_workbook_takes_its_rows_along(project: Project, job: str) -> None:
    path, source = plain_workbook(project)
    ordered = project.value("SELECT sum(ordered_qty) FROM stg_orders")
    its_own = project.value("SELECT sum(ordered_qty) FROM stg_orders WHERE source = ?", source)
    path.unlink()
    project.run(job)
    assert project.value("SELECT count(*) FROM stg_orders WHERE source = ?", source) == 0
    assert project.value("SELECT sum(ordered_qty) FROM stg_orders") == ordered - its_own


def test_an_incremental_sync_reads_what_changed_and_nothing_else(
    project: Project, edit_wms: Callable[..., int]
) -> None:
    """One workbook edited, cartons corrected and gone: one file is read, the tables are what the sources say now."""
    path, source = plain_workbook(project)
    line, row, size, quantity = a_line(project, source)
    book, sheet, headers, header_row = sheet_of(path)
    deleted = next(
        number
        for number in range(header_row + 1, row)
        if project.rows("SELECT 1 FROM stg_orders WHERE source = ? AND row_number = ?", source, number)
    )
    lost = project.value("SELECT sum(ordered_qty) FROM stg_orders WHERE source = ? AND row_number = ?", source, deleted)
    sheet.cell(row, headers[size]).value = quantity + 7
    sheet.delete_rows(deleted)
    book.save(path)
    (gone,) = project.rows(
        "SELECT carton_id FROM stg_shipped_current GROUP BY carton_id HAVING min(shipped_on) >= date('2026-02-20') "
        "ORDER BY max(shipped_on) DESC, carton_id LIMIT 1"
    )
    (corrected,) = project.rows(
        "SELECT carton_id, sum(qty), count(*) FROM stg_packed_current WHERE qty > 0 GROUP BY carton_id "
        "HAVING count(*) = 1 AND sum(qty_source) = sum(qty) ORDER BY carton_id LIMIT 1"
    )
    tables = dict(_base_tables(project.wms))
    assert edit_wms(f"DELETE FROM {tables['shipped']} WHERE carton_id = ?", gone[0]) > 0  # noqa: S608
    assert edit_wms(f"UPDATE {tables['packed']} SET qty = qty + 5 WHERE carton_id = ?", corrected[0]) == 1  # noqa: S608
    ordered = project.value("SELECT sum(ordered_qty) FROM stg_orders")
    files = project.value("SELECT count(*) FROM loads WHERE kind = 'file'")

    project.run("incremental-sync")

    assert project.value("SELECT count(*) FROM loads WHERE kind = 'file'") == files + 1
    assert project.rows("SELECT ordered_qty FROM stg_orders WHERE order_line_id = ?", line) == [(quantity + 7,)]
    assert project.value("SELECT sum(ordered_qty) FROM stg_orders") == ordered + 7 - lost
    assert project.rows("SELECT 1 FROM stg_shipped_current WHERE carton_id = ?", gone[0]) == []
    after = project.rows("SELECT sum(qty), count(*) FROM stg_packed_current WHERE carton_id = ?", corrected[0])
    assert after == [(corrected[1] + 5, 1)]

    incremental = content(project)
    loads, written = project.value("SELECT count(*) FROM loads"), project.report.stat().st_mtime_ns
    project.run("incremental-sync")
    assert project.value("SELECT count(*) FROM loads") == loads, "nothing changed, nothing is loaded"
    assert content(project) == incremental
    ((status, reason),) = project.rows("SELECT status, reason FROM audit_run ORDER BY run_id DESC LIMIT 1")
    assert (status, reason.startswith("nothing new since run")) == ("succeeded", True)
    assert project.report.stat().st_mtime_ns == written, "nothing changed, nothing is written"
    project.run("full-sync")
    assert content(project) == incremental, "incremental equals full"


def _base_tables(wms: Path) -> list[tuple[str, str]]:
    """Which base table each view reads."""
    with sqlite3.connect(wms) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    return [(kind, next(name for name in names if kind in name)) for kind in ("packed", "shipped")]


@slow
def test_a_bad_workbook_keeps_its_last_good_reading_marked_stale(project: Project) -> None:
    path, source = plain_workbook(project)
    before = project.rows("SELECT * FROM fact_order_recon ORDER BY recon_id")
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    project.run("incremental-sync")
    assert project.rows("SELECT * FROM fact_order_recon ORDER BY recon_id") == before
    ((reason,),) = project.rows("SELECT stale_reason FROM recon_load WHERE source = ?", source)
    assert reason
    path.write_bytes(good)
    project.run("incremental-sync")
    assert project.rows("SELECT stale_reason FROM recon_load WHERE source = ?", source) == [(None,)]


def test_after_a_new_alias_reconcile_equals_full_sync_row_for_row(project: Project) -> None:
    known = {c["canonical"] for c in yaml.safe_load((project.rules / "customers.yml").read_text())["customers"]}
    customers = [str(row[0]) for row in project.rows("SELECT DISTINCT customer FROM stg_shipped_current ORDER BY 1")]
    stranger = next(name for name in customers if name not in {k.upper() for k in known})
    rules = yaml.safe_load((project.rules / "customers.yml").read_text())
    rules["customers"][0].setdefault("aliases", []).append(stranger)
    (project.rules / "customers.yml").write_text(yaml.safe_dump(rules, allow_unicode=True))

    project.run("reconcile")
    reconciled = content(project)
    assert project.rows("SELECT 1 FROM fact_order_recon WHERE customer = ?", stranger) == []
    project.run("full-sync")
    assert content(project) == reconciled


def test_a_tampered_warehouse_publishes_nothing_and_fails(project: Project) -> None:
    with sqlite3.connect(project.warehouse) as connection:
        connection.execute("UPDATE load_counts SET qty = qty + 1 WHERE measure = 'read' AND \"table\" = 'shipped'")
    connection.close()
    before = project.published()
    assert project.meltano("run", "reconcile") != 0
    assert "shipped" in project.log
    assert project.published() == before
    assert project.value("SELECT status FROM audit_run ORDER BY run_id DESC LIMIT 1") == "failed"


@slow
def test_an_emptied_folder_stops_before_anything_is_published(project: Project) -> None:
    before = project.published()
    shutil.rmtree(project.order_lists)
    project.order_lists.mkdir()
    assert project.meltano("run", "full-sync") != 0
    assert project.published() == before


def test_a_rule_file_with_a_mistake_is_refused_with_file_and_line(project: Project) -> None:
    before = project.published()
    rules = project.rules / "customers.yml"
    rules.write_text(rules.read_text() + "\n  - canonical: NEW ONE\n    aliasses: [TYPO]\n")
    line = rules.read_text().splitlines().index("    aliasses: [TYPO]") + 1
    assert project.meltano("run", "reconcile") != 0
    assert f"customers.yml:{line}" in project.log
    assert project.published() == before


@slow
def test_a_second_run_meanwhile_is_turned_away(project: Project) -> None:
    first = project.start("run", "full-sync")
    try:
        while project.value("SELECT count(*) FROM audit_run WHERE status = 'running'") == 0:
            assert first.poll() is None, project.log
        second = Project(project.home)
        code = second.meltano("invoke", "recon", "begin")
        assert code == 75
    finally:
        assert first.wait(timeout=240) == 0
