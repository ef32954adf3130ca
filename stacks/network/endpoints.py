"""Private ways from the VPC to AWS APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.vpc_endpoint import VpcEndpoint
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.base import PlatformStack

INTERFACE_SERVICES = ("secretsmanager", "kms", "logs")


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
            tags={"Name": stack.named("s3-endpoint")},
        )

    def add_interfaces(self, subnet_ids: Sequence[str], security_group_id: str) -> None:
        """Answer the names of the services that functions call with addresses inside the VPC."""
        for service in INTERFACE_SERVICES:
            VpcEndpoint(
                self,
                service,
                vpc_id=self._vpc_id,
                service_name=f"com.amazonaws.{self._stack.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(subnet_ids),
                security_group_ids=[security_group_id],
                tags={"Name": self._stack.named(f"{service}-endpoint")},
            )
