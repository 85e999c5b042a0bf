"""Whatever is upserted, in whatever batches and runs, the table is what a Python dict would be."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEYS = st.tuples(st.sampled_from(["A", "a", "B", "", "∆]"]), st.integers(-1, 2))
VALUES = st.fixed_dictionaries({"qty": st.none() | st.integers(-5, 5), "note": st.none() | st.text(max_size=3)})
RUNS = st.lists(st.lists(st.tuples(KEYS, VALUES), max_size=12), min_size=1, max_size=3)
PROPERTIES = {
    "style": {"type": "string", "maxLength": 20},
    "line": {"type": "integer"},
    "qty": {"type": ["integer", "null"]},
    "note": {"type": ["string", "null"], "maxLength": 10},
}


@pytest.mark.parametrize("atomic", [False, True], ids=["batches", "atomic"])
@settings(max_examples=settings.default.max_examples // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS, batch=st.integers(1, 5))
def test_any_sequence_of_upserts_equals_a_dict(database, messages, atomic, runs, batch):
    stream = f"upserted_{uuid.uuid4().hex}"
    expected = {}
    for run in runs:
        records = [{"style": key[0], "line": key[1], **values} for key, values in run]
        expected |= dict(run)
        database.load(
            messages(stream, PROPERTIES, records, keys=["style", "line"]),
            load_method="upsert",
            atomic=atomic,
            batch_size_rows=batch,
        )
    rows = [{"style": key[0], "line": key[1], **values} for key, values in expected.items()]
    assert database.rows(stream) == sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
