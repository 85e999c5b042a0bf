"""Answers kept in files, replayed: what the tap makes of each entity, and that other targets take it as it is."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import lgf
import pytest

ENTITIES = ("order_hdr", "order_dtl", "allocation")
FOLDER = Path(__file__).parent / "recorded"
#: Targets that others have written, as they are on PyPI. Both work with Python 3.11.
TARGETS = {"target-jsonl": "target-jsonl==0.1.4", "target-csv": "meltanolabs-target-csv==0.5.0"}


@pytest.fixture
def recorded():
    exchanges = [exchange for entity in ENTITIES for exchange in json.loads((FOLDER / f"{entity}.json").read_text())]
    server = lgf.Recorded(exchanges)
    yield server
    server.close()


@pytest.fixture
def config(recorded):
    return {
        "api_url": recorded.url, "username": "reader", "password": "s3cret", "company_code": "AAG", "page_size": 2,
        "facility_timezone": "America/New_York", "start_date": "2026-03-01",
    }  # fmt: skip


@pytest.fixture
def reading(recorded, config, read):
    found = read(config)
    assert recorded.missed == []
    return found


def test_order_headers_are_read(reading):
    records = reading.records("order_hdr")
    assert [record["order_nbr"] for record in records] == ["SO-4500012345", "SO-4500012346", "SO-4500012340"]
    assert records[1] == {
        "id": 184214,
        "create_user": "edi",
        "create_ts": "2026-02-27T09:14:05.121000-05:00",
        "mod_user": "pack7",
        "mod_ts": "2026-03-02T07:45:10.330000-05:00",
        "facility_id": 3,
        "facility_key": "DC01",
        "company_id": 2,
        "company_key": "AAG",
        "order_nbr": "SO-4500012346",
        "order_type_id": 5,
        "order_type_key": "STD",
        "status_id": 70,
        "status_key": "Packed",
        "ord_date": "2026-02-27",
        "exp_date": None,
        "req_ship_date": "2026-03-09",
        "dest_facility_id": 9,
        "dest_facility_key": "STORE 9",
        "cust_name": "Çınar & Söhne",
        "cust_nbr": "10077",
        "ref_nbr": "4500012346",
        "stop_ship_flg": True,
        "total_orig_ord_qty": Decimal("36.0000"),
        "cust_field_1": "RUSH",
        "order_dtl_set": records[1]["order_dtl_set"],
    }
    assert json.loads(records[1]["order_dtl_set"])["result_count"] == 1
    # The clocks go forward on 8 March 2026.
    assert records[2]["mod_ts"] == "2026-03-09T14:02:00-04:00"


def test_order_details_are_read(reading):
    records = reading.records("order_dtl")
    assert [(r["order_id"], r["order_key"], r["item_key"], r["ord_qty"], r["alloc_qty"]) for r in records] == [
        (184213, "SO-4500012345", "ST1001-NAVY-M", Decimal("80.0000"), Decimal("80.0000")),
        (184213, "SO-4500012345", "ST1001-NAVY-L", Decimal("40.0000"), Decimal("38.0000")),
        (184214, "SO-4500012346", "ST2040-IVORY-OS", Decimal("36.0000"), None),
    ]
    assert reading.state["bookmarks"]["order_dtl"]["replication_key_value"] == "2026-03-04T16:00:00.000001Z"


def test_allocations_are_read(reading):
    records = reading.records("allocation")
    assert [(r["order_dtl_id"], r["to_inventory_id"], r["alloc_qty"], r["packed_qty"]) for r in records] == [
        (990121, None, Decimal("80.0000"), Decimal("0.0000")),
        (990122, 70001, Decimal("38.0000"), Decimal("38.0000")),
    ]


def test_every_stream_has_the_columns_of_its_rows(reading):
    for entity in ENTITIES:
        for record in reading.records(entity):
            assert set(record) <= set(reading.columns(entity))


def test_nothing_new_is_an_empty_page(recorded, config, read):
    reading = read(config | {"start_date": "2026-03-20"})
    assert recorded.missed == []
    assert [reading.records(entity) for entity in ENTITIES] == [[], [], []]


def installed(target):
    """Return another's target, installed once on this machine, in an environment of its own below the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "order-audit-tests"
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"{TARGETS[target].replace('==', '-')}-{python}"
    complete = folder / "complete"
    if not complete.exists():
        make = [sys.executable, "-m", "venv", "--clear", str(folder)]
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", TARGETS[target]]
        for command in (make, install):
            subprocess.run(command, check=True, timeout=300, capture_output=True)
        complete.touch()
    return folder / "bin" / target


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_another_s_target_takes_them_unchanged(reading, tmp_path, target):
    out = tmp_path / "out"
    out.mkdir()
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps({"destination_path": str(out), "output_path_prefix": str(out)}))
    run = subprocess.run(
        [str(installed(target)), "--config", str(settings)], input=reading.text, text=True,
        capture_output=True, timeout=120, check=False, cwd=out, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for entity in ENTITIES:
        found = list(_rows(out, entity))
        expected = reading.records(entity)
        assert [int(row["id"]) for row in found] == [record["id"] for record in expected]
        for row, record in zip(found, expected, strict=True):
            assert set(record) <= set(row)
            assert (row["order_nbr"] if entity == "order_hdr" else "") == record.get("order_nbr", "")


def _rows(folder, entity):
    files = [path for path in folder.rglob("*") if path.is_file() and path.name.startswith(entity)]
    assert len(files) == 1, sorted(folder.rglob("*"))
    with files[0].open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file) if files[0].suffix == ".jsonl" else csv.DictReader(file)
