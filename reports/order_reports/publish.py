"""Writes reports: reads what there is to tell once, then the workbook and the page of it at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from order_rules.config import Customers, load_file
from order_rules.program import no_garbage_collection

from order_reports.destination import Draft, delivering
from order_reports.failure import ReportError
from order_reports.settings import FILE_NAME, PAGE_NAME, Settings
from order_reports.told import Told, read_told
from order_reports.warehouse import missing_parts, reading


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
    # A tenth of the time goes to looking for cycles among a million cells otherwise.
    with no_garbage_collection():
        with reading(settings.warehouse) as connection:
            if missing := missing_parts(connection):
                raise ReportError("The warehouse is not ready: " + "; ".join(missing) + ".")
            told = read_told(connection, known)
        here, *beside = names
        with ThreadPoolExecutor(1) as thread:
            # The first is made in the main thread, which a signal ends at once.
            others = [thread.submit(_deliver, settings, name, told, made_of) for name in beside]
            yield _deliver(settings, here, told, made_of)
            for other in others:
                yield other.result()


def _deliver(settings: Settings, name: str, told: Told, made_of: str | None) -> Draft | ReportError:
    try:
        with delivering(settings.place, name, made_of=made_of) as draft:
            _WRITERS[name](draft.path, told)
    except ReportError as error:
        return error
    return draft


def _write_workbook(path: Path, told: Told) -> None:
    from order_reports.workbook import write_workbook  # noqa: PLC0415  (each report loads only its own writer)

    write_workbook(path, told)


def _write_page(path: Path, told: Told) -> None:
    from order_reports.page.build import build  # noqa: PLC0415  (each report loads only its own writer)

    path.write_bytes(build(told).encode())


_WRITERS: Final[dict[str, Callable[[Path, Told], None]]] = {FILE_NAME: _write_workbook, PAGE_NAME: _write_page}
