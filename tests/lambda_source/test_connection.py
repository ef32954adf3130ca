"""The connection that is kept: how its end is noticed, and how long anything may wait."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from trade_service import request_context, services
from trade_service.configuration import BUNDLED_CERTIFICATES
from trade_service.data_access import connection
from trade_service.data_access.transport import tls_context

from tests.lambda_source.conftest import CLUSTER_NAME
from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import (
    TcpProxy,
    assert_refused,
    assert_unavailable,
    call_within,
    frozen,
    kill_connections,
    stopped,
)
from tests.lambda_source.servers import HOST, CertificateAuthority, MariaDbServer, free_port

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trade_service.data_access.connection import TimedCursor

    from tests.lambda_source.conftest import Call

# For this machine's own slowness, on top of a limit.
TOLERANCE_SECONDS = 0.4


def connection_id() -> int:
    def work(cursor: TimedCursor) -> int:
        cursor.execute("SELECT CONNECTION_ID() AS id")
        row = cursor.fetchone()
        assert row is not None
        return int(row["id"])

    return services.writer().run(work)


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


def test_it_is_kept_from_one_invocation_to_the_next(api: Call) -> None:
    first = connection_id()
    assert api("POST", "/trades", body=trade_body()).status == 201
    assert api("POST", "/trades", body=trade_body()).status == 200
    assert connection_id() == first


def test_it_is_encrypted(api: Call) -> None:
    def work(cursor: TimedCursor) -> dict[str, Any] | None:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        return cursor.fetchone()

    row = services.writer().run(work)
    assert row is not None
    assert row["Value"] in {"TLSv1.2", "TLSv1.3"}


def restart(server: MariaDbServer) -> None:
    with stopped(server):
        pass


@pytest.mark.parametrize("end", [kill_connections, restart])
def test_that_the_server_ended_it_is_seen_without_asking(
    api: Call, server: MariaDbServer, end: Callable[[MariaDbServer], object]
) -> None:
    """What is seen before anything was sent need not be tried again."""
    assert api("POST", "/trades", body=trade_body()).status == 201
    kept = services.writer()._session._connection
    assert kept is not None
    assert kept.is_silent()
    end(server)
    deadline = time.monotonic() + 5
    while kept.is_silent():
        assert time.monotonic() < deadline
    with request_context.request(5) as measured:
        connection_id()
    assert (measured.connections, measured.retries) == (1, 0)


def test_a_crash_of_the_server_is_noticed_and_its_return_too(
    api: Call, server: MariaDbServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    server.kill()
    try:
        assert_unavailable(api)
    finally:
        server.start()
    assert api("POST", "/trades", body=trade_body()).status == 200


def test_file_descriptors_of_any_number_will_do(api: Call) -> None:
    """`select` would know none above 1023."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = [os.dup(0) for _ in range(1100)]
    try:
        services.forget()
        first = connection_id()
        assert connection_id() == first
    finally:
        for number in held:
            os.close(number)
        services.forget()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


@pytest.mark.parametrize(
    ("clock", "step"),
    [("time", 241.0), ("time", -241.0), ("monotonic", 241.0)],
    # A frozen process may find its monotonic clock where it was, and a clock can be set back.
    ids=["a later time of day", "an earlier time of day", "a later monotonic clock"],
)
def test_it_is_replaced_when_either_clock_says_it_was_idle_too_long(
    api: Call, monkeypatch: pytest.MonkeyPatch, clock: str, step: float
) -> None:
    offset = {"time": 0.0, "monotonic": 0.0}
    clocks = SimpleNamespace(
        time=lambda: time.time() + offset["time"],
        monotonic=lambda: time.monotonic() + offset["monotonic"],
    )
    monkeypatch.setattr(connection, "time", clocks)
    first = connection_id()
    offset[clock] = step / 241 * 239
    assert connection_id() == first
    offset[clock] += step
    assert connection_id() != first


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
            connection_id()
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


def test_a_server_of_another_authority_is_refused(
    api: Call, tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CertificateAuthority.create(tmp_path / "other")
    for bundle in (other.certificate, BUNDLED_CERTIFICATES):
        monkeypatch.setenv("DATABASE_CA_BUNDLE", str(bundle))
        services.forget()
        assert_unavailable(api)
    assert "CERTIFICATE_VERIFY_FAILED" in log.getvalue()


def test_a_server_of_another_name_is_refused(
    api: Call, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same server, by a name that its certificate does not hold.
    for variable in ("DATABASE_WRITER_HOST", "DATABASE_READER_HOST"):
        monkeypatch.setenv(variable, "localhost")
    services.forget()
    assert_unavailable(api)
    assert "certificate is not valid for 'localhost'" in log.getvalue()


def test_a_name_is_resolved_anew_for_each_connection_and_all_its_addresses_are_tried(
    api: Call, server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = [], socket.getaddrinfo

    def resolve(host: str, *where: Any, **how: Any) -> list[Any]:
        if host != CLUSTER_NAME:
            return real(host, *where, **how)
        asked.append(host)
        return [found for one in ("127.0.0.99", HOST) for found in real(one, *where, **how)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("DATABASE_WRITER_HOST", CLUSTER_NAME)
    services.forget()
    first = connection_id()
    assert connection_id() == first
    assert asked == [CLUSTER_NAME]
    kill_connections(server)
    assert connection_id() != first
    assert asked == [CLUSTER_NAME] * 2


def test_the_bundled_certificates_cover_our_regions() -> None:
    names = set()
    certificates: list[dict[str, Any]] = tls_context(BUNDLED_CERTIFICATES).get_ca_certs()
    for certificate in certificates:
        names.add(dict(pair for (pair,) in certificate["subject"])["commonName"])
        assert ssl.cert_time_to_seconds(certificate["notAfter"]) > time.time()
    for region in ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1"):
        for algorithm in ("RSA2048", "RSA4096", "ECC384"):
            assert f"Amazon RDS {region} Root CA {algorithm} G1" in names
