"""Workbooks in Excel's binary formats: the same cells come back as from the same sheets in an open format."""

import io
import json
import shutil
import struct

import pytest
from tap_sharepoint_orders import xls_errors
from tap_sharepoint_orders.workbook import WorkbookError

from .content import HERE, LAYOUTS, rows_of, rows_with_errors
from .xlsb_writer import write_xlsb

ALL = "**/*.xls*"
BINARY = ["xls", "xlsb"]


@pytest.fixture(scope="module")
def open_format(tmp_path_factory, save):
    """The layouts as .xlsx."""
    sheets = {name: rows_of(columns) for name, columns in LAYOUTS.items()}
    return save(tmp_path_factory.mktemp("open") / "layouts.xlsx", sheets)


@pytest.mark.parametrize("extension", BINARY)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_reads_the_same_from_a_binary_workbook(read, open_format, layout, extension):
    found, expected = read(HERE / f"layouts.{extension}", layout), read(open_format, layout)
    assert found.header == expected.header
    assert found.header.row_number == 3
    assert found.rows == expected.rows
    assert len(found.rows) == 3
    assert found.table.qty == expected.table.qty


def errors_as(extension, folder):
    if extension == "xls":
        return HERE / "errors.xls"
    return write_xlsb(folder / "errors.xlsb", {"NOTES": [["#N/A"]], "MASTER": rows_with_errors()})


@pytest.mark.parametrize("extension", BINARY)
def test_error_cells_come_back_as_their_text(tmp_path, read, extension):
    found = read(errors_as(extension, tmp_path))
    assert found.sizes(2) == {"S": "#N/A", "M": 2, "L": "#DIV/0!"}
    assert found.cells(2)["TOTAL QTY"] == "#REF!"
    assert found.sizes(3) == {"S": True, "M": False, "L": 7}
    assert (found.cells(3)["CUSTOMER STYLE"], found.cells(3)["TOTAL QTY"]) == ("#NAME?", "#VALUE!")
    assert found.sizes(4) == {"S": 1, "M": "#NUM!", "L": "#NULL!"}
    assert found.table.qty == 10


def test_a_formula_of_a_binary_workbook_that_results_in_an_error_is_one(tmp_path, read):
    rows = [[f"={cell}" if str(cell).startswith("#") else cell for cell in row] for row in rows_with_errors()]
    found = read(write_xlsb(tmp_path / "a.xlsb", {"MASTER": rows}))
    assert found.sizes(2) == {"S": "#N/A", "M": 2, "L": "#DIV/0!"}
    assert found.sizes(4) == {"S": 1, "M": "#NUM!", "L": "#NULL!"}


def test_a_pattern_that_includes_them_has_binary_workbooks_read(tmp_path, save, run_tap):
    for extension in BINARY:
        shutil.copy(errors_as(extension, tmp_path.parent), tmp_path / f"errors.{extension}")
    save(tmp_path / "open.xlsx")
    assert run_tap().statuses == {"open.xlsx": "read"}
    run = run_tap(file_pattern=ALL)
    assert run.statuses == {"open.xlsx": "read", "errors.xls": "read", "errors.xlsb": "read"}
    assert sorted((load["rows"], load["qty"]) for load in run.loads) == [(1, 6), (3, 10), (3, 10)]


@pytest.mark.parametrize("extension", BINARY)
@pytest.mark.parametrize("name", ["renamed.xlsx", "RENAMED.XLSM"])
def test_a_binary_workbook_under_an_open_formats_name_fails(tmp_path, run_tap, extension, name):
    shutil.copy(HERE / f"layouts.{extension}", tmp_path / name)
    error = run_tap().files[name]["error"]
    assert f"workbook (.{extension}) under another name: open it in Excel and save it" in error


@pytest.mark.parametrize("extension", BINARY)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.99])
def test_a_binary_workbook_cut_short_fails_with_that_reason(tmp_path, run_tap, extension, share):
    content = (HERE / f"layouts.{extension}").read_bytes()
    (tmp_path / f"cut.{extension}").write_bytes(content[: int(len(content) * share)])
    run = run_tap(file_pattern=ALL)
    assert run.statuses == {f"cut.{extension}": "failed"}
    assert "put back a good copy" in run.files[f"cut.{extension}"]["error"]


def test_an_old_workbook_with_a_password_fails_with_that_reason(tmp_path, read):
    content = bytearray((HERE / "errors.xls").read_bytes())
    # FILEPASS, right behind the record that begins the workbook, in place of what stands there.
    begin = content.index(struct.pack("<HHH", 0x0809, 16, 0x0600))
    content[begin + 20 : begin + 22] = struct.pack("<H", 0x002F)
    path = tmp_path / "a.xls"
    path.write_bytes(content)
    with pytest.raises(WorkbookError, match="protected by a password"):
        read(path)


def test_sectors_that_go_round_in_a_circle_are_damage():
    content = bytearray((HERE / "errors.xls").read_bytes())
    table = 512 * (struct.unpack_from("<I", content, 76)[0] + 1)
    for number in range(128):
        struct.pack_into("<I", content, table + 4 * number, number)
    with pytest.raises(ValueError, match="round in a circle"):
        xls_errors.error_cells(io.BytesIO(content), "MASTER")


def test_a_web_page_saved_as_an_old_workbook_fails(tmp_path, run_tap):
    (tmp_path / "a.xls").write_bytes(b"<html><table>")
    assert "a web page or XML under a workbook's name" in run_tap(file_pattern=ALL).files["a.xls"]["error"]


def test_cells_are_json_text_from_binary_workbooks_too(tmp_path, run_tap):
    shutil.copy(HERE / "layouts.xls", tmp_path / "a.xls")
    rows = run_tap(file_pattern=ALL, sheet_pattern=next(iter(LAYOUTS))).records("order_list_rows")
    assert [row["row_number"] for row in rows] == [4, 5, 6]
    assert all(isinstance(json.loads(row["sizes"]), list) for row in rows)
