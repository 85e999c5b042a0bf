"""The settings of Oracle WMS Cloud's REST API, read once and checked before the first request."""

from __future__ import annotations

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_wms.entity_columns import PROPERTY, EntityColumns
from tap_wms.errors import TapError

DEFAULT_ENTITIES = ("order_hdr", "order_dtl", "allocation")
#: The most rows Oracle gives a page: "Resource Representations", WMS REST API Guide 25C.
MAX_PAGE_SIZE = 1250
PATH = "/wms/lgfapi/v10/entity/"

SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "api_url",
        th.StringType,
        title="Oracle WMS Cloud",
        description=(
            "Address of the environment, as in the browser: `https://CLUSTER.wms.ocs.oraclecloud.com/ENVIRONMENT`. "
            "Left out: the REST API is not read."
        ),
    ),
    th.Property(
        "auth",
        th.StringType,
        allowed_values=["basic", "oauth2"],
        default="basic",
        title="API login",
        description="`basic`: username and password; `oauth2`: client credentials from `token_url`.",
    ),
    th.Property("username", th.StringType, title="API user", description="User of the `basic` login."),
    th.Property("password", th.StringType, secret=True, title="API password", description="Its password."),
    th.Property(
        "token_url", th.StringType, title="Token endpoint", description="Where the `oauth2` login gets its tokens."
    ),
    th.Property("client_id", th.StringType, title="Client id", description="Client of the `oauth2` login."),
    th.Property("client_secret", th.StringType, secret=True, title="Client secret", description="Its secret."),
    th.Property("scope", th.StringType, title="Scope", description="Scope of the `oauth2` login."),
    th.Property(
        "company_code", th.StringType, title="Company", description="Only rows of this company; empty: all allowed."
    ),
    th.Property(
        "facility_code", th.StringType, title="Facility", description="Only rows of this facility; empty: all allowed."
    ),
    th.Property(
        "facility_timezone",
        th.StringType,
        title="Facility's time zone",
        description=(
            "Zone of the API user's default facility, like `America/New_York`: times that come without a zone are in "
            "it. Needed as soon as one does."
        ),
    ),
    th.Property(
        "entities",
        th.ArrayType(th.StringType),
        default=list(DEFAULT_ENTITIES),
        title="Entities",
        description="Entities to read, each a stream of its name.",
    ),
    PROPERTY,
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=MAX_PAGE_SIZE),
        default=MAX_PAGE_SIZE,
        title="Page size",
        description="Rows a request.",
    ),
    th.Property(
        "page_mode",
        th.StringType,
        allowed_values=["sequenced", "paged"],
        default="sequenced",
        title="Paging",
        description="`sequenced`, or `paged`: the API counts all rows for every page, which takes longer.",
    ),
    th.Property(
        "overlap_minutes",
        th.IntegerType(minimum=0),
        default=15,
        title="Overlap",
        description="The last minutes before a page was asked for are read again next time, for rows committed late.",
    ),
    th.Property(
        "max_concurrency",
        th.IntegerType(minimum=1),
        default=3,
        title="Entities at once",
        description="How many entities are fetched at once.",
    ),
    th.Property(
        "requests_per_second",
        th.IntegerType(minimum=1),
        title="Requests a second",
        description="The most requests a second, over all entities; empty: no limit.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1),
        default=120,
        title="Request timeout",
        description="Seconds without an answer, or a further part of it, after which a request is tried again.",
    ),
)


@dataclass(frozen=True)
class ApiSettings:
    """What is read from the REST API, and how.

    Attributes:
        base: The entity module's address, with a slash at its end.
        entities: Entities in reading order.
        columns: Entity to its columns, where they are not the tenant's fields.
        company: Company code to filter by.
        facility: Facility code to filter by.
        zone: Zone of times without one.
        page_size: Rows a page.
        page_mode: `sequenced` or `paged`.
        overlap: What is read again before the bookmark.
    """

    base: str
    entities: tuple[str, ...]
    columns: Mapping[str, EntityColumns]
    company: str | None
    facility: str | None
    zone: zoneinfo.ZoneInfo | None
    page_size: int
    page_mode: str
    overlap: dt.timedelta
    concurrency: int
    rate: int | None
    timeout: int


def variable(setting: str) -> str:
    """Name a setting for an error, with its environment variable."""
    return f"the setting `{setting}` (TAP_WMS_{setting.upper()})"


def parse_entities(value: object) -> list[str]:
    """Read the `entities` setting: a list, or the same as JSON text.

    Raises:
        TapError: It is no list of entity names.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise TapError(f'{variable("entities")} is not JSON; it is a list like ["order_hdr"]') from None
    names: list[Any] = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for name in names:
        # A name becomes a part of the address, so nothing that could leave its place there.
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise TapError(f'{variable("entities")} must be a list of names like "order_hdr"; it has {name!r}')
    if not names:
        raise TapError(f"{variable('entities')} is empty; leave it out for {', '.join(DEFAULT_ENTITIES)}")
    return list(dict.fromkeys(names))


def parse_settings(config: Mapping[str, Any]) -> ApiSettings:
    """Read the settings, whose types the tap's JSON schema has checked already.

    Raises:
        TapError: One is missing for the login chosen, or cannot be meant.
    """
    needed = ("token_url", "client_id", "client_secret") if config["auth"] == "oauth2" else ("username", "password")
    for name in needed:
        if not config.get(name):
            raise TapError(f"{variable(name)} is empty, but the `{config['auth']}` login of `api_url` needs it")
    if config["auth"] == "oauth2":
        _check_address("token_url", config["token_url"])
    return ApiSettings(
        base=_check_address("api_url", config["api_url"]).partition("/wms/lgfapi")[0].rstrip("/") + PATH,
        entities=tuple(config["entities"]),
        columns={name: EntityColumns(types) for name, types in config.get("entity_columns", {}).items()},
        company=config.get("company_code") or None,
        facility=config.get("facility_code") or None,
        zone=_zone(config.get("facility_timezone")),
        page_size=config["page_size"],
        page_mode=config["page_mode"],
        overlap=dt.timedelta(minutes=config["overlap_minutes"]),
        concurrency=config["max_concurrency"],
        rate=config.get("requests_per_second"),
        timeout=config["request_timeout"],
    )


def _check_address(name: str, value: str) -> str:
    """Refuse what is no plain address; the message repeats none of it, as it may hold a password."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise TapError(f"{variable(name)} is not an address") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise TapError(f"{variable(name)} must start with https://")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise TapError(f"{variable(name)} must hold no user, password or query; the login has settings of its own")
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise TapError(f"{variable(name)} must start with https://: the login would be sent unencrypted")
    return value


def _zone(name: str | None) -> zoneinfo.ZoneInfo | None:
    if not name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise TapError(f"{variable('facility_timezone')}: there is no zone '{name}'; one is America/New_York") from None
