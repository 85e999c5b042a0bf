"""Header rows: how they are found and what their columns are called."""

import datetime as dt

import pytest
from tap_sharepoint_orders.header import column_letters, column_name, header_of, size_of_date, value_of

KNOWN = ["CUSTOMER NAME", "PO NUMBER", "CUSTOMER STYLE"]


def header(row):
    return header_of(row, 1, 0)


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        (dt.date(2026, 3, 4), "3-4"),
        (dt.date(2026, 4, 3), "3-4"),
        (dt.date(2026, 12, 13), "12-13"),
        (dt.date(2026, 10, 12), "10-12"),
        (dt.date(2026, 12, 10), "10-12"),
        (dt.date(2026, 1, 2), "1-2"),
        (dt.date(2026, 2, 1), "1-2"),
        (dt.date(1934, 12, 1), "12-34"),
        (dt.date(1932, 6, 1), "6-32"),
        (dt.date(1999, 6, 1), "6-99"),
        (dt.date(1999, 6, 8), "6-8"),
        (dt.date(1900, 1, 28), "28"),
        (dt.date(1900, 2, 1), "32"),
        (dt.date(1900, 3, 1), "61"),
        (dt.datetime(2026, 3, 4), "3-4"),
    ],
)
def test_a_size_header_excel_turned_into_a_date_is_still_that_size(typed, size):
    assert size_of_date(typed) == size
    assert column_name(typed, in_size_run=True) == size


def test_a_date_header_outside_the_size_run_stays_a_date():
    assert column_name(dt.date(2026, 3, 4), in_size_run=False) == "2026-03-04"


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        (28.0, "28"),
        (28, "28"),
        (28.5, "28.5"),
        ("  XL \n", "XL"),
        ("ONE\nSIZE", "ONE\nSIZE"),
        ("\xa0S\xa0", "S"),
        (True, "TRUE"),
        ("∆", "∆"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_a_header_is_its_text_without_outer_blanks(cell, name):
    assert column_name(cell, in_size_run=True) == name


def test_a_header_row_is_recognised_in_any_spelling():
    found = header([" unit  of\nmeasure ", "S", "Total Qty\t", "customer name", "PO\xa0NUMBER", "Customer  Style"])
    assert found
    assert found.sizes == slice(1, 2)
    assert found.customer == 3
    assert found.fit == 3


@pytest.mark.parametrize(
    "row",
    [
        ["UNIT OF MEASURE", "S", "TOTAL QTY", "CUSTOMER NAME", "PO NUMBER"],
        ["UNIT OF MEASURE", "S", *KNOWN],
        ["TOTAL QTY", "S", *KNOWN],
        ["TOTAL QTY", "S", "UNIT OF MEASURE", *KNOWN],
        ["UNIT PRICE IN OUR MEASURE", "TOTAL QTY", *KNOWN],
        [],
        ["", 1.0, dt.date(2026, 1, 1)],
    ],
    ids=["too few known", "no total", "no unit", "wrong order", "other unit", "empty", "data"],
)
def test_a_row_that_lacks_what_every_order_list_has_is_no_header(row):
    assert header(row) is None


def test_the_size_run_ends_at_the_first_total_after_the_unit():
    found = header(["TOTAL QTY", "UNIT OF MEASURE", "S", "M", "TOTAL QTY", "S", "TOTAL QTY", *KNOWN])
    assert found
    assert found.sizes == slice(2, 4)
    assert found.names.count("TOTAL QTY") == 3


def test_an_unnamed_column_is_called_by_its_letters():
    found = header_of([*KNOWN, "UNIT OF MEASURE", "", "TOTAL QTY", " "], 1, 40)
    assert found
    assert found.names[4] == "[AS]"
    assert found.names[6] == "[AU]"


@pytest.mark.parametrize(
    ("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (42, "AQ"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
)
def test_columns_are_lettered_as_excel_does(column, letters):
    assert column_letters(column) == letters


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (28.0, 28),
        (-0.0, 0),
        (12.5, 12.5),
        (4500012345.0, 4500012345),
        (1e300, 1e300),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, True),
        (" 12 pcs ", " 12 pcs "),
        (dt.date(2026, 3, 4), "2026-03-04"),
        (dt.datetime(2026, 3, 4), "2026-03-04"),
        (dt.datetime(2026, 3, 4, 10), "2026-03-04T10:00:00"),
        (dt.time(10, 30), "10:30:00"),
        (dt.timedelta(hours=36, minutes=30), "36:30:00"),
    ],
)
def test_a_value_is_written_as_the_contract_says(cell, value):
    written = value_of(cell)
    assert written == value
    assert type(written) is type(value)
