"""What a role that a deploy has made can do at most: enough, and of its own environment only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.supply_chain.deployment import (
    ACCOUNT,
    NAMES,
    boundary,
    filled,
    of,
    policy_texts,
)
from tests.supply_chain.simulator import Role
from tests.synthesis import Stack, Stacks

CLUSTERS = f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:rds!cluster-1-a"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/id"
LOGS = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group"
SNAPSHOT = f"{CLUSTERS}-snapshot:awsbackup:job-1"
VAULT = f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-vault:aurora-backup"
PLAN = f"arn:aws:backup:us-east-1:{ACCOUNT}:backup-plan:id"


def ceiling(foundation: Stack, environment: str) -> Role:
    """What the boundary of an environment opens."""
    text = policy_texts(foundation)[f"deployment_runtime_{environment}"]
    return Role(tuple(json.loads(text)["Statement"]))


@pytest.mark.parametrize("workspace", ["prod", "dev-pr42"])
def test_every_role_of_an_environment_is_within_its_boundary(
    with_repository: Callable[[str], Stacks], foundation: Stack, workspace: str
) -> None:
    environment = workspace.partition("-")[0]
    made = foundation["resource"]["aws_iam_policy"][f"deployment_runtime_{environment}"]
    assert f"policy{made['path']}{made['name']}" == boundary(environment).rpartition(":")[2]
    most = ceiling(foundation, environment)
    for stack in with_repository(workspace).values():
        for role in stack.get("resource", {}).get("aws_iam_role", {}).values():
            assert filled(role["permissions_boundary"]) == boundary(environment)
        for policy in stack.get("resource", {}).get("aws_iam_role_policy", {}).values():
            for statement in json.loads(policy["policy"])["Statement"]:
                if statement["Effect"] == "Allow":
                    lacking = [a for a in statement["Action"] if not most.names(a)]
                    assert lacking == [], policy["name"]
    for more in ("iam:CreateRole", "iam:PassRole", "sts:AssumeRole", "kms:PutKeyPolicy"):
        assert not most.names(more)


def context(environment: str) -> dict[str, Any]:
    """What IAM knows of a thing of an environment, be it a secret or a key."""
    cluster = f"{CLUSTERS}:aurora-{environment}"
    return {
        **of(environment),
        "aws:ResourceTag/aws:rds:primaryDBClusterArn": cluster,
        "kms:ViaService": "s3.us-east-1.amazonaws.com",
    }


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("secretsmanager:GetSecretValue", SECRET),
        ("kms:Decrypt", KEY),
        ("s3:GetObject", f"arn:aws:s3:::artifacts-{ACCOUNT}-us-east-1-{{}}/blotters/1.csv"),
        ("s3:PutObject", f"arn:aws:s3:::artifacts-{ACCOUNT}-us-east-1-{{}}/blotters/1.csv"),
        ("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead-letters-{{}}"),
        ("logs:PutLogEvents", f"{LOGS}:/aws/lambda/trade-api-{{}}:log-stream:x"),
        ("logs:GetLogEvents", f"{LOGS}:/vpc/flow-log-{{}}:log-stream:x"),
    ],
)
def test_a_role_reaches_what_is_of_its_own_environment_only(
    foundation: Stack, action: str, arn: str
) -> None:
    for name in NAMES:
        for own in (name, f"{name}-pr42"):
            for other in NAMES:
                may = ceiling(foundation, other).may(action, arn.format(own), context(own))
                assert may == (other == name), f"{other}: {action} {arn.format(own)}"


def test_database_metrics_go_to_the_group_of_the_account(foundation: Stack) -> None:
    group = f"{LOGS}:RDSOSMetrics:log-stream:db-1"
    for name in NAMES:
        assert ceiling(foundation, name).may("logs:PutLogEvents", group)


# AWS's own policy names all of these, some of them for all that there is.
BACKING_UP = [
    ("rds:DescribeDBClusters", f"{CLUSTERS}:aurora-prod"),
    ("rds:DescribeDBClusterSnapshots", SNAPSHOT),
    ("rds:ListTagsForResource", f"{CLUSTERS}:aurora-prod"),
    ("rds:CreateDBClusterSnapshot", f"{CLUSTERS}:aurora-prod"),
    ("rds:CreateDBClusterSnapshot", SNAPSHOT),
    ("rds:AddTagsToResource", SNAPSHOT),
    ("rds:CopyDBClusterSnapshot", SNAPSHOT),
    ("rds:DeleteDBClusterSnapshot", SNAPSHOT),
    ("rds:ModifyDBClusterSnapshotAttribute", SNAPSHOT),
    ("backup:DescribeBackupVault", f"{VAULT}-prod"),
    ("backup:CopyIntoBackupVault", f"{VAULT}-prod"),
    ("kms:CreateGrant", KEY),
    ("kms:DescribeKey", KEY),
    ("tag:GetResources", "*"),
]


@pytest.mark.parametrize(("action", "arn"), BACKING_UP)
def test_aws_backup_works_within_the_boundary_where_it_is_turned_on(
    foundation: Stack, turned_on: Stack, action: str, arn: str
) -> None:
    assert ceiling(turned_on, "prod").may(action, arn, of("prod"))
    assert not ceiling(foundation, "prod").may(action, arn, of("prod"))
    assert not ceiling(turned_on, "dev").may(action, arn, of("prod"))


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("rds:CreateDBClusterSnapshot", f"{CLUSTERS}:aurora-dev"),
        ("rds:DeleteDBClusterSnapshot", SNAPSHOT),
        ("rds:DeleteDBClusterSnapshot", f"{CLUSTERS}-snapshot:by-hand"),
        ("backup:CopyIntoBackupVault", f"{VAULT}-dev"),
        ("kms:CreateGrant", KEY),
    ],
)
def test_aws_backup_leaves_other_environments_alone(
    turned_on: Stack, action: str, arn: str
) -> None:
    assert not ceiling(turned_on, "prod").may(action, arn, of("dev"))
