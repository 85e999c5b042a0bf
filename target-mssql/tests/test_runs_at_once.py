"""Two runs of one stream at the same time, as processes: they wait for each other and do not mix."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
from contextlib import closing, redirect_stdout
from pathlib import Path

import pytest
from target_mssql.errors import LoadError
from target_mssql.target import TargetMSSQL

PROPERTIES = {"id": {"type": "integer"}, "run": {"type": "string", "maxLength": 10}, "note": {"type": "string"}}
ROWS = 3_000


def command(arguments):
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        TargetMSSQL.cli(arguments)


@pytest.fixture
def at_once(sqlite, tmp_path, messages):
    def go(**settings):
        config = tmp_path / "config.json"
        config.write_text(
            json.dumps({"validate_records": False, "batch_size_rows": 100, **sqlite.settings, **settings})
        )
        processes = []
        for name in ("first", "second"):
            path = tmp_path / f"{name}.singer"
            records = [{"id": n, "run": name, "note": "x" * 100} for n in range(ROWS)]
            lines = messages("lines", PROPERTIES, records, keys=["id"])
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
            arguments = ["--config", str(config), "--input", str(path)]
            # forked: what the process imports is imported already
            process = multiprocessing.get_context("fork").Process(target=command, args=(arguments,))
            processes.append(process)
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]

    return go


def test_both_append_all_their_rows(sqlite, at_once):
    at_once(load_method="append-only")
    runs = [row["run"] for row in sqlite.rows("lines")]
    assert (runs.count("first"), runs.count("second")) == (ROWS, ROWS)


def test_upserts_keep_one_row_a_key(sqlite, at_once):
    at_once(load_method="upsert")
    assert sorted(row["id"] for row in sqlite.rows("lines")) == list(range(ROWS))


def test_an_overwrite_is_one_run_s_rows_entirely(sqlite, at_once):
    at_once(load_method="overwrite")
    rows = sqlite.rows("lines")
    assert len(rows) == ROWS
    assert len({row["run"] for row in rows}) == 1


def test_a_locked_file_is_reported_after_the_time_out(sqlite, messages, tmp_path):
    lines = messages("lines", PROPERTIES, [{"id": 1, "run": "a", "note": ""}])
    sqlite.load(lines)
    with closing(sqlite3.connect(tmp_path / "warehouse.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run = sqlite.run(lines, sqlalchemy_url=f"{sqlite.url}?timeout=0.2")
        other.execute("ROLLBACK")
    assert isinstance(run.error, LoadError)
    assert "warehouse.db is locked" in str(run.error)
    assert "timeout=SECONDS" in str(run.error)
    assert len(sqlite.rows("lines")) == 1


def test_a_reader_sees_the_old_rows_while_an_overwrite_gathers(sqlite, messages):
    sqlite.load(messages("lines", PROPERTIES, [{"id": 1, "run": "old", "note": ""}], keys=["id"]))
    seen = []

    def lines():
        yield from messages("lines", PROPERTIES, [{"id": n, "run": "new", "note": ""} for n in range(20)], keys=["id"])
        seen.extend(sqlite.rows("lines", "run"))

    # the messages are read one by one, so the table is looked at while the rows wait for the clean end
    sqlite.load(lines(), load_method="overwrite", batch_size_rows=5)
    assert seen == [{"run": "old"}]
    assert len(sqlite.rows("lines")) == 20
