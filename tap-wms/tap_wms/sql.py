"""Streams over SQL views: rows as they stand, each with its load, its hash and its place among equal rows."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, StorageTarget
from singer_sdk.helpers.types import Context, Record
from singer_sdk.mapper import SameRecordTransform

from tap_wms.batches import ENCODING, batch_folder
from tap_wms.columns import merge_columns
from tap_wms.database import connect, driver_message, is_lost, reading_failed
from tap_wms.errors import TapError
from tap_wms.loads import Load
from tap_wms.records import PlainRecords
from tap_wms.rows import LoadRows
from tap_wms.snapshot import hold_still, is_refused
from tap_wms.windows import WHOLE, Window, by_month, day_of, months_query, today, window_from, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk import Tap

    from tap_wms.loads import LoadsStream
    from tap_wms.views import Source

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]
"""Rows as the driver gives them."""

#: Rows fetched from a server at once.
FETCH_ROWS = 5_000
#: Rows worked on at once: few enough to stay in the processor's cache, a fifth of the time.
ROWS_AT_ONCE = 1_000
PROGRESS_ROWS = 100_000
#: How often a view is read from its start when the connection breaks half way.
READ_TRIES = 3

LOAD_KEYS = ("load_id", "row_hash", "occurrence")


#: In a state: the first day of what a first reading has not reached yet. A bookmark beside it is of what it has.
UNREAD_FROM = "unread_from"


class LostReadingError(Exception):
    """The connection broke while a view was read."""


class SnapshotRefusedError(Exception):
    """A database that a view reads does not allow snapshots."""


def _records(rows: LoadRows, parts: Iterator[Rows]) -> Iterator[Record]:
    return chain.from_iterable(map(rows.records, parts))


class ViewStream(PlainRecords):
    """One stream, read from one view in each of one or more connections."""

    # A state in the middle of a view would say nothing new: the bookmark moves when a load is complete.
    STATE_MSG_FREQUENCY = sys.maxsize
    _by_file = False

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
        """Read the view of one connection, each of its windows as one load.

        When the connection breaks, the window it broke in is read again from its start, as a new load.

        Args:
            context: The partition: which connection.

        Returns:
            The view's rows, with the tap's own columns.

        Raises:
            TapError: The view cannot be read.
        """
        return self._readings(context, _records)

    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        """Give the batch configuration; none where something is to be done to each record.

        Args:
            config: The settings.
        """
        mapped = any(type(one) is not SameRecordTransform for one in self.stream_maps)
        if mapped or config.get("flattening_enabled") or self._deselected or self.ABORT_AT_RECORD_COUNT is not None:
            return None
        folder = batch_folder(config)
        if folder is None:
            return None
        return BatchConfig(BaseBatchFileEncoding(**ENCODING), StorageTarget(str(folder.path)), folder.rows)

    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Read the view of each connection into files; its load is recorded when its last file is announced.

        Args:
            batch_config: Where files go.
            context: The partition; all of them if none is given.

        Yields:
            Encoding and URL of each file.

        Raises:
            TapError: The view cannot be read.
        """
        folder = batch_folder(self.config)
        if folder is None:
            return

        fewest: int = self.config["batch_from_rows"]

        def files(rows: LoadRows, parts: Iterator[Rows]) -> Iterator[str]:
            first: list[Rows] = []
            # Once one window goes by file all do: what files cost more than records is loading `pyarrow`, all round.
            while not self._by_file and (part := next(parts, None)):
                first.append(part)
                self._by_file = sum(map(len, first)) >= fewest
            if self._by_file:
                yield from folder.write(self.name, self.schema, rows.names, map(rows.columns, chain(first, parts)))
            else:
                for record in _records(rows, iter(first)):
                    self._write_record_message(record)

        for partition in [context] if context else self.partitions:
            for url in self._readings(partition, files):
                yield batch_config.encoding, [url]

    def _readings(
        self, context: Context | None, carry: Callable[[LoadRows, Iterator[Rows]], Iterator[T]]
    ) -> Iterator[T]:
        source = self.sources[(context or {})["connection"]]
        state = self.get_context_state(context)
        windows: list[Window] = []
        breaks, still = 0, True
        while True:
            try:
                with connect(source.database) as connection:
                    if still and (kind := self._begin(connection, source)):
                        self.logger.info("%s: reading %s as of one moment (%s)", source.database, source.view, kind)
                    windows = windows or self._windows(connection, source, state)
                    while windows:
                        yield from self._read(connection, source, windows, state, carry)
                        del windows[0]
                        breaks = 0
            except LostReadingError as lost:
                breaks += 1
                broken = f"{source.database}: the connection broke while {source.view} was read: {lost}"
                if breaks == READ_TRIES:
                    raise TapError(f"{broken}; given up after {READ_TRIES} times") from None
                self.logger.warning("%s; what was read of it does not count, reading it again from its start", broken)
            except SnapshotRefusedError as refused:
                self.logger.info("%s: %s is read without a snapshot: %s", source.database, source.view, refused)
                still = False
            else:
                return

    def _read(
        self,
        connection: sa.Connection,
        source: Source,
        windows: Sequence[Window],
        state: dict[str, Any],
        carry: Callable[[LoadRows, Iterator[Rows]], Iterator[T]],
    ) -> Iterator[T]:
        """Read the first of the windows that are left, record its load, and move the bookmark."""
        latest, window = today(), windows[0]
        load = Load(self.name, source.database.name, window)
        rows = LoadRows(list(source.columns), load, key=source.replication_key, latest=latest, numbered=self._numbered)
        what = f"{self._place(source)}: {self.name}, {source.view} of connection '{source.database.name}'"
        self.logger.info("%s: reading %s%s", what, window, f", {len(windows) - 1} more to come" * (len(windows) > 1))
        started = time.monotonic()

        told = 0
        for carried in carry(rows, self._fetch(connection, source, window)):
            yield carried
            if rows.count - told >= PROGRESS_ROWS:
                told = rows.count
                self.logger.info("%s: %s rows so far", what, f"{told:,}")

        self._loads.emit(load.record(rows=rows.count, qty=rows.qty))
        if source.replication_key and rows.newest:
            state["replication_key"] = source.replication_key
            state["replication_key_value"] = rows.newest.isoformat()
        if source.replication_key and window.until:
            state["replication_key"] = source.replication_key
            state[UNREAD_FROM] = window.until.isoformat()
        else:
            state.pop(UNREAD_FROM, None)
        self._tap.state_writer.write_state(self.tap_state)
        self.logger.info("%s: %s rows in %.1f s", what, f"{rows.count:,}", time.monotonic() - started)

    def _windows(self, connection: sa.Connection, source: Source, state: dict[str, Any]) -> list[Window]:
        """Return what is to be read: the look-back window, or where no reading has been complete, all by months."""
        # A key without one value has no type to compare by, and no day that a window could leave out.
        if source.replication_key is None or source.key_is_text is None:
            return [WHOLE]
        latest, start_date = today(), day_of(self.config.get("start_date"))
        first, bookmark = start_date, None
        if self.config["sync_mode"] == "incremental" and state.get("replication_key") == source.replication_key:
            if unread := day_of(state.get(UNREAD_FROM)):
                first = unread if start_date is None else max(unread, start_date)
            else:
                bookmark = day_of(state.get("replication_key_value"))
        if bookmark is not None:
            days = source.view.lookback_days
            return [Window(window_from(bookmark, lookback_days=days, start_date=start_date, latest=latest))]
        if self.ABORT_AT_RECORD_COUNT is not None:  # `--test`
            return [Window(first)]
        key = source.relation.c[source.replication_key]
        query = months_query(key, first, as_text=source.key_is_text, dialect=connection.dialect.name)
        found = self._execute(connection, source, query, Window(first))
        return by_month(first, (dt.date(int(year), int(month), 1) for part in found for year, month in part), latest)

    def _fetch(self, connection: sa.Connection, source: Source, window: Window) -> Iterator[Rows]:
        """Stream the rows of a window, some at a time."""
        query = sa.select(*source.relation.c)
        if window != WHOLE and source.replication_key is not None:
            key, as_text = source.relation.c[source.replication_key], bool(source.key_is_text)
            query = query.where(within(key, window, as_text=as_text, dialect=connection.dialect.name))
        if self.ABORT_AT_RECORD_COUNT is not None:  # `--test`; one more, so that the SDK sees it was cut
            query = query.limit(self.ABORT_AT_RECORD_COUNT + 1)
        return self._execute(connection, source, query, window)

    def _begin(self, connection: sa.Connection, source: Source) -> str | None:
        try:
            return hold_still(connection)
        except sa.exc.SQLAlchemyError as error:
            raise self._failure(source, error) from None

    def _execute(
        self, connection: sa.Connection, source: Source, query: sa.Select[Any], window: Window
    ) -> Iterator[Rows]:
        """Yield a query's rows, `ROWS_AT_ONCE` at a time.

        Raises:
            LostReadingError: The connection broke.
            SnapshotRefusedError: The view reads a database that does not allow snapshots.
            TapError: The database refused.
        """
        # SQLite is in this process: there is no way to a server to go less often.
        fetched = ROWS_AT_ONCE if connection.dialect.name == "sqlite" else FETCH_ROWS
        streaming = connection.execution_options(stream_results=True, yield_per=fetched)
        try:
            for part in streaming.execute(query, source.parameters(window)).partitions():
                yield from (part[first : first + ROWS_AT_ONCE] for first in range(0, len(part), ROWS_AT_ONCE))
        except sa.exc.SQLAlchemyError as error:
            raise self._failure(source, error) from None

    def _failure(self, source: Source, error: sa.exc.SQLAlchemyError) -> Exception:
        if is_refused(error):
            return SnapshotRefusedError(driver_message(error, source.database))
        if is_lost(error):
            return LostReadingError(driver_message(error, source.database))
        return reading_failed(source.database, str(source.view), error)

    def _place(self, source: Source) -> str:
        """Return which view of this run it is: `view 2 of 3`."""
        streams = [stream for stream in self._tap.streams.values() if isinstance(stream, ViewStream)]
        units = [(stream.name, name) for stream in streams if stream.selected for name in stream.sources]
        return f"view {units.index((self.name, source.database.name)) + 1} of {len(units)}"
