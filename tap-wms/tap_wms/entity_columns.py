"""Entities with columns that are the same for every tenant: some fields as columns of a type, all others in one.

Which fields an entity has, and what they hold, differs from tenant to tenant. A table made beforehand needs columns
that do not: those of the setting `entity_columns`, and `extra`, a JSON object of whatever is no value of one of them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

import msgspec
from singer_sdk import typing as th
from singer_sdk.helpers.types import Record

from tap_wms.columns import JsonSchema
from tap_wms.errors import TapError

SETTING = "the setting `entity_columns` (TAP_WMS_ENTITY_COLUMNS)"
EXAMPLE = '{"order_hdr": {"order_nbr": "text", "ord_date": "date"}}'

EXTRA = "extra"
#: Columns of every entity, whether they are named or not.
ALWAYS = {"id": "integer", "create_ts": "date-time", "mod_ts": "date-time"}

#: The most of a text, in UTF-16 units, as SQL Server counts NVARCHAR.
TEXT_LENGTH = 400
#: Digits of a number before and behind the point.
WHOLE_DIGITS, PLACES = 14, 4
_BIGINT = 2**63

_document = msgspec.json.Encoder(decimal_format="number")


def _integer(value: object) -> int | None:
    number = _number(value)
    whole = None if number is None or number != int(number) else int(number)
    return whole if whole is not None and -_BIGINT <= whole < _BIGINT else None


def _number(value: object) -> int | Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # In this order: more digits than a decimal is worked out to cannot be rounded.
    if not number.is_finite() or abs(number) >= 10**WHOLE_DIGITS or number != round(number, PLACES):
        return None
    return value if isinstance(value, int) else number


def _text(value: object) -> str | None:
    text = value if isinstance(value, str) else _document.encode(value).decode()
    return text if len(text.encode("utf-16-le")) // 2 <= TEXT_LENGTH else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: object) -> str | None:
    try:
        return dt.date.fromisoformat(value).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(value: object) -> str | None:
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else str(value)


#: Type to JSON schema, and to what makes a value of it, or `None` where it is none.
TYPES: dict[str, tuple[JsonSchema, Callable[[object], object]]] = {
    "integer": ({"type": ["integer", "null"]}, _integer),
    "number": ({"type": ["number", "null"]}, _number),
    "text": ({"type": ["string", "null"], "maxLength": TEXT_LENGTH}, _text),
    "boolean": ({"type": ["boolean", "null"]}, _boolean),
    "date": ({"type": ["string", "null"], "format": "date"}, _date),
    "date-time": ({"type": ["string", "null"], "format": "date-time"}, _moment),
}

PROPERTY = th.Property(
    "entity_columns",
    th.ObjectType(
        additional_properties=th.ObjectType(additional_properties=th.StringType(allowed_values=list(TYPES)))
    ),
    default={},
    title="Columns of entities",
    description=(
        "Entity to its columns, each with a type (" + ", ".join(TYPES) + "): it then has these, "
        + ", ".join(ALWAYS) + f" and `{EXTRA}`, a JSON object of everything else, whatever the tenant's fields are. "
        "An entity not named has the tenant's fields as columns."
    ),
)  # fmt: skip


def parse_columns(value: object) -> object:
    """Read the `entity_columns` setting: an object, or the same as JSON text; the SDK checks what it holds.

    Raises:
        TapError: It is text, but not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise TapError(f"{SETTING} is not JSON; it is an object like {EXAMPLE}") from None


class EntityColumns:
    """The columns of one entity."""

    def __init__(self, types: Mapping[str, str]) -> None:
        """Take the columns of an entity, name to type.

        Raises:
            TapError: One is named like the column of everything else.
        """
        if EXTRA in types:
            raise TapError(f"{SETTING} names a column `{EXTRA}`; that one holds everything else, so leave it out")
        self._columns = {name: TYPES[kind] for name, kind in {**ALWAYS, **types, **ALWAYS}.items()}

    def schema(self) -> JsonSchema:
        """Return the JSON schema of the records."""
        properties = {name: dict(schema) for name, (schema, _) in self._columns.items()}
        return {
            "type": "object",
            "properties": {**properties, "id": {"type": ["integer"]}, EXTRA: {"type": ["string", "null"]}},
        }

    def record(self, found: Record) -> Record:
        """Return a record with these columns; what is no value of its column's type stays in `extra`.

        Args:
            found: The record with the tenant's fields, changed by this.

        Raises:
            TapError: Its id is no whole number.
        """
        record: Record = {}
        for name, (_, convert) in self._columns.items():
            value = found.get(name)
            record[name] = made = None if value is None else convert(value)
            if value is None or made is not None:
                found.pop(name, None)
        if record["id"] is None:
            raise TapError(f"a row's id is {found.get('id')!r}, which is no whole number")
        record[EXTRA] = _document.encode(found).decode()
        return record
