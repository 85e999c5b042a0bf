"""What people decide: by hand, by a sheet, winning over the engine and never ignored."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
import xlsxwriter
from click.testing import CliRunner
from order_rules import tables
from order_rules.config import Customer
from recon import overrides
from recon.cli import main
from recon.decision_files import EXPORTED, exported, write_csv, write_workbook
from recon.decisions import DecisionError
from recon.matching.overrides import GONE, ORDER_GONE, RULED_OUT_GONE
from recon.overrides import By
from recon.warehouse import schema
from recon.warehouse.engine import connect

CONFIG = Path(__file__).parents[3] / "config"
ME = By("me", "I know")
REVIEW = ("DECISION", "REMARK", "CUSTOMER", "SCORE", "FULFIL_KEY_ID", "ORDER_KEY_ID")


def order(qty, po="1234", style="AB1234", **more):
    return ("ACME", po, style, "NAVY", "M", qty, more)


def carton(qty, carton_id="C1", po="1234", style="AB1234", **more):
    return ("AC-WMS", po, style, "NAVY", "M", qty, {"carton_id": carton_id, **more})


def fill(warehouse):
    """Two orders that a carton's alternate PO fits alike, one that nobody fits, and a carton that fits nothing."""
    twins = [order(10, po="A1", customer_alt_po="777"), order(20, po="A2", customer_alt_po="777")]
    warehouse.workbook("ACME.xlsx", [*twins, order(30, po="B1")])
    warehouse.packed([carton(7, po="777"), carton(5, "C2", po="WHO KNOWS", style="ZZ9"), carton(3, "C3", po="B1")])
    warehouse.reconcile()


@pytest.fixture(scope="module")
def once_reconciled(build):
    warehouse = build()
    fill(warehouse)
    return warehouse


def key(warehouse, po):
    """Name the order key of a PO."""
    return warehouse.fact(customer_po=po)["order_key_id"]


def fulfilment(warehouse, po):
    return warehouse.match(fulfil_customer_po=po)["fulfil_key_id"]


def decided(warehouse):
    return {
        (state.decision.word, state.decision.fulfil[1], state.decision.order[1], state.why_not)
        for state in overrides.states(warehouse.engine, warehouse.rules)
    }


def test_a_tie_is_a_question_and_a_person_settles_it(reconciled):
    question = reconciled.match(fulfil_customer_po="777")
    assert (question["order_key_id"], question["review_status"]) == (None, "PENDING")
    with pytest.raises(DecisionError, match=r"may belong to .* or .*: name the order key"):
        overrides.accept(reconciled.engine, question["fulfil_key_id"], None, ME)

    overrides.accept(reconciled.engine, question["fulfil_key_id"], key(reconciled, "A2"), ME)
    reconciled.reconcile()

    match = reconciled.match(fulfil_customer_po="777")
    assert (match["order_customer_po"], match["match_rule"], match["decided_by"]) == ("A2", "override", "override")
    assert match["review_status"] == "ACCEPTED"
    (stored,) = reconciled.rows("recon_override")
    assert (stored["decided_by"], stored["reason"], stored["order_customer_po"]) == ("me", "I know", "A2")


def test_rejecting_one_candidate_links_the_other_and_rejecting_both_leaves_none(reconciled):
    question = fulfilment(reconciled, "777")
    overrides.reject(reconciled.engine, question, key(reconciled, "A1"), ME)
    reconciled.reconcile()
    assert reconciled.match(fulfil_customer_po="777")["order_customer_po"] == "A2"

    overrides.reject(reconciled.engine, question, None, ME)  # the one it is linked to now
    reconciled.reconcile()
    match = reconciled.match(fulfil_customer_po="777")
    assert (match["order_key_id"], match["review_status"], match["decided_by"]) == (None, "REJECTED", "override")
    assert decided(reconciled) == {("REJECT", "777", "A1", None), ("REJECT", "777", "A2", None)}


def test_a_link_to_an_order_that_nobody_proposed_and_back(reconciled):
    stranger = fulfilment(reconciled, "WHO KNOWS")
    with pytest.raises(DecisionError, match="has no candidate"):
        overrides.accept(reconciled.engine, stranger, None, ME)
    overrides.link(reconciled.engine, stranger, key(reconciled, "B1"), ME)
    reconciled.reconcile()
    assert reconciled.fact(customer_po="B1")["packed_qty"] == 8

    assert [one.word for one in overrides.withdraw(reconciled.engine, stranger, None)] == ["LINK"]
    reconciled.reconcile()
    assert reconciled.fact(customer_po="B1")["packed_qty"] == 3
    with pytest.raises(DecisionError, match="Nothing was decided about"):
        overrides.withdraw(reconciled.engine, stranger, None)


