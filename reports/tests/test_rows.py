"""The fast rows are XlsxWriter's rows: the same cells, the same escapes, and never a formula out of data."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime
from itertools import repeat
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from order_reports.columns import Link, Value, columns_of
from order_reports.rows import LONGEST_TEXT, Book, Formula, Look, RowSheet, heights_of

Rows = tuple[tuple[Value, ...], ...]

AWKWARD: Rows = (
    ("plain", 12, 0.1, date(2026, 3, 4)),
    ("a < b & c > d", -7, 1e21, date(1900, 3, 1)),
    (' blanks at "both" ends ', 0, -0.05, date(9999, 12, 31)),
    ("line\nbreak\ttab", 2_147_483_647, 97.53125, date(2024, 2, 29)),
    ("bell \a and _x0041_", 1, 2.0, date(2026, 1, 1)),
    ("Größe ∆ 漢字 😀", 1, 1 / 3, date(2026, 1, 2)),
    ("plain", None, None, None),
)


MONDAY = datetime(2026, 3, 16)


def write(sheet: RowSheet, first_row: int, rows: Rows, looks: list[Look] | None = None) -> None:
    columns = columns_of(rows, len(rows[0]))
    sheet.write_columns(first_row, [sheet.cells(*one) for one in zip(columns, looks or repeat(Look()), strict=False)])


def fast(path: Path, rows: Rows, looks: list[Look] | None = None) -> Path:
    with Book(path, MONDAY) as workbook:
        write(workbook.add_sheet("ROWS"), 0, rows, looks)
    return path


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def only_cell(path: Path) -> openpyxl.cell.cell.Cell:
    book = openpyxl.load_workbook(path)
    cell = book["ROWS"]["A1"]
    book.close()
    return cell


def test_rows_are_written_as_xlsxwriter_itself_would(tmp_path: Path) -> None:
    made = fast(tmp_path / "fast.xlsx", AWKWARD)
    with xlsxwriter.Workbook(str(tmp_path / "plain.xlsx"), {"tmpdir": str(tmp_path)}) as workbook:
        sheet = workbook.add_worksheet("ROWS")
        for row, values in enumerate(AWKWARD):
            for column, value in enumerate(values):
                if isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif isinstance(value, date):
                    sheet.write_datetime(row, column, value)
                elif isinstance(value, int | float):
                    sheet.write_number(row, column, value)
    plain = tmp_path / "plain.xlsx"
    # Spans are a hint for readers, which XlsxWriter leaves out as well where it writes row by row.
    expected = re.sub(r' spans="[\d:]+"', "", part(plain, "xl/worksheets/sheet1.xml"))
    assert part(made, "xl/worksheets/sheet1.xml") == expected
    count = re.compile(r' count="\d+"')
    assert count.sub("", part(made, "xl/sharedStrings.xml")) == count.sub("", part(plain, "xl/sharedStrings.xml"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "{=1}", "http://x.y", "\t=1"])
def test_a_text_that_looks_like_a_formula_or_a_link_stays_a_text(tmp_path: Path, text: str) -> None:
    cell = only_cell(fast(tmp_path / "made.xlsx", ((text,),)))
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_a_text_that_looks_like_markup_stays_a_text(tmp_path: Path) -> None:
    text = "<r><t>bold</t></r>"
    assert only_cell(fast(tmp_path / "made.xlsx", ((text,),))).value == text


def test_a_text_longer_than_a_cell_is_cut_with_a_sign_of_it(tmp_path: Path) -> None:
    value = only_cell(fast(tmp_path / "made.xlsx", (("😀" * 20_000,),))).value
    assert value.endswith("😀…")
    assert len(value.encode("utf-16-le")) // 2 <= LONGEST_TEXT


def test_half_a_character_does_not_break_the_file(tmp_path: Path) -> None:
    assert only_cell(fast(tmp_path / "made.xlsx", (("a\ud800b",),))).value == "a\ufffdb"


@pytest.mark.parametrize("day", [date(1900, 2, 28), date(202, 3, 4)])
def test_a_day_that_excel_cannot_hold_is_written_as_text(tmp_path: Path, day: date) -> None:
    assert only_cell(fast(tmp_path / "made.xlsx", ((day,),))).value == day.isoformat()


def test_a_moment_keeps_its_time(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with Book(path, MONDAY) as workbook:
        look = Look(workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
        write(workbook.add_sheet("ROWS"), 0, ((datetime(2026, 3, 16, 18, 30),),), [look])
    assert only_cell(path).value == datetime(2026, 3, 16, 18, 30)


def test_a_link_leads_to_its_cell_and_a_formula_brings_its_value(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with Book(path, MONDAY) as workbook:
        cells: dict[int, tuple[Value | Formula, None]] = {
            0: (Link("go", "ROWS!A9"), None),
            1: (Formula("SUM(C1:C2)", 3), None),
            2: (3, None),
        }
        workbook.add_sheet("ROWS").write_cells(0, cells)
    cell = only_cell(path)
    assert (cell.value, cell.hyperlink.location) == ("go", "ROWS!A9")
    for data_only, expected in ((False, "=SUM(C1:C2)"), (True, 3)):
        book = openpyxl.load_workbook(path, data_only=data_only)
        assert book["ROWS"]["B1"].value == expected
        book.close()


def test_links_and_plain_texts_of_a_column_each_have_their_look(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with Book(path, MONDAY) as workbook:
        look = Look(linked=workbook.add_format({"bold": True}))
        write(workbook.add_sheet("ROWS"), 0, ((Link("ACME", "ROWS!A9"),), ("ACME",), (None,)), [look])
    book = openpyxl.load_workbook(path)
    cells = [book["ROWS"].cell(row, 1) for row in (1, 2, 3)]
    book.close()
    assert [cell.value for cell in cells] == ["ACME", "ACME", None]
    assert [cell.hyperlink is not None for cell in cells] == [True, False, False]
    assert [cell.font.bold for cell in cells] == [True, False, False]


def test_a_word_has_its_own_look_and_an_empty_cell_to_fill_in_too(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with Book(path, MONDAY) as workbook:
        bold, italic = (workbook.add_format({name: True}) for name in ("bold", "italic"))
        write(
            workbook.add_sheet("ROWS"), 0, (("LATE",), ("DONE",), (None,)), [Look(italic, {"LATE": bold}, blanks=True)]
        )
    book = openpyxl.load_workbook(path)
    fonts = [book["ROWS"].cell(row, 1).font for row in (1, 2, 3)]
    book.close()
    assert [(font.bold, font.italic) for font in fonts] == [(True, False), (False, True), (False, True)]


def test_many_rows_are_whole_whatever_part_of_a_column_they_are_written_from(tmp_path: Path) -> None:
    rows = tuple((f"PO {number % 700}", number, None if number % 3 else number / 7) for number in range(12_000))
    with Book(tmp_path / "made.xlsx", MONDAY) as workbook:
        first, second = workbook.add_sheet("FIRST"), workbook.add_sheet("SECOND")
        cells = [first.cells(column, Look()) for column in columns_of(rows, 3)]
        first.write_columns(2, [one.slice(0, 11_000) for one in cells])
        first.write_columns(11_002, [one.slice(11_000, 500) for one in cells])
        second.write_columns(0, [one.slice(11_500, 500) for one in cells])
    with zipfile.ZipFile(tmp_path / "made.xlsx") as archive:
        assert archive.testzip() is None
    book = openpyxl.load_workbook(tmp_path / "made.xlsx", read_only=True)
    found = [*book["FIRST"].iter_rows(min_row=3, values_only=True), *book["SECOND"].iter_rows(values_only=True)]
    book.close()
    assert [(po, number, part and round(part, 9)) for po, number, part in found] == [
        (po, number, part and round(part, 9)) for po, number, part in rows
    ]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (fast(tmp_path / name, AWKWARD).read_bytes() for name in ("first.xlsx", "second.xlsx"))
    assert first == second


def test_a_workbook_that_is_given_up_leaves_no_file(tmp_path: Path) -> None:
    sheet: list[RowSheet] = []
    with Book(tmp_path / "first.xlsx", MONDAY) as workbook:
        sheet.append(workbook.add_sheet("ROWS"))
        write(sheet[0], 3, AWKWARD)
    with pytest.raises(ValueError, match="was passed"), Book(tmp_path / "made.xlsx", MONDAY) as workbook:
        write(sheet[0], 0, AWKWARD)
    assert not (tmp_path / "made.xlsx").exists()


def test_more_links_than_are_kept_stay_readable_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("order_reports.rows.MOST_LINKS", 2)
    path = fast(tmp_path / "made.xlsx", tuple((Link(f"row {n}", f"ROWS!A{n}"),) for n in range(1, 5)))
    book = openpyxl.load_workbook(path)
    cells = [row[0] for row in book["ROWS"].iter_rows()]
    book.close()
    assert [cell.value for cell in cells] == ["row 1", "row 2", "row 3", "row 4"]
    assert [cell.hyperlink is not None for cell in cells] == [True, True, False, False]


def test_rows_that_were_passed_are_not_written_again(tmp_path: Path) -> None:
    with Book(tmp_path / "made.xlsx", MONDAY) as workbook:
        sheet = workbook.add_sheet("ROWS")
        write(sheet, 3, (("a",),))
        with pytest.raises(ValueError, match="row 2 was passed"):
            write(sheet, 2, (("b",),))


def test_broken_text_gets_the_height_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with Book(path, MONDAY) as workbook:
        sheet = workbook.add_sheet("ROWS")
        (texts,) = columns_of((("short",), ("word " * 20,), (None,)), 1)
        sheet.write_columns(0, [sheet.cells(texts, Look())], heights_of([(texts, 50)]))
    book = openpyxl.load_workbook(path)
    heights = [book["ROWS"].row_dimensions[row].height for row in (1, 2, 3)]
    book.close()
    assert heights == [None, 30, None]
