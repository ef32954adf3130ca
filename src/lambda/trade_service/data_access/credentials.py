"""The database's user and password, from the secret that RDS manages and rotates."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from trade_service.errors import DatabaseUnavailableError
from trade_service.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True)
class Credentials:
    """A database user and its password, which no representation shows."""

    username: str
    password: str = field(repr=False)


class CredentialsProvider:
    """Reads the secret once and keeps it: Secrets Manager is neither free nor instant."""

    def __init__(self, client: SecretsManagerClient, secret_arn: str) -> None:
        self._client = client
        self._secret_arn = secret_arn
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
        try:
            response = self._client.get_secret_value(SecretId=self._secret_arn)
            secret = json.loads(response["SecretString"])
            return Credentials(username=secret["username"], password=secret["password"])
        except (BotoCoreError, ClientError) as error:
            logger.exception("the database secret cannot be read")
            raise DatabaseUnavailableError("the database is unavailable") from error
        except (KeyError, TypeError, ValueError):
            # Without the cause: an error about malformed JSON carries the whole text it read.
            logger.error("the database secret does not hold a username and a password")
            raise DatabaseUnavailableError("the database is unavailable") from None
