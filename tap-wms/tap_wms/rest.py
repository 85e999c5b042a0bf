"""Streams over entities of Oracle WMS Cloud: rows since the bookmark, in the order in which they changed."""

from __future__ import annotations

import datetime as dt
import email.utils
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.types import Context, Record

from tap_wms.client import LgfStream
from tap_wms.clock import in_state
from tap_wms.errors import TapError
from tap_wms.paging import PRECISION, Place, PlacePaginator
from tap_wms.records import PlainRecords
from tap_wms.shape import Shape
from tap_wms.windows import day_of

if TYPE_CHECKING:
    import requests
    from singer_sdk import Tap

    from tap_wms.client import Api
    from tap_wms.columns import JsonSchema
    from tap_wms.prefetch import Prefetch

PROGRESS_ROWS = 100_000
#: Rows read to see what an entity's values are; the rest is seen as it is read.
SAMPLE_ROWS = 100
#: How long before the newest row others are remembered, to tell the ones that come twice.
REMEMBERED = dt.timedelta(minutes=1)

# From an entity to its facility and company, for those that have none of their own. "Filtering on a related resource"
# is by `relation_id__field` ("Resource Result Set Filtering", WMS REST API Guide 25C).
_WAYS = ("", "order_id__", "order_dtl_id__order_id__")


@dataclass(frozen=True)
class Page:
    """A page of records.

    Attributes:
        records: Those not seen before, in their order.
        schema: The records' schema, where it has grown.
        bookmark: The moment up to which everything has been read for good.
    """

    records: list[Record]
    schema: JsonSchema | None
    bookmark: dt.datetime | None


