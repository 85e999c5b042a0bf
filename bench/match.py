"""Measures the matching on made truths: precision, recall and F1 by kind of corruption, CPU time and peak memory.

`python bench/match.py` makes truths of 2,000, 60,000 and 360,000 order lines from three seeds each and matches each one
in a fresh process, which the making is no part of. Time and memory are also those of a plain pandas merge on the five
fields, in the same process. `--held-out` adds the kinds of corruption that the matching was never tuned on.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pickle
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from order_rules.config import Rules, load_rules
from recon.cli import GC_THRESHOLDS
from recon.keys import sum_cartons, sum_orders
from recon.matches import gather, match_all
from recon.matching.columns import FIVE
from recon.matching.fill import fill_lines
from recon.matching.overrides import Attached
from truth import Truth, make_truth

CONFIG = Path(__file__).resolve().parent.parent / "config"
SIZES = (2_000, 60_000, 360_000)
SEEDS = (1, 2, 3)
TARGET = {"f1": 0.99, "precision": 0.995}
DUE_BY = pd.Timestamp("2026-06-30")

T = TypeVar("T")


def timed(function: Callable[..., T], *arguments: object) -> tuple[T, float, float]:
    """Call a function. Returns its result, CPU seconds (of its processes too) and wall seconds."""
    began, clock = cpu_seconds(), time.perf_counter()
    made = function(*arguments)
    return made, cpu_seconds() - began, time.perf_counter() - clock


def cpu_seconds() -> float:
    """CPU seconds of this process and of those it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mib() -> float:
    """Peak memory of this process and of the largest it has waited for, in MiB."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def work(
    lines: pd.DataFrame, packed: pd.DataFrame, shipped: pd.DataFrame, rules: Rules
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match as reconciliation does: sum both sides, match, fill the order lines.

    Returns:
        The matches and what filled which line.
    """
    lines = lines.copy(deep=False)
    lines["order_key_id"], order_keys, readings = sum_orders(lines, DUE_BY)
    _, _, fulfil_keys = sum_cartons(packed, shipped)
    nothing = pd.DataFrame(columns=["fulfil_key_id", "order_key_id", "meaning"]).astype("str")
    matches = match_all(gather(order_keys, readings, fulfil_keys, Attached(nothing, ())), rules)
    linked = matches.loc[matches["order_key_id"].notna(), ["fulfil_key_id", "order_key_id"]]
    quantities = fulfil_keys[["fulfil_key_id", "packed_qty", "shipped_qty"]]
    wanted = ["order_line_id", "order_key_id", "ordered_qty", "cancelled", "ex_factory_on"]
    return matches, fill_lines(lines[wanted], linked.merge(quantities, on="fulfil_key_id"))


def plain_merge(lines: pd.DataFrame, cartons: pd.DataFrame) -> pd.DataFrame:
    """Join carton rows to order lines on the five fields: what equality alone costs, and fans out."""
    return cartons.merge(lines, on=list(FIVE), how="left")


def score(name: str, labels: pd.DataFrame) -> dict[str, Any]:
    """Score some labelled keys.

    Args:
        name: what they have in common.
        labels: true_key_id, order_key_id and score of each.

    Returns:
        Keys, true links, links, right ones, precision, recall, F1. A stranger that is linked is a wrong link.
    """
    links, true = labels["order_key_id"].notna(), labels["true_key_id"].notna()
    right = int((links & true & (labels["order_key_id"] == labels["true_key_id"]).fillna(value=False)).sum())
    precision = right / int(links.sum()) if links.any() else 1.0
    recall = right / int(true.sum()) if true.any() else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    figures = {"precision": precision, "recall": recall, "f1": f1}
    counts = {"keys": len(labels), "true_links": int(true.sum()), "links": int(links.sum()), "right": right}
    return {"name": name, **counts, **{key: round(value, 5) for key, value in figures.items()}}


