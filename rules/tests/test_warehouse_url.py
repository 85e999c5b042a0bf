"""Where the warehouse's file lies, and secrets that no text may hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from order_rules.warehouse_url import hide, placed


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("sqlite:///output/warehouse.db", "/srv/audit/output/warehouse.db"),
        ("sqlite:////var/warehouse.db", "/var/warehouse.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", ":memory:"),
        ("mssql+pymssql://host/audit", "audit"),
    ],
)
def test_a_relative_file_lies_in_the_project(url: str, database: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", "/srv/audit")
    assert placed(sa.make_url(url)).database == database


def test_without_a_project_a_relative_file_lies_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", "")
    monkeypatch.chdir(tmp_path)
    assert placed(sa.make_url("sqlite:///w.db")).database == str(tmp_path / "w.db")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_password_is_hidden_however_it_is_spelt(as_text: bool) -> None:
    url = "mssql+pymssql://sa:S3cr%2Fet%24@host/audit"
    for text in ("login S3cr/et$ failed", f"cannot parse {url}", "login S3cr%2Fet%24 failed"):
        assert "S3cr" not in hide(text, url if as_text else sa.make_url(url))


def test_secret_options_are_hidden_and_others_are_not() -> None:
    url = "mssql+mssqlpython://host/audit?client_secret=hush&Encrypt=yes"
    assert hide("hush: Encrypt=yes was refused", url) == "***: Encrypt=yes was refused"


def test_a_connection_string_is_hidden_by_its_parts() -> None:
    url = sa.make_url("mssql+pyodbc:///?odbc_connect=Server%3Dhost%3BPWD%3Dhush")
    assert hide("PWD=hush at host", url) == "PWD=*** at host"


def test_a_url_that_cannot_be_read_is_hidden_whole() -> None:
    assert hide("bad: auditor:hush@", "auditor:hush@") == "bad: ***"
