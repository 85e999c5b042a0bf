"""The SDK's contract for targets, with the load methods that all its files allow.

Left out of `upsert`: nothing is, but the suite has streams without a key, which this target refuses to upsert (they
would silently be appended run after run), so `upsert` is tested by the behaviours beside this file instead.
"""

from __future__ import annotations

import tempfile

import pytest
from singer_sdk.testing import get_target_test_class
from target_mssql.target import TargetMSSQL

FOLDER = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _folder():
    yield
    FOLDER.cleanup()


def suite(name, **settings):
    config = {"sqlalchemy_url": f"sqlite:///{FOLDER.name}/{name}.db", **settings}
    return get_target_test_class(TargetMSSQL, config=config, parse_env_config=False)


class TestAppend(suite("append")):
    """As it is when nothing is set."""


class TestOverwriteWithMetadata(suite("overwrite", load_method="overwrite", add_record_metadata=True)):
    """With the columns `_sdc_…`, and every table replaced."""


class TestAtomicAppend(suite("atomic", atomic=True, validate_records=False)):
    """With every stream written at the clean end only, and no validation, as in our own project."""
