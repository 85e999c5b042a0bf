"""An entity's rows as flat records: columns from `describe`, widened by what is seen; foreign keys in two columns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers.types import Record

from tap_wms.columns import JsonSchema

if TYPE_CHECKING:
    from tap_wms.clock import FacilityClock

logger = logging.getLogger("tap-wms.shape")

#: The JSON schema of a field by the type `describe` names. The guide ("Describe Entity", WMS REST API Guide 21D) says
#: that a field has a type and lists none, so these are those of its "Input Data Types" and their usual spellings; any
#: other says nothing, and the column gets the types of its values.
_TYPES: dict[str, tuple[str, str | None]] = {
    **dict.fromkeys(("integer", "int", "bigint"), ("integer", None)),
    **dict.fromkeys(("decimal", "numeric", "number", "float"), ("number", None)),
    **dict.fromkeys(("boolean", "bool"), ("boolean", None)),
    **dict.fromkeys(("string", "text", "char", "choice"), ("string", None)),
    **dict.fromkeys(("datetime", "date-time"), ("string", "date-time")),
    "date": ("string", "date"),
    "time": ("string", "time"),
}
_RELATIONS = frozenset({"relation", "related", "related field", "foreign key", "foreign_key", "field"})
_SEEN = {int: "integer", Decimal: "number", float: "number", bool: "boolean", str: "string"}
_FOREIGN_KEY = {"id", "key", "url"}

_document = msgspec.json.Encoder(decimal_format="number")


def _nullable(kind: str, text_format: str | None = None) -> JsonSchema:
    return {"type": [kind, "null"]} | ({"format": text_format} if text_format else {})


class Shape:
    """What an entity's records look like, as far as is known.

    Attributes:
        columns: Name to JSON schema; it only ever grows.
        fields: The fields as `describe` names them.
    """

    def __init__(self, fields: Mapping[str, Mapping[str, Any]], clock: FacilityClock) -> None:
        """Start from the `fields` of `describe`.

        Args:
            fields: Name to definition.
            clock: Reads times without a zone.
        """
        self.fields = fields
        self.columns: dict[str, JsonSchema] = {}
        self._clock = clock
        self._foreign: dict[str, tuple[str, str]] = {}
        self._known: set[tuple[str, type[Any]]] = set()
        self._as_is: set[str] = set()
        for name, field in fields.items():
            kind = str(field.get("type", "")).lower()
            if kind in _RELATIONS:
                self._split(name)
            elif name.endswith("_ts"):
                self.columns[name] = _nullable("string", "date-time")
            elif kind in _TYPES:
                self.columns[name] = _nullable(*_TYPES[kind])
                length = field.get("max_length")
                if kind == "string" and isinstance(length, int) and length > 0:
                    self.columns[name]["maxLength"] = length
            else:
                self.columns[name] = {"type": ["null"]}
        if "id" in self.columns:
            self.columns["id"] = {"type": [kind for kind in self.columns["id"]["type"] if kind != "null"]}

    def schema(self) -> JsonSchema:
        """Return the JSON schema of the records, with text for columns that have shown no value."""
        columns = {n: _nullable("string") if s["type"] == ["null"] else dict(s) for n, s in self.columns.items()}
        return {"type": "object", "properties": columns}

    def records(self, rows: list[dict[str, Any]]) -> tuple[list[Record], bool]:
        """Return rows as records, and whether the schema had to grow for them."""
        before = self.schema()
        records = [self._record(row) for row in rows]
        kinds: set[tuple[str, type[Any]]] = set()
        for record in records:
            kinds.update(zip(record, map(type, record.values()), strict=True))
        for name, kind in kinds - self._known:
            self._widen(name, kind)
        return records, self.schema() != before

    def _record(self, row: Mapping[str, Any]) -> Record:
        record: Record = {}
        as_is = self._as_is
        for name, value in row.items():
            kind = type(value)
            if kind is str:  # most values are texts that stay so, so they are told first
                if name in as_is:
                    record[name] = value
                elif name in self._foreign:
                    record |= self._reference(name, value)
                else:
                    record[name] = self._plain(name, value)
            elif kind is dict:
                if "id" in value and _FOREIGN_KEY.issuperset(value):
                    id_column, key_column = self._split(name)
                    record[id_column], record[key_column] = value["id"], value.get("key")
                else:
                    record[name] = _document.encode(value).decode()
            elif kind is list:
                record[name] = _document.encode(value).decode()
            elif name in self._foreign:
                record |= self._reference(name, value)
            else:
                record[name] = value
        return record

    def _reference(self, name: str, value: object) -> Record:
        id_column, key_column = self._foreign[name]
        return {id_column: value, key_column: None}

    def _plain(self, name: str, text: str) -> object:
        column = self.columns.get(name)
        if column is None:
            if not name.endswith("_ts"):
                return text
            column = self.columns[name] = _nullable("string", "date-time")
        if column.get("format") == "date-time":
            if not text:
                return None
            try:
                return self._clock.text(text)
            except ValueError:
                logger.warning("%s holds %r, which is no date-time: it is read as text", name, text[:40])
                del column["format"]
        elif "string" in column["type"]:
            self._as_is.add(name)
        elif "number" in column["type"]:
            # Decimals may come as text, which keeps their digits.
            try:
                number = Decimal(text)
            except InvalidOperation:
                return text or None
            return number if number.is_finite() else text
        return text

    def _split(self, name: str) -> tuple[str, str]:
        """Return the two columns of a foreign key: `company_id` has company_id and company_key."""
        if name not in self._foreign:
            base = name.removesuffix("_id")
            taken = {*self.fields, *self.columns} - {name}
            while f"{base}_id" in taken or f"{base}_key" in taken:
                base += "_ref"
            self._foreign[name] = f"{base}_id", f"{base}_key"
            self._as_is.discard(name)
            self.columns.setdefault(f"{base}_id", _nullable("integer"))
            self.columns[f"{base}_key"] = _nullable("string")
        return self._foreign[name]

    def _widen(self, name: str, kind: type[Any]) -> None:
        """Make room for a value of a type."""
        self._known.add((name, kind))
        wanted = _SEEN.get(kind)
        types = self.columns.get(name, {"type": ["null"]})["type"]
        if name not in self.columns:
            self.columns[name] = {"type": types}
        if wanted is None or wanted in types or (wanted == "integer" and "number" in types):
            return
        if wanted == "number":
            types = [kind for kind in types if kind != "integer"]
        self.columns[name] = {"type": [wanted, *types]}
