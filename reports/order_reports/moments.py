"""Days and moments as people read them."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)
def day(moment: date) -> str:
    """Write a day without doubt about which number is the month: ``4 Mar 2026``."""
    return f"{moment.day} {moment:%b %Y}"


def moment(time: datetime) -> str:
    """Write a moment: ``4 Mar 2026, 06:30 UTC``."""
    return f"{day(time)}, {time:%H:%M} UTC"
