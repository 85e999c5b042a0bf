"""The rule files: what they mean, and how a bad one is refused with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from order_rules.config import FILES, Notify, Rules, RulesError, json_schemas, load_file, load_rules
from order_rules.schemas import write_schemas
from pydantic import ValidationError

Folder = Callable[..., Path]


def refusal(folder: Path) -> list[str]:
    """The lines of the message a folder is refused with, paths cut to the file's name."""
    with pytest.raises(RulesError) as refused:
        load_rules(folder)
    return str(refused.value).replace(f"{folder}/", "").splitlines()


CUSTOMER = "customers:\n  - canonical: BRAND A\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"customers": "customers:\n  - canonical: BRAND A\n    alias: [B]\n"},
            "customers.yml:3: customers.0.alias: Extra inputs are not permitted (found ['B'])",
            id="a misspelt key",
        ),
        pytest.param(
            {"sizes": "# sizes\nsize: {}\n"},
            "sizes.yml:2: size: Extra inputs are not permitted (found {})",
            id="a misspelt key at the top",
        ),
        pytest.param(
            {"customers": "customers:\n  - aliases: [B]\n"},
            "customers.yml:2: customers.0.canonical: Field required (found {'aliases': ['B']})",
            id="a customer without a name",
        ),
        pytest.param(
            {"customers": f"{CUSTOMER}    source_names:\n      packed: X\n      invoiced: Y\n"},
            "customers.yml:5: customers.0.source_names.invoiced.[key]: Input should be 'order_list', "
            "'master_order_list', 'packed' or 'shipped' (found 'invoiced')",
            id="a source there is none of",
        ),
        pytest.param(
            {"customers": f"{CUSTOMER}    style_fields: [style, colour]\n"},
            "customers.yml:3: customers.0.style_fields.1: Input should be 'style', 'pattern_id' or 'alias_item' "
            "(found 'colour')",
            id="a style field there is none of",
        ),
        pytest.param(
            {"customers": f"{CUSTOMER}    tolerance_pct: 101\n"},
            "customers.yml:3: customers.0.tolerance_pct: Input should be less than or equal to 100 (found '101')",
            id="a tolerance over 100 percent",
        ),
        pytest.param(
            {"customers": f"{CUSTOMER}    fuzzy_threshold: -1\n"},
            "customers.yml:3: customers.0.fuzzy_threshold: Input should be greater than or equal to 0 (found '-1')",
            id="a threshold below 0",
        ),
        pytest.param(
            {"customers": "customers:\n  - canonical: BRAND A\n    aliases:\n      - B\n      - ~\n"},
            "customers.yml:5: customers.0.aliases.1: Input should be a valid string (found None)",
            id="a name that is none",
        ),
        pytest.param(
            {"customers": f"{CUSTOMER}    tolerance_pct: five\n"},
            "customers.yml:3: customers.0.tolerance_pct: Input should be a valid number, unable to parse string as a "
            "number (found 'five')",
            id="a tolerance that is no number",
        ),
        pytest.param(
            {"customers": "- canonical: BRAND A\n"},
            "customers.yml:1: the file: Input should be a valid dictionary or instance of Customers "
            "(found [{'canonical': 'BRAND A'}])",
            id="a list where a mapping belongs",
        ),
        pytest.param(
            {"sizes": "patterns:\n  - match: '('\n    size: X\n"},
            "sizes.yml:2: patterns.0: Value error, not a regular expression: missing ), unterminated subpattern at "
            "position 0 (found {'match': '(', 'size': 'X'})",
            id="a pattern that is no regular expression",
        ),
        pytest.param(
            {"sizes": "patterns:\n  - {match: 'A', size: A}\n  - {match: '(\\d+)W', size: '\\2'}\n"},
            "sizes.yml:3: patterns.1: Value error, not a regular expression: invalid group reference 2 at position 1 "
            "(found {'match': '(\\\\d+)W', 'size': '\\\\2'})",
            id="a pattern that names a group it lacks",
        ),
        pytest.param(
            {"order_list_columns": "size_run: {after: A, before: B}\n"},
            "order_list_columns.yml:1: fields: Field required (found {'size_run': {'after': 'A', 'before': 'B'}})",
            id="columns without fields",
        ),
        pytest.param(
            {"order_list_columns": "fields:\n  customer: [C]\n  colour: [D]\n"},
            None,
            id="a field there is none of",
        ),
        pytest.param(
            {"wms_columns": "master_order_list:\n  fields: {}\npacked_products:\n  fields: {}\n"},
            "wms_columns.yml:1: shipped: Field required (found {'master_order_list': {'fields': {}}, "
            "'packed_products': {'fields': {}}})",
            id="a view that is not described",
        ),
        pytest.param(
            {"matching": "orders_from: wms\ngrace_days: -1\n"},
            "matching.yml:2: grace_days: Input should be greater than or equal to 0 (found '-1')",
            id="a negative grace",
        ),
        pytest.param(
            {"matching": "keep_loads: 0\n"},
            "matching.yml:1: keep_loads: Input should be greater than or equal to 1 (found '0')",
            id="no load kept",
        ),
        pytest.param(
            {"matching": "orders_from: excel\n"},
            "matching.yml:1: orders_from: Input should be 'order_list' or 'wms' (found 'excel')",
            id="a source of orders there is none of",
        ),
        pytest.param(
            {"privacy": "rules:\n  - {stream: a, field: b, action: drop}\n  - {stream: a, field: c, action: mask}\n"},
            "privacy.yml:3: rules.1.action: Input should be 'drop', 'redact' or 'hash' (found 'mask')",
            id="a protection there is none of",
        ),
    ],
)
def test_a_rule_that_says_what_no_rule_allows_is_refused_with_file_and_line(
    folder: Folder, files: dict[str, str], message: str | None
) -> None:
    found = refusal(folder(**files))
    if message is None:
        assert len(found) == 1
        assert found[0].startswith("order_list_columns.yml:3: fields.colour.[key]: Input should be 'order_number', ")
        assert found[0].endswith("(found 'colour')")
    else:
        assert found == [message]


