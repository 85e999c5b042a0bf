"""What goes wrong at the door: settings, addresses, views that are not there. No message holds a password."""

from __future__ import annotations

import logging
import socket

import pytest
import sqlalchemy as sa
from singer_sdk.exceptions import ConfigValidationError
from tap_wms import database
from tap_wms.database import connect, driver_message, is_lost, parse_connections, reading_failed
from tap_wms.errors import TapError

SECRET = "s3cret/p@ss"  # noqa: S105
QUOTED = "s3cret%2Fp%40ss"


def database_at(url):
    return parse_connections({"wms": url})["wms"]


def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def naps(monkeypatch):
    """Wait for nothing, and note how long it would have been."""
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.mark.parametrize(
    ("connections", "message"),
    [
        (None, "there is nothing to read: the setting `connections` (TAP_WMS_CONNECTIONS) is empty"),
        ({}, "there is nothing to read"),
        ("{'wms': 's3cret%2Fp%40ss'}", "is not JSON; it is an object like"),
        (["sqlite:///s3cret%2Fp%40ss"], "must be an object of name to SQLAlchemy URL"),
        ({"wms": {"password": SECRET}}, "connection 'wms' in the setting `connections`"),
        ({"wms": f"reader:{SECRET}"}, "connection 'wms' in the setting `connections` (TAP_WMS_CONNECTIONS) is not a "),
        ({"wms": f"postgresql+psycopg://reader:{SECRET}@host:1o/db"}, "special characters in the password %-encoded"),
        ({"wms": f"mssql+nosuch://reader:{QUOTED}@host/db"}, "there is no dialect 'mssql+nosuch'"),
        ({"wms": f"mysql+mysqldb://reader:{QUOTED}@host/db"}, "the driver of 'mysql+mysqldb' is not installed"),
        ({"wms:shipped": "sqlite:///x.db"}, "connection 'wms:shipped'"),
    ],
)
def test_connections_that_cannot_be_read_are_refused_without_repeating_them(read, connections, message):
    with pytest.raises(TapError) as refused:
        read({"connections": connections})
    assert message in refused.value.message
    assert "TAP_WMS_CONNECTIONS" in refused.value.message
    assert "s3cret" not in refused.value.message
    assert "\n" not in refused.value.message


def test_connections_as_json_text_are_read_like_an_object(warehouse, read):
    reading = read({"connections": f'{{"wms": "{warehouse.url}"}}', "views": '[{"stream": "a", "table": "packed"}]'})
    assert list(reading.loads) == ["wms:a"]


def test_an_address_is_shown_without_password_and_options():
    shown = str(database_at(f"postgresql+psycopg://reader:{QUOTED}@host/db?passfile={QUOTED}"))
    assert shown == "connection 'wms' (postgresql+psycopg://reader:***@host/db)"


def test_settings_of_a_wrong_form_are_named(read_wms):
    for settings, message in (
        ({"views": [{"stream": "a", "tabel": "b"}]}, "'tabel' was unexpected"),
        ({"views": [{"table": "b"}]}, "'stream' is a required property"),
        ({"sync_mode": "all"}, "'all' is not one of"),
    ):
        with pytest.raises(ConfigValidationError) as refused:
            read_wms(**settings)
        assert message in "".join(refused.value.errors)
    with pytest.raises(TapError, match=r"`views` \(TAP_WMS_VIEWS\) is not JSON"):
        read_wms(views="[shipped]")
    with pytest.raises(TapError, match=r"`start_date` \(TAP_WMS_START_DATE\) is 'last week', not a day like"):
        read_wms(start_date="last week")


def test_the_settings_given_are_left_as_they_are(warehouse, read):
    config = {"connections": {"wms": warehouse.url}}
    read(config)
    assert config == {"connections": {"wms": warehouse.url}}


def test_a_view_that_is_not_there_is_named_with_the_nearest_names_and_its_connection(warehouse, read):
    warehouse.run("DROP VIEW v_shipped; CREATE VIEW V_Shipped_2026 AS SELECT * FROM shipped")
    with pytest.raises(TapError) as missing:
        read({"connections": {"wms": warehouse.url}})
    assert "view v_shipped (stream shipped) does not exist, or the user may not see it" in missing.value.message
    assert f"connection 'wms' ({warehouse.url}), nearest names: shipped, V_Shipped_2026;" in missing.value.message
    assert "the setting `views` (TAP_WMS_VIEWS), or grant SELECT on it" in missing.value.message


def test_a_view_that_no_connection_has_is_named_with_all_that_were_asked(make_warehouse, read):
    connections = {}
    for name in ("distribution", "wah"):
        place = make_warehouse(name)
        place.run("DROP VIEW v_master_order_list")
        connections[name] = place.url
    with pytest.raises(TapError, match=r"view v_master_order_list .*'distribution'.*'wah'"):
        read({"connections": connections})


def test_a_view_named_with_its_connection_must_be_in_that_one(make_warehouse, read):
    connections = {name: make_warehouse(name).url for name in ("a", "b")}
    make = {"stream": "x", "connection": "b", "table": "nowhere.v_shipped"}
    with pytest.raises(TapError) as missing:
        read({"connections": connections, "views": [make]})
    assert "connection 'b'" in missing.value.message
    assert "connection 'a'" not in missing.value.message


