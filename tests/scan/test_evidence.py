"""What is read of a stack's JSON, as synthesized and as planned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scan.evidence import Evidence, Stage
from scan.policies import rendered_policies
from tests.scan.asking import written
from tests.scan.seeds import Document, as_plan
from tests.scan.violations.policies import ROLE

DATA_SOURCE = {"mode": "data", "type": "aws_caller_identity", "name": "current", "values": {}}


@pytest.fixture
def planned() -> Document:
    """The plan of a role and its policy, and of a data source."""
    plan = as_plan(ROLE)
    plan["planned_values"]["root_module"]["resources"].append(DATA_SOURCE)
    return plan


@pytest.mark.parametrize("stage", Stage)
def test_resources_are_found_at_every_stage(
    tmp_path: Path, planned: Document, stage: Stage
) -> None:
    document = ROLE if stage is Stage.SYNTHESIZED else planned
    evidence = written({"api": document, "data": document}, tmp_path / "stacks", stage)
    assert evidence.name == f"dev {stage.value}"
    assert [resource.address for resource in evidence.resources()] == [
        f"{stack}:{kind}.function"
        for stack in ("api", "data")
        for kind in ("aws_iam_role", "aws_iam_role_policy")
    ]
    (role, _) = evidence.resources("aws_iam_role")
    assert role.values["name"] == "function-us-east-1-dev"


def test_a_plan_of_nothing_has_no_resources(tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(json.dumps({"planned_values": {"root_module": {}}}))
    assert list(Evidence("dev", Stage.PLANNED, tmp_path).resources()) == []


def test_policies_are_those_of_what_is_deployed(tmp_path: Path, planned: Document) -> None:
    deployed = written({"api": planned}, tmp_path / "deployed", Stage.DEPLOYED)
    trust, permissions = rendered_policies(deployed)
    assert (trust.address, trust.is_trust, trust.of_identity) == (
        "api:aws_iam_role.function.assume_role_policy",
        True,
        False,
    )
    assert (permissions.address, permissions.is_trust, permissions.of_identity) == (
        "api:aws_iam_role_policy.function",
        False,
        True,
    )
    assert [each["Sid"] for each in permissions.statements] == ["ReadObjects"]
    before = written({"api": planned}, tmp_path / "planned", Stage.PLANNED)
    assert list(rendered_policies(before)) == []


def test_a_policy_in_a_block_is_found(tmp_path: Path) -> None:
    policy = json.dumps({"Statement": [{"Sid": "Inside"}]})
    role = {"inline_policy": [{"name": "all", "policy": policy}]}
    plan = as_plan({"resource": {"aws_iam_role": {"function": role}}})
    (only,) = rendered_policies(written({"api": plan}, tmp_path / "stacks", Stage.DEPLOYED))
    assert only.statements == [{"Sid": "Inside"}]
    assert only.of_identity
    assert not only.is_trust


def test_a_statement_without_a_list_is_one(tmp_path: Path) -> None:
    policy = json.dumps({"Statement": {"Sid": "Alone"}})
    plan = as_plan({"resource": {"aws_sqs_queue_policy": {"queue": {"policy": policy}}}})
    evidence = written({"api": plan}, tmp_path / "stacks", Stage.DEPLOYED)
    (only,) = rendered_policies(evidence)
    assert only.statements == [{"Sid": "Alone"}]
