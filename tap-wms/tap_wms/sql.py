"""Streams over SQL views: rows as they stand, each with its load, its hash and its place among equal rows."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
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
from tap_wms.loads import Load, now
from tap_wms.records import PlainRecords
from tap_wms.rows import LoadRows
from tap_wms.snapshot import hold_still, is_refused
from tap_wms.standing import STANDING, Count, KeptRows, Rows, Standing, Totals, form_of
from tap_wms.windows import WHOLE, Window, by_month, day_of, months_query, today, window_from, within

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from singer_sdk import Tap

    from tap_wms.loads import LoadsStream
    from tap_wms.views import Source

T = TypeVar("T")

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


def _rows_of_file(result: sa.CursorResult[Any]) -> Iterator[Rows]:
    """Yield the rows of a SQLite database by its own cursor: a `Row` around each would be a fifth of fetching it.

    A server's rows come some at a time, which SQLAlchemy reads ahead of: past it, the first of them would be missing.
    SQLite is in this process: there is no way to a server to go less often.
    """
    with closing(result):
        while part := result.cursor.fetchmany(ROWS_AT_ONCE):
            yield part


@dataclass
class _Reading:
    """One view of one connection, while it is read.

    Attributes:
        source: The view.
        state: Its bookmark, to be changed.
        windows: What is left to be read.
        counted: Whether totals of its rows are kept in the state.
        since: The first day that is counted; `None`: no lower bound.
        before: What was sent of the one window before, where its rows can be compared with that.
        due: Whether all of the window is sent though it may stand.
        totals: Of the windows read.
    """

    source: Source
    state: dict[str, Any]
    windows: list[Window]
    counted: bool
    since: dt.date | None
    before: Standing | None
    due: bool
    totals: Totals = field(default_factory=dict)

    @property
    def key(self) -> int | None:
        """Where the replication key stands in a row."""
        name = self.source.replication_key
        return None if name is None else list(self.source.columns).index(name)


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
        reading: _Reading | None = None
        breaks, still = 0, True
        while True:
            try:
                with connect(source.database) as connection:
                    if still and (kind := self._begin(connection, source)):
                        self.logger.info("%s: reading %s as of one moment (%s)", source.database, source.view, kind)
                    reading = reading or self._reading(source, state, self._windows(connection, source, state))
                    while reading.windows:
                        yield from self._read(connection, reading, carry)
                        del reading.windows[0]
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

    def _reading(self, source: Source, state: dict[str, Any], windows: list[Window]) -> _Reading:
        counted = self.config["skip_unchanged"] and self.ABORT_AT_RECORD_COUNT is None
        since, before, due = windows[0].first, None, False
        if last := windows[-1].first if len(windows) > 1 else None:
            since = max(since or dt.date.min, self._held_from(source, last))  # the newest day is no earlier
        elif counted and self.config["sync_mode"] == "incremental":
            before = Standing.from_state(state.get(STANDING))
            if before and (before.form != self._form(source) or not before.holds(windows[0])):
                before = None
            # What was sent but is missing in the warehouse all the same is so made good within that time.
            due = before is not None and before.is_due(now(), dt.timedelta(hours=self.config["resend_after_hours"]))
        return _Reading(source, state, windows, counted, since, before, due)

    def _form(self, source: Source) -> str:
        """Return a text for what decides how a view is read and sent."""
        query = source.query and (str(source.query.text), dict(source.query.parameters))
        read = (source.view.table, query, source.columns, source.replication_key, source.key_is_text)
        mapped = [self.config.get(name) for name in ("stream_maps", "stream_map_config", "flattening_enabled")]
        return form_of(read, self.name, list(self.primary_keys), self._deselected, mapped)

    def _held_from(self, source: Source, bookmark: dt.date) -> dt.date:
        """Return the first day whose totals are kept.

        Of twice the look-back: where the newest day goes from a view, the look-back after it reaches further back.
        """
        return self._look_back(source, bookmark) - dt.timedelta(days=source.view.lookback_days)

    def _read(
        self, connection: sa.Connection, reading: _Reading, carry: Callable[[LoadRows, Iterator[Rows]], Iterator[T]]
    ) -> Iterator[T]:
        """Read the first of the windows that are left, send it or what differs of it, and move the bookmark."""
        source, window, before, began = reading.source, reading.windows[0], reading.before, now()
        what = f"{self._place(source)}: {self.name}, {source.view} of connection '{source.database.name}'"
        more = f", {len(reading.windows) - 1} more to come" * (len(reading.windows) > 1)
        self.logger.info("%s: reading %s%s", what, window, more)
        started = time.monotonic()

        count = Count(reading.key, reading.since)
        parts = self._telling(what, self._fetch(connection, source, window))
        if before is None or reading.due:
            needed = window.until is None or reading.since is None or window.until > reading.since
            parts = count.noting(parts) if reading.counted and needed else parts
            rows = yield from self._send(source, window, began, parts, carry)
            self._move_bookmark(reading, count.totals, rows.newest, window, began)
        else:
            with KeptRows() as kept:
                for part in parts:
                    kept.add(count.add(part))
                sent = before.to_send(count.totals, window.first)
                if sent is not None:
                    if sent != window:
                        self.logger.info("%s: sending what differs, %s", what, sent)
                    parts = kept.rows(reading.key, sent.first if sent != window else None)
                    rows = yield from self._send(source, sent, began, parts, carry)
            newest = max((day for day in count.totals if day and day <= today()), default=None)
            self._move_bookmark(reading, count.totals, newest, sent, began)
            if sent is None:
                as_of = f"{before.sent_at:%Y-%m-%d %H:%M} UTC"
                self.logger.info("%s: %s rows as they were at %s; left out", what, f"{count.rows:,}", as_of)
                return
        self._tap.state_writer.write_state(self.tap_state)
        self.logger.info("%s: %s rows in %.1f s", what, f"{rows.count:,}", time.monotonic() - started)

    def _send(
        self,
        source: Source,
        window: Window,
        began: dt.datetime,
        parts: Iterator[Rows],
        carry: Callable[[LoadRows, Iterator[Rows]], Iterator[T]],
    ) -> Generator[T, None, LoadRows]:
        """Send the rows of a window, and the record that completes their load."""
        load = Load(self.name, source.database.name, window, began)
        names, key = list(source.columns), source.replication_key
        with closing(LoadRows(names, load, key=key, latest=today(), numbered=self._numbered)) as rows:
            yield from carry(rows, parts)
        self._loads.emit(load.record(rows=rows.count, qty=rows.qty))
        return rows

    def _move_bookmark(
        self, reading: _Reading, totals: Totals, newest: dt.date | None, sent: Window | None, began: dt.datetime
    ) -> None:
        """Note in the state what has been read, and what stands of it.

        Args:
            reading: The view, whose first window has been read.
            totals: Of that window.
            newest: The greatest day of the replication key in it.
            sent: What of it was sent; `None`: nothing.
            began: When that was begun.
        """
        source, state, before, window = reading.source, reading.state, reading.before, reading.windows[0]
        if source.replication_key and newest:
            state["replication_key"] = source.replication_key
            state["replication_key_value"] = newest.isoformat()
        if source.replication_key and window.until:
            state["replication_key"] = source.replication_key
            state[UNREAD_FROM] = window.until.isoformat()
        else:
            state.pop(UNREAD_FROM, None)
        # Undated rows come with each window, and count in the last load.
        reading.totals = {**{day: total for day, total in reading.totals.items() if day}, **totals}
        if window.until is not None or not reading.counted:
            state.pop(STANDING, None)
            return
        standing = Standing(self._form(source), reading.since, reading.totals, whole_at=began, sent_at=began)
        if before is not None:
            standing = standing.behind(before)
            if sent != window:
                sent_at = before.sent_at if sent is None else began
                standing = replace(standing, whole_at=before.whole_at, sent_at=sent_at)
        bookmark = None if source.key_is_text is None else day_of(state.get("replication_key_value"))
        state[STANDING] = standing.since(bookmark and self._held_from(source, bookmark)).to_state()

    def _look_back(self, source: Source, bookmark: dt.date) -> dt.date:
        """Return the first day that is read again."""
        start_date = day_of(self.config.get("start_date"))
        return window_from(bookmark, lookback_days=source.view.lookback_days, start_date=start_date, latest=today())

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
            return [Window(self._look_back(source, bookmark))]
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
        parameters = source.parameters(window)
        try:
            if connection.dialect.name == "sqlite":
                yield from _rows_of_file(connection.execute(query, parameters))
                return
            streaming = connection.execution_options(stream_results=True, yield_per=FETCH_ROWS)
            for part in streaming.execute(query, parameters).partitions():
                yield from (part[first : first + ROWS_AT_ONCE] for first in range(0, len(part), ROWS_AT_ONCE))
        except sa.exc.SQLAlchemyError as error:
            raise self._failure(source, error) from None
        except sqlite3.Error as error:
            raise reading_failed(source.database, str(source.view), error) from None

    def _telling(self, what: str, parts: Iterator[Rows]) -> Iterator[Rows]:
        """Say from time to time how many rows have been read."""
        rows = told = 0
        for part in parts:
            rows += len(part)
            if rows - told >= PROGRESS_ROWS:
                told = rows
                self.logger.info("%s: %s rows so far", what, f"{rows:,}")
            yield part

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
