"""Writes the WMS database: base tables and the three views that the warehouse's database offers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sample.cartons import CartonRow, CartonViews
from sample.orders import OrderRow
from sample.sheets import category

_TABLES: Final = """
CREATE TABLE snapshot (as_of TEXT NOT NULL);
CREATE TABLE packed_carton_line (
    line_id INTEGER PRIMARY KEY, customer TEXT, customer_po TEXT, season TEXT, carton_id TEXT, packed_on TEXT,
    shipping_method TEXT, country TEXT, style TEXT, color TEXT, size TEXT, sku_barcode TEXT, qty INTEGER
);
CREATE TABLE shipped_carton_line (
    line_id INTEGER PRIMARY KEY, customer TEXT, customer_po TEXT, season TEXT, carton_id TEXT, shipped_on TEXT,
    shipping_method TEXT, country TEXT, style TEXT, color TEXT, size TEXT, sku_barcode TEXT, qty INTEGER
);
CREATE TABLE master_order (
    order_id INTEGER PRIMARY KEY, customer TEXT, customer_po TEXT, customer_alt_po TEXT, season TEXT,
    aag_season TEXT, style TEXT, color TEXT, category TEXT, pattern_id TEXT, unit_of_measure TEXT
);
CREATE TABLE master_order_size (
    order_id INTEGER NOT NULL REFERENCES master_order, size TEXT NOT NULL, qty INTEGER NOT NULL,
    PRIMARY KEY (order_id, size)
);
CREATE VIEW v_packed_products AS
SELECT
    customer AS Customer, customer_po AS Customer_PO, season AS Season, carton_id AS cartonid,
    packed_on AS Pack_Date, shipping_method AS Shipping_Method, country AS shippingCountry, style AS Style,
    color AS Color, size AS Size, sku_barcode AS SKUBarcode,
    CAST(julianday(snapshot.as_of) - julianday(packed_on) AS INTEGER) AS Stock_Age, qty AS Qty
FROM packed_carton_line CROSS JOIN snapshot;
CREATE VIEW v_shipped AS
SELECT
    customer AS Customer, carton_id AS CartonID, customer_po AS Customer_PO, season AS Season,
    shipped_on AS Shipped_Date, style AS Style, color AS Color, size AS Size, sku_barcode AS SKUBarcode,
    shipping_method AS Shipping_Method, country AS shippingCountry, qty AS Qty
FROM shipped_carton_line;
"""


@dataclass(frozen=True)
class ViewOrder:
    """One row of the view of orders: an order row as the warehouse has it."""

    customer: str
    row: OrderRow
    quantities: dict[str, int]


def write_database(
    path: Path, cartons: CartonViews, orders: Sequence[ViewOrder], sizes: Sequence[str], as_of: date
) -> None:
    """Write the database anew.

    Args:
        path: the SQLite file; there must be none yet.
        cartons: rows of the carton views.
        orders: rows of the view of orders.
        sizes: its size columns, in order.
        as_of: the day of the snapshot.
    """
    database = sqlite3.connect(path)
    try:
        database.executescript(_TABLES)
        database.executescript(_orders_view(sizes))
        database.execute("INSERT INTO snapshot VALUES (?)", (as_of.isoformat(),))
        for table, rows in (("packed_carton_line", cartons.packed), ("shipped_carton_line", cartons.shipped)):
            database.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  (two constants)
                [_carton_values(number, row) for number, row in enumerate(rows, 1)],
            )
        for number, order in enumerate(orders, 1):
            database.execute(
                "INSERT INTO master_order VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _order_values(number, order)
            )
            database.executemany(
                "INSERT INTO master_order_size VALUES (?, ?, ?)",
                [(number, size, units) for size, units in order.quantities.items()],
            )
        database.commit()
    finally:
        database.close()


def _orders_view(sizes: Sequence[str]) -> str:
    columns = ", ".join(f"SUM(CASE s.size WHEN '{size}' THEN s.qty END) AS \"{size}\"" for size in sizes)
    return f"""
CREATE VIEW v_master_order_list AS
SELECT
    o.customer AS Customer, o.customer_po AS Customer_PO, o.customer_alt_po AS Customer_Alt_PO,
    o.season AS Season, o.aag_season AS AAG_Season, o.style AS Style, o.color AS Color, o.category AS Category,
    o.pattern_id AS Pattern_ID, o.unit_of_measure AS "UNIT OF MEASURE", {columns},
    SUM(s.qty) AS "TOTAL QTY"
FROM master_order AS o LEFT JOIN master_order_size AS s ON s.order_id = o.order_id
GROUP BY o.order_id;
"""  # noqa: S608  (the sizes are those of layouts.json)


def _carton_values(number: int, row: CartonRow) -> tuple[object, ...]:
    key, day = row.key, row.day.isoformat() if row.day else None
    return (
        number,
        key.customer,
        key.po,
        row.season,
        row.carton,
        day,
        row.method,
        row.country,
        key.style,
        key.color,
        key.size,
        row.sku,
        row.qty,
    )


def _order_values(number: int, order: ViewOrder) -> tuple[object, ...]:
    row = order.row
    return (
        number,
        order.customer,
        row.header.po,
        row.header.alt_po,
        f"{'SPRING' if row.season.startswith('SS') else 'FALL'} {row.header.ex_factory_on.year}",
        row.season,
        row.style.number,
        row.colour,
        category(row),
        row.style.pattern_id,
        "EA",
    )
