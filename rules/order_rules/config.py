"""The rules that people keep in ``config/*.yml``: read, checked and refused with file and line.

One model a file. ``load_rules`` reads the folder once; the result is immutable and knows its own version, a
hash of everything in it that changes a canonical form, which every staged row carries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from order_rules.canonical import clean
from order_rules.ids import hash_id
from order_rules.rule_file import RuleFile, read_rule_file
from order_rules.rule_file import RulesError as RulesError  # noqa: PLC0414  (how mypy is told that it is for others too)

Source = Literal["order_list", "master_order_list", "packed", "shipped"]
"""Where a customer's name was found."""

OrderField = Literal[
    "order_number",
    "customer",
    "customer_po",
    "customer_alt_po",
    "style",
    "style_description",
    "pattern_id",
    "alias_item",
    "color",
    "color_code",
    "uom",
    "total_qty",
    "ordered_on",
    "ex_factory_on",
    "eta_on",
    "delivery_method",
    "order_type",
    "season",
    "customer_season",
    "drop",
    "category",
    "destination",
    "destination_warehouse",
    "channel",
    "customer_price",
    "final_fob_usd",
    "notes",
]
CartonField = Literal[
    "customer",
    "customer_po",
    "style",
    "color",
    "size",
    "carton_id",
    "sku",
    "qty",
    "packed_on",
    "shipped_on",
    "season",
    "shipping_method",
    "country",
]


class Rule(BaseModel):
    """A part of a rule file. Unknown keys are refused: a misspelt key is not a rule that is silently off."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _scalar_text(value: object) -> object:
    """A size made in a program may be the number 28; in a rule it is a name."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_scalar_text)]


class Customer(Rule):
    """One customer: its canonical name and every other name it goes by.

    Attributes:
        canonical: the name it is reported under.
        aliases: other names, in any source.
        source_names: the name one source uses for it, where that name alone would not tell.
        style_fields: which order fields a WMS style may stand for, tried in this order.
        tolerance_pct: variance still called good, in percent of ordered; ``None``: the general one.
        fuzzy_threshold: least score, 0 to 100, of a fuzzy link; ``None``: the general one.
        sizes: this customer's own size spellings, which win over ``sizes.yml``.
        workbook: the path of the one workbook that counts, where copies of it lie about.
    """

    canonical: Text
    aliases: tuple[Text, ...] = ()
    source_names: dict[Source, Text] = Field(default_factory=dict)
    style_fields: tuple[Literal["style", "pattern_id", "alias_item"], ...] = (
        "style",
        "pattern_id",
        "alias_item",
    )
    tolerance_pct: float | None = Field(default=None, ge=0, le=100)
    fuzzy_threshold: float | None = Field(default=None, ge=0, le=100)
    sizes: dict[Text, Text] = Field(default_factory=dict)
    workbook: str | None = None


class Customers(Rule):
    """``customers.yml``: who is who."""

    customers: tuple[Customer, ...] = ()

    @cached_property
    def by_alias(self) -> Mapping[str, Customer]:
        """Every cleaned name that holds in all sources, to its customer."""
        return {name: customer for name, customer in self._names()}  # noqa: C416  (pairs from a generator)

    def _names(self) -> Iterator[tuple[str, Customer]]:
        for customer in self.customers:
            for name in (customer.canonical, *customer.aliases):
                if cleaned := clean(name):
                    yield cleaned, customer

    @cached_property
    def by_source_name(self) -> Mapping[tuple[str, str], Customer]:
        """Every (source, cleaned name) that holds in that source alone, to its customer."""
        return {
            (source, cleaned): customer
            for customer in self.customers
            for source, name in customer.source_names.items()
            if (cleaned := clean(name))
        }


