"""Batch files: where they lie, how they are read and removed.

A BATCH message names files by URL. Files of this machine are read here; those in another storage by the SDK's.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec
from singer_sdk.contrib.msgspec import decoder

from target_mssql.errors import LoadError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE: Final = 50_000
"""Rows of a file that are written in one transaction; our mapper's files have fewer, or as many."""
ROWS_TOGETHER: Final = 100_000
"""Rows of small files at which they are written, in one transaction."""
BYTES_TOGETHER: Final = 16 * 2**20
"""Their bytes at which they are: in memory, wide rows take several times as much."""


def local_path(url: str) -> Path | None:
    """Give the path of a file that is named by a path or a ``file://`` URL.

    A URL is decoded. Where nothing is there, it may be one whose writer encoded nothing, as the SDK's storage does for
    a root that is a URL, and is then taken literally.

    Args:
        url: a path or URL.

    Returns:
        The path; None for a URL of another kind.
    """
    if "://" not in url:
        return Path(url)
    if not url.startswith("file://"):
        return None
    decoded, literal = Path(url2pathname(urlsplit(url).path)), Path(url.removeprefix("file://"))
    return literal if literal.exists() and not decoded.exists() else decoded


@contextmanager
def opened(stream: str, url: str) -> Iterator[IO[bytes]]:
    """Open a batch file, wherever it lies.

    Raises:
        LoadError: it cannot be opened.
    """
    path = local_path(url)
    try:
        if path is not None:
            with path.open("rb") as file:
                yield file
        else:
            from singer_sdk.helpers._batch import StorageTarget  # noqa: PLC0415  what other storages take

            head, tail = StorageTarget.split_url(url)
            with StorageTarget.from_url(head).open(tail) as file:
                yield cast("IO[bytes]", file)
    except (OSError, ImportError, ValueError) as error:
        raise LoadError(
            f"stream {stream!r}: batch file {url} cannot be read ({type(error).__name__}: "
            f"{' '.join(str(error).split())}); the tap and this target must share the storage of batch_config"
        ) from error


def look_into(stream: str, url: str) -> tuple[int, int, pa.Schema]:
    """Look into a Parquet file without reading its rows.

    Returns:
        How many rows it has, their bytes when not compressed, and their columns.

    Raises:
        LoadError: it cannot be read.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415  only where a BATCH has come

    with opened(stream, url) as file:
        found = pq.ParquetFile(file)
        groups = [found.metadata.row_group(number) for number in range(found.num_row_groups)]
        return found.metadata.num_rows, sum(group.total_byte_size for group in groups), found.schema_arrow


def read_tables(stream: str, *urls: str, together: bool = False) -> Iterator[pa.RecordBatch]:
    """Read Parquet files, `ROWS_AT_ONCE` or more at a time, and fewer than twice as many.

    Args:
        stream: the stream's name.
        urls: the files.
        together: all of their rows at once; they have the same columns.

    Raises:
        LoadError: one cannot be read.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415  only where a BATCH has come

    parts: list[pa.RecordBatch] = []
    for url in urls:
        with opened(stream, url) as file:
            for part in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE):
                parts.append(part)
                if not together and sum(one.num_rows for one in parts) >= ROWS_AT_ONCE:
                    yield _joined(parts)
                    parts = []
    if parts:
        yield _joined(parts)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Join parts, which end with row groups, each of which has dictionaries of its own."""
    import pyarrow as pa  # noqa: PLC0415  only where a BATCH has come

    if len(parts) == 1:
        return parts[0]
    (joined,) = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks().to_batches()
    return joined


def read_records(stream: str, url: str, encoding: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Read a batch file of either format as records.

    Raises:
        LoadError: the file, or its format, cannot be read.
    """
    match encoding.get("format"):
        case "parquet":
            from target_mssql.columns import records  # noqa: PLC0415  pyarrow only where a BATCH has come

            for part in read_tables(stream, url):
                yield from records(part)
        case "jsonl":
            with opened(stream, url) as file:
                lines = gzip.GzipFile(fileobj=file) if encoding.get("compression") == "gzip" else file
                for number, line in enumerate(lines, 1):
                    try:
                        yield decoder.decode(line)
                    except msgspec.DecodeError as error:
                        raise LoadError(
                            f"stream {stream!r}: line {number} of batch file {url} is not JSON ({error})"
                        ) from error
        case other:
            raise LoadError(
                f"stream {stream!r}: batch files of format {other!r} cannot be read; set the tap's "
                "batch_config.encoding.format to parquet or jsonl"
            )


def remove(url: str) -> None:
    """Remove a file of this machine whose rows are committed; one that is gone is fine."""
    path = local_path(url)
    if path is not None:
        with suppress(FileNotFoundError):
            path.unlink()
