"""Works out the news once and has each channel carry it. A run stays good whatever becomes of its notifications."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final, NamedTuple, Protocol

import sqlalchemy as sa
from order_rules.config import Customers, Notify, RulesError, load_file
from order_rules.warehouse_url import hide
from sqlalchemy.exc import SQLAlchemyError

from order_reports.destination import Latest, latest
from order_reports.failure import ReportError
from order_reports.notify.figures import Figures, read_figures
from order_reports.notify.memory import TABLE, Entry, recall, remember
from order_reports.notify.messages import Message
from order_reports.notify.news import Decision, News, Told, decide, news_of
from order_reports.notify.patience import NotSentError, Sent
from order_reports.notify.settings import NONE_SET_UP, Channels, without
from order_reports.settings import FILE_NAME, Settings
from order_reports.standing import basis_of, standing
from order_reports.warehouse import reading

CLOCKS_DIFFER: Final = timedelta(minutes=2)
"""A workbook is of a run where it is no older than the run's end, by two clocks."""

Say = Callable[[str], None]


class Channel(Protocol):
    """A way to tell people.

    Attributes:
        name: as the warehouse remembers it; never a secret.
        kind: whose rules hold for it: ``monday``, ``email`` or ``chat``.
        shows: whether it shows the figures of every run that it may speak of, also where the news is known.
    """

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> str:
        """Whose rules hold."""
        ...

    @property
    def shows(self) -> bool:
        """Whether it is brought up to date by known news too."""
        ...

    def send(self, message: Message) -> Sent:
        """Tell it.

        Raises:
            NotSentError: it was not told.
        """
        ...

    def prove(self) -> list[str]:
        """Check that it would work, without telling anybody.

        Raises:
            NotSentError: it would not.
        """
        ...


@dataclass(frozen=True)
class Outcome:
    """What came of the notifications, in lines for people, without a secret.

    Attributes:
        said: what was done.
        errors: what was not.
    """

    said: Sequence[str]
    errors: Sequence[str]


class _Known(NamedTuple):
    """What the warehouse knows."""

    figures: Figures
    told: dict[str, tuple[Told, str | None]]


def open_channels(settings: Channels) -> list[Channel]:
    """List the channels that are set up."""
    found: list[Channel] = []
    if settings.monday_api_token:
        from order_reports.notify.monday import Monday  # noqa: PLC0415  (each loads what only it needs)

        found.append(Monday(settings))
    if settings.smtp_host:
        from order_reports.notify.mail import Mail  # noqa: PLC0415

        found.append(Mail(settings))
    if settings.webhook_urls:
        from order_reports.notify.chat import Chat  # noqa: PLC0415

        found += [Chat(url) for url in dict.fromkeys(one.get_secret_value() for one in settings.webhook_urls)]
    return found


def notify(settings: Settings, given: Channels, *, failed: bool = False, reason: str | None = None) -> Outcome:
    """Tell every channel that has to hear it of the last run.

    Args:
        settings: where the warehouse, the rules and the reports are.
        given: where the channels lead.
        failed: whether the caller knows that the job failed: then it is told even where the warehouse cannot be read.
        reason: what the caller knows of it.

    Returns:
        What was done and what was not. Nothing that goes wrong with a channel is raised.
    """
    said: list[str] = []
    errors: list[str] = []
    secrets = secrets_of(settings, given)

    def hidden(text: str) -> str:
        return hide(without(text, secrets), settings.warehouse)

    channels = open_channels(given)
    if not channels:
        return Outcome([NONE_SET_UP], [])
    when, customers = _rules(settings, lambda text: errors.append(hidden(text)))
    known = _read(settings, channels, customers)
    if known.figures.unreachable:
        errors.append(hidden(f"{known.figures.unreachable} Nothing is remembered of what is sent now."))
        if not failed:
            return Outcome(said, errors)
    place = f"{settings.blob.url}/{FILE_NAME}" if settings.blob else str(settings.workbook)
    link = given.report_url or (place if settings.blob else None)
    news = news_of(known.figures, failed=failed, reason=hidden(reason) if reason else None, link=link, place=place)
    workbook = _Workbook(settings, news)
    for channel in channels:
        told, external_id = known.told.get(channel.name, (Told(), None))
        decision = decide(news, getattr(when, channel.kind), told)
        entry, line = _turn(channel, news, decision, external_id, workbook=workbook, hidden=hidden)
        (errors if entry.error else said).append(line)
        if known.figures.unreachable:
            continue
        try:
            # At once: whoever ends the next channel's turn, this one's is not told again.
            remember(settings.warehouse, entry)
        except ReportError as error:
            errors.append(hidden(f"What {channel.name} was told is not remembered, so it will be told again. {error}"))
    return Outcome(said, [*errors, *(hidden(one) for one in workbook.errors)])