class SizePattern(Rule):
    """A family of size spellings.

    Attributes:
        match: a regular expression on the whole cleaned text.
        size: the canonical size; a backslash and a number stand for a group.
    """

    match: str
    size: str

    @model_validator(mode="after")
    def _compiles(self) -> SizePattern:
        try:
            self.expression.sub(self.size, "")
        except (re.error, IndexError) as error:
            msg = f"not a regular expression: {error}"
            raise ValueError(msg) from None
        return self

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The compiled expression."""
        return re.compile(self.match)


class Sizes(Rule):
    """``sizes.yml``: spellings of one size that need no context, and those that do.

    Attributes:
        sizes: canonical size to its spellings.
        patterns: families of spellings; the first that matches wins.
        equivalents: spellings that are one size or several as each customer's workbooks prove; the first is kept.
    """

    sizes: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    patterns: tuple[SizePattern, ...] = ()
    equivalents: tuple[tuple[Text, ...], ...] = ()

    @cached_property
    def by_spelling(self) -> Mapping[str, str]:
        """Cleaned spelling to canonical size."""
        return {
            spelling: canonical
            for size, spellings in self.sizes.items()
            if (canonical := clean(size))
            for spelling in (canonical, *filter(None, map(clean, spellings)))
        }


class SizeRun(Rule):
    """The two headers that the size columns stand strictly between."""

    after: str = "UNIT OF MEASURE"
    before: str = "TOTAL QTY"


def _by_header(fields: Mapping[Any, Iterable[str]]) -> Mapping[str, str]:
    return {cleaned: field for field, headers in fields.items() for h in headers if (cleaned := clean(h))}


class OrderView(Rule):
    """A wide view of orders."""

    size_run: SizeRun = SizeRun()
    fields: dict[OrderField, tuple[Text, ...]]

    @cached_property
    def by_header(self) -> Mapping[str, str]:
        """Cleaned header or column name to field."""
        return _by_header(self.fields)


class OrderListColumns(OrderView):
    """``order_list_columns.yml``: which header is which field, with the spellings seen."""


class CartonView(Rule):
    """A view of cartons, one row a carton and SKU."""

    fields: dict[CartonField, tuple[Text, ...]]

    @cached_property
    def by_header(self) -> Mapping[str, str]:
        """Cleaned column name to field."""
        return _by_header(self.fields)


class WmsColumns(Rule):
    """``wms_columns.yml``: which column of a WMS view is which field."""

    master_order_list: OrderView
    packed_products: CartonView
    shipped: CartonView


class Matching(Rule):
    """``matching.yml``: what counts, and how far off is still right.

    Attributes:
        orders_from: the source that counts where a customer's orders stand in both.
        excluded_sizes: sizes left out of the audit and counted (salesman samples).
        cancelled_order_types: order types that are not ordered quantity.
        order_type_aliases: order types that mean another.
        tolerance_pct: variance still called good, in percent of ordered.
        grace_days: days after ex factory before an open order is due.
        overlap_pct: share of keyed lines two differing workbooks may have in common before the older is left out.
        max_shrink_pct: by how much files or rows may fall between two runs.
        max_quarantine_pct: share of a unit's quantity cells or rows that may be quarantined.
        keep_loads: superseded and incomplete loads kept behind the current ones.
        po_prefixes: words that may stand before a PO number and do not belong to it.
        color_abbreviations: canonical colour to its abbreviations.
        fuzzy_threshold: least score, 0 to 100, of a fuzzy link; ``customers.yml`` can set it for one customer.
        review_margin: a fuzzy link fewer points before its runner-up than this is also a question for a person.
        review_from: least score at which an order is proposed for fulfilment that stays unlinked.
        most_pairs: how many pairs one block of a fuzzy comparison may make before a further field cuts it.
    """

    orders_from: Literal["order_list", "wms"] = "order_list"
    excluded_sizes: tuple[Text, ...] = ("SMS",)
    cancelled_order_types: tuple[Text, ...] = ("CANCELLED",)
    order_type_aliases: dict[Text, Text] = Field(default_factory=dict)
    tolerance_pct: float = Field(default=5, ge=0, le=100)
    grace_days: int = Field(default=0, ge=0)
    overlap_pct: float = Field(default=30, ge=0, le=100)
    max_shrink_pct: float = Field(default=20, ge=0, le=100)
    max_quarantine_pct: float = Field(default=20, ge=0, le=100)
    keep_loads: int = Field(default=2, ge=1)
    po_prefixes: tuple[Text, ...] = ()
    color_abbreviations: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    fuzzy_threshold: float = Field(default=80, ge=0, le=100)
    review_margin: float = Field(default=10, ge=0, le=100)
    review_from: float = Field(default=70, ge=0, le=100)
    most_pairs: int = Field(default=200_000, ge=1)


class PrivacyRule(Rule):
    """What happens to one field of one stream before it leaves the mapper.

    Attributes:
        stream: the stream as the tap names it.
        field: the column or header as found; compared cleaned.
        action: ``drop`` removes the value, ``redact`` keeps the last four characters, ``hash`` replaces it with a
            keyed hash (HMAC-SHA-256).
    """

    stream: str
    field: str
    action: Literal["drop", "redact", "hash"]


class Privacy(Rule):
    """``privacy.yml``: values that must not reach the warehouse as they are."""

    rules: tuple[PrivacyRule, ...] = ()
    key_env: str = "ORDER_AUDIT_PRIVACY_KEY"


class Speaking(Rule):
    """When a channel speaks of a run. Whatever holds, it speaks once: the same news is not repeated.

    Attributes:
        always: of every run.
        on_failure: when a run failed, and once when one succeeds again.
        exceptions_over: when more order keys than this can be acted on (due and missing, over-shipped, without
            order), and again once they have been fewer meanwhile; ``None``: never.
        on_unknown_customer: when a name is new that ``customers.yml`` does not know.
        variance_over: when an order key that can be acted on lacks, or has too many, more units than this; ``None``:
            never.
    """

    always: bool = False
    on_failure: bool = True
    exceptions_over: int | None = Field(default=None, ge=1)
    on_unknown_customer: bool = False
    variance_over: int | None = Field(default=None, ge=1)


class Notify(Rule):
    """``notify.yml``: when each channel speaks. A channel is set up by its settings, not here.

    It decides no figure, so it is not among ``FILES``: a mistake in it must not stop a run.

    Attributes:
        monday: the item on a Monday.com board.
        email: e-mail.
        chat: Teams, Slack and other webhooks.
    """

    monday: Speaking = Speaking(always=True)
    email: Speaking = Speaking()
    chat: Speaking = Speaking()


FILES: Final[dict[str, type[Rule]]] = {
    "customers": Customers,
    "sizes": Sizes,
    "order_list_columns": OrderListColumns,
    "wms_columns": WmsColumns,
    "matching": Matching,
    "privacy": Privacy,
}
"""The rule files by name, without ``.yml``."""


class Rules(BaseModel):
    """All rules, read and checked."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    customers: Customers
    sizes: Sizes
    order_list_columns: OrderListColumns
    wms_columns: WmsColumns
    matching: Matching
    privacy: Privacy

    @cached_property
    def version(self) -> str:
        """Hash of the rules that decide a canonical form: customers, sizes and columns."""
        parts = (self.customers, self.sizes, self.order_list_columns, self.wms_columns)
        return hash_id(*(json.dumps(part.model_dump(mode="json"), sort_keys=True) for part in parts))

    def customer(self, found: object, source: Source) -> Customer | None:
        """Find the customer that a name stands for.

        Args:
            found: the name as found.
            source: where it was found.

        Returns:
            The customer, or ``None`` for a missing or unknown name.
        """
        name = clean(found)
        if name is None:
            return None
        return self.customers.by_source_name.get((source, name)) or self.customers.by_alias.get(name)

    def canonical_customer(self, found: object, source: Source) -> str | None:
        """Give a customer's canonical name; an unknown one stays under its own cleaned name.

        Returns:
            The name, or ``None`` where it is missing.
        """
        known = self.customer(found, source)
        return clean(known.canonical) if known else clean(found)

    def canonical_size(self, found: object, customer: str | None = None) -> str | None:
        """Give a size its canonical spelling, as far as that needs no other row.

        Args:
            found: the size as found, text or number.
            customer: the canonical customer, whose own spellings win.

        Returns:
            The size, or ``None`` where it is missing.
        """
        size = clean(found)
        if size is None:
            return None
        if customer is not None and (own := self._own_sizes.get(customer)) and size in own:
            return own[size]
        general = self._general_size(size)
        return own.get(general, general) if customer is not None and own else general

    def _general_size(self, size: str) -> str:
        if size in self.sizes.by_spelling:
            return self.sizes.by_spelling[size]
        for pattern in self.sizes.patterns:
            if matched := pattern.expression.fullmatch(size):
                replaced = matched.expand(pattern.size)
                return self.sizes.by_spelling.get(replaced, replaced)
        return size

    @cached_property
    def _own_sizes(self) -> Mapping[str, Mapping[str, str]]:
        return {
            name: {s: t for source, target in customer.sizes.items() if (s := clean(source)) and (t := clean(target))}
            for customer in self.customers.customers
            if customer.sizes and (name := clean(customer.canonical))
        }


