from __future__ import annotations

import json
import zipfile
from datetime import datetime

import openpyxl
import pytest
from made_sample import PROGRAM, Made
from order_list_reader import OrderList, folded, read_order_list, size_name

LAYOUTS: dict[str, list[str]] = json.loads((PROGRAM.parent / "layouts.json").read_text(encoding="utf-8"))["layouts"]


def test_fourteen_workbooks_hold_the_rows_asked_for(made: Made) -> None:
    books = made.truth["workbooks"]
    assert len(books) == 14
    assert sum(book["order_rows"] for book in books.values()) == 3000
    assert sum(path.endswith(".xlsm") for path in books) == 2
    assert len({path.split("/")[0] for path in books if "/" in path}) == 3


def test_each_workbook_has_the_header_row_of_its_layout_but_for_what_is_named(made: Made) -> None:
    seen = set()
    for path, book in made.truth["workbooks"].items():
        found = made.order_lists[path]
        expected = list(LAYOUTS[book["layout"]])
        total = expected.index("TOTAL QTY")
        expected[total:total] = book["extra_sizes"]
        named = {place["header"] for place in book["hazards"].get("header", [])}
        assert len(found.header_cells) == len(expected)
        assert {header for header, cell in zip(expected, found.header_cells, strict=True) if cell != header} == named
        seen.add(book["layout"])
    assert seen == set(LAYOUTS)


def test_units_read_with_another_library_are_those_of_the_truth(made: Made) -> None:
    for path, book in made.truth["workbooks"].items():
        found = made.order_lists[path]
        assert {kind: found.units[kind] for kind in ("ordered_units", "cancelled_units", "sample_units")} == {
            kind: book[kind] for kind in ("ordered_units", "cancelled_units", "sample_units")
        }, path
        assert {reason: dict(counts) for reason, counts in found.quarantined.items()} == book["quarantined"], path
        assert found.header_row == book["header_row"]
        filled = sum(1 for row in found.rows.values() if row)
        assert filled == book["rows_with_cells"] + book["second_table_rows"]
        numbers = [row[n] for row in found.rows.values() for n in found.sizes if isinstance(row.get(n), int | float)]
        assert sum(numbers) == book["number_cells_sum"]


def test_little_of_any_workbook_is_quarantined(made: Made) -> None:
    for book in made.truth["workbooks"].values():
        units = sum(abs(counts["units"]) for counts in book["quarantined"].values())
        assert units < 0.05 * book["ordered_units"]


def test_every_hazard_of_order_lists_is_there(made: Made) -> None:
    kinds = {kind for book in made.truth["workbooks"].values() for kind in book["hazards"]}
    assert kinds == {
        "blank_customer",
        "blank_customer_of_two",
        "blank_row",
        "dash",
        "empty_row",
        "error_value",
        "filtered_rows",
        "fractional",
        "header",
        "hidden_row",
        "negative",
        "second_table",
        "subtotal_row",
        "text_number",
        "text_thousands",
        "text_with_unit",
        "title_rows",
        "to_be_confirmed",
        "total_formula",
        "total_mismatch",
        "unnamed_column",
        "unreadable",
    }


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("text_thousands", "1,200"),
        ("dash", "-"),
        ("to_be_confirmed", "TBC"),
        ("error_value", "#N/A"),
        ("negative", -24),
        ("fractional", 12.5),
        ("unreadable", "24 OR 36"),
    ],
)
def test_a_quantity_cell_holds_what_the_hazard_says(made: Made, kind: str, cell: object) -> None:
    found = [book.rows[place["row"]][_size_column(book, place["header"])] for book, place in made.hazards(kind)]
    assert found == [cell] * len(found)
    assert len(found) >= 2


def _size_column(book: OrderList, size: str) -> int:
    return next(n for n in book.sizes if size_name(book.header_cells[n]) == size)


def test_numbers_stand_as_text_with_a_blank_or_a_unit(made: Made) -> None:
    for kind, tail in (("text_number", " "), ("text_with_unit", " pcs")):
        for book, place in made.hazards(kind):
            cell = book.rows[place["row"]][_size_column(book, place["header"])]
            assert cell.endswith(tail)
            assert cell.removesuffix(tail).isdigit()


def test_size_headers_stand_as_dates_where_excel_read_dates(made: Made) -> None:
    book = made.order_lists["Childrenswear/BRACKEN & VALE ORDER LIST.xlsx"]
    dates = [h for n in book.sizes if isinstance(h := book.header_cells[n], datetime)]
    assert [(d.month, d.day) for d in dates] == [(3, 4), (5, 6), (7, 8), (10, 12), (12, 13)]


def test_waists_stand_as_numbers(made: Made) -> None:
    book = made.order_lists["Menswear and denim/GRANITE FOLD DENIM ORDER LIST.xlsm"]
    assert 28 in [book.header_cells[n] for n in book.sizes]
    assert isinstance(next(iter(book.rows.values()))[book.columns["PO NUMBER"]], int)


def test_headers_are_misspelt_doubled_unnamed_broken_and_of_other_case(made: Made) -> None:
    found = {cell for book in made.order_lists.values() for cell in book.header_cells}
    assert {"COUNTRY OF ORIGN", "PO NUMBER ", "CUSTOMER COLOUR\nDESCRIPTION", "Customer Name", "XL ", None} <= found
    doubled = made.order_lists["Menswear and denim/COPPERLARK ORDER LIST.xlsx"].header_cells
    assert doubled.count("VALIDATION") == 2
    unnamed = made.order_lists["Womenswear/PALE HERON ORDER LIST.xlsx"]
    column = unnamed.header_cells.index(None)
    assert sum(column in row for row in unnamed.rows.values()) >= 4


