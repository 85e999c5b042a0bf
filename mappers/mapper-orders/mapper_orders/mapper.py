"""The Singer mapper: reads what the taps send, writes staging rows, quarantine and counts.

Here are the messages only: what becomes of a wide row stands in ``orders``, of a carton in ``cartons``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any, ClassVar, Final

import click
from order_rules.config import Rules, RulesError, load_rules
from order_rules.models import STAGING, singer_schema
from order_rules.program import no_garbage_collection
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import BATCH_CONFIG, CapabilitiesEnum, PluginCapabilities
from singer_sdk.mapper_base import InlineMapper
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.singerlib import ActivateVersionMessage, SchemaMessage
from singer_sdk.singerlib.encoding import GenericSingerReader, GenericSingerWriter
from singer_sdk.singerlib.messages import Message

from mapper_orders.batches import (
    ENCODING,
    BatchFile,
    BatchSettings,
    batch_settings,
    file_of,
    read_records,
    read_tables,
    remove,
)
from mapper_orders.beginning import end_without_target
from mapper_orders.counts import INPUT_TABLES, QUARANTINE_TABLES, Books, LoadBook
from mapper_orders.errors import ContractError
from mapper_orders.messages import LineReader, LineWriter, PassedOn, record_message, record_message_of
from mapper_orders.privacy import protectors
from mapper_orders.streams import input_streams
from mapper_orders.validate import passed_on

OUTPUTS: Final[dict[str, tuple[str, ...]]] = {
    **{stream: (*tables, QUARANTINE_TABLES[stream]) for stream, tables in INPUT_TABLES.items()},
    "source_files": ("source_files",),
    "loads": ("load_counts", "loads"),
}
"""Input stream to the streams it becomes. A stream not named here passes through."""


SETTINGS: Final[dict[str, Any]] = th.PropertiesList(
    th.Property(
        "rules_path",
        th.StringType,
        default="config",
        title="Rules folder",
        description=(
            "The folder of the business rules (customers.yml and the others). A relative path starts at the "
            "Meltano project, or where the mapper runs outside of one, at the working directory."
        ),
    ),
    th.Property(
        "clean_up_batch_files",
        th.BooleanType,
        default=True,
        title="Clean up batch files",
        description="Remove the files of a BATCH message once their rows are sent on.",
    ),
).to_dict()


class MapperOrders(InlineMapper):
    """Melts, cleans, validates and protects order lists and WMS views on their way to the warehouse."""

    name = "mapper-orders"
    package_name = "mapper-orders"
    message_reader_class: type[GenericSingerReader[str]] = LineReader
    message_writer_class: type[GenericSingerWriter[bytearray, Message]] = LineWriter
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.BATCH,
    ]
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS | {
        "properties": SETTINGS["properties"] | BATCH_CONFIG["properties"]
    }

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  (the SDK's own arguments)
        super().__init__(**kwargs)
        rules = read_rules(self.config["rules_path"])
        self._protectors = protectors(rules.privacy, os.environ)
        self._inputs = input_streams(rules, self._protectors)
        self._books: Books = {}
        self._known: set[str] = set()
        self._announced: set[str] = set()
        self._batches = batch_settings(self.config)

    def _write_messages(self, messages: Iterable[Message]) -> None:
        if isinstance(self.message_writer, LineWriter):
            self.message_writer.write_messages(messages)
        else:
            super()._write_messages(messages)

    def map_schema_message(self, message_dict: dict[str, Any]) -> Iterator[Message]:
        """Announce the streams that an input stream becomes, each once; an unknown stream passes through.

        Args:
            message_dict: the SCHEMA message.

        Yields:
            SCHEMA messages.

        Raises:
            ContractError: a view lacks a column that no row can do without.
        """
        stream = message_dict["stream"]
        self._known.add(stream)
        if stream not in OUTPUTS:
            protector = self._protectors.get(stream)
            yield PassedOn(protector.schema(message_dict) if protector else message_dict)
            return
        if stream in self._inputs:
            self._inputs[stream].announce(message_dict["schema"].get("properties", {}))
        for output in OUTPUTS[stream]:
            if output not in self._announced:
                self._announced.add(output)
                staging = STAGING[output]
                yield SchemaMessage(output, singer_schema(staging.model), list(staging.key))

    def map_record_message(self, message_dict: dict[str, Any]) -> Iterator[Message]:
        """Turn a record into staging rows, quarantine or, for ``loads``, the load's counts and itself.

        Args:
            message_dict: the RECORD message.

        Yields:
            RECORD messages with the version and time of the incoming one.

        Raises:
            ContractError: the stream had no SCHEMA, or the record breaks the contract with the tap.
        """
        stream = message_dict["stream"]
        self._require_schema(stream, "A record")
        record = message_dict["record"]
        if stream in self._inputs:
            for output, row in self._inputs[stream].outputs(record, self._books):
                yield record_message(output, row, message_dict)
            return
        if protector := self._protectors.get(stream):
            record = protector.record(record)
        if stream not in OUTPUTS:
            yield PassedOn({**message_dict, "record": record})
            return
        checked = passed_on(stream, STAGING[stream].model, record)
        if stream == "loads":
            for count in self._close_load(checked):
                yield record_message("load_counts", count, message_dict)
        yield record_message(stream, checked, message_dict)

    def _close_load(self, load: dict[str, Any]) -> list[dict[str, Any]]:
        """Give the counts of a finished load and forget it; a load without rows has counts, too."""
        if load["kind"] == "listing" or load["stream"] not in self._inputs:
            return []
        book = self._books.pop(load["load_id"], None) or LoadBook(load["load_id"], load["stream"])
        return book.records()

    def map_state_message(self, message_dict: dict[str, Any]) -> Iterator[Message]:
        """Pass a STATE message through.

        Args:
            message_dict: the STATE message.

        Yields:
            The same.
        """
        yield PassedOn(message_dict)

    def map_activate_version_message(self, message_dict: dict[str, Any]) -> Iterator[Message]:
        """Pass an ACTIVATE_VERSION message on for every stream that the input stream becomes.

        Args:
            message_dict: the ACTIVATE_VERSION message.

        Yields:
            One message an output stream.
        """
        stream = message_dict["stream"]
        if stream not in OUTPUTS:
            yield PassedOn(message_dict)
            return
        for output in OUTPUTS[stream]:
            yield ActivateVersionMessage(output, message_dict["version"])

    def map_batch_message(self, message_dict: dict[str, Any]) -> Iterator[Message]:
        """Turn the rows of batch files into batch files of what they become, or into records.

        Args:
            message_dict: the BATCH message.

        Yields:
            A BATCH message for each output stream with rows: its file is complete when the message is given. RECORD
            messages where ``batch_config`` is not set, or the files hold no columns. The same message for a stream
            that passes through unprotected.

        Raises:
            ContractError: the stream had no SCHEMA, or a file cannot be read.
        """
        stream, encoding = message_dict["stream"], message_dict.get("encoding") or {}
        if stream not in OUTPUTS and stream not in self._protectors:
            yield PassedOn(message_dict)
            return
        self._require_schema(stream, "A batch")
        for url in message_dict.get("manifest") or ():
            path = file_of(stream, url)
            if self._batches and stream in self._inputs and encoding.get("format") == "parquet":
                yield from self._map_columns(message_dict, path, self._batches)
            else:
                for record in read_records(stream, path, encoding):
                    yield from self.map_record_message(record_message_of(message_dict, record))
            if self.config["clean_up_batch_files"]:
                remove(path)

    def _map_columns(self, message: dict[str, Any], path: Path, settings: BatchSettings) -> Iterator[Message]:
        stream = message["stream"]
        files: dict[str, BatchFile] = {}
        for batch in read_tables(stream, path, self._inputs[stream].rows_at_once):
            with no_garbage_collection():  # a quarter of the time here goes to it otherwise
                for output, table in self._inputs[stream].tables(batch, self._books):
                    if output not in files:
                        files[output] = BatchFile(settings, output, table.schema)
                    files[output].write(table)
        for output, file in files.items():
            yield PassedOn({**message, "stream": output, "encoding": ENCODING, "manifest": [file.close()]})

    def _require_schema(self, stream: str, what: str) -> None:
        if stream not in self._known:
            msg = f"{what} of {stream!r} came before its SCHEMA. The tap must describe a stream first."
            raise ContractError(msg)

    def process_endofpipe(self) -> None:
        """Name the loads that were cut off: without their ``loads`` record the warehouse does not show them."""
        for book in self._books.values():
            self.logger.warning(
                "Load %s of %s has no loads record: the tap did not finish it, and it stays invisible.",
                book.load_id,
                book.stream,
            )

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  (the SDK's signature)
        """End as a killed process ends: 143 on TERM, 130 on INT. The SDK's 0 would look like success."""
        self.logger.info("Stopped by signal %s.", signal.Signals(signum).name)
        sys.exit(128 + signum)

    @classmethod
    def invoke(  # type: ignore[override]  # InlineMapper narrows PluginBase.invoke the same way
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the mapper; what stops it is said in one line, exit 1.

        Args:
            about: print settings and capabilities instead.
            about_format: how to print them.
            config: the settings.
            file_input: where to read messages from, instead of standard in.
        """
        try:
            super().invoke(about=about, about_format=about_format, config=config, file_input=file_input)
        except (RulesError, ContractError) as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        except BrokenPipeError:
            end_without_target()


def read_rules(rules_path: str) -> Rules:
    """Read the rules of the setting ``rules_path``.

    Args:
        rules_path: the folder; a relative one starts at ``MELTANO_PROJECT_ROOT`` or the working directory.

    Returns:
        The rules.

    Raises:
        RulesError: a file is missing or says what no rule allows.
    """
    folder = Path(os.environ.get("MELTANO_PROJECT_ROOT") or ".") / rules_path
    return load_rules(folder)
