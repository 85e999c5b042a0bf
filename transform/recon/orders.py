"""Which order lines count: no copy of a workbook, no second source of an order, no salesman sample.

Every line stays in the frame with the reason it is left out for, so that the books can be closed over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.canonical import clean
from order_rules.config import Rules, Source

from recon.canonicalise import ORDER_FIELDS, canonicalise
from recon.frames import Flags, Ints, Objects, category, map_distinct, number_groups, objects, stack, sum_by
from recon.loads import MASTER_VIEW, ORDER_LIST, Choice, current_rows
from recon.matching.columns import FIVE, KEY_NEEDS
from recon.staged import Part, Reader, staged_rows

SUPERSEDED_WINDOW: Final = "superseded_window"
SUPERSEDED_WORKBOOK: Final = "superseded_workbook"
SUPERSEDED_SOURCE: Final = "superseded_source"
SAMPLE: Final = "sample"

WORKBOOK: Final = "order_list"
VIEW: Final = "wms"
"""Origins of a line, as in ``stg_orders.origin``."""

CONTENT: Final = (
    *FIVE,
    "order_number",
    "customer_alt_po",
    "pattern_id",
    "alias_item",
    "color_code",
    "category",
    "ordered_qty",
    "order_type",
    "delivery_method",
    "season",
    "drop",
    "ordered_on",
    "ex_factory_on",
    "eta_on",
    "customer_price",
    "final_fob_usd",
)
"""What two lines must share to be the same line in two workbooks."""
NEEDED: Final = ("order_line_id", *CONTENT)
"""What deciding, matching and counting need of a line beside what its load tells; the rest is copied inside the
database."""


class Origin(NamedTuple):
    """Where order lines come from.

    Attributes:
        name: as in ``stg_orders.origin``.
        staged: their staging table.
        stream: their stream.
        source: under which customers' names are looked up.
    """

    name: str
    staged: sa.Table
    stream: str
    source: Source


STAGED: Final = (
    Origin(WORKBOOK, tables.stg_orders_sharepoint, ORDER_LIST, "order_list"),
    Origin(VIEW, tables.stg_orders_wms, MASTER_VIEW, "master_order_list"),
)


@dataclass(frozen=True)
class Lines:
    """All order lines of the loads that may count.

    Attributes:
        rows: ``NEEDED`` (or all columns as staged), canonical as of today, plus origin, cancelled and reason (missing:
            the line counts).
        superseded: customer, unit_id, by: the workbook that counts for the customer instead of this one.
        findings: code to rows and quantity.
    """

    rows: pd.DataFrame
    superseded: pd.DataFrame
    findings: dict[str, tuple[int, int]]


def read_lines(reader: Reader, choice: Choice, version: str) -> list[pd.DataFrame]:
    """Read the staged order lines that the loads which may count have.

    Args:
        reader: where they are read.
        choice: the loads that may count.
        version: today's version of the rules.

    Returns:
        One frame an origin, from ``staged_rows``.
    """
    parts = [Part(origin.staged.name, choice.of(origin.stream), NEEDED, ["order_line_id"]) for origin in STAGED]
    return staged_rows(reader, parts, version)


def lines_of(staged: Sequence[pd.DataFrame], choice: Choice, rules: Rules) -> pd.DataFrame:
    """Put the order lines of the loads that may count into today's canonical form, and into one frame.

    Args:
        staged: from ``read_lines``.
        choice: the loads that may count.
        rules: all rules.

    Returns:
        ``NEEDED``, or all staging columns where some rows are of older rules, plus origin and ``current`` (no later
        load of the view replaces it).
    """
    parts = []
    for origin, found in zip(STAGED, staged, strict=True):
        rows = canonicalise(found, ORDER_FIELDS, rules, origin.source)
        is_view = origin.name == VIEW
        current = current_rows(rows["load_id"], None, choice) if is_view else np.ones(len(rows), dtype=bool)
        parts.append(rows.assign(origin=category(np.full(len(rows), origin.name, dtype=object)), current=current))
    first, second = parts
    return pd.DataFrame({column: stack(first[column], second[column]) for column in first.columns})


def decide_lines(rows: pd.DataFrame, choice: Choice, rules: Rules) -> Lines:
    """Decide which order lines count.

    Args:
        rows: from ``lines_of``.
        choice: the loads that may count.
        rules: all rules.

    Returns:
        The lines, each with the first reason that leaves it out: a later load of its view, another workbook, a sample
        size, the other source.
    """
    superseded, findings = superseded_workbooks(rows[(rows["origin"] == WORKBOOK).to_numpy()], choice.loads, rules)
    reason = np.full(len(rows), None, dtype=object)
    reason[~rows["current"].to_numpy(dtype=bool)] = SUPERSEDED_WINDOW
    left_out = _unset(reason) & (rows["origin"] == WORKBOOK).to_numpy() & _is_superseded(rows, superseded)
    reason[left_out] = SUPERSEDED_WORKBOOK
    reason[_unset(reason) & is_sample(rows["size"], rules)] = SAMPLE
    other, differing = superseded_sources(rows[_unset(reason)], rules)
    at = np.flatnonzero(_unset(reason))
    reason[at[other]] = SUPERSEDED_SOURCE
    made = rows.assign(reason=category(reason), cancelled=is_cancelled(rows["order_type"], rules))
    return Lines(made.drop(columns="current"), superseded, findings | differing)


def _unset(reason: Objects) -> Flags:
    return np.asarray(pd.isna(reason), dtype=bool)


def is_sample(sizes: pd.Series[Any], rules: Rules) -> Flags:
    """Mark rows of a size that is left out of the audit."""
    excluded = {rules.canonical_size(size) for size in rules.matching.excluded_sizes}
    return sizes.isin([size for size in excluded if size]).to_numpy()


def is_cancelled(order_types: pd.Series[Any], rules: Rules) -> Flags:
    """Mark lines whose order type, cleaned and by its alias, is a cancelled one."""
    aliases = {clean(found): clean(meant) for found, meant in rules.matching.order_type_aliases.items()}
    cancelled = {clean(kind) for kind in rules.matching.cancelled_order_types}

    def cancels(found: object) -> bool:
        kind = clean(found)
        return kind is not None and aliases.get(kind, kind) in cancelled

    return np.asarray(map_distinct(order_types, cancels) == True, dtype=bool)  # noqa: E712  (missing is None)


def _is_superseded(rows: pd.DataFrame, superseded: pd.DataFrame) -> Flags:
    if superseded.empty:
        return np.zeros(len(rows), dtype=bool)
    groups, first = number_groups(rows, ("customer", "unit_id"))
    pairs = set(zip(superseded["customer"], superseded["unit_id"], strict=True))
    some = rows.iloc[first]
    found = zip(objects(some["customer"]), objects(some["unit_id"]), strict=True)
    return np.array([pair in pairs for pair in found], dtype=bool)[groups]


def superseded_workbooks(
    lines: pd.DataFrame, loads: pd.DataFrame, rules: Rules
) -> tuple[pd.DataFrame, dict[str, tuple[int, int]]]:
    """Find workbooks that are copies of another, customer by customer.

    The workbook that ``customers.yml`` names counts alone. Else of workbooks with equal lines the lowest path counts;
    and of two that differ, where more than ``overlap_pct`` of the smaller one's keyed lines also stand in the other,
    the one modified last (on a tie the lowest path). A keyed line is a distinct customer, PO, style, colour and size,
    of which PO, style and size are there.

    Args:
        lines: the workbooks' lines.
        loads: unit_id, source (the path), modified_at of the loads that may count.
        rules: all rules.

    Returns:
        customer, unit_id, by (the path that counts instead); and findings.
    """
    found: list[tuple[str, str, str]] = []
    findings: dict[str, tuple[int, int]] = {}
    groups, first = number_groups(lines, ("customer", "unit_id"))
    owners = lines.iloc[first][["customer", "unit_id"]].astype("str").reset_index(drop=True)
    units = loads.drop_duplicates("unit_id").set_index("unit_id")
    rivals = owners[owners["customer"].duplicated(keep=False)]
    named = {clean(c.canonical): c.workbook for c in rules.customers.customers if c.workbook}
    # A loop over customers with several workbooks and over those workbooks: a handful.
    for customer, own in rivals.groupby("customer"):
        books = _Books.of(lines, groups, own, units)
        name = named.get(str(customer))
        if name is not None and name not in books.paths:
            findings["named_workbook_missing"] = (findings.get("named_workbook_missing", (0, 0))[0] + 1, 0)
        for loser, winner in books.contest(name, rules.matching.overlap_pct):
            found.append((str(customer), books.units[loser], books.paths[winner]))
    return pd.DataFrame(found, columns=["customer", "unit_id", "by"]).astype("str"), findings


@dataclass(frozen=True)
class _Books:
    """The workbooks of one customer: unit, path, time of change, content, and keyed lines of each."""

    units: list[str]
    paths: list[str]
    modified: list[pd.Timestamp]
    content: list[tuple[int, int]]
    keyed: list[Ints]

    @classmethod
    def of(cls, lines: pd.DataFrame, groups: Ints, own: pd.DataFrame, units: pd.DataFrame) -> _Books:
        some = np.flatnonzero(np.isin(groups, own.index.to_numpy()))
        part, group = lines.iloc[some], groups[some]
        keys, _ = number_groups(part, FIVE)
        complete = part[list(KEY_NEEDS)].notna().all(axis=1).to_numpy()
        hashes = pd.util.hash_pandas_object(part[list(CONTENT)], index=False).to_numpy()
        known = units.loc[own["unit_id"]]
        return cls(
            units=list(own["unit_id"]),
            paths=list(known["source"]),
            modified=[pd.Timestamp.min if pd.isna(at) else at for at in known["modified_at"]],
            content=[(int((group == n).sum()), int(hashes[group == n].sum())) for n in own.index],
            keyed=[np.unique(keys[(group == n) & complete]) for n in own.index],
        )

    def contest(self, named: str | None, overlap_pct: float) -> Iterator[tuple[int, int]]:
        """Yield pairs of a workbook that doesn't count and the one that counts instead."""
        everyone = range(len(self.units))
        if named in self.paths:
            winner = self.paths.index(str(named))
            yield from ((loser, winner) for loser in everyone if loser != winner)
            return
        kept: dict[tuple[int, int], int] = {}
        for number in sorted(everyone, key=lambda n: self.paths[n]):
            original = kept.setdefault(self.content[number], number)
            if original != number:
                yield number, original
        newest_first = sorted(kept.values(), key=lambda n: self.paths[n])
        newest_first.sort(key=lambda n: self.modified[n], reverse=True)
        counting: list[int] = []
        for number in newest_first:
            winner_or_none = next((other for other in counting if self._overlap(number, other) > overlap_pct), None)
            if winner_or_none is None:
                counting.append(number)
            else:
                yield number, winner_or_none

    def _overlap(self, one: int, other: int) -> float:
        fewest = min(len(self.keyed[one]), len(self.keyed[other]))
        common = len(np.intersect1d(self.keyed[one], self.keyed[other], assume_unique=True))
        return 100 * common / fewest if fewest else 0.0


