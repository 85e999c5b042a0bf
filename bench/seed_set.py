"""Makes the seed-scale set: sources of the size this project was built for, from a seed.

46 order lists of 80 to 145 columns on real layouts, 106,000 wide rows with 367,000 order lines in all; a warehouse
system with 1.6 million carton rows, and one customer's orders as a view too; and the rules that know its customers.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xlsxwriter
import yaml
from truth import Truth, make_truth

ROOT: Final = Path(__file__).resolve().parent.parent
LAYOUTS: Final = ROOT / "examples" / "layouts.json"
BEFORE_SIZES, AFTER_SIZES = "UNIT OF MEASURE", "TOTAL QTY"
FILLED: Final = 0.35
"""Share of the columns nobody asks for that hold a text in a row."""
TEXTS: Final = (
    "CONFIRMED",
    "SEE NOTES",
    "VENDOR A",
    "KNIT 100% COTTON",
    "2026-04-12",
    "Y",
    "12.5",
    "LONG SLEEVE TEE WITH POCKET",
)
FIELDS: Final = {
    "AAG ORDER NUMBER": "order_number",
    "CUSTOMER NAME": "customer",
    "PO NUMBER": "customer_po",
    "CUSTOMER ALT PO": "customer_alt_po",
    "CUSTOMER STYLE": "style",
    "PATTERN ID": "pattern_id",
    "ALIAS/RELATED ITEM": "alias_item",
    "CUSTOMER COLOUR DESCRIPTION": "color",
    "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": "color_code",
    "EX FACTORY DATE": "ex_factory_on",
    "PLANNED DELIVERY METHOD": "delivery_method",
    "DROP": "drop",
}  # fmt: skip
"""What a wide row says of its order lines, by header."""
_DATE: Final = re.compile(r"\bDATE\b")
_MONEY: Final = re.compile(r"\((USD|AUD)\)$|PRICE( USD)?$|VALUE$")
_FIRST_DAY: Final = datetime(2026, 1, 5)
MADE: Final = "seed-set.json"


@dataclass(frozen=True)
class Scale:
    """How large the set is.

    Attributes:
        order_lines: order lines of all customers together.
        wide_rows: rows of the workbooks that hold them.
        seed: of every choice.
    """

    order_lines: int = 367_000
    wide_rows: int = 106_000
    seed: int = 20


@dataclass(frozen=True)
class SeedSet:
    """A made set.

    Attributes:
        home: its folder.
        contents: what it holds: workbooks, wide_rows, order_lines, carton_rows.
    """

    home: Path
    contents: dict[str, Any]

    @property
    def order_lists(self) -> Path:
        """The workbooks."""
        return self.home / "order_lists"

    @property
    def wms(self) -> Path:
        """The warehouse system's database."""
        return self.home / "wms.db"

    @property
    def rules(self) -> Path:
        """The rules: the project's, with the set's customers."""
        return self.home / "config"


def seed_set(home: Path, scale: Scale) -> SeedSet:
    """Make the set, or take the one that was made there at the same scale.

    Args:
        home: its folder, emptied where it holds another.
        scale: how large.

    Returns:
        The set.
    """
    made = home / MADE
    if made.is_file():
        contents = json.loads(made.read_text(encoding="utf-8"))
        if contents["scale"] == asdict(scale):
            return SeedSet(home, contents)
    shutil.rmtree(home, ignore_errors=True)
    (home / "order_lists").mkdir(parents=True)
    truth = make_truth(scale.order_lines, scale.seed)
    rng = np.random.default_rng(scale.seed)
    wide = wide_rows(truth.lines, scale.wide_rows, rng)
    books = write_workbooks(home / "order_lists", wide, rng)
    write_wms(home / "wms.db", truth, rng)
    write_rules(home / "config", [str(name) for name in sorted(truth.lines["customer"].unique())])
    contents = {
        "scale": asdict(scale),
        "workbooks": books,
        "wide_rows": int(wide["row"].nunique()),
        "order_lines": len(truth.lines),
        "units": int(truth.lines["ordered_qty"].sum()),
        "carton_rows": len(truth.packed) + len(truth.shipped),
    }
    made.write_text(json.dumps(contents, indent=2), encoding="utf-8")
    return SeedSet(home, contents)


