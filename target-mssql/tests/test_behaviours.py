"""One `.singer` file a behaviour, replayed through the whole target; the `.json` beside it says what must come of it.

`runs`: the settings of each run, its own input where it differs, and the error it must end with. `tables`: the rows
that are there afterwards, read through the tables' own types. `states`: what the last run emitted.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SINGER = Path(__file__).parent / "singer"
NAMES = sorted(path.stem for path in SINGER.glob("*.json"))


def test_every_behaviour_has_both_files():
    inputs = {path.stem for path in SINGER.glob("*.singer")}
    others = {
        run["input"].removesuffix(".singer")
        for name in NAMES
        for run in json.loads((SINGER / f"{name}.json").read_text())["runs"]
        if "input" in run
    }
    assert inputs == set(NAMES) | others


# A file is committed when it has come, records before it that wait are not.
COMMITTED_EARLIER = {"a_line_that_is_no_json_is_refused"}
CASES = [(name, "records") for name in NAMES] + [(name, "files") for name in NAMES if name not in COMMITTED_EARLIER]


@pytest.mark.parametrize(("name", "carrier"), CASES)
def test_behaviour(database, as_batches, name, carrier):
    expected = json.loads((SINGER / f"{name}.json").read_text())
    for run in expected["runs"]:
        lines = (SINGER / run.get("input", f"{name}.singer")).read_text().splitlines()
        if carrier == "files":
            lines = as_batches(lines)
        done = database.run(lines, **run.get("settings", {}))
        if "error" in run:
            assert done.error is not None, "the run should have failed"
            missing = [part for part in run["error"] if part not in str(done.error)]
            assert not missing, f"{missing} not in: {done.error}"
            assert done.states == []
        elif done.error is not None:
            raise done.error
    for table, rows in expected["tables"].items():
        columns = list(rows[0]) if rows else []
        found = database.rows(table, *columns)
        assert found == sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
    if "states" in expected:
        assert done.states == expected["states"]
