"""How far a deploy role reaches: to all things of its environment, and to no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stacks.foundation.deployment.reach import FUNCTIONS, ROLES
from stacks.settings import GLOBAL_REGION, SettingsError, parse_workspace
from tests.supply_chain.deployment import ACCOUNT, NAMES, STATE_BUCKET, boundary, filled, of
from tests.supply_chain.simulator import Role
from tests.synthesis import EVERYTHING_ON, Stacks

# How a kind's things are made: the right, and the ARN with the name in it.
MADE = {
    "aws_cloudwatch_dashboard": ("cloudwatch:PutDashboard", "cloudwatch::{a}:dashboard/{n}"),
    "aws_cloudwatch_event_rule": ("events:PutRule", "events:{r}:{a}:rule/{n}"),
    "aws_cloudwatch_log_group": ("logs:CreateLogGroup", "logs:{r}:{a}:log-group:{n}"),
    "aws_cloudwatch_metric_alarm": ("cloudwatch:PutMetricAlarm", "cloudwatch:{r}:{a}:alarm:{n}"),
    "aws_db_subnet_group": ("rds:CreateDBSubnetGroup", "rds:{r}:{a}:subgrp:{n}"),
    "aws_iam_role": ("iam:CreateRole", "iam::{a}:role/{n}"),
    "aws_kms_alias": ("kms:CreateAlias", "kms:{r}:{a}:{n}"),
    "aws_lambda_function": ("lambda:CreateFunction", "lambda:{r}:{a}:function:{n}"),
    "aws_rds_cluster": ("rds:CreateDBCluster", "rds:{r}:{a}:cluster:{n}"),
    "aws_rds_cluster_instance": ("rds:CreateDBInstance", "rds:{r}:{a}:db:{n}"),
    "aws_rds_cluster_parameter_group": (
        "rds:CreateDBClusterParameterGroup",
        "rds:{r}:{a}:cluster-pg:{n}",
    ),
    "aws_s3_bucket": ("s3:CreateBucket", "s3:::{n}"),
    "aws_sns_topic": ("sns:CreateTopic", "sns:{r}:{a}:{n}"),
    "aws_sqs_queue": ("sqs:CreateQueue", "sqs:{r}:{a}:{n}"),
    "aws_wafv2_web_acl": ("wafv2:CreateWebACL", "wafv2:{r}:{a}:regional/webacl/{n}/id"),
}
NAMED_BY = (
    "name",
    "bucket",
    "function_name",
    "cluster_identifier",
    "identifier",
    "alarm_name",
    "dashboard_name",
)


def things(stacks: Stacks) -> Iterator[tuple[str, str]]:
    """The right to make each of an environment's named things, and its ARN."""
    for stack in stacks.values():
        region = stack["locals"]["region"]
        for kind, (action, arn) in MADE.items():
            for body in stack.get("resource", {}).get(kind, {}).values():
                # An instance names its cluster, too.
                given = [body[key] for key in ("identifier", *NAMED_BY) if key in body]
                name = filled(given[0], region)
                yield action, "arn:aws:" + arn.format(r=region, a=ACCOUNT, n=name)


@pytest.mark.parametrize("workspace", ["dev", "prod", "dev-pr42"])
def test_an_environments_own_role_may_make_all_its_things_and_no_other(
    with_repository: Callable[[str], Stacks], roles: dict[str, Role], workspace: str
) -> None:
    owner = parse_workspace(workspace).environment.name
    context = of(workspace, **{"iam:PermissionsBoundary": boundary(owner)})
    found = set(things(with_repository(workspace)))
    assert {action for action, _ in found} == {action for action, _ in MADE.values()}
    for action, arn in found:
        for name in NAMES:
            allowed = roles[f"deploy-{name}"].may(action, arn, context)
            assert allowed == (name == owner), f"deploy-{name}: {action} {arn}"


def test_the_roles_and_functions_reached_are_those_that_the_stacks_make(
    synthesized: Callable[[str], Stacks],
) -> None:
    stacks = synthesized(EVERYTHING_ON).values()

    def made(kind: str, key: str, end: str) -> set[str]:
        bodies = [
            body for stack in stacks for body in stack.get("resource", {}).get(kind, {}).values()
        ]
        return {str(body[key]).removesuffix(end) for body in bodies}

    assert made("aws_iam_role", "name", "-${local.region}-dev-pr42") == set(ROLES)
    assert made("aws_lambda_function", "function_name", "-dev-pr42") == set(FUNCTIONS)


