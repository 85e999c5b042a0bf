"""Builds the page of what there is to tell: draws the pictures and fills the template."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from order_reports.exceptions import first_troubles
from order_reports.moments import day, moment
from order_reports.page.figures import Flow, Needs, PastRun, Published, flow_of, ranked
from order_reports.page.pictures import customers_picture, cut, flow_picture, trend_picture
from order_reports.settings import FILE_NAME
from order_reports.told import Told
from order_reports.totals import Headline
from order_reports.wording import failed_run, run_line, running, told_of, verdict
from order_reports.words import MEANING

MOST_EXCEPTIONS: Final = 500
"""Rows of the exceptions' table; the workbook holds the rest. About 400 bytes a row."""
MOST_CUSTOMERS: Final = 100
MOST_PRINTED: Final = 60
"""Exceptions that go on paper, as page.css says too."""
LONGEST: Final = 200
"""Characters of a text from a source; the workbook holds it whole."""

COLORS: Final = {
    **dict.fromkeys(("succeeded",), "green"),
    **dict.fromkeys(("running", "OPEN"), "blue"),
    **dict.fromkeys(("failed", "UNFULFILLED", "UNREAD SOURCE"), "red"),
    **dict.fromkeys(("UNDER", "ODD ROW", "ODD CARTON"), "amber"),
    **dict.fromkeys(("STALE SOURCE", "SOURCES DIFFER"), "orange"),
    **dict.fromkeys(("OVER", "LOST DECISION"), "violet"),
    "NO ORDER": "pink",
    **dict.fromkeys(("SUPERSEDED", "LOST WORKBOOK"), "grey"),
}
"""The colour of each word, by its name in page.css."""


_PARTS: Final = ("page.js", "page.css")
_SECTIONS: Final = (
    ("flow", "Flow"),
    ("customers", "Customers"),
    ("trend", "Trend"),
    ("exceptions", "Exceptions"),
    ("runs", "Runs"),
)
_TEMPLATES: Final = Environment(
    loader=PackageLoader("order_reports", "page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
"""Everything that is not our own is escaped: names and reasons come from other people's files."""


def build(found: Told) -> str:
    """Make the page.

    Args:
        found: what it tells.

    Returns:
        The whole document.
    """
    runs, past = found.runs, found.past
    script, style = (files(__package__).joinpath(name).read_text(encoding="utf-8").strip() for name in _PARTS)
    told: dict[str, Any] = {
        "script": Markup(script),  # noqa: S704  (our own)
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
        "style": Markup(style),  # noqa: S704  (our own)
        "colors": COLORS,
        "told": told_of(runs),
        "failed": failed_run(runs),
        "running": running(runs),
        "empty": None if runs.last else "The warehouse is empty. Run full-sync; this page then shows how things stand.",
        "as_of": day(runs.told.as_of) if runs.told else None,
        "footer": run_line(runs.told) if runs.told else "No run yet",
        "workbook": FILE_NAME,
        "shown": runs.good is not None,
        "nav": [("runs", "Runs")] if past else [],
        "runs": [_run(run) for run in past],
        "meanings": [(word, meaning) for word, meaning in MEANING.items() if word in COLORS],
    }
    if runs.good is not None:
        books = found.books
        waiting = (len(found.troubles), len(found.questions), len(found.quarantined))
        told |= {
            "nav": _SECTIONS,
            "balanced": books.balanced,
            "verdict": verdict(books),
            "waiting": "Waiting for a person: {:,} exceptions, {:,} matches to review, {:,} in quarantine.".format(
                *waiting
            ),
            **_headline(found.totals.headline()),
            **_flow(flow_of(found.totals)),
            **_customers(ranked(found.totals.customers)),
            **_trend(past),
            **_exceptions(found.troubles),
        }
    return _TEMPLATES.get_template("page.html").render(told)


def _headline(head: Headline) -> dict[str, Any]:
    def of_ordered(units: int) -> str:
        return f"{_share(units, head.ordered)} of ordered" if head.ordered else ""

    cancelled = f"{head.cancelled:,} more cancelled" if head.cancelled else ""
    return {
        "tiles": (
            ("Ordered", head.ordered, cancelled, False),
            ("Shipped", head.shipped, of_ordered(head.shipped), False),
            ("Packed, waiting", head.packed, of_ordered(head.packed), False),
            ("Open, not due", head.open, of_ordered(head.open), False),
            ("Due and missing", head.missing, of_ordered(head.missing), head.missing > 0),
            ("Too many or no order", head.beyond, of_ordered(head.beyond), head.beyond > 0),
        )
    }


def _flow(flow: Flow) -> dict[str, Any]:
    rows = (
        ("Ordered", flow.ordered),
        ("Packed or shipped beyond orders", flow.beyond),
        ("Packed so far", flow.packed),
        ("Shipped", flow.shipped),
        ("Packed, waiting", flow.waiting),
        ("Open, not due", flow.open),
        ("Due and missing", flow.missing),
        ("Missing within tolerance", flow.short),
    )
    label = "Flow of units. " + ". ".join(f"{name}: {units:,}" for name, units in rows) + "."
    drawn = flow.ordered + flow.beyond > 0
    return {
        "flow_rows": [(name, units, _share(units, flow.ordered) if flow.ordered else "") for name, units in rows],
        "flow_wide": flow_picture(flow, width=1060, height=300, beside=150, label=label) if drawn else None,
        "flow_narrow": flow_picture(flow, width=330, height=340, beside=116, label=label) if drawn else None,
    }


def _customers(needs: Sequence[Needs]) -> dict[str, Any]:
    label = "Units to act on, by customer. The figures are in the table below."
    drawn = any(one.to_act_on for one in needs)
    return {
        "customers": [_customer(rank, one) for rank, one in enumerate(needs[:MOST_CUSTOMERS], 1)],
        "customers_left": max(len(needs) - MOST_CUSTOMERS, 0),
        "bars_wide": customers_picture(needs, width=1060, names=240, label=label) if drawn else None,
        "bars_narrow": customers_picture(needs, width=330, names=140, label=label) if drawn else None,
    }


def _customer(rank: int, one: Needs) -> tuple[Any, ...]:
    told = one.customer
    # Goods without an order fill none.
    filled = told.packed + told.shipped + told.units("NO_ORDER")
    return (
        rank,
        _text(told.name) or "NO CUSTOMER",
        told.ordered,
        told.shipped,
        told.packed,
        f"{filled / told.ordered:.6f}" if told.ordered else "",
        _share(filled, told.ordered) if told.ordered else "",
        told.units("OPEN"),
        one.missing,
        one.beyond,
    )


def _trend(past: Sequence[PastRun]) -> dict[str, Any]:
    published = [run for run in reversed(past) if run.units is not None and run.status == "succeeded"]
    if not published:
        return {"trends": ()}
    units = [run.units for run in published if run.units is not None]
    figures = {
        "Ordered": [one.ordered for one in units],
        "Shipped": [one.shipped for one in units],
        "Packed, waiting": [one.packed for one in units],
        "Without an order": [one.unmatched for one in units],
    }
    return {
        "trend_runs": len(published),
        "trend_from": moment(published[0].started_at),
        "trend_to": moment(published[-1].started_at),
        "trends": [
            (name, values[-1], _change(values), trend_picture(values, f"{name}: {_change(values)}."))
            for name, values in figures.items()
        ],
    }


def _change(values: Sequence[int]) -> str:
    if len(values) == 1:
        return "the first run"
    last, first = values[-1] - values[-2], values[-1] - values[0]
    return f"{last:+,} since the last run, {first:+,} in all" if last or first else "no change"


def _exceptions(found: pa.Table) -> dict[str, Any]:
    some = first_troubles(found, MOST_EXCEPTIONS)
    return {
        "exceptions": [
            {
                "what": one.what,
                "customer": _text(one.customer) or ("NO CUSTOMER" if one.key else ""),
                "po": _text(one.customer_po),
                "item": " · ".join(_text(part) for part in (one.style, one.color, one.size) if part),
                "variance": one.variance,
                "days": one.days,
                "weight": one.weight,
                "why": cut(one.why, 2 * LONGEST),
                "where": _text(one.where),
            }
            for one in some
        ],
        "exceptions_left": len(found) - len(some),
        "printed": MOST_PRINTED,
        "kinds": sorted(Counter(one.what for one in some).items(), key=lambda pair: (-pair[1], pair[0])),
    }


def _run(run: PastRun) -> dict[str, Any]:
    return {
        "started_at": run.started_at,
        "started": _minute(run.started_at),
        "job": run.job,
        "status": run.status,
        "seconds": run.seconds,
        "rows": run.rows,
        "units": run.units or (None,) * len(Published._fields),
        "quarantined": run.quarantined,
        "reason": cut(run.reason or "", 2 * LONGEST),
    }


def _minute(time: datetime) -> str:
    return f"{day(time)}, {time:%H:%M}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"


def _text(found: str | None) -> str:
    return cut(found or "", LONGEST)
