from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_sample import AS_OF, PROGRAM, Made, file_contents
from make_sources import main
from order_list_reader import read_order_list, size_name

CHANGED = "order_lists/Childrenswear/BRACKEN & VALE ORDER LIST.xlsx"
SMALL = ["--as-of", AS_OF.isoformat(), "--customers", "4", "--rows", "200"]


def modified(folder: Path) -> dict[str, float]:
    return {str(p.relative_to(folder)): p.stat().st_mtime for p in folder.rglob("*.xls*")}


def test_the_same_arguments_give_the_same_bytes_and_times_in_another_process(made: Made, tmp_path: Path) -> None:
    # Another hash seed: nothing may hang on the order of a set.
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path / "again"), "--as-of", AS_OF.isoformat()],
        check=True,
        env=environment,
        capture_output=True,
    )
    assert file_contents(tmp_path / "again") == file_contents(made.folder)
    assert modified(tmp_path / "again") == modified(made.folder)


def test_another_seed_gives_another_sample(tmp_path: Path) -> None:
    assert main([str(tmp_path / "a"), *SMALL]) == 0
    assert main([str(tmp_path / "b"), *SMALL, "--seed", "21"]) == 0
    first, second = file_contents(tmp_path / "a"), file_contents(tmp_path / "b")
    assert first.keys() == second.keys()
    assert first[CHANGED] != second[CHANGED]
    assert first["truth.csv"] != second["truth.csv"]


def test_no_file_comes_from_the_future_and_the_copy_is_the_older(made: Made) -> None:
    times = modified(made.folder / "order_lists")
    copy = made.truth["older_copy"]
    assert max(times.values()) < datetime(AS_OF.year, AS_OF.month, AS_OF.day, tzinfo=UTC).timestamp()
    assert times[copy["path"]] < times[copy["of"]]


def test_without_a_date_the_sample_is_of_today(tmp_path: Path) -> None:
    before = datetime.now().astimezone().date()
    assert main([str(tmp_path), *SMALL[2:]]) == 0
    as_of = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))["arguments"]["as_of"]
    assert as_of in {before.isoformat(), datetime.now().astimezone().date().isoformat()}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("changed")
    assert main([str(out), "--as-of", AS_OF.isoformat()]) == 0
    assert main([str(out), "--change"]) == 0
    return out


def test_a_change_changes_one_workbook_and_the_totals(made: Made, changed: Path) -> None:
    before, after = file_contents(made.folder), file_contents(changed)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {CHANGED, "truth.json"}
    assert (changed / CHANGED).stat().st_mtime > max(modified(made.folder).values())


def test_a_change_corrects_a_quantity_deletes_a_row_and_adds_one(made: Made, changed: Path) -> None:
    truth = json.loads((changed / "truth.json").read_text(encoding="utf-8"))
    change = truth["change"]
    path = change["workbook"]
    before, after = made.order_lists[path], read_order_list(changed / "order_lists" / path)
    number = before.columns["AAG ORDER NUMBER"]
    old = {row[number]: row for row in before.rows.values()}
    new = {row[number]: row for row in after.rows.values()}
    assert old.keys() - new.keys() == {change["deleted"]["order_number"]}
    assert new.keys() - old.keys() == {change["added"]["order_number"]}
    differing = [key for key in old.keys() & new.keys() if old[key] != new[key]]
    assert differing == [change["corrected"]["order_number"]]
    corrected = change["corrected"]
    cells = [n for n in new[differing[0]] if old[differing[0]].get(n) != new[differing[0]][n]]
    size, total = sorted(cells)
    assert size_name(after.header_cells[size]) == corrected["size"]
    assert (old[differing[0]][size], new[differing[0]][size]) == (corrected["from"], corrected["to"])
    assert total == after.columns["TOTAL QTY"]
    assert after.units["ordered_units"] == truth["workbooks"][path]["ordered_units"]
    delta = corrected["to"] - corrected["from"] - change["deleted"]["units"] + change["added"]["units"]
    assert truth["orders"]["ordered_units"] == made.truth["orders"]["ordered_units"] + delta


def test_what_a_change_deletes_was_never_fulfilled(made: Made, changed: Path) -> None:
    truth = json.loads((changed / "truth.json").read_text(encoding="utf-8"))
    book = made.order_lists[truth["change"]["workbook"]]
    columns = [book.columns[n] for n in ("PO NUMBER", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION")]
    gone = truth["change"]["deleted"]["order_number"]
    (deleted,) = [row for row in book.rows.values() if row.get(book.columns["AAG ORDER NUMBER"]) == gone]
    fulfilled = {(k["order_customer_po"], k["order_style"], k["order_color"]) for k in made.keys}
    assert tuple(deleted[n] for n in columns) not in fulfilled


def test_making_it_again_takes_the_earlier_sample_away(tmp_path: Path) -> None:
    main([str(tmp_path), *SMALL])
    first = file_contents(tmp_path)
    main([str(tmp_path), *SMALL, "--customers", "5"])
    main([str(tmp_path), *SMALL])
    assert file_contents(tmp_path) == first


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "order_lists").mkdir()
    (tmp_path / "order_lists" / "mine.xlsx").write_bytes(b"mine")
    assert main([str(tmp_path), *SMALL]) == 1
    assert "is not empty and holds no sample" in capsys.readouterr().err
    assert (tmp_path / "order_lists" / "mine.xlsx").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--customers", "3"], "--customers must be 4 to 14, not 3"),
        (["--customers", "15"], "--customers must be 4 to 14, not 15"),
        (["--customers", "4", "--rows", "20"], "--rows must be at least 96 for 4 customers, not 20"),
        (["--change"], "make the sample first, without --change"),
    ],
)
def test_arguments_out_of_range_end_with_one_line_and_write_nothing(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not any(tmp_path.iterdir())
