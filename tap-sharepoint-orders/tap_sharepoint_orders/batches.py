"""Rows of a workbook as Parquet files, which a BATCH message names: many times cheaper than a record each.

The file has the columns of the stream's own schema, not those that some rows suggest, so that every file of a stream
is alike. What no Arrow type keeps as it is stands as JSON text, and the column says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

DEFAULT_ROOT: Final = "output/batches"
DEFAULT_ROWS: Final = 10_000
ENCODING: Final = {"format": "parquet", "compression": "none"}
SINGER_JSON: Final = {b"singer": b"json"}
"""Metadata of a column of JSON text."""


@dataclass(frozen=True)
class BatchFolder:
    """Where batch files are written, and how many rows each takes at most."""

    path: Path
    prefix: str = ""
    rows: int = DEFAULT_ROWS

    def write(self, stream: str, table: pa.Table) -> str:
        """Write a file of one stream; returns its URL once the file is complete."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - only where there is something to write

        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / f"{self.prefix}tap-sharepoint-orders--{stream}-{uuid4().hex}.parquet"
        encoded = [name for name in table.schema.names if name not in UNIQUE]
        pq.write_table(table, path, compression="none", use_dictionary=encoded, write_statistics=False)
        return path.as_uri()


UNIQUE: Final = ("row_number", "cells", "sizes")
"""Columns that differ from row to row, in the order of a worker's lines: no use in looking for repetitions there."""


def batch_problems(config: Mapping[str, Any]) -> list[str]:
    """What the setting `batch_config` asks for and this tap does not do, one sentence each."""
    given = config.get("batch_config") or {}
    kind = (given.get("encoding") or {}).get("format") or "parquet"
    root = (given.get("storage") or {}).get("root") or DEFAULT_ROOT
    found = []
    if kind != "parquet":
        found.append(f"batch_config: this tap writes Parquet and no {kind}: set encoding.format to parquet")
    if "://" in root and not root.startswith("file://"):
        found.append("batch_config: storage.root is no folder of this machine: give a path or a file:// URL")
    return found


def batch_folder(config: Mapping[str, Any]) -> BatchFolder | None:
    """Read the setting `batch_config`; `None` where it is not set, and records are to be written."""
    given = config.get("batch_config")
    if not given:
        return None
    storage = given.get("storage") or {}
    root = storage.get("root") or DEFAULT_ROOT
    # A URL is decoded; a path is taken as it is, from Meltano's project.
    folder = Path(url2pathname(urlsplit(root).path)) if "://" in root else Path(root)
    path = Path(os.environ.get("MELTANO_PROJECT_ROOT") or ".", folder).resolve()
    return BatchFolder(path, storage.get("prefix") or "", given.get("batch_size") or DEFAULT_ROWS)


def row_batches(
    folder: BatchFolder,
    stream: str,
    schema: Mapping[str, Any],
    same: Mapping[str, str | None],
    parts: Iterable[bytes],
) -> Iterator[tuple[str, int]]:
    """Write the rows of a workbook.

    Args:
        folder: Where to.
        stream: The stream.
        schema: Its JSON schema.
        same: The properties that all rows have alike.
        parts: Lines of row number, cells and sizes, between tabs; each part holds whole lines.

    Yields:
        URL and number of rows of each file, when the file is complete.
    """
    import pyarrow as pa  # noqa: PLC0415 - only where there is something to write

    fields = arrow_schema(schema)
    for part in parts:
        found = _columns_of(part, {field.name: field.type for field in fields})
        for start in range(0, len(found), folder.rows):
            chunk = found.slice(start, folder.rows)
            arrays = [
                chunk[field.name] if field.name in UNIQUE else _repeated(same[field.name], field.type, len(chunk))
                for field in fields
            ]
            yield folder.write(stream, pa.Table.from_arrays(arrays, schema=fields)), len(chunk)


def _columns_of(lines: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Split lines into columns: JSON holds neither a tab nor a line feed as such, so nothing is quoted."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    return csv.read_csv(
        pa.BufferReader(lines),
        # One block: a line, however long, lies in no two of them.
        csv.ReadOptions(column_names=UNIQUE, block_size=len(lines), use_threads=False),
        csv.ParseOptions(delimiter="\t", quote_char=False),
        csv.ConvertOptions(column_types={name: types[name] for name in UNIQUE}, null_values=[]),
    )


def _repeated(value: str | None, kind: pa.DataType, rows: int) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    return pa.nulls(rows, kind) if value is None else pa.repeat(pa.scalar(value, kind), rows)


def arrow_schema(schema: Mapping[str, Any]) -> pa.Schema:
    """The Arrow schema that a stream's JSON schema declares."""
    import pyarrow as pa  # noqa: PLC0415

    kinds = {"string": pa.string(), "integer": pa.int64(), "boolean": pa.bool_()}
    fields = []
    for name, definition in schema["properties"].items():
        given = definition.get("type", [])
        types: Sequence[str] = [given] if isinstance(given, str) else given
        named = [kind for kind in types if kind != "null"]
        kind = kinds.get(named[0]) if len(named) == 1 else None
        metadata = None if kind is not None else SINGER_JSON
        fields.append(pa.field(name, kind or pa.string(), nullable="null" in types, metadata=metadata))
    return pa.schema(fields)
