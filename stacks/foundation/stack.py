"""Foundation of one region: outlives every environment, and has its own tear-down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.api_gateway_account import ApiGatewayAccount
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from cdktf_cdktf_provider_aws.kms_alias import KmsAlias
from cdktf_cdktf_provider_aws.kms_key import KmsKey

from stacks.base import PlatformStack
from stacks.buckets import PrivateBucket
from stacks.contract import publish
from stacks.foundation.deployment import DeployRoles
from stacks.foundation.outputs import FoundationOutputs
from stacks.log_groups import log_group
from stacks.policies import service_trust
from stacks.security.key_policy import key_policy
from stacks.settings import (
    ARCHIVE_UNDO_DAYS,
    FOUNDATION_WORKSPACE,
    GITHUB_REPOSITORY,
    GLOBAL_REGION,
    PROJECT,
    Region,
    state_bucket,
)

if TYPE_CHECKING:
    from constructs import Construct

KEY_DELETION_WINDOW_DAYS = 30


class FoundationStack(PlatformStack):
    """API Gateway has one logging role per account and region, RDS one log group for the operating
    system metrics of all its instances: no environment may own either. What is kept of an environment
    that is destroyed must outlive it, and the key that encrypted it there.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.CloudWatchLogs.html
    """

    def __init__(self, scope: Construct, region: Region) -> None:
        super().__init__(
            scope,
            f"foundation-{region.name}",
            layer="foundation",
            suffix=FOUNDATION_WORKSPACE,
            region=region.name,
            account_id=None,
        )
        if GITHUB_REPOSITORY and region.name == GLOBAL_REGION:
            DeployRoles(self, GITHUB_REPOSITORY, state_bucket())
        key = self._key()
        log_group(self, "rds-metrics", "RDSOSMetrics", key.arn)
        publish(
            self,
            FoundationOutputs(
                api_gateway_logging_role_arn=self._api_gateway_logging(),
                kms_key_arn=key.arn,
                archive_bucket=self._archive(key.arn),
            ),
        )

    def _key(self) -> KmsKey:
        key = KmsKey(
            self,
            "key",
            description=f"Encrypts what the account shares in {self.region}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_WINDOW_DAYS,
            policy=key_policy(self.account_id, self.region),
            tags={"Name": self.named("key")},
        )
        alias = f"alias/{PROJECT}-{self.region}-{self.suffix}"
        KmsAlias(self, "alias", name=alias, target_key_id=key.key_id)
        return key

    def _archive(self, kms_key_arn: str) -> str:
        """Nothing in it expires by itself: how many generations are left is `archive prune`'s to say."""
        archive = PrivateBucket(
            self, "archive", kms_key_arn, current_days=None, noncurrent_days=ARCHIVE_UNDO_DAYS
        )
        archive.allow()
        # It can be the only copy of an environment: who read or deleted what must be found out.
        archive.record_access(self, kms_key_arn)
        return archive.bucket.bucket

    def _api_gateway_logging(self) -> str:
        name = self.named_globally("api-gateway-logging")
        role = IamRole(
            self,
            "logging-role",
            name=name,
            description="Lets API Gateway of this account write its logs",
            # API Gateway tests the role when it is set, without a source account to check.
            assume_role_policy=service_trust("apigateway.amazonaws.com"),
            tags={"Name": name},
        )
        permissions = IamRolePolicyAttachment(
            self,
            "logging-permissions",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
        )
        ApiGatewayAccount(
            self,
            "account",
            cloudwatch_role_arn=role.arn,
            depends_on=[permissions],
        )
        return role.arn
