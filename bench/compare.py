"""Compares two results of ``bench/pipeline.py``: ``python bench/compare.py OLD.json NEW.json``.

Prints a line a stage. Where bare parsing itself took longer, the machine was busier: compare the CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

NOISE: Final = 0.1
"""Share by which a figure may differ between two runs of the same code."""


def lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Compare two results.

    Args:
        old: what ``bench/pipeline.py --json`` wrote, before.
        new: the same, after.

    Returns:
        A heading and one line a stage: seconds before and after, their ratio, the same for CPU seconds, and a word
        where a stage changed by more than the noise.
    """
    made = [f"{'stage':<34}{'s before':>10}{'after':>9}{'ratio':>8}{'CPU before':>12}{'after':>9}{'ratio':>8}"]
    for name in dict.fromkeys([*old["stages"], *new["stages"]]):
        before, after = old["stages"].get(name), new["stages"].get(name)
        if before is None or after is None:
            made.append(f"{name:<34}only in the {'new' if before is None else 'old'} result")
            continue
        wall, cpu = (after[key] / before[key] if before[key] else 1.0 for key in ("seconds", "cpu_seconds"))
        word = "" if abs(cpu - 1) <= NOISE else "  faster" if cpu < 1 else "  SLOWER"
        made.append(
            f"{name:<34}{before['seconds']:>10.2f}{after['seconds']:>9.2f}{wall:>8.2f}"
            f"{before['cpu_seconds']:>12.2f}{after['cpu_seconds']:>9.2f}{cpu:>8.2f}{word}"
        )
    return made


def main() -> int:
    """Read both files and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    given = parser.parse_args()
    results = []
    for path in (given.old, given.new):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            sys.stderr.write(f"compare: {path} cannot be read: {error}\n")
            return 1
        if "stages" not in result:
            sys.stderr.write(f"compare: {path} holds no stages; it is not what bench/pipeline.py --json writes\n")
            return 1
        results.append(result)
    old, new = results
    if old["set"] != new["set"]:
        sys.stderr.write(f"compare: the sets differ: {old['set']} and {new['set']}\n")
        return 1
    sys.stdout.write("\n".join(lines(old, new)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
