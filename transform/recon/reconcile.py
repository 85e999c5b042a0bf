"""Decides which loads count, matches them, and publishes the result: all or nothing, in one transaction.

``reconcile`` is the way through; each step is a function of frames in a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules

from recon import facts, guards, ledger, loads, nothing_new
from recon.cartons import Cartons, decide_cartons, wanted_rows
from recon.decisions import as_decision, read_decisions
from recon.engines import How
from recon.frames import look_up, objects, text
from recon.keys import sum_cartons, sum_orders
from recon.ledger import Figures, Ledger
from recon.loads import MASTER_VIEW, ORDER_LIST, PACKED, SHIPPED, Choice, LoadBook
from recon.matches import Inputs, gather, input_hashes, match_all
from recon.matching.columns import BLOCKS
from recon.matching.fill import fill_lines
from recon.matching.flags import due_by
from recon.matching.overrides import Unattached, attach
from recon.orders import (
    SUPERSEDED_WINDOW,
    SUPERSEDED_WORKBOOK,
    VIEW,
    WORKBOOK,
    Lines,
    decide_lines,
    lines_of,
    wanted_lines,
)
from recon.outcome import Outcome, UnknownCustomer, unknown_customers
from recon.published import LINK, Published, nothing_stays, unchanged
from recon.refusals import BooksUnequal, NothingLoaded, Refused, RunLost, Shrunk, TooMuchQuarantine
from recon.results import Rows, Settled, publish_links, publish_results, publish_rows
from recon.sizes import size_fold
from recon.staged import reading
from recon.warehouse import runs
from recon.warehouse.engine import straight_into_file, writing
from recon.warehouse.runs import Run

__all__ = [
    "BooksUnequal",
    "NothingLoaded",
    "Outcome",
    "Refused",
    "RunLost",
    "Shrunk",
    "TooMuchQuarantine",
    "reconcile",
]

COUNTS: Final = "counts"
FILL_ROWS: Final = 300_000
"""Rows of all loads from which an empty warehouse is filled straight into its file."""


def reconcile(
    engine: sa.Engine,
    rules: Rules,
    run: Run,
    *,
    today: date,
    allow_shrink: bool,
    accept: frozenset[str],
    how: How | None = None,
) -> Outcome:
    """Reconcile what is loaded and publish it, together with the run's success.

    Args:
        engine: the warehouse.
        rules: all rules.
        run: the open run.
        today: the day by which orders are due.
        allow_shrink: publish although far fewer workbooks or rows count than in the last run.
        accept: workbooks (paths) or views (``connection.view``) that may have more than ``max_quarantine_pct`` in
            quarantine.
        how: how the customers are matched; by default those that changed, in this process.

    Returns:
        The totals.

    Raises:
        Refused: nothing was published; the run is closed as failed with the reason and its figures.
        Busy: the run no longer holds the lease; nothing was published.
    """
    booked = Ledger()
    try:
        with straight_into_file(engine, worth=_fills(engine)), writing(engine) as connection:
            runs.heartbeat(connection, run)
            outcome = _reconcile(connection, rules, run, booked, _Wishes(today, allow_shrink, accept, how or How()))
            digest = nothing_new.fingerprint(connection, rules, today=today, accept=accept)
            nothing_new.note_published(connection, run, digest)
            if not runs.close(connection, run, "succeeded"):
                raise RunLost(f"Run {run.run_id} was closed meanwhile; nothing was published. Begin another one.")
    except Refused as refused:
        with writing(engine) as connection:
            booked.write(connection, run.run_id)
            runs.close(connection, run, "failed", refused.reason)
        raise
    return outcome


def _fills(engine: sa.Engine) -> bool:
    """Tell whether nothing is published yet, and much is there to be."""
    with engine.connect() as connection:
        if any(connection.execute(sa.select(table).limit(1)).first() for table in ledger.CURRENT_TABLES):
            return False
        return (connection.scalar(sa.select(sa.func.sum(tables.loads.c.rows))) or 0) >= FILL_ROWS


@dataclass(frozen=True)
class _Wishes:
    today: date
    allow_shrink: bool
    accept: frozenset[str]
    how: How


@dataclass(frozen=True)
class _Read:
    """What counts, before it is matched."""

    choice: Choice
    lines: Lines
    cartons: Cartons
    counting: pd.DataFrame
    counts: pd.DataFrame


@dataclass(frozen=True)
class _Keyed:
    """What counts, summed to keys, and what of it stays linked as it is."""

    rows: Rows
    order_keys: pd.DataFrame
    fulfil_keys: pd.DataFrame
    hashes: pd.Series[Any]
    stays: Published
    unattached: tuple[Unattached, ...]


def _reconcile(connection: sa.Connection, rules: Rules, run: Run, booked: Ledger, wishes: _Wishes) -> Outcome:
    book = loads.read_loads(connection)
    found = _what_counts(connection, book, rules, wishes.how)
    _book(booked, found)
    _guard(connection, rules, booked, found, wishes)
    ledger.check_loads(found.counts, found.counting)
    ledger.check_staged(found.counts, _handled(found))
    keyed, inputs = _key(connection, rules, found, wishes)
    choice, loads_now = found.choice, found.counting
    del found  # a million cartons: from here on only those that count are needed, and only until they are counted
    # Orders, cartons and then links are written while this process and its pool match and make facts: neither waits for
    # the other, and nobody else touches the connection meanwhile.
    with ThreadPoolExecutor(1) as beside:
        rows = beside.submit(publish_rows, connection, keyed.rows)
        matched = match_all(inputs.without(keyed.stays.customers), rules, wishes.how.engine)
        del inputs
        links = beside.submit(publish_links, connection, matched, keyed.stays)
        settled = _settle(rules, booked, keyed, matched)
        changes = rows.result() | links.result()
    del matched  # with the evidence of every link
    lines, unattached = len(keyed.rows.orders), keyed.unattached
    del keyed
    counting = loads_now[loads_now["status"] == COUNTS]
    changes |= publish_results(connection, run, settled, loads=loads_now, counting=counting)
    for name, figures in ledger.check_published(connection).items():
        booked.add("fact_order_recon", "fact", name, rows=figures.rows, qty=figures.qty)
    booked.write(connection, run.run_id)
    gone = loads.loads_to_sweep(choice.known, loads_now["load_id"], rules.matching.keep_loads)
    loads.sweep(connection, gone)
    outcome = _outcome(run, rules, booked, settled, loads_now)
    return replace(
        outcome,
        order_lines=lines,
        unread=_pairs(choice.unread.sort_values("path"), "path", "error"),
        unattached=tuple((str(as_decision(one.decision)), one.why) for one in unattached),
        changes=changes,
        swept=len(gone),
    )


def _what_counts(connection: sa.Connection, book: LoadBook, rules: Rules, how: How) -> _Read:
    choice = loads.choose(book)
    if choice.loads.empty:
        raise NothingLoaded("no complete load in the warehouse: run `meltano run full-sync`")
    wanted = {
        SHIPPED: wanted_rows(SHIPPED, choice),
        ORDER_LIST: wanted_lines(choice),
        PACKED: wanted_rows(PACKED, choice),
    }
    with reading(connection, wanted, rules.version, how.processes) as rows:
        lines = decide_lines(lines_of(rows[ORDER_LIST](), choice, rules), choice, rules)
        (packed,), (shipped,) = rows[PACKED](), rows[SHIPPED]()
    cartons = decide_cartons(packed, shipped, choice, rules)
    counting = _counting_loads(choice, lines, cartons)
    return _Read(choice, lines, cartons, counting, book.counts[book.counts["load_id"].isin(counting["load_id"])])


def _counting_loads(choice: Choice, lines: Lines, cartons: Cartons) -> pd.DataFrame:
    """Keep the loads that count: the newest of each unit, and older ones of a view of which rows count.

    Returns:
        The chosen loads plus status, superseded_by and staged_qty (of their rows that count).
    """
    figures = []
    for rows, qty in ((lines.rows, "ordered_qty"), (cartons.packed, "kept"), (cartons.shipped, "qty")):
        reason, counts = rows["reason"], rows["reason"].isna()
        replaced = (reason == SUPERSEDED_WINDOW).to_numpy()
        part = pd.DataFrame({"load_id": objects(rows["load_id"]), "qty": rows[qty].where(counts, 0)})
        figures.append(part[~replaced].groupby("load_id")["qty"].sum())
    held = pd.concat(figures)
    counting = choice.loads[choice.loads["newest"] | choice.loads["load_id"].isin(held.index)].reset_index(drop=True)
    replaced_by = lines.superseded.drop_duplicates("unit_id").set_index("unit_id")["by"]
    left = lines.rows[(lines.rows["reason"] != SUPERSEDED_WORKBOOK) & (lines.rows["origin"] == WORKBOOK)]
    superseded = counting["unit_id"].isin(replaced_by.index) & ~counting["unit_id"].isin(left["unit_id"].unique())
    return counting.assign(
        status=text(np.where(superseded, SUPERSEDED_WORKBOOK, COUNTS)),
        superseded_by=look_up(counting["unit_id"], replaced_by).where(superseded),
        staged_qty=look_up(counting["load_id"], held).fillna(0).astype("int64"),
    )


def _book(booked: Ledger, found: _Read) -> None:
    counting = found.counting
    workbooks = counting[counting["stream"] == ORDER_LIST]
    copies = workbooks[workbooks["status"] == SUPERSEDED_WORKBOOK]
    booked.add(ORDER_LIST, "files", rows=len(workbooks) - len(copies))
    booked.book_loads(found.counts, set(copies["load_id"]), SUPERSEDED_WORKBOOK)
    for stream, part in counting[counting["stale_reason"].notna()].groupby("stream"):
        booked.add(str(stream), "stale", rows=len(part))
    lines, cartons = found.lines, found.cartons
    rows = lines.rows[lines.rows["load_id"].isin(counting["load_id"])]
    booked.book_rows("stg_orders", rows["reason"], rows["ordered_qty"])
    for name, frame in (("stg_packed_current", cartons.packed), ("stg_shipped_current", cartons.shipped)):
        some = frame[frame["load_id"].isin(counting["load_id"])]
        booked.book_rows(name, some["reason"], some["qty"])
    taken = cartons.packed[cartons.packed["reason"].isna()]
    booked.move("stg_packed_current", "shipped_since", int((taken["qty"] - taken["kept"]).sum()))
    booked.findings("stg_orders", lines.findings)
    booked.findings("stg_packed_current", cartons.findings)


def _guard(connection: sa.Connection, rules: Rules, booked: Ledger, found: _Read, wishes: _Wishes) -> None:
    counting = found.counting[found.counting["status"] == COUNTS]
    if not wishes.allow_shrink:
        guards.refuse_empty_listing(listing_empty=found.choice.listing_empty)
        sources = {str(stream): frozenset(part) for stream, part in counting.groupby("stream")["source"]}
        guards.refuse_shrunk(guards.last_run(connection), booked, sources, rules.matching.max_shrink_pct)
    guards.refuse_quarantine(found.counts, counting, rules.matching.max_quarantine_pct, wishes.accept)


def _handled(found: _Read) -> Mapping[str, tuple[tuple[str, ...], int]]:
    """Sum the staged units that went through this run's hands, by stream."""
    counting = found.counting["load_id"]
    lines, cartons = found.lines.rows, found.cartons

    def units(rows: pd.DataFrame, qty: str = "qty") -> int:
        return int(rows.loc[rows["load_id"].isin(counting), qty].sum())

    by_origin = {name: lines[(lines["origin"] == name).to_numpy()] for name in (WORKBOOK, VIEW)}
    return {
        ORDER_LIST: (("stg_orders_sharepoint",), units(by_origin[WORKBOOK], "ordered_qty")),
        MASTER_VIEW: (("stg_orders_wms",), units(by_origin[VIEW], "ordered_qty")),
        PACKED: (("stg_packed",), units(cartons.packed)),
        SHIPPED: (("stg_shipped",), units(cartons.shipped)),
    }


