"""The two charts of the summary. Their figures stand in cells of the workbook, so a chart is never another truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import xlsxwriter
from xlsxwriter.chart import Chart

from order_reports.sheets import scorecard
from order_reports.sheets.customers import NO_CUSTOMER
from order_reports.sheets.table import FIRST_ROW
from order_reports.styles import FLAG_CHART, INK, LINE, SERIES_CHART
from order_reports.totals import Customer

MOST_CUSTOMERS: Final = 8
"""More bars than this cannot be told apart."""

_FONT: Final = {"color": INK, "size": 9}


def customers_chart(workbook: xlsxwriter.Workbook, customers: Sequence[Customer]) -> Chart:
    """Draw ordered, packed and shipped by customer from the scorecard.

    Args:
        workbook: the workbook.
        customers: the customers in the scorecard's order, at least one.

    Returns:
        A column chart of the largest customers.
    """
    shown = customers[:MOST_CUSTOMERS]
    last = FIRST_ROW + len(shown) - 1
    chart = workbook.add_chart({"type": "column"})
    figures = {
        "ORDERED": [one.ordered for one in shown],
        "PACKED": [one.packed for one in shown],
        "SHIPPED": [one.shipped for one in shown],
    }
    for name, place in scorecard.SERIES_COLUMNS.items():
        chart.add_series(
            {
                "name": name.capitalize(),
                "categories": [scorecard.NAME, FIRST_ROW, scorecard.CUSTOMER_COLUMN, last, scorecard.CUSTOMER_COLUMN],
                "values": [scorecard.NAME, FIRST_ROW, place, last, place],
                # Kept with the chart for viewers that do not read the cells.
                "categories_data": [NO_CUSTOMER if one.name is None else one.name for one in shown],
                "values_data": figures[name],
                "fill": {"color": SERIES_CHART[name]},
                "gap": 60,
                "overlap": 0,
            }
        )
    largest = f", the {len(shown)} largest customers" if len(customers) > len(shown) else ""
    _title(chart, f"Units ordered, packed and shipped{largest}")
    chart.set_x_axis({"num_font": _FONT | {"size": 8}, "line": {"color": LINE}})
    chart.set_y_axis(
        {"num_font": _FONT, "num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": LINE}}}
    )
    chart.set_legend({"position": "bottom", "font": _FONT})
    return chart


def flags_chart(
    workbook: xlsxwriter.Workbook, sheet_name: str, first_row: int, column: int, flags: Mapping[str, int]
) -> Chart:
    """Draw the quality flags from the table of them on the summary.

    Args:
        workbook: the workbook.
        sheet_name: the summary.
        first_row: the row of the first flag, from 0.
        column: the column of the flags' words; their keys stand right of it.
        flags: every flag to its keys, in the table's order.

    Returns:
        A doughnut.
    """
    last = first_row + len(flags) - 1
    chart = workbook.add_chart({"type": "doughnut"})
    chart.add_series(
        {
            "name": "Match quality",
            "categories": [sheet_name, first_row, column, last, column],
            "values": [sheet_name, first_row, column + 1, last, column + 1],
            "categories_data": list(flags),
            "values_data": list(flags.values()),
            "points": [{"fill": {"color": FLAG_CHART[flag]}, "border": {"color": "#FFFFFF"}} for flag in flags],
            "data_labels": {"percentage": True, "font": {"color": INK, "size": 9, "bold": True}},
        }
    )
    chart.set_hole_size(55)
    _title(chart, "Match quality, share of keys")
    chart.set_legend({"position": "bottom", "font": _FONT})
    return chart


def _title(chart: Chart, text: str) -> None:
    chart.set_title({"name": text, "name_font": {"color": INK, "size": 11, "bold": True}, "overlay": False})
    chart.set_chartarea({"border": {"color": LINE}, "fill": {"color": "#FFFFFF"}})
