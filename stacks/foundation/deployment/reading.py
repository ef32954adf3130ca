"""What Terraform reads to compare an environment with its configuration: settings, never contents.

AWS's own ReadOnlyAccess would do, and would read every object and every message of the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach

# These know no resource, or list what is not known by its name:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
LISTED = [
    *(
        f"ec2:Describe{kind}"
        for kind in (
            "Addresses",
            "AddressesAttribute",
            "FlowLogs",
            "InternetGateways",
            "NatGateways",
            "NetworkAcls",
            "NetworkInterfaces",
            "PrefixLists",
            "RouteTables",
            "SecurityGroupRules",
            "SecurityGroups",
            "Subnets",
            "VpcEndpoints",
            "Vpcs",
        )
    ),
    "kms:ListAliases",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "route53:ListHostedZones",
    "sns:GetSubscriptionAttributes",
    "sts:GetCallerIdentity",
]
# Each Get of a bucket's settings that the provider makes, used or not.
BUCKET_SETTINGS = [
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketNotification",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
]

DATABASE_KINDS = ("cluster", "cluster-pg", "cluster-snapshot", "db", "subgrp")
DATABASES = [
    "rds:DescribeDBClusterParameterGroups",
    "rds:DescribeDBClusterParameters",
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSubnetGroups",
    "rds:ListTagsForResource",
]


def read_settings(reach: Reach) -> list[Statement]:
    """The settings of what an environment has behind its API."""
    account = reach.account_id
    return [
        Statement("List", LISTED, ["*"]),
        Statement("ReadNetworks", ["ec2:DescribeVpcAttribute"], [f"arn:aws:ec2:*:{account}:vpc/*"]),
        Statement(
            "ListAlarms", ["cloudwatch:DescribeAlarms"], [f"arn:aws:cloudwatch:*:{account}:alarm:*"]
        ),
        Statement(
            "ListGlobalDatabases",
            ["rds:DescribeGlobalClusters"],
            [f"arn:aws:rds::{account}:global-cluster:*"],
        ),
        Statement("ReadBuckets", BUCKET_SETTINGS, reach.buckets()),
        Statement(
            "ReadKeys",
            [
                "kms:DescribeKey",
                "kms:GetKeyPolicy",
                "kms:GetKeyRotationStatus",
                "kms:ListResourceTags",
            ],
            [f"arn:aws:kms:*:{account}:key/*"],
            conditions=reach.tagged,
        ),
        Statement(
            "ReadRoles",
            [
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListInstanceProfilesForRole",
                "iam:ListRolePolicies",
            ],
            reach.named("iam", "role/", region=""),
        ),
        Statement(
            "ReadDatabases",
            DATABASES,
            # Some of these name one thing, others ask for all of a kind.
            [f"arn:aws:rds:*:{account}:{kind}:*" for kind in DATABASE_KINDS],
        ),
        Statement("ReadLogGroups", ["logs:ListTagsForResource"], reach.log_groups()),
        Statement(
            "ReadAlarms",
            ["cloudwatch:ListTagsForResource", "cloudwatch:GetDashboard"],
            [
                *reach.named("cloudwatch", "alarm:"),
                *reach.named("cloudwatch", "dashboard/", region=""),
            ],
        ),
        Statement(
            "ReadRules",
            ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"],
            reach.named("events", "rule/"),
        ),
        Statement(
            "ReadTopics",
            [
                "sns:GetTopicAttributes",
                "sns:ListTagsForResource",
            ],
            reach.named("sns", "") + reach.named("sns", "", end=":*"),
        ),
        Statement(
            "ReadQueues", ["sqs:GetQueueAttributes", "sqs:ListQueueTags"], reach.named("sqs", "")
        ),
    ]


def read_api(reach: Reach) -> list[Statement]:
    """The functions; the API, its firewall, certificates and names, whose ids AWS chooses."""
    account = reach.account_id
    apis = ["restapis/*", "domainnames/*", "tags/*"]
    return [
        Statement(
            "ReadFunctions",
            [
                "lambda:GetFunction",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetPolicy",
                "lambda:ListVersionsByFunction",
            ],
            reach.functions(),
        ),
        Statement(
            "ReadApis", ["apigateway:GET"], [f"arn:aws:apigateway:*::/{api}" for api in apis]
        ),
        Statement(
            "ReadFirewall",
            [
                "wafv2:GetIPSet",
                "wafv2:GetLoggingConfiguration",
                "wafv2:GetWebACL",
                "wafv2:GetWebACLForResource",
                "wafv2:ListTagsForResource",
            ],
            [
                *reach.firewall(),
                "arn:aws:apigateway:*::/restapis/*/stages/*",
            ],
        ),
        Statement(
            "ReadCertificates",
            ["acm:DescribeCertificate", "acm:ListTagsForCertificate"],
            [f"arn:aws:acm:*:{account}:certificate/*"],
            conditions=reach.tagged,
        ),
        Statement(
            "ReadZones",
            [
                "route53:GetChange",
                "route53:GetDNSSEC",
                "route53:GetHealthCheck",
                "route53:GetHostedZone",
                "route53:GetQueryLoggingConfig",
                "route53:ListQueryLoggingConfigs",
                "route53:ListResourceRecordSets",
                "route53:ListTagsForResource",
            ],
            [
                f"arn:aws:route53:::{kind}/*"
                for kind in ("change", "healthcheck", "hostedzone", "queryloggingconfig")
            ],
        ),
    ]


def read_state(reach: Reach) -> list[Statement]:
    """The states of the environment and of the foundation, and the locks that reading them takes.

    Whether a database will be brought back is in the archive, beside what is kept of it.
    """
    bucket = f"arn:aws:s3:::{reach.state.name}"
    # Terraform looks for a state of no workspace before it chooses one; there never is one.
    layers = ("api-*", "data-*", "global-*", "network-*", "security-*")
    no_workspace = [f"{bucket}/{layer}.tfstate" for layer in layers]
    statements = [
        # Of whole buckets: else what is not there could not be told from what may not be read.
        Statement("ListStates", ["s3:ListBucket"], [bucket, *reach.archive()]),
        Statement(
            "ReadStates",
            ["s3:GetObject"],
            [
                *reach.state_objects(),
                reach.foundation_states(),
                *no_workspace,
                *reach.kept("*/standing.json"),
            ],
        ),
        Statement(
            "LockStates",
            ["s3:PutObject", "s3:DeleteObject"],
            [*reach.state_objects("*.tflock"), *reach.state_objects("run.lock")],
        ),
    ]
    if reach.state.lock == "dynamodb":
        statements += _lock_table(reach)
    return statements


def _lock_table(reach: Reach) -> list[Statement]:
    """A state's checksum lies beside its lock, so that whoever reads one reads the other."""
    table = f"table/{reach.state.lock_table}"
    arn = f"arn:aws:dynamodb:{reach.state.region}:{reach.account_id}:{table}"
    own = [key.removeprefix("arn:aws:s3:::") for key in reach.state_objects()]
    return [
        Statement("ReadLocks", ["dynamodb:GetItem"], [arn]),
        Statement(
            "TakeLocks",
            ["dynamodb:PutItem", "dynamodb:DeleteItem"],
            [arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": own}},
        ),
    ]
