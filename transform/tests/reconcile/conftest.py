"""A warehouse as tap, mapper and target would leave it, built load by load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from order_rules import ids, tables
from order_rules.canonical import clean, found
from order_rules.config import (
    CartonView,
    Customer,
    Customers,
    Matching,
    OrderListColumns,
    OrderView,
    Privacy,
    Rules,
    Sizes,
    WmsColumns,
)
from recon.engines import How
from recon.outcome import Outcome
from recon.reconcile import reconcile
from recon.warehouse import runs
from recon.warehouse.engine import connect

TODAY = date(2026, 6, 1)
ORDERS = {"order_list_rows": "stg_orders_sharepoint", "master_order_list": "stg_orders_wms"}
CARTONS = {"packed_products": "stg_packed", "shipped": "stg_shipped"}
NAME_SOURCE = {
    "order_list_rows": "order_list",
    "master_order_list": "master_order_list",
    "packed_products": "packed",
    "shipped": "shipped",
}
SOURCED = ("customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color")


def make_rules(
    *, customers: Iterable[Customer] = (), without: Iterable[str] = (), matching: dict[str, Any] | None = None
) -> Rules:
    """Make rules as ``config/`` holds them, small enough to be read in a test."""
    general = {
        "excluded_sizes": ("SMS",),
        "order_type_aliases": {"ACTIVE": "RECEIVED", "CXL": "CANCELLED"},
        "po_prefixes": ("PO", "P.O.", "PURCHASE ORDER"),
        "color_abbreviations": {"NAVY": ("NVY",), "BLACK": ("BLK",), "GREY": ("GRY", "GRAY")},
    }
    acme = Customer(canonical="ACME", aliases=("ACME INC",), source_names={"packed": "AC-WMS", "shipped": "AC-WMS"})
    known = {customer.canonical: customer for customer in (acme, Customer(canonical="BOLT"), *customers)}
    known = {name: customer for name, customer in known.items() if name not in set(without)}
    return Rules(
        customers=Customers(customers=tuple(known.values())),
        sizes=Sizes(sizes={"OS": ("O/S", "ONE SIZE")}, equivalents=(("2XL", "XXL", "2X"), ("3XL", "XXXL"))),
        order_list_columns=OrderListColumns(fields={}),
        wms_columns=WmsColumns(
            master_order_list=OrderView(fields={}),
            packed_products=CartonView(fields={}),
            shipped=CartonView(fields={}),
        ),
        matching=Matching(**(general | (matching or {}))),
        privacy=Privacy(),
    )


@dataclass
class Warehouse:
    """An embedded warehouse and what a test does to it.

    Rows are tuples: customer, PO, style, colour, size, quantity, and other fields by name.
    """

    engine: sa.Engine
    rules: Rules
    at: datetime = datetime(2026, 5, 1, 8)
    serial: int = 0

    def copy(self) -> Warehouse:
        """Make another warehouse in memory that holds the same."""
        engine = connect("sqlite://")
        with self.engine.connect() as ours, engine.connect() as other:
            ours.connection.driver_connection.backup(other.connection.driver_connection)  # type: ignore[union-attr]
        return replace(self, engine=engine)

    def tick(self) -> datetime:
        self.at += timedelta(minutes=10)
        return self.at

    def workbook(
        self,
        path: str,
        rows: Sequence[tuple[Any, ...]],
        *,
        modified: datetime | None = None,
        listed: bool = True,
        **how: Any,
    ) -> str:
        """Stage one reading of a workbook; ``whole=False`` breaks it off before its ``loads`` record."""
        load = self._load("order_list_rows", ids.hash_id("local", path), "file")
        lines = [self._line(row, number, load["unit_id"], "order_list_rows") for number, row in enumerate(rows, 2)]
        self._stage(load | {"source": path}, lines, **how)
        if listed:
            self.file(path, modified_at=modified or load["started_at"], load_id=load["load_id"])
        return str(load["load_id"])

    def file(self, path: str, **fields: Any) -> None:
        """Write a workbook's ``source_files`` row as listed now, keeping what was known of it."""
        file = tables.source_files
        file_id = ids.hash_id("local", path)
        row = {"file_id": file_id, "name": path, "path": path, "status": "read", "listed_at": self.tick()} | fields
        with self.engine.begin() as connection:
            known = connection.execute(sa.select(file).where(file.c.file_id == file_id)).mappings().one_or_none()
            connection.execute(sa.delete(file).where(file.c.file_id == file_id))
            connection.execute(file.insert(), {**(known or {}), **row})

    def listing(self, rows: int) -> str:
        """Write a listing's ``loads`` record; files written from now on are seen by it."""
        load = self._load("source_files", "order_lists", "listing") | {"rows": rows}
        self.write(tables.loads.insert(), load)
        return str(load["load_id"])

    def view(
        self,
        stream: str,
        rows: Sequence[tuple[Any, ...]],
        *,
        window: tuple[date | None, date | None] = (None, None),
        connection: str = "distribution",
        **how: Any,
    ) -> str:
        """Stage one reading of a view's window."""
        load = self._load(stream, f"{connection}:{stream}", "window")
        load |= {"connection": connection, "window_from": window[0], "window_to": window[1]}
        make = self._line if stream in ORDERS else self._carton
        staged = [make(row, number, load["unit_id"], stream) for number, row in enumerate(rows, 1)]
        self._stage(load | {"source": f"{connection}.{stream}"}, staged, **how)
        return str(load["load_id"])

    def packed(self, rows: Sequence[tuple[Any, ...]], **load: Any) -> str:
        return self.view("packed_products", rows, **load)

    def shipped(self, rows: Sequence[tuple[Any, ...]], **load: Any) -> str:
        return self.view("shipped", rows, **load)

    def run(self) -> runs.Run:
        return runs.begin(self.engine, job="test", mode="reconcile")

    def reconcile(
        self,
        *,
        today: date = TODAY,
        allow_shrink: bool = False,
        accept: Iterable[str] = (),
        run: runs.Run | None = None,
        how: How | None = None,
    ) -> Outcome:
        return reconcile(
            self.engine,
            self.rules,
            run or self.run(),
            today=today,
            allow_shrink=allow_shrink,
            accept=frozenset(accept),
            how=how,
        )

    def rows(self, name: str, /, **where: Any) -> list[dict[str, Any]]:
        """Read a table's rows, in the order of its key."""
        one = tables.metadata.tables[name]
        statement = sa.select(one).order_by(*one.primary_key)
        for column, value in where.items():
            statement = statement.where(one.c[column] == value)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def fact(self, **where: Any) -> dict[str, Any]:
        (row,) = self.rows("fact_order_recon", **where)
        return row

    def match(self, **where: Any) -> dict[str, Any]:
        (row,) = self.rows("recon_match", **where)
        return row

    def write(self, statement: Any, parameters: Any = None) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement, parameters)

    def published(self) -> dict[str, list[dict[str, Any]]]:
        """Read every table that a run publishes, but its own record of itself."""
        return {table.name: self.rows(table.name) for table in tables.PUBLISHED}

    def _load(self, stream: str, unit_id: str, kind: str) -> dict[str, Any]:
        started = self.tick()
        self.serial += 1
        return {
            "load_id": f"{self.serial:012x}{'0' * 20}",
            "unit_id": unit_id,
            "stream": stream,
            "kind": kind,
            "started_at": started,
            "finished_at": started + timedelta(minutes=1),
        }

    def _fields(self, row: tuple[Any, ...], stream: str) -> dict[str, Any]:
        customer, po, style, color, size, qty, *rest = row
        more = dict(rest[0]) if rest else {}
        source = {"customer": customer, "customer_po": po, "style": style, "color": color, "size": size}
        source |= {name: more.pop(name) for name in SOURCED if name in more}
        name = self.rules.canonical_customer(customer, NAME_SOURCE[stream])  # type: ignore[arg-type]
        canonical = {key: clean(value) for key, value in source.items()}
        canonical |= {"customer": name, "size": self.rules.canonical_size(size, name)}
        as_found = {f"{key}_source": found(value) for key, value in source.items()}
        return canonical | as_found | {"rules_version": self.rules.version, "qty": qty} | more

    def _line(self, row: tuple[Any, ...], number: int, unit_id: str, stream: str) -> dict[str, Any]:
        made = self._fields(row, stream)
        made["ordered_qty"] = made.pop("qty")
        made = {"sheet": "MASTER", "row_number": number, "order_number": f"N{number}"} | made
        seen = ("customer_source", "customer_po_source", "style_source", "color_source", "size_source", "order_number")
        made.setdefault("order_line_id", ids.hash_id(unit_id, *(made[name] for name in seen), number))
        return made

    def _carton(self, row: tuple[Any, ...], number: int, unit_id: str, stream: str) -> dict[str, Any]:
        made = {"carton_id": f"C{number}", "sku": f"K{number}"} | self._fields(row, stream)
        day = "packed_on" if stream == "packed_products" else "shipped_on"
        made[day] = made.pop("on", None)
        identity = [str(made[name]) for name in ("customer_source", "carton_id", "sku", "qty", day, "size_source")]
        made.setdefault("row_id", ids.hash_id(unit_id, *identity, made["customer_po_source"], made["style_source"]))
        return made | {"connection": unit_id.partition(":")[0]}

    def _stage(
        self,
        load: dict[str, Any],
        staged: list[dict[str, Any]],
        *,
        whole: bool = True,
        quarantined: Sequence[tuple[str, int, int]] = (),
        excluded: Sequence[tuple[str, int, int]] = (),
    ) -> None:
        """Stage rows and count them as the mapper does; quarantined and excluded: reason, cells, quantity."""
        stream = load["stream"]
        table = tables.metadata.tables[(ORDERS | CARTONS)[stream]]
        provenance = {name: load[name] for name in ("load_id", "unit_id", "source")}
        qty = sum(row["ordered_qty" if stream in ORDERS else "qty"] for row in staged)
        aside = (*quarantined, *excluded)
        rows, cells = len(staged) + len(aside), len(staged) + sum(one[1] for one in aside)
        read_qty = qty + sum(one[2] for one in aside)
        counts: dict[tuple[str, str, str], tuple[int, int, int]] = {
            (stream, "received", ""): (rows, cells, read_qty),
            (stream, "read", ""): (rows, cells, read_qty),
            (table.name, "staged", ""): (len(staged), len(staged), qty),
        }
        for measure, some in (("excluded", excluded), ("quarantined", quarantined)):
            for reason in dict.fromkeys(one[0] for one in some):
                of_reason = [one[1:] for one in some if one[0] == reason]
                sums = (sum(one[0] for one in of_reason), sum(one[1] for one in of_reason))
                counts[stream, measure, reason] = (len(of_reason), *sums)
        held = tables.stg_quarantine_sharepoint if load["kind"] == "file" else tables.stg_quarantine_wms
        with self.engine.begin() as link:
            if stream in ORDERS:
                counts["order_list", "staged", ""] = (len(staged), 0, 0)
                self._insert(link, tables.order_list, [self._sheet_row(row) | provenance for row in staged])
            self._insert(link, table, [row | provenance for row in staged])
            self._insert(link, held, [self._set_aside(n, one, load) for n, one in enumerate(quarantined)])
            if whole:
                figures = [dict(zip(("rows", "cells", "qty"), figure, strict=True)) for figure in counts.values()]
                names = [dict(zip(("table", "measure", "reason"), name, strict=True)) for name in counts]
                both = [{"load_id": load["load_id"], **a, **b} for a, b in zip(names, figures, strict=True)]
                self._insert(link, tables.load_counts, both)
                self._insert(link, tables.loads, [load | {"rows": rows, "qty": float(read_qty)}])

    def _set_aside(self, number: int, one: tuple[str, int, int], load: dict[str, Any]) -> dict[str, Any]:
        reason, cells, qty = one
        return load | {
            "quarantine_id": ids.hash_id(load["unit_id"], reason, number),
            "place": f"{load['source']}!{number}",
            "reason_code": reason,
            "reason": f"because of {reason}",
            "cells": cells,
            "qty": qty,
            "rules_version": self.rules.version,
        }

    @staticmethod
    def _sheet_row(line: dict[str, Any]) -> dict[str, Any]:
        same = ("row_number", "customer", "customer_source", "customer_po", "style", "sheet", "rules_version")
        return {name: line[name] for name in same} | {"size_qty": line["ordered_qty"], "sizes": "[]", "extra": "[]"}

    @staticmethod
    def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        names = {column.name for column in table.c}
        for row in rows:
            connection.execute(table.insert(), {name: value for name, value in row.items() if name in names})


@pytest.fixture(scope="session")
def rules_of() -> Callable[..., Rules]:
    return make_rules


@pytest.fixture(scope="session")
def build() -> Callable[..., Warehouse]:
    """Build warehouses in memory, as many as a property needs."""

    def make(rules: Rules | None = None, url: str = "sqlite://") -> Warehouse:
        engine = connect(url)
        tables.metadata.drop_all(engine)
        tables.metadata.create_all(engine)
        return Warehouse(engine, rules or make_rules())

    return make


@pytest.fixture
def reconciled(once_reconciled: Warehouse) -> Warehouse:
    """A warehouse of the test's own, as its module's ``once_reconciled`` made it."""
    return once_reconciled.copy()


@pytest.fixture
def warehouse(build: Callable[..., Warehouse]) -> Warehouse:
    return build()
