"""Measures mapper-orders: wide rows a second on one core, and where the time goes. Prints JSON.

``python bench/mapper.py`` writes a made Singer stream to a temporary folder (110 columns a row, about 3.5 sizes with a
quantity), replays it through the ``mapper-orders`` command as a job would, and then times each stage in this process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from mapper_orders.mapper import MapperOrders
from mapper_orders.messages import LineReader
from mapper_orders.validate import Check
from order_rules.models import STAGING
from singer_sdk.contrib.msgspec import encoder
from singer_sdk.singerlib.messages import Message

SIZES = ("XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL", "S/M", "M/L", "L/XL", "26", "28", "30", "32", "34", "36", "1Y")
SIZES_FILLED = (2, 3, 4, 5)
"""How many sizes of a row hold a quantity, each as often: 3.5 on average."""
FIELDS = (
    "AAG ORDER NUMBER",
    "CUSTOMER NAME",
    "PO NUMBER",
    "CUSTOMER ALT PO",
    "CUSTOMER STYLE",
    "STYLE DESCRIPTION",
    "PATTERN ID",
    "ALIAS/RELATED ITEM",
    "CUSTOMER COLOUR DESCRIPTION",
    "UNIT OF MEASURE",
    "TOTAL QTY",
    "ORDER DATE PO RECEIVED",
    "EX FACTORY DATE",
    "ETA CUSTOMER WAREHOUSE DATE",
    "PLANNED DELIVERY METHOD",
    "ORDER TYPE",
    "AAG SEASON",
    "DROP",
    "CATEGORY",
    "DESTINATION",
    "CUSTOMER PRICE",
    "FINAL FOB (USD)",
)
OTHERS = tuple(f"FURTHER COLUMN {n}" for n in range(1, 110 - len(FIELDS) - len(SIZES) + 1))
OTHERS_FILLED = 0.6
"""The share of further columns that hold a value."""
LOAD = "0190a0b0c0d0" + "0" * 20
COLORS = ("NAVY", "BLACK", "IVORY", "Rose  Dust", "05 - GREY MARL")


def sheet_row(number: int, made: random.Random) -> tuple[list[list[Any]], list[list[Any]]]:
    """Make one row of a workbook: its cells and its sizes."""
    sizes = [[size, made.randint(1, 400)] for size in sorted(made.sample(SIZES, made.choice(SIZES_FILLED)))]
    day = f"2026-{made.randint(1, 12):02d}-{made.randint(1, 28):02d}"
    style, order = f"ST{number // 7:06d}", 1_000_000 + number // 5
    po = 4_500_000_000 + number // 3
    values: list[Any] = [
        f"A{order}", f"BRAND {number % 46}", po, f"ALT{po}", style, f"Description of {style}", f"P{style}",
        f"AL{style}", made.choice(COLORS), "PCS", sum(qty for _, qty in sizes), day, day, day, "SEA", "RECEIVED",
        "SS26", f"DROP {number % 4}", "TOPS", "UK", round(made.uniform(5, 60), 2), round(made.uniform(2, 20), 4),
    ]  # fmt: skip
    cells = [[header, value] for header, value in zip(FIELDS, values, strict=True)]
    cells += [[header, f"value {number % 97} of it"] for header in OTHERS if made.random() < OTHERS_FILLED]
    return cells, sizes


def order_list_rows(rows: int, made: random.Random) -> Iterator[dict[str, Any]]:
    """Make the messages of one workbook."""
    yield {"type": "SCHEMA", "stream": "order_list_rows", "schema": {"properties": {}}, "key_properties": ["load_id"]}
    for number in range(rows):
        cells, sizes = sheet_row(number, made)
        record = {
            "load_id": LOAD, "file_id": "f" * 32, "row_number": number + 2, "sheet": "MASTER", "sheet_customer": None,
            "source_file": "season/BRAND.xlsx", "cells": compact(cells), "sizes": compact(sizes),
        }  # fmt: skip
        yield message("order_list_rows", record)
    yield from closing("order_list_rows", "file", "f" * 32, rows)


def master_order_list(rows: int, made: random.Random) -> Iterator[dict[str, Any]]:
    """Make the messages of the wide view: every column in every record, most of them null."""
    names = [
        "Customer", "Customer_PO", "Customer_Alt_PO", "Season", "AAG_Season", "Style", "Color", "Category",
        "Pattern_ID", "UNIT OF MEASURE", *SIZES, "TOTAL QTY",
    ]  # fmt: skip
    names += [f"Further_{n}" for n in range(110 - len(names))]
    added = ["load_id", "connection", "row_hash", "occurrence", "row_number"]
    properties: dict[str, dict[str, Any]] = {name: {} for name in [*names, *added]}
    schema = {"type": "object", "properties": properties}
    yield {"type": "SCHEMA", "stream": "master_order_list", "schema": schema, "key_properties": ["load_id"]}
    for number in range(rows):
        cells, sizes = sheet_row(number, made)
        found = dict(cells)
        record: dict[str, Any] = dict.fromkeys(names) | dict(sizes)
        record |= {
            "Customer": found["CUSTOMER NAME"], "Customer_PO": str(found["PO NUMBER"]), "Season": "SS26",
            "AAG_Season": "SS26", "Style": found["CUSTOMER STYLE"], "Color": found["CUSTOMER COLOUR DESCRIPTION"],
            "Category": "TOPS", "Pattern_ID": found["PATTERN ID"], "UNIT OF MEASURE": "PCS",
            "TOTAL QTY": found["TOTAL QTY"],
        }  # fmt: skip
        record |= dict.fromkeys(names[-40:], f"value {number % 97}")
        record |= {"load_id": LOAD, "connection": "orders", "row_hash": f"{number:032x}", "occurrence": 0}
        record["row_number"] = number + 1
        yield message("master_order_list", record)
    yield from closing("master_order_list", "window", "orders:master_order_list", rows)


def compact(value: object) -> str:
    """Write JSON text as the taps do."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def message(stream: str, record: dict[str, Any]) -> dict[str, Any]:
    """Wrap a record."""
    return {"type": "RECORD", "stream": stream, "record": record, "time_extracted": "2026-03-04T10:00:00+00:00"}


