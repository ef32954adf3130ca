"""Who may assume each role, and what a function may do with its own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.security.policies import ACCOUNT, Statement, statements
from tests.stacks.resources import Resource, all_of, resources
from tests.synthesis import Stacks

# Which services say for what they assume a role; the others, why not.
SENDS_SOURCE_ARN = {
    "backup.amazonaws.com",
    "monitoring.rds.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
}
SENDS_SOURCE_ACCOUNT = {
    *SENDS_SOURCE_ARN,
    # The ARN is documented for policies where a function is what is acted on:
    # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    "lambda.amazonaws.com",
}
SENDS_NEITHER = {
    # One role for all APIs of an account, which API Gateway tries when it is set:
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    "apigateway.amazonaws.com"
}

EC2 = f"arn:aws:ec2:${{local.region}}:{ACCOUNT}"
NETWORK, DATA, SECURITY = (
    f"${{data.terraform_remote_state.{layer}_state.outputs."
    for layer in ("network", "data", "security")
)
VPC = f"{EC2}:vpc/{NETWORK}vpc_id}}"
SUBNETS = [
    f"{EC2}:subnet/${{element({NETWORK.removeprefix('${')}lambda_subnet_ids, {number})}}"
    for number in range(3)
]
INTERFACES = f"{EC2}:network-interface/*"
MAKE = {"ec2:CreateNetworkInterface"}
CHANGES = {
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}

# Every action that a function's role is allowed, and all that it is allowed on.
OF_ALL_FUNCTIONS = {
    "sqs:SendMessage": ["${aws_sqs_queue.dead_letters.arn}"],
    "kms:Decrypt": [f"{SECURITY}kms_key_arn}}"],
    "kms:GenerateDataKey": [f"{SECURITY}kms_key_arn}}"],
    "xray:PutTraceSegments": ["*"],
    "xray:PutTelemetryRecords": ["*"],
    "ec2:DescribeNetworkInterfaces": ["*"],
    "ec2:DescribeSubnets": ["*"],
    **{action: [f"{EC2}:*/*"] for action in MAKE | CHANGES},
}
USERS = f"arn:aws:rds-db:${{local.region}}:{ACCOUNT}:dbuser:{DATA}cluster_resource_id}}"
BLOTTERS = f"{DATA}artifacts_bucket_arn}}/blotters/*"
OF_ONE_FUNCTION = {
    "trade_api": {"rds-db:connect": [f"{USERS}/trade_api"]},
    "trade_reporter": {
        "rds-db:connect": [f"{USERS}/trade_reporter"],
        "s3:GetObject": [BLOTTERS],
        "s3:PutObject": [BLOTTERS],
    },
    "schema_migrator": {"secretsmanager:GetSecretValue": [f"{DATA}secret_arn}}"]},
}
# The services through which each may use the key: to decrypt, and to encrypt.
THROUGH = {
    "trade_api": (["lambda", "sqs"], ["sqs"]),
    "trade_reporter": (["lambda", "s3", "sqs"], ["s3", "sqs"]),
    "schema_migrator": (["lambda", "secretsmanager", "sqs"], ["sqs"]),
}


@dataclass(frozen=True)
class Function:
    """A function and every statement of its role's policies."""

    resource: Resource
    policy: list[Statement]

    @property
    def role(self) -> str:
        """Its role's address, as expressions begin."""
        return str(self.resource.body["role"]).removesuffix(".arn}")

    @property
    def name(self) -> str:
        """Its name in every region and environment, as in the tables above."""
        return self.resource.address.removesuffix("_function")

    def allowing(self, prefix: str) -> list[Statement]:
        """The statements that allow an action of this beginning; never none."""
        found = [
            each
            for each in self.policy
            if each.allows and any(action.startswith(prefix) for action in each.actions)
        ]
        assert found, f"{self.resource}: nothing allows {prefix}"
        return found


@pytest.fixture
def functions(environment: Stacks) -> list[Function]:
    """Every function of every stack, each with a role of its own."""
    found = []
    for function in all_of(environment, "aws_lambda_function"):
        stack = {function.stack: environment[function.stack]}
        role = function.body["role"].removesuffix(".arn}")
        policies = [
            each.address
            for each in resources(stack, "aws_iam_role_policy")
            if each.body["role"] == f"{role}.id}}"
        ]
        of_role = statements(stack, "aws_iam_role_policy")
        own = [each for each in of_role if each.resource.address in policies]
        assert own, function
        found.append(Function(function, own))
    assert len({(each.resource.stack, each.resource.body["role"]) for each in found}) == len(found)
    return found


def denied_by(function: Function, operator: str, key: str) -> Statement:
    """The one statement that denies by this condition."""
    (denied,) = (
        each
        for each in function.policy
        if not each.allows and key in each.conditions.get(operator, {})
    )
    return denied


def test_a_role_is_assumed_by_one_service_for_this_account(everywhere: Stacks) -> None:
    for trust in statements(everywhere, "aws_iam_role"):
        assert trust.allows
        assert trust.actions == ["sts:AssumeRole"], trust
        ((kind, (service,)),) = trust.principals.items()
        assert kind == "Service", trust
        assert service in SENDS_SOURCE_ACCOUNT | SENDS_NEITHER, f"{trust}: what does it send?"
        if service in SENDS_SOURCE_ACCOUNT:
            assert trust.required("aws:SourceAccount") == [ACCOUNT], trust
        if service in SENDS_SOURCE_ARN:
            (source,) = trust.required("aws:SourceArn")
            assert ACCOUNT in source, trust


