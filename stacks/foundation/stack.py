"""Foundation of one region: outlives every environment, and has its own tear-down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.api_gateway_account import ApiGatewayAccount
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment

from stacks.base import PlatformStack
from stacks.contract import publish
from stacks.policies import service_trust
from stacks.settings import FOUNDATION_WORKSPACE, Region

if TYPE_CHECKING:
    from constructs import Construct


@dataclass(frozen=True)
class FoundationOutputs:
    """The role by which API Gateway writes logs, for every API of the account in the region."""

    api_gateway_logging_role_arn: str


class FoundationStack(PlatformStack):
    """API Gateway has one logging role per account and region: no environment may own it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
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
        ApiGatewayAccount(self, "account", cloudwatch_role_arn=role.arn, depends_on=[permissions])
        publish(self, FoundationOutputs(api_gateway_logging_role_arn=role.arn))
