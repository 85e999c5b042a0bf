"""Runs the mapper, as `mapper-orders` and as `python -m mapper_orders`."""

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
    """Run the command line; what the mapper is made of is loaded only where there is something to map."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    # What is imported lives to the end: looking for garbage in it, at the start and once more on the way out, took a
    # third of the time of a run that has little to do.
    gc.set_threshold(200_000, 20, 100)
    atexit.register(gc.freeze)
    match sys.argv[1:]:
        case ["--config", _] if not _comes_something():  # as jobs call it
            return
    from mapper_orders.mapper import MapperOrders  # noqa: PLC0415  (after the collector was told)

    MapperOrders.cli()


def _comes_something() -> bool:
    """Wait for something to map; it is then what the mapper reads first."""
    # Loading the mapper meanwhile would spare a run with changes up to half a second of minutes, and cost each run
    # without any half a CPU second of five (docs/adr/0018).
    from mapper_orders.beginning import pass_states_on  # noqa: PLC0415  (after the collector was told)

    beginning = pass_states_on(sys.stdin)
    if beginning is None:
        return False
    from mapper_orders.messages import LineReader  # noqa: PLC0415  (now it is needed)

    LineReader.default_input = cast("IO[str]", chain(beginning.held, sys.stdin))
    LineReader.lines_before = beginning.passed
    return True


def _end(signum: int, _frame: FrameType | None) -> NoReturn:
    """End as a killed process ends, until the mapper itself listens to signals."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    main()
