"""What is learned on a bad day: hosts that vanish, names that lead elsewhere, scans that take too long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from pymysql.constants import ER
from pymysql.err import OperationalError
from trade_service import services
from trade_service.configuration import configuration
from trade_service.consistency import ConsistencyToken
from trade_service.data_access import connection
from trade_service.data_access.database import Database
from trade_service.data_access.reads import Reads
from trade_service.errors import DatabaseBusyError, DatabaseUnavailableError

from tests.lambda_source import workers
from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import assert_refused, query, read_only, use_second_as_reader

if TYPE_CHECKING:
    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer


def settings_of(database: Database, *names: str) -> dict[str, object]:
    def work(cursor: connection.TimedCursor) -> dict[str, object]:
        cursor.execute(f"SELECT {', '.join(f'@@SESSION.{name} AS {name}' for name in names)}")
        return dict(cursor.fetchone() or {})

    return database.run(work)


def test_the_locks_of_a_vanished_host_are_given_up_soon(
    api: Call, server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends no end of its connection; only the server's own patience ends its transaction."""
    assert api("POST", "/trades", body=trade_body()).status == 201
    names = ("wait_timeout", "interactive_timeout")
    assert set(settings_of(services.writer(), *names).values()) == {connection.SILENT_SECONDS}
    with monkeypatch.context() as patched:
        patched.setattr(connection, "_SESSION", ("SET SESSION wait_timeout = 1",))
        vanished = workers.database()._session.connection()
    vanished.begin()
    with vanished.cursor() as cursor:
        cursor.execute("UPDATE positions SET bought = 99")
    began = time.monotonic()
    body = trade_body(client_order_id="order-2")
    assert api("POST", "/trades", body=body).status == 201
    assert time.monotonic() - began < 15
    assert query(server, "SELECT bought FROM positions") == [{"bought": 21}]


def test_a_connection_is_replaced_before_the_server_ends_it() -> None:
    assert connection.MAXIMUM_IDLE_SECONDS < connection.SILENT_SECONDS


def test_a_change_of_the_schema_waits_no_longer_than_a_row(
    api: Call, server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits for a table that is in use, everybody else waits behind it."""
    api("POST", "/trades", body=trade_body())
    monkeypatch.delenv("DATABASE_USER")
    services.forget()
    migrator = workers.database()._session.connection()
    with server.connect(configuration().database_name) as reading, reading.cursor() as held:
        reading.begin()
        held.execute("SELECT * FROM trades")
        with pytest.raises(OperationalError) as refused, migrator.cursor() as cursor:
            cursor.execute("ALTER TABLE trades COMMENT = 'changed'")
    assert refused.value.args[0] == ER.LOCK_WAIT_TIMEOUT


def test_a_region_that_cannot_write_is_unhealthy(api: Call, server: MariaDbServer) -> None:
    """Also over the connection that is kept, to an instance that has just become a reader."""
    assert api("GET", "/health").status == 200
    with read_only(server):
        assert api("GET", "/health").status == 503
        services.forget()
        assert api("GET", "/health").status == 503
    assert api("GET", "/health").status == 200


def test_the_writer_is_not_read_where_its_name_leads_to_a_reader(
    api: Call, server: MariaDbServer, second_server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader lacks would be told as what never was."""
    use_second_as_reader(monkeypatch)
    trade = api("POST", "/trades", body=trade_body()).body
    services.forget()
    with read_only(server):
        assert_refused(api("GET", f"/trades/{trade['trade_id']}"))
        assert_refused(api("POST", f"/trades/{trade['trade_id']}/cancel"))
    assert api("POST", f"/trades/{trade['trade_id']}/cancel").status == 200


def test_pages_are_read_where_the_page_before_was(
    api: Call, second_server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replica that is asked for the second page lacks what the first one had."""
    for number in range(4):
        api("POST", "/trades", body=trade_body(client_order_id=f"order-{number}"))
    first = api("GET", "/trades", query={"account": "ACC-1", "limit": "2"}).body
    use_second_as_reader(monkeypatch)
    place = {"account": "ACC-1", "limit": "2", "cursor": first["next_cursor"]}
    second = api("GET", "/trades", query=place).body
    listed = [trade["client_order_id"] for trade in (*first["trades"], *second["trades"])]
    assert listed == ["order-3", "order-2", "order-1", "order-0"]
    assert second["next_cursor"] is None


def test_another_region_is_asked_for_the_same(api: Call) -> None:
    token = str(ConsistencyToken("us-west-2-01JD8X6Y3Q4Z7M0V9T2K5B8N1C", 1))
    asked = {"account": "ACC-1", "from": "2025-01-31T12:00:00Z", "limit": "5"}
    answer = api("GET", "/trades", query=asked, headers={"Consistency-Token": token})
    assert answer.status == 421
    url = urlsplit(answer.body["error"]["url"])
    assert (url.netloc, url.path) == ("us-west-2.api.dev.trading.example.com", "/trades")
    assert parse_qs(url.query) == {name: [value] for name, value in asked.items()}


def test_a_conflict_writes_nothing(api: Call, server: MariaDbServer) -> None:
    api("POST", "/trades", body=trade_body())
    assert api("POST", "/trades", body=trade_body(price="1")).status == 409
    assert query(server, "SELECT version FROM trades") == [{"version": 1}]


def test_a_scan_that_takes_too_long_is_not_begun_again(api: Call) -> None:
    """Neither there nor at the writer, when the server ended it itself."""
    begun = []

    def scan(cursor: connection.TimedCursor) -> None:
        begun.append(cursor)
        cursor.execute("SET STATEMENT max_statement_time = 0.05 FOR SELECT SLEEP(5)")

    reader = workers.database()
    with pytest.raises(DatabaseBusyError):
        Reads(workers.database(), reader).run(scan)
    assert len(begun) == 1
    assert not reader.seems_away


def test_a_read_that_timed_out_is_not_begun_again(api: Call) -> None:
    begun = []

    def scan(cursor: connection.TimedCursor) -> None:
        begun.append(cursor)
        cursor.execute("SELECT SLEEP(3)")

    settings = configuration()
    hasty = services.database(settings.database_writer_host, settings.database_name, 0.3)
    with pytest.raises(DatabaseUnavailableError):
        hasty.run(scan)
    assert len(begun) == 1


def test_a_position_of_no_trades_that_is_not_nothing_differs(
    api: Call, server: MariaDbServer
) -> None:
    trade = api("POST", "/trades", body=trade_body()).body
    api("POST", f"/trades/{trade['trade_id']}/cancel")
    positions = workers.position_repository()
    assert positions.differing() == ()
    with server.connect(configuration().database_name) as admin:
        admin.cursor().execute("UPDATE positions SET bought = 99")
        admin.commit()
    assert positions.differing() == (("ACC-1", "AAPL"),)
