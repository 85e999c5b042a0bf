"""Rows of a view as Parquet files, which a BATCH message names: many times cheaper than a record each.

A file has the columns of the stream's own schema, not those that some rows suggest. What no Arrow type keeps as it is
(a decimal with its digits, a column of several types) stands as JSON text, and the column says so.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
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

    from tap_wms.rows import Values

DEFAULT_ROOT: Final = "output/batches"
DEFAULT_ROWS: Final = 40_000
ENCODING: Final = {"format": "parquet", "compression": "none"}
SINGER_JSON: Final = {b"singer": b"json"}
"""Metadata of a column of JSON text."""

_JSON: Final = msgspec.json.Encoder(decimal_format="number")
_SAMPLE: Final = 1_000
"""Where so many rows have so many texts, all are taken to be ids."""

Column = tuple["pa.Array", bool]
"""Values, and whether they stand there as JSON text."""

_REPEATED: Final = frozenset({str, int, type(None)})


@dataclass(frozen=True)
class BatchFolder:
    """Where batch files are written, and how many rows each takes at most."""

    path: Path
    prefix: str = ""
    rows: int = DEFAULT_ROWS

    def write(
        self, stream: str, schema: Mapping[str, Any], names: Sequence[str], parts: Iterable[Sequence[Values]]
    ) -> Iterator[str]:
        """Write rows of one stream.

        Args:
            stream: The stream.
            schema: Its JSON schema.
            names: What the columns of a part are, in order.
            parts: The rows by columns, some at a time.

        Yields:
            The URL of each file, when it is complete.
        """
        kinds = schema["properties"]
        waiting: list[dict[str, Column]] = []
        left = self.rows
        for part in parts:
            values, rows, first = dict(zip(names, part, strict=True)), len(part[0]), 0
            while first < rows:
                end = min(first + left, rows)
                whole = end - first == rows
                waiting.append(
                    {
                        name: column(kind, values[name] if whole else values[name][first:end])
                        for name, kind in kinds.items()
                        if name in values
                    }
                )
                left -= end - first
                first = end
                if not left:
                    yield self._write(stream, waiting)
                    waiting, left = [], self.rows
        if waiting:
            yield self._write(stream, waiting)

    def _write(self, stream: str, parts: Sequence[Mapping[str, Column]]) -> str:
        import pyarrow as pa  # noqa: PLC0415  only where there is something to write
        import pyarrow.parquet as pq  # noqa: PLC0415

        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / f"{self.prefix}tap-wms--{stream}-{uuid4().hex}.parquet"
        columns = {name: joined([part[name] for part in parts]) for name in parts[0]}
        fields = [
            pa.field(name, array.type, metadata=SINGER_JSON if is_json else None)
            for name, (array, is_json) in columns.items()
        ]
        table = pa.Table.from_arrays([array for array, _ in columns.values()], schema=pa.schema(fields))
        encoded = [field.name for field in fields if pa.types.is_dictionary(field.type)]
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


def column(definition: Mapping[str, Any], values: Values) -> Column:
    """Make a part of a column of its declared type; of JSON text, where that would change or refuse a value.

    Args:
        definition: Its JSON schema.
        values: One a row.
    """
    import pyarrow as pa  # noqa: PLC0415

    given = definition.get("type", [])
    types = [kind for kind in ([given] if isinstance(given, str) else given) if kind != "null"]
    found = set(map(type, values)) - {type(None)}
    if types == ["string"]:
        return pa.array(values if found <= {str} else _each(values, msgspec.to_builtins), pa.string()), False
    if types == ["integer"] and found <= {int}:
        with suppress(OverflowError):  # a number of more than 64 bits
            return pa.array(values, pa.int64()), False
    if types == ["boolean"] and found <= {bool}:
        return pa.array(values, pa.bool_()), False
    return pa.array(_each(values, _json_text), pa.string()), True


def joined(parts: Sequence[Column]) -> Column:
    """Join the parts of a column, as JSON text where one of them is."""
    import pyarrow as pa  # noqa: PLC0415

    is_json = any(part_is_json for _, part_is_json in parts)
    arrays = [
        array if part_is_json == is_json else pa.array(map(_json_text, array.to_pylist()), pa.string())
        for array, part_is_json in parts
    ]
    whole = pa.concat_arrays(arrays)
    return _encoded(whole) if pa.types.is_string(whole.type) else whole, is_json


def _json_text(value: object) -> str | None:
    return None if value is None else _JSON.encode(value).decode()


def _encoded(texts: pa.Array) -> pa.Array:
    """Encode texts by a dictionary, which every reader is spared to find; not those that hardly repeat."""
    sample = texts[:_SAMPLE]
    if len(sample) == _SAMPLE and len(sample.unique()) == _SAMPLE:
        return texts
    encoded = texts.dictionary_encode()
    return encoded if 2 * len(encoded.dictionary) <= len(texts) else texts


def _each(values: Sequence[Any], function: Callable[[Any], Any]) -> list[Any]:
    """Apply a function to each value, once where equal values read alike; `True == 1 == Decimal("1.0")` do not."""
    if not _REPEATED.issuperset(map(type, values)):
        return list(map(function, values))
    found = {value: function(value) for value in set(values)}
    return list(map(found.__getitem__, values))
