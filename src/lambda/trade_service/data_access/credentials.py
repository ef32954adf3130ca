"""Who connects to the database, and with what: an IAM token, or the password in a secret."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

from trade_service import request_context
from trade_service.errors import DatabaseUnavailableError
from trade_service.observability import logger


@dataclass(frozen=True)
class Credentials:
    """A database user and its password, which no representation shows."""

    username: str
    password: str = field(repr=False)


class CredentialsProvider(Protocol):
    """Where credentials come from."""

    def current(self) -> Credentials:
        """What to connect with now. Raises DatabaseUnavailableError when it cannot be had."""

    def forget(self) -> None:
        """Keep nothing of what was refused."""


class SecretCredentials:
    """Reads the secret once and keeps it: Secrets Manager is neither free nor instant.

    ``username`` None is the user whom the secret names.
    """

    def __init__(self, region: str, secret_arn: str, username: str | None) -> None:
        self._region = region
        self._secret_arn = secret_arn
        self._username = username
        self._cached: Credentials | None = None

    def current(self) -> Credentials:
        """The credentials last read, or a first reading of them.

        Raises:
            DatabaseUnavailableError: the secret cannot be read.
        """
        if self._cached is None:
            self._cached = self._read()
        return self._cached

    def forget(self) -> None:
        """Make the next call of ``current`` read the secret again."""
        self._cached = None

    def _read(self) -> Credentials:
        # Only here: boto3 is slow to import, and on AWS requests are served without it.
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            secret = json.loads(self._secret_string())
            return Credentials(self._username or str(secret["username"]), str(secret["password"]))
        except (BotoCoreError, ClientError) as error:
            logger.exception("the database secret cannot be read")
            raise DatabaseUnavailableError("the database is unavailable") from error
        except (KeyError, TypeError, ValueError):
            # Without the cause: an error about malformed JSON carries the whole text it read.
            logger.error("the database secret does not hold a username and a password")
            raise DatabaseUnavailableError("the database is unavailable") from None

    def _secret_string(self) -> str:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        # One try may wait for a connection and for an answer, and two may be all there is time for.
        seconds = max(0.1, min(3.0, request_context.current().remaining / 5))
        client = boto3.client(
            "secretsmanager",
            region_name=self._region,
            config=Config(
                connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 2}
            ),
        )
        return client.get_secret_value(SecretId=self._secret_arn)["SecretString"]


class TokenCredentials:
    """A token for each connection, signed with the function's own credentials; nothing to rotate.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
    """

    # What AWS allows at most; a connection lives on after it.
    VALID_SECONDS = 900

    def __init__(self, region: str, host: str, port: int, username: str) -> None:
        self._region = region
        self._address = f"{host}:{port}"
        self._username = username

    def current(self) -> Credentials:
        """A new token. Raises DatabaseUnavailableError when the function has no credentials."""
        # botocore's signer alone: a client for one signature would load a model of all RDS calls.
        from botocore.auth import SigV4QueryAuth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.credentials import EnvProvider  # noqa: PLC0415

        credentials = EnvProvider().load()
        if credentials is None:
            logger.error("the function has no credentials to sign a database token with")
            raise DatabaseUnavailableError("the database is unavailable")
        request = AWSRequest(
            method="GET",
            url=f"https://{self._address}/",
            params={"Action": "connect", "DBUser": self._username},
        )
        signer = SigV4QueryAuth(credentials, "rds-db", self._region, expires=self.VALID_SECONDS)
        signer.add_auth(request)
        return Credentials(self._username, str(request.url).removeprefix("https://"))

    def forget(self) -> None:
        """Nothing is kept."""
