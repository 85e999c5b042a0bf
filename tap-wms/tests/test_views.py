"""Which views are read, from where, in what order, and what their columns are."""

from __future__ import annotations

import copy
import datetime as dt
import json

import pytest
import sqlalchemy as sa
from singer_sdk.exceptions import ConfigValidationError
from sqlalchemy.dialects import mssql, oracle, postgresql
from tap_wms.columns import json_schema, merge_columns
from tap_wms.errors import TapError
from tap_wms.query import Query, read_query
from tap_wms.tap import TapWMS
from tap_wms.view import View
from tap_wms.windows import WHOLE

KEYS = ["load_id", "row_hash", "occurrence"]


def test_without_views_the_three_of_the_warehouse_are_read(read_wms):
    reading = read_wms()
    assert list(reading.loads) == ["wms:packed_products", "wms:shipped", "wms:master_order_list"]
    for stream, rows in (("packed_products", 4), ("shipped", 3), ("master_order_list", 2)):
        assert len(reading.records(stream)) == rows
    for stream in ("packed_products", "shipped", "master_order_list"):
        assert reading.schema(stream)["key_properties"] == KEYS


def test_columns_come_in_the_order_of_the_view_with_the_tap_s_own_behind(read_wms):
    reading = read_wms()
    assert reading.columns("master_order_list") == [
        *("Customer", "Customer_PO", "Customer_Alt_PO", "Season", "AAG_Season", "Style", "Color", "Category"),
        *("Pattern_ID", "UNIT OF MEASURE", "XS", "S", "2XL/3XL", "32C", "TOTAL QTY"),
        *("load_id", "connection", "row_hash", "occurrence", "row_number"),
    ]
    assert list(reading.records("master_order_list")[0]) == reading.columns("master_order_list")
    assert reading.columns("shipped")[-4:] == ["load_id", "connection", "row_hash", "occurrence"]


def test_names_stay_as_they_are_with_blanks_quotes_and_signs(read_wms, warehouse):
    warehouse.run("""CREATE VIEW odd AS SELECT 1 AS " ∆ from ""PO"" 100%", 2 AS "a:b", 3 AS "SELECT" """)
    record = read_wms(views=[{"stream": "odd", "table": "odd"}]).records("odd")[0]
    assert list(record.items())[:3] == [(' ∆ from "PO" 100%', 1), ("a:b", 2), ("SELECT", 3)]


def test_packed_is_read_before_shipped_over_all_connections(make_warehouse, read):
    connections = {name: make_warehouse(name).url for name in ("distribution", "wah")}
    shipped_first = [{"stream": s, "table": f"v_{s}"} for s in ("shipped", "packed_products")]
    for views in ([], shipped_first):
        reading = read({"connections": connections, "views": views})
        assert list(reading.loads)[:4] == [
            "distribution:packed_products",
            "wah:packed_products",
            "distribution:shipped",
            "wah:shipped",
        ]
        order = [m["record"].get("stream", m["stream"]) for m in reading.messages if m["type"] == "RECORD"]
        last_packed = len(order) - 1 - order[::-1].index("packed_products")
        assert last_packed < order.index("shipped")


def test_a_view_is_read_from_every_connection_that_has_it(make_warehouse, read, caplog):
    first, second = make_warehouse("distribution"), make_warehouse("orders")
    first.run("DROP VIEW v_master_order_list")
    second.run("DROP VIEW v_shipped; DROP VIEW v_packed_products")
    with caplog.at_level("INFO"):
        reading = read({"connections": {"distribution": first.url, "orders": second.url}})
    assert set(reading.loads) == {"distribution:packed_products", "distribution:shipped", "orders:master_order_list"}
    assert {r["connection"] for r in reading.records("master_order_list")} == {"orders"}
    assert "view v_shipped is not on connection 'orders'" in caplog.text
    assert reading.bookmark("shipped", "distribution") == "2026-03-04"


def test_a_size_only_one_connection_has_stays_in_the_size_run(make_warehouse, read):
    first, second = make_warehouse("a"), make_warehouse("b")
    second.run("""
        DROP VIEW v_master_order_list;
        CREATE VIEW v_master_order_list AS
          SELECT Customer, "UNIT OF MEASURE", "XS", 7 AS "XXS", "TOTAL QTY", 1 AS Late FROM master_order_list;
    """)
    reading = read({"connections": {"a": first.url, "b": second.url}})
    columns = reading.columns("master_order_list")
    run = columns[columns.index("UNIT OF MEASURE") + 1 : columns.index("TOTAL QTY")]
    assert run == ["XS", "XXS", "S", "2XL/3XL", "32C"]
    assert columns[columns.index("TOTAL QTY") + 1] == "Late"
    assert reading.loads["b:master_order_list"]["qty"] == 7 + 7 + 10
    assert "S" not in next(r for r in reading.records("master_order_list") if r["connection"] == "b")


