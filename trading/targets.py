"""Where stacks are deployed to: AWS itself, or the local AWS on this machine."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from stacks.paths import work_directory

if TYPE_CHECKING:
    from trading.local.local_target import LocalTarget


class TargetName(StrEnum):
    """What `--target` and TRADING_TARGET may say."""

    AWS = "aws"
    LOCAL = "local"


class Target(Protocol):
    """What differs between targets; the stacks do not."""

    name: TargetName

    def environment(self) -> dict[str, str]:
        """The environment of Terraform and of the AWS SDK."""
        ...

    def api_url(self, rest_api_id: str, stage: str, published: str) -> str:
        """Where an API's stage answers; `published` is the URL that AWS gives it."""
        ...


class AwsTarget:
    """AWS with this process's own credentials."""

    name = TargetName.AWS

    def environment(self) -> dict[str, str]:
        """This process's environment."""
        return dict(os.environ)

    def api_url(self, rest_api_id: str, stage: str, published: str) -> str:  # noqa: ARG002
        """The published URL."""
        return published.rstrip("/")


class LocalAwsTarget:
    """The local AWS of this checkout."""

    name = TargetName.LOCAL

    def __init__(self) -> None:
        self.local = local_aws()

    def environment(self) -> dict[str, str]:
        """This process's environment with the local AWS's endpoint and test credentials."""
        return self.local.environment()

    def api_url(self, rest_api_id: str, stage: str, published: str) -> str:  # noqa: ARG002
        """The local address; the published amazonaws.com name leads to AWS itself."""
        return self.local.invoke_url(rest_api_id, stage)


def target(name: TargetName) -> Target:
    """The target of a name."""
    return LocalAwsTarget() if name is TargetName.LOCAL else AwsTarget()


def local_aws() -> LocalTarget:
    """The local AWS of this checkout, running or not."""
    from trading.local.local_target import LocalTarget  # noqa: PLC0415 - only the local target needs it

    return LocalTarget(work_directory() / "local")
