"""Makes a sample of the sources: order lists, a WMS database, and the truth about them.

``python examples/make_sources.py sample`` writes it; ``--change`` then works on one of the workbooks. The same
arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

from sample.change import change_one_workbook
from sample.plan import Arguments, Sample, copied_sheet, make_sample
from sample.truth_files import totals, write_totals, write_truth_table
from sample.wms_database import write_database
from sample.workbook_files import saved_at, workbook_bytes, write_broken_files, write_file

ORDER_LISTS = "order_lists"
DATABASE = "wms.db"
TRUTH_TABLE = "truth.csv"
TRUTH = "truth.json"


class SampleError(Exception):
    """The sample cannot be made there; the message says what to do."""


def make(out: Path, arguments: Arguments) -> dict[str, Any]:
    """Make the whole sample in a folder, in place of an earlier one.

    Args:
        out: the folder.
        arguments: seed, date and size.

    Returns:
        What ``truth.json`` holds.

    Raises:
        SampleError: the folder holds something else, or the arguments are out of range.
    """
    sample = _plan(arguments)
    _clear(out)
    folder = out / ORDER_LISTS
    contents = {path: _content(sample, path) for path in sample.sheets}
    for hours, (path, content) in enumerate(contents.items(), 7):
        write_file(folder / path, content, saved_at(arguments.as_of, hours))
    path, sheet, row = copied_sheet(sample)
    write_file(folder / path, workbook_bytes(sheet, macro_enabled=False), saved_at(arguments.as_of, 200))
    broken = write_broken_files(folder, arguments.as_of, next(iter(contents.values())))
    others = {
        "older_copy": {"path": path, "of": sheet.brand.path, "differs_in_row": sheet.row_number(row)},
        "not_workbooks": broken,
    }
    write_database(out / DATABASE, sample.cartons, sample.view_orders, sample.view_sizes, arguments.as_of)
    write_truth_table(out / TRUTH_TABLE, sample)
    truth = totals(sample, others)
    write_totals(out / TRUTH, truth)
    return truth


def change(out: Path) -> dict[str, Any]:
    """Change one workbook of a sample made before, with the arguments it was made with.

    Args:
        out: the sample's folder.

    Returns:
        What ``truth.json`` holds now.

    Raises:
        SampleError: there is no sample in the folder.
    """
    if not (out / TRUTH).is_file():
        msg = f"{out} holds no {TRUTH}: make the sample first, without --change."
        raise SampleError(msg)
    before = json.loads((out / TRUTH).read_text(encoding="utf-8"))
    made_with = before["arguments"] | {"as_of": date.fromisoformat(before["arguments"]["as_of"])}
    sample = _plan(Arguments(**made_with))
    path, done = change_one_workbook(sample)
    content = _content(sample, done["workbook"])
    write_file(out / path, content, saved_at(sample.arguments.as_of, 0))
    others = {name: before[name] for name in ("older_copy", "not_workbooks")}
    truth = totals(sample, others, done)
    write_totals(out / TRUTH, truth)
    return truth


def _plan(arguments: Arguments) -> Sample:
    try:
        return make_sample(arguments)
    except ValueError as error:
        raise SampleError(str(error)) from error


def _content(sample: Sample, path: str) -> bytes:
    return workbook_bytes(sample.sheets[path], macro_enabled=path.endswith(".xlsm"))


def _clear(out: Path) -> None:
    """Take an earlier sample away; anything else in the folder is not ours to delete."""
    if out.exists() and any(out.iterdir()) and not (out / TRUTH).is_file():
        msg = f"{out} is not empty and holds no sample: name a new folder, or empty this one."
        raise SampleError(msg)
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / ORDER_LISTS, ignore_errors=True)
    for name in (DATABASE, TRUTH_TABLE, TRUTH):
        (out / name).unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: its arguments; those of the process by default.

    Returns:
        The exit code: 0, or 1 with one line on what to do.
    """
    parser = argparse.ArgumentParser(description="Make a sample of the sources, with the truth about it.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make it in")
    parser.add_argument("--seed", type=int, default=20, help="of every choice (default: 20)")
    parser.add_argument("--as-of", type=date.fromisoformat, default=None, help="YYYY-MM-DD (default: today)")
    parser.add_argument("--customers", type=int, default=14, help="brands with a workbook (default: 14)")
    parser.add_argument("--rows", type=int, default=3000, help="order rows in all workbooks (default: 3000)")
    parser.add_argument(
        "--change",
        action="store_true",
        help="change one workbook of the sample in OUT; all other arguments are those it was made with",
    )
    given = parser.parse_args(argv)
    gc.disable()  # a sample fits into memory many times over; looking for cycles took a sixth of the time
    try:
        if given.change:
            truth = change(given.out)
        else:
            as_of = given.as_of or date.today()
            truth = make(given.out, Arguments(given.seed, as_of, given.customers, given.rows))
    except SampleError as error:
        sys.stderr.write(f"make_sources: {error}\n")
        return 1
    sys.stdout.write(_summary(given.out, truth))
    return 0


def _summary(out: Path, truth: dict[str, Any]) -> str:
    if done := truth["change"]:
        corrected, deleted, added = done["corrected"], done["deleted"], done["added"]
        return (
            f"{out / ORDER_LISTS / done['workbook']}: {corrected['order_number']} size {corrected['size']} "
            f"{corrected['from']} -> {corrected['to']}, {deleted['order_number']} deleted, "
            f"{added['order_number']} added\n"
        )
    wms, orders = truth["wms"], truth["orders"]
    rows = sum(book["order_rows"] for book in truth["workbooks"].values())
    return (
        f"{out}: {len(truth['workbooks'])} workbooks with {rows} rows, {orders['ordered_units']} units ordered; "
        f"{wms['packed_rows']} packed and {wms['shipped_rows']} shipped carton rows; "
        f"{truth['fulfilment_keys']['total']} fulfilment keys\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
