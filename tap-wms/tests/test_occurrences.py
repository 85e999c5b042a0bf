"""Equal rows of a load are told apart by a number, however many rows lie between them and wherever those are kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_wms import occurrences, rows
from tap_wms.errors import TapError
from tap_wms.occurrences import DIGEST_BYTES, Occurrences


def digest(value):
    return hashlib.sha256(str(value).encode()).digest()[:DIGEST_BYTES]


def expected(digests):
    """What a dictionary of all of them says."""
    seen = Counter()
    numbers = []
    for one in digests:
        numbers.append(seen[one])
        seen[one] += 1
    return numbers


def numbered(digests, *, in_memory, size):
    with closing(Occurrences(in_memory)) as made:
        return [n for at in range(0, len(digests), size) for n in made.number(digests[at : at + size])]


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 50), st.integers(1, 30))
def test_numbers_are_those_of_a_dictionary_however_few_digests_stand_in_memory(values, in_memory, size):
    digests = [digest(value) for value in values]
    assert numbered(digests, in_memory=in_memory, size=size) == expected(digests)


# Digests that share their first bytes share their bit of the filter and their part of the file.
@given(st.lists(st.binary(min_size=1, max_size=1), max_size=60), st.integers(1, 9))
def test_digests_that_the_filter_takes_for_each_other_are_told_apart(ends, in_memory):
    digests = [bytes(DIGEST_BYTES - 1) + end for end in ends]
    assert numbered(digests, in_memory=in_memory, size=4) == expected(digests)


def test_a_digest_is_not_found_across_two_others():
    first, second = bytes(8) + b"12345678", bytes(8) + b"\xff" * 8
    across = first[1:] + second[:1]
    digests = [first, second, across, second, across]
    assert numbered(digests, in_memory=2, size=1) == [0, 0, 0, 1, 1]


def test_digests_of_every_part_of_the_file_are_found_again():
    digests = [digest(n) for n in range(20_000)]
    parts = [
        part.to_bytes(2, "big").ljust(DIGEST_BYTES, end) for part in (0, 15, 16, 0xFFFF) for end in (b"\0", b"\xff")
    ]
    mixed = [*digests, *parts, *digests[::7], *parts, *digests[::14]]
    assert numbered(mixed, in_memory=3_000, size=1_000) == expected(mixed)


def test_no_more_digests_stand_in_memory_than_the_bound_and_one_part():
    most = 0
    with closing(Occurrences(in_memory=500)) as made:
        for at in range(0, 50_000, 100):
            made.number([digest(n) for n in range(at, at + 100)])
            most = max(most, len(made._seen))
        assert made.number([digest(0), digest(49_999)]) == [1, 1]
    assert most < 600


def test_a_view_of_more_rows_than_stand_in_memory_has_the_same_records(read_wms, warehouse, monkeypatch):
    """Two views' worth of equal rows, far apart: each is told from the other as in memory."""
    warehouse.run(
        "CREATE VIEW v_many AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999)"
        " SELECT 'C-' || (i % 2500) AS carton, i % 5 AS Qty FROM n"
    )
    view = {"stream": "packed_products", "table": "v_many"}
    readings = []
    for in_memory in (10**6, 700):
        monkeypatch.setattr(rows, "Occurrences", lambda in_memory=in_memory: Occurrences(in_memory))
        records = read_wms(views=[view]).records("packed_products")
        readings.append([json.dumps(record | {"load_id": None}) for record in records])
    assert readings[0] == readings[1]
    assert Counter(json.loads(text)["occurrence"] for text in readings[1]) == {0: 2500, 1: 2500, 2: 1000}


def test_a_full_disk_is_told_in_one_line():
    with closing(Occurrences(in_memory=1_000)) as made:
        made.number([digest(n) for n in range(1_000)])
        made._earlier._database.execute("PRAGMA max_page_count = 1")  # as many as there are
        with pytest.raises(TapError, match=r"database or disk is full; make room, or name another .* in TMPDIR$"):
            made.number([digest(n) for n in range(1_000, 200_000)])


def test_a_temporary_file_that_cannot_be_made_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(occurrences, "_TABLES", "PRAGMA no_such; CREATE TABLE no_such.once (part)")
    with closing(Occurrences(in_memory=1)) as made, pytest.raises(TapError, match="cannot keep in a temporary file"):
        made.number([digest(1)])


#: Says which open files have no name any more.
MANY = """
import hashlib, os, pathlib
from tap_wms import occurrences

occurrences._TABLES = occurrences._TABLES.replace("cache_size = -4096", "cache_size = -64")
made = occurrences.Occurrences(1_000)
for at in range(0, 20_000, 1_000):
    made.number([hashlib.sha256(b"%d" % n).digest()[:16] for n in range(at, at + 1_000)])
links = [f"/proc/self/fd/{number}" for number in range(3, 32)]
opened = [os.readlink(link) for link in links if os.path.lexists(link)]
print(*[name for name in opened if name.endswith(" (deleted)")], sep="\\n", flush=True)
os._exit(9)
"""


def test_the_file_lies_where_tmpdir_says_and_is_gone_when_the_program_is_killed(tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "SQLITE_TMPDIR"} | {"TMPDIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", MANY], env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 9, ended.stderr
    assert ended.stdout.startswith(f"{tmp_path}/")
    assert not list(tmp_path.iterdir())
