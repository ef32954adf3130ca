"""The service's configuration, read once from the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trade_service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLED_CERTIFICATES = Path(__file__).parent / "certificates" / "rds-global-bundle.pem"


Authentication = Literal["iam", "secret"]


@dataclass(frozen=True)
class Configuration:
    """Where this function runs and where its database is.

    The same code serves AWS and the local target; only these values differ. ``database_user`` None is the
    cluster's master user, which only the migrator is; every other authenticates by IAM, with a token, or
    where the database does not know IAM, with the password in the secret. ``blotters_bucket`` is the
    reporter's alone.
    """

    region: str
    api_domain: str
    api_regions: frozenset[str]
    database_writer_host: str
    database_reader_host: str
    database_port: int
    database_name: str
    database_user: str | None
    database_authentication: Authentication
    database_secret_arn: str
    database_ca_bundle: Path
    blotters_bucket: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Configuration:
        """Read and check the environment variables.

        Raises:
            ConfigurationError: a variable is missing or malformed; the message names it.
        """
        # An identifier cannot be a query parameter, so the name is restricted where it enters.
        database_name = _required(environment, "DATABASE_NAME")
        if not re.fullmatch(r"[A-Za-z0-9_]{1,48}", database_name):
            raise ConfigurationError("DATABASE_NAME may hold letters, digits and underscores only")
        port = _required(environment, "DATABASE_PORT")
        if not port.isdecimal():
            raise ConfigurationError("DATABASE_PORT is not a number")
        return cls(
            region=_required(environment, "AWS_REGION"),
            api_domain=_required(environment, "API_DOMAIN"),
            api_regions=frozenset(_required(environment, "API_REGIONS").split(",")),
            database_writer_host=_required(environment, "DATABASE_WRITER_HOST"),
            database_reader_host=_required(environment, "DATABASE_READER_HOST"),
            database_port=int(port),
            database_name=database_name,
            database_user=environment.get("DATABASE_USER"),
            database_authentication=_authentication(environment),
            database_secret_arn=_required(environment, "DATABASE_SECRET_ARN"),
            database_ca_bundle=Path(environment.get("DATABASE_CA_BUNDLE") or BUNDLED_CERTIFICATES),
            blotters_bucket=environment.get("BLOTTERS_BUCKET"),
        )

    def url(self, region: str, path: str) -> str:
        """The address of a path in one region."""
        return f"https://{region}.{self.api_domain}{path}"


@cache
def configuration() -> Configuration:
    """The configuration of this process."""
    return Configuration.from_environment(os.environ)


def _authentication(environment: Mapping[str, str]) -> Authentication:
    chosen = environment.get("DATABASE_AUTHENTICATION") or "iam"
    if chosen not in {"iam", "secret"}:
        raise ConfigurationError("DATABASE_AUTHENTICATION is neither iam nor secret")
    return "iam" if chosen == "iam" else "secret"


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise ConfigurationError(f"the environment variable {name} is not set")
    return value
