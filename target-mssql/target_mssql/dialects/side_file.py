"""A file of rows that Arrow's driver writes and a SQLite session opens beside its own: no row becomes Python's.

Only for many rows: ``pyarrow`` and Arrow's driver are imported where they have come and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from adbc_driver_sqlite import dbapi

from target_mssql.errors import SideFileFailed


def write(path: Path, table: str, columns: Mapping[str, pa.Array], *, beside: Path, encoding: str) -> None:
    """Write the file; one that a killed run has left is replaced.

    Args:
        path: the file.
        table: the table in it.
        columns: its columns: names and values, in the form that the database stores.
        beside: the database: who may not read the one may not read the other.
        encoding: the database's encoding, without which it would not open the file.

    Raises:
        SideFileFailed: it cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=beside.stat().st_mode & 0o777, exist_ok=False)
        # Another SQLite than Python's: it has let go of the file before the session opens it, as two in a process
        # drop each other's locks (https://www.sqlite.org/howtocorrupt.html, 2.2.1).
        with dbapi.connect(str(path), autocommit=True) as link, link.cursor() as cursor:
            # a file that is not whole is thrown away
            for pragma in (f"encoding = '{encoding}'", "journal_mode = OFF", "synchronous = OFF"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute("BEGIN")
            cursor.adbc_ingest(table, pa.table(dict(columns)), mode="create")
            cursor.execute("COMMIT")
    except (OSError, dbapi.Error) as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise SideFileFailed(f"{path}, by which rows come into the database, cannot be written: {reason}") from None
