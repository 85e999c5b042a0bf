"""What the mapper's tests share: messages as a tap would send them, and a mapper that runs on them."""

from __future__ import annotations

import io
import json
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapper_orders.mapper import MapperOrders
from mapper_orders.streams import InputStream, input_streams
from order_rules.config import Rules, load_rules
from singer_sdk.contrib.msgspec import MsgSpecWriter

Message = dict[str, Any]
CONFIG = Path(__file__).parent / "config"
LOAD = "0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa"
FILE = "f00d" * 8


class Collector:
    """A message writer that keeps the lines the SDK's would have written."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._writer = MsgSpecWriter()

    def write_message(self, message: Any) -> None:
        self.lines.append(bytes(self._writer.format_message(message)).decode())


@pytest.fixture(scope="session", autouse=True)
def _read_rules_once() -> Iterator[None]:
    """Read the tests' unchanged rules once: they are immutable, and reading them is most of a small run."""
    unchanged = load_rules(CONFIG)

    def _load(folder: Path) -> Rules:
        return unchanged if folder.resolve() == CONFIG.resolve() else load_rules(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mapper_orders.mapper.load_rules", _load)
        yield


def run_lines(lines: Iterable[str], rules_path: Path | None = CONFIG) -> list[str]:
    """Run a mapper over lines; give the lines it writes. Without a path the setting keeps its default."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    collector = Collector()
    try:
        config = {} if rules_path is None else {"rules_path": str(rules_path)}
        mapper = MapperOrders(config=config, message_writer=collector)
        mapper.listen(io.StringIO("".join(line.rstrip("\n") + "\n" for line in lines)))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return collector.lines


@pytest.fixture(scope="session")
def replay() -> Callable[..., list[str]]:
    """Lines in, lines out."""
    return run_lines


@pytest.fixture(scope="session")
def run() -> Callable[..., list[Message]]:
    """Messages in, messages out, numbers with a fraction as ``Decimal``."""

    def _run(*messages: Message, rules_path: Path | None = CONFIG) -> list[Message]:
        lines = [json.dumps(message, ensure_ascii=False) for message in messages]
        return [json.loads(line, parse_float=Decimal) for line in run_lines(lines, rules_path)]

    return _run


@pytest.fixture(scope="session")
def records() -> Callable[[Iterable[Message], str], list[Message]]:
    """The records of one stream among messages."""

    def _records(messages: Iterable[Message], stream: str) -> list[Message]:
        return [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == stream]

    return _records


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the tests' rules with some files replaced: ``config(privacy="…")``."""

    def _config(**files: str) -> Path:
        folder = tmp_path / "config"
        shutil.copytree(CONFIG, folder, dirs_exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.yml").write_text(text, encoding="utf-8")
        return folder

    return _config


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules(CONFIG)


@pytest.fixture(scope="session")
def streams(rules: Rules) -> dict[str, InputStream]:
    """The input streams by themselves, for tests that run many small sheets."""
    return input_streams(rules, {})


def schema(stream: str, properties: Iterable[str] = (), key: Iterable[str] = ("load_id",)) -> Message:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": {name: {} for name in properties}},
        "key_properties": list(key),
    }


def record(stream: str, content: Message, **others: Any) -> Message:
    return {"type": "RECORD", "stream": stream, "record": content, **others}


@pytest.fixture(scope="session")
def schema_message() -> Callable[..., Message]:
    return schema


@pytest.fixture(scope="session")
def record_message() -> Callable[..., Message]:
    return record


@pytest.fixture(scope="session")
def sheet_row() -> Callable[..., Message]:
    """A record of ``order_list_rows``: ``sheet_row({"PO NUMBER": 1}, {"M": 5})``; pairs where headers repeat."""

    def _row(
        cells: dict[str, Any] | list[tuple[str, Any]],
        sizes: dict[str, Any] | list[tuple[str, Any]] | None = None,
        *,
        row: int = 2,
        load: str = LOAD,
        file: str = FILE,
        path: str = "brands/BRAND A.xlsx",
        sheet_customer: str | None = None,
    ) -> Message:
        def text(pairs: Any) -> str:
            return json.dumps(list(pairs.items() if isinstance(pairs, dict) else pairs or []), ensure_ascii=False)

        return {
            "load_id": load,
            "file_id": file,
            "row_number": row,
            "sheet": "MASTER",
            "sheet_customer": sheet_customer,
            "source_file": path,
            "cells": text(cells),
            "sizes": text(sizes),
        }

    return _row


@pytest.fixture(scope="session")
def load() -> Callable[..., Message]:
    """A record of ``loads``."""

    def _load(stream: str, *, load: str = LOAD, rows: int = 0, qty: float | None = None, **others: Any) -> Message:
        file = stream == "order_list_rows"
        return {
            "load_id": load,
            "unit_id": FILE if file else f"distribution:{stream}",
            "stream": stream,
            "kind": "file" if file else "window",
            "connection": None if file else "distribution",
            "window_from": None,
            "window_to": None,
            "started_at": "2026-03-04T10:00:00Z",
            "finished_at": "2026-03-04T10:05:00Z",
            "rows": rows,
            "qty": qty,
            **others,
        }

    return _load


@pytest.fixture(scope="session")
def read_sheet(run: Any, load: Any) -> Callable[..., list[Message]]:
    """Run sheet rows as one load, closed."""

    def _read(*rows: Message, rules_path: Path = CONFIG) -> list[Message]:
        messages = [schema("order_list_rows"), *(record("order_list_rows", row) for row in rows)]
        messages += [schema("loads"), record("loads", load("order_list_rows", rows=len(rows)))]
        return run(*messages, rules_path=rules_path)

    return _read


@pytest.fixture(scope="session")
def counts() -> Callable[[Iterable[Message]], dict[tuple[str, str, str], tuple[int, int, int]]]:
    """The load counts among messages: (table, measure, reason) to (rows, cells, qty)."""

    def _counts(messages: Iterable[Message]) -> dict[tuple[str, str, str], tuple[int, int, int]]:
        found = [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == "load_counts"]
        return {(c["table"], c["measure"], c["reason"]): (c["rows"], c["cells"], c["qty"]) for c in found}

    return _counts


@pytest.fixture(scope="session")
def one(read_sheet: Any, sheet_row: Any, records: Any, counts: Any) -> Any:
    """Run one sheet row; give its order list row (or ``None``), its lines, its quarantine and the counts."""

    def _one(cells: Any, sizes: Any = None, **others: Any) -> tuple[Any, list[Any], list[Any], Any]:
        messages = read_sheet(sheet_row(cells, sizes, **others))
        orders = records(messages, "order_list")
        assert len(orders) <= 1
        return (
            orders[0] if orders else None,
            records(messages, "stg_orders_sharepoint"),
            records(messages, "stg_quarantine_sharepoint"),
            counts(messages),
        )

    return _one


VIEW_COLUMNS = {
    "master_order_list": (
        "Customer",
        "Customer_PO",
        "Customer_Alt_PO",
        "Season",
        "AAG_Season",
        "Style",
        "Color",
        "Category",
        "Pattern_ID",
        "UNIT OF MEASURE",
        "S",
        "M",
        "XXL",
        "2XL",
        "OS",
        "TOTAL QTY",
    ),
    "packed_products": (
        "Customer",
        "Customer_PO",
        "Season",
        "cartonid",
        "Pack_Date",
        "Shipping_Method",
        "shippingCountry",
        "Style",
        "Color",
        "Size",
        "SKUBarcode",
        "Stock_Age",
        "Qty",
    ),
    "shipped": (
        "Customer",
        "CartonID",
        "Customer_PO",
        "Season",
        "Shipped_Date",
        "Style",
        "Color",
        "Size",
        "SKUBarcode",
        "Shipping_Method",
        "shippingCountry",
        "Qty",
    ),
}
ADDED = ("load_id", "connection", "row_hash", "occurrence")


@pytest.fixture(scope="session")
def view_properties() -> Callable[[str], list[str]]:
    """A view's properties in order, those the tap adds behind the view's own."""

    def _properties(stream: str) -> list[str]:
        added = (*ADDED, "row_number") if stream == "master_order_list" else ADDED
        return [*VIEW_COLUMNS[stream], *added]

    return _properties


@pytest.fixture(scope="session")
def view_row() -> Callable[..., Message]:
    """A record of a view; columns not given are null."""

    def _row(stream: str, columns: dict[str, Any], *, row: int = 1, load: str = LOAD, **others: Any) -> Message:
        content: Message = dict.fromkeys(VIEW_COLUMNS[stream]) | columns
        content |= {"load_id": load, "connection": "distribution", "row_hash": f"{row:032x}", "occurrence": 0}
        if stream == "master_order_list":
            content["row_number"] = row
        return content | others

    return _row


@pytest.fixture(scope="session")
def read_view(run: Any, load: Any, view_properties: Any) -> Callable[..., list[Message]]:
    """Run view rows as one load, closed."""

    def _read(stream: str, *rows: Message, rules_path: Path = CONFIG) -> list[Message]:
        messages = [schema(stream, view_properties(stream)), *(record(stream, row) for row in rows)]
        messages += [schema("loads"), record("loads", load(stream, rows=len(rows)))]
        return run(*messages, rules_path=rules_path)

    return _read
