"""Makes the records of files and loads."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_sharepoint_orders.visits import Visit


LONGEST_ERROR = 1000
"""Characters of an error, which may name every sheet of a workbook."""


def new_load_id(started_at: datetime) -> str:
    """A load's id: 12 hex digits of epoch milliseconds, then 20 at random."""
    return f"{int(started_at.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def source_file_record(visit: Visit, *, listed_at: str, load_id: str | None) -> Record:
    """A record of `source_files`: what came of a file, and the load that holds its rows if it was read."""
    return {
        "file_id": visit.file.file_id,
        "name": visit.file.name,
        "path": visit.file.path,
        "size_bytes": visit.file.size_bytes,
        "etag": visit.file.etag,
        "content_hash": visit.content_hash,
        "modified_at": utc_text(visit.file.modified_at),
        "sheet": visit.reading.sheet,
        "header_row": visit.reading.header_row,
        "status": visit.status,
        "error": _clipped(visit.reading.error or visit.reading.left_out),
        "listed_at": listed_at,
        "load_id": load_id,
    }


def _clipped(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 1] + "…"


def load_record(
    load_id: str,
    *,
    unit_id: str,
    stream: str,
    kind: str,
    started_at: datetime,
    rows: int,
    qty: float | None,
) -> dict[str, Any]:
    """A record of `loads`, finished now."""
    return {
        "load_id": load_id,
        "unit_id": unit_id,
        "stream": stream,
        "kind": kind,
        "connection": None,
        "window_from": None,
        "window_to": None,
        "started_at": utc_text(started_at),
        "finished_at": utc_text(datetime.now(UTC)),
        "rows": rows,
        "qty": qty,
    }


def utc_text(moment: datetime) -> str:
    """A moment as ISO 8601 text, in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
