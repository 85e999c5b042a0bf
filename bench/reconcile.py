"""Measures ``recon reconcile``: everything new, nothing new, another day, one in a hundred changed.

Prints one JSON document. The staging tables are filled from a made truth, with loads and counts that balance, as tap,
mapper and target would leave them. Beside it stands what pandas takes to read the columns that reconciling needs, the
floor of any such program here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from measure import Figures, measure
from order_rules import ids, tables
from order_rules.config import Rules, load_rules
from recon.frames import text
from recon.inserting import insert
from recon.warehouse.engine import connect, writing
from recon.warehouse.schema import migrate
from truth import make_truth

ROOT: Final = Path(__file__).resolve().parent.parent
RECON: Final = (sys.executable, "-c", "from recon.cli import main; main(prog_name='recon')")
TODAY: Final = "2026-06-01"
NEXT_DAY: Final = "2026-06-02"
STARTED: Final = datetime(2026, 5, 31, 4)
LAST_DAY: Final = np.datetime64("2026-05-30")
LINES_A_ROW: Final = 3
"""Order lines of one row of a workbook."""
BAR: Final = {"seconds": 60.0, "peak_mb": 3072.0}
FLOOR: Final = """
import sqlite3, sys
import pandas as pd
link = sqlite3.connect(sys.argv[1])
lines = "load_id, rules_version, order_line_id, customer, customer_po, style, color, size, customer_alt_po, unit_id, "
lines += "pattern_id, alias_item, color_code, ordered_qty, order_type, ex_factory_on, order_number"
rows = "load_id, rules_version, row_id, customer, customer_po, style, color, size, connection, carton_id, sku, qty"
pd.read_sql_query(f"SELECT {lines} FROM stg_orders_sharepoint", link)
pd.read_sql_query(f"SELECT {rows}, packed_on FROM stg_packed", link)
pd.read_sql_query(f"SELECT {rows}, shipped_on FROM stg_shipped", link)
"""


def main() -> None:
    """Fill a warehouse, reconcile it four times and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=367_000, help="order lines; cartons are made to go with them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, help="a folder to fill and leave there; filled before, it is used again")
    options = parser.parse_args()
    with _folder(options.keep) as home:
        size = fill(home / "filled.db", options.lines, options.seed)
        command = [*RECON, "reconcile", "--today", TODAY, "--engine", options.engine]
        command += ["--workers", str(options.workers)]
        found = run_all(home, command)
    print(json.dumps({"bench": "reconcile", **size, **found, **_machine()}, indent=2))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="bench-reconcile-") as folder:
        yield Path(folder)


def _machine() -> dict[str, Any]:
    return {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}


def run_all(home: Path, command: list[str]) -> dict[str, Any]:
    """Reconcile a copy of the filled warehouse: new, unchanged, on another day, with one in a hundred changed.

    Returns:
        Figures by step, their ratio to the floor's processor seconds, and the bar.
    """
    url = f"sqlite:///{home / 'warehouse.db'}"
    env = {**os.environ, "WAREHOUSE_URL": url, "RECON_RULES_PATH": str(ROOT / "config")}
    env.pop("RECON_WAREHOUSE_URL", None)
    (home / "warehouse.db").write_bytes((home / "filled.db").read_bytes())
    floor = measure([sys.executable, "-c", FLOOR, str(home / "warehouse.db")], home / "floor.log")
    steps = {"read_with_pandas": floor, "everything_new": measure(command, home / "new.log", env)}
    steps["nothing_new"] = measure(command, home / "same.log", env)
    # Everything is read and compared, and next to nothing written.
    steps["another_day"] = measure([*command, "--today", NEXT_DAY], home / "next.log", env)
    changed = change(url)
    steps["one_in_a_hundred_changed"] = measure(command, home / "changed.log", env)
    within = {
        "seconds": steps["everything_new"].seconds <= BAR["seconds"],
        "peak_mb": max(one.highest_mib for one in steps.values()) <= BAR["peak_mb"],
    }
    figures = {name: _figures(one, floor) for name, one in steps.items()}
    return {"steps": figures, "changed": changed, "bar": BAR, "within_bar": within}


def _figures(one: Figures, floor: Figures) -> dict[str, Any]:
    return {
        "seconds": round(one.seconds, 1),
        "cpu_seconds": round(one.cpu_seconds, 1),
        "cpu_over_floor": round(one.cpu_seconds / floor.cpu_seconds, 2),
        "peak_mb": round(one.highest_mib),
    }


