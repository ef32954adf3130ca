"""A database that is away, slow, impersonated, or has a new password."""

from __future__ import annotations

import json
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from trade_service import services
from trade_service.configuration import BUNDLED_CERTIFICATES
from trade_service.data_access import database
from trade_service.data_access.database import tls_context

from tests.lambda_source.conftest import forget_services
from tests.lambda_source.events import trade_body
from tests.lambda_source.servers import (
    FIRST_PASSWORD,
    USER,
    CertificateAuthority,
    MariaDbServer,
    SecretsManagerServer,
)

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lambda_source.conftest import Call

SECOND_PASSWORD = "second-Pa55word-which-no-log-may-show"


@contextmanager
def stopped(server: MariaDbServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextmanager
def rotated(server: MariaDbServer) -> Iterator[None]:
    """Change the database user's password, and cut the connections made with the old one."""
    _set_password(server, SECOND_PASSWORD)
    try:
        yield
    finally:
        _set_password(server, FIRST_PASSWORD)


def _set_password(server: MariaDbServer, password: str) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER USER '{USER}'@'%%' IDENTIFIED BY %s", (password,))
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (USER,))
        for row in cursor.fetchall():
            cursor.execute(f"KILL CONNECTION {row['id']}")


def assert_unavailable(api: Call, code: str = "database_unavailable") -> None:
    for method, path, parts in (
        ("POST", "/trades", {"body": trade_body()}),
        ("GET", "/trades", {"query": {"account": "ACC-1"}}),
        ("GET", "/trades/us-east-1-01JD8X6Y3Q4Z7M0V9T2K5B8N1C", {}),
        ("GET", "/health", {}),
    ):
        answer = api(method, path, **parts)
        assert (answer.status, answer.error_code) == (503, code)
        assert int(answer.headers["Retry-After"]) > 0


def test_health_reports_both_endpoints_and_the_region(api: Call) -> None:
    answer = api("GET", "/health")
    assert answer.status == 200
    assert answer.body == {
        "status": "ok",
        "region": "us-east-1",
        "database": {"writer": "ok", "reader": "ok"},
    }


def test_a_stopped_database_is_a_503_and_its_return_is_noticed(
    api: Call, server: MariaDbServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    with stopped(server):
        assert_unavailable(api)
    assert api("GET", "/health").status == 200
    assert api("POST", "/trades", body=trade_body()).status == 200


def test_a_restart_between_two_requests_goes_unnoticed(api: Call, server: MariaDbServer) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    with stopped(server):
        pass
    assert api("POST", "/trades", body=trade_body()).status == 200


def test_only_the_reader_being_away_makes_the_region_unhealthy(
    api: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_READER_HOST", "127.0.0.99")
    forget_services()
    answer = api("GET", "/health")
    assert (answer.status, answer.error_code) == (503, "database_unavailable")
    assert answer.body["region"] == "us-east-1"
    assert answer.body["database"] == {"writer": "ok", "reader": "database_unavailable"}


def test_a_database_that_stops_answering_is_given_up_in_time(
    api: Call, server: MariaDbServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    server.freeze()
    try:
        started = time.monotonic()
        answer = api("POST", "/trades", body=trade_body())
        seconds = time.monotonic() - started
    finally:
        server.thaw()
    assert (answer.status, answer.error_code) == (503, "database_unavailable")
    assert seconds < 15
    assert api("POST", "/trades", body=trade_body()).status == 200


def test_the_connection_is_kept_warm_until_it_has_been_idle_too_long(
    api: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connection_id() -> int:
        with services.writer().cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID() AS id")
            row = cursor.fetchone()
            assert row is not None
            return int(row["id"])

    first = connection_id()
    api("POST", "/trades", body=trade_body())
    assert connection_id() == first
    monkeypatch.setattr(database, "MAXIMUM_IDLE_SECONDS", -1)
    assert connection_id() != first


def test_a_schema_that_is_not_migrated_is_a_503_of_its_own(unmigrated: Call) -> None:
    assert_unavailable(unmigrated, "schema_not_ready")


def test_the_secret_is_read_once_and_again_when_it_was_rotated(
    api: Call, server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    for number in range(3):
        api("POST", "/trades", body=trade_body(client_order_id=f"o-{number}"))
    assert secret.reads == 1
    with rotated(server):
        secret.set_password(SECOND_PASSWORD)
        assert api("POST", "/trades", body=trade_body()).status == 201
        assert secret.reads == 2


def test_a_wrong_secret_is_read_again_once_and_no_more(
    api: Call, server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    assert secret.reads == 1
    with rotated(server):
        answer = api("POST", "/trades", body=trade_body())
        assert (answer.status, answer.error_code) == (503, "database_unavailable")
        assert secret.reads == 2


@pytest.mark.parametrize("text", ["not json " + FIRST_PASSWORD, "[]", '{"password": "x"}'])
def test_an_unusable_secret_is_a_503(
    unmigrated: Call, secret: SecretsManagerServer, log: io.StringIO, text: str
) -> None:
    secret.secret_string = text
    assert_unavailable(unmigrated)
    assert FIRST_PASSWORD not in log.getvalue()


def test_an_unreadable_secret_is_a_503(unmigrated: Call, secret: SecretsManagerServer) -> None:
    secret.available = False
    assert_unavailable(unmigrated)


def test_no_log_line_shows_a_password(
    api: Call,
    server: MariaDbServer,
    secret: SecretsManagerServer,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    forget_services()
    api("POST", "/trades", body=trade_body())
    with rotated(server):
        api("POST", "/trades", body=trade_body())
        secret.set_password(SECOND_PASSWORD)
        api("POST", "/trades", body=trade_body())
    with stopped(server):
        assert_unavailable(api)
    captured = capfd.readouterr()
    text = log.getvalue() + captured.out + captured.err
    assert "Access denied" in text
    assert "the database is unavailable" in text
    for password in (FIRST_PASSWORD, SECOND_PASSWORD):
        assert password not in text
        assert json.dumps(password) not in text


def test_a_server_of_another_authority_is_refused(
    api: Call,
    secret: SecretsManagerServer,
    tmp_path: Path,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = CertificateAuthority.create(tmp_path / "other")
    for bundle in (other.certificate, BUNDLED_CERTIFICATES):
        monkeypatch.setenv("DATABASE_CA_BUNDLE", str(bundle))
        forget_services()
        assert_unavailable(api)
    assert "CERTIFICATE_VERIFY_FAILED" in log.getvalue()


def test_a_server_of_another_name_is_refused(
    api: Call, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same server, by a name that its certificate does not hold.
    for variable in ("DATABASE_WRITER_HOST", "DATABASE_READER_HOST"):
        monkeypatch.setenv(variable, "localhost")
    forget_services()
    assert_unavailable(api)
    assert "certificate is not valid for 'localhost'" in log.getvalue()


def test_the_connection_is_encrypted(api: Call) -> None:
    with services.writer().cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        row = cursor.fetchone()
    assert row is not None
    assert row["Value"] in {"TLSv1.2", "TLSv1.3"}


def test_the_bundled_certificates_cover_our_regions() -> None:
    names = set()
    certificates: list[dict[str, Any]] = tls_context(BUNDLED_CERTIFICATES).get_ca_certs()
    for certificate in certificates:
        names.add(dict(pair for (pair,) in certificate["subject"])["commonName"])
        assert ssl.cert_time_to_seconds(certificate["notAfter"]) > time.time()
    for region in ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1"):
        for algorithm in ("RSA2048", "RSA4096", "ECC384"):
            assert f"Amazon RDS {region} Root CA {algorithm} G1" in names
