"""The item on a Monday.com board: made once, kept up to date, and every way in which Monday.com refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from .conftest import COLUMNS, ERRORS, TOKEN, Board

Notify = Callable[..., Result]
Tell = Callable[..., str]


@pytest.fixture
def excel(monday: Any, invoke: Callable[..., Result], report_path: Path) -> Path:
    """The workbook of the run."""
    monday.save()
    assert invoke("excel").exit_code == 0
    return report_path


REFUSED = {
    "not-authenticated": "401: Not Authenticated: check monday_api_token (request_id req-4712)",
    "user-unauthorized": "UserUnauthorizedException: User unauthorized to perform action: the token's user has to be",
    "user-unauthorized-old": "403 UserUnauthorizedException: User unauthorized to perform action",
    "invalid-column": "InvalidColumnIdException: This column ID doesn't exist for the board: `reports check` compares",
    "invalid-board": "InvalidBoardIdException: invalid board id",
    "column-value": "ColumnValueException: invalid value - label does not exist in column",
    "partial-data": "ResourceNotFoundException: Item not found (request_id req-4713)",
    "validation": "400: Field 'nothing' doesn't exist on type 'Mutation' (request_id req-4711)",
    "json-parse": "400 JsonParseException: Syntax error in JSON input (request_id none)",
    "no-data": "200: no data came (request_id req-4711)",
    "daily-limit": "429 DAILY_LIMIT_EXCEEDED: Daily limit exceeded. The account's calls of the day are used up",
}
"""What is not asked again, and what is said of it."""

WAITED = {
    "complexity-budget": 7,
    "complexity-budget-in-200": 5,
    "complexity-exception": 3,
    "minute-limit": 12,
    "ip-limit": 30,
    "field-limit": 15,
    "concurrency-limit": None,
    "temporarily-blocked": None,
    "resource-locked": None,
    "internal-error": None,
    "bad-gateway": None,
    "no-json": None,
}
"""What is asked again, after so many seconds; ``None``: nobody says."""


def test_every_refusal_that_is_kept_is_expected() -> None:
    assert {path.stem for path in ERRORS.glob("*.json")} == {*REFUSED, *WAITED}
    assert not {*REFUSED} & {*WAITED}


def test_an_item_is_made_filled_and_told_once(tell: Tell, board: Board, remembered: Any) -> None:
    said = tell()
    assert said == "monday: sent, because you hear of every run with something new\n"
    assert board.asked == [
        "items_page_by_column_values",
        "create_item",
        "change_multiple_column_values",
        "create_update",
    ]
    [item] = board.items.values()
    assert item["name"] == "Order audit"
    assert item["status"] == {"label": "Warning"}
    assert item["date4"] == {"date": "2026-03-16", "time": "04:12:00"}
    assert item["link7"] == {"url": "https://reports.example/order-audit.html", "text": "Open the report"}
    assert int(item["numbers2"]) > 0
    assert item["numbers4"] == "0"
    assert "files9" not in item
    [update] = board.updates
    assert "<strong>Warning.</strong>" in update
    assert "orders/birchline.xlsx could not be read again" in update
    assert {(one["authorization"], one["api-version"]) for one in board.headers} == {(TOKEN, "2026-10")}
    [row] = remembered()
    assert (row["channel"], row["status"], row["external_id"], row["error"]) == ("monday", "sent", "5000", None)


def test_the_same_news_is_shown_again_but_not_told(tell: Tell, board: Board, run_again: Any, remembered: Any) -> None:
    tell()
    run_again(2)
    said = tell()
    assert said == "monday: figures brought up to date; told before\n"
    assert board.asked[4:] == ["items", "change_multiple_column_values"]
    assert board.items["5000"]["date4"] == {"date": "2026-03-16", "time": "06:12:00"}
    assert len(board.updates) == 1
    assert [row["status"] for row in remembered()] == ["sent", "repeated"]


def test_an_item_that_was_deleted_is_made_anew(tell: Tell, board: Board, failed_run: Any, remembered: Any) -> None:
    tell()
    board.items = {"1": {"name": "another"}}
    failed_run()
    tell()
    assert board.asked[4:7] == ["items", "items_page_by_column_values", "create_item"]
    assert board.items["5001"]["status"] == {"label": "Failed"}
    assert remembered()[-1]["external_id"] == "5001"


def test_an_item_of_that_name_is_taken_where_nothing_is_remembered(
    notify: Notify, board: Board, monday_settings: dict[str, str]
) -> None:
    board.items["4711"] = {"name": "Order audit", "group": None}
    settings = {**monday_settings, "REPORTS_WAREHOUSE_URL": "sqlite:///nowhere.db"}
    notify("--failed", **settings)
    assert "create_item" not in board.asked
    assert board.items["4711"]["status"] == {"label": "Failed"}


def test_a_failure_leaves_the_figures_that_are_published(tell: Tell, board: Board, failed_run: Any) -> None:
    tell()
    before = dict(board.items["5000"])
    failed_run()
    tell("--failed")
    after = board.items["5000"]
    assert after["status"] == {"label": "Failed"}
    assert after["date4"] != before["date4"]
    assert {name: after[name] for name in before if name.startswith("numbers")} == {
        name: before[name] for name in before if name.startswith("numbers")
    }
    assert "The books of orders don&#39;t balance." in board.updates[-1]


@pytest.mark.parametrize(("upload", "operation"), [("update", "add_file_to_update"), ("column", "add_file_to_column")])
def test_the_workbook_is_uploaded_when_asked(
    tell: Tell, board: Board, excel: Path, upload: str, operation: str
) -> None:
    tell(REPORTS_MONDAY_UPLOAD=upload)
    assert board.asked[-1] == operation
    [(name, content)] = board.files
    assert (name, content) == ("order-audit.xlsx", excel.read_bytes())


@pytest.mark.usefixtures("excel")
def test_a_workbook_that_cannot_be_uploaded_does_not_make_the_update_twice(
    tell: Tell, board: Board, remembered: Any
) -> None:
    board.refuse("user-unauthorized", operation="add_file_to_update")
    said = tell(REPORTS_MONDAY_UPLOAD="update")
    assert "The workbook was not uploaded. Monday.com answered 200 UserUnauthorizedException" in said
    assert remembered()[-1]["status"] == "sent"
    tell(REPORTS_MONDAY_UPLOAD="update")
    assert len(board.updates) == 1


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_is_told_and_not_asked_again(
    tell: Tell, board: Board, remembered: Any, waited: list[float], name: str
) -> None:
    board.refuse(name)
    said = tell()
    assert "Error: monday: not sent. Monday.com answered" in said
    assert REFUSED[name] in said
    assert waited == []
    assert board.asked.count("change_multiple_column_values") == 1
    [row] = remembered()
    assert (row["status"], row["external_id"]) == ("failed", "5000")
    assert REFUSED[name] in row["error"]
    # The next run tries anew, on the item that was made.
    again = tell()
    assert again.startswith("monday: sent")
    assert list(board.items) == ["5000"]


@pytest.mark.parametrize("name", sorted(WAITED))
def test_what_may_succeed_later_is_asked_again_as_told(
    tell: Tell, board: Board, waited: list[float], name: str
) -> None:
    board.refuse(name, name)
    said = tell()
    assert "monday: sent" in said
    assert board.asked.count("change_multiple_column_values") == 3
    expected = WAITED[name]
    if expected is None:
        assert 0.5 <= waited[0] <= 1
        assert 1 <= waited[1] <= 2
    else:
        assert waited == [expected, expected]


def test_patience_ends(tell: Tell, board: Board, waited: list[float]) -> None:
    board.refuse(*["ip-limit"] * 10)
    assert "IP_RATE_LIMIT_EXCEEDED: IP rate limit exceeded" in tell()
    assert sum(waited) == 180
    waited.clear()
    board.refusals.clear()
    board.refuse(*["internal-error"] * 10)
    assert "INTERNAL_SERVER_ERROR" in tell()
    assert len(waited) == 3


@pytest.mark.parametrize(("operation", "name"), [("create_item", "bad-gateway"), ("create_update", "internal-error")])
def test_what_would_be_made_twice_is_not_asked_again_where_nobody_knows_whether_it_was_made(
    tell: Tell, board: Board, waited: list[float], operation: str, name: str
) -> None:
    board.refuse(name, operation=operation)
    assert "not sent" in tell()
    assert waited == []
    assert board.asked.count(operation) == 1
    board.refuse("complexity-budget", operation=operation)
    assert "monday: sent" in tell()
    assert waited == [7]


def test_a_board_that_cannot_be_reached_is_told(tell: Tell, waited: list[float]) -> None:
    said = tell(REPORTS_MONDAY_API_URL="http://127.0.0.1:1/v2")
    assert "Monday.com cannot be reached at monday_api_url http://127.0.0.1:1/v2" in said
    assert len(waited) == 3
    assert TOKEN not in said


def test_check_compares_the_columns_with_the_board(
    invoke: Callable[..., Result], board: Board, monday_settings: dict[str, str]
) -> None:
    good = invoke("check", **monday_settings)
    assert good.exit_code == 0
    assert "ok: monday board 'Audit': every column is there" in good.output
    columns = {**COLUMNS, "status": "statu", "review": "date4", "report": "nothing like it"}
    bad = invoke(
        "check",
        **{**monday_settings, "REPORTS_MONDAY_COLUMNS": json.dumps(columns), "REPORTS_MONDAY_GROUP_ID": "topic"},
    )
    assert bad.exit_code == 1
    assert "monday_columns.status: there is no column 'statu'; near it: status" in bad.output
    assert "monday_columns.review: column 'date4' is of type date, not numbers" in bad.output
    assert "monday_columns.report: there is no column 'nothing like it'; there are: status, date4" in bad.output
    assert "monday_group_id: there is no group 'topic'; there are: topics" in bad.output
    gone = invoke("check", **{**monday_settings, "REPORTS_MONDAY_BOARD_ID": "78"})
    assert "monday_board_id 78: there is no such board for this token" in gone.output
    board.refuse("not-authenticated", operation="boards")
    refused = invoke("check", **monday_settings)
    assert "FAILED: monday: Monday.com answered 401: Not Authenticated: check monday_api_token" in refused.output
    assert board.asked == ["boards"] * 4
