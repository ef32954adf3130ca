"""How long anything may wait for the database: never longer than the request has."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from trade_service import services
from trade_service.data_access import connection

from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import (
    assert_refused,
    call_within,
    frozen,
)
from tests.lambda_source.servers import (
    HOST,
    MariaDbServer,
    free_port,
)
from tests.lambda_source.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lambda_source.conftest import Call

# For this machine's own slowness, on top of a limit.
TOLERANCE_SECONDS = 1.0


@pytest.fixture
def proxy(
    api: Call, environment: dict[str, str], server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TcpProxy]:
    """Between the API and its database, both endpoints of which it is."""
    between = TcpProxy((HOST, server.port))
    monkeypatch.setenv("DATABASE_PORT", str(between.port))
    services.forget()
    yield between
    between.close()


def test_a_server_that_stops_answering_is_given_up_in_time(
    api: Call, server: MariaDbServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    with frozen(server):
        began = time.monotonic()
        assert_refused(api("POST", "/trades", body=trade_body()))
        # One statement, then one connection.
        assert time.monotonic() - began < 5 + 3 + TOLERANCE_SECONDS
        # No connection is kept now, and its making is not tried twice.
        began = time.monotonic()
        assert_refused(api("POST", "/trades", body=trade_body()))
        assert time.monotonic() - began < 3 + TOLERANCE_SECONDS
    assert api("POST", "/trades", body=trade_body()).status == 200


@pytest.mark.parametrize("limit", [0.5, 3.0])
def test_a_kept_connection_that_stalls_costs_no_more_than_the_request_has(
    proxy: TcpProxy, api: Call, limit: float
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    proxy.answer_limit = 0
    timed = call_within(limit, "POST", "/trades", body=trade_body())
    assert_refused(timed.answer)
    assert limit <= timed.seconds + 0.01
    assert timed.seconds < limit + TOLERANCE_SECONDS
    proxy.answer_limit = None
    assert api("POST", "/trades", body=trade_body()).status == 200


# The greeting is some 100 bytes, the handshake of TLS some 2,000, and the rest is encrypted.
@pytest.mark.parametrize("answered", [0, 1, 60, 150, 1000, 2600, 2900])
def test_wherever_connecting_stalls_it_ends_with_the_request(
    proxy: TcpProxy, api: Call, answered: int
) -> None:
    proxy.answer_limit = answered
    for method, path, parts in (
        ("POST", "/trades", {"body": trade_body()}),
        ("GET", "/trades", {"query": {"account": "ACC-1"}}),
    ):
        timed = call_within(0.5, method, path, **parts)
        assert_refused(timed.answer)
        assert timed.seconds < 0.5 + TOLERANCE_SECONDS


def test_connecting_takes_no_longer_than_its_share(proxy: TcpProxy) -> None:
    proxy.answer_limit = 0
    timed = call_within(26, "POST", "/trades", body=trade_body())
    assert_refused(timed.answer)
    assert timed.seconds < connection.CONNECT_TIMEOUT_SECONDS + TOLERANCE_SECONDS
    assert proxy.connections == 1


def test_a_connection_that_trickles_is_not_waited_for(proxy: TcpProxy, api: Call) -> None:
    """Each byte comes in time, and all of them never."""
    for prepared in (False, True):
        proxy.seconds_per_byte = 0.0
        services.forget()
        if prepared:
            assert services.writer().run(lambda cursor: cursor.execute("SELECT 1"))
        proxy.seconds_per_byte = 0.05
        timed = call_within(1.0, "POST", "/trades", body=trade_body())
        assert_refused(timed.answer)
        assert timed.seconds < 1.0 + TOLERANCE_SECONDS


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port at which no connection is refused and none is made."""
    with socket.create_server((HOST, free_port()), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((HOST, port))
        time.sleep(0.05)
        yield port
        for one in waiting:
            one.close()


@pytest.mark.parametrize("limit", [0.5, 20.0])
def test_an_address_that_is_silent_is_given_up(
    api: Call, monkeypatch: pytest.MonkeyPatch, limit: float
) -> None:
    with full_backlog() as port:
        monkeypatch.setenv("DATABASE_PORT", str(port))
        services.forget()
        timed = call_within(limit, "POST", "/trades", body=trade_body())
    assert_refused(timed.answer)
    assert timed.seconds < min(limit, connection.CONNECT_TIMEOUT_SECONDS) + TOLERANCE_SECONDS


@pytest.mark.parametrize("seconds", [-1.9, 0.0, 0.001])
def test_a_request_without_time_is_answered_in_form_and_at_once(api: Call, seconds: float) -> None:
    for path in ("/trades", "/health"):
        method = "POST" if path == "/trades" else "GET"
        timed = call_within(seconds, method, path, body=trade_body())
        assert_refused(timed.answer)
        assert timed.seconds < TOLERANCE_SECONDS
    # Its lack of time is no fault of the database's.
    assert not services.writer().seems_away
    assert api("POST", "/trades", body=trade_body()).status == 201
