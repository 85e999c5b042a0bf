"""Names of sheets: what Excel allows, told apart in 31 characters whatever the customers are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 31
"""Characters in a sheet's name, as UTF-16 units (Excel's specifications and limits)."""
RESERVED: Final = "HISTORY"
"""Excel keeps this name for its own change log."""
NAMELESS: Final = "NO NAME"

_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def sheet_names(customers: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Give each customer a legal sheet name that no other sheet has.

    Args:
        customers: their names, in the order in which names are given out.
        taken: names of the other sheets.

    Returns:
        Customer to sheet name.
    """
    own = {name.casefold() for name in taken}
    used = own | {RESERVED.casefold()}
    names = {}
    for customer in customers:
        legal = _trimmed(_FORBIDDEN.sub("_", customer), LONGEST) or NAMELESS
        name = legal if legal.casefold() not in used else _marked(legal, " (CUSTOMER)", used, own)
        used.add(name.casefold())
        names[customer] = name
    return names


def _marked(legal: str, mark: str, used: set[str], own: set[str]) -> str:
    """Tell a name from the used ones: from our own sheets by a word, from another customer's by a number."""
    if legal.casefold() in own | {RESERVED.casefold()}:
        name = _trimmed(legal, LONGEST - len(mark)) + mark
        if name.casefold() not in used:
            return name
    number = 2
    while True:
        ending = f" ({number})"
        name = _trimmed(legal, LONGEST - len(ending)) + ending
        if name.casefold() not in used:
            return name
        number += 1


def _trimmed(name: str, units: int) -> str:
    """Cut a name to its length, and blanks and apostrophes off its ends (Excel refuses apostrophes there)."""
    name = name.strip(" '")
    while len(name.encode("utf-16-le")) // 2 > units:
        name = name[:-1]
    return name.strip(" '")