class EntityStream(PlainRecords, LgfStream):
    """One entity, by default all of it at first, then what changed."""

    primary_keys = ("id",)
    STATE_MSG_FREQUENCY = sys.maxsize  # a state follows each page
    is_sorted = True

    def __init__(self, tap: Tap, name: str, api: Api, prefetch: Prefetch[Page]) -> None:
        """Describe an entity and look at its first rows.

        Args:
            tap: The tap.
            name: The entity.
            api: The login and the settings.
            prefetch: Fetches pages ahead of their use.

        Raises:
            TapError: There is no such entity, or it cannot be read.
        """
        self.api = api
        self._prefetch = prefetch
        super().__init__(tap, name=name, schema={"type": "object", "properties": {}}, path=f"{name}/")
        fields = self.describe()
        self._shape = Shape(fields, api.clock)
        self._by_id = "mod_ts" not in fields
        self._filters = self._facility_filters(fields)
        self.replication_key = None if self._by_id else "mod_ts"
        size = str(min(SAMPLE_ROWS, api.settings.page_size))
        first = {"page_mode": "sequenced", "page_size": size, "ordering": "id", **self._filters}
        self._shape.records(self._rows(self._get(self.get_url(None), first)))
        self._columns = api.settings.columns.get(name)
        self._schema = self._columns.schema() if self._columns else self._shape.schema()
        if "id" not in self._shape.columns:
            raise TapError(f"{name}: the entity has no id, so its rows cannot be told apart; take it out of `entities`")

    def _facility_filters(self, fields: Mapping[str, Any]) -> dict[str, str]:
        codes = {"company": self.api.settings.company, "facility": self.api.settings.facility}
        filters = {}
        for kind, code in codes.items():
            if code is None:
                continue
            way = next((way for way in _WAYS if (way or f"{kind}_id__").partition("__")[0] in fields), None)
            if way is None:
                raise TapError(
                    f"{self.name}: the entity has no way to its {kind}, so `{kind}_code` cannot limit it; leave the "
                    f"setting out (the API user's own {kind} rights limit it too), or the entity"
                )
            filters[f"{way}{kind}_id__code"] = code
        return filters

    def get_new_paginator(self) -> PlacePaginator:
        """Return the way through the list, from the bookmark on."""
        return PlacePaginator(Place(self.since), self.api.clock, by_id=self._by_id)

    def get_url_params(self, context: Context | None, next_page_token: Place | None) -> dict[str, Any]:  # noqa: ARG002
        """Return what a page is asked for by: paging, order and filters.

        Lists have no order unless one is asked for ("Ordering", WMS REST API Guide 23C).
        """
        settings = self.api.settings
        place = next_page_token or Place(None)
        size = settings.page_size if self.ABORT_AT_RECORD_COUNT is None else self.ABORT_AT_RECORD_COUNT + 1
        return {
            "page_mode": settings.page_mode,
            "page_size": str(size),
            # Rows of one moment, too many for a page, are read by id; see PlacePaginator.
            "ordering": "id" if self._by_id or place.until else "mod_ts,id",
            **self._filters,
            **place.params(),
        }

    @cached_property
    def since(self) -> dt.datetime | None:
        """The moment to read from: the bookmark, or else the start date."""
        if self._by_id:
            return None
        start = day_of(self.config.get("start_date"))
        zone = self.api.settings.zone or dt.UTC
        first = None if start is None else dt.datetime.combine(start, dt.time(), tzinfo=zone)
        state = self.stream_state
        if self.config["sync_mode"] == "full" or state.get("replication_key") != "mod_ts":
            return first
        try:
            bookmark = dt.datetime.fromisoformat(str(state.get("replication_key_value")))
        except ValueError:
            return first
        bookmark = bookmark if bookmark.tzinfo else bookmark.replace(tzinfo=dt.UTC)
        return bookmark if first is None else max(bookmark, first)

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read the entity from the bookmark on; the bookmark moves as each page has been written.

        Yields:
            The rows as records.

        Raises:
            TapError: The API cannot be read.
        """
        state = self.get_context_state(context)
        count = 0
        self.logger.info("reading %s", f"from {in_state(self.since)}" if self.since else "all of it")
        for page in self._ahead():
            if page.schema is not None:
                self._grow(page.schema)
            for record in page.records:
                yield record
                count += 1
                if count % PROGRESS_ROWS == 0:
                    self.logger.info("%s rows so far", f"{count:,}")
            if page.bookmark is not None and self.ABORT_AT_RECORD_COUNT is None:
                state["replication_key"], state["replication_key_value"] = "mod_ts", in_state(page.bookmark)
                self._tap.state_writer.write_state(self.tap_state)
        self.logger.info("%s rows", f"{count:,}")

    def _ahead(self) -> Iterator[Page]:
        if self.ABORT_AT_RECORD_COUNT is not None:  # `--test` wants one row and no more
            return self.pages()
        entities = [s for s in self._tap.streams.values() if isinstance(s, EntityStream) and s.selected]
        behind: list[tuple[str, Callable[[], Iterator[Page]]]] = []
        for stream in entities[entities.index(self) :]:
            _ = stream.since  # the state is read here, not in a thread while it is being written
            behind.append((stream.name, stream.pages))
        return self._prefetch.pages(self.name, behind)

    def pages(self) -> Iterator[Page]:
        """Yield the list's pages from the bookmark on, in order.

        Raises:
            TapError: The API cannot be read, or does not keep the order asked for.
        """
        paginator = self.get_new_paginator()
        newest = self.since
        bookmark = newest
        seen: OrderedDict[tuple[object, object], dt.datetime] = OrderedDict()
        while not paginator.finished:
            response = self.send(self._prepare_request(context=None, page=paginator))
            rows = []
            for row in self._rows(response):
                moment = self._moment(row, newest)
                if moment is not None:
                    newest = moment if newest is None else max(newest, moment)
                    key = (row.get("id"), row["mod_ts"])
                    if key in seen:
                        continue
                    seen[key] = moment
                rows.append(row)
            while newest is not None and seen and next(iter(seen.values())) < newest - REMEMBERED:
                seen.popitem(last=False)
            if newest is not None and paginator.current_value.until is None:
                # A page of one moment, by id, says nothing of how far the moments have been read.
                settled = min(newest, _asked_at(response) - self.api.settings.overlap)
                bookmark = settled if bookmark is None else max(bookmark, settled)
            records, grown = self._shape.records(rows)
            if self._columns:
                records, grown = [self._columns.record(record) for record in records], False
            yield Page(records, self._shape.schema() if grown else None, bookmark)
            paginator.advance(response)

    def _moment(self, row: Mapping[str, Any], newest: dt.datetime | None) -> dt.datetime | None:
        text = row.get("mod_ts")
        if self._by_id or text is None:
            return None
        try:
            moment = self.api.clock.read(str(text), after=newest).astimezone(dt.UTC)
        except ValueError:
            raise TapError(f"{self.name}: row {row.get('id')} has mod_ts {text!r}, which is no date-time") from None
        if newest is not None and moment <= newest - PRECISION:
            # A bookmark taken from such a list would leave rows out.
            raise TapError(
                f"{self.name}: row {row.get('id')} of {text} comes behind one of {in_state(newest)}, though "
                "ordering=mod_ts,id was asked for"
            )
        return moment

    def _rows(self, response: requests.Response) -> list[dict[str, Any]]:
        """Return a list's rows; none for the 404 that means so."""
        rows = self._decode(response).get("results")
        if rows is None and response.status_code == 404:  # noqa: PLR2004
            return []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TapError(f"{self.name}: the API's answer has no list of results {self._asked(response.request)}")
        return rows

    def _grow(self, schema: JsonSchema) -> None:
        """Announce the schema again: it has a column, or room in one, that the records before did not need."""
        self._schema = schema
        self._stream_maps = None
        self._tap.mapper.register_raw_stream_schema(self.name, schema, self.primary_keys)
        self._write_schema_message()

    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return nothing: the bookmark is kept behind the API's clock as it is made."""

    # The bookmark moves by pages, above: not in comparing texts of times.

    def _write_starting_replication_value(self, context: Context | None) -> None:
        pass


def _asked_at(response: requests.Response) -> dt.datetime:
    """Return when a page was asked for, by the API's clock if it says, so that ours may be wrong."""
    now = dt.datetime.now(dt.UTC)
    try:
        said = email.utils.parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        said = now
    return (said if said.tzinfo else said.replace(tzinfo=dt.UTC)) - response.elapsed
