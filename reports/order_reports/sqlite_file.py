"""Reads tables of a SQLite file through Arrow, as a program of its own: rows never become Python's objects.

Of its own, because the driver brings an SQLite of its own: where two of them have one file open in a process, closing
it in the one takes the other's locks away. https://www.sqlite.org/howtocorrupt.html
It is given the file and statements as JSON. Once it sees one moment of the file it writes an empty line, then an Arrow
stream for each statement.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Final

import adbc_driver_sqlite
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcStatement

from order_reports.columns import texts_in_order

BATCH_ROWS: Final = 8_192
"""Rows that the driver hands over at once."""
BUSY_MS: Final = 5_000
"""How long to wait for a lock, as long as Python's own driver does."""


def main() -> None:
    """Answer what is asked."""
    # Who asks is interrupted as well, and then ends this program.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    question = json.loads(sys.argv[1])
    with adbc_driver_sqlite.connect(question["path"]) as database, AdbcConnection(database) as connection:
        answer(connection, f"PRAGMA busy_timeout={BUSY_MS}")
        connection.set_autocommit(False)
        answer(connection, "SELECT 1 FROM sqlite_master LIMIT 1")
        output = sys.stdout.buffer
        output.write(b"\n")
        output.flush()
        for statement in question["statements"]:
            # A first row without meaning tells the driver of what type each column is.
            found = answer(connection, statement).slice(1)
            made = pa.record_batch(
                {name: _whole(found[name], ids=name in question["ids"]) for name in found.column_names}
            )
            with pa.ipc.new_stream(output, made.schema) as stream:
                stream.write_batch(made)
            output.flush()


def answer(connection: AdbcConnection, statement: str) -> pa.Table:
    """Run a query.

    Returns:
        Its rows; nothing of what was asked stays open.
    """
    with AdbcStatement(connection) as asked:
        asked.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
        asked.set_sql_query(statement)
        found, _ = asked.execute_query()
        # The way in without what the driver's DB-API loads.
        return pa.RecordBatchReader._import_from_c(found.address).read_all()  # noqa: SLF001


def _whole(column: pa.ChunkedArray, *, ids: bool) -> pa.Array:
    """Put a column together; there is nothing to store once where it holds ids."""
    return texts_in_order(column) if pa.types.is_string(column.type) and not ids else column.combine_chunks()


if __name__ == "__main__":
    main()
