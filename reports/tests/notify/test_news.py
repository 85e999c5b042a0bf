"""What is said of a run, when a channel has to hear it, and that it hears it once."""

from __future__ import annotations

from datetime import datetime

import pytest
from order_reports.notify.figures import Figures, Variance
from order_reports.notify.news import LABELS, Decision, News, Told, decide, news_of
from order_reports.read import Run
from order_rules.config import Speaking

EARLIER, NOW, LATER = "1" * 32, "2" * 32, "3" * 32
NUMBERS = {**dict.fromkeys(LABELS, 0), "ordered": 900, "shipped": 600}
SILENT = Speaking(on_failure=False)


def run(status: str = "succeeded", run_id: str = NOW, reason: str | None = None) -> Run:
    ended = None if status == "running" else datetime(2026, 3, 16, 4, 12)
    return Run(run_id, "full-sync", "full", datetime(2026, 3, 16, 4, 0), ended, status, reason)


def published(*, unknown: tuple[str, ...] = (), variances: tuple[Variance, ...] = (), **numbers: int) -> News:
    figures = Figures(
        last=run(),
        good=run(),
        numbers={**NUMBERS, **numbers, "unknown_customers": len(unknown)},
        balanced=True,
        keys=9,
        unknown=unknown,
        variances=variances,
    )
    return news_of(figures)


def failure(reason: str = "The books differ", run_id: str = NOW) -> News:
    return news_of(Figures(last=run("failed", run_id, reason), good=run(run_id=EARLIER), numbers=NUMBERS))


def after(decision: Decision, *, failed: bool = False, known: frozenset[str] = frozenset()) -> Told:
    """What a channel has been told once it was told so."""
    return Told(decision.digest, failed and decision.status != "silent", None if failed else NOW, known)


def test_a_run_with_nothing_to_do_is_a_success() -> None:
    news = published()
    assert (news.status, news.headline, news.reasons) == ("Success", "Order audit: nothing to act on", ())
    assert list(news.numbers) == list(LABELS)


def test_a_run_with_something_to_mend_is_a_warning_that_says_what() -> None:
    news = published(unknown=("ELDER", "OAK"), exceptions=1200, review=3)
    assert (news.status, news.headline) == ("Warning", "Order audit: 1,200 order keys to act on, 3 to review")
    assert news.reasons == ("Not in customers.yml: ELDER, OAK.",)
    unbalanced = Figures(good=run(), numbers={**NUMBERS, "balance": 7}, keys=9)
    assert news_of(unbalanced).reasons == ("The books do not balance: 7 units are unaccounted for.",)


def test_many_names_are_counted() -> None:
    names = tuple(f"C{number}" for number in range(14))
    assert published(unknown=names).reasons[0].endswith("C8, C9 and 4 more.")


def test_a_failed_run_says_why_and_what_still_stands() -> None:
    news = failure()
    assert (news.status, news.cause) == ("Failed", "The books differ")
    assert news.headline == "Order audit failed: full-sync, 16 Mar 2026, 04:00 UTC"
    assert news.reasons[0] == "The books differ."
    assert "those of 16 Mar 2026, 04:12 UTC" in news.reasons[1]
    assert news.numbers == {}


def test_a_job_that_failed_outside_a_run_says_so() -> None:
    news = news_of(Figures(last=run(), good=run(), numbers=NUMBERS, keys=9), failed=True, reason="exit code 75")
    assert (news.status, news.run, news.cause) == ("Failed", None, "outside")
    assert news.reasons[1] == "Exit code 75."
    assert "succeeded" in news.told_of
    never = news_of(Figures(), failed=True)
    assert (never.status, never.told_of) == ("Failed", "there was no run yet")


def test_an_open_run_is_a_failure_only_where_the_caller_knows() -> None:
    figures = Figures(
        last=run("running", LATER), good=run(), heard="Reading it.", numbers=NUMBERS, keys=9, balanced=True
    )
    assert news_of(figures).run == run()
    failed = news_of(figures, failed=True)
    assert (failed.run and failed.run.run_id, failed.reasons[0]) == (LATER, "The run is still open. Reading it.")


def test_before_any_run_there_is_nothing_published() -> None:
    assert news_of(Figures()).headline == "Order audit: nothing has been published yet"


@pytest.mark.parametrize("news", [published(unknown=("NEW",), exceptions=10**6), failure()])
def test_without_rules_a_channel_is_silent(news: News) -> None:
    assert decide(news, SILENT, Told()).status == "silent"


def test_a_failure_is_told_once_and_its_end_too() -> None:
    when = Speaking()
    first = decide(failure(), when, Told())
    assert (first.status, first.why) == ("speak", ("the run failed",))
    again = decide(failure(run_id=LATER), when, after(first, failed=True))
    assert again.status == "repeated"
    assert decide(failure("Another reason"), when, after(first, failed=True)).status == "speak"
    good = decide(published(), when, after(again, failed=True))
    assert (good.status, good.why) == ("speak", ("it works again after a failure",))
    assert decide(published(), when, after(good)).status == "silent"
    assert decide(failure(), when, after(good)).status == "speak"


def test_the_same_failure_is_the_same_news_whatever_its_ids() -> None:
    dead = [failure(f"no further step: process {pid} on host is gone").cause for pid in (11, 12)]
    lost = [failure(f"Run {run_id} lost the lease").cause for run_id in (EARLIER, LATER)]
    assert dead[0] == dead[1] == "no further step"
    assert lost[0] == lost[1]


def test_every_run_is_told_where_its_figures_differ() -> None:
    when = Speaking(always=True)
    first = decide(published(), when, Told())
    assert first.status == "speak"
    assert decide(published(), when, after(first)).status == "repeated"
    assert decide(published(shipped=601), when, after(first)).status == "speak"


def test_exceptions_are_told_when_they_exceed_the_threshold_and_not_while_they_do() -> None:
    when = Speaking(exceptions_over=100)
    assert decide(published(exceptions=100), when, Told()).status == "silent"
    over = decide(published(exceptions=101), when, Told())
    assert over.why == ("101 order keys to act on are more than 100",)
    assert decide(published(exceptions=150), when, after(over)).status == "repeated"
    under = decide(published(exceptions=90), when, after(over))
    assert under.status == "silent"
    assert decide(published(exceptions=101), when, after(under)).status == "speak"


def test_an_unknown_customer_is_told_when_new() -> None:
    when = Speaking(on_unknown_customer=True)
    first = decide(published(unknown=("ELDER",)), when, Told())
    assert first.why == ("new and not in customers.yml: ELDER",)
    known = after(first, known=frozenset({"ELDER", "ACME"}))
    assert decide(published(unknown=("ELDER",)), when, known).status == "silent"
    second = decide(published(unknown=("ELDER", "OAK")), when, known)
    assert second.why == ("new and not in customers.yml: OAK",)


def test_a_variance_is_told_when_a_run_made_or_changed_it() -> None:
    when = Speaking(variance_over=500)
    big, small = Variance("ACME / 1 / S / C / M", 501, NOW), Variance("OAK / 2 / S / C / M", 500, NOW)
    first = decide(published(variances=(big, small)), when, Told(baseline=EARLIER))
    assert first.why == ("more than 500 units off: ACME / 1 / S / C / M (501 missing)",)
    assert decide(published(variances=(big, small)), when, after(first)).status == "silent"
    too_many = Variance("OAK / 2 / S / C / M", -900, LATER)
    second = decide(published(variances=(too_many, big)), when, after(first))
    assert second.why == ("more than 500 units off: OAK / 2 / S / C / M (900 too many)",)
