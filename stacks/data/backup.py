"""Daily backups of the cluster in AWS Backup, beside Aurora's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.backup_plan import (
    BackupPlan,
    BackupPlanRule,
    BackupPlanRuleLifecycle,
)
from cdktf_cdktf_provider_aws.backup_selection import BackupSelection
from cdktf_cdktf_provider_aws.backup_vault import BackupVault
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from constructs import Construct

from stacks.policies import service_trust

if TYPE_CHECKING:
    from stacks.base import RegionalStack

# UTC; an hour after Aurora's own backup and its maintenance, which no snapshot may overlap.
DAILY = "cron(30 10 * * ? *)"
START_WITHIN_MINUTES = 60
COMPLETE_WITHIN_MINUTES = 360


class DailyBackup(Construct):
    """A vault under the region's key, emptied when it is destroyed, and a plan for one cluster.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/creating-a-backup-plan.html
    """

    def __init__(
        self, stack: RegionalStack, cluster_arn: str, kms_key_arn: str, *, days: int
    ) -> None:
        super().__init__(stack, "backup")
        name = stack.named("aurora-backup")
        vault = BackupVault(
            self,
            "vault",
            name=name,
            kms_key_arn=kms_key_arn,
            force_destroy=True,
            tags={"Name": name},
        )
        rule = BackupPlanRule(
            rule_name="daily",
            target_vault_name=vault.name,
            schedule=DAILY,
            start_window=START_WITHIN_MINUTES,
            completion_window=COMPLETE_WITHIN_MINUTES,
            lifecycle=BackupPlanRuleLifecycle(delete_after=days),
        )
        plan = BackupPlan(self, "plan", name=name, rule=[rule], tags={"Name": name})
        role = self._role(stack)
        permissions = IamRolePolicyAttachment(
            self,
            "permissions",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
        )
        BackupSelection(
            self,
            "cluster",
            name=name,
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[cluster_arn],
            depends_on=[permissions],
        )

    def _role(self, stack: RegionalStack) -> IamRole:
        name = stack.named_globally("aurora-backup")
        own_plans = f"arn:aws:backup:{stack.region}:{stack.account_id}:*"
        return IamRole(
            self,
            "role",
            name=name,
            description="Lets AWS Backup of this account back the cluster up",
            assume_role_policy=service_trust(
                "backup.amazonaws.com",
                {
                    "StringEquals": {"aws:SourceAccount": stack.account_id},
                    "ArnLike": {"aws:SourceArn": own_plans},
                },
            ),
            tags={"Name": name},
        )