def test_columns_of_other_types_in_another_connection_may_be_either():
    merged = merge_columns(
        [
            {"Qty": {"type": ["integer"]}, "Day": {"type": ["string", "null"], "format": "date"}},
            {"Qty": {"type": ["number", "null"]}, "Day": {"type": ["string", "null"], "format": "date-time"}},
            {"Day": {"type": ["string", "null"], "format": "date"}, "New": {"type": ["boolean"]}},
        ]
    )
    assert merged == {
        "Qty": {"type": ["integer", "number", "null"]},
        "Day": {"type": ["string", "null"]},
        "New": {"type": ["boolean", "null"]},
    }


def test_a_table_may_be_qualified_with_its_schema(read_wms):
    reading = read_wms(views=[{"stream": "shipped", "table": "main.v_shipped", "replication_key": "Shipped_Date"}])
    assert len(reading.records("shipped")) == 3


def test_a_query_file_is_read_in_windows_like_a_view(read_wms, tmp_path):
    query = tmp_path / "shipped.sql"
    query.write_text(
        "WITH recent AS (SELECT Shipped_Date AS \"When\", Style, Qty, '10:30' AS t FROM shipped)\n"
        "SELECT * FROM recent WHERE Style LIKE 'B%' OR Style LIKE 'H%';  -- as the planners do\n"
    )
    view = {"stream": "shipped", "query_file": str(query), "replication_key": "when", "lookback_days": 2}
    first = read_wms(views=[view])
    assert first.columns("shipped")[:4] == ["When", "Style", "Qty", "t"]
    assert [(load["rows"], load["qty"]) for load in first.records("loads")] == [(1, 48), (1, 6), (1, 30)]
    again = read_wms(views=[view], state=first.state, skip_unchanged=False)
    assert again.loads["wms:shipped"]["window_from"] == "2026-03-02"
    assert [r["When"] for r in again.records("shipped")] == ["2026-03-04"]


def test_a_query_file_s_path_starts_at_the_meltano_project(read_wms, tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "one.sql").write_text("SELECT 1 AS n")
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    assert read_wms(views=[{"stream": "one", "query_file": "config/one.sql"}]).records("one")[0]["n"] == 1


def test_a_stream_of_its_own_may_have_its_own_key(read_wms):
    reading = read_wms(views=[{"stream": "cartons", "table": "packed", "primary_keys": ["cartonid", "SKUBarcode"]}])
    assert reading.schema("cartons")["key_properties"] == ["cartonid", "SKUBarcode"]


def test_a_catalog_of_an_earlier_day_selects_but_does_not_hide_a_new_column(warehouse, read):
    config = {"connections": {"wms": warehouse.url}}
    catalog = json.loads(json.dumps(TapWMS(config=config, setup_mapper=False).catalog_dict))
    entries = {entry["tap_stream_id"]: entry for entry in catalog["streams"]}
    assert list(entries) == ["loads", "packed_products", "shipped", "master_order_list"]
    for name in ("loads", "shipped"):
        next(m for m in entries[name]["metadata"] if not m["breadcrumb"])["metadata"]["selected"] = False
    for metadata in entries["packed_products"]["metadata"]:
        if metadata["breadcrumb"][-1:] == ["Season"]:
            metadata["metadata"]["selected"] = False
    warehouse.run("ALTER TABLE packed ADD COLUMN Lot TEXT DEFAULT 'L1'")
    warehouse.run("DROP VIEW v_packed_products; CREATE VIEW v_packed_products AS SELECT * FROM packed")

    reading = read(config, catalog=catalog)
    assert reading.records("shipped") == []
    # A load without its record would count nowhere, so `loads` cannot be deselected.
    assert set(reading.loads) == {"wms:packed_products", "wms:master_order_list"}
    for names in (reading.columns("packed_products"), reading.records("packed_products")[0]):
        assert "Lot" in names
        assert "Season" not in names


