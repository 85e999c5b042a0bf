"""Writes reports: reads what there is to tell once, then the workbook and the page of it at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import sqlalchemy as sa
from order_rules.config import Customers, load_file
from order_rules.program import no_garbage_collection

from order_reports.beside import Beside, is_worth_it
from order_reports.destination import Draft, delivering
from order_reports.failure import ReportError
from order_reports.ready import missing_parts
from order_reports.settings import FILE_NAME, PAGE_NAME, Settings
from order_reports.warehouse import reading

if TYPE_CHECKING:
    from order_reports.told import Told


def write_reports(settings: Settings, names: Sequence[str], made_of: str | None) -> Iterator[Draft | ReportError]:
    """Write reports from what is published now.

    Args:
        settings: where the warehouse is and where reports go.
        names: the files to write: ``FILE_NAME``, ``PAGE_NAME`` or both.
        made_of: a digest of what they are made of, noted beside them.

    Yields:
        Each report in its place, or why it could not be put there; then the one that was there stays as it is. A
        report is replaced as a whole: a reader sees the old one or the new one.

    Raises:
        ReportError: the warehouse cannot be read.
        RulesError: ``customers.yml`` cannot be used.
    """
    known = load_file(settings.rules_path / "customers.yml", Customers)
    # Arrow's usual allocator keeps what is freed: a third more memory, here and in the process beside, and no faster.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # A tenth of the time goes to looking for cycles among a million cells otherwise.
    with no_garbage_collection():
        with _begun(settings) as (connection, beside), ThreadPoolExecutor(1) as thread:
            # Who writes is loaded while facts are read.
            loaded = [thread.submit(_LOADERS[name]) for name in names]
            from order_reports.told import read_told  # noqa: PLC0415  (not before the reading has begun)

            if beside:
                beside.agree()
            told = read_told(connection, known, beside)
            writers = [one.result() for one in loaded]
        here, *others = zip(names, writers, strict=True)
        with ThreadPoolExecutor(1) as thread:
            # The first is made in the main thread, which a signal ends at once.
            beside_it = [thread.submit(_deliver, settings, *other, told, made_of) for other in others]
            yield _deliver(settings, *here, told, made_of)
            for other in beside_it:
                yield other.result()


@contextmanager
def _begun(settings: Settings) -> Iterator[tuple[sa.Connection, Beside | None]]:
    """Open the warehouse, and have another process begin to read its large tables where that is possible."""
    with reading(settings.warehouse) as connection:
        if missing := missing_parts(connection):
            raise ReportError("The warehouse is not ready: " + "; ".join(missing) + ".")
        if not is_worth_it(settings.warehouse):
            yield connection, None
            return
        with Beside(connection) as beside:
            yield connection, beside


Writer: TypeAlias = Callable[[Path, "Told"], None]
"""Writes one report to a path."""


def _deliver(settings: Settings, name: str, write: Writer, told: Told, made_of: str | None) -> Draft | ReportError:
    try:
        with delivering(settings.place, name, made_of=made_of) as draft:
            write(draft.path, told)
    except ReportError as error:
        return error
    return draft


def _load_workbook() -> Writer:
    from order_reports.workbook import write_workbook  # noqa: PLC0415  (each report loads only its own writer)

    return write_workbook


def _load_page() -> Writer:
    from order_reports.page.build import build  # noqa: PLC0415  (each report loads only its own writer)
    from order_reports.page.pictures import start_vega  # noqa: PLC0415

    start_vega()

    def write(path: Path, told: Told) -> None:
        path.write_bytes(build(told).encode())

    return write


_LOADERS: Final[dict[str, Callable[[], Writer]]] = {FILE_NAME: _load_workbook, PAGE_NAME: _load_page}
