"""Migrations: the same schema on both databases, up and down, killed or run twice at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import types
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from order_rules.tables import metadata
from recon import migrations
from recon.warehouse import schema
from recon.warehouse.check import check
from recon.warehouse.engine import WarehouseError, connect
from recon.warehouse.schema import LOCK_SQL, migrate, migration_sql, unmigrate
from recon.warehouse.views import VIEWS
from sqlfluff.core import FluffConfig, Linter

APPROVED = Path(__file__).parents[1] / "approved"
SERVER_URL = "mssql+pymssql://recon:secret@nowhere.invalid/warehouse"
KILLED = """
import os, signal, sys
import sqlalchemy as sa
from recon.warehouse.engine import connect
from recon.warehouse.schema import migrate

engine = connect(sys.argv[1])
left = int(sys.argv[3])


@sa.event.listens_for(engine, "after_cursor_execute")
def kill(connection, cursor, statement, parameters, context, executemany):
    global left
    if statement.strip().startswith(sys.argv[2]):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)


migrate(engine)
"""


@pytest.fixture
def empty(empty_url):
    engine = connect(empty_url)
    yield engine
    engine.dispose()


def tables_and_views(engine):
    inspector = sa.inspect(engine)
    return set(inspector.get_table_names()), set(inspector.get_view_names())


def test_a_new_warehouse_gets_every_table_and_view(empty):
    assert migrate(empty) == (None, migrations.HEAD)
    tables, views = tables_and_views(empty)
    assert tables == {*metadata.tables, "alembic_version"}
    assert views == set(VIEWS)


def test_migrating_again_changes_nothing(empty):
    migrate(empty)
    before = tables_and_views(empty)
    assert migrate(empty) == (migrations.HEAD, migrations.HEAD)
    assert tables_and_views(empty) == before


def test_the_migrated_tables_are_those_of_order_rules(warehouse):
    with warehouse.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert check(warehouse) == []


def test_steps_back_leave_nothing_and_steps_forward_everything(empty):
    migrate(empty)
    assert unmigrate(empty, "0001") == (migrations.HEAD, "0001")
    assert tables_and_views(empty)[1] == set()
    assert unmigrate(empty) == ("0001", None)
    assert tables_and_views(empty) == ({"alembic_version"}, set())
    assert migrate(empty) == (None, migrations.HEAD)
    assert check(empty) == []


def test_rows_are_kept_where_only_views_are_made_anew(empty):
    migrate(empty, "0001")
    with empty.begin() as connection:
        connection.execute(metadata.tables["loads"].insert(), _load())
    migrate(empty)
    with empty.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(metadata.tables["loads"])).scalar_one() == 1


def test_the_last_step_is_the_one_that_the_commands_expect():
    scripts = ScriptDirectory(Path(migrations.__file__).parent)
    assert scripts.get_heads() == [migrations.HEAD]
    assert scripts.get_bases() == ["0001"]


def test_a_warehouse_of_a_newer_recon_is_left_alone(warehouse):
    with warehouse.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WarehouseError, match=r"is at version 9999, this recon knows \d+\. Install the newer recon"):
        migrate(warehouse)


@pytest.mark.parametrize(("done", "statement", "count"), [(None, "CREATE TABLE", 15), ("0001", "CREATE VIEW", 6)])
def test_a_killed_migration_leaves_the_database_as_it_was(tmp_path, done, statement, count):
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    engine = connect(url)
    if done:
        migrate(engine, done)
    before = tables_and_views(engine)
    killed = subprocess.run([sys.executable, "-c", KILLED, url, statement, str(count)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert tables_and_views(engine) == before
    assert migrate(engine) == (done, migrations.HEAD)
    assert check(engine) == []
    engine.dispose()


def test_two_migrations_at_once_queue(empty_url):
    start = [sys.executable, "-c", "from recon.cli import main; main(['migrate'])"]
    environment = os.environ | {"RECON_WAREHOUSE_URL": empty_url}
    both = [
        subprocess.Popen(start, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(out for out, _ in said) == [
        f"The warehouse is at version {migrations.HEAD} (as before).\n",
        f"The warehouse is at version {migrations.HEAD} (made anew).\n",
    ]


@pytest.mark.parametrize(("name", "up"), [("mssql_upgrade.sql", True), ("mssql_downgrade.sql", False)])
def test_the_sql_for_sql_server_is_the_approved_one(name, up):
    """Where a change of it is meant: ``recon --warehouse-url mssql+pymssql://host/db migrate --sql``."""
    assert migration_sql(SERVER_URL, up=up) == (APPROVED / name).read_text(encoding="utf-8")


