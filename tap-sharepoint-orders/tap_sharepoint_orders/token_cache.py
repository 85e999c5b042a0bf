"""Keeps access tokens encrypted in a database that several processes share.

A row is one application in one tenant. It is sealed with AES-256-GCM, its own name being part of the seal, under a
key made from token_cache_key by scrypt; what is written over is first read, so that no process loses another's tokens.
"""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime
from typing import cast

import msal  # type: ignore[import-untyped]  # MSAL ships no types
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tap_sharepoint_orders.library import LibraryError

VERSION = b"\x01"
SALT_BYTES = 16
NONCE_BYTES = 12
KEY_BYTES = 32
SCRYPT = {"n": 2**15, "r": 8, "p": 1}
"""A tenth of a second and 32 MB a guess."""

ATTEMPTS = 10
"""Between two of them another process wrote; more than a few processes never share a row."""

TABLE = sa.Table(
    "msal_token_cache",
    sa.MetaData(),
    sa.Column("cache_key", sa.Unicode(255), primary_key=True),
    sa.Column("cache_data", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
    sa.Column("expires_at", sa.DateTime),
)


class TokenCacheError(LibraryError):
    """The token cache cannot be used. The message names the setting to mend."""


class DatabaseTokenCache:
    """Keeps tokens, sealed, in table `msal_token_cache` of a database."""

    def __init__(self, url: str, key: str, name: str) -> None:
        """Name the row; nothing is read yet.

        Args:
            url: SQLAlchemy URL of the database.
            key: The secret that seals and opens.
            name: The row: application and tenant.

        Raises:
            TokenCacheError: If the URL is none, or its driver is not installed.
        """
        self._key = key
        self._name = name
        self._ciphers: dict[bytes, AESGCM] = {}
        try:
            self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError):
            # Not even a part of it is shown: what is no URL may still hold a password.
            msg = "token_cache_url is no SQLAlchemy URL of an installed driver, as sqlite:////var/lib/tap/tokens.db"
            raise TokenCacheError(msg) from None
        self._where = f"token_cache_url {self._engine.url.render_as_string(hide_password=True)}"

    def load(self) -> msal.SerializableTokenCache:
        """What the row holds, nothing if there is none.

        Raises:
            TokenCacheError: If the database cannot be read, or the key does not open the row.
        """
        cache = msal.SerializableTokenCache()
        # Another process may make it at the same moment; if nobody can, reading says so.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            TABLE.create(self._engine, checkfirst=True)
        try:
            with self._engine.connect() as connection:
                sealed = self._sealed(connection)
        except sa.exc.SQLAlchemyError as error:
            raise self._failed(error) from None
        if sealed is not None:
            cache.deserialize(self._opened(sealed))
        return cache

    def save(self, cache: msal.SerializableTokenCache) -> None:
        """Put the tokens into the row, beside those another process put there since.

        Raises:
            TokenCacheError: If the database cannot be written, or the key does not open the row.
        """
        ours = json.loads(cache.serialize())
        try:
            for _ in range(ATTEMPTS):
                if self._replaced(ours):
                    return
        except sa.exc.SQLAlchemyError as error:
            raise self._failed(error) from None
        msg = f"{self._where} is written by too many processes at once: give each application a cache of its own"
        raise TokenCacheError(msg)

    def _replaced(self, ours: dict[str, dict[str, dict[str, str]]]) -> bool:
        """Write once. Returns False if another process wrote between reading and writing."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._engine.connect() as connection:
            before = self._sealed(connection)
        merged = json.loads(self._opened(before)) if before is not None else {}
        for kind, entries in ours.items():
            merged.setdefault(kind, {}).update(entries)
        expiries = [int(token["expires_on"]) for token in merged.get("AccessToken", {}).values()]
        row = {
            "cache_data": self._seal(json.dumps(merged), salt=before[1:][:SALT_BYTES] if before is not None else None),
            "updated_at": now,
            "expires_at": datetime.fromtimestamp(max(expiries), UTC).replace(tzinfo=None) if expiries else None,
        }
        try:
            with self._engine.begin() as connection:
                if before is None:
                    connection.execute(TABLE.insert().values(cache_key=self._name, created_at=now, **row))
                    return True
                # In one statement: only what was read is replaced.
                mine = sa.and_(TABLE.c.cache_key == self._name, TABLE.c.cache_data == before)
                return bool(connection.execute(TABLE.update().where(mine).values(**row)).rowcount)
        except sa.exc.IntegrityError:
            return False

    def _sealed(self, connection: sa.Connection) -> bytes | None:
        query = sa.select(TABLE.c.cache_data).where(TABLE.c.cache_key == self._name)
        return cast("bytes | None", connection.execute(query).scalar())

    def _seal(self, text: str, *, salt: bytes | None = None) -> bytes:
        """Seal with a new nonce; a row keeps its salt, so that a run makes the key once."""
        salt, nonce = salt or os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
        return VERSION + salt + nonce + self._cipher(salt).encrypt(nonce, text.encode(), self._name.encode())

    def _opened(self, sealed: bytes) -> str:
        version, sealed = sealed[:1], sealed[1:]
        salt, nonce, text = sealed[:SALT_BYTES], sealed[SALT_BYTES:][:NONCE_BYTES], sealed[SALT_BYTES + NONCE_BYTES :]
        try:
            if version == VERSION and len(nonce) == NONCE_BYTES:
                return self._cipher(salt).decrypt(nonce, text, self._name.encode()).decode()
        except InvalidTag:
            pass
        msg = (
            f"token_cache_key does not open the tokens of {self._name} in {self._where}: set the key they were sealed "
            f"with, or delete the row from {TABLE.name} and sign in anew"
        )
        raise TokenCacheError(msg)

    def _cipher(self, salt: bytes) -> AESGCM:
        if salt not in self._ciphers:
            self._ciphers[salt] = AESGCM(Scrypt(salt=salt, length=KEY_BYTES, **SCRYPT).derive(self._key.encode()))
        return self._ciphers[salt]

    def _failed(self, error: sa.exc.SQLAlchemyError) -> TokenCacheError:
        cause = getattr(error, "orig", None) or error
        reason = type(cause).__name__ if "://" in str(cause) else str(cause).splitlines()[0]
        return TokenCacheError(f"{self._where} cannot be used ({reason}): check that it is there and may be written")
