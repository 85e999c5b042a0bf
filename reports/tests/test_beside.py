"""A SQLite file's large tables are read by another process: the same rows, at the same moment as all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import Result
from order_reports import beside as beside_module
from order_reports.beside import Beside
from order_reports.fact_columns import facts_of, read_facts
from order_reports.failure import ReportError
from order_reports.match_columns import match_sums
from order_reports.settings import PAGE_NAME
from order_reports.totals import match_totals
from order_reports.warehouse import reading
from order_rules import tables

Invoke = Callable[..., Result]


@pytest.fixture
def awkward(monday: Any) -> Any:
    """Monday, with what a driver might take for something else."""
    monday.order("ACME", "007", "1E5", "Größe 😀", "=1+1", ordered=12, status="OPEN", due=None)
    monday.order("NULL", "NULL", "'", "a\nb", "\t", ordered=2**40, shipped=7, status="UNDER", score=97, match="FUZZY")
    monday.order("ACME", None, None, None, None, ordered=1, shipped=1, status="COMPLETE", score=88.1234)
    monday.stranger("ACME", None, "?", None, None, packed=3)
    monday.save()
    nobody = [
        sa.update(table).where(column == "BIRCHLINE").values({column.name: None})
        for table, column in (
            (tables.fact_order_recon, tables.fact_order_recon.c.customer),
            (tables.recon_match, tables.recon_match.c.fulfil_customer),
        )
    ]
    write(monday.url, *nobody)
    return monday


def write(url: str, *statements: sa.Update) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    engine.dispose()


MORE_CARTONS = sa.update(tables.fact_order_recon).values(cartons=99)


@pytest.fixture
def written_beside(monday: Any) -> Any:
    """Monday, in a file that can be written while it is read, as recon makes them."""
    monday.save()
    engine = sa.create_engine(monday.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    engine.dispose()
    return monday


def test_another_process_reads_what_the_connection_would(awkward: Any) -> None:
    with reading(sa.make_url(awkward.url)) as connection:
        expected = read_facts(connection).sort_by("recon_id")
        sums = connection.execute(match_totals()).all()
        with Beside(connection) as beside:
            beside.agree()
            facts = facts_of(beside.next_table(), connection.dialect)
            found = match_sums(beside.next_table(), beside.next_table())
    assert facts.schema == expected.schema
    assert facts.sort_by("recon_id").to_pylist() == expected.to_pylist()
    assert len(found) > 3
    assert sorted(map(repr, found)) == sorted(repr(tuple(row)) for row in sums)


def test_an_empty_warehouse_has_no_facts_for_another_process_either(warehouse: Any) -> None:
    with reading(sa.make_url(warehouse.url)) as connection, Beside(connection) as beside:
        beside.agree()
        assert facts_of(beside.next_table(), connection.dialect).equals(read_facts(connection))
        assert match_sums(beside.next_table(), beside.next_table()) == []


def test_both_begin_anew_where_somebody_wrote_in_between(written_beside: Any) -> None:
    with reading(sa.make_url(written_beside.url)) as connection, Beside(connection) as beside:
        write(written_beside.url, MORE_CARTONS)
        assert set(read_facts(connection)["cartons"].to_pylist()) != {99}
        beside.agree()
        for facts in (read_facts(connection), facts_of(beside.next_table(), connection.dialect)):
            assert set(facts["cartons"].to_pylist()) == {99}


def test_what_is_written_later_is_seen_by_neither(written_beside: Any) -> None:
    with reading(sa.make_url(written_beside.url)) as connection, Beside(connection) as beside:
        beside.agree()
        write(written_beside.url, MORE_CARTONS)
        for facts in (read_facts(connection), facts_of(beside.next_table(), connection.dialect)):
            assert 99 not in facts["cartons"].to_pylist()


def test_a_file_that_is_written_all_the_time_is_given_up(
    monday: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday.save()
    versions = iter(range(100))
    monkeypatch.setattr(Beside, "_version", lambda _: next(versions))
    monkeypatch.setattr(beside_module, "TRIES", 2)
    monkeypatch.setattr(beside_module, "LARGE_BYTES", 0)
    result = invoke("publish")
    assert result.exit_code == 1
    assert "The warehouse is written all the time" in result.output


def test_why_the_other_process_failed_is_one_line(
    monday: Any, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, report_path: Path
) -> None:
    monday.save()
    monkeypatch.setattr(beside_module, "LARGE_BYTES", 0)
    monkeypatch.setattr(beside_module, "_typed", lambda _: "SELECT no_such_column FROM fact_order_recon")
    result = invoke("publish")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: The warehouse cannot be read: ")
    assert "no_such_column" in line
    assert not report_path.exists()


@pytest.mark.usefixtures("awkward")
def test_reports_say_the_same_whoever_reads(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, report_path: Path) -> None:
    def published() -> tuple[bytes, list[tuple[str, Any]]]:
        assert invoke("publish", "--force").exit_code == 0
        book = openpyxl.load_workbook(report_path)
        cells = [(sheet.title, list(sheet.iter_rows(values_only=True))) for sheet in book]
        return (report_path.parent / PAGE_NAME).read_bytes(), cells

    over_the_connection = published()
    monkeypatch.setattr(beside_module, "LARGE_BYTES", 0)
    assert published() == over_the_connection


def test_nothing_is_left_running_where_it_was_not_read_to_the_end(monday: Any) -> None:
    monday.save()
    with reading(sa.make_url(monday.url)) as connection, Beside(connection) as beside:
        process = beside._process
        with pytest.raises(ReportError, match="stop"):
            raise ReportError("stop")
    assert process.returncode is not None
