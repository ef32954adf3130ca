"""What the page says of controls is so in what is synthesized: met where it says met, and not where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from stacks.settings import ENVIRONMENTS
from tests.docs.pages import controls
from tests.stacks.resources import all_of, resources
from tests.synthesis import EVERYTHING_ON, Stacks

Body = dict[str, Any]
Check = Callable[[Stacks], bool]

# https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html
BACKUP_DAYS = 7
ALL_LOGS = {"audit", "error", "general", "slowquery"}
LOG_DAYS = 365
BLOCKS = (
    "block_public_acls",
    "block_public_policy",
    "ignore_public_acls",
    "restrict_public_buckets",
)


def every(kind: str, holds: Callable[[Body], object]) -> Check:
    """Whether each resource of a kind is so; there must be some."""
    return lambda stacks: all(holds(each.body) for each in all_of(stacks, kind))


def each_has(kind: str, other: str, argument: str, holds: Callable[[Body], object]) -> Check:
    """Whether each resource of a kind has another one, so and so, whose argument refers to it."""

    def check(stacks: Stacks) -> bool:
        return all(
            any(
                str(beside.body.get(argument, "")).startswith(f"${{{kind}.{each.address}.")
                and holds(beside.body)
                for beside in resources({each.stack: stacks[each.stack]}, other)
            )
            for each in all_of(stacks, kind)
        )

    return check


def audited(group: Body) -> bool:
    """Whether Aurora writes an audit log at all."""
    parameters = {each["name"]: each["value"] for each in group["parameter"]}
    return parameters.get("server_audit_logging") == "1"


def measured(acl: Body) -> bool:
    """Whether a firewall and each of its rules count what they do."""
    return all(
        each["visibility_config"]["cloudwatch_metrics_enabled"] for each in (acl, *acl["rule"])
    )


def kept(cluster: Body) -> bool:
    """Whether backups reach back as far as is asked for."""
    return int(cluster["backup_retention_period"]) >= BACKUP_DAYS


def some(kind: str, holds: Callable[[Body], object]) -> Check:
    """Whether there are resources of a kind that only a setting makes, and each is so."""

    def check(stacks: Stacks) -> bool:
        found = [each.body for each in resources(stacks, kind)]
        return bool(found) and all(holds(body) for body in found)

    return check


def publishes(*logs: str) -> Check:
    """Whether each cluster has CloudWatch keep these of its logs."""
    return every(
        "aws_rds_cluster", lambda it: set(logs) <= {*it["enabled_cloudwatch_logs_exports"]}
    )


CHECKS: dict[str, Check] = {
    "APIGateway.1": every(
        "aws_api_gateway_method_settings",
        lambda it: it["method_path"] == "*/*" and it["settings"]["logging_level"] == "ERROR",
    ),
    "APIGateway.2": every("aws_api_gateway_stage", lambda it: it.get("client_certificate_id")),
    "APIGateway.3": every("aws_api_gateway_stage", lambda it: it["xray_tracing_enabled"]),
    "APIGateway.4": each_has(
        "aws_api_gateway_stage", "aws_wafv2_web_acl_association", "resource_arn", bool
    ),
    "APIGateway.11": every(
        "aws_api_gateway_domain_name",
        lambda it: it["security_policy"].startswith("SecurityPolicy_TLS13"),
    ),
    "Backup.1": some("aws_backup_vault", lambda it: it.get("kms_key_arn")),
    "CloudWatch.15": every("aws_cloudwatch_metric_alarm", lambda it: it.get("alarm_actions")),
    "CloudWatch.16": every(
        "aws_cloudwatch_log_group", lambda it: it["retention_in_days"] >= LOG_DAYS
    ),
    "EC2.2": each_has(
        "aws_vpc", "aws_default_security_group", "vpc_id", lambda it: "ingress" not in it
    ),
    "EC2.6": each_has("aws_vpc", "aws_flow_log", "vpc_id", lambda it: it["traffic_type"] == "ALL"),
    "EC2.10": each_has(
        "aws_vpc", "aws_vpc_endpoint", "vpc_id", lambda it: it["service_name"].endswith(".ec2")
    ),
    "EC2.15": every("aws_subnet", lambda it: it["map_public_ip_on_launch"] is False),
    "EC2.18": every(
        "aws_vpc_security_group_ingress_rule",
        lambda it: not {"cidr_ipv4", "cidr_ipv6", "prefix_list_id"} & it.keys(),
    ),
    "KMS.4": every(
        "aws_kms_key",
        lambda it: it.get("enable_key_rotation") or it.get("key_usage") == "SIGN_VERIFY",
    ),
    "Lambda.1": every(
        "aws_lambda_permission",
        lambda it: it["principal"].endswith(".amazonaws.com") and it.get("source_arn"),
    ),
    "Lambda.7": every("aws_lambda_function", lambda it: it["tracing_config"]["mode"] == "Active"),
    "RDS.2": every("aws_rds_cluster_instance", lambda it: it["publicly_accessible"] is False),
    "RDS.6": every("aws_rds_cluster_instance", lambda it: it["monitoring_interval"]),
    "RDS.7": every("aws_rds_cluster", lambda it: it["deletion_protection"]),
    "RDS.9": publishes(*ALL_LOGS),
    "RDS.11": every("aws_rds_cluster", kept),
    "RDS.12": every("aws_rds_cluster", lambda it: it["iam_database_authentication_enabled"]),
    "RDS.13": every("aws_rds_cluster_instance", lambda it: it["auto_minor_version_upgrade"]),
    "RDS.14": every("aws_rds_cluster", lambda it: it["backtrack_window"]),
    "RDS.16": every("aws_rds_cluster", lambda it: it["copy_tags_to_snapshot"]),
    "RDS.17": every("aws_rds_cluster_instance", lambda it: it["copy_tags_to_snapshot"]),
    "RDS.23": every("aws_rds_cluster", lambda it: it.get("port", 3306) != 3306),
    "RDS.24": every("aws_rds_cluster", lambda it: it["master_username"] not in {"admin", "root"}),
    "RDS.26": some("aws_backup_selection", lambda it: it["resources"]),
    "RDS.27": every("aws_rds_cluster", lambda it: it["storage_encrypted"] and it["kms_key_id"]),
    "RDS.34": publishes("audit"),
    "RDS.45": every("aws_rds_cluster_parameter_group", audited),
    "RDS.50": every("aws_rds_cluster", kept),
    "Route53.2": each_has("aws_route53_zone", "aws_route53_query_log", "zone_id", bool),
    "S3.8": each_has(
        "aws_s3_bucket",
        "aws_s3_bucket_public_access_block",
        "bucket",
        lambda it: all(it[block] for block in BLOCKS),
    ),
    "S3.12": each_has(
        "aws_s3_bucket",
        "aws_s3_bucket_ownership_controls",
        "bucket",
        lambda it: it["rule"]["object_ownership"] == "BucketOwnerEnforced",
    ),
    "S3.13": each_has("aws_s3_bucket", "aws_s3_bucket_lifecycle_configuration", "bucket", bool),
    "S3.14": each_has(
        "aws_s3_bucket",
        "aws_s3_bucket_versioning",
        "bucket",
        lambda it: it["versioning_configuration"]["status"] == "Enabled",
    ),
    "S3.15": every("aws_s3_bucket", lambda it: it.get("object_lock_enabled")),
    "SNS.1": every("aws_sns_topic", lambda it: it.get("kms_master_key_id")),
    "SQS.1": every("aws_sqs_queue", lambda it: it.get("kms_master_key_id")),
    "WAF.11": each_has(
        "aws_wafv2_web_acl", "aws_wafv2_web_acl_logging_configuration", "resource_arn", bool
    ),
    "WAF.12": every("aws_wafv2_web_acl", measured),
}


def possible_statuses(results: Iterable[bool]) -> set[str]:
    """What can be said of a control that holds in these environments, and not in those."""
    held = set(results)
    if held == {True}:
        return {"met", "met by a setting"}
    return {"not met"} if held == {False} else {"met by a setting"}


@pytest.mark.parametrize("control", CHECKS)
def test_a_control_is_as_the_page_says(synthesized: Callable[[str], Stacks], control: str) -> None:
    (status,) = (row.status for row in controls() if control in row.ids)
    # What an environment can turn on must not undo what is met without.
    workspaces = [*(environment.name for environment in ENVIRONMENTS), EVERYTHING_ON]
    results = {name: CHECKS[control](synthesized(name)) for name in workspaces}
    assert status in possible_statuses(results.values()), results
