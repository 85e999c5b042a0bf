"""A SQLite file read through Arrow gives the frames that its driver gives, whatever stands in its first rows."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import sqlalchemy as sa
from order_rules import tables
from recon import arrow
from recon.arrow import read_file
from recon.frames import read
from recon.warehouse.engine import connect

SHEET = sa.Table(
    "sheet",
    sa.MetaData(),
    sa.Column("line_id", tables.ID, primary_key=True),
    sa.Column("customer", tables.NAME),
    sa.Column("qty", sa.Integer, nullable=False),
    sa.Column("row_number", sa.BigInteger),
    sa.Column("price", tables.MONEY),
    sa.Column("due_on", sa.Date),
    sa.Column("read_at", tables.TIME),
)
BLANK = {"customer": None, "row_number": None, "price": None, "due_on": None, "read_at": None}
FULL = {"customer": "ÅCME, 'Å' & Söhne", "row_number": 7, "price": 2.5, "due_on": date(2026, 3, 4)}


def of_file(tmp_path, rows):
    url = f"sqlite:///{tmp_path / 'sheet.db'}"
    engine = connect(url)
    with engine.begin() as connection:
        SHEET.create(connection)
        connection.execute(SHEET.insert(), rows)
        by_driver = read(connection, list(SHEET.c), plain=["line_id"])
    engine.dispose()
    return by_driver, str(tmp_path / "sheet.db")


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(arrow, "BATCH_ROWS", 2)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("first", [BLANK, FULL | {"read_at": None}], ids=["blank", "full"])
def test_values_that_come_after_blanks_keep_their_types(tmp_path, first):
    rows = [{"line_id": f"l{number}", "qty": number} | (first if number < 5 else FULL) for number in range(9)]
    rows = [row | {"read_at": pd.Timestamp("2026-01-02 03:04:05.6") if n == 8 else None} for n, row in enumerate(rows)]
    by_driver, path = of_file(tmp_path, rows)

    found = read_file(path, list(SHEET.c), where=SHEET.c.qty >= 0, plain=["line_id"])

    pd.testing.assert_frame_equal(found, by_driver)


def test_whole_prices_are_prices(tmp_path):
    rows = [
        {"line_id": f"l{n}", "qty": n} | FULL | {"read_at": None, "price": price} for n, price in enumerate([3, 4.25])
    ]
    by_driver, path = of_file(tmp_path, rows)

    found = read_file(path, [SHEET.c.price], where=SHEET.c.qty >= 0)

    assert found["price"].to_list() == by_driver["price"].to_list() == [3.0, 4.25]


def test_no_row_gives_the_columns_all_the_same(tmp_path):
    by_driver, path = of_file(tmp_path, [{"line_id": "l", "qty": 1} | FULL | {"read_at": None}])

    found = read_file(path, list(SHEET.c), where=SHEET.c.qty > 1, plain=["line_id"])

    assert len(found) == 0
    assert list(found.columns) == list(by_driver.columns)
