"""Whole runs against a SharePoint library: what is fetched, what is written, what the state then covers."""

import json
import resource
import signal
import subprocess

import pytest
from tap_sharepoint_orders.tap import TapSharePointOrders

DOWNLOAD = "GET /download/"

pytestmark = pytest.mark.usefixtures("read_here")


@pytest.fixture
def run(run_tap, settings, tenant):
    """Runs the tap on the tenant's library; what it asked is in `tenant.asked`."""

    def runs(state=None, **differs):
        tenant.asked.clear()
        return run_tap(state, **{**settings, **differs})

    return runs


@pytest.fixture
def filled(tenant, workbook):
    for number, path in enumerate(("Orders/acme.xlsx", "Orders/beta.xlsx", "Orders/old/zeta.xlsx"), 1):
        tenant.put(path, workbook(number))
    tenant.put("Orders/readme.txt", b"no order list")
    return tenant


def data(run):
    """Rows without what tells one load from another."""
    return [
        {key: row[key] for key in ("row_number", "sheet", "sheet_customer", "cells", "sizes")}
        for row in run.records("order_list_rows")
    ]


def loaded(messages):
    return [m["record"]["unit_id"] for m in messages if m.get("stream") == "loads" and m["type"] == "RECORD"]


def test_the_first_run_reads_every_workbook_and_is_a_listing(run, filled):
    first = run()
    assert first.statuses == dict.fromkeys(["Orders/acme.xlsx", "Orders/beta.xlsx", "Orders/old/zeta.xlsx"], "read")
    assert sorted(load["rows"] for load in first.loads) == [1, 2, 3]
    assert [listing["rows"] for listing in first.listings] == [3]
    assert first.files["Orders/acme.xlsx"]["etag"] == filled.find("Orders/acme.xlsx")["eTag"]
    assert len(filled.asked_for(DOWNLOAD)) == 3


def test_a_run_with_nothing_changed_makes_two_requests_and_writes_no_record(run, filled):
    again = run(run().state)
    assert [message for message in again.messages if message["type"] == "RECORD"] == []
    assert [str(asked) for asked in filled.asked] == [
        "POST /tenant-1/oauth2/v2.0/token",
        "GET /v1.0/drives/b!drive-1/root/delta",
    ]


def test_a_run_with_nothing_changed_takes_less_than_three_seconds(run, filled, settings, command, tmp_path):
    state = run().state
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "config.json").write_text(json.dumps(settings))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, "--config", str(tmp_path / "config.json"), "--state", str(tmp_path / "state.json")],
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The tap's own time: how busy the machine is otherwise is not its doing.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3
    assert b'"RECORD"' not in done.stdout
    assert b"graph: 1 requests, 0 waits" in done.stderr
    assert filled.asked


def test_with_kept_tokens_a_run_with_nothing_changed_makes_one_request(run, filled, tmp_path):
    kept = {"token_cache_url": f"sqlite:///{tmp_path}/tokens.db", "token_cache_key": "the-key"}
    run(run(**kept).state, **kept)
    assert len(filled.asked) == 1


def test_only_what_changed_is_fetched_and_read(run, filled, workbook):
    first = run()
    filled.put("Orders/beta.xlsx", workbook(5))
    filled.put("Orders/new.xlsx", workbook(1))
    filled.delete("Orders/acme.xlsx")
    again = run(first.state)
    assert again.statuses == {"Orders/beta.xlsx": "read", "Orders/new.xlsx": "read", "Orders/acme.xlsx": "deleted"}
    assert again.listings == []
    assert len(filled.asked_for(DOWNLOAD)) == 2


def test_a_permission_edit_is_no_change_of_content(run, filled, caplog):
    first = run()
    filled.share("Orders/acme.xlsx")
    caplog.set_level("INFO")
    again = run(first.state)
    assert again.records("source_files") == []
    assert filled.asked_for(DOWNLOAD) == []
    assert "Orders/acme.xlsx: unchanged (same quickXorHash)" in caplog.text


def test_a_renamed_file_is_told_under_its_new_path_without_being_read(run, filled):
    first = run()
    filled.move("Orders/acme.xlsx", "Orders/acme 2026.xlsx")
    filled.move("Orders/old", "Orders/older")
    again = run(first.state)
    assert again.loads == []
    assert filled.asked_for(DOWNLOAD) == []
    for old, new in (("acme.xlsx", "acme 2026.xlsx"), ("old/zeta.xlsx", "older/zeta.xlsx")):
        before, now = first.files[f"Orders/{old}"], again.files[f"Orders/{new}"]
        same = {"file_id", "content_hash", "load_id", "status", "sheet", "header_row", "size_bytes"}
        assert {key: now[key] for key in same} == {key: before[key] for key in same}
        assert now["listed_at"] > before["listed_at"]
    assert run(again.state).records("source_files") == []


