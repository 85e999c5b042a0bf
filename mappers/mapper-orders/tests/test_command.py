"""The command as a job runs it: exit codes, messages, and what a killed mapper leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "mapper_orders"]
STATE = '{"type":"STATE","value":{}}\n'
SCHEMA = '{"type":"SCHEMA","stream":"other","schema":{},"key_properties":[]}\n'
RECORD = '{"type":"RECORD","stream":"other","record":{"a":1}}\n'


@pytest.fixture
def settings(tmp_path: Path, config: Callable[..., Path]) -> Callable[..., str]:
    """A settings file for rules with some files replaced."""

    def _settings(**files: str) -> str:
        path = tmp_path / "settings.json"
        path.write_text(json.dumps({"rules_path": str(config(**files))}), encoding="utf-8")
        return str(path)

    return _settings


def command(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], input=text, capture_output=True, text=True, timeout=50, check=False)


def test_messages_go_from_standard_in_to_standard_out(settings: Any) -> None:
    done = command("--config", settings(), text=STATE)
    assert (done.returncode, done.stdout) == (0, STATE)


def test_the_command_writes_what_the_golden_file_holds_to_the_byte(tmp_path: Path) -> None:
    tests = Path(__file__).parent
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"rules_path": str(tests / "config")}), encoding="utf-8")
    messages = tests / "golden" / "order_list_hazards.in.singer"
    arguments = [*COMMAND, "--config", str(settings), "--input", str(messages)]
    done = subprocess.run(arguments, capture_output=True, timeout=50, check=True)
    assert done.stdout == messages.with_name("order_list_hazards.out.singer").read_bytes()


def test_a_bad_rule_ends_with_1_and_its_message_alone(settings: Any, tmp_path: Path) -> None:
    done = command(
        "--config", settings(customers="customers:\n  - canonical: A\n    alias: [B]\n"), text=SCHEMA + RECORD
    )
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    place = f"{tmp_path / 'config' / 'customers.yml'}:3"
    assert last == f"{place}: customers.0.alias: Extra inputs are not permitted (found ['B'])"
    assert "Traceback" not in done.stderr


def test_a_rule_file_in_another_encoding_is_refused(settings: Any, tmp_path: Path) -> None:
    path = settings()
    (tmp_path / "config" / "customers.yml").write_bytes("customers: [{canonical: BRÜHL}]".encode("latin-1"))
    done = command("--config", path, text=SCHEMA + RECORD)
    assert done.returncode == 1
    assert "is not UTF-8 text" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_line_ends_with_1_and_shows_nothing_of_it(settings: Any) -> None:
    done = command("--config", settings(), text=STATE + '{"type":"RECORD","stream":"x","record":{"a":"secret')
    assert done.returncode == 1
    assert done.stdout == STATE
    assert done.stderr.strip().splitlines()[-1].startswith("Line 2 of the input is no Singer message.")
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_killed_mapper_ends_as_killed_and_passes_no_further_state(settings: Any, number: int, code: int) -> None:
    with subprocess.Popen(
        [*COMMAND, "--config", settings()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(STATE)
        process.stdin.flush()
        assert process.stdout.readline() == STATE
        process.send_signal(number)
        rest, errors = process.communicate(timeout=50)
    assert process.returncode == code
    assert rest == ""
    assert "Traceback" not in errors


def test_a_target_that_is_gone_ends_the_mapper_with_1_and_one_line(settings: Any) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, "--config", settings()],
            input=STATE.encode(),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=50,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert done.stderr.decode().strip().splitlines()[-1].startswith("The target closed its input")
    assert b"Traceback" not in done.stderr


def test_the_installed_command_describes_its_settings() -> None:
    name = shutil.which("mapper-orders", path=str(Path(sys.executable).parent))
    assert name is not None
    about = json.loads(subprocess.run([name, "--about", "--format", "json"], capture_output=True, check=True).stdout)
    assert about["name"] == "mapper-orders"
    assert list(about["settings"]["properties"]) == [
        "rules_path",
        "clean_up_batch_files",
        "batch_config",
    ]
    assert about["settings"]["properties"]["rules_path"]["default"] == "config"


def test_arrow_is_not_imported_for_records(settings: Any, sheet_row: Any, schema_message: Any) -> None:
    messages = [
        schema_message("order_list_rows"),
        {"type": "RECORD", "stream": "order_list_rows", "record": sheet_row({"CUSTOMER NAME": "A"}, {"M": 1})},
    ]
    code = (
        "import sys; from mapper_orders.mapper import MapperOrders; MapperOrders.cli(standalone_mode=False);"
        "sys.exit(3 if {'pyarrow', 'pandas'} & sys.modules.keys() else 0)"
    )
    text = "".join(json.dumps(message) + "\n" for message in messages)
    command = [sys.executable, "-c", code, "--config", settings()]
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert '"stream":"stg_orders_sharepoint","record"' in done.stdout.replace(": ", ":").replace(", ", ",")
