"""A run with nothing to map: bookmarks go on, nothing is loaded for them, and what comes later loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.beginning import Beginning, pass_states_on

TESTS = Path(__file__).parent
STATES = [
    '{"type":"STATE","value":{}}\n',
    '{"type":"STATE","value":{"bookmarks":{"shipped":{"to":"2026-03-04","rows":1.10,"ø":"BRÜHL \\u00fc"}}}}\n',
    '{"type": "STATE", "value": {"at": 12345678901234567890, "none": null}, "more": [1e3, true]}\n',
]
SCHEMA = '{"type":"SCHEMA","stream":"other","schema":{},"key_properties":[]}\n'
RECORD = '{"type":"RECORD","stream":"other","record":{"a":1}}\n'
VERSION = '{"type":"ACTIVATE_VERSION","stream":"other","version":7}\n'
BATCH = '{"type":"BATCH","stream":"other","encoding":{"format":"jsonl"},"manifest":[]}\n'


@pytest.fixture
def settings(tmp_path: Path) -> str:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"rules_path": str(TESTS / "config")}), encoding="utf-8")
    return str(path)


def as_in_a_job(settings: str, text: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "mapper_orders", "--config", settings]
    return subprocess.run(command, input=text.encode(), capture_output=True, timeout=50, check=False)


def whole(settings: str, text: str, tmp_path: Path) -> bytes:
    """What the SDK's program writes, which reads a file with nothing in front of it."""
    messages = tmp_path / "messages.singer"
    messages.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mapper_orders", "--config", settings, "--input", str(messages)]
    return subprocess.run(command, capture_output=True, timeout=50, check=True).stdout


def test_bookmarks_alone_go_on_to_the_byte_as_the_whole_mapper_writes_them(settings: str, tmp_path: Path) -> None:
    text = "".join(STATES)
    done = as_in_a_job(settings, text)
    assert (done.returncode, done.stdout) == (0, whole(settings, text, tmp_path))
    assert done.stderr.decode() == "Nothing to map: 0 schemas and 3 states came, and no row.\n"


def test_schemas_of_streams_without_rows_are_left_out(settings: str) -> None:
    done = as_in_a_job(settings, STATES[0] + SCHEMA + SCHEMA + STATES[0])
    assert (done.returncode, done.stdout.decode()) == (0, STATES[0] * 2)


def test_an_empty_input_ends_well_with_nothing(settings: str) -> None:
    done = as_in_a_job(settings, "")
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("name", sorted(path.name for path in (TESTS / "golden").glob("*.in.singer")))
def test_what_is_to_be_mapped_comes_out_as_of_the_whole_mapper(settings: str, name: str) -> None:
    messages = TESTS / "golden" / name
    done = as_in_a_job(settings, messages.read_text(encoding="utf-8"))
    expected = messages.with_name(name.replace(".in.", ".out.")).read_bytes()
    assert (done.returncode, done.stdout) == (0, expected)


@pytest.mark.parametrize("needing", [RECORD, VERSION, BATCH])
def test_schemas_that_waited_come_before_what_needs_them(settings: str, tmp_path: Path, needing: str) -> None:
    done = as_in_a_job(settings, STATES[0] + SCHEMA + STATES[0] + needing + STATES[0])
    expected = whole(settings, STATES[0] + STATES[0] + SCHEMA + needing + STATES[0], tmp_path)
    assert (done.returncode, done.stdout) == (0, expected)


@pytest.mark.parametrize("broken", ["{", "[]", '{"type":"STATE"}', '{"type":"SCHEMA","stream":"x"}', "1" * 5000])
def test_a_broken_line_is_named_by_its_number_in_the_whole_input(settings: str, broken: str) -> None:
    done = as_in_a_job(settings, STATES[0] + SCHEMA + STATES[0] + broken + "\n")
    assert (done.returncode, done.stdout.decode()) == (1, STATES[0] * 2 + SCHEMA)
    assert done.stderr.decode().strip().splitlines()[-1].startswith("Line 4 of the input is no Singer message.")


def test_nothing_is_loaded_for_bookmarks(settings: str) -> None:
    code = (
        "import sys; from mapper_orders.__main__ import main; main();"
        "sys.exit(3 if {'singer_sdk', 'pydantic', 'order_rules', 'yaml'} & sys.modules.keys() else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", settings], input=STATES[0].encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.decode()) == (0, STATES[0])


@given(st.lists(st.sampled_from([STATES[0], SCHEMA, RECORD, VERSION, BATCH, "no message"])))
def test_no_line_is_lost_or_comes_twice(lines: list[str]) -> None:
    rest = iter(lines)
    written: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mapper_orders.beginning._write", written.append)
        beginning = pass_states_on(rest) or Beginning([line for line in lines if line == SCHEMA], len(written))
    passed = [json.dumps(message, separators=(",", ":")) + "\n" for message in written]
    assert passed == [STATES[0]] * beginning.passed
    assert sorted([*passed, *beginning.held, *rest]) == sorted(lines)
