"""The warehouse's URL: where its file lies, and how its secrets stay out of every text.

Needs the extra ``tables``, as only who reads the warehouse has such a URL.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

SECRET_WORDS: Final = ("password", "pwd", "secret", "token", "key")
"""An option whose name holds one of these is a secret."""
CONNECTION_STRING: Final = "odbc_connect"
"""An option that is a whole connection string; drivers quote it by its parts."""


def is_file(url: sa.URL) -> bool:
    """Tell whether a URL is of a SQLite file that has a path."""
    path = url.database or ""
    return url.get_backend_name() == "sqlite" and path not in {"", ":memory:"} and not path.startswith("file:")


def project_root() -> Path:
    """Give the folder that relative paths are taken from: the Meltano project's where Meltano names it."""
    return Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd())


def placed(url: sa.URL) -> sa.URL:
    """Take a relative SQLite path from the project's folder.

    Args:
        url: any URL.

    Returns:
        The URL of the same database from any working folder.
    """
    return url.set(database=str(project_root() / str(url.database))) if is_file(url) else url


def hide(text: str, url: str | sa.URL) -> str:
    """Take out of a text every secret that a URL holds, as written, as decoded and percent-encoded.

    Args:
        text: any text: an error, a traceback.
        url: the warehouse's, valid or not.

    Returns:
        The text with ``***`` in place of each secret.
    """
    written = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    authority = written.partition("://")[2].rpartition("@")[0]
    secrets = {authority.partition(":")[2]}
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        secrets.add(written)
    else:
        secrets |= {str(parsed.password or ""), *_secret_options(parsed)}
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret)) if form}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def _secret_options(url: sa.URL) -> set[str]:
    options = {(name, value) for name, values in url.normalized_query.items() for value in values}
    for name, value in list(options):
        if name.lower() == CONNECTION_STRING:
            options |= {(part.partition("=")[0], part.partition("=")[2]) for part in value.split(";")}
    secret = (*SECRET_WORDS, CONNECTION_STRING)
    return {value for name, value in options if any(word in name.lower() for word in secret)}