def _key(connection: sa.Connection, rules: Rules, found: _Read, wishes: _Wishes) -> tuple[_Keyed, Inputs]:
    all_lines = found.lines.rows
    proving = all_lines[
        (all_lines["origin"] == WORKBOOK).to_numpy() & (all_lines["reason"] != SUPERSEDED_WORKBOOK).to_numpy()
    ]
    fold = size_fold(proving, rules)
    orders = _current(all_lines)
    packed = _current(found.cartons.packed).rename(columns={"qty": "qty_source", "kept": "qty"})
    shipped = _current(found.cartons.shipped)
    for rows in (orders, packed, shipped):
        rows["size"] = fold.column(rows)
    order_key_ids, order_keys, readings = sum_orders(orders, due_by(wishes.today, rules.matching.grace_days))
    packed_keys, shipped_keys, fulfil_keys = sum_cartons(packed, shipped)
    orders["order_key_id"] = order_key_ids
    packed["fulfil_key_id"], shipped["fulfil_key_id"] = packed_keys, shipped_keys

    attached = attach(read_decisions(connection), order_keys, fulfil_keys, rules, fold)
    inputs = gather(order_keys, readings, fulfil_keys, attached)
    hashes = input_hashes(inputs, rules)
    stays = nothing_stays() if wishes.how.rematch else unchanged(connection, hashes, fulfil_keys)
    whole = Rows(orders, packed, shipped)
    return _Keyed(whole, order_keys, fulfil_keys, hashes, stays, attached.unattached), inputs


