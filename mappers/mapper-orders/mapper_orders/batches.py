"""Batch files: where they lie, how they are read, written and removed.

A BATCH message names files by URL. Ours are Parquet below one folder of this machine; JSON lines, as other taps write
them, are read as records.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

import msgspec

from mapper_orders.beginning import DECODER
from mapper_orders.errors import ContractError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS_AT_ONCE: Final = 1_000
"""Rows of a file that are worked on together: a working set of some ten MB."""

ENCODING: Final = {"format": "parquet", "compression": "none"}


class BatchSettings(msgspec.Struct, frozen=True):
    """The setting ``batch_config``, as far as the mapper heeds it.

    Attributes:
        folder: where files are written.
        prefix: what their names begin with.
    """

    folder: Path
    prefix: str


def batch_settings(config: Mapping[str, Any]) -> BatchSettings | None:
    """Read the setting ``batch_config``.

    Args:
        config: the mapper's settings.

    Returns:
        Where to write; ``None`` where the mapper is to write records.

    Raises:
        ContractError: another format than Parquet, or a place that is no folder of this machine, is asked for.
    """
    given = config.get("batch_config")
    if not given:
        return None
    kind = (given.get("encoding") or {}).get("format", "parquet")
    if kind != "parquet":
        msg = f"batch_config: the mapper writes Parquet and no {kind}. Set encoding.format to parquet."
        raise ContractError(msg)
    storage = given.get("storage") or {}
    folder = local_path(storage.get("root") or "output/batches")
    if folder is None:
        msg = "batch_config: storage.root is no folder of this machine. Give a path or a file:// URL."
        raise ContractError(msg)
    root = os.environ.get("MELTANO_PROJECT_ROOT") or "."
    return BatchSettings(Path(root, folder).resolve(), storage.get("prefix") or "")


def local_path(place: str) -> Path | None:
    """Give the path of a file or folder that is named by a path or a ``file://`` URL.

    A URL is decoded. Where nothing is there, it may be one whose writer encoded nothing, as the SDK's storage does for
    a root that is a URL, and is then taken literally.

    Args:
        place: a path or URL.

    Returns:
        The path; ``None`` for a URL of another kind.
    """
    if "://" not in place:
        return Path(place)
    if not place.startswith("file://"):
        return None
    decoded, literal = Path(url2pathname(urlsplit(place).path)), Path(place.removeprefix("file://"))
    return literal if literal.exists() and not decoded.exists() else decoded


def file_of(stream: str, url: str) -> Path:
    """Give the path of a batch file.

    Raises:
        ContractError: it is no file of this machine, or not there.
    """
    path = local_path(url)
    if path is None or not path.is_file():
        msg = f"{stream}: the batch file {url} is not on this machine. Tap and mapper must share batch_config's folder."
        raise ContractError(msg)
    return path


def read_tables(stream: str, path: Path, rows: int = ROWS_AT_ONCE) -> Iterator[pa.RecordBatch]:
    """Read a Parquet file, so many rows at a time.

    Raises:
        ContractError: it is no whole Parquet file.
    """
    import pyarrow as pa  # noqa: PLC0415  only where a BATCH came
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            yield from file.iter_batches(rows)
    except pa.ArrowInvalid as error:
        msg = f"{stream}: the batch file {path} is no whole Parquet file ({' '.join(str(error).split())})."
        raise ContractError(msg) from None


def read_records(stream: str, path: Path, encoding: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Read a batch file of either format as records.

    Raises:
        ContractError: the file, or its format, cannot be read.
    """
    kind = encoding.get("format")
    if kind == "parquet":
        from mapper_orders.columns import records  # noqa: PLC0415  pyarrow only where a BATCH came

        for batch in read_tables(stream, path):
            yield from records(batch)
    elif kind == "jsonl":
        compressed = encoding.get("compression") == "gzip"
        try:
            with gzip.open(path) if compressed else path.open("rb") as lines:
                for line in lines:
                    yield DECODER.decode(line)
        except (msgspec.DecodeError, OSError, EOFError):
            msg = f"{stream}: the batch file {path} does not hold one JSON record a line."
            raise ContractError(msg) from None
    else:
        msg = f"{stream}: batch files of format {kind!r:.40} cannot be read. Use parquet or jsonl."
        raise ContractError(msg)


class BatchFile:
    """A Parquet file of one output stream, written part by part."""

    def __init__(self, settings: BatchSettings, stream: str, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415  only where a BATCH came

        settings.folder.mkdir(parents=True, exist_ok=True)
        self.path = settings.folder / f"{settings.prefix}mapper-orders--{stream}-{uuid4().hex}.parquet"
        self._writer: pq.ParquetWriter = pq.ParquetWriter(
            self.path, schema, compression="none", write_statistics=False, use_dictionary=True
        )

    def write(self, table: pa.Table) -> None:
        """Write a part."""
        self._writer.write_table(table)

    def close(self) -> str:
        """Complete the file; give its URL."""
        self._writer.close()
        return self.path.as_uri()


def remove(path: Path) -> None:
    """Remove a file that has been read; one that is gone is fine."""
    with suppress(FileNotFoundError):
        path.unlink()
