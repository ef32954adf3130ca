"""Whom a key lets use it: what the workspace encrypts with it, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.settings import FOUNDATION_WORKSPACE
from tests.security.policies import ACCOUNT, Statement, account_root, statements
from tests.stacks.resources import Resource, all_of, resources
from tests.synthesis import Stacks

# Whom a kind of resource has use a key: a service for its callers, a service itself, a service by grant.
USERS = {
    "aws_cloudwatch_event_target": {"events"},
    "aws_cloudwatch_log_group": {"logs.${local.region}"},
    "aws_lambda_function": {"via lambda", "grant lambda"},
    "aws_route53_key_signing_key": {"dnssec-route53"},
    "aws_rds_cluster": {"via rds", "grant rds", "via secretsmanager"},
    "aws_s3_bucket": {"via s3"},
    "aws_s3_bucket_logging": {"logging.s3"},
    "aws_sns_topic": {"cloudwatch"},
    "aws_sqs_queue": {"via sqs"},
}
# Final snapshots are copied under the foundation's key, which no resource of a stack shows.
SNAPSHOT_COPIES = {"via rds", "grant rds"}
FOR_USE = {
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
}
# A key pair encrypts nothing.
FOR_SIGNATURES = {"kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"}
DOMAIN = ".amazonaws.com"


def admitted(statement: Statement) -> Iterator[str]:
    """Whom a statement of a key's policy lets in."""
    for service in statement.principals.get("Service", []):
        yield service.removesuffix(DOMAIN)
    how = "grant" if statement.actions == ["kms:CreateGrant"] else "via"
    for service in statement.required("kms:ViaService"):
        yield f"{how} {service.removesuffix('.${local.region}' + DOMAIN)}"


def policy_of(stacks: Stacks, key: Resource) -> list[Statement]:
    """The statements of a key's policy."""
    own = statements({key.stack: stacks[key.stack]}, "aws_kms_key")
    return [each for each in own if each.resource == key]


def users(stacks: Stacks, key: Resource) -> set[str]:
    """Whom the resources that a key encrypts have use it: all of a region's or the foundation's for its
    one key, else what names the key.
    """
    layer, _, region = key.stack.partition("-")
    for_all = layer in {"security", FOUNDATION_WORKSPACE}
    reach = region if layer == "security" else key.stack
    near = {name: stack for name, stack in stacks.items() if name.endswith(reach)}
    found = {
        user
        for resource in resources(near, *USERS)
        if for_all or f"${{aws_kms_key.{key.address}.arn}}" in resource.body.values()
        for user in USERS[resource.kind]
    }
    return found | SNAPSHOT_COPIES if layer == FOUNDATION_WORKSPACE else found


def test_a_key_lets_in_who_uses_it_and_nobody_else(everywhere: Stacks) -> None:
    for key in all_of(everywhere, "aws_kms_key"):
        policy = [each for each in policy_of(everywhere, key) if not account_root(each)]
        assert {user for each in policy for user in admitted(each)} == users(everywhere, key), key


def test_a_key_is_handed_over_to_iam_by_one_statement(everywhere: Stacks) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    for key in all_of(everywhere, "aws_kms_key"):
        (root,) = (each for each in policy_of(everywhere, key) if account_root(each))
        assert (root.actions, root.targets) == (["kms:*"], ["*"]), root
        assert "bypass_policy_lockout_safety_check" not in key.body


def test_each_use_of_a_key_is_bound_by_its_condition(everywhere: Stacks) -> None:
    for statement in statements(everywhere, "aws_kms_key"):
        assert statement.allows
        if account_root(statement):
            continue
        if "AWS" in statement.principals:
            assert statement.required("kms:CallerAccount") == [ACCOUNT], statement
            assert statement.required("kms:ViaService"), statement
        if statement.actions == ["kms:CreateGrant"]:
            assert statement.required("kms:GrantIsForAWSResource") == ["true"], statement
        else:
            signs = statement.resource.body.get("key_usage") == "SIGN_VERIFY"
            assert set(statement.actions) <= (FOR_SIGNATURES if signs else FOR_USE), statement
        for service in statement.principals.get("Service", []):
            assert bound(statement, service), statement


def bound(statement: Statement, service: str) -> bool:
    """Whether a service must say what it encrypts, or for whom, by the key that it is known to send."""
    if service.startswith("logs."):
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        (group,) = statement.required("kms:EncryptionContext:aws:logs:arn")
        return group.startswith(f"arn:aws:logs:${{local.region}}:{ACCOUNT}:log-group:")
    if service == f"events{DOMAIN}":
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        (queue,) = statement.required("kms:EncryptionContext:aws:sqs:arn")
        return queue.startswith(f"arn:aws:sqs:${{local.region}}:{ACCOUNT}:dead-letters-")
    return statement.required("aws:SourceAccount") == [ACCOUNT]
