"""``recon check``: one failing warehouse for each kind of finding, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from order_rules.tables import audit_count, fact_order_recon, loads, metadata, recon_override
from recon.migrations import HEAD
from recon.warehouse.check import check, type_name
from recon.warehouse.engine import writing
from recon.warehouse.version import VERSION_TABLE
from sqlalchemy.dialects import mssql


def remade(engine, table, change):
    """Make a table anew with one thing changed, as no migration of ours would."""
    copies = sa.MetaData(naming_convention=metadata.naming_convention)
    for each in metadata.sorted_tables:
        each.to_metadata(copies)
    copy = copies.tables[table.name]
    change(copy)
    with writing(engine) as connection:
        connection.execute(sa.schema.DropTable(table))
        # Tables that others refer to are not among those that are made anew here.
        connection.execute(sa.schema.CreateTable(copy))
        for index in copy.indexes:
            connection.execute(sa.schema.CreateIndex(index))


def execute(engine, *statements):
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_a_migrated_warehouse_has_no_finding(warehouse):
    assert check(warehouse) == []


def test_the_check_leaves_no_row_behind(warehouse):
    check(warehouse)
    with warehouse.connect() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            assert rows == (1 if table.name == "audit_lease" else 0), table.name


def test_a_warehouse_that_was_never_migrated(warehouse):
    execute(warehouse, "DROP TABLE alembic_version")
    assert check(warehouse) == ["version: The warehouse has no tables yet. Make them: recon migrate"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0001", f"version: The warehouse is at version 0001, this recon needs {HEAD}. Bring it up: recon migrate"),
        ("9999", f"version: The warehouse is at version 9999, this recon knows {HEAD}. Install the newer recon."),
    ],
)
def test_a_warehouse_of_another_version(warehouse, version, said):
    with writing(warehouse) as connection:
        connection.execute(sa.update(VERSION_TABLE).values(version_num=version))
    assert check(warehouse) == [said]


def test_a_missing_table(warehouse):
    execute(warehouse, "DROP TABLE recon_override")
    assert check(warehouse) == ["table: recon_override is missing"]


def test_a_missing_column(warehouse):
    execute(warehouse, "ALTER TABLE recon_override DROP COLUMN reason")
    assert check(warehouse) == ["column: recon_override.reason is missing"]


def test_a_column_that_somebody_added(warehouse):
    execute(warehouse, "ALTER TABLE stg_packed ADD _sdc_batched_at INTEGER")
    assert check(warehouse) == ["column: stg_packed._sdc_batched_at is not recon's"]


def test_a_column_of_another_type(warehouse):
    def shorten(table):
        table.c.decided_by.type = sa.Unicode(50)

    remade(warehouse, recon_override, shorten)
    kind = "NVARCHAR" if warehouse.dialect.name == "mssql" else "VARCHAR"
    assert check(warehouse) == [f"type: recon_override.decided_by is {kind}(50), not {kind}(200)"]


def test_columns_that_may_or_may_not_be_null_against_the_definition(warehouse):
    def swap(table):
        table.c.decision.nullable = True
        table.c.reason.nullable = False

    remade(warehouse, recon_override, swap)
    assert check(warehouse) == [
        "nullability: recon_override.decision may be null",
        "nullability: recon_override.reason may not be null",
    ]


def test_another_primary_key(warehouse):
    def shorten(table):
        table.c.reason.primary_key = False
        table.append_constraint(sa.PrimaryKeyConstraint("run_id", "table", "measure"))

    remade(warehouse, audit_count, shorten)
    expected = "primary key: audit_count has (run_id, table, measure), not (run_id, table, measure, reason)"
    assert check(warehouse) == [expected]


def test_a_missing_index(warehouse):
    name = "ix_quarantine_resolved_at"
    on_table = " ON quarantine" if warehouse.dialect.name == "mssql" else ""
    execute(warehouse, f"DROP INDEX {name}{on_table}")
    assert check(warehouse) == [f"index: {name} on quarantine (resolved_at) is missing"]


def test_an_index_over_other_columns(warehouse):
    def turn_round(table):
        (index,) = table.indexes
        table.indexes.discard(index)
        sa.Index(index.name, table.c.load_id, table.c.unit_id, unique=True)

    remade(warehouse, loads, turn_round)
    assert check(warehouse) == [
        "index: ix_loads_unit_id_load_id on loads is unique (load_id, unit_id), not (unit_id, load_id)"
    ]


def test_a_missing_foreign_key(warehouse):
    def loosen(table):
        (constraint,) = table.foreign_key_constraints
        table.constraints.discard(constraint)

    remade(warehouse, audit_count, loosen)
    assert check(warehouse) == ["foreign key: audit_count (run_id) to audit_run (run_id) is missing"]


def test_a_missing_view(warehouse):
    execute(warehouse, "DROP VIEW v_review_queue")
    assert check(warehouse) == ["view: v_review_queue is missing"]


def test_a_view_with_other_columns(warehouse):
    execute(
        warehouse,
        "DROP VIEW v_quarantine_open",
        "CREATE VIEW v_quarantine_open AS SELECT quarantine_id, stream FROM quarantine",
    )
    (finding,) = check(warehouse)
    assert finding.startswith("view: v_quarantine_open has other columns (cells, field, first_seen_at, load_id, ")


def test_a_view_that_reads_what_is_gone(warehouse):
    execute(
        warehouse,
        "CREATE TABLE old (a INTEGER)",
        "DROP VIEW v_review_queue",
        "CREATE VIEW v_review_queue AS SELECT a FROM old",
    )
    execute(warehouse, "DROP TABLE old")
    (finding,) = check(warehouse)
    assert finding.startswith("view: v_review_queue cannot be read: ")
    assert "old" in finding
    assert "\n" not in finding


def test_a_table_that_takes_no_rows(warehouse):
    refusal = (
        "CREATE TRIGGER closed ON recon_match INSTEAD OF INSERT AS THROW 50000, 'closed for stocktaking', 1"
        if warehouse.dialect.name == "mssql"
        else "CREATE TRIGGER closed BEFORE INSERT ON recon_match "
        "BEGIN SELECT RAISE(ABORT, 'closed for stocktaking'); END"
    )
    execute(warehouse, refusal)
    (finding,) = check(warehouse)
    assert finding.startswith("row: recon_match cannot be written: ")
    assert "closed for stocktaking" in finding


def test_several_findings_are_told_at_once(warehouse):
    execute(warehouse, "DROP VIEW v_review_queue", "DROP TABLE recon_override", "DROP TABLE recon_order_fill")
    assert check(warehouse) == [
        "table: recon_order_fill is missing",
        "table: recon_override is missing",
        "view: v_review_queue is missing",
    ]


def test_a_warehouse_that_another_process_keeps_locked(sqlite_warehouse, monkeypatch):
    monkeypatch.setattr("recon.warehouse.engine.LOCK_WAIT_S", 0)
    sqlite_warehouse.dispose()
    with writing(sqlite_warehouse):
        assert check(sqlite_warehouse) == ["row: the warehouse cannot be written: database is locked"]


@pytest.mark.parametrize(
    ("reflected", "name"),
    [
        (mssql.NVARCHAR(200, collation="SQL_Latin1_General_CP1_CI_AS"), "NVARCHAR(200)"),
        (mssql.NVARCHAR(None), "NVARCHAR(max)"),
        (mssql.DATETIME2(6), "DATETIME2(6)"),
        (mssql.BIT(), "BIT"),
        (sa.FLOAT(53), "FLOAT"),
        (sa.DECIMAL(18, 4), "NUMERIC(18, 4)"),
        (sa.INTEGER(), "INTEGER"),
    ],
)
def test_types_as_sql_server_gives_them_back_compare_equal_with_ours(reflected, name):
    assert type_name(reflected, mssql.dialect()) == name


def test_our_types_are_the_ones_sql_server_gives_back():
    dialect = mssql.dialect()
    dialect.server_version_info = (16,)
    ours = {column.name: type_name(column.type, dialect) for column in fact_order_recon.c}
    assert ours["order_numbers"] == "NVARCHAR(max)"
    assert ours["updated_at"] == "DATETIME2(6)"
    assert ours["incomplete_key"] == "BIT"
    assert ours["last_shipped_on"] == "DATE"
    assert type_name(loads.c.qty.type, dialect) == "FLOAT"
