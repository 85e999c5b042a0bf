"""EXCEPTIONS: only what can be acted on now, worst first, each with its reason and a link to its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

Report = Callable[..., Any]
TableOf = Callable[[Worksheet], list[dict[str, Any]]]
MONDAY = datetime(2026, 3, 16, 4, 0)


@pytest.fixture
def troubles(warehouse: Any) -> Any:
    """One key of each status, a stale workbook and one left out."""
    warehouse.run()
    due = date(2026, 3, 6)
    warehouse.order("ACME SPORTSWEAR", "1", "A", "NAVY", "M", ordered=100, shipped=100, status="COMPLETE", due=due)
    warehouse.order("ACME SPORTSWEAR", "2", "A", "NAVY", "M", ordered=100, status="OPEN", due=date(2026, 4, 6))
    warehouse.order("ACME SPORTSWEAR", "3", "A", "NAVY", "M", ordered=0, cancelled=9, status="CANCELLED", due=due)
    warehouse.order("ACME SPORTSWEAR", "4", "A", "NAVY", "M", ordered=100, packed=40, status="UNDER", due=due)
    warehouse.order("BIRCHLINE", "5", "A", "NAVY", "M", ordered=90, status="UNFULFILLED", due=due, order_numbers="AAG5")
    warehouse.order(
        "BIRCHLINE",
        "6",
        "A",
        "NAVY",
        "M",
        ordered=100,
        shipped=130,
        status="OVER",
        due=due,
        last_shipped_on=date(2026, 3, 14),
    )
    warehouse.stranger("BIRCHLINE", "7", "A", "NAVY", "M", shipped=20, last_shipped_on=date(2026, 3, 1))
    warehouse.source(
        "b/birchline.xlsx",
        stale="The file is encrypted.",
        read_at=MONDAY - timedelta(days=2),
        units=225,
        customer="BIRCHLINE",
    )
    warehouse.source("a/acme copy.xlsx", superseded_by="a/acme.xlsx", units=55, customer="ACME SPORTSWEAR")
    warehouse.source("a/acme.xlsx", units=300)
    return warehouse


@pytest.mark.usefixtures("troubles")
def test_only_what_can_be_acted_on_stands_there_worst_first(report: Report, table_of: TableOf) -> None:
    rows = table_of(report()["EXCEPTIONS"])
    assert [(row["RANK"], row["WHAT"], row.get("PO"), row["UNITS × DAYS"]) for row in rows] == [
        (1, "UNFULFILLED", "5", 900),
        (2, "UNDER", "4", 600),
        (3, "STALE SOURCE", None, 450),
        (4, "NO ORDER", "7", 300),
        (5, "OVER", "6", 60),
        (6, "SUPERSEDED", None, 55),
    ]


@pytest.mark.usefixtures("troubles")
def test_every_field_of_an_exception_stands_in_its_cell(report: Report, table_of: TableOf) -> None:
    assert table_of(report()["EXCEPTIONS"])[0] == {
        "RANK": 1,
        "WHAT": "UNFULFILLED",
        "CUSTOMER": "BIRCHLINE",
        "PO": "5",
        "STYLE": "A",
        "COLOUR": "NAVY",
        "SIZE": "M",
        "ORDERED": 90,
        "PACKED": 0,
        "SHIPPED": 0,
        "VARIANCE": 90,
        "EX FACTORY": datetime(2026, 3, 6),
        "DAYS LATE": 10,
        "UNITS × DAYS": 900,
        "WHY": "Due 6 Mar 2026, 10 days late: nothing of 90 packed or shipped.",
        "ORDER NUMBERS OR SOURCE": "AAG5",
    }


@pytest.mark.usefixtures("troubles")
def test_sources_say_what_is_wrong_and_what_to_do(report: Report, table_of: TableOf) -> None:
    rows = {row["WHAT"]: row for row in table_of(report()["EXCEPTIONS"])}
    assert rows["STALE SOURCE"] == {
        "RANK": 3,
        "WHAT": "STALE SOURCE",
        "CUSTOMER": "BIRCHLINE",
        "DAYS LATE": 2,
        "UNITS × DAYS": 450,
        "WHY": "Last read 2 days ago, on 14 Mar 2026; its figures are of then. The file is encrypted.",
        "ORDER NUMBERS OR SOURCE": "b/birchline.xlsx",
    }
    assert rows["SUPERSEDED"]["WHY"] == (
        "Left out, because a/acme.xlsx has the same orders and counts instead. "
        "Remove the one that is wrong, or name the right one in customers.yml."
    )
    assert rows["SUPERSEDED"]["ORDER NUMBERS OR SOURCE"] == "a/acme copy.xlsx"


def test_a_workbook_that_was_never_read_comes_first_and_one_that_once_was_does_not(
    troubles: Any, report: Report, table_of: TableOf
) -> None:
    troubles.file("d/delmore.xlsx", "failed", "the file has zero bytes")
    troubles.file("b/birchline.xlsx", "failed", "The file is encrypted.")
    troubles.file("a/acme.xlsx", "read")
    book = report()
    rows = table_of(book["EXCEPTIONS"])
    assert [row["WHAT"] for row in rows].count("UNREAD SOURCE") == 1
    assert rows[0] == {
        "RANK": 1,
        "WHAT": "UNREAD SOURCE",
        "WHY": "Never read, so its orders are in no figure. The file has zero bytes.",
        "ORDER NUMBERS OR SOURCE": "d/delmore.xlsx",
    }
    summary = [cell.value for row in book["SUMMARY"].iter_rows() for cell in row]
    assert "Never read: d/delmore.xlsx. The file has zero bytes." in summary


@pytest.mark.usefixtures("monday")
def test_each_exception_leads_to_its_own_row(report: Report) -> None:
    book = report()
    linked = 0
    for row in book["EXCEPTIONS"].iter_rows(min_row=6):
        what, customer, *key = (cell.value for cell in row[1:7])
        if what in ("STALE SOURCE", "SUPERSEDED"):
            continue
        sheet_name, _, place = row[2].hyperlink.location.rpartition("!")
        found = book[sheet_name.strip("'")][place].row
        there = [book[sheet_name.strip("'")].cell(found, column).value for column in (1, 3, 4, 5, 6)]
        assert (sheet_name.strip("'"), there) == (customer, [what, *key])
        linked += 1
    assert linked > 10


def test_a_source_leads_to_its_customers_tab_where_there_is_one(troubles: Any, report: Report) -> None:
    troubles.source("c/gone.xlsx", stale="Gone.", units=1, customer="NOBODY ANY MORE")
    links = {
        row[2].value: row[2].hyperlink for row in report()["EXCEPTIONS"].iter_rows(min_row=6) if row[3].value is None
    }
    assert links["BIRCHLINE"].location == "BIRCHLINE!A1"
    assert links["NOBODY ANY MORE"] is None


def test_a_workbook_of_several_customers_names_none(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    warehouse.source("both.xlsx", stale="Truncated.", customer="ACME SPORTSWEAR")
    warehouse.source("both.xlsx", stale="Truncated.", customer="BIRCHLINE")
    rows = warehouse._rows
    staged = next(table for table in rows if table.name == "stg_orders_sharepoint")
    rows[staged][1]["load_id"] = rows[staged][0]["load_id"]
    found = table_of(report()["EXCEPTIONS"])
    assert [row.get("CUSTOMER") for row in found] == [None, None]


@pytest.mark.usefixtures("troubles")
def test_the_total_is_of_the_keys(report: Report, report_path: Any) -> None:
    report()
    book = openpyxl.load_workbook(report_path, data_only=True)
    totals = [book["EXCEPTIONS"].cell(4, column).value for column in (8, 9, 10, 11)]
    book.close()
    assert totals == [290, 40, 150, 100]