def test_the_lock_between_migrations_is_t_sql():
    config = FluffConfig(overrides={"dialect": "tsql", "templater": "raw"})
    parsed = Linter(config=config).parse_string(LOCK_SQL + "\n")
    assert parsed.violations == []
    assert parsed.tree is not None
    assert list(parsed.tree.recursive_crawl("unparsable")) == []


@pytest.mark.parametrize("granted", [0, 1])
def test_a_migration_that_gets_the_lock_goes_on(granted):
    asked = []
    schema._lock(_answering(granted, asked))
    assert asked == [LOCK_SQL]


@pytest.mark.parametrize("refused", [-1, -2, -3, -999])
def test_a_migration_that_waits_too_long_says_so(refused):
    with pytest.raises(WarehouseError, match="Another migration has been at work for 60 s"):
        schema._lock(_answering(refused, []))


def test_sql_server_gets_types_that_hold_any_script_and_exact_times():
    script = (APPROVED / "mssql_upgrade.sql").read_text(encoding="utf-8")
    found = set(re.findall(r"^    \S+ ([A-Z][A-Z0-9]*(?:\([\dmax, ]+\))?) (?:NOT )?NULL", script, re.MULTILINE))
    assert {re.sub(r"\(.*", "", kind) for kind in found} == {
        "NVARCHAR",
        "VARCHAR",
        "DATETIME2",
        "DATE",
        "BIT",
        "BIGINT",
        "INTEGER",
        "FLOAT",
        "NUMERIC",
    }
    assert {kind for kind in found if kind.startswith("DATETIME2")} == {"DATETIME2(6)"}
    assert re.findall(r"^    (\S+) VARCHAR", script, re.MULTILINE) == ["version_num"]  # Alembic's own


def test_sql_server_gets_nothing_that_babelfish_lacks():
    script = "".join(path.read_text(encoding="utf-8") for path in APPROVED.glob("mssql_*.sql")).upper()
    for missing in ("MERGE", "OR ALTER", "ALTER DATABASE", "SCHEMA TRANSFER", "ALTER COLUMN", "SP_RENAME", "IF EXISTS"):
        assert missing not in script


def test_every_key_and_index_is_short_enough_for_sql_server():
    """900 bytes a clustered key, 1,700 an index; two bytes a character."""

    def size(columns):
        return sum(2 * column.type.length if isinstance(column.type, sa.Unicode) else 8 for column in columns)

    for table in metadata.tables.values():
        assert size(table.primary_key.columns) <= 900, table.name
        for index in table.indexes:
            assert size(index.columns) <= 1700, index.name


def test_the_template_makes_a_step_that_python_reads(tmp_path):
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("version_locations", str(tmp_path))
    config.set_main_option("path_separator", "os")
    made = command.revision(config, message="Adds something.", rev_id="0001")
    text = Path(made.path).read_text(encoding="utf-8")
    compile(text, made.path, "exec")
    assert text.startswith('"""Adds something."""')


def _answering(value, asked):
    """A connection that gives one answer to whatever it is asked."""

    def answer(statement):
        asked.append(statement)
        return types.SimpleNamespace(scalar_one=lambda: value)

    return types.SimpleNamespace(exec_driver_sql=answer)


def _load():
    moment = datetime(2026, 3, 4)
    return {
        "load_id": "0" * 32,
        "unit_id": "a",
        "stream": "order_list_rows",
        "kind": "file",
        "started_at": moment,
        "finished_at": moment,
        "rows": 1,
    }
