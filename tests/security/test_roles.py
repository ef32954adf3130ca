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
NETWORK = "${data.terraform_remote_state.network_state.outputs."
SUBNETS = [
    f"{EC2}:subnet/${{element({NETWORK.removeprefix('${')}lambda_subnet_ids, {number})}}"
    for number in range(3)
]
INTERFACES = f"{EC2}:network-interface/*"
CHANGES = {
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}


@dataclass(frozen=True)
class Function:
    """A function and every statement of its role's policies."""

    resource: Resource
    policy: list[Statement]

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


def test_a_function_writes_its_own_log_only(functions: list[Function]) -> None:
    for function in functions:
        group = function.resource.body["logging_config"]["log_group"]
        for statement in function.allowing("logs:"):
            assert set(statement.actions) == {"logs:CreateLogStream", "logs:PutLogEvents"}
            (log,) = statement.targets
            assert log == f"arn:aws:logs:${{local.region}}:{ACCOUNT}:log-group:{group}:*"


def test_a_function_uses_the_regions_key_through_services_only(functions: list[Function]) -> None:
    for function in functions:
        for statement in function.allowing("kms:"):
            assert set(statement.actions) <= {"kms:Decrypt", "kms:GenerateDataKey"}, statement
            assert statement.targets == [function.resource.body["kms_key_arn"]], statement
            assert statement.required("kms:ViaService"), statement


def test_a_function_is_attached_to_its_own_subnets_and_groups(functions: list[Function]) -> None:
    for function in functions:
        body = function.resource.body
        assert body["vpc_config"]["subnet_ids"] == f"{NETWORK}lambda_subnet_ids}}"
        groups = [
            *body["vpc_config"]["security_group_ids"],
            *body["replacement_security_group_ids"],
        ]
        (create,) = function.allowing("ec2:CreateNetworkInterface")
        assert create.actions == ["ec2:CreateNetworkInterface"]
        assert create.targets == [
            *SUBNETS,
            *(f"{EC2}:security-group/{group}" for group in groups),
            INTERFACES,
        ]


def test_what_is_attached_to_other_subnets_is_not_touched(functions: list[Function]) -> None:
    """Denied where a subnet is named, for Lambda asks beforehand without one, and must be allowed."""
    for function in functions:
        for action in CHANGES:
            (change,) = function.allowing(action)
            assert change.targets == [f"{EC2}:*/*"], change
            assert not change.conditions, change
        (denied,) = (
            each
            for each in function.policy
            if not each.allows and "ec2:Subnet" in each.conditions.get("ArnNotEquals", {})
        )
        assert set(denied.actions) == CHANGES
        assert denied.targets == [INTERFACES]
        assert denied.conditions == {
            "Null": {"ec2:Subnet": ["false"]},
            "ArnNotEquals": {"ec2:Subnet": SUBNETS},
        }


def test_the_code_of_a_function_may_use_nothing_of_the_network(functions: list[Function]) -> None:
    for function in functions:
        network = {
            action
            for statement in function.allowing("ec2:")
            for action in statement.actions
            if action.startswith("ec2:")
        }
        (denied,) = (
            each
            for each in function.policy
            if not each.allows and "lambda:SourceFunctionArn" in str(each.conditions)
        )
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