def test_what_was_left_out_of_a_file_is_told_again_when_it_is_renamed(run, tenant, tmp_path, save, headers, line):  # noqa: PLR0917
    table = [headers, line(1)]
    tenant.put("a.xlsx", save(tmp_path / "made" / "a.xlsx", {"MASTER": [*table, [], [], *table]}).read_bytes())
    first = run()
    left_out = first.files["a.xlsx"]["error"]
    assert "a second table begins at row 5" in left_out
    tenant.move("a.xlsx", "b.xlsx")
    assert run(first.state).files["b.xlsx"]["error"] == left_out


@pytest.mark.parametrize("kept", ["quickXorHash", "cTag", "eTag"])
def test_one_mark_that_is_kept_is_enough(run, filled, answers, kept):
    def without_others(state):
        for known in state["bookmarks"]["source_files"]["files"].values():
            known["marks"] = {kept: known["marks"][kept]}
        del state["bookmarks"]["source_files"]["library"]
        return state

    state = without_others(run().state)
    # Other than changes, a listing of children tells the cTag.
    filled.fault("/root/delta", answers[1](501, "notSupported"))
    assert run(state).loads == []
    assert filled.asked_for(DOWNLOAD) == []


def test_without_marks_the_bytes_decide(run, filled):
    state = run().state
    for known in state["bookmarks"]["source_files"]["files"].values():
        known["marks"] = {}
    again = run(state)
    assert again.loads == []
    assert len(filled.asked_for(DOWNLOAD)) == 3
    run(again.state)
    assert filled.asked_for(DOWNLOAD) == []


def test_the_link_to_the_next_changes_is_kept_only_once_all_is_written(run, filled, workbook):
    first = run()
    states = [m["value"]["bookmarks"]["source_files"] for m in first.messages if m["type"] == "STATE"]
    assert "library" not in states[2]
    assert "library" in states[-1]

    filled.put("Orders/acme.xlsx", workbook(7))
    filled.put("Orders/beta.xlsx", workbook(8))
    again = run(first.state)
    links = [
        m["value"]["bookmarks"]["source_files"]["library"]["delta_link"] for m in again.messages if m["type"] == "STATE"
    ]
    assert set(links[:-1]) - {links[-1]} == {states[-1]["library"]["delta_link"]}
    assert links[-1] != states[-1]["library"]["delta_link"]


def test_no_secret_and_no_download_link_is_in_the_state(run, filled):
    text = json.dumps(run().state)
    for secret in (filled.token, "tempauth", "the-client-secret"):
        assert secret not in text


@pytest.mark.parametrize("later", [False, True], ids=["first run", "later run"])
def test_killed_after_any_state_and_run_again_no_file_is_missed_and_none_counted_twice(run, filled, workbook, later):
    start = None
    if later:
        start = run().state
        for lines, path in enumerate(("Orders/acme.xlsx", "Orders/beta.xlsx", "Orders/new.xlsx"), 11):
            filled.put(path, workbook(lines))
        filled.delete("Orders/old/zeta.xlsx")
    whole = run(start)
    ends = [number for number, message in enumerate(whole.messages) if message["type"] == "STATE"]
    assert len(ends) >= 5
    for end in ends:
        until = whole.messages[: end + 1]
        rest = run(until[-1]["value"])
        both = loaded(until) + loaded(rest.messages)
        units = [unit for unit in both if unit != "order_lists"]
        assert sorted(units) == sorted(load["unit_id"] for load in whole.loads)
        assert run(rest.state).records("source_files") == []
        if later:
            files = [m["record"] for m in until + rest.messages if m.get("stream") == "source_files" and "record" in m]
            assert "deleted" in {file["status"] for file in files}


