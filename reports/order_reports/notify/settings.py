"""Where the channels lead, from the environment alone: a command line can be read by everybody on the machine.

Meltano passes each setting of the plugin ``reports`` as ``REPORTS_`` and its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from order_reports.failure import ReportError

PREFIX: Final = "REPORTS_"
LEAST_SECRET: Final = 4
LEAST_TOKEN: Final = 8
"""A shorter step of a webhook's path is no token, but may stand in many words, as ``hook`` does."""

MondayColumn = Literal[
    "status",
    "ran_at",
    "rows",
    "ordered",
    "packed",
    "shipped",
    "balance",
    "exceptions",
    "missing",
    "review",
    "quarantined",
    "unknown_customers",
    "report",
    "workbook",
]
"""What can be shown in a column of the board, and where the workbook can be uploaded to."""


def _listed(value: object) -> object:
    """Read a list as JSON, as Meltano passes it, or as words between blanks or line ends."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    return json.loads(text) if text.startswith("[") else text.split()


def _addresses(value: object) -> object:
    """Read mail addresses: as a list, and between commas too."""
    return _listed(value.replace(",", " ") if isinstance(value, str) and not value.strip().startswith("[") else value)


def _mapped(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


NONE_SET_UP: Final = "No channel is set up: nothing is sent (docs/notifications.md)."


class Channels(BaseModel):
    """The settings of the channels. A channel without its settings is not set up, and stays silent."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    report_url: str | None = Field(default=None, description="Address at which people open the report: the link.")
    monday_api_token: SecretStr | None = Field(default=None, description="Token of the Monday.com API.")
    monday_api_url: str = Field(default="https://api.monday.com/v2", description="Address of the Monday.com API.")
    monday_board_id: str | None = Field(default=None, pattern=r"^\d+$", description="The board, a number.")
    monday_group_id: str | None = Field(default=None, description="The group that a new item goes to.")
    monday_item_name: str = Field(default="Order audit", min_length=1, max_length=255, description="Name of the item.")
    monday_columns: Annotated[dict[MondayColumn, str], BeforeValidator(_mapped)] = Field(
        default_factory=dict, description="JSON object: what is shown, to the id of its column on the board."
    )
    monday_upload: Literal["no", "update", "column"] = Field(
        default="no", description="Upload the workbook to the update, or to the column of monday_columns.workbook."
    )
    smtp_host: str | None = Field(default=None, description="Mail server.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is secured; none only without a password."
    )
    smtp_username: str | None = Field(default=None, description="User at the mail server; none: no sign-in.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    mail_from: str | None = Field(default=None, description="Sender's address.")
    mail_to: Annotated[tuple[str, ...], BeforeValidator(_addresses)] = Field(
        default=(), description="Receivers' addresses, between commas or as a JSON array."
    )
    mail_attach_below_mb: float = Field(
        default=10, ge=0, description="The workbook is attached up to this size, in MB; 0: never."
    )
    webhook_urls: Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)] = Field(
        default=(),
        description="Teams, Slack and other webhooks as Apprise writes them, between blanks or as a JSON array.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Channels:
        wanted = {
            "monday_api_token": (self.monday_api_token, "monday_board_id", self.monday_board_id),
            "monday_board_id": (self.monday_board_id, "monday_api_token", self.monday_api_token),
            "smtp_host": (self.smtp_host, "mail_to and mail_from", self.mail_to and self.mail_from),
            "mail_to": (self.mail_to, "smtp_host and mail_from", self.smtp_host and self.mail_from),
            "smtp_username": (self.smtp_username, "smtp_password", self.smtp_password),
        }
        for name, (given, needed, there) in wanted.items():
            if given and not there:
                msg = f"{name} needs {needed}"
                raise ValueError(msg)
        if self.smtp_security == "none" and self.smtp_username:
            msg = "smtp_security none would send the password in the clear: set it to starttls or tls"
            raise ValueError(msg)
        if self.monday_upload == "column" and "workbook" not in self.monday_columns:
            msg = "monday_upload column needs the id of a files column as monday_columns.workbook"
            raise ValueError(msg)
        return self

    @property
    def any_set_up(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.monday_api_token or self.smtp_host or self.webhook_urls)

    @property
    def secrets(self) -> frozenset[str]:
        """Every text that must not be shown, in each spelling that a library might show it in."""
        plain = [one.get_secret_value() for one in (self.monday_api_token, self.smtp_password) if one]
        urls = [one.get_secret_value() for one in self.webhook_urls]
        parts = [*plain, *urls, *(part for url in urls for part in _parts(url))]
        spelt = {spelling for one in parts for spelling in (one, quote(one, safe=""), quote_plus(one), unquote(one))}
        return frozenset(one for one in spelt if len(one) >= LEAST_SECRET)


def _parts(url: str) -> Iterable[str]:
    """Split a webhook's URL into what may be its token: anything but scheme and host."""
    parts = urlsplit(url)
    yield from (part for part in (parts.username, parts.password) if part)
    tokens = [*parts.path.split("/"), *(pair.partition("=")[2] for pair in parts.query.split("&"))]
    yield from (token for token in tokens if len(token) >= LEAST_TOKEN)


def channels(environment: Mapping[str, str]) -> Channels:
    """Read the settings of the channels.

    Args:
        environment: the process's environment.

    Returns:
        The settings.

    Raises:
        ReportError: one of them cannot be used. The message names it and never repeats it.
    """
    given: dict[str, Any] = {
        name: environment[variable]
        for name in Channels.model_fields
        if environment.get(variable := PREFIX + name.upper(), "").strip()
    }
    try:
        return Channels.model_validate(given)
    except ValidationError as error:
        found = [(".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in error.errors()]
        raise ReportError("; ".join(f"{where}: {what}" if where else what for where, what in found) + ".") from None


def without(text: str, secrets: Iterable[str]) -> str:
    """Take secrets out of a text, and make one line of it.

    Args:
        text: an error's text.
        secrets: what must not be shown.

    Returns:
        The text, ``***`` in place of each.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return " ".join(text.split())
