"""One ``.singer`` file a behaviour, replayed through the whole mapper: the same lines in, the same lines out.

``golden/regenerate.py`` writes the answers anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"
BEHAVIOURS = sorted(path.name.removesuffix(".in.singer") for path in GOLDEN.glob("*.in.singer"))


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_the_same_lines_in_give_the_same_lines_out(replay: Any, behaviour: str) -> None:
    answer = [line.rstrip("\n") for line in replay(lines(GOLDEN / f"{behaviour}.in.singer"))]
    expected = lines(GOLDEN / f"{behaviour}.out.singer")
    for number, (got, wanted) in enumerate(zip(answer, expected, strict=False), 1):
        assert json.loads(got) == json.loads(wanted), f"line {number}"
    assert answer == expected


def test_every_golden_answer_belongs_to_an_input() -> None:
    answers = {path.name.removesuffix(".out.singer") for path in GOLDEN.glob("*.out.singer")}
    assert answers == set(BEHAVIOURS)
    assert len(BEHAVIOURS) >= 5
