"""The tap as a process: how it ends, and that its last STATE covers no more than was written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from singer_sdk.singerlib import StateMessage
from tap_sharepoint_orders.tap import WholeLineWriter

FILES = 6
ROWS = 400


@pytest.fixture
def library(tmp_path, save, headers, line) -> Path:
    """Order lists whose rows together are many times what a pipe holds."""
    folder = tmp_path / "library"
    rows = [[*line(number)[:-1], "note " * 40] for number in range(ROWS)]
    first = save(folder / "0.xlsx", {"MASTER": [headers, *rows]})
    for number in range(1, FILES):
        (folder / f"{number}.xlsx").write_bytes(first.read_bytes())
    return folder


@pytest.fixture
def start(command, library, tmp_path):
    """Starts the tap with its output in a pipe; whatever is left of it is killed."""
    started = []

    def start_it():
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"local_path": str(library)}))
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen([*command, "--config", str(config)], stdout=subprocess.PIPE, stderr=log)
        started.append(process)
        return process

    yield start_it
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def log(tmp_path):
    """What the last tap started has logged."""
    return (tmp_path / "log").read_text


def read_until_state(process):
    messages = []
    for text in process.stdout:
        messages.append(json.loads(text))
        if messages[-1]["type"] == "STATE":
            return messages
    pytest.fail("the tap ended before its first STATE")


def covered(messages):
    """The files of the last STATE, and those whose load stands before it."""
    last = max(number for number, message in enumerate(messages) if message["type"] == "STATE")
    files = messages[last]["value"]["bookmarks"]["source_files"]["files"]
    loads = [
        message["record"] for message in messages[:last] if message.get("stream") == "loads" and "record" in message
    ]
    return set(files), {load["unit_id"] for load in loads}


def workers_of(process):
    found = Path(f"/proc/{process.pid}/task").glob("*/children")  # each thread has its own
    workers = [int(pid) for children in found for pid in children.read_text().split()]
    assert workers
    return workers


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_with_its_code_whole_lines_and_no_worker(start, log, number, exit_code):
    process = start()
    messages = read_until_state(process)
    time.sleep(0.7)  # by now the pipe is full: the signal comes while a line is being written
    workers = workers_of(process)
    process.send_signal(number)
    rest = process.stdout.read()
    assert process.wait(timeout=20) == exit_code
    assert "Traceback" not in log()
    assert rest.endswith(b"\n")
    messages += [json.loads(text) for text in rest.splitlines()]
    files, loads = covered(messages)
    assert files == loads
    assert len(files) < FILES
    assert not [pid for pid in workers if is_alive(pid)]


def test_a_run_killed_and_run_again_gives_each_file_exactly_once(start, library, run_tap):
    process = start()
    messages = read_until_state(process)
    process.kill()
    rest = process.stdout.read().splitlines()
    for text in rest:
        try:
            messages.append(json.loads(text))
        except ValueError:
            assert text is rest[-1]
    files, loads = covered(messages)
    assert files == loads
    state = [message["value"] for message in messages if message["type"] == "STATE"][-1]

    again = run_tap(state, local_path=str(library))
    loaded = [load["unit_id"] for load in again.loads]
    assert not files & set(loaded)
    assert len(loaded) == len(set(loaded)) == FILES - len(files)
    assert {load["rows"] for load in again.loads} == {ROWS}


def test_nobody_reading_on_ends_the_run_quietly_and_not_as_a_success(start, log):
    process = start()
    read_until_state(process)
    workers = workers_of(process)
    process.stdout.close()
    assert process.wait(timeout=20) == 1
    assert "Traceback" not in log()
    assert "ERROR" not in log()
    assert not [pid for pid in workers if is_alive(pid)]


def test_a_missing_folder_is_one_clear_line_and_exit_1(command, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"local_path": str(tmp_path / "gone")}))
    done = subprocess.run([*command, "--config", str(config)], capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"TAP_SHAREPOINT_ORDERS_LOCAL_PATH" in done.stderr
    assert b"Traceback" not in done.stderr


class Output:
    """A stdout on which a signal arrives while a line is being written."""

    def __init__(self, interrupt=None):
        self.buffer, self.written, self.interrupt = self, b"", interrupt

    def write(self, text):
        half = len(text) // 2
        self.written += bytes(text[:half])
        if self.interrupt:
            self.interrupt()
        self.written += bytes(text[half:])

    def flush(self):
        pass


@pytest.fixture
def message():
    return StateMessage(value={"bookmarks": {}})


def test_a_signal_in_the_middle_of_a_line_waits_for_its_end(monkeypatch, message):
    writer = WholeLineWriter()
    out = Output(lambda: writer.stop(143))
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit) as ended:
        writer.write_message(message)
    assert ended.value.code == 143
    assert json.loads(out.written)["type"] == "STATE"


def test_a_second_signal_does_not_wait(monkeypatch, message):
    writer = WholeLineWriter()

    def twice():
        writer.stop(143)
        writer.stop(143)

    out = Output(twice)
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit):
        writer.write_message(message)
    assert not out.written.endswith(b"\n")


def test_no_message_follows_a_signal_even_if_its_exit_was_swallowed(monkeypatch, message):
    writer = WholeLineWriter()
    out = Output()
    monkeypatch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit):
        writer.stop(143)
    with pytest.raises(SystemExit):
        writer.write_message(message)
    assert out.written == b""
