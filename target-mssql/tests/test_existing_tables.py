"""Tables that migrations made are used as they are, and what is written reads back through the types they declare."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from target_mssql.errors import LoadError

MOMENT = sa.DateTime().with_variant(mssql.DATETIME2(6), "mssql")


def columns():
    return (
        sa.Column("id", sa.Unicode(32), primary_key=True),
        sa.Column("qty", sa.Integer()),
        sa.Column("total", sa.BigInteger()),
        sa.Column("price", sa.Numeric(18, 4)),
        sa.Column("weight", sa.Float(53)),
        sa.Column("cancelled", sa.Boolean()),
        sa.Column("ordered_on", sa.Date()),
        sa.Column("read_at", MOMENT),
        sa.Column("cells", sa.UnicodeText()),
    )


PROPERTIES = {
    "id": {"type": "string", "maxLength": 32},
    "qty": {"type": ["integer", "null"], "minimum": -2147483647, "maximum": 2147483647},
    "total": {"type": ["integer", "null"]},
    "price": {"type": ["number", "null"], "multipleOf": 0.0001},
    "weight": {"type": ["number", "null"]},
    "cancelled": {"type": ["boolean", "null"]},
    "ordered_on": {"type": ["string", "null"], "format": "date"},
    "read_at": {"type": ["string", "null"], "format": "date-time"},
    "cells": {"type": ["string", "null"]},
}
RECORD = {
    "id": "a" * 32,
    "qty": 12,
    "total": 2**40,
    "price": 12345678901.2345,
    "weight": 0.1,
    "cancelled": False,
    "ordered_on": "2026-03-04",
    "read_at": "2026-03-04T10:11:12.000013+01:00",
    "cells": '[["STYLE","8"]]',
}
ROW = {
    "id": "a" * 32,
    "qty": 12,
    "total": 2**40,
    "price": Decimal("12345678901.2345"),
    "weight": 0.1,
    "cancelled": False,
    "ordered_on": date(2026, 3, 4),
    "read_at": datetime(2026, 3, 4, 9, 11, 12, 13),
    "cells": '[["STYLE","8"]]',
}


@pytest.fixture
def lines(database):
    """The table of order lines, with more columns than the stream knows."""
    return database.create("lines", *columns(), sa.Column("note", sa.Unicode(50)))


def rows(database, table):
    with database.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


@pytest.mark.parametrize("method", ["append-only", "upsert", "overwrite"])
def test_values_read_back_through_the_declared_types(database, lines, messages, method):
    database.load(messages("lines", PROPERTIES, [RECORD], keys=["id"]), load_method=method, allow_schema_changes=False)
    assert rows(database, lines) == [ROW | {"note": None}]


def test_an_upsert_leaves_columns_of_others_alone(database, lines, messages):
    database.execute(sa.insert(lines).values(**ROW | {"qty": 1, "note": "by hand"}))
    database.load(
        messages("lines", PROPERTIES, [RECORD], keys=["id"]), load_method="upsert", allow_schema_changes=False
    )
    assert rows(database, lines) == [ROW | {"note": "by hand"}]


def test_a_second_record_of_a_primary_key_fails_the_append(database, lines, messages):
    run = database.run(
        [*messages("lines", PROPERTIES, [RECORD, RECORD], keys=["id"]), {"type": "STATE", "value": {"at": 1}}],
        allow_schema_changes=False,
    )
    assert isinstance(run.error, LoadError)
    assert "stream 'lines'" in str(run.error)
    assert (run.states, rows(database, lines)) == ([], [])


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"season": {"type": "string"}}, "has no column 'season'"),
        ({"id": {"type": "string", "maxLength": 64}}, "column 'id' of table"),
        ({"price": {"type": "number", "multipleOf": 0.00001, "minimum": 0, "maximum": 9}}, "column 'price'"),
    ],
    ids=["a missing column", "a narrower text", "a decimal with fewer places"],
)
@pytest.mark.usefixtures("lines")
def test_a_table_that_does_not_fit_names_stream_column_and_command(database, messages, properties, complaint):
    before = [column.name for column in database.table("lines").columns]
    run = database.run(messages("lines", PROPERTIES | properties, [], keys=["id"]), allow_schema_changes=False)
    assert isinstance(run.error, LoadError)
    assert "stream 'lines'" in str(run.error)
    assert complaint in str(run.error)
    assert "recon migrate" in str(run.error)
    assert [column.name for column in database.table("lines").columns] == before


def test_a_null_where_the_table_takes_none_names_stream_column_and_key(database, messages):
    table = database.create("lines", sa.Column("id", sa.Integer()), sa.Column("unit", sa.Unicode(9), nullable=False))
    properties = {"id": {"type": "integer"}, "unit": {"type": ["string", "null"], "maxLength": 9}}
    run = database.run(messages("lines", properties, [{"id": 4, "unit": None}], keys=["id"]))
    assert isinstance(run.error, LoadError)
    assert "column 'unit' of table" in str(run.error)
    assert "id=4" in str(run.error)
    assert rows(database, table) == []


def test_a_missing_table_names_the_command(database, messages):
    run = database.run(messages("lines", PROPERTIES, [RECORD], keys=["id"]), allow_schema_changes=False)
    assert isinstance(run.error, LoadError)
    assert "recon migrate" in str(run.error)
    assert "lines" not in database.names()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"price": "12345678901234.56785"}, "does not fit into decimal(18, 4)"),
        ({"total": 2**63}, "does not fit between"),
        ({"qty": 1.5}, "not a whole number"),
        ({"ordered_on": "2026-03-04T01:00:00"}, "time of day"),
        ({"read_at": "2026-03-04T01:00:00.1234567"}, "finer than a microsecond"),
        ({"cancelled": "yes"}, "neither true nor false"),
        ({"weight": 2**53 + 1}, "more digits than a double"),
        ({"id": "b" * 33}, "does not fit into 32"),
        ({"id": "🎽" * 17}, "does not fit into 32"),
    ],
)
def test_a_value_that_does_not_fit_names_stream_column_and_key(database, lines, messages, value, complaint):
    records = [{"id": "k1"}, {"id": "k2"} | value]
    run = database.run(messages("lines", PROPERTIES, records, keys=["id"]), allow_schema_changes=False)
    assert isinstance(run.error, LoadError)
    assert complaint in str(run.error)
    assert f"column {next(iter(value))!r}" in str(run.error)
    assert f"id={({'id': 'k2'} | value)['id']!r}" in str(run.error)
    assert rows(database, lines) == []


def test_a_decimal_that_sqlite_would_round_is_refused(sqlite, messages):
    table = sqlite.create("prices", sa.Column("price", sa.Numeric(18, 4)))
    line = '{"type":"RECORD","stream":"prices","record":{"price":12345678901234.5678}}'
    run = sqlite.run([*messages("prices", {"price": {"type": "number"}}, []), line])
    assert isinstance(run.error, LoadError)
    assert "more digits than SQLite keeps" in str(run.error)
    assert rows(sqlite, table) == []


def test_a_column_finds_its_name_in_another_case(database, messages):
    table = database.create("sizes", sa.Column("ID", sa.Integer()), sa.Column("Qty", sa.Integer()))
    database.load(messages("sizes", {"id": {"type": "integer"}, "QTY": {"type": "integer"}}, [{"id": 1, "QTY": 2}]))
    assert rows(database, table) == [{"ID": 1, "Qty": 2}]


def test_a_type_that_cannot_be_loaded_is_named(database, messages):
    database.create("files", sa.Column("id", sa.Integer()), sa.Column("content", sa.LargeBinary()))
    run = database.run(messages("files", {"id": {"type": "integer"}, "content": {"type": "string"}}, []))
    assert isinstance(run.error, LoadError)
    assert "column 'content'" in str(run.error)
    assert "cannot load" in str(run.error)


@pytest.mark.usefixtures("lines")
def test_views_on_a_table_survive_an_overwrite(database, messages):
    database.load(messages("lines", PROPERTIES, [RECORD], keys=["id"]), allow_schema_changes=False)
    name = f"{database.schema}.v_lines" if database.schema else "v_lines"
    source = f"{database.schema}.lines" if database.schema else "lines"
    database.execute(f"CREATE VIEW {name} AS SELECT id FROM {source}")  # noqa: S608  the test's own names
    database.load(
        messages("lines", PROPERTIES, [RECORD | {"id": "z"}], keys=["id"]),
        load_method="overwrite",
        allow_schema_changes=False,
    )
    with database.engine.connect() as connection:
        assert connection.execute(sa.text(f"SELECT id FROM {name}")).scalars().all() == ["z"]  # noqa: S608  the test's own names
    database.execute(f"DROP VIEW {name}")


def test_an_upsert_into_a_table_without_a_unique_key_warns_and_is_right(database, messages, caplog):
    table = database.create("lines", sa.Column("id", sa.Integer()), sa.Column("n", sa.Integer()))
    database.execute(sa.insert(table).values([{"id": 1, "n": 0}, {"id": 1, "n": 0}]))
    properties = {"id": {"type": "integer"}, "n": {"type": "integer"}}
    records = [{"id": 1, "n": 5}, {"id": 2, "n": 6}]
    database.load(messages("lines", properties, records, keys=["id"]), load_method="upsert")
    assert sorted(row["n"] for row in rows(database, table)) == [5, 5, 6]
    assert "no unique index on its key ['id']" in caplog.text