@pytest.mark.parametrize(
    ("sql_type", "dialect", "expected"),
    [
        (sa.Integer(), "postgresql", {"type": ["integer", "null"]}),
        (sa.Numeric(18, 4), "postgresql", {"type": ["number", "null"]}),
        (sa.Float(), "postgresql", {"type": ["number", "null"]}),
        (sa.Boolean(), "postgresql", {"type": ["boolean", "null"]}),
        (sa.Date(), "postgresql", {"type": ["string", "null"], "format": "date"}),
        (postgresql.TIMESTAMP(timezone=True), "postgresql", {"type": ["string", "null"], "format": "date-time"}),
        (sa.Time(), "postgresql", {"type": ["string", "null"], "format": "time"}),
        (sa.Text(), "postgresql", {"type": ["string", "null"]}),
        (postgresql.MONEY(), "postgresql", {"type": ["string", "null"]}),
        (mssql.MONEY(), "mssql", {"type": ["number", "null"]}),
        (mssql.BIT(), "mssql", {"type": ["boolean", "null"]}),
        (mssql.DATETIME2(), "mssql", {"type": ["string", "null"], "format": "date-time"}),
        (mssql.UNIQUEIDENTIFIER(), "mssql", {"type": ["string", "null"]}),
        (oracle.NUMBER(10, 2), "oracle", {"type": ["number", "null"]}),
        (sa.types.NullType(), "mssql", {"type": ["string", "null"]}),
        (sa.Integer(), "sqlite", {"type": ["number", "string", "null"]}),
        (sa.types.NullType(), "sqlite", {"type": ["number", "string", "null"]}),
        (sa.DateTime(), "sqlite", {"type": ["string", "null"]}),
    ],
)
def test_a_column_s_type_is_that_of_the_database(sql_type, dialect, expected):
    assert json_schema(sql_type, dialect) == expected
    assert "null" not in json_schema(sql_type, "postgresql", nullable=False)["type"]


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (
            [{"stream": "s", "table": "a", "query_file": "b"}],
            "views[0] (stream s): give either `table` or `query_file`",
        ),
        ([{"stream": "s"}], "views[0] (stream s): give either `table` or `query_file`"),
        ([{"stream": "loads", "table": "a"}], "`loads` is the stream of the tap's own records"),
        (
            [{"stream": "s", "table": "v_shipped", "connection": "sqlite://u:s3cret@h/x"}],
            "`connection` is not the name of one of `connections`, which are: wms",
        ),
        (
            [{"stream": "shipped", "table": "v_shipped", "primary_keys": ["CartonID"]}],
            "leave out `primary_keys`; its key is load_id, row_hash, occurrence",
        ),
        (
            [{"stream": "s", "table": "v_shipped"}, {"stream": "s", "table": "shipped", "connection": "wms"}],
            "stream s is read 2 times from connection 'wms'",
        ),
        (
            [{"stream": "s", "table": "v_shipped", "replication_key": "Ship_Date"}],
            "view v_shipped has no column Ship_Date, which its `replication_key`",
        ),
        (
            [{"stream": "s", "table": "v_shipped", "primary_keys": ["Carton"]}],
            "view v_shipped has no column Carton, which its `primary_keys`",
        ),
    ],
)
def test_a_views_entry_that_cannot_be_meant_is_refused(read_wms, views, message):
    with pytest.raises(TapError) as refused:
        read_wms(views=views)
    assert message in str(refused.value)
    assert "TAP_WMS_VIEWS" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_column_named_like_one_of_the_tap_s_own_is_refused(read_wms, warehouse):
    warehouse.run("CREATE VIEW taken AS SELECT Qty, 1 AS load_id FROM packed")
    with pytest.raises(TapError, match="view taken has a column load_id, which the tap adds itself"):
        read_wms(views=[{"stream": "taken", "table": "taken"}])


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT Quantity FROM packed", r"reading query file .*q.sql failed: no such column: Quantity"),
        (b"SELECT '\xff'", r"it is not UTF-8 text; check `query_file`"),
        (None, r"q.sql: No such file or directory; check `query_file` in the setting `views` \(TAP_WMS_VIEWS\)"),
    ],
)
def test_a_query_file_that_cannot_be_used_is_refused(read_wms, tmp_path, sql, message):
    path = tmp_path / "q.sql"
    if sql is not None:
        path.write_bytes(sql if isinstance(sql, bytes) else sql.encode())
    with pytest.raises(TapError, match=message):
        read_wms(views=[{"stream": "s", "query_file": str(path)}])