def wide_rows(lines: pd.DataFrame, wanted: int, rng: np.random.Generator) -> pd.DataFrame:
    """Lay order lines into wide rows: one a PO, style, colour and drop, some of them split over two rows.

    Args:
        lines: order lines.
        wanted: how many wide rows to make of them, about.
        rng: what decides which rows are split.

    Returns:
        The lines sorted by row, with its number in ``row``.
    """
    parts = ["customer", "customer_po", "style", "color", "drop", "cancelled"]
    group = lines.groupby(parts, observed=True, dropna=False, sort=True).ngroup().to_numpy()
    # Each line goes to one of two rows by the toss of a coin: these are the odds that both get one.
    both = 1 - 0.5 ** (np.bincount(group) - 1)
    split = rng.random(len(both)) < max(0.0, (wanted - len(both)) / both.sum())
    second = split[group] & (rng.random(len(lines)) < 0.5)
    row = pd.factorize(group * 2 + second, sort=True)[0]
    return lines.assign(row=row).sort_values("row", kind="stable").reset_index(drop=True)


def write_workbooks(folder: Path, wide: pd.DataFrame, rng: np.random.Generator) -> int:
    """Write one order list a customer.

    Returns:
        How many.
    """
    layouts = list(json.loads(LAYOUTS.read_text(encoding="utf-8"))["layouts"].values())
    customers = list(wide.groupby("customer", observed=True, sort=True))
    for number, (name, rows) in enumerate(customers):
        headers = _headers(layouts[number % len(layouts)], list(dict.fromkeys(rows["size"].astype(str))))
        _write_workbook(folder / f"{name} ORDER LIST.xlsx", headers, rows, rng)
    return len(customers)


def _headers(layout: list[Any], sizes: list[str]) -> list[str]:
    """Put a customer's sizes in place of a layout's own; the rest of the size run stays, empty."""
    headers = [str(header) for header in layout]
    first, last = headers.index(BEFORE_SIZES) + 1, headers.index(AFTER_SIZES)
    run = [*sizes, *(size for size in headers[first:last] if size not in sizes and size != "SMS")]
    return [*headers[:first], *run, *headers[last:]]


def _write_workbook(path: Path, headers: list[str], rows: pd.DataFrame, rng: np.random.Generator) -> None:
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("MASTER")
    sheet.write_row(0, 0, headers)
    # A header that stands twice takes its first column, as a person would fill it.
    place = {header: number for number, header in reversed(list(enumerate(headers)))}
    size_at = {size: place[size] for size in rows["size"].astype(str).unique()}
    asked = {place[header] for header in (*FIELDS, "ORDER TYPE", BEFORE_SIZES, AFTER_SIZES) if header in place}
    others = [
        number
        for number in range(len(headers))
        if number not in asked and not place[BEFORE_SIZES] < number < place[AFTER_SIZES]
    ]
    fields = {place[header]: field for header, field in FIELDS.items() if header in place}
    for at, (first, cells) in enumerate(_by_row(rows), 1):
        line: dict[int, Any] = {number: first[field] for number, field in fields.items()}
        line[place["ORDER TYPE"]] = "CANCELLED" if first["cancelled"] else "RECEIVED"
        line[place[BEFORE_SIZES]] = "EA"
        line[place[AFTER_SIZES]] = sum(qty for _, qty in cells)
        line |= {size_at[size]: qty for size, qty in cells}
        filled = rng.random(len(others)) < FILLED
        line |= {number: _filler(headers[number], at + number) for number in np.array(others)[filled].tolist()}
        for number in sorted(line):
            value = line[number]
            if isinstance(value, datetime):
                sheet.write_datetime(at, number, value)
            elif isinstance(value, int | float):
                sheet.write_number(at, number, value)
            elif isinstance(value, str):
                sheet.write_string(at, number, value)
    book.close()


def _filler(header: str, number: int) -> datetime | float | str:
    """Give a cell of a column nobody asks for, of the kind that its header promises."""
    if _DATE.search(header):
        return _FIRST_DAY + timedelta(days=number % 200)
    if _MONEY.search(header):
        return 4.5 + number % 80 / 4
    return TEXTS[number % len(TEXTS)]


def _by_row(rows: pd.DataFrame) -> Iterator[tuple[dict[str, Any], list[tuple[str, int]]]]:
    columns = {name: rows[name].astype(object).where(rows[name].notna(), None).tolist() for name in rows.columns}
    columns["ex_factory_on"] = [None if day is None else day.to_pydatetime() for day in columns["ex_factory_on"]]
    ends = [*np.flatnonzero(np.diff(rows["row"].to_numpy())) + 1, len(rows)]
    start = 0
    for end in ends:
        first = {name: values[start] for name, values in columns.items()}
        sizes, quantities = columns["size"][start:end], columns["ordered_qty"][start:end]
        yield first, [(str(size), int(qty)) for size, qty in zip(sizes, quantities, strict=True)]
        start = end


