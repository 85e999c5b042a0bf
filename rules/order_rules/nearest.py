"""Which known customers a name that no rule knows may stand for. Needs rapidfuzz, the extra ``nearest``."""

from __future__ import annotations

from typing import Final, NamedTuple

from rapidfuzz import fuzz, process

from order_rules.config import Customers

NEAREST: Final = 3
LEAST_LIKENESS: Final = 65
"""Percent alike below which a name suggests nothing."""


class Near(NamedTuple):
    """A known customer whose name, or one of whose aliases, looks like an unknown one.

    Attributes:
        canonical: its canonical name, as written there.
        likeness: percent.
    """

    canonical: str
    likeness: float


def nearest(name: str, known: Customers) -> list[Near]:
    """Find the known customers whose names look most like a name.

    Args:
        name: the unknown name, cleaned.
        known: ``customers.yml``.

    Returns:
        At most ``NEAREST``, best first, each once.
    """
    spellings = {spelling: one.canonical for spelling, one in known.by_alias.items()}
    likeness: dict[str, float] = {}
    found = process.extract(name, sorted(spellings), scorer=fuzz.WRatio, limit=None, score_cutoff=LEAST_LIKENESS)
    for spelling, alike, _ in found:
        likeness.setdefault(spellings[spelling], alike)
    near = sorted((Near(canonical, alike) for canonical, alike in likeness.items()), key=lambda one: (-one[1], one[0]))
    return near[:NEAREST]