def test_every_fault_of_a_file_is_named_at_once(folder: Folder) -> None:
    found = refusal(folder(matching="grace_days: -1\nkeep_loads: 0\nother: 1\n"))
    assert [line.split(" ")[0] for line in found] == ["matching.yml:1:", "matching.yml:2:", "matching.yml:3:"]


@pytest.mark.parametrize(
    ("text", "line"), [("customers:\n  - canonical: [\n", 3), ("a: b: c\n", 1), ("a: 1\n\tb: 2\n", 2)]
)
def test_a_file_that_is_not_yaml_is_refused_with_its_line(folder: Folder, text: str, line: int) -> None:
    (message,) = refusal(folder(customers=text))
    assert message.startswith(f"customers.yml:{line}: not YAML: ")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_by_name(folder: Folder, name: str) -> None:
    path = folder()
    (path / f"{name}.yml").unlink()
    assert refusal(path) == [f"{name}.yml: cannot be read (No such file or directory)."]


def test_a_missing_folder_is_refused_with_the_setting_to_change(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"nowhere: no such folder\. Set rules_path"):
        load_rules(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("customers", "line", "name"),
    [
        (
            f"{CUSTOMER}    aliases: [SHARED]\n  - canonical: BRAND B\n    aliases: [SHARED]\n",
            5,
            "SHARED",
        ),
        (
            f"{CUSTOMER}    aliases: [SHARED]\n  - canonical: BRAND B\n    aliases: [' shared']\n",
            5,
            " shared",
        ),
        ("customers:\n  - canonical: ALPHA\n    aliases: [BETA]\n  - canonical: BETA\n", 4, "BETA"),
        (
            "customers:\n  - canonical: ALPHA\n    source_names: {packed: WEB}\n"
            "  - canonical: BETA\n    source_names: {packed: WEB}\n",
            5,
            "WEB",
        ),
    ],
)
def test_a_name_claimed_by_two_customers_is_refused_with_its_line(
    folder: Folder, customers: str, line: int, name: str
) -> None:
    (message,) = refusal(folder(customers=customers))
    claimants = [part.split("\n")[0] for part in customers.split("canonical: ")[1:]]
    assert message == (
        f"customers.yml:{line}: the name {name!r} is claimed by {claimants[0]!r} and by {claimants[1]!r}. "
        f"A name can stand for one customer only: remove it from one of them."
    )


