"""OPEN, REVIEW, QUARANTINE and UNKNOWN CUSTOMERS: what is not due yet, and what waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from openpyxl.worksheet.worksheet import Worksheet
from order_reports.sheets import review

Report = Callable[..., Any]
TableOf = Callable[[Worksheet], list[dict[str, Any]]]


def test_open_orders_stand_by_date_the_next_one_first(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    for po, due in (("1", None), ("2", date(2026, 5, 1)), ("3", date(2026, 3, 18)), ("4", date(2026, 3, 1))):
        warehouse.order("ACME SPORTSWEAR", po, "A", "NAVY", "M", ordered=96, packed=12, status="OPEN", due=due)
    warehouse.order("ACME SPORTSWEAR", "5", "A", "NAVY", "M", ordered=96, status="UNFULFILLED", due=date(2026, 3, 1))
    rows = table_of(report()["OPEN"])
    assert [(row["PO"], row.get("DAYS TO GO")) for row in rows] == [("4", None), ("3", 2), ("2", 46), ("1", None)]
    assert rows[1] == {
        "EX FACTORY": datetime(2026, 3, 18),
        "DAYS TO GO": 2,
        "CUSTOMER": "ACME SPORTSWEAR",
        "PO": "3",
        "STYLE": "A",
        "COLOUR": "NAVY",
        "SIZE": "M",
        "ORDERED": 96,
        "PACKED": 12,
        "SHIPPED": 0,
        "STILL TO COME": 84,
    }


def test_a_question_stands_with_its_candidates_and_the_ids_to_read_it_back(
    warehouse: Any, report: Report, table_of: TableOf
) -> None:
    warehouse.run()
    first = warehouse.order("ACME SPORTSWEAR", "45001", "A", "NAVY", "M", ordered=96, status="UNFULFILLED")
    second = {"order_key_id": "b" * 32, "score": 87.5, "customer_po": "45003", "style": "A", "size": "M"}
    asked = warehouse.stranger(
        "ACME SPORTSWEAR",
        "45002",
        "A",
        "NVY",
        "M",
        packed=24,
        shipped=36,
        # The likelier one names its key only: its fields come from the facts.
        candidates=[second, {"order_key_id": first, "score": 91.25}],
    )
    sheet = report()["REVIEW"]
    rows = table_of(sheet)
    same = {
        "CUSTOMER": "ACME SPORTSWEAR",
        "UNITS": 60,
        "PACKED OR SHIPPED AS: PO": "45002",
        "STYLE": "A",
        "COLOUR": "NVY",
        "SIZE": "M",
        "ORDER STYLE": "A",
        "ORDER SIZE": "M",
        "FULFIL_KEY_ID": asked,
    }
    likely = {"CHOICE": 1, "MAY BE ORDER: PO": "45001", "ORDER COLOUR": "NAVY", "SCORE": 91.25, "ORDER_KEY_ID": first}
    assert rows == [
        same | likely,
        same | {"CHOICE": 2, "MAY BE ORDER: PO": "45003", "SCORE": 87.5, "ORDER_KEY_ID": "b" * 32},
    ]
    hidden = {sheet.cell(5, column).value for column in range(1, 18) if _hidden(sheet, column)}
    assert hidden == {"FULFIL_KEY_ID", "ORDER_KEY_ID"}


def _hidden(sheet: Worksheet, column: int) -> bool:
    # openpyxl keeps equal neighbours under the first one's letter.
    return any(
        dimension.hidden and dimension.min <= column <= dimension.max for dimension in sheet.column_dimensions.values()
    )


def test_a_decision_is_chosen_from_a_list(monday: Any, report: Report) -> None:
    candidates = [{"order_key_id": str(n) * 32, "score": 90 - n, "customer_po": f"4500{n}"} for n in (1, 2, 3)]
    monday.stranger("DELMORE KIDS", "450", "A", "NAVY", "M", shipped=36, candidates=candidates)
    sheet = report()["REVIEW"]
    (rule,) = sheet.data_validations.dataValidation
    assert (rule.type, rule.formula1, str(rule.sqref)) == ("list", '"ACCEPT,REJECT"', "A6:A8")
    assert rule.showErrorMessage
    assert sheet["A6"].value is None
    assert sheet["A6"].fill.start_color.rgb == "FFFFF9DB"


def test_a_filled_in_sheet_is_read_back_by_its_headers_and_ids(
    warehouse: Any, report: Report, report_path: Path
) -> None:
    warehouse.run()
    candidates = [{"order_key_id": str(n) * 32, "score": 90 - n, "customer_po": f"4500{n}"} for n in (1, 2)]
    asked = warehouse.stranger("DELMORE KIDS", "450", "A", "NAVY", "M", shipped=36, candidates=candidates)
    book = report()
    book["REVIEW"]["A7"], book["REVIEW"]["B7"] = "ACCEPT", "asked the customer"
    book.save(report_path)
    # As `recon overrides import` does: the header is the first row that names them all.
    with python_calamine.CalamineWorkbook.from_path(report_path) as saved:
        grid = saved.get_sheet_by_name("REVIEW").to_python(skip_empty_area=False)
    header = next(row for row in grid if {"DECISION", "FULFIL_KEY_ID"} <= set(row))
    places = [header.index(name) for name in review.READ_BACK]
    decided = [[row[place] for place in places] for row in grid[grid.index(header) + 1 :] if row[places[0]]]
    assert decided == [["ACCEPT", "asked the customer", asked, "2" * 32]]


def test_a_link_that_lost_its_order_is_asked_for_without_candidates(
    warehouse: Any, report: Report, table_of: TableOf
) -> None:
    warehouse.run()
    asked = warehouse.fulfilment(
        "ACME SPORTSWEAR",
        "1",
        "A",
        None,
        "M",
        shipped=12,
        match_type="NO_MATCH",
        match_score=0,
        review_status="PENDING",
    )
    (row,) = table_of(report()["REVIEW"])
    assert (row["FULFIL_KEY_ID"], row["UNITS"], "ORDER_KEY_ID" in row) == (asked, 12, False)


def test_a_link_that_stands_while_it_waits_is_marked_and_first(
    warehouse: Any, report: Report, table_of: TableOf
) -> None:
    warehouse.run()
    linked = warehouse.order(
        "ACME SPORTSWEAR", "1", "A", "NAVY", "M", ordered=12, shipped=12, status="COMPLETE", match="FUZZY", score=81.0
    )
    (match,) = next(rows for table, rows in warehouse._rows.items() if table.name == "recon_match")
    match["review_status"] = "PENDING"
    match["candidates"] = '[{"order_key_id": "c", "score": 90, "customer_po": "2"}]'
    rows = table_of(report()["REVIEW"])
    assert [(row["ORDER_KEY_ID"], row.get("LINKED NOW"), row["SCORE"]) for row in rows] == [
        (linked, "YES", 81),
        ("c", None, 90),
    ]


def test_candidates_that_are_no_json_do_not_stop_the_report(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    for number, document in enumerate(("{", '{"a": 1}', "[1]")):
        warehouse.fulfilment(
            *("ACME SPORTSWEAR", str(number), "A", None, "M"),
            shipped=12,
            match_type="NO_MATCH",
            match_score=0,
            review_status="PENDING",
            candidates=document,
        )
    assert len(table_of(report()["REVIEW"])) == 3


@pytest.mark.usefixtures("monday")
def test_what_is_in_quarantine_says_where_why_and_what_to_do(report: Report, table_of: TableOf) -> None:
    rows = table_of(report()["QUARANTINE"])
    assert rows == [
        {
            "SOURCE": "orders/acme.xlsx",
            "SHEET": "MASTER",
            "ROW": 12,
            "FIELD": "ordered_qty",
            "VALUE AS FOUND": "12 pcs?",
            "REASON": "The quantity cannot be read. Enter a whole number, or clear it.",
            "WHAT TO DO": "Open orders/acme.xlsx, sheet MASTER, row 12, correct it and save. "
            "The next run reads it again.",
            "UNITS": 0,
            "FIRST SEEN (UTC)": datetime(2026, 3, 16, 4, 0),
            "PLACE": "orders/acme.xlsx!MASTER!AF12",
            "CODE": "unreadable_quantity",
        },
        {
            "SOURCE": "wah.shipped",
            "FIELD": "ordered_qty",
            "VALUE AS FOUND": "-12",
            "REASON": "The quantity is negative. Correct it.",
            "WHAT TO DO": "Correct it in the warehouse system (wah.shipped). The next run reads it again.",
            "UNITS": -12,
            "FIRST SEEN (UTC)": datetime(2026, 3, 16, 4, 0),
            "PLACE": "wah.shipped!c41",
            "CODE": "negative_quantity",
        },
    ]


def test_an_unknown_customer_stands_with_the_known_names_most_like_it(
    warehouse: Any, report: Report, table_of: TableOf
) -> None:
    warehouse.run()
    warehouse.order("ACME SPORTSWEAR", "1", "A", None, "M", ordered=500, status="OPEN")
    warehouse.order("ACME SW", "1", "A", None, "M", ordered=24, packed=12, shipped=6, status="OPEN")
    warehouse.order("ZZQX", "1", "A", None, "M", ordered=360, status="OPEN")
    sheet = report()["UNKNOWN CUSTOMERS"]
    rows = table_of(sheet)
    assert rows[0] == {
        "CUSTOMER": "ZZQX",
        "KEYS": 1,
        "ORDERED": 360,
        "PACKED": 0,
        "SHIPPED": 0,
        "WHAT TO DO": "Add it to customers.yml as a customer of its own.",
    }
    assert rows[1] == {
        "CUSTOMER": "ACME SW",
        "KEYS": 1,
        "ORDERED": 24,
        "PACKED": 12,
        "SHIPPED": 6,
        "NEAREST KNOWN NAME": "Acme Sportswear",
        "ALIKE, %": 100,
        "WHAT TO DO": "If it is Acme Sportswear, add it to its aliases in customers.yml; "
        "if not, as a customer of its own.",
    }
    assert sheet["A7"].hyperlink.location == "'ACME SW'!A1"
