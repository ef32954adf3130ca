"""A cluster may begin with a snapshot; the snapshot never decides about a cluster that lives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import RESTORE_SNAPSHOT_VARIABLE
from tests.synthesis import Stacks
from tests.terraform import terraform

ADDRESS = "aurora_cluster"
RESTORED_FROM = "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:archive-first"
ANOTHER = "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:archive-second"

# What the provider knows of every cluster that it has made, beyond what was asked for.
FOUND = {
    "availability_zones": ["us-east-1a", "us-east-1b", "us-east-1c"],
    "cluster_members": [],
    "enable_global_write_forwarding": False,
    "enable_http_endpoint": False,
    "enable_local_write_forwarding": False,
    "engine_mode": "provisioned",
    "iam_roles": [],
    "master_user_secret": [],
    "tags_all": {},
    "vpc_security_group_ids": [],
}
SECRET = ("master_password", "master_password_wo")


@pytest.fixture(scope="module")
def cluster(synthesized: Callable[[str], Stacks]) -> dict[str, Any]:
    """The data stack's cluster, with nothing around it that it refers to."""
    stack = synthesized("prod")["data-us-east-1"]
    body: dict[str, Any] = stack["resource"]["aws_rds_cluster"][ADDRESS]
    kept = (
        "backup_retention_period",
        "copy_tags_to_snapshot",
        "cluster_identifier",
        "engine",
        "lifecycle",
        "skip_final_snapshot",
        "final_snapshot_identifier",
        "snapshot_identifier",
    )
    return {name: body[name] for name in kept}


@pytest.fixture(scope="module")
def living(
    synthesized: Callable[[str], Stacks],
    tmp_path_factory: pytest.TempPathFactory,
    cluster: dict[str, Any],
) -> Path:
    """A folder in which Terraform can plan that cluster, which lives and was restored, with no AWS."""
    folder = tmp_path_factory.mktemp("living")
    variable = synthesized("prod")["data-us-east-1"]["variable"]
    document = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {
            "aws": {
                "region": "us-east-1",
                "access_key": "none",
                "secret_key": "none",
                "skip_credentials_validation": True,
                "skip_requesting_account_id": True,
                "skip_metadata_api_check": "true",
            }
        },
        "variable": variable,
        "resource": {"aws_rds_cluster": {ADDRESS: cluster}},
    }
    unchanged = {name: cluster[name] for name in cluster if name != "lifecycle"}
    attributes = {
        **unchanged,
        **FOUND,
        "id": cluster["cluster_identifier"],
        "final_snapshot_identifier": "named-when-it-was-created",
        "snapshot_identifier": RESTORED_FROM,
    }
    secret = [[{"type": "get_attr", "value": name}] for name in SECRET]
    instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": secret}
    state = {
        "version": 4,
        "serial": 1,
        "lineage": "b5a2d3f0-0000-0000-0000-000000000000",
        "resources": [
            {
                "mode": "managed",
                "type": "aws_rds_cluster",
                "name": ADDRESS,
                "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                "instances": [instance],
            }
        ],
    }
    (folder / "cdk.tf.json").write_text(json.dumps(document))
    (folder / "terraform.tfstate").write_text(json.dumps(state))
    prepared = terraform(folder, "init", "-input=false", "-no-color")
    assert prepared.returncode == 0, prepared.stderr
    return folder


def planned(directory: Path, *arguments: str) -> dict[str, Any]:
    """What Terraform would do to the cluster."""
    plan = terraform(
        directory, "plan", "-refresh=false", "-input=false", "-no-color", "-out=plan", *arguments
    )
    assert plan.returncode == 0, plan.stdout + plan.stderr
    shown = json.loads(terraform(directory, "show", "-json", "plan").stdout)
    change: dict[str, Any]
    (change,) = (resource["change"] for resource in shown["resource_changes"])
    return change


def test_restoring_is_asked_for_by_a_variable_that_may_be_left_out(
    synthesized: Callable[[str], Stacks],
) -> None:
    for name, stack in synthesized("prod").items():
        if name.startswith("data-"):
            variable = stack["variable"][RESTORE_SNAPSHOT_VARIABLE]
            assert variable["type"] == "string"
            assert variable["default"] is None
            assert variable["description"]
            body = stack["resource"]["aws_rds_cluster"][ADDRESS]
            assert body["snapshot_identifier"] == f"${{var.{RESTORE_SNAPSHOT_VARIABLE}}}"


@pytest.mark.parametrize("arguments", [(), (f"-var={RESTORE_SNAPSHOT_VARIABLE}={ANOTHER}",)])
def test_another_snapshot_or_none_leaves_a_living_cluster_alone(
    living: Path, arguments: tuple[str, ...]
) -> None:
    assert planned(living, *arguments)["actions"] == ["no-op"]


def test_a_new_cluster_takes_the_snapshot(living: Path) -> None:
    asked = f"-var={RESTORE_SNAPSHOT_VARIABLE}={ANOTHER}"
    change = planned(living, "-state=of-nothing.tfstate", asked)
    assert change["actions"] == ["create"]
    assert change["after"]["snapshot_identifier"] == ANOTHER
