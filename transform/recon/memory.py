"""Memory that is no longer used goes back to the system, of which a run over all orders needs much."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import Final

import pyarrow as pa

LARGE: Final = 1 << 20
"""Bytes from which a block is one of the system's own."""
M_MMAP_THRESHOLD: Final = -3
"""As ``malloc.h`` of glibc has it."""


def give_back_large_blocks() -> None:
    """Have the C library give each large block back as soon as it is freed.

    glibc moves the bound from which it does up to 32 MB, with the largest block that was freed
    (https://man7.org/linux/man-pages/man3/mallopt.3.html). Columns of a million rows then come from a heap that hardly
    ever shrinks. Where there is another C library, nothing is done.
    """
    _tell_malloc("mallopt", M_MMAP_THRESHOLD, LARGE)


def give_back_now() -> None:
    """Give back what Arrow and the C library keep for what may come next; a matter of milliseconds."""
    pa.default_memory_pool().release_unused()
    _tell_malloc("malloc_trim", 0)


def _tell_malloc(function: str, *values: int) -> None:
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library than glibc
            getattr(ctypes.CDLL(None), function)(*values)
