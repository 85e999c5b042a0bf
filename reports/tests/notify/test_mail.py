"""E-mail by a real server on loopback: encrypted, signed in, HTML and text, with the workbook while it is small."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result

from .conftest import PASSWORD, Mailbox

Tell = Callable[..., str]
WRONG = {"REPORTS_SMTP_PASSWORD": "wrong-one"}


@pytest.fixture
def post(monday: Any, notify: Callable[..., Result], mail_settings: Any, speak: Any) -> Callable[..., str]:
    """Save the warehouse and tell the mailbox of every run; what was said."""
    speak("email: {always: true}\n")

    def run(box: Mailbox, *arguments: str, **more: str) -> str:
        monday.save()
        return notify(*arguments, **mail_settings(box, **more)).output

    return run


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_a_mail_says_in_html_and_text_how_the_run_went(post: Tell, start_mail: Any, remembered: Any) -> None:
    box = start_mail()
    assert post(box) == "email: sent, because you hear of every run with something new\n"
    [mail] = box.mails
    assert box.encrypted == [True]
    assert box.receivers == [["ann@maker.example", "bob@maker.example"]]
    assert mail["Subject"].startswith("Warning: Order audit: ")
    assert (mail["From"], mail["Auto-Submitted"]) == ("Order audit <audit@maker.example>", "auto-generated")
    assert mail["Message-ID"].endswith("@maker.example>")
    for kind in ("plain", "html"):
        body = part(mail, kind)
        for said in ("Units ordered", "ELDER + SONS", "orders/birchline.xlsx could not be read again", "Furthest off"):
            assert said in body, (kind, said)
    assert list(mail.iter_attachments()) == []
    assert [(row["channel"], row["status"]) for row in remembered()] == [("email", "sent")]


def test_a_name_from_a_workbook_is_no_markup(monday: Any, post: Tell, start_mail: Any) -> None:
    monday.order("<b>EVIL</b>\r\nBcc: x@y", "1", "S", "C", "M", ordered=90000, status="UNFULFILLED")
    box = start_mail()
    post(box)
    [mail] = box.mails
    assert "<b>EVIL" not in part(mail, "html")
    assert "&lt;b&gt;EVIL&lt;/b&gt;" in part(mail, "html")
    assert "<b>EVIL</b>" in part(mail, "plain")
    assert mail["Bcc"] is None


def test_the_workbook_of_the_run_is_attached_while_it_is_small(
    monday: Any, invoke: Any, post: Tell, start_mail: Any, report_path: Path
) -> None:
    monday.save()
    assert invoke("excel").exit_code == 0
    box = start_mail()
    post(box)
    [attached] = box.mails[0].iter_attachments()
    assert attached.get_filename() == "order-audit.xlsx"
    content = attached.get_payload(decode=True)
    assert content == report_path.read_bytes()
    assert "SUMMARY" in openpyxl.load_workbook(BytesIO(content)).sheetnames


def test_a_large_workbook_is_not_attached_and_the_mail_says_so(
    monday: Any, invoke: Any, post: Tell, start_mail: Any
) -> None:
    monday.save()
    assert invoke("excel").exit_code == 0
    box = start_mail()
    post(box, REPORTS_MAIL_ATTACH_BELOW_MB="0.001")
    [mail] = box.mails
    assert list(mail.iter_attachments()) == []
    assert "too large to attach" in part(mail, "plain")
    assert "too large to attach" in part(mail, "html")


def test_an_older_workbook_is_not_passed_off_as_this_runs(post: Tell, start_mail: Any, report_path: Path) -> None:
    report_path.parent.mkdir()
    report_path.write_bytes(b"last week's")
    old = datetime(2026, 3, 15, tzinfo=UTC).timestamp()
    os.utime(report_path, (old, old))
    box = start_mail()
    post(box)
    assert list(box.mails[0].iter_attachments()) == []


def test_an_older_workbook_that_says_what_this_runs_would_is_attached(
    monday: Any, invoke: Any, post: Tell, start_mail: Any, report_path: Path
) -> None:
    monday.run(started_at=datetime(2026, 3, 17, 4), published_run_id="a" * 32)
    monday.save()
    assert invoke("excel").exit_code == 0
    old = datetime(2026, 3, 15, tzinfo=UTC).timestamp()
    os.utime(report_path, (old, old))
    box = start_mail()
    post(box)
    [attached] = box.mails[0].iter_attachments()
    assert attached.get_payload(decode=True) == report_path.read_bytes()


def test_a_failed_run_brings_no_workbook(
    monday: Any, invoke: Any, post: Tell, start_mail: Any, failed_run: Any
) -> None:
    monday.save()
    assert invoke("excel").exit_code == 0
    failed_run()
    box = start_mail()
    post(box, "--failed")
    [mail] = box.mails
    assert mail["Subject"] == "Failed: Order audit failed: incremental-sync, 16 Mar 2026, 08:30 UTC"
    assert list(mail.iter_attachments()) == []
    assert "The books of orders don't balance." in part(mail, "plain")
    assert "tables and reports are those of 16 Mar 2026, 04:12 UTC" in part(mail, "plain")


def test_a_server_that_is_encrypted_from_the_start(post: Tell, start_mail: Any) -> None:
    box = start_mail(tls=True)
    assert "email: sent" in post(box, REPORTS_SMTP_SECURITY="tls")
    assert len(box.mails) == 1


def test_a_relay_without_a_password(post: Tell, start_mail: Any) -> None:
    box = start_mail(tls_context=None, require_starttls=False, auth_required=False)
    settings = {"REPORTS_SMTP_SECURITY": "none", "REPORTS_SMTP_USERNAME": "", "REPORTS_SMTP_PASSWORD": ""}
    assert "email: sent" in post(box, **settings)
    assert box.encrypted == [False]


def test_a_password_is_never_sent_in_the_clear(post: Tell, start_mail: Any) -> None:
    box = start_mail(tls_context=None, require_starttls=False, auth_required=False)
    assert "offers no STARTTLS" in post(box)
    assert box.mails == []
    assert "smtp_security none would send the password in the clear" in post(box, REPORTS_SMTP_SECURITY="none")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (WRONG, "refuses the sign-in (535): check smtp_username and smtp_password"),
        ({"REPORTS_MAIL_TO": "gone@maker.example"}, "refuses every receiver (550): check mail_to"),
        ({"REPORTS_SMTP_SECURITY": "tls"}, "cannot be spoken to in secret"),
    ],
)
def test_a_refusal_is_told_with_the_setting_to_look_at(
    post: Tell, start_mail: Any, remembered: Any, settings: dict[str, str], said: str
) -> None:
    box = start_mail()
    box.unknown.add("gone@maker.example")
    output = post(box, **settings)
    assert "Error: email: not sent. localhost:" in output
    assert said in output
    assert "wrong-one" not in output
    assert PASSWORD not in output
    assert box.mails == []
    [row] = remembered()
    assert row["status"] == "failed"
    assert said in row["error"]


def test_a_certificate_of_another_name_is_not_trusted(post: Tell, start_mail: Any) -> None:
    box = start_mail("mail.elsewhere.example")
    assert "shows a certificate that is not trusted" in post(box)
    assert box.mails == []


def test_one_receiver_that_is_gone_does_not_keep_the_mail_from_others_nor_send_it_twice(
    post: Tell, start_mail: Any, remembered: Any
) -> None:
    box = start_mail()
    box.unknown.add("bob@maker.example")
    assert "took the mail, but not for bob@maker.example: check mail_to" in post(box)
    assert box.receivers == [["ann@maker.example"]]
    assert remembered()[0]["status"] == "sent"
    assert post(box) == "email: told before\n"


def test_a_server_that_is_busy_is_tried_again(post: Tell, start_mail: Any, waited: list[float]) -> None:
    box = start_mail()
    box.refuse_next = ["451 4.3.0 try again later", "421 4.3.2 shutting down"]
    assert "email: sent" in post(box)
    assert len(waited) == 2
    box.refuse_next = ["554 5.6.0 no"]


def test_a_server_that_is_not_there_is_told(post: Tell, start_mail: Any, waited: list[float], remembered: Any) -> None:
    box = start_mail()
    output = post(box, REPORTS_SMTP_PORT="1")
    assert "localhost:1 cannot be reached (ConnectionRefusedError): check smtp_host and smtp_port" in output
    assert len(waited) == 3
    assert [row["status"] for row in remembered()] == ["failed"]
    assert "email: sent" in post(box)


def test_check_signs_in_and_sends_nothing(invoke: Callable[..., Result], start_mail: Any, mail_settings: Any) -> None:
    box = start_mail()
    good = invoke("check", **mail_settings(box))
    assert f"ok: email localhost:{box.port}: signed in, 2 receivers" in good.output
    assert good.exit_code == 0
    bad = invoke("check", **mail_settings(box, **WRONG))
    assert bad.exit_code == 1
    assert "FAILED: email: localhost" in bad.output
    assert "wrong-one" not in bad.output
    assert box.mails == []
