"""The tap as a process: settings from the environment, signals, a pipe that closes, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from tap_wms.tap import TapWMS

COMMAND = [sys.executable, "-c", "from tap_wms.tap import TapWMS; TapWMS.cli()"]

#: A view of 300,000 rows, far more than fit into a pipe; nobody waits for its end.
ENDLESS = """
DROP VIEW v_shipped;
CREATE VIEW v_shipped AS
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
  SELECT 'C-' || i AS CartonID, '2026-03-04' AS Shipped_Date, i % 50 AS Qty FROM n;
"""


def environment(**settings):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TAP_WMS_")}
    return inherited | {f"TAP_WMS_{name.upper()}": value for name, value in settings.items()}


def run(*arguments, **settings):
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(**settings), capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def reading_without_end(warehouse):
    """A running tap that is somewhere in v_shipped."""
    warehouse.run(ENDLESS)
    process = subprocess.Popen(
        [*COMMAND, "--config=ENV"],
        env=environment(connections=json.dumps({"wms": warehouse.url})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    yield process
    process.kill()
    for pipe in (process.stdout, process.stderr):
        pipe.close()
    process.wait()


def read_into_shipped(process, rows):
    messages = []
    while sum(m.get("stream") == "shipped" and m["type"] == "RECORD" for m in messages[-rows:]) < rows:
        messages.append(json.loads(process.stdout.readline()))
    return messages


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_tap_as_killed_with_no_load_and_no_state_for_the_view(reading_without_end, sent, code):
    messages = read_into_shipped(reading_without_end, 2000)
    reading_without_end.send_signal(sent)
    rest = reading_without_end.stdout.read()
    errors = reading_without_end.stderr.read()
    assert reading_without_end.wait(timeout=20) == code, errors.decode()
    assert rest.endswith(b"\n")
    after = [json.loads(line) for line in rest.splitlines()]
    assert {(m["type"], m["stream"]) for m in after} == {("RECORD", "shipped")}
    loads = [m["record"]["unit_id"] for m in messages + after if m["type"] == "RECORD" and m["stream"] == "loads"]
    assert loads == ["wms:packed_products"]
    assert all("shipped" not in m["value"]["bookmarks"] for m in messages if m["type"] == "STATE")
    assert b"Traceback" not in errors


def test_a_target_that_closes_the_pipe_ends_the_tap_with_an_error(reading_without_end):
    read_into_shipped(reading_without_end, 10)
    reading_without_end.stdout.close()
    errors = reading_without_end.stderr.read().decode()
    assert reading_without_end.wait(timeout=20) == 1
    assert errors.splitlines()[-1].endswith(
        "the target has closed the pipe before everything was read; its log says why"
    )
    assert "Traceback" not in errors


def test_settings_come_from_the_environment_as_json_text(warehouse, tmp_path):
    partition = {
        "context": {"connection": "wms"},
        "replication_key": "Shipped_Date",
        "replication_key_value": "2026-03-04",
    }
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": {"shipped": {"partitions": [partition]}}}))
    view = {"stream": "shipped", "connection": "wms", "table": "v_shipped", "replication_key": "Shipped_Date"}
    ended = run(
        *("--config=ENV", "--state", str(state)),
        connections=json.dumps({"wms": warehouse.url}),
        views=json.dumps([view | {"lookback_days": 1}]),
        start_date="2026-01-01",
        sync_mode="incremental",
    )
    assert ended.returncode == 0, ended.stderr
    messages = [json.loads(line) for line in ended.stdout.splitlines()]
    loads = [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == "loads"]
    assert [(load["unit_id"], load["window_from"], load["rows"]) for load in loads] == [
        ("wms:shipped", "2026-03-03", 1)
    ]


def test_settings_may_stand_in_a_file_as_json_text_too(warehouse, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"connections": json.dumps({"wms": warehouse.url})}))
    discovered = run("--config", str(config), "--discover")
    assert discovered.returncode == 0, discovered.stderr
    streams = [entry["tap_stream_id"] for entry in json.loads(discovered.stdout)["streams"]]
    assert streams == ["loads", "packed_products", "shipped", "master_order_list"]


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ([], {"connections": '{"wms": "sqlite:///s3cret.db"}', "views": "[{]"}, "TAP_WMS_VIEWS is not JSON"),
        (
            ["--discover"],
            {"connections": '{"wms": "mssql+nosuch://u:s3cret@h/d"}'},
            "there is no dialect 'mssql+nosuch'",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_1(arguments, settings, message):
    ended = run("--config=ENV", *arguments, **settings)
    assert ended.returncode == 1
    assert [message in line for line in ended.stderr.splitlines() if "| ERROR" in line] == [True]
    assert ended.stdout == ""
    assert "s3cret" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_failure_while_reading_is_one_line_of_cause_and_exit_1(warehouse):
    warehouse.run("DROP VIEW v_shipped; CREATE VIEW v_shipped AS SELECT json_extract('{', '$') AS Shipped_Date")
    ended = run("--config=ENV", connections=json.dumps({"wms": warehouse.url}))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("reading view v_shipped failed: malformed JSON")
    assert "Traceback" not in ended.stderr
    assert '"unit_id":"wms:packed_products"' in ended.stdout
    assert '"unit_id":"wms:shipped"' not in ended.stdout


def test_the_connection_test_reads_one_row_of_each_view(warehouse):
    warehouse.run(ENDLESS)
    ended = run("--config=ENV", "--test", connections=json.dumps({"wms": warehouse.url}))
    assert ended.returncode == 0, ended.stderr
    streams = [json.loads(line).get("stream") for line in ended.stdout.splitlines() if '"RECORD"' in line]
    assert sorted(streams) == ["master_order_list", "packed_products", "shipped"]


def test_about_names_every_setting_and_keeps_connections_secret(capsys):
    TapWMS.print_about("json")
    about = json.loads(capsys.readouterr().out)
    settings = about["settings"]["properties"]
    assert {"connections", "views", "start_date", "sync_mode"} <= set(settings)
    assert settings["connections"]["secret"] is True
    assert set(about["capabilities"]) >= {"about", "catalog", "discover", "state", "stream-maps"}


@pytest.fixture
def slow_api(lgf):
    """Settings for an API with many rows and slow answers, a few rows a page."""
    for number in range(1, 200):
        lgf.add("order_hdr", number)
        lgf.add("order_dtl", number)
    lgf.latency = 0.05
    return {
        "api_url": lgf.url, "username": "reader", "password": "s3cret", "entities": '["order_hdr", "order_dtl"]',
        "page_size": "5", "requests_per_second": "200",
    }  # fmt: skip


def test_a_signal_while_entities_are_fetched_ahead_ends_the_tap_at_once(slow_api):
    with subprocess.Popen(
        [*COMMAND, "--config=ENV"], env=environment(**slow_api), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        lines = [process.stdout.readline() for _ in range(30)]
        process.send_signal(signal.SIGTERM)
        rest, errors = process.stdout.read(), process.stderr.read()
    assert process.returncode == 143, errors.decode()
    assert b"Traceback" not in errors
    assert b"s3cret" not in rest + errors
    messages = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    records = [m for m in messages if m["type"] == "RECORD"]
    assert {m["stream"] for m in records} == {"order_hdr"}
    assert len(records) < 199
    # No bookmark is ahead of what was written.
    state = [m["value"]["bookmarks"]["order_hdr"] for m in messages if m["type"] == "STATE"][-1]
    assert state["replication_key_value"][:19] <= records[-1]["record"]["mod_ts"][:19]


def test_an_api_that_fails_is_one_line_and_exit_1(slow_api, lgf):
    lgf.tokens = set()
    ended = run("--config=ENV", **slow_api)
    assert ended.returncode == 1
    assert ["the API answered 401" in line for line in ended.stderr.splitlines() if "| ERROR" in line] == [True]
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr


def test_the_connection_test_reads_one_row_of_each_entity(slow_api, lgf):
    ended = run("--config=ENV", "--test", **slow_api)
    assert ended.returncode == 0, ended.stderr
    streams = [json.loads(line)["stream"] for line in ended.stdout.splitlines() if '"RECORD"' in line]
    assert sorted(streams) == ["order_dtl", "order_hdr"]
    assert len(lgf.requests) == 6
