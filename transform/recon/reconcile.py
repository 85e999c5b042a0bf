"""Decides which loads count, matches them, and publishes the result: all or nothing, in one transaction.

``reconcile`` is the way through; each step is a function of frames in a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Final, Self

import pandas as pd
import sqlalchemy as sa
from order_rules import tables
from order_rules.config import Rules

from recon import facts, ledger, loads, nothing_new
from recon.beside import Answer, Beside, Held, beside
from recon.cartons import Cartons, is_whole, read_cartons
from recon.counting import COUNTS, CURRENT, ORDERS, Counting, book, guard, handled, what_counts
from recon.current import Before, fill_cartons, fill_orders, publish_rows
from recon.decisions import as_decision, read_decisions
from recon.engines import How
from recon.frames import look_up
from recon.inserting import made_ready
from recon.keys import sum_orders
from recon.ledger import Ledger
from recon.matches import decide_all, gather, input_hashes, side_by_side
from recon.matching.columns import BLOCKS
from recon.matching.fill import fill_lines
from recon.matching.flags import due_by
from recon.matching.overrides import Unattached, attach
from recon.memory import give_back_now
from recon.orders import SUPERSEDED_WORKBOOK, WORKBOOK, Lines, decide_lines, lines_of, read_lines
from recon.outcome import Outcome, outcome_of, pairs
from recon.published import LINK, Published, last_hashes, nothing_stays, read_links, unchanged
from recon.refusals import BooksUnequal, NothingLoaded, Refused, RunLost, Shrunk, TooMuchQuarantine
from recon.results import Settled, There, publish_links, publish_results, read_facts, read_fill, stamped
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
class _Left:
    """What the last run and people left, read before anything is written.

    Attributes:
        hashes: customer to the hash of what went into its matching.
        decisions: what people decided.
    """

    hashes: Mapping[str, str]
    decisions: pd.DataFrame

    @classmethod
    def by_last_run(cls, connection: sa.Connection) -> Self:
        return cls(last_hashes(connection), read_decisions(connection))


@dataclass(frozen=True)
class _Asked:
    """What is published, asked for where it is read.

    Attributes:
        standing: from ``standing.read_standing``.
        links: from ``published.read_links``.
        fill: from ``results.read_fill``.
        facts: from ``results.read_facts``.
    """

    standing: Answer[Standing]
    links: Answer[pd.DataFrame]
    fill: Answer[pd.DataFrame]
    facts: Answer[pd.DataFrame]

    @classmethod
    def of(cls, others: Beside) -> Self:
        # Of many rows each, which here would lie beside all that is made until they are compared.
        return cls(others.read(read_standing), *(others.keep(read) for read in (read_links, read_fill, read_facts)))

    def results(self) -> There:
        return There(self.fill(), self.facts())


@dataclass(frozen=True)
class _Keyed:
    """What counts, summed to keys.

    Attributes:
        orders: the order lines that count, with order_key_id.
        order_keys: from ``keys.sum_orders``.
        fulfil_keys: from ``keys.sum_cartons``.
    """

    orders: pd.DataFrame
    order_keys: pd.DataFrame
    fulfil_keys: pd.DataFrame


@dataclass(frozen=True)
class _Stays:
    """What is not matched.

    Attributes:
        links: the published ones of customers of whom nothing changed.
        hashes: every customer to a hash of what goes into its matching.
        unattached: decisions that do not apply.
    """

    links: Published
    hashes: pd.Series[Any]
    unattached: tuple[Unattached, ...]


def _reconcile(connection: sa.Connection, rules: Rules, run: Run, booked: Ledger, wishes: _Wishes) -> Outcome:
    # One thread writes, while this one and its pool match and make facts: neither waits for the other, and from the
    # first that is written on nobody else touches the connection.
    with (
        beside(connection, rows=wishes.rows, processes=wishes.how.processes) as others,
        ThreadPoolExecutor(1) as aside,
    ):
        known, left = loads.read_loads(connection), _Left.by_last_run(connection)
        choice = loads.choose(known)
        if choice.loads.empty:
            raise NothingLoaded("no complete load in the warehouse: run `meltano run full-sync`")
        staged = others.read(read_lines, choice, rules.version)
        cartons = others.hold(read_cartons, choice, rules)
        told = cartons.ask(Cartons.told)
        there = None if wishes.fills else _Asked.of(others)
        compared = None if wishes.how.rematch else there
        lines = decide_lines(lines_of(staged(), choice, rules), choice, rules)
        del staged
        fold, seed = _fold(lines, rules), standing_seed(rules, wishes.today)
        summed, of_cartons = cartons.ask(Cartons.sum_to_keys, fold), cartons.ask(Cartons.prints, seed)
        orders, order_keys, readings = _sum_orders(lines, fold, due_by(wishes.today, rules.matching.grace_days))
        prints = _prints(orders, seed, of_cartons)
        found = what_counts(choice, known.counts, lines, told())
        del known, lines, told
        _check(connection, rules, booked, found, wishes)
        if there is None:
            # Who writes into an empty warehouse locks its readers out; they are done where cartons have been told of.
            written = [aside.submit(fill_orders, connection, orders), aside.submit(fill_cartons, connection, cartons)]
        else:
            before = Before(others, compared.standing if compared else None)
            rows = aside.submit(publish_rows, connection, orders, cartons, found=found, prints=prints, before=before)
            written = [rows]
        keyed = _Keyed(orders, order_keys, summed())
        links = compared.links if compared else None
        decided, stays = _decide(rules, keyed, readings, left, fold=fold, links=links, how=wishes.how)
        del orders, order_keys, readings
        give_back_now()
        matched = side_by_side(decided, keyed.order_keys, keyed.fulfil_keys)
        ready = matched if there else made_ready(connection, tables.recon_match, matched)
        written.append(aside.submit(publish_links, connection, ready, stays.links))
        matched = matched[list(LINK)]  # without the evidence of every link, where it stands in a file
        del ready
        give_back_now()
        settled = _settle(rules, booked, keyed, stays, matched, cartons=cartons)
        made = stamped(connection, run, settled, fills=wishes.fills)
        changes = {table: change for one in written for table, change in one.result().items()}
        published = there.results() if there else None
    rows_hash = pd.Series({load: one for table in prints().values() for load, one in table.items()}, dtype="str")
    loads_now = found.loads.assign(rows_hash=look_up(found.loads["load_id"], rows_hash))
    order_lines = len(keyed.orders)
    del keyed, found, prints
    counting = loads_now[loads_now["status"] == COUNTS]
    changes |= publish_results(
        connection, run, made, settled.customers, loads=loads_now, counting=counting, there=published
    )
    for name, figures in ledger.check_published(connection).items():
        booked.add("fact_order_recon", "fact", name, rows=figures.rows, qty=figures.qty)
    booked.write(connection, run.run_id)
    gone = loads.loads_to_sweep(choice.known, loads_now["load_id"], rules.matching.keep_loads)
    loads.sweep(connection, gone)
    return replace(
        outcome_of(run, rules, booked, settled, loads_now),
        order_lines=order_lines,
        unread=pairs(choice.unread.sort_values("path"), "path", "error"),
        unattached=tuple((str(as_decision(one.decision)), one.why) for one in stays.unattached),
        changes=changes,
        swept=len(gone),
    )


def _check(connection: sa.Connection, rules: Rules, booked: Ledger, found: Counting, wishes: _Wishes) -> None:
    """Book what counts, and refuse what must not be published."""
    book(booked, found)
    guard(connection, booked, found, rules, allow_shrink=wishes.allow_shrink, accept=wishes.accept)
    ledger.check_loads(found.counts, found.loads)
    ledger.check_staged(found.counts, handled(found))


def _fold(lines: Lines, rules: Rules) -> SizeFold:
    """Find which sizes stand for another, by the lines of workbooks that are no copies."""
    rows = lines.rows
    proving = (rows["origin"] == WORKBOOK).to_numpy() & (rows["reason"] != SUPERSEDED_WORKBOOK).to_numpy()
    return size_fold(rows[proving], rules)


def _sum_orders(lines: Lines, fold: SizeFold, due_by: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Sum the lines that count; gives them with order_key_id, their keys and readings."""
    rows = lines.rows
    orders = rows[rows["reason"].isna()].drop(columns="reason").reset_index(drop=True)
    orders["size"] = fold.column(orders)
    order_key_ids, order_keys, readings = sum_orders(orders, due_by)
    orders = orders.assign(order_key_id=order_key_ids)
    if not is_whole(orders):  # the rest is copied inside the database
        orders = orders[[name for name in orders if name in PUBLISHED_LINE]]
    return orders, order_keys, readings


