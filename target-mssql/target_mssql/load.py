"""One stream's way into its table during one run: append, upsert or overwrite, at once or all at the clean end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from target_mssql.connector import MSSQLConnector
from target_mssql.dialects import Column, Row, Table, Values
from target_mssql.errors import BulkCopyFailed, LoadError
from target_mssql.tables import Layout, prepare_table, widen_column

Method = Literal["append-only", "upsert", "overwrite"]
VERSION_COLUMN: Final = "_sdc_table_version"
DELETED_COLUMN: Final = "_sdc_deleted_at"


class StreamLoad:
    """The load of one stream: it outlives the sinks that a changed schema replaces.

    Attributes:
        stream: the stream's name.
        table: where it goes.
        method: how.
        gathered: rows wait in the staging table until the clean end of the input, then go in one transaction.
        received: records that came.
        merged: records that a later one with the same key superseded.
        committed: rows that are in the table.
        files: batch files whose rows are gathered, to be removed when those are committed.
    """

    def __init__(
        self, connector: MSSQLConnector, stream: str, table: Table, method: Method, *, gathered: bool, number: int
    ) -> None:
        self.connector = connector
        self.stream = stream
        self.table = table
        self.method = method
        self.gathered = gathered
        self.received = self.merged = self.committed = 0
        self.files: list[str] = []
        self.finished = False
        self._layout = Layout({}, {}, ())
        self._columns: list[Column] = []
        self._dialect = connector.dialect
        self._staging = self._dialect.staging_table(connector.run, number)
        self._staging_of: sa.Connection | None = None
        self._staged = 0
        self._bulk = self._dialect.abilities.bulk_copy is not None
        self._version: int | None = None
        self._began = time.monotonic()

    # --- columns

    @property
    def layout(self) -> Layout:
        """The stream's columns as its present schema has them."""
        return self._layout

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of every row handed to `write`: all that any schema of this run had."""
        return self._columns

    @property
    def appends_straight(self) -> bool:
        """Whether rows go into the table as they come, without a staging table."""
        return not self.gathered and self.method == "append-only" and self._dialect.abilities.direct_append

    def takes_arrays(self, rows: int) -> bool:
        """Say whether `write_columns` takes arrays of Arrow.

        Args:
            rows: the rows of a batch.
        """
        return self.appends_straight and self._dialect.takes_arrays(rows)

    def adopt(self, schema: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Take over a schema: the table is made fit for it, and rows from now on have its columns.

        Args:
            schema: the JSON schema.
            keys: the key properties.

        Raises:
            LoadError: the table does not fit, or the load method needs a key.
        """
        if self.method == "upsert" and not keys:
            raise LoadError(
                f"stream {self.stream!r} has no key_properties, so it cannot be upserted; "
                f'set load_methods: {{"{self.stream}": "append-only"}} or "overwrite"'
            )
        unique = self.method != "append-only"

        def work(_: bool) -> Layout:
            if self.table.schema is not None:
                self.connector.create_missing_schema(self.table.schema)
            return prepare_table(self.connector, self.stream, self.table, schema, keys, unique=unique)

        first = not self._columns
        self._adopt(self.connector.with_retries(work))
        if first and unique and keys and not self.connector.has_unique_key(self.table, self._layout.keys):
            self.connector.logger.warning(
                "stream '%s': table %s has no unique index on its key %s, so finding rows takes a scan each time",
                self.stream,
                self.table,
                list(self._layout.keys),
            )

    def widen(self, column: Column) -> None:
        """Widen a column for a value its schema set no limit to."""
        changed = widen_column(self.connector, self.stream, self.table, column)
        columns = {name: changed if one.name == changed.name else one for name, one in self._layout.columns.items()}
        self._adopt(Layout(columns, self._layout.wanted, self._layout.keys))

    def _adopt(self, layout: Layout) -> None:
        before = {one.name: one for one in self._columns}
        now = {one.name: one for one in layout.columns.values()}
        added = [one for name, one in now.items() if name not in before]
        altered = [one for name, one in now.items() if name in before and before[name].type != one.type]
        self._layout = layout
        self._columns = [now.get(name, one) for name, one in before.items()] + added
        if not self.gathered:
            self._drop_staging()
        elif self._staging_of is not None and (added or altered):
            with self.connector.transaction(self._doing("changing the staging table"), writes_tables=False) as session:
                for sql in self._dialect.widen_staging(self._staging, added, altered):
                    session.exec_driver_sql(sql)

    # --- rows

    def write(self, rows: Sequence[Row]) -> None:
        """Load a batch: it is in the table when this returns, or in the staging table where rows are gathered.

        Args:
            rows: one value a column of `columns`, in the driver's form.

        Raises:
            LoadError: nothing of the batch is in the table.
        """
        if self.gathered:
            self.connector.with_retries(lambda last: self._gather(rows, last=last))
            self._staged += len(rows)
        elif self.appends_straight:
            self.committed += self.connector.with_retries(lambda _: self._append(rows))
        else:
            merged, written = self.connector.with_retries(lambda last: self._stage_and_apply(rows, last=last))
            self.merged += merged
            self.committed += written

    def write_columns(self, values: Sequence[Values]) -> None:
        """Load a batch given by columns; where rows go straight into the table, they are in it when this returns.

        Args:
            values: those of each column of `columns`, in the driver's form.

        Raises:
            LoadError: nothing of the batch is in the table.
        """
        if self.appends_straight:
            self.committed += self.connector.with_retries(lambda _: self._append_columns(values))
        else:
            self.write(list(zip(*values, strict=True)))

    def activate_version(self, version: int) -> None:
        """Note that only rows of this version count; what is older goes at the clean end, and not before."""
        self._version = max(version, self._version or 0)

    def finish(self) -> None:
        """Bring gathered rows into the table, and delete what an activated version leaves behind.

        Raises:
            LoadError: the table is as it was.
        """
        if self.gathered:
            merged, written = self.connector.with_retries(lambda _: self._apply_gathered())
            self.merged += merged
            self.committed += written
        if self._version is not None and self.method != "overwrite":
            self.connector.with_retries(lambda _: self._delete_old_versions())
        self._drop_staging()
        self.finished = True

    def seconds(self) -> float:
        """Measure the time since the stream's first schema."""
        return time.monotonic() - self._began

    def _doing(self, what: str) -> str:
        return f"stream {self.stream!r}: {what}"

    def _append(self, rows: Sequence[Row]) -> int:
        doing = self._doing(f"appending to table {self.table}")
        with self.connector.transaction(doing, writes_tables=True, repeatable=False) as session:
            return self._dialect.append(session, self.table, self._columns, rows)

    def _append_columns(self, values: Sequence[Values]) -> int:
        doing = self._doing(f"appending to table {self.table}")
        with (
            self._dialect.letting_go(self.connector.session()),
            self.connector.transaction(doing, writes_tables=True, repeatable=False) as session,
        ):
            return self._dialect.append_columns(session, self.table, self._columns, values)

    def _stage_and_apply(self, rows: Sequence[Row], *, last: bool) -> tuple[int, int]:
        self._copy(rows, first=0, last=last)
        repeatable = self.method != "append-only"
        doing = self._doing(f"writing to table {self.table}")
        with self.connector.transaction(doing, writes_tables=True, repeatable=repeatable) as session:
            return self._apply(session, len(rows))

    def _gather(self, rows: Sequence[Row], *, last: bool) -> None:
        self._check_gathered()
        self._copy(rows, first=self._staged, last=last)

    def _apply_gathered(self) -> tuple[int, int]:
        self._check_gathered()
        self._ensure_staging()
        repeatable = self.method != "append-only"
        doing = self._doing(f"writing to table {self.table}")
        with self.connector.transaction(doing, writes_tables=True, repeatable=repeatable) as session:
            return self._apply(session, self._staged)

    def _check_gathered(self) -> None:
        if self._staged and self._staging_of is not self.connector.session():
            raise LoadError(
                self._doing(
                    f"the session was lost and with it {self._staged} gathered rows; table {self.table} is as it was, "
                    "run the load again"
                )
            )

    # --- statements

    def _copy(self, rows: Sequence[Row], *, first: int, last: bool) -> None:
        """Put rows into the staging table, by the driver's bulk copy unless it has failed or this is the last try."""
        self._ensure_staging()
        bulk = self._bulk and not last
        try:
            self._copy_once(rows, first=first, bulk=bulk)
        except BulkCopyFailed as error:
            if not bulk:
                raise LoadError(self._doing(str(error))) from error
            self._bulk = False
            self.connector.logger.warning(
                "stream '%s': bulk copy failed (%s); rows go by INSERT from now on", self.stream, error
            )
            self._ensure_staging()
            try:
                self._copy_once(rows, first=first, bulk=False)
            except BulkCopyFailed as again:
                raise LoadError(self._doing(str(again))) from again

    def _copy_once(self, rows: Sequence[Row], *, first: int, bulk: bool) -> None:
        doing = self._doing("copying rows to the staging table")
        # committed by itself: a bulk copy in a session of its own would wait for the lock, and what such a copy
        # brought is committed already when its check fails
        with self.connector.transaction(doing, writes_tables=False) as session:
            session.exec_driver_sql(self._dialect.clear_staging(self._staging, first))
        with self.connector.transaction(doing, writes_tables=False) as session:
            self._dialect.copy(session, self._staging, self._columns, rows, first=first, bulk=bulk)

    def _ensure_staging(self) -> None:
        session = self.connector.session()
        if self._staging_of is session:
            return
        with self.connector.transaction(self._doing("creating a staging table"), writes_tables=False) as session:
            # it is there already where a failed try has got so far
            create = self._dialect.create_staging(self._staging, self.table, self._columns)
            for sql in (self._dialect.drop_staging(self._staging), *create):
                session.exec_driver_sql(sql)
        self._staging_of = session

    def _drop_staging(self) -> None:
        # a session that is gone has taken its temporary tables along
        if self._staging_of is not None and self._staging_of is self.connector.open_session:
            with self.connector.transaction(self._doing("dropping the staging table"), writes_tables=False) as session:
                session.exec_driver_sql(self._dialect.drop_staging(self._staging))
        self._staging_of = None

    def _apply(self, session: sa.Connection, staged: int) -> tuple[int, int]:
        """Bring the staged rows into the table.

        Returns:
            Records merged into a later one, rows written.
        """
        dialect, table, staging = self._dialect, self.table, self._staging
        names, keys = [one.name for one in self._columns], self._layout.keys
        merged = 0
        if keys and self.method != "append-only":
            if index := dialect.index_staging(staging, keys):
                session.exec_driver_sql(index)
            merged = session.exec_driver_sql(dialect.drop_superseded(staging, keys)).rowcount
        if self.method == "upsert":
            others = [name for name in names if name not in keys]
            found = (
                session.exec_driver_sql(dialect.update_matched(table, staging, keys, others)).rowcount if others else 0
            )
            inserted = session.exec_driver_sql(dialect.insert_missing(table, staging, keys, names)).rowcount
            # a table without a unique key may have several rows of one key, and rows that are all key need no update
            written = min(found + inserted, staged - merged) if others else staged - merged
        else:
            if self.method == "overwrite":
                session.exec_driver_sql(dialect.delete_all(table))
            written = session.exec_driver_sql(dialect.insert_all(table, staging, names)).rowcount
        if written != staged - merged:
            raise LoadError(
                self._doing(f"{staged} rows staged, {merged} merged, but {written} written to table {table}")
            )
        return merged, written

    def _delete_old_versions(self) -> None:
        version, deleted = (self._layout.columns.get(name) for name in (VERSION_COLUMN, DELETED_COLUMN))
        if version is None or deleted is None or self._version is None:
            return
        if self.connector.config.get("hard_delete", False):
            sql = self._dialect.delete_versions(self.table, version.name, self._version)
        else:
            moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            sql = self._dialect.mark_versions_deleted(self.table, version.name, self._version, deleted.name, moment)
        with self.connector.transaction(self._doing("deleting old versions"), writes_tables=True) as session:
            session.exec_driver_sql(sql)
