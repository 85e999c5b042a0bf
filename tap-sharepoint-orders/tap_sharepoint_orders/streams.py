"""The three streams of the tap, written workbook by workbook.

A workbook is a `source_files` record, its `order_list_rows`, then its `loads` record, then a STATE that covers
it: so whatever ends the run, the state never runs ahead of what was written.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.helpers._batch import BaseBatchFileEncoding
from singer_sdk.helpers.conform import TypeConformanceLevel

from tap_sharepoint_orders.batches import ENCODING, batch_folder, row_batches
from tap_sharepoint_orders.library import KnownFile, LibraryError, order_lists
from tap_sharepoint_orders.records import load_record, new_load_id, source_file_record, utc_text
from tap_sharepoint_orders.visits import visit_all
from tap_sharepoint_orders.worker import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter

    from tap_sharepoint_orders.batches import BatchFolder
    from tap_sharepoint_orders.library import DocumentLibrary, LibraryFile
    from tap_sharepoint_orders.tap import TapSharePointOrders
    from tap_sharepoint_orders.visits import Visit

LISTING_UNIT = "order_lists"
"""The unit of a `listing` load: the library as a whole."""

MEMORY = "library"
"""Where in the state the library's own memory is."""


class OrderListStream(Stream):
    """What the three streams have in common."""

    # Records are made here in the schema's types: checking each again would cost as much as making it.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Nothing for the SDK, which would write each stream as a whole: see `OrderListRows.emit_rows`."""


