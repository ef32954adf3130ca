"""Security of one region: the key, its policy, its aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.kms_alias import KmsAlias
from cdktf_cdktf_provider_aws.kms_key import KmsKey

from stacks.base import RegionalStack
from stacks.contract import publish
from stacks.security.key_policy import workspace_key_policy
from stacks.security.outputs import SecurityOutputs
from stacks.settings import PROJECT, Region, Workspace

if TYPE_CHECKING:
    from constructs import Construct


class SecurityStack(RegionalStack):
    """One customer-managed key encrypts everything the workspace keeps in the region."""

    def __init__(self, scope: Construct, workspace: Workspace, region: Region) -> None:
        super().__init__(scope, "security", workspace, region)
        key = KmsKey(
            self,
            "platform-key",
            description=f"Encrypts everything of {PROJECT} {self.suffix} in {self.region}",
            enable_key_rotation=True,
            deletion_window_in_days=workspace.environment.kms_deletion_window_days,
            policy=workspace_key_policy(self.account_id, self.region),
            tags={"Name": self.named("platform-key")},
        )
        alias = KmsAlias(
            self,
            "platform-alias",
            name=f"alias/{PROJECT}-{self.region}-{self.suffix}",
            target_key_id=key.key_id,
        )
        if workspace.environment.owns_bare_alias and workspace.suffix == workspace.environment.name:
            KmsAlias(
                self, "bare-alias", name=f"alias/{PROJECT}-{self.region}", target_key_id=key.key_id
            )
        publish(
            self,
            SecurityOutputs(kms_key_arn=key.arn, kms_key_id=key.key_id, kms_key_alias=alias.name),
        )
