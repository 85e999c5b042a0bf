"""Record messages without the SDK's work on each column of each record."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record
from singer_sdk.singerlib import RecordMessage

from tap_wms.messages import PipeWriter, record_head

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.singerlib import Catalog


class PlainRecords(Stream):
    """A stream whose records are right as they are made."""

    # Values are written as they are. Conforming each to the schema would invent a zone for date-times without one, and
    # costs as much as everything else together (17 columns: 20,000 rows/s instead of 38,000).
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take only the selection from a catalog: a column new in the source is read though a cached one lacks it."""
        self._tap_input_catalog = catalog

    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:  # noqa: ARG002
        """No BATCH messages but for views: the SDK's files come behind the record that completes their load."""
        return None

    def generate_child_contexts(self, record: Record, context: Context | None) -> Iterable[Context | None]:  # noqa: ARG002
        """Return nothing: there are no child streams, and asking each record for them takes time."""
        return ()

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        yield from super()._sync_records(context, write_messages=write_messages)
        # No message need follow the last record: a state that is as it was is not written again.
        if isinstance(self._tap.message_writer, PipeWriter):
            self._tap.message_writer.write_waiting()

    def _process_record(
        self, record: Record, child_context: Context | None = None, partition_context: Context | None = None
    ) -> None:
        """Do nothing: there are no child streams, and records name their partition."""

    def _increment_stream_state(self, latest_record: Record, *, context: Context | None = None) -> None:
        """Do nothing: a bookmark moves when a load or a page is complete, and not with each record."""

    def _write_record_message(self, record: Record) -> None:
        if self._head is None or not isinstance(self._tap.message_writer, PipeWriter):
            super()._write_record_message(record)
            return
        for name in self._deselected:
            record.pop(name, None)
        self._tap.message_writer.write_record(self._head, record)

    @cached_property
    def _head(self) -> bytes | None:
        """What the stream's record messages start with; `None` where records are mapped, or must come one by one."""
        stream_maps = list(self.stream_maps)
        own = dict((self.config.get("stream_maps") or {}).get(self.name) or {})
        mapped = len(stream_maps) != 1 or stream_maps[0].flattening_enabled or own.keys() - {"__alias__"}
        if mapped or self.ABORT_AT_RECORD_COUNT is not None:
            return None
        return record_head(stream_maps[0].stream_alias)

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        # What the SDK does, but for looking up each column of each record in the selection (with 71 columns, a third
        # of all the time).
        for name in self._deselected:
            record.pop(name, None)
        for stream_map in self.stream_maps:
            if (mapped := stream_map.transform(record)) is not None:
                yield RecordMessage(stream_map.stream_alias, mapped, time_extracted=dt.datetime.now(dt.UTC))

    @cached_property
    def _deselected(self) -> list[str]:
        return [name for name in self.schema["properties"] if not self.mask["properties", name]]