def test_one_name_may_stand_for_two_customers_in_two_sources(folder: Folder) -> None:
    rules = load_rules(
        folder(
            customers=(
                "customers:\n  - canonical: ALPHA\n    source_names: {packed: WEB}\n"
                "  - canonical: BETA\n    source_names: {shipped: WEB, order_list: ''}\n"
            )
        )
    )
    assert rules.canonical_customer("web", "packed") == "ALPHA"
    assert rules.canonical_customer("web", "shipped") == "BETA"
    assert rules.canonical_customer("web", "order_list") == "WEB"


def test_a_customer_may_repeat_its_own_name(folder: Folder) -> None:
    rules = load_rules(folder(customers=f"{CUSTOMER}    aliases: [BRAND A, brand a]\n"))
    assert rules.canonical_customer("brand a", "packed") == "BRAND A"


@pytest.mark.parametrize(
    ("sizes", "line", "spelling", "claimants"),
    [
        ("sizes:\n  S: [SMALL]\n  M: [small ]\n", 3, "small", ("S", "M")),
        ("sizes:\n  S: [P]\n  P: [PETITE]\n", 3, "P", ("S", "P")),
    ],
)
def test_a_size_spelling_claimed_twice_is_refused_with_its_line(
    folder: Folder, sizes: str, line: int, spelling: str, claimants: tuple[str, str]
) -> None:
    (message,) = refusal(folder(sizes=sizes))
    assert message == (
        f"sizes.yml:{line}: the size spelling {spelling!r} is claimed by {claimants[0]!r} and by {claimants[1]!r}. "
        f"Remove it from one of them."
    )


@pytest.mark.parametrize("sizes", ["{2XL: XXL, XXL: 2XL}", "{2XL: XXL, XXL: 2X}"])
def test_sizes_of_a_customer_that_lead_on_or_round_are_refused_with_its_line(folder: Folder, sizes: str) -> None:
    (message,) = refusal(folder(customers=f"{CUSTOMER}    sizes: {sizes}\n"))
    last = "2XL" if sizes.endswith("2XL}") else "2X"
    assert message == (
        f"customers.yml:3: 'BRAND A' turns the size '2XL' into 'XXL' and that into '{last}'. "
        f"Name the last one directly."
    )


def test_the_line_named_is_that_of_the_claim_and_not_of_a_text_that_holds_it(folder: Folder) -> None:
    names = "  - {canonical: BRAND A, aliases: [B]}\n  - canonical: BRAND B\n    aliases:\n      - B\n      - BB\n"
    (message,) = refusal(folder(customers=f"customers:\n{names}"))
    assert message.startswith("customers.yml:5: the name 'B' is claimed by 'BRAND A' and by 'BRAND B'.")
    (message,) = refusal(folder(sizes="sizes:\n  M: [MED]\n  L: [MED]\n  XMEDX: [ONE MED]\n"))
    assert message.startswith("sizes.yml:3: the size spelling 'MED' is claimed by 'M' and by 'L'.")


ORDER_LIST = "fields:\n  customer: [CUSTOMER NAME]\n"


def test_one_header_under_two_fields_is_refused_with_its_line(folder: Folder) -> None:
    (message,) = refusal(folder(order_list_columns=f"{ORDER_LIST}  style: [STYLE, customer  name]\n"))
    assert message == (
        "order_list_columns.yml:3: the header 'customer  name' is claimed by 'customer' and by 'style'. "
        "A column can be one field only: remove it from one of them."
    )


@pytest.mark.parametrize("view", ["packed_products", "shipped", "master_order_list"])
def test_one_column_of_a_view_under_two_fields_is_refused_with_its_line(folder: Folder, view: str) -> None:
    views = ("packed_products", "shipped", "master_order_list")
    texts = [f"{name}:\n  fields:\n    customer: [A]\n    style: [{'a' if name == view else 'B'}]\n" for name in views]
    (message,) = refusal(folder(wms_columns="".join(texts)))
    line = 4 * (views.index(view) + 1)
    assert message.startswith(f"wms_columns.yml:{line}: the header 'a' is claimed by 'customer' and by 'style'.")


def test_one_header_in_two_views_is_none_of_the_others_business(rules: Rules) -> None:
    views = rules.wms_columns
    assert views.packed_products.by_header["CUSTOMER"] == views.shipped.by_header["CUSTOMER"] == "customer"