def fill(path: Path, order_lines: int, seed: int) -> dict[str, int]:
    """Make a warehouse as the loader would leave it.

    Args:
        path: the SQLite file; where it is there already, it is left as it is.
        order_lines: how many order lines.
        seed: of the truth.

    Returns:
        How many order lines and carton rows there are.
    """
    rules = load_rules(ROOT / "config")
    there = path.exists()
    engine = connect(f"sqlite:///{path}")
    if not there:
        migrate(engine)
        made = make_truth(order_lines, seed, rules=rules)
        with writing(engine) as connection:
            _fill_orders(connection, made.lines, rules)
            _fill_cartons(connection, "packed_products", made.packed, rules)
            _fill_cartons(connection, "shipped", made.shipped, rules)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        counts = {
            name: sum(int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0) for table in some)
            for name, some in (
                ("order_lines", (tables.stg_orders_sharepoint,)),
                ("carton_rows", (tables.stg_packed, tables.stg_shipped)),
            )
        }
    engine.dispose()
    return counts


@dataclass(frozen=True)
class Load:
    """One reading of a unit."""

    load_id: str
    unit_id: str
    source: str
    stream: str
    kind: str
    connection: str | None = None


def _fill_orders(connection: sa.Connection, lines: pd.DataFrame, rules: Rules) -> None:
    for number, (customer, part) in enumerate(lines.groupby("customer", observed=True)):
        path = f"{customer}.xlsx"
        unit = ids.hash_id("local", path)
        load = Load(f"{number:012x}{'0' * 20}", unit, path, "order_list_rows", "file")
        count = -(-len(part) // LINES_A_ROW)
        sheet = pd.DataFrame({"row_number": np.arange(2, count + 2)}).assign(
            customer=str(customer), size_qty=0, sizes="[]", extra="[]", sheet="MASTER"
        )
        rows = part.reset_index(drop=True).rename(columns={"ordered_qty": "qty"})
        rows["row_number"] = np.arange(len(rows)) // LINES_A_ROW + 2
        rows["order_type"] = np.where(rows.pop("cancelled"), "CANCELLED", "RECEIVED")
        sources = ("customer", "customer_po", "customer_alt_po", "style", "pattern_id", "alias_item", "color", "size")
        _stage(connection, tables.order_list, sheet, load, version=rules.version, found=())
        _stage(
            connection,
            tables.stg_orders_sharepoint,
            rows.rename(columns={"qty": "ordered_qty"}),
            load,
            version=rules.version,
            found=sources,
        )
        staged = {"order_list": (count, 0, 0), "stg_orders_sharepoint": (len(rows), len(rows), int(rows["qty"].sum()))}
        _tell(connection, load, staged, sheet_rows=count)
        file = {
            "file_id": unit,
            "name": path,
            "path": path,
            "status": "read",
            "listed_at": STARTED,
            "load_id": load.load_id,
        }
        connection.execute(tables.source_files.insert(), file | {"modified_at": STARTED})


def _fill_cartons(connection: sa.Connection, stream: str, rows: pd.DataFrame, rules: Rules) -> None:
    """Stage a view's rows: a day each within the last half year, a SKU by style, colour and size."""
    table, day = (tables.stg_packed, "packed_on") if stream == "packed_products" else (tables.stg_shipped, "shipped_on")
    load = Load(
        f"{999 + (stream == 'shipped'):012x}{'0' * 20}", f"wah:{stream}", f"wah.{stream}", stream, "window", "wah"
    )
    chance = np.random.default_rng(len(rows))
    hashes = pd.util.hash_pandas_object(rows[["customer", "style", "color", "size"]], index=False).to_numpy()
    rows = rows.reset_index(drop=True).assign(
        row_id=text(f"{stream[0]}{number:031x}" for number in range(len(rows))),
        sku=text(f"{one % 10**9:09}" for one in hashes),
        connection="wah",
        country="US",
        shipping_method="SEA",
        **{day: (LAST_DAY - chance.integers(0, 180, len(rows)).astype("timedelta64[D]")).astype("datetime64[us]")},
    )
    _stage(
        connection,
        table,
        rows,
        load,
        version=rules.version,
        found=("customer", "customer_po", "style", "color", "size"),
    )
    _tell(connection, load, {table.name: (len(rows), len(rows), int(rows["qty"].sum()))}, sheet_rows=len(rows))


def _stage(
    connection: sa.Connection, table: sa.Table, rows: pd.DataFrame, load: Load, *, version: str, found: tuple[str, ...]
) -> None:
    whole = rows.assign(
        load_id=load.load_id,
        unit_id=load.unit_id,
        source=load.source,
        rules_version=version,
        **{f"{name}_source": rows[name] for name in found},
    )
    nothing = pd.Series([None] * len(rows), dtype=object, index=rows.index)
    insert(connection, table, pd.DataFrame({c.name: whole.get(c.name, nothing) for c in table.c}))


def _tell(
    connection: sa.Connection, load: Load, staged: Mapping[str, tuple[int, int, int]], *, sheet_rows: int
) -> None:
    """Write the load and what was counted of it."""
    cells = sum(one[1] for one in staged.values())
    qty = sum(one[2] for one in staged.values())
    counts = [(load.stream, measure, (sheet_rows, cells, qty)) for measure in ("received", "read")]
    counts += [(name, "staged", figures) for name, figures in staged.items()]
    rows = [
        {"load_id": load.load_id, "table": name, "measure": measure, "reason": "", "rows": r, "cells": c, "qty": q}
        for name, measure, (r, c, q) in counts
    ]
    connection.execute(tables.load_counts.insert(), rows)
    times = {"started_at": STARTED, "finished_at": STARTED + timedelta(minutes=1)}
    connection.execute(tables.loads.insert(), {**vars(load), **times, "rows": sheet_rows, "qty": float(qty)})


def change(url: str) -> dict[str, int]:
    """Read one workbook and the last two days of shipments again, with other quantities.

    Returns:
        How many order lines and carton rows were read again.
    """
    engine = connect(url)
    line, shipped = tables.stg_orders_sharepoint, tables.stg_shipped
    with writing(engine) as connection:
        sizes = sa.select(line.c.load_id, sa.func.count().label("n")).group_by(line.c.load_id).order_by(sa.desc("n"))
        book = connection.execute(sizes).all()[len(connection.execute(sizes).all()) // 2]
        again = {
            "order_lines": _again(connection, line, line.c.load_id == book.load_id, f"{5000:012x}{'0' * 20}"),
            "carton_rows": _again(
                connection,
                shipped,
                shipped.c.shipped_on >= (LAST_DAY - np.timedelta64(1, "D")).item(),
                f"{5001:012x}{'0' * 20}",
                window_from=(LAST_DAY - np.timedelta64(1, "D")).item(),
            ),
        }
        _again(connection, tables.order_list, tables.order_list.c.load_id == book.load_id, f"{5000:012x}{'0' * 20}")
    engine.dispose()
    return again


def _again(
    connection: sa.Connection,
    table: sa.Table,
    where: sa.ColumnElement[bool],
    load_id: str,
    **window: Any,  # noqa: ANN401
) -> int:
    """Stage rows of a table again under a new load, one in ten with another quantity."""
    name = "ordered_qty" if "ordered_qty" in table.c else "qty" if "qty" in table.c else None
    columns = [
        sa.literal(load_id).label("load_id")
        if column.name == "load_id"
        else sa.case((sa.func.random() % 10 == 0, column + 1), else_=column).label(column.name)
        if column.name == name
        else column
        for column in table.c
    ]
    old = connection.execute(sa.select(table.c.load_id).where(where).limit(1)).scalar_one()
    connection.execute(table.insert().from_select([c.name for c in table.c], sa.select(*columns).where(where)))
    mine = table.c.load_id == load_id
    rows = int(connection.scalar(sa.select(sa.func.count()).where(mine)) or 0)
    qty = int(connection.scalar(sa.select(sa.func.sum(table.c[name])).where(mine)) or 0) if name else 0
    load = connection.execute(sa.select(tables.loads).where(tables.loads.c.load_id == old)).mappings().one()
    counts = tables.load_counts
    if table is tables.order_list:
        connection.execute(
            counts.insert(),
            {
                "load_id": load_id,
                "table": table.name,
                "measure": "staged",
                "reason": "",
                "rows": rows,
                "cells": 0,
                "qty": 0,
            },
        )
        return rows
    told = load["rows"] if load["kind"] == "file" else rows
    for where_to, measure_, figures in (
        (load["stream"], "received", (told, rows, qty)),
        (load["stream"], "read", (told, rows, qty)),
        (table.name, "staged", (rows, rows, qty)),
    ):
        row = dict(zip(("rows", "cells", "qty"), figures, strict=True))
        connection.execute(
            counts.insert(), {"load_id": load_id, "table": where_to, "measure": measure_, "reason": "", **row}
        )
    newer = {**load, "load_id": load_id, "rows": told, "qty": float(qty), **window}
    connection.execute(tables.loads.insert(), newer)
    return rows


if __name__ == "__main__":
    main()
