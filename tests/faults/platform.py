"""A platform of its own for the faults: a cluster behind proxies, a secret, and the function."""

from __future__ import annotations

import os
import zipfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.api.lambda_package import (
    SCHEMA_MIGRATOR_HANDLER,
    TRADE_API_HANDLER,
    build_lambda_package,
)
from tests.faults.database import API_USER, DATABASE_NAME, Cluster
from tests.faults.environments import Function
from tests.faults.proxy import Proxy
from tests.lambda_source.events import HOST_NAME, REGION
from tests.lambda_source.servers import CertificateAuthority, SecretsManagerServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

# Two addresses of one port, as the two endpoints of a cluster have it.
WRITER_HOST, READER_HOST = "127.0.0.2", "127.0.0.3"


@dataclass(frozen=True)
class Platform:
    """What can be harmed."""

    cluster: Cluster
    writer_proxy: Proxy
    reader_proxy: Proxy
    function: Function
    secret: SecretsManagerServer

    def any_proxy(self, random: Random) -> Proxy:
        """One of the two, more often the writer's."""
        return random.choice((self.writer_proxy, self.writer_proxy, self.reader_proxy))


@contextmanager
def running_platform(
    folder: Path, changed: Callable[[Path], object] = lambda code: None
) -> Iterator[Platform]:
    """A new platform with the schema in place, and no execution environment of the function yet.

    Its code is what the ZIP holds, after ``changed`` was called with the folder it was unpacked to.
    """
    code = folder / "code"
    with zipfile.ZipFile(build_lambda_package().path) as package:
        package.extractall(code)
    changed(code)
    with ExitStack() as stack:
        authority = CertificateAuthority.create(folder / "authority")
        cluster = Cluster(folder, authority, f"IP:{WRITER_HOST},IP:{READER_HOST}")
        stack.callback(cluster.stop)
        cluster.start()
        port = cluster.writer.port
        writer = stack.enter_context(closing(Proxy(WRITER_HOST, port, port)))
        reader = stack.enter_context(closing(Proxy(READER_HOST, port, cluster.replica.port)))
        secret = stack.enter_context(closing(SecretsManagerServer()))
        variables = _variables(secret.url, port, authority)
        with closing(
            Function(folder / "migrator", code, SCHEMA_MIGRATOR_HANDLER, variables)
        ) as migrator:
            answer = migrator.invoke({})
        assert answer.get("applied"), answer
        cluster.prepare()
        # Its password is the master's until it is rotated.
        variables |= {"DATABASE_USER": API_USER}
        function = Function(folder / "api", code, TRADE_API_HANDLER, variables)
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
