"""Runs the target, as `target-mssql` and as `python -m target_mssql`."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from itertools import chain
from typing import IO, TYPE_CHECKING, NoReturn, cast

if TYPE_CHECKING:
    from types import FrameType


def main() -> None:
    """Run the command line; what the target is made of is loaded only where there is something to load."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    # What is imported lives to the end: looking for garbage in it, at the start and once more on the way out, took a
    # third of the time of a run that has little to do.
    gc.set_threshold(200_000, 20, 100)
    atexit.register(gc.freeze)
    match sys.argv[1:]:
        case ["--config", _] if not _comes_something():  # as jobs call it
            return
    from target_mssql.target import TargetMSSQL  # noqa: PLC0415  (after the collector was told)

    TargetMSSQL.cli()


def _comes_something() -> bool:
    """Wait for something to load; it is then what the target reads first."""
    # Loading the target meanwhile would spare a run with changes up to half a second of minutes, and cost each run
    # without any half a CPU second of five (docs/adr/0018).
    from target_mssql.beginning import lines_to_load  # noqa: PLC0415  (after the collector was told)

    lines = lines_to_load(sys.stdin)
    if lines is None:
        return False
    from target_mssql.target import LoadReader  # noqa: PLC0415  (now it is needed)

    LoadReader.default_input = cast("IO[str]", chain(lines, sys.stdin))
    return True


def _end(signum: int, _frame: FrameType | None) -> NoReturn:
    """End as a killed process ends, until the target itself listens to signals."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    main()
