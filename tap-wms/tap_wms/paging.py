"""The way through a list that changes while it is read: each page is asked for by the last row, not by a link.

A row that changes moves to the end of `ordering=mod_ts,id`, and the rows behind it slide forward. A page number would
then skip a row, and so would a cursor that counts the rows of one moment, which is how such cursors commonly work and
what Oracle does not rule out. So `next_page` only tells that there is more, in both page modes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
from singer_sdk.pagination import BaseAPIPaginator

from tap_wms.api import variable
from tap_wms.clock import in_query
from tap_wms.errors import TapError

if TYPE_CHECKING:
    import requests

    from tap_wms.clock import FacilityClock

#: Times are written with microseconds or, by some fields, less ("Input Data Types", WMS REST API Guide 25C), so rows
#: that show one time may lie this far apart.
PRECISION = dt.timedelta(milliseconds=1)


class _Row(msgspec.Struct):
    id: int | str | None = None
    mod_ts: str | None = None


class _Page(msgspec.Struct):
    next_page: str | None = None
    results: list[_Row] = []


_page = msgspec.json.Decoder(_Page)


def require_same_host(link: str, url: str) -> None:
    """Refuse a `next_page` that leads elsewhere: an answer that points to another host is not the API's own.

    Args:
        link: The `next_page` of an answer.
        url: The address that answered.

    Raises:
        TapError: It leads to another host or port.
    """
    here, there = urlsplit(url), urlsplit(urljoin(url, link))
    # The scheme may differ: a server behind a proxy may not know that it is reached by https.
    if (there.hostname, _port(there)) != (here.hostname, _port(here)):
        raise TapError(
            f"the API's next_page leads to {there.netloc.rpartition('@')[2]}, not to {here.netloc}; it is not followed "
            f"and gets no login; check {variable('api_url')}"
        )


def _port(parts: SplitResult) -> int | None:
    return None if parts.port in {80, 443} else parts.port


@dataclass(frozen=True)
class Place:
    """Where a page starts: a filter, no number.

    Attributes:
        since: The first moment; `None` is the list's beginning.
        until: The first moment not wanted, where many rows show the one moment `since`.
        after_id: The id before the first; with `until`, or where the entity has no `mod_ts`.
    """

    since: dt.datetime | None
    until: dt.datetime | None = None
    after_id: int | str | None = None

    def params(self) -> dict[str, str]:
        """Return the filter as the API takes it."""
        params = {}
        if self.since is not None:
            params["mod_ts__gte"] = in_query(self.since)
        if self.until is not None:
            params["mod_ts__lt"] = in_query(self.until)
        if self.after_id is not None:
            params["id__gt"] = str(self.after_id)
        return params


class PlacePaginator(BaseAPIPaginator[Place]):
    """Each page is the first of the list from the last row's moment on.

    Rows of that moment come twice and are told by id and time. A page that is all one moment would come for ever: then
    that moment's rows are read by id, and the list goes on behind it.
    """

    def __init__(self, start: Place, clock: FacilityClock, *, by_id: bool) -> None:
        """Start at a place.

        Args:
            start: The first page.
            clock: Reads the rows' times.
            by_id: The entity has no `mod_ts`, and is ordered by id.
        """
        super().__init__(start)
        self._clock = clock
        self._by_id = by_id

    def get_next(self, response: requests.Response) -> Place | None:
        """Return where the next page starts; `None` behind the last.

        Raises:
            TapError: The list does not move on, or the page cannot be understood.
        """
        here = self.current_value
        try:
            page = _page.decode(response.content)
        except msgspec.ValidationError as error:
            raise TapError(f"the API's page is not of the documented form: {error}") from None
        if page.next_page:
            require_same_host(page.next_page, response.url)
        if not page.next_page or not page.results:
            return None if here.until is None else Place(here.until)
        last = page.results[-1]
        if self._by_id or here.until is not None:
            if here.after_id is not None and str(last.id) == str(here.after_id):
                raise TapError("the API gives the same page again: it does not filter by id__gt")
            return Place(here.since, here.until, last.id)
        if last.mod_ts is None:
            raise TapError("a row before the last page has no mod_ts to go on from")
        moment = self._clock.read(last.mod_ts, after=here.since).astimezone(dt.UTC)
        first = page.results[0].mod_ts
        if first is not None and moment - self._clock.read(first, after=here.since) < PRECISION:
            # All of one moment; it may have begun on the page before, so it is read from its first id.
            since = min(moment, self._clock.read(first, after=here.since).astimezone(dt.UTC))
            return Place(since, until=moment + PRECISION)
        return Place(moment)
