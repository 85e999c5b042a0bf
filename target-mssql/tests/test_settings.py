"""Settings: which go together, where a SQLite file lies, and that no message shows a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import sqlalchemy as sa
from singer_sdk.exceptions import ConfigValidationError
from target_mssql.dialects import dialect_for
from target_mssql.dialects.mssql import MSSQLDialect
from target_mssql.target import TargetMSSQL

PROPERTIES = {"id": {"type": "integer"}}


@pytest.mark.parametrize(
    ("url", "authentication", "complaint"),
    [
        ("postgresql://u:sesame@h/d", "sql", "this target knows mssql+pymssql://"),
        ("mssql+pyodbc://u:sesame@h/d", "sql", "this target knows"),
        ("no url: sesame", "sql", "cannot be read"),
        ("mssql+pymssql://u:sesame@h/d", "managed_identity", "use mssql+mssqlpython://"),
        ("sqlite:///sesame.db", "service_principal", "use mssql+mssqlpython://"),
        ("mssql+mssqlpython://client@h/d", "service_principal", "client id and client secret"),
        ("mssql+mssqlpython://client:sesame@h/d", "managed_identity", "takes no password"),
    ],
)
def test_a_url_and_a_login_that_do_not_go_together_are_refused(url, authentication, complaint):
    with pytest.raises(ConfigValidationError) as caught:
        TargetMSSQL(config={"sqlalchemy_url": url, "authentication": authentication})
    assert complaint in caught.value.errors[0]
    assert "sesame" not in "".join(caught.value.errors)


@pytest.mark.parametrize(
    "settings",
    [{}, {"load_method": "merge"}, {"load_methods": {"lines": "merge"}}, {"authentication": "kerberos"}],
)
def test_a_value_that_is_no_choice_is_refused(settings):
    url = {} if not settings else {"sqlalchemy_url": "sqlite:///x.db"}
    with pytest.raises(ConfigValidationError):
        TargetMSSQL(config=url | settings)


@pytest.mark.parametrize(
    ("url", "authentication", "query"),
    [
        ("mssql+pymssql://u:p@h/d", "sql", {"encryption": "require"}),
        ("mssql+pymssql://u:p@h/d?encryption=off", "sql", {"encryption": "off"}),
        ("mssql+mssqlpython://u:p@h/d", "sql", {"Encrypt": "yes", "TrustServerCertificate": "no"}),
        (
            "mssql+mssqlpython://u:p@h/d?encrypt=strict",
            "sql",
            {"encrypt": "strict", "TrustServerCertificate": "no"},
        ),
        (
            "mssql+mssqlpython://h/d",
            "managed_identity",
            {"Encrypt": "yes", "TrustServerCertificate": "no", "Authentication": "ActiveDirectoryMSI"},
        ),
        (
            "mssql+mssqlpython://id:secret@h/d",
            "service_principal",
            {"Encrypt": "yes", "TrustServerCertificate": "no", "Authentication": "ActiveDirectoryServicePrincipal"},
        ),
    ],
)
def test_a_connection_is_encrypted_and_logs_in_as_set(url, authentication, query):
    dialect = dialect_for(sa.make_url(url))
    assert isinstance(dialect, MSSQLDialect)
    assert dict(dialect.connection_url(authentication).query) == query


def test_the_driver_takes_the_completed_url():
    """SQLAlchemy's own translation for each driver, without a server."""
    pymssql = dialect_for(sa.make_url("mssql+pymssql://u:p@h:1433/d")).engine("sql")
    _, options = pymssql.dialect.create_connect_args(pymssql.url)
    assert options["encryption"] == "require"
    entra = sa.make_url("mssql+mssqlpython://id:s;cret@h:1433/d")
    url = dialect_for(entra).connection_url("service_principal")
    from sqlalchemy.dialects.mssql.mssqlpython import MSDialect_mssqlpython  # noqa: PLC0415

    (text,), _ = MSDialect_mssqlpython().create_connect_args(url)
    assert "UID=id;PWD={s;cret};" in text
    assert "Authentication=ActiveDirectoryServicePrincipal" in text
    assert "Encrypt=yes;TrustServerCertificate=no" in text


def test_a_relative_sqlite_path_is_taken_from_the_project(tmp_path, monkeypatch, sqlite, messages):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(project))
    sqlite.load(messages("lines", PROPERTIES, [{"id": 1}]), sqlalchemy_url="sqlite:///output/warehouse.db")
    assert (project / "output" / "warehouse.db").is_file()
    monkeypatch.delenv("MELTANO_PROJECT_ROOT")
    sqlite.load(messages("lines", PROPERTIES, [{"id": 1}]), sqlalchemy_url="sqlite:///output/warehouse.db")
    assert (elsewhere / "output" / "warehouse.db").is_file()


def test_a_schema_setting_means_nothing_on_sqlite(sqlite, messages):
    sqlite.load(messages("lines", PROPERTIES, [{"id": 1}]), default_target_schema="orders")
    assert sqlite.names() == ["lines"]


def command(tmp_path, settings, text):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    return subprocess.run(
        [sys.executable, "-m", "target_mssql", "--config", str(config)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"NO_COLOR": "1"},
    )


def test_a_refused_record_ends_the_command_with_one_line(sqlite, tmp_path, messages):
    properties = {"id": {"type": "integer"}, "qty": {"type": ["integer", "null"]}}
    lines = messages("lines", properties, [{"id": 7, "qty": 1.5}], keys=["id"])
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = command(tmp_path, sqlite.settings | {"validate_records": False}, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert "column 'qty' of the record with id=7" in done.stderr.splitlines()[-1]


def test_a_server_that_is_not_there_ends_the_command_without_the_password(tmp_path, messages):
    url = "mssql+pymssql://loader:open-sesame@127.0.0.1:9/d?login_timeout=1"
    text = json.dumps(messages("lines", PROPERTIES, [])[0]) + "\n"
    done = command(tmp_path, {"sqlalchemy_url": url}, text)
    assert done.returncode == 1
    assert "connecting: the server says 20009" in done.stderr
    assert "open-sesame" not in done.stderr


def test_every_setting_is_described():
    for name, setting in TargetMSSQL.config_jsonschema["properties"].items():
        assert setting.get("description"), name
    assert TargetMSSQL.config_jsonschema["properties"]["sqlalchemy_url"]["secret"] is True
