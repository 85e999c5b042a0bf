"""The lower half of the summary: keys by status, match quality, passes, sources, the books, and the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from order_reports.books import Books
from order_reports.columns import Value
from order_reports.moments import moment
from order_reports.read import WORKBOOKS, Run, Source, Unread
from order_reports.sheets.canvas import FIRST, Canvas
from order_reports.styles import FLAG, INK, MUTED, PERCENT, RED, STATUS, UNITS
from order_reports.totals import Totals
from order_reports.wording import days_long, sentence, shown
from order_reports.words import MEANING

MOST_SHOWN: Final = 5
"""Sources in trouble that the summary names."""
RIGHT: Final = FIRST + 8
"""Where the right-hand tables begin."""
_BEFORE_RIGHT: Final = RIGHT - 2
_NOT_LINKED: Final = "not linked"
_LINE: Final = 180
"""Characters that fit across the page."""


def write_statuses(canvas: Canvas, totals: Totals) -> int:
    """Write statuses on the left and flags on the right.

    Returns:
        The row of the first flag.
    """
    canvas.heading("Keys by status", FIRST, _BEFORE_RIGHT)
    canvas.heading("Match quality", RIGHT)
    canvas.headers(canvas.row + 1, FIRST, ("STATUS", "KEYS", "ORDERED", "PACKED", "", "SHIPPED", "VARIANCE"))
    canvas.headers(canvas.row + 1, RIGHT, ("FLAG", "KEYS", "SHARE", ""))
    first = canvas.row + 2
    statuses = {shown(status): total for status, total in totals.statuses().items()}
    known = [status for status in STATUS if status in statuses]
    for row, status in enumerate(known, first):
        total = statuses[status]
        canvas.badge(row, FIRST, status)
        figures = {1: total.keys, 2: total.ordered, 3: total.packed, 5: total.shipped, 6: total.variance}
        for place, figure in figures.items():
            canvas.put(row, FIRST + place, figure, num_format=UNITS)
    flags = totals.flags()
    flagged = sum(flags.values())
    for row, flag in enumerate(FLAG, first):
        canvas.badge(row, RIGHT, flag)
        canvas.put(row, RIGHT + 1, flags.get(flag, 0), num_format=UNITS)
        canvas.put(row, RIGHT + 2, flags.get(flag, 0) / flagged if flagged else None, num_format=PERCENT)
    canvas.row = first + max(len(known), len(FLAG)) + 1
    return first


@dataclass(frozen=True)
class Loads:
    """Where the figures come from, as of a day."""

    sources: Sequence[Source]
    unread: Sequence[Unread]
    as_of: date

    def troubles(self) -> list[str]:
        """Say of each source that could not be read what is wrong, the worst first."""
        told = [f"Never read: {one.path}. {sentence(one.error)}" for one in self.unread]
        for one in self.sources:
            if one.stale_reason is not None:
                days = max((self.as_of - one.started_at.date()).days, 0)
                told.append(f"Stale: {one.source}, last read {days_long(days)} ago. {sentence(one.stale_reason)}")
        return told


def write_passes_and_sources(canvas: Canvas, totals: Totals, loads: Loads, run: Run) -> None:
    """Write what each pass linked on the left, and where the figures come from on the right."""
    canvas.heading("Matched by", FIRST, _BEFORE_RIGHT)
    canvas.heading("Sources and run", RIGHT)
    left = _write_passes(canvas, totals, canvas.row + 1)
    right = _write_sources(canvas, loads, run, canvas.row + 1)
    canvas.row = max(left, right)
    troubles = loads.troubles()
    shown_here = [text if len(text) <= _LINE else f"{text[:_LINE]}…" for text in troubles[:MOST_SHOWN]]
    if len(troubles) > MOST_SHOWN:
        shown_here.append(f"and {len(troubles) - MOST_SHOWN:,} more, all among the exceptions")
    for text in shown_here:
        canvas.put(canvas.row, FIRST, text, font_color=RED[1])
        canvas.row += 1
    canvas.row += 1


def _write_passes(canvas: Canvas, totals: Totals, row: int) -> int:
    canvas.headers(row, FIRST, ("PASS", "", "", "MATCH", "KEYS", "UNITS", "SHARE"), left=4)
    units = sum(one.units for one in totals.passes)
    for place, one in enumerate(totals.passes, row + 1):
        canvas.put(place, FIRST, one.match_rule or _NOT_LINKED)
        canvas.put(place, FIRST + 3, shown(one.match_type))
        canvas.put(place, FIRST + 4, one.keys, num_format=UNITS)
        canvas.put(place, FIRST + 5, one.units, num_format=UNITS)
        canvas.put(place, FIRST + 6, one.units / units if units else None, num_format=PERCENT)
    if not totals.passes:
        canvas.put(row + 1, FIRST, "Nothing packed or shipped yet.", font_color=MUTED)
    return row + 1 + max(len(totals.passes), 1)


def _write_sources(canvas: Canvas, loads: Loads, run: Run, row: int) -> int:
    workbooks = [one for one in loads.sources if one.stream == WORKBOOKS]
    stale = sum(one.stale_reason is not None for one in loads.sources)
    lines: tuple[tuple[str, Value, bool], ...] = (
        ("Workbooks", sum(not one.superseded for one in workbooks), False),
        ("Left out", sum(one.superseded for one in workbooks), False),
        ("Views", len({one.source for one in loads.sources if one.stream != WORKBOOKS}), False),
        ("Stale", stale, stale > 0),
        ("Never read", len(loads.unread), len(loads.unread) > 0),
        ("Job", f"{run.job} ({run.mode})", False),
        ("Started", moment(run.started_at), False),
        ("Finished", moment(run.as_of), False),
    )
    for place, (label, value, alarm) in enumerate(lines, row):
        canvas.put(place, RIGHT, label)
        color = RED[1] if alarm else INK
        canvas.put(place, RIGHT + 1, value, num_format=UNITS, align="left", font_color=color, bold=alarm)
    return row + len(lines)


def write_books(canvas: Canvas, books: Books) -> None:
    """Write each quantity's way from the sources into the facts, and what was left out on it and why."""
    canvas.heading("The books, in units")
    names = ("", "READ", "STAGED", "LEFT OUT", "", "QUARANTINED", "", "COUNT", "IN FACTS", "DIFFERENCE")
    canvas.headers(canvas.row + 1, FIRST, names)
    canvas.row += 2
    for flow in books.flows:
        canvas.put(canvas.row, FIRST, flow.name.capitalize(), bold=True)
        figures = {1: flow.read, 2: flow.staged, 3: flow.excluded, 5: flow.quarantined, 7: flow.current, 8: flow.facts}
        for place, figure in figures.items():
            canvas.put(canvas.row, FIRST + place, figure, num_format=UNITS)
        if flow.difference:
            wrong = {"font_color": RED[1], "bg_color": RED[0]}
            canvas.put(canvas.row, FIRST + 9, flow.difference, num_format=UNITS, bold=True, **wrong)
        else:
            canvas.put(canvas.row, FIRST + 9, 0, num_format=UNITS, bold=True)
        canvas.row += 1
    text = "Read = left out + quarantined + what counts; what counts = in facts (ordered: with what was cancelled)."
    canvas.put(canvas.row, FIRST, text, font_color=MUTED)
    canvas.row += 2
    first = canvas.row
    if books.excluded:
        canvas.headers(first, FIRST, ("LEFT OUT BECAUSE", "OF", "ROWS", "UNITS"), left=2)
    for row, left_out in enumerate(books.excluded, first + 1):
        canvas.put(row, FIRST, left_out.reason.replace("_", " ") or "no reason")
        canvas.put(row, FIRST + 1, left_out.flow.capitalize())
        canvas.put(row, FIRST + 2, left_out.rows, num_format=UNITS)
        canvas.put(row, FIRST + 3, left_out.units, num_format=UNITS)
    if books.findings:
        canvas.headers(first, RIGHT - 3, ("ODD, BUT COUNTED", "", "", "", "ROWS", "UNITS"), left=4)
    for row, finding in enumerate(books.findings, first + 1):
        canvas.put(row, RIGHT - 3, finding.code.replace("_", " "))
        canvas.put(row, RIGHT + 1, finding.rows, num_format=UNITS)
        canvas.put(row, RIGHT + 2, finding.units, num_format=UNITS)
    if longest := max(len(books.excluded), len(books.findings)):
        canvas.row = first + longest + 2


def write_legend(canvas: Canvas) -> None:
    """Write what each coloured word means: statuses on the left, flags on the right."""
    canvas.heading("What the words mean")
    for words, column in ((STATUS, FIRST), (FLAG, FIRST + 5)):
        for row, word in enumerate(words, canvas.row + 1):
            canvas.badge(row, column, word)
            canvas.put(row, column + 1, MEANING[word], font_color=MUTED, indent=1)
    canvas.row += len(STATUS) + 1
