"""The tap: what it reads from, and how it starts and stops."""

from __future__ import annotations

import copy
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from tap_sharepoint_orders.archive import FolderArchive, archive_folder, is_blob
from tap_sharepoint_orders.folder import Folder
from tap_sharepoint_orders.library import LibraryError
from tap_sharepoint_orders.settings import SETTINGS, folder_of, problems
from tap_sharepoint_orders.streams import Loads, OrderListRows, SourceFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.singerlib import Message

    from tap_sharepoint_orders.archive import Archive
    from tap_sharepoint_orders.library import DocumentLibrary

EXIT_BY_SIGNAL = 128
"""A process ended by signal n is reported as 128 + n: SIGINT 130, SIGTERM 143."""


@contextmanager
def _sharepoint_needed() -> Iterator[None]:
    """Say which extra is missing where an import fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        msg = f"{error.name} is not installed: install tap-sharepoint-orders[sharepoint]"
        raise LibraryError(msg) from None


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

    # No ACTIVATE_VERSION: it speaks of a whole stream, the loads of this tap of single workbooks.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.BATCH,
    ]

    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS

    def __init__(self, *, validate_config: bool = True, **options: Any) -> None:  # noqa: ANN401
        if isinstance(given := options.get("config"), dict):
            # A setting given as null is one not given: it takes its default.
            options["config"] = {setting: value for setting, value in given.items() if value is not None}
        super().__init__(validate_config=validate_config, **options)
        if validate_config and (found := problems(self.config)):
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=found, schema=self.config_jsonschema)

    def library(self, remembered: object) -> DocumentLibrary:
        """The library the settings name.

        Args:
            remembered: What an earlier run's library left in the state, if it left anything.

        Raises:
            LibraryError: If it cannot be opened. The message names the setting to mend.
        """
        if not self.config.get("site_url"):
            return Folder(folder_of(self.config))
        with _sharepoint_needed():
            from tap_sharepoint_orders.connect import open_sharepoint  # noqa: PLC0415 - a folder needs none of it

            return open_sharepoint(self.config, remembered)

    def archive(self) -> Archive | None:
        """Where the settings want contents kept.

        Raises:
            LibraryError: If it cannot be opened. The message names the setting to mend.
        """
        url = self.config.get("archive_url")
        if not url:
            return None
        if not is_blob(url):
            return FolderArchive(archive_folder(url))
        with _sharepoint_needed():
            from tap_sharepoint_orders.connect import open_blob_archive  # noqa: PLC0415

            return open_blob_archive(self.config)

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
