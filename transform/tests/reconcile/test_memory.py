"""Frames give their memory back, and texts that were put together of pieces are joined once."""

from __future__ import annotations

import platform
import subprocess
import sys

import pandas as pd
import pytest
from recon import memory
from recon.frames import in_one_piece, stack

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
