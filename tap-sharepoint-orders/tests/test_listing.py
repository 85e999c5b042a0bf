"""Which files of a library are order lists."""

import hashlib
import logging
import os

import pytest
from tap_sharepoint_orders.library import path_matches

DEFAULT = "**/*.xls[xm]"


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a.xlsx", DEFAULT, True),
        ("a/b/c.xlsm", DEFAULT, True),
        ("A/ORDERS.XLSX", DEFAULT, True),
        ("a.xls", DEFAULT, False),
        ("a.xlsb", DEFAULT, False),
        ("a.xlsx.tmp", DEFAULT, False),
        ("a/b.xlsx", "*.xlsx", False),
        ("b.xlsx", "/*.xlsx", True),
        ("2026/b.xlsx", "20??/*.xlsx", True),
        ("x/2026/y/b.xlsx", "**/2026/**/*.xlsx", True),
        ("2026/b.xlsx", "**/2026/**/*.xlsx", True),
        ("2025/b.xlsx", "**/2026/**/*.xlsx", False),
        ("a/b.xlsx", "a/**", True),
    ],
)
def test_a_pattern_picks_order_lists_as_people_expect(path, pattern, fits):
    assert path_matches(path, pattern) is fits


def test_lock_files_never_count(tmp_path, save, run_tap):
    save(tmp_path / "acme.xlsx")
    (tmp_path / "~$acme.xlsx").write_bytes(b"locked by somebody")
    assert list(run_tap().statuses) == ["acme.xlsx"]


def test_files_come_largest_first_and_then_in_path_order_whatever_finishes_first(
    tmp_path, save, run_tap, headers, line
):
    small = save(tmp_path / "b.xlsx").read_bytes()
    (tmp_path / "b").mkdir()
    others = [f"{number:02}.xlsx" for number in range(20)]  # more than are held at a time
    for name in ("b/x.xlsx", "C.xlsm", "z.xlsx", *others):
        (tmp_path / name).write_bytes(small)
    save(tmp_path / "q.xlsx", {"MASTER": [headers, *[line(number) for number in range(2000)]]})
    run = run_tap(workers=3)
    assert list(run.statuses) == ["q.xlsx", *others, "C.xlsm", "b.xlsx", "b/x.xlsx", "z.xlsx"]
    load_ids = [load["load_id"] for load in run.loads]
    assert len(load_ids) == 25
    assert [load_id[:12] for load_id in load_ids] == sorted(load_id[:12] for load_id in load_ids)


def test_a_file_id_is_the_hash_of_its_path(tmp_path, save, run_tap):
    save(tmp_path / "Kunden ä" / "acme.xlsx")
    record = run_tap().files["Kunden ä/acme.xlsx"]
    assert record["file_id"] == hashlib.sha256("local\x1fKunden ä/acme.xlsx".encode()).hexdigest()[:32]
    assert record["name"] == "acme.xlsx"


def test_a_name_that_is_not_utf8_can_still_be_read(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx")
    (tmp_path / "a.xlsx").rename(tmp_path / os.fsdecode(b"caf\xe9.xlsx"))
    assert run_tap().statuses == {"caf\ufffd.xlsx": "read"}


def test_links_to_files_are_followed_and_links_to_nothing_are_not_there(tmp_path, save, run_tap):
    save(tmp_path / "a.xlsx")
    (tmp_path / "b.xlsx").symlink_to(tmp_path / "a.xlsx")
    (tmp_path / "c.xlsx").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert run_tap().statuses == {"a.xlsx": "read", "b.xlsx": "read"}


def test_an_empty_library_is_a_listing_of_no_files_and_a_warning(tmp_path, run_tap, caplog):
    with caplog.at_level(logging.WARNING):
        run = run_tap()
    assert run.exit_code == 0
    assert [(load["kind"], load["unit_id"], load["stream"], load["rows"]) for load in run.records("loads")] == [
        ("listing", "order_lists", "source_files", 0)
    ]
    assert str(tmp_path) in caplog.text
    assert "file_pattern **/*.xls[xm]" in caplog.text
