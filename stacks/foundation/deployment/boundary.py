"""What a role that a deploy makes can ever do, whatever policy the deploy gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.foundation.deployment.backup import act_as_backup
from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach
    from stacks.settings import Environment

# Names of the deployment's own roles and policies lie below a path that no environment's name matches.
DEPLOYMENT_PATH = "/deployment/"


def boundary_name(environment: Environment) -> str:
    """What the boundary of an environment's roles, and of its copies' roles, is called."""
    return f"runtime-{environment.name}"


def boundary_arn(account_id: str, environment: Environment) -> str:
    """The boundary's ARN in an account."""
    return f"arn:aws:iam::{account_id}:policy{DEPLOYMENT_PATH}{boundary_name(environment)}"


def runtime_boundary(reach: Reach) -> list[Statement]:
    """Enough for functions, flow logs, database metrics and backups; nothing with which to get more.

    Of another environment in the account it opens nothing that has a name or a tag.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    own = f"*:{reach.account_id}"
    return [
        Statement(
            "WriteLogs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
                "logs:PutRetentionPolicy",
            ],
            # All instances of an account write their metrics to one group (stacks/foundation/stack.py).
            [*reach.log_groups(), f"arn:aws:logs:{own}:log-group:RDSOSMetrics:*"],
        ),
        Statement(
            "SendTraces",
            ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
            ["*"],
        ),
        *_open_network(own),
        # By an id that AWS chooses, and no condition is known to it.
        Statement("ConnectToDatabases", ["rds-db:connect"], [f"arn:aws:rds-db:{own}:dbuser:*/*"]),
        Statement(
            "ReadMasterPasswords",
            ["secretsmanager:GetSecretValue"],
            [f"arn:aws:secretsmanager:{own}:secret:rds!cluster-*"],
            conditions=reach.of_own_cluster,
        ),
        Statement(
            "ReadAndWriteObjects",
            ["s3:GetObject", "s3:PutObject"],
            [f"arn:aws:s3:::artifacts-{reach.account_id}-*-{ending}/*" for ending in reach.endings],
        ),
        Statement(
            "SendDeadLetters",
            ["sqs:SendMessage"],
            [f"arn:aws:sqs:{own}:dead-letters-{ending}" for ending in reach.endings],
        ),
        Statement(
            "UseKeysThroughServices",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [f"arn:aws:kms:{own}:key/*"],
            conditions=reach.tagged_through("*"),
        ),
        *act_as_backup(reach),
    ]


def _open_network(own: str) -> list[Statement]:
    """Lambda makes a function's interfaces as the function's role, and tags none."""
    return [
        Statement("SeeNetwork", ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], ["*"]),
        Statement(
            "AttachToNetwork",
            [
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
            ],
            [f"arn:aws:ec2:{own}:*/*"],
        ),
    ]
