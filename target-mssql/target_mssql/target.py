"""The target: settings, the order of commits, signals, and the proof at the end that nothing was lost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final, NoReturn, cast

import msgspec
import sqlalchemy as sa
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecReader, decoder
from singer_sdk.exceptions import (
    ConfigValidationError,
    InvalidRecord,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.sql import SQLTarget

from target_mssql.batches import read_records, read_tables, remove
from target_mssql.beginning import write_state
from target_mssql.connector import MSSQLConnector
from target_mssql.dialects import Table, dialect_for
from target_mssql.errors import LoadError, TransientFault
from target_mssql.load import Method, StreamLoad
from target_mssql.names import table_name
from target_mssql.sink import MSSQLSink

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.sinks import Sink

METHODS: Final[tuple[Method, ...]] = ("append-only", "upsert", "overwrite")


class LoadReader(MsgSpecReader):
    """Reads messages; an end by an exception, a signal's included, closes the session before anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.on_failure: Callable[[], None] = lambda: None

    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Read and handle every line."""
        try:
            return super().process_lines(file_input, callbacks)
        except BaseException:
            self.on_failure()
            raise

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Read one message; a broken line is not written to the log, because it may hold a whole record."""
        try:
            message: dict[str, Any] = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InvalidInputLine(
                f"a line of the input is not JSON ({error}); it begins with {line[:40]!r}"
            ) from error
        return message


