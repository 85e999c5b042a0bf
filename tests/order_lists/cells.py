"""Cells of order lists, each with what is typed into it and what is to become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

CUSTOMER = "Brand Zed"
SAME: Any = object()


@dataclass
class Cell:
    """A cell and what is to become of it.

    Attributes:
        typed: what stands in the workbook; of a formula, the result that Excel kept.
        sent: what the tap sends; ``None`` where it sends nothing.
        kept: the field of the order list row, ``None`` where it has no value.
        canonical: the same in canonical form, as lines carry it.
        pieces: of a quantity, the pieces read.
        fate: of a quantity, why it is no line: ``zero``, ``blank``, or the reason it is quarantined for.
        finding: what it makes the row be marked with.
        formula: the formula, where it is one.
        aside: whether another column of the same field says more, so that this one is kept beside it.
    """

    typed: Any
    sent: Any = SAME
    kept: Any = SAME
    canonical: Any = SAME
    pieces: int = 0
    fate: str = ""
    finding: str | None = None
    formula: str | None = None
    aside: bool = False

    def __post_init__(self) -> None:
        if self.sent is SAME:
            self.sent = self.typed
        if self.kept is SAME:
            self.kept = None if self.sent is None else shown(self.sent)
        if self.canonical is SAME:
            self.canonical = self.kept.upper() if isinstance(self.kept, str) else None


def shown(sent: Any) -> str:
    """A value as a person reads it."""
    if isinstance(sent, bool):
        return str(sent).upper()
    return str(sent).strip()


def pieces(typed: Any, read: int | None = None, **others: Any) -> Cell:
    """A quantity that is ordered; as text it says how many."""
    return Cell(typed, pieces=typed if read is None else read, **others)


def refused(typed: Any, reason: str, read: int = 0, **others: Any) -> Cell:
    """A quantity that is quarantined."""
    return Cell(typed, pieces=read, fate=f"{reason}_quantity", **others)


def missing(typed: Any, **others: Any) -> Cell:
    """A word that says there is no value."""
    return Cell(typed, canonical=None, **others)


def unreadable(typed: Any, finding: str, **others: Any) -> Cell:
    """A value that cannot be read: it stays beside the fields, and the row is marked."""
    return Cell(typed, kept=None, finding=finding, **others)


def day(typed: date, sent: str | None = None) -> Cell:
    return Cell(typed, sent=sent or typed.isoformat(), kept=typed.isoformat()[:10])


def money(typed: Any, kept: str) -> Cell:
    return Cell(typed, kept=Decimal(kept))


def values(number: int) -> dict[str, Cell]:
    """The fields of an ordinary order line, those of each number its own."""
    ends = 1 + number % 28
    return {
        "order_number": Cell(f"a-{1000 + number}"),
        "customer": Cell(CUSTOMER),
        "customer_po": Cell(4500012345 + number),
        "customer_alt_po": Cell(f" Alt  {number} ", kept=f"Alt  {number}", canonical=f"ALT {number}"),
        "style": Cell(f"st {number}"),
        "style_description": Cell(f"A shirt\nof {number} colours"),
        "pattern_id": Cell(f"p-{number}"),
        "alias_item": Cell(f"al {number}"),
        "color": Cell(f"Navy {number}"),
        "color_code": Cell(f"0{number}"),
        "uom": Cell("pcs"),
        "ordered_on": day(date(2026, 1, ends)),
        "ex_factory_on": day(datetime(2026, 3, ends, 10, 30)),
        "eta_on": day(date(2026, 4, ends)),
        "delivery_method": Cell("Sea"),
        "order_type": Cell("RECEIVED"),
        "season": Cell("SS26"),
        "customer_season": Cell("Spring"),
        "drop": Cell(number),
        "category": Cell("Tops"),
        "destination": Cell("UK"),
        "destination_warehouse": Cell("North"),
        "channel": Cell("Web"),
        "customer_price": money(12.5 + number, f"{12.5 + number:.4f}"),
        "final_fob_usd": money(f"${number}.25", f"{number}.2500"),
        "notes": Cell(f"note {number}"),
    }