@pytest.mark.slow
def test_killed_for_good_and_run_again_gives_each_file_once(run, filled, settings, command, tmp_path, workbook):  # noqa: PLR0917
    for number in range(4):
        filled.put(f"Orders/more {number}.xlsx", workbook(40 + number))
    (tmp_path / "config.json").write_text(json.dumps(settings))
    process = subprocess.Popen(
        [*command, "--config", str(tmp_path / "config.json")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    messages = []
    for line in process.stdout:
        messages.append(json.loads(line))
        if messages[-1]["type"] == "STATE":
            break
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines(keepends=True)
    messages += [json.loads(line) for line in rest if line.endswith(b"\n")]
    process.wait()
    process.stdout.close()
    last = max(number for number, message in enumerate(messages) if message["type"] == "STATE")
    rest = run(messages[last]["value"])
    units = [unit for unit in loaded(messages[: last + 1]) + loaded(rest.messages) if unit != "order_lists"]
    assert len(units) == len(set(units)) == 7


@pytest.mark.slow
def test_a_signal_ends_a_run_that_waits_at_once(filled, settings, command, tmp_path, answers):
    filled.fault("/root/delta", answers[1](429, "tooManyRequests", Retry_After="600"))
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with subprocess.Popen(
        [*command, "--config", str(tmp_path / "config.json")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        for line in process.stderr:
            if b"trying again in" in line:
                break
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 143
    assert b"STATE" not in out
    assert b"Traceback" not in err


def test_nothing_secret_is_logged_at_any_level(run, filled, caplog):
    caplog.set_level("DEBUG")
    run()
    for secret in ("tempauth", "the-client-secret", filled.token):
        assert secret not in caplog.text


def test_a_file_that_failed_is_tried_again_though_no_change_is_told(run, filled, answers):
    _, error = answers
    filled.fault(r"GET /v1.0/drives/b!drive-1/items/item-\d+$", error(423, "resourceLocked"))
    first = run()
    assert first.statuses["Orders/old/zeta.xlsx"] == "failed"
    again = run(first.state)
    assert again.statuses == {"Orders/old/zeta.xlsx": "read"}


def test_a_run_that_graph_ends_early_keeps_what_was_written(run, filled, answers, caplog):
    _, error = answers
    item = r"GET /v1.0/drives/b!drive-1/items/item-\d+$"
    filled.fault(item, lambda: None, lambda: None, error(401, "x"), error(401, "x"))
    first = run()
    assert first.exit_code == 1
    assert len(first.loads) == 2
    assert first.listings == []
    assert "Graph answered 401" in caplog.text
    rest = run(first.state)
    assert len(rest.loads) == 1


def test_months_later_only_what_changed_is_read(run, filled, workbook):
    first = run()
    filled.put("Orders/beta.xlsx", workbook(9))
    filled.delete("Orders/acme.xlsx")
    filled.oldest = filled.clock + 1
    again = run(first.state)
    assert again.statuses == {"Orders/beta.xlsx": "read", "Orders/acme.xlsx": "deleted"}
    assert len(filled.asked_for(DOWNLOAD)) == 1


@pytest.mark.usefixtures("filled")
def test_a_full_run_reads_everything_again(run):
    first = run()
    full = run(first.state, sync_mode="full")
    assert len(full.loads) == 3
    assert [listing["rows"] for listing in full.listings] == [3]
    assert data(full) == data(first)


def test_folders_and_patterns_say_what_is_read(run, filled):
    assert sorted(run(folder_path="Orders").statuses) == ["acme.xlsx", "beta.xlsx", "old/zeta.xlsx"]
    assert list(run(folder_path='["Orders/old"]').statuses) == ["zeta.xlsx"]
    assert sorted(run(folder_path=["Orders", "Orders/old"]).statuses) == [
        "Orders/acme.xlsx",
        "Orders/beta.xlsx",
        "Orders/old/zeta.xlsx",
    ]
    excluded = run(folder_path="Orders", exclude_patterns=["**/OLD/**", "beta*"])
    assert list(excluded.statuses) == ["acme.xlsx"]
    assert len(filled.asked_for(DOWNLOAD)) == 1


def test_a_file_excluded_from_now_on_leaves_the_order_lists(run, filled):
    first = run()
    again = run(first.state, exclude_patterns=["**/beta.xlsx"])
    assert again.statuses == {"Orders/beta.xlsx": "deleted"}
    assert run(again.state).statuses == {"Orders/beta.xlsx": "read"}
    assert len(filled.asked_for(DOWNLOAD)) == 1


@pytest.mark.usefixtures("filled")
def test_a_wrong_secret_is_one_clear_line_and_exit_1(run, caplog):
    wrong = run(client_secret="wrong-one")  # noqa: S106 - nobody's
    assert wrong.exit_code == 1
    assert [message for message in wrong.messages if message["type"] != "SCHEMA"] == []
    [line] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "client_secret is wrong" in line.getMessage()
    assert "wrong-one" not in caplog.text


def test_a_dry_run_connects(filled, settings, capfd):
    TapSharePointOrders(config={key: value for key, value in settings.items() if value}).run_connection_test()
    assert '"source_files"' in capfd.readouterr().out
    assert filled.asked


def test_what_is_missing_to_read_sharepoint_is_named(run, monkeypatch, caplog):
    def missing(*_):
        raise ModuleNotFoundError(name="msal")

    monkeypatch.setattr("tap_sharepoint_orders.connect.open_sharepoint", missing)
    assert run().exit_code == 1
    assert "msal is not installed: install tap-sharepoint-orders[sharepoint]" in caplog.text
