"""Which packed and shipped rows count: what no later load replaces, and nothing that stands in both.

Packed is read before shipped, so a carton that left in between is in both; what was shipped is taken off what was
packed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from order_rules import tables
from order_rules.config import Rules

from recon.canonicalise import CARTON_FIELDS, canonicalise
from recon.frames import Flags, Ints, category, codes_of, number_groups, stack, sum_by
from recon.loads import PACKED, SHIPPED, Choice, current_rows
from recon.orders import SAMPLE, SUPERSEDED_WINDOW, is_sample
from recon.staged import Part

SHIPPED_SINCE: Final = "shipped_since"


@dataclass(frozen=True)
class Cartons:
    """All packed and shipped rows of the loads that may count.

    Attributes:
        packed: what a row's load tells, ``NEEDED`` and packed_on, or all columns of ``stg_packed`` where some rows are
            of older rules; reason (missing: the row counts, with ``kept``) and kept (units left).
        shipped: the same of ``stg_shipped``, with shipped_on and reason.
        findings: code to rows and quantity.
    """

    packed: pd.DataFrame
    shipped: pd.DataFrame
    findings: dict[str, tuple[int, int]]


def wanted_rows(stream: str, choice: Choice) -> list[Part]:
    """Say which staged rows the loads of a view that may count have."""
    table, day = STAGED[stream]
    return [Part(table.name, choice.of(stream), (*NEEDED, day), ["row_id"])]


def decide_cartons(packed: pd.DataFrame, shipped: pd.DataFrame, choice: Choice, rules: Rules) -> Cartons:
    """Decide which packed and shipped rows count.

    Args:
        packed: the staged rows of ``wanted_rows``.
        shipped: the same of what was shipped.
        choice: the loads that may count.
        rules: all rules.

    Returns:
        The rows with the reason that leaves each out.
    """
    packed, shipped = _decided(packed, PACKED, choice, rules), _decided(shipped, SHIPPED, choice, rules)
    kept, findings = take_off_shipped(packed[packed["reason"].isna()], shipped[shipped["reason"].isna()])
    packed["kept"] = 0
    packed.loc[kept.index, "kept"] = kept
    gone = packed["reason"].isna().to_numpy() & (packed["kept"] == 0).to_numpy()
    packed["reason"] = packed["reason"].cat.add_categories([SHIPPED_SINCE]).mask(gone, SHIPPED_SINCE)
    return Cartons(packed, shipped, findings)


NEEDED: Final = ("row_id", "customer", "customer_po", "style", "color", "size", "carton_id", "sku", "qty")
"""What deciding, matching and counting need of a row beside what its load tells; the rest is copied inside the
database."""


STAGED: Final = {PACKED: (tables.stg_packed, "packed_on"), SHIPPED: (tables.stg_shipped, "shipped_on")}
"""Stream to its staging table and the day by which its windows go."""


def _decided(staged: pd.DataFrame, stream: str, choice: Choice, rules: Rules) -> pd.DataFrame:
    """Put rows into today's form and say which count."""
    rows = canonicalise(staged, CARTON_FIELDS, rules, "packed" if stream == PACKED else "shipped")
    current = current_rows(rows["load_id"], rows[STAGED[stream][1]], choice)
    reason = np.full(len(rows), None, dtype=object)
    reason[~current | _read_again(rows, current)] = SUPERSEDED_WINDOW
    reason[pd.isna(reason) & is_sample(rows["size"], rules)] = SAMPLE
    return rows.assign(reason=category(reason))


def _read_again(rows: pd.DataFrame, current: Flags) -> Flags:
    """Mark current rows that a later load holds too: a view that gave rows outside its window gave them twice."""
    if rows["load_id"].nunique() < 2:  # noqa: PLR2004  (one load holds a row once)
        return np.zeros(len(rows), dtype=bool)
    some = rows.loc[current, ["row_id", "load_id"]].astype({"load_id": "str"})
    newest_first = some.sort_values("load_id", ascending=False, kind="stable")
    again = newest_first.index[newest_first["row_id"].duplicated()]
    return np.asarray(rows.index.isin(again), dtype=bool)


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
