"""One tab a customer: every key with all its figures, sorted as people look for them, on legal and distinct tabs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from order_reports.sheets.customers import share_out
from order_reports.totals import Customer

Report = Callable[..., Any]
TableOf = Callable[[Worksheet], list[dict[str, Any]]]
FIXED = ["SUMMARY", "SCORECARD", "EXCEPTIONS", "OPEN", "REVIEW", "QUARANTINE", "UNKNOWN CUSTOMERS"]


def test_every_field_of_a_key_stands_in_its_cell(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    warehouse.order(
        "ACME SPORTSWEAR",
        "0045001",
        "AW-1",
        "NAVY",
        "M",
        ordered=480,
        packed=60,
        shipped=300,
        cancelled=24,
        status="UNDER",
        flag="POOR",
        due=date(2026, 2, 11),
        match="FUZZY",
        rule="po_suffix+color_normalised",
        score=93.25,
        carton_po="45001-1",
        cartons=15,
        first_packed_on=date(2026, 2, 1),
        last_shipped_on=date(2026, 2, 9),
        order_numbers="AAG1, AAG2",
        customer_alt_po="ALT9",
        pattern_id="P77",
    )
    (row,) = table_of(report()["ACME SPORTSWEAR"])
    assert row == {
        "STATUS": "UNDER",
        "FLAG": "POOR",
        "PO": "0045001",
        "STYLE": "AW-1",
        "COLOUR": "NAVY",
        "SIZE": "M",
        "ORDERED": 480,
        "CANCELLED": 24,
        "PACKED": 60,
        "SHIPPED": 300,
        "VARIANCE": 120,
        "VARIANCE %": 0.25,
        "EX FACTORY": datetime(2026, 2, 11),
        "DAYS LATE": 33,
        "MATCH": "FUZZY",
        "MATCHED BY": "po_suffix+color_normalised",
        "SCORE": 93.25,
        "CARTONS": 15,
        "FIRST PACKED": datetime(2026, 2, 1),
        "LAST SHIPPED": datetime(2026, 2, 9),
        "ORDER NUMBERS": "AAG1, AAG2",
        "ALTERNATE PO": "ALT9",
        "PATTERN": "P77",
    }


def test_an_order_that_nothing_came_for_speaks_of_no_match(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    warehouse.order("ACME SPORTSWEAR", "1", "AW-1", None, "M", ordered=12, status="OPEN", due=date(2026, 5, 1))
    (row,) = table_of(report()["ACME SPORTSWEAR"])
    assert row == {
        "STATUS": "OPEN",
        "PO": "1",
        "STYLE": "AW-1",
        "SIZE": "M",
        "ORDERED": 12,
        "CANCELLED": 0,
        "PACKED": 0,
        "SHIPPED": 0,
        "VARIANCE": 12,
        "VARIANCE %": 1,
        "EX FACTORY": datetime(2026, 5, 1),
        "CARTONS": 0,
    }


def test_keys_stand_by_po_style_colour_and_then_size_as_worn(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    wanted = [("1", "A", "NAVY", size) for size in ("S", "M", "L", "XL", "XXL")] + [("1", "B", "NAVY", "S")]
    wanted += [("2", "A", "NAVY", size) for size in ("8", "10", "12")]
    for key in reversed(wanted):
        warehouse.order("BIRCHLINE", *key, ordered=12, status="OPEN")
    rows = table_of(report()["BIRCHLINE"])
    assert [(row["PO"], row["STYLE"], row["COLOUR"], row["SIZE"]) for row in rows] == wanted


@pytest.mark.usefixtures("monday")
def test_the_tab_is_filtered_frozen_totalled_and_set_up_to_print(report: Report) -> None:
    sheet = report()["COPPER & OAK"]
    last = sheet.max_row
    assert sheet.auto_filter.ref == f"A5:W{last}"
    assert sheet.freeze_panes == "E6"
    assert sheet.print_title_rows == "$5:$5"
    assert sheet.page_setup.orientation == "landscape"
    # One page wide, which is what the file says by leaving the width out, and as many long as it takes.
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (None, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.oddHeader.left.text == "&BCOPPER && OAK"
    assert "Page" in sheet.oddFooter.right.text
    assert sheet["A1"].value == "COPPER & OAK"
    assert sheet["G4"].value == f"=SUBTOTAL(109,G6:G{last})"


@pytest.mark.usefixtures("monday")
def test_totals_are_there_for_those_who_do_not_calculate(report: Report, report_path: Any) -> None:
    report()
    book = openpyxl.load_workbook(report_path, data_only=True)
    sheet = book["COPPER & OAK"]
    for column in ("G", "H", "I", "J", "K", "R"):
        assert sheet[f"{column}4"].value == sum(cell.value for cell in sheet[column][5:])
    book.close()


@pytest.mark.usefixtures("monday")
def test_numbers_dates_and_statuses_have_their_format(report: Report) -> None:
    sheet = report()["COPPER & OAK"]
    header = {cell.value: cell.column for cell in sheet[5]}

    def formats(name: str) -> set[str]:
        return {row[0].number_format for row in sheet.iter_rows(min_row=6, min_col=header[name], max_col=header[name])}

    assert formats("ORDERED") == {"#,##0"}
    assert formats("VARIANCE %") == {"0.0%"}
    assert formats("EX FACTORY") == {"yyyy-mm-dd"}
    fills = {row[0].value: row[0].fill.start_color.rgb for row in sheet.iter_rows(min_row=6, max_col=1)}
    legend = {cell.value: cell.fill.start_color.rgb for cell in sheet[3] if cell.value}
    assert fills["COMPLETE"] == "FFD9F2E3"
    assert fills.items() <= legend.items()


def test_columns_are_as_wide_as_what_they_hold(warehouse: Any, report: Report) -> None:
    warehouse.run()
    warehouse.order("ACME SPORTSWEAR", "P" * 40, "S" * 400, "NAVY", "M", ordered=1_234_567_890, status="OPEN")
    sheet = report()["ACME SPORTSWEAR"]
    assert sheet.column_dimensions["C"].width > 40
    assert sheet.column_dimensions["D"].width < 65
    assert sheet.column_dimensions["G"].width > len("1,234,567,890")


@pytest.mark.parametrize("value", ["=HYPERLINK(1)", "+1", "-1", "@x", "<r>y</r>"])
def test_no_value_becomes_a_formula(warehouse: Any, report: Report, value: str) -> None:
    warehouse.run()
    warehouse.order(value, value, value, value, value, ordered=12, status="UNDER", order_numbers=value)
    warehouse.source(value, stale=value)
    warehouse.quarantined(value, value, reason=value, source=value)
    book = report()
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert cell.value.startswith("=SUBTOTAL(109,"), (sheet.title, cell.coordinate)
    tab = book[book.sheetnames[-1]]
    assert [tab.cell(6, column).value for column in (3, 4, 5, 6, 21)] == [value] * 5


def test_three_hundred_customers_fit_the_smallest_on_one_tab(warehouse: Any, report: Report, table_of: TableOf) -> None:
    warehouse.run()
    for number in range(300):
        warehouse.order(f"CUSTOMER {number:03}", "1", "A", None, "M", ordered=1000 - number, status="OPEN")
    book = report()
    assert len(book.sheetnames) == 255
    assert book.sheetnames[: len(FIXED)] == FIXED
    assert book.sheetnames[len(FIXED)] == "CUSTOMER 000"
    assert book.sheetnames[-2:] == ["CUSTOMER 246", "OTHER"]
    others = table_of(book["OTHER"])
    assert [row["CUSTOMER"] for row in others] == [f"CUSTOMER {number:03}" for number in range(247, 300)]
    assert [row["ORDERED"] for row in others] == [1000 - number for number in range(247, 300)]
    summary = " ".join(str(cell.value) for row in book["SUMMARY"].iter_rows() for cell in row if cell.value)
    assert "Excel has room for 247 customers' own tabs. The 53 with the fewest units" in summary
    scorecard = book["SCORECARD"]
    assert scorecard["A6"].hyperlink.location == "'CUSTOMER 000'!A1"
    assert scorecard["A305"].hyperlink.location == "OTHER!A1"


def test_as_many_customers_as_fit_need_no_other() -> None:
    tabs = share_out([Customer(f"CUSTOMER {number:03}") for number in range(248)], FIXED)
    assert (len(tabs.own), list(tabs.other)) == (248, [])
    tabs = share_out([Customer(f"CUSTOMER {number:03}") for number in range(249)], FIXED)
    assert (len(tabs.own), list(tabs.other)) == (247, ["CUSTOMER 247", "CUSTOMER 248"])


def test_customers_with_awkward_names_each_have_their_tab_and_their_links(warehouse: Any, report: Report) -> None:
    long = "NORTHFELL OUTDOOR EQUIPMENT AND APPAREL"
    names = ["HISTORY", "A[]:*?/\\Z", f"{long} EAST", f"{long} WEST", "O'NEILL'S", "'QUOTED'", "SUMMARY"]
    warehouse.run()
    for name in names:
        warehouse.order(name, "1", "A", None, "M", ordered=12, status="UNFULFILLED", due=date(2026, 3, 1))
    book = report()
    assert book.sheetnames[len(FIXED) :] == [
        "QUOTED",
        "A_______Z",
        "HISTORY (CUSTOMER)",
        "NORTHFELL OUTDOOR EQUIPMENT AND",
        "NORTHFELL OUTDOOR EQUIPMENT (2)",
        "O'NEILL'S",
        "SUMMARY (CUSTOMER)",
    ]
    titles = {sheet["A1"].value for sheet in book.worksheets[len(FIXED) :]}
    assert titles == set(names)
    for cell in [row[2] for row in book["EXCEPTIONS"].iter_rows(min_row=6)]:
        sheet_name, _, place = cell.hyperlink.location.rpartition("!")
        sheet = book[sheet_name.removeprefix("'").removesuffix("'").replace("''", "'")]
        assert (sheet["A1"].value, place) == (cell.value, "A6")


def test_rows_below_excels_last_row_are_counted_and_told(
    warehouse: Any, report: Report, table_of: TableOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("table", "customers"):
        monkeypatch.setattr(f"order_reports.sheets.{module}.MOST_DATA_ROWS", 3)
    warehouse.run()
    for number in range(5):
        warehouse.order("ACME SPORTSWEAR", str(number), "A", None, "M", ordered=12, status="UNFULFILLED")
    book = report()
    assert len(table_of(book["ACME SPORTSWEAR"])) == 3
    exceptions = list(book["EXCEPTIONS"].iter_rows(min_row=6))
    assert [row[2].value for row in exceptions] == ["ACME SPORTSWEAR"] * 3
    summary = [str(cell.value) for row in book["SUMMARY"].iter_rows() for cell in row if cell.value]
    assert any(text.startswith("4 rows did not fit into their tabs") for text in summary)
    assert 60 in [cell.value for row in book["SUMMARY"].iter_rows() for cell in row]
