"""A platform of its own for the faults: a cluster behind proxies, a secret, and the function."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks.api.lambda_package import SCHEMA_MIGRATOR_HANDLER, TRADE_API_HANDLER
from tests.faults.database import API_USER, DATABASE_NAME, Cluster
from tests.faults.environments import Function
from tests.faults.faults import Platform
from tests.faults.proxy import Proxy
from tests.lambda_source.events import HOST_NAME, REGION
from tests.lambda_source.servers import CertificateAuthority, SecretsManagerServer

if TYPE_CHECKING:
    from collections.abc import Iterator

# Two addresses of one port, as the two endpoints of a cluster have it.
WRITER_HOST, READER_HOST = "127.0.0.2", "127.0.0.3"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A new platform, with the schema in place; of the function there is no environment yet."""
    with ExitStack() as stack:
        authority = CertificateAuthority.create(tmp_path / "authority")
        cluster = Cluster(tmp_path, authority, f"IP:{WRITER_HOST},IP:{READER_HOST}")
        stack.callback(cluster.stop)
        cluster.start()
        port = cluster.writer.port
        writer = stack.enter_context(closing(Proxy(WRITER_HOST, port, port)))
        reader = stack.enter_context(closing(Proxy(READER_HOST, port, cluster.replica.port)))
        secret = stack.enter_context(closing(SecretsManagerServer()))
        variables = _variables(secret.url, port, authority)
        _migrate(tmp_path / "migrator", variables)
        cluster.prepare()
        # Its password is the master's until it is rotated.
        variables |= {"DATABASE_USER": API_USER}
        function = Function(tmp_path / "api", TRADE_API_HANDLER, variables)
        stack.enter_context(closing(function))
        yield Platform(cluster, writer, reader, function, secret)


def _variables(secrets_url: str, port: int, authority: CertificateAuthority) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url,
        "AWS_LAMBDA_FUNCTION_NAME": "trade-api-faults",
        "API_DOMAIN": HOST_NAME.partition(".")[2],
        "API_REGIONS": REGION,
        "DATABASE_WRITER_HOST": WRITER_HOST,
        "DATABASE_READER_HOST": READER_HOST,
        "DATABASE_PORT": str(port),
        "DATABASE_AUTHENTICATION": "secret",
        "DATABASE_NAME": DATABASE_NAME,
        "DATABASE_SECRET_ARN": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:rds-x",
        "DATABASE_CA_BUNDLE": str(authority.certificate),
        "POWERTOOLS_SERVICE_NAME": "trade-api",
    }


def _migrate(folder: Path, variables: dict[str, str]) -> None:
    migrator = Function(folder, SCHEMA_MIGRATOR_HANDLER, variables)
    answer = migrator.invoke({})
    migrator.close()
    assert answer.get("applied"), answer
