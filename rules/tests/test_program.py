"""What programs ask of themselves: the hash of their source, and the collector left off and put back."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from order_rules.program import no_garbage_collection, program_hash, source_hash


def test_a_change_of_content_or_name_is_told(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a = 1\n")
    other.write_text("a = 1\n")
    before = source_hash([one])
    assert len(before) == 32
    assert before != source_hash([other])
    one.write_text("a = 2\n")
    assert source_hash([one]) != before


def test_a_program_is_its_files_that_count_and_the_rules_own(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "own.py").write_text("a = 1\n")

    def found(*suffixes: str) -> str:
        program_hash.cache_clear()
        return program_hash(tmp_path, suffixes or (".py",))

    before, with_style = found(), found(".py", ".css")
    (tmp_path / "page.css").write_text("a {}\n")
    assert found() == before
    assert found(".py", ".css") != with_style
    (tmp_path / "part" / "own.py").unlink()
    assert found() != before


def fail_without_collecting() -> None:
    with no_garbage_collection():
        assert not gc.isenabled()
        raise ZeroDivisionError


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_put_back_as_it_was_after_an_error_too(was_on: bool) -> None:
    before = gc.isenabled()
    (gc.enable if was_on else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError):
            fail_without_collecting()
        assert gc.isenabled() is was_on
    finally:
        (gc.enable if before else gc.disable)()