CARTONS_OF = """
SELECT CartonID, Shipped_Date, Qty FROM shipped
WHERE Customer = :customer AND Qty >= :least AND (Shipped_Date >= :window_from AND Shipped_Date < :window_to)
-- at 10:30, an escaped \\:colon
"""


@pytest.fixture
def cartons_of(read_wms, tmp_path):
    """Read a query file with parameters."""
    path = tmp_path / "cartons.sql"
    path.write_text(CARTONS_OF)

    def run(parameters, state=None, **entry):
        view = {"stream": "cartons", "query_file": str(path), "replication_key": "Shipped_Date", "lookback_days": 0}
        return read_wms(state=state, views=[{**view, "parameters": parameters, **entry}])

    return run


def test_a_query_file_s_parameters_are_bound(cartons_of):
    first = cartons_of({"customer": "BRIGHTON", "least": 7})
    assert [r["CartonID"] for r in first.records("cartons")] == ["C-90"]
    every = cartons_of({"customer": "BRIGHTON", "least": 0})
    assert every.windows("wms:cartons") == [(None, "2026-02-01", 1), ("2026-02-01", None, 1)]
    # What is bound is no SQL, whatever it says.
    assert cartons_of({"customer": "' OR '1' = '1", "least": 0}).records("cartons") == []


def test_a_query_file_s_window_parameters_are_the_window_that_is_read(cartons_of, monkeypatch):
    bound = []
    values = Query.values
    monkeypatch.setattr(Query, "values", lambda self, window: bound.append(values(self, window)) or bound[-1])
    state = cartons_of({"customer": "BRIGHTON", "least": 0}).state
    days = [(str(one["window_from"]), str(one["window_to"])) for one in bound]
    assert days[-2:] == [("1753-01-01", "2026-02-01"), ("2026-02-01", "9999-12-31")]
    bound.clear()
    assert cartons_of({"customer": "BRIGHTON", "least": 0}, state=copy.deepcopy(state)).windows("wms:cartons") == []
    assert str(bound[-1]["window_from"]) == "2026-02-25"
    # Other parameters may give other rows of days that are no longer looked at: all of the window is sent.
    again = cartons_of({"customer": "BRIGHTON", "least": -1}, state=state)
    assert str(bound[-1]["window_from"]) == again.loads["wms:cartons"]["window_from"] == "2026-02-25"


def test_sql_server_casts_window_parameters_to_dates_of_every_language(tmp_path):
    path = tmp_path / "cartons.sql"
    path.write_text(CARTONS_OF)
    query = read_query(
        View("c", query_file=str(path), replication_key="d", parameters={"customer": "x", "least": 1}), "mssql"
    )
    sent = query.text.compile(dialect=mssql.dialect())
    assert str(sent).count("AS DATE)") == 2
    assert "BRIGHTON" not in str(sent)
    assert query.values(WHOLE) == {
        "customer": "x", "least": 1, "window_from": dt.date(1753, 1, 1), "window_to": dt.date(9999, 12, 31),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "entry", "message"),
    [
        (
            {"least": 1},
            {},
            r"query file .*cartons\.sql \(stream cartons\) has :customer, which its `parameters` in the setting "
            r"`views` \(TAP_WMS_VIEWS\) do not name; add the value there, or, where it is no parameter, write "
            r"\\:customer",
        ),
        ({}, {}, r"has :customer, :least, which"),
        ({"customer": "x", "least": 1, "most": 2}, {}, r"has no :most, which its `parameters`"),
        ({"customer": "x", "least": 1, "window_to": "x"}, {}, r"`window_to` in its `parameters` is bound by the tap"),
        ({"customer": "x", "least": 1}, {"replication_key": None}, r"has :window_from, but is read whole: name its"),
        ({"customer": "x"}, {"query_file": None, "table": "shipped"}, r"`parameters` are those of a query_file"),
    ],
)
def test_parameters_that_are_not_the_query_file_s_are_refused(cartons_of, parameters, entry, message):
    with pytest.raises(TapError, match=message):
        cartons_of(parameters, **entry)


def test_a_parameter_is_a_text_a_number_or_a_flag(cartons_of):
    with pytest.raises(ConfigValidationError):
        cartons_of({"customer": ["BRIGHTON"], "least": 1})


def test_a_query_file_in_one_of_several_connections_says_which(make_warehouse, read):
    connections = {name: make_warehouse(name).url for name in ("a", "b")}
    with pytest.raises(TapError, match="a query_file needs a `connection`, one of: a, b"):
        read({"connections": connections, "views": [{"stream": "s", "query_file": "x.sql"}]})