def _settle(rules: Rules, booked: Ledger, keyed: _Keyed, matched: pd.DataFrame) -> Settled:
    rows, stays, fulfil_keys = keyed.rows, keyed.stays, keyed.fulfil_keys
    matches = matched[list(LINK)]
    if stays.customers:
        matches = pd.concat([matches, stays.links], ignore_index=True)
    linked = matches.loc[matches["order_key_id"].notna(), ["fulfil_key_id", "order_key_id"]]
    quantities = fulfil_keys[["fulfil_key_id", "packed_qty", "shipped_qty"]]
    fill = fill_lines(
        rows.orders[["order_line_id", "order_key_id", "ordered_qty", "cancelled", "ex_factory_on"]],
        linked.merge(quantities, on="fulfil_key_id"),
    )
    made = facts.order_facts(keyed.order_keys, fulfil_keys, matches, rules)
    made = facts.add_cartons(made, matches, rows.packed, rows.shipped)
    customers = facts.customer_totals(made, matches, fulfil_keys, keyed.hashes)
    _book_matches(booked, matches.merge(quantities, on="fulfil_key_id"))
    for name, count in matched.attrs[BLOCKS].items():
        booked.add("recon_match", "compared", name, rows=count)
    settled_findings = {
        "shipped_against_cancelled": facts.shipped_against_cancelled(made),
        "override_detached": (len(keyed.unattached), 0),
    }
    booked.findings("fact_order_recon", {code: figures for code, figures in settled_findings.items() if figures[0]})
    return Settled(fill, made, customers, stays)


