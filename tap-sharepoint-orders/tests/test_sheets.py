"""Which sheet is the order list."""

import pytest
from tap_sharepoint_orders.workbook import WorkbookError


@pytest.fixture
def table(headers, line):
    return [headers, line(1)]


@pytest.fixture
def wider(headers, line):
    """A table with two known headers more."""
    return [["AAG SEASON", "DROP", *headers], ["SS26", 1, *line(9)]]


def test_the_sheet_named_exactly_is_read_though_others_fit_better(tmp_path, save, read, table, wider):
    book = save(tmp_path / "a.xlsx", {"MASTER OLD": wider, "Master ": table, "COPY": wider})
    found = read(book)
    assert found.sheet == "Master "
    assert found.notes == ()


def test_a_glob_names_a_sheet(tmp_path, save, read, table):
    assert read(save(tmp_path / "a.xlsx", {"X": table, "Orders SS26": table}), "orders*").sheet == "Orders SS26"


def test_a_part_of_the_name_is_enough(tmp_path, save, read, table):
    assert read(save(tmp_path / "a.xlsx", {"X": table, "ACME Master 26": table})).sheet == "ACME Master 26"


def test_of_several_sheets_that_could_be_the_one_the_best_header_wins_and_is_named(tmp_path, save, read, table, wider):
    found = read(save(tmp_path / "a.xlsx", {"MASTER A": table, "MASTER B": wider}))
    assert found.sheet == "MASTER B"
    assert found.notes == (
        "several sheets could be the order list: took 'MASTER B', whose header fits best, not 'MASTER A'",
    )


def test_if_no_name_fits_the_best_header_wins_and_is_named(tmp_path, save, read, table):
    found = read(save(tmp_path / "a.xlsx", {"Notes": [["hello"]], "Orders": table}))
    assert found.sheet == "Orders"
    assert found.notes == ("no sheet is named like 'MASTER': took 'Orders', whose header fits best",)


def test_a_hidden_sheet_is_not_preferred(tmp_path, save, read, table, wider):
    for state in ("hidden", "veryHidden"):
        book = save(tmp_path / "a.xlsx", {"MASTER": wider, "MASTER 2": table}, states={"MASTER": state})
        assert read(book).sheet == "MASTER 2"
        book = save(tmp_path / "b.xlsx", {"Old": wider, "Orders": table}, states={"Old": state})
        assert read(book).sheet == "Orders"


def test_a_hidden_sheet_is_read_if_it_is_the_only_one(tmp_path, save, read, table):
    book = save(tmp_path / "a.xlsx", {"Notes": [["hello"]], "MASTER": table}, states={"MASTER": "hidden"})
    assert read(book).sheet == "MASTER"


def test_a_named_sheet_that_lost_its_header_fails_rather_than_another_being_read(tmp_path, save, read, table):
    book = save(tmp_path / "a.xlsx", {"MASTER": [["CUSTOMER NAME"], ["ACME"]], "ARCHIVE": table})
    with pytest.raises(WorkbookError, match=r"no header row .*sheets looked at: 'MASTER'\): restore"):
        read(book)


def test_a_workbook_without_any_header_says_where_it_looked(tmp_path, save, read):
    book = save(tmp_path / "a.xlsx", {"One": [["x"]], "Two": []})
    with pytest.raises(WorkbookError, match=r"UNIT OF MEASURE and TOTAL QTY .*'One', 'Two'"):
        read(book)
