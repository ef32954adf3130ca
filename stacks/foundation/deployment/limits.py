"""What a deploy may never do, whatever else it is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.foundation.deployment.boundary import DEPLOYMENT_PATH
from stacks.policies import Statement
from stacks.settings import REGIONS

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach


def limits(reach: Reach) -> list[Statement]:
    """Denials, which no other policy overrules.

    Global services are asked in us-east-1, which is a region of ours.
    """
    regions = sorted({*(region.name for region in REGIONS), reach.state.region})
    iam = f"arn:aws:iam::{reach.account_id}"
    return [
        Statement(
            "StayInOwnRegions",
            ["*"],
            ["*"],
            conditions={"StringNotEquals": {"aws:RequestedRegion": regions}},
            effect="Deny",
        ),
        Statement(
            "LeaveOtherEnvironments",
            ["*"],
            ["*"],
            conditions=reach.tagged_as_another,
            effect="Deny",
        ),
        Statement(
            "LeaveOwnRightsAlone",
            ["iam:*"],
            [
                f"{iam}:role{DEPLOYMENT_PATH}*",
                f"{iam}:policy{DEPLOYMENT_PATH}*",
                f"{iam}:oidc-provider/*",
            ],
            effect="Deny",
        ),
        Statement("KeepBoundaries", ["iam:DeleteRolePermissionsBoundary"], ["*"], effect="Deny"),
        Statement(
            "LeaveStateBucketAlone",
            ["s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:Put*Configuration", "s3:PutBucket*"],
            [f"arn:aws:s3:::{reach.state.name}", f"arn:aws:s3:::{reach.state.name}/*"],
            effect="Deny",
        ),
        # Where the bucket is called like those of an environment, its role would reach all states.
        Statement("LeaveOtherStatesAlone", ["s3:*"], reach.other_states(), effect="Deny"),
        Statement(
            "LeaveFoundationAlone",
            ["s3:DeleteObject", "s3:PutObject"],
            [reach.foundation_states()],
            effect="Deny",
        ),
        Statement(
            "LeaveAuditAlone",
            ["account:*", "cloudtrail:*", "config:*", "guardduty:*", "organizations:*"],
            ["*"],
            effect="Deny",
        ),
    ]
