"""What to say of a run, worked out once from its figures, and whether a channel has to hear it.

Pure: the same figures give the same news.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from order_rules.config import Speaking
from order_rules.ids import hash_id

from order_reports.moments import moment
from order_reports.notify.figures import Figures, Variance
from order_reports.read import Run
from order_reports.wording import sentence

Status = Literal["Success", "Warning", "Failed"]

MOST_NAMED: Final = 10
"""Names in one sentence; more are counted."""
OUTSIDE: Final = (
    "No run is open, so it failed either before `recon begin` had opened one (`recon migrate`, `recon check`, another "
    "run at work) or in a report after `recon reconcile`. The job's log tells."
)
LABELS: Final = {
    "rows": "Rows of order lists read",
    "ordered": "Units ordered",
    "packed": "Units packed",
    "shipped": "Units shipped",
    "balance": "Units unaccounted for",
    "exceptions": "Order keys to act on",
    "missing": "Units due and missing",
    "review": "Matches to review",
    "quarantined": "In quarantine",
    "unknown_customers": "Unknown customers",
}
"""The numbers of the news in words, in order."""

_RUN_ID: Final = re.compile(r"\b[0-9a-f]{32}\b")
_NO_FURTHER_STEP: Final = "no further step"


@dataclass(frozen=True)
class News:
    """What to say of a run.

    Attributes:
        status: ``Failed``; ``Warning``: published, but a person has to mend something; ``Success``.
        headline: one line.
        run: the run it is about; ``None``: it belongs to no run.
        told_of: that run, or where there is none what is known, in one line.
        numbers: figures by name, in the order of ``LABELS``; empty where nothing new was published.
        reasons: why it is not a plain success, one sentence each.
        cause: what failed, the same text each time the same fails; empty where nothing did.
        unknown: customers that no rule knows.
        variances: the worst keys that can be acted on.
        link: address of the report.
        place: where the workbook is, for people.
    """

    status: Status
    headline: str
    run: Run | None = None
    told_of: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    cause: str = ""
    unknown: tuple[str, ...] = ()
    variances: tuple[Variance, ...] = ()
    link: str | None = None
    place: str = ""


@dataclass(frozen=True)
class Told:
    """What a channel has been told, or would have been had there been anything to tell.

    Attributes:
        digest: of the standing news at its last turn; ``None``: it never had one.
        failed: whether the last that it was told was a failure.
        baseline: the last good run that it had a turn for; ``None``: none.
        known: the customers of that run.
    """

    digest: str | None = None
    failed: bool = False
    baseline: str | None = None
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """Whether a channel speaks.

    Attributes:
        status: ``speak``; ``repeated``: it was told before; ``silent``: its rules find nothing to tell.
        digest: of the standing news, 32 hex characters.
        why: why it speaks, in words.
    """

    status: Literal["speak", "repeated", "silent"]
    digest: str
    why: tuple[str, ...] = ()


def news_of(
    figures: Figures, *, failed: bool = False, reason: str | None = None, link: str | None = None, place: str = ""
) -> News:
    """Work out what to say.

    Args:
        figures: what is known.
        failed: whether the caller knows that the job failed.
        reason: what the caller knows of it, such as the exit code.
        link: address of the report.
        place: where the workbook is, for people.

    Returns:
        The news.
    """
    return replace(_news(figures, failed=failed, reason=reason), link=link, place=place)


def _news(figures: Figures, *, failed: bool, reason: str | None) -> News:
    last, good = figures.last, figures.good
    if figures.unreachable:
        said = _sentences(figures.unreachable, reason)
        return News("Failed", "Order audit failed: the warehouse cannot be read", reasons=said, cause="unreachable")
    if last and last.status == "failed":
        said = _sentences(last.reason, reason, _still(good))
        return News("Failed", _failed(last), last, _of(last), reasons=said, cause=_cause(last.reason))
    if failed and last and last.status == "running":
        heard = f"The run is still open. {figures.heard or ''}".strip()
        said = _sentences(heard, reason, _still(good))
        return News("Failed", _failed(last), last, _of(last), reasons=said, cause=_NO_FURTHER_STEP)
    if failed:
        told = f"the last run, {_of(last)}, succeeded" if last else "there was no run yet"
        said = _sentences(OUTSIDE, reason, f"The tables are those of {moment(good.as_of)}" if good else None)
        return News("Failed", "Order audit failed outside a run", None, told, reasons=said, cause="outside")
    if good is None:
        return News("Warning", "Order audit: nothing has been published yet", reasons=("No run has succeeded yet.",))
    return _published(figures, good)


def _published(figures: Figures, good: Run) -> News:
    reasons = list(figures.troubles)
    if not figures.keys:
        reasons.insert(0, "There is no order and no carton: check that the sources are there.")
    elif not figures.balanced:
        reasons.insert(0, f"The books do not balance: {figures.numbers['balance']:,} units are unaccounted for.")
    if figures.unknown:
        reasons.append(f"Not in customers.yml: {_named(figures.unknown)}.")
    exceptions, review = figures.numbers["exceptions"], figures.numbers["review"]
    to_do = [f"{exceptions:,} order keys to act on"] * bool(exceptions) + [f"{review:,} to review"] * bool(review)
    return News(
        "Warning" if reasons else "Success",
        f"Order audit: {', '.join(to_do) or 'nothing to act on'}",
        good,
        _of(good),
        {name: figures.numbers[name] for name in LABELS},
        tuple(reasons),
        unknown=figures.unknown,
        variances=figures.variances,
    )


def decide(news: News, when: Speaking, told: Told) -> Decision:
    """Tell whether a channel speaks, and why.

    Args:
        news: the news.
        when: the channel's rules.
        told: what it has been told.

    Returns:
        The decision. What a rule finds is news only where it is not what stood there at the channel's last turn.
    """
    standing = _standing(news, when)
    digest = hash_id(*(text for text, _ in standing))
    events = list(_events(news, when, told))
    if digest != told.digest:
        events = [why for _, why in standing] + events
    if events:
        return Decision("speak", digest, tuple(events))
    return Decision("repeated" if standing else "silent", digest)


def _standing(news: News, when: Speaking) -> list[tuple[str, str]]:
    """Find what is so for as long as it is so: its identity, and in words."""
    if news.status == "Failed":
        return [(f"failed {news.cause}", "the run failed")] if when.on_failure or when.always else []
    found = []
    if when.always:
        content = hash_id(news.status, *news.reasons, *(f"{name} {value}" for name, value in news.numbers.items()))
        found.append((f"run {content}", "you hear of every run with something new"))
    exceptions = news.numbers.get("exceptions", 0)
    if when.exceptions_over is not None and exceptions > when.exceptions_over:
        found.append(("exceptions", f"{exceptions:,} order keys to act on are more than {when.exceptions_over:,}"))
    return found


def _events(news: News, when: Speaking, told: Told) -> Iterable[str]:
    """Find what is new since the channel's last turn, in words."""
    if news.status == "Failed":
        return
    if when.on_failure and told.failed:
        yield "it works again after a failure"
    fresh = [name for name in news.unknown if name not in told.known]
    if when.on_unknown_customer and fresh:
        yield f"new and not in customers.yml: {_named(fresh)}"
    if when.variance_over is not None:
        worst = [
            one
            for one in news.variances
            if abs(one.units) > when.variance_over and (told.baseline is None or one.changed_run_id > told.baseline)
        ]
        if worst:
            yield f"more than {when.variance_over:,} units off: {_named([f'{one.key} ({off(one)})' for one in worst])}"


def off(variance: Variance) -> str:
    """Say by how much a key is off: ``1,200 missing``, ``36 too many``."""
    return f"{abs(variance.units):,} {'missing' if variance.units > 0 else 'too many'}"


def _named(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - MOST_NAMED:,} more" if len(every) > MOST_NAMED else ""
    return ", ".join(every[:MOST_NAMED]) + more


def _sentences(*said: str | None) -> tuple[str, ...]:
    return tuple(sentence(one) for one in said if one)


def _failed(run: Run) -> str:
    return f"Order audit failed: {run.job}, {moment(run.started_at)}"


def _of(run: Run) -> str:
    return f"{run.job} ({run.mode}), {moment(run.as_of)}, run {run.run_id}"


def _still(good: Run | None) -> str:
    if good is None:
        return "Nothing has been published yet"
    return f"Nothing was published by it: tables and reports are those of {moment(good.as_of)}"


def _cause(reason: str | None) -> str:
    """Name a failure the same each time: without the ids of runs, and without who was found dead."""
    text = reason or ""
    return _NO_FURTHER_STEP if text.startswith(_NO_FURTHER_STEP) else _RUN_ID.sub("", text)
