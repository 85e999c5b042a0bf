"""Has the page made by a process of its own while this one writes the workbook: both take as long as the longer one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from order_reports.failure import ReportError
from order_reports.settings import PAGE_NAME, Settings

PAGE_COMMAND: Final = (sys.executable, "-c", "from order_reports.cli import main; main()", "page")
"""The command as people call it, with its own line on where the page is or what is wrong."""


@contextmanager
def page_beside(settings: Settings) -> Iterator[None]:
    """Make the page while the block runs; at the block's end it is there.

    A block that fails leaves the page to be made; one that is interrupted or terminated ends it as well.

    Args:
        settings: where the warehouse is and where the page goes.

    Raises:
        ReportError: the page could not be made; its process has said why.
    """
    process = subprocess.Popen(PAGE_COMMAND, env=os.environ | _environment(settings))  # noqa: S603  (our own program)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        process.terminate()
        raise
    finally:
        code = process.wait()
    if code:
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        msg = f"{PAGE_NAME} is not made: its process ended {how}."
        raise ReportError(msg)


def _environment(settings: Settings) -> dict[str, str]:
    """Hand the settings on, where other users of the machine cannot read them as they could a command line."""
    place = str(settings.output_dir)
    if settings.blob:
        place = f"{settings.blob.url}?{settings.blob.sas}" if settings.blob.sas else settings.blob.url
    return {
        "REPORTS_WAREHOUSE_URL": settings.warehouse.render_as_string(hide_password=False),
        "REPORTS_OUTPUT_DIR": place,
        "REPORTS_RULES_PATH": str(settings.rules_path),
        "REPORTS_RETENTION_DAYS": "" if settings.retention_days is None else str(settings.retention_days),
    }
