"""Which packed and shipped rows count: what no later load replaces, and nothing that stands in both.

Packed is read before shipped, so a carton that left in between is in both; what was shipped is taken off what was
packed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from order_rules import tables
from order_rules.config import Rules

from recon.canonicalise import CARTON_FIELDS, canonicalise
from recon.frames import Flags, Ints, category, codes_of, number_groups, stack, sum_by
from recon.keys import sum_cartons
from recon.ledger import figures_by_load
from recon.loads import PACKED, SHIPPED, Choice, current_rows, in_own_window
from recon.matching.columns import FIVE
from recon.orders import SAMPLE, SUPERSEDED_WINDOW, is_sample
from recon.sizes import SizeFold
from recon.staged import STAGED_ROW, Part, Reader, staged_rows
from recon.standing import prints_by_load

SHIPPED_SINCE: Final = "shipped_since"
NEEDED: Final = ("row_id", "customer", "customer_po", "style", "color", "size", "carton_id", "sku", "qty")
"""What deciding, matching and counting need of a row beside what its load tells; the rest is copied inside the
database."""
STAGED: Final = {PACKED: (tables.stg_packed, "packed_on"), SHIPPED: (tables.stg_shipped, "shipped_on")}
"""Stream to its staging table and the day by which its windows go."""


class Told(NamedTuple):
    """What the books need to know of packed and shipped rows.

    Attributes:
        packed: ``ledger.figures_by_load`` of the packed rows.
        shipped: the same of the shipped ones.
        findings: code to rows and quantity.
    """

    packed: pd.DataFrame
    shipped: pd.DataFrame
    findings: dict[str, tuple[int, int]]


@dataclass
class Cartons:
    """All packed and shipped rows of the loads that may count, and from ``sum_to_keys`` on those that do.

    Attributes:
        packed: what a row's load tells, ``NEEDED`` and packed_on, or all columns of ``stg_packed`` where some rows are
            of older rules; reason (missing: the row counts) and kept (units left). Once summed, ``qty`` is what is
            left of ``qty_source``, and each row has its fulfil_key_id.
        shipped: the same of ``stg_shipped``, with shipped_on; all of what counts is kept.
        findings: code to rows and quantity.
    """

    packed: pd.DataFrame
    shipped: pd.DataFrame
    findings: dict[str, tuple[int, int]]

    def told(self) -> Told:
        """Sum the rows for the books, before they are summed to keys."""
        packed, shipped = (figures_by_load(rows, rows["qty"], rows["kept"]) for rows in (self.packed, self.shipped))
        return Told(packed, shipped, self.findings)

    def sum_to_keys(self, fold: SizeFold) -> pd.DataFrame:
        """Sum the rows that count to fulfilment keys, and forget the others.

        Args:
            fold: which size stands for another.

        Returns:
            One row a key, from ``keys.sum_cartons``.
        """
        packed = _counting(self.packed).rename(columns={"qty": "qty_source", "kept": "qty"})
        shipped = _counting(self.shipped).drop(columns="kept")
        for rows in (packed, shipped):
            rows["size"] = fold.column(rows)
        of_packed, of_shipped, fulfil_keys = sum_cartons(packed, shipped)
        self.packed, self.shipped = _keyed(packed, of_packed), _keyed(shipped, of_shipped)
        return fulfil_keys

    def prints(self, seed: str) -> dict[str, dict[str, str]]:
        """Hash the rows of each load with what is made of them.

        Args:
            seed: what else makes a published row another when it changes.

        Returns:
            Stream to load to hash.
        """
        return {
            PACKED: prints_by_load(self.packed, ("row_id", "qty", "qty_source", "fulfil_key_id"), seed),
            SHIPPED: prints_by_load(self.shipped, ("row_id", "qty", "fulfil_key_id"), seed),
        }

    def rows(self, stream: str, load_ids: Collection[str] | None) -> pd.DataFrame:
        """Give what is published of rows that count.

        Args:
            stream: packed or shipped.
            load_ids: the loads whose rows are wanted; ``None``: all.

        Returns:
            The rows, with what ``current.publish_current`` needs.
        """
        rows = self.packed if stream == PACKED else self.shipped
        if not is_whole(rows):
            rows = rows.drop(columns=["connection", "carton_id", "sku", STAGED[stream][1]])
        return rows if load_ids is None else rows[rows["load_id"].isin(list(load_ids)).to_numpy()]

    def rows_to_fill(self, stream: str, given: Sequence[str]) -> pd.DataFrame:
        """Give what is published of all rows that count, where nothing is published yet.

        Args:
            stream: packed or shipped.
            given: the columns that are not copied inside the database.

        Returns:
            These, where the number of a row tells which it is; else what ``rows`` gives.
        """
        rows = self.rows(stream, None)
        return rows[[STAGED_ROW, *given]] if STAGED_ROW in rows else rows

    def of_facts(self, fact_of: Ints, count: int) -> pd.DataFrame:
        """Find what only the rows tell of each fact.

        Args:
            fact_of: the number of the fact that each fulfilment key belongs to, in the order of ``sum_to_keys``.
            count: how many facts there are.

        Returns:
            One row a fact: cartons, first_packed_on, last_shipped_on.
        """
        facts = [fact_of[codes_of(rows["fulfil_key_id"])] for rows in (self.packed, self.shipped)]
        both = pd.DataFrame(
            {name: stack(self.packed[name], self.shipped[name]) for name in ("connection", "carton_id")}
        )
        first = self.packed["packed_on"].groupby(facts[0]).min().reindex(range(count))
        last = self.shipped["shipped_on"].groupby(facts[1]).max().reindex(range(count))
        cartons = carton_counts(pd.DataFrame(both), np.concatenate(facts), count)
        return pd.DataFrame({"cartons": cartons, "first_packed_on": first, "last_shipped_on": last})


def is_whole(rows: pd.DataFrame) -> bool:
    """Tell whether staged rows were read with all their columns."""
    return "source" in rows


def read_cartons(reader: Reader, choice: Choice, rules: Rules) -> Cartons:
    """Read the packed and shipped rows of the loads that may count, and decide which do.

    Args:
        reader: where they are read.
        choice: the loads that may count.
        rules: all rules.

    Returns:
        The rows with the reason that leaves each out.
    """
    shipped, packed = (_read(reader, stream, choice, rules) for stream in (SHIPPED, PACKED))
    kept, findings = take_off_shipped(packed[packed["reason"].isna()], shipped[shipped["reason"].isna()])
    packed["kept"] = 0
    packed.loc[kept.index, "kept"] = kept
    gone = packed["reason"].isna().to_numpy() & (packed["kept"] == 0).to_numpy()
    packed["reason"] = packed["reason"].cat.add_categories([SHIPPED_SINCE]).mask(gone, SHIPPED_SINCE)
    shipped["kept"] = shipped["qty"].where(shipped["reason"].isna(), 0)
    return Cartons(packed, shipped, findings)


def _read(reader: Reader, stream: str, choice: Choice, rules: Rules) -> pd.DataFrame:
    """Read rows, put them into today's form and say which count."""
    table, day = STAGED[stream]
    part = Part(table.name, choice.of(stream), (*NEEDED, day), ["row_id"])
    (staged,) = staged_rows(reader, [part], rules.version)
    rows = canonicalise(staged, CARTON_FIELDS, rules, "packed" if stream == PACKED else "shipped")
    current = current_rows(rows["load_id"], rows[day], choice)
    reason = np.full(len(rows), None, dtype=object)
    reason[~current | _read_again(rows, current, rows[day], choice)] = SUPERSEDED_WINDOW
    reason[pd.isna(reason) & is_sample(rows["size"], rules)] = SAMPLE
    return rows.assign(reason=category(reason))


