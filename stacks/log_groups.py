"""Log groups of the platform: 30 days, the region's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from stacks.settings import LOG_RETENTION_DAYS

if TYPE_CHECKING:
    from constructs import Construct


def log_group(
    scope: Construct, construct_id: str, name: str, kms_key_arn: str
) -> CloudwatchLogGroup:
    """A log group that exists before its writer does.

    Lambda, RDS and API Gateway create a missing group themselves, unencrypted and kept for ever;
    so the writer must depend on the group made here.
    """
    return CloudwatchLogGroup(
        scope,
        construct_id,
        name=name,
        retention_in_days=LOG_RETENTION_DAYS,
        kms_key_id=kms_key_arn,
        tags={"Name": name},
    )
