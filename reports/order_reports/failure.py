"""What ends a report with one clear line, and how a text is kept free of secrets."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import sqlalchemy as sa


class ReportError(Exception):
    """A report cannot be made. The message is one line that says what to do about it."""


def place_of(url: sa.URL) -> str:
    """Name a warehouse without user, password or connection options.

    Args:
        url: the warehouse's URL.

    Returns:
        Dialect, host and database, as ``mssql://host/database`` or ``sqlite:///path``.
    """
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"


def redact(text: str, url: sa.URL | None) -> str:
    """Take every secret of a URL out of a text: the password, and the values of its options.

    Args:
        text: an error's text or a traceback.
        url: the URL in use; ``None``: there is no secret to take out.

    Returns:
        The text with ``***`` in place of each secret, spelt plainly or percent-encoded.
    """
    if url is None:
        return text
    options = [value for values in url.normalized_query.values() for value in values]
    # An odbc_connect option is a whole connection string, and drivers quote it by its parts.
    parts = [part.partition("=")[2] for option in options for part in option.split(";") if "=" in part]
    secrets = {str(url.password) if url.password else "", *options, *parts}
    spelt = {spelling for secret in secrets for spelling in (secret, quote(secret, safe=""), quote_plus(secret))}
    for secret in sorted(spelt, key=len, reverse=True):
        if len(secret) > 2:  # noqa: PLR2004  (a driver's option of a letter or two is no secret, but is in every word)
            text = text.replace(secret, "***")
    return text
