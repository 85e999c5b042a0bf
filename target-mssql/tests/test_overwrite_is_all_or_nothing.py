"""An overwrite that fails at any of its statements leaves the rows that were there, and emits no state."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa
from target_mssql.dialects import dialect_for

PROPERTIES = {"id": {"type": "integer"}, "qty": {"type": "integer"}}
OLD = [{"id": 1, "qty": 10}, {"id": 2, "qty": 20}]
NEW = [{"id": 2, "qty": 21}, {"id": 3, "qty": 30}, {"id": 2, "qty": 22}]


class InjectedError(Exception):
    """What the test raises instead of a statement."""


@pytest.fixture
def failing_at(monkeypatch, database):
    """Let the engines made from now on fail at their n-th statement, or at the n-th commit."""

    def arm(number, event):
        counted = itertools.count(1)
        kind = type(dialect_for(sa.make_url(database.url)))
        make = kind.engine

        def fail(*_args):
            if next(counted) == number:
                raise InjectedError(f"{event} {number}")

        def engine(self, authentication):
            made = make(self, authentication)
            sa.event.listen(made, event, fail)
            return made

        monkeypatch.setattr(kind, "engine", engine)
        return counted

    yield arm
    monkeypatch.undo()


@pytest.mark.parametrize("event", ["before_cursor_execute", "after_cursor_execute", "commit"])
def test_a_fault_at_any_statement_leaves_the_old_rows(database, messages, failing_at, monkeypatch, event):
    overwrite = {"load_method": "overwrite", "batch_size_rows": 2}
    database.load(messages("lines", PROPERTIES, OLD, keys=["id"]), **overwrite)
    lines = [*messages("lines", PROPERTIES, NEW, keys=["id"]), {"type": "STATE", "value": {"at": 3}}]
    failed = 0
    for number in range(1, 200):
        failing_at(number, event)
        run = database.run(lines, **overwrite)
        monkeypatch.undo()
        if run.error is None:
            break
        assert isinstance(run.error, InjectedError)
        assert run.states == []
        rows = database.rows("lines")
        # the rows are replaced by the commit: a fault after it comes too late to leave the old ones
        assert rows in (OLD, [{"id": 2, "qty": 22}, {"id": 3, "qty": 30}])
        if rows != OLD:
            database.load(messages("lines", PROPERTIES, OLD, keys=["id"]), **overwrite)
        failed += 1
    assert failed >= (3 if event == "commit" else 10)
    assert database.rows("lines") == [{"id": 2, "qty": 22}, {"id": 3, "qty": 30}]


def test_no_staging_table_is_left_in_the_database(database, messages, failing_at, monkeypatch):
    database.load(messages("lines", PROPERTIES, OLD, keys=["id"]), load_method="overwrite")
    failing_at(12, "before_cursor_execute")
    database.run(messages("lines", PROPERTIES, NEW, keys=["id"]), load_method="overwrite", batch_size_rows=1)
    monkeypatch.undo()
    assert database.names() == ["lines"]
