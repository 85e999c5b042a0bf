"""Settings: what --about tells, what is refused."""

import json
from pathlib import Path

import pytest
import yaml
from singer_sdk.exceptions import ConfigValidationError
from tap_sharepoint_orders.tap import TapSharePointOrders

SETTINGS = {
    "local_path": None,
    "site_url": None,
    "drive_name": None,
    "folder_path": None,
    "authentication": None,
    "tenant_id": None,
    "client_id": None,
    "client_secret": None,
    "client_certificate_path": None,
    "client_certificate_password": None,
    "token_cache_url": None,
    "token_cache_key": None,
    "archive_url": None,
    "archive_connection_string": None,
    "verify_downloads": True,
    "graph_url": "https://graph.microsoft.com",
    "authority_url": "https://login.microsoftonline.com",
    "exclude_patterns": [],
    "file_pattern": "**/*.xls[xm]",
    "sheet_pattern": "MASTER",
    "max_file_mb": 200,
    "max_rows": 500_000,
    "parse_timeout_s": 120,
    "workers": 2,
    "batch_from_rows": 1_000,
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
    assert "default" not in described["batch_config"]


@pytest.mark.parametrize("config", [{}, {"local_path": ""}], ids=["missing", "empty"])
def test_a_missing_folder_setting_is_named_with_its_variable(config):
    with pytest.raises(ConfigValidationError) as refused:
        TapSharePointOrders(config=config)
    assert refused.value.errors == [
        "neither local_path (environment variable TAP_SHAREPOINT_ORDERS_LOCAL_PATH) nor site_url (environment "
        "variable TAP_SHAREPOINT_ORDERS_SITE_URL) is set: name the folder or the SharePoint site that holds the order "
        "lists"
    ]


SHAREPOINT = {
    "site_url": "https://contoso.sharepoint.com/sites/orders",
    "tenant_id": "tenant-1",
    "client_id": "client-1",
    "client_secret": "hunter2",
}


def refusals(tmp_path, **config):
    """What is said of the settings; a value of None takes the setting away."""
    given = {name: value for name, value in config.items() if value is not None}
    try:
        TapSharePointOrders(config={name: str(value) if value is tmp_path else value for name, value in given.items()})
    except ConfigValidationError as refused:
        return "; ".join(refused.errors)
    return ""


@pytest.mark.parametrize(
    "differs",
    [
        {},
        {"client_secret": None, "client_certificate_path": "app.pem"},
        {"client_certificate_path": "app.pem", "authentication": "certificate"},
        dict.fromkeys(("tenant_id", "client_id", "client_secret")) | {"authentication": "managed_identity"},
        {"token_cache_url": "sqlite:///x.db", "token_cache_key": "k"},
        {"graph_url": "http://127.0.0.1:8000"},
        {"folder_path": '["A", "B"]'},
        {"folder_path": ["A", "B"]},
        {"archive_url": "https://a.blob.core.windows.net/c?sv=1&sig=x"},
        {"archive_url": "https://a.blob.core.windows.net/c", "archive_connection_string": "AccountName=a"},
    ],
    ids=lambda differs: "+".join(differs) or "secret",
)
def test_settings_for_sharepoint_that_go_together(tmp_path, differs):
    assert refusals(tmp_path, **{**SHAREPOINT, **differs}) == ""


@pytest.mark.parametrize(
    ("differs", "named", "says"),
    [
        ({"local_path": "."}, "LOCAL_PATH", "are both set"),
        ({"site_url": "contoso.sharepoint.com/sites/orders"}, "SITE_URL", "copy the site's address from the browser"),
        ({"site_url": "http://contoso.sharepoint.com"}, "SITE_URL", "copy the site's address"),
        ({"tenant_id": None}, "TENANT_ID", "signing in by secret needs it"),
        ({"client_id": None}, "CLIENT_ID", "signing in by secret needs it"),
        ({"client_secret": None}, "AUTHENTICATION", "to managed_identity"),
        ({"client_certificate_path": "app.pem"}, "CLIENT_CERTIFICATE_PATH", "are both set: say which"),
        ({"authentication": "certificate"}, "CLIENT_CERTIFICATE_PATH", "signing in by certificate needs it"),
        ({"token_cache_url": "sqlite:///x.db"}, "TOKEN_CACHE_KEY", "encrypted or not at all"),
        ({"graph_url": "http://graph.example"}, "GRAPH_URL", "has to begin with https"),
        ({"authority_url": "http://127.0.0.1:1"}, "AUTHORITY_URL", "has to begin with https"),
        ({"folder_path": '["A"'}, "FOLDER_PATH", "no JSON array"),
        ({"archive_connection_string": "AccountName=a"}, "ARCHIVE_URL", "has to be the container's address"),
        (
            {"archive_url": "https://a.example/c?sig=x", "archive_connection_string": "AccountName=a"},
            "ARCHIVE_CONNECTION_STRING",
            "give one of them",
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)
def test_settings_for_sharepoint_that_do_not_go_together_are_named_with_their_variable(tmp_path, differs, named, says):
    refused = refusals(tmp_path, **{**SHAREPOINT, **differs})
    assert f"TAP_SHAREPOINT_ORDERS_{named})" in refused
    assert says in refused
    assert "hunter2" not in refused


def test_an_archive_in_the_folder_that_is_read_is_refused(tmp_path):
    for archive in (tmp_path, tmp_path / "archive"):
        refused = refusals(tmp_path, local_path=tmp_path, archive_url=str(archive))
        assert "TAP_SHAREPOINT_ORDERS_ARCHIVE_URL) lies in local_path" in refused


def test_secrets_are_marked_as_such(capsys):
    TapSharePointOrders.print_about("json")
    described = json.loads(capsys.readouterr().out)["settings"]["properties"]
    secret = {name for name, setting in described.items() if setting.get("secret")}
    assert secret == {
        "client_secret",
        "client_certificate_password",
        "token_cache_url",
        "token_cache_key",
        "archive_url",
        "archive_connection_string",
    }


def test_meltano_declares_every_setting_as_the_tap_does():
    file = Path(__file__).parents[2] / "plugins" / "extractors" / "tap-sharepoint-orders.meltano.yml"
    declared = {
        setting["name"]: setting
        for plugin in yaml.safe_load(file.read_text())["plugins"]["extractors"]
        for setting in plugin.get("settings", ())
    }
    properties = TapSharePointOrders.config_jsonschema["properties"]
    # How rows travel is the project's to say: a tap cannot know who listens.
    assert declared.pop("batch_config")["value"]["encoding"] == {"format": "parquet"}
    assert set(declared) == set(SETTINGS)
    for name, setting in declared.items():
        assert setting["description"].endswith(".")
        assert setting.get("value") == properties[name].get("default")
        assert setting.get("sensitive", False) is properties[name].get("secret", False)


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