R = TypeVar("R", bound=Rule)


def load_rules(folder: Path) -> Rules:
    """Read every rule file of a folder.

    Args:
        folder: the ``config`` folder (settings ``rules_path``).

    Returns:
        The rules.

    Raises:
        RulesError: a file is missing, not YAML, or says what no rule allows.
    """
    if not folder.is_dir():
        msg = f"{folder}: no such folder. Set rules_path to the folder that holds customers.yml and the other rules."
        raise RulesError(msg)
    files = {name: read_rule_file(folder / f"{name}.yml", model) for name, model in FILES.items()}
    rules = Rules.model_validate({name: file.rules for name, file in files.items()})
    _refuse_shared_names(files["customers"], rules.customers)
    _refuse_size_cycles(files["customers"], rules.customers)
    _refuse_shared_sizes(files["sizes"], rules.sizes)
    _refuse_shared_headers(files["order_list_columns"], (), rules.order_list_columns.fields)
    for view, columns in rules.wms_columns:
        _refuse_shared_headers(files["wms_columns"], (view,), columns.fields)
    return rules


def load_file(path: Path, model: type[R]) -> R:
    """Read and check one rule file.

    Args:
        path: the YAML file.
        model: its model.

    Returns:
        The checked model.

    Raises:
        RulesError: naming file and line, what was found and what was expected.
    """
    return read_rule_file(path, model).rules


