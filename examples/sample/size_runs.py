"""Header rows of the order lists and the size runs in them.

A size run holds several families at once (letters, waists, months of age); one style is only ever ordered in
one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BEFORE_SIZES: Final = "UNIT OF MEASURE"
AFTER_SIZES: Final = "TOTAL QTY"
SAMPLE_SIZE: Final = "SMS"
LAYOUTS_FILE: Final = Path(__file__).resolve().parent.parent / "layouts.json"

_FAMILIES: Final[tuple[tuple[str, str], ...]] = (
    ("sample", r"SMS"),
    ("one size", r"OS|O/S|ONE SIZE"),
    ("fit", r"S/P|S\+"),
    ("cup", r"(?:AB|CD|C|D)/X*[SML]"),
    ("bra", r"\d\d[A-D]+"),
    ("months", r"\d+/\d+ MTHS|\d+-\d+M"),
    ("years", r"\d+Y"),
    ("ages", r"\d+[-/]\d+"),
    ("inseam", r"\d+x\d+"),
    ("plus", r"\dX"),
    ("numbers", r"\d+"),
    ("pairs", r"\w*[SML][-/]\w*[SML]"),
    ("letters", r"X*S|M|X*L|\dXL|\dXT"),
)


def header_rows() -> dict[str, list[str]]:
    """Read the header rows of the 14 layouts.

    Returns:
        Layout name (``L01`` …) to its headers in sheet order.
    """
    layouts: dict[str, list[str]] = json.loads(LAYOUTS_FILE.read_text(encoding="utf-8"))["layouts"]
    return layouts


def size_run(headers: Sequence[str]) -> list[str]:
    """Give the size columns of a header row: those strictly between UNIT OF MEASURE and TOTAL QTY."""
    return list(headers[headers.index(BEFORE_SIZES) + 1 : headers.index(AFTER_SIZES)])


def size_family(size: str) -> str:
    """Name the family that a size belongs to.

    Raises:
        ValueError: no family holds the size.
    """
    for family, pattern in _FAMILIES:
        if re.fullmatch(pattern, size):
            return family
    msg = f"the size {size!r} belongs to no family in {__name__}"
    raise ValueError(msg)


def size_families(run: Sequence[str]) -> dict[str, list[str]]:
    """Split a size run into its families, samples left out.

    Returns:
        Family name to its sizes in the run's order.
    """
    families: dict[str, list[str]] = {}
    for size in run:
        if size != SAMPLE_SIZE:
            families.setdefault(size_family(size), []).append(size)
    return families
