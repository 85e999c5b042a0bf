"""A migrated warehouse of each kind: a SQLite file always, a database of its own where a server is named."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import uuid

import pytest
import sqlalchemy as sa
from recon.warehouse.engine import connect
from recon.warehouse.schema import migrate

SERVER = os.environ.get("MSSQL_TEST_URL")
MAIN = "from recon.cli import main; main(prog_name='recon')"


def pytest_collection_modifyitems(config, items):
    """Without a server its tests are left out, and one line says so."""
    if SERVER:
        return
    here = str(config.rootpath / "transform")
    left_out = [item for item in items if item.get_closest_marker("mssql") and str(item.path).startswith(here)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    if not SERVER:
        terminalreporter.write_line(
            "transform: tests on a server are left out; run them with "
            "MSSQL_TEST_URL='mssql+pymssql://sa:PASSWORD@localhost:1433/master' pytest transform -m mssql"
        )


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    """Keep the settings of whoever runs the tests out of them."""
    for name in ("RECON_WAREHOUSE_URL", "WAREHOUSE_URL", "RECON_RULES_PATH", "MELTANO_PROJECT_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """A SQLite warehouse that is migrated once and copied for each test."""
    path = tmp_path_factory.mktemp("migrated") / "warehouse.db"
    engine = connect(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.mssql)])
def empty_url(request, tmp_path):
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'warehouse.db'}"
    else:
        yield from _server_database()


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.mssql)])
def url(request, tmp_path, migrated_file):
    """The URL of a migrated warehouse."""
    if request.param == "sqlite":
        shutil.copy(migrated_file, tmp_path / "warehouse.db")
        yield f"sqlite:///{tmp_path / 'warehouse.db'}"
        return
    for created in _server_database():
        engine = connect(created)
        migrate(engine)
        engine.dispose()
        yield created


@pytest.fixture
def warehouse(url):
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_warehouse(tmp_path, migrated_file):
    """A migrated SQLite warehouse, for what only SQLite does."""
    shutil.copy(migrated_file, tmp_path / "warehouse.db")
    engine = connect(f"sqlite:///{tmp_path / 'warehouse.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def recon(url):
    """Run ``recon`` as a process of its own, its parent this one."""

    def run(*args, env=None, timeout=60):
        return subprocess.run(
            [sys.executable, "-c", MAIN, *args],
            env=os.environ | {"RECON_WAREHOUSE_URL": url} | (env or {}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def _server_database():
    name = f"recon_test_{uuid.uuid4().hex[:12]}"
    server = sa.make_url(SERVER)
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        admin.dispose()