class SourceFiles(OrderListStream):
    """One record a file: read, failed, or deleted. Drives the run and has the other two streams write theirs."""

    name = "source_files"
    primary_keys = ("file_id",)
    schema = th.PropertiesList(
        th.Property("file_id", th.StringType, required=True, description="The file's own id, 32 hex characters."),
        th.Property("name", th.StringType, required=True, description="File name."),
        th.Property("path", th.StringType, required=True, description="Path below the source's root."),
        th.Property("size_bytes", th.IntegerType, description="Size."),
        th.Property("etag", th.StringType, description="The library's version mark, where it has one."),
        th.Property("content_hash", th.StringType, description="SHA-256 of the bytes that were read."),
        th.Property("modified_at", th.DateTimeType, description="Time of the last change."),
        th.Property("sheet", th.StringType, description="Name of the sheet that was read."),
        th.Property("header_row", th.IntegerType, description="Row of the header, from 1."),
        th.Property(
            "status",
            th.StringType,
            required=True,
            allowed_values=["read", "failed", "deleted"],
            description="What came of the file in this run.",
        ),
        th.Property(
            "error",
            th.StringType,
            description="Why the file failed; or what was left out of a file that was read, as a second table below "
            "the order list. And what to do.",
        ),
        th.Property("listed_at", th.DateTimeType, required=True, description="When the library was listed."),
        th.Property("load_id", th.StringType, description="The load that holds the file's rows, if it was read."),
    ).to_dict()

    @property
    def tap(self) -> TapSharePointOrders:
        """The tap this stream belongs to."""
        return cast("TapSharePointOrders", self._tap)

    def generate_child_contexts(self, record: Record, context: Context | None) -> Iterable[Context | None]:  # noqa: ARG002
        """None: `get_records` writes the other streams' records itself, after this stream's own record."""
        return ()

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        """Visit every order list, and write all that belongs to a file before going on to the next.

        The SDK writes a yielded record before it asks for the next one, so what follows a `yield` below
        follows the record on stdout.

        Yields:
            `source_files` records.
        """
        try:
            library = self.tap.library(self.stream_state.get(MEMORY))
            try:
                yield from self._read(library)
            finally:
                library.log_traffic()
        except LibraryError as error:
            self.logger.error("%s", error)  # noqa: TRY400 - the line says it all
            raise SystemExit(1) from None

    def _read(self, library: DocumentLibrary) -> Iterator[Record]:
        rows, loads = self._siblings()
        listing_started = datetime.now(UTC)
        files = order_lists(library.files(), self.config["file_pattern"], self.config["exclude_patterns"])
        if not files:
            self.logger.warning(
                "No order list was found: no file below %s matches file_pattern %s",
                library.where,
                self.config["file_pattern"],
            )
        # With no bookmark nothing is skipped, so every file present is written: that is a listing.
        complete = not self._bookmark or not files
        listed_at = utc_text(listing_started)
        listed = 0
        failed: list[str] = []

        with ExitStack() as stack:
            for stream in (rows, loads):
                stack.enter_context(stream.announced())
            for number, visit in enumerate(self._visits(library, files), 1):
                self._log_visit(visit, f"{number} of {len(files)}")
                if visit.status == "unchanged":
                    if renamed := self._renamed(visit, listed_at):
                        yield renamed
                        self._bookmark[visit.file.file_id]["path"] = visit.file.path
                    self._learn(visit)
                    continue
                load_id = new_load_id(visit.started_at) if visit.status == "read" else None
                yield source_file_record(visit, listed_at=listed_at, load_id=load_id)
                listed += 1
                loaded = load_id is not None and self._write_load(visit, load_id, rows, loads)
                if visit.status == "failed":
                    failed.append(visit.file.path)
                self._remember(visit, load_id if loaded else None)

            yield from self._deleted(files, listed_at)
            if complete and self.selected:
                loads.emit(
                    load_record(
                        new_load_id(listing_started),
                        unit_id=LISTING_UNIT,
                        stream=self.name,
                        kind="listing",
                        started_at=listing_started,
                        rows=listed,
                        qty=None,
                    )
                )
            # Only now is all written that the library listed: it may go on from here next time.
            if memory := library.memory():
                self.stream_state[MEMORY] = memory
            else:
                self.stream_state.pop(MEMORY, None)
            self._write_state()
        if failed and self.config["on_file_error"] == "fail":
            self.logger.error(
                "%d of %d order lists could not be read (the reasons are above): %s. Mend them, or set "
                "on_file_error to quarantine",
                len(failed),
                len(files),
                ", ".join(failed),
            )
            raise SystemExit(1)

    def _siblings(self) -> tuple[OrderListRows, Loads]:
        rows = next(stream for stream in self.child_streams if isinstance(stream, OrderListRows))
        loads = next(stream for stream in self.child_streams if isinstance(stream, Loads))
        return rows, loads

    def _visits(self, library: DocumentLibrary, files: Sequence[LibraryFile]) -> Iterator[Visit]:
        return visit_all(
            library,
            files,
            {
                file_id: KnownFile(seen, known.get("marks") or {})
                for file_id, known in self._bookmark.items()
                if (seen := known.get("content_hash"))
            },
            options=ReadOptions(
                sheet_pattern=self.config["sheet_pattern"],
                max_rows=self.config["max_rows"],
                timeout_s=self.config["parse_timeout_s"],
            ),
            max_file_mb=self.config["max_file_mb"],
            workers=self.config["workers"],
            archive=self.tap.archive(),
        )

    def _write_load(self, visit: Visit, load_id: str, rows: OrderListRows, loads: Loads) -> bool:
        """Write a workbook's rows and then its load. Returns whether the load stands on stdout."""
        # Rows that nobody selected make no load, and a dry run (--test) that stops short makes none either.
        if not rows.selected or not rows.emit_rows(visit, load_id):
            return False
        loads.emit(
            load_record(
                load_id,
                unit_id=visit.file.file_id,
                stream=rows.name,
                kind="file",
                started_at=visit.started_at,
                rows=visit.reading.rows,
                qty=visit.reading.qty,
            )
        )
        return loads.selected

    def _deleted(self, files: Sequence[LibraryFile], listed_at: str) -> Iterator[Record]:
        """Records of files that are in the bookmark but not in the listing; they leave the bookmark."""
        present = {file.file_id for file in files}
        gone = [(str(known["path"]), file_id) for file_id, known in self._bookmark.items() if file_id not in present]
        for path, file_id in sorted(gone):
            self.logger.info("%s: is no longer there", path)
            record = dict.fromkeys(self.schema["properties"])
            yield record | {
                "file_id": file_id,
                "name": path.rpartition("/")[2],
                "path": path,
                "status": "deleted",
                "listed_at": listed_at,
            }
            del self._bookmark[file_id]

    @property
    def _bookmark(self) -> dict[str, dict[str, Any]]:
        """file_id to what is known of each file: its path, content hash and marks; a file that failed has no hash."""
        return cast("dict[str, dict[str, Any]]", self.stream_state.setdefault("files", {}))

    def _remember(self, visit: Visit, load_id: str | None) -> None:
        """Put a file into the bookmark: with its content, if the load with its rows stands on stdout."""
        known: dict[str, Any] = {"path": visit.file.path, "content_hash": visit.content_hash if load_id else None}
        if load_id and visit.file.marks:
            known |= {
                "marks": dict(visit.file.marks),
                "load_id": load_id,
                "sheet": visit.reading.sheet,
                "header_row": visit.reading.header_row,
                "left_out": visit.reading.left_out,
            }
        self._bookmark[visit.file.file_id] = known
        self._write_state()

    def _learn(self, visit: Visit) -> None:
        """Take over the marks of a version whose content turned out to be the same."""
        if visit.file.marks:
            known = self._bookmark[visit.file.file_id]
            known["marks"] = {**known.get("marks", {}), **visit.file.marks}

    def _renamed(self, visit: Visit, listed_at: str) -> Record | None:
        """A record of a file that has another path than before and the same content, read by an earlier load."""
        known = self._bookmark[visit.file.file_id]
        if visit.file.path == known["path"] or not known.get("load_id"):
            return None
        self.logger.info("%s: is now %s", known["path"], visit.file.path)
        record = source_file_record(visit, listed_at=listed_at, load_id=known["load_id"])
        as_read = {"sheet": known["sheet"], "header_row": known["header_row"], "error": known.get("left_out")}
        return record | {"status": "read", **as_read}

    def _write_state(self) -> None:
        self.tap.state_writer.write_state(self.tap_state)

    def _log_visit(self, visit: Visit, position: str) -> None:
        path, reading = visit.file.path, visit.reading
        if visit.status == "failed":
            self.logger.warning("%s: %s: not read: %s", position, path, reading.error)
        elif visit.status == "unchanged":
            self.logger.info("%s: %s: unchanged (%s)", position, path, visit.why)
        else:
            self.logger.info(
                "%s: %s: %d rows of %r in %.1f s", position, path, reading.rows, reading.sheet, reading.seconds
            )
        for note in reading.notes:
            self.logger.info("%s: %s", path, note)
        if reading.left_out:
            self.logger.warning("%s: %s", path, reading.left_out)


