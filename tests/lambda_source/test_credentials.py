"""How the function proves who it is: with a token over TLS only, or with a secret that may change."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from trade_service import services
from trade_service.data_access.credentials import Credentials, TokenCredentials
from trade_service.errors import DatabaseUnavailableError

from tests.lambda_source.events import REGION, trade_body
from tests.lambda_source.faults import (
    assert_refused,
    assert_unavailable,
    call_within,
    kill_connections,
    set_password,
    stopped,
)
from tests.lambda_source.servers import FIRST_PASSWORD, HOST, CertificateAuthority
from tests.lambda_source.token_server import TokenServer

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from tests.lambda_source.conftest import Call
    from tests.lambda_source.servers import MariaDbServer, SecretsManagerServer

SECOND_PASSWORD = "second-Pa55word-which-no-log-may-show"
WRITER = "trading.cluster-abc.us-east-1.rds.amazonaws.com"


@contextmanager
def rotated(server: MariaDbServer) -> Iterator[None]:
    """The users have another password."""
    set_password(server, SECOND_PASSWORD)
    try:
        yield
    finally:
        set_password(server, FIRST_PASSWORD)


@pytest.fixture
def token_server(
    environment: dict[str, str],
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TokenServer]:
    server = TokenServer(*authority.sign("token-server", f"IP:{HOST}"))
    connect_by_token(server, monkeypatch)
    yield server
    server.close()


def connect_by_token(server: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token-which-no-log-may-show")
    monkeypatch.setenv("DATABASE_USER", "trade_api")
    monkeypatch.setenv("DATABASE_AUTHENTICATION", "iam")
    monkeypatch.setenv("DATABASE_PORT", str(server.port))
    services.forget()


def connect() -> None:
    services.writer().run(lambda cursor: cursor.execute("DO 1"))


@pytest.mark.parametrize("session_token", [None, "a/session+token=="])
def test_the_token_is_the_one_that_botocore_makes(
    monkeypatch: pytest.MonkeyPatch, session_token: str | None
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if session_token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", session_token)
    client = boto3.session.Session().client("rds", region_name=REGION)
    ours = TokenCredentials(REGION, WRITER, 3306, "trade_api")
    for _ in range(5):
        expected = client.generate_db_auth_token(WRITER, 3306, "trade_api")
        made = ours.current()
        # Both carry the second in which they were made.
        if signed_at(expected) == signed_at(made.password):
            break
    assert made == Credentials("trade_api", expected)
    assert ("X-Amz-Security-Token" in made.password) is bool(session_token)


def signed_at(token: str) -> str:
    return parse_qs(urlsplit(f"https://{token}").query)["X-Amz-Date"][0]


def test_each_connection_has_a_token_of_its_own(token_server: TokenServer) -> None:
    connect()
    connect()
    assert len(token_server.passwords) == 1
    time.sleep(1.1)
    services.writer().close()
    connect()
    assert token_server.users == ["trade_api"] * 2
    first, second = token_server.passwords
    assert first != second
    for token in (first, second):
        assert token.startswith(f"{HOST}:{token_server.port}/?Action=connect&DBUser=trade_api&")
        assert "&X-Amz-Expires=900&" in token


def test_a_token_is_sent_within_tls_only(token_server: TokenServer) -> None:
    connect()
    assert len(token_server.passwords) == 1
    # What asks for TLS: capabilities, largest packet, character set and nothing else.
    assert len(token_server.in_the_clear) == 32


def test_a_server_without_tls_gets_neither_token_nor_name(
    environment: dict[str, str],
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
) -> None:
    server = TokenServer(*authority.sign("without-tls", f"IP:{HOST}"), tls=False)
    connect_by_token(server, monkeypatch)
    with pytest.raises(DatabaseUnavailableError):
        connect()
    time.sleep(0.2)
    assert server.in_the_clear == b""
    assert "SSL is required" in log.getvalue()
    server.close()


def test_a_server_that_nobody_vouches_for_gets_no_token(
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = CertificateAuthority.create(tmp_path_factory.mktemp("others") / "authority")
    server = TokenServer(*other.sign("impostor", f"IP:{HOST}"))
    connect_by_token(server, monkeypatch)
    with pytest.raises(DatabaseUnavailableError):
        connect()
    assert server.passwords == []
    assert len(server.in_the_clear) == 32
    server.close()


def test_a_refused_token_is_a_503_and_in_no_log(
    token_server: TokenServer,
    unmigrated: Call,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    token_server.accepts = False
    answer = unmigrated("POST", "/trades", body=trade_body())
    assert_refused(answer)
    captured = capfd.readouterr()
    text = log.getvalue() + captured.out + captured.err + json.dumps(answer.body)
    assert "OperationalError 1045" in text
    for token in token_server.passwords:
        signature = re.search("X-Amz-Signature=([0-9a-f]{64})", token)
        assert signature is not None
        assert signature[1] not in text
    assert "session-token" not in text


def test_without_credentials_of_its_own_a_function_has_no_token(
    token_server: TokenServer, unmigrated: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert_unavailable(unmigrated)
    assert token_server.passwords == []


def test_credentials_show_no_password() -> None:
    assert FIRST_PASSWORD not in f"{Credentials('user', FIRST_PASSWORD)!r}"


def test_the_secret_is_read_once(api: Call, secret: SecretsManagerServer) -> None:
    reads = secret.reads
    for number in range(3):
        api("POST", "/trades", body=trade_body(client_order_id=f"o-{number}"))
        api("GET", "/trades", query={"account": "ACC-1"})
    assert secret.reads == reads + 1


def test_a_rotation_does_not_concern_a_connection_that_is_kept(
    api: Call, server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    reads = secret.reads
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("ALTER USER 'trade_api'@'%%' IDENTIFIED BY %s", (SECOND_PASSWORD,))
        secret.set_password(SECOND_PASSWORD)
        assert api("POST", "/trades", body=trade_body()).status == 200
        assert secret.reads == reads
        kill_connections(server)
        assert api("POST", "/trades", body=trade_body()).status == 200
        assert secret.reads == reads + 1


def test_after_a_rotation_the_secret_is_read_again(
    api: Call, server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    reads = secret.reads
    with rotated(server):
        secret.set_password(SECOND_PASSWORD)
        assert api("POST", "/trades", body=trade_body()).status == 200
        assert secret.reads == reads + 1


def test_a_wrong_secret_is_read_again_once_a_request(
    api: Call, server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    assert api("POST", "/trades", body=trade_body()).status == 201
    reads = secret.reads
    with rotated(server):
        assert_refused(api("POST", "/trades", body=trade_body()))
        assert secret.reads == reads + 1


def test_a_password_may_hold_any_character(
    api: Call, server: MariaDbServer, secret: SecretsManagerServer
) -> None:
    password = "pässword-€-密-'\"\\%s"
    set_password(server, password)
    try:
        secret.set_password(password)
        assert api("POST", "/trades", body=trade_body()).status == 201
    finally:
        set_password(server, FIRST_PASSWORD)


@pytest.mark.parametrize(
    "text", [f"not json {FIRST_PASSWORD}", "[]", '{"username": "x"}', f'"{FIRST_PASSWORD}"', "null"]
)
def test_an_unusable_secret_is_a_503(
    unmigrated: Call, secret: SecretsManagerServer, log: io.StringIO, text: str
) -> None:
    secret.secret_string = text
    assert_unavailable(unmigrated)
    assert "does not hold a username and a password" in log.getvalue()
    assert FIRST_PASSWORD not in log.getvalue()


def test_an_unreadable_secret_is_a_503(
    unmigrated: Call, secret: SecretsManagerServer, log: io.StringIO
) -> None:
    secret.available = False
    assert_unavailable(unmigrated)
    assert "AccessDeniedException" in log.getvalue()


@pytest.mark.parametrize("limit", [1.0, 4.0])
def test_a_secret_that_does_not_come_ends_with_the_request(
    unmigrated: Call, monkeypatch: pytest.MonkeyPatch, limit: float
) -> None:
    with socket.create_server((HOST, 0)) as silent:
        url = f"http://{HOST}:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        timed = call_within(limit, "POST", "/trades", body=trade_body())
    assert_refused(timed.answer)
    # Part of the time is for the client's making, and for its pause before it tries again.
    assert timed.seconds < limit + 2


def test_no_log_line_and_no_answer_shows_a_password(
    api: Call,
    server: MariaDbServer,
    secret: SecretsManagerServer,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    answers = [api("POST", "/trades", body=trade_body())]
    with rotated(server):
        answers.append(api("POST", "/trades", body=trade_body()))
        secret.set_password(SECOND_PASSWORD)
        answers.append(api("POST", "/trades", body=trade_body()))
    with stopped(server):
        answers.append(api("POST", "/trades", body=trade_body()))
    captured = capfd.readouterr()
    text = log.getvalue() + captured.out + captured.err + repr(answers)
    assert [answer.status for answer in answers] == [201, 503, 200, 503]
    assert "OperationalError 1045" in text
    assert "the database is unavailable" in text
    for password in (FIRST_PASSWORD, SECOND_PASSWORD):
        assert password not in text
