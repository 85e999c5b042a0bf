"""Runs and the lease: one run at a time, whoever died and whenever."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import psutil
import pytest
import sqlalchemy as sa
from order_rules.tables import audit_lease, audit_run
from recon.warehouse import owner as owners
from recon.warehouse import runs
from recon.warehouse.engine import writing
from recon.warehouse.owner import Owner, current_owner, host
from recon.warehouse.runs import (
    LEASE,
    Busy,
    begin,
    close,
    close_by_hand,
    heartbeat,
    last_runs,
    mode_of,
    open_run,
    utc_now,
)
from sqlalchemy.dialects import mssql

ELSEWHERE = Owner("depot-2", 4711, datetime(2026, 3, 4, 5, 6, 7))
THIRD = Owner("depot-3", 4712, datetime(2026, 3, 4, 5, 6, 7))
CONTENDER = """
import os, sys
from recon.warehouse import owner, runs
from recon.warehouse.engine import connect

engine = connect(sys.argv[1])
me = owner.Owner(owner.host(), os.getpid(), owner._started_at(owner.psutil.Process()))
print("ready", flush=True)
input()
try:
    print("began", runs.begin(engine, job="full-sync", owner=me).run_id, flush=True)
except runs.Busy as busy:
    print("busy", busy, flush=True)