def test_no_workspace_bears_the_name_of_another_environment() -> None:
    for name in ("dev-prod", "prod-dev", "staging-dev"):
        with pytest.raises(SettingsError, match="taken for another environment"):
            parse_workspace(name)


IAM = f"arn:aws:iam::{ACCOUNT}"
ROLE = f"{IAM}:role/trade-api-us-east-1-dev"
SUBNET, VPC = (f"arn:aws:ec2:us-east-1:{ACCOUNT}:{kind}/id" for kind in ("subnet", "vpc"))
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:trade-api-dev"
ZONE = "arn:aws:route53:::hostedzone/Z1"
CHANGE_RECORDS = "route53:ChangeResourceRecordSets"
RECORDS = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
GROUP = f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/id"
ARCHIVE = f"arn:aws:s3:::archive-{ACCOUNT}-us-east-1-foundation"
SNAPSHOT = f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster-snapshot:archive-dev-us-east-1-1"
STATES = f"arn:aws:s3:::{STATE_BUCKET}/trading"
ISSUER = f"{IAM}:oidc-provider/token.actions.githubusercontent.com"
STRANGER = f"{IAM}:role/admin-us-east-1-dev"
MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/id"
DEV = dict(of("dev"))
UNTAGGED = {"aws:RequestedRegion": GLOBAL_REGION}
ELSEWHERE = {**DEV, "aws:RequestedRegion": "eu-west-1"}
NEW = {name: value for name, value in DEV.items() if "ResourceTag" not in name}
BOUNDED = {**DEV, "iam:PermissionsBoundary": boundary("dev")}
OF_PROD = {**DEV, "iam:PermissionsBoundary": boundary("prod")}


@pytest.mark.parametrize(
    ("action", "arn", "context"),
    [
        ("iam:CreateRole", ROLE, BOUNDED),
        ("iam:PutRolePolicy", ROLE, BOUNDED),
        ("iam:PassRole", ROLE, {**DEV, "iam:PassedToService": "lambda.amazonaws.com"}),
        ("iam:AttachRolePolicy", ROLE, {**BOUNDED, "iam:PolicyARN": MONITORING}),
        ("iam:UpdateAssumeRolePolicy", ROLE, DEV),
        ("iam:TagRole", ROLE, NEW),
        ("ec2:CreateSubnet", SUBNET, NEW),
        ("ec2:CreateSubnet", VPC, DEV),
        ("ec2:CreateTags", SUBNET, {**UNTAGGED, "ec2:CreateAction": "CreateSubnet"}),
        ("ec2:CreateTags", GROUP, NEW),
        ("lambda:UpdateFunctionCode", FUNCTION, DEV),
        (CHANGE_RECORDS, ZONE, {**UNTAGGED, RECORDS: ["api.dev.trading.example.com"]}),
        (CHANGE_RECORDS, ZONE, {**UNTAGGED, RECORDS: ["api.dev-pr42.trading.example.com"]}),
        ("kms:CreateKey", "*", NEW),
        ("kms:PutKeyPolicy", KEY, DEV),
        ("s3:PutObject", f"{STATES}/dev/api-us-east-1.tfstate", UNTAGGED),
    ],
)  # fmt: skip
def test_a_deploy_may(
    roles: dict[str, Role], action: str, arn: str, context: dict[str, Any]
) -> None:
    assert roles["deploy-dev"].may(action, arn, context)


