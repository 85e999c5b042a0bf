"""Every real layout with every hazard that order lists are known for, written and read back cell for cell."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest

LAYOUTS = json.loads(Path(__file__).with_name("layouts.json").read_text())
UNIT, TOTAL = "UNIT OF MEASURE", "TOTAL QTY"
ROWS = 3


class List:
    """An order list about to be written: its cells, and what reading it should give."""

    def __init__(self, columns: list[str]) -> None:
        self.unit, self.total = columns.index(UNIT), columns.index(TOTAL)
        self.header = [int(name) if name.isdigit() else name for name in columns]
        self.names = list(columns)
        self.rows = [
            [row * 1000 + n if self.unit < n < self.total else f"{name} {row}" for n, name in enumerate(columns)]
            for row in range(1, ROWS + 1)
        ]
        self.expected = [list(row) for row in self.rows]
        self.above: list[list[object]] = []
        self.below: list[list[object]] = []

    @property
    def sizes(self) -> range:
        return range(self.unit + 1, self.total)

    def set(self, row: int, column: int, written: object, read: object) -> None:
        self.rows[row][column], self.expected[row][column] = written, read


def nothing(_: List) -> None:
    pass


def title_above(order_list: List) -> None:
    order_list.above = [["ORDER LIST 2026"], [], ["printed on Monday"]]


def second_table_below(order_list: List) -> None:
    order_list.below = [[], [], list(order_list.header), ["not ours"] * 9]


def blank_rows(order_list: List) -> None:
    order_list.below = [[] for _ in range(500)]


def headers_as_dates(order_list: List) -> None:
    for column in order_list.sizes:
        if match := re.fullmatch(r"(\d{1,2})[-/](\d{1,2})", order_list.names[column]):
            month, day = int(match[1]), int(match[2])
            if month <= 12 and day <= 28:
                order_list.header[column] = dt.datetime(2026, month, day)
                order_list.names[column] = f"{month}-{day}"


def headers_as_fractions(order_list: List) -> None:
    order_list.header = [float(name) if isinstance(name, int) else name for name in order_list.header]


def untidy_headers(order_list: List) -> None:
    order_list.header = [f"  {name} \n" if isinstance(name, str) else name for name in order_list.header]


def same_header_twice(order_list: List) -> None:
    first, second = order_list.sizes[0], order_list.sizes[1]
    order_list.header[second] = order_list.header[first]
    order_list.names[second] = order_list.names[first]


def quantities_as_text(order_list: List) -> None:
    for column, text in zip(order_list.sizes, ("12 ", "1,200", "-", "TBC", "12 pcs"), strict=False):
        order_list.set(0, column, text, text)


def odd_quantities(order_list: List) -> None:
    for column, value in zip(order_list.sizes, (-5, 0.5, 0, 28.0, True), strict=False):
        order_list.set(0, column, value, 28 if value == 28.0 else value)


def error_cells(order_list: List) -> None:
    order_list.set(1, order_list.sizes[0], "#N/A", "#N/A")
    order_list.set(1, order_list.total, "#REF!", "#REF!")


def empty_cells(order_list: List) -> None:
    for column in (0, order_list.sizes[0], order_list.total):
        order_list.set(2, column, None, None)


def dates_and_times(order_list: List) -> None:
    order_list.set(0, order_list.total + 1, dt.datetime(2026, 3, 4), "2026-03-04")
    order_list.set(1, order_list.total + 1, dt.datetime(2026, 3, 4, 10), "2026-03-04T10:00:00")


HAZARDS = [
    *(nothing, title_above, second_table_below, blank_rows, headers_as_dates, headers_as_fractions, untidy_headers),
    *(same_header_twice, quantities_as_text, odd_quantities, error_cells, empty_cells, dates_and_times),
]


@pytest.mark.slow
@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard.__name__)
@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout["layout"] for layout in LAYOUTS])
def test_every_layout_comes_back_cell_for_cell_whatever_the_hazard(tmp_path, save, read, layout, hazard):
    written = List(layout["columns"])
    hazard(written)
    rows = [*written.above, written.header, *written.rows, *written.below]
    found = read(save(tmp_path / "a.xlsx", {"MASTER": rows}))

    first = len(written.above) + 2
    assert found.header.names == tuple(written.names)
    assert list(found.rows) == list(range(first, first + ROWS))
    for number, expected in enumerate(written.expected, first):
        cells, sizes = found.rows[number]
        pairs = [[name, value] for name, value in zip(written.names, expected, strict=True) if value is not None]
        within = [[written.names[column], expected[column]] for column in written.sizes if expected[column] is not None]
        assert sizes == within
        assert sorted(map(repr, cells + sizes)) == sorted(map(repr, pairs))
    numbers = [
        row[column]
        for row in written.expected
        for column in written.sizes
        if isinstance(row[column], int | float) and not isinstance(row[column], bool)
    ]
    assert found.table.qty == sum(numbers)