input()
"""


def stored(engine):
    with engine.connect() as connection:
        rows = connection.execute(sa.select(audit_run).order_by(audit_run.c.run_id)).mappings().all()
        return [(row["run_id"], row["status"], row["reason"]) for row in rows]


def lease(engine):
    with engine.connect() as connection:
        return connection.execute(sa.select(audit_lease)).mappings().one()


def let_expire(engine):
    past = utc_now() - timedelta(seconds=1)
    with writing(engine) as connection:
        connection.execute(sa.update(audit_lease).values(heartbeat_at=past - LEASE, expires_at=past))


def test_a_run_is_opened_and_holds_the_lease(warehouse):
    before = utc_now()
    run = begin(warehouse, job="full-sync", owner=ELSEWHERE)
    assert (run.job, run.mode, run.owner) == ("full-sync", "full", "depot-2/4711/2026-03-04T05:06:07Z")
    assert before <= run.started_at <= utc_now()
    assert run.started_at.tzinfo is None
    assert stored(warehouse) == [(run.run_id, "running", None)]
    held = lease(warehouse)
    assert (held["run_id"], held["owner"]) == (run.run_id, run.owner)
    assert held["expires_at"] - held["heartbeat_at"] == timedelta(hours=2)


@pytest.mark.parametrize(
    ("job", "mode"),
    [("full-sync", "full"), ("incremental-sync", "incremental"), ("reconcile", "reconcile"), ("manual", "reconcile")],
)
def test_the_mode_follows_from_the_job(job, mode):
    assert mode_of(job) == mode


def test_a_mode_that_is_given_wins_over_the_job(warehouse):
    assert begin(warehouse, job="full-sync", mode="reconcile").mode == "reconcile"


def test_without_a_job_it_is_manual(warehouse):
    run = begin(warehouse)
    assert (run.job, run.mode, run.owner) == ("manual", "reconcile", str(current_owner()))


def test_the_job_is_the_one_that_meltano_runs(warehouse, monkeypatch):
    monkeypatch.setattr(runs, "current_job", lambda: "incremental-sync")
    run = begin(warehouse)
    assert (run.job, run.mode) == ("incremental-sync", "incremental")


def test_a_second_run_is_told_who_holds_the_warehouse(warehouse):
    first = begin(warehouse, job="full-sync", owner=ELSEWHERE)
    with pytest.raises(Busy) as busy:
        begin(warehouse, job="incremental-sync", owner=THIRD)
    said = str(busy.value)
    begun, until = first.started_at, lease(warehouse)["expires_at"]
    assert f"Run {first.run_id} (full-sync, begun {begun:%Y-%m-%d %H:%M:%S} UTC) holds the warehouse" in said
    assert "process 4711 on depot-2" in said
    assert f"lease until {until:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"recon runs --close {first.run_id}" in said
    assert stored(warehouse) == [(first.run_id, "running", None)]


def test_a_process_that_is_alive_on_this_host_keeps_its_lease(warehouse):
    begin(warehouse, owner=current_owner())
    with pytest.raises(Busy):
        begin(warehouse, owner=THIRD)


def test_the_run_of_a_process_that_died_here_is_taken_over_at_once(warehouse):
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        dead = Owner(host(), process.pid, owners._started_at(psutil.Process(process.pid)))
        first = begin(warehouse, owner=dead)
    second = begin(warehouse, owner=THIRD)
    gone = f"no further step: process {dead.pid} on {dead.host} is gone"
    assert stored(warehouse) == [(first.run_id, "failed", gone), (second.run_id, "running", None)]
    assert lease(warehouse)["run_id"] == second.run_id


def test_a_process_that_took_over_the_id_of_a_dead_one_does_not_keep_its_lease(warehouse):
    first = begin(warehouse, owner=Owner(host(), current_owner().pid, datetime(2026, 1, 1)))
    second = begin(warehouse)
    assert [row[:2] for row in stored(warehouse)] == [(first.run_id, "failed"), (second.run_id, "running")]


def test_a_lease_of_another_host_is_taken_over_when_it_is_over(warehouse):
    first = begin(warehouse, owner=ELSEWHERE)
    let_expire(warehouse)
    second = begin(warehouse, owner=THIRD)
    (closed, _, why), (opened, status, _) = stored(warehouse)
    assert (closed, opened, status) == (first.run_id, second.run_id, "running")
    assert why.startswith("no further step: no sign of life since ")


def test_a_lease_of_another_host_that_is_not_over_is_kept_however_long_the_run(warehouse):
    first = begin(warehouse, owner=ELSEWHERE)
    let_expire(warehouse)
    heartbeat(warehouse, first)
    with pytest.raises(Busy):
        begin(warehouse, owner=THIRD)


def test_the_same_process_beginning_again_ends_its_former_run(warehouse):
    first, second = begin(warehouse), begin(warehouse)
    why = "no further step: the same process began another run"
    assert stored(warehouse) == [(first.run_id, "failed", why), (second.run_id, "running", None)]


def test_any_run_left_open_is_closed_by_the_next_one(warehouse):
    lost = begin(warehouse)
    with writing(warehouse) as connection:
        connection.execute(sa.update(audit_lease).values(run_id=None, owner=None, expires_at=None))
    now = begin(warehouse)
    assert stored(warehouse) == [(lost.run_id, "failed", "no further step"), (now.run_id, "running", None)]


def test_a_lease_that_changed_since_it_was_read_is_not_taken(warehouse):
    first = begin(warehouse, owner=ELSEWHERE)
    with warehouse.connect() as connection:
        seen = runs._peek(connection)
    close(warehouse, first, "succeeded")
    other = begin(warehouse, owner=THIRD)
    with writing(warehouse) as connection:
        late = runs.Run("f" * 32, "manual", "reconcile", utc_now(), str(ELSEWHERE))
        assert not runs._take(connection, seen, late, utc_now())
    assert lease(warehouse)["run_id"] == other.run_id


def test_a_begin_that_loses_the_race_looks_again_and_finds_the_winner(warehouse, monkeypatch):
    take = runs._take
    winners = []

    def overtaken(connection, seen, run, now):
        if not winners:
            winners.append(runs.Run("e" * 32, "full-sync", "full", now, str(ELSEWHERE)))
            assert take(connection, seen, winners[0], now)
        return take(connection, seen, run, now)

    monkeypatch.setattr(runs, "_take", overtaken)
    with pytest.raises(Busy, match=f"Run {'e' * 32} .*depot-2"):
        begin(warehouse, owner=THIRD)


def test_a_lost_row_of_the_lease_is_made_again(warehouse):
    with writing(warehouse) as connection:
        connection.execute(sa.delete(audit_lease))
    run = begin(warehouse)
    assert lease(warehouse)["run_id"] == run.run_id


def test_of_three_processes_that_begin_at_once_one_wins(url, warehouse):
    command = [sys.executable, "-c", CONTENDER, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in processes]
    finally:
        for process in processes:
            process.communicate("\n", timeout=30)
    (winner,) = (line.split()[1] for line in said if line.startswith("began "))
    assert sum(line.startswith(f"busy Run {winner} (full-sync, ") for line in said) == 2
    assert stored(warehouse) == [(winner, "running", None)]


def test_a_begin_does_not_wait_for_a_run_that_is_publishing(sqlite_warehouse, monkeypatch):
    monkeypatch.setattr("recon.warehouse.engine.LOCK_WAIT_S", 0)
    sqlite_warehouse.dispose()
    run = begin(sqlite_warehouse, owner=ELSEWHERE)
    with writing(sqlite_warehouse) as connection:
        heartbeat(connection, run)
        with pytest.raises(Busy):
            begin(sqlite_warehouse, owner=THIRD)


def test_reading_the_lease_on_sql_server_waits_for_nobody():
    hinted = runs._LEASE.with_hint(audit_lease, runs.NO_WAIT, "mssql")
    assert "FROM audit_lease WITH (NOLOCK) \nWHERE" in str(hinted.compile(dialect=mssql.dialect()))


def test_the_next_step_continues_the_run(warehouse):
    run = begin(warehouse, job="full-sync")
    assert open_run(warehouse) == run


def test_a_step_without_a_run_begins_one_by_hand(warehouse):
    run = open_run(warehouse)
    assert (run.job, run.mode) == ("manual", "reconcile")
    assert stored(warehouse) == [(run.run_id, "running", None)]


def test_a_step_after_the_run_ended_begins_another(warehouse):
    first = begin(warehouse)
    close(warehouse, first, "succeeded")
    assert open_run(warehouse).run_id != first.run_id


def test_a_step_does_not_continue_the_run_of_others(warehouse):
    begin(warehouse, owner=ELSEWHERE)
    with pytest.raises(Busy):
        open_run(warehouse)


def test_a_sign_of_life_extends_the_lease(warehouse):
    run = begin(warehouse, owner=ELSEWHERE)
    let_expire(warehouse)
    heartbeat(warehouse, run)
    assert lease(warehouse)["expires_at"] >= utc_now() + LEASE - timedelta(seconds=5)


def test_a_run_that_was_taken_over_may_not_go_on(warehouse):
    first = begin(warehouse, owner=ELSEWHERE)
    let_expire(warehouse)
    second = begin(warehouse, owner=THIRD)
    with pytest.raises(Busy, match=f"Run {first.run_id} lost the lease. Run {second.run_id} .*depot-3"):
        heartbeat(warehouse, first)
    assert not close(warehouse, first, "succeeded")
    assert lease(warehouse)["run_id"] == second.run_id


def test_a_run_that_was_closed_may_not_go_on(warehouse):
    run = begin(warehouse)
    assert close_by_hand(warehouse, run.run_id, "ann")
    with pytest.raises(Busy, match=f"Run {run.run_id} was closed meanwhile"):
        heartbeat(warehouse, run)


def test_closing_ends_the_run_and_frees_the_warehouse(warehouse):
    run = begin(warehouse, owner=ELSEWHERE)
    assert close(warehouse, run, "succeeded")
    assert stored(warehouse) == [(run.run_id, "succeeded", None)]
    assert {name for name, value in lease(warehouse).items() if value is not None} == {"name"}
    begin(warehouse, owner=THIRD)


def test_a_closed_run_stays_as_it_was_closed(warehouse):
    run = begin(warehouse)
    close(warehouse, run, "failed", "the books are unequal")
    assert not close(warehouse, run, "succeeded")
    assert stored(warehouse) == [(run.run_id, "failed", "the books are unequal")]


def test_a_run_closed_in_a_transaction_that_fails_is_still_open(warehouse):
    run = begin(warehouse)

    def publish():
        with writing(warehouse) as connection:
            close(connection, run, "succeeded")
            msg = "the server went away"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError):
        publish()
    assert stored(warehouse) == [(run.run_id, "running", None)]
    assert lease(warehouse)["run_id"] == run.run_id


def test_a_run_closed_by_hand_names_the_person(warehouse):
    run = begin(warehouse, owner=ELSEWHERE)
    assert close_by_hand(warehouse, run.run_id, "ann")
    assert stored(warehouse) == [(run.run_id, "failed", "no further step: closed by hand by ann")]
    assert not close_by_hand(warehouse, run.run_id, "ann")
    assert not close_by_hand(warehouse, "0" * 32, "ann")


def test_the_last_runs_come_newest_first(warehouse):
    ids = [begin(warehouse).run_id for _ in range(3)]
    shown = last_runs(warehouse, 2)
    assert [run["run_id"] for run in shown] == [ids[2], ids[1]]
    assert isinstance(shown[0]["started_at"], datetime)
    assert shown[1]["status"] == "failed"
    assert shown[1]["seconds_taken"] >= 0
