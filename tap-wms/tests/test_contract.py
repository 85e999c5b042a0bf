"""The SDK's contract suite, on the small warehouse."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import lgf
import pytest
from singer_sdk.testing import get_tap_test_class
from tap_wms.tap import TapWMS

# The suite asks for the streams when it is collected, before there are fixtures.
_FOLDER = tempfile.TemporaryDirectory()
_DATABASE = Path(_FOLDER.name) / "wms.db"
with closing(sqlite3.connect(_DATABASE)) as _connection:
    _connection.executescript((Path(__file__).parent / "warehouse.sql").read_text())

Suite = get_tap_test_class(
    TapWMS, config={"connections": {"wms": f"sqlite:///{_DATABASE}"}}, parse_env_config=False, catalog=None
)


# A window that is open on both sides has two nulls, which the suite would rather not see.
@pytest.mark.filterwarnings("ignore:No records were available to test")
class TestTapWMS(Suite):
    """Everything the SDK asks of a tap."""


_LGF = lgf.Lgf()
for _entity in ("order_hdr", "order_dtl", "allocation"):
    for _number in range(1, 8):
        _LGF.add(_entity, _number)

RestSuite = get_tap_test_class(
    TapWMS,
    config={"api_url": _LGF.url, "username": "reader", "password": "reader", "page_size": 3},
    parse_env_config=False,
    catalog=None,
)


class TestTapWMSRest(RestSuite):
    """The same, on entities of Oracle WMS Cloud."""
