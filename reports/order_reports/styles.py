"""Colours and cell formats of the workbook, each made once. No colour speaks alone: its word stands in the cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format

from order_reports.rows import Look

NAVY: Final = "#1F3A5F"
INK: Final = "#1F2937"
MUTED: Final = "#6B7280"
LINE: Final = "#D1D5DB"
PAPER: Final = "#F3F5F8"
LINK_BLUE: Final = "#1D4ED8"
GREEN: Final = ("#D9F2E3", "#14532D")
LIME: Final = ("#EAF6D5", "#3F6212")
BLUE: Final = ("#DCEBFA", "#1E3A8A")
AMBER: Final = ("#FDECC8", "#7C4A03")
RED: Final = ("#FAD4D4", "#8B1A1A")
VIOLET: Final = ("#E7DDF7", "#4C2889")
PINK: Final = ("#F9D9EC", "#831A5B")
ORANGE: Final = ("#FFE3CC", "#8A3B00")
GREY: Final = ("#ECEEF1", "#4B5563")
BAD: Final = "#B3261E"
GOOD: Final = "#1B7F4B"

STATUS: Final = {
    "COMPLETE": GREEN,
    "OPEN": BLUE,
    "UNDER": AMBER,
    "UNFULFILLED": RED,
    "OVER": VIOLET,
    "NO ORDER": PINK,
    "CANCELLED": GREY,
    "UNREAD SOURCE": RED,
    "STALE SOURCE": ORANGE,
    "SUPERSEDED": GREY,
    "ODD ROW": AMBER,
    "ODD CARTON": AMBER,
    "SOURCES DIFFER": ORANGE,
    "LOST DECISION": VIOLET,
    "LOST WORKBOOK": GREY,
}
"""Fill and ink of what a row is, in the words that the workbook shows."""

FLAG: Final = {"GOOD": GREEN, "ACCEPTABLE": LIME, "QUESTIONABLE": AMBER, "POOR": RED}
"""Fill and ink of a quality flag."""

COLORS: Final = STATUS | FLAG
"""Fill and ink of every coloured word."""

FLAG_CHART: Final = {"GOOD": "#2E9E63", "ACCEPTABLE": "#A3C644", "QUESTIONABLE": "#F0B23E", "POOR": "#D64545"}
"""The flags in a chart, where pale fills would not be seen."""
SERIES_CHART: Final = {"ORDERED": "#9AA8BC", "PACKED": "#F0B23E", "SHIPPED": "#2F6DB5"}

UNITS: Final = "#,##0"
PERCENT: Final = "0.0%"
SCORE: Final = "0.0"
DATE: Final = "yyyy-mm-dd"
TIME: Final = "yyyy-mm-dd hh:mm"


@dataclass(frozen=True)
class Styles:
    """The formats of one workbook.

    Attributes:
        looks: how a table's column of each kind looks.
        header: a table's header, by how it is aligned.
        total: a table's line of totals, units and texts.
        title: the title of a sheet.
        note: small grey text.
        back: the link back to the summary.
        badge: a word's own colours, centred, by the word.
    """

    looks: dict[str, Look]
    header: dict[str, Format]
    total: Format
    total_label: Format
    title: Format
    note: Format
    back: Format
    badge: dict[str, Format]
    workbook: xlsxwriter.Workbook

    def one(self, **properties: Any) -> Format:  # noqa: ANN401  (XlsxWriter's own properties)
        """Make a format for one place."""
        return self.workbook.add_format({"font_color": INK, "valign": "vcenter", **properties})


def styles(workbook: xlsxwriter.Workbook) -> Styles:
    """Make the formats of a workbook.

    Args:
        workbook: the workbook; formats are numbered in the order of use.

    Returns:
        The formats.
    """

    def make(**properties: Any) -> Format:  # noqa: ANN401  (XlsxWriter's own properties)
        return workbook.add_format({"font_color": INK, "valign": "top", **properties})

    badge = {
        word: make(bg_color=fill, font_color=ink, bold=True, align="center") for word, (fill, ink) in COLORS.items()
    }
    text = make(align="left", indent=1)
    looks = {
        "text": Look(text),
        "wrap": Look(make(text_wrap=True, align="left", indent=1)),
        "units": Look(make(num_format=UNITS)),
        "percent": Look(make(num_format=PERCENT)),
        "score": Look(make(num_format=SCORE)),
        "date": Look(make(num_format=DATE, align="center")),
        "time": Look(make(num_format=TIME, align="center")),
        "badge": Look(make(align="center"), by_value=badge),
        "link": Look(text, linked=make(font_color=LINK_BLUE, underline=1, align="left", indent=1)),
        "input": Look(
            make(bg_color="#FFF9DB", border=1, border_color="#E5C94B", bold=True, align="center"), blanks=True
        ),
        "remark": Look(make(bg_color="#FFF9DB", border=1, border_color="#E5C94B"), blanks=True),
        "id": Look(make(font_color=MUTED)),
    }
    header: dict[str, Any] = {
        "bold": True,
        "font_color": "#FFFFFF",
        "bg_color": NAVY,
        "text_wrap": True,
        "valign": "vcenter",
        "right": 1,
        "right_color": "#5B7393",
    }
    total = {"bold": True, "bg_color": PAPER, "bottom": 1, "bottom_color": LINE}
    return Styles(
        looks=looks,
        header={
            "left": make(**header, align="left", indent=1),
            "center": make(**header, align="center"),
            "right": make(**header, align="right"),
        },
        total=make(**total, num_format=UNITS),
        total_label=make(**total),
        title=make(bold=True, font_size=16, font_color=NAVY, valign="vcenter"),
        note=make(font_color=MUTED),
        back=make(font_color=LINK_BLUE, underline=1),
        badge=badge,
        workbook=workbook,
    )
