"""One database server and one secret for all tests; a database of its own for each."""

from __future__ import annotations

import io
import itertools
import logging
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from trade_service import services
from trade_service.handlers import schema_migrator, trade_api
from trade_service.observability import logger

from tests.lambda_source.documented import assert_documented
from tests.lambda_source.events import CONTEXT, REGION, Answer, proxy_event
from tests.lambda_source.servers import (
    CLUSTER_NAME,
    HOST,
    SECOND_HOST,
    CertificateAuthority,
    MariaDbServer,
    SecretsManagerServer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_database_numbers = itertools.count(1)


class Call(Protocol):
    def __call__(self, method: str, path: str, **parts: Any) -> Answer: ...


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("authority") / "trusted")


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority
) -> Iterator[MariaDbServer]:
    database = MariaDbServer(
        tmp_path_factory.mktemp("mariadb") / "server", authority, f"IP:{HOST},DNS:{CLUSTER_NAME}"
    )
    database.install()
    database.start()
    yield database
    # Nothing of it is wanted any more.
    database.kill()


@pytest.fixture(scope="session")
def second_server(
    tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority, server: MariaDbServer
) -> Iterator[MariaDbServer]:
    """Another instance of the cluster: of another address, and as all of a cluster of the same port."""
    names = f"IP:{SECOND_HOST},IP:{HOST},DNS:{CLUSTER_NAME}"
    folder = tmp_path_factory.mktemp("mariadb") / "second"
    database = MariaDbServer(folder, authority, names, SECOND_HOST, server.port)
    database.install()
    database.start()
    yield database
    # Nothing of it is wanted any more.
    database.kill()


@pytest.fixture
def secret() -> Iterator[SecretsManagerServer]:
    secrets_manager = SecretsManagerServer()
    yield secrets_manager
    secrets_manager.close()


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch,
    server: MariaDbServer,
    secret: SecretsManagerServer,
    authority: CertificateAuthority,
) -> Iterator[dict[str, str]]:
    """The function's environment, with a database name that no other test uses."""
    variables = {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secret.url,
        "AWS_LAMBDA_FUNCTION_NAME": "trade-api-test",
        "API_DOMAIN": "api.dev.trading.example.com",
        "API_REGIONS": "us-east-1,us-east-2,us-west-2",
        "DATABASE_WRITER_HOST": HOST,
        "DATABASE_READER_HOST": HOST,
        "DATABASE_PORT": str(server.port),
        "DATABASE_AUTHENTICATION": "secret",
        "DATABASE_NAME": f"trading_{next(_database_numbers)}",
        "DATABASE_SECRET_ARN": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:rds-x",
        "DATABASE_CA_BUNDLE": str(authority.certificate),
        "POWERTOOLS_SERVICE_NAME": "trade-api",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # No older code is at work here.
    monkeypatch.setattr(schema_migrator, "OLDER_CODE_SECONDS", 0.0)
    services.forget()
    yield variables
    services.forget()


@pytest.fixture
def unmigrated(environment: dict[str, str]) -> Call:
    """The API before its schema exists."""

    def call(method: str, path: str, **parts: Any) -> Answer:
        event = proxy_event(method, path, **parts)
        response = trade_api.handler(event, CONTEXT)
        assert_documented(event, response)
        return Answer.from_response(response)

    return call


@pytest.fixture
def api(unmigrated: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The API with its schema in place, as the user it has on AWS."""
    schema_migrator.handler({}, CONTEXT)
    monkeypatch.setenv("DATABASE_USER", "trade_api")
    services.forget()
    return unmigrated


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything the function logs, at the most talkative level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    yield stream
    logger.setLevel("INFO")
    logging.getLogger(logger.name).removeHandler(handler)