def test_unlinking_wins_over_an_exact_match(reconciled):
    overrides.unlink(reconciled.engine, fulfilment(reconciled, "B1"), ME)
    reconciled.reconcile()
    match = reconciled.match(fulfil_customer_po="B1")
    assert (match["match_type"], match["decided_by"]) == ("NO_MATCH", "override")


def test_the_same_decision_again_changes_nothing_not_even_who(reconciled):
    carton_id, order_id = fulfilment(reconciled, "777"), key(reconciled, "A1")
    assert len(overrides.link(reconciled.engine, carton_id, order_id, ME).added) == 1
    again = overrides.link(reconciled.engine, carton_id, order_id, By("somebody else", "me too"))
    assert (again.added, len(again.unchanged)) == ((), 1)
    assert reconciled.rows("recon_override")[0]["decided_by"] == "me"


def test_a_decision_against_another_is_refused_with_both_named_unless_it_shall_replace_it(reconciled):
    carton_id = fulfilment(reconciled, "777")
    overrides.link(reconciled.engine, carton_id, key(reconciled, "A1"), ME)
    for contrary in (
        lambda by: overrides.link(reconciled.engine, carton_id, key(reconciled, "A2"), by),
        lambda by: overrides.unlink(reconciled.engine, carton_id, by),
        lambda by: overrides.reject(reconciled.engine, carton_id, key(reconciled, "A1"), by),
    ):
        with pytest.raises(DecisionError, match=r"(?s)--replace.*A.* but it was decided that .*A1.*\(me, "):
            contrary(By("you", "no"))
    before = reconciled.rows("recon_override")
    taken = overrides.unlink(reconciled.engine, carton_id, By("you", "no", replace=True))
    assert [one.word for one in taken.replaced] == ["LINK"]
    assert (len(before), reconciled.rows("recon_override")[0]["order_key_id"]) == (1, None)
    overrides.reject(
        reconciled.engine, carton_id, key(reconciled, "A1"), ME
    )  # not against it: it belongs to none anyway


def test_unknown_keys_are_told(reconciled):
    with pytest.raises(DecisionError, match="No fulfilment 00 is published"):
        overrides.unlink(reconciled.engine, "00", ME)
    with pytest.raises(DecisionError, match="No order 00 is published"):
        overrides.link(reconciled.engine, fulfilment(reconciled, "777"), "00", ME)
    with pytest.raises(DecisionError, match="no fulfilment 00 is published"):
        overrides.accept(reconciled.engine, "00", None, ME)
    assert reconciled.rows("recon_override") == []


def test_what_no_longer_applies_is_reported_and_applies_again_when_it_can(reconciled):
    overrides.link(reconciled.engine, fulfilment(reconciled, "WHO KNOWS"), key(reconciled, "B1"), ME)
    overrides.reject(reconciled.engine, fulfilment(reconciled, "777"), key(reconciled, "A1"), ME)
    reconciled.workbook("ACME.xlsx", [order(20, po="A2", customer_alt_po="777")])
    reconciled.packed([carton(7, po="777"), carton(5, "C2", po="WHO KNOWS", style="ZZ9")])
    outcome = reconciled.reconcile(allow_shrink=True)
    assert {why for _, why in outcome.unattached} == {ORDER_GONE, RULED_OUT_GONE}
    assert outcome.findings["override_detached"].rows == 2
    assert reconciled.match(fulfil_customer_po="WHO KNOWS")["review_status"] == "PENDING"
    assert decided(reconciled) == {
        ("LINK", "WHO KNOWS", "B1", ORDER_GONE),
        ("REJECT", "777", "A1", RULED_OUT_GONE),
    }
    reconciled.packed([carton(7, po="777")])
    assert GONE in {why for _, why in reconciled.reconcile(allow_shrink=True).unattached}

    fill(reconciled)
    outcome = reconciled.reconcile()
    assert outcome.unattached == ()
    assert "override_detached" not in outcome.findings
    assert reconciled.match(fulfil_customer_po="WHO KNOWS")["order_customer_po"] == "B1"


def test_decisions_are_found_again_when_a_customer_is_renamed(reconciled, rules_of):
    overrides.link(reconciled.engine, fulfilment(reconciled, "WHO KNOWS"), key(reconciled, "B1"), ME)
    overrides.reject(reconciled.engine, fulfilment(reconciled, "777"), key(reconciled, "A1"), ME)
    renamed = Customer(canonical="ACME WORLD", aliases=("ACME",), source_names={"packed": "AC-WMS"})
    reconciled.rules = rules_of(customers=[renamed], without=["ACME"])
    assert reconciled.reconcile().unattached == ()
    assert reconciled.match(fulfil_customer_po="WHO KNOWS")["order_customer"] == "ACME WORLD"
    assert reconciled.match(fulfil_customer_po="777")["order_customer_po"] == "A2"