def _decide(
    rules: Rules,
    keyed: _Keyed,
    readings: pd.DataFrame,
    left: _Left,
    *,
    fold: SizeFold,
    links: Answer[pd.DataFrame] | None,
    how: How,
) -> tuple[Iterator[pd.DataFrame], _Stays]:
    """Match the customers of whom anything changed; without published links, all."""
    attached = attach(left.decisions, keyed.order_keys, keyed.fulfil_keys, rules, fold)
    inputs = gather(keyed.order_keys, readings, keyed.fulfil_keys, attached)
    hashes = input_hashes(inputs, rules)
    stays = unchanged(left.hashes, links(), hashes, keyed.fulfil_keys) if links else nothing_stays()
    give_back_now()
    decided = decide_all(inputs.without(stays.customers), rules, how.engine)
    return decided, _Stays(stays, hashes, attached.unattached)


def _prints(
    orders: pd.DataFrame, seed: str, of_cartons: Answer[Mapping[str, Mapping[str, str]]]
) -> Answer[Mapping[str, Mapping[str, str]]]:
    """Give published table to load to the hash of its rows, worked out once."""

    @cache
    def prints() -> Mapping[str, Mapping[str, str]]:
        return {ORDERS: prints_of_lines(orders, seed)} | {CURRENT[name]: one for name, one in of_cartons().items()}

    return prints


