"""One entry of the `views` setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SETTING = "the setting `views` (TAP_WMS_VIEWS)"

DEFAULT_LOOKBACK_DAYS = 14

Parameter = str | int | float | bool


@dataclass(frozen=True)
class View:
    """One entry of `views`: a stream and the table, view or query it is read from."""

    stream: str
    connection: str | None = None
    table: str | None = None
    query_file: str | None = None
    primary_keys: tuple[str, ...] = ()
    replication_key: str | None = None
    lookback_days: int = DEFAULT_LOOKBACK_DAYS
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"view {self.table}" if self.table else f"query file {self.query_file}"
