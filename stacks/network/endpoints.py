"""Private ways from the VPC to AWS APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.vpc_endpoint import VpcEndpoint
from constructs import Construct

from stacks.policies import Statement, policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.base import PlatformStack

# What functions may ask of each service. An endpoint made without a policy lets through any request of
# anyone: https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
S3_ACTIONS = ["s3:GetObject", "s3:PutObject"]
INTERFACE_ACTIONS = {
    "secretsmanager": ["secretsmanager:GetSecretValue"],
    "kms": ["kms:Decrypt", "kms:GenerateDataKey"],
    "logs": ["logs:CreateLogStream", "logs:PutLogEvents"],
}


class Endpoints(Construct):
    """The S3 gateway endpoint, which costs nothing, and interface endpoints where settings ask."""

    def __init__(self, stack: PlatformStack, vpc_id: str, route_table_ids: Sequence[str]) -> None:
        super().__init__(stack, "endpoints")
        self._stack = stack
        self._vpc_id = vpc_id
        self.s3 = VpcEndpoint(
            self,
            "s3",
            vpc_id=vpc_id,
            service_name=f"com.amazonaws.{stack.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=list(route_table_ids),
            policy=_own_account_only(stack.account_id, S3_ACTIONS),
            tags={"Name": stack.named("s3-endpoint")},
        )

    def add_interfaces(self, subnet_ids: Sequence[str], security_group_id: str) -> None:
        """Answer the names of the services that functions call with addresses inside the VPC."""
        for service, actions in INTERFACE_ACTIONS.items():
            VpcEndpoint(
                self,
                service,
                vpc_id=self._vpc_id,
                service_name=f"com.amazonaws.{self._stack.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(subnet_ids),
                security_group_ids=[security_group_id],
                policy=_own_account_only(self._stack.account_id, actions),
                tags={"Name": self._stack.named(f"{service}-endpoint")},
            )


def _own_account_only(account_id: str, actions: list[str]) -> str:
    """No credentials of another account come in this way, and nothing goes out to another's resources.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html
    """
    own_account = {"aws:PrincipalAccount": account_id, "aws:ResourceAccount": account_id}
    return policy(
        Statement("ThisAccountOnly", actions, ["*"], "*", conditions={"StringEquals": own_account})
    )
