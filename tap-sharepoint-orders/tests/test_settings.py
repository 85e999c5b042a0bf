"""Settings: what --about tells, what is refused."""

import json

import pytest
from singer_sdk.exceptions import ConfigValidationError
from tap_sharepoint_orders.tap import TapSharePointOrders

SETTINGS = {
    "local_path": None,
    "file_pattern": "**/*.xls[xm]",
    "sheet_pattern": "MASTER",
    "max_file_mb": 200,
    "max_rows": 500_000,
    "parse_timeout_s": 120,
    "workers": 2,
    "on_file_error": "quarantine",
    "sync_mode": "incremental",
}


def test_about_describes_every_setting(capsys):
    TapSharePointOrders.print_about("json")
    described = json.loads(capsys.readouterr().out)["settings"]["properties"]
    assert set(SETTINGS) <= set(described)
    for name, default in SETTINGS.items():
        assert described[name]["title"]
        assert described[name]["description"].endswith(".")
        assert described[name].get("default") == default
    assert "batch_config" not in described


@pytest.mark.parametrize("config", [{}, {"local_path": ""}], ids=["missing", "empty"])
def test_a_missing_folder_setting_is_named_with_its_variable(config):
    with pytest.raises(ConfigValidationError) as refused:
        TapSharePointOrders(config=config)
    assert refused.value.errors == [
        "local_path (environment variable TAP_SHAREPOINT_ORDERS_LOCAL_PATH) is not set: name the folder that holds "
        "the order lists"
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigValidationError) as refused:
        TapSharePointOrders(config={"local_path": str(tmp_path / "gone")})
    [error] = refused.value.errors
    assert "TAP_SHAREPOINT_ORDERS_LOCAL_PATH" in error
    assert str(tmp_path / "gone") in error


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": 0},
        {"workers": "two"},
        {"max_rows": 2_000_000},
        {"parse_timeout_s": 0},
        {"on_file_error": "ignore"},
        {"sync_mode": "all"},
        {"file_pattern": ""},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_value_out_of_range_is_refused_by_name(tmp_path, wrong):
    with pytest.raises(ConfigValidationError) as refused:
        TapSharePointOrders(config={"local_path": str(tmp_path), **wrong})
    assert next(iter(wrong)) in refused.value.errors[0]


def test_a_setting_given_as_null_takes_its_default(tmp_path):
    assert TapSharePointOrders(config={"local_path": str(tmp_path), "workers": None}).config["workers"] == 2


def test_settings_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TAP_SHAREPOINT_ORDERS_LOCAL_PATH", str(tmp_path))
    monkeypatch.setenv("TAP_SHAREPOINT_ORDERS_WORKERS", "3")
    tap = TapSharePointOrders(parse_env_config=True)
    assert tap.config["local_path"] == str(tmp_path)
    assert tap.config["workers"] == 3


def test_discovery_needs_no_folder():
    tap = TapSharePointOrders(validate_config=False)
    streams = json.loads(tap.catalog_json_text)["streams"]
    keys = {stream["stream"]: stream["key_properties"] for stream in streams}
    assert keys == {
        "source_files": ["file_id"],
        "order_list_rows": ["load_id", "row_number"],
        "loads": ["load_id"],
    }