def review_sheet(path, rows):
    """Write a report's workbook: a title and totals above the header, other tabs beside it."""
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("SUMMARY").write(0, 0, "DECISION")
        sheet = book.add_worksheet("REVIEW")
        sheet.write(0, 0, "Review")
        sheet.write_row(4, 0, REVIEW)
        for number, row in enumerate(rows, 5):
            sheet.write_row(number, 0, row)
    return path


def test_the_review_sheet_is_read_back(reconciled, tmp_path):
    question, stranger = fulfilment(reconciled, "777"), fulfilment(reconciled, "WHO KNOWS")
    one, two = key(reconciled, "A1"), key(reconciled, "A2")
    rows = [
        ("REJECT", "wrong season", "ACME", 93.5, question, one),
        ("accept ", None, "ACME", 93.5, question, two),
        ("REJECT", None, "ACME", None, stranger, None),
        (None, "no idea", "ACME", 100, fulfilment(reconciled, "B1"), key(reconciled, "B1")),
    ]
    path = review_sheet(tmp_path / "order-audit.xlsx", rows)
    taken = overrides.import_file(reconciled.engine, path, By("a reviewer", "weekly review"))
    assert {(one.word, one.reason, one.decided_by) for one in taken.added} == {
        ("REJECT", "wrong season", "a reviewer"),
        ("LINK", "weekly review", "a reviewer"),
        ("UNLINK", "weekly review", "a reviewer"),
    }
    reconciled.reconcile()
    assert reconciled.match(fulfil_customer_po="777")["order_customer_po"] == "A2"
    again = overrides.import_file(reconciled.engine, path, By("a reviewer"))
    assert (len(again.added), len(again.unchanged)) == (0, 3)


def test_every_bad_row_is_named_and_nothing_taken(reconciled, tmp_path):
    question, one = fulfilment(reconciled, "777"), key(reconciled, "A1")
    good = ("ACCEPT", None, "ACME", 1, question, one)
    path = review_sheet(
        tmp_path / "r.xlsx",
        [
            good,
            ("MAYBE", *good[1:]),
            ("ACCEPT", None, "ACME", 1, question, None),
            ("REJECT", None, "ACME", 1, None, one),
        ],
    )
    with pytest.raises(DecisionError) as told:
        overrides.import_file(reconciled.engine, path, ME)
    lines = str(told.value).splitlines()
    assert "Nothing was written" in lines[0]
    assert "r.xlsx row 7: the decision 'MAYBE' is none of ACCEPT, LINK, REJECT, UNLINK" in lines[1]
    assert "r.xlsx row 8: ACCEPT needs the order" in lines[2]
    assert "r.xlsx row 9: FULFIL_KEY_ID is empty" in lines[3]

    path = review_sheet(tmp_path / "r.xlsx", [good, ("REJECT", None, "ACME", 1, "ab" * 16, "cd" * 16)])
    with pytest.raises(DecisionError, match=f"row 7: no fulfilment {'ab' * 16} is published"):
        overrides.import_file(reconciled.engine, path, ME)
    assert reconciled.rows("recon_override") == reconciled.rows("recon_ruled_out") == []


def test_rows_that_contradict_each_other_are_named_both(reconciled, tmp_path):
    question, one, two = fulfilment(reconciled, "777"), key(reconciled, "A1"), key(reconciled, "A2")
    both = [("ACCEPT", None, "", 1, question, one), ("ACCEPT", None, "", 1, question, two)]
    with pytest.raises(DecisionError, match=r"(?s)row 7: .*A2.*, but r.xlsx row 6: .*A1"):
        overrides.import_file(reconciled.engine, review_sheet(tmp_path / "r.xlsx", both), ME)
    assert reconciled.rows("recon_override") == []


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_export_is_read_back_into_an_empty_warehouse_as_it_was(reconciled, build, tmp_path, suffix):
    overrides.link(
        reconciled.engine, fulfilment(reconciled, "WHO KNOWS"), key(reconciled, "B1"), By("é", '=1+1, "quoted"\nlines')
    )
    overrides.reject(reconciled.engine, fulfilment(reconciled, "777"), key(reconciled, "A1"), ME)
    overrides.unlink(reconciled.engine, fulfilment(reconciled, "B1"), ME)
    rows = [exported(*state) for state in overrides.states(reconciled.engine, reconciled.rules)]
    path = tmp_path / f"decisions{suffix}"
    if suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            write_csv(file, rows)
    else:
        write_workbook(path, rows)
        assert [cell.value for cell in openpyxl.load_workbook(path)["OVERRIDES"][1]] == list(EXPORTED)
    other = build(reconciled.rules)
    overrides.import_file(other.engine, path, By("somebody else"))
    for name in ("recon_override", "recon_ruled_out"):
        assert other.rows(name) == reconciled.rows(name)


