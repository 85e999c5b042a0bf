"""SUMMARY and SCORECARD: the verdict, the headline figures, the books, the worst, and what happened to the run."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

Report = Callable[..., Any]
TableOf = Callable[[Worksheet], list[dict[str, Any]]]
MONDAY = datetime(2026, 3, 16, 4, 0)


def texts(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]


def right_of(sheet: Worksheet, label: str) -> list[Any]:
    """Give the values that stand right of a label, in its row."""
    for row in sheet.iter_rows():
        values = [cell.value for cell in row]
        if label in values:
            return [value for value in values[values.index(label) + 1 :] if value is not None]
    pytest.fail(f"no {label!r}")


def below(sheet: Worksheet, label: str) -> Any:
    """Give the value right under a label."""
    return next(sheet.cell(c.row + 1, c.column).value for row in sheet.iter_rows() for c in row if c.value == label)


@pytest.fixture
def three(warehouse: Any) -> Any:
    """Three customers whose every figure is known."""
    warehouse.run()
    due, later = date(2026, 3, 6), date(2026, 4, 6)
    alpha = ("ACME SPORTSWEAR", "1", "A", "NAVY")
    warehouse.order(*alpha, "S", ordered=100, shipped=100, status="COMPLETE", flag="GOOD", due=due)
    warehouse.order(*alpha, "M", ordered=200, packed=50, status="OPEN", due=later)
    warehouse.order(*alpha, "L", ordered=100, shipped=60, cancelled=30, status="UNDER", flag="POOR", due=due)
    fuzzy = {"match": "FUZZY", "rule": "fuzzy", "score": 92.0, "carton_po": "2-1"}
    warehouse.order(
        "BIRCHLINE", "2", "B", None, "S", ordered=80, shipped=80, status="COMPLETE", flag="ACCEPTABLE", **fuzzy
    )
    warehouse.order("BIRCHLINE", "3", "B", None, "M", ordered=40, status="UNFULFILLED", due=due)
    warehouse.order("BIRCHLINE", "4", "B", None, "L", ordered=50, shipped=60, status="OVER", flag="POOR", due=due)
    warehouse.stranger("COPPER & OAK", "9", "C", None, "S", packed=20)
    warehouse.source("a.xlsx")
    warehouse.source("b.xlsx", stale="Zero bytes.", read_at=MONDAY - timedelta(days=4))
    warehouse.source("b copy.xlsx", superseded_by="b.xlsx")
    warehouse.source("wah.packed_products", stream="packed_products")
    warehouse.source("wah.packed_products", stream="packed_products")
    warehouse.source("wah.shipped", stream="shipped")
    return warehouse


def test_the_headline_figures_are_the_facts(three: Any, report: Report) -> None:
    three.balanced_books()
    sheet = report()["SUMMARY"]
    labels = ("ORDERED", "PACKED, WAITING", "SHIPPED", "OPEN, NOT DUE", "DUE AND MISSING", "TOO MANY OR NO ORDER")
    assert [below(sheet, label) for label in labels] == [570, 70, 300, 150, 80, 30]
    assert "In units. 30 more were cancelled. Waiting for a person: 6 on EXCEPTIONS, 0 on REVIEW, " in " ".join(
        texts(sheet)
    )


def test_balanced_books_are_said_large_and_green(three: Any, report: Report) -> None:
    three.balanced_books(superseded=400, quarantined=7)
    sheet = report()["SUMMARY"]
    (verdict,) = [cell for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("BALANCED")]
    assert verdict.font.size >= 16
    assert verdict.fill.start_color.rgb == "FF1B7F4B"
    assert right_of(sheet, "Ordered") == [1007, 1000, 400, 7, 600, 600, 0]
    assert right_of(sheet, "Packed") == [70, 70, 0, 0, 70, 70, 0]
    assert right_of(sheet, "Shipped") == [300, 300, 0, 0, 300, 300, 0]
    assert right_of(sheet, "superseded workbook") == ["Ordered", 9, 400]
    assert right_of(sheet, "zero") == ["Ordered", 3, 0]


def test_findings_that_changed_no_figure_are_counted_by_code(three: Any, report: Report) -> None:
    three.balanced_books()
    three.count("order_list_rows", "finding", 0, reason="total_qty_mismatch", rows=4)
    three.count("master_order_list", "finding", 0, reason="total_qty_mismatch", rows=3)
    three.count("stg_packed_current", "finding", 24, reason="shipped_in_part", rows=2)
    sheet = report()["SUMMARY"]
    assert right_of(sheet, "total qty mismatch") == [7, 0]
    assert right_of(sheet, "shipped in part") == [2, 24]


@pytest.mark.parametrize(
    ("unbalance", "said"),
    [
        (lambda made: made.count("shipped", "read", 12, reason="again"), "shipped by +12"),
        (
            lambda made: made.fact(recon_id="x", match_type="NO_MATCH", recon_status="NO_ORDER", packed_qty=5),
            "packed by -5",
        ),
    ],
)
def test_a_unit_that_is_unaccounted_for_is_said_large_and_red(
    three: Any, report: Report, unbalance: Callable[[Any], None], said: str
) -> None:
    three.balanced_books()
    unbalance(three)
    sheet = report()["SUMMARY"]
    (verdict,) = [cell for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("NOT BALANCED")]
    assert said in verdict.value
    assert verdict.fill.start_color.rgb == "FFB3261E"


@pytest.mark.usefixtures("three")
def test_a_run_without_counts_is_not_called_balanced(report: Report) -> None:
    assert any(text.startswith("NOT BALANCED: the run left no counts") for text in texts(report()["SUMMARY"]))


def test_passes_statuses_and_flags_are_counted_in_keys_and_units(three: Any, report: Report) -> None:
    three.balanced_books()
    sheet = report()["SUMMARY"]
    assert right_of(sheet, "exact") == ["EXACT", 4, 270, pytest.approx(270 / 370), "Left out", 1]
    assert right_of(sheet, "not linked")[:4] == ["NO MATCH", 1, 20, pytest.approx(20 / 370)]
    assert right_of(sheet, "COMPLETE") == [2, 180, 0, 180, 0, "GOOD", 1, 0.2]
    assert right_of(sheet, "ACCEPTABLE")[:2] == [1, pytest.approx(1 / 5)]
    assert right_of(sheet, "Workbooks") == [2]
    assert right_of(sheet, "Views") == [2]
    assert right_of(sheet, "Stale") == [1]
    assert "Stale: b.xlsx, last read 4 days ago. Zero bytes." in texts(sheet)


@pytest.mark.usefixtures("monday")
def test_the_worst_are_due_or_over_and_lead_to_their_rows(report: Report) -> None:
    book = report()
    sheet = book["SUMMARY"]
    links = [
        row[1]
        for row in sheet.iter_rows()
        if row[1].hyperlink is not None and "EXCEPTIONS" not in row[1].hyperlink.location
    ]
    assert len(links) == 10
    weights = []
    for cell in links:
        *_, what, ordered, packed, shipped, variance, days, weight = (c.value for c in sheet[cell.row][1:13])
        weights.append(weight)
        assert what in ("UNDER", "UNFULFILLED", "OVER")
        sheet_name, _, place = cell.hyperlink.location.rpartition("!")
        row = book[sheet_name.strip("'")][place].row
        there = [book[sheet_name.strip("'")].cell(row, column).value for column in (1, 3, 4, 5, 6, 7, 9, 10, 11, 14)]
        assert sheet_name.strip("'") == cell.value
        key = [c.value for c in sheet[cell.row][2:6]]
        assert there == [what, *key, ordered, packed, shipped, variance, days]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.usefixtures("monday")
def test_the_charts_draw_the_figures_of_the_tabs(report: Report, report_path: Path) -> None:
    book = report()
    with zipfile.ZipFile(report_path) as archive:
        bars, flags = (archive.read(f"xl/charts/chart{number}.xml").decode() for number in (1, 2))
    last = 5 + 6
    for column in ("C", "E", "F"):
        assert f"SCORECARD!${column}$6:${column}${last}" in bars
    scorecard = book["SCORECARD"]
    for row in range(6, last + 1):
        assert f"<c:v>{scorecard.cell(row, 3).value}</c:v>" in bars
    start = next(cell.row for cell in book["SUMMARY"]["J"] if cell.value == "GOOD")
    assert f"SUMMARY!$K${start}:$K${start + 3}" in flags
    assert [book["SUMMARY"].cell(start + n, 10).value for n in range(4)] == [
        "GOOD",
        "ACCEPTABLE",
        "QUESTIONABLE",
        "POOR",
    ]


def test_a_failed_last_run_is_said_in_red_with_its_reason_above_the_last_good_figures(
    three: Any, report: Report
) -> None:
    three.balanced_books()
    three.run("failed", started_at=MONDAY + timedelta(hours=2), reason="Books unequal: packed 5 read, 4 accounted for.")
    sheet = report()["SUMMARY"]
    (alert,) = [cell for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("THE LAST RUN FAILED")]
    assert alert.row <= 4
    assert alert.fill.start_color.rgb == "FFB3261E"
    assert alert.value == (
        "THE LAST RUN FAILED (incremental-sync, 16 Mar 2026, 06:12 UTC): "
        "Books unequal: packed 5 read, 4 accounted for. All figures are of the last good run, 16 Mar 2026, 04:12 UTC."
    )
    assert below(sheet, "ORDERED") == 570
    assert sheet["B2"].value.startswith("Figures of incremental-sync (incremental), 16 Mar 2026, 04:12 UTC, run ")


def test_a_failure_that_was_followed_by_a_good_run_is_over(three: Any, report: Report) -> None:
    three.run("failed", started_at=MONDAY - timedelta(hours=2), reason="Busy.")
    assert not any(text.startswith("THE LAST RUN FAILED") for text in texts(report()["SUMMARY"]))


def test_when_every_run_failed_nothing_is_published(warehouse: Any, report: Report) -> None:
    warehouse.run("failed", reason="Nothing was loaded.")
    found = texts(report()["SUMMARY"])
    assert "No run has succeeded yet." in found
    assert any(text.endswith("Nothing was loaded. Nothing has been published yet.") for text in found)


def test_a_run_under_way_is_told(three: Any, report: Report) -> None:
    three.run("running", started_at=MONDAY + timedelta(hours=2))
    assert "A run is under way since 16 Mar 2026, 06:00 UTC. These are the figures before it." in texts(
        report()["SUMMARY"]
    )


def test_an_empty_warehouse_gives_a_workbook_that_says_so(report: Report) -> None:
    book = report()
    assert book.sheetnames == [
        *("SUMMARY", "SCORECARD", "EXCEPTIONS", "OPEN", "REVIEW", "QUARANTINE", "UNKNOWN CUSTOMERS")
    ]
    found = texts(book["SUMMARY"])
    assert "Nothing has run yet." in found
    assert any(text.startswith("The warehouse is empty.") for text in found)
    said = {name: book[name]["A6"].value for name in book.sheetnames[1:]}
    assert said == {
        "SCORECARD": "No customers yet.",
        "EXCEPTIONS": "Nothing to act on.",
        "OPEN": "No open orders.",
        "REVIEW": "Nothing to decide.",
        "QUARANTINE": "Quarantine is empty.",
        "UNKNOWN CUSTOMERS": "Every customer is known.",
    }


@pytest.mark.usefixtures("three")
def test_every_figure_of_a_customer_stands_on_its_scorecard(report: Report, table_of: TableOf) -> None:
    sheet = report()["SCORECARD"]
    acme, birchline, copper = table_of(sheet)
    assert acme == {
        "CUSTOMER": "ACME SPORTSWEAR",
        "KEYS": 3,
        "ORDERED": 400,
        "CANCELLED": 30,
        "PACKED": 50,
        "SHIPPED": 160,
        "FILLED %": 0.525,
        "OPEN, NOT DUE": 150,
        "DUE AND MISSING": 40,
        "TOO MANY": 0,
        "NO ORDER": 0,
        "UNDER %": 0.1,
        "OVER %": 0,
        "EXACT %": 1,
        "FUZZY %": 0,
        "NO MATCH %": 0,
        "SAME PO %": 1,
        "SAME STYLE %": 1,
        "SAME COLOUR %": 1,
        "SAME SIZE %": 1,
        "GOOD %": 0.5,
        "ACCEPTABLE %": 0,
        "QUESTIONABLE %": 0,
        "POOR %": 0.5,
    }
    shares = (
        "EXACT %",
        "FUZZY %",
        "SAME PO %",
        "SAME COLOUR %",
        "DUE AND MISSING",
        "TOO MANY",
        "OVER %",
        "ACCEPTABLE %",
    )
    assert [birchline[name] for name in shares] == [
        *(pytest.approx(60 / 140), pytest.approx(80 / 140), 0.5, 1, 40, 10, pytest.approx(10 / 170), 0.5)
    ]
    assert (copper["NO ORDER"], copper["NO MATCH %"], copper["SAME PO %"], "FILLED %" in copper) == (20, 1, 0, False)
    assert sheet["A6"].hyperlink.location == "'ACME SPORTSWEAR'!A1"


@pytest.mark.usefixtures("monday")
def test_the_workbook_is_dated_by_its_run_and_the_same_each_time(
    report: Report, invoke: Callable[..., Any], report_path: Path
) -> None:
    book = report()
    assert book.properties.created == MONDAY + timedelta(minutes=12)
    assert book.properties.modified == MONDAY + timedelta(minutes=12)
    first = report_path.read_bytes()
    report_path.unlink()
    assert invoke("excel").exit_code == 0
    assert report_path.read_bytes() == first


@pytest.mark.usefixtures("monday")
def test_the_same_facts_inserted_in_another_order_give_the_same_bytes(
    report: Report, invoke: Callable[..., Any], report_path: Path, tmp_path: Path
) -> None:
    report()
    first = report_path.read_bytes()
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        for table in ("fact_order_recon", "recon_match", "recon_load", "quarantine", "audit_count"):
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
            holes = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({holes})", rows[::-1])  # noqa: S608
    connection.close()
    assert invoke("excel").exit_code == 0
    assert report_path.read_bytes() == first


@pytest.mark.usefixtures("monday")
def test_every_number_on_the_page_is_a_number_and_every_tab_leads_back(report: Report) -> None:
    book = report()
    for sheet in book.worksheets[1:]:
        back = [cell for cell in sheet[1] if cell.hyperlink is not None]
        assert [cell.hyperlink.location for cell in back] == ["SUMMARY!A1"], sheet.title
    assert isinstance(book, openpyxl.Workbook)
    assert book.active.title == "SUMMARY"