def _read_again(rows: pd.DataFrame, current: Flags, dates: pd.Series[Any], choice: Choice) -> Flags:
    """Mark current rows that a later load holds too: a view that gave rows outside its window gave them twice.

    Where each row lies in the window of its own load, no day is in two.
    """
    again = np.zeros(len(rows), dtype=bool)
    if in_own_window(rows["load_id"], dates, choice)[current].all():
        return again
    some = rows.loc[current, ["row_id", "load_id"]].astype({"load_id": "str"})
    newest_first = some.sort_values("load_id", ascending=False, kind="stable")
    again[rows.index.get_indexer(newest_first.index[newest_first["row_id"].duplicated()])] = True
    return again


def _counting(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["reason"].isna()].drop(columns="reason").reset_index(drop=True)


def _keyed(rows: pd.DataFrame, fulfil_key_ids: pd.Series[Any]) -> pd.DataFrame:
    """Add its key to each row, which tells its customer, PO, style and colour from here on."""
    told = [] if is_whole(rows) else [name for name in FIVE if name != "size"]
    return rows.drop(columns=told).assign(fulfil_key_id=fulfil_key_ids)


def take_off_shipped(packed: pd.DataFrame, shipped: pd.DataFrame) -> tuple[pd.Series[Any], dict[str, tuple[int, int]]]:
    """Take what stands in current shipped off what is packed, by connection, carton and SKU.

    A carton keeps max(0, packed - shipped); what is taken off is taken from its rows in the order of their ids. A row
    without carton or SKU is compared with none: missing is never equal to missing.

    Args:
        packed: packed rows that no later load replaces.
        shipped: shipped rows that no later load replaces.

    Returns:
        What is kept of each packed row, by its index; and findings: cartons shipped in part, and shipped with more
        than was packed (rows: cartons and SKUs, quantity: the units that differ).
    """
    names = ("connection", "carton_id", "sku")
    shipped = shipped[shipped["carton_id"].isin(packed["carton_id"].dropna().unique()).to_numpy()]
    both = pd.DataFrame({name: stack(packed[name], shipped[name]) for name in (*names, "qty")})
    whole = both[list(names)].notna().all(axis=1).to_numpy()
    groups, first = number_groups(both, names)
    is_packed = np.arange(len(both)) < len(packed)
    qty = both["qty"].to_numpy(dtype=np.int64)
    packed_sum = sum_by(groups, qty * (is_packed & whole), len(first))
    shipped_sum = sum_by(groups, qty * (~is_packed & whole), len(first))
    kept = _kept(packed, groups[is_packed], np.where(packed_sum > 0, shipped_sum, 0))
    in_both = (packed_sum > 0) & (shipped_sum > 0)
    part, more = in_both & (shipped_sum < packed_sum), in_both & (shipped_sum > packed_sum)
    found = {
        "shipped_in_part": (int(part.sum()), int((packed_sum - shipped_sum)[part].sum())),
        "shipped_over_packed": (int(more.sum()), int((shipped_sum - packed_sum)[more].sum())),
    }
    return kept, {code: figures for code, figures in found.items() if figures[0]}