def secrets_of(settings: Settings, given: Channels) -> frozenset[str]:
    """List every text that no line, no table and no message may hold."""
    sas = settings.blob.sas if settings.blob else ""
    return given.secrets | ({sas, *(part for part in sas.split("&") if part.startswith("sig="))} if sas else set())


def _turn(
    channel: Channel,
    news: News,
    decision: Decision,
    external_id: str | None,
    *,
    workbook: _Workbook,
    hidden: Callable[[str], str],
) -> tuple[Entry, str]:
    """Have one channel tell the news, and write down what came of it.

    Returns:
        For the warehouse, and for the log.
    """
    run_id = news.run.run_id if news.run else None

    def entry(status: str, error: str | None = None, made: str | None = None) -> Entry:
        return Entry(channel.name, run_id, decision.digest, status, error, made)  # type: ignore[arg-type]  # one of its words

    if decision.status == "silent":
        return entry("silent"), f"{channel.name}: nothing to tell by config/notify.yml"
    known = decision.status == "repeated"
    if known and not channel.shows:
        return entry("repeated"), f"{channel.name}: told before"
    try:
        message = Message(news, decision.why, None if known else workbook.read(), external_id, known)
        made, warning = channel.send(message)
    except NotSentError as error:
        text = hidden(str(error))
        return entry("failed", text, error.external_id), f"{channel.name}: not sent. {text}"
    except Exception as error:  # noqa: BLE001  (a run that is good stays good, whatever a channel's library does)
        text = hidden(f"{type(error).__name__}: {error}")
        return entry("failed", text), f"{channel.name}: not sent. {text}"
    if known:
        return entry("repeated", made=made), f"{channel.name}: figures brought up to date; told before"
    warning = hidden(warning) if warning else None
    said = f"{channel.name}: sent, because {'; '.join(decision.why)}"
    return entry("sent", warning, made), f"{said}. {warning}" if warning else said


class _Workbook:
    """The workbook of the run, read when the first channel wants it; an older one is not passed off as this run's."""

    def __init__(self, settings: Settings, news: News) -> None:
        self._settings = settings
        self._since = (
            news.run.as_of.replace(tzinfo=UTC) - CLOCKS_DIFFER if news.run and news.status != "Failed" else None
        )
        self._found: Latest | None = None
        self._read = False
        self.errors: list[str] = []

    def read(self) -> Latest | None:
        if self._since is None or self._read:
            return self._found
        self._read = True
        try:
            found = latest(self._settings.place, FILE_NAME)
        except ReportError as error:
            self.errors.append(f"The workbook is not sent along. {error}")
            return None
        if found and (found.written_at >= self._since or self._stands()):
            self._found = found
        return self._found

    def _stands(self) -> bool:
        """Tell whether an older workbook says just what this run's would, which was then not written."""
        return bool(standing(self._settings, (FILE_NAME,), basis_of(self._settings)))


def _rules(settings: Settings, complain: Say) -> tuple[Notify, Customers]:
    """Read the rules. A mistake in them must not keep a failure from being told."""
    when, customers = Notify(), Customers()
    path = settings.rules_path / "notify.yml"
    try:
        if path.exists():
            when = load_file(path, Notify)
    except RulesError as error:
        complain(str(error))
    try:
        customers = load_file(settings.rules_path / "customers.yml", Customers)
    except RulesError as error:
        complain(str(error))
    return when, customers


def _read(settings: Settings, channels: Sequence[Channel], customers: Customers) -> _Known:
    try:
        with reading(settings.warehouse) as connection:
            figures = read_figures(connection, customers)
            remembers = sa.inspect(connection).has_table(TABLE.name)
            told = {one.name: recall(connection, one.name) for one in channels} if remembers else {}
            return _Known(figures, told)
    except (ReportError, SQLAlchemyError) as error:
        return _Known(Figures(unreachable=str(error)), {})