WMS: Final = """
CREATE TABLE packed (customer TEXT, customer_po TEXT, season TEXT, carton TEXT, day TEXT, method TEXT, country TEXT,
    style TEXT, color TEXT, size TEXT, sku TEXT, qty INTEGER);
CREATE TABLE shipped (customer TEXT, customer_po TEXT, season TEXT, carton TEXT, day TEXT, method TEXT, country TEXT,
    style TEXT, color TEXT, size TEXT, sku TEXT, qty INTEGER);
CREATE VIEW v_packed_products AS SELECT customer AS Customer, customer_po AS Customer_PO, season AS Season,
    carton AS cartonid, day AS Pack_Date, method AS Shipping_Method, country AS shippingCountry, style AS Style,
    color AS Color, size AS Size, sku AS SKUBarcode, 12 AS Stock_Age, qty AS Qty FROM packed;
CREATE VIEW v_shipped AS SELECT customer AS Customer, carton AS CartonID, customer_po AS Customer_PO, season AS Season,
    day AS Shipped_Date, style AS Style, color AS Color, size AS Size, sku AS SKUBarcode, method AS Shipping_Method,
    country AS shippingCountry, qty AS Qty FROM shipped;
"""


def write_wms(path: Path, truth: Truth, rng: np.random.Generator) -> None:
    """Write the warehouse system: both carton views, and the smallest customer's orders as a view."""
    database = sqlite3.connect(path)
    database.executescript(WMS)
    for name, rows in (("packed", truth.packed), ("shipped", truth.shipped)):
        five = [rows[field].astype(object).where(rows[field].notna(), None) for field in _CARTON]
        customer, po, style, color, size, carton = five
        days = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 150, len(rows)), unit="D")
        sku = pd.factorize(pd.MultiIndex.from_frame(rows[["customer", "style", "color", "size"]]))[0]
        made = zip(
            customer, po, ["SS26"] * len(rows), carton, days.strftime("%Y-%m-%d"), ["SEA"] * len(rows),
            ["US"] * len(rows), style, color, size, [f"29{number:011d}" for number in sku], rows["qty"].tolist(),
            strict=True,
        )  # fmt: skip
        database.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", made)  # noqa: S608
        database.execute(f"CREATE INDEX {name}_day ON {name} (day)")
    _write_orders_view(database, truth.lines)
    database.commit()
    database.close()


_CARTON: Final = ("customer", "customer_po", "style", "color", "size", "carton_id")


def _write_orders_view(database: sqlite3.Connection, lines: pd.DataFrame) -> None:
    smallest = lines["customer"].astype(str).value_counts().index[-1]
    own = lines[(lines["customer"].astype(str) == smallest) & ~lines["cancelled"]]
    names = ["customer", "customer_po", "customer_alt_po", "style", "color", "pattern_id"]
    texts = own.assign(**{name: own[name].astype(object).where(own[name].notna(), "") for name in [*names, "size"]})
    wide = texts.pivot_table(index=names, columns="size", values="ordered_qty", aggfunc="sum").reset_index()
    sizes = [str(size) for size in wide.columns[len(names) :]]
    columns = ", ".join(f'"{size}" INTEGER' for size in sizes)
    database.execute(
        "CREATE TABLE v_master_order_list (Customer TEXT, Customer_PO TEXT, Customer_Alt_PO TEXT, Season TEXT, "
        "AAG_Season TEXT, Style TEXT, Color TEXT, Category TEXT, Pattern_ID TEXT, "
        f'"UNIT OF MEASURE" TEXT, {columns}, "TOTAL QTY" INTEGER)'
    )
    rows = []
    for row in wide.astype(object).where(wide.notna(), None).itertuples(index=False):
        customer, po, alt, style, color, pattern, *quantities = row
        whole = [None if qty is None else int(qty) for qty in quantities]
        total = sum(qty or 0 for qty in whole)
        rows.append(
            (customer, po, alt or None, "SS26", "SS26", style, color, None, pattern or None, "EA", *whole, total)
        )
    database.executemany(f"INSERT INTO v_master_order_list VALUES ({', '.join('?' * (11 + len(sizes)))})", rows)  # noqa: S608


def write_rules(folder: Path, customers: list[str]) -> None:
    """Copy the project's rules and name the set's customers in them."""
    shutil.copytree(ROOT / "config", folder)
    text = yaml.safe_dump({"customers": [{"canonical": name} for name in customers]}, allow_unicode=True)
    (folder / "customers.yml").write_text(text, encoding="utf-8")
