"""E-mail: HTML and text, the workbook attached while it is small, by a server that is spoken to in secret."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from order_reports.notify import messages
from order_reports.notify.messages import Message
from order_reports.notify.patience import NotSentError, Sent, TryAgainError, patiently
from order_reports.notify.settings import Channels

TIMEOUT_S: Final = 30
MEGABYTE: Final = 1024 * 1024
TRANSIENT: Final = range(400, 500)
"""Replies that ask to come again later (RFC 5321, 4.2.1)."""
XLSX: Final = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@dataclass(frozen=True)
class Mail:
    """The channel e-mail."""

    settings: Channels
    name: str = "email"
    kind: str = "email"
    shows: bool = False

    def send(self, message: Message) -> Sent:
        """Send one mail to all receivers.

        Returns:
            Which receivers the server did not take it for, while others get it.

        Raises:
            NotSentError: the server refuses it, or every receiver, or cannot be reached.
        """
        return patiently(self._send, written(message, self.settings))

    def prove(self) -> list[str]:
        """Sign in without sending anything.

        Returns:
            One line: where the mail would go.

        Raises:
            NotSentError: that fails.
        """
        receivers = len(self.settings.mail_to)
        try:
            with _told(self.settings), _signed_in(self.settings):
                return [
                    f"email {_server(self.settings)}: signed in, {receivers} receiver{'' if receivers == 1 else 's'}"
                ]
        except TryAgainError as error:
            raise error.final from None

    def _send(self, mail: EmailMessage) -> Sent:
        with _told(self.settings), _signed_in(self.settings) as server:
            refused = server.send_message(mail)
        if not refused:
            return Sent()
        return Sent(
            warning=f"{_server(self.settings)} took the mail, but not for {', '.join(sorted(refused))}: check mail_to."
        )


def written(message: Message, settings: Channels) -> EmailMessage:
    """Write the mail.

    Args:
        message: what to say.
        settings: sender, receivers, and up to which size the workbook is attached.

    Returns:
        The mail, with a plain text for clients that show no HTML.
    """
    workbook, note = message.workbook, ""
    if workbook and settings.mail_attach_below_mb and len(workbook.content) > settings.mail_attach_below_mb * MEGABYTE:
        note = f"The workbook is too large to attach ({len(workbook.content) / MEGABYTE:,.1f} MB)."
        workbook = None
    mail = EmailMessage()
    mail["Subject"] = " ".join(f"{message.news.status}: {message.news.headline}".split())
    mail["From"] = settings.mail_from
    mail["To"] = ", ".join(settings.mail_to)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = make_msgid(domain=(settings.mail_from or "").rpartition("@")[2].strip("> ") or None)
    # Nobody's absence assistant should answer a program (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(messages.text(message, note))
    mail.add_alternative(messages.mail(message, note), subtype="html")
    if workbook and settings.mail_attach_below_mb:
        maintype, subtype = XLSX
        mail.add_attachment(workbook.content, maintype=maintype, subtype=subtype, filename=workbook.name)
    return mail


@contextmanager
def _signed_in(settings: Channels) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    host, port = settings.smtp_host or "", settings.smtp_port
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_username and settings.smtp_password:
            server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        yield server


@contextmanager
def _told(settings: Channels) -> Iterator[None]:
    """Say what went wrong and which setting to look at. A server's reply may quote what it was sent: left out."""
    where = _server(settings)
    try:
        yield
    except smtplib.SMTPNotSupportedError:
        msg = (
            f"{where} offers no STARTTLS or no sign-in over it, so nothing is sent there: set smtp_security to tls for "
            "a port that is encrypted from the start, or to none for a relay that needs no password."
        )
        raise NotSentError(msg) from None
    except smtplib.SMTPAuthenticationError as error:
        final = NotSentError(f"{where} refuses the sign-in ({error.smtp_code}): check smtp_username and smtp_password.")
        raise _again(final, error.smtp_code) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        final = NotSentError(f"{where} refuses every receiver ({', '.join(map(str, codes))}): check mail_to.")
        raise _again(final, max(codes)) from None
    except smtplib.SMTPSenderRefused as error:
        final = NotSentError(f"{where} refuses the sender ({error.smtp_code}): check mail_from.")
        raise _again(final, error.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        raise _again(NotSentError(f"{where} refuses the mail ({error.smtp_code})."), error.smtp_code) from None
    except ssl.SSLCertVerificationError as error:
        msg = (
            f"{where} shows a certificate that is not trusted ({error.verify_message}): check smtp_host, or name the "
            "authority's certificate in SSL_CERT_FILE."
        )
        raise NotSentError(msg) from None
    except ssl.SSLError as error:
        msg = f"{where} cannot be spoken to in secret ({error.reason}): check smtp_port and smtp_security."
        raise NotSentError(msg) from None
    except (smtplib.SMTPException, OSError) as error:
        final = NotSentError(f"{where} cannot be reached ({type(error).__name__}): check smtp_host and smtp_port.")
        raise TryAgainError(final) from None


def _again(final: NotSentError, code: int) -> Exception:
    return TryAgainError(final) if code in TRANSIENT else final


def _server(settings: Channels) -> str:
    return f"{settings.smtp_host}:{settings.smtp_port}"
