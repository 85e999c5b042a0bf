"""Damaged bytes: a clean failure or a reading, never the end of the run."""

import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_sharepoint_orders.worker import ReadOptions, WorkbookWorker

OPTIONS = ReadOptions(sheet_pattern="MASTER", max_rows=1000, timeout_s=20, memory_bytes=2 * 1024**3)

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


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(DAMAGE, min_size=1, max_size=4))
def test_a_damaged_workbook_fails_with_a_reason_or_is_read(workbook, damage):
    with tempfile.TemporaryFile() as file:
        file.write(damaged(workbook, damage))
        worker = WorkbookWorker(file, OPTIONS)
        reading = worker.result()
        if reading.error is None:
            assert len(list(worker.rows())) == reading.rows <= 2
        else:
            assert ": " in reading.error
            assert reading.rows == 0
        worker.close()


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
