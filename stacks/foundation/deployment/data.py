"""What a deploy changes of databases, buckets, the archive and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.foundation.deployment.reading import DATABASE_KINDS
from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach


def write_data(reach: Reach) -> list[Statement]:
    """Databases, buckets, and what the archive keeps of them.

    Objects can be deleted, for a bucket has to be empty before it can be; in the archive they cannot.
    """
    account = reach.account_id
    return [
        Statement(
            "ChangeDatabases",
            [
                "rds:AddTagsToResource",
                "rds:CopyDBClusterSnapshot",
                "rds:CreateDBCluster",
                "rds:CreateDBClusterParameterGroup",
                "rds:CreateDBClusterSnapshot",
                "rds:CreateDBInstance",
                "rds:CreateDBSubnetGroup",
                "rds:DeleteDBCluster",
                "rds:DeleteDBClusterParameterGroup",
                "rds:DeleteDBInstance",
                "rds:DeleteDBSubnetGroup",
                "rds:DisableHttpEndpoint",
                "rds:EnableHttpEndpoint",
                "rds:ModifyDBCluster",
                "rds:ModifyDBClusterParameterGroup",
                "rds:ModifyDBInstance",
                "rds:ModifyDBSubnetGroup",
                "rds:RebootDBInstance",
                "rds:RemoveTagsFromResource",
                "rds:ResetDBClusterParameterGroup",
                "rds:RestoreDBClusterFromSnapshot",
            ],
            [
                *(arn for kind in DATABASE_KINDS for arn in reach.named("rds", f"{kind}:")),
                # RDS gives it to every cluster.
                f"arn:aws:rds:*:{account}:og:default:*",
            ],
        ),
        # Of snapshots only what a copy under the archive's key was made of.
        Statement(
            "DeleteIntermediateSnapshots",
            ["rds:DeleteDBClusterSnapshot"],
            reach.named("rds", "cluster-snapshot:archive", end="-source"),
        ),
        # RDS makes the secret of a cluster's master user as whoever makes the cluster:
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
        Statement(
            "KeepMasterPasswords",
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            [f"arn:aws:secretsmanager:*:{account}:secret:rds!cluster-*"],
        ),
        Statement(
            "ChangeBuckets",
            [
                "s3:CreateBucket",
                "s3:DeleteBucket",
                "s3:DeleteBucketPolicy",
                "s3:ListBucketVersions",
                "s3:PutBucketLogging",
                "s3:PutBucketNotification",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
            ],
            reach.buckets(),
        ),
        Statement(
            "MoveObjects",
            [
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:PutObject",
            ],
            reach.buckets("/*"),
        ),
    ]


def write_archive(reach: Reach) -> list[Statement]:
    """Before a database is replaced its rows are counted and kept, and afterwards brought back."""
    account = reach.account_id
    return [
        Statement("CountRows", ["rds-data:ExecuteStatement"], reach.clusters()),
        Statement(
            "CountRowsAsMaster",
            ["secretsmanager:GetSecretValue"],
            [f"arn:aws:secretsmanager:*:{account}:secret:rds!cluster-*"],
            conditions=reach.of_own_cluster,
        ),
        Statement("KeepAndRestore", ["s3:GetObject", "s3:PutObject"], reach.kept()),
    ]


def write_state(reach: Reach) -> list[Statement]:
    """The environment's states, and the record of each deploy beside them."""
    return [
        Statement("WriteStates", ["s3:PutObject", "s3:DeleteObject"], reach.state_objects()),
    ]
