"""A database that is away, fails over or breaks off: what becomes of the requests meanwhile."""

from __future__ import annotations

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pymysql.constants import COMMAND
from trade_service import request_context, services
from trade_service.errors import DatabaseUnavailableError

from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import (
    HOLD_ORDER,
    assert_refused,
    assert_unavailable,
    call_within,
    count_trades,
    kill_connections,
    last_request,
    read_only,
    stopped,
    use_second_as_reader,
    wait_for_statement,
)
from tests.lambda_source.servers import CLUSTER_NAME, HOST, SECOND_HOST
from tests.lambda_source.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    import io

    from trade_service.data_access.connection import TimedCursor

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.events import Answer
    from tests.lambda_source.servers import MariaDbServer


def test_a_stopped_database_is_a_503_and_its_return_is_noticed(
    api: Call, server: MariaDbServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    with stopped(server):
        assert_unavailable(api)
    assert api("GET", "/health").status == 200
    assert api("POST", "/trades", body=trade_body()).status == 200


def test_a_schema_that_is_not_migrated_is_a_503_of_its_own(unmigrated: Call) -> None:
    assert_unavailable(unmigrated, "schema_not_ready")


def test_a_failover_is_followed_within_the_request(
    environment: dict[str, str],
    api: Call,
    server: MariaDbServer,
    second_server: MariaDbServer,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
) -> None:
    """The name leads to another instance now, and the one that it led to has become a reader."""
    use_second_as_reader(monkeypatch)
    leads_to, real = [HOST], socket.getaddrinfo

    def resolve(host: str, *where: Any, **how: Any) -> Any:
        return real(leads_to[0] if host == CLUSTER_NAME else host, *where, **how)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for variable in ("DATABASE_WRITER_HOST", "DATABASE_READER_HOST"):
        monkeypatch.setenv(variable, CLUSTER_NAME)
    services.forget()
    name = environment["DATABASE_NAME"]
    assert api("POST", "/trades", body=trade_body()).status == 201
    assert (count_trades(server, name), count_trades(second_server, name)) == (1, 0)

    with read_only(server):
        # DNS is slower than the failover: as long as the name leads there, there is no writer.
        assert_refused(api("POST", "/trades", body=trade_body(client_order_id="order-2")))
        assert api("GET", "/trades", query={"account": "ACC-1"}).status == 200
        leads_to[0] = SECOND_HOST
        assert api("POST", "/trades", body=trade_body(client_order_id="order-2")).status == 201
    assert (count_trades(server, name), count_trades(second_server, name)) == (1, 1)

    # And back, while the connection is kept: it is read-only now, and left at once.
    leads_to[0] = HOST
    with read_only(second_server):
        assert api("POST", "/trades", body=trade_body(client_order_id="order-3")).status == 201
        line = last_request(log)
        assert (line["database_connections"], line["database_retries"]) == (1, 1)
    assert (count_trades(server, name), count_trades(second_server, name)) == (2, 1)


def test_a_connection_that_breaks_within_a_request_is_replaced_once(
    environment: dict[str, str], api: Call, server: MariaDbServer
) -> None:
    tries = []

    def work(cursor: TimedCursor) -> str:
        tries.append(cursor.connection)
        if len(tries) == 1:
            kill_connections(server)
        cursor.execute("SELECT 1")
        return "done"

    with request_context.request(20) as measured:
        assert services.writer().run(work) == "done"
    assert (measured.retries, measured.connections) == (1, 2)
    assert tries[0] is not tries[1]

    def always(cursor: TimedCursor) -> None:
        tries.append(cursor.connection)
        kill_connections(server)
        cursor.execute("SELECT 1")

    tries.clear()
    with pytest.raises(DatabaseUnavailableError):
        services.writer().transact(always)
    assert len(tries) == 2


def test_a_commit_whose_answer_is_lost_counts_once(
    environment: dict[str, str],
    api: Call,
    server: MariaDbServer,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
) -> None:
    """The server commits, the client's connection is gone: the client must hear that it is recorded."""
    proxy = TcpProxy((HOST, server.port))
    monkeypatch.setenv("DATABASE_PORT", str(proxy.port))
    services.forget()
    assert api("POST", "/trades", body=trade_body(client_order_id="first")).status == 201
    with ThreadPoolExecutor(1) as pool, server.connect() as holder, holder.cursor() as cursor:
        cursor.execute("BACKUP STAGE START")
        cursor.execute("BACKUP STAGE BLOCK_COMMIT")
        answered = pool.submit(api, "POST", "/trades", body=trade_body())
        wait_for_statement(server, "COMMIT")
        proxy.cut()
        cursor.execute("BACKUP STAGE END")
        answer: Answer = answered.result(20)
    proxy.close()
    assert answer.status == 201
    assert last_request(log)["database_retries"] >= 1
    again = api("POST", "/trades", body=trade_body())
    assert (again.status, again.body) == (200, answer.body)
    assert count_trades(server, environment["DATABASE_NAME"]) == 2
    (position,) = api("GET", "/positions/ACC-1").body["positions"]
    assert (position["quantity"], position["trades"]) == ("21", 2)


def test_a_commit_that_takes_too_long_ends_with_the_request(
    environment: dict[str, str], api: Call, server: MariaDbServer
) -> None:
    assert api("POST", "/trades", body=trade_body(client_order_id="first")).status == 201
    with server.connect() as holder, holder.cursor() as cursor:
        cursor.execute("BACKUP STAGE START")
        cursor.execute("BACKUP STAGE BLOCK_COMMIT")
        timed = call_within(0.5, "POST", "/trades", body=trade_body())
        cursor.execute("BACKUP STAGE END")
    assert_refused(timed.answer)
    assert timed.seconds < 1.5
    # Whatever became of it, the client who asks again is told, and it is there once.
    assert api("POST", "/trades", body=trade_body()).status in {200, 201}
    assert count_trades(server, environment["DATABASE_NAME"]) == 2


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_what_is_interrupted_leaves_no_half_exchange_and_no_transaction(
    environment: dict[str, str],
    api: Call,
    server: MariaDbServer,
    end: type[BaseException],
) -> None:
    def work(cursor: TimedCursor) -> None:
        cursor.execute(HOLD_ORDER)
        # Sent, and its answer not read.
        connection: Any = cursor.connection
        connection._execute_command(COMMAND.COM_QUERY, "SELECT 'of another request' AS text")
        raise end

    with pytest.raises(end):
        services.writer().transact(work)
    assert api("POST", "/trades", body=trade_body()).status == 201
    assert count_trades(server, environment["DATABASE_NAME"]) == 1


def test_an_interrupt_while_waiting_for_an_answer_drops_the_connection(
    environment: dict[str, str], api: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)

        def work(cursor: TimedCursor) -> object:
            cursor.execute("SELECT SLEEP(2) AS slept")
            return cursor.fetchone()

        with pytest.raises(KeyboardInterrupt):
            services.writer().run(work)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert services.writer()._session._connection is None
    assert api("POST", "/trades", body=trade_body()).status == 201


def test_a_refused_row_costs_no_connection(api: Call, log: io.StringIO) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    assert api("POST", "/trades", body=trade_body()).status == 200
    assert last_request(log)["database_connections"] == 0
