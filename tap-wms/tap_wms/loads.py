"""Loads: one complete reading of a view, and the record that says it is complete.

Rows carry the `load_id` of their reading. Rows without a record here are of a reading that broke, and count nowhere.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record

from tap_wms.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from singer_sdk.singerlib import Catalog


def now() -> dt.datetime:
    """Return this moment, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Load:
    """A reading of one view that has begun.

    Attributes:
        stream: The stream its rows go to.
        connection: The connection it is read from.
        window: The days read.
        started_at: When the reading began, UTC.
    """

    stream: str
    connection: str
    window: Window
    started_at: dt.datetime = field(default_factory=now)
    _random: str = field(default_factory=lambda: secrets.token_hex(10))

    @property
    def load_id(self) -> str:
        """32 hex characters: the milliseconds of the start and chance, so that ids sort as readings began."""
        return f"{int(self.started_at.timestamp() * 1000):012x}{self._random}"

    def record(self, *, rows: int, qty: int | Decimal | None) -> dict[str, Any]:
        """Return the record that completes the load.

        Args:
            rows: How many records were emitted.
            qty: The sum of their numeric quantities, in units; `None` where the view has no quantity.
        """
        return {
            "load_id": self.load_id,
            "unit_id": f"{self.connection}:{self.stream}",
            "stream": self.stream,
            "kind": "window",
            "connection": self.connection,
            "window_from": self.window.first,
            "window_to": self.window.until,
            "started_at": self.started_at,
            "finished_at": now(),
            "rows": rows,
            "qty": qty,
        }


class LoadsStream(Stream):
    """The `loads` stream. It comes first, so that its schema is known when the first view is complete."""

    name = "loads"
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # its values are right as they are made
    primary_keys = ("load_id",)
    schema = th.PropertiesList(
        th.Property("load_id", th.StringType, required=True, description="The reading, in the order of its start"),
        th.Property("unit_id", th.StringType, required=True, description="What was read: `<connection>:<stream>`"),
        th.Property("stream", th.StringType, required=True, description="The stream the rows went to"),
        th.Property("kind", th.StringType, required=True, description="`window`: a view or a part of it, by days"),
        th.Property("connection", th.StringType, description="The connection it was read from"),
        th.Property("window_from", th.DateType, description="First day read; null: no lower bound"),
        th.Property("window_to", th.DateType, description="First day not read; null: no upper bound"),
        th.Property("started_at", th.DateTimeType, required=True, description="Start of the reading, UTC"),
        th.Property("finished_at", th.DateTimeType, required=True, description="End of the reading, UTC"),
        th.Property("rows", th.IntegerType, required=True, description="Records emitted for it"),
        th.Property("qty", th.NumberType, description="Sum of their numeric quantities; null: the view has none"),
    ).to_dict()

    def apply_catalog(self, catalog: Catalog) -> None:
        """Ignore the catalog: without this stream's records no reading counts, so it cannot be left out."""

    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Return nothing: a record behind each reading is not worth a file."""

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        """Return nothing: each record is emitted when its view has been read."""
        return ()

    def emit(self, record: dict[str, Any]) -> None:
        """Write a completed load's record."""
        self._write_record_message(record)
