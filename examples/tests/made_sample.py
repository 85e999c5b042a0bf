"""The demo's sample, with its truth and its workbooks as somebody else reads them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from make_sources import make
from order_list_reader import OrderList, read_order_list
from sample.plan import Arguments

AS_OF = date(2026, 3, 2)
PROGRAM = Path(__file__).resolve().parent.parent / "make_sources.py"
CONFIG = PROGRAM.parent.parent / "config"


@dataclass(frozen=True)
class Made:
    folder: Path
    truth: dict[str, Any]

    @cached_property
    def keys(self) -> list[dict[str, str]]:
        with (self.folder / "truth.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def order_lists(self) -> dict[str, OrderList]:
        return {path: read_order_list(self.folder / "order_lists" / path) for path in self.truth["workbooks"]}

    def hazards(self, kind: str) -> list[tuple[OrderList, dict[str, Any]]]:
        """Where a hazard was planted: the order list, and the row and header if it has any."""
        return [
            (self.order_lists[path], place)
            for path, book in self.truth["workbooks"].items()
            for place in book["hazards"].get(kind, [])
        ]


def make_demo_sample(folder: Path) -> Made:
    return Made(folder, make(folder, Arguments(seed=20, as_of=AS_OF, customers=14, rows=3000)))


def file_contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
