"""The sample that all tests here look at, made once in the size the demo has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from made_sample import Made, make_demo_sample  # noqa: E402


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_demo_sample(tmp_path_factory.mktemp("sample"))
