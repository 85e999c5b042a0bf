"""A made-up warehouse: the rows that ``recon reconcile`` would publish for the orders and cartons a test names."""

from __future__ import annotations

import json
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from openpyxl.worksheet.worksheet import Worksheet
from order_reports.cli import cli
from order_rules import ids, tables

MONDAY = datetime(2026, 3, 16, 4, 0)
TODAY = MONDAY.date()
HEADER = 5
"""The header's row on every tab with a table, from 1."""
FIELDS = ("customer", "customer_po", "style", "color", "size")
VERSION = "0" * 32


class MadeUp:
    """A warehouse in the making. Rows gather in memory and are written by ``save``."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._rows: defaultdict[sa.Table, list[dict[str, Any]]] = defaultdict(list)
        self._count = 0
        self._good_run: str | None = None

    def _id(self, word: str) -> str:
        self._count += 1
        return ids.hash_id(word, self._count)

    def row(self, into: sa.Table, /, **values: object) -> None:
        self._rows[into].append({column.name: values.get(column.name) for column in into.c})

    def run(
        self,
        status: str = "succeeded",
        *,
        started_at: datetime = MONDAY,
        reason: str | None = None,
        job: str = "incremental-sync",
        published_run_id: str | None = None,
    ) -> str:
        run_id = f"{int(started_at.timestamp() * 1000):012x}" + "0" * 20
        finished = None if status == "running" else started_at + timedelta(minutes=12)
        self.row(
            tables.audit_run,
            run_id=run_id,
            job=job,
            mode="incremental",
            started_at=started_at,
            finished_at=finished,
            status=status,
            reason=reason,
            owner="host 1",
            published_run_id=published_run_id,
        )
        if status == "succeeded":
            self._good_run = run_id
        return run_id

    def order(
        self,
        *five: str | None,
        ordered: int,
        packed: int = 0,
        shipped: int = 0,
        cancelled: int = 0,
        status: str,
        flag: str | None = None,
        due: date | None = None,
        match: str = "EXACT",
        rule: str = "exact",
        score: float = 100.0,
        carton_po: str | None = None,
        **more: object,
    ) -> str:
        """An order key with the fulfilment that reconcile linked to it."""
        key = dict(zip(FIELDS, five, strict=True))
        order_key_id = ids.order_key_id(**key)
        for quantity, is_cancelled in ((ordered, False), (cancelled, True)):
            if quantity:
                self.row(
                    tables.stg_orders,
                    **key,
                    order_line_id=self._id("line"),
                    load_id="1" * 32,
                    unit_id="workbook",
                    source="acme.xlsx",
                    rules_version=VERSION,
                    ordered_qty=quantity,
                    cancelled=is_cancelled,
                    origin="order_list",
                    order_key_id=order_key_id,
                )
        if packed or shipped:
            self.fulfilment(
                five[0],
                carton_po or five[1],
                *five[2:],
                packed=packed,
                shipped=shipped,
                order_key_id=order_key_id,
                match_type=match,
                match_rule=rule,
                match_score=score,
                **{f"order_{name}": value for name, value in key.items()},
            )
        linked = bool(packed or shipped)
        filled = packed + shipped
        self.fact(
            recon_id=order_key_id,
            order_key_id=order_key_id,
            **key,
            ordered_qty=ordered,
            cancelled_qty=cancelled,
            packed_qty=packed,
            shipped_qty=shipped,
            fuzzy_qty=filled if match == "FUZZY" else 0,
            qty_variance=ordered - filled,
            match_type=match if linked else "NO_MATCH",
            match_rule=rule if linked else None,
            match_score=score if linked else None,
            recon_status=status,
            quality_flag=flag,
            earliest_ex_factory_on=due,
            **more,
        )
        return order_key_id

    def stranger(
        self,
        *five: str | None,
        packed: int = 0,
        shipped: int = 0,
        candidates: list[dict[str, Any]] | None = None,
        **more: object,
    ) -> str:
        """Fulfilment that belongs to no order, or to one that a person must choose."""
        key = dict(zip(FIELDS, five, strict=True))
        fulfil_key_id = self.fulfilment(
            *five,
            packed=packed,
            shipped=shipped,
            match_type="NO_MATCH",
            match_score=0.0,
            review_status="PENDING" if candidates else "NONE",
            candidates=json.dumps(candidates) if candidates else None,
        )
        self.fact(
            recon_id=fulfil_key_id,
            fulfil_key_id=fulfil_key_id,
            **key,
            packed_qty=packed,
            shipped_qty=shipped,
            qty_variance=-packed - shipped,
            match_type="NO_MATCH",
            recon_status="NO_ORDER",
            quality_flag="POOR",
            order_lines=0,
            incomplete_key=None in (key["customer_po"], key["style"], key["size"]),
            **more,
        )
        return fulfil_key_id

    def fulfilment(self, *five: str | None, packed: int = 0, shipped: int = 0, **match: object) -> str:
        key = dict(zip(FIELDS, five, strict=True))
        fulfil_key_id = ids.fulfil_key_id(**key)
        carton = {
            **key,
            "load_id": "2" * 32,
            "unit_id": "wah:packed_products",
            "source": "wah.packed_products",
            "rules_version": VERSION,
            "connection": "wah",
            "fulfil_key_id": fulfil_key_id,
        }
        for table, quantity in ((tables.stg_packed_current, packed), (tables.stg_shipped_current, shipped)):
            if quantity:
                self.row(table, **carton, row_id=self._id("carton"), qty=quantity, qty_source=quantity)
        self.row(
            tables.recon_match,
            **{
                "fulfil_key_id": fulfil_key_id,
                **{f"fulfil_{name}": value for name, value in key.items()},
                "review_status": "NONE",
                "decided_by": "engine",
                **match,
            },
        )
        if match.get("order_key_id"):
            self.row(
                tables.recon_order_fill,
                order_line_id=self._id("fill"),
                fulfil_key_id=fulfil_key_id,
                packed_qty=packed,
                shipped_qty=shipped,
            )
        return fulfil_key_id

    def fact(self, **values: object) -> None:
        numbers = dict.fromkeys(
            ("ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty", "fuzzy_qty", "qty_variance", "cartons"), 0
        )
        settled = {"incomplete_key": False, "order_lines": 1, "changed_run_id": VERSION}
        times = {"first_seen_at": MONDAY, "updated_at": MONDAY}
        self.row(tables.fact_order_recon, **{**numbers, **settled, **times, **values})

    def source(
        self,
        path: str,
        *,
        stream: str = "order_list_rows",
        read_at: datetime = MONDAY,
        stale: str | None = None,
        superseded_by: str | None = None,
        units: int = 1000,
        customer: str | None = None,
    ) -> None:
        load_id = self._id("load")
        self.row(
            tables.recon_load,
            load_id=load_id,
            unit_id=ids.hash_id(path),
            stream=stream,
            source=path,
            status="superseded_workbook" if superseded_by else "counts",
            superseded_by=superseded_by,
            stale_reason=stale,
            started_at=read_at,
            rows=40,
            staged_qty=units,
        )
        if customer:
            self.row(
                tables.stg_orders_sharepoint,
                load_id=load_id,
                unit_id=ids.hash_id(path),
                source=path,
                rules_version=VERSION,
                order_line_id=self._id("staged"),
                customer=customer,
                ordered_qty=units,
            )

    def file(self, path: str, status: str, error: str | None = None) -> None:
        """What the last run saw of one workbook."""
        self.row(
            tables.source_files,
            file_id=ids.hash_id(path),
            name=path,
            path=path,
            status=status,
            error=error,
            listed_at=MONDAY,
        )

    def quarantined(self, place: str, value: str, *, reason: str, resolved: bool = False, **more: object) -> None:
        values: dict[str, object] = {
            "quarantine_id": self._id("quarantine"),
            "stream": "order_list_rows",
            "place": place,
            "field": "ordered_qty",
            "reason_code": "unreadable_quantity",
            "reason": reason,
            "value": value,
            "cells": 1,
            "qty": 0,
            "load_id": "1" * 32,
            "unit_id": "workbook",
            "source": "acme.xlsx",
            "sheet": "MASTER",
            "row_number": 12,
            "rules_version": VERSION,
            "first_seen_at": MONDAY,
            "resolved_at": MONDAY if resolved else None,
        }
        self.row(tables.quarantine, **{**values, **more})

    def count(self, table: str, measure: str, qty: int, *, reason: str = "", rows: int = 1) -> None:
        assert self._good_run is not None
        self.row(
            tables.audit_count,
            run_id=self._good_run,
            table=table,
            measure=measure,
            reason=reason,
            rows=rows,
            cells=rows,
            qty=qty,
        )

    def published(self, run_id: str, customer: str, **units: int) -> None:
        """What a run published of one customer, in units: ordered, packed, shipped, unmatched."""
        names = ("order_keys", *(f"{name}_qty" for name in ("ordered", "cancelled", "packed", "shipped")))
        nothing = dict.fromkeys((*names, "exact_qty", "fuzzy_qty", "unmatched_qty"), 0)
        told = {f"{name}_qty": value for name, value in units.items()}
        self.row(tables.recon_customer_run, run_id=run_id, customer=customer, input_hash=VERSION, **{**nothing, **told})

    def balanced_books(self, *, zero_rows: int = 3, superseded: int = 0, quarantined: int = 0) -> None:
        """The counts that a run leaves where everything adds up."""
        ordered = sum(row["ordered_qty"] for row in self._rows[tables.stg_orders])
        packed = sum(row["qty"] for row in self._rows[tables.stg_packed_current])
        shipped = sum(row["qty"] for row in self._rows[tables.stg_shipped_current])
        self.count("order_list_rows", "read", ordered + superseded + quarantined)
        self.count("order_list_rows", "excluded", 0, reason="zero", rows=zero_rows)
        self.count("order_list_rows", "quarantined", quarantined, reason="negative_quantity")
        self.count("stg_orders_sharepoint", "staged", ordered + superseded)
        if superseded:
            self.count("stg_orders_sharepoint", "excluded", superseded, reason="superseded_workbook", rows=9)
        self.count("packed_products", "read", packed)
        self.count("stg_packed", "staged", packed)
        self.count("shipped", "read", shipped)
        self.count("stg_shipped", "staged", shipped)

    def save(self) -> MadeUp:
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            for table in tables.metadata.sorted_tables:
                if rows := self._rows.pop(table, None):
                    connection.execute(sa.insert(table), rows)
        engine.dispose()
        return self


Report = Callable[..., openpyxl.Workbook]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty warehouse with every table, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "warehouse.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    tables.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def warehouse(tmp_path: Path, migrated: Path) -> MadeUp:
    """Migrated, and empty."""
    return MadeUp(Path(shutil.copy(migrated, tmp_path / "warehouse.db")))


@pytest.fixture
def rules_path(tmp_path: Path) -> Path:
    """A ``config`` folder that knows a few customers."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "customers.yml").write_text(
        "customers:\n"
        "  - {canonical: Acme Sportswear, aliases: [ACME SW]}\n"
        "  - {canonical: Birchline}\n"
        "  - {canonical: Copper & Oak}\n"
        "  - {canonical: Delmore Kids}\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def invoke(tmp_path: Path, rules_path: Path, warehouse: MadeUp) -> Callable[..., Result]:
    """Run ``order-reports`` with the test's warehouse and folders; anything given wins."""

    def run(*arguments: str, **environment: str) -> Result:
        variables = {
            "REPORTS_WAREHOUSE_URL": warehouse.url,
            "REPORTS_OUTPUT_DIR": str(tmp_path / "reports"),
            "REPORTS_RULES_PATH": str(rules_path),
            "MELTANO_PROJECT_ROOT": str(tmp_path),
            **environment,
        }
        return CliRunner().invoke(cli, arguments, env=variables)

    return run


