"""The tap's settings, and how it starts and stops."""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from tap_sharepoint_orders.folder import Folder
from tap_sharepoint_orders.streams import Loads, OrderListRows, SourceFiles

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.singerlib import Message

    from tap_sharepoint_orders.library import DocumentLibrary

EXIT_BY_SIGNAL = 128
"""A process ended by signal n is reported as 128 + n: SIGINT 130, SIGTERM 143."""


class WholeLineWriter(MsgSpecWriter):
    """Writes messages whole or not at all, and none once the tap is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self._stop: int | None = None
        self._writing = False

    def stop(self, exit_code: int) -> None:
        """End the run: at once, or as soon as the line being written is out; when told twice, at once.

        Raises:
            SystemExit: With the exit code.
        """
        told_before = self._stop is not None
        self._stop = exit_code
        if told_before or not self._writing:
            raise SystemExit(exit_code)

    def write_message(self, message: Message) -> None:
        """Write a message to stdout.

        Raises:
            SystemExit: If the tap was told to stop, or nobody reads on.
        """
        self._exit_if_stopped()
        self._writing = True
        try:
            super().write_message(message)
        except BrokenPipeError:
            # What is left in the buffer is written at exit and must find somewhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        finally:
            self._writing = False
        self._exit_if_stopped()

    def _exit_if_stopped(self) -> None:
        if self._stop is not None:
            raise SystemExit(self._stop)


class TapSharePointOrders(Tap):
    """Order lists kept as Excel workbooks, one record a sheet row, each workbook a load of its own."""

    name = "tap-sharepoint-orders"
    message_writer_class = WholeLineWriter

    # No BATCH and no ACTIVATE_VERSION: both speak of whole streams, the loads of this tap of single workbooks.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "local_path",
            th.StringType,
            title="Folder",
            description="Folder that holds the order lists, in itself or in folders below it.",
        ),
        th.Property(
            "file_pattern",
            th.StringType(min_length=1),
            default="**/*.xls[xm]",
            title="File pattern",
            description="Glob that an order list's path below the folder fits; `**` is any number of folders, case "
            "is ignored. Excel's lock files (`~$...`) never count.",
        ),
        th.Property(
            "sheet_pattern",
            th.StringType(min_length=1),
            default="MASTER",
            title="Sheet pattern",
            description="The sheet to read: its name, else a glob, else a part of its name; case is ignored. Where "
            "several sheets fit or none does, the one whose header row fits best is read.",
        ),
        th.Property(
            "max_file_mb",
            th.IntegerType(minimum=1),
            default=200,
            title="Largest file",
            description="A larger file, in millions of bytes, is reported as failed.",
        ),
        th.Property(
            "max_rows",
            th.IntegerType(minimum=1, maximum=1_048_576),
            default=500_000,
            title="Most rows",
            description="An order list with more rows is reported as failed. Blank rows do not count.",
        ),
        th.Property(
            "parse_timeout_s",
            th.IntegerType(minimum=1),
            default=120,
            title="Time to read a workbook",
            description="A workbook that takes more seconds is reported as failed.",
        ),
        th.Property(
            "workers",
            th.IntegerType(minimum=1, maximum=64),
            default=2,
            title="Worker processes",
            description="How many workbooks are read side by side. Each may take up to 4 GB of memory.",
        ),
        th.Property(
            "on_file_error",
            th.StringType,
            default="quarantine",
            allowed_values=["quarantine", "fail"],
            title="When a file fails",
            description="`quarantine`: report it in source_files and go on. `fail`: do the same for every file, then "
            "end with exit code 1.",
        ),
        th.Property(
            "sync_mode",
            th.StringType,
            default="incremental",
            allowed_values=["incremental", "full"],
            title="Sync mode",
            description="`incremental`: read the files whose content differs from the bookmark. `full`: ignore the "
            "given bookmark and read every file; a new bookmark is written all the same.",
        ),
    ).to_dict()

    def __init__(self, *, validate_config: bool = True, **options: Any) -> None:  # noqa: ANN401
        if isinstance(given := options.get("config"), dict):
            # A setting given as null is one not given: it takes its default.
            options["config"] = {setting: value for setting, value in given.items() if value is not None}
        super().__init__(validate_config=validate_config, **options)
        if validate_config and (problem := self._folder_problem()):
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=[problem], schema=self.config_jsonschema)

    def _folder_problem(self) -> str | None:
        setting = "local_path (environment variable TAP_SHAREPOINT_ORDERS_LOCAL_PATH)"
        if not self.config.get("local_path"):
            return f"{setting} is not set: name the folder that holds the order lists"
        if not self._folder.is_dir():
            return f"{setting} is {str(self._folder)!r}, which is no folder: correct it, or mount the share"
        return None

    @property
    def _folder(self) -> Path:
        return Path(self.config["local_path"]).expanduser()

    def library(self) -> DocumentLibrary:
        """The library the settings name."""
        return Folder(self._folder)

    def discover_streams(self) -> list[Stream]:
        """The tap's streams, the same whatever the library holds."""
        return [SourceFiles(self), OrderListRows(self), Loads(self)]

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the given bookmark, unless the run is a full one."""
        if self.config.get("sync_mode") != "full":
            super().load_state(copy.deepcopy(state))

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End with 128 + the signal's number and no further message, in place of the SDK's STATE and exit 0."""
        exit_code = EXIT_BY_SIGNAL + signum
        if isinstance(self.message_writer, WholeLineWriter):
            self.message_writer.stop(exit_code)
        else:
            raise SystemExit(exit_code)
