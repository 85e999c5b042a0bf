"""Which loads' published rows stand as they are: they need neither be read again nor compared.

The rows of a load never change. What is made of them (their key, what is left of them) is hashed and kept in
``recon_load``; where it is what it was, and as many rows and units of the load are published, they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules
from order_rules.ids import hash_id
from order_rules.program import program_hash

from recon.frames import sum_hashes
from recon.ledger import QUANTITIES
from recon.staged import Reader


def seed(rules: Rules, today: date) -> str:
    """Hash what makes every published row another when it changes, and each day anew.

    So a row that somebody changed in the warehouse stands no longer than until the first run of the next day.
    """
    return hash_id(program_hash(Path(__file__).parent), rules.version, today.isoformat())


def prints_by_load(rows: pd.DataFrame, columns: Sequence[str], seed: str) -> dict[str, str]:
    """Hash the rows of each load with what is made of them.

    Args:
        rows: load_id, an id of the row, and whatever was not staged with it.
        columns: all of these but load_id.
        seed: from ``seed``.

    Returns:
        Load to a hash of 32 hex characters, whatever the order of rows.
    """
    sums = sum_hashes(rows[list(columns)], rows["load_id"], repeats=False)
    return {load_id: hash_id(seed, *map(str, totals)) for load_id, totals in sums.items()}


def prints_of_lines(lines: pd.DataFrame, seed: str) -> dict[str, str]:
    """Hash the order lines of each load.

    Args:
        lines: the lines that count: load_id, order_line_id, order_key_id, cancelled.
        seed: from ``seed``.

    Returns:
        As ``prints_by_load``.
    """
    return prints_by_load(lines, ("order_line_id", "order_key_id", "cancelled"), seed)


@dataclass(frozen=True)
class Standing:
    """What is published of loads.

    Attributes:
        prints: load to the hash of its rows as they were published.
        there: published table to load to the rows and units that it holds.
    """

    prints: Mapping[str, str]
    there: Mapping[str, Mapping[str, tuple[int, int]]]

    def to_compare(self, table: str, figures: pd.DataFrame, prints: Mapping[str, str]) -> Collection[str] | None:
        """Name the loads whose rows do not stand as they are.

        Args:
            table: the published table.
            figures: of all rows that may count, ``ledger.figures_by_load``.
            prints: load to the hash of its rows that count.

        Returns:
            Loads of which rows are published, or should be; ``None``: no load's rows stand.
        """
        there = self.there[table]
        counts = figures[figures["reason"].isna()]
        wanted = dict(zip(counts["load_id"], zip(counts["rows"], counts["kept"], strict=True), strict=True))
        stands = {
            load_id
            for load_id, figures_there in there.items()
            if figures_there == wanted.get(load_id) and self.prints.get(load_id) == prints.get(load_id)
        }
        return {*there, *wanted} - stands if stands else None


def read_standing(reader: Reader) -> Standing:
    """Read what is published of loads.

    Args:
        reader: where it is read.

    Returns:
        It; nothing of an empty warehouse.
    """
    load = tables.recon_load.c
    prints = reader.read([load.load_id, load.rows_hash], plain=["load_id", "rows_hash"]).dropna()
    return Standing(
        dict(zip(prints["load_id"], prints["rows_hash"], strict=True)),
        {table.name: _by_load(reader, table, qty) for table, qty in QUANTITIES.items()},
    )


def _by_load(reader: Reader, table: sa.Table, qty: sa.Column[Any]) -> dict[str, tuple[int, int]]:
    figures = [
        table.c.load_id,
        sa.cast(sa.func.count(), sa.BigInteger).label("rows"),
        sa.cast(sa.func.sum(sa.cast(qty, sa.BigInteger)), sa.BigInteger).label("qty"),
    ]
    found = reader.read(list(sa.select(*figures).group_by(table.c.load_id).subquery().c), plain=["load_id"])
    return dict(zip(found["load_id"], zip(found["rows"], found["qty"], strict=True), strict=True))
