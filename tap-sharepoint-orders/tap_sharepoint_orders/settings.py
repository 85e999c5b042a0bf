"""The tap's settings: what `--about` tells of each, and which of them do not go together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_sharepoint_orders.archive import archive_folder, has_sas, is_blob
from tap_sharepoint_orders.batches import batch_problems

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ENV_PREFIX = "TAP_SHAREPOINT_ORDERS_"

FOLDER_PATH = th.CustomType({"type": ["string", "array", "null"], "items": {"type": "string"}})

SETTINGS: dict[str, Any] = th.PropertiesList(
    th.Property(
        "local_path",
        th.StringType,
        title="Folder",
        description="Folder that holds the order lists, in itself or in folders below it. Either this or site_url.",
    ),
    th.Property(
        "site_url",
        th.StringType,
        title="SharePoint site",
        description="Address of the SharePoint site that holds the order lists, as "
        "`https://contoso.sharepoint.com/sites/orders`. Either this or local_path.",
    ),
    th.Property(
        "drive_name",
        th.StringType,
        title="Document library",
        description="Name of the site's document library; if none is given, the site's default one.",
    ),
    th.Property(
        "folder_path",
        FOLDER_PATH,
        title="Folder in the library",
        description="Folder of the library that holds the order lists, in itself or in folders below it, or a JSON "
        "array of several; if none is given, the whole library.",
    ),
    th.Property(
        "authentication",
        th.StringType,
        allowed_values=["secret", "certificate", "managed_identity"],
        title="Authentication",
        description="How to sign in: by client_secret, by client_certificate_path, or as the machine's managed "
        "identity (client_id then names one assigned to it). If none is given, by whichever of the first two is set.",
    ),
    th.Property("tenant_id", th.StringType, title="Tenant", description="Microsoft Entra tenant: its id or a domain."),
    th.Property(
        "client_id",
        th.StringType,
        title="Application",
        description="Id of the application registered in the tenant. Sites.Selected is permission enough.",
    ),
    th.Property("client_secret", th.StringType, secret=True, title="Secret", description="The application's secret."),
    th.Property(
        "client_certificate_path",
        th.StringType,
        title="Certificate",
        description="PFX or PEM file with the application's certificate and private key.",
    ),
    th.Property(
        "client_certificate_password",
        th.StringType,
        secret=True,
        title="Certificate's password",
        description="What the certificate file is protected by.",
    ),
    th.Property(
        "token_cache_url",
        th.StringType,
        secret=True,
        title="Token cache",
        description="SQLAlchemy URL of a database that keeps access tokens, encrypted, from run to run; if none is "
        "given, they are kept in memory.",
    ),
    th.Property(
        "token_cache_key",
        th.StringType,
        secret=True,
        title="Token cache's key",
        description="Secret that encrypts the token cache. Must be set where token_cache_url is.",
    ),
    th.Property(
        "archive_url",
        th.StringType,
        secret=True,
        title="Archive",
        description="Where each new content is kept before it is read, as <hash>/<name>: a folder, or the address of "
        "an Azure Blob container, with or without a SAS. If none is given, nothing is kept.",
    ),
    th.Property(
        "archive_connection_string",
        th.StringType,
        secret=True,
        title="Archive's connection string",
        description="Connection string of the archive's storage account, where neither a SAS nor the identity of "
        "`authentication` gives access to it.",
    ),
    th.Property(
        "verify_downloads",
        th.BooleanType,
        default=True,
        title="Verify downloads",
        description="Compare size and quickXorHash of each download with what the library lists. Switch it off where "
        "labels or rights management make SharePoint list others.",
    ),
    th.Property(
        "graph_url",
        th.StringType,
        default="https://graph.microsoft.com",
        title="Microsoft Graph",
        description="Address of Microsoft Graph; another one in national clouds.",
    ),
    th.Property(
        "authority_url",
        th.StringType,
        default="https://login.microsoftonline.com",
        title="Microsoft Entra ID",
        description="Address to sign in at; another one in national clouds.",
    ),
    th.Property(
        "file_pattern",
        th.StringType(min_length=1),
        default="**/*.xls[xm]",
        title="File pattern",
        description="Glob that an order list's path below the folder fits; `**` is any number of folders, case "
        "is ignored. `**/*.xls*` adds Excel's binary formats, .xls and .xlsb. Its lock files (`~$...`) never count.",
    ),
    th.Property(
        "exclude_patterns",
        th.ArrayType(th.StringType(min_length=1)),
        default=[],
        title="Excluded files",
        description="Globs of paths that are no order lists although they fit file_pattern, as `**/archive/**`.",
    ),
    th.Property(
        "sheet_pattern",
        th.StringType(min_length=1),
        default="MASTER",
        title="Sheet pattern",
        description="The sheet to read: its name, else a glob, else a part of its name; case is ignored. Where "
        "several sheets fit or none does, the one whose header row fits best is read.",
    ),
    th.Property(
        "max_file_mb",
        th.IntegerType(minimum=1),
        default=200,
        title="Largest file",
        description="A larger file, in millions of bytes, is reported as failed.",
    ),
    th.Property(
        "max_rows",
        th.IntegerType(minimum=1, maximum=1_048_576),
        default=500_000,
        title="Most rows",
        description="An order list with more rows is reported as failed. Blank rows do not count.",
    ),
    th.Property(
        "parse_timeout_s",
        th.IntegerType(minimum=1),
        default=120,
        title="Time to read a workbook",
        description="A workbook that takes more seconds is reported as failed.",
    ),
    th.Property(
        "workers",
        th.IntegerType(minimum=1, maximum=64),
        default=2,
        title="Worker processes",
        description="How many processes read workbooks side by side, the largest first. Each is started when there is "
        "work for it and may take up to 4 GB of memory. Downloads come one after another, while others are read.",
    ),
    th.Property(
        "batch_from_rows",
        th.IntegerType(minimum=1),
        default=1_000,
        title="Batches from",
        description="Where `batch_config` is set, workbooks are written as records all the same until one has so many "
        "rows, the largest come first: of few rows, files cost more than they save.",
    ),
    th.Property(
        "on_file_error",
        th.StringType,
        default="quarantine",
        allowed_values=["quarantine", "fail"],
        title="When a file fails",
        description="`quarantine`: report it in source_files and go on. `fail`: do the same for every file, then "
        "end with exit code 1.",
    ),
    th.Property(
        "sync_mode",
        th.StringType,
        default="incremental",
        allowed_values=["incremental", "full"],
        title="Sync mode",
        description="`incremental`: read the files whose content differs from the bookmark. `full`: ignore the "
        "given bookmark and read every file; a new bookmark is written all the same.",
    ),
).to_dict()


def problems(config: Mapping[str, Any]) -> list[str]:
    """What is missing in the settings or does not go together, one sentence each."""
    if bool(config.get("local_path")) == bool(config.get("site_url")):
        folder, site = _named("local_path"), _named("site_url")
        if config.get("site_url"):
            return [f"{folder} and {site} are both set: order lists are read from one of them, unset the other"]
        return [
            f"neither {folder} nor {site} is set: name the folder or the SharePoint site that holds the order lists"
        ]
    found = _folder_problems(config) if config.get("local_path") else _sharepoint_problems(config)
    return found + _archive_problems(config) + batch_problems(config)


def folder_of(config: Mapping[str, Any]) -> Path:
    """The folder that local_path names."""
    return Path(config["local_path"]).expanduser()


def folder_paths(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The folders of the library that are to be read; one that is empty stands for the whole library."""
    told = config.get("folder_path") or ""
    if isinstance(told, str) and told.lstrip().startswith("["):
        told = json.loads(told)
    return tuple([told] if isinstance(told, str) else told) or ("",)


