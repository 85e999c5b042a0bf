"""The rows of an order list: what is read, under which header and row number, and where the table ends."""

import datetime as dt
import json
import re
import zipfile

import openpyxl
import pytest
from tap_sharepoint_orders import table as table_module
from tap_sharepoint_orders.table import ColumnTexts


@pytest.fixture
def read_rows(tmp_path, save, read):
    """Reads rows written to a sheet at a place of one's choice."""

    def read_them(rows, **place):
        return read(save(tmp_path / "book.xlsx", {"MASTER": rows}, **place))

    return read_them


def rewrite_sheet(path, change):
    """Changes a saved sheet's XML."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = change(parts[name].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


def test_quantities_stand_in_sizes_and_all_other_cells_in_sheet_order(read_rows, headers, line):
    found = read_rows([headers, line(1, sizes=(5, None, 7.5))])
    assert found.rows == {
        2: (
            [
                ["AAG ORDER NUMBER", "AAG0001"],
                ["CUSTOMER NAME", "ACME"],
                ["PO NUMBER", "PO1"],
                ["CUSTOMER STYLE", "ST-1"],
                ["UNIT OF MEASURE", "EA"],
                ["TOTAL QTY", 12.5],
            ],
            [["S", 5], ["L", 7.5]],
        )
    }
    assert found.table.qty == 12.5


def test_a_title_and_a_note_may_stand_above_the_header(read_rows, headers, line):
    found = read_rows([["ORDERS OF ACME"], [], ["note", "read me"], headers, line(1)])
    assert found.header.row_number == 4
    assert list(found.rows) == [5]


@pytest.mark.parametrize(("first_row", "first_column"), [(1, 1), (2, 1), (1, 2), (7, 5)])
def test_row_numbers_and_column_letters_hold_wherever_the_table_begins(
    read_rows, headers, line, first_row, first_column
):
    found = read_rows(
        [[*headers, None], [*line(1), "loose"], [], line(2)], first_row=first_row, first_column=first_column
    )
    assert found.header.row_number == first_row
    assert list(found.rows) == [first_row + 1, first_row + 3]
    letters = openpyxl.utils.get_column_letter(first_column + len(headers))
    assert found.cells(first_row + 1)[f"[{letters}]"] == "loose"


def test_a_column_left_of_the_table_keeps_its_letter(read_rows, headers, line):
    found = read_rows([[None, *headers], ["checked", *line(1)]])
    assert found.rows[2][0][0] == ["[A]", "checked"]


def test_an_unnamed_column_in_the_size_run_is_a_size(read_rows, headers, line):
    headers[6] = None
    found = read_rows([headers, line(1)])
    assert found.sizes(2) == {"S": 1, "[G]": 2, "L": 3}
    assert found.table.qty == 6


def test_duplicate_headers_stay_duplicate(read_rows, headers, line):
    headers[6] = "S"
    found = read_rows([[*headers, "NOTES"], [*line(1), "second"]])
    assert found.rows[2][1] == [["S", 1], ["S", 2], ["L", 3]]
    assert found.rows[2][0][-1] == ["NOTES", "second"]


def test_date_and_number_headers_are_sizes_again(read_rows, headers, line):
    headers[5:8] = [dt.date(2026, 3, 4), dt.date(2026, 12, 13), 28]
    assert read_rows([headers, line(1)]).sizes(2) == {"3-4": 1, "12-13": 2, "28": 3}


def test_headers_keep_their_line_breaks_but_not_their_outer_blanks(read_rows, headers, line):
    headers[9] = " NOTES\nOF PLANNING  "
    headers[5] = "S "
    row = line(1)
    row[9] = " as found "
    found = read_rows([headers, row])
    assert found.cells(2)["NOTES\nOF PLANNING"] == " as found "
    assert "S" in found.sizes(2)


def test_values_keep_their_type_and_text_its_spelling(read_rows, headers, line):
    found = read_rows([headers, line(1, sizes=("12 ", True, "TBC")), line(2, sizes=("1,200", -5, 0))])
    assert found.sizes(2) == {"S": "12 ", "M": True, "L": "TBC"}
    assert found.sizes(3) == {"S": "1,200", "M": -5, "L": 0}
    assert found.table.qty == -5


def test_qty_counts_numbers_only_and_is_null_without_any(read_rows, headers, line):
    assert read_rows([headers, line(1, sizes=("12", True, None))]).table.qty is None
    assert read_rows([headers, line(1, sizes=(0, None, None))]).table.qty == 0
    assert read_rows([headers, *[line(n, sizes=(0.1, None, None)) for n in range(10)]]).table.qty == 1


def test_error_cells_come_back_as_their_text(read_rows, headers, line):
    row = line(1, sizes=(1, "#N/A", "#DIV/0!"))
    row[9] = "#REF!"
    found = read_rows([headers, row, line(2)], first_row=3, first_column=28)
    assert found.sizes(4) == {"S": 1, "M": "#N/A", "L": "#DIV/0!"}
    assert found.cells(4)["NOTES"] == "#REF!"
    assert found.table.qty == 7


def test_an_error_is_found_in_any_spelling_of_xml(tmp_path, save, read, headers, line):
    book = save(tmp_path / "a.xlsx", {"MASTER": [headers, line(1, sizes=("#N/A", 't="e" & ', 1))]})

    def prefix(xml):
        xml = re.sub(r"<(/?)([A-Za-z])", r"<\1x:\2", xml).replace("xmlns=", "xmlns:x=")
        return re.sub('(<x:c [^>]*)t="e"', r"\1t='e'", xml)

    assert read(rewrite_sheet(book, prefix)).sizes(2) == {"S": "#N/A", "M": 't="e" & ', "L": 1}


def test_an_error_cell_is_found_across_the_ends_of_what_is_read_at_once(read_rows, headers, line, monkeypatch):
    monkeypatch.setattr("tap_sharepoint_orders.error_cells.CHUNK_BYTES", 211)
    monkeypatch.setattr("tap_sharepoint_orders.error_cells.OVERLAP_BYTES", 128)
    rows = [line(n, sizes=("#N/A", n, "#REF!")) for n in range(1, 40)]
    found = read_rows([headers, *rows])
    assert [found.sizes(n + 1) for n in range(1, 40)] == [{"S": "#N/A", "M": n, "L": "#REF!"} for n in range(1, 40)]


def test_a_formula_without_a_kept_result_comes_back_as_the_formula(read_rows, headers, line):
    found = read_rows([headers, line(1, sizes=("=1+1", 2, '=IF(B2<"x",1,0)')), line(2)])
    assert found.sizes(2) == {"S": "=1+1", "M": 2, "L": '=IF(B2<"x",1,0)'}
    assert found.sizes(3) == {"S": 1, "M": 2, "L": 3}
    assert found.table.qty == 8


@pytest.fixture
def book_of_77(tmp_path, save, headers, line):
    """A workbook whose cell F2, of size S, holds 77."""
    return save(tmp_path / "a.xlsx", {"MASTER": [headers, line(1, sizes=(77, 2, 3))]})


@pytest.mark.parametrize(
    ("cell", "size"),
    [
        ("<f>A1</f><v>5</v>", 5),
        ("<f>A1</f>", "=A1"),
        ("<f>A1</f><v/>", "=A1"),
        ("<f>A1</f>\n <v></v>\n", "=A1"),
        ('<f t="shared" ref="F2:F9" si="0">A1&amp;"x"</f>', '=A1&"x"'),
        ('<f t="shared" si="0"/>', "="),
        ('<f t="shared" si="0"/><v>5</v>', 5),
        ("<f/>", "="),
        ("", None),
        ("<v/>", None),
    ],
)
def test_a_formula_with_or_without_a_result_is_told_apart_in_every_spelling(book_of_77, read, cell, size):
    path = book_of_77
    rewrite_sheet(path, lambda xml: re.sub(r'(<c r="F2"[^>]*>)<v>77</v>', rf"\g<1>{cell}".replace("\n", "\\n"), xml))
    assert read(path).sizes(2).get("S") == size


def test_a_text_formula_whose_result_is_no_text_is_an_empty_cell(book_of_77, read):
    rewrite_sheet(
        book_of_77, lambda xml: re.sub(r'<c r="F2"[^>]*><v>77</v>', '<c r="F2" t="str"><f>IF(A1,1,"")</f><v></v>', xml)
    )
    assert read(book_of_77).sizes(2) == {"M": 2, "L": 3}


def test_hidden_and_filtered_rows_are_data(tmp_path, save, read, headers, line):
    path = save(tmp_path / "a.xlsx", {"MASTER": [headers, line(1), line(2), line(3)]})
    book = openpyxl.load_workbook(path)
    book["MASTER"].row_dimensions[3].hidden = True
    book["MASTER"].auto_filter.ref = "A1:J4"
    book["MASTER"].auto_filter.add_filter_column(2, ["PO1"])
    book.save(path)
    assert list(read(path).rows) == [2, 3, 4]


def test_blank_rows_inside_the_table_do_not_end_it(read_rows, headers, line):
    found = read_rows([headers, line(1), [], [], [], [], ["  ", " "], line(2)])
    assert list(found.rows) == [2, 8]
    assert found.table.rows == 2


def test_subtotals_and_sparse_rows_stay(read_rows, headers, line):
    subtotal = [None] * 8 + [6]
    note = ["see mail"]
    found = read_rows([headers, line(1), subtotal, [], [], note, line(2), ["the end"]])
    assert list(found.rows) == [2, 3, 6, 7, 8]
    assert found.table.ended_by is None


def test_a_second_order_list_below_is_not_read_and_counted(read_rows, headers, line):
    found = read_rows([headers, line(1), [], [], ["CANCELLED"], headers, line(2), line(3)])
    assert list(found.rows) == [2]
    assert (found.table.ended_by, found.table.beyond) == (5, 4)


def test_a_second_header_right_below_the_last_row_ends_the_table(read_rows, headers, line):
    found = read_rows([headers, line(1), ["short", "row"], headers, line(2)])
    assert list(found.rows) == [2, 3]
    assert (found.table.ended_by, found.table.beyond) == (4, 2)


def test_a_table_of_another_kind_under_its_own_title_ends_the_order_list(read_rows, headers, line):
    found = read_rows([headers, line(1), [], [], ["SIZE CHART"], ["SIZE", "CHEST", "WAIST"], ["S", 90, 70]])
    assert list(found.rows) == [2]
    assert (found.table.ended_by, found.table.beyond) == (5, 3)


def test_a_summary_with_known_headers_ends_the_order_list_without_a_title(read_rows, headers, line):
    summary = [["CUSTOMER NAME", "ORDER TYPE", "DROP", "UNITS 2026"], ["ACME", "RECEIVED", 1, 6]]
    assert list(read_rows([headers, line(1), [], [], *summary]).rows) == [2]


def test_an_order_line_of_words_after_a_gap_and_a_note_is_still_an_order_line(read_rows, headers, line):
    found = read_rows([headers, line(1), [], [], ["NEW"], ["AAG7", "ACME", "PO", "ST", "EA"]])
    assert list(found.rows) == [2, 5, 6]


def test_a_million_blank_rows_below_cost_nothing_in_the_output(tmp_path, save, read, headers, line):
    path = save(tmp_path / "a.xlsx", {"MASTER": [headers, line(1)]})
    book = openpyxl.load_workbook(path)
    book["MASTER"]["A1048576"] = " "
    book.save(path)
    assert list(read(path).rows) == [2]


def test_a_declared_dimension_smaller_than_the_content_loses_nothing(tmp_path, save, read, headers, line):
    path = save(tmp_path / "a.xlsx", {"MASTER": [headers, line(1), line(2)]})
    rewrite_sheet(path, lambda xml: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:B2"', xml))
    found = read(path)
    assert list(found.rows) == [2, 3]
    assert found.sizes(3) == {"S": 1, "M": 2, "L": 3}


@pytest.mark.parametrize(
    ("names", "customer"),
    [
        ([" ACME ", "ACME", None], "ACME"),
        (["ACME", "OTHER"], None),
        ([None, "  "], None),
        ([7], "7"),
        (["Acme", " aCME"], "Acme"),
        (["N/A", "ACME", "tbc", "#N/A"], "ACME"),
        (["N/A"], None),
        (["ACME", "ACME Total", "Grand Total"], "ACME"),
        (["ACME Total"], "ACME Total"),
    ],
    ids=["one", "two", "none", "a number", "two letterings", "nobody", "only nobody", "subtotals", "so named"],
)
def test_the_sheets_only_customer_is_told(read_rows, headers, line, names, customer):
    rows = [line(number, customer=name) for number, name in enumerate(names)]
    assert read_rows([headers, *rows]).table.customer == customer


def test_a_header_with_nothing_below_is_an_order_list_without_rows(read_rows, headers):
    found = read_rows([headers])
    assert found.rows == {}
    assert found.table.qty is None


def test_cells_are_json_text_that_any_parser_reads(tmp_path, save, headers, line, read):
    odd = 'tab\t, line\nbreak, "quotes", \\, ∆, 👕'
    row = line(1)
    row[9] = odd
    found = read(save(tmp_path / "a.xlsx", {"MASTER": [headers, row]}))
    assert json.loads(json.dumps(found.cells(2)))["NOTES"] == odd


def test_cells_of_one_column_that_python_calls_equal_are_each_written_as_they_are():
    cells = (
        1.0,
        True,
        0.0,
        False,
        "",
        " ",
        "1",
        1,
        1e16,
        10**16,
        28.0,
        28,
        dt.date(2026, 3, 4),
        dt.datetime(2026, 3, 4),
    )
    column = ColumnTexts("SIZE")
    for _ in range(2):
        assert column.of(cells) == [
            b'["SIZE",1]', b'["SIZE",true]', b'["SIZE",0]', b'["SIZE",false]', b"", b"", b'["SIZE","1"]', b'["SIZE",1]',
            b'["SIZE",1e16]', b'["SIZE",10000000000000000]', b'["SIZE",28]', b'["SIZE",28]',
            b'["SIZE","2026-03-04"]', b'["SIZE","2026-03-04"]',
        ]  # fmt: skip


def test_a_column_with_more_different_cells_than_are_kept_is_written_all_the_same(monkeypatch):
    monkeypatch.setattr(table_module, "CELLS_KEPT", 2)
    column = ColumnTexts("PO")
    for start in range(0, 12, 3):
        cells = tuple(f"PO{number}" for number in range(start, start + 3))
        assert column.of(cells) == [f'["PO","{cell}"]'.encode() for cell in cells]
        assert len(column) <= 5
    assert column.of(("", "")) is None


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 100])
def test_a_second_header_ends_the_table_wherever_it_stands_among_rows_written_together(
    read_rows, headers, line, monkeypatch, rows_at_once
):
    monkeypatch.setattr(table_module, "ROWS_AT_ONCE", rows_at_once)
    noted = line(2)
    noted[0] = "UNIT OF MEASURE IS PCS"
    found = read_rows([headers, noted, line(3), noted, [], ["SECOND"], headers, line(4), line(5)])
    assert list(found.rows) == [2, 3, 4]
    assert (found.table.ended_by, found.table.beyond) == (6, 4)
    assert found.cells(4)["AAG ORDER NUMBER"] == "UNIT OF MEASURE IS PCS"
