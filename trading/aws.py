"""The AWS SDK, pointed at the target that Terraform works on."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from boto3.session import Session
    from botocore.config import Config

_making = Lock()


def errors() -> tuple[type[Exception], ...]:
    """What the SDK raises when AWS cannot be asked, or refuses."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see `session`

    return BotoCoreError, ClientError


@contextmanager
def answering() -> Iterator[None]:
    """Raises OperatorError in one line where the SDK does not answer, or refuses."""
    try:
        yield
    except errors() as error:
        raise OperatorError(f"AWS refused or did not answer: {error}; {advice(error)}") from error


def advice(error: Exception) -> str:
    """What to look at when AWS has not answered as hoped."""
    from botocore.exceptions import ClientError, ConnectionError, InvalidRegionError  # noqa: PLC0415, A004 - see `session`

    if isinstance(error, ConnectionError | InvalidRegionError):
        return "check the network, and the name of the region (TRADING_STATE_REGION)"
    # S3 and RDS pass on what KMS says under names of their own, which all begin alike.
    if isinstance(error, ClientError) and error.response["Error"]["Code"].startswith("KMS"):
        return "a key cannot be used: see docs/runbooks/lost-key.md"
    return "check the credentials and TRADING_STATE_*"


def session(environment: Mapping[str, str]) -> Session:
    """A session with the credentials of a target's environment."""
    credentials = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return _session(*(environment.get(name) for name in credentials))


@cache
def _session(key: str | None, secret: str | None, token: str | None) -> Session:
    """One for all: each reads the description of a service anew, which takes longer than a call."""
    import boto3  # noqa: PLC0415 - slow to import, and most verbs need no AWS

    return boto3.Session(
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def client(
    service: Any, environment: Mapping[str, str], region: str, config: Config | None = None
) -> Any:
    """A client of one service in one region."""
    # Sessions are not safe to use from several threads, clients are.
    with _making:
        return session(environment).client(
            service,
            region_name=region,
            endpoint_url=environment.get("AWS_ENDPOINT_URL"),
            config=config,
        )


def account(environment: Mapping[str, str], region: str) -> str:
    """The account that the credentials are of, or "unknown" when AWS does not tell at once."""
    from botocore.config import Config  # noqa: PLC0415 - see `session`

    patience = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    try:
        return str(client("sts", environment, region, patience).get_caller_identity()["Account"])
    except errors():
        return "unknown"
