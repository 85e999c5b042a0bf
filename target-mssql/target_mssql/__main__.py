"""Runs the target, as `target-mssql` and as `python -m target_mssql`."""

from __future__ import annotations

import atexit
import gc


def main() -> None:
    """Run the command line."""
    # What is imported lives to the end: looking for garbage in it, at the start and once more on the way out, took a
    # third of the time of a run that has little to do.
    gc.set_threshold(200_000, 20, 100)
    atexit.register(gc.freeze)
    from target_mssql.target import TargetMSSQL  # noqa: PLC0415  (after the collector was told)

    TargetMSSQL.cli()


if __name__ == "__main__":
    main()