Place = tuple[int | str, ...]
"""Keys and positions that lead to a part of a rule file."""


def _refuse_shared_names(file: RuleFile[Rule], customers: Customers) -> None:
    seen: dict[tuple[str | None, str], str] = {}
    for number, customer in enumerate(customers.customers):
        own: Place = ("customers", number)
        names: list[tuple[str | None, str, Place]] = [(None, customer.canonical, (*own, "canonical"))]
        names += [(None, name, (*own, "aliases", n)) for n, name in enumerate(customer.aliases)]
        names += [(source, name, (*own, "source_names", source)) for source, name in customer.source_names.items()]
        for source, name, place in names:
            key = (source, clean(name) or "")
            if not key[1]:
                continue
            other = seen.setdefault(key, customer.canonical)
            if other != customer.canonical:
                raise file.refusal(
                    place,
                    f"the name {name!r} is claimed by {other!r} and by {customer.canonical!r}. A name can stand for "
                    "one customer only: remove it from one of them.",
                )


def _refuse_shared_sizes(file: RuleFile[Rule], sizes: Sizes) -> None:
    seen: dict[str, str] = {}
    for size, spellings in sizes.sizes.items():
        own: Place = ("sizes", size)
        for spelling, place in ((size, own), *((text, (*own, n)) for n, text in enumerate(spellings))):
            other = seen.setdefault(clean(spelling) or "", size)
            if other != size:
                raise file.refusal(
                    place,
                    f"the size spelling {spelling!r} is claimed by {other!r} and by {size!r}. Remove it from one of "
                    "them.",
                )


def _refuse_size_cycles(file: RuleFile[Rule], customers: Customers) -> None:
    for number, customer in enumerate(customers.customers):
        own = {clean(source): clean(target) for source, target in customer.sizes.items()}
        for found, named in customer.sizes.items():
            source, target = clean(found), clean(named)
            if target in own and own[target] != target:
                raise file.refusal(
                    ("customers", number, "sizes", found),
                    f"{customer.canonical!r} turns the size {source!r} into {target!r} and that into {own[target]!r}. "
                    "Name the last one directly.",
                )


def _refuse_shared_headers(file: RuleFile[Rule], view: Place, fields: Mapping[Any, tuple[str, ...]]) -> None:
    seen: dict[str, str] = {}
    for field, headers in fields.items():
        for number, header in enumerate(headers):
            other = seen.setdefault(clean(header) or "", field)
            if other != field:
                raise file.refusal(
                    (*view, "fields", field, number),
                    f"the header {header!r} is claimed by {other!r} and by {field!r}. A column can be one field only: "
                    "remove it from one of them.",
                )


def json_schemas() -> dict[str, dict[str, Any]]:
    """Derive the JSON schema of every rule file, for editors.

    Returns:
        File name without ``.yml`` to schema, as kept under ``config/schemas/``.
    """
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        for name, model in (FILES | {"notify": Notify}).items()
    }
