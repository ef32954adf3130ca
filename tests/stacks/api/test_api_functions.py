"""The functions of the API layer: their package, their surroundings, and what their roles allow."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trade_service.configuration import Configuration
from trade_service.data_access.database_users import GRANTS
from trade_service.handlers.schema_migrator import RECONCILE_POSITIONS

from stacks.api.lambda_package import migrations_digest
from stacks.settings import REGIONS, Environment
from tests.stacks.api.conftest import Resources, allowing

FUNCTIONS = ["trade_api", "schema_migrator", "trade_reporter"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_comes_after_its_log_group_and_permissions(api: Resources, name: str) -> None:
    function = api["aws_lambda_function"][f"{name}_function"]
    group = f"aws_cloudwatch_log_group.{name}_log_group"
    assert function["logging_config"]["log_group"] == f"${{{group}.name}}"
    assert {group, f"aws_iam_role_policy.{name}_permissions"} <= set(function["depends_on"])
    assert (
        api["aws_cloudwatch_log_group"][f"{name}_log_group"]["name"]
        == f"/aws/lambda/{function['function_name']}"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_its_interfaces_away_when_it_goes(api: Resources, name: str) -> None:
    function = api["aws_lambda_function"][f"{name}_function"]
    assert function["replace_security_groups_on_destroy"] is True
    (detached,) = function["replacement_security_group_ids"]
    assert "detached_security_group_id" in detached
    assert "lambda_subnet_ids" in function["vpc_config"]["subnet_ids"]
    assert function["timeouts"]["delete"] == "45m"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_every_variable_that_the_source_reads(api: Resources, name: str) -> None:
    variables = api["aws_lambda_function"][f"{name}_function"]["environment"]["variables"]
    port = {"DATABASE_PORT": "3306", "DATABASE_NAME": "trading", "AWS_REGION": "us-east-1"}
    Configuration.from_environment({**variables, **port})
    assert variables["DATABASE_PORT"].endswith(".outputs.database_port}")


def test_concurrency_follows_the_environment(api: Resources, environment: Environment) -> None:
    reserved = {
        name: api["aws_lambda_function"][f"{name}_function"]["reserved_concurrent_executions"]
        for name in FUNCTIONS
    }
    assert reserved == {
        "trade_api": environment.lambda_reserved_concurrency,
        "schema_migrator": 1,
        "trade_reporter": 1,
    }


def test_the_package_lies_beside_the_stack_and_is_the_one_that_was_hashed(
    synthesized_directory: Callable[[str], Path],
) -> None:
    for region in REGIONS:
        folder = synthesized_directory("dev") / "stacks" / f"api-{region.name}"
        functions = json.loads((folder / "cdk.tf.json").read_text())["resource"][
            "aws_lambda_function"
        ]
        for function in functions.values():
            content = (folder / function["filename"]).read_bytes()
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            assert function["source_code_hash"] == digest


def test_the_schema_is_migrated_before_the_code_that_needs_it(api: Resources) -> None:
    invocation = api["aws_lambda_invocation"]["schema_migration"]
    assert invocation["triggers"] == {
        "migrations": migrations_digest(),
        "cluster": "${data.terraform_remote_state.data_state.outputs.cluster_resource_id}",
    }
    for name in ("trade_api", "trade_reporter"):
        function = api["aws_lambda_function"][f"{name}_function"]
        assert "aws_lambda_invocation.schema_migration" in function["depends_on"]


def test_positions_are_reconciled_once_the_code_that_keeps_them_is_in_place(api: Resources) -> None:
    migration, reconciliation = (
        api["aws_lambda_invocation"][name]
        for name in ("schema_migration", "position_reconciliation")
    )
    assert reconciliation["function_name"] == migration["function_name"]
    # Whatever has the schema migrated has the positions reconciled, too.
    assert reconciliation["triggers"] == {**migration["triggers"], "task": RECONCILE_POSITIONS}
    assert "aws_lambda_function.trade_api_function" in reconciliation["depends_on"]
    for invocation in (migration, reconciliation):
        assert json.loads(invocation["input"]) == invocation["triggers"]


def allowed_to(api: Resources, name: str) -> dict[str, dict[str, Any]]:
    """What a function's role may do: the statement of each action."""
    document = api["aws_iam_role_policy"][f"{name}_permissions"]["policy"]
    return {action: each for each in allowing(document) for action in each["Action"]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_opens_the_database_as_one_user(api: Resources, name: str) -> None:
    allowed = allowed_to(api, name)
    via = allowed["kms:Decrypt"]["Condition"]["StringEquals"]["kms:ViaService"]
    reads_secrets = "secretsmanager.${local.region}.amazonaws.com" in via
    assert reads_secrets is (name == "schema_migrator")
    if name == "schema_migrator":
        assert "rds-db:connect" not in allowed
        assert (
            "DATABASE_USER"
            not in (api["aws_lambda_function"][f"{name}_function"]["environment"]["variables"])
        )
        (secret,) = allowed["secretsmanager:GetSecretValue"]["Resource"]
        assert secret.endswith(".outputs.secret_arn}")
        return
    assert "secretsmanager:GetSecretValue" not in allowed
    (user,) = allowed["rds-db:connect"]["Resource"]
    assert user.endswith(f".outputs.cluster_resource_id}}/{name}")
    variables = api["aws_lambda_function"][f"{name}_function"]["environment"]["variables"]
    assert variables["DATABASE_USER"] == name
    assert name in GRANTS
