"""Rows that come in files: the same of them as of records, whatever they hold, and nothing left behind or half done.

Every other test's input goes by files, too (see ``run_lines``); here are rows made at random and what only files have.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapper_orders.batches import batch_settings, local_path
from mapper_orders.columns import Values, records, schema_of
from mapper_orders.counts import Books
from mapper_orders.errors import ContractError
from mapper_orders.mapper import MapperOrders
from mapper_orders.reading import found_text

LOADS = ("0190a0b0c0d0aaaaaaaaaaaaaaaaaaaa", "0190a0b0c0d0bbbbbbbbbbbbbbbbbbbb")
BLANKS = st.sampled_from(["", " ", "-", "TBC", "#N/A", "NONE", None])
WORDS = st.sampled_from(
    ["a", "A ", "Å", "4500 1", "TOTAL", "BRAND A", "a],[b", "x" * 199, "x" * 201, "x" * 401, "🙂" * 101, "🙂" * 201]
)
NUMBERS = st.one_of(
    st.integers(-3, 400),
    st.integers(2**31 - 3, 2**31 + 3),
    st.decimals(-10, 10, places=2).map(Decimal.normalize),
    st.sampled_from([Decimal("1.0"), Decimal("28.50"), Decimal("1E+400"), 10**19, 46085, True, False]),
)
TEXT_NUMBERS = st.sampled_from(["12 ", "1,200", "1.200", "12 pcs", "$4.25", "-4", "2.5", "0", "2026-03-04", "31.12.26"])
VALUES = st.one_of(BLANKS, WORDS, NUMBERS, TEXT_NUMBERS)
HEADERS = (
    "AAG ORDER NUMBER", "CUSTOMER NAME", "customer name ", "PO NUMBER", "CUSTOMER ALT PO", "CUSTOMER STYLE",
    "PATTERN ID", "CUSTOMER COLOUR DESCRIPTION", "TOTAL QTY", "EX FACTORY DATE", "CUSTOMER PRICE", "DROP", "NOTES",
    "PLANNED DELIVERY METHOD", "PLANNER",
)  # fmt: skip
SIZES = ("S", "s", "M", "OS", "ONE SIZE", "2XL", "XXL", "-", "z" * 201, "z" * 401)
SHEETS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(HEADERS), VALUES), max_size=9),
        st.lists(st.tuples(st.sampled_from(SIZES), VALUES), max_size=5),
        st.sampled_from([None, "BRAND B", "-"]),
        st.sampled_from(LOADS),
    ),
    max_size=9,
)


def json_text(value: object) -> str:
    return msgspec.json.Encoder(decimal_format="number").encode(value).decode()


def json_column(values: list[Any]) -> pa.Array:
    return pa.array([None if value is None else json_text(value) for value in values], pa.string())


def comparable(rows: list[dict[str, Any]]) -> Counter[str]:
    def plain(value: Any) -> str:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value.isoformat()

    return Counter(json.dumps(row, sort_keys=True, default=plain) for row in rows)


def assert_same(stream: Any, batch: pa.RecordBatch) -> None:
    """Send the rows of a batch as records and as columns; the same rows and the same books must come of them."""
    by_record: dict[str, list[dict[str, Any]]] = {}
    by_column: dict[str, list[dict[str, Any]]] = {}
    books: tuple[Books, Books] = ({}, {})
    for record in records(batch):
        for output, row in stream.outputs(record, books[0]):
            by_record.setdefault(output, []).append(row)
    for output, table in stream.tables(batch, books[1]):
        assert table.schema == schema_of(output)
        by_column.setdefault(output, []).extend(table.to_pylist())
    assert by_column.keys() == by_record.keys()
    for output, rows in by_record.items():
        assert comparable(by_column[output]) == comparable(rows)
    assert {load: book.records() for load, book in books[1].items()} == {
        load: book.records() for load, book in books[0].items()
    }
    assert [book.received_qty for book in books[1].values()] == [book.received_qty for book in books[0].values()]


@given(sheet=SHEETS)
def test_any_sheet_comes_out_alike_by_record_and_by_column(streams: Any, sheet: Any) -> None:
    rows = [
        {
            "load_id": load, "file_id": "f" * 32, "row_number": number, "sheet": "MASTER", "sheet_customer": customer,
            "source_file": "a/B.xlsx", "cells": json_text(cells), "sizes": json_text(sizes),
        }
        for number, (cells, sizes, customer, load) in enumerate(sheet, 2)
    ]  # fmt: skip
    fields = [(name, pa.int64() if name == "row_number" else pa.string()) for name in SHEET_COLUMNS]
    assert_same(streams["order_list_rows"], pa.RecordBatch.from_pylist(rows, schema=pa.schema(fields)))


ORDINARY = st.sampled_from(["BRAND A", "S", "M", "2XL", "12"])
ANY_KIND = st.one_of(VALUES, ORDINARY, st.integers(1, 9))
TEXTS = st.one_of(BLANKS, WORDS, TEXT_NUMBERS, ORDINARY, st.sampled_from([" a", "a\x1f", "\xa0a", "a\u2003", "ß"]))
"""Of a column that a view declares as text, which files hold as it is."""

SHEET_COLUMNS = ("load_id", "file_id", "row_number", "sheet", "sheet_customer", "source_file", "cells", "sizes")


@pytest.mark.parametrize("stream", ["packed_products", "shipped", "master_order_list"])
@given(data=st.data())
def test_any_view_comes_out_alike_by_record_and_by_column(
    streams: Any, view_properties: Any, stream: str, data: st.DataObject
) -> None:
    properties = view_properties(stream)
    streams[stream].announce(properties)
    added = ("load_id", "connection", "row_hash", "occurrence", "row_number")
    own = [name for name in properties if name not in added]
    count = data.draw(st.integers(0, 6))
    columns, fields = [], []
    for name in own:
        is_json, encoded = data.draw(st.booleans()), data.draw(st.booleans())
        values = data.draw(st.lists(ANY_KIND if is_json else TEXTS, min_size=count, max_size=count))
        column = json_column(values) if is_json else pa.array(values, pa.string())
        columns.append(column.dictionary_encode() if encoded else column)
        fields.append(pa.field(name, columns[-1].type, metadata={b"singer": b"json"} if is_json else None))
    loads = sorted(data.draw(st.lists(st.sampled_from(LOADS), min_size=count, max_size=count)))
    hashes = data.draw(st.lists(st.sampled_from(["0" * 32, "1" * 32]), min_size=count, max_size=count))
    carriers = [pa.array(texts, pa.string()) for texts in (loads, ["distribution"] * count, hashes)]
    if data.draw(st.booleans()):
        carriers[:2] = [column.dictionary_encode() for column in carriers[:2]]
    columns += [*carriers, pa.array(range(count), pa.int64())]
    fields += [pa.field(name, column.type) for name, column in zip(added, columns[-4:], strict=False)]
    if "row_number" in properties:
        columns.append(pa.array(range(count), pa.int64()))
        fields.append(pa.field("row_number", pa.int64()))
    assert_same(streams[stream], pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields)))


@given(values=st.lists(st.none() | st.text(alphabet=" \t\x1c\x1f\x85\xa0aBß🙂", max_size=3)), encoded=st.booleans())
def test_a_text_column_is_as_found_whether_its_texts_are_looked_at_or_not(values: list[Any], encoded: bool) -> None:
    column = pa.array(values, pa.string())
    column = column.dictionary_encode() if encoded else column
    found = Values.of_column(column, pa.field("Style", column.type))
    assert found.found().to_pylist() == [found_text(value) for value in values]
    assert found.each(found_text) == [found_text(value) for value in values]
    for limit in range(4):
        assert not found.surely_fits(limit) or max((len(value or "") for value in values), default=0) <= limit


@given(values=st.lists(st.tuples(VALUES, VALUES)))
def test_a_function_of_distinct_pairs_is_a_function_of_each(values: list[Any]) -> None:
    def told(one: object, other: object) -> str:
        return repr((one, other))

    pairs = Values.of([one for one, _ in values]).pairs(Values.of([other for _, other in values]), told)
    assert pairs.each(str) == [told(*pair) for pair in values]


@given(values=st.lists(st.one_of(VALUES, st.lists(st.integers(), max_size=2))))
def test_a_function_of_distinct_values_is_a_function_of_each(values: list[Any]) -> None:
    def told(value: object) -> str:
        return f"{type(value).__name__} {value}"

    found = Values.of(values)
    assert found.each(told) == [told(value) for value in values]
    assert found.text(told).to_pylist() == [told(value) for value in values]
    assert list(found.rows_where(lambda value: value is None)) == [n for n, v in enumerate(values) if v is None]


def batch_message(stream: str, *paths: Path, **encoding: str) -> dict[str, Any]:
    manifest = [path.as_uri() for path in paths]
    return {"type": "BATCH", "stream": stream, "encoding": {"format": "parquet"} | encoding, "manifest": manifest}


@pytest.fixture
def cartons(tmp_path: Path, view_row: Any) -> Path:
    """A file of two packed rows."""
    rows = [
        view_row("packed_products", {"Customer": "BRAND A", "Style": "ST", "Size": size, "Qty": 3}, row=row)
        for row, size in enumerate("SM", 1)
    ]
    path = tmp_path / "packed 100%.parquet"
    kinds = {name: pa.int64() if name in ("Qty", "occurrence") else pa.string() for name in rows[0]}
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds.items())), path)
    return path


def mapper(rules_path: Path, **others: Any) -> MapperOrders:
    return MapperOrders(config={"rules_path": str(rules_path), **others})


CONFIG = Path(__file__).parent / "config"


def test_a_file_is_complete_when_its_message_is_given(
    tmp_path: Path, cartons: Path, schema_message: Any, view_properties: Any
) -> None:
    made = mapper(CONFIG, batch_config={"storage": {"root": str(tmp_path / "out")}})
    list(made.map_schema_message(schema_message("packed_products", view_properties("packed_products"))))
    for message in made.map_batch_message(batch_message("packed_products", cartons)):
        (url,) = message.to_dict()["manifest"]
        path = local_path(url)
        assert path is not None
        assert path.parent == tmp_path / "out"
        assert pq.read_table(path).num_rows == 2
        assert cartons.exists(), "the input stays until all that came of it stands"
    assert not cartons.exists()


def test_files_stay_where_cleaning_up_is_off(cartons: Path, schema_message: Any, view_properties: Any) -> None:
    made = mapper(CONFIG, clean_up_batch_files=False)
    list(made.map_schema_message(schema_message("packed_products", view_properties("packed_products"))))
    messages = [message.to_dict() for message in made.map_batch_message(batch_message("packed_products", cartons))]
    assert [message["type"] for message in messages] == ["RECORD", "RECORD"], "without batch_config: records"
    assert cartons.exists()


def test_a_broken_file_is_named(tmp_path: Path, run: Any, schema_message: Any, view_properties: Any) -> None:
    schema = schema_message("shipped", view_properties("shipped"))
    path = tmp_path / "cut off.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(ContractError, match=r"shipped: the batch file .*cut off\.parquet is no whole Parquet file"):
        run(schema, batch_message("shipped", path))
    path.unlink()
    with pytest.raises(ContractError, match=r"shipped: the batch file .*cut%20off\.parquet is not on this machine"):
        run(schema, batch_message("shipped", path))


def test_a_batch_without_a_part_of_the_envelope_is_refused_by_name(
    cartons: Path, schema_message: Any, view_properties: Any, tmp_path: Path
) -> None:
    pq.write_table(pq.read_table(cartons).drop_columns(["row_hash"]), cartons)
    made = mapper(CONFIG, batch_config={"storage": {"root": str(tmp_path)}})
    list(made.map_schema_message(schema_message("packed_products", view_properties("packed_products"))))
    with pytest.raises(ContractError, match=r"packed_products: a record breaks the contract with the tap: .*row_hash"):
        list(made.map_batch_message(batch_message("packed_products", cartons)))


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("file:///a%20b/100%25", "/a b/100%"),
        ("file:///a%23b%3Fc", "/a#b?c"),
        ("/a%20b", "/a%20b"),
        ("s3://bucket/x", None),
    ],
)
def test_a_url_is_decoded_and_a_path_is_taken_as_it_is(place: str, path: str | None) -> None:
    assert local_path(place) == (None if path is None else Path(path))


def test_a_url_that_was_never_encoded_is_found_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a%20b").touch()
    assert local_path(f"file://{tmp_path}/a%20b") == tmp_path / "a%20b"
    (tmp_path / "a b").touch()
    assert local_path(f"file://{tmp_path}/a%20b") == tmp_path / "a b"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"encoding": {"format": "jsonl"}}, "writes Parquet and no jsonl"),
        ({"storage": {"root": "s3://bucket"}}, "storage.root is no folder of this machine"),
    ],
)
def test_a_batch_config_that_cannot_be_met_is_refused(config: Any, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        batch_settings({"batch_config": config})


def test_a_relative_root_starts_at_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path / "my 100% project"))
    found = batch_settings({"batch_config": {"storage": {"root": "output/batches"}}})
    assert found is not None
    assert found.folder == tmp_path / "my 100% project" / "output" / "batches"
