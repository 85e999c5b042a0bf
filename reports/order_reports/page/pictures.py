"""The page's pictures: Vega specifications, turned into SVG by vl-convert, in the colours of the page's own style.

Colours are the style's variables, so that one picture serves light, dark and paper. Sizes, ticks and cuts are set
here and not left to the measuring of text, so that the same figures give the same bytes on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import vl_convert
from markupsafe import Markup

from order_reports.page.figures import Flow, Needs
from order_reports.page.flow import lay_out

MOST_BARS: Final = 12
"""Customers in the picture; all others are in its table."""
_INK: Final = "var(--ink)"
_MUTED: Final = "var(--muted)"
_FONT: Final = "inherit"
_NARROW: Final = 400
"""Pixels; a picture for a telephone is no wider."""
_GAP: Final = 6
"""Between a bar and its figure."""
_DIGIT: Final = 8
"""Room for a digit of a bar's figure; a comma needs less."""
_EDGE: Final = 16
"""Above and below the flow, where the names of blocks of next to no height reach over."""
_BLOCK: Final = 12
"""Width of a block of the flow."""

Spec = dict[str, Any]


def start_vega() -> None:
    """Draw nothing, for the first picture takes half a second, in which the interpreter stands still."""
    vl_convert.vega_to_svg({"width": 1, "height": 1}, allowed_base_urls=[])


def flow_picture(flow: Flow, *, width: int, height: int, beside: int, label: str) -> Markup:
    """Draw where units came from and where they are.

    Args:
        flow: the units.
        width: of the picture, in pixels.
        height: of the picture.
        beside: room for the names right of the last blocks.
        label: what the picture is, for those who do not see it.

    Returns:
        An SVG element.
    """
    blocks, bands = lay_out(flow, height - 2 * _EDGE)
    step = (width - beside - _BLOCK) / 2
    small, large = (12, 15) if width > _NARROW else (10.5, 13)
    shapes = []
    for band in bands:
        (start, top), (end, arrival) = band.start, band.end
        top, arrival = top + _EDGE, arrival + _EDGE
        left, right = start * step + _BLOCK, end * step
        middle = (left + right) / 2
        low, arrived_low = top + band.height, arrival + band.height
        path = (
            f"M{left:.1f},{top:.1f}C{middle:.1f},{top:.1f},{middle:.1f},{arrival:.1f},{right:.1f},{arrival:.1f}"
            f"L{right:.1f},{arrived_low:.1f}C{middle:.1f},{arrived_low:.1f},{middle:.1f},{low:.1f},{left:.1f},{low:.1f}Z"
        )
        shapes.append({"path": path, "color": f"var(--{band.color})"})
    places = [
        {
            "x": block.column * step,
            "y": block.top + _EDGE,
            "height": block.height,
            "color": f"var(--{block.color})",
            "name": block.name,
            "units": f"{block.units:,}",
        }
        for block in blocks
    ]
    text = {"font": {"value": _FONT}, "baseline": {"value": "middle"}}
    beside_block = {"x": {"field": "x", "offset": _BLOCK + 8}}
    spec: Spec = {
        "width": width,
        "height": height,
        "padding": 0,
        "autosize": "none",
        "data": [{"name": "bands", "values": shapes}, {"name": "blocks", "values": places}],
        "marks": [
            {
                "type": "path",
                "from": {"data": "bands"},
                "encode": {
                    "enter": {"path": {"field": "path"}, "fill": {"field": "color"}, "fillOpacity": {"value": 0.22}}
                },
            },
            {
                "type": "rect",
                "from": {"data": "blocks"},
                "encode": {
                    "enter": {
                        "x": {"field": "x"},
                        "y": {"field": "y"},
                        "width": {"value": _BLOCK},
                        "height": {"field": "height"},
                        "fill": {"field": "color"},
                        "cornerRadius": {"value": 2},
                    }
                },
            },
            *(
                {
                    "type": "text",
                    "from": {"data": "blocks"},
                    "encode": {
                        "enter": {
                            **text,
                            **beside_block,
                            "y": {"signal": f"datum.y + datum.height / 2 + ({offset})"},
                            "text": {"field": field},
                            "fill": {"value": color},
                            "fontSize": {"value": size},
                            "fontWeight": {"value": weight},
                        }
                    },
                }
                for field, offset, color, size, weight in (
                    ("units", -8, _INK, large, 600),
                    ("name", 8, _MUTED, small, 400),
                )
            ),
        ],
    }
    return _svg(vl_convert.vega_to_svg(spec, allowed_base_urls=[]), label)


