"""What the mapper's tests share: messages as a tap would send them, and a mapper that runs on them."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
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


def run_lines(lines: Iterable[str], rules_path: Path | None = CONFIG, *, once: bool = False) -> list[str]:
    """Run a mapper over lines; give the lines it writes. Without a path the setting keeps its default.

    Whatever a test sends goes a second time by batch files, and the same rows must come of it, unless ``once``.
    """
    lines = [line.rstrip("\n") for line in lines]
    config = {} if rules_path is None else {"rules_path": str(rules_path)}
    answer = run_mapper(lines, config)
    if once or not any(f'"{stream}"' in line for line in lines for stream in BY_COLUMNS):
        return answer
    with tempfile.TemporaryDirectory(prefix="a folder with 100% ") as name:
        folder = Path(name)
        batches = {"encoding": {"format": "parquet"}, "storage": {"root": (folder / "out put").as_uri()}}
        by_batches = run_mapper(as_batches(lines, folder), config | {"batch_config": batches})
        assert sorted(rows_in(by_batches)) == sorted(rows_in(answer))
        assert others_in(by_batches) == others_in(answer)
        assert not list(folder.glob("*.parquet")), "the files that were read are gone"
    return answer


def run_mapper(lines: Iterable[str], config: dict[str, Any]) -> list[str]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    collector = Collector()
    try:
        mapper = MapperOrders(config=config, message_writer=collector)
        mapper.listen(io.StringIO("".join(line + "\n" for line in lines)))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return collector.lines


BY_COLUMNS = ("order_list_rows", "master_order_list", "packed_products", "shipped")
TYPES = {
    **dict.fromkeys(("load_id", "file_id", "sheet", "sheet_customer", "source_file", "cells", "sizes"), pa.string()),
    **dict.fromkeys(("connection", "row_hash"), pa.string()),
    **dict.fromkeys(("row_number", "occurrence"), pa.int64()),
}
"""What a tap declares of the columns it adds; those of a view are JSON text here, which keeps any value."""


def as_batches(lines: Iterable[str], folder: Path) -> list[str]:
    """Put neighbouring records of one stream into a file, as a tap with ``batch_config`` writes them."""
    decoded = [(line, msgspec.json.decode(line, strict=False)) for line in lines]
    found: list[str] = []
    for stream, same in itertools.groupby(decoded, lambda pair: batch_key(pair[1])):
        if stream is None:
            found += [line for line, _ in same]
        else:
            messages = [message for _, message in same]
            url = write_batch([message["record"] for message in messages], folder)
            encoding = {"format": "parquet", "compression": "none"}
            batch = {**messages[0], "type": "BATCH", "encoding": encoding, "manifest": [url]}
            del batch["record"]
            found.append(json.dumps(batch))
    return found


def batch_key(message: Message) -> str | None:
    if message.get("type") != "RECORD" or message.get("stream") not in BY_COLUMNS:
        return None
    others = {name: value for name, value in message.items() if name != "record"}
    # A file has one set of columns; records that lack some go by themselves.
    return json.dumps([others, list(message["record"])])


def write_batch(rows: list[Message], folder: Path) -> str:
    arrays, fields = [], []
    for name in rows[0]:
        values = [row[name] for row in rows]
        if (kind := TYPES.get(name)) is not None:
            fields.append(pa.field(name, kind))
            arrays.append(pa.array(values, kind))
        else:
            text = [None if value is None else msgspec.json.encode(value).decode() for value in values]
            fields.append(pa.field(name, pa.string(), metadata={b"singer": b"json"}))
            arrays.append(pa.array(text, pa.string()))
    path = folder / f"{uuid.uuid4().hex}.parquet"
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)
    return path.as_uri()


def rows_in(lines: Iterable[str]) -> list[str]:
    """Every row that is sent, by record or in a file, as comparable text."""
    rows: list[str] = []
    for line in lines:
        message = json.loads(line, parse_float=Decimal)
        about = {name: message.get(name) for name in ("stream", "version", "time_extracted")}
        if message["type"] == "RECORD":
            rows.append(comparable([about, message["record"]]))
        elif message["type"] == "BATCH" and message["encoding"].get("compression") == "none":
            for url in message["manifest"]:
                table = pq.read_table(Path(url2pathname(urlsplit(url).path)))
                rows += [comparable([about, row]) for row in table.to_pylist()]
    return rows


def comparable(value: Any) -> str:
    def plain(other: Any) -> str:
        return f"{other.normalize():f}" if isinstance(other, Decimal) else other.isoformat()

    return json.dumps(value, sort_keys=True, default=plain)


def others_in(lines: Iterable[str]) -> list[Message]:
    """The messages that carry no rows, in order; the last of equal ones in a row."""
    messages = [json.loads(line) for line in lines]
    return [m for m in messages if m["type"] != "RECORD" and not (m["type"] == "BATCH" and m["stream"] not in PASSED)]


PASSED = ("order_hdr",)


@pytest.fixture(scope="session")
def replay() -> Callable[..., list[str]]:
    """Lines in, lines out."""
    return run_lines


@pytest.fixture(scope="session")
def run() -> Callable[..., list[Message]]:
    """Messages in, messages out, numbers with a fraction as ``Decimal``."""

    def _run(*messages: Message, rules_path: Path | None = CONFIG, once: bool = False) -> list[Message]:
        lines = [json.dumps(message, ensure_ascii=False) for message in messages]
        return [json.loads(line, parse_float=Decimal) for line in run_lines(lines, rules_path, once=once)]

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
