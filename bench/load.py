"""Measures target-mssql through the whole Singer path: messages in a file, the command in a process of its own.

`python bench/load.py` prints one JSON document; `--rows 100000 400000` shows that memory does not grow with rows.
The figures of a machine stand in target-mssql/PERFORMANCE.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("text", {"type": ["string", "null"], "maxLength": 200}),
    ("whole", {"type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000}),
    ("price", {"type": ["number", "null"], "multipleOf": 0.0001, "minimum": -99999999, "maximum": 99999999}),
    ("day", {"type": ["string", "null"], "format": "date"}),
    ("moment", {"type": ["string", "null"], "format": "date-time"}),
    ("flag", {"type": ["boolean", "null"]}),
]
COMMAND = [sys.executable, "-c", "from target_mssql.target import TargetMSSQL; TargetMSSQL.cli()"]


def schema(columns: int) -> dict[str, Any]:
    """Make the stream's schema: a key and columns of every kind in turn, half of them text as in the order lists.

    Args:
        columns: how many, the key included.
    """
    properties: dict[str, Any] = {"id": {"type": "integer"}}
    for number in range(1, columns):
        kind, definition = KINDS[0] if number % 2 else KINDS[1 + number // 2 % (len(KINDS) - 1)]
        properties[f"{kind}_{number}"] = definition
    return {"type": "object", "properties": properties}


def value(kind: str, chance: random.Random) -> str | int | float | bool | None:
    """Make one value; one in twenty is missing."""
    if chance.random() < 0.05:
        return None
    match kind:
        case "text":
            return f"{chance.choice(('NAVY', 'CRÈME', '05 - NAVY', 'ONE SIZE'))} {chance.randrange(10**6)}"
        case "whole":
            return chance.randrange(1_000_000)
        case "price":
            return round(chance.random() * 1000, 2)
        case "day":
            return f"2026-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
        case "moment":
            return f"2026-03-04T{chance.randrange(24):02d}:{chance.randrange(60):02d}:{chance.random() * 59:09.6f}Z"
        case _:
            return chance.random() < 0.5


def write_messages(path: Path, rows: int, columns: int) -> None:
    """Write one stream of messages.

    Args:
        path: the file.
        rows: records.
        columns: columns, the key included.
    """
    chance = random.Random(1)
    definition = schema(columns)
    kinds = {name: name.partition("_")[0] for name in definition["properties"]}
    with path.open("w", encoding="utf-8") as file:
        message = {"type": "SCHEMA", "stream": "bench", "schema": definition, "key_properties": ["id"]}
        file.write(json.dumps(message) + "\n")
        for number in range(rows):
            record = {name: number if name == "id" else value(kind, chance) for name, kind in kinds.items()}
            line = {"type": "RECORD", "stream": "bench", "record": record}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.write(json.dumps({"type": "STATE", "value": {"rows": rows}}) + "\n")


def run(messages: Path, folder: Path, **settings: object) -> dict[str, float]:
    """Run the target once.

    Args:
        messages: the file with messages.
        folder: where the configuration is written.
        settings: the target's settings.

    Returns:
        Wall and CPU seconds, and peak memory in MiB, of the target's process alone.

    Raises:
        RuntimeError: the target failed.
    """
    config = folder / "config.json"
    config.write_text(json.dumps({"validate_records": False, **settings}))
    log = folder / "log.txt"
    began = time.perf_counter()
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603  this project's own command
            [*COMMAND, "--config", str(config), "--input", str(messages)], stdout=subprocess.DEVNULL, stderr=stderr
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the target ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def measure(url: str | None, rows: int, columns: int, batch: int, repeats: int) -> dict[str, Any]:
    """Measure every load method on one size; of several runs the fastest counts.

    Args:
        url: the database; a new SQLite file if None. On a server, table `bench` must not exist.
        rows: records.
        columns: columns, the key included.
        batch: rows of a batch.
        repeats: runs of each method.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        messages = folder / "bench.singer"
        write_messages(messages, rows, columns)
        for repeat in range(repeats):
            database = folder / f"bench_{repeat}.db"
            appended = folder / f"append_{repeat}.db"
            target = {"sqlalchemy_url": url or f"sqlite:///{database}", "batch_size_rows": batch}
            other = target if url else target | {"sqlalchemy_url": f"sqlite:///{appended}"}
            runs = {
                "upsert into empty": (target, "upsert"),
                "upsert into full": (target, "upsert"),
                "overwrite": (target, "overwrite"),
                "append": (other, "append-only"),
            }
            if url:
                del runs["append"]  # the same table has a primary key by now
            for label, (settings, method) in runs.items():
                result = run(messages, folder, load_method=method, **settings)
                result["rows_per_second"] = rows / result["seconds"]
                if label not in found or result["seconds"] < found[label]["seconds"]:
                    found[label] = result
        if url is None:
            with sqlite3.connect(database) as connection:
                (there,) = connection.execute("SELECT COUNT(*) FROM bench").fetchone()
            connection.close()
            if there != rows:
                raise RuntimeError(f"{rows} rows sent, {there} there")
        size = messages.stat().st_size
    rounded = {label: {name: round(figure, 1) for name, figure in result.items()} for label, result in found.items()}
    return {"rows": rows, "columns": columns, "input_mib": round(size / 2**20, 1), "methods": rounded}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000], help="records, one measurement a size")
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--batch", type=int, default=10_000, help="batch_size_rows")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each method; the fastest counts")
    parser.add_argument("--url", help="a database other than a new SQLite file; table bench must not exist")
    options = parser.parse_args()
    sizes = [measure(options.url, rows, options.columns, options.batch, options.repeats) for rows in options.rows]
    machine = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "cores": os.cpu_count()}
    json.dump({"machine": machine, "batch_size_rows": options.batch, "sizes": sizes}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
