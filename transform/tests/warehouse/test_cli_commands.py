"""The commands as people and jobs call them: what they print, and how they fail."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import types
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from order_rules.tables import audit_count, audit_run, notification, recon_match
from recon.cli import main
from recon.ledger import Figures
from recon.migrations import HEAD
from recon.outcome import Outcome, UnknownCustomer
from recon.refusals import BooksUnequal
from recon.warehouse.engine import writing
from recon.warehouse.owner import Owner
from recon.warehouse.runs import begin, close, utc_now

README = Path(__file__).parents[2] / "README.md"
ELSEWHERE = Owner("depot-2", 4711, utc_now())
UNREACHABLE = "mssql+pymssql://sa:S3cr%21t@127.0.0.1:1/warehouse?login_timeout=5"
MELTANO = """#!{python}
# Starts each step as Meltano does: a process of its own, one after the other.
import subprocess, sys
for step in {steps}:
    done = subprocess.run([sys.executable, "-c", {main!r}, *step])
    if done.returncode:
        sys.exit(done.returncode)
"""


@pytest.fixture
def call(sqlite_warehouse):
    """Run ``recon`` in this process on a migrated warehouse."""

    def run(*args, url=None):
        url = url or sqlite_warehouse.url.render_as_string(hide_password=False)
        return CliRunner().invoke(main, ["--warehouse-url", url, *args], prog_name="recon")

    return run


@pytest.fixture
def reconciliation(monkeypatch):
    """Put a reconciliation that does what a test says in place of the real one."""

    def install(action):
        monkeypatch.setitem(sys.modules, "recon.reconcile", types.SimpleNamespace(reconcile=action))
        monkeypatch.setattr("recon.cli._rules", lambda _settings: None)

    return install


def runs_of(engine):
    with engine.connect() as connection:
        rows = connection.execute(sa.select(audit_run).order_by(audit_run.c.run_id)).mappings()
        return [(row["job"], row["mode"], row["status"], row["reason"]) for row in rows]


def test_migrate_says_what_it_did(tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    first = CliRunner().invoke(main, ["--warehouse-url", url, "migrate"])
    second = CliRunner().invoke(main, ["--warehouse-url", url, "migrate"])
    assert (first.output, first.exit_code) == (f"The warehouse is at version {HEAD} (made anew).\n", 0)
    assert (second.output, second.exit_code) == (f"The warehouse is at version {HEAD} (as before).\n", 0)


def test_migrate_sql_needs_no_server(call):
    done = call("migrate", "--sql", url="mssql+pymssql://sa:S3cr%21t@nowhere.invalid/warehouse")
    assert done.exit_code == 0
    assert "CREATE TABLE order_list (" in done.output
    assert "S3cr" not in done.output


def test_check_is_silent_on_findings_only_when_there_are_none(call, sqlite_warehouse):
    assert call("check").output == "The warehouse is as expected.\n"
    with writing(sqlite_warehouse) as connection:
        connection.execute(sa.text("DROP VIEW v_review_queue"))
        connection.execute(sa.text("DROP TABLE recon_override"))
    found = call("check")
    assert found.exit_code == 1
    assert found.output == "table: recon_override is missing\nview: v_review_queue is missing\n"


def test_check_finds_that_there_is_no_connection(call):
    found = call("check", url=UNREACHABLE)
    assert found.exit_code == 1
    assert found.output.startswith("connection: Cannot connect to the warehouse mssql+pymssql://sa:***@127.0.0.1:1/")
    assert found.output.count("\n") == 1
    assert "S3cr" not in found.output


@pytest.mark.parametrize("command", [("begin",), ("reconcile",), ("runs",), ("explain", "x")])
def test_a_warehouse_without_tables_says_how_to_make_them(tmp_path, command):
    done = CliRunner().invoke(main, ["--warehouse-url", f"sqlite:///{tmp_path}/new.db", *command])
    assert done.exit_code == 1
    assert done.stderr == "recon: The warehouse has no tables yet. Make them: recon migrate\n"


@pytest.mark.parametrize("debug", [(), ("--debug",)])
@pytest.mark.parametrize(
    "url", [UNREACHABLE, "S3cr!t", "mssql+pymssql://sa:7h3@S3cr!t/x@host/db", "mssql+pyodbc://sa:S3cr!t@host/db"]
)
def test_no_error_shows_the_password(url, debug):
    done = CliRunner().invoke(main, ["--warehouse-url", url, *debug, "begin"])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("recon: ")
    assert "S3cr" not in done.output
    assert ("Traceback" in done.stderr) == bool(debug)


def test_an_unexpected_error_is_one_line_and_with_debug_a_traceback(call, monkeypatch):
    def fail(*_args, **_options):
        msg = "disk\nfull"
        raise OSError(msg)

    monkeypatch.setattr("recon.warehouse.runs.begin", fail)
    done = call("begin")
    assert (done.exit_code, done.stderr) == (1, "recon: OSError: disk full\n")
    assert "Traceback" in call("--debug", "begin").stderr


def test_begin_opens_a_run_of_the_given_job(call, sqlite_warehouse):
    done = call("begin", "--job", "full-sync")
    assert done.exit_code == 0
    assert "(full-sync, full) is open" in done.output
    assert runs_of(sqlite_warehouse) == [("full-sync", "full", "running", None)]


def test_prepare_migrates_checks_and_begins(tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    done = CliRunner().invoke(main, ["--warehouse-url", url, "prepare", "--job", "full-sync"])
    assert done.exit_code == 0
    made, sound, opened = done.output.splitlines()
    assert (made, sound) == (f"The warehouse is at version {HEAD} (made anew).", "The warehouse is as expected.")
    assert "(full-sync, full) is open, for 2 hours at most." in opened
    engine = sa.create_engine(url)
    assert runs_of(engine) == [("full-sync", "full", "running", None)]
    engine.dispose()


def test_begin_removes_the_batch_files_of_killed_jobs_and_only_those(call, tmp_path):
    folder = tmp_path / "batches of 100%"
    folder.mkdir()
    names = ("tap-wms--shipped-0.parquet", "mapper-orders--stg_shipped-1.parquet", "notes.txt", "alive.parquet")
    for name in names:
        (folder / name).touch()
        if name != "alive.parquet":
            os.utime(folder / name, (0, 0))
    done = call("--batches-path", str(folder), "begin")
    assert f"Removed 2 batch files that a killed job had left in {folder}.\n" in done.output
    assert {path.name for path in folder.iterdir()} == {"notes.txt", "alive.parquet"}
    assert "Removed" not in call("--batches-path", str(folder), "prepare").output


def test_begin_says_what_it_cannot_remove_and_goes_on(call, tmp_path):
    (tmp_path / "a folder.parquet").mkdir()
    os.utime(tmp_path / "a folder.parquet", (0, 0))
    done = call("--batches-path", str(tmp_path), "begin")
    assert done.exit_code == 0
    assert done.stderr == f"Old batch files in {tmp_path} cannot be removed: Is a directory.\n"
    assert "is open" in done.stdout


def test_prepare_opens_no_run_on_a_warehouse_that_is_not_as_expected(call, sqlite_warehouse):
    with writing(sqlite_warehouse) as connection:
        connection.execute(sa.text("DROP VIEW v_review_queue"))
    done = call("prepare")
    assert done.exit_code == 1
    assert done.output == f"The warehouse is at version {HEAD} (as before).\nview: v_review_queue is missing\n"
    assert runs_of(sqlite_warehouse) == []


def test_prepare_exits_75_while_another_run_is_at_work(call, sqlite_warehouse):
    first = begin(sqlite_warehouse, job="full-sync", owner=ELSEWHERE)
    done = call("prepare", "--mode", "incremental")
    assert done.exit_code == 75
    assert done.stdout == f"The warehouse is at version {HEAD} (as before).\nThe warehouse is as expected.\n"
    assert done.stderr.startswith(f"recon: Run {first.run_id} (full-sync, ")
    assert len(runs_of(sqlite_warehouse)) == 1


def test_prepare_finds_that_there_is_no_connection(call):
    done = call("prepare", url=UNREACHABLE)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("recon: Cannot connect to the warehouse mssql+pymssql://sa:***@127.0.0.1:1/")


def test_begin_exits_75_and_says_who_is_at_work(warehouse, recon):
    first = begin(warehouse, job="full-sync", owner=ELSEWHERE)
    second = recon("begin")
    assert (second.returncode, second.stdout) == (75, "")
    assert second.stderr.startswith(f"recon: Run {first.run_id} (full-sync, begun ")
    assert "process 4711 on depot-2" in second.stderr
    assert second.stderr.endswith(f"recon runs --close {first.run_id}\n")


def test_begin_loads_neither_frames_nor_migrations(sqlite_warehouse):
    heavy = ("pandas", "numpy", "alembic", "rich", "rapidfuzz")
    code = f"""