def superseded_sources(lines: pd.DataFrame, rules: Rules) -> tuple[Flags, dict[str, tuple[int, int]]]:
    """Find lines of the source that does not count where a customer's orders stand in both.

    Args:
        lines: the lines that would count.
        rules: all rules.

    Returns:
        One flag a line; and findings: keys whose quantities differ between the sources, and keys that only the
        source left out has (rows: keys, quantity: the difference).
    """
    preferred = WORKBOOK if rules.matching.orders_from == "order_list" else VIEW
    from_preferred = (lines["origin"] == preferred).to_numpy()
    has_preferred = lines["customer"].isin(lines.loc[from_preferred, "customer"].unique()).to_numpy()
    left_out = has_preferred & ~from_preferred
    if not left_out.any():
        return left_out, {}
    compared = lines[lines["customer"].isin(lines.loc[left_out, "customer"].unique()).to_numpy()]
    groups, first = number_groups(compared, FIVE)
    counts = (compared["origin"] == preferred).to_numpy()
    qty = compared["ordered_qty"].to_numpy(dtype=np.int64)
    kept, other = sum_by(groups, qty * counts, len(first)), sum_by(groups, qty * ~counts, len(first))
    differing = (kept != other) & (kept > 0) & (other > 0)
    lacking = (kept == 0) & (other > 0)
    found = {
        "source_qty_differs": (int(differing.sum()), int(np.abs(kept - other)[differing].sum())),
        "source_key_lacking": (int(lacking.sum()), int(other[lacking].sum())),
    }
    return left_out, {code: figures for code, figures in found.items() if figures[0]}
