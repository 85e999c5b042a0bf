"""Prints what the commands answer: tables for people, as wide as the terminal or 160 columns where there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from recon.outcome import Outcome

PLAIN_WIDTH: Final = 160
FIVE: Final = ("customer", "customer_po", "style", "color", "size")
RUN_COLUMNS: Final = {
    "run": "run_id",
    "job": "job",
    "mode": "mode",
    "started (UTC)": "started_at",
    "took": "seconds_taken",
    "status": "status",
    "files": "files",
    "units read": "read_qty",
    "quarantined": "quarantined_qty",
    "shipped": "shipped_qty",
    "reason": "reason",
}
WHOLE: Final = ("run", "started (UTC)")
"""Columns that are copied or compared, so not broken into lines."""
LISTED: Final = 10
"""Lines of each list under a reconciliation's totals."""


def console() -> Console:
    """Open standard output; logs and files get lines wide enough to hold a run's id and reason."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Make a table; numbers stand right, missing values are blank.

    Args:
        title: what it shows.
        columns: the column heads.
        rows: one value a column.
    """
    heads = list(columns)
    cells = [list(row) for row in rows]
    made = Table(title=escape(title), title_justify="left")
    for position, head in enumerate(heads):
        numeric = any(isinstance(row[position], int | float) for row in cells)
        made.add_column(head, justify="right" if numeric else "left", overflow="fold", no_wrap=head in WHOLE)
    for row in cells:
        made.add_row(*(escape(_cell(value)) for value in row))
    return made


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as a JSON list; times are ISO-8601 with ``Z``."""
    return json.dumps([dict(row) for row in rows], default=_json, ensure_ascii=False, indent=2)


def show_runs(runs: Iterable[Mapping[str, Any]], unsent: Iterable[Mapping[str, Any]] = ()) -> None:
    """Print runs, one a line, and the notifications that could not be sent of them.

    Args:
        runs: rows of ``v_run_history``.
        unsent: channel, run_id, error and sent_at of each.
    """
    rows = [
        [_took(run[name]) if name == "seconds_taken" else run[name] for name in RUN_COLUMNS.values()] for run in runs
    ]
    if rows:
        console().print(table("Runs", RUN_COLUMNS, rows))
    else:
        console().print("No run yet.")
    _show_list(
        console(),
        "Notifications not sent",
        (
            f"{_cell(one['sent_at'])} UTC, {one['channel']}, run {one['run_id'] or 'none'}: {one['error']}"
            for one in unsent
        ),
    )


def show_figures(run: Mapping[str, Any], counts: Iterable[Mapping[str, Any]]) -> None:
    """Print what one run counted: units by status, pass and reason, and whether its books are equal.

    Args:
        run: its row of ``v_run_history``.
        counts: its rows of ``audit_count``.
    """
    sums: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in counts:
        place = {"fact_order_recon": "fact", "recon_match": "match"}.get(row["table"], "")
        total = sums.setdefault((row["measure"], place, row["reason"]), {"rows": 0, "cells": 0, "qty": 0})
        for figure in total:
            total[figure] += row[figure]

    def lines(measure: str, place: str, words: str, without: str = "") -> list[tuple[str, int | str, int]]:
        return [
            (words.format(reason) if reason else without, total["rows"] or total["cells"], total["qty"])
            for (found, where, reason), total in sorted(sums.items())
            if (found, where) == (measure, place)
        ]

    rows: list[tuple[str, int | str, int]] = [(name, "", units) for name, _, units in lines("fact", "fact", "{}")]
    rows += lines("matched", "match", "matched by {}", without="matched no order")
    rows += lines("quarantined", "", "quarantined: {}")
    rows += lines("excluded", "", "left out: {}")
    succeeded = run["status"] == "succeeded"
    balance = "the books are equal" if succeeded else f"{run['status']}: {run['reason'] or 'not finished'}"
    console().print(table(f"{run['job']}, {_cell(run['started_at'])} UTC: {balance}", ("", "rows", "units"), rows))


def show_link(link: Mapping[str, Any]) -> None:
    """Print one row of ``recon_match`` with its evidence in words."""
    from recon.matching.words import paragraphs  # noqa: PLC0415  (loads pandas, which no other list here needs)

    out = console()
    rule = f" by {link['match_rule']}" if link["match_rule"] else ""
    out.print(
        table(
            f"{link['match_type']}{rule}, score {link['match_score']:g}, decided by {link['decided_by']}, "
            f"review {link['review_status']}",
            ("", "key", *FIVE),
            (
                ("fulfilment", link["fulfil_key_id"], *(link[f"fulfil_{name}"] for name in FIVE)),
                ("order", link["order_key_id"], *(link[f"order_{name}"] for name in FIVE)),
            ),
        )
    )
    for title, lines in paragraphs(link):
        out.print(escape(title), soft_wrap=True)
        for line in lines:
            out.print(f"  {escape(line)}", soft_wrap=True)


def show_outcome(outcome: Outcome) -> None:
    """Print what a reconciliation published."""
    out = console()
    out.print(
        f"Run {outcome.run_id} published {outcome.order_lines:,} order lines of {outcome.files:,} workbooks: "
        f"ordered {outcome.ordered:,}, packed {outcome.packed:,}, shipped {outcome.shipped:,}, "
        f"cancelled {outcome.cancelled:,}. The books are equal."
    )
    if outcome.kept:
        out.print(f"Nothing changed for {outcome.kept} of {outcome.customers} customers: their links stay as they are.")
    statuses = ((name, figures.rows, figures.qty) for name, figures in outcome.statuses.items())
    out.print(table("Orders", ("status", "keys", "units ordered"), statuses))
    passes = [(name, figures.rows, figures.qty) for name, figures in outcome.matched.items()]
    passes.append(("no order", outcome.unmatched.rows, outcome.unmatched.qty))
    passes.append(("  of these for review", outcome.pending.rows, outcome.pending.qty))
    out.print(table("Packed and shipped, by pass", ("pass", "keys", "units"), passes))
    if outcome.cut:
        out.print(
            f"Too many candidates for {outcome.cut:,} fulfilment keys: they were compared with those that share a "
            f"further field only, and {outcome.left_out:,} of them with none of that kind "
            "(most_pairs in matching.yml).",
            soft_wrap=True,
        )
    left_out = [("excluded", code, *figures) for code, figures in outcome.excluded.items()]
    left_out.append(("quarantined", "", *outcome.quarantined))
    left_out += [("finding", code, *figures) for code, figures in outcome.findings.items()]
    out.print(table("Left out or remarkable", ("", "reason", "rows", "cells", "units"), left_out))
    _show_list(out, "Stale", (f"{source}: {why}" for source, why in outcome.stale))
    _show_list(out, "Never read", (f"{path}: {why}" for path, why in outcome.unread))
    _show_list(out, "Left out for another workbook", (f"{path} (counts: {kept})" for path, kept in outcome.superseded))
    _show_list(out, "Decisions that no longer apply", (f"{what}: {why}" for what, why in outcome.unattached))
    _show_list(
        out,
        "Not in customers.yml",
        (
            f"{one.name}, {one.units:,} units" + (f"; like {', '.join(one.nearest)}" if one.nearest else "")
            for one in outcome.unknown_customers
        ),
    )


def _show_list(out: Console, title: str, lines: Iterable[str]) -> None:
    every = list(lines)
    if every:
        out.print(f"{title} ({len(every)}):")
        for line in every[:LISTED]:
            out.print(f"  {escape(line)}")
        if len(every) > LISTED:
            out.print(f"  and {len(every) - LISTED} more")


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4f}".rstrip("0").rstrip(".")
        case _:
            return str(value)


def _took(seconds: int | None) -> str | None:
    return None if seconds is None else f"{seconds // 60}:{seconds % 60:02d}"


def _json(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
