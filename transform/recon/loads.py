"""Which loads count: a load is one reading of a workbook or view, and only a whole one is ever seen.

Everything but ``read_loads`` is a pure function over small frames, one row a load. Dates are days since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.frames import IN_LIST, Flags, codes_of, days, in_parts, look_up, read, text

ORDER_LIST: Final = "order_list_rows"
MASTER_VIEW: Final = "master_order_list"
PACKED: Final = "packed_products"
SHIPPED: Final = "shipped"
STREAMS: Final = (ORDER_LIST, MASTER_VIEW, PACKED, SHIPPED)
"""The streams whose loads are reconciled, by the tap's names."""

EVER_BEFORE: Final = np.iinfo(np.int64).min + 1
EVER_AFTER: Final = np.iinfo(np.int64).max
"""A window's open ends. The smallest ``int64`` is a missing date and lies in no window."""

Window = tuple[int, int]
"""Half-open: the first day and the day after the last."""

Figures = Mapping[tuple[str, ...], tuple[int, ...]]
"""Rows, cells and units by load, or by load and table."""

STAGED_QUANTITY: Final = {
    tables.order_list: None,
    tables.stg_orders_sharepoint: tables.stg_orders_sharepoint.c.ordered_qty,
    tables.stg_orders_wms: tables.stg_orders_wms.c.ordered_qty,
    tables.stg_packed: tables.stg_packed.c.qty,
    tables.stg_shipped: tables.stg_shipped.c.qty,
}
"""The staging tables and the quantity that each carries."""
QUARANTINES: Final = (tables.stg_quarantine_sharepoint, tables.stg_quarantine_wms)


@dataclass(frozen=True)
class LoadBook:
    """What the warehouse knows of every load, whole or not.

    Attributes:
        loads: the table ``loads``.
        counts: the table ``load_counts``.
        staged: load_id, table, unit_id, source, oldest_rules, newest_rules (the first and last rules_version by text),
            rows, qty actually in the staging tables.
        quarantined: load_id, unit_id, source, rows, cells, qty actually in the quarantine tables.
        files: the table ``source_files``.
    """

    loads: pd.DataFrame
    counts: pd.DataFrame
    staged: pd.DataFrame
    quarantined: pd.DataFrame
    files: pd.DataFrame


@dataclass(frozen=True)
class Choice:
    """The loads that may count.

    Attributes:
        loads: one row a load: load_id, unit_id, stream, kind, connection, source, started_at, window_from, window_to,
            rows, newest (no later complete load of its unit), rules_version (of its rows; missing: there are none;
            empty: several), stale_reason, path, modified_at (workbooks).
        slices: load_id, from_day, to_day: the days that no later load of the unit covers.
        known: load_id, unit_id, fault (missing: whole) of every load, for the sweep.
        unread: path and error of workbooks that failed and were never read whole.
        listing_empty: the newest whole listing found no workbook at all.
    """

    loads: pd.DataFrame
    slices: pd.DataFrame
    known: pd.DataFrame
    unread: pd.DataFrame
    listing_empty: bool

    def of(self, stream: str) -> pd.DataFrame:
        """Give the loads of one stream."""
        return self.loads[self.loads["stream"] == stream]


def read_loads(connection: sa.Connection) -> LoadBook:
    """Read the loads and count what is really staged of each.

    Args:
        connection: an open connection; the caller's transaction.

    Returns:
        The book of loads; text columns are ``str``.
    """
    whole = {
        "loads": read(connection, list(tables.loads.c)),
        "counts": read(connection, list(tables.load_counts.c)),
        "files": read(connection, list(tables.source_files.c)),
    }
    return LoadBook(
        loads=_plain_text(whole["loads"]),
        counts=_plain_text(whole["counts"]),
        staged=_frame(connection, sa.union_all(*map(_staged, STAGED_QUANTITY))),
        quarantined=_frame(connection, sa.union_all(*map(_quarantined, QUARANTINES))),
        files=_plain_text(whole["files"]),
    )


def _sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(sa.cast(column, sa.BigInteger)), 0, type_=sa.BigInteger())


