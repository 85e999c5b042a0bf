"""Which engine matched is a matter of time alone: the links are the same."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from recon import matches
from recon.engines import EngineError, Task, choose, in_process, local
from recon.engines.spark import spark_engine
from recon.matching import customer_rules
from recon.matching.columns import BLOCKS, COMPARED, FULFILMENT, READING
from recon.matching.normalise import Normaliser


def make_task(customer, count, rules):
    """Make a customer with exact, renamed, misspelt and unknown fulfilment."""
    orders, cartons = [], []
    for number in range(count):
        po, style = f"45{number:06}", f"ST{number % 7}-{number:03}"
        five = {"customer": customer, "customer_po": po, "style": style, "color": "NAVY", "size": "M"}
        orders.append({"order_key_id": f"o{customer}{number}", **five, "customer_alt_po": f"ALT{number}"})
        spelt = {0: po, 1: f"PO#{po}-1", 2: f"ALT{number}", 3: f"99{number:06}", 4: po}[number % 5]
        named = {3: {"style": f"UNHEARD {number}", "color": "PUCE"}, 4: {"style": f"TS{style[2:]}"}}.get(number % 5, {})
        cartons.append({"fulfil_key_id": f"f{customer}{number}", **five, "customer_po": spelt, **named})
    readings = pd.DataFrame(orders).reindex(columns=list(READING)).astype("str")
    fulfilment = pd.DataFrame(cartons).reindex(columns=list(FULFILMENT)).astype("str")
    readings["open_qty"], fulfilment["fulfilled_qty"] = 100, 40
    return Task(readings, fulfilment, customer_rules(rules, customer, Normaliser.by_rules(rules)))


@pytest.fixture
def tasks(rules_of):
    rules = rules_of()
    return [make_task(customer, count, rules) for customer, count in (("ACME", 12), ("BOLT", 40), ("CORD", 5))]


def whole(parts):
    frame = pd.concat(list(parts), ignore_index=True)
    return frame.sort_values("fulfil_key_id").reset_index(drop=True)


def compared(parts):
    """Sum what the parts tell of their comparisons."""
    return {name: sum(part.attrs[BLOCKS][name] for part in parts) for name in COMPARED}


@pytest.fixture
def expected(tasks):
    frame = whole(in_process(tasks))
    assert {"EXACT", "FUZZY", "NO_MATCH"} <= set(frame["match_type"])
    return frame


@pytest.mark.timeout(60)
def test_a_pool_ends_although_a_worker_was_ended_in_the_middle_of_its_answer():
    def interrupted():
        with local.worker_pool(1) as pool:
            assert pool.submit(len, "abc").result() == 3
            pool._result_queue._writer._send(struct.pack("!i", 1_000))  # that many bytes are to come
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_a_pool_of_processes_gives_the_same_links(tasks, expected, monkeypatch):
    monkeypatch.setattr(local, "POOL_ROWS", 0)
    found = choose("local", 2)(tasks)
    pd.testing.assert_frame_equal(whole(found), expected)
    assert compared(found) == compared(in_process(tasks))
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]


def test_few_rows_stay_in_this_process(tasks, expected, monkeypatch):
    monkeypatch.setattr(local, "_in_pool", None)
    pd.testing.assert_frame_equal(whole(choose("local", 8)(tasks)), expected)


def test_the_largest_customer_goes_first(tasks, monkeypatch):
    order = []
    monkeypatch.setattr(local, "POOL_ROWS", 0)
    monkeypatch.setattr(local, "_in_pool", lambda some, processes: order.append(([t.rows for t in some], processes)))
    choose("local", 8)(tasks)
    assert order == [([80, 24, 10], 3)]


def test_one_worker_needs_no_pool(tasks, expected, monkeypatch):
    monkeypatch.setattr(local, "POOL_ROWS", 0)
    monkeypatch.setattr(local, "_in_pool", None)
    pd.testing.assert_frame_equal(whole(choose("local", 1)(tasks)), expected)


def test_an_error_in_a_worker_is_that_of_the_matching_and_leaves_no_worker(tasks, monkeypatch):
    monkeypatch.setattr(local, "POOL_ROWS", 0)
    broken = tasks[0]._replace(orders=tasks[0].orders.drop(columns="style"))
    with pytest.raises(KeyError, match="style"):
        choose("local", 2)([broken, *tasks[1:]])
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]


KILLED = """
import os, signal, sys, threading, time
import multiprocessing
import pandas as pd
from recon.engines import EngineError, Task, local

sleeping = "import time; time.sleep(60)"


class Slow:
    def __reduce__(self):
        return (time.sleep, (60,))  # what a worker does on reading its task


if __name__ == "__main__":
    frame = pd.DataFrame({"a": [1]})
    tasks = [Task(frame, frame, Slow()) for _ in range(4)]
    local.POOL_ROWS = 0

    def tell():
        while len(multiprocessing.active_children()) < 2:
            time.sleep(0.05)
        time.sleep(0.5)
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)

    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=tell, daemon=True).start()
    try:
        local.local_engine(2)(tasks)
    except EngineError as error:
        sys.exit(str(error))
"""


@pytest.fixture
def pool(tmp_path):
    """Start a process whose workers are in the middle of a customer, and name them."""
    script = tmp_path / "slow.py"
    script.write_text(KILLED, encoding="utf-8")
    started = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in started.stdout.readline().split()]
    assert len(workers) == 2
    yield started, workers
    if started.poll() is None:
        started.kill()
    started.communicate()


def ended(pid, within=20):
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_sigterm_ends_the_pool_at_once_and_exits_143(pool):
    process, workers = pool
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    assert all(map(ended, workers))


def test_a_worker_that_is_killed_is_told_with_what_to_do(pool):
    process, workers = pool
    os.kill(workers[0], signal.SIGKILL)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "want of memory" in error
    assert "--workers 1" in error
    assert all(map(ended, workers))


def test_without_spark_its_engine_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(EngineError, match=r"order-recon\[spark\].*--engine local"):
        choose("spark")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Spark's own, which are none of ours
def test_a_cluster_gives_the_same_links(tasks, expected, tmp_path, monkeypatch):
    from pyspark.sql import SparkSession  # noqa: PLC0415  (`make test-all` installs it, `make test` does without)

    assert shutil.which("java"), "the Spark engine needs Java 17"
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.local.dir", str(tmp_path))
        .config("spark.sql.warehouse.dir", str(tmp_path / "warehouse"))
        .getOrCreate()
    )
    try:
        found = spark_engine(session)(tasks)
    finally:
        session.stop()
    pd.testing.assert_frame_equal(whole(found), expected)
    assert compared(found) == compared(in_process(tasks))
    assert compared(found)["pairs"] > 0


def test_no_customer_needs_no_engine():
    assert list(choose("local")([])) == []


def test_the_version_of_the_engine_is_that_of_its_source(tmp_path, monkeypatch):
    copied = shutil.copytree(Path(matches.__file__).parent, tmp_path / "recon")
    monkeypatch.setattr(matches, "__file__", str(copied / "matches.py"))
    before = matches.engine_version.__wrapped__()
    elsewhere = shutil.copytree(copied, tmp_path / "elsewhere")
    monkeypatch.setattr(matches, "__file__", str(elsewhere / "matches.py"))
    assert matches.engine_version.__wrapped__() == before
    monkeypatch.setattr(matches, "__file__", str(copied / "matches.py"))
    with (copied / "matching" / "levels.py").open("a", encoding="utf-8") as source:
        source.write("# another\n")
    assert matches.engine_version.__wrapped__() != before
