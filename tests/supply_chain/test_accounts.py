"""In which accounts an environment has its roles: Terraform decides, of an AWS that is only pretended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stacks.settings import FOUNDATION_WORKSPACE, GLOBAL_REGION
from tests.supply_chain.deployment import NAMES, with_settings
from tests.synthesis import Stack, read_stacks, run_app
from tests.terraform import terraform

STAGING, PROD, ELSEWHERE = "222222222222", "333333333333", "444444444444"
NAMED = with_settings(
    f"{{'staging': {{'account_id': '{STAGING}'}}, 'prod': {{'account_id': '{PROD}'}}}}"
)
MADE = """
run "in_{account}" {{
  command = plan
  override_data {{
    target = data.aws_caller_identity.current
    values = {{ account_id = "{account}" }}
  }}
  assert {{
    condition     = jsonencode(output.made) == jsonencode({expected})
    error_message = "{account} has ${{jsonencode(output.made)}}"
  }}
}}
"""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The foundation where staging and prod have accounts of their own, and dev names none."""
    output = tmp_path_factory.mktemp("named")
    result = run_app(output, FOUNDATION_WORKSPACE, "-c", NAMED)
    assert result.returncode == 0, result.stderr
    return read_stacks(output)[f"foundation-{GLOBAL_REGION}"]


def test_an_account_that_is_named_has_the_roles_of_its_own_environment_only(
    named: Stack, tmp_path: Path
) -> None:
    document = json.loads(json.dumps(named))
    document["terraform"]["backend"] = {"local": {}}
    kinds = ("aws_iam_role", "aws_iam_policy", "aws_iam_role_policy_attachment")
    made = {
        name: "${sum(["
        + ", ".join(
            f"length({kind}.{address}[*])"
            for kind in kinds
            for address, body in named["resource"][kind].items()
            if "count" in body and name in address.split("_")
        )
        + "])}"
        for name in NAMES
    }
    document["output"]["made"] = {"value": made}
    (tmp_path / "cdk.tf.json").write_text(json.dumps(document))
    # Two roles; a boundary and ten policies; three of these attached to one role, all ten to the other.
    every = 2 + 11 + 13
    expected = {ELSEWHERE: "dev", STAGING: "staging", PROD: "prod"}
    (tmp_path / "accounts.tftest.hcl").write_text(
        'mock_provider "aws" {}\n'
        + "".join(
            MADE.format(
                account=account,
                expected=json.dumps({name: every if name == own else 0 for name in NAMES}),
            )
            for account, own in expected.items()
        )
    )
    prepared = terraform(tmp_path, "init", "-input=false", "-no-color")
    assert prepared.returncode == 0, prepared.stderr
    result = terraform(tmp_path, "test", "-no-color", workspace=FOUNDATION_WORKSPACE)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 passed" in result.stdout


def test_where_no_account_is_named_nothing_is_counted(foundation: Stack) -> None:
    for kind in ("aws_iam_role", "aws_iam_policy", "aws_iam_role_policy_attachment"):
        for address, body in foundation["resource"][kind].items():
            assert "count" not in body, address