def _staged(table: sa.Table) -> sa.Select[Any]:
    quantity = STAGED_QUANTITY[table]
    return sa.select(
        table.c.load_id,
        sa.literal_column(f"'{table.name}'", sa.Unicode(32)).label("table"),
        sa.func.min(table.c.unit_id).label("unit_id"),
        sa.func.min(table.c.source).label("source"),
        sa.func.min(table.c.rules_version).label("oldest_rules"),
        sa.func.max(table.c.rules_version).label("newest_rules"),
        sa.cast(sa.func.count(), sa.BigInteger).label("rows"),
        (sa.literal_column("0", sa.BigInteger()) if quantity is None else _sum(quantity)).label("qty"),
    ).group_by(table.c.load_id)


def _quarantined(table: sa.Table) -> sa.Select[Any]:
    return sa.select(
        table.c.load_id,
        sa.func.min(table.c.unit_id).label("unit_id"),
        sa.func.min(table.c.source).label("source"),
        sa.cast(sa.func.count(), sa.BigInteger).label("rows"),
        _sum(table.c.cells).label("cells"),
        _sum(table.c.qty).label("qty"),
    ).group_by(table.c.load_id)


def _frame(connection: sa.Connection, statement: sa.CompoundSelect[Any]) -> pd.DataFrame:
    result = connection.execute(statement)
    names = list(result.keys())
    frame = pd.DataFrame([tuple(row) for row in result], columns=names)
    return frame.astype({name: "int64" if name in {"rows", "cells", "qty"} else "str" for name in names})


def _plain_text(frame: pd.DataFrame) -> pd.DataFrame:
    texts = [name for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(texts, "str"))


def choose(book: LoadBook) -> Choice:
    """Choose the loads that may count.

    Of a workbook, its newest whole load, unless the file is deleted. Of a view, every whole load of which some days
    are covered by no later one.

    Args:
        book: what the warehouse knows of the loads.

    Returns:
        The choice; no loads where nothing whole is there.
    """
    faults = load_faults(book)
    whole = book.loads[book.loads["load_id"].isin(faults.index[faults.isna()])]
    whole = whole[whole["stream"].isin(STREAMS)].sort_values("load_id", ascending=False)
    listing = newest_listing(book.loads, book.files)
    gone = deleted_units(book.files, listing)
    known = _known(book, faults)

    workbooks = whole[(whole["kind"] == "file") & ~whole["unit_id"].isin(gone)].drop_duplicates("unit_id")
    views = whole[whole["kind"] == "window"]
    slices = uncovered_days(views)
    views = views[views["load_id"].isin(slices["load_id"])]
    chosen = pd.concat([workbooks, views], ignore_index=True)
    chosen["newest"] = ~chosen.duplicated("unit_id")
    chosen = _with_source(chosen, book).assign(rules_version=_rules_versions(chosen["load_id"], book.staged))
    chosen["stale_reason"] = stale_reasons(chosen, known, book.files)
    failed = book.files[(book.files["status"] == "failed") & ~book.files["file_id"].isin(gone)]
    return Choice(
        loads=chosen,
        slices=slices,
        known=known,
        unread=failed.loc[~failed["file_id"].isin(workbooks["unit_id"]), ["path", "error"]].reset_index(drop=True),
        listing_empty=listing is not None and int(listing["rows"]) == 0,
    )