def closing(stream: str, kind: str, unit_id: str, rows: int) -> Iterator[dict[str, Any]]:
    """Make the load's end."""
    load = {
        "load_id": LOAD, "unit_id": unit_id, "stream": stream, "kind": kind, "connection": None, "window_from": None,
        "window_to": None, "started_at": "2026-03-04T10:00:00Z", "finished_at": "2026-03-04T10:05:00Z", "rows": rows,
        "qty": None,
    }  # fmt: skip
    yield {"type": "SCHEMA", "stream": "loads", "schema": {"properties": {}}, "key_properties": ["load_id"]}
    yield message("loads", load)


SHAPES: dict[str, Callable[[int, random.Random], Iterator[dict[str, Any]]]] = {
    "order_list_rows": order_list_rows,
    "master_order_list": master_order_list,
}


class Nowhere:
    """A message writer for a mapper whose messages are taken before they are written."""

    def write_message(self, message: Message) -> None:
        """Forget a message."""


def one_core() -> bool:
    """Bind this process and its children to one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return True


def through_the_command(stream: Path, rules_path: str) -> dict[str, float]:
    """Replay a stream through the installed command, its output into nothing.

    Returns:
        Seconds of wall and CPU time, start of Python and reading of the rules included, and peak memory in MB.
    """
    command = shutil.which("mapper-orders", path=str(Path(sys.executable).parent)) or "mapper-orders"
    config = stream.with_suffix(".config.json")
    config.write_text(json.dumps({"rules_path": str(Path(rules_path).resolve())}), encoding="utf-8")
    began = time.perf_counter()
    with stream.open("rb") as lines:
        process = subprocess.Popen(  # noqa: S603  (our own command)
            [command, "--config", str(config)],
            stdin=lines,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"mapper-orders ended with exit code {process.returncode}")
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def where_the_time_goes(stream: Path, rules_path: str, rows: int) -> dict[str, Any]:
    """Time each stage by itself over the first rows of a stream.

    Returns:
        CPU microseconds a wide row by stage, and outgoing records a wide row.
    """
    lines = stream.read_text(encoding="utf-8").splitlines()[: rows + 1]
    reader = LineReader()
    mapper = MapperOrders(config={"rules_path": rules_path}, message_writer=Nowhere())

    began = time.process_time()
    messages = [reader.deserialize_json(line) for line in lines]
    read = time.process_time()
    announced = list(mapper.map_schema_message(messages[0]))
    answers = [list(mapper.map_record_message(incoming)) for incoming in messages[1:]]
    mapped = time.process_time()
    written_lines = [encoder.encode_lines([out.to_dict() for out in answer]) for answer in answers]
    written = time.process_time()
    with Path(os.devnull).open("wb") as nowhere:
        for some in written_lines:
            nowhere.write(some)
            nowhere.flush()
    flushed = time.process_time()
    outgoing = [*announced, *(out for answer in answers for out in answer)]
    count = len(messages) - 1
    each = 1_000_000 / count
    return {
        "stage_rows": count,
        "records_out_per_row": round((len(outgoing) - len(announced)) / count, 2),
        "cpu_us_per_row": {
            "read JSON": round((read - began) * each, 1),
            "map": round((mapped - read) * each, 1),
            "of map, validate": round(validate_seconds(outgoing, compiled=True) * each, 1),
            "write JSON": round((written - mapped) * each, 1),
            "flush": round((flushed - written) * each, 1),
        },
        "validate_cpu_us_per_row": {
            "compiled msgspec struct": round(validate_seconds(outgoing, compiled=True) * each, 1),
            "pydantic model_validate": round(validate_seconds(outgoing, compiled=False) * each, 1),
        },
    }


def validate_seconds(outgoing: list[Message], *, compiled: bool) -> float:
    """Time the validation of the outgoing records, compiled or by their pydantic models."""
    checks: dict[str, Callable[[dict[str, Any]], object]] = {
        name: Check(stream.model).problem if compiled else stream.model.model_validate
        for name, stream in STAGING.items()
    }
    contents = [out.to_dict() for out in outgoing]
    records = [(checks[content["stream"]], content["record"]) for content in contents if "record" in content]
    began = time.process_time()
    for check, record in records:
        check(record)
    return time.process_time() - began


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="wide rows a shape (100000)")
    parser.add_argument("--stage-rows", type=int, default=10_000, help="rows for the stages (10000)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of the command, of which the best counts (1)")
    parser.add_argument("--rules-path", default="config", help="the rules folder (config)")
    parser.add_argument("--shape", choices=sorted(SHAPES), action="append", help="only this input stream")
    arguments = parser.parse_args()
    shapes = arguments.shape or list(SHAPES)
    bound = one_core()
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "msgspec": msgspec.__version__,
        "one_core": bound,
        "load_average": round(os.getloadavg()[0], 1),
        "columns": 110,
        "sizes_per_row": sum(SIZES_FILLED) / len(SIZES_FILLED),
    }
    with tempfile.TemporaryDirectory() as folder:
        nothing = write(Path(folder) / "nothing.singer", [])
        result["start"] = through_the_command(nothing, arguments.rules_path)
        streams = {
            shape: write(Path(folder) / f"{shape}.singer", SHAPES[shape](arguments.rows, random.Random(1)))
            for shape in shapes
        }
        # Every run of the command before any work in this process, whose memory a child would be charged with.
        result["streams"] = {shape: paced(streams[shape], arguments) for shape in shapes}
        for shape in shapes:
            result["streams"][shape] |= where_the_time_goes(streams[shape], arguments.rules_path, arguments.stage_rows)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


def write(path: Path, messages: Iterable[dict[str, Any]]) -> Path:
    """Write messages to a file."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as out:
        out.writelines(encode(item) + b"\n" for item in messages)
    return path


def paced(stream: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Replay a stream through the command and give its pace.

    Wall time tells what a job waits, CPU time what the mapper costs where others use the core as well.
    """
    runs = [through_the_command(stream, arguments.rules_path) for _ in range(arguments.repeat)]
    figures = min(runs, key=lambda run: run["cpu_s"])
    return {
        "rows": arguments.rows,
        "input_mb": round(stream.stat().st_size / 1e6, 1),
        "rows_per_s": round(arguments.rows / figures["wall_s"]),
        "rows_per_cpu_s": round(arguments.rows / figures["cpu_s"]),
        **figures,
    }


if __name__ == "__main__":
    main()