def test_the_header_row_of_one_workbook_has_a_title_above_it(made: Made) -> None:
    rows = {path: book.header_row for path, book in made.order_lists.items() if book.header_row > 1}
    assert rows == {"Womenswear/WRENFIELD STUDIO ORDER LIST.xlsx": 4}


def test_total_differs_from_its_sizes_only_where_planted(made: Made) -> None:
    planted = {(id(book), place["row"]) for book, place in made.hazards("total_mismatch")}
    odd = {
        (id(book), place["row"])
        for kind in ("negative", "fractional", "text_number", "text_thousands", "text_with_unit")
        for book, place in made.hazards(kind)
    }
    differing = set()
    for book in made.order_lists.values():
        for number, row in book.rows.items():
            total = row.get(book.columns["TOTAL QTY"])
            cells = [row[n] for n in book.sizes if n in row]
            if cells and total != sum(cell for cell in cells if isinstance(cell, int)):
                differing.add((id(book), number))
    assert len(planted) >= 6
    assert planted <= differing <= planted | odd


def test_total_is_a_formula_with_its_last_value_in_one_workbook(made: Made) -> None:
    path = made.folder / "order_lists" / "QUILLMARK ACTIVE ORDER LIST.xlsx"
    column = made.order_lists[path.name].columns["TOTAL QTY"] + 1
    formulas = openpyxl.load_workbook(path)["MASTER"]
    assert formulas.cell(2, column).value == "=SUM(Z2:AF2)"
    assert isinstance(openpyxl.load_workbook(path, data_only=True)["MASTER"].cell(2, column).value, int)


def test_rows_out_of_sight_are_orders_all_the_same(made: Made) -> None:
    for book, place in made.hazards("hidden_row"):
        assert place["row"] in book.hidden
        assert book.columns["PO NUMBER"] in book.rows[place["row"]]
    filtered = made.order_lists["Menswear and denim/GRANITE FOLD DENIM ORDER LIST.xlsm"]
    types = {filtered.rows[number][filtered.columns["ORDER TYPE"]] for number in filtered.hidden}
    assert types == {"CANCELLED"}


def test_a_blank_customer_can_be_filled_in_a_sheet_of_one_name_and_not_in_one_of_two(made: Made) -> None:
    for kind, names in (("blank_customer", 1), ("blank_customer_of_two", 2)):
        places = made.hazards(kind)
        assert places
        for book, place in places:
            assert book.columns["CUSTOMER NAME"] not in book.rows[place["row"]]
            assert len(book.customers) == names


def test_subtotals_sum_rows_and_carry_no_po(made: Made) -> None:
    places = made.hazards("subtotal_row")
    labels = [book.rows[place["row"]][book.columns["AAG ORDER NUMBER"]] for book, place in places]
    assert sorted(set(labels)) == ["GRAND TOTAL", "SUBTOTAL"]
    assert all(book.columns["PO NUMBER"] not in book.rows[place["row"]] for book, place in places)


def test_empty_rows_hold_a_customer_alone_and_blank_rows_nothing(made: Made) -> None:
    assert all(list(b.rows[p["row"]]) == [b.columns["CUSTOMER NAME"]] for b, p in made.hazards("empty_row"))
    assert all(book.rows[place["row"]] == {} for book, place in made.hazards("blank_row"))


def test_a_second_table_stands_below_a_gap(made: Made) -> None:
    ((book, place),) = made.hazards("second_table")
    title = place["row"]
    assert list(book.rows[title].values()) == ["SUMMARY BY STYLE"]
    assert all(book.rows[title - n] == {} for n in (1, 2, 3, 4))
    assert len(book.rows[title + 2]) == 3


def test_the_macro_enabled_workbook_says_so(made: Made) -> None:
    for path in made.truth["workbooks"]:
        with zipfile.ZipFile(made.folder / "order_lists" / path) as archive:
            types = archive.read("[Content_Types].xml").decode()
        assert ("macroEnabled.main+xml" in types) == path.endswith(".xlsm")


def test_the_older_copy_differs_in_one_cell(made: Made) -> None:
    copy = made.truth["older_copy"]
    other = read_order_list(made.folder / "order_lists" / copy["path"])
    book = made.order_lists[copy["of"]]
    differing = [(n, c) for n, row in book.rows.items() for c in row if other.rows[n].get(c) != row[c]]
    assert len(differing) == 1
    assert differing[0][0] == copy["differs_in_row"]


def test_beside_the_workbooks_lie_files_that_are_none(made: Made) -> None:
    files = made.truth["not_workbooks"]
    contents = [(made.folder / "order_lists" / path).read_bytes() for path in files]
    assert files[0].split("/")[1].startswith("~$")
    assert contents[1] == b""
    assert contents[2].startswith(b"PK")
    assert not zipfile.is_zipfile(made.folder / "order_lists" / files[2])
    assert contents[3].startswith(b"<html>")
    on_disk = {
        p.relative_to(made.folder / "order_lists").as_posix()
        for p in (made.folder / "order_lists").rglob("*")
        if p.is_file()
    }
    assert on_disk == {*files, *made.truth["workbooks"], made.truth["older_copy"]["path"]}


def test_headers_that_matter_are_known_once_case_and_blanks_are_folded(made: Made) -> None:
    for path, book in made.order_lists.items():
        names = {folded(cell) for cell in book.header_cells}
        assert {"CUSTOMER NAME", "PO NUMBER", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION"} <= names, path
