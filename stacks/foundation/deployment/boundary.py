"""What a role that a deploy makes can ever do, whatever policy the deploy gives it."""

from __future__ import annotations

from stacks.policies import Statement

BOUNDARY_NAME = "runtime"
# Names of the deployment's own roles and policies lie below a path that no environment's name matches.
DEPLOYMENT_PATH = "/deployment/"


def boundary_arn(account_id: str) -> str:
    """The boundary's ARN in an account."""
    return f"arn:aws:iam::{account_id}:policy{DEPLOYMENT_PATH}{BOUNDARY_NAME}"


def runtime_boundary(account_id: str) -> list[Statement]:
    """Enough for functions, flow logs and database metrics; nothing with which to get more.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    own = f"*:{account_id}"
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
            [f"arn:aws:logs:{own}:log-group:*"],
        ),
        Statement(
            "SendTraces",
            ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
            ["*"],
        ),
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
        Statement("ConnectToDatabases", ["rds-db:connect"], [f"arn:aws:rds-db:{own}:dbuser:*/*"]),
        Statement(
            "ReadMasterPasswords",
            ["secretsmanager:GetSecretValue"],
            [f"arn:aws:secretsmanager:{own}:secret:rds!cluster-*"],
        ),
        Statement(
            "ReadAndWriteObjects",
            ["s3:GetObject", "s3:PutObject"],
            [f"arn:aws:s3:::artifacts-{account_id}-*/*"],
        ),
        Statement("SendDeadLetters", ["sqs:SendMessage"], [f"arn:aws:sqs:{own}:dead-letters-*"]),
        Statement(
            "UseKeysThroughServices",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [f"arn:aws:kms:{own}:key/*"],
            conditions={"StringLike": {"kms:ViaService": "*.amazonaws.com"}},
        ),
    ]
