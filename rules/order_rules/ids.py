"""Ids of rows and keys: stable across runs, machines and the order of rows.

An id is the first 128 bits of the SHA-256 of its fields, as 32 hex characters. SHA-256 because every
database and language has it, so that anyone can recompute an id beside us.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Literal

ID_LENGTH: Final = 32
SEPARATOR: Final = "\x1f"
MISSING_FIELD: Final = "\x00"
ORDER: Final = "order"
FULFIL: Final = "fulfil"
Side = Literal["order", "fulfil"]
"""What a key's first field says, so that the two sides' ids of the same five fields differ."""


def hash_id(*fields: str | int | None) -> str:
    """Hash fields to an id.

    Args:
        fields: the fields in order; ``None`` (missing) is distinct from the empty text.

    Returns:
        32 lower-case hex characters.
    """
    joined = SEPARATOR.join(MISSING_FIELD if field is None else str(field) for field in fields)
    return sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH]


def key_ids(side: Side, *fields: Iterable[str | None]) -> list[str]:
    """Name many keys at once, as ``order_key_id`` and ``fulfil_key_id`` name one.

    Args:
        side: which of the two.
        fields: the five fields in order, one text a key.

    Returns:
        32 hex characters a key.
    """
    columns = [[MISSING_FIELD if text is None else text for text in column] for column in fields]
    first = side + SEPARATOR
    joined = map(SEPARATOR.join, zip(*columns, strict=True))
    return [sha256((first + key).encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH] for key in joined]


def order_line_id(
    *,
    source: str,
    unit_id: str,
    sheet: str | None,
    order_number: str | None,
    customer_source: str | None,
    customer_po_source: str | None,
    style_source: str | None,
    color_source: str | None,
    size_source: str | None,
    drop: str | None,
    delivery_method: str | None,
    occurrence: int,
) -> str:
    """Name one order line (a sheet row and one of its sizes).

    Row numbers are left out on purpose: inserting a row elsewhere renames nothing. Lines that agree in
    everything are told apart by ``occurrence``, 0 for the first in sheet order.

    Returns:
        32 hex characters.
    """
    return hash_id(
        source,
        unit_id,
        sheet,
        order_number,
        customer_source,
        customer_po_source,
        style_source,
        color_source,
        size_source,
        drop,
        delivery_method,
        occurrence,
    )


def carton_row_id(*, connection: str, stream: str, row_hash: str, occurrence: int) -> str:
    """Name one packed or shipped row; identical cartons differ by ``occurrence``.

    Returns:
        32 hex characters.
    """
    return hash_id(connection, stream, row_hash, occurrence)


def order_key_id(
    customer: str | None, customer_po: str | None, style: str | None, color: str | None, size: str | None
) -> str:
    """Name an order key: the five canonical fields that order lines are summed to.

    Returns:
        32 hex characters, never equal to the fulfilment key of the same five fields.
    """
    return hash_id(ORDER, customer, customer_po, style, color, size)


def fulfil_key_id(
    customer: str | None, customer_po: str | None, style: str | None, color: str | None, size: str | None
) -> str:
    """Name a fulfilment key: the five canonical fields that packed and shipped rows are summed to.

    Returns:
        32 hex characters, never equal to the order key of the same five fields.
    """
    return hash_id(FULFIL, customer, customer_po, style, color, size)


def quarantine_id(*, stream: str, place: str, field: str | None, reason_code: str) -> str:
    """Name a quarantined value so that the same finding keeps its id from run to run.

    Args:
        stream: the stream it came on.
        place: where it stands, as a person would look for it (``path!sheet!AF12``, ``connection.view!row hash``).
        field: the field at fault, ``None`` where it is the whole row.
        reason_code: the reason's code.

    Returns:
        32 hex characters.
    """
    return hash_id(stream, place, field, reason_code)


def time_ordered_id() -> str:
    """Make a new id whose sort order is the order of making: loads and runs.

    Returns:
        32 hex characters: 12 of epoch milliseconds, 20 random.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
