"""Order lists as planners keep them: a layout's columns, rows whose every cell says what is to become of it, and the
workbook made of them.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from tests.order_lists.cells import Cell, pieces, values

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS: dict[str, list[str]] = {
    layout["layout"]: layout["columns"]
    for layout in json.loads(
        (ROOT / "mappers" / "mapper-orders" / "tests" / "data" / "order_list_layouts.json").read_text(encoding="utf-8")
    )
}
"""Name to header row of the 14 real layouts."""

FIELDS = {
    "AAG ORDER NUMBER": "order_number",
    "CUSTOMER NAME": "customer",
    "PO NUMBER": "customer_po",
    "CUSTOMER ALT PO": "customer_alt_po",
    "CUSTOMER STYLE": "style",
    "STYLE DESCRIPTION": "style_description",
    "PATTERN ID": "pattern_id",
    "ALIAS/RELATED ITEM": "alias_item",
    "CUSTOMER COLOUR DESCRIPTION": "color",
    "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": "color_code",
    "UNIT OF MEASURE": "uom",
    "TOTAL QTY": "total_qty",
    "ORDER DATE PO RECEIVED": "ordered_on",
    "EX FACTORY DATE": "ex_factory_on",
    "ETA CUSTOMER WAREHOUSE DATE": "eta_on",
    "PLANNED DELIVERY METHOD": "delivery_method",
    "ORDER TYPE": "order_type",
    "AAG SEASON": "season",
    "CUSTOMER SEASON": "customer_season",
    "DROP": "drop",
    "CATEGORY": "category",
    "DESTINATION": "destination",
    "DESTINATION WAREHOUSE": "destination_warehouse",
    "ALLOCATION (CHANNEL)": "channel",
    "CUSTOMER PRICE": "customer_price",
    "FINAL FOB (USD)": "final_fob_usd",
    "NOTES": "notes",
}
"""The columns that matter, each with its field."""

OTHER_SPELLINGS = {
    "3/6 MTHS": "3-6M",
    "6/12 MTHS": "6-12M",
    "12/18 MTHS": "12-18M",
    "18/24 MTHS": "18-24M",
    "O/S": "ONE SIZE",
    "OS": "ONE SIZE",
    "S-M": "S/M",
    "L-XL": "L/XL",
}
"""The sizes of the layouts whose canonical spelling is another one."""

MOST_SIZES = 7
"""So many sizes a hazard touches at most, and so many the shortest size run of a customer has."""

SOME_SIZES = 4
"""About so many sizes have a quantity in an order line."""


@dataclass(eq=False)
class Column:
    """A column of a sheet.

    Attributes:
        typed: its header cell; empty for a column without a name.
        name: the header as it is to come out; a column without a name is called by its letters.
        field: the field it is, ``None`` for one that no field is made of.
        in_run: whether it stands in the size run.
        size: there, the canonical size; its name where that is canonical.
    """

    typed: Any
    name: str | None
    field: str | None = None
    in_run: bool = False
    size: str | None = None


@dataclass(eq=False)
class Row:
    """A row below the header.

    Attributes:
        cells: column to cell.
        fate: ``order``; ``subtotal`` or ``empty_row``, as which it is left out; ``customer_unknown``; ``blank``.
        filled: the customer that its blank one is filled with.
        hidden: whether Excel shows it.
    """

    cells: dict[Column, Cell] = field(default_factory=dict)
    fate: str = "order"
    filled: str | None = None
    hidden: bool = False


class Sheet:
    """A sheet of one layout, with an ordinary order line to begin with.

    Attributes:
        columns: its columns from left to right.
        run: those of the layout's own size run.
        rows: its rows below the header.
        above: what stands above the header, row by row.
        below: what stands below the last row and is not to be read.
        beside: other sheets of the workbook, their rows.
        merged: corners of merged cells, each a row (``None``: the header) and a column.
        used_to: a row far below that counts as used.
        dimension: the range that the sheet says it has, where that is wrong.
        filtered: whether the rows are filtered.
    """

    def __init__(self, headers: list[str]) -> None:
        first, last = headers.index("UNIT OF MEASURE"), headers.index("TOTAL QTY")
        self.columns = [
            Column(int(name) if name.isdigit() else name, name, in_run=True, size=OTHER_SPELLINGS.get(name, name))
            if first < number < last
            else Column(name, name, field=FIELDS.get(name))
            for number, name in enumerate(headers)
        ]
        self.run = self.columns[first + 1 : last]
        self.rows: list[Row] = []
        self.above: list[list[Any]] = []
        self.below: list[list[Any]] = []
        self.beside: dict[str, list[list[Any]]] = {}
        self.merged: list[tuple[Row | None, Column, Row | None, Column]] = []
        self.used_to: int | None = None
        self.dimension: str | None = None
        self.filtered = False
        self.order()

    def named(self, header: str) -> Column:
        return next(column for column in self.columns if column.typed == header)

    def of(self, field_name: str) -> Column:
        """The first column of a field."""
        return next(column for column in self.columns if column.field == field_name)

    def add_size(
        self, typed: Any, name: str | None, size: str | None = None, *, before: Column | None = None
    ) -> Column:
        """Put a column into the size run, at its end or before another."""
        place = self.columns.index(before or self.of("total_qty"))
        self.columns.insert(place, column := Column(typed, name, in_run=True, size=size))
        return column

    def add(self, typed: Any, name: str | None, field_name: str | None = None) -> Column:
        """Put a column behind all others."""
        self.columns.append(column := Column(typed, name, field=field_name))
        return column

    def spread(self, cells: list[Cell]) -> dict[Column, Cell]:
        """Lay cells over the size run, from its first column to its last."""
        assert len(cells) <= MOST_SIZES
        steps = max(len(cells) - 1, 1)
        return {self.run[number * (len(self.run) - 1) // steps]: cell for number, cell in enumerate(cells)}

    def order(self, quantities: dict[Column, Cell] | None = None, **fields: Cell | None) -> Row:
        """Add an order line that is ordinary but for what is given; an empty cell is given as ``None``.

        The first line of a sheet has a value in every column; later ones in those that matter, and in some sizes.
        TOTAL QTY is the sum of the sizes.
        """
        number = len(self.rows) + 1
        found = values(number)
        row = Row({column: found.pop(column.field) for column in self.columns if column.field in found})
        sizes = self.run
        if not self.rows:
            for place, column in enumerate(self.columns, 1):
                if not (column.field or column.in_run):
                    row.cells[column] = Cell(-0.5 if column.typed == "∆" else f"cell {place}")
        else:
            sizes = sizes[number % 3 :: len(sizes) // SOME_SIZES]
        row.cells |= {column: pieces(10 * number + place) for place, column in enumerate(sizes, 1)}
        row.cells |= quantities or {}
        row.cells[self.of("total_qty")] = Cell(total := self.sum(row), kept=total)
        return self._put(row, fields)

    def bare(self, fate: str, quantities: dict[Column, Cell] | None = None, **fields: Cell | None) -> Row:
        """Add a row of which nothing but what is given is filled."""
        return self._put(Row(dict(quantities or {}), fate), fields)

    def _put(self, row: Row, fields: dict[str, Cell | None]) -> Row:
        for name, cell in fields.items():
            if cell is None:
                del row.cells[self.of(name)]
            else:
                row.cells[self.of(name)] = cell
        self.rows.append(row)
        return row

    @staticmethod
    def sum(row: Row) -> int:
        """The pieces that can be read in a row."""
        return sum(cell.pieces for column, cell in row.cells.items() if column.in_run)

    @property
    def header_row(self) -> int:
        return len(self.above) + 1

    def row_number(self, row: Row) -> int:
        return self.header_row + 1 + self.rows.index(row)

    def name_of(self, column: Column) -> str:
        return column.name or f"[{get_column_letter(self.columns.index(column) + 1)}]"

    def filled(self, row: Row) -> list[tuple[Column, Cell]]:
        """The cells of a row that hold anything, from left to right."""
        cells = ((column, row.cells.get(column)) for column in self.columns)
        return [(column, cell) for column, cell in cells if cell is not None and cell.sent is not None]

    def save(self, path: Path) -> None:
        """Write the workbook."""
        book = openpyxl.Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        sheet.title = "MASTER"
        for name, rows in self.beside.items():
            other = book.create_sheet(name, 0)
            for content in rows:
                other.append(content)
        book.active = len(self.beside)
        results = self._fill(sheet)
        self._dress(sheet)
        workbook = io.BytesIO()
        book.save(workbook)
        if results or self.dimension:
            workbook = self._rewritten(workbook, f"xl/worksheets/sheet{len(self.beside) + 1}.xml", results)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(workbook.getvalue())

    def _fill(self, sheet: Worksheet) -> dict[str, Any]:
        """Write all cells; give the results of the formulas by their places."""
        results: dict[str, Any] = {}
        rows = [*self.above, [column.typed for column in self.columns]]
        for row in self.rows:
            cells = [row.cells.get(column) for column in self.columns]
            rows.append([cell and (cell.formula or cell.typed) for cell in cells])
            for column, cell in enumerate(cells, 1):
                if cell and cell.formula:
                    results[f"{get_column_letter(column)}{len(rows)}"] = cell.typed
        for number, content in enumerate([*rows, *self.below], 1):
            for column, typed in enumerate(content, 1):
                if typed is not None:
                    cell = sheet.cell(number, column, typed)
                    if isinstance(typed, str) and typed.startswith("#"):
                        cell.data_type = "e"
        return results

    def _dress(self, sheet: Worksheet) -> None:
        """Hide, filter and merge."""
        places = {column: number for number, column in enumerate(self.columns, 1)}
        for row in self.rows:
            if row.hidden:
                sheet.row_dimensions[self.row_number(row)].hidden = True
        for top, left, bottom, right in self.merged:
            lines = [self.row_number(end) if end else self.header_row for end in (top, bottom)]
            sheet.merge_cells(None, lines[0], places[left], lines[1], places[right])
        if self.filtered:
            sheet.auto_filter.ref = f"A{self.header_row}:{get_column_letter(len(places))}{sheet.max_row}"
            sheet.auto_filter.add_filter_column(places[self.of("order_number")] - 1, ["a-1001"])
        if self.used_to:
            sheet.cell(self.used_to, 1, " ")

    def _rewritten(self, content: io.BytesIO, part: str, results: dict[str, Any]) -> io.BytesIO:
        """Put in what openpyxl has no way to write: results beside their formulas, and a wrong dimension."""
        target = io.BytesIO()
        with zipfile.ZipFile(content) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                xml = old.read(name)
                if name == part:
                    text = xml.decode()
                    for place, result in results.items():
                        text, times = re.subn(
                            rf'<c r="{place}"([^>]*)>(<f>[^<]*</f>)<v ?(?:/>|></v>)', _with(place, result), text
                        )
                        assert times == 1, f"{place} holds no formula"
                    if self.dimension:
                        text, times = re.subn(r'<dimension ref="[^"]*"', f'<dimension ref="{self.dimension}"', text)
                        assert times == 1
                    xml = text.encode()
                new.writestr(name, xml)
        return target


def _with(place: str, result: Any) -> str:
    if result is None:
        return rf'<c r="{place}"\1>\2'
    kind = "" if not isinstance(result, str) else ' t="e"' if result.startswith("#") else ' t="str"'
    return rf'<c r="{place}"\1{kind}>\2<v>{result}</v>'
