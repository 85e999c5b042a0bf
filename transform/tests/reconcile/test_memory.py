"""Frames give their memory back, and texts that were put together of pieces are joined once."""

from __future__ import annotations

import platform
import subprocess
import sys

import pandas as pd
import pytest
import sqlalchemy as sa
from recon import frames, memory
from recon.frames import in_one_piece, read, stack
from recon.publish import publish

# Blocks of 2 MB below one that stays, once one of 30 MB was freed: what glibc then keeps for itself.
KEEPS = """
import sys
import numpy as np
from recon.memory import give_back_large_blocks
if sys.argv[1] == "told":
    give_back_large_blocks()
np.ones(30 << 17)
blocks = [np.ones(1 << 18) for _ in range(100)]
last = np.ones(1 << 18)
del blocks
print([int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("VmRSS")][0])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_large_block_goes_back_when_it_is_freed():
    def mib_held(told):
        return int(subprocess.check_output([sys.executable, "-c", KEEPS, told], text=True))

    assert mib_held("told") < mib_held("not told") - 150


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())

    memory.give_back_large_blocks()
    memory.give_back_now()


def test_texts_of_several_pieces_are_joined():
    pieces = pd.concat([pd.Series(["a", None], dtype="str"), pd.Series(["ü"], dtype="str")])

    joined = in_one_piece(pieces)

    pd.testing.assert_series_equal(joined, pieces)
    assert len(joined.array._pa_array.chunks) == 1
    assert len(stack(pieces, pieces).array._pa_array.chunks) == 1
    numbers = pd.Series([1, 2])
    assert in_one_piece(numbers) is numbers


ROWS = sa.Table(
    "rows", sa.MetaData(), sa.Column("id", sa.Unicode(9), primary_key=True), sa.Column("noted", sa.UnicodeText)
)


def rows(**noted):
    return pd.DataFrame({"id": pd.Series(list(noted), dtype="str"), "noted": pd.Series(noted.values(), dtype="str")})


@pytest.fixture
def connection():
    engine = sa.create_engine("sqlite://")
    with engine.begin() as found:
        ROWS.create(found)
        yield found
    engine.dispose()


def test_texts_are_read_some_at_a_time_and_are_one_column(connection, monkeypatch):
    monkeypatch.setattr(frames, "FETCH_ROWS", 2)
    publish(connection, ROWS, rows(a="x", b=None, c="", d="ü", e="x"))

    found = read(connection, list(ROWS.c), plain=["id", "noted"]).sort_values("id", ignore_index=True)

    pd.testing.assert_frame_equal(found, rows(a="x", b=None, c="", d="ü", e="x"))


def test_a_text_differs_from_another_from_none_and_from_an_empty_one(connection):
    before = {"a": "x", "b": "x", "c": None, "d": None, "e": ""}
    after = {"a": "x", "b": "y", "c": None, "d": "", "e": None}
    publish(connection, ROWS, rows(**before))

    change = publish(connection, ROWS, rows(**after, f="new"))

    assert (change.inserted, change.updated, change.deleted) == (1, 3, 0)
    assert dict(connection.execute(sa.select(ROWS)).all()) == {**after, "f": "new"}
