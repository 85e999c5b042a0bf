"""One item on a Monday.com board that shows how the last run went, with an update for every piece of news."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from order_reports.notify import messages
from order_reports.notify.messages import Message
from order_reports.notify.monday_api import MondayApi
from order_reports.notify.news import News
from order_reports.notify.patience import NotSentError, Sent
from order_reports.notify.settings import Channels

TYPES: Final = {"status": "status", "ran_at": "date", "report": "link", "workbook": "file"}
"""The type of column that can show it; every other name is a number."""
NUMBERS: Final = "numbers"

COLUMNS: Final = (
    "query ($board: [ID!]) { boards(ids: $board) { id name groups { id title } columns { id title type } } }"
)
ITEM: Final = "query ($item: [ID!]) { items(ids: $item, exclude_nonactive: true) { id board { id } } }"
FIND: Final = (
    "query ($board: ID!, $name: String!) { items_page_by_column_values("
    'board_id: $board, limit: 1, columns: [{column_id: "name", column_values: [$name]}]) { items { id } } }'
)
CREATE: Final = (
    "mutation ($board: ID!, $group: String, $name: String!) { "
    "create_item(board_id: $board, group_id: $group, item_name: $name) { id } }"
)
CHANGE: Final = (
    "mutation ($board: ID!, $item: ID!, $values: JSON!) { change_multiple_column_values("
    "board_id: $board, item_id: $item, column_values: $values, create_labels_if_missing: true) { id } }"
)
UPDATE: Final = "mutation ($item: ID!, $body: String!) { create_update(item_id: $item, body: $body) { id } }"


@dataclass(frozen=True)
class Monday:
    """The channel Monday.com. Its columns show every run, also one whose news is known."""

    settings: Channels
    name: str = "monday"
    kind: str = "monday"
    shows: bool = True

    def send(self, message: Message) -> Sent:
        """Bring the item up to date; where the news is not known yet, add an update and the workbook.

        Args:
            message: what to say, and the id of the item where one was made.

        Returns:
            The item's id, and why the workbook could not be uploaded.

        Raises:
            NotSentError: something was refused; it carries the item's id, if there is one by then.
        """
        api, board = self._api(), self.settings.monday_board_id
        item = self._item(api, message.external_id)
        warning = None
        try:
            values = column_values(message.news, self.settings.monday_columns)
            if values:
                api.ask(CHANGE, {"board": board, "item": item, "values": json.dumps(values)})
            if not message.known:
                warning = self._update(api, item, message)
        except NotSentError as error:
            error.external_id = item
            raise
        return Sent(item, warning)

    def prove(self) -> list[str]:
        """Compare the settings with the board.

        Returns:
            One line that names the board.

        Raises:
            NotSentError: the board, a column or a group is not there, or of another type; near names are told.
        """
        settings = self.settings
        boards = self._api().ask(COLUMNS, {"board": [settings.monday_board_id]}).get("boards") or []
        if not boards:
            msg = (
                f"monday_board_id {settings.monday_board_id}: there is no such board for this token. The number stands "
                "in the board's address, and the token's user has to be a member of it."
            )
            raise NotSentError(msg)
        board = boards[0]
        wrong = [
            *_wrong_columns(settings.monday_columns, board.get("columns") or []),
            *_wrong_group(settings.monday_group_id, board.get("groups") or []),
        ]
        if wrong:
            raise NotSentError(f"board {board.get('name')!r}: " + "; ".join(wrong) + ".")
        return [f"monday board {board.get('name')!r}: every column is there"]

    def _api(self) -> MondayApi:
        if self.settings.monday_api_token is None:
            msg = "monday_api_token is not set."
            raise NotSentError(msg)
        return MondayApi(self.settings.monday_api_url.rstrip("/"), self.settings.monday_api_token)

    def _item(self, api: MondayApi, remembered: str | None) -> str:
        """Find the item: the one that was made before, one of its name, or a new one."""
        board = str(self.settings.monday_board_id)
        if remembered:
            found = api.ask(ITEM, {"item": [remembered]}).get("items") or []
            if any(str((one.get("board") or {}).get("id")) == board for one in found):
                return remembered
        name = self.settings.monday_item_name
        page = api.ask(FIND, {"board": board, "name": name}).get("items_page_by_column_values") or {}
        if page.get("items"):
            return _id(page["items"][0])
        variables = {"board": board, "group": self.settings.monday_group_id, "name": name}
        return _id(api.ask(CREATE, variables, again=False).get("create_item"))

    def _update(self, api: MondayApi, item: str, message: Message) -> str | None:
        """Add an update, and the workbook where that is asked for.

        Returns:
            Why the workbook is missing. The update stands by then, so the news is told all the same.
        """
        body = messages.summary(message)
        update = _id(api.ask(UPDATE, {"item": item, "body": body}, again=False).get("create_update"))
        workbook = message.workbook
        if workbook is None or self.settings.monday_upload == "no":
            return None
        if self.settings.monday_upload == "update":
            place = f"add_file_to_update(update_id: {update}, file: $file)"
        else:
            column = json.dumps(self.settings.monday_columns["workbook"])
            place = f"add_file_to_column(item_id: {item}, column_id: {column}, file: $file)"
        try:
            api.upload(f"mutation ($file: File!) {{ {place} {{ id }} }}", workbook.name, workbook.content)
        except NotSentError as error:
            return f"The workbook was not uploaded. {error}"
        return None


def column_values(news: News, columns: Mapping[Any, str]) -> dict[str, Any]:
    """Write the news as the columns' values.

    Args:
        news: the news; one without figures leaves the numbers on the board as they are.
        columns: what is shown, to column id.

    Returns:
        Column id to value, as the API takes it.
    """
    values: dict[str, Any] = {}
    for shown, column in columns.items():
        if shown == "status":
            values[column] = {"label": news.status}
        elif shown == "ran_at" and news.run:
            values[column] = {"date": f"{news.run.as_of:%Y-%m-%d}", "time": f"{news.run.as_of:%H:%M:%S}"}
        elif shown == "report" and news.link:
            values[column] = {"url": news.link, "text": "Open the report"}
        elif shown in news.numbers:
            values[column] = str(news.numbers[shown])
    return values


def _wrong_columns(columns: Mapping[Any, str], there: Sequence[Mapping[str, Any]]) -> list[str]:
    types = {str(one["id"]): str(one.get("type")) for one in there}
    titles = {str(one.get("title")): str(one["id"]) for one in there}
    wrong = []
    for shown, column in columns.items():
        fit = TYPES.get(shown, NUMBERS)
        if column not in types:
            near = difflib.get_close_matches(column, [*types, *titles], n=3, cutoff=0.5)
            ids = dict.fromkeys(titles.get(one, one) for one in near)
            like = f"; near it: {', '.join(ids)}" if ids else f"; there are: {', '.join(types)}"
            wrong.append(f"monday_columns.{shown}: there is no column {column!r}{like}")
        elif types[column] != fit:
            wrong.append(f"monday_columns.{shown}: column {column!r} is of type {types[column]}, not {fit}")
    return wrong


def _wrong_group(group: str | None, there: Sequence[Mapping[str, Any]]) -> list[str]:
    ids = [str(one["id"]) for one in there]
    if group is None or group in ids:
        return []
    return [f"monday_group_id: there is no group {group!r}; there are: {', '.join(ids)}"]


def _id(made: object) -> str:
    """Read the id of what was made; it goes into a query as it is, so it has to be a number."""
    found = str(made.get("id")) if isinstance(made, dict) else ""
    if not found.isdecimal():
        msg = "Monday.com answered without an id."
        raise NotSentError(msg)
    return found