def reliability(labels: pd.DataFrame) -> list[dict[str, Any]]:
    """Score the links by what the matching says of them: by score, in steps of five points."""
    linked = labels[labels["order_key_id"].notna()]
    bands = (linked["match_score"].clip(upper=99.999) // 5 * 5).astype(int)
    return [score(f"{band} to {band + 5}", part) for band, part in linked.groupby(bands)]


def measure(path: Path) -> dict[str, Any]:
    """Match a truth, in this process.

    Args:
        path: a file of ``write``.

    Returns:
        Time, memory, scores.
    """
    with path.open("rb") as file:
        frames: Sequence[pd.DataFrame] = pickle.load(file)  # noqa: S301  our own file
    lines, packed, shipped, labels = frames
    rules = load_rules(CONFIG)
    gc.set_threshold(*GC_THRESHOLDS)  # as the command does, whose figures these are to be
    before = peak_mib()
    (matches, fill), cpu, wall = timed(work, lines, packed, shipped, rules)
    peak = peak_mib()
    sides = [
        frame[[*FIVE, name]].astype(dict.fromkeys(FIVE, "str"))
        for frame, name in ((lines, "ordered_qty"), (pd.concat([packed, shipped]), "qty"))
    ]
    merge = min((timed(plain_merge, *sides)[1:] for _ in range(2)), key=lambda times: times[0])
    found = matches.set_index("fulfil_key_id")[["order_key_id", "match_score"]].reindex(labels["fulfil_key_id"])
    scored = labels[["corruption", "also_true", "qty"]].assign(
        true_key_id=labels["order_key_id"],
        order_key_id=found["order_key_id"].array,
        match_score=found["match_score"].astype(float).array,
    )
    units = int(packed["qty"].sum() + shipped["qty"].sum())
    linked_units = int(scored.loc[scored["order_key_id"].notna(), "qty"].sum())
    filled = int(fill["packed_qty"].sum() + fill["shipped_qty"].sum())
    if len(matches) != len(labels) or int(scored["qty"].sum()) != units or filled != linked_units:
        raise RuntimeError(
            f"{len(labels)} labels, {len(matches)} matches; {linked_units} units linked, {filled} filled"
        )
    return {
        "carton_rows": len(packed) + len(shipped),
        "keys": len(labels),
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "peak_mib": round(peak),
        "of_it_frames_mib": round(before),
        "merge_cpu_s": round(merge[0], 2),
        "merge_ratio": round(cpu / max(merge[0], 0.001), 1),
        "all": score("all", scored),
        "corrupted": score("corrupted", scored[_corrupted(scored)]),
        "by_kind": [score(str(kind), part) for kind, part in scored.groupby("corruption", observed=True)],
        "by_score": reliability(scored),
        "by_rule": [
            score(str(rule), part)
            for rule, part in scored.groupby(look_up_rules(matches, labels).to_numpy())
            if part["order_key_id"].notna().any()
        ],
    }


def look_up_rules(matches: pd.DataFrame, labels: pd.DataFrame) -> pd.Series[Any]:
    """Give the pass that linked each labelled key, ``""`` where none did."""
    return matches.set_index("fulfil_key_id")["match_rule"].reindex(labels["fulfil_key_id"]).fillna("")


def _corrupted(scored: pd.DataFrame) -> pd.Series[bool]:
    return scored["true_key_id"].notna() & (scored["corruption"].astype("str") != "none")


def write(truth: Truth, path: Path) -> None:
    """Write a truth's frames for another process."""
    with path.open("wb") as file:
        pickle.dump([truth.lines, truth.packed, truth.shipped, truth.labels], file, protocol=5)


def in_fresh_process(size: int, seed: int, kinds: Sequence[str] | None, *, held_out: bool) -> dict[str, Any]:
    """Make a truth and match it in a process of its own.

    The making too is done in a process of its own: a child is charged with the memory its parent had at the fork.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.pickle"
        asked = ["--make", str(path), "--sizes", str(size), "--seeds", str(seed)]
        asked += ["--kinds", *kinds] if kinds is not None else []
        asked += ["--held-out"] if held_out else []
        for arguments in (asked, ["--measure", str(path)]):
            done = subprocess.run(  # noqa: S603  this program
                [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(arguments)} ended with exit code {done.returncode}")
    return {"order_lines": size, "seed": seed, **json.loads(done.stdout)}


def table(runs: Iterable[dict[str, Any]]) -> str:
    """Lay the runs out: a line each, then the kinds of corruption over all runs of a size."""
    runs = list(runs)
    head = (
        "lines",
        "seed",
        "cartons",
        "keys",
        "precision",
        "recall",
        "F1",
        "CPU s",
        "wall s",
        "MiB",
        "merge s",
        "ratio",
    )
    lines = [("{:>8}{:>5}{:>10}{:>9}{:>11}{:>9}{:>9}{:>8}{:>8}{:>7}{:>9}{:>7}").format(*head)]
    for run in runs:
        whole = run["all"]
        lines.append(
            f"{run['order_lines']:>8}{run['seed']:>5}{run['carton_rows']:>10}{run['keys']:>9}{whole['precision']:>11.4f}"
            f"{whole['recall']:>9.4f}{whole['f1']:>9.4f}{run['cpu_s']:>8.2f}{run['wall_s']:>8.2f}{run['peak_mib']:>7}"
            f"{run['merge_cpu_s']:>9.2f}{run['merge_ratio']:>7.1f}"
        )
    for size in dict.fromkeys(run["order_lines"] for run in runs):
        some = [run for run in runs if run["order_lines"] == size]
        for part in ("by_kind", "by_score", "by_rule"):
            lines += ["", f"{size} order lines, {part.replace('_', ' ')}".ljust(48) + "   keys   links   right"
                      "  precision  recall"]  # fmt: skip
            lines += [_line(one) for one in summed(found for run in some for found in run[part])]
    return "\n".join(lines)


def _line(one: dict[str, Any]) -> str:
    counts = f"  {one['name']:<44.44}{one['keys']:>9}{one['links']:>8}{one['right']:>8}"
    return f"{counts}{one['precision']:>11.4f}{one['recall']:>8.4f}"


def summed(scores: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sum scores of one name over runs."""
    totals: dict[str, list[int]] = {}
    for one in scores:
        counts = totals.setdefault(one["name"], [0, 0, 0, 0])
        for place, name in enumerate(("keys", "true_links", "links", "right")):
            counts[place] += one[name]
    made = []
    for name, (keys, true, links, right) in sorted(totals.items()):
        precision, recall = right / links if links else 1.0, right / true if true else 1.0
        made.append(
            {"name": name, "keys": keys, "links": links, "right": right, "precision": precision, "recall": recall}
        )
    return made


def main() -> None:
    """Measure, print the table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="order lines (2000 60000 360000)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="seeds of each size (1 2 3)")
    parser.add_argument("--kinds", nargs="*", help="only these kinds of corruption")
    parser.add_argument("--held-out", action="store_true", help="with the kinds the matching was not tuned on")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        json.dump(measure(options.measure), sys.stdout)
        return
    if options.make:
        write(make_truth(options.sizes[0], options.seeds[0], options.kinds, held_out=options.held_out), options.make)
        return
    runs = [
        in_fresh_process(size, seed, options.kinds, held_out=options.held_out)
        for size in options.sizes
        for seed in options.seeds
    ]
    sys.stdout.write(table(runs) + "\n")
    if options.json:
        machine = {"python": platform.python_version(), "pandas": pd.__version__, "cores": os.cpu_count()}
        options.json.write_text(json.dumps({"machine": machine, "target": TARGET, "runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
