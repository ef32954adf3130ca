"""The public interface of the foundation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FoundationOutputs:
    """The role by which API Gateway writes logs, and where destroyed environments are kept.

    The key encrypts the archive and RDS's operating system metrics.
    """

    api_gateway_logging_role_arn: str
    kms_key_arn: str
    archive_bucket: str
