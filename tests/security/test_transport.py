"""Nothing is sent that is not encrypted, with TLS 1.2 at least."""

from __future__ import annotations

import json

import pytest

from tests.security.policies import Statement, statements
from tests.stacks.resources import all_of, resources
from tests.synthesis import Stacks

# What refuses plain HTTP only by a policy of its own, the policy's kind, and the actions it is about: a
# topic's policy may name no others.
# https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
HOLDERS = {
    "aws_s3_bucket": ("aws_s3_bucket_policy", "s3:*"),
    "aws_sqs_queue": ("aws_sqs_queue_policy", "sqs:*"),
    "aws_sns_topic": ("aws_sns_topic_policy", "sns:Publish"),
}
# In the order of strength: https://dev.mysql.com/doc/refman/8.0/en/encrypted-connection-protocols-ciphers.html
STRONG = {"TLSv1.2", "TLSv1.3"}


def refuses_plain_http(statement: Statement, action: str, arn: str) -> bool:
    """Whether a statement refuses everybody every request that is not encrypted."""
    return (
        not statement.allows
        and statement.principals == {"AWS": ["*"]}
        and statement.actions == [action]
        and statement.targets[0] == arn
        and statement.conditions == {"Bool": {"aws:SecureTransport": ["false"]}}
    )


@pytest.mark.parametrize("kind", HOLDERS)
def test_what_holds_data_refuses_plain_http(everywhere: Stacks, kind: str) -> None:
    policy_kind, action = HOLDERS[kind]
    for holder in resources(everywhere, kind):
        stack = {holder.stack: everywhere[holder.stack]}
        arn = f"${{{kind}.{holder.address}.arn}}"
        (refusing,) = (
            each for each in statements(stack, policy_kind) if refuses_plain_http(each, action, arn)
        )
        reference = refusing.resource.body.get("bucket") or refusing.resource.body.get("queue_url")
        reference = reference or refusing.resource.body["arn"]
        assert reference.startswith(f"${{{kind}.{holder.address}."), refusing
        if kind == "aws_s3_bucket":
            assert refusing.targets == [arn, f"{arn}/*"], refusing


def test_every_kind_that_holds_data_is_there(environment: Stacks) -> None:
    for kind in HOLDERS:
        assert all_of(environment, kind)


def test_aurora_takes_no_connection_without_tls(environment: Stacks) -> None:
    for cluster in all_of(environment, "aws_rds_cluster"):
        stack = {cluster.stack: environment[cluster.stack]}
        (group,) = (
            each
            for each in resources(stack, "aws_rds_cluster_parameter_group")
            if cluster.body["db_cluster_parameter_group_name"]
            == f"${{aws_rds_cluster_parameter_group.{each.address}.name}}"
        )
        parameters = {each["name"]: each["value"] for each in group.body["parameter"]}
        assert parameters["require_secure_transport"] == "ON", group
        assert set(parameters["tls_version"].split(",")) <= STRONG, group
    for instance in all_of(environment, "aws_rds_cluster_instance"):
        # A group of an instance's own would speak before the cluster's.
        assert "db_parameter_group_name" not in instance.body, instance


def test_the_apis_names_speak_tls_1_2(environment: Stacks) -> None:
    for name in all_of(environment, "aws_api_gateway_domain_name"):
        assert name.body["security_policy"] == "TLS_1_2", name
    # By its own address it would take TLS 1.0.
    for api in all_of(environment, "aws_api_gateway_rest_api"):
        assert api.body["disable_execute_api_endpoint"] is True, api


def test_health_is_asked_for_over_https(environment: Stacks) -> None:
    for check in all_of(environment, "aws_route53_health_check"):
        assert check.body["type"] not in {"HTTP", "HTTP_STR_MATCH"}, check
        if check.body["type"].startswith("HTTPS"):
            assert check.body["enable_sni"] is True, check


def test_nothing_is_called_by_plain_http(everywhere: Stacks) -> None:
    for resource in resources(everywhere):
        if resource.kind == "aws_api_gateway_model":
            continue  # JSON Schema names its dialect by a URL that nobody calls.
        assert "http://" not in json.dumps(resource.body), resource
    for subscription in resources(everywhere, "aws_sns_topic_subscription"):
        assert subscription.body["protocol"] != "http", subscription
