"""The words that reports use for what a row is and how good it is, with what each means."""

from __future__ import annotations

from typing import Final

MEANING: Final = {
    "COMPLETE": "ordered, packed and shipped agree within the tolerance",
    "OPEN": "not due yet",
    "UNDER": "due, and too little packed or shipped",
    "UNFULFILLED": "due, and nothing packed or shipped",
    "OVER": "more packed or shipped than ordered",
    "NO ORDER": "packed or shipped, and no order for it",
    "CANCELLED": "cancelled, nothing to fill",
    "UNREAD SOURCE": "never read, so its orders are missing here",
    "STALE SOURCE": "could not be read again: older figures stand",
    "SUPERSEDED": "a workbook left out because another counts",
    "ODD ROW": "a cell or header of a workbook to correct",
    "ODD CARTON": "packed, and shipped in part",
    "SOURCES DIFFER": "workbook and view order different quantities",
    "LOST DECISION": "what was decided about is gone",
    "LOST WORKBOOK": "named in customers.yml and not there",
    "GOOD": "exact match, variance within the tolerance",
    "ACCEPTABLE": "fuzzy match of 90 or more, within it too",
    "QUESTIONABLE": "fuzzy match of 75 or more, within it too",
    "POOR": "anything else",
}
"""The legend: what each word says."""