import sys
from recon.cli import main
main(["begin"], standalone_mode=False)
print([name for name in {heavy} if name in sys.modules])
"""
    url = sqlite_warehouse.url.render_as_string(hide_password=False)
    environment = os.environ | {"RECON_WAREHOUSE_URL": url}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


def test_the_steps_of_one_meltano_run_share_a_run_named_after_its_job(tmp_path, sqlite_warehouse):
    meltano = tmp_path / "bin" / "meltano"
    meltano.parent.mkdir()
    step = (
        "import sys, types; from recon import cli; cli._rules = lambda settings: None;"
        "sys.modules['recon.reconcile'] = types.SimpleNamespace(reconcile=lambda *a, **k: print('run', a[2].run_id));"
        "sys.modules['recon.warehouse.display'] = types.SimpleNamespace(show_outcome=print);"
        "cli.main()"
    )
    meltano.write_text(MELTANO.format(python=sys.executable, steps=[["begin"], ["reconcile"]], main=step))
    meltano.chmod(meltano.stat().st_mode | stat.S_IXUSR)
    environment = os.environ | {"WAREHOUSE_URL": sqlite_warehouse.url.render_as_string(hide_password=False)}
    command = [sys.executable, meltano, "--environment=dev", "run", "--force", "incremental-sync"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    opened, continued = (line.split()[1] for line in done.stdout.splitlines() if line.lower().startswith("run "))
    assert opened == continued
    assert runs_of(sqlite_warehouse) == [("incremental-sync", "incremental", "succeeded", None)]


def test_reconcile_is_told_what_the_person_wishes_and_ends_the_run(call, sqlite_warehouse, reconciliation, monkeypatch):
    told = {}
    reconciliation(lambda *_given, **wishes: told.update(wishes))
    monkeypatch.setattr("recon.warehouse.display.show_outcome", lambda _outcome: None)
    done = call(
        "reconcile", "--allow-shrink", "--accept", "a.xlsx", "--accept", "wah.v_shipped", "--today", "2026-06-01"
    )
    assert done.exit_code == 0, done.output
    assert (str(told["today"]), told["allow_shrink"]) == ("2026-06-01", True)
    assert told["accept"] == {"a.xlsx", "wah.v_shipped"}
    assert not told["how"].rematch
    assert runs_of(sqlite_warehouse) == [("manual", "reconcile", "succeeded", None)]


def test_a_reconciliation_is_summed_up(call, reconciliation):
    outcome = Outcome(
        run_id="a" * 32,
        files=46,
        order_lines=101_512,
        ordered=1_234_567,
        cancelled=1_000,
        packed=20_000,
        shipped=900_000,
        matched={"exact": Figures(rows=50_000, qty=800_000), "po like": Figures(rows=70, qty=900)},
        unmatched=Figures(rows=80, qty=4_321),
        pending=Figures(rows=9, qty=87),
        statuses={"COMPLETE": Figures(rows=40_000, qty=700_000)},
        quarantined=Figures(rows=12, cells=13, qty=14),
        excluded={"zero": Figures(rows=5, cells=66, qty=0)},
        findings={"total_qty_mismatch": Figures(rows=3)},
        cut=1_200,
        left_out=7,
        stale=(("acme.xlsx", "the file is damaged [again]"),),
        unread=(),
        superseded=(("acme copy.xlsx", "acme.xlsx"),),
        unknown_customers=tuple(UnknownCustomer(f"ACME {n}", n, ("ACME",)) for n in range(12)),
        changes={},
        swept=0,
    )
    reconciliation(lambda *_args, **_wishes: outcome)
    done = call("reconcile")
    assert done.exit_code == 0, done.output
    lines = [" ".join(line.replace("│", " ").split()) for line in done.output.splitlines()]
    assert lines[0].startswith(
        f"Run {'a' * 32} published 101,512 order lines of 46 workbooks: ordered 1,234,567, packed 20,000,"
    )
    for said in (
        "COMPLETE 40,000 700,000",
        "Too many candidates for 1,200 fulfilment keys: they were compared with those that share a further field only, "
        "and 7 of them with none of that kind (most_pairs in matching.yml).",
        "po like 70 900",
        "no order 80 4,321",
        "of these for review 9 87",
        "excluded zero 5 66 0",
        "quarantined 12 13 14",
        "finding total_qty_mismatch 3 0 0",
        "acme.xlsx: the file is damaged [again]",
        "acme copy.xlsx (counts: acme.xlsx)",
        "ACME 9, 9 units; like ACME",
        "and 2 more",
    ):
        assert said in lines, said
    assert not any(line.startswith("Never read") for line in lines)


def test_a_refusal_closes_the_run_with_its_reason(call, sqlite_warehouse, reconciliation):
    def refuse(*_args, **_wishes):
        msg = "The books of orders don't balance."
        raise BooksUnequal(msg)

    reconciliation(refuse)
    done = call("reconcile")
    assert (done.exit_code, done.stderr) == (1, "recon: The books of orders don't balance.\n")
    assert runs_of(sqlite_warehouse) == [("manual", "reconcile", "failed", "The books of orders don't balance.")]


def test_rules_that_cannot_be_read_close_the_run(call, sqlite_warehouse, monkeypatch, tmp_path):
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    monkeypatch.setenv("RECON_RULES_PATH", "rules-of-ours")
    done = call("reconcile")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"recon: {tmp_path}/rules-of-ours: no such folder. Set rules_path")
    ((_, _, status, reason),) = runs_of(sqlite_warehouse)
    assert (status, "no such folder" in reason) == ("failed", True)


def test_an_interrupted_reconciliation_exits_130(call, sqlite_warehouse, reconciliation):
    def interrupt(*_args, **_wishes):
        raise KeyboardInterrupt

    reconciliation(interrupt)
    assert call("reconcile").exit_code == 130
    assert runs_of(sqlite_warehouse) == [("manual", "reconcile", "failed", "interrupted")]


def test_a_terminated_reconciliation_rolls_back_closes_its_run_and_exits_143(call, sqlite_warehouse, reconciliation):
    def terminate(engine, *_args, **_wishes):
        with writing(engine) as connection:
            connection.execute(sa.delete(audit_run))
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    reconciliation(terminate)
    assert call("reconcile").exit_code == 143
    assert runs_of(sqlite_warehouse) == [("manual", "reconcile", "failed", "terminated")]
    assert signal.getsignal(signal.SIGTERM) == before


def test_runs_are_shown_as_a_table(call, sqlite_warehouse):
    assert call("runs").output == "No run yet.\n"
    first, second = begin(sqlite_warehouse, job="full-sync"), begin(sqlite_warehouse, job="reconcile")
    lines = call("runs").output.splitlines()
    (one,) = (line for line in lines if first.run_id in line)
    (two,) = (line for line in lines if second.run_id in line)
    assert lines.index(two) < lines.index(one)
    assert "full-sync" in one
    assert "failed" in one
    assert "no further" in one
    assert "running" in two
    assert not any(first.run_id in line for line in call("runs", "--last", "1").output.splitlines())


def test_notifications_that_could_not_be_sent_are_shown_under_the_runs(call, sqlite_warehouse):
    run = begin(sqlite_warehouse, job="full-sync")
    told = {"channel": "email", "run_id": run.run_id, "digest": "0" * 32}
    hours = [timedelta(hours=2), timedelta(hours=-2), timedelta(hours=3)]
    with writing(sqlite_warehouse) as connection:
        for number, (status, later) in enumerate(zip(("failed", "failed", "sent"), hours, strict=True)):
            row = {**told, "notification_id": f"{number:032}", "status": status, "error": f"no answer {number}"}
            connection.execute(sa.insert(notification).values(**row, sent_at=run.started_at + later))
    output = call("runs").output
    assert "Notifications not sent (1):" in output
    assert f"email, run {run.run_id}: no answer 0" in output
    assert "Notifications" not in call("runs", "--show", run.run_id).output


def test_a_run_is_shown_with_what_it_counted(call, sqlite_warehouse):
    assert "There is no such run" in call("runs", "--show").output
    run = begin(sqlite_warehouse, job="full-sync", mode="full", owner=ELSEWHERE)
    figures = [
        ("fact_order_recon", "fact", "shipped", 7, 0, 61),
        ("recon_match", "matched", "alt_po", 2, 0, 40),
        ("recon_match", "matched", "", 1, 0, 21),
        ("order_list_rows", "quarantined", "negative_quantity", 1, 1, -5),
        ("order_list_rows", "excluded", "zero", 0, 9, 0),
    ]
    columns = ("table", "measure", "reason", "rows", "cells", "qty")
    with writing(sqlite_warehouse) as connection:
        counts = [dict(zip(columns, row, strict=True)) | {"run_id": run.run_id} for row in figures]
        connection.execute(sa.insert(audit_count), counts)
        close(connection, run, "succeeded")

    for shown in (call("runs", "--show"), call("runs", "--show", run.run_id)):
        assert "the books are equal" in " ".join(shown.output.split())
        lines = [line.strip("│ ").split("│") for line in shown.output.splitlines() if "│" in line]
        assert [[cell.strip() for cell in line] for line in lines] == [
            ["shipped", "", "61"],
            ["matched no order", "1", "21"],
            ["matched by alt_po", "2", "40"],
            ["quarantined: negative_quantity", "1", "-5"],
            ["left out: zero", "9", "0"],
        ]


def test_runs_are_given_as_json(call, sqlite_warehouse):
    run = begin(sqlite_warehouse, job="full-sync")
    (found,) = json.loads(call("runs", "--json").output)
    assert (found["run_id"], found["status"], found["finished_at"]) == (run.run_id, "running", None)
    assert found["started_at"] == f"{run.started_at.isoformat()}Z"


def test_a_run_left_open_is_closed_by_hand_and_the_warehouse_free(call, sqlite_warehouse):
    run = begin(sqlite_warehouse, owner=ELSEWHERE)
    assert call("begin").exit_code == 75
    closed = call("runs", "--close", run.run_id)
    assert (closed.exit_code, closed.output) == (0, f"Run {run.run_id} is closed as failed, the warehouse is free.\n")
    assert call("begin").exit_code == 0
    again = call("runs", "--close", run.run_id)
    assert (again.exit_code, again.stderr) == (
        1,
        f"Error: There is no open run {run.run_id}; `recon runs` shows the last ones.\n",
    )


@pytest.mark.parametrize("key", ["f" * 32, "F" * 32, "0" * 32, " 4500012345 ", "po-77"])
def test_a_link_is_explained_by_either_key_or_po(call, sqlite_warehouse, key):
    _publish_link(sqlite_warehouse)
    done = call("explain", key)
    assert done.exit_code == 0, done.output
    words = done.output.replace(",", " ").split()
    for said in ("FUZZY", "normalised", "92.5", "[red]", "4500012345", "PO-77", "30", "27.5", "without", "prefix"):
        assert said in words, said
    assert "Runner-up: order key " + "1" * 32 + ", score 61" in done.output


def test_a_key_without_a_link_is_said_so(call, sqlite_warehouse):
    _publish_link(sqlite_warehouse)
    done = call("explain", "nothing")
    assert done.exit_code == 1
    assert done.stderr == "No published link has 'nothing' as fulfil_key_id, order_key_id or PO.\n"


def test_many_links_of_one_po_are_counted(call, sqlite_warehouse):
    for name in "abc":
        _publish_link(sqlite_warehouse, name * 32)
    done = call("explain", "4500012345", "--most", "1")
    assert done.output.endswith("2 more links: --most 3 prints them all.\n")


def test_every_command_and_option_is_in_the_readme():
    text = README.read_text(encoding="utf-8")
    named = dict(main.commands)
    for name, command in named.items():
        assert f"`recon {name}" in text, name
        inner = getattr(command, "commands", {}).values()
        for one in (command, *inner):
            assert one is command or f"`{one.name}" in text, one.name
            for option in one.params:
                if option.param_type_name == "option":
                    assert option.opts[0] in text, f"{name} {option.opts[0]}"


def _publish_link(engine, fulfil_key_id="f" * 32):
    evidence = [
        {
            "field": "customer_po",
            "order_value": "PO-77",
            "fulfil_value": "4500012345",
            "level": "without prefix",
            "points": 30,
        },
        {"field": "style", "order_value": "[red]", "fulfil_value": "RED", "level": "like", "points": 27.5},
    ]
    with writing(engine) as connection:
        connection.execute(
            recon_match.insert().values(
                fulfil_key_id=fulfil_key_id,
                fulfil_customer="ACME",
                fulfil_customer_po="4500012345",
                order_key_id="0" * 32,
                order_customer="ACME",
                order_customer_po="PO-77",
                match_type="FUZZY",
                match_rule="normalised",
                match_score=92.5,
                runner_up_order_key_id="1" * 32,
                runner_up_score=61,
                evidence=json.dumps(evidence),
                candidates=None,
                review_status="NONE",
                decided_by="engine",
            )
        )
