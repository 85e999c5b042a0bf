"""What Meltano is told about the plugins is what the plugins say of themselves."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
SDK_SETTINGS = {
    "batch_config",
    "batch_size_rows",
    "faker_config",
    "flattening_enabled",
    "flattening_max_depth",
    "flattening_separator",
    "flattening_max_key_length",
    "flatten_all_flattening_enabled",
    "hard_delete",
    "process_activate_version_messages",
    "stream_map_config",
    "stream_maps",
    "sql_tap_max_record_age",
    "validate_records",
    "add_record_metadata",
    "emit_activate_version_messages",
}
"""Settings that the SDK adds to every plugin; the definitions name those that this project sets."""

SET_BY_THE_PROJECT = {
    "sqlalchemy_url",
    "load_method",
    "load_methods",
    "commit_last",
    "validate_records",
    "allow_schema_changes",
    "entity_columns",
    "stream_maps",
}
"""Settings that this project's definitions deliberately set to something else than the plugin's own default."""

PLUGINS = {
    "tap-sharepoint-orders": ("extractors", "tap_sharepoint_orders.tap", "TapSharePointOrders"),
    "tap-wms": ("extractors", "tap_wms.tap", "TapWMS"),
    "mapper-orders": ("mappers", "mapper_orders.mapper", "MapperOrders"),
    "target-mssql": ("loaders", "target_mssql.target", "TargetMSSQL"),
}


def definition(kind: str, name: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "plugins" / kind / f"{name}.meltano.yml").read_text(encoding="utf-8"))
    return next(plugin for plugin in content["plugins"][kind] if plugin["name"] == name)


@pytest.mark.parametrize("name", PLUGINS)
def test_every_setting_of_a_plugin_is_declared_to_meltano(name: str) -> None:
    kind, module, plugin = PLUGINS[name]
    schema = getattr(importlib.import_module(module), plugin).config_jsonschema["properties"]
    declared = {setting["name"]: setting for setting in definition(kind, name)["settings"]}
    assert set(schema) - SDK_SETTINGS <= set(declared), "a setting Meltano does not know never reaches the plugin"
    assert set(declared) <= set(schema) | SDK_SETTINGS
    for setting, described in declared.items():
        if setting in schema and schema[setting].get("secret"):
            assert described.get("sensitive"), f"{setting} is secret"
        if setting in schema and setting not in SET_BY_THE_PROJECT | SDK_SETTINGS:
            default = schema[setting].get("default")
            assert described.get("value", default) == default, f"{setting} is {default!r} outside Meltano"


def test_the_plugin_pages_are_what_the_plugins_say_of_themselves() -> None:
    """Where a text was changed: `make docs`."""
    # In a process of its own: the SDK adds its settings to a plugin's once one has been made in this one.
    program = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    checked = subprocess.run(program, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("kind", ["extractors", "mappers", "loaders", "utilities"])
def test_every_package_is_installed_with_the_pinned_versions(kind: str) -> None:
    for path in (ROOT / "plugins" / kind).glob("*.meltano.yml"):
        for plugin in yaml.safe_load(path.read_text(encoding="utf-8"))["plugins"][kind]:
            if "pip_url" in plugin:
                assert plugin["pip_url"].startswith("-c constraints/plugins.txt -b constraints/build.txt ")


def test_every_variable_in_the_operations_page_is_a_setting() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    known = {"WAREHOUSE_URL", "MSSQL_TEST_URL", "ORDER_AUDIT_PRIVACY_KEY"}
    for path in (ROOT / "plugins").glob("*/*.meltano.yml"):
        for plugins in (yaml.safe_load(path.read_text(encoding="utf-8")).get("plugins") or {}).values():
            for plugin in plugins:
                prefix = plugin["name"].replace("-", "_").upper()
                known |= {f"{prefix}_{setting['name'].upper()}" for setting in plugin.get("settings", [])}
    named = set(re.findall(r"`((?:TAP|MAPPER|TARGET|RECON|REPORTS|ORDER_AUDIT|WAREHOUSE|MSSQL)_[A-Z_]+)`", page))
    assert named <= known