def test_a_database_file_that_is_not_there_is_not_made(tmp_path, read):
    with pytest.raises(TapError, match=r"the file .*lost.db does not exist; check the setting `connections`"):
        read({"connections": {"wms": f"sqlite:///{tmp_path}/lost.db"}})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path, read, naps):
    (tmp_path / "notes.db").write_text("not a database at all, but long enough to be looked at" * 40)
    with pytest.raises(TapError, match="file is not a database"):
        read({"connections": {"wms": f"sqlite:///{tmp_path}/notes.db"}})
    assert naps == []


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mssql+pymssql"])
def test_an_unreachable_server_is_tried_again_with_growing_pauses_and_named(read, naps, caplog, driver):
    url = f"{driver}://reader:{QUOTED}@127.0.0.1:{unused_port()}/wms"
    with caplog.at_level(logging.INFO), pytest.raises(TapError) as unreachable:
        read({"connections": {"wms": url}})
    message = unreachable.value.message
    assert f"connection 'wms' ({driver}://reader:***@127.0.0.1" in message
    assert "cannot connect" in message
    assert "check host and port, and the way there in the setting `connections` (TAP_WMS_CONNECTIONS)" in message
    assert len(naps) == database.CONNECT_TRIES - 1
    assert all(pause <= 2**tried for tried, pause in enumerate(naps))
    assert caplog.text.count("trying again in") == len(naps)
    assert "s3cret" not in message + caplog.text


def test_a_server_that_comes_back_is_read(warehouse, naps, monkeypatch):
    tried = []
    whole = sa.Engine.connect

    def refuse_twice(engine):
        tried.append(engine)
        if len(tried) < 3:
            raise sa.exc.OperationalError("", None, Exception("database is locked"))
        return whole(engine)

    monkeypatch.setattr(sa.Engine, "connect", refuse_twice)
    with connect(database_at(warehouse.url)) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM packed").scalar() == 4
    assert len(naps) == 2


@pytest.mark.parametrize(
    "reason",
    [
        (18456, b"Login failed for user 'reader'.DB-Lib error message 20018"),
        'connection failed: FATAL:  password authentication failed for user "reader"',
        'FATAL:  database "wms" does not exist',
        "ORA-01017: invalid username/password; logon denied",
    ],
)
def test_a_refused_login_is_not_tried_again(naps, monkeypatch, reason):
    def refuse(_engine):
        raise sa.exc.OperationalError("", None, Exception(reason))

    monkeypatch.setattr(sa.Engine, "connect", refuse)
    with pytest.raises(TapError, match=r"cannot connect: .*; check user, password and database in the setting"):
        connect(database_at(f"mssql+pymssql://reader:{QUOTED}@host/db"))
    assert naps == []


def test_an_option_the_driver_does_not_know_is_no_traceback(naps):
    with pytest.raises(TapError, match=r"cannot connect: .*nosuchoption.*; check the URL in the setting `connections`"):
        connect(database_at("mssql+pymssql://reader:pw@127.0.0.1/db?nosuchoption=1"))
    assert naps == []


def test_a_driver_s_words_come_on_one_line_without_the_password():
    place = database_at(f"mssql+pymssql://reader:{QUOTED}@host/db")
    error = sa.exc.OperationalError("SELECT", None, Exception((20009, f"line one\n  {SECRET} or {QUOTED}\n".encode())))
    assert driver_message(error, place) == "20009 line one *** or ***"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("The SELECT permission was denied on the object 'v_shipped'", True),
        ("permission denied for view v_shipped", True),
        ("Invalid column name 'Qty'", False),
    ],
)
def test_a_missing_permission_says_what_to_grant(reason, advice):
    error = sa.exc.ProgrammingError("SELECT", None, Exception(reason))
    message = reading_failed(database_at("sqlite:///wms.db"), "view dbo.v_shipped", error).message
    assert message.startswith("connection 'wms' (sqlite:///wms.db): reading view dbo.v_shipped failed: " + reason)
    assert ("grant the user of this connection SELECT on view dbo.v_shipped" in message) is advice


def test_a_view_that_breaks_while_it_is_read_is_named(read_wms, warehouse):
    warehouse.run("CREATE VIEW broken AS SELECT json_extract(CartonID, '$.a') AS a FROM shipped")
    with pytest.raises(TapError, match=r"connection 'wms' .* reading view broken failed: malformed JSON"):
        read_wms(views=[{"stream": "broken", "table": "broken"}])


def test_a_view_that_stands_on_a_dropped_table_is_named(read_wms, warehouse):
    warehouse.run("DROP TABLE shipped")
    with pytest.raises(TapError, match=r"reading view v_shipped failed: no such table: main\.shipped"):
        read_wms()


def test_lost_connections_are_told_from_refusals():
    lost = sa.exc.OperationalError("", None, Exception("server closed the connection"), connection_invalidated=True)
    assert is_lost(lost)
    assert is_lost(sa.exc.OperationalError("", None, Exception("chosen as the deadlock victim")))
    assert not is_lost(sa.exc.ProgrammingError("", None, Exception("permission denied")))
    assert not is_lost(sa.exc.NoSuchTableError("v_shipped"))