def load_faults(book: LoadBook) -> pd.Series[Any]:
    """Say of each load on ``loads`` why it isn't whole.

    Whole is a load of which as many rows and units were received as its ``loads`` record tells, and of which the
    staging and quarantine tables hold exactly what the mapper counted into them.

    Args:
        book: what the warehouse knows of the loads.

    Returns:
        A text a load, indexed by load_id, missing where the load is whole. Listings are left out.
    """
    counts = book.counts
    received = _figures(counts[counts["measure"] == "received"], ("load_id", "table"), ("rows", "qty"))
    counted = _figures(counts[counts["measure"] == "staged"], ("load_id", "table"), ("rows", "qty"))
    staged = _figures(book.staged, ("load_id", "table"), ("rows", "qty"))
    aside = _figures(counts[counts["measure"] == "quarantined"], ("load_id",), ("rows", "cells", "qty"))
    held = _figures(book.quarantined, ("load_id",), ("rows", "cells", "qty"))
    loads = book.loads[book.loads["kind"] != "listing"]
    told = zip(loads["load_id"], loads["stream"], loads["rows"], loads["qty"].fillna(0).round(), strict=True)
    # A loop over loads, of which there are as many as workbooks and windows kept, to word each fault.
    faults = {
        load_id: _unreceived((int(rows), int(qty)), received.get((load_id, stream)))
        or _unstaged(load_id, counted, staged)
        or _unquarantined(aside.get((load_id,), (0, 0, 0)), held.get((load_id,), (0, 0, 0)))
        for load_id, stream, rows, qty in told
    }
    return pd.Series(faults, dtype="str")


