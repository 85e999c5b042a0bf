"""Decides which loads count, matches them, and publishes the result: all or nothing, in one transaction.

``reconcile`` is the way through; each step is a function of frames in a module of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules

from recon import facts, ledger, loads, nothing_new
from recon.beside import Answer, Beside, Held, beside
from recon.cartons import Cartons, is_whole, read_cartons
from recon.counting import COUNTS, CURRENT, ORDERS, Counting, book, guard, handled, what_counts
from recon.decisions import as_decision, read_decisions
from recon.engines import How
from recon.frames import look_up, objects
from recon.inserting import made_ready
from recon.keys import sum_orders
from recon.ledger import Figures, Ledger
from recon.loads import ORDER_LIST
from recon.matches import Inputs, gather, input_hashes, match_all
from recon.matching.columns import BLOCKS
from recon.matching.fill import fill_lines
from recon.matching.flags import due_by
from recon.matching.overrides import Unattached, attach
from recon.orders import SUPERSEDED_WORKBOOK, WORKBOOK, Lines, decide_lines, lines_of, read_lines
from recon.outcome import Outcome, UnknownCustomer, unknown_customers
from recon.publish import Change
from recon.published import LINK, Published, nothing_stays, read_links, unchanged
from recon.refusals import BooksUnequal, NothingLoaded, Refused, RunLost, Shrunk, TooMuchQuarantine
from recon.results import (
    Settled,
    There,
    publish_current,
    publish_links,
    publish_results,
    read_current,
    read_facts,
    read_fill,
    ready,
)
from recon.side_file import swept
from recon.sizes import SizeFold, size_fold
from recon.staged import STAGED_ROW
from recon.standing import Standing, prints_of_lines, read_standing
from recon.standing import seed as standing_seed
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

PUBLISHED_LINE: Final = frozenset(
    {
        "order_line_id",
        "load_id",
        "rules_version",
        STAGED_ROW,
        "origin",
        "size",
        "cancelled",
        "order_key_id",
        "ordered_qty",
        "ex_factory_on",
    }
)
"""What filling and publishing need of an order line."""
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
    rows = _rows(engine)
    fills = rows >= FILL_ROWS and _is_empty(engine)
    wishes = _Wishes(today, allow_shrink, accept, how or How(), rows, fills)
    try:
        with straight_into_file(engine, worth=wishes.fills), writing(engine) as connection, swept(engine):
            runs.heartbeat(connection, run)
            outcome = _reconcile(connection, rules, run, booked, wishes)
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


def _rows(engine: sa.Engine) -> int:
    """Add up the rows of all loads."""
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.sum(tables.loads.c.rows))) or 0)


def _is_empty(engine: sa.Engine) -> bool:
    """Tell whether nothing is published yet."""
    with engine.connect() as connection:
        return not any(connection.execute(sa.select(table).limit(1)).first() for table in ledger.CURRENT_TABLES)


@dataclass(frozen=True)
class _Wishes:
    today: date
    allow_shrink: bool
    accept: frozenset[str]
    how: How
    rows: int
    fills: bool


@dataclass(frozen=True)
class _Keyed:
    """What counts, summed to keys.

    Attributes:
        orders: the order lines that count, with order_key_id.
        order_keys: from ``keys.sum_orders``.
        readings: from the same.
        fulfil_keys: from ``keys.sum_cartons``.
        fold: which size stands for another.
        prints: gives published table to load to the hash of its rows.
    """

    orders: pd.DataFrame
    order_keys: pd.DataFrame
    readings: pd.DataFrame
    fulfil_keys: pd.DataFrame
    fold: SizeFold
    prints: Answer[Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True)
class _ToMatch:
    """What is to be matched, and what stays linked as it is.

    Attributes:
        inputs: of the customers that are matched.
        hashes: every customer to a hash of what goes into its matching.
        stays: the published links of all others.
        unattached: decisions that do not apply.
    """

    inputs: Inputs
    hashes: pd.Series[Any]
    stays: Published
    unattached: tuple[Unattached, ...]


def _reconcile(connection: sa.Connection, rules: Rules, run: Run, booked: Ledger, wishes: _Wishes) -> Outcome:
    with beside(connection, rows=wishes.rows, processes=wishes.how.processes) as others:
        known = loads.read_loads(connection)
        choice = loads.choose(known)
        if choice.loads.empty:
            raise NothingLoaded("no complete load in the warehouse: run `meltano run full-sync`")
        staged = others.read(read_lines, choice, rules.version)
        cartons = others.hold(read_cartons, choice, rules)
        told = cartons.ask(Cartons.told)
        standing, links = others.read(read_standing), others.read(read_links)
        there = None if wishes.fills else (others.read(read_fill), others.read(read_facts))
        lines = decide_lines(lines_of(staged(), choice, rules), choice, rules)
        del staged
        keyed = _key(rules, lines, cartons, wishes.today)
        found = what_counts(choice, known.counts, lines, told())
        del known, lines, told
        book(booked, found)
        guard(connection, booked, found, rules, allow_shrink=wishes.allow_shrink, accept=wishes.accept)
        ledger.check_loads(found.counts, found.loads)
        ledger.check_staged(found.counts, handled(found))
        work = _to_match(connection, rules, keyed, None if wishes.how.rematch else links)
        del links
        # Orders, cartons and then links are written while this process and its pool match and make facts: neither
        # waits for the other, and nobody else touches the connection meanwhile.
        with ThreadPoolExecutor(1) as aside:
            before = _Before(others, standing, wishes)
            published = aside.submit(_publish_rows, connection, found, keyed, cartons, before)
            matched = match_all(work.inputs, rules, wishes.how.engine)
            write = made_ready(connection, tables.recon_match, matched, worth=wishes.fills)
            linked = aside.submit(publish_links, connection, matched, work.stays, write=write)
            settled = _settle(rules, booked, keyed, work, matched, cartons=cartons)
            made = ready(connection, run, settled, fills=wishes.fills)
            changes = published.result() | linked.result()
        facts_there = There(*(answer() for answer in there)) if there else None
    del matched  # with the evidence of every link
    prints = pd.Series({load: one for table in keyed.prints().values() for load, one in table.items()}, dtype="str")
    loads_now = found.loads.assign(rows_hash=look_up(found.loads["load_id"], prints))
    order_lines, unattached = len(keyed.orders), work.unattached
    del keyed, work, found
    counting = loads_now[loads_now["status"] == COUNTS]
    changes |= publish_results(
        connection, run, made, settled.customers, loads=loads_now, counting=counting, there=facts_there
    )
    for name, figures in ledger.check_published(connection).items():
        booked.add("fact_order_recon", "fact", name, rows=figures.rows, qty=figures.qty)
    booked.write(connection, run.run_id)
    gone = loads.loads_to_sweep(choice.known, loads_now["load_id"], rules.matching.keep_loads)
    loads.sweep(connection, gone)
    return replace(
        _outcome(run, rules, booked, settled, loads_now),
        order_lines=order_lines,
        unread=_pairs(choice.unread.sort_values("path"), "path", "error"),
        unattached=tuple((str(as_decision(one.decision)), one.why) for one in unattached),
        changes=changes,
        swept=len(gone),
    )


def _key(rules: Rules, lines: Lines, cartons: Held[Cartons], today: date) -> _Keyed:
    """Sum orders here and cartons where they are."""
    rows, seed = lines.rows, standing_seed(rules, today)
    proving = (rows["origin"] == WORKBOOK).to_numpy() & (rows["reason"] != SUPERSEDED_WORKBOOK).to_numpy()
    fold = size_fold(rows[proving], rules)
    summed, of_cartons = cartons.ask(Cartons.sum_to_keys, fold), cartons.ask(Cartons.prints, seed)
    orders = rows[rows["reason"].isna()].drop(columns="reason").reset_index(drop=True)
    orders["size"] = fold.column(orders)
    order_key_ids, order_keys, readings = sum_orders(orders, due_by(today, rules.matching.grace_days))
    orders = orders.assign(order_key_id=order_key_ids)
    if not is_whole(orders):  # the rest is copied inside the database
        orders = orders[[name for name in orders if name in PUBLISHED_LINE]]

    @cache
    def prints() -> Mapping[str, Mapping[str, str]]:
        return {ORDERS: prints_of_lines(orders, seed)} | {CURRENT[name]: one for name, one in of_cartons().items()}

    return _Keyed(orders, order_keys, readings, summed(), fold, prints)


def _to_match(connection: sa.Connection, rules: Rules, keyed: _Keyed, links: Answer[pd.DataFrame] | None) -> _ToMatch:
    """Find the customers of whom anything changed; without published links, all are matched."""
    attached = attach(read_decisions(connection), keyed.order_keys, keyed.fulfil_keys, rules, keyed.fold)
    inputs = gather(keyed.order_keys, keyed.readings, keyed.fulfil_keys, attached)
    hashes = input_hashes(inputs, rules)
    stays = unchanged(connection, links(), hashes, keyed.fulfil_keys) if links else nothing_stays()
    return _ToMatch(inputs.without(stays.customers), hashes, stays, attached.unattached)


@dataclass(frozen=True)
class _Before:
    """What is published of rows."""

    beside: Beside
    standing: Answer[Standing]
    wishes: _Wishes

    def to_compare(self, table: str, found: Counting, keyed: _Keyed) -> Collection[str] | None:
        """Name the loads whose rows do not stand as they are; ``None``: all, or all is to be compared."""
        if self.wishes.fills or self.wishes.how.rematch:
            return None
        return self.standing().to_compare(table, found.figures[table], keyed.prints()[table])

    def rows(self, table: str, load_ids: Collection[str] | None) -> pd.DataFrame | None:
        """Read the rows of some loads, or of all; where an empty warehouse is filled there are none."""
        return None if self.wishes.fills else self.beside.read(read_current, table, load_ids)()


def _publish_rows(
    connection: sa.Connection, found: Counting, keyed: _Keyed, cartons: Held[Cartons], before: _Before
) -> dict[str, Change]:
    """Publish the rows of loads that do not stand as they are."""
    stream_of = {table: stream for stream, table in CURRENT.items()}
    changes: dict[str, Change] = {}
    for table in (ORDERS, *stream_of):
        load_ids, rows = before.to_compare(table, found, keyed), keyed.orders
        if table in stream_of:
            rows = cartons.ask(Cartons.rows, stream_of[table], load_ids)()
        elif load_ids is not None:
            rows = rows[rows["load_id"].isin(list(load_ids)).to_numpy()]
        there = before.rows(table, load_ids)
        changes |= publish_current(connection, table, rows, load_ids=load_ids, there=there)
    return changes


def _settle(
    rules: Rules, booked: Ledger, keyed: _Keyed, work: _ToMatch, matched: pd.DataFrame, *, cartons: Held[Cartons]
) -> Settled:
    stays, fulfil_keys = work.stays, keyed.fulfil_keys
    matches = matched[list(LINK)]
    if stays.customers:
        matches = pd.concat([matches, stays.links], ignore_index=True)
    place = pd.Index(matches["fulfil_key_id"]).get_indexer(fulfil_keys["fulfil_key_id"])
    matches = matches.take(place).reset_index(drop=True)
    made, fact_of = facts.order_facts(keyed.order_keys, fulfil_keys, matches, rules)
    of_facts = cartons.ask(Cartons.of_facts, fact_of, len(made))
    linked = fulfil_keys[["fulfil_key_id", "packed_qty", "shipped_qty"]].assign(order_key_id=matches["order_key_id"])
    fill = fill_lines(
        keyed.orders[["order_line_id", "order_key_id", "ordered_qty", "cancelled", "ex_factory_on"]],
        linked[linked["order_key_id"].notna()],
    )
    customers = facts.customer_totals(made, matches, fulfil_keys, work.hashes)
    _book_matches(booked, matches, fulfil_keys["packed_qty"] + fulfil_keys["shipped_qty"])
    for name, count in matched.attrs[BLOCKS].items():
        booked.add("recon_match", "compared", name, rows=count)
    settled_findings = {
        "shipped_against_cancelled": facts.shipped_against_cancelled(made),
        "override_detached": (len(work.unattached), 0),
    }
    booked.findings("fact_order_recon", {code: figures for code, figures in settled_findings.items() if figures[0]})
    return Settled(fill, pd.concat([made, of_facts()], axis="columns"), customers, stays)


def _book_matches(booked: Ledger, matches: pd.DataFrame, units: pd.Series[Any]) -> None:
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