@pytest.mark.parametrize(
    ("files", "messages"),
    [
        (
            {"matching": "grace_days: 1\n\ngrace_days: 2\n"},
            ["matching.yml:3: the key 'grace_days' stands in line 1 already. Make one of the two."],
        ),
        (
            {"sizes": "sizes:\n  M: [A]\n  L: [B]\n  M: [C]\n"},
            ["sizes.yml:4: the key 'M' stands in line 2 already. Make one of the two."],
        ),
        (
            {"customers": "customers:\n  - canonical: A\n    aliases: [B]\n    aliases: [C]\n    canonical: D\n"},
            [
                "customers.yml:4: the key 'aliases' stands in line 3 already. Make one of the two.",
                "customers.yml:5: the key 'canonical' stands in line 2 already. Make one of the two.",
            ],
        ),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(
    folder: Folder, files: dict[str, str], messages: list[str]
) -> None:
    assert refusal(folder(**files)) == messages


def test_an_anchor_may_be_used_twice_and_even_within_itself(folder: Folder) -> None:
    sizes = "{sizes: {M: &m [MED]}, equivalents: [*m, *m]}"
    assert load_rules(folder(sizes=sizes)).sizes.equivalents == (("MED",), ("MED",))
    assert refusal(folder(sizes="sizes: &s {M: *s}"))


@pytest.mark.parametrize(
    "size", ["06", "0o17", "1e3", "1_000", "28.0", "2026-03-04", "12:30", "NO", "yes", "TRUE", ".5"]
)
def test_what_is_written_without_quotes_is_read_as_it_is_written(folder: Folder, size: str) -> None:
    customers = f"{CUSTOMER}    aliases: [{size}]\n    sizes: {{{size}: {size}}}\n"
    rules = load_rules(folder(customers=customers, sizes=f"sizes:\n  {size}: [A, {size}]\n"))
    (customer,) = rules.customers.customers
    assert (customer.aliases, dict(customer.sizes)) == ((size,), {size: size})
    assert dict(rules.sizes.sizes) == {size: ("A", size)}


def test_numbers_and_yes_and_no_are_read_where_a_rule_wants_them(folder: Folder, tmp_path: Path) -> None:
    matching = load_rules(folder(matching="tolerance_pct: 2.5\ngrace_days: 7\n")).matching
    assert (matching.tolerance_pct, matching.grace_days) == (2.5, 7)
    (tmp_path / "notify.yml").write_text("email: {always: yes, on_failure: False}\n", encoding="utf-8")
    email = load_file(tmp_path / "notify.yml", Notify).email
    assert (email.always, email.on_failure, email.variance_over) == (True, False, None)


def test_a_file_that_is_not_utf8_is_refused_with_its_line(folder: Folder) -> None:
    made = folder()
    (made / "customers.yml").write_bytes("customers:\n  - canonical: CAFÉ\n".encode("latin-1"))
    assert refusal(made) == ["customers.yml:2: is not UTF-8 text (found the byte 0xc9). Save it as UTF-8."]


def test_a_size_that_stays_itself_is_no_cycle(folder: Folder) -> None:
    rules = load_rules(folder(customers=f"{CUSTOMER}    sizes: {{2XL: XXL, XXL: XXL}}\n"))
    assert rules.canonical_size("2XL", "BRAND A") == "XXL"


def test_empty_files_are_empty_rules_where_nothing_is_required(folder: Folder) -> None:
    rules = load_rules(folder(customers="", sizes="# nothing yet\n", matching="", privacy=""))
    assert rules.customers.customers == ()
    assert rules.matching.keep_loads == 2


RULES = {
    "customers": (
        "customers:\n"
        "  - canonical: Brand A\n    aliases: [Brand A (US), 7]\n    source_names: {packed: WEB STORE 7}\n"
        "  - canonical: BRAND B\n    sizes: {2XL: XXL, OSFA: TALL}\n"
    ),
    "sizes": (
        "sizes:\n  ONE SIZE: [OS, O/S]\n  28: [28.0]\n  30X32: [30 by 32]\n"
        "patterns:\n  - {match: '(\\d{2})[X/](\\d{2})', size: '\\1X\\2'}\n  - {match: 'OSFA', size: OS}\n"
    ),
}


@pytest.fixture
def rules(folder: Folder) -> Rules:
    return load_rules(folder(**RULES))


@pytest.mark.parametrize(
    ("name", "source", "canonical"),
    [
        ("brand a", "order_list", "BRAND A"),
        (" Brand  A (us)", "packed", "BRAND A"),
        (7, "shipped", "BRAND A"),
        (7.0, "shipped", "BRAND A"),
        ("web store 7", "packed", "BRAND A"),
        ("web store 7", "shipped", "WEB STORE 7"),
        ("brand zed ", "order_list", "BRAND ZED"),
        ("N/A", "order_list", None),
        (None, "order_list", None),
    ],
)
def test_a_customer_is_known_by_every_name_and_an_unknown_one_stays(
    rules: Rules, name: object, source: str, canonical: str | None
) -> None:
    assert rules.canonical_customer(name, source) == canonical  # type: ignore[arg-type]  # a source's name as text


def test_a_customer_is_found_with_its_own_rules(rules: Rules) -> None:
    known = rules.customer("brand b", "shipped")
    assert known is not None
    assert known.style_fields == ("style", "pattern_id", "alias_item")
    assert rules.customer("brand zed", "shipped") is None


@pytest.mark.parametrize(
    ("size", "customer", "canonical"),
    [
        ("os", None, "ONE SIZE"),
        ("O/S", "BRAND A", "ONE SIZE"),
        (28.0, None, "28"),
        ("30x32", None, "30X32"),
        ("30/32", "BRAND B", "30X32"),
        ("OSFA", None, "ONE SIZE"),
        ("OSFA", "BRAND B", "TALL"),
        ("2xl", "BRAND A", "2XL"),
        ("2xl", "BRAND B", "XXL"),
        ("2xl", None, "2XL"),
        ("LONG TORSO 9", "BRAND A", "LONG TORSO 9"),
        ("-", "BRAND A", None),
        (None, None, None),
    ],
)
def test_a_size_is_spelled_one_way_and_a_customers_own_way_wins(
    rules: Rules, size: object, customer: str | None, canonical: str | None
) -> None:
    assert rules.canonical_size(size, customer) == canonical


@pytest.mark.parametrize(
    ("name", "text", "changes"),
    [
        ("customers", CUSTOMER, True),
        ("sizes", "{}", True),
        ("order_list_columns", "fields:\n  customer: [CUSTOMER]\n", True),
        ("matching", "grace_days: 3\n", False),
        ("privacy", "rules: [{stream: a, field: b, action: drop}]\n", False),
        ("customers", RULES["customers"] + "# a comment\n", False),
    ],
)
def test_the_version_changes_with_what_decides_a_canonical_form_and_with_nothing_else(
    folder: Folder, name: str, text: str, changes: bool
) -> None:
    before = load_rules(folder(**RULES)).version
    assert len(before) == 32
    assert (load_rules(folder(**RULES | {name: text})).version != before) == changes


def test_rules_cannot_be_changed_once_read(rules: Rules) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        rules.customers = rules.customers
    with pytest.raises(ValidationError, match="frozen"):
        rules.matching.grace_days = 3


def test_the_projects_own_rules_are_sound(project: Path) -> None:
    rules = load_rules(project / "config")
    assert rules.order_list_columns.by_header["AAG ORDER NUMBER"] == "order_number"
    assert rules.wms_columns.packed_products.by_header["CARTONID"] == "carton_id"


def test_the_json_schemas_kept_for_editors_are_those_of_the_models(project: Path) -> None:
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (project / "config/schemas").iterdir()}
    assert kept == json_schemas()


def test_writing_the_json_schemas_writes_those_that_are_kept(project: Path, tmp_path: Path) -> None:
    written = write_schemas(tmp_path)
    assert [path.stem for path in written] == list(json_schemas())
    for path in written:
        assert path.read_text(encoding="utf-8") == (project / "config/schemas" / path.name).read_text(encoding="utf-8")


def test_the_kept_rules_for_when_to_speak_are_understood(project: Path) -> None:
    kept = load_file(project / "config/notify.yml", Notify)
    assert kept.monday.always
    assert kept.email.on_failure
    assert kept.chat == Notify().chat


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("email:\n  exceptions_over: 0\n", "notify.yml:2: email.exceptions_over: Input should be greater than"),
        ("sms: {always: true}\n", "notify.yml:1: sms: Extra inputs are not permitted"),
        ("chat:\n  variance: 5\n", "notify.yml:2: chat.variance: Extra inputs are not permitted"),
    ],
)
def test_rules_for_when_to_speak_are_refused_with_their_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "notify.yml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        load_file(tmp_path / "notify.yml", Notify)
    assert expected in str(raised.value)
