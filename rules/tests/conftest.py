"""A folder of sound rules, of which a test replaces what it is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SOUND = {
    "customers": "customers:\n  - canonical: BRAND A\n",
    "sizes": "{}\n",
    "order_list_columns": "fields:\n  customer: [CUSTOMER NAME]\n",
    "wms_columns": (
        "master_order_list:\n  fields: {customer: [Customer]}\n"
        "packed_products:\n  fields: {customer: [Customer]}\n"
        "shipped:\n  fields: {customer: [Customer]}\n"
    ),
    "matching": "{}\n",
    "privacy": "{}\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write the rules: ``folder(customers="…")``."""

    def _folder(**files: str) -> Path:
        for name, text in (SOUND | files).items():
            (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
        return tmp_path

    return _folder


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the workspace."""
    return Path(__file__).parents[2]
