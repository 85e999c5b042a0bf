"""A warehouse in SQLite, and a tap run in this process with its messages parsed."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from tap_wms.tap import TapWMS

# The loopback server stands beside this file and is no test module; test files say `import lgf`.
_SPEC = importlib.util.spec_from_file_location("lgf", Path(__file__).parent / "lgf.py")
lgf_server = sys.modules.setdefault("lgf", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(lgf_server)

SERVER = os.environ.get("MSSQL_TEST_URL")

WAREHOUSE = (Path(__file__).parent / "warehouse.sql").read_text()


def pytest_collection_modifyitems(config, items):
    """Without a server its tests are not skipped one by one but left out, and one line says so."""
    if SERVER:
        return
    here = str(config.rootpath / "tap-wms")
    left_out = [item for item in items if item.get_closest_marker("mssql") and str(item.path).startswith(here)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    if not SERVER:
        terminalreporter.write_line(
            "tap-wms: tests on SQL Server are left out; run them with "
            "MSSQL_TEST_URL='mssql+pymssql://sa:PASSWORD@localhost:1433/master' pytest tap-wms -m mssql"
        )


@dataclass
class Reading:
    """What one run of the tap wrote."""

    messages: list
    text: str = ""

    def records(self, stream):
        return [m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream]

    def schema(self, stream):
        return next(m for m in self.messages if m["type"] == "SCHEMA" and m["stream"] == stream)

    def columns(self, stream):
        return list(self.schema(stream)["schema"]["properties"])

    @property
    def loads(self):
        """The newest load of each unit."""
        return {load["unit_id"]: load for load in self.records("loads")}

    def windows(self, unit="wms:shipped"):
        """The bounds and the number of rows of a unit's loads, in the order they were read."""
        loads = [load for load in self.records("loads") if load["unit_id"] == unit]
        return [(load["window_from"], load["window_to"], load["rows"]) for load in loads]

    @property
    def state(self):
        return [m["value"] for m in self.messages if m["type"] == "STATE"][-1]

    def bookmark(self, stream, connection="wms"):
        for partition in self.state["bookmarks"].get(stream, {}).get("partitions", []):
            if partition["context"] == {"connection": connection}:
                return partition.get("replication_key_value")
        return None


class Warehouse:
    """A SQLite file with SQL to run on it."""

    def __init__(self, path, script=WAREHOUSE):
        self.path = path
        self.url = f"sqlite:///{path}"
        self.run(script)

    def run(self, script):
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(f"PRAGMA synchronous = OFF; BEGIN; {script}; COMMIT;")


@pytest.fixture
def make_warehouse(tmp_path):
    def make(name="wms", script=WAREHOUSE):
        return Warehouse(tmp_path / f"{name}.db", script)

    return make


@pytest.fixture
def warehouse(make_warehouse):
    return make_warehouse()


@pytest.fixture
def read():
    """Run the tap on settings and a state, and return what it wrote, decimals with all their digits."""

    def run(config, state=None, catalog=None):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with redirect_stdout(out):
            TapWMS(config=config, state=state, catalog=catalog).sync_all()
        out.seek(0)
        text = out.read()
        return Reading([json.loads(line, parse_float=Decimal) for line in text.splitlines()], text)

    return run


@pytest.fixture
def read_wms(warehouse, read):
    """Run the tap on the one warehouse."""

    def run(state=None, **settings):
        return read({"connections": {"wms": warehouse.url}, **settings}, state=state)

    return run


@pytest.fixture(autouse=True)
def _signals_as_before():
    # A tap made in this process takes over its signals.
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TAP_WMS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)


@pytest.fixture
def lgf():
    """A loopback server of Oracle WMS Cloud's entity module, without rows."""
    server = lgf_server.Lgf()
    yield server
    server.close()


@pytest.fixture
def api(lgf):
    """Settings that read order_hdr from the loopback server."""
    return {"api_url": lgf.url, "username": "reader", "password": "s3cret", "entities": ["order_hdr"]}


@pytest.fixture
def naps(monkeypatch):
    """Wait for nothing between tries, and note how long it would have been."""
    slept = []
    monkeypatch.setattr("backoff._sync.time.sleep", slept.append)
    return slept
