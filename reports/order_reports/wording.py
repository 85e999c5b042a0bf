"""Says in words what a row's codes mean and what a person can do about it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from order_reports.books import Books
from order_reports.facts import Fact
from order_reports.moments import day, moment
from order_reports.read import WORKBOOKS, Quarantined, Run, Runs, Source, Unread


def shown(code: str | None) -> str | None:
    """Write a code as people read it: ``NO_ORDER`` is ``NO ORDER``."""
    return None if code is None else code.replace("_", " ")


@lru_cache(maxsize=2**16)
def share(part: int, whole: int) -> str:
    """Write a share of a whole: ``12 %``, ``0.4 %``."""
    percent = abs(part) / whole * 100
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1f} %"


def days_long(days: int) -> str:
    """Write a number of days."""
    return f"{days:,} day{'' if days == 1 else 's'}"


def sentence(reason: str | None) -> str:
    """Make a sentence of a reason as another program recorded it."""
    text = (reason or "no reason was recorded").strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def why(fact: Fact, days: int | None) -> str:
    """Say why a key is an exception.

    Args:
        fact: a key whose status is ``UNDER``, ``OVER``, ``UNFULFILLED`` or ``NO_ORDER``.
        days: how long it has been so; ``None``: not known.

    Returns:
        One or two sentences.
    """
    filled = fact.packed_qty + fact.shipped_qty
    match fact.recon_status:
        case "UNFULFILLED":
            said = f"{_due(fact.earliest_ex_factory_on, days)}: nothing of {fact.ordered_qty:,} packed or shipped."
        case "UNDER":
            missing = (
                f"{fact.qty_variance:,} of {fact.ordered_qty:,} missing ({share(fact.qty_variance, fact.ordered_qty)})"
            )
            waiting = f", {fact.packed_qty:,} packed and waiting" if fact.packed_qty else ""
            said = f"{_due(fact.earliest_ex_factory_on, days)}: {missing}{waiting}."
        case "OVER" if fact.ordered_qty:
            beyond = share(fact.qty_variance, fact.ordered_qty)
            said = f"{filled:,} against {fact.ordered_qty:,} ordered: {beyond} too many."
        case "OVER":
            said = f"{filled:,} packed or shipped against a cancelled order."
        case _ if fact.incomplete_key:
            said = f"{filled:,} packed or shipped without a PO, style or size to look for."
        case _:
            said = f"{filled:,} packed or shipped that no order of this customer accounts for."
    if fact.fuzzy_qty:
        said += f" {fact.fuzzy_qty:,} linked by likeness: check the match."
    return said


@lru_cache(maxsize=4096)
def _due(on: date | None, days: int | None) -> str:
    if on is None:
        return "No ex factory date, so due"
    late = f", {days_long(days)} late" if days else ""
    return f"Due {day(on)}{late}"


def why_unread(source: Unread) -> str:
    """Say why a workbook's orders are missing."""
    return f"Never read, so its orders are in no figure. {sentence(source.error)}"


def why_stale(source: Source, days: int) -> str:
    """Say what is wrong with a source whose older figures stand."""
    told = f"Last read {days_long(days)} ago, on {day(source.started_at)}; its figures are of then."
    return f"{told} {sentence(source.stale_reason)}"


def why_superseded(source: Source) -> str:
    """Say which workbook counts instead, and how to settle it."""
    return (
        f"Left out, because {source.superseded_by or 'another workbook'} has the same orders and counts instead. "
        "Remove the one that is wrong, or name the right one in customers.yml."
    )


def what_to_do(found: Quarantined) -> str:
    """Say how a quarantined value gets back into the figures."""
    if found.stream == WORKBOOKS:
        sheet = f", sheet {found.sheet}" if found.sheet else ""
        row = f", row {found.row_number}" if found.row_number else ""
        return f"Open {found.source}{sheet}{row}, correct it and save. The next run reads it again."
    return f"Correct it in the warehouse system ({found.source}). The next run reads it again."


def run_line(run: Run) -> str:
    """Name a run in one line."""
    return f"{run.job} ({run.mode}), {moment(run.as_of)}, run {run.run_id}"


def failed_run(runs: Runs) -> str | None:
    """Say that the last run failed, why, and whose figures these are.

    Returns:
        A few sentences; ``None`` where the last run did not fail.
    """
    if runs.last is None or runs.last.status != "failed":
        return None
    reason = (runs.last.reason or "no reason was recorded").rstrip(".")
    text = f"THE LAST RUN FAILED ({runs.last.job}, {moment(runs.last.as_of)}): {reason}."
    if runs.good is None:
        return f"{text} Nothing has been published yet."
    return f"{text} All figures are of the last good run, {moment(runs.good.as_of)}."


def running(runs: Runs) -> str | None:
    """Say that a run is under way; ``None`` where none is."""
    if runs.last is None or runs.last.status != "running":
        return None
    text = f"A run is under way since {moment(runs.last.started_at)}."
    return text if runs.good is None else f"{text} These are the figures before it."


def told_of(runs: Runs) -> str:
    """Say in one line whose figures a report shows."""
    if runs.told is None:
        return "Nothing has run yet."
    return "No run has succeeded yet." if runs.good is None else f"Figures of {run_line(runs.told)}"


def verdict(books: Books) -> str:
    """Say whether every unit is accounted for."""
    if books.balanced:
        return "BALANCED: every unit read is in the facts, left out for a reason, or in quarantine"
    if not books.counted:
        return "NOT BALANCED: the run left no counts to check the figures by"
    wrong = ", ".join(f"{flow.name.lower()} by {flow.difference:+,}" for flow in books.flows if flow.difference)
    return f"NOT BALANCED: {wrong} units. Do not act on these figures; see the books"
