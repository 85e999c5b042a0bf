"""A target that is stopped, in a process of its own: nothing open is kept, no state is emitted, the exit code tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

SCHEMA = {
    "type": "SCHEMA",
    "stream": "lines",
    "schema": {"type": "object", "properties": {"id": {"type": "integer"}, "note": {"type": "string"}}},
    "key_properties": ["id"],
}
OLD = [{"id": 1, "note": "old"}, {"id": 2, "note": "old"}]


class Process:
    """The target's command, fed through a pipe."""

    def __init__(self, database, tmp_path, **settings):
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"validate_records": False, **database.settings, **settings}))
        self.log = tmp_path / "log.txt"
        with self.log.open("w") as log:  # not a pipe: nobody would read it while the input is written
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "target_mssql", "--config", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def send(self, *messages):
        for message in messages:
            self.popen.stdin.write(json.dumps(message) + "\n")
        self.popen.stdin.flush()

    def stop(self, number):
        """Send a signal, then close the input as a runner does, and wait.

        Returns:
            Exit code, what was emitted, the log.
        """
        self.popen.send_signal(number)
        return self.end()

    def end(self):
        out, _ = self.popen.communicate(timeout=30)
        return self.popen.returncode, out, self.log.read_text()


@pytest.fixture
def start(sqlite, tmp_path):
    processes = []

    def make(**settings):
        processes.append(Process(sqlite, tmp_path, **settings))
        return processes[-1]

    yield make
    for process in processes:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.communicate()


def record(number, note="new"):
    return {"type": "RECORD", "stream": "lines", "record": {"id": number, "note": note}}


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited 30 s in vain")


def there(sqlite):
    return "lines" in sqlite.names() and len(sqlite.rows("lines"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_keeps_what_is_committed_and_drains_nothing(sqlite, start, number, code):
    process = start(batch_size_rows=2)
    process.send(SCHEMA, record(1), record(2), {"type": "STATE", "value": {"at": 2}}, record(3))
    wait_for(lambda: there(sqlite) == 2)
    returned, out, log = process.stop(number)
    assert (returned, out) == (code, "")
    assert len(sqlite.rows("lines")) == 2
    assert "no further state" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_an_overwrite_that_is_stopped_leaves_the_old_rows(sqlite, start, messages, number):
    sqlite.load(messages("lines", SCHEMA["schema"]["properties"], OLD, keys=["id"]), load_method="overwrite")
    process = start(load_method="overwrite", batch_size_rows=10)
    # more than a pipe holds, so most of it has been read when all of it is sent
    process.send(SCHEMA, *[record(n) for n in range(4995)], {"type": "STATE", "value": {"at": 995}})
    returned, out, _ = process.stop(number)
    assert (returned, out) == (143 if number == signal.SIGTERM else -9, "")
    assert sqlite.rows("lines") == OLD
    assert sqlite.names() == ["lines"]
    sqlite.load(messages("lines", SCHEMA["schema"]["properties"], [{"id": 9, "note": "x"}], keys=["id"]))
    assert {"id": 9, "note": "x"} in sqlite.rows("lines")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_a_stop_in_the_middle_of_writing_keeps_whole_batches_only(sqlite, start, number):
    process = start(batch_size_rows=50, load_method="upsert")
    process.send(SCHEMA)
    try:
        for part in range(400):
            process.send(*[record(n, "x" * 200) for n in range(part * 100, part * 100 + 100)])
            if there(sqlite):
                break
        returned, out, _ = process.stop(number)
    except BrokenPipeError:  # the input's end: the process stopped first
        returned, out = process.popen.wait(30), ""
    assert (returned, out) == (143 if number == signal.SIGTERM else -9, "")
    assert there(sqlite) % 50 == 0
    assert there(sqlite) > 0


def test_an_input_that_ends_is_a_clean_end_whoever_closed_it(start):
    """Singer cannot tell: a tap that died closes the pipe just so. Whole readings are told by their own records."""
    process = start(batch_size_rows=100)
    process.send(SCHEMA, record(1), {"type": "STATE", "value": {"at": 1}})
    returned, out, log = process.end()
    assert (returned, json.loads(out)) == (0, {"at": 1})
    assert "stream 'lines': 1 records received, 1 committed to table lines, 0 merged" in log
