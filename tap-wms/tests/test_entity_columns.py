"""Entities with the same columns for every tenant, and their way into the warehouse's tables."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError
from tap_wms.entity_columns import ALWAYS, TYPES, EntityColumns
from tap_wms.errors import TapError

PROJECT = Path(__file__).parents[2]
ENTITIES = ("order_hdr", "order_dtl", "allocation")


def test_an_entity_has_the_columns_it_is_given_and_everything_else_in_one(lgf, api, read):
    lgf.add("order_hdr", 7, cust_field_1="RUSH", lines=[1])
    reading = read(api | {"entity_columns": {"order_hdr": {"order_nbr": "text", "ord_qty": "number", "po": "text"}}})
    assert reading.columns("order_hdr") == ["id", "create_ts", "mod_ts", "order_nbr", "ord_qty", "po", "extra"]
    assert reading.schema("order_hdr")["key_properties"] == ["id"]
    record = reading.records("order_hdr")[0]
    assert list(record) == reading.columns("order_hdr")
    assert (record["id"], record["order_nbr"], record["ord_qty"], record["po"]) == (
        7,
        "ORD000007",
        Decimal("7.50"),
        None,
    )
    assert json.loads(record["extra"]) == {
        "facility_id": 7, "facility_key": "DC2", "company_id": 7, "company_key": "AAG", "stop_ship_flg": False,
        "cust_field_1": "RUSH", "lines": "[1]",
    }  # fmt: skip


def test_the_schema_stays_as_it_is_whatever_shows_up_later(lgf, api, read):
    for number in range(1, 150):
        lgf.add("order_hdr", number)
    lgf.add("order_hdr", 150, cust_field_2=3, order_nbr=12, ord_qty="many")
    reading = read(api | {"page_size": 50, "entity_columns": {"order_hdr": {"order_nbr": "text", "ord_qty": "number"}}})
    assert [m["type"] for m in reading.messages].count("SCHEMA") == 1
    last = reading.records("order_hdr")[-1]
    assert (last["order_nbr"], last["ord_qty"]) == ("12", None)
    assert {"cust_field_2": 3, "ord_qty": "many"}.items() <= json.loads(last["extra"]).items()


def test_an_entity_that_is_not_named_has_the_tenant_s_fields(lgf, api, read):
    lgf.add("order_dtl", 1)
    reading = read(api | {"entities": ["order_dtl"], "entity_columns": {"order_hdr": {"order_nbr": "text"}}})
    assert "order_key" in reading.columns("order_dtl")
    assert "extra" not in reading.columns("order_dtl")


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        ("integer", 7, 7),
        ("integer", "7", 7),
        ("integer", Decimal("7.00"), 7),
        ("integer", Decimal("7.5"), None),
        ("integer", 2**63, None),
        ("integer", True, None),
        ("number", "80.0000", Decimal("80.0000")),
        ("number", 80, 80),
        ("number", Decimal("0.00001"), None),
        ("number", Decimal("1e14"), None),
        ("number", "NaN", None),
        ("number", "", None),
        ("text", "Çınar", "Çınar"),
        ("text", 12, "12"),
        ("text", True, "true"),
        ("text", "x" * 400, "x" * 400),
        ("text", "𝒳" * 201, None),
        ("boolean", False, False),
        ("boolean", "N", None),
        ("date", "2026-03-04", "2026-03-04"),
        ("date", "2026-03-04T10:00:00+00:00", None),
        ("date-time", "2026-03-04T10:00:00-05:00", "2026-03-04T10:00:00-05:00"),
        ("date-time", "2026-03-04T10:00:00", None),
        ("date-time", "soon", None),
    ],
)
def test_a_value_goes_to_its_column_where_it_is_of_its_type_and_else_stays_in_extra(kind, value, made):
    record = EntityColumns({"field": kind}).record({"id": 1, "field": value})
    assert record["field"] == made
    kept = json.loads(record["extra"], parse_float=Decimal)
    assert ("field" in kept) is (made is None)


values = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.decimals(allow_nan=False, allow_infinity=False)
)


@given(
    types=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(list(TYPES))),
    found=st.dictionaries(st.sampled_from("abcdef"), values),
)
def test_nothing_is_lost_between_columns_and_extra(types, found):
    record = EntityColumns(types).record({"id": 1, **found})
    extra = json.loads(record["extra"])
    assert list(record) == [*ALWAYS, *types, "extra"]
    for name, value in found.items():
        assert (record.get(name) is not None) or name in extra or (value is None and name in types)
        assert not (record.get(name) is not None and name in extra)


def test_a_row_without_a_number_for_its_id_is_refused():
    with pytest.raises(TapError, match="a row's id is 'A-1', which is no whole number"):
        EntityColumns({}).record({"id": "A-1"})


def test_a_setting_that_cannot_be_meant_is_refused(api, read):
    with pytest.raises(TapError, match=r"names a column `extra`; that one holds everything else"):
        read(api | {"entity_columns": {"order_hdr": {"extra": "text"}}})
    with pytest.raises(TapError, match=r"\(TAP_WMS_ENTITY_COLUMNS\) is not JSON; it is an object like"):
        read(api | {"entity_columns": "{order_hdr}"})
    with pytest.raises(ConfigValidationError):
        read(api | {"entity_columns": {"order_hdr": {"order_nbr": "varchar"}}})


# --- the project's own definitions, from the API into the warehouse


def definition(kind, name):
    """What the project sets a plugin to."""
    path = PROJECT / "plugins" / kind / f"{name}.meltano.yml"
    plugin = next(p for p in yaml.safe_load(path.read_text())["plugins"][kind] if p["name"] == name)
    values = {setting["name"]: setting["value"] for setting in plugin["settings"] if "value" in setting}
    return values | plugin.get("config", {})


class Pipeline:
    """Tap, mapper and target as the jobs join them, into an empty warehouse."""

    def __init__(self, folder, lgf):
        self.folder, self.lgf = folder, lgf
        self.database = folder / "warehouse.db"
        self.url = f"sqlite:///{self.database}"
        self.state = None
        self._run(["-c", "from recon.cli import main; main()", "--warehouse-url", self.url, "migrate"])

    def _run(self, arguments, given=b""):
        ended = subprocess.run(
            [sys.executable, *arguments], input=given, capture_output=True, timeout=120, check=False,
            env={name: value for name, value in os.environ.items() if not name.startswith("TAP_WMS_")},
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr.decode()
        return ended.stdout

    def _plugin(self, module, plugin, settings, given=b"", *arguments):
        config = self.folder / f"{plugin}.json"
        config.write_text(json.dumps(settings))
        program = f"from {module} import {plugin}; {plugin}.cli()"
        return self._run(["-c", program, "--config", str(config), *arguments], given)

    def sync(self, **settings):
        """Run once, from the state of the run before; return the messages of the tap."""
        tap = definition("extractors", "tap-wms") | {
            "api_url": self.lgf.url, "username": "reader", "password": "s3cret", "page_size": 4, **settings,
        }  # fmt: skip
        state = self.folder / "state.json"
        if self.state:
            state.write_text(self.state)
        sent = self._plugin("tap_wms.tap", "TapWMS", tap, b"", *(["--state", str(state)] if self.state else []))
        mapper = definition("mappers", "mapper-orders") | {"rules_path": str(PROJECT / "config")}
        mapped = self._plugin("mapper_orders.mapper", "MapperOrders", mapper, sent)
        target = definition("loaders", "target-mssql") | {"sqlalchemy_url": self.url}
        loaded = self._plugin("target_mssql.target", "TargetMSSQL", target, mapped)
        self.state = loaded.decode().splitlines()[-1]
        return [json.loads(line) for line in sent.splitlines()]

    def rows(self, table):
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return {row["id"]: dict(row) for row in connection.execute(f"SELECT * FROM {table}")}  # noqa: S608


@pytest.fixture
def pipeline(tmp_path, lgf):
    for number in range(1, 11):
        lgf.add("order_hdr", number, cust_field_1="RUSH", customer_po_nbr=f"45{number:08d}")
        lgf.add("order_dtl", number)
        lgf.add("allocation", number)
    return Pipeline(tmp_path, lgf)


def test_entities_are_loaded_by_upsert_into_the_warehouse_s_own_tables(pipeline, lgf):
    pipeline.sync()
    for entity in ENTITIES:
        assert list(pipeline.rows(f"wms_{entity}")) == list(range(1, 11))
    before = pipeline.rows("wms_order_hdr")
    first = before[3]
    assert (first["order_nbr"], first["customer_po_nbr"], first["facility_key"]) == ("ORD000003", "4500000003", "DC2")
    assert (first["mod_ts"][:19], first["stop_ship_flg"]) == ("2026-03-01 08:03:00", 0)
    assert json.loads(first["extra"])["cust_field_1"] == "RUSH"
    assert (
        pipeline.rows("wms_order_dtl")[3] | {"order_id": 3, "order_key": "ORD3", "ord_qty": 3.5}
        == (pipeline.rows("wms_order_dtl")[3])
    )

    lgf.add("order_hdr", 3, lgf.rows["order_hdr"][10]["mod_ts"], customer_po_nbr="4500000099", cust_field_9="new")
    lgf.add("order_hdr", 11, customer_po_nbr="4500000011")
    again = pipeline.sync()
    sent = [m["record"]["id"] for m in again if m["type"] == "RECORD" and m["stream"] == "wms_order_hdr"]
    assert sent == [3, 10, 11]
    after = pipeline.rows("wms_order_hdr")
    assert list(after) == list(range(1, 12))
    assert after[3]["customer_po_nbr"] == "4500000099"
    assert json.loads(after[3]["extra"])["cust_field_9"] == "new"
    assert [after[number] for number in before if number != 3] == [before[n] for n in before if n != 3]


@pytest.mark.slow
def test_entities_loaded_twice_in_full_are_the_same_rows(pipeline):
    pipeline.sync()
    once = {entity: pipeline.rows(f"wms_{entity}") for entity in ENTITIES}
    messages = pipeline.sync(sync_mode="full")
    assert sum(message["type"] == "RECORD" for message in messages) == 30
    assert {entity: pipeline.rows(f"wms_{entity}") for entity in ENTITIES} == once


def test_the_columns_that_the_project_asks_for_are_those_of_the_tables(pipeline):
    for entity, types in definition("extractors", "tap-wms")["entity_columns"].items():
        with closing(sqlite3.connect(pipeline.database)) as connection:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info(wms_{entity})")]
        assert columns == [*ALWAYS, *types, "extra"]
