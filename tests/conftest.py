"""Runs whole jobs through ``meltano run``, each test on sources, warehouse and bookmarks of its own.

The plugins are those of this checkout (``make setup``); everything a run reads or writes is moved to the test's
folder by the environment variables that users have, so the tests also prove that these work. The folder's
name has a space in it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
AS_OF = "2026-03-02"
"""The day the sample is made for. Statuses that depend on today are not compared."""

PUBLISHED = (
    "stg_orders",
    "stg_packed_current",
    "stg_shipped_current",
    "recon_load",
    "recon_match",
    "recon_order_fill",
    "fact_order_recon",
    "quarantine",
)


@dataclass(frozen=True)
class Project:
    """A user's installation: sources, rules, warehouse, bookmarks and reports in one folder.

    Attributes:
        home: The folder.
        by_file: Whether rows travel in batch files, as they do where there are many; else, by default, these few as
            records.
    """

    home: Path
    by_file: bool = True

    @property
    def order_lists(self) -> Path:
        return self.home / "sources" / "order_lists"

    @property
    def wms(self) -> Path:
        return self.home / "sources" / "wms.db"

    @property
    def rules(self) -> Path:
        return self.home / "config"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.db"

    @property
    def report(self) -> Path:
        return self.home / "reports" / "order-audit.xlsx"

    @property
    def batches(self) -> Path:
        return self.home / "batches"

    @property
    def system_folder(self) -> Path:
        """Where Meltano writes what a run's plugins are given, beside the plugins themselves.

        Each home has its own, so that tests can run side by side; the plugins are the checkout's.
        """
        folder = self.home / ".meltano"
        if not folder.exists():
            folder.mkdir()
            for kind in ("extractors", "loaders", "mappers", "utilities"):
                (folder / kind).symlink_to(ROOT / ".meltano" / kind, target_is_directory=True)
        return folder

    @property
    def env(self) -> dict[str, str]:
        batch_config = json.dumps({"encoding": {"format": "parquet"}, "storage": {"root": str(self.batches)}})
        own = {
            "MELTANO_DATABASE_URI": f"sqlite:///{self.home / 'meltano.db'}",
            "MELTANO_SYS_DIR_ROOT": str(self.system_folder),
            "MELTANO_CLI_LOG_LEVEL": "info",
            "NO_COLOR": "1",
            "WAREHOUSE_URL": f"sqlite:///{self.warehouse}",
            "TAP_SHAREPOINT_ORDERS_LOCAL_PATH": str(self.order_lists),
            "TAP_WMS_CONNECTIONS": json.dumps({"wms": f"sqlite:///{self.wms}"}),
            "MAPPER_ORDERS_RULES_PATH": str(self.rules),
            "RECON_RULES_PATH": str(self.rules),
            "REPORTS_RULES_PATH": str(self.rules),
            "REPORTS_OUTPUT_DIR": str(self.home / "reports"),
            "TAP_SHAREPOINT_ORDERS_BATCH_CONFIG": batch_config,
            "TAP_WMS_BATCH_CONFIG": batch_config,
            "MAPPER_ORDERS_BATCH_CONFIG": batch_config,
            "RECON_BATCHES_PATH": str(self.batches),
        }
        if self.by_file:
            own |= {"TAP_SHAREPOINT_ORDERS_BATCH_FROM_ROWS": "1", "TAP_WMS_BATCH_FROM_ROWS": "1"}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAP_", "TARGET_", "RECON_", "MELTANO_"))}
        return kept | own

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start Meltano with its output going to ``last-run.log``."""
        log = (self.home / "last-run.log").open("w", encoding="utf-8")
        with log:
            return subprocess.Popen(
                [str(ROOT / "bin" / "meltano"), *args],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return (self.home / "last-run.log").read_text(encoding="utf-8")

    def meltano(self, *args: str) -> int:
        """Run Meltano to its end and give its exit code; the output is ``log``."""
        process = self.start(*args)
        try:
            return process.wait(timeout=240)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise

    def run(self, job: str) -> None:
        """Run a job that must succeed."""
        code = self.meltano("run", job)
        assert code == 0, self.log[-6000:]

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.warehouse) as connection:
            rows = connection.execute(sql, parameters).fetchall()
        connection.close()
        return rows

    def value(self, sql: str, *parameters: object) -> object:
        return self.rows(sql, *parameters)[0][0]

    def published(self, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[object, ...]]]:
        """Every published row by table, sorted; columns named in ``without`` are left out."""
        tables = {}
        for table in PUBLISHED:
            names = [row[1] for row in self.rows(f"PRAGMA table_info({table})") if row[1] not in without]
            quoted = ", ".join(f'"{name}"' for name in names)
            tables[table] = sorted(self.rows(f"SELECT {quoted} FROM {table}"), key=repr)  # noqa: S608
        return tables

    def kill_when_running(self, job: str, program: str, number: signal.Signals, *, after: float = 0.0) -> int | None:
        """Start a job, signal a program's first process ``after`` seconds into its life.

        Returns:
            The job's exit code; nothing where the program had ended by then.
        """
        process = self.start("run", job)
        try:
            victim = _wait_for_child(process, program)
            time.sleep(after)
            try:
                victim.send_signal(number)
            except psutil.NoSuchProcess:
                process.wait(timeout=240)
                return None
            return process.wait(timeout=240)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _wait_for_child(process: subprocess.Popen[str], program: str) -> psutil.Process:
    deadline = time.monotonic() + 120
    parent = psutil.Process(process.pid)
    while time.monotonic() < deadline and process.poll() is None:
        try:
            for child in parent.children(recursive=True):
                if _runs(child, program):
                    return child
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    pytest.fail(f"{program} never ran")


