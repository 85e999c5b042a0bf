"""A stream's sink: turns its records into rows of its table and hands them on in batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import DatetimeErrorTreatmentEnum
from singer_sdk.sql import SQLSink

from target_mssql import batches
from target_mssql.connector import MSSQLConnector
from target_mssql.dialects import Column, Row, Values
from target_mssql.errors import LoadError, ValueRefused
from target_mssql.values import Convert, converter

if TYPE_CHECKING:
    import pyarrow as pa

    from target_mssql.load import StreamLoad
    from target_mssql.target import TargetMSSQL


class MSSQLSink(SQLSink[MSSQLConnector]):
    """Converts each record as it comes, so that a refused value is reported with its record."""

    connector_class = MSSQLConnector

    def __init__(
        self,
        target: TargetMSSQL,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
        connector: MSSQLConnector | None = None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties, connector)
        self._target = target
        self._load: StreamLoad = target.stream_load(stream_name)
        self._sources: list[tuple[str, Convert]] = []
        self._columns: list[tuple[str, Column, Convert]] = []
        self._required: list[int] = []
        self._properties = frozenset(self.schema["properties"])
        self._own_properties = frozenset(name for name in self._properties if not name.startswith("_sdc_"))
        self._key_set = frozenset(self._key_properties)

    @property
    def load(self) -> StreamLoad:
        """The stream's load, which this sink shares with those of its earlier and later schemas."""
        return self._load

    def conform_name(self, name: str, object_type: str | None = None) -> str:  # noqa: ARG002
        """Keep names as they are; `names.column_names` changes what a database cannot hold."""
        return name

    def setup(self) -> None:
        """Make the table fit for the stream's schema."""
        self._load.adopt(self.schema, self.key_properties)
        self._prepare_sources()

    def _prepare_sources(self) -> None:
        """Precompute, for each column of a row, the property and the conversion that fill it."""
        by_column = {column.name: name for name, column in self._load.layout.columns.items()}
        storage = self.connector.dialect.abilities.storage
        # a column of an earlier schema has no property now, and the empty name fits none
        self._columns = [
            (by_column.get(column.name, ""), column, converter(column.type, storage))
            for column in self._load.columns
            if column.type is not None
        ]
        self._sources = [(name, convert) for name, _, convert in self._columns]
        self._required = [place for place, column in enumerate(self._load.columns) if not column.nullable]

    def _parse_timestamps_in_record(
        self, record: dict[str, Any], schema: dict[str, Any], treatment: DatetimeErrorTreatmentEnum
    ) -> None:
        """Leave dates to the column's own conversion, which knows the form its table wants."""

    def take(self, record: dict[str, Any]) -> None:
        """Take a record as it came: what the SDK does with it, without what our settings leave to do nothing.

        Args:
            record: the record, which may lose the metadata of another target.
        """
        if not self._own_properties.issuperset(record):
            self._remove_sdc_metadata_from_record(record)
        if not self._key_set.issubset(record):
            self._singer_validate_message(record)
        self.tally_record_read()
        self.process_record(record, self._get_context(record))
        self.record_counter_metric.increment()

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Convert a record and add it to the batch.

        Args:
            record: the record.
            context: the batch.

        Raises:
            LoadError: a value does not fit its column, or a key is null.
        """
        context.setdefault("rows", []).append(self._row(record))

    def _row(self, record: Mapping[str, Any]) -> Row:
        self._load.received += 1
        if not self._properties.issuperset(record):
            self._warn_of_unknown(record)
        try:
            row = tuple(
                [None if (value := record.get(name)) is None else convert(value) for name, convert in self._sources]
            )
        except (ValueError, TypeError, ArithmeticError):
            row = self._row_slowly(record)
        for key in self._key_properties:
            if record.get(key) is None:
                raise LoadError(f"stream {self.stream_name!r}: key {key!r} is null in {self._named(record)}")
        for place in self._required:
            if row[place] is None:
                raise LoadError(
                    f"stream {self.stream_name!r}: column {self._load.columns[place].name!r} of table "
                    f"{self._load.table} takes no nulls, and {self._named(record)} has no value for it"
                )
        return row

    def hold(self, url: str) -> bool:
        """Keep a small Parquet file until enough others have come, if its rows are to be appended.

        The rows of each file touch all of the key's index: written together, they do so once.

        Args:
            url: the file.

        Returns:
            Whether its rows are loaded by this, then or later.

        Raises:
            LoadError: it cannot be read.
        """
        if not self._load.appends_straight:
            return False
        rows, size, schema = batches.look_into(self.stream_name, url)
        if not 0 < rows < batches.ROWS_TOGETHER or size >= batches.BYTES_TOGETHER:
            return False
        if not schema.equals(self._get_context({}).get("schema", schema), check_metadata=True):
            self._target.drain_one(self)
        context = self._get_context({})
        context["schema"] = schema
        context["bytes"] = context.get("bytes", 0) + size
        context.setdefault("files", []).append(url)
        self.tally_record_read(rows)
        if self.current_size >= batches.ROWS_TOGETHER or context["bytes"] >= batches.BYTES_TOGETHER:
            self._target.drain_one(self)
        return True

    def load_columns(self, parts: Iterable[pa.RecordBatch]) -> None:
        """Load the rows of a Parquet file: they are in the table, or in its staging table, when this returns.

        Args:
            parts: the file's rows; each part is a transaction.

        Raises:
            LoadError: a value does not fit its column, or a key is null.
        """
        from target_mssql.columns import by_key, records  # noqa: PLC0415  pyarrow only where a BATCH has come

        for part in parts:
            self._check_columns(part)
            # where a later row may supersede an earlier one, they stay in the order in which they came
            keys = self._key_properties if self._load.appends_straight else ()
            if (values := self._values(by_key(part, keys))) is not None:
                self._load.received += part.num_rows
                self._load.write_columns(values)
            else:
                # one by one: a column is widened for its value, or the value is named with its record
                self._load.write([self._row(record) for record in records(part)])

    def _check_columns(self, part: pa.RecordBatch) -> None:
        self.record_counter_metric.increment(part.num_rows)
        if not self._properties.issuperset(part.schema.names):
            self._warn_of_unknown(part.schema.names)
        if missing := [key for key in self._key_properties if key not in part.schema.names]:
            raise LoadError(
                f"stream {self.stream_name!r}: a batch file is missing one or more key_properties: {missing}"
            )

    def _values(self, part: pa.RecordBatch) -> list[Values] | None:
        """Convert a part's columns; None where a value does not fit or must not be null."""
        from target_mssql.columns import arrays, has_null, values  # noqa: PLC0415  pyarrow only where a BATCH has come

        try:
            columns = (arrays if self._load.takes_arrays(part.num_rows) else values)(part, self._columns)
        except (ValueError, TypeError, ArithmeticError):
            return None
        return None if any(has_null(columns[place]) for place in self._never_null()) else columns

    def _never_null(self) -> set[int]:
        keys = {name for name, column in self._load.layout.columns.items() if column.name in self._load.layout.keys}
        return {*self._required, *(place for place, (name, *_) in enumerate(self._columns) if name in keys)}

    def _after_process_record(self, context: dict[str, Any]) -> None:
        """Nothing: the SDK would write the whole batch to its log at each record when debugging."""

    def _row_slowly(self, record: Mapping[str, Any]) -> Row:
        """Convert a record whose conversion failed, value by value, to widen a column or name it."""
        storage = self.connector.dialect.abilities.storage
        for name, column in self._load.layout.columns.items():
            value = record.get(name)
            if value is None or column.type is None:
                continue
            try:
                converter(column.type, storage)(value)
            except (ValueError, TypeError, ArithmeticError) as error:
                wide_enough = isinstance(error, ValueRefused) and error.too_wide and self._may_widen(name)
                if not wide_enough:
                    raise LoadError(
                        f"stream {self.stream_name!r}: column {column.name!r} of {self._named(record)}: {error}"
                        + self._advice(error)
                    ) from error
                self._load.widen(column)
        self._prepare_sources()
        return tuple(
            [None if (value := record.get(name)) is None else convert(value) for name, convert in self._sources]
        )

    def _may_widen(self, name: str) -> bool:
        return (
            self.connector.allows_changes and self._load.layout.wanted[name].loose and name not in self._key_properties
        )

    def _advice(self, error: Exception) -> str:
        if not (isinstance(error, ValueRefused) and error.too_wide):
            return ""
        if not self.connector.allows_changes:
            return "; widen the column (ours: `recon migrate`)"
        return "; let the stream's schema say how wide the column must be"

    def _named(self, record: Mapping[str, Any]) -> str:
        if not self._key_properties:
            return f"record {self._load.received}"
        return "the record with " + ", ".join(f"{key}={record.get(key)!r}" for key in self._key_properties)

    def _warn_of_unknown(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._properties and name not in self._warned_missing_fields:
                self._warned_missing_fields.add(name)
                self.logger.warning(
                    "stream '%s': field '%s' is not in its schema and is left out", self.stream_name, name
                )

    def process_batch(self, context: dict[str, Any]) -> None:
        """Load a batch, after the batches that must be committed before it.

        Args:
            context: the batch.
        """
        self._target.drain_before(self)
        if rows := context.get("rows"):
            self._load.write(rows)
            context["rows"] = []
        if files := context.pop("files", []):
            self.load_columns(batches.read_tables(self.stream_name, *files, together=True))
            for url in files:
                self._target.remove_when_committed(self.stream_name, url)

    def activate_version(self, new_version: int) -> None:
        """Note a version for the clean end: it comes before the records, so nothing is deleted yet.

        Args:
            new_version: the version of the records that count.
        """
        if not self.include_sdc_metadata_properties:
            self.logger.warning(
                "stream '%s': ACTIVATE_VERSION is ignored: rows carry their version only with add_record_metadata",
                self.stream_name,
            )
            return
        self._load.activate_version(new_version)
