"""The Singer SDK's own suite: discovery, schemas, records, keys, state."""

import pytest
from singer_sdk.testing import get_tap_test_class
from tap_sharepoint_orders.tap import TapSharePointOrders

# The suite is put together before there is a folder; the fixture below names the real one.
CONFIG = {"local_path": "."}

# The windows of a load are null for workbooks: the suite finds no value to look at and says so.
pytestmark = pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _library(tmp_path_factory, small_library):
    CONFIG["local_path"] = str(small_library(tmp_path_factory.mktemp("library")))


TestSingerContract = get_tap_test_class(TapSharePointOrders, config=CONFIG)
