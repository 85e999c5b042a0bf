"""Writes the news as a mail, as an update and as plain text; names from workbooks are text there, never markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from order_reports.destination import Latest
from order_reports.notify.news import LABELS, News, off

COLORS: Final = {"Success": "#2e7d32", "Warning": "#b26a00", "Failed": "#b3261e"}
MOST_KEYS: Final = 10

_TEMPLATES: Final = Environment(
    loader=PackageLoader("order_reports.notify"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Message:
    """The news for one channel.

    Attributes:
        news: what to say.
        why: why this channel is told.
        workbook: the workbook of this run, where there is one.
        external_id: the id of what the channel made elsewhere.
        known: whether the channel was told this before, so that nothing is said, only shown.
    """

    news: News
    why: tuple[str, ...] = ()
    workbook: Latest | None = field(default=None, repr=False)
    external_id: str | None = None
    known: bool = False


def text(message: Message, note: str = "") -> str:
    """Write it as plain text.

    Args:
        message: the message.
        note: a sentence for its end.
    """
    return _write("text.txt", message, note)


def mail(message: Message, note: str = "") -> str:
    """Write it as a page for a mail client."""
    return _write("mail.html", message, note)


def summary(message: Message, note: str = "") -> str:
    """Write it as the simple HTML of an update on a board."""
    return _write("summary.html", message, note)


def _write(template: str, message: Message, note: str) -> str:
    news = message.news
    return _TEMPLATES.get_template(template).render(
        news=news,
        numbers=list(_numbers(news)),
        worst=[(one.key, off(one)) for one in news.variances[:MOST_KEYS]],
        color=COLORS[news.status],
        why=message.why or ("it was asked for",),
        note=note,
    )


def _numbers(news: News) -> Iterable[tuple[str, Any]]:
    return ((LABELS[name], f"{number:,}") for name, number in news.numbers.items())