def _figures(frame: pd.DataFrame, key: Sequence[str], figures: Sequence[str]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Sum figures by key."""
    sums: dict[tuple[str, ...], tuple[int, ...]] = {}
    keys = zip(*(frame[name].to_list() for name in key), strict=True)
    for one, found in zip(keys, zip(*(frame[name].to_list() for name in figures), strict=True), strict=True):
        sums[one] = tuple(a + b for a, b in zip(sums.get(one, (0,) * len(figures)), found, strict=True))
    return sums


def _unreceived(told: tuple[int, int], received: tuple[int, ...] | None) -> str | None:
    if received is None:
        return "the mapper counted nothing of it"
    if received != told:
        return f"the tap sent {told[0]} rows and {told[1]} units, the mapper received {received[0]} and {received[1]}"
    return None


def _unstaged(load_id: str, counted: Figures, staged: Figures) -> str | None:
    for table in STAGED_QUANTITY:
        made = counted.get((load_id, table.name), (0, 0))
        there = staged.get((load_id, table.name), (0, 0))
        if made != there:
            held = f"{table.name} holds {there[0]} rows and {there[1]} units of it"
            return f"{held}, the mapper made {made[0]} and {made[1]}"
    return None


def _unquarantined(made: tuple[int, ...], there: tuple[int, ...]) -> str | None:
    if made == there:
        return None
    return (
        f"quarantine holds {there[0]} rows, {there[1]} cells and {there[2]} units of it, the mapper made {made[0]}, "
        f"{made[1]} and {made[2]}"
    )


def newest_listing(loads: pd.DataFrame, files: pd.DataFrame) -> pd.Series[Any] | None:
    """Find the newest listing of workbooks that arrived whole.

    Args:
        loads: the table ``loads``.
        files: the table ``source_files``.

    Returns:
        Its row of ``loads``, ``None`` where there is none.
    """
    whole = whole_listings(loads, files).sort_values("load_id")
    return None if whole.empty else whole.iloc[-1]


def whole_listings(loads: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Keep the listings of which as many workbooks were seen since their start as they announce.

    Args:
        loads: the table ``loads``.
        files: the table ``source_files``.

    Returns:
        Their rows of ``loads``.
    """
    listings = loads[loads["kind"] == "listing"]
    listed = np.sort(files["listed_at"].to_numpy(dtype="datetime64[us]"))
    started = listings["started_at"].to_numpy(dtype="datetime64[us]")
    seen = len(listed) - np.searchsorted(listed, started, side="left")
    return listings[seen >= listings["rows"].to_numpy()]


def deleted_units(files: pd.DataFrame, listing: pd.Series[Any] | None) -> set[str]:
    """Name the workbooks that are gone: listed as deleted, or absent from the newest whole listing.

    Args:
        files: the table ``source_files``.
        listing: the newest whole listing, if any.

    Returns:
        Their unit ids.
    """
    gone = files["status"] == "deleted"
    if listing is not None:
        gone |= files["listed_at"] < listing["started_at"]
    return set(files.loc[gone, "file_id"])


def uncovered_days(views: pd.DataFrame) -> pd.DataFrame:
    """Find, of each whole load of a view, the days that no later one of the same view covers.

    Args:
        views: load_id, unit_id, window_from, window_to (half-open, missing: open) of whole loads.

    Returns:
        load_id, from_day, to_day: one row a stretch of days; a load wholly covered has none. The newest load of
        a view has all days, also those outside its window.
    """
    frame = views.sort_values(["unit_id", "load_id"], ascending=False)
    first, last = days(frame["window_from"]), days(frame["window_to"])
    first = np.where(frame["window_from"].isna(), EVER_BEFORE, first)
    last = np.where(frame["window_to"].isna(), EVER_AFTER, last)
    stretches: list[tuple[str, int, int]] = []
    unit, free = None, []
    # A loop over loads, each taking its window from the days still free: a few dozen, and order matters.
    for unit_id, load_id, start, end in zip(frame["unit_id"], frame["load_id"], first, last, strict=True):
        if unit_id != unit:
            unit, free = unit_id, [(int(EVER_BEFORE), int(EVER_AFTER))]
        stretches += [(load_id, *stretch) for stretch in free]
        free = list(_without(free, (int(start), int(end))))
    made = pd.DataFrame(stretches, columns=["load_id", "from_day", "to_day"])
    return made.astype({"load_id": "str", "from_day": "int64", "to_day": "int64"})


def _without(free: Iterable[Window], window: Window) -> Iterator[Window]:
    start, end = window
    for first, last in free:
        for part in ((first, min(last, start)), (max(first, end), last)):
            if part[0] < part[1]:
                yield part


def current_rows(load_ids: pd.Series[Any], dates: pd.Series[Any] | None, choice: Choice) -> Flags:
    """Mark the rows of views that no later load replaces.

    Args:
        load_ids: the load of each row.
        dates: the day of each row (packed or shipped on); ``None`` where the view has none. A row without a date
            belongs to every window.
        choice: the loads that may count.

    Returns:
        One flag a row.
    """
    newest = set(choice.loads.loc[choice.loads["newest"], "load_id"])
    undated = load_ids.isin(newest).to_numpy()
    if dates is None:
        return undated
    day = days(dates)
    current = dates.isna().to_numpy() & undated
    has_day = ~dates.isna().to_numpy()
    of_load = load_ids.astype("category")
    codes = of_load.cat.codes.to_numpy()
    number = {load_id: code for code, load_id in enumerate(of_load.cat.categories)}
    for load_id, start, end in choice.slices.itertuples(index=False):
        if load_id in number:
            current |= has_day & (codes == number[load_id]) & (day >= start) & (day < end)
    return current


def in_own_window(load_ids: pd.Series[Any], dates: pd.Series[Any], choice: Choice) -> Flags:
    """Mark the rows that lie in the window of their own load; one without a date lies in every window.

    Args:
        load_ids: the load of each row.
        dates: the day of each row.
        choice: the loads that may count.

    Returns:
        One flag a row.
    """
    of_load = load_ids.astype("category")
    windows = choice.loads.set_index("load_id").loc[list(of_load.cat.categories), ["window_from", "window_to"]]
    first = np.where(windows["window_from"].isna(), EVER_BEFORE, days(windows["window_from"]))
    last = np.where(windows["window_to"].isna(), EVER_AFTER, days(windows["window_to"]))
    load, day = codes_of(of_load), days(dates)
    return np.asarray(dates.isna().to_numpy() | ((day >= first[load]) & (day < last[load])), dtype=bool)


def stale_reasons(chosen: pd.DataFrame, known: pd.DataFrame, files: pd.DataFrame) -> pd.Series[Any]:
    """Say of each chosen load why its unit could not be read since.

    Args:
        chosen: load_id, unit_id, newest.
        known: load_id, unit_id, fault of every load.
        files: the table ``source_files``.

    Returns:
        A text a chosen load, missing where it is fresh or where a newer load of the view is whole.
    """
    failed = files[files["status"] == "failed"]
    errors = dict(zip(failed["file_id"], failed["error"].fillna("it could not be read"), strict=True))
    broken = known[known["fault"].notna()].sort_values("load_id")
    last_broken = dict(zip(broken["unit_id"], zip(broken["load_id"], broken["fault"], strict=True), strict=True))

    def why(unit_id: str, load_id: str, *, newest: bool) -> str | None:
        broken_id, fault = last_broken.get(unit_id, ("", ""))
        if not newest:
            return None
        return errors.get(unit_id) or (
            f"a later reading did not arrive whole: {fault}" if broken_id > load_id else None
        )

    # A loop over the loads that count, each worded by itself.
    loads = zip(chosen["unit_id"], chosen["load_id"], chosen["newest"], strict=True)
    return text(why(unit_id, load_id, newest=newest) for unit_id, load_id, newest in loads)


def _known(book: LoadBook, faults: pd.Series[Any]) -> pd.DataFrame:
    """List every load that left a trace: on ``loads``, or only rows of a reading that broke off."""
    told = book.loads[["load_id", "unit_id"]].assign(fault=look_up(book.loads["load_id"], faults))
    whole = whole_listings(book.loads, book.files)["load_id"]
    broken_listings = (book.loads["kind"] == "listing") & ~book.loads["load_id"].isin(whole)
    told["fault"] = told["fault"].mask(broken_listings, "not every workbook that it announces arrived")
    traces = pd.concat([book.staged, book.quarantined], ignore_index=True)[["load_id", "unit_id"]]
    broken = traces[~traces["load_id"].isin(told["load_id"])].drop_duplicates("load_id")
    broken = broken.assign(fault="it broke off before its end")
    return pd.concat([told, broken], ignore_index=True).astype({"fault": "str"})


def _with_source(chosen: pd.DataFrame, book: LoadBook) -> pd.DataFrame:
    """Add the workbook's path, or connection and view: what a person calls the unit."""
    files = book.files.drop_duplicates("file_id").set_index("file_id")
    traces = pd.concat([book.staged, book.quarantined], ignore_index=True).drop_duplicates("load_id")
    staged = traces.set_index("load_id")["source"]
    path = look_up(chosen["unit_id"], files["path"]).where(chosen["kind"] == "file")
    source = path.fillna(look_up(chosen["load_id"], staged)).fillna(chosen["unit_id"]).astype("str")
    modified = look_up(chosen["unit_id"], files["modified_at"])
    return chosen.assign(source=source, modified_at=modified)


def _rules_versions(load_ids: pd.Series[Any], staged: pd.DataFrame) -> pd.Series[Any]:
    """Look up by which rules the rows of each load were staged: one version, none where there are none, else empty."""
    of_load = staged.groupby("load_id")
    oldest, newest = of_load["oldest_rules"].min(), of_load["newest_rules"].max()
    return look_up(load_ids, oldest.where(oldest == newest, ""))


def loads_to_sweep(known: pd.DataFrame, counting: Iterable[str], keep: int) -> list[str]:
    """Name the loads that nobody needs any more.

    Args:
        known: load_id, unit_id, fault (missing: whole) of every load.
        counting: the loads of which rows count.
        keep: how many newer whole loads of its unit a load must have before it goes.

    Returns:
        Load ids: superseded or broken, never one as young as the newest whole load of its unit.
    """
    ordered = known.sort_values(["unit_id", "load_id"], ascending=[True, False])
    whole = ordered["fault"].isna().astype("int64")
    newer = whole.groupby(ordered["unit_id"]).cumsum() - whole
    unneeded = (newer >= keep) & ~ordered["load_id"].isin(set(counting))
    return sorted(ordered.loc[unneeded, "load_id"])


def sweep(connection: sa.Connection, load_ids: Sequence[str]) -> int:
    """Delete loads and everything staged of them.

    Args:
        connection: an open connection; the caller's transaction.
        load_ids: the loads that nobody needs.

    Returns:
        How many rows were deleted, in all tables.
    """
    deleted = 0
    for table in (*STAGED_QUANTITY, *QUARANTINES, tables.load_counts, tables.loads):
        for part in in_parts(load_ids, IN_LIST):
            deleted += connection.execute(sa.delete(table).where(table.c.load_id.in_(part))).rowcount
    return deleted