class WorkbookStream(OrderListStream):
    """A stream whose records `source_files` has written, between its own."""

    parent_stream_type = SourceFiles

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002
        """Nothing of its own accord: see `emit`."""
        return ()

    def announced(self) -> Counter:
        """Write the schema, if the stream is selected.

        Returns:
            The counter of its records, to be entered as a context.
        """
        if self.selected:
            self._write_schema_message()
        self._counter = self.get_record_counter()
        return self._counter

    def emit(self, record: dict[str, Any]) -> None:
        """Write one record, if the stream is selected."""
        if self.selected:
            self._write_record_message(record)
            self._counter.increment()


class OrderListRows(WorkbookStream):
    """One record a sheet row, its cells as JSON text under their headers as found."""

    name = "order_list_rows"
    _by_file = False
    primary_keys = ("load_id", "row_number")
    schema = th.PropertiesList(
        th.Property("load_id", th.StringType, required=True, description="The load the row belongs to."),
        th.Property("file_id", th.StringType, required=True, description="The workbook it stands in."),
        th.Property("row_number", th.IntegerType, required=True, description="Row in Excel, from 1."),
        th.Property("sheet", th.StringType, required=True, description="Name of the sheet."),
        th.Property("sheet_customer", th.StringType, description="The sheet's only CUSTOMER NAME, if it has just one."),
        th.Property("source_file", th.StringType, required=True, description="Path of the workbook."),
        th.Property(
            "cells",
            th.StringType,
            required=True,
            description="JSON text: [header, value] of each filled cell outside the size run, in sheet order.",
        ),
        th.Property(
            "sizes",
            th.StringType,
            required=True,
            description="JSON text: [header, value] of each filled cell between UNIT OF MEASURE and TOTAL QTY.",
        ),
    ).to_dict()

    def emit_rows(self, visit: Visit, load_id: str) -> bool:
        """Write a workbook's rows. Returns False if a dry run's limit cut them short."""
        same = {
            "load_id": load_id,
            "file_id": visit.file.file_id,
            "sheet": visit.reading.sheet,
            "sheet_customer": visit.reading.customer,
            "source_file": visit.file.path,
        }
        # Once one goes by file all do: what a file costs more than records is loading `pyarrow`, here and behind.
        self._by_file = self._by_file or visit.reading.rows >= self.config["batch_from_rows"]
        if self._by_file and (folder := self._batch_folder()):
            for url, rows in row_batches(folder, self.name, self.schema, same, visit.parts()):
                self._write_batch_message(BaseBatchFileEncoding(**ENCODING), [url])
                self._counter.increment(rows)
            return True
        for written, (row_number, cells, sizes) in enumerate(visit.rows()):
            if written == self.ABORT_AT_RECORD_COUNT:
                return False
            self.emit({**same, "row_number": row_number, "cells": cells, "sizes": sizes})
        return True

    def _batch_folder(self) -> BatchFolder | None:
        """Where batch files go; none if records are wanted, or something is to be done to each of them."""
        whole = all(self.mask["properties", name] for name in self.schema["properties"])
        mapped = self.config.get("stream_maps") or self.config.get("flattening_enabled")
        if mapped or not whole or self.ABORT_AT_RECORD_COUNT is not None:
            return None
        return batch_folder(self.config)


class Loads(WorkbookStream):
    """One record a completed load, written after the load's last row."""

    name = "loads"
    primary_keys = ("load_id",)
    schema = th.PropertiesList(
        th.Property("load_id", th.StringType, required=True, description="Sorts by the time the load started."),
        th.Property("unit_id", th.StringType, required=True, description="What was read as a whole: a file_id."),
        th.Property("stream", th.StringType, required=True, description="The stream that holds the records."),
        th.Property(
            "kind",
            th.StringType,
            required=True,
            allowed_values=["file", "listing"],
            description="A workbook's rows, or a run that wrote a source_files record for every file present.",
        ),
        th.Property("connection", th.StringType, description="Null: files have no database connection."),
        th.Property("window_from", th.DateType, description="Null: a workbook is read as a whole."),
        th.Property("window_to", th.DateType, description="Null: a workbook is read as a whole."),
        th.Property("started_at", th.DateTimeType, required=True, description="When reading began."),
        th.Property("finished_at", th.DateTimeType, required=True, description="When the last row was written."),
        th.Property("rows", th.IntegerType, required=True, description="Records written for the load."),
        th.Property("qty", th.NumberType, description="Sum of the numbers in their size runs."),
    ).to_dict()
