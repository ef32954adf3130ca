"""AWS Backup, where an environment has it (`aws_backup_days`): what a deploy changes, and what its role does.

Where it has not, none of this is allowed: the vaults and snapshots of the account are then somebody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policies import Statement

if TYPE_CHECKING:
    from stacks.foundation.deployment.reach import Reach

# What the role that backs up has (stacks/data/backup.py), and who acts as it.
BACKUP_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
BACKUP_SERVICE = "backup.amazonaws.com"


def read_backup(reach: Reach) -> list[Statement]:
    """The vault, the plan, and what the plan selects."""
    if not reach.environment.aws_backup_days:
        return []
    return [
        Statement(
            "ReadBackup",
            [
                "backup:DescribeBackupVault",
                "backup:GetBackupPlan",
                "backup:GetBackupSelection",
                "backup:ListTags",
            ],
            [*_vaults(reach), *_plans(reach)],
        )
    ]


def write_backup(reach: Reach) -> list[Statement]:
    """A vault is emptied before it is deleted; what is in it has the tags of its cluster.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault.html
    """
    if not reach.environment.aws_backup_days:
        return []
    keys = [f"arn:aws:kms:*:{reach.account_id}:key/*"]
    return [
        Statement(
            "ChangeVaults",
            [
                "backup:CreateBackupVault",
                "backup:DeleteBackupVault",
                "backup:ListRecoveryPointsByBackupVault",
                "backup:TagResource",
                "backup:UntagResource",
            ],
            _vaults(reach),
        ),
        Statement("MountVaults", ["backup-storage:MountCapsule"], ["*"]),
        Statement(
            "EmptyVaults", ["backup:DeleteRecoveryPoint"], _backups(reach), None, reach.tagged
        ),
        Statement(
            "MakePlans",
            ["backup:CreateBackupPlan", "backup:TagResource"],
            _plans(reach),
            conditions=reach.to_be_tagged,
        ),
        Statement(
            "ChangePlans",
            [
                "backup:CreateBackupSelection",
                "backup:DeleteBackupPlan",
                "backup:DeleteBackupSelection",
                "backup:TagResource",
                "backup:UntagResource",
                "backup:UpdateBackupPlan",
            ],
            _plans(reach),
            conditions=reach.tagged,
        ),
        Statement(
            "GiveVaultsTheKey",
            ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey", "kms:RetireGrant"],
            keys,
            conditions=reach.tagged_through("backup"),
        ),
    ]


def act_as_backup(reach: Reach) -> list[Statement]:
    """Of AWS's own policy for it, what a daily snapshot of an Aurora cluster takes.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html
    """
    if not reach.environment.aws_backup_days:
        return []
    account = reach.account_id
    return [
        Statement(
            "SeeBackups",
            [
                "rds:DescribeDBClusterSnapshots",
                "rds:DescribeDBClusters",
                "rds:ListTagsForResource",
            ],
            [f"arn:aws:rds:*:{account}:{kind}:*" for kind in ("cluster", "cluster-snapshot")],
        ),
        Statement("FindByTags", ["tag:GetResources"], ["*"]),
        # A snapshot is made by the right to it and to the cluster.
        Statement(
            "Snapshot",
            ["rds:AddTagsToResource", "rds:CreateDBClusterSnapshot"],
            [*reach.clusters(), *_backups(reach)],
        ),
        Statement(
            "KeepSnapshots",
            [
                "rds:CopyDBClusterSnapshot",
                "rds:DeleteDBClusterSnapshot",
                "rds:ModifyDBClusterSnapshotAttribute",
            ],
            _backups(reach),
            conditions=reach.tagged,
        ),
        Statement(
            "FillVaults",
            ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"],
            _vaults(reach),
        ),
        Statement(
            "UseKeysForBackups",
            ["kms:CreateGrant", "kms:DescribeKey"],
            [f"arn:aws:kms:*:{account}:key/*"],
            conditions=reach.tagged,
        ),
    ]


def _vaults(reach: Reach) -> list[str]:
    return reach.named("backup", "backup-vault:")


def _plans(reach: Reach) -> list[str]:
    """AWS chooses their ids."""
    return [f"arn:aws:backup:*:{reach.account_id}:backup-plan:*"]


def _backups(reach: Reach) -> list[str]:
    """AWS Backup names its snapshots itself."""
    return [f"arn:aws:rds:*:{reach.account_id}:cluster-snapshot:awsbackup:*"]