def test_a_function_may_do_what_it_needs_and_nothing_else(functions: list[Function]) -> None:
    assert {function.name for function in functions} == OF_ONE_FUNCTION.keys()
    for function in functions:
        group = f"${{aws_cloudwatch_log_group.{function.name}_log_group.name}}"
        log = [f"arn:aws:logs:${{local.region}}:{ACCOUNT}:log-group:{group}:*"]
        needed = {
            **OF_ALL_FUNCTIONS,
            **OF_ONE_FUNCTION[function.name],
            "logs:CreateLogStream": log,
            "logs:PutLogEvents": log,
        }
        allowed: dict[str, list[str]] = {}
        for statement in function.policy:
            for action in statement.actions if statement.allows else []:
                allowed.setdefault(action, []).extend(statement.targets)
        assert allowed == needed, function.resource


def test_a_function_has_no_policy_of_aws(environment: Stacks, functions: list[Function]) -> None:
    """A managed policy would allow what the table of a function's actions does not show."""
    roles = {(each.resource.stack, each.role) for each in functions}
    for attachment in resources(environment, "aws_iam_role_policy_attachment"):
        role = attachment.body["role"].rpartition(".")[0]
        assert (attachment.stack, role) not in roles, attachment


def test_no_role_may_become_or_change_another(environment: Stacks) -> None:
    """By no wildcard either: `s3:?*` is not `s3:*`, and means as much."""
    for statement in statements(environment, "aws_iam_role_policy"):
        for action in statement.actions if statement.allows else []:
            assert not {"*", "?"} & set(action), f"{statement}: {action}"
            assert action.partition(":")[0].lower() not in {"iam", "sts"}, f"{statement}: {action}"


def test_a_function_writes_its_own_log_only(functions: list[Function]) -> None:
    for function in functions:
        group = function.resource.body["logging_config"]["log_group"]
        for statement in function.allowing("logs:"):
            assert set(statement.actions) == {"logs:CreateLogStream", "logs:PutLogEvents"}
            (log,) = statement.targets
            assert log == f"arn:aws:logs:${{local.region}}:{ACCOUNT}:log-group:{group}:*"


def test_a_function_uses_the_regions_key_through_services_only(functions: list[Function]) -> None:
    for function in functions:
        allowed = zip(("kms:Decrypt", "kms:GenerateDataKey"), THROUGH[function.name], strict=True)
        for action, services in allowed:
            (statement,) = function.allowing(action)
            via = [f"{service}.${{local.region}}.amazonaws.com" for service in services]
            assert statement.actions == [action]
            assert statement.targets == [function.resource.body["kms_key_arn"]], statement
            assert statement.conditions == {"StringEquals": {"kms:ViaService": via}}, statement


def test_what_is_attached_to_other_subnets_is_not_touched(functions: list[Function]) -> None:
    """Denied where a subnet is named, for Lambda asks beforehand without one, and must be allowed."""
    for function in functions:
        denied = denied_by(function, "ArnNotEquals", "ec2:Subnet")
        assert set(denied.actions) == CHANGES
        assert denied.targets == [INTERFACES]
        assert denied.conditions == {
            "Null": {"ec2:Subnet": ["false"]},
            "ArnNotEquals": {"ec2:Subnet": SUBNETS},
        }


def test_nothing_is_attached_to_other_networks(functions: list[Function]) -> None:
    """EC2 tells where a new interface shall be by its subnet's and its groups' VPC only."""
    for function in functions:
        (allowed,) = function.allowing("ec2:CreateNetworkInterface")
        assert not allowed.conditions, "Lambda tries this out where no condition would be met"
        denied = denied_by(function, "ArnNotEquals", "ec2:Vpc")
        assert set(denied.actions) == MAKE
        assert denied.targets == ["*"]
        assert denied.conditions == {
            "Null": {"ec2:Vpc": ["false"]},
            "ArnNotEquals": {"ec2:Vpc": [VPC]},
        }


def test_the_code_of_a_function_may_use_nothing_of_the_network(functions: list[Function]) -> None:
    for function in functions:
        network = {
            action
            for statement in function.allowing("ec2:")
            for action in statement.actions
            if action.startswith("ec2:")
        }
        denied = denied_by(function, "ArnEquals", "lambda:SourceFunctionArn")
        name = function.resource.body["function_name"]
        assert set(denied.actions) == network
        assert denied.targets == ["*"]
        assert denied.conditions == {
            "ArnEquals": {
                "lambda:SourceFunctionArn": [
                    f"arn:aws:lambda:${{local.region}}:{ACCOUNT}:function:{name}"
                ]
            }
        }


def test_a_role_of_another_service_writes_its_own_log_only(environment: Stacks) -> None:
    functions = {each.body["role"] for each in all_of(environment, "aws_lambda_function")}
    others = [
        each
        for each in statements(environment, "aws_iam_role_policy")
        if each.resource.body["role"].replace(".id}", ".arn}") not in functions
    ]
    assert others
    for statement in others:
        assert statement.allows
        assert all(action.startswith("logs:") for action in statement.actions), statement
        (log,) = statement.targets
        assert "log-group:${aws_cloudwatch_log_group." in log, statement
