"""Query files: a SELECT of the user's own, whose parameters are bound by the driver and never written into the SQL."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from tap_wms.errors import TapError
from tap_wms.view import SETTING, Parameter, View

if TYPE_CHECKING:
    from tap_wms.windows import Window

#: What an open end is bound to, so that a query compares with it as with any day: the first and the last that SQL
#: Server's DATETIME can hold.
OPEN_FROM, OPEN_TO = dt.date(1753, 1, 1), dt.date(9999, 12, 31)

WINDOW_PARAMETERS = ("window_from", "window_to")


class _CastDay(TypeDecorator[dt.date]):
    """A day for SQL Server, which reads one in text by the login's language, unless it is cast to DATE."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: dt.date | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.isoformat()

    def bind_expression(self, bindvalue: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(bindvalue, sa.DATE)


@dataclass(frozen=True)
class Query:
    """A query file as it was read.

    Attributes:
        text: The SELECT.
        parameters: Name to value of its own parameters.
        windowed: Those of `window_from` and `window_to` that it has.
    """

    text: sa.TextClause
    parameters: Mapping[str, Parameter]
    windowed: tuple[str, ...]

    def values(self, window: Window) -> dict[str, object]:
        """Return what its parameters are bound to when a window is read."""
        days = {"window_from": window.first or OPEN_FROM, "window_to": window.until or OPEN_TO}
        return {**self.parameters, **{name: days[name] for name in self.windowed}}


def read_query(view: View, dialect: str) -> Query:
    """Read a view's query file; a relative path starts at the Meltano project, or else where the tap was started.

    Args:
        view: The entry of `views`.
        dialect: The name of the SQLAlchemy dialect that will execute it.

    Raises:
        TapError: It cannot be read, or its parameters are not those of the entry in `views`.
    """
    path = Path(os.environ.get("MELTANO_PROJECT_ROOT", "."), view.query_file or "")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TapError(
            f"{view} (stream {view.stream}) cannot be read: {path.absolute()}: {reason}; "
            f"check `query_file` in {SETTING}"
        ) from None
    # A last semicolon would end the statement inside the subquery's brackets, and a comment on the last line, were
    # it not followed by a line break, hide the closing one.
    statement = sa.text(re.sub(r";(\s|--[^\n]*)*\Z", "", text) + "\n")
    named = tuple(statement.compile().params)
    windowed = tuple(name for name in WINDOW_PARAMETERS if name in named)
    _check(view, named)
    day = _CastDay() if dialect == "mssql" else sa.Date()
    typed = statement.bindparams(*(sa.bindparam(name, type_=day) for name in windowed))
    return Query(typed, view.parameters, windowed)


def _check(view: View, named: tuple[str, ...]) -> None:
    place = f"{view} (stream {view.stream})"
    if taken := sorted(set(WINDOW_PARAMETERS).intersection(view.parameters)):
        raise TapError(f"{place}: `{taken[0]}` in its `parameters` is bound by the tap; take it out of {SETTING}")
    if missing := [f":{name}" for name in named if name not in {*WINDOW_PARAMETERS, *view.parameters}]:
        raise TapError(
            f"{place} has {', '.join(missing)}, which its `parameters` in {SETTING} do not name; add the value there, "
            f"or, where it is no parameter, write \\{missing[0]}"
        )
    if unused := [name for name in view.parameters if name not in named]:
        raise TapError(f"{place} has no :{unused[0]}, which its `parameters` in {SETTING} name")
    if view.replication_key is None and (windowed := [name for name in WINDOW_PARAMETERS if name in named]):
        raise TapError(
            f"{place} has :{windowed[0]}, but is read whole: name its `replication_key` in {SETTING}, of whose days "
            "the windows are"
        )
