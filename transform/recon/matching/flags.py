"""What a reconciled key means: its status for planners and the quality flag of its match."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from recon.frames import text

ACCEPTABLE_SCORE: Final = 90
QUESTIONABLE_SCORE: Final = 75


def due_by(today: date, grace_days: int) -> pd.Timestamp:
    """Give the last ex factory date that is due: a line is due from ``ex_factory_on`` + ``grace_days`` on."""
    return pd.Timestamp(today - timedelta(days=grace_days))


def recon_status(facts: pd.DataFrame) -> pd.Series[Any]:
    """Decide each key's status.

    The rule, first that holds, where *fulfilled* is packed + shipped and *within tolerance* is a difference of at
    most ``tolerance_pct`` percent (the customer's, else the general one) of the ordered quantity:

    1. ``NO_ORDER``: a fulfilment key that matched no order.
    2. ``CANCELLED``: every line is cancelled and nothing was fulfilled. Goods against a cancelled order are ``OVER``.
    3. ``OVER``: fulfilled is over ordered by more than the tolerance. It needs no due date.
    4. ``OPEN``: no line is due yet (``ex_factory_on`` + ``grace_days`` lies after today), however much was fulfilled.
       A line without a date is due. Of a key with several dates, it is also ``OPEN`` while what is due is covered
       within tolerance and the whole is not.
    5. ``UNFULFILLED``: nothing fulfilled.
    6. ``UNDER``: short of ordered by more than the tolerance.
    7. ``COMPLETE``.

    Args:
        facts: has_order, ordered_qty, due_qty (ordered units of lines that are due), cancelled_lines, order_lines,
            packed_qty, shipped_qty, tolerance_pct.

    Returns:
        One code a row.
    """
    ordered = facts["ordered_qty"].to_numpy()
    due = facts["due_qty"].to_numpy()
    fulfilled = (facts["packed_qty"] + facts["shipped_qty"]).to_numpy()
    tolerance = facts["tolerance_pct"].to_numpy()
    all_cancelled = (facts["cancelled_lines"] == facts["order_lines"]).to_numpy()
    missing = ordered - fulfilled
    over = -missing * 100 > tolerance * ordered
    under = missing * 100 > tolerance * ordered
    due_covered = (due - fulfilled) * 100 <= tolerance * due
    open_ = (due < ordered) & ((due == 0) | (due_covered & under))
    return pd.Series(
        np.select(
            [~facts["has_order"].to_numpy(), all_cancelled & (fulfilled == 0), over, open_, fulfilled == 0, under],
            ["NO_ORDER", "CANCELLED", "OVER", "OPEN", "UNFULFILLED", "UNDER"],
            default="COMPLETE",
        ),
        index=facts.index,
        dtype="str",
    )


def quality_flag(facts: pd.DataFrame) -> pd.Series[Any]:
    """Decide each key's quality flag, the previous system's rule kept.

    ``EXACT`` within tolerance is ``GOOD``; ``FUZZY`` within tolerance is ``ACCEPTABLE`` from a score of 90,
    ``QUESTIONABLE`` from 75; all else is ``POOR``. ``OPEN``, ``CANCELLED`` and keys without fulfilment have none.

    Args:
        facts: recon_status, match_type, match_score, ordered_qty, packed_qty, shipped_qty, tolerance_pct.

    Returns:
        One code a row, missing where there is none.
    """
    fulfilled = (facts["packed_qty"] + facts["shipped_qty"]).to_numpy()
    ordered = facts["ordered_qty"].to_numpy()
    within = (np.abs(ordered - fulfilled) * 100 <= facts["tolerance_pct"].to_numpy() * ordered) & (ordered > 0)
    kind, score = facts["match_type"], facts["match_score"].fillna(0).to_numpy()
    exact, fuzzy = (kind == "EXACT").to_numpy(), (kind == "FUZZY").to_numpy()
    none = facts["recon_status"].isin(["OPEN", "CANCELLED"]).to_numpy() | (fulfilled == 0)
    flags = np.select(
        [
            none,
            within & exact,
            within & fuzzy & (score >= ACCEPTABLE_SCORE),
            within & fuzzy & (score >= QUESTIONABLE_SCORE),
        ],
        ["", "GOOD", "ACCEPTABLE", "QUESTIONABLE"],
        default="POOR",
    )
    return text(flag or None for flag in flags).set_axis(facts.index)
