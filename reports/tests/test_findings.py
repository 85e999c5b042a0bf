"""What is odd in the data, one by one on EXCEPTIONS: rows, headers, cartons, sources, decisions, with their place."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
import sqlalchemy as sa
from openpyxl.worksheet.worksheet import Worksheet
from order_reports.fact_columns import ALL_FACTS
from order_reports.findings import OddRow, read_oddities, row_oddities
from order_reports.page.figures import read_past_runs
from order_reports.read import Count
from order_rules import ids, tables
from sqlalchemy.dialects import mssql

Report = Callable[..., Any]
TableOf = Callable[[Worksheet], list[dict[str, Any]]]
VERSION = "0" * 32
WHERE = "ORDER NUMBERS OR SOURCE"


@pytest.fixture
def exceptions(warehouse: Any, report: Report, table_of: TableOf) -> Callable[[], list[dict[str, Any]]]:
    """Write the workbook and read EXCEPTIONS back without its ranks."""

    def read() -> list[dict[str, Any]]:
        rows = table_of(report()["EXCEPTIONS"])
        if rows == [{"RANK": "Nothing to act on."}]:
            return []
        assert [row.pop("RANK") for row in rows] == list(range(1, len(rows) + 1))
        return rows

    warehouse.run()
    return read


def sheet_row(warehouse: Any, number: int, *findings: str, load: str = "acme.xlsx", **values: object) -> None:
    """A row of a workbook as staged, of which the mapper found something odd."""
    warehouse.row(
        tables.order_list,
        **{
            "load_id": load_of(warehouse, load),
            "unit_id": ids.hash_id(load),
            "source": load,
            "sheet": "MASTER",
            "row_number": number,
            "rules_version": VERSION,
            "customer": "ACME SPORTSWEAR",
            "customer_po": "45001",
            "style": "AW-1",
            "color": "NAVY",
            "size_qty": 0,
            "sizes": "[]",
            "extra": "[]",
            "findings": json.dumps(findings),
            **values,
        },
    )


def load_of(warehouse: Any, path: str) -> str:
    loads = [row for table, rows in warehouse._rows.items() if table.name == "recon_load" for row in rows]
    return str(next(row["load_id"] for row in loads if row["source"] == path))


def test_a_total_that_is_not_the_sum_of_its_sizes_stands_with_its_row(warehouse: Any, exceptions: Any) -> None:
    warehouse.source("acme.xlsx")
    warehouse.count("order_list_rows", "finding", 0, reason="total_qty_mismatch", rows=2)
    sheet_row(warehouse, 12, "total_qty_mismatch", total_qty=120, size_qty=108)
    sheet_row(warehouse, 40, "total_qty_mismatch", total_qty=1000, size_qty=1048)
    assert exceptions() == [
        {
            "WHAT": "ODD ROW",
            "CUSTOMER": "ACME SPORTSWEAR",
            "PO": "45001",
            "STYLE": "AW-1",
            "COLOUR": "NAVY",
            "UNITS × DAYS": 48,
            "WHY": "TOTAL QTY says 1,000, its sizes add up to 1,048, which count. Correct one.",
            WHERE: "acme.xlsx, sheet MASTER, row 40",
        },
        {
            "WHAT": "ODD ROW",
            "CUSTOMER": "ACME SPORTSWEAR",
            "PO": "45001",
            "STYLE": "AW-1",
            "COLOUR": "NAVY",
            "UNITS × DAYS": 12,
            "WHY": "TOTAL QTY says 120, its sizes add up to 108, which count. Correct one.",
            WHERE: "acme.xlsx, sheet MASTER, row 12",
        },
    ]


def test_what_is_odd_about_a_header_is_told_once_a_sheet(warehouse: Any, exceptions: Any) -> None:
    warehouse.source("acme.xlsx")
    warehouse.count("order_list_rows", "finding", 0, reason="duplicate_size", rows=8)
    for number in range(3, 11):
        sheet_row(warehouse, number, "duplicate_size:XL", *(["customer_filled"] if number == 5 else []))
    told = [(row["WHY"], row[WHERE]) for row in exceptions()]
    assert told == [
        (
            "CUSTOMER NAME is empty; the sheet's only other name was taken. Fill it in. Row 5.",
            "acme.xlsx, sheet MASTER",
        ),
        (
            "Several columns are headed size XL; their quantities were added up. Check that it is one. "
            "Rows 3, 4, 5, 6, 7 and 3 more.",
            "acme.xlsx, sheet MASTER",
        ),
    ]


def test_rows_of_a_workbook_that_does_not_count_are_not_told(warehouse: Any, exceptions: Any) -> None:
    warehouse.source("acme.xlsx")
    warehouse.source("acme copy.xlsx", superseded_by="acme.xlsx")
    warehouse.count("order_list_rows", "finding", 0, reason="error_cell", rows=1)
    sheet_row(warehouse, 3, "error_cell", load="acme copy.xlsx")
    assert [row["WHAT"] for row in exceptions()] == ["SUPERSEDED"]


def test_what_the_run_did_not_count_is_not_looked_for(warehouse: Any, exceptions: Any) -> None:
    warehouse.source("acme.xlsx")
    sheet_row(warehouse, 12, "total_qty_mismatch", total_qty=120, size_qty=108)
    assert exceptions() == []


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        ("total_qty_unreadable", "TOTAL QTY is no number, so nothing checks the sizes. Correct it."),
        (
            "error_cell",
            "A size cell holds an Excel error such as #N/A and counts as empty. Correct its formula or enter a number.",
        ),
        (
            "unreadable_date:ex_factory_on",
            "The cell of ex factory on cannot be read and counts as empty. The order may look due, or not due, on "
            "another day. Correct it.",
        ),
        (
            "unreadable_money:final_fob_usd",
            "The cell of final fob usd cannot be read and counts as empty. Correct it.",
        ),
        (
            "duplicate_header:customer_po",
            "Several columns are headed customer po; the first with a value counts. Rename or remove the others. "
            "Row 7.",
        ),
    ],
)
def test_every_finding_of_a_row_says_what_to_do(finding: str, said: str) -> None:
    row = OddRow("a.xlsx", "MASTER", 7, "ACME", None, None, None, None, 0, json.dumps([finding]))
    (oddity,) = row_oddities([row])
    assert (oddity.why, oddity.units, oddity.customer) == (said, 0, "ACME")


@pytest.mark.parametrize("document", ["{", '{"a": 1}', "[]", '["never_heard_of"]'])
def test_findings_that_nobody_knows_are_passed_over(document: str) -> None:
    assert list(row_oddities([OddRow("a.xlsx", None, 7, None, None, None, None, None, 0, document)])) == []


def test_a_carton_shipped_in_part_stands_with_its_number(warehouse: Any, exceptions: Any) -> None:
    warehouse.order("ACME SPORTSWEAR", "1", "A", "NAVY", "M", ordered=30, packed=14, shipped=16, status="COMPLETE")
    (carton,) = next(rows for table, rows in warehouse._rows.items() if table.name == "stg_packed_current")
    carton.update(carton_id="C41", sku="0123", qty_source=30)
    warehouse.count("stg_packed_current", "finding", 14, reason="shipped_in_part")
    assert exceptions() == [
        {
            "WHAT": "ODD CARTON",
            "CUSTOMER": "ACME SPORTSWEAR",
            "PO": "1",
            "STYLE": "A",
            "COLOUR": "NAVY",
            "SIZE": "M",
            "UNITS × DAYS": 14,
            "WHY": "16 of 30 packed stand in shipped as well; 14 still count as packed. "
            "Check whether the carton left in full.",
            WHERE: "wah, carton C41, SKU 0123",
        }
    ]


def test_a_key_that_workbook_and_view_order_differently_stands_with_both(warehouse: Any, exceptions: Any) -> None:
    key = dict(zip(("customer", "customer_po", "style", "color", "size"), ("ACME", "1", "A", None, "M"), strict=True))
    warehouse.order(*key.values(), ordered=30, status="OPEN")
    warehouse.order("ACME", "2", "A", None, "M", ordered=12, status="OPEN")
    warehouse.source("wms.master_order_list", stream="master_order_list")
    warehouse.source("old", stream="master_order_list", superseded_by="wms.master_order_list")
    for number, (load, po, qty) in enumerate(
        (("wms.master_order_list", "1", 24), ("wms.master_order_list", "2", 12), ("old", "1", 99))
    ):
        warehouse.row(
            tables.stg_orders_wms,
            **{**key, "customer_po": po},
            order_line_id=str(number) * 32,
            load_id=load_of(warehouse, load),
            unit_id="wms",
            source=load,
            rules_version=VERSION,
            ordered_qty=qty,
        )
    warehouse.count("stg_orders", "finding", 6, reason="source_qty_differs")
    found = [row for row in exceptions() if row["WHAT"] == "SOURCES DIFFER"]
    assert [(row["PO"], row["UNITS × DAYS"], row["WHY"]) for row in found] == [
        ("1", 6, "The workbook orders 30, which count; v_master_order_list 24. Correct one of them.")
    ]


def test_decisions_about_what_is_gone_are_told_and_those_that_hold_are_not(warehouse: Any, exceptions: Any) -> None:
    there = warehouse.fulfilment("ACME", "1", "A", None, "M", shipped=12, match_type="NO_MATCH", match_score=0)
    order = warehouse.order("ACME", "1", "A", None, "M", ordered=12, status="OPEN")
    made = {"decided_by": "maria", "decided_at": datetime(2026, 3, 2, 9, 30)}
    five = {"fulfil_customer": "ACME", "fulfil_style": "A", "fulfil_size": "M"}
    of_order = {"order_customer": "ACME", "order_style": "A", "order_size": "M"}
    for key, po, of, order_po in (
        (there, "x", order, "x"),
        ("e" * 32, "1", "d" * 32, "1"),
        ("f" * 32, "9", order, "1"),
        ("0" * 32, "1", "b" * 32, "7"),
        ("1" * 32, "1", None, None),
    ):
        fields = {**five, **of_order, "fulfil_customer_po": po, "order_customer_po": order_po}
        warehouse.row(tables.recon_override, fulfil_key_id=key, order_key_id=of, decision="LINK", **made, **fields)
    warehouse.row(
        tables.recon_ruled_out, fulfil_key_id="a" * 32, order_key_id=order, fulfil_customer_po="8", **five, **made
    )
    warehouse.count("fact_order_recon", "finding", 0, reason="override_detached")
    ending = "that is no longer there, so the decision has no effect. Take it back, or decide anew on REVIEW."
    assert [(row["WHAT"], row["PO"], row["WHY"], row[WHERE]) for row in exceptions()] == [
        (
            "LOST DECISION",
            po,
            f"maria decided {word} about {what} {ending}",
            f"decision of 2026-03-02, fulfilment {key}",
        )
        for word, what, po, key in (
            ("LINK", "an order", "1", "0" * 32),
            ("REJECT", "a fulfilment", "8", "a" * 32),
            ("LINK", "a fulfilment", "9", "f" * 32),
        )
    ]


def test_a_workbook_that_is_named_and_not_there_is_told(warehouse: Any, rules_path: Any, exceptions: Any) -> None:
    (rules_path / "customers.yml").write_text(
        "customers:\n  - {canonical: ACME, workbook: a/acme.xlsx}\n  - {canonical: BIRCH, workbook: b.xlsx}\n",
        encoding="utf-8",
    )
    warehouse.source("b.xlsx")
    warehouse.count("stg_orders", "finding", 0, reason="named_workbook_missing")
    assert [(row["WHAT"], row["CUSTOMER"], row[WHERE]) for row in exceptions()] == [
        ("LOST WORKBOOK", "ACME", "a/acme.xlsx")
    ]


def test_what_is_odd_ranks_among_the_keys_by_its_units(warehouse: Any, exceptions: Any) -> None:
    warehouse.source("acme.xlsx")
    warehouse.order("ACME SPORTSWEAR", "1", "A", None, "M", ordered=20, status="UNFULFILLED")
    warehouse.order("ACME SPORTSWEAR", "2", "A", None, "M", ordered=5, status="UNFULFILLED")
    warehouse.count("order_list_rows", "finding", 0, reason="total_qty_mismatch")
    sheet_row(warehouse, 12, "total_qty_mismatch", total_qty=20, size_qty=8)
    assert [row["UNITS × DAYS"] for row in exceptions()] == [20, 12, 5]


def test_every_statement_can_be_said_to_sql_server() -> None:
    said: list[sa.Select[Any]] = []
    connection = MagicMock()
    connection.execute.side_effect = lambda statement: said.append(statement) or MagicMock()
    connection.scalars.side_effect = lambda statement: said.append(statement) or []
    codes = ("error_cell", "shipped_in_part", "source_qty_differs", "override_detached", "named_workbook_missing")
    read_oddities(connection, [Count("t", "finding", code, 1, 0, 0) for code in codes], [])
    said.append(ALL_FACTS)
    read_past_runs(connection)
    texts = [str(statement.compile(dialect=mssql.dialect())) for statement in said]
    assert len(texts) == 11
    assert not any(" IS 1" in text or "LIMIT" in text for text in texts)
