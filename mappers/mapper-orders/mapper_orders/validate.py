"""Checks every outgoing record against its row model, fast enough for the hot path.

The pydantic models of ``order_rules.models`` are the contract. Per record their ``model_validate`` costs four to five
times as much as ``msgspec.convert`` into a struct compiled from the same columns (``bench/mapper.py`` measures
both), so the struct checks each record and the tests hold both to the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from order_rules.ids import ID_LENGTH
from order_rules.models import Column, Row, columns
from pydantic import ValidationError

from mapper_orders.errors import ContractError


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a record.

    Attributes:
        code: ``too_long`` or ``invalid_row``.
        field: the field at fault, ``None`` where the record as a whole is.
        reason: what to do, in plain words, without the value.
    """

    code: str
    field: str | None
    reason: str

    def value_in(self, record: dict[str, Any]) -> object:
        """Give the value at fault as it was found, not as it was cleaned."""
        if self.field is None:
            return None
        return record.get(f"{self.field}_source", record[self.field])


def text_units(text: str) -> int:
    """Measure a text as ``NVARCHAR`` does: in UTF-16 units, of which an emoji takes two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """Shorten a text to a limit of UTF-16 units, with an ellipsis where something is cut."""
    if text_units(text) <= limit:
        return text
    cut = text[: limit - 1]
    while text_units(cut) >= limit:
        cut = cut[:-1]
    return cut + "…"


class Check:
    """The compiled check of one row model.

    Attributes:
        blank: a record of the model with every field ``None``, to copy and fill.
    """

    def __init__(self, model: type[Row]) -> None:
        self.blank: dict[str, Any] = dict.fromkeys(model.model_fields)
        self._limits = {column.name: column.max_length for column in columns(model) if column.max_length}
        self._least_limit = min(limit for limit in self._limits.values() if limit > ID_LENGTH)
        self._struct = msgspec.defstruct(
            model.__name__,
            [(column.name, _annotation(column)) for column in columns(model)],
            forbid_unknown_fields=True,
        )

    def problem(self, record: dict[str, Any], *, wide_text: bool = False) -> Problem | None:
        """Check a record.

        Args:
            record: field to value; dates as ISO text, money as ``Decimal``.
            wide_text: whether some text may count more UTF-16 units than characters.

        Returns:
            What is wrong, or ``None``.
        """
        try:
            msgspec.convert(record, self._struct)
        except msgspec.ValidationError as error:
            return self._too_long(record) or Problem("invalid_row", None, f"The row does not fit its table: {error}.")
        return self._too_long(record) if wide_text else None

    def has_wide_text(self, record: dict[str, Any]) -> bool:
        """Tell whether a text might fit in characters and not in UTF-16 units."""
        for field in self._limits:
            value = record[field]
            if value is not None and not value.isascii() and len(value) * 2 > self._least_limit:
                return True
        return False

    def _too_long(self, record: dict[str, Any]) -> Problem | None:
        for field, limit in self._limits.items():
            value = record[field]
            if isinstance(value, str) and len(value) * 2 > limit and (units := text_units(value)) > limit:
                reason = f"{field} has {units} characters; its limit is {limit}. Shorten it."
                return Problem("too_long", field, reason)
        return None


def _annotation(column: Column) -> Any:  # noqa: ANN401  (a type made at run time)
    kind: Any = column.type
    if column.max_length is not None:
        kind = Annotated[kind, msgspec.Meta(max_length=column.max_length)]
    if column.maximum is not None:
        kind = Annotated[kind, msgspec.Meta(ge=-column.maximum, le=column.maximum)]
    return kind | None if column.nullable else kind


def passed_on(stream: str, model: type[Row], record: dict[str, Any]) -> dict[str, Any]:
    """Check a record that passes on as it came (``source_files``, ``loads``) with its pydantic model.

    Args:
        stream: the stream, for the message.
        model: its row model.
        record: the record as received.

    Returns:
        Every field of the model, as JSON values.

    Raises:
        ContractError: naming stream, field and what was expected, not the value.
    """
    try:
        return model.model_validate(record).model_dump(mode="json")
    except ValidationError as error:
        findings = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'record'}: {e['msg']}" for e in error.errors())
        msg = f"{stream}: a record breaks the contract with the tap: {findings}."
        raise ContractError(msg) from None
