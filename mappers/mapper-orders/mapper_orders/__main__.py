"""Runs the mapper, as `mapper-orders` and as `python -m mapper_orders`."""

from __future__ import annotations

import atexit
import gc


def main() -> None:
    """Run the command line."""
    # What is imported lives to the end: looking for garbage in it, at the start and once more on the way out, took a
    # third of the time of a run that has little to do.
    gc.set_threshold(200_000, 20, 100)
    atexit.register(gc.freeze)
    from mapper_orders.mapper import MapperOrders  # noqa: PLC0415  (after the collector was told)

    MapperOrders.cli()


if __name__ == "__main__":
    main()
