"""The public interface of the security layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SecurityOutputs:
    """The region's one KMS key, which encrypts everything of the workspace in the region."""

    kms_key_arn: str
    kms_key_id: str
    kms_key_alias: str
