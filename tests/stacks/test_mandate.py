"""What the platform's owner demands of every resource, in every environment."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.stacks.buckets import check_private_and_encrypted, lifecycle
from tests.stacks.resources import all_of, without_metadata
from tests.synthesis import Stacks

WORKSPACES = ["dev", "staging", "prod"]
REGIONAL_KEY = "${data.terraform_remote_state.security_state.outputs.kms_key_arn}"
# The zone is of no region, and neither is the key of its log.
ZONES_KEY = "${aws_kms_key.query_log_key.arn}"

pytestmark = pytest.mark.parametrize("workspace", WORKSPACES)

Synthesized = Callable[[str], Stacks]


def test_log_groups_keep_30_days_under_the_regions_key_or_the_zones(
    synthesized: Synthesized, workspace: str
) -> None:
    groups = all_of(synthesized(workspace), "aws_cloudwatch_log_group")
    assert len(groups) >= 3 * 8
    for group in groups:
        assert group.body["retention_in_days"] == 30, group
        key = ZONES_KEY if group.stack == "global-zone" else REGIONAL_KEY
        assert group.body["kms_key_id"] == key, group


def test_every_bucket_is_private_encrypted_and_expires(
    synthesized: Synthesized, workspace: str
) -> None:
    stacks = synthesized(workspace)
    for bucket in all_of(stacks, "aws_s3_bucket"):
        check_private_and_encrypted(stacks, bucket, REGIONAL_KEY)
        rule = lifecycle(stacks, bucket)
        assert rule["expiration"] == [{"days": 90}]
        assert rule["noncurrent_version_expiration"] == [{"noncurrent_days": 90}]


def test_nothing_is_protected_from_destruction(synthesized: Synthesized, workspace: str) -> None:
    text = json.dumps(without_metadata(synthesized(workspace)))
    assert '"prevent_destroy": true' not in text
    assert '"deletion_protection": true' not in text
    for cluster in all_of(synthesized(workspace), "aws_rds_cluster"):
        assert cluster.body["deletion_protection"] is False


def test_aurora_is_one_writer_and_two_readers(synthesized: Synthesized, workspace: str) -> None:
    stacks = synthesized(workspace)
    clusters = all_of(stacks, "aws_rds_cluster")
    instances = all_of(stacks, "aws_rds_cluster_instance")
    assert len(clusters) == 3
    assert len(instances) == 9
    for instance in instances:
        assert instance.body["instance_class"] == "db.r5.large"
        assert instance.body["performance_insights_kms_key_id"] == REGIONAL_KEY
        assert instance.body["monitoring_interval"] > 0
        assert instance.body["ca_cert_identifier"] == "rds-ca-rsa2048-g1"
        assert instance.body["publicly_accessible"] is False
        if instance.address != "aurora_writer":
            assert "aws_rds_cluster_instance.aurora_writer" in instance.body["depends_on"]
    for stack in {instance.stack for instance in instances}:
        zones = {i.body["availability_zone"] for i in instances if i.stack == stack}
        assert len(zones) == 3


def test_the_cluster_is_encrypted_and_logs_into_groups_that_exist(
    synthesized: Synthesized, workspace: str
) -> None:
    stacks = synthesized(workspace)
    for cluster in all_of(stacks, "aws_rds_cluster"):
        body = cluster.body
        assert body["storage_encrypted"] is True
        assert body["kms_key_id"] == REGIONAL_KEY
        assert body["master_user_secret_kms_key_id"] == REGIONAL_KEY
        assert body["manage_master_user_password"] is True
        assert body["iam_database_authentication_enabled"] is True
        groups = stacks[cluster.stack]["resource"]["aws_cloudwatch_log_group"]
        made = {group["name"]: f"aws_cloudwatch_log_group.{name}" for name, group in groups.items()}
        for log in body["enabled_cloudwatch_logs_exports"]:
            group = made[f"/aws/rds/cluster/{body['cluster_identifier']}/{log}"]
            assert group in body["depends_on"]


def test_the_final_snapshot_is_taken_where_data_matters(
    synthesized: Synthesized, workspace: str
) -> None:
    for cluster in all_of(synthesized(workspace), "aws_rds_cluster"):
        assert cluster.body["skip_final_snapshot"] is (workspace != "prod")
        assert "timestamp()" in cluster.body["final_snapshot_identifier"]
        assert "final_snapshot_identifier" in cluster.body["lifecycle"]["ignore_changes"]


def test_functions_have_512_megabytes_and_30_seconds(
    synthesized: Synthesized, workspace: str
) -> None:
    functions = all_of(synthesized(workspace), "aws_lambda_function")
    assert len(functions) == 9
    for function in functions:
        assert function.body["memory_size"] == 512
        # What answers requests; the others work through as many trades as there are.
        answers = function.address == "trade_api_function"
        assert function.body["timeout"] == (30 if answers else 900)
        assert function.body["kms_key_arn"] == REGIONAL_KEY
        assert function.body["tracing_config"]["mode"] == "Active"
    assert len({function.body["source_code_hash"] for function in functions}) == 1


def test_keys_rotate_and_have_their_aliases(synthesized: Synthesized, workspace: str) -> None:
    stacks = synthesized(workspace)
    for key in all_of(stacks, "aws_kms_key"):
        assert key.body["enable_key_rotation"] is True
        assert key.body["deletion_window_in_days"] == (30 if workspace == "prod" else 7)
    for stack in (name for name in stacks if name.startswith("security-")):
        aliases = {alias["name"] for alias in stacks[stack]["resource"]["aws_kms_alias"].values()}
        expected = {f"alias/trading-${{local.region}}-{workspace}"}
        if workspace == "prod":
            expected.add("alias/trading-${local.region}")
        assert aliases == expected


def test_topics_and_queues_use_the_regions_key(synthesized: Synthesized, workspace: str) -> None:
    stacks = synthesized(workspace)
    for resource in all_of(stacks, "aws_sns_topic", "aws_sqs_queue"):
        key = resource.body.get("kms_master_key_id")
        assert key is not None, resource
        assert "security_state.outputs.kms_key" in key, resource


def test_nat_gateways_by_environment(synthesized: Synthesized, workspace: str) -> None:
    gateways = all_of(synthesized(workspace), "aws_nat_gateway")
    assert len(gateways) == (9 if workspace == "prod" else 3)


def test_versions(synthesized: Synthesized, workspace: str) -> None:
    for stack in synthesized(workspace).values():
        terraform = stack["terraform"]
        assert terraform["required_version"] == ">= 1.5"
        assert terraform["required_providers"]["aws"] == {
            "source": "hashicorp/aws",
            "version": "~> 5.100",
        }
