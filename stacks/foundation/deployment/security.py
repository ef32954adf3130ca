"""What a deploy changes of keys and of roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.foundation.deployment.backup import BACKUP_POLICY, BACKUP_SERVICE
from stacks.foundation.deployment.boundary import boundary_arn
from stacks.policies import Statement
from stacks.settings import PROJECT, REGIONS

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach

# What the role has that writes database metrics (stacks/data/aurora.py).
_RDS_MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"


def write_keys(reach: Reach) -> list[Statement]:
    """The environment's keys, and what they are called."""
    keys = f"arn:aws:kms:*:{reach.account_id}:key/*"
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
            [keys],
            conditions=reach.tagged,
        ),
        # Tags given as a key is made are a right of their own.
        Statement(
            "TagNewKeys",
            ["kms:TagResource"],
            [keys],
            conditions={**reach.to_be_tagged, "Null": {"aws:ResourceTag/Project": "true"}},
        ),
        Statement(
            "ChangeAliases",
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            # An alias is made and moved by the right to it and to the key.
            [
                *reach.named("kms", "alias/"),
                *_bare_aliases(reach),
                keys,
            ],
        ),
    ]


def write_roles(reach: Reach) -> list[Statement]:
    """What functions and services of the environment act as: made, and given rights, within the
    boundary only.

    Trust knows no condition on boundaries, so whom a role trusts may be changed of what has our tags.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    account, roles, backed_up = reach.account_id, reach.roles(), reach.environment.aws_backup_days
    bounded = {
        "StringEquals": {"iam:PermissionsBoundary": boundary_arn(account, reach.environment)}
    }
    attached = [_RDS_MONITORING, *([BACKUP_POLICY] if backed_up else [])]
    services = [
        *([BACKUP_SERVICE] if backed_up else []),
        "lambda.amazonaws.com",
        "monitoring.rds.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
    ]
    return [
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
            "AttachServicePolicies",
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            roles,
            conditions={**bounded, "ArnEquals": {"iam:PolicyARN": attached}},
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
            conditions=reach.tagged,
        ),
        Statement(
            "TagNewRoles",
            ["iam:TagRole"],
            roles,
            conditions={**reach.to_be_tagged, "Null": {"aws:ResourceTag/Project": "true"}},
        ),
        # AWS advises against a condition on tags here:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_iam-tags.html
        Statement(
            "PassRoles",
            ["iam:PassRole"],
            roles,
            conditions={"StringEquals": {"iam:PassedToService": services}},
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
