"""A run with nothing to load: the last state is emitted, and nothing is loaded for it."""

from __future__ import annotations

import array
import fcntl
import json
import signal
import subprocess
import sys
import termios
import time

import pytest

STATES = [
    '{"type":"STATE","value":{"at":1}}\n',
    '{"type": "STATE", "value": {"rows": 1.10, "ø": "BRÜHL \\u00fc", "at": 12345678901234567890, "none": null}}\n',
]
SCHEMA = (
    '{"type":"SCHEMA","stream":"lines","schema":{"properties":{"id":{"type":"integer"}}},"key_properties":["id"]}\n'
)
RECORD = '{"type":"RECORD","stream":"lines","record":{"id":1}}\n'
COMMAND = [sys.executable, "-m", "target_mssql"]


@pytest.fixture
def config(sqlite, tmp_path):
    path = tmp_path / "config.json"

    def make(**settings):
        path.write_text(json.dumps({**sqlite.settings, **settings}))
        return ["--config", str(path)]

    return make


def as_in_a_job(config, text):
    return subprocess.run([*COMMAND, *config], input=text.encode(), capture_output=True, timeout=50, check=False)


@pytest.mark.parametrize(
    "text",
    [STATES[0], "".join(STATES), "".join(reversed(STATES)), '{"type":"STATE","value":{}}\n', ""],
    ids=["one", "two", "the other last", "empty", "none"],
)
def test_the_last_state_is_emitted_to_the_byte_as_by_the_whole_target(config, tmp_path, text):
    done = as_in_a_job(config(), text)
    messages = tmp_path / "messages.singer"
    messages.write_text(text, encoding="utf-8")
    whole = subprocess.run([*COMMAND, *config(), "--input", str(messages)], capture_output=True, timeout=50, check=True)
    assert (done.returncode, done.stdout) == (0, whole.stdout)
    assert done.stderr.decode() == f"Nothing to load: {len(text.splitlines())} states came, and nothing else.\n"


def test_rows_after_states_are_loaded_each_once(sqlite, config):
    done = as_in_a_job(config(), STATES[0] + STATES[0] + SCHEMA + RECORD + STATES[1])
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 1.1)
    assert sqlite.rows("lines") == [{"id": 1}]


def test_a_schema_without_rows_still_empties_what_it_overwrites(sqlite, config):
    settings = config(load_method="overwrite")
    assert as_in_a_job(settings, SCHEMA + RECORD).returncode == 0
    assert len(sqlite.rows("lines")) == 1
    done = as_in_a_job(settings, STATES[0] + SCHEMA)
    assert (done.returncode, done.stdout) == (0, b'{"at":1}\n')
    assert sqlite.rows("lines") == []


@pytest.mark.parametrize("broken", ["{", "[]", '{"type":"STATE"}', "1" * 5000])
def test_a_broken_line_after_states_is_refused_and_no_state_emitted(config, broken):
    done = as_in_a_job(config(), STATES[0] + broken + "\n")
    assert (done.returncode, done.stdout) == (1, b"")


def test_nothing_is_loaded_for_a_state(config):
    code = (
        "import sys; from target_mssql.__main__ import main; main();"
        "sys.exit(3 if {'singer_sdk', 'sqlalchemy'} & sys.modules.keys() else 0)"
    )
    command = [sys.executable, "-c", code, *config()]
    done = subprocess.run(command, input=STATES[0].encode(), capture_output=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, b'{"at":1}\n')


@pytest.mark.parametrize("text", [STATES[0], STATES[0] + SCHEMA + RECORD], ids=["while it waits", "while it loads"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_ends_it_before_the_sdk_listens_and_emits_no_state(config, number, code, text):
    with subprocess.Popen(
        [*COMMAND, *config()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(text.encode())
        process.stdin.flush()
        until_read(process.stdin)
        process.send_signal(number)
        out, errors = process.communicate(timeout=50)
    assert (process.returncode, out) == (code, b"")
    assert b"Traceback" not in errors


def until_read(pipe):
    """Wait until a process has taken all that was written to it."""
    waiting = array.array("i", [1])
    for _ in range(1000):
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
        if not waiting[0]:
            return
        time.sleep(0.01)
    raise AssertionError("waited 10 s in vain")
