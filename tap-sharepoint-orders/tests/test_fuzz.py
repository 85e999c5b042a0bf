"""Damaged bytes: a clean failure or a reading, never the end of the run."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_sharepoint_orders.readers import Readers
from tap_sharepoint_orders.worker import ReadOptions

BINARY = Path(__file__).parent / "binary"
OPTIONS = ReadOptions(sheet_pattern="MASTER", max_rows=1000, timeout_s=10, memory_bytes=2 * 1024**3)

DAMAGE = st.one_of(
    st.tuples(st.just("truncate"), st.floats(0, 1), st.just(0)),
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(1, 255)),
    st.tuples(st.just("blank"), st.floats(0, 1), st.integers(1, 400)),
)


def damaged(content: bytes, damage: list[tuple[str, float, int]]) -> bytes:
    result = bytearray(content)
    for kind, where, how in damage:
        if not result:
            break
        position = int(where * (len(result) - 1))
        if kind == "truncate":
            del result[position:]
        elif kind == "flip":
            result[position] ^= how
        else:
            result[position : position + how] = bytes(len(result[position : position + how]))
    return bytes(result)


@pytest.fixture(scope="module")
def workbook(tmp_path_factory, small_library) -> bytes:
    return (small_library(tmp_path_factory.mktemp("fuzz")) / "acme.xlsx").read_bytes()


@pytest.fixture(scope="module")
def readers():
    readers = Readers(OPTIONS, workers=1)
    yield readers
    readers.close()


def check(readers: Readers, name: str, content: bytes) -> None:
    with contextlib.closing(readers.begin(name, io.BytesIO(content)).result()) as answer:
        if answer.reading.error is None:
            assert len(list(answer.rows())) == answer.reading.rows <= 1000
        else:
            assert ": " in answer.reading.error
            assert answer.reading.rows == 0


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(DAMAGE, min_size=1, max_size=4))
def test_a_damaged_workbook_fails_with_a_reason_or_is_read(workbook, readers, damage):
    check(readers, "acme.xlsx", damaged(workbook, damage))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["errors.xls", "layouts.xlsb"])
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(DAMAGE, min_size=1, max_size=4))
def test_a_damaged_binary_workbook_fails_with_a_reason_or_is_read(readers, name, damage):
    check(readers, name, damaged((BINARY / name).read_bytes(), damage))


def test_a_run_over_damaged_files_says_something_of_each(tmp_path, run_tap, workbook):
    for number in range(6):
        share = number / 6
        (tmp_path / f"cut {number}.xlsx").write_bytes(damaged(workbook, [("truncate", share, 0)]))
        (tmp_path / f"flipped {number}.xlsx").write_bytes(damaged(workbook, [("flip", share, 0x55)]))
    run = run_tap()
    assert len(run.files) == 12
    assert {run.statuses[f"cut {number}.xlsx"] for number in range(6)} == {"failed"}
    assert len(run.loads) == list(run.statuses.values()).count("read")
    assert [listing["rows"] for listing in run.listings] == [12]
