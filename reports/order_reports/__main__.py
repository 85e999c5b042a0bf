"""Runs the reports, as `order-reports` and as `python -m order_reports`."""

from __future__ import annotations

import atexit
import gc


def main() -> None:
    """Run the command line."""
    # What is imported lives to the end: looking for garbage in it, at the start and once more on the way out, takes
    # a sixth of a run that has nothing to write.
    gc.set_threshold(200_000, 20, 100)
    atexit.register(gc.freeze)
    from order_reports.cli import main as run  # noqa: PLC0415  (after the collector was told)

    run()


if __name__ == "__main__":
    main()
