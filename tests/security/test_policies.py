"""What no policy of any resource may say, whichever service it is for."""

from __future__ import annotations

import pytest

from tests.security.policies import ACCOUNT, Statement, account_root, statements
from tests.stacks.resources import all_of, resources
from tests.synthesis import Stacks

# AWS knows no resource for these:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WITHOUT_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
}
# In a key's policy "*" is the key itself, in an endpoint's what the conditions leave.
OF_ITS_OWN_RESOURCE = {"aws_kms_key", "aws_vpc_endpoint"}
# What ties a request of anyone to this account.
CALLERS_ACCOUNT = ("aws:PrincipalAccount", "kms:CallerAccount")
# What ties a request of a service to what it does for this account.
SERVED_ACCOUNT = (
    "aws:SourceAccount",
    "aws:SourceArn",
    "kms:EncryptionContext:aws:logs:arn",
    "kms:EncryptionContext:aws:sqs:arn",
)
# AWS's own policies that roles may have: none of them leaves a choice.
MANAGED_POLICIES = {
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.Enabling.html
    "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
}


@pytest.fixture
def allowing(everywhere: Stacks) -> list[Statement]:
    """Every statement that allows something, but for the one that hands a key over to IAM."""
    return [
        each for each in statements(everywhere) if each.allows and not is_key_administration(each)
    ]


def is_key_administration(statement: Statement) -> bool:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    return statement.resource.kind == "aws_kms_key" and account_root(statement)


def test_no_policy_says_what_it_is_not_about(everywhere: Stacks) -> None:
    for statement in statements(everywhere):
        assert not {"NotAction", "NotPrincipal", "NotResource"} & statement.body.keys(), statement


def test_nothing_is_allowed_all_of_a_service(allowing: list[Statement]) -> None:
    for statement in allowing:
        for action in statement.actions:
            assert action != "*", statement
            assert not action.endswith(":*"), statement


def test_nothing_is_allowed_on_all_resources_that_aws_can_tell_apart(
    allowing: list[Statement],
) -> None:
    for statement in allowing:
        if "*" in statement.targets and statement.resource.kind not in OF_ITS_OWN_RESOURCE:
            assert set(statement.actions) <= WITHOUT_RESOURCE, statement


def test_anyone_is_someone_of_this_account(allowing: list[Statement]) -> None:
    for statement in allowing:
        if "*" in statement.principals.get("AWS", []):
            required = [value for key in CALLERS_ACCOUNT for value in statement.required(key)]
            assert required == [ACCOUNT], statement


def test_no_other_account_is_let_in(allowing: list[Statement]) -> None:
    for statement in allowing:
        assert set(statement.principals) <= {"AWS", "Service"}, statement
        assert set(statement.principals.get("AWS", [])) <= {"*"}, statement


def test_a_service_acts_for_this_account_only(allowing: list[Statement]) -> None:
    services = [each for each in allowing if "Service" in each.principals]
    assert services
    for statement in services:
        if statement.resource.kind == "aws_iam_role":
            continue  # Who assumes roles is a question of its own.
        required = [value for key in SERVED_ACCOUNT for value in statement.required(key)]
        assert required, statement
        for value in required:
            # An ARN that Terraform fills in is of a resource beside it, in this account.
            assert ACCOUNT in value or value.endswith(".arn}"), statement


def test_an_endpoint_leads_to_nothing_of_another_account(environment: Stacks) -> None:
    for endpoint in all_of(environment, "aws_vpc_endpoint"):
        assert "policy" in endpoint.body, endpoint
    for statement in statements(environment, "aws_vpc_endpoint"):
        assert statement.allows
        for key in ("aws:PrincipalAccount", "aws:ResourceAccount"):
            assert statement.required(key) == [ACCOUNT], statement


def test_functions_are_invoked_by_one_source_of_this_account(environment: Stacks) -> None:
    for permission in all_of(environment, "aws_lambda_permission"):
        body = permission.body
        assert body["action"] == "lambda:InvokeFunction", permission
        assert body["principal"].endswith(".amazonaws.com"), permission
        # Of API Gateway and EventBridge, the ARN holds the account; of others it may not.
        named = ("aws_api_gateway_stage", "aws_cloudwatch_event_rule")
        assert body["source_arn"].startswith(tuple(f"${{{kind}." for kind in named)), permission
        assert body.get("source_account", ACCOUNT) == ACCOUNT, permission


def test_every_policy_can_be_read_here(everywhere: Stacks) -> None:
    """Of AWS's own policies few are known, and none is built where no test sees it."""
    for attachment in resources(everywhere, "aws_iam_role_policy_attachment"):
        assert attachment.body["policy_arn"] in MANAGED_POLICIES, attachment
    for role in all_of(everywhere, "aws_iam_role"):
        assert not {"managed_policy_arns", "inline_policy"} & role.body.keys(), role
    for stack in everywhere.values():
        assert "aws_iam_policy_document" not in stack.get("data", {})