def _settle(
    rules: Rules, booked: Ledger, keyed: _Keyed, stays: _Stays, matched: pd.DataFrame, *, cartons: Held[Cartons]
) -> Settled:
    matches, fulfil_keys = matched, keyed.fulfil_keys
    if stays.links.customers:
        matches = pd.concat([matched, stays.links.links], ignore_index=True)
    place = pd.Index(matches["fulfil_key_id"]).get_indexer(fulfil_keys["fulfil_key_id"])
    matches = matches.take(place).reset_index(drop=True)
    made, fact_of = facts.order_facts(keyed.order_keys, fulfil_keys, matches, rules)
    of_facts = cartons.ask(Cartons.of_facts, fact_of, len(made))
    linked = fulfil_keys[["fulfil_key_id", "packed_qty", "shipped_qty"]].assign(order_key_id=matches["order_key_id"])
    fill = fill_lines(
        keyed.orders[["order_line_id", "order_key_id", "ordered_qty", "cancelled", "ex_factory_on"]],
        linked[linked["order_key_id"].notna()],
    )
    customers = facts.customer_totals(made, matches, fulfil_keys, stays.hashes)
    _book_matches(booked, matches, fulfil_keys["packed_qty"] + fulfil_keys["shipped_qty"])
    for name, count in matched.attrs[BLOCKS].items():
        booked.add("recon_match", "compared", name, rows=count)
    settled_findings = {
        "shipped_against_cancelled": facts.shipped_against_cancelled(made),
        "override_detached": (len(stays.unattached), 0),
    }
    booked.findings("fact_order_recon", {code: figures for code, figures in settled_findings.items() if figures[0]})
    return Settled(fill, pd.concat([made, of_facts()], axis="columns"), customers, stays.links)


def _book_matches(booked: Ledger, matches: pd.DataFrame, units: pd.Series[Any]) -> None:
    for rule, part in units.groupby(matches["match_rule"].fillna("")):
        booked.add("recon_match", "matched", str(rule), rows=len(part), qty=int(part.sum()))
    pending = units[matches["review_status"] == "PENDING"]
    if len(pending):
        booked.add("recon_match", "finding", "pending", rows=len(pending), qty=int(pending.sum()))
