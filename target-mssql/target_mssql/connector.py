"""The target's one session with its database: connecting, transactions, faults, and tables made fit for a stream."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import backoff
import sqlalchemy as sa
from singer_sdk.sql import SQLConnector

from target_mssql.dialects import Column, Dialect, Table, dialect_for
from target_mssql.errors import LoadError, TransientFault

T = TypeVar("T")

TRIES: Final = 6
LONGEST_WAIT_SECONDS: Final = 30


class MSSQLConnector(SQLConnector):
    """One session, opened when first needed and again after a loss; all streams of a run write through it."""

    def __init__(self, config: dict[str, Any] | None = None, sqlalchemy_url: str | None = None) -> None:
        super().__init__(config, sqlalchemy_url)
        self.dialect: Dialect = dialect_for(sa.make_url(self.sqlalchemy_url))
        self.run: str = f"{time.time_ns() // 1_000_000:x}{random.SystemRandom().getrandbits(32):08x}"
        self._session: sa.Connection | None = None

    def create_engine(self) -> sa.Engine:
        """Make the engine."""
        return self.dialect.engine(self.config.get("authentication", "sql"))

    @property
    def allows_changes(self) -> bool:
        """Whether tables may be created and altered."""
        return bool(self.config.get("allow_schema_changes", True))

    # --- session

    def session(self) -> sa.Connection:
        """Give the open session, or open one.

        Raises:
            TransientFault: the server is not to be had at the moment.
            LoadError: it is not to be had at all.
        """
        if self._session is None:
            with self.faults("connecting"):
                self._session = self._engine.connect()
        return self._session

    @property
    def open_session(self) -> sa.Connection | None:
        """The session if one is open."""
        return self._session

    def close(self) -> None:
        """Close the session: what is open is rolled back, and temporary tables go with it."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(sa.exc.SQLAlchemyError):
                session.close()
        if self._cached_engine is not None:
            self._cached_engine.dispose()

    @contextmanager
    def faults(self, doing: str) -> Iterator[None]:
        """Turn a driver's errors into the two that mean something to a load.

        Args:
            doing: what is being done, for the message.

        Raises:
            TransientFault: it passes by itself.
            LoadError: it does not.
        """
        try:
            yield
        except (LoadError, TransientFault):
            raise
        except Exception as error:
            fault = self.dialect.fault(error)
            if fault is None:
                raise
            if fault.transient:
                raise TransientFault(f"{doing}: {fault.message}", broken=fault.broken) from error
            raise LoadError(f"{doing}: {fault.message}") from error

    @contextmanager
    def transaction(self, doing: str, *, writes_tables: bool, repeatable: bool = True) -> Iterator[sa.Connection]:
        """Run a transaction: committed at the end of the block, rolled back by any exception in it.

        Args:
            doing: what is being done, for error messages.
            writes_tables: it writes to tables that others see, not to staging alone.
            repeatable: doing it twice does no harm. If not, a session lost while it commits ends the load, because
                nobody can say whether the rows are there.

        Yields:
            The session.
        """
        session = self.session()
        with self.faults(doing):
            session.execution_options(writes_tables=writes_tables)
            transaction = session.begin()
            try:
                yield session
            except BaseException:
                with suppress(sa.exc.SQLAlchemyError):
                    transaction.rollback()
                raise
            try:
                transaction.commit()
            except Exception as error:
                fault = self.dialect.fault(error)
                if fault is None or not fault.transient:
                    raise
                if fault.broken and not repeatable:
                    raise LoadError(
                        f"{doing}: the session was lost while the rows were committed, so whether they are in the "
                        f"table is unknown; look there before running again ({fault.message})"
                    ) from error
                # a session whose commit has failed is in no known state, so it is given up
                raise TransientFault(f"{doing}: {fault.message}", broken=True) from error

    def with_retries(self, work: Callable[[bool], T]) -> T:
        """Do a piece of work again while its failure is a passing one, waiting longer each time, at random.

        Args:
            work: the work; given True on the last try.

        Raises:
            LoadError: it failed `TRIES` times.
        """
        tries = 0

        def attempt() -> T:
            nonlocal tries
            tries += 1
            try:
                return work(tries == TRIES)
            except TransientFault as fault:
                if fault.broken:
                    self.close()
                raise

        def log(details: Any) -> None:  # noqa: ANN401  backoff's own dictionary
            self.logger.warning("%s; trying again in %.1f s", details["exception"], details["wait"])

        retrying = backoff.on_exception(
            backoff.expo,
            TransientFault,
            max_tries=TRIES,
            jitter=backoff.full_jitter,
            max_value=LONGEST_WAIT_SECONDS,
            on_backoff=log,
            logger=None,
        )
        try:
            return retrying(attempt)()
        except TransientFault as fault:
            raise LoadError(f"{fault} ({TRIES} tries)") from fault

    # --- tables

    @contextmanager
    def _inspector(self) -> Iterator[sa.Inspector]:
        """Look at tables; a transaction that only the looking began is ended again."""
        session = self.session()
        within = session.in_transaction()
        if not within:
            session.execution_options(writes_tables=False)
        try:
            with self.faults("looking at the tables"):
                yield sa.inspect(session)
        finally:
            if not within and session.in_transaction():
                session.rollback()

    def existing_columns(self, table: Table) -> dict[str, Column] | None:
        """Read a table's columns.

        Returns:
            The columns by name; None where there is no such table. A column of a type that cannot be loaded has no
            `Column.type`.
        """
        with self._inspector() as inspector:
            if not inspector.has_table(table.name, schema=table.schema):
                return None
            return {
                one["name"]: Column(
                    one["name"], self.dialect.column_type(one["type"]), one["type"], bool(one["nullable"])
                )
                for one in inspector.get_columns(table.name, schema=table.schema)
            }

    def has_unique_key(self, table: Table, keys: Sequence[str]) -> bool:
        """Say whether a primary key or unique index of the table stands on exactly these columns."""
        with self._inspector() as inspector:
            unique = [set(inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"])]
            # on SQL Server a unique constraint is among the indexes, on SQLite it is not
            indexes = inspector.get_indexes(table.name, schema=table.schema)
            unique += [{str(name) for name in one["column_names"]} for one in indexes if one["unique"]]
            if self.dialect.abilities.has_schemas is False:
                constraints = inspector.get_unique_constraints(table.name, schema=table.schema)
                unique += [set(one["column_names"]) for one in constraints]
            return set(keys) in unique

    def create_missing_schema(self, schema: str) -> None:
        """Create a schema that is missing, where tables may be changed at all.

        Raises:
            LoadError: it is missing and must not be created.
        """
        if self._has_schema(schema):
            return
        if not self.allows_changes:
            raise LoadError(f"schema {schema!r} is missing and allow_schema_changes is off; run `recon migrate`")

        def work(session: sa.Connection) -> None:
            if not self._has_schema(schema):
                session.exec_driver_sql(self.dialect.create_schema(schema))

        self.change(f"creating schema {schema!r}", Table(schema), work)

    def _has_schema(self, schema: str) -> bool:
        with self._inspector() as inspector:
            return inspector.has_schema(schema)

    def change(self, doing: str, table: Table, work: Callable[[sa.Connection], T]) -> T:
        """Change a table in one transaction that no other run's change of the same table can enter."""
        with self.transaction(doing, writes_tables=True) as session:
            if lock := self.dialect.lock_schema(table):
                session.exec_driver_sql(lock)
            return work(session)