def customers_picture(needs: Sequence[Needs], *, width: int, names: int, label: str) -> Markup:
    """Draw the units that somebody has to act on, by customer.

    Args:
        needs: the customers, ranked; the first ones are shown.
        width: of the picture, in pixels.
        names: room for the names, in pixels.
        label: what the picture is, for those who do not see it.

    Returns:
        An SVG element.
    """
    shown = [one for one in needs if one.to_act_on > 0][:MOST_BARS]
    rows = [
        {
            "rank": rank,
            "name": cut(one.customer.name or "NO CUSTOMER", names // 9),
            "kind": kind,
            "units": units,
            "order": order,
        }
        for rank, one in enumerate(shown)
        for order, (kind, units) in enumerate((("missing", one.missing), ("beyond", one.beyond)))
    ]
    totals = [
        {"rank": rank, "units": one.to_act_on, "text": f"{one.to_act_on:,}", "name": rows[rank * 2]["name"]}
        for rank, one in enumerate(shown)
    ]
    right = _GAP + _DIGIT * max((len(f"{one.to_act_on:,}") for one in shown), default=0)
    height = 26 * len(shown)
    most = max((one.to_act_on for one in shown), default=1)
    x = {"field": "units", "type": "quantitative", "scale": {"domain": [0, most], "nice": False}, "axis": None}
    y: Spec = {"field": "rank", "type": "ordinal", "scale": {"paddingInner": 0.4, "paddingOuter": 0.2}, "axis": None}
    spec: Spec = {
        "width": width - names - right,
        "height": height,
        "padding": {"left": names, "right": right, "top": 0, "bottom": 0},
        "autosize": "none",
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "bar"},
                "encoding": {
                    "x": x | {"stack": "zero"},
                    "y": y,
                    "order": {"field": "order"},
                    "color": {
                        "field": "kind",
                        "legend": None,
                        "scale": {"domain": ["missing", "beyond"], "range": ["var(--missing)", "var(--beyond)"]},
                    },
                },
            },
            {
                "data": {"values": totals},
                "mark": {"type": "text", "align": "left", "dx": _GAP, "fontSize": 13, "fontWeight": 600, "color": _INK},
                "encoding": {"x": x, "y": y, "text": {"field": "text"}},
            },
            {
                "data": {"values": totals},
                "mark": {
                    "type": "text",
                    "align": "right",
                    "x": -10,
                    "fontSize": 13 if width > _NARROW else 12,
                    "color": _INK,
                },
                "encoding": {"y": y, "text": {"field": "name"}},
            },
        ],
    }
    return _draw(spec, label)


def trend_picture(values: Sequence[int], label: str) -> Markup:
    """Draw how one figure went over the last runs.

    Args:
        values: the oldest first, at least one.
        label: what the picture is, for those who do not see it.

    Returns:
        An SVG element.
    """
    low, high = min(values), max(values)
    # At least a fiftieth of the figure from top to bottom, so that a change of next to nothing looks like that.
    air = max((high - low) * 0.15, (abs(high) * 0.02 - (high - low)) / 2, 1)
    rows = [{"run": place, "units": value} for place, value in enumerate(values)]
    x = {"field": "run", "type": "quantitative", "axis": None, "scale": {"domain": [0, max(len(rows) - 1, 1)]}}
    y = {
        "field": "units",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [low - air, high + air], "nice": False, "zero": False},
    }
    spec: Spec = {
        "width": 220,
        "height": 56,
        "padding": 6,
        "autosize": "none",
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "line", "color": "var(--line-ink)", "strokeWidth": 2, "strokeJoin": "round"},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": rows[-1:]},
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": "var(--line-ink)"},
                "encoding": {"x": x, "y": y},
            },
        ],
    }
    return _draw(spec, label)


def cut(text: str, longest: int) -> str:
    """Cut a text to a number of characters."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _draw(spec: Mapping[str, Any], label: str) -> Markup:
    config = {"view": {"stroke": None}, "font": _FONT, "background": None}
    return _svg(vl_convert.vegalite_to_svg({**spec, "config": config}, allowed_base_urls=[]), label)


_INNER: Final = re.compile(r' (?:role|aria-[a-z]+|class|pointer-events)="[^"]*"')
_OPENING: Final = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"[^>]*>')
_UNSEEN: Final = re.compile(r"<path[^>]* (?:display=\"none\"|d=\"M[-\d.,]+h[-\d.]+v[-\d.]+h[-\d.]+Z\")/>")


def _svg(drawn: str, label: str) -> Markup:
    """Make one labelled picture of what Vega drew: its parts are in the table beside it, so they need no labels."""
    opening = _OPENING.match(drawn)
    # Ids of two pictures on one page would clash, and Vega numbers them by what it drew before.
    if opening is None or ' id="' in drawn:
        msg = "vl-convert gave an SVG of a kind that does not fit into a page."
        raise ValueError(msg)
    inner = _UNSEEN.sub("", _INNER.sub("", drawn[opening.end() :]))
    width, height = (float(size) for size in opening.groups())
    head = Markup('<svg role="img" aria-label="{}" viewBox="0 0 {:g} {:g}" width="{:g}" height="{:g}">').format(
        label, width, height, width, height
    )
    return head + Markup(inner)  # noqa: S704  (drawn by Vega, which escapes the texts in it)
