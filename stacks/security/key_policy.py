"""Who may use the region's key, and for what only.

Each statement names one AWS service and the condition that ties its use to this account's resources:
the encryption context where the service sends one, `kms:ViaService` where a caller of ours is behind
the request, `aws:SourceAccount` where the service itself is the caller.
"""

from __future__ import annotations

from stacks.policies import Condition, Statement, policy

ENCRYPT = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]
USE = [*ENCRYPT, "kms:DescribeKey"]

# These act with the identity of the caller, or of the role they were given: what keeps data, in an
# environment and beyond it, and what else an environment has.
DATA_SERVICES = ("rds", "s3")
WORKSPACE_SERVICES = (*DATA_SERVICES, "lambda", "secretsmanager", "sqs")
# These keep using the key after the request that named it, by a grant.
GRANT_HOLDERS = ("lambda", "rds")

# In a key policy "*" is the key itself: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
THIS_KEY = ["*"]


def key_policy(account_id: str, region: str) -> str:
    """The policy, as JSON, of a region's key that encrypts data which was kept, and logs."""
    return policy(*_keeping(account_id, region, DATA_SERVICES))


def workspace_key_policy(account_id: str, region: str) -> str:
    """The policy, as JSON, of a region's key that encrypts everything of a workspace."""
    return policy(
        *_keeping(account_id, region, WORKSPACE_SERVICES),
        _service(
            "CloudWatchAlarmsPublish",
            "cloudwatch.amazonaws.com",
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            _from_own(account_id, f"arn:aws:cloudwatch:{region}:{account_id}:alarm:*"),
        ),
        # By what is encrypted, which SQS tells the key: not every service says for whom it acts.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        _service(
            "EventBridgeSendsDeadLetters",
            "events.amazonaws.com",
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            {
                "ArnLike": {
                    "kms:EncryptionContext:aws:sqs:arn": f"arn:aws:sqs:{region}:{account_id}:dead-letters-*"
                }
            },
        ),
    )


def _keeping(account_id: str, region: str, services: tuple[str, ...]) -> list[Statement]:
    return [
        administration(account_id),
        *_services_on_behalf_of_callers(account_id, region, services),
        log_groups(account_id, region),
        _service(
            "S3DeliversAccessLogs",
            "logging.s3.amazonaws.com",
            ["kms:GenerateDataKey*", "kms:Decrypt"],
            {"StringEquals": {"aws:SourceAccount": account_id}},
        ),
    ]


def administration(account_id: str) -> Statement:
    """Without the account's root in it, a key can become impossible to manage by anyone.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    return Statement(
        sid="AccountAdministersThroughIam",
        actions=["kms:*"],
        resources=THIS_KEY,
        principals={"AWS": f"arn:aws:iam::{account_id}:root"},
    )


def _services_on_behalf_of_callers(
    account_id: str, region: str, services: tuple[str, ...]
) -> list[Statement]:
    """The services of the key's own region, which in a copy between regions ask for it, too.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
    """

    def through(*services: str) -> Condition:
        return {
            "StringEquals": {
                "kms:CallerAccount": account_id,
                "kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services],
            }
        }

    holders = [service for service in services if service in GRANT_HOLDERS]
    grant: Condition = {**through(*holders), "Bool": {"kms:GrantIsForAWSResource": "true"}}
    anyone_of_ours = {"AWS": "*"}
    return [
        Statement("CallersUseThroughServices", USE, THIS_KEY, anyone_of_ours, through(*services)),
        Statement("ServicesHoldGrants", ["kms:CreateGrant"], THIS_KEY, anyone_of_ours, grant),
    ]


def log_groups(account_id: str, region: str, name: str = "*") -> Statement:
    """The log groups of a name, all where none is given.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    return _service(
        "LogGroupsOfThisAccount",
        f"logs.{region}.amazonaws.com",
        # To describe a key nobody gives a context, so a statement that asks for one cannot allow it.
        ENCRYPT,
        {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account_id}:log-group:{name}"
            }
        },
    )


def _service(sid: str, service: str, actions: list[str], conditions: Condition) -> Statement:
    return Statement(sid, actions, THIS_KEY, {"Service": service}, conditions)


def _from_own(account_id: str, source_arn: str) -> Condition:
    return {
        "StringEquals": {"aws:SourceAccount": account_id},
        "ArnLike": {"aws:SourceArn": source_arn},
    }
