"""``order-reports notify`` as jobs and failure hooks call it: what it knows, what it remembers, what it never shows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from order_reports.notify.patience import Sent
from order_reports.notify.settings import Channels
from order_rules import tables

from .conftest import PASSWORD, TOKEN, Board, Mailbox

STARTED = datetime(2026, 3, 16, 8, 30)
WEBHOOK = "json://user:h00k-pass@127.0.0.1:1/h00k-path?x=h00k-value"


@pytest.fixture
def update(tell: Callable[..., str], board: Board) -> Callable[..., str]:
    """Tell of a failure; what the update on the board says."""

    def run(*arguments: str, **environment: str) -> str:
        tell("--failed", *arguments, **environment)
        assert board.items["5000"]["status"] == {"label": "Failed"}
        return board.updates[-1]

    return run


def load(monday: Any, stream: str, minutes: int) -> None:
    began = STARTED + timedelta(minutes=minutes)
    monday.row(
        tables.loads,
        load_id=monday._id("load"),
        unit_id=monday._id("unit"),
        stream=stream,
        kind="file" if stream == "order_list_rows" else "window",
        started_at=began,
        finished_at=began + timedelta(minutes=1),
        rows=1,
    )


def test_nothing_is_sent_where_no_channel_is_set_up(monday: Any, notify: Callable[..., Result]) -> None:
    monday.save()
    assert notify().output == "No channel is set up: nothing is sent (docs/notifications.md).\n"


def test_a_run_that_failed_tells_its_reason(update: Callable[..., str], failed_run: Any) -> None:
    failed_run("A workbook's quarantined share is 31 %: orders/acme.xlsx")
    said = update("--reason", "meltano run ended with 1")
    assert "incremental-sync, 16 Mar 2026, 08:30 UTC" in said
    assert "quarantined share is 31 %: orders/acme.xlsx" in said
    assert "Meltano run ended with 1." in said


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ([], "Nothing was loaded after `recon begin`"),
        (
            ["order_list_rows"] * 3,
            "Reading the order lists: 3 readings were loaded, the last at 16 Mar 2026, 08:34 UTC",
        ),
        (["order_list_rows", "packed_products"], "Reading the warehouse system: packed_products was the last view"),
    ],
)
def test_a_tap_that_died_is_told_with_the_step_at_which_nothing_more_was_heard(
    monday: Any, update: Callable[..., str], streams: list[str], said: str
) -> None:
    monday.run("running", started_at=STARTED)
    load(monday, "shipped", -600)
    for minutes, stream in enumerate(streams, 1):
        load(monday, stream, minutes)
    told = update()
    assert "The run is still open." in told
    assert said in told


def test_a_reconcile_that_was_killed_is_told_as_the_step(monday: Any, update: Callable[..., str]) -> None:
    run_id = monday.run("running", started_at=STARTED)
    load(monday, "shipped", 1)
    heard = STARTED + timedelta(minutes=9)
    monday.row(tables.audit_lease, name="run", run_id=run_id, owner="host/1", heartbeat_at=heard, expires_at=heard)
    assert "`recon reconcile` had begun; its last sign of life was at 16 Mar 2026, 08:39 UTC." in update()


def test_a_report_that_failed_after_a_good_run_is_told(update: Callable[..., str], remembered: Any) -> None:
    assert "No run is open, so it failed either before" in update()
    assert remembered()[-1]["run_id"] is None


def test_a_failure_is_told_where_the_warehouse_cannot_be_read(
    notify: Callable[..., Result], board: Board, monday_settings: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bad.db").write_bytes(b"this is no database" * 100)
    for url, why in (
        ("sqlite:///nowhere.db", "There is no warehouse at"),
        ("sqlite:///bad.db", "file is not a database"),
        ("mssql+pymssql://auditor:h1dden-word@127.0.0.1:1/orders?login_timeout=1", "127.0.0.1:1/orders cannot be read"),
    ):
        result = notify("--failed", **{**monday_settings, "REPORTS_WAREHOUSE_URL": url})
        assert "monday: sent, because the run failed" in result.output
        assert why in board.updates[-1]
        assert "h1dden-word" not in result.output + board.updates[-1]
    assert len(board.items) == 1
    quiet = notify(**{**monday_settings, "REPORTS_WAREHOUSE_URL": "sqlite:///nowhere.db"})
    assert "Error: There is no warehouse" in quiet.output
    assert len(board.updates) == 3


def test_an_empty_run_is_a_warning(warehouse: Any, notify: Any, board: Board, monday_settings: dict[str, str]) -> None:
    warehouse.run()
    warehouse.save()
    notify(**monday_settings)
    assert board.items["5000"]["status"] == {"label": "Warning"}
    assert board.items["5000"]["numbers2"] == "0"
    assert "There is no order and no carton" in board.updates[0]


def test_a_warehouse_without_any_run(
    warehouse: Any, notify: Any, board: Board, monday_settings: dict[str, str]
) -> None:
    warehouse.save()
    notify(**monday_settings)
    assert "nothing has been published yet" in board.updates[0]


def test_the_rules_say_which_channel_speaks(
    *,
    monday: Any,
    notify: Callable[..., Result],
    monday_settings: dict[str, str],
    start_mail: Callable[..., Mailbox],
    mail_settings: Any,
    speak: Callable[[str], None],
    remembered: Any,
    run_again: Any,
) -> None:
    speak("monday: {always: true}\nemail: {on_unknown_customer: true}\n")
    for name in ("ELDER + SONS", "ACMEE SPORTSWEAR"):
        monday.row(tables.recon_customer_run, **customer(monday._good_run, name))
    monday.save()
    box = start_mail()
    settings = {**monday_settings, **mail_settings(box)}
    said = notify(**settings).output
    assert "email: sent, because new and not in customers.yml: ELDER + SONS, ACMEE SPORTSWEAR" in said
    run_again(2)
    assert "email: nothing to tell by config/notify.yml" in notify(**settings).output
    speak("monday: {always: false}\nemail: {exceptions_over: 1, variance_over: 10}\n")
    run_again(4)
    said = notify(**settings).output
    assert "monday: nothing to tell" in said
    assert "order keys to act on are more than 1" in said
    states = [(row["channel"], row["status"]) for row in remembered()]
    told = {"monday": ["sent", "repeated", "silent"], "email": ["sent", "silent", "sent"]}
    assert {name: [status for channel, status in states if channel == name] for name in told} == told
    assert len(box.mails) == 2


def customer(run_id: str, name: str) -> dict[str, Any]:
    numbers = (column.name for column in tables.recon_customer_run.c if column.name.endswith(("_qty", "_keys")))
    return {"run_id": run_id, "customer": name, "input_hash": "0" * 32, **dict.fromkeys(numbers, 1)}


def test_a_failure_and_its_end_are_told_and_a_failed_attempt_is_tried_anew(
    *,
    monday: Any,
    notify: Callable[..., Result],
    start_mail: Any,
    mail_settings: Any,
    failed_run: Any,
    run_again: Any,
    waited: list[float],
) -> None:
    box = start_mail()
    settings = mail_settings(box)
    failed_run()
    monday.save()
    assert "cannot be reached" in notify("--failed", **{**settings, "REPORTS_SMTP_PORT": "1"}).output
    assert len(waited) == 3
    assert "email: sent, because the run failed" in notify("--failed", **settings).output
    assert notify("--failed", **settings).output == "email: told before\n"
    run_again(6)
    assert "it works again after a failure" in notify(**settings).output
    assert "nothing to tell" in notify(**settings).output
    assert [mail["Subject"].split(":")[0] for mail in box.mails] == ["Failed", "Warning"]


def test_rules_that_cannot_be_used_do_not_keep_a_failure_from_being_told(
    tell: Callable[..., str], speak: Callable[[str], None], failed_run: Any, board: Board
) -> None:
    speak("monday: {allways: true}\n")
    failed_run()
    said = tell("--failed")
    assert "notify.yml:1: monday.allways: Extra inputs are not permitted" in said
    assert len(board.updates) == 1


def test_a_setting_that_cannot_be_used_is_an_error_line_and_never_a_red_run(tell: Callable[..., str]) -> None:
    said = tell(REPORTS_SMTP_HOST="mail.example", REPORTS_SMTP_PORT="pa55-in-the-wrong-place")
    assert said.startswith("Error: nothing is sent. smtp_port: Input should be a valid integer")
    assert "pa55-in-the-wrong-place" not in said


def test_a_channel_that_breaks_does_not_break_the_run(
    tell: Callable[..., str], monkeypatch: pytest.MonkeyPatch, remembered: Any
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"unexpected {TOKEN}")

    monkeypatch.setattr("order_reports.notify.monday.column_values", broken)
    assert "Error: monday: not sent. RuntimeError: unexpected ***" in tell()
    assert (remembered()[0]["status"], remembered()[0]["error"]) == ("failed", "RuntimeError: unexpected ***")


def test_who_ends_one_channel_does_not_have_another_told_twice(
    monday: Any, notify: Callable[..., Result], monday_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monday.save()

    def ended(*_: object) -> None:
        raise SystemExit(143)

    settings = {**monday_settings, "REPORTS_WEBHOOK_URLS": WEBHOOK}
    with monkeypatch.context() as patch:
        patch.setattr("order_reports.notify.chat.Chat.send", ended)
        with pytest.raises(AssertionError):
            notify("--failed", **settings)
    monkeypatch.setattr("order_reports.notify.chat.Chat.send", lambda *_: Sent())
    assert "monday: figures brought up to date; told before" in notify("--failed", **settings).output


def test_a_warehouse_that_does_not_remember_yet_is_told_of_all_the_same(
    monday: Any, notify: Callable[..., Result], board: Board, monday_settings: dict[str, str]
) -> None:
    monday.save()
    engine = sa.create_engine(monday.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE notification")
    engine.dispose()
    said = notify(**monday_settings).output
    assert "monday: sent" in said
    assert "Error: What monday was told is not remembered, so it will be told again." in said
    assert len(board.updates) == 1


def test_no_secret_reaches_a_line_an_error_the_table_or_a_message(
    *,
    monday: Any,
    invoke: Callable[..., Result],
    board: Board,
    monday_settings: dict[str, str],
    start_mail: Any,
    mail_settings: Any,
    speak: Any,
    waited: list[float],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    speak("monday: {always: true}\nemail: {always: true}\nchat: {always: true}\n")
    monday.save()
    box = start_mail()
    settings = {**monday_settings, **mail_settings(box), "REPORTS_WEBHOOK_URLS": json.dumps([WEBHOOK])}
    secrets = [TOKEN, PASSWORD, "h00k-pass", "h00k-path", "h00k-value", "h00k", "s1gnature"]
    echo = {"status": 200, "body": {"errors": [{"message": f"bad token {TOKEN}"}]}}
    said = []
    for more in (
        {},
        {"REPORTS_OUTPUT_DIR": "http://127.0.0.1:1/account/c?sv=1&sig=s1gnature"},
        {"REPORTS_SMTP_HOST": "localhost", "REPORTS_SMTP_PORT": "1"},
        {"REPORTS_MONDAY_API_URL": "http://127.0.0.1:1/v2"},
    ):
        for arguments in (("notify",), ("notify", "--failed", "--reason", f"with {TOKEN}"), ("check",)):
            board.refusals.append(("create_update", echo))
            said.append(invoke(*arguments, "--debug", **{**settings, **more}).output)
    engine = sa.create_engine(monday.url)
    with engine.connect() as connection:
        said.append(str(connection.execute(sa.select(tables.notification)).all()))
    engine.dispose()
    said += [mail.as_string() for mail in box.mails] + board.updates
    everything = "\n".join(said) + "".join(capfd.readouterr())
    assert "bad token ***" in everything
    assert "With ***." in everything
    for secret in secrets:
        assert secret not in everything, secret
    assert TOKEN not in str(Channels(monday_api_token=TOKEN, monday_board_id="1"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert waited


def test_other_commands_load_none_of_it() -> None:
    code = (
        "import sys, order_reports.cli\n"
        "names = ('requests', 'apprise', 'jinja2', 'azure', 'smtplib', 'backoff', 'order_reports.notify')\n"
        "print([name for name in names if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert loaded == "[]\n"


def test_every_setting_is_documented_and_known_to_meltano() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/notifications.md").read_text(encoding="utf-8")
    plugin = (root / "plugins/utilities/reports.meltano.yml").read_text(encoding="utf-8")
    for name, field in Channels.model_fields.items():
        assert f"| `REPORTS_{name.upper()}` |" in page, name
        declared = plugin.partition(f"- name: {name}\n")[2].partition("- name:")[0]
        assert declared, name
        assert ("sensitive: true" in declared) == ("Secret" in str(field.annotation)), name