class TargetMSSQL(SQLTarget):
    """Loads Singer streams into SQL Server, Azure SQL or SQLite."""

    name = "target-mssql"
    default_sink_class = MSSQLSink
    message_reader_class = LoadReader

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "sqlalchemy_url",
            th.StringType,
            required=True,
            secret=True,
            title="SQLAlchemy URL",
            description=(
                "The database: `mssql+pymssql://`, `mssql+mssqlpython://` (extra `entra`) or `sqlite:///path`. A "
                "relative SQLite path is taken from Meltano's project. On SQL Server the connection is encrypted "
                "unless the URL turns that off (`?encryption=off`, `?Encrypt=no`)."
            ),
        ),
        th.Property(
            "authentication",
            th.StringType(allowed_values=["sql", "managed_identity", "service_principal"]),
            default="sql",
            title="Authentication",
            description=(
                "How to log in: `sql` with the URL's user and password; `managed_identity` with Azure's (the URL's "
                "user is then the client id of a user-assigned one); `service_principal` with the URL's user as client "
                "id and its password as client secret. The last two need `mssql+mssqlpython://`."
            ),
        ),
        th.Property(
            "default_target_schema",
            th.StringType,
            title="Default Target Schema",
            description="The tables' schema, created when missing; the login's own if not set. Ignored on SQLite.",
        ),
        th.Property(
            "load_method",
            th.StringType(allowed_values=list(METHODS)),
            default="append-only",
            title="Load Method",
            description=(
                "`append-only` inserts every record, keyed or not; `upsert` brings the row with the record's key to "
                "the record's values; `overwrite` replaces the table's rows at the clean end of the input."
            ),
        ),
        th.Property(
            "load_methods",
            th.ObjectType(additional_properties=th.StringType(allowed_values=list(METHODS))),
            default={},
            title="Load Methods",
            description="Stream to load method, where one differs.",
        ),
        th.Property(
            "atomic",
            th.BooleanType,
            default=False,
            title="Atomic",
            description=(
                "Gather each stream's rows and write them in one transaction at the clean end of the input. "
                "`overwrite` always does."
            ),
        ),
        th.Property(
            "commit_last",
            th.ArrayType(th.StringType),
            default=[],
            title="Commit Last",
            description=(
                "Streams whose records are committed only after every record of other streams that came before them."
            ),
        ),
        th.Property(
            "clean_up_batch_files",
            th.BooleanType,
            default=True,
            title="Clean up batch files",
            description="Remove the files of a BATCH message once their rows are committed.",
        ),
        th.Property(
            "allow_schema_changes",
            th.BooleanType,
            default=True,
            title="Allow Schema Changes",
            description="Create tables, add columns and widen columns; off, a table that does not fit is an error.",
        ),
    ).to_dict()

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  the SDK's own options
        self._stream_loads: dict[str, StreamLoad] = {}
        self._plain_sinks: dict[str, MSSQLSink] = {}
        super().__init__(**options)
        if isinstance(self.message_reader, LoadReader):
            self.message_reader.on_failure = self.close
        # one session for all streams: a thread each would commit in any order
        self.max_parallelism = 1

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check settings against each other too: the driver and the way to log in."""
        errors = super()._validate_config(raise_errors=raise_errors)
        own = _url_errors(self.config)
        if own and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=own, schema=self.config_jsonschema)
        return errors + own

    # --- streams

    @property
    def connector(self) -> MSSQLConnector:
        """The session of this run."""
        return cast("MSSQLConnector", self.target_connector)

    def close(self) -> None:
        """Close the session: what is not committed is rolled back, temporary tables go with it."""
        if self._target_connector is not None:
            self.connector.close()

    def stream_load(self, stream: str) -> StreamLoad:
        """Give the load of a stream, made when its first schema comes.

        Args:
            stream: the stream's name.

        Raises:
            LoadError: its table is another stream's already.
        """
        if stream not in self._stream_loads:
            abilities = self.connector.dialect.abilities
            schema = self.config.get("default_target_schema") if abilities.has_schemas else None
            table = Table(table_name(stream, abilities.max_identifier), schema)
            for other in self._stream_loads.values():
                if other.table.name.casefold() == table.name.casefold():
                    raise LoadError(
                        f"streams {other.stream!r} and {stream!r} want the same table {table}; rename one with "
                        "stream_maps"
                    )
            method = self._method(stream)
            self._stream_loads[stream] = StreamLoad(
                self.connector,
                stream,
                table,
                method,
                gathered=self._gathers(stream, method),
                number=len(self._stream_loads),
            )
        return self._stream_loads[stream]

    def _method(self, stream: str) -> Method:
        method: Method = self.config.get("load_methods", {}).get(stream) or self.config.get(
            "load_method", "append-only"
        )
        return method

    def _gathers(self, stream: str, method: Method) -> bool:
        if self.config.get("atomic") or method == "overwrite":
            return True
        # rows that are committed at the end only cannot be followed by a record committed before
        methods = {self.config.get("load_method"), *self.config.get("load_methods", {}).values()}
        return stream in self.config.get("commit_last", []) and "overwrite" in methods

    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Any = None,  # noqa: ANN401
    ) -> Sink:
        """Give a stream's sink; what it holds is written before a changed schema replaces it.

        The SDK keeps the old sink's records for later, when newer ones of the same key may be there already.
        """
        active = self._sinks_active.get(stream_name)
        if schema is not None and active is not None:
            if active.original_schema != schema or list(active.key_properties) != list(key_properties or []):
                self.drain_one(active)
                active.clean_up()
                del self._sinks_active[stream_name]
                self._plain_sinks.pop(stream_name, None)
            else:
                return active
        sink = super().get_sink(stream_name, record=record, schema=schema, key_properties=key_properties)
        if not self._works_on_records():
            self._plain_sinks[stream_name] = cast("MSSQLSink", sink)
        return sink

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Hand a record to its sink: straight where no setting works on records, which takes half the SDK's time."""
        sink, record = self._plain_sinks.get(message_dict.get("stream", "")), message_dict.get("record")
        if sink is None or record is None:
            super()._process_record_message(message_dict)
            return
        sink.take(record)
        if sink.is_full:
            self.drain_one(sink)
        self._handle_max_record_age()

    # --- files of records

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Load the files of a BATCH message; each is removed once its rows are committed.

        Columns of Parquet files go to the table as columns, those of small files together. Where a setting asks for
        work on each record, and for JSON lines, the rows take the way of RECORD messages.

        Raises:
            LoadError: a file cannot be read, or a row does not fit the table.
        """
        self._assert_line_requires(message_dict, requires={"stream", "manifest"})
        stream, encoding = message_dict["stream"], message_dict.get("encoding") or {}
        if stream not in self.mapper.stream_maps:
            raise LoadError(f"stream {stream!r}: a BATCH message came before a corresponding schema message")
        for url in message_dict["manifest"]:
            if encoding.get("format") == "parquet" and not self._works_on_records():
                sink = cast("MSSQLSink", self.get_sink(stream))
                if sink.hold(url):
                    continue
                self.drain_one(sink)
                self.drain_before(sink)
                sink.load_columns(read_tables(stream, url))
            else:
                for record in read_records(stream, url, encoding):
                    message = {"type": "RECORD", "stream": stream, "record": record}
                    if "version" in message_dict:
                        message["version"] = message_dict["version"]
                    self._process_record_message(message)
                for one in self.mapper.stream_maps[stream]:
                    self.drain_one(self.get_sink(one.stream_alias))
            self.remove_when_committed(stream, url)
        self._handle_max_record_age()

    def _works_on_records(self) -> bool:
        settings = ("stream_maps", "flattening_enabled", "add_record_metadata", "validate_records")
        return any(self.config.get(name) for name in settings)

    def remove_when_committed(self, stream: str, url: str) -> None:
        """Remove a batch file, unless that is off: now, or with the commit of its rows where they are gathered.

        Args:
            stream: the stream's name.
            url: the file.
        """
        if not self.config.get("clean_up_batch_files", True):
            return
        loads = [self._stream_loads.get(one.stream_alias) for one in self.mapper.stream_maps[stream]]
        waiting = [load for load in loads if load is not None and load.gathered]
        if waiting:
            waiting[-1].files.append(url)
        else:
            remove(url)

    # --- order of commits

    def drain_before(self, sink: MSSQLSink) -> None:
        """Write all other streams' batches before one of a stream that is to be committed last.

        Args:
            sink: the sink that is about to write.
        """
        last = self.config.get("commit_last", [])
        if sink.stream_name in last:
            for other in list(self._sinks_active.values()):
                if other.stream_name not in last:
                    self.drain_one(other)

    def _drain_all(self, sink_list: Iterable[Sink], parallelism: int) -> None:
        super()._drain_all(self._in_order(sink_list), min(parallelism, 1))

    def _in_order(self, sinks: Iterable[Sink]) -> list[Sink]:
        last = self.config.get("commit_last", [])
        return sorted(sinks, key=lambda sink: sink.stream_name in last)

    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Emit a state, unless rows that it speaks of are gathered only and not committed."""
        if any(load.gathered and not load.finished for load in self._stream_loads.values()):
            return
        write_state(state)

    def process_endofpipe(self) -> None:
        """Finish each stream, prove that every record is in, and only then emit the last state.

        Raises:
            LoadError: a stream's table lacks records that came.
        """
        try:
            for sink in self._in_order(self._sinks_active.values()):
                self.drain_one(sink)
                self.stream_load(sink.stream_name).finish()
            self._prove_complete()
            for load in self._stream_loads.values():
                for url in load.files:
                    remove(url)
            super().process_endofpipe()
        finally:
            self.close()

    def _prove_complete(self) -> None:
        for load in self._stream_loads.values():
            if load.received != load.committed + load.merged:
                raise LoadError(
                    f"stream {load.stream!r}: {load.received} records received, but {load.committed} committed to "
                    f"table {load.table} and {load.merged} merged into later ones; nothing past its last state counts"
                )
            self.logger.info(
                "stream '%s': %d records received, %d committed to table %s, %d merged, %.1f s (%s)",
                load.stream,
                load.received,
                load.committed,
                load.table,
                load.merged,
                load.seconds(),
                load.method,
            )

    # --- command line

    def _handle_termination(self, signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002
        """Stop at a signal as any program does: nothing more is written, and the exit code says so.

        The SDK would write all it holds and exit 0, as if the input had ended.
        """
        self.logger.warning("signal %d: open transactions are rolled back, no further state is emitted", signum)
        sys.exit(128 + signum)

    @classmethod
    def invoke(  # type: ignore[override]  # the SDK's own targets narrow it so too
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target; what a person can mend ends as one line and exit 1."""
        try:
            super().invoke(about=about, about_format=about_format, config=config, file_input=file_input)
        except _MENDABLE as error:
            raise LoadError(" ".join(str(error).split())) from error


def _url_errors(config: Mapping[str, Any]) -> list[str]:
    """Check the URL and the way to log in; no message repeats the URL, which may hold a password."""
    given = config.get("sqlalchemy_url")
    if not isinstance(given, str):
        return []
    try:
        url = sa.make_url(given)
        dialect = dialect_for(url)
    except sa.exc.ArgumentError:
        return ["sqlalchemy_url cannot be read; it looks like mssql+pymssql://user:password@host:1433/database"]
    except ValueError as error:
        return [str(error)]
    wanted = config.get("authentication", "sql")
    if wanted not in dialect.abilities.authentication:
        return [f"authentication {wanted!r} does not go with {url.drivername}://; use mssql+mssqlpython://"]
    if wanted == "service_principal" and not (url.username and url.password):
        return ["authentication 'service_principal' needs the URL's user and password: client id and client secret"]
    if wanted == "managed_identity" and url.password:
        return ["authentication 'managed_identity' takes no password in sqlalchemy_url"]
    return []


_MENDABLE: Final = (
    InvalidInputLine,
    InvalidRecord,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    TransientFault,
)
