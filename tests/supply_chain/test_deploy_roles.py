"""The roles of GitHub Actions: whom they trust, and that they suffice for what a deploy does.

What that is was recorded on the local AWS. What AWS itself makes of it is not shown here: neither the
emulator nor the simulation is IAM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.settings import FOUNDATION_WORKSPACE, GLOBAL_REGION
from tests.supply_chain.deployment import (
    ACCOUNT,
    NAMES,
    REPOSITORY,
    STATE_BUCKET,
    WITH_REPOSITORY,
    attached,
    deployment_roles,
    filled,
    of,
    policy_texts,
)
from tests.supply_chain.record_actions import RECORDED
from tests.supply_chain.simulator import Role
from tests.synthesis import Stack, Stacks, run_app

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_CHARACTERS = 6_144
POLICIES_PER_ROLE = 10
RIGHTS: dict[str, dict[str, list[str]]] = json.loads(RECORDED.read_text())


def test_without_a_repository_there_are_no_roles(
    synthesized: Callable[[str], Stacks],
) -> None:
    for stack in synthesized(FOUNDATION_WORKSPACE).values():
        assert not {"aws_iam_policy", "aws_iam_openid_connect_provider"} & set(stack["resource"])
    for stack in synthesized("dev").values():
        for role in stack.get("resource", {}).get("aws_iam_role", {}).values():
            assert "permissions_boundary" not in role


def test_the_roles_are_made_once_though_the_foundation_is_in_every_region(
    with_repository: Callable[[str], Stacks],
) -> None:
    made = [
        name
        for name, stack in with_repository(FOUNDATION_WORKSPACE).items()
        if "aws_iam_openid_connect_provider" in stack["resource"]
    ]
    assert made == [f"foundation-{GLOBAL_REGION}"]


def test_a_repository_without_a_state_bucket_is_refused(tmp_path: Path) -> None:
    program = WITH_REPOSITORY.replace(f"= {STATE_BUCKET!r}", "= ''")
    result = run_app(tmp_path, FOUNDATION_WORKSPACE, "-c", program)
    assert result.returncode != 0
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert "set TRADING_STATE_BUCKET" in line


def test_each_role_trusts_one_subject_of_github(foundation: Stack) -> None:
    trusted = {}
    for name, role in deployment_roles(foundation).items():
        (statement,) = json.loads(role["assume_role_policy"])["Statement"]
        assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity"]
        provider = "${aws_iam_openid_connect_provider.deployment_github.arn}"
        assert statement["Principal"] == {"Federated": provider}
        assert set(statement["Condition"]) == {"StringEquals"}
        claims = statement["Condition"]["StringEquals"]
        assert claims.pop("token.actions.githubusercontent.com:aud") == "sts.amazonaws.com"
        (trusted[name],) = claims.items()
        assert role["max_session_duration"] <= 7_200
    subject = "token.actions.githubusercontent.com:sub"
    expected = {}
    for name in NAMES:
        expected[f"plan-{name}"] = (subject, f"repo:{REPOSITORY}:environment:{name}-plan")
        expected[f"deploy-{name}"] = (subject, f"repo:{REPOSITORY}:environment:{name}")
    assert trusted == expected
    (provider,) = foundation["resource"]["aws_iam_openid_connect_provider"].values()
    assert provider["url"] == "https://token.actions.githubusercontent.com"
    assert provider["client_id_list"] == ["sts.amazonaws.com"]


def test_the_policies_are_as_small_as_iam_wants_them(foundation: Stack, turned_on: Stack) -> None:
    for made in (foundation, turned_on):
        for address, text in policy_texts(made).items():
            size = len(json.dumps(json.loads(text), separators=(",", ":")))
            assert size <= POLICY_CHARACTERS, address
        for name, role in deployment_roles(made).items():
            assert 0 < len(attached(made, role["address"])) <= POLICIES_PER_ROLE, name


def test_the_recording_knows_all_that_an_environment_has(
    synthesized: Callable[[str], Stacks],
) -> None:
    kinds = {kind for stack in synthesized("prod").values() for kind in stack.get("resource", {})}
    unknown = kinds - set(RIGHTS["resource_types"])
    assert not unknown, "run python -m tests.supply_chain.record_actions"


@pytest.mark.parametrize("purpose", ["plan", "deploy"])
def test_what_was_recorded_is_allowed(roles: dict[str, Role], purpose: str) -> None:
    role, context = roles[f"{purpose}-prod"], of("prod")
    refused = []
    for action, arns in RIGHTS[purpose].items():
        if arns == ["*"]:
            refused += [action] if not role.names(action) else []
            continue
        for arn in arns:
            recorded = arn.replace("arn:aws:s3:::state", f"arn:aws:s3:::{STATE_BUCKET}")
            made = filled(recorded.replace("{layer}", "data"))
            refused += [f"{action} {made}"] if not role.may(action, made, context) else []
    assert refused == []


def test_a_deploy_may_do_what_aws_asks_for_beside_the_recorded(roles: dict[str, Role]) -> None:
    """The emulator does not ask for these; AWS's list of rights has them as dependent actions."""
    asked = (
        "apigateway:SetWebACL ec2:CreateTags iam:CreateServiceLinkedRole iam:PassRole iam:TagRole"
        " kms:TagResource lambda:TagResource logs:AssociateKmsKey logs:CreateLogDelivery"
        " logs:PutResourcePolicy logs:TagResource rds:AddTagsToResource"
        " secretsmanager:CreateSecret secretsmanager:TagResource sns:TagResource sqs:TagQueue"
        " acm:AddTagsToCertificate cloudwatch:TagResource events:TagResource wafv2:TagResource"
    )
    for name in NAMES:
        missing = [action for action in asked.split() if not roles[f"deploy-{name}"].names(action)]
        assert missing == []


def test_a_plan_changes_nothing_but_its_locks(roles: dict[str, Role]) -> None:
    reading = re.compile(r"\w+:(Get|List|Describe)\w*|apigateway:GET")
    for name in NAMES:
        written = {
            (action, arn)
            for statement in roles[f"plan-{name}"].statements
            for action in statement["Action"]
            for arn in statement["Resource"]
            if not reading.fullmatch(action)
        }
        start = f"arn:aws:s3:::{STATE_BUCKET}/trading/{name}"
        locks = [
            f"{start}{copy}/{lock}" for copy in ("", "-*") for lock in ("*.tflock", "run.lock")
        ]
        actions = ("s3:PutObject", "s3:DeleteObject")
        assert written == {(action, lock) for action in actions for lock in locks}


def test_a_plan_reads_no_contents(roles: dict[str, Role]) -> None:
    for name in NAMES:
        role = roles[f"plan-{name}"]
        for action in (
            "secretsmanager:GetSecretValue",
            "kms:Decrypt",
            "sqs:ReceiveMessage",
            "logs:GetLogEvents",
            "rds-data:ExecuteStatement",
        ):
            assert not role.names(action), action
        for bucket in ("artifacts", "access-logs"):
            objects = f"arn:aws:s3:::{bucket}-{ACCOUNT}-{GLOBAL_REGION}-{name}/any"
            assert not role.may("s3:GetObject", objects, of(name))
        for other in NAMES:
            state = f"arn:aws:s3:::{STATE_BUCKET}/trading/{other}/api-us-east-1.tfstate"
            assert role.may("s3:GetObject", state, of(name)) == (other == name)
