"""What a schema asks of a column, which column holds it, and the value as it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql
from target_mssql.dialects import dialect_for
from target_mssql.errors import ValueRefused
from target_mssql.types import BIGINT, INT, ColumnType, holds, type_of_schema, widened
from target_mssql.values import Storage, converter

SQLITE = dialect_for(sa.make_url("sqlite:///x.db"))
PYMSSQL = dialect_for(sa.make_url("mssql+pymssql://h/d"))
ENTRA = dialect_for(sa.make_url("mssql+mssqlpython://h/d"))
TEXT, NATIVE = PYMSSQL.abilities.storage, ENTRA.abilities.storage
DOUBLES = SQLITE.abilities.storage


@pytest.mark.parametrize(
    ("schema", "server", "file"),
    [
        ({"type": "string", "maxLength": 64}, "NVARCHAR(64)", "VARCHAR(64)"),
        ({"type": ["null", "string"], "maxLength": 4000}, "NVARCHAR(4000)", "VARCHAR(4000)"),
        ({"type": "string", "maxLength": 4001}, "NVARCHAR(max)", "VARCHAR(4001)"),
        ({"type": "string"}, "NVARCHAR(max)", "TEXT"),
        ({"type": ["integer", "null"]}, "BIGINT", "BIGINT"),
        ({"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "INTEGER", "BIGINT"),
        ({"type": "integer", "minimum": 0, "maximum": 2**31}, "BIGINT", "BIGINT"),
        ({"type": "number"}, "FLOAT(53)", "FLOAT"),
        ({"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 9999}, "DECIMAL(6, 2)", "NUMERIC(6, 2)"),
        ({"type": "number", "multipleOf": 0.0001}, "DECIMAL(38, 4)", "TEXT"),
        ({"type": "number", "multipleOf": 5, "minimum": 0, "maximum": 100}, "DECIMAL(3, 0)", "NUMERIC(3, 0)"),
        ({"type": "string", "format": "x-singer.decimal", "precision": 20, "scale": 6}, "DECIMAL(20, 6)", "TEXT"),
        ({"type": "boolean"}, "BIT", "BOOLEAN"),
        ({"type": "string", "format": "date"}, "DATE", "DATE"),
        ({"type": ["string", "null"], "format": "date-time"}, "DATETIME2(6)", "DATETIME"),
        ({"type": "string", "format": "time"}, "TIME(6)", "TIME"),
        ({"type": "object"}, "NVARCHAR(max)", "TEXT"),
        ({"type": ["array", "null"]}, "NVARCHAR(max)", "TEXT"),
        ({}, "NVARCHAR(max)", "TEXT"),
        ({"type": ["integer", "number"]}, "FLOAT(53)", "FLOAT"),
        ({"type": ["integer", "string"]}, "NVARCHAR(max)", "TEXT"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "DATETIME2(6)", "DATETIME"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}, "NVARCHAR(max)", "TEXT"),
        (
            {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 9}]},
            "NVARCHAR(9)",
            "VARCHAR(9)",
        ),
    ],
)
def test_a_schema_becomes_the_narrowest_column_that_holds_it(schema, server, file):
    wanted = type_of_schema(schema)
    assert PYMSSQL.compiled(PYMSSQL.declared_type(wanted)) == server
    assert SQLITE.compiled(SQLITE.declared_type(wanted)) == file


@pytest.mark.parametrize("dialect", [SQLITE, PYMSSQL], ids=["sqlite", "mssql"])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 64},
        {"type": "string"},
        {"type": "integer"},
        {"type": "integer", "minimum": 0, "maximum": 5},
        {"type": "number"},
        {"type": "number", "multipleOf": 0.0001},
        {"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 99},
        {"type": "boolean"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "time"},
        {"type": "object"},
    ],
)
def test_a_created_column_holds_what_it_was_created_for(dialect, schema):
    wanted = type_of_schema(schema)
    assert holds(dialect.column_type(dialect.declared_type(wanted)), wanted)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (mssql.TINYINT(), ColumnType("integer", low=0, high=255)),
        (sa.SMALLINT(), ColumnType("integer", low=-32768, high=32767)),
        (sa.INTEGER(), ColumnType("integer", low=INT[0], high=INT[1])),
        (sa.BIGINT(), ColumnType("integer")),
        (mssql.MONEY(), ColumnType("decimal", precision=19, scale=4)),
        (mssql.SMALLMONEY(), ColumnType("decimal", precision=10, scale=4)),
        (sa.DECIMAL(9), ColumnType("decimal", precision=9, scale=0)),
        (mssql.REAL(), ColumnType("float")),
        (mssql.DATETIME(), ColumnType("datetime", precision=2)),
        (mssql.DATETIME2(3), ColumnType("datetime", precision=3)),
        (mssql.DATETIME2(7), ColumnType("datetime", precision=6)),
        (mssql.DATETIMEOFFSET(7), ColumnType("datetime", precision=6)),
        (mssql.SMALLDATETIME(), None),
        (mssql.TIME(0), ColumnType("time", precision=0)),
        (mssql.NVARCHAR(20), ColumnType("text", length=20)),
        (mssql.NVARCHAR("max"), ColumnType("text")),
        (mssql.VARCHAR(20), ColumnType("text", length=20, ascii_only=True)),
        (mssql.UNIQUEIDENTIFIER(), ColumnType("text", length=36)),
        (mssql.VARBINARY(20), None),
    ],
)
def test_a_server_s_column_is_read_with_its_limits(declared, expected):
    assert PYMSSQL.column_type(declared) == expected


def test_a_column_is_widened_within_its_kind_only():
    assert widened(ColumnType("text", length=5), ColumnType("text", length=9)) == ColumnType("text", length=9)
    assert widened(ColumnType("text", length=5), ColumnType("text", loose=True)) == ColumnType("text")
    assert widened(ColumnType("integer", low=INT[0], high=INT[1]), ColumnType("integer")) == ColumnType("integer")
    assert widened(
        ColumnType("decimal", precision=4, scale=2), ColumnType("decimal", precision=6, scale=4)
    ) == ColumnType("decimal", precision=6, scale=4)
    assert widened(ColumnType("decimal", precision=38, scale=0), ColumnType("decimal", precision=38, scale=9)) is None
    assert widened(ColumnType("integer"), ColumnType("text", length=5)) is None
    assert widened(ColumnType("date"), ColumnType("datetime", precision=6)) is None


def test_what_a_schema_leaves_open_is_looked_at_value_by_value():
    quantity = ColumnType("integer", low=INT[0], high=INT[1])
    assert holds(quantity, type_of_schema({"type": "integer"}))
    assert not holds(quantity, type_of_schema({"type": "integer", "minimum": 0, "maximum": BIGINT[1]}))
    assert holds(ColumnType("decimal", precision=18, scale=4), type_of_schema({"type": "number"}))
    assert not holds(ColumnType("date"), type_of_schema({"type": "string", "format": "date-time"}))
    assert holds(ColumnType("datetime", precision=6), type_of_schema({"type": "string", "format": "date"}))
    assert holds(ColumnType("text", length=9), type_of_schema({"type": "integer"}))
    assert not holds(ColumnType("integer"), type_of_schema({"type": "number"}))


@pytest.mark.parametrize(
    ("column", "value", "storage", "expected"),
    [
        (ColumnType("text", length=3), "abc", TEXT, "abc"),
        (ColumnType("text"), Decimal("1.10"), TEXT, "1.10"),
        (ColumnType("text"), True, TEXT, "true"),
        (ColumnType("text"), {"b": 1, "a": [None]}, TEXT, '{"b":1,"a":[null]}'),
        (ColumnType("text"), date(2026, 3, 4), TEXT, "2026-03-04"),
        (ColumnType("integer"), Decimal("28.0"), TEXT, 28),
        (ColumnType("integer"), True, TEXT, 1),
        (ColumnType("boolean"), 0, TEXT, False),
        (ColumnType("float"), Decimal("0.1"), TEXT, 0.1),
        (ColumnType("decimal", precision=9, scale=2), Decimal("1.5"), TEXT, "1.50"),
        (ColumnType("decimal", precision=9, scale=2), 0.1, NATIVE, Decimal("0.10")),
        (ColumnType("decimal", precision=9, scale=2), "7.25", DOUBLES, 7.25),
        (ColumnType("decimal", precision=38, scale=9), Decimal("1E-9"), TEXT, "0.000000001"),
        (ColumnType("date"), "2026-03-04", NATIVE, date(2026, 3, 4)),
        (ColumnType("date"), "2026-03-04T00:00:00", TEXT, "2026-03-04"),
        (ColumnType("datetime", precision=6), "2026-03-04T10:00:00Z", TEXT, "2026-03-04 10:00:00.000000"),
        (ColumnType("datetime", precision=6), "2026-03-04", NATIVE, datetime(2026, 3, 4)),
        (ColumnType("datetime", precision=2), "2026-03-04T10:00:00.250", TEXT, "2026-03-04T10:00:00.250"),
        (ColumnType("datetime", precision=6), datetime(2026, 3, 4, tzinfo=UTC), NATIVE, datetime(2026, 3, 4)),
        (ColumnType("time", precision=6), "10:00:00Z", TEXT, "10:00:00.000000"),
        (ColumnType("time", precision=6), time(1, 2), NATIVE, time(1, 2)),
    ],
)
def test_a_value_takes_the_form_its_driver_wants(column, value, storage, expected):
    found = converter(column, storage)(value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (ColumnType("text", length=3), "abcd"),
        (ColumnType("text", length=3), "🎽🎽"),
        (ColumnType("text", length=9, ascii_only=True), "Crème"),
        (ColumnType("integer", low=0, high=255), 256),
        (ColumnType("integer"), "12"),
        (ColumnType("integer"), Decimal("1.5")),
        (ColumnType("boolean"), 2),
        (ColumnType("float"), True),
        (ColumnType("float"), Decimal("1E400")),
        (ColumnType("decimal", precision=4, scale=2), Decimal(100)),
        (ColumnType("decimal", precision=4, scale=2), Decimal("1.005")),
        (ColumnType("decimal", precision=4, scale=2), "N/A"),
        (ColumnType("date"), 5),
        (ColumnType("datetime", precision=2), "2026-03-04T10:00:00.253"),
        (ColumnType("datetime", precision=6), 1772582400),
        (ColumnType("time", precision=6), "10:00:00+02:00"),
    ],
)
@pytest.mark.parametrize("storage", [TEXT, NATIVE, DOUBLES], ids=["text", "native", "doubles"])
def test_a_value_is_refused_rather_than_changed(column, value, storage):
    with pytest.raises((ValueRefused, ValueError)):
        converter(column, storage)(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**13), max_value=10**13))
def test_a_decimal_reads_back_from_sqlite_as_the_same_or_is_refused(number):
    column = SQLITE.column_type(sa.Numeric(18, 4))
    try:
        stored = converter(column, DOUBLES)(number)
    except ValueRefused:
        assert abs(number) >= 10**11
        return
    read = sa.Numeric(18, 4).result_processor(SQLITE._sqlalchemy, None)
    assert read(stored) == number


@given(st.datetimes(), st.integers(-14, 14))
def test_a_moment_reads_back_from_sqlite_as_the_same_in_utc(moment, hours):
    local = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    column = SQLITE.column_type(sa.DateTime())
    try:
        stored = converter(column, DOUBLES)(local.isoformat())
    except OverflowError:
        assert moment.year in (1, 9999)
        return
    read = sa.DateTime().dialect_impl(SQLITE._sqlalchemy).result_processor(SQLITE._sqlalchemy, None)
    assert read(stored).replace(tzinfo=UTC) == local


def test_the_forms_of_values_are_declared_once():
    assert Storage(times_as_text=True, decimals="double") == DOUBLES
    assert (TEXT.decimals, NATIVE.decimals) == ("text", "decimal")