def _kept(packed: pd.DataFrame, groups: Ints, shipped: Ints) -> pd.Series[Any]:
    """Take the shipped units off each group's rows, row_id by row_id."""
    ordered = pd.DataFrame({"group": groups, "row_id": packed["row_id"].array, "qty": packed["qty"].array})
    ordered["index"] = packed.index
    touched = ordered[(shipped[groups] > 0) & (ordered["qty"] > 0).to_numpy()].sort_values(["group", "row_id"])
    before = touched.groupby("group")["qty"].cumsum() - touched["qty"]
    taken = (shipped[touched["group"].to_numpy()] - before).clip(lower=0)
    kept = packed["qty"].copy()
    kept.loc[touched["index"]] -= np.minimum(taken.to_numpy(), touched["qty"].to_numpy())
    return kept


def carton_counts(rows: pd.DataFrame, recon_ids: Ints, count: int) -> Ints:
    """Count the distinct cartons of each reconciled key.

    Args:
        rows: packed and shipped rows that count: connection, carton_id.
        recon_ids: the number of each row's key.
        count: how many keys there are.

    Returns:
        One number a key; rows without a carton are not counted.
    """
    named = rows["carton_id"].notna().to_numpy()
    connection, carton = codes_of(rows["connection"]), rows["carton_id"].array
    some = pd.DataFrame({"key": recon_ids[named], "connection": connection[named], "carton": carton[named]})
    _, first = number_groups(some, ("key", "connection", "carton"))
    return np.bincount(some["key"].to_numpy()[first], minlength=count).astype(np.int64)