def test_a_csv_that_excel_saved_with_semicolons_is_read(reconciled, tmp_path):
    path = tmp_path / "d.csv"
    text = f"Decision;Fulfil_Key_Id;Order_Key_Id\nUNLINK;{fulfilment(reconciled, '777').upper()};\n;;\n"
    path.write_text(text, encoding="utf-8-sig")
    assert len(overrides.import_file(reconciled.engine, path, ME).added) == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("d.csv", b"DECISION,ORDER\nLINK,1\n", "names the columns DECISION and FULFIL_KEY_ID"),
        ("d.csv", b"\xff\xfe\x00", "cannot be read as CSV"),
        ("d.xlsx", b"no workbook", "cannot be read as a workbook"),
        ("d.csv", b"DECISION,FULFIL_KEY_ID,ORDER_KEY_ID\nUNLINK,ab,cd\n", "row 2: UNLINK means"),
        ("d.csv", b"DECISION,FULFIL_KEY_ID,DECIDED_AT\nUNLINK,ab,noon\n", "row 2: DECIDED_AT 'noon'"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(reconciled, tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DecisionError, match=told):
        overrides.import_file(reconciled.engine, path, ME)


@pytest.fixture
def call(build, tmp_path):
    """Run ``recon overrides`` on a warehouse in a file."""
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    warehouse = build(url=url)
    schema.command.stamp(_config(warehouse.engine), "head")
    fill(warehouse)

    def run(*args):
        return CliRunner().invoke(main, ["--warehouse-url", url, "--rules-path", str(CONFIG), "overrides", *args])

    run.warehouse = warehouse
    yield run
    warehouse.engine.dispose()


def _config(engine):
    config = schema._config()
    config.attributes["connection"] = engine.connect()
    return config


def test_the_commands_decide_list_export_and_import(call, tmp_path):
    warehouse = call.warehouse
    question, one = fulfilment(warehouse, "777"), key(warehouse, "A1")
    assert call("list").output == "Nothing was decided yet.\n"
    done = call("accept", question.upper(), one, "--by", "ann", "--why", "phoned")
    assert (done.exit_code, "belongs to order ACME / A1 / AB1234" in done.output) == (0, True)
    assert "recon reconcile" in done.output
    needs_why = call("unlink", question)
    assert (needs_why.exit_code, "--why" in needs_why.output) == (2, True)
    refused = call("unlink", question, "--why", "no")
    assert (refused.exit_code, refused.stderr.startswith("recon: Other decisions stand against these")) == (1, True)
    assert call("reject", question, key(warehouse, "A2"), "--why", "b").exit_code == 0
    listed = json.loads(call("list", "--json").output)
    assert [(row["decision"], row["decided_by"] == "ann", row["applies"]) for row in listed] == [
        ("LINK", True, "yes"),
        ("REJECT", False, "yes"),
    ]
    assert "ACME / 777 / AB1234" in call("list").output
    assert len(list(csv.DictReader(call("export", "-").output.splitlines()))) == 2
    for name in ("d.csv", "d.xlsx"):
        assert call("export", str(tmp_path / name)).output.startswith("2 decisions written to ")
        assert "2 decisions taken before already." in call("import", str(tmp_path / name)).output
    assert call("withdraw", question, one).output.startswith("Withdrawn: ACME / 777")
    assert call("link", question, key(warehouse, "B1"), "--why", "c", "--replace").exit_code == 0
    (tmp_path / "d.csv").write_text("DECISION,FULFIL_KEY_ID\n,\n", encoding="utf-8")
    assert "no decision in it" in call("import", str(tmp_path / "d.csv")).output


def test_what_a_former_version_ruled_out_is_moved_where_it_belongs(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'old.db'}")
    schema.migrate(engine, "0003")
    row = {"decision": "REJECT", "decided_by": "x", "decided_at": datetime(2026, 1, 1)}
    with engine.begin() as connection:
        for number, order_id in enumerate(("o", None)):
            override = row | {"fulfil_key_id": f"f{number}", "order_key_id": order_id}
            connection.execute(tables.recon_override.insert(), override)
    schema.migrate(engine)
    with engine.connect() as connection:
        left = connection.execute(sa.select(tables.recon_override.c.fulfil_key_id)).scalars().all()
        moved = connection.execute(sa.select(tables.recon_ruled_out.c.fulfil_key_id)).scalars().all()
    engine.dispose()
    assert (left, moved) == (["f1"], ["f0"])
