"""Who holds the lease: the process that starts the steps, told apart from its likes; and what job it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import psutil
import pytest
from recon.warehouse import owner as owners
from recon.warehouse.owner import Owner, current_owner, host, is_gone, job_of, parse_owner

MOMENT = datetime(2026, 3, 4, 5, 6, 7)


@pytest.fixture
def neighbour():
    """A process that runs until it is ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    yield process
    process.kill()
    process.communicate()


def owner_of(pid):
    return Owner(host(), pid, owners._started_at(psutil.Process(pid)))


@pytest.mark.parametrize(
    ("command", "job"),
    [
        ("meltano run full-sync", "full-sync"),
        ("/opt/venv/bin/python /opt/venv/bin/meltano --environment=dev run full-sync", "full-sync"),
        ("/opt/venv/bin/python -m meltano --cwd /srv/orders run --force incremental-sync", "incremental-sync"),
        ("meltano run --timeout 3600 --run-id 5f0c --no-install reconcile", "reconcile"),
        ("meltano run --state-id-suffix=eu full-sync", "full-sync"),
        ("meltano.exe run full-sync", "full-sync"),
        (
            "meltano run recon:begin tap-wms target-mssql recon:reconcile",
            "recon:begin tap-wms target-mssql recon:reconcile",
        ),
        ("meltano run", None),
        ("meltano invoke recon begin", None),
        ("bash -c recon begin", None),
        ("python -m pytest run tests", None),
        ("", None),
    ],
)
def test_the_job_is_what_follows_run(command, job):
    assert job_of(command.split()) == job


def test_a_run_of_very_many_blocks_has_a_name_that_fits():
    assert len(job_of(["meltano", "run", *["tap-of-some-length"] * 40])) == 200


def test_the_owner_is_the_process_that_starts_the_steps():
    assert current_owner() == owner_of(os.getppid())


def test_the_first_process_of_a_container_owns_its_lease_itself(monkeypatch):
    monkeypatch.setattr(os, "getppid", lambda: 0)
    assert current_owner().pid == os.getpid()


def test_an_owner_survives_being_written_down():
    owner = Owner("host/with pid:[402]", 12, MOMENT)
    assert str(owner) == "host/with pid:[402]/12/2026-03-04T05:06:07Z"
    assert parse_owner(str(owner)) == owner


@pytest.mark.parametrize("text", [None, "", "somebody", "host/x/2026-03-04T05:06:07Z", "host/12/yesterday"])
def test_a_text_that_names_no_owner(text):
    assert parse_owner(text) is None


def test_a_clock_that_was_set_does_not_make_a_process_another():
    owner = Owner("a", 1, MOMENT)
    assert owner.is_same(replace(owner, started_at=MOMENT + timedelta(seconds=2)))
    assert not owner.is_same(replace(owner, started_at=MOMENT + timedelta(minutes=1)))
    assert not owner.is_same(replace(owner, pid=2))
    assert not owner.is_same(replace(owner, host="b"))


def test_a_running_process_is_not_gone(neighbour):
    assert not is_gone(owner_of(neighbour.pid))


def test_an_ended_process_is_gone_even_before_its_parent_asks(neighbour):
    owner = owner_of(neighbour.pid)
    neighbour.kill()
    psutil.wait_procs([psutil.Process(neighbour.pid)], timeout=0.5)
    assert is_gone(owner)
    neighbour.wait()
    assert is_gone(owner)


def test_another_process_under_the_same_id_does_not_keep_a_run_alive(neighbour):
    assert is_gone(replace(owner_of(neighbour.pid), started_at=MOMENT))


def test_nothing_is_known_of_a_process_elsewhere():
    assert not is_gone(Owner("elsewhere", 1, MOMENT))


def test_a_process_that_may_not_be_looked_at_counts_as_alive(neighbour, monkeypatch):
    owner = owner_of(neighbour.pid)

    def deny(*_):
        raise psutil.AccessDenied(neighbour.pid)

    monkeypatch.setattr(psutil.Process, "create_time", deny)
    assert not is_gone(owner)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [("pid:[4026531836]", "depot"), ("pid:[4026532500]", "depot pid:[4026532500]"), (None, "depot")],
)
def test_containers_of_one_name_are_told_apart(monkeypatch, namespace, name):
    def readlink(_path):
        if namespace is None:
            raise FileNotFoundError
        return namespace

    monkeypatch.setattr(owners.socket, "gethostname", lambda: "depot")
    monkeypatch.setattr(owners.Path, "readlink", readlink)
    assert owners.host.__wrapped__() == name