def _current(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["reason"].isna()].drop(columns="reason").reset_index(drop=True)


def _book_matches(booked: Ledger, matches: pd.DataFrame) -> None:
    units = matches["packed_qty"] + matches["shipped_qty"]
    for rule, part in units.groupby(matches["match_rule"].fillna("")):
        booked.add("recon_match", "matched", str(rule), rows=len(part), qty=int(part.sum()))
    pending = units[matches["review_status"] == "PENDING"]
    if len(pending):
        booked.add("recon_match", "finding", "pending", rows=len(pending), qty=int(pending.sum()))


def _outcome(run: Run, rules: Rules, booked: Ledger, settled: Settled, counting: pd.DataFrame) -> Outcome:
    matched = booked.by_reason("matched")
    stale = counting[counting["stale_reason"].notna()].sort_values("source")
    copies = counting[counting["status"] == SUPERSEDED_WORKBOOK].sort_values("source")
    statuses = settled.facts.groupby("recon_status")["ordered_qty"]
    quarantined = sum(booked.by_reason("quarantined").values(), start=Figures())
    return Outcome(
        run_id=run.run_id,
        files=booked.get(ORDER_LIST, "files").rows,
        order_lines=0,
        matched={rule: figures for rule, figures in matched.items() if rule},
        unmatched=matched.get("", Figures()),
        pending=booked.get("recon_match", "finding", "pending"),
        compared=booked.get("recon_match", "compared", "pairs").rows,
        cut=booked.get("recon_match", "compared", "cut").rows,
        left_out=booked.get("recon_match", "compared", "left_out").rows,
        statuses={str(status): Figures(rows=len(part), qty=int(part.sum())) for status, part in statuses},
        quarantined=quarantined,
        excluded=booked.by_reason("excluded"),
        findings=booked.by_reason("finding"),
        stale=_pairs(stale, "source", "stale_reason"),
        unread=(),
        superseded=_pairs(copies, "source", "superseded_by"),
        unknown_customers=_unknown(settled, rules),
        customers=len(settled.customers),
        kept=len(settled.stays.customers),
        ordered=booked.get("fact_order_recon", "fact", "ordered").qty,
        cancelled=booked.get("fact_order_recon", "fact", "cancelled").qty,
        packed=booked.get("fact_order_recon", "fact", "packed").qty,
        shipped=booked.get("fact_order_recon", "fact", "shipped").qty,
    )


def _pairs(frame: pd.DataFrame, first: str, second: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(a), str(b)) for a, b in zip(objects(frame[first]), objects(frame[second]), strict=True))


def _unknown(settled: Settled, rules: Rules) -> tuple[UnknownCustomer, ...]:
    made = settled.facts
    units = made[["ordered_qty", "cancelled_qty", "packed_qty", "shipped_qty"]].sum(axis=1).groupby(made["customer"])
    return unknown_customers([(str(name), int(total)) for name, total in units.sum().items()], rules)
