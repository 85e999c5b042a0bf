"""Rows of a view as Parquet files, which a BATCH message names: many times cheaper than a record each.

A file has the columns of the stream's own schema, not those that some rows suggest. What no Arrow type keeps as it is
(a decimal with its digits, a column of several types) stands as JSON text, and the column says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

import msgspec

from tap_wms.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

DEFAULT_ROOT: Final = "output/batches"
DEFAULT_ROWS: Final = 10_000
ENCODING: Final = {"format": "parquet", "compression": "none"}
SINGER_JSON: Final = {b"singer": b"json"}
"""Metadata of a column of JSON text."""

_JSON: Final = msgspec.json.Encoder(decimal_format="number")
_REPEATED: Final = frozenset({str, int, type(None)})


@dataclass(frozen=True)
class BatchFolder:
    """Where batch files are written, and how many rows each takes at most."""

    path: Path
    prefix: str = ""
    rows: int = DEFAULT_ROWS

    def write(
        self, stream: str, schema: Mapping[str, Any], names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> Iterator[str]:
        """Write rows of one stream.

        Args:
            stream: The stream.
            schema: Its JSON schema.
            names: What the values of a row are, in order.
            rows: The rows.

        Yields:
            The URL of each file, when it is complete.
        """
        rows = iter(rows)
        while chunk := list(islice(rows, self.rows)):
            columns = dict(zip(names, zip(*chunk, strict=True), strict=True))
            yield self._write(
                stream, [_column(n, d, columns[n]) for n, d in schema["properties"].items() if n in columns]
            )

    def _write(self, stream: str, columns: Sequence[tuple[pa.Field, pa.Array]]) -> str:
        import pyarrow as pa  # noqa: PLC0415  only where there is something to write
        import pyarrow.parquet as pq  # noqa: PLC0415

        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / f"{self.prefix}tap-wms--{stream}-{uuid4().hex}.parquet"
        table = pa.Table.from_arrays([array for _, array in columns], schema=pa.schema([field for field, _ in columns]))
        encoded = [name for name in table.schema.names if name not in {"row_hash", "occurrence", "row_number"}]
        pq.write_table(table, path, compression="none", use_dictionary=encoded, write_statistics=False)
        return path.as_uri()


def batch_folder(config: Mapping[str, Any]) -> BatchFolder | None:
    """Read the setting `batch_config`; `None` where it is not set, and records are to be written.

    Raises:
        TapError: Another format than Parquet, or a place that is no folder of this machine, is asked for.
    """
    given = config.get("batch_config")
    if not given:
        return None
    kind = (given.get("encoding") or {}).get("format") or "parquet"
    if kind != "parquet":
        raise TapError(f"batch_config: this tap writes Parquet and no {kind}: set encoding.format to parquet")
    storage = given.get("storage") or {}
    root = storage.get("root") or DEFAULT_ROOT
    if "://" in root and not root.startswith("file://"):
        raise TapError("batch_config: storage.root is no folder of this machine: give a path or a file:// URL")
    # A URL is decoded; a path is taken as it is, from Meltano's project.
    folder = Path(url2pathname(urlsplit(root).path)) if "://" in root else Path(root)
    path = Path(os.environ.get("MELTANO_PROJECT_ROOT") or ".", folder).resolve()
    return BatchFolder(path, storage.get("prefix") or "", given.get("batch_size") or DEFAULT_ROWS)


def _column(name: str, definition: Mapping[str, Any], values: Sequence[Any]) -> tuple[pa.Field, pa.Array]:
    """Make a column of its declared type; of JSON text, where that would change or refuse a value."""
    import pyarrow as pa  # noqa: PLC0415

    given = definition.get("type", [])
    types = [kind for kind in ([given] if isinstance(given, str) else given) if kind != "null"]
    found = set(map(type, values)) - {type(None)}
    if types == ["string"]:
        plain = values if found <= {str} else _each(values, msgspec.to_builtins)
        return pa.field(name, pa.string()), pa.array(plain, pa.string())
    if types == ["integer"] and found <= {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pa.field(name, pa.int64()), pa.array(values, pa.int64())
    if types == ["boolean"] and found <= {bool}:
        return pa.field(name, pa.bool_()), pa.array(values, pa.bool_())
    text = _each(values, lambda value: None if value is None else _JSON.encode(value).decode())
    return pa.field(name, pa.string(), metadata=SINGER_JSON), pa.array(text, pa.string())


def _each(values: Sequence[Any], function: Callable[[Any], Any]) -> list[Any]:
    """Apply a function to each value, once where equal values read alike; `True == 1 == Decimal("1.0")` do not."""
    if not _REPEATED.issuperset(map(type, values)):
        return list(map(function, values))
    found = {value: function(value) for value in set(values)}
    return list(map(found.__getitem__, values))
