"""Has another process read a SQLite file's large tables while this one reads all others, both at one moment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

import sqlalchemy as sa
from order_rules.warehouse_url import is_file
from sqlalchemy.dialects import sqlite

from order_reports.facts import ALL_FACTS, FACTS
from order_reports.failure import ReportError
from order_reports.totals import match_rows, unit_rows
from order_reports.warehouse import begin_anew

if TYPE_CHECKING:
    import pyarrow as pa

LARGE_BYTES: Final = 100_000_000
"""Size of a file from which another process is worth its start, that of some 16,000 facts."""
TRIES: Final = 20
"""How often both begin anew because somebody wrote in between."""
IDS: Final = ("recon_id", "fulfil_key_id")
"""Columns of texts that hardly repeat, so that there is nothing to store once."""


class Beside:
    """Another process that reads all facts, then all matches, then the units of matched keys."""

    def __init__(self, connection: sa.Connection) -> None:
        """Prepare the reading.

        Args:
            connection: from ``reading``, of a SQLite file. The moment that it sees changes until ``agree``.
        """
        statements = [_typed(one) for one in (ALL_FACTS, match_rows(), unit_rows())]
        question = {"path": connection.engine.url.database, "statements": statements, "ids": IDS}
        self._command = [sys.executable, "-m", "order_reports.sqlite_file", json.dumps(question)]
        self._connection = connection
        self._watch = connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def __enter__(self) -> Self:
        """Begin to read."""
        self._begin()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """End, whether it was read to the end or not."""
        self._end()
        self._watch.close()

    def agree(self) -> None:
        """See to it that the connection and the other process see the same moment.

        Raises:
            ReportError: the file cannot be read, or somebody writes all the time.
        """
        for _ in range(TRIES):
            if self._said.readline() != b"\n":
                raise self._failure()
            if self._version() == self._before:
                return
            self._end()
            self._begin()
        msg = "The warehouse is written all the time, so no one moment of it can be read. Try again later."
        raise ReportError(msg)

    def next_table(self) -> pa.Table:
        """Wait for the next of the tables.

        Returns:
            Its columns as SQLite keeps them: days are texts. Texts but ids are stored once, in their order.

        Raises:
            ReportError: it could not be read.
        """
        import pyarrow as pa  # noqa: PLC0415  (not before the other process was started)

        try:
            return pa.ipc.open_stream(self._said).read_all()
        except pa.ArrowInvalid:
            raise self._failure() from None

    @property
    def _said(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdout)

    def _failure(self) -> ReportError:
        _, said = self._process.communicate()
        lines = said.decode(errors="replace").strip().splitlines()
        return ReportError(f"The warehouse cannot be read: {lines[-1] if lines else self._process.returncode}")

    def _begin(self) -> None:
        # What two processes see is the same where nobody wrote from before the first looks until after the second.
        begin_anew(self._connection)
        self._before = self._version()
        self._connection.scalar(sa.select(sa.literal(1)).select_from(FACTS).limit(1))
        self._process = subprocess.Popen(  # noqa: S603  (our own program)
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _version(self) -> int:
        """Give a number that is another one after each change of the file."""
        return int(self._watch.exec_driver_sql("PRAGMA data_version").scalar_one())


def is_worth_it(url: sa.URL) -> bool:
    """Tell whether another process can read a warehouse and is worth its start: a large file."""
    return is_file(url) and Path(str(url.database)).stat().st_size >= LARGE_BYTES


def _typed(question: sa.Select[Any] | sa.CompoundSelect[Any]) -> str:
    """Write a question with a first row that tells each column's type."""
    types = ", ".join(f"{_of_type(column.type)} AS {column.key}" for column in question.selected_columns)
    return (
        f"SELECT {types} UNION ALL {question.compile(dialect=sqlite.dialect(), compile_kwargs={'literal_binds': True})}"
    )


def _of_type(kind: sa.types.TypeEngine[object]) -> str:
    if isinstance(kind, sa.Integer | sa.Boolean):
        return "0"
    return "0.5" if isinstance(kind, sa.Numeric) else "'x'"
