"""Removes batch files that nobody will read any more: those of a job that was killed between writing and loading them.

A tap writes its rows to files, the mapper removes each once its rows are sent on, the target once they are committed.
A killed one cannot; what it left is read again by the next run anyway.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LIVES_S: Final = 3600
"""A younger file may belong to a pipe that somebody runs by hand beside the job. In a pipe a file lives for minutes."""


def sweep(folder: Path) -> int:
    """Remove the batch files that are too old to be waited for.

    Args:
        folder: where taps and mapper write them (``batch_config``'s ``storage.root``); it need not be there.

    Returns:
        How many were removed.
    """
    limit = time.time() - LIVES_S
    removed = 0
    for path in folder.glob("*.parquet"):
        with suppress(FileNotFoundError):  # its reader has just removed it
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed
