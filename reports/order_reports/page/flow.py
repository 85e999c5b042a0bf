"""Lays the flow of units out: blocks as high as they hold units, and bands between them. Numbers in, shapes out."""

from __future__ import annotations

from typing import Final, NamedTuple

from order_reports.page.figures import Flow

_GAP: Final = 32.0
"""Pixels between two blocks of a column: room for the two lines beside a block of next to no height."""
_LEAST: Final = 1.5
"""Height of the smallest block, so that nothing that is there is invisible."""


class Block(NamedTuple):
    """A place where units are.

    Attributes:
        name: what is written beside it.
        units: how many.
        color: its colour's name in the page's style.
        column: 0 where units come from, 1 packed, 2 where they are.
        top: distance from the top.
        height: in the same measure.
    """

    name: str
    units: int
    color: str
    column: int
    top: float
    height: float


class Band(NamedTuple):
    """Units on their way from one block to another.

    Attributes:
        start: column, and top of the band there.
        end: the same where it arrives.
        height: of the band, the same all the way.
        color: its colour's name.
        text: what it is, in words.
    """

    start: tuple[int, float]
    end: tuple[int, float]
    height: float
    color: str
    text: str


def lay_out(flow: Flow, height: float) -> tuple[list[Block], list[Band]]:
    """Lay the flow out.

    Args:
        flow: where units are.
        height: room from top to bottom, in pixels, more than the gaps take.

    Returns:
        Blocks and bands; places without units have none.
    """
    columns: tuple[tuple[tuple[str, int, str], ...], ...] = (
        (("Beyond orders", flow.beyond, "beyond"), ("Ordered", flow.ordered, "ordered")),
        (("Packed so far", flow.packed, "packed"),),
        (
            ("Shipped", flow.shipped, "shipped"),
            ("Packed, waiting", flow.waiting, "packed"),
            ("Open, not due", flow.open, "open"),
            ("Due and missing", flow.missing, "missing"),
            ("Within tolerance", flow.short, "ordered"),
        ),
    )
    most = max(sum(units > 0 for _, units, _ in column) for column in columns)
    total = max(sum(units for _, units, _ in columns[2]), 1)
    scale = (height - _GAP * max(most - 1, 0)) / total
    blocks: dict[str, Block] = {}
    for place, column in enumerate(columns):
        top = 0.0
        for name, units, color in column:
            if units > 0:
                tall = max(units * scale, _LEAST)
                blocks[name] = Block(name, units, color, place, top, tall)
                top += tall + _GAP
    return list(blocks.values()), _bands(flow, blocks, scale)


def _bands(flow: Flow, blocks: dict[str, Block], scale: float) -> list[Band]:
    ways = (
        ("Beyond orders", "Packed so far", flow.beyond, "beyond"),
        ("Ordered", "Packed so far", flow.filled, "packed"),
        ("Ordered", "Open, not due", flow.open, "open"),
        ("Ordered", "Due and missing", flow.missing, "missing"),
        ("Ordered", "Within tolerance", flow.short, "ordered"),
        ("Packed so far", "Shipped", flow.shipped, "shipped"),
        ("Packed so far", "Packed, waiting", flow.waiting, "packed"),
    )
    left = {name: block.top for name, block in blocks.items()}
    arrived = dict(left)
    bands = []
    for start, end, units, color in ways:
        if units <= 0:
            continue
        tall = max(units * scale, _LEAST)
        bands.append(
            Band(
                (blocks[start].column, left[start]),
                (blocks[end].column, arrived[end]),
                tall,
                color,
                f"{start} to {end.lower()}: {units:,} units",
            )
        )
        left[start] += tall
        arrived[end] += tall
    return bands
