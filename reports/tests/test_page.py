"""The page as a document: its figures, its order and limits, what it never does, and the same bytes each time."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from order_reports.page import build, pictures
from order_reports.page.figures import Flow
from order_reports.page.flow import lay_out

Page = Callable[[], "Document"]
VOID = {"meta", "link", "br", "input", "img", "hr", "path", "line", "rect", "circle"}


class Document(HTMLParser):
    """The page, parsed: its text, its elements, its tables by caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            return
        self.words.append(data)
        if "td" in self.open or ("th" in self.open and "table" in self.open):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, first_header: str) -> list[dict[str, str]]:
        """Give the rows of the table whose first column has this header."""
        (found,) = [table for table in self.tables if table[0][0] == first_header]
        return [dict(zip(found[0], row, strict=True)) for row in found[1:]]


@pytest.fixture
def page_path(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "order-audit.html"


@pytest.fixture
def page(warehouse: Any, invoke: Callable[..., Any], page_path: Path) -> Page:
    """Save the warehouse, write the page and parse it."""

    def write() -> Document:
        warehouse.save()
        result = invoke("page")
        assert result.exit_code == 0, result.output
        return Document(page_path.read_text(encoding="utf-8"))

    return write


def test_page_prints_where_the_page_is_and_how_large(monday: Any, invoke: Callable[..., Any], page_path: Path) -> None:
    monday.save()
    result = invoke("page")
    assert result.output == f"{page_path} ({page_path.stat().st_size / 1024:,.0f} kB)\n"
    assert [path.name for path in page_path.parent.iterdir()] == ["order-audit.html"]


@pytest.mark.usefixtures("monday")
def test_the_page_fetches_nothing_and_runs_only_its_own_script(page: Page) -> None:
    document = page()
    assert not re.search(r"(?:https?:)?//[a-z]", document.source.replace("http://www.w3.org", ""))
    (policy,) = [one["content"] for one in document.named("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    (script,) = document.named("script")
    assert script == {}
    assert {name for name, _ in document.elements} & {"link", "img", "iframe", "object", "base"} == set()
    assert all(str(one["href"]).startswith("#") for one in document.named("a"))


@pytest.mark.usefixtures("monday")
def test_pictures_figures_and_tables_are_there_without_a_script(page: Page) -> None:
    document = page()
    labels = [str(one["aria-label"]) for one in document.named("svg")]
    assert [label[:15] for label in labels] == [
        *("Flow of units. ", "Flow of units. ", "Units to act on", "Units to act on"),
        *("Ordered: +1,000", "Shipped: +1,500", "Packed, waiting", "Without an orde"),
    ]
    assert all(one["role"] == "img" for one in document.named("svg"))
    (form,) = document.named("form")
    assert "hidden" in form


@pytest.mark.usefixtures("monday")
def test_the_page_is_marked_up_for_those_who_do_not_see_it(page: Page) -> None:
    document = page()
    assert document.named("html") == [{"lang": "en"}]
    assert len(document.named("h1")) == 1
    headings = [name for name, _ in document.elements if re.fullmatch(r"h[1-6]", name)]
    assert headings == ["h1"] + ["h2"] * (len(headings) - 1)
    names = Counter(name for name, _ in document.elements)
    assert names["caption"] == names["table"] == 4
    for one in document.named("th"):
        assert one["scope"] in ("col", "row")
    ids = [one["id"] for _, one in document.elements if "id" in one]
    assert len(ids) == len(set(ids))
    for _, one in document.elements:
        for told in ("aria-labelledby", "aria-controls", "for"):
            assert set(str(one.get(told) or "").split()) <= set(ids)
        if str(one.get("href", "")).startswith("#"):
            assert str(one["href"])[1:] in ids


@pytest.mark.usefixtures("monday")
def test_the_headline_is_the_workbooks(page: Page, report: Callable[[], Any]) -> None:
    document = page()
    summary = report()["SUMMARY"]
    cells = {(cell.row, cell.column): cell.value for row in summary.iter_rows() for cell in row}
    for label in ("ORDERED", "PACKED, WAITING", "SHIPPED", "OPEN, NOT DUE", "DUE AND MISSING", "TOO MANY OR NO ORDER"):
        figure = next(cells[row + 1, column] for (row, column), value in cells.items() if value == label)
        assert re.search(f"{label.capitalize()} ?{figure:,}", document.text), label


@pytest.mark.usefixtures("monday")
def test_the_exceptions_are_the_workbooks_in_its_order(page: Page, report: Callable[[], Any]) -> None:
    rows = page().table("What")
    sheet = report()["EXCEPTIONS"]
    expected = [
        (what, customer or "", po or "", "" if weight is None else f"{weight:,}")
        for _, what, customer, po, *_, weight, _, _ in sheet.iter_rows(min_row=6, values_only=True)
    ]
    assert [(row["What"], row["Customer"], row["PO"], row["Units × days"]) for row in rows] == expected
    assert len(rows) > 20


def test_what_sources_say_stays_text(warehouse: Any, page: Page) -> None:
    hostile = "</td><script>alert(1)</script>\"'&{{ 7*7 }}"
    warehouse.run()
    warehouse.order(hostile, hostile, hostile, hostile, hostile, ordered=12, status="UNFULFILLED")
    warehouse.source(hostile, stale=hostile)
    warehouse.run("failed", started_at=datetime(2026, 3, 16, 6, 0), reason=hostile)
    document = page()
    assert len(document.named("script")) == 1
    assert "{{ 7*7 }}" in document.text
    row = next(row for row in document.table("What") if row["What"] == "UNFULFILLED")
    assert (row["Customer"], row["PO"]) == (hostile, hostile)
    assert f"THE LAST RUN FAILED (incremental-sync, 16 Mar 2026, 06:12 UTC): {hostile}." in document.text


def test_only_the_worst_stand_there_and_the_rest_is_counted(
    warehouse: Any, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "MOST_EXCEPTIONS", 3)
    monkeypatch.setattr(build, "MOST_CUSTOMERS", 2)
    warehouse.run()
    for number in range(5):
        warehouse.order(f"C{number}", "1", "A", None, "M", ordered=10 + number, status="UNFULFILLED")
    document = page()
    assert [row["Customer"] for row in document.table("What")] == ["C4", "C3", "C2"]
    assert "The worst 3 of 5 stand here; the other 2 are in the workbook, on EXCEPTIONS." in document.text
    assert [row["Customer"] for row in document.table("Rank")] == ["C4", "C3"]
    assert "the other 3 stand on the workbook’s SCORECARD" in document.text


def test_the_page_stays_small_however_much_is_wrong(warehouse: Any, page: Page) -> None:
    warehouse.run()
    for number in range(1200):
        long = f"{number:04}" + "W" * 190
        warehouse.order(long, long, long, long, long, ordered=10, status="UNFULFILLED", order_numbers=long * 9)
    assert len(page().source) < 1_500_000


def test_customers_are_ranked_by_what_somebody_has_to_act_on(warehouse: Any, page: Page) -> None:
    warehouse.run()
    warehouse.order("BIG", "1", "A", None, "M", ordered=9000, shipped=9000, status="COMPLETE")
    warehouse.order("SHORT", "1", "A", None, "M", ordered=100, shipped=20, status="UNDER")
    warehouse.order("OVER", "1", "A", None, "M", ordered=100, shipped=130, status="OVER")
    warehouse.stranger("OVER", "2", "A", None, "M", packed=10)
    warehouse.order("LATER", "1", "A", None, "M", ordered=500, status="OPEN")
    rows = page().table("Rank")
    assert [(row["Customer"], row["Due and missing"], row["Too many or no order"]) for row in rows] == [
        ("SHORT", "80", "0"),
        ("OVER", "0", "40"),
        ("BIG", "0", "0"),
        ("LATER", "0", "0"),
    ]
    assert [row["Filled"] for row in rows] == ["20.0%", "130.0%", "100.0%", "0.0%"]
    assert rows[3]["Open, not due"] == "500"


def test_the_flow_adds_up_on_both_sides(warehouse: Any, page: Page) -> None:
    warehouse.run()
    warehouse.order("A", "1", "A", None, "M", ordered=100, shipped=97, status="COMPLETE")
    warehouse.order("A", "2", "A", None, "M", ordered=100, packed=40, shipped=30, status="UNDER")
    warehouse.order("A", "3", "A", None, "M", ordered=100, packed=10, status="OPEN")
    warehouse.order("A", "4", "A", None, "M", ordered=100, shipped=120, status="OVER")
    warehouse.stranger("A", "5", "A", None, "M", packed=7)
    rows = {row["Place"]: row["Units"] for row in page().table("Place")}
    assert rows == {
        "Ordered": "400",
        "Packed or shipped beyond orders": "27",
        "Packed so far": "304",
        "Shipped": "247",
        "Packed, waiting": "57",
        "Open, not due": "90",
        "Due and missing": "30",
        "Missing within tolerance": "3",
    }


def test_bands_fill_their_blocks() -> None:
    flow = Flow(filled=400, beyond=50, shipped=300, waiting=150, open=200, missing=90, short=0)
    blocks, bands = lay_out(flow, 300)
    assert {block.name: block.units for block in blocks} == {
        "Beyond orders": 50,
        "Ordered": 690,
        "Packed so far": 450,
        "Shipped": 300,
        "Packed, waiting": 150,
        "Open, not due": 200,
        "Due and missing": 90,
    }
    assert max(block.top + block.height for block in blocks) == pytest.approx(300)
    for block in blocks:
        leaving = [one for one in bands if one.start[0] == block.column and _starts(one.start[1], block)]
        arriving = [one for one in bands if one.end[0] == block.column and _starts(one.end[1], block)]
        for side in (leaving, arriving):
            assert not side or sum(one.height for one in side) == pytest.approx(block.height)


def _starts(top: float, block: Any) -> bool:
    return bool(block.top - 1e-6 <= top < block.top + block.height - 1e-6)


def test_the_trend_is_of_the_runs_that_published(warehouse: Any, page: Page) -> None:
    start = datetime(2026, 3, 1, 4, 0)
    for number, shipped in enumerate((100, 180, 170)):
        run = warehouse.run(started_at=start + timedelta(days=number))
        warehouse.published(run, "A", ordered=100, packed=10, shipped=shipped)
        warehouse.published(run, "B", ordered=100)
    warehouse.run("failed", started_at=start + timedelta(days=3), reason="Busy.")
    warehouse.order("A", "1", "A", None, "M", ordered=100, status="OPEN", due=date(2026, 5, 1))
    document = page()
    assert "The last 3 runs that published, from 1 Mar 2026, 04:00 UTC to 3 Mar 2026, 04:00 UTC." in document.text
    assert "Shipped 170 -10 since the last run, +70 in all" in document.text
    runs = document.table("Started")
    assert [(row["Started"], row["Status"], row["Shipped"], row["Reason"]) for row in runs] == [
        ("4 Mar 2026, 04:00", "failed", "", "Busy."),
        ("3 Mar 2026, 04:00", "succeeded", "170", ""),
        ("2 Mar 2026, 04:00", "succeeded", "180", ""),
        ("1 Mar 2026, 04:00", "succeeded", "100", ""),
    ]
    assert [row["Seconds"] for row in runs] == ["720"] * 4


def test_an_empty_warehouse_gives_a_page_that_says_so(page: Page) -> None:
    document = page()
    assert "Nothing has run yet." in document.text
    assert "The warehouse is empty. Run full-sync" in document.text
    assert document.named("svg") == []


def test_when_every_run_failed_the_page_says_why_and_shows_no_figures(warehouse: Any, page: Page) -> None:
    warehouse.run("failed", reason="Nothing was loaded.")
    document = page()
    assert "No run has succeeded yet." in document.text
    assert "Nothing was loaded. Nothing has been published yet." in document.text
    assert document.named("dl") == [{}]
    assert [row["Reason"] for row in document.table("Started")] == ["Nothing was loaded."]


def test_a_run_that_found_nothing_gives_a_calm_page(warehouse: Any, page: Page) -> None:
    warehouse.run()
    document = page()
    for text in ("Nothing was ordered, packed or shipped.", "No customers yet.", "Nothing to act on."):
        assert text in document.text
    assert "NOT BALANCED" in document.text


@pytest.mark.usefixtures("monday")
def test_the_same_facts_in_another_order_give_the_same_bytes(
    page: Page, invoke: Callable[..., Any], page_path: Path, tmp_path: Path
) -> None:
    page()
    first = page_path.read_bytes()
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        for table in ("fact_order_recon", "recon_load", "audit_count", "audit_run"):
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
            holes = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({holes})", rows[::-1])  # noqa: S608
    connection.close()
    assert invoke("page").exit_code == 0
    assert page_path.read_bytes() == first


@pytest.mark.usefixtures("monday")
def test_a_page_that_cannot_be_made_leaves_the_old_one(
    page: Page, invoke: Callable[..., Any], page_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page()
    first = page_path.read_bytes()
    result = invoke("page", "--warehouse-url", "sqlite:///nowhere.db")
    assert result.exit_code == 1
    assert page_path.read_bytes() == first
    monkeypatch.setattr(build, "build", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    result = invoke("page")
    assert (result.exit_code, "the disk is full" in result.output) == (1, True)
    assert [path.name for path in page_path.parent.iterdir()] == [page_path.name]
    assert page_path.read_bytes() == first


def test_every_word_has_its_colour_in_the_style() -> None:
    style = Path(build.__file__).with_name("page.css").read_text(encoding="utf-8")
    for color in set(build.COLORS.values()) - {"grey"}:
        assert f".badge.{color} " in style
    assert f"nth-child(n + {build.MOST_PRINTED + 1})" in style


@pytest.mark.parametrize("drawn", ["<html>", '<svg width="1" height="1"><clipPath id="clip1"/></svg>'])
def test_a_picture_that_does_not_fit_into_a_page_is_refused(drawn: str) -> None:
    with pytest.raises(ValueError, match="does not fit into a page"):
        pictures._svg(drawn, "x")
