"""The tap: its settings, its streams and their order, and how it ends.

The views are built on the SDK's plain Tap and Stream with SQLAlchemy Core. Its SQLTap knows one URL and makes a stream
of every table found, and its SQLStream orders by a replication key and restarts at its greatest value; here a stream
is a view of a contract, in several databases at once, read by windows with a look-back, in the database's own order.
The entities of Oracle WMS Cloud are the SDK's RESTStreams.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities

from tap_wms.api import SETTINGS, parse_entities, parse_settings
from tap_wms.client import Api
from tap_wms.database import EXAMPLE, SETTING, Database, parse_connections
from tap_wms.entity_columns import parse_columns
from tap_wms.errors import TapError
from tap_wms.loads import LoadsStream
from tap_wms.messages import PipeWriter
from tap_wms.prefetch import Prefetch
from tap_wms.rest import EntityStream, Page
from tap_wms.sql import ViewStream
from tap_wms.view import DEFAULT_LOOKBACK_DAYS
from tap_wms.views import Source, find_sources, parse_views
from tap_wms.windows import day_of

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.singerlib import Catalog

_VIEW = th.ObjectType(
    th.Property("stream", th.StringType, required=True, description="Stream its rows go to"),
    th.Property("connection", th.StringType, description="Name in `connections`; left out: every one that has it"),
    th.Property("table", th.StringType, description="View or table, with its schema if need be: `dbo.v_shipped`"),
    th.Property("query_file", th.StringType, description="File with a SELECT, instead of `table`"),
    th.Property("primary_keys", th.ArrayType(th.StringType), description="Key of a stream other than the three"),
    th.Property("replication_key", th.StringType, description="Column with the day windows are of"),
    th.Property(
        "lookback_days",
        th.IntegerType(minimum=0),
        default=DEFAULT_LOOKBACK_DAYS,
        description="Days before the bookmark that are read again",
    ),
    th.Property(
        "parameters",
        th.ObjectType(additional_properties=th.CustomType({"type": ["string", "number", "boolean"]})),
        description="Name to value of the query_file's own parameters; `window_from` and `window_to` are the tap's",
    ),
    additional_properties=False,
)


class TapWMS(Tap):
    """Reads warehouse views from any SQLAlchemy database as complete loads, and entities of Oracle WMS Cloud."""

    name = "tap-wms"
    package_name = "tap-wms"
    message_writer_class = PipeWriter
    dynamic_catalog = True

    # Without ACTIVATE_VERSION: a load is complete when its record on `loads` follows its last row, and that would let
    # rows go before it is known.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.BATCH,
    ]

    config_jsonschema = th.PropertiesList(
        th.Property(
            "connections",
            # Checked by hand before the SDK does, whose complaint would repeat the value, passwords and all.
            th.ObjectType(additional_properties=th.StringType),
            secret=True,
            title="Databases",
            description="Name to SQLAlchemy URL of every database to read, as an object or JSON text.",
        ),
        th.Property(
            "views",
            th.ArrayType(_VIEW),
            default=[],
            title="Views",
            description=(
                "What to read: a list of stream, connection, table or query_file, primary_keys, replication_key, "
                "lookback_days, parameters. Empty: v_packed_products, v_shipped and v_master_order_list, from every "
                "connection that has them."
            ),
        ),
        th.Property(
            "start_date",
            th.StringType,
            title="Start date",
            description="Rows of an earlier day of their replication key, or `mod_ts`, are not read.",
        ),
        th.Property(
            "sync_mode",
            th.StringType,
            allowed_values=["incremental", "full"],
            default="incremental",
            title="Sync mode",
            description="`incremental`: from a look-back before the bookmark; `full`: ignore the bookmark given.",
        ),
        th.Property(
            "skip_unchanged",
            th.BooleanType,
            default=True,
            title="Leave out what stands",
            description=(
                "In `incremental` mode, a view's window that is as it was when it was last sent is not sent again; of "
                "one that differs, the days from the first that does."
            ),
        ),
        th.Property(
            "resend_after_hours",
            th.IntegerType(minimum=0),
            default=24,
            title="Send again after",
            description="Hours after which a window is sent again all the same, should its load be missing downstream.",
        ),
        th.Property(
            "batch_from_rows",
            th.IntegerType(minimum=1),
            default=5_000,
            title="Batches from",
            description=(
                "Where `batch_config` is set, the rows of a view are written as records all the same until a window "
                "has so many: of few rows, files cost more than they save."
            ),
        ),
        *SETTINGS,
    ).to_dict()

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  the SDK's own arguments
        """Make the tap; see the SDK's Tap for the arguments.

        Raises:
            TapError: A setting cannot be read, or a view cannot be found.
        """
        self.databases: dict[str, Database] = {}
        try:
            super().__init__(**kwargs)
        except ValueError:
            # The SDK's own complaint about an environment variable names neither it nor the setting.
            if (variable := _variable_that_is_not_json()) is None:
                raise
            raise TapError(f"{variable} is not JSON; check its quotes and brackets") from None

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = dict(self._config)  # the one given belongs to the caller
        # Before the SDK looks, which repeats a value it does not like, passwords and all.
        connections = self._config.get("connections") or {}
        reads_api = bool(self._config.get("api_url"))
        if connections in ({}, "{}") and not reads_api:
            raise TapError(
                f"there is nothing to read: {SETTING} is empty; it is an object like {EXAMPLE}; and `api_url` "
                "(TAP_WMS_API_URL), the address of Oracle WMS Cloud, is empty too"
            )
        self.databases = {} if connections in ({}, "{}") else parse_connections(connections)
        self._config["connections"] = {
            name: database.url.render_as_string(hide_password=False) for name, database in self.databases.items()
        }
        if isinstance(views := self._config.get("views"), str):
            try:
                self._config["views"] = json.loads(views)
            except ValueError:
                raise TapError("the setting `views` (TAP_WMS_VIEWS) is not JSON") from None
        if self._config.get("views") and not self.databases:
            raise TapError(f"`views` names views to read, but {SETTING} is empty; it is an object like {EXAMPLE}")
        if "entities" in self._config:
            self._config["entities"] = parse_entities(self._config["entities"])
        if "entity_columns" in self._config:
            self._config["entity_columns"] = parse_columns(self._config["entity_columns"])
        start_date = self._config.get("start_date")
        if start_date and day_of(start_date) is None:
            raise TapError(
                f"the setting `start_date` (TAP_WMS_START_DATE) is '{start_date}', not a day like 2026-01-31"
            )
        return super()._validate_config(raise_errors=raise_errors)

    @property
    def catalog(self) -> Catalog:
        """The streams as the views are now, with the selection of the catalog given.

        Not the catalog given itself: Meltano keeps one from an earlier day, and a column that the view has gained
        since would be missing from the schema.
        """
        return self._singer_catalog

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams in the order they are read.

        `loads` comes first, so that its schema is known when the first view is complete. `packed_products` is read
        before `shipped`, over all connections: a carton shipped between the two readings then stands in both, and
        can be told, where the other order would leave it in neither. Entities come last, in the order of `entities`,
        which is the order they are fetched ahead in.
        """
        streams = super().streams
        first = [name for name in ("loads", "packed_products") if name in streams]
        views = [source.view.stream for source in self._sources]
        entities = [name for name in self.config.get("entities") or () if name in streams]
        return {name: streams[name] for name in dict.fromkeys([*first, *views, *entities, *streams])}

    @cached_property
    def _sources(self) -> list[Source]:
        return find_sources(parse_views(self.config.get("views") or [], self.databases), self.databases)

    def discover_streams(self) -> Sequence[Stream]:
        """Return `loads` and a stream for each stream name in `views`, and one for each of `entities`."""
        return [*self._view_streams(), *self._entity_streams()]

    def _view_streams(self) -> Sequence[Stream]:
        if not self.databases:
            return ()
        loads = LoadsStream(self)
        by_stream: dict[str, list[Source]] = {}
        for source in self._sources:
            by_stream.setdefault(source.view.stream, []).append(source)
        return [loads, *(ViewStream(self, sources, loads) for sources in by_stream.values())]

    def _entity_streams(self) -> Sequence[Stream]:
        if not self.config.get("api_url"):
            return ()
        settings = parse_settings(self.config)
        if taken := sorted({source.view.stream for source in self._sources}.intersection(settings.entities)):
            raise TapError(f"{taken[0]} is both a stream of `views` and one of `entities`; rename the former")
        api, prefetch = Api(settings, self.config), Prefetch[Page](settings.concurrency)
        return [EntityStream(self, name, api, prefetch) for name in settings.entities]

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End at once, as a killed program does: 143 on SIGTERM, 130 on SIGINT.

        The SDK would write a last state and exit 0, as if everything had been read.
        """
        if isinstance(self.message_writer, PipeWriter):
            self.message_writer.stop(128 + signum)
        else:
            sys.exit(128 + signum)


def _variable_that_is_not_json() -> str | None:
    for variable in ("TAP_WMS_CONNECTIONS", "TAP_WMS_VIEWS", "TAP_WMS_ENTITIES", "TAP_WMS_ENTITY_COLUMNS"):
        try:
            json.loads(os.environ.get(variable, "null"))
        except ValueError:
            return variable
    return None
