"""The SQL that goes to SQL Server, as text that a change of must be approved, and as T-SQL that sqlfluff can parse.

`APPROVE_SQL=1 pytest …` writes the texts anew; the change is then seen in review.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlfluff.core import FluffConfig, Linter
from target_mssql.dialects import Column, Table, dialect_for
from target_mssql.dialects.mssql_staging import check_sql
from target_mssql.errors import LoadError
from target_mssql.tables import _bounded_keys, _retyped
from target_mssql.types import ColumnType, type_of_schema

APPROVED = Path(__file__).parent / "approved"
PYMSSQL = dialect_for(sa.make_url("mssql+pymssql://h/d"))
ENTRA = dialect_for(sa.make_url("mssql+mssqlpython://h/d"))
TABLE = Table("order list]", "stg")
STAGING = PYMSSQL.staging_table("18f0c0ffee", 3)


def column(name, kind, *, nullable=True, collation=None):
    return Column(name, kind, PYMSSQL.declared_type(kind, collation=collation), nullable)


COLUMNS = [
    column("load id", ColumnType("text", length=32), nullable=False, collation="Latin1_General_BIN2"),
    column("row_number", ColumnType("integer"), nullable=False),
    column("∆", ColumnType("text", length=400)),
    column("CUSTOMER'S [COLOUR]", ColumnType("text")),
    column("select", ColumnType("integer", low=-5, high=5)),
    column("100%s", ColumnType("decimal", precision=18, scale=4)),
    column("ratio", ColumnType("float")),
    column("huge", ColumnType("decimal", precision=38, scale=10)),
    column("cancelled", ColumnType("boolean")),
    column("ordered_on", ColumnType("date")),
    column("read_at", ColumnType("datetime", precision=6)),
    column("at", ColumnType("time", precision=6)),
]
NAMES = [one.name for one in COLUMNS]
KEYS = NAMES[:2]
TWO_ROWS = [(0, "a", 1), (1, "b", 2)]
STATEMENTS = {
    "create_table_with_a_key": PYMSSQL.create_table(TABLE, COLUMNS, KEYS),
    "create_table_with_a_long_key": PYMSSQL.create_table(
        TABLE, [column("a", ColumnType("text", length=600), nullable=False)], ["a"]
    ),
    "create_table_to_append_to": PYMSSQL.create_table(Table("log"), COLUMNS[1:3], []),
    "add_column": PYMSSQL.add_column(PYMSSQL.table(TABLE), COLUMNS[2]),
    "widen_text": "\n".join(PYMSSQL.alter_column(PYMSSQL.table(TABLE), column("∆", ColumnType("text", length=900)))),
    "widen_a_column_that_takes_no_nulls": "\n".join(
        PYMSSQL.alter_column(
            PYMSSQL.table(TABLE),
            column("n]", ColumnType("text", length=90), nullable=False, collation="Latin1_General_BIN2"),
        )
    ),
    "widen_integer": "\n".join(PYMSSQL.alter_column(PYMSSQL.table(TABLE), column("select", ColumnType("integer")))),
    "create_schema": PYMSSQL.create_schema("stg]"),
    "lock_schema": PYMSSQL.lock_schema(Table("it's", "stg")) or "",
    "create_staging": ";\n".join(PYMSSQL.create_staging(STAGING, TABLE, COLUMNS)),
    "create_staging_for_a_bulk_copy_of_its_own": ";\n".join(
        ENTRA.create_staging(ENTRA.staging_table("18f0c0ffee", 3), TABLE, COLUMNS[:2])
    ),
    "widen_staging": ";\n".join(PYMSSQL.widen_staging(STAGING, COLUMNS[2:3], COLUMNS[4:5])),
    "empty_staging": PYMSSQL.clear_staging(STAGING, 0),
    "clear_staging_from_a_place_on": PYMSSQL.clear_staging(STAGING, 20_000),
    "drop_staging": PYMSSQL.drop_staging(STAGING),
    "check_staging": check_sql(PYMSSQL.quote, STAGING, COLUMNS, 20_000, 29_999)[0],
    "drop_superseded": PYMSSQL.drop_superseded(STAGING, KEYS),
    "update_matched": PYMSSQL.update_matched(TABLE, STAGING, KEYS, NAMES[2:5]),
    "insert_missing": PYMSSQL.insert_missing(TABLE, STAGING, KEYS, NAMES[:5]),
    "insert_all": PYMSSQL.insert_all(TABLE, STAGING, NAMES[:3]),
    "delete_all": PYMSSQL.delete_all(TABLE),
    "delete_versions": PYMSSQL.delete_versions(TABLE, "_sdc_table_version", 7),
    "mark_versions_deleted": PYMSSQL.mark_versions_deleted(
        TABLE, "_sdc_table_version", 7, "_sdc_deleted_at", "2026-03-04 10:00:00.000000"
    ),
    "insert_rows_by_mssql_python": next(iter(ENTRA.insert_statements("##load_18f0c0ffee_3", 3, TWO_ROWS)))[0],
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_text_is_the_approved_one(name):
    path = APPROVED / f"{name}.sql"
    text = STATEMENTS[name] + ";\n"
    if os.environ.get("APPROVE_SQL"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_approved_text_is_still_in_use():
    assert {path.stem for path in APPROVED.glob("*.sql")} == set(STATEMENTS)


@pytest.fixture(scope="module")
def tsql():
    return Linter(FluffConfig(overrides={"dialect": "tsql"}))


@pytest.mark.parametrize("name", STATEMENTS)
def test_sqlfluff_parses_it_as_transact_sql(tsql, name):
    # sqlfluff reads neither a driver's mark of a parameter nor brackets within a name
    text = STATEMENTS[name].replace("?", "@p").replace("[COLOUR]]", "COLOUR").replace("]]", "")
    parsed = tsql.parse_string(text)
    assert [str(violation) for violation in parsed.violations] == []
    assert parsed.tree is not None
    assert "unparsable" not in set(parsed.tree.descendant_type_set)


def test_no_statement_merges_or_renames():
    text = " ".join(STATEMENTS.values()).upper()
    assert "MERGE" not in text
    assert "SP_RENAME" not in text


@pytest.mark.parametrize(("width", "rows_each"), [(3, 699), (21, 99), (2, 1000), (1050, 1), (2097, 1)])
@pytest.mark.parametrize("dialect", [PYMSSQL, ENTRA], ids=["pymssql", "mssql-python"])
def test_inserts_stay_below_the_parameters_and_rows_of_a_statement(dialect, width, rows_each):
    rows = [(place, *range(width - 1)) for place in range(2 * rows_each + 1)]
    statements = list(dialect.insert_statements("#s", width, rows))
    assert [len(parameters) // width for _, parameters in statements] == [rows_each, rows_each, 1]
    for sql, parameters in statements:
        assert sql.count("%s") + sql.count("?") == len(parameters) < dialect.abilities.max_parameters
        assert sql.count("(") <= dialect.abilities.max_rows_per_insert
    assert [value for _, parameters in statements for value in parameters] == [value for row in rows for value in row]


def test_text_keys_without_a_length_share_what_an_index_holds():
    text, number = type_of_schema({"type": "string"}), type_of_schema({"type": "integer"})
    keys = _bounded_keys(PYMSSQL.abilities, "s", {"a": text, "b": text, "c": number})
    assert (keys["a"].length, keys["b"].length, keys["c"]) == (223, 223, number)
    assert _bounded_keys(PYMSSQL.abilities, "s", {"a": text})["a"].length == 450
    long = _bounded_keys(PYMSSQL.abilities, "s", {"a": ColumnType("text", length=500), "b": text})
    assert (long["a"].length, long["b"].length) == (500, 350)


def test_a_key_too_long_for_any_index_is_refused():
    with pytest.raises(LoadError, match="smaller maxLength"):
        _bounded_keys(PYMSSQL.abilities, "s", {"a": ColumnType("text", length=851)})


def test_an_altered_column_keeps_its_collation():
    had = Column("c", ColumnType("text", length=5), mssql.NVARCHAR(5, collation="Greek_CI_AS"))
    assert PYMSSQL.compiled(_retyped(PYMSSQL, had, ColumnType("text", length=9)).declared) == (
        "NVARCHAR(9) COLLATE Greek_CI_AS"
    )