@pytest.fixture
def report_path(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "order-audit.xlsx"


@pytest.fixture
def report(warehouse: MadeUp, invoke: Callable[..., Result], report_path: Path) -> Iterator[Report]:
    """Save the warehouse, write the workbook and open it."""
    books = []

    def write() -> openpyxl.Workbook:
        warehouse.save()
        result = invoke("excel")
        assert result.exit_code == 0, result.output
        books.append(openpyxl.load_workbook(report_path))
        return books[-1]

    yield write
    for book in books:
        book.close()


@pytest.fixture
def table_of() -> Callable[[Worksheet], list[dict[str, Any]]]:
    """Read a tab's table back: one dictionary a row, by header, cells without value left out."""

    def read(sheet: Worksheet) -> list[dict[str, Any]]:
        header, *rows = sheet.iter_rows(min_row=HEADER, values_only=True)
        return [
            {str(name): value for name, value in zip(header, row, strict=True) if value is not None} for row in rows
        ]

    return read


@pytest.fixture
def monday(warehouse: MadeUp) -> MadeUp:
    """A Monday morning of a few customers, with one of everything that can be wrong."""
    fill_monday(warehouse)
    return warehouse


CATALOGUE = {
    "ACME SPORTSWEAR": ("450001", ("AW-1021", "AW-1033", "AW-2040"), ("XS", "S", "M", "L", "XL", "XXL")),
    "BIRCHLINE": ("B-77", ("BL710", "BL715"), ("28", "30", "32", "34", "36")),
    "COPPER & OAK": ("PO-88", ("CO-DRESS-1", "CO-DRESS-2", "CO-TOP-9"), ("0", "2", "4", "6", "8", "10", "12")),
    "DELMORE KIDS": ("DK26", ("DK-TEE", "DK-JOG"), ("2T", "3T", "4T", "5-6", "7-8")),
    "ELDER + SONS": ("E2201", ("ES-40",), ("OS",)),
}
COLORS = ("05 - NAVY", "BLACK", "HEATHER GREY", "IVORY")


def fill_monday(made: MadeUp) -> None:
    """Fill a warehouse with five customers' orders, seeded, so that every figure is the same each time."""
    chance = random.Random(7)  # noqa: S311  (made-up data)
    before = made.run(started_at=MONDAY - timedelta(days=7), job="full-sync")
    made.published(before, "ACME SPORTSWEAR", ordered=30000, packed=900, shipped=11000, unmatched=100)
    made.published(made.run(), "ACME SPORTSWEAR", ordered=31000, packed=700, shipped=12500, unmatched=228)
    for customer, (prefix, styles, sizes) in CATALOGUE.items():
        for number in range(6 if customer != "ELDER + SONS" else 2):
            po = f"{prefix}{number + 10}"
            due = TODAY + timedelta(days=chance.randint(-60, 50))
            style, color = chance.choice(styles), chance.choice(COLORS)
            fate = chance.choices(("full", "short", "none", "over", "fuzzy"), (8, 2, 1, 1, 2))[0]
            for size in sizes:
                ordered = chance.randint(2, 60) * 12
                _place(made, chance, (customer, po, style, color, size), ordered=ordered, due=due, fate=fate)
    made.stranger("ACME SPORTSWEAR", "4500099", "AW-9999", "BLACK", "M", shipped=144, last_shipped_on=date(2026, 3, 2))
    made.stranger("ACMEE SPORTSWEAR", "45000110", "AW-1021", "BLACK", "S", packed=60, first_packed_on=date(2026, 3, 9))
    made.stranger("BIRCHLINE", None, "BL710", None, "32", packed=24, first_packed_on=date(2026, 3, 12))
    made.source("orders/acme.xlsx", units=8000, customer="ACME SPORTSWEAR")
    made.source("orders/acme copy.xlsx", superseded_by="orders/acme.xlsx", units=7900, customer="ACME SPORTSWEAR")
    made.source(
        "orders/birchline.xlsx",
        read_at=MONDAY - timedelta(days=3),
        stale="The file is encrypted. Remove its password.",
        units=5200,
        customer="BIRCHLINE",
    )
    made.source("wah.packed_products", stream="packed_products")
    made.source("wah.shipped", stream="shipped")
    made.quarantined(
        "orders/acme.xlsx!MASTER!AF12",
        "12 pcs?",
        reason="The quantity cannot be read. Enter a whole number, or clear it.",
        source="orders/acme.xlsx",
    )
    made.quarantined(
        "wah.shipped!c41",
        "-12",
        reason="The quantity is negative. Correct it.",
        stream="shipped",
        source="wah.shipped",
        sheet=None,
        row_number=None,
        reason_code="negative_quantity",
        qty=-12,
    )
    made.quarantined("orders/acme.xlsx!MASTER!AF13", "x", reason="Long since corrected.", resolved=True)
    made.balanced_books(superseded=7900)


def _place(made: MadeUp, chance: random.Random, key: tuple[str, ...], *, ordered: int, due: date, fate: str) -> None:
    late = due < TODAY
    order_number = f"AAG{chance.randint(10000, 99999)}"
    more: dict[str, Any] = {"due": due, "order_numbers": order_number, "cartons": ordered // 24}
    more |= {"pattern_id": f"P{chance.randint(100, 999)}"}
    if not late:
        made.order(*key, ordered=ordered, packed=ordered // 4 // 12 * 12, status="OPEN", **more)
        return
    more["last_shipped_on"] = due + timedelta(days=chance.randint(0, 5))
    more["first_packed_on"] = due - timedelta(days=chance.randint(1, 9))
    match fate:
        case "full":
            made.order(*key, ordered=ordered, shipped=ordered, status="COMPLETE", flag="GOOD", **more)
        case "short":
            gone, here = ordered * 2 // 5, ordered // 6
            made.order(*key, ordered=ordered, packed=here, shipped=gone, status="UNDER", flag="POOR", **more)
        case "none":
            del more["last_shipped_on"], more["first_packed_on"]
            made.order(*key, ordered=ordered, status="UNFULFILLED", **more)
        case "over":
            made.order(*key, ordered=ordered, shipped=ordered + 36, cancelled=12, status="OVER", flag="POOR", **more)
        case _:
            made.order(
                *key,
                ordered=ordered,
                shipped=ordered,
                status="COMPLETE",
                flag="ACCEPTABLE",
                match="FUZZY",
                rule="fuzzy",
                score=93.5,
                carton_po=f"{key[1]}-1",
                **more,
            )
