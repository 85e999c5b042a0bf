"""Times of the REST API: those without a zone are in the zone of the API user's default facility."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tap_wms.api import variable
from tap_wms.errors import TapError

if TYPE_CHECKING:
    import zoneinfo


class FacilityClock:
    """Reads date-times as Oracle WMS Cloud writes them."""

    def __init__(self, zone: zoneinfo.ZoneInfo | None) -> None:
        """Make a clock for the zone of times without one; `None` refuses such times."""
        self._zone = zone

    def read(self, text: str, *, after: dt.datetime | None = None) -> dt.datetime:
        """Return the moment of a date-time.

        Args:
            text: ISO 8601, with or without an offset.
            after: The moment of the row before, in an ordered list. An hour that the end of summer time repeats is
                read as its second passing where its first would lie before this.

        Raises:
            ValueError: It is no date-time.
            TapError: It has no zone, and none is set.
        """
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
        if self._zone is None:
            # UTC by default would silently skip rows wherever the facility's clock is ahead of it.
            raise TapError(
                f"the API gives times without a zone, such as {text}; set {variable('facility_timezone')} to the zone "
                "of the API user's default facility, like America/New_York"
            )
        moment = moment.replace(tzinfo=self._zone)
        if after is not None and moment.astimezone(dt.UTC) < after:
            moment = moment.replace(fold=1)
        return moment

    def text(self, text: str) -> str:
        """Return a date-time with its offset: as it is where it has one, else with that of the facility then.

        Raises:
            ValueError: It is no date-time.
            TapError: It has no zone, and none is set.
        """
        moment = self.read(text)
        return text if text[-1] == "Z" or text[-6] in "+-" else moment.isoformat()


def in_query(moment: dt.datetime) -> str:
    """Return a moment as a filter's value, with its offset, so that no zone is guessed."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def in_state(moment: dt.datetime) -> str:
    """Return a moment as a bookmark."""
    return in_query(moment).replace("+00:00", "Z")