def way_to_sign_in(config: Mapping[str, Any]) -> str | None:
    """How to sign in, as told or as what is set suggests; none if that is not clear."""
    ways = {"secret": config.get("client_secret"), "certificate": config.get("client_certificate_path")}
    told = [config["authentication"]] if config.get("authentication") else [way for way in ways if ways[way]]
    return told[0] if len(told) == 1 else None


def _folder_problems(config: Mapping[str, Any]) -> list[str]:
    folder = folder_of(config)
    if not folder.is_dir():
        return [f"{_named('local_path')} is {str(folder)!r}, which is no folder: correct it, or mount the share"]
    archive = config.get("archive_url")
    if archive and not is_blob(archive) and archive_folder(archive).resolve().is_relative_to(folder.resolve()):
        return [f"{_named('archive_url')} lies in local_path, where it would be read again: choose another folder"]
    return []


def _sharepoint_problems(config: Mapping[str, Any]) -> list[str]:
    found = []
    site = urlsplit(config["site_url"])
    if site.scheme != "https" or not site.hostname:
        found.append(
            f"{_named('site_url')} is {config['site_url']!r}: copy the site's address from the browser, as "
            "https://contoso.sharepoint.com/sites/orders"
        )
    try:
        folder_paths(config)
    except ValueError:
        found.append(f'{_named("folder_path")} is no JSON array: name one folder as it is, several as ["A", "B"]')
    for setting in ("graph_url", "authority_url"):
        address = urlsplit(config[setting])
        if address.scheme != "https" and not (setting == "graph_url" and address.hostname in LOOPBACK):
            found.append(f"{_named(setting)} is {config[setting]!r}: tokens are sent there, it has to begin with https")
    found += _sign_in_problems(config)
    if config.get("token_cache_url") and not config.get("token_cache_key"):
        found.append(
            f"{_named('token_cache_key')} is not set: tokens are kept in token_cache_url encrypted or not at all"
        )
    return found


def _sign_in_problems(config: Mapping[str, Any]) -> list[str]:
    needed = {"secret": "client_secret", "certificate": "client_certificate_path"}
    way = way_to_sign_in(config)
    if way == "managed_identity":
        return []
    if way is None:
        secret, certificate, told = (_named(name) for name in (*needed.values(), "authentication"))
        if config.get("client_secret"):
            return [f"{secret} and {certificate} are both set: say which in {told}, or unset one"]
        return [f"neither {secret} nor {certificate} is set: set one of them, or {told} to managed_identity"]
    return [
        f"{_named(setting)} is not set: signing in by {way} needs it"
        for setting in ("tenant_id", "client_id", needed[way])
        if not config.get(setting)
    ]


def _archive_problems(config: Mapping[str, Any]) -> list[str]:
    url, connection = config.get("archive_url"), config.get("archive_connection_string")
    if connection and not (url and is_blob(url)):
        return [f"{_named('archive_url')} has to be the container's address where archive_connection_string is set"]
    if url and connection and has_sas(url):
        return [f"{_named('archive_connection_string')} is set and archive_url has a SAS: give one of them"]
    return []


def _named(setting: str) -> str:
    return f"{setting} (environment variable {ENV_PREFIX}{setting.upper()})"
