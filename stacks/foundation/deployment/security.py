"""What a deploy changes of keys and of roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policies import Statement
from stacks.settings import PROJECT, REGIONS

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach

# The only one of AWS's own policies that a role of ours has (stacks/data/aurora.py).
_RDS_MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"


def write_security(reach: Reach, boundary_arn: str) -> list[Statement]:
    """Keys, and the roles that functions and services of the environment act as.

    A role can be made, or given rights, only within the boundary; none without.
    """
    account = reach.account_id
    roles = reach.named("iam", "role/", region="")
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary_arn}}
    return [
        Statement("MakeKeys", ["kms:CreateKey"], ["*"], conditions=reach.to_be_tagged),
        Statement(
            "ChangeKeys",
            [
                "kms:EnableKeyRotation",
                "kms:PutKeyPolicy",
                "kms:ScheduleKeyDeletion",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateKeyDescription",
            ],
            [f"arn:aws:kms:*:{account}:key/*"],
            conditions=reach.tagged,
        ),
        # Tags given as a key is made are a right of their own.
        Statement(
            "TagNewKeys",
            ["kms:TagResource"],
            [f"arn:aws:kms:*:{account}:key/*"],
            conditions={**reach.to_be_tagged, "Null": {"aws:ResourceTag/Project": "true"}},
        ),
        Statement(
            "ChangeAliases",
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            # An alias is made and moved by the right to it and to the key.
            [
                *reach.named("kms", "alias/"),
                *_bare_aliases(reach),
                f"arn:aws:kms:*:{account}:key/*",
            ],
        ),
        Statement(
            "BoundRoles",
            [
                "iam:CreateRole",
                "iam:DeleteRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            ],
            roles,
            conditions=bounded,
        ),
        Statement(
            "AttachMonitoring",
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            roles,
            conditions={
                "StringEquals": {**bounded["StringEquals"]},
                "ArnEquals": {"iam:PolicyARN": _RDS_MONITORING},
            },
        ),
        Statement(
            "ChangeRoles",
            [
                "iam:DeleteRole",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            roles,
        ),
        Statement(
            "PassRoles",
            ["iam:PassRole"],
            roles,
            conditions={
                "StringEquals": {
                    "iam:PassedToService": [
                        "lambda.amazonaws.com",
                        "monitoring.rds.amazonaws.com",
                        "vpc-flow-logs.amazonaws.com",
                    ]
                }
            },
        ),
        # What a service needs of an account before its first use there.
        Statement(
            "LetServicesMakeTheirRoles",
            ["iam:CreateServiceLinkedRole"],
            [f"arn:aws:iam::{account}:role/aws-service-role/*"],
            conditions={
                "StringEquals": {
                    "iam:AWSServiceName": [
                        "ops.apigateway.amazonaws.com",
                        "rds.amazonaws.com",
                        "wafv2.amazonaws.com",
                    ]
                }
            },
        ),
    ]


def _bare_aliases(reach: Reach) -> list[str]:
    if not reach.environment.owns_bare_alias:
        return []
    start = f"arn:aws:kms:*:{reach.account_id}:alias/{PROJECT}"
    return [f"{start}-{region.name}" for region in REGIONS]