@pytest.mark.parametrize(
    ("action", "arn", "context"),
    [
        # More rights for itself, or for a role that it could then act as.
        ("iam:CreateRole", ROLE, DEV),
        ("iam:CreateRole", ROLE, {**DEV, "iam:PermissionsBoundary": f"{IAM}:policy/another"}),
        ("iam:CreateRole", ROLE, OF_PROD),
        ("iam:PutRolePolicy", ROLE, DEV),
        ("iam:PutRolePolicy", ROLE, OF_PROD),
        ("iam:PutRolePermissionsBoundary", ROLE, OF_PROD),
        ("iam:DeleteRolePermissionsBoundary", ROLE, BOUNDED),
        ("iam:AttachRolePolicy", ROLE, {**BOUNDED, "iam:PolicyARN": ADMINISTRATOR}),
        ("iam:PassRole", ROLE, {**DEV, "iam:PassedToService": "ec2.amazonaws.com"}),
        ("iam:UpdateAssumeRolePolicy", f"{IAM}:role/deployment/deploy-dev", DEV),
        ("iam:PutRolePolicy", f"{IAM}:role/deployment/deploy-dev", BOUNDED),
        ("iam:TagRole", f"{IAM}:role/deployment/x-dev", DEV),
        ("iam:CreatePolicyVersion", boundary("dev"), DEV),
        ("iam:UpdateOpenIDConnectProviderThumbprint", ISSUER, DEV),
        ("iam:CreateUser", f"{IAM}:user/x-dev", DEV),
        ("sts:AssumeRole", ROLE, DEV),
        # A role or a function of the account that is called as if it were the environment's.
        ("iam:UpdateAssumeRolePolicy", STRANGER, DEV),
        ("iam:PutRolePolicy", STRANGER, BOUNDED),
        ("iam:PutRolePermissionsBoundary", STRANGER, BOUNDED),
        ("iam:AttachRolePolicy", STRANGER, {**BOUNDED, "iam:PolicyARN": MONITORING}),
        ("iam:TagRole", STRANGER, DEV),
        ("iam:TagRole", STRANGER, NEW),
        ("iam:PassRole", STRANGER, {**DEV, "iam:PassedToService": "lambda.amazonaws.com"}),
        ("iam:UpdateAssumeRolePolicy", ROLE, UNTAGGED),
        ("iam:UpdateAssumeRolePolicy", ROLE, NEW),
        ("iam:TagRole", ROLE, UNTAGGED),
        ("iam:TagRole", ROLE, NEW | {"aws:ResourceTag/Project": "another"}),
        ("lambda:UpdateFunctionCode", FUNCTION.replace("trade-api", "payments"), DEV),
        ("lambda:AddPermission", FUNCTION.replace("trade-api", "payments"), DEV),
        # What is another's: by its name, its tags, its region.
        ("lambda:UpdateFunctionCode", FUNCTION.replace("dev", "prod"), of("prod")),
        ("lambda:UpdateFunctionCode", FUNCTION.replace("-dev", "-develop"), UNTAGGED),
        ("lambda:UpdateFunctionCode", FUNCTION, of("prod")),
        ("lambda:UpdateFunctionCode", FUNCTION.replace("us-east-1", "eu-west-1"), ELSEWHERE),
        ("ec2:CreateSubnet", SUBNET, UNTAGGED),
        ("ec2:CreateSubnet", VPC, NEW | {"aws:RequestTag/Environment": "prod"}),
        ("ec2:DeleteVpc", VPC, UNTAGGED),
        ("ec2:DeleteVpc", VPC, of("prod")),
        ("ec2:CreateTags", VPC, NEW),
        ("ec2:CreateTags", GROUP, NEW | {"aws:ResourceTag/Project": "another"}),
        ("ec2:RunInstances", "*", DEV),
        ("kms:CreateKey", "*", UNTAGGED),
        ("kms:ScheduleKeyDeletion", KEY, of("prod")),
        ("kms:ScheduleKeyDeletion", KEY, of("foundation")),
        (CHANGE_RECORDS, ZONE, {**UNTAGGED, RECORDS: ["api.prod.trading.example.com"]}),
        (CHANGE_RECORDS, ZONE, {**UNTAGGED, RECORDS: ["api.dev.trading.example.com", "www.example.com"]}),
        ("s3:GetObject", f"arn:aws:s3:::artifacts-{ACCOUNT}-us-east-1-prod/blotters/1", UNTAGGED),
        ("s3:PutObject", f"{STATES}/prod/api-us-east-1.tfstate", UNTAGGED),
        # What nobody but an administrator may: what outlives the environments, and what is watched by.
        ("s3:PutBucketPolicy", f"arn:aws:s3:::{STATE_BUCKET}", UNTAGGED),
        ("s3:DeleteBucket", f"arn:aws:s3:::{STATE_BUCKET}", UNTAGGED),
        ("s3:DeleteObjectVersion", f"{STATES}/dev/api-us-east-1.tfstate", UNTAGGED),
        ("s3:GetObject", f"{STATES}/prod-copy/api-us-east-1.tfstate", UNTAGGED),
        ("s3:PutObject", f"{STATES}/foundation/foundation-us-east-1.tfstate", UNTAGGED),
        ("s3:DeleteObject", f"{ARCHIVE}/dev/us-east-1/x", UNTAGGED),
        ("s3:PutBucketPolicy", ARCHIVE, UNTAGGED),
        ("rds:DeleteDBClusterSnapshot", SNAPSHOT, DEV),
        ("cloudtrail:StopLogging", "*", DEV),
    ],
)  # fmt: skip
def test_a_deploy_may_not(
    roles: dict[str, Role], action: str, arn: str, context: dict[str, Any]
) -> None:
    assert not roles["deploy-dev"].may(action, arn, context)
