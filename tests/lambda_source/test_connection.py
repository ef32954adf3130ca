"""The connection that is kept: to whom it leads, and how its end is noticed."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from trade_service import request_context, services
from trade_service.configuration import BUNDLED_CERTIFICATES
from trade_service.data_access import connection
from trade_service.data_access.transport import tls_context

from tests.lambda_source.events import trade_body
from tests.lambda_source.faults import (
    assert_unavailable,
    kill_connections,
    stopped,
)
from tests.lambda_source.servers import (
    CLUSTER_NAME,
    HOST,
    CertificateAuthority,
    MariaDbServer,
)

if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from pathlib import Path

    from trade_service.data_access.connection import TimedCursor

    from tests.lambda_source.conftest import Call


def connection_id() -> int:
    def work(cursor: TimedCursor) -> int:
        cursor.execute("SELECT CONNECTION_ID() AS id")
        row = cursor.fetchone()
        assert row is not None
        return int(row["id"])

    return services.writer().run(work)


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
    ("clock", "direction"),
    [("time", 1), ("time", -1), ("monotonic", 1)],
    # A frozen process may find its monotonic clock where it was, and a clock can be set back.
    ids=["a later time of day", "an earlier time of day", "a later monotonic clock"],
)
def test_it_is_replaced_when_either_clock_says_it_was_idle_too_long(
    api: Call, monkeypatch: pytest.MonkeyPatch, clock: str, direction: int
) -> None:
    offset = {"time": 0.0, "monotonic": 0.0}
    clocks = SimpleNamespace(
        time=lambda: time.time() + offset["time"],
        monotonic=lambda: time.monotonic() + offset["monotonic"],
    )
    monkeypatch.setattr(connection, "time", clocks)
    first = connection_id()
    offset[clock] = direction * (connection.MAXIMUM_IDLE_SECONDS - 5)
    assert connection_id() == first
    # Since that use.
    offset[clock] += direction * (connection.MAXIMUM_IDLE_SECONDS + 1)
    assert connection_id() != first


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
