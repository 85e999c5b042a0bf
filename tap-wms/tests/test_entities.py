"""Entities as streams: the schema and how it grows, foreign keys, times of the facility, filters, names."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_wms.clock import FacilityClock, in_query, in_state
from tap_wms.errors import TapError
from tap_wms.shape import Shape
from tap_wms.tap import TapWMS

NEW_YORK = ZoneInfo("America/New_York")
EIGHT = dt.datetime(2026, 3, 1, 8, 0, tzinfo=dt.UTC)


def shape(**types):
    return Shape({name: {"type": kind} for name, kind in types.items()}, FacilityClock(None))


def test_the_schema_is_that_of_describe(lgf, api, read):
    lgf.add("order_hdr", 1)
    message = read(api).schema("order_hdr")
    assert message["key_properties"] == ["id"]
    assert message["bookmark_properties"] == ["mod_ts"]
    assert message["schema"]["properties"] == {
        "id": {"type": ["integer"]},
        "create_ts": {"type": ["string", "null"], "format": "date-time"},
        "mod_ts": {"type": ["string", "null"], "format": "date-time"},
        "facility_id": {"type": ["integer", "null"]},
        "facility_key": {"type": ["string", "null"]},
        "company_id": {"type": ["integer", "null"]},
        "company_key": {"type": ["string", "null"]},
        "order_nbr": {"type": ["string", "null"], "maxLength": 50},
        "ord_qty": {"type": ["number", "null"]},
        "stop_ship_flg": {"type": ["boolean", "null"]},
    }


def test_a_foreign_key_becomes_its_id_and_its_key(lgf, api, read):
    lgf.add("order_hdr", 1, facility_id={"id": 7, "key": "DC7", "url": "https://x/7"}, company_id=None)
    record = read(api).records("order_hdr")[0]
    assert (record["facility_id"], record["facility_key"]) == (7, "DC7")
    assert (record["company_id"], record["company_key"]) == (None, None)
    assert record["ord_qty"] == Decimal("1.50")


def test_a_field_only_the_rows_have_is_in_the_schema_too(lgf, api, read):
    lgf.add("order_hdr", 1, cust_field_1="x", order_type_id={"id": 3, "key": "STD", "url": "u"})
    columns = read(api).schema("order_hdr")["schema"]["properties"]
    assert columns["cust_field_1"] == {"type": ["string", "null"]}
    assert columns["order_type_key"] == {"type": ["string", "null"]}


def test_a_column_that_shows_up_later_is_announced_before_its_first_row(lgf, api, read):
    for number in range(1, 150):
        lgf.add("order_hdr", number)
    lgf.add("order_hdr", 150, cust_field_2=3, order_nbr=12, load_id={"id": 1, "key": "L1", "url": "u"})
    reading = read(api | {"page_size": 50})
    schemas = [m["schema"]["properties"] for m in reading.messages if m["type"] == "SCHEMA"]
    assert len(schemas) == 2
    assert schemas[1] == {
        **schemas[0],
        "cust_field_2": {"type": ["integer", "null"]},
        "order_nbr": {"type": ["integer", "string", "null"]},
        "load_id": {"type": ["integer", "null"]},
        "load_key": {"type": ["string", "null"]},
    }
    at = [i for i, m in enumerate(reading.messages) if m["type"] == "SCHEMA"][1]
    assert not any("cust_field_2" in m.get("record", ()) for m in reading.messages[:at])
    assert reading.records("order_hdr")[-1]["cust_field_2"] == 3


numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
documents = st.lists(st.integers(), max_size=2) | st.fixed_dictionaries(
    {"id": st.integers(), "key": st.text(max_size=3)}
)
values = st.none() | st.booleans() | numbers | st.text(max_size=3) | documents


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c_id", "d_ts"]), values), max_size=6))
def test_whatever_rows_hold_their_schema_has_room_for_it_and_never_shrinks(rows):
    known = shape(id="integer", a="integer", b="decimal")
    before = known.schema()["properties"]
    for row in rows:
        records, _ = known.records([{"id": 1, **row}])
        now = known.schema()["properties"]
        assert before.keys() <= now.keys()
        for name, value in records[0].items():
            kinds = now[name]["type"]
            fits = {bool: "boolean", int: "integer", Decimal: "number", str: "string", type(None): "null"}[type(value)]
            assert fits in kinds or (fits == "integer" and "number" in kinds)
        before = now


@pytest.mark.parametrize(
    ("later", "column", "types"),
    [
        ({"order_type": {"id": 1, "key": "STD", "url": "u"}}, "order_type_key", ["string", "null"]),
        ({"pick_ts": "2026-03-01T08:00:00Z"}, "pick_ts", ["string", "null"]),
        ({"seq": Decimal("1.5")}, "seq", ["number", "null"]),
        ({"note": "x"}, "note", ["string", "null"]),
    ],
)
def test_each_kind_of_new_column_grows_the_schema_once(later, column, types):
    known = shape(id="integer", seq="integer")
    assert known.records([{"id": 1, "seq": 1}])[1] is False
    assert known.records([{"id": 2, **later}])[1] is True
    assert known.schema()["properties"][column]["type"] == types
    assert known.records([{"id": 3, **later}, {"id": 4}])[1] is False


def test_a_time_that_is_none_is_read_as_text_from_then_on():
    known = shape(id="integer", mod_ts="datetime")
    assert known.records([{"id": 1, "mod_ts": "never"}, {"id": 2, "mod_ts": ""}]) == (
        [{"id": 1, "mod_ts": "never"}, {"id": 2, "mod_ts": ""}],
        True,
    )
    assert known.schema()["properties"]["mod_ts"] == {"type": ["string", "null"]}


def test_decimals_sent_as_text_are_numbers_with_all_their_digits():
    records, grown = shape(id="integer", qty="decimal").records(
        [{"id": 1, "qty": "12.3400000001"}, {"id": 2, "qty": ""}]
    )
    assert [record["qty"] for record in records] == [Decimal("12.3400000001"), None]
    assert not grown


def test_a_key_column_that_exists_already_is_left_alone():
    known = shape(id="integer", company_id="relation", company_key="string")
    records, _ = known.records([{"id": 1, "company_id": {"id": 2, "key": "AAG", "url": "u"}, "company_key": "own"}])
    assert records == [{"id": 1, "company_ref_id": 2, "company_ref_key": "AAG", "company_key": "own"}]


def test_lists_and_other_objects_are_json_text():
    records, _ = shape(id="integer").records([{"id": 1, "lines": [1, Decimal("2.50")], "set": {"result_count": 2}}])
    assert records == [{"id": 1, "lines": "[1,2.50]", "set": '{"result_count":2}'}]


def test_a_time_without_a_zone_is_the_facility_s_and_leaves_with_its_offset(lgf, api, read):
    lgf.zone = NEW_YORK
    lgf.add("order_hdr", 1, dt.datetime(2026, 1, 15, 15, 0, tzinfo=dt.UTC))
    lgf.add("order_hdr", 2, dt.datetime(2026, 7, 15, 14, 0, tzinfo=dt.UTC))
    reading = read(api | {"facility_timezone": "America/New_York"})
    assert [record["mod_ts"] for record in reading.records("order_hdr")] == [
        "2026-01-15T10:00:00-05:00",
        "2026-07-15T10:00:00-04:00",
    ]
    assert reading.state["bookmarks"]["order_hdr"]["replication_key_value"] == "2026-07-15T14:00:00.000000Z"
    read(api | {"facility_timezone": "America/New_York"}, state=reading.state)
    assert lgf.lists("order_hdr")[-1]["mod_ts__gte"] == "2026-07-15T14:00:00.000000+00:00"


def test_a_time_without_a_zone_is_not_guessed(lgf, api, read):
    lgf.zone = NEW_YORK
    lgf.add("order_hdr", 1)
    with pytest.raises(TapError, match=r"times without a zone, such as 2026-.* \(TAP_WMS_FACILITY_TIMEZONE\)"):
        read(api)


@pytest.mark.parametrize("mode", ["sequenced", "paged"])
def test_the_hour_that_the_end_of_summer_time_repeats_is_read_in_order(lgf, api, read, mode):
    lgf.zone = NEW_YORK
    before = dt.datetime(2026, 11, 1, 4, 30, tzinfo=dt.UTC)
    for number in range(1, 13):
        lgf.add("order_hdr", number, before + dt.timedelta(minutes=15 * number))
    reading = read(api | {"facility_timezone": "America/New_York", "page_size": 3, "page_mode": mode})
    assert [record["id"] for record in reading.records("order_hdr")] == list(range(1, 13))
    assert reading.state["bookmarks"]["order_hdr"]["replication_key_value"] == "2026-11-01T07:30:00.000000Z"


@given(st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)))
def test_a_moment_is_the_same_moment_with_or_without_its_zone_written(moment):
    local = moment.astimezone(NEW_YORK)
    clock = FacilityClock(NEW_YORK)
    naive = local.replace(tzinfo=None).isoformat()
    assert clock.read(naive, after=moment).astimezone(dt.UTC) == moment
    assert clock.read(local.isoformat()) == moment
    assert clock.text(local.isoformat()) == local.isoformat()
    for written in (in_query(moment), in_state(moment)):
        assert dt.datetime.fromisoformat(written) == moment


def test_company_and_facility_are_filtered_by_the_way_the_entity_has_to_them(lgf, api, read):
    names = ["order_hdr", "order_dtl", "allocation"]
    for name in names:
        for number in (1, 2):
            lgf.add(name, number)
    reading = read(api | {"entities": names, "company_code": "AAG", "facility_code": "DC2"})
    assert [record["facility_key"] for record in reading.records("order_hdr")] == ["DC2"]
    for name, way in zip(names, ("", "order_id__", "order_dtl_id__order_id__"), strict=True):
        for query in lgf.lists(name):
            assert query[f"{way}company_id__code"] == "AAG"
            assert query[f"{way}facility_id__code"] == "DC2"
    with pytest.raises(TapError, match="company: the entity has no way to its facility, so `facility_code` cannot"):
        read(api | {"entities": ["company"], "facility_code": "DC2"})


def test_streams_can_be_given_the_warehouse_s_names(lgf, api, read):
    for number in range(1, 102):
        lgf.add("order_hdr", number)
    lgf.add("order_hdr", 200, cust_field_9="late")
    reading = read(api | {"stream_maps": {"order_hdr": {"__alias__": "wms_order_hdr"}}})
    assert {m["stream"] for m in reading.messages if m["type"] != "STATE"} == {"wms_order_hdr"}
    assert [m["type"] for m in reading.messages].count("SCHEMA") == 2
    assert list(reading.state["bookmarks"]) == ["order_hdr"]


def test_views_and_entities_are_read_together_and_each_alone(warehouse, lgf, api, read):
    lgf.add("order_hdr", 1)
    both = read(api | {"connections": {"wms": warehouse.url}})
    streams = [m["stream"] for m in both.messages if m["type"] == "SCHEMA"]
    assert streams == ["loads", "packed_products", "shipped", "master_order_list", "order_hdr"]
    assert set(both.loads) == {"wms:packed_products", "wms:shipped", "wms:master_order_list"}
    again = read(api | {"connections": {"wms": warehouse.url}}, state=both.state)
    assert again.state["bookmarks"]["order_hdr"] == both.state["bookmarks"]["order_hdr"]
    alone = read(api)
    assert [m["stream"] for m in alone.messages if m["type"] == "SCHEMA"] == ["order_hdr"]


def test_the_catalog_deselects_entities_and_columns(lgf, api, read):
    for name in ("order_hdr", "order_dtl"):
        lgf.add(name, 1)
    config = api | {"entities": ["order_hdr", "order_dtl"]}
    catalog = json.loads(TapWMS(config=config).catalog_json_text)
    entries = {entry["tap_stream_id"]: entry for entry in catalog["streams"]}
    next(m for m in entries["order_dtl"]["metadata"] if not m["breadcrumb"])["metadata"]["selected"] = False
    for metadata in entries["order_hdr"]["metadata"]:
        if metadata["breadcrumb"][-1:] == ["order_nbr"]:
            metadata["metadata"]["selected"] = False
    lgf.requests.clear()
    reading = read(config, catalog=catalog)
    assert "order_nbr" not in reading.columns("order_hdr")
    assert "order_nbr" not in reading.records("order_hdr")[0]
    assert lgf.lists("order_dtl") == []