def _runs(process: psutil.Process, program: str) -> bool:
    """Whether a process is the plugin's own (not a worker it started, not its discovery of the catalogue)."""
    try:
        words = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    names = [Path(word).name for word in words[:3]]
    wanted = program.split()
    return wanted[0] in names and all(word in words for word in wanted[1:]) and "--discover" not in words


def make_sources(target: Path, *options: str) -> None:
    """Make the sample sources, small: every hazard is there at 400 wide rows as at 3,000."""
    program = [sys.executable, str(ROOT / "examples" / "make_sources.py"), str(target), "--as-of", AS_OF]
    subprocess.run([*program, "--rows", "400", *options], check=True, capture_output=True)


@pytest.fixture(scope="session")
def synced_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first full sync, to be copied."""
    home = tmp_path_factory.mktemp("a planner's home")
    make_sources(home / "sources")
    shutil.copytree(ROOT / "config", home / "config")
    Project(home).run("full-sync")
    return home


def installed(synced_home: Path, folder: Path) -> Project:
    """Copy an installation into a folder."""
    home = folder / "a planner's home"
    shutil.copytree(synced_home, home, ignore=shutil.ignore_patterns(".meltano"))
    return Project(home)


@pytest.fixture
def project(synced_home: Path, tmp_path: Path) -> Project:
    """An installation of the test's own, after a full sync."""
    return installed(synced_home, tmp_path)


@pytest.fixture
def new_project(synced_home: Path, tmp_path: Path) -> Project:
    """An installation that has never run."""
    home = tmp_path / "a new home"
    home.mkdir()
    for part in ("sources", "config"):
        shutil.copytree(synced_home / part, home / part)
    return Project(home)


@pytest.fixture
def edit_wms(project: Project) -> Callable[..., int]:
    """Change the warehouse system by one statement; gives the number of rows changed."""

    def edit(sql: str, *parameters: object) -> int:
        with sqlite3.connect(project.wms) as connection:
            changed = connection.execute(sql, parameters).rowcount
        connection.close()
        return changed

    return edit
