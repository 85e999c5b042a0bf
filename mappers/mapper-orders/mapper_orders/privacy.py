"""Protects values before anything else sees them: dropped, redacted or replaced by a keyed hash.

Rules name a stream and a column or header (``config/privacy.yml``). A plain hash of an e-mail address can be
reversed by trying addresses, so hashes are keyed: HMAC-SHA-256 with a key from the environment.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from order_rules.canonical import clean
from order_rules.config import Privacy, PrivacyRule, RulesError

from mapper_orders.melt import HeaderValue
from mapper_orders.reading import cleaned, found_text

Action = Callable[[object], object]
"""Turns a value into what may be seen of it; ``None``: nothing."""

CARRIERS: Final = frozenset(
    clean(name)
    for name in (
        "load_id",
        "row_number",
        "row_hash",
        "occurrence",
        "file_id",
        "unit_id",
        "connection",
        "source_file",
        "cells",
        "sizes",
    )
)
"""Fields that carry a row through the project and cannot be protected themselves."""

_SHOWN: Final = 4


def redact(value: object) -> str | None:
    """Hide a value but for its last four characters, and never more than half of it.

    Returns:
        ``***-***-1234``, or the value itself where it is a spelling of nothing.
    """
    text = found_text(value)
    if text is None or cleaned(text) is None:
        return text
    shown = min(_SHOWN, len(text) // 2)
    return "***-***-" + (text[-shown:] if shown else "")


def keyed_hash(value: object, key: bytes) -> str | None:
    """Replace a value by its HMAC-SHA-256, equal for equal texts.

    Returns:
        64 hex characters, or the value itself where it is a spelling of nothing: missing stays missing.
    """
    text = found_text(value)
    if text is None or cleaned(text) is None:
        return text
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class Protector:
    """The privacy rules of one stream."""

    def __init__(self, stream: str, rules: Iterable[PrivacyRule], key: bytes) -> None:
        def hashed(value: object) -> str | None:
            return keyed_hash(value, key)

        def dropped(_: object) -> None:
            return None

        actions: dict[str, Action] = {"drop": dropped, "redact": redact, "hash": hashed}
        self._stream = stream
        self._rules = {clean(rule.field): rule for rule in rules}
        self._actions = {field: actions[rule.action] for field, rule in self._rules.items()}
        self._by_header: dict[str, Action | None] = {}

    def action(self, header: str) -> Action | None:
        """Find what happens to a column or header, ``None`` for one that no rule names."""
        try:
            return self._by_header[header]
        except KeyError:
            return self._by_header.setdefault(header, self._actions.get(clean(header)))

    def record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Protect a record: a dropped field is ``None``."""
        return {
            name: value if (action := self.action(name)) is None or value is None else action(value)
            for name, value in record.items()
        }

    def cells(self, cells: Iterable[HeaderValue]) -> list[HeaderValue]:
        """Protect a row's cells: a dropped cell is gone."""
        kept: list[HeaderValue] = []
        for header, value in cells:
            action = self.action(header)
            shown = value if action is None else action(value)
            if shown is not None or action is None:
                kept.append((header, shown))
        return kept

    def customer_action(self, field_of: Mapping[str, str | None]) -> Action | None:
        """Find what happens to the customer's header, to treat the sheet's only customer alike."""
        for field, rule in self._rules.items():
            if field_of[rule.field] == "customer":
                return self._actions[field]
        return None

    def schema(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Fit a SCHEMA message that passes through to what its records will hold.

        Returns:
            The message: protected properties are texts that may be missing; dropped ones too, always missing.

        Raises:
            RulesError: a key property would be dropped or redacted, which makes rows equal that are not.
        """
        schema = dict(message["schema"])
        properties = dict(schema.get("properties", {}))
        protected = [name for name in properties if self.action(name) is not None]
        for name in protected:
            rule = self._rules[clean(name)]
            is_key = name in (message.get("key_properties") or ())
            if is_key and rule.action != "hash":
                msg = (
                    f"privacy.yml: the rule {rule.action!r} for {rule.field!r} of the stream {self._stream!r} would "
                    f"make different rows equal, since the field is part of the stream's key. Use 'hash'."
                )
                raise RulesError(msg)
            properties[name] = {"type": "string" if is_key else ["string", "null"]}
        schema["properties"] = properties
        if "required" in schema:
            schema["required"] = [name for name in schema["required"] if name not in protected]
        return {**message, "schema": schema}


def protectors(privacy: Privacy, environment: Mapping[str, str]) -> dict[str, Protector]:
    """Prepare the privacy rules.

    Args:
        privacy: the rules.
        environment: where the key of keyed hashes stands.

    Returns:
        Stream to its protector; streams without a rule are left out.

    Raises:
        RulesError: a hash is asked for and no key is set, or a field is named that cannot be protected.
    """
    key = environment.get(privacy.key_env, "")
    by_stream: dict[str, list[PrivacyRule]] = {}
    for rule in privacy.rules:
        if clean(rule.field) in CARRIERS:
            msg = (
                f"privacy.yml: {rule.field!r} of the stream {rule.stream!r} carries the row through the project and "
                f"cannot be protected. Remove the rule."
            )
            raise RulesError(msg)
        if rule.action == "hash" and not key:
            msg = (
                f"privacy.yml: {rule.field!r} of the stream {rule.stream!r} is to be hashed, and the environment "
                f"variable {privacy.key_env} holds no key. Set it to a long random text and keep that: another key "
                f"gives other hashes."
            )
            raise RulesError(msg)
        others = by_stream.setdefault(rule.stream, [])
        if any(clean(other.field) == clean(rule.field) and other.action != rule.action for other in others):
            msg = f"privacy.yml: {rule.field!r} of the stream {rule.stream!r} has two rules. Keep one of them."
            raise RulesError(msg)
        others.append(rule)
    return {stream: Protector(stream, rules, key.encode()) for stream, rules in by_stream.items()}
