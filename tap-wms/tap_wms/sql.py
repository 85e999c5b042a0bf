"""Streams over SQL views: rows as they stand, each with its load, its hash and its place among equal rows."""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from singer_sdk.helpers.types import Context, Record

from tap_wms.columns import merge_columns
from tap_wms.database import connect, driver_message, is_lost, reading_failed
from tap_wms.errors import TapError
from tap_wms.loads import Load
from tap_wms.records import PlainRecords
from tap_wms.rows import LoadRows
from tap_wms.windows import day_of, today, window_from, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk import Tap

    from tap_wms.loads import LoadsStream
    from tap_wms.views import Source

#: Rows fetched from the server at once.
FETCH_ROWS = 5_000
PROGRESS_ROWS = 100_000
#: How often a view is read from its start when the connection breaks half way.
READ_TRIES = 3

LOAD_KEYS = ("load_id", "row_hash", "occurrence")


class LostReadingError(Exception):
    """The connection broke while a view was read."""


class ViewStream(PlainRecords):
    """One stream, read from one view in each of one or more connections."""

    # A state in the middle of a view would say nothing new: the bookmark moves when a load is complete.
    STATE_MSG_FREQUENCY = sys.maxsize

    def __init__(self, tap: Tap, sources: Sequence[Source], loads: LoadsStream) -> None:
        """Make a stream of the views found for it.

        Args:
            tap: The tap.
            sources: The same stream's view in each connection, at least one.
            loads: Where completed loads are recorded.
        """
        self.sources = {source.database.name: source for source in sources}
        self._loads = loads
        view = sources[0].view
        columns = merge_columns([source.columns for source in sources])
        self._numbered = view.stream == "master_order_list"
        added = {
            "load_id": {"type": ["string"]},
            "connection": {"type": ["string"]},
            "row_hash": {"type": ["string"]},
            "occurrence": {"type": ["integer"]},
        }
        if self._numbered:
            added["row_number"] = {"type": ["integer"]}
        super().__init__(tap, schema={"type": "object", "properties": columns | added}, name=view.stream)
        # To the SDK this is a full-table stream: its own bookmark is the greatest value of single records, and does
        # not know of look-backs, rows without a date, or loads.
        self.primary_keys = list(view.primary_keys or LOAD_KEYS)

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """One partition a connection, each with its own bookmark."""
        return [{"connection": name} for name in self.sources]

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read the view of one connection; when the connection breaks, again from its start, as a new load.

        Args:
            context: The partition: which connection.

        Yields:
            The view's rows, with the tap's own columns.

        Raises:
            TapError: The view cannot be read.
        """
        source = self.sources[(context or {})["connection"]]
        for attempt in range(1, READ_TRIES + 1):
            try:
                yield from self._read(source, context)
            except LostReadingError as lost:
                broken = f"{source.database}: the connection broke while {source.view} was read: {lost}"
                if attempt == READ_TRIES:
                    raise TapError(f"{broken}; given up after {READ_TRIES} times") from None
                self.logger.warning("%s; what was read of it does not count, reading it again from its start", broken)
            else:
                return

    def _read(self, source: Source, context: Context | None) -> Iterator[Record]:
        state = self.get_context_state(context)
        latest = today()
        first = self._window_from(source, state, latest)
        load = Load(self.name, source.database.name, first)
        rows = LoadRows(list(source.columns), load, key=source.replication_key, latest=latest, numbered=self._numbered)
        what = f"{self._place(source)}: {self.name}, {source.view} of connection '{source.database.name}'"
        self.logger.info("%s: reading %s", what, f"from {first}" if first else "the whole view")
        started = time.monotonic()

        for row in self._fetch(source, first):
            yield rows.record(row)
            if rows.count % PROGRESS_ROWS == 0:
                self.logger.info("%s: %s rows so far", what, f"{rows.count:,}")

        self._loads.emit(load.record(rows=rows.count, qty=rows.qty))
        if source.replication_key and rows.newest:
            state["replication_key"] = source.replication_key
            state["replication_key_value"] = rows.newest.isoformat()
        self._tap.state_writer.write_state(self.tap_state)
        self.logger.info("%s: %s rows in %.1f s", what, f"{rows.count:,}", time.monotonic() - started)

    def _window_from(self, source: Source, state: dict[str, Any], latest: dt.date) -> dt.date | None:
        # A key without one value has no type to compare by, and no day that a window could leave out.
        if source.replication_key is None or source.key_is_text is None:
            return None
        bookmark = None
        if self.config["sync_mode"] == "incremental" and state.get("replication_key") == source.replication_key:
            bookmark = day_of(state.get("replication_key_value"))
        return window_from(
            bookmark,
            lookback_days=source.view.lookback_days,
            start_date=day_of(self.config.get("start_date")),
            latest=latest,
        )

    def _fetch(self, source: Source, first: dt.date | None) -> Iterator[Sequence[Any]]:
        """Stream the rows of a window, as the driver gives them.

        Raises:
            LostReadingError: The connection broke.
            TapError: The database refused.
        """
        with connect(source.database) as connection:
            query = sa.select(*source.relation.c)
            if first is not None and source.replication_key is not None:
                key, as_text = source.relation.c[source.replication_key], bool(source.key_is_text)
                query = query.where(within(key, first, as_text=as_text, dialect=connection.dialect.name))
            if self.ABORT_AT_RECORD_COUNT is not None:  # `--test`; one more, so that the SDK sees it was cut
                query = query.limit(self.ABORT_AT_RECORD_COUNT + 1)
            try:
                yield from connection.execution_options(stream_results=True, yield_per=FETCH_ROWS).execute(query)
            except sa.exc.SQLAlchemyError as error:
                if is_lost(error):
                    raise LostReadingError(driver_message(error, source.database)) from None
                raise reading_failed(source.database, str(source.view), error) from None

    def _place(self, source: Source) -> str:
        """Return which view of this run it is: `view 2 of 3`."""
        streams = [stream for stream in self._tap.streams.values() if isinstance(stream, ViewStream)]
        units = [(stream.name, name) for stream in streams if stream.selected for name in stream.sources]
        return f"view {units.index((self.name, source.database.name)) + 1} of {len(units)}"
