"""Protected values: dropped, redacted or hashed before anything else sees them."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.errors import ContractError
from mapper_orders.privacy import keyed_hash, redact
from order_rules.config import RulesError

KEY = "a long random text"
SECRET = "Jane.Doe@example.com"  # noqa: S105  (not a password)
ORDER = {"CUSTOMER NAME": "BRAND A", "PO NUMBER": "1", "PLANNER E-MAIL": SECRET}


def privacy(*rules: tuple[str, str, str]) -> str:
    return json.dumps(
        {
            "key_env": "MAPPER_TEST_PRIVACY_KEY",
            "rules": [{"stream": stream, "field": field, "action": action} for stream, field, action in rules],
        }
    )


def hashed(value: str) -> str:
    return hmac.new(KEY.encode(), value.encode(), hashlib.sha256).hexdigest()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPPER_TEST_PRIVACY_KEY", KEY)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0171-555-1234", "***-***-1234"),
        (5551234567, "***-***-4567"),
        ("12345678", "***-***-5678"),
        ("123456", "***-***-456"),
        ("1", "***-***-"),
        ("-", "-"),
        (" ", None),
        (None, None),
    ],
)
def test_a_redacted_value_keeps_its_last_four_characters_and_never_more_than_half(value: Any, shown: str) -> None:
    assert redact(value) == shown


def test_a_hash_is_keyed_and_equal_for_equal_texts() -> None:
    assert keyed_hash(f" {SECRET} ", KEY.encode()) == hashed(SECRET)
    assert keyed_hash(SECRET, b"another key") != hashed(SECRET)
    assert keyed_hash("TBC", KEY.encode()) == "TBC"
    assert keyed_hash(None, KEY.encode()) is None


@given(st.text(min_size=1))
def test_neither_redaction_nor_hash_shows_a_whole_value(value: str) -> None:
    text = value.strip()
    if not text.strip("*-"):
        return  # made of nothing but what the mask is made of
    for shown in (redact(value), keyed_hash(value, b"key")):
        assert shown is None or shown == text or text not in shown or len(text) < 4


@pytest.mark.parametrize(
    ("action", "extra"),
    [
        ("drop", []),
        ("redact", [["PLANNER E-MAIL", "***-***-.com"]]),
        ("hash", [["PLANNER E-MAIL", hashed(SECRET)]]),
    ],
)
def test_a_header_of_an_order_list_is_protected(  # noqa: PLR0917  (fixtures)
    read_sheet: Any, sheet_row: Any, records: Any, config: Any, action: str, extra: list[Any]
) -> None:
    rules_path = config(privacy=privacy(("order_list_rows", " planner  e-mail", action)))
    messages = read_sheet(sheet_row(ORDER, {"S": 1}), rules_path=rules_path)
    (order,) = records(messages, "order_list")
    assert json.loads(order["extra"]) == extra
    assert SECRET not in str(messages)


def test_a_protected_header_inside_the_size_run_is_protected_too(
    read_sheet: Any, sheet_row: Any, records: Any, config: Any
) -> None:
    rules_path = config(privacy=privacy(("order_list_rows", "CONTACT", "redact")))
    messages = read_sheet(
        sheet_row({"CUSTOMER NAME": "BRAND A", "PO NUMBER": "1"}, [("S", 1), ("CONTACT", SECRET)]),
        rules_path=rules_path,
    )
    (order,) = records(messages, "order_list")
    assert json.loads(order["sizes"]) == [["S", 1], ["CONTACT", "***-***-.com"]]
    (bad,) = records(messages, "stg_quarantine_sharepoint")
    assert bad["value"] == "***-***-.com"
    assert SECRET not in str(messages)


def test_a_protected_customer_is_protected_where_the_sheet_names_it_for_all_rows(
    read_sheet: Any, sheet_row: Any, records: Any, config: Any
) -> None:
    rules_path = config(privacy=privacy(("order_list_rows", "CUSTOMER NAME", "hash")))
    named = sheet_row({"CUSTOMER NAME": SECRET, "PO NUMBER": "1"}, {"S": 1}, row=2, sheet_customer=SECRET)
    blank = sheet_row({"PO NUMBER": "2"}, {"S": 1}, row=3, sheet_customer=SECRET)
    messages = read_sheet(named, blank, rules_path=rules_path)
    assert [o["customer_source"] for o in records(messages, "order_list")] == [hashed(SECRET)] * 2
    assert SECRET.upper() not in str(messages).upper()


def test_a_dropped_customer_leaves_nothing_to_fill_with(
    read_sheet: Any, sheet_row: Any, records: Any, config: Any
) -> None:
    rules_path = config(privacy=privacy(("order_list_rows", "CUSTOMER NAME", "drop")))
    row = sheet_row({"CUSTOMER NAME": SECRET, "PO NUMBER": "1"}, {"S": 1}, sheet_customer=SECRET)
    messages = read_sheet(row, rules_path=rules_path)
    (bad,) = records(messages, "stg_quarantine_sharepoint")
    assert bad["reason_code"] == "customer_unknown"
    assert SECRET not in str(messages)


def test_quarantine_never_shows_a_protected_value(read_sheet: Any, sheet_row: Any, records: Any, config: Any) -> None:
    rules_path = config(
        privacy=privacy(("order_list_rows", "CUSTOMER STYLE", "hash"), ("order_list_rows", "S", "redact"))
    )
    cells = {"PO NUMBER": "1", "CUSTOMER STYLE": SECRET}
    messages = read_sheet(sheet_row(cells, {"S": SECRET}), rules_path=rules_path)
    (bad,) = records(messages, "stg_quarantine_sharepoint")
    assert json.loads(bad["record"]) == {
        "customer_po": "1",
        "style": hashed(SECRET),
        "cells": [["S", "***-***-.com"]],
    }
    assert SECRET not in str(messages)


@pytest.mark.parametrize("stream", ["packed_products", "shipped"])
def test_a_column_of_a_carton_view_is_protected(
    read_view: Any, view_row: Any, records: Any, config: Any, stream: str
) -> None:
    rules_path = config(privacy=privacy((stream, "customer_po", "hash"), (stream, "Style", "drop")))
    row = view_row(stream, {"Customer": "BRAND A", "Customer_PO": SECRET, "Style": SECRET, "Qty": 1})
    messages = read_view(stream, row, rules_path=rules_path)
    (staged,) = records(messages, {"packed_products": "stg_packed", "shipped": "stg_shipped"}[stream])
    assert (staged["customer_po_source"], staged["style"]) == (hashed(SECRET), None)
    assert SECRET not in str(messages)


def test_a_column_of_the_wide_view_is_protected(read_view: Any, view_row: Any, records: Any, config: Any) -> None:
    rules_path = config(privacy=privacy(("master_order_list", "Customer_PO", "redact")))
    row = view_row("master_order_list", {"Customer": "BRAND A", "Customer_PO": SECRET, "S": 1})
    messages = read_view("master_order_list", row, rules_path=rules_path)
    assert records(messages, "stg_orders_wms")[0]["customer_po_source"] == "***-***-.com"
    assert SECRET not in str(messages)


def test_a_stream_that_passes_through_is_protected_with_its_schema(run: Any, record_message: Any, config: Any) -> None:
    rules_path = config(
        privacy=privacy(("contacts", "E-Mail", "hash"), ("contacts", "phone", "redact"), ("contacts", "born", "drop"))
    )
    schema = {
        "type": "SCHEMA",
        "stream": "contacts",
        "schema": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "e-mail": {"type": "string", "format": "email"},
                "phone": {"type": "string", "maxLength": 5},
                "born": {"type": "string", "format": "date"},
            },
            "required": ["id", "e-mail", "born"],
        },
        "key_properties": ["id", "e-mail"],
    }
    contact = {"id": 7, "e-mail": SECRET, "phone": "0171-555-1234", "born": "1990-01-02"}
    sent_schema, sent_record = run(schema, record_message("contacts", contact), rules_path=rules_path)
    assert sent_schema["schema"]["properties"] == {
        "id": {"type": "integer"},
        "e-mail": {"type": "string"},
        "phone": {"type": ["string", "null"]},
        "born": {"type": ["string", "null"]},
    }
    assert sent_schema["schema"]["required"] == ["id"]
    assert sent_record["record"] == {"id": 7, "e-mail": hashed(SECRET), "phone": "***-***-1234", "born": None}


@pytest.mark.parametrize("action", ["drop", "redact"])
def test_a_key_of_a_stream_that_passes_through_can_only_be_hashed(
    run: Any, schema_message: Any, config: Any, action: str
) -> None:
    rules_path = config(privacy=privacy(("contacts", "email", action)))
    with pytest.raises(RulesError, match=rf"{action}.*email.*contacts.*Use 'hash'"):
        run(schema_message("contacts", ["email"], ["email"]), rules_path=rules_path)


def test_files_of_a_protected_stream_become_protected_records(
    run: Any, config: Any, schema_message: Any, records: Any, tmp_path: Path
) -> None:
    rules_path = config(privacy=privacy(("contacts", "email", "drop")))
    path = tmp_path / "100% contacts.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"email": "a@example.org", "id": 1.10}\n{"email": null, "id": 2}\n'))
    encoding = {"format": "jsonl", "compression": "gzip"}
    batch = {"type": "BATCH", "stream": "contacts", "encoding": encoding, "manifest": [path.as_uri()]}
    schema = schema_message("contacts", ["email", "id"], ["id"])
    messages = run(schema, batch, rules_path=rules_path, once=True)
    assert records(messages, "contacts") == [{"email": None, "id": Decimal("1.10")}, {"email": None, "id": 2}]
    assert not path.exists()


@pytest.mark.parametrize("set_to", [None, ""])
def test_a_hash_without_a_key_is_refused_at_start(
    run: Any, config: Any, monkeypatch: pytest.MonkeyPatch, set_to: str | None
) -> None:
    monkeypatch.delenv("MAPPER_TEST_PRIVACY_KEY")
    if set_to is not None:
        monkeypatch.setenv("MAPPER_TEST_PRIVACY_KEY", set_to)
    rules_path = config(privacy=privacy(("contacts", "email", "hash")))
    with pytest.raises(
        RulesError, match=r"'email' of the stream 'contacts'.*MAPPER_TEST_PRIVACY_KEY holds no key\. Set it"
    ):
        run(rules_path=rules_path)


def test_redaction_needs_no_key(run: Any, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAPPER_TEST_PRIVACY_KEY")
    assert run(rules_path=config(privacy=privacy(("contacts", "email", "redact")))) == []


@pytest.mark.parametrize("field", ["load_id", "ROW_HASH", "cells", "sizes", "source_file", "connection"])
def test_what_carries_a_row_cannot_be_protected(run: Any, config: Any, field: str) -> None:
    with pytest.raises(RulesError, match=rf"'{field}'.*cannot be protected"):
        run(rules_path=config(privacy=privacy(("order_list_rows", field, "drop"))))


def test_two_rules_for_one_field_are_refused(run: Any, config: Any) -> None:
    text = privacy(("contacts", "email", "drop"), ("contacts", "E-MAIL".replace("-", ""), "redact"))
    with pytest.raises(RulesError, match="has two rules"):
        run(rules_path=config(privacy=text))


def test_no_protected_value_reaches_a_log(
    read_sheet: Any, replay: Any, sheet_row: Any, config: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rules_path = config(privacy=privacy(("order_list_rows", "PLANNER E-MAIL", "hash")))
    with caplog.at_level(logging.DEBUG):
        read_sheet(sheet_row(ORDER | {"CATEGORY": "x" * 401}, {"S": -1}), rules_path=rules_path)
        with pytest.raises(ContractError) as refused:
            replay([f'{{"type": "RECORD", "stream": "order_list_rows", "record": "{SECRET}'], rules_path)
        with pytest.raises(ContractError) as unknown:
            replay([json.dumps({"type": "RECORD", "stream": "order_list_rows", "record": {"x": SECRET}})], rules_path)
    assert SECRET not in caplog.text + str(refused.value) + str(unknown.value)
