"""Who may talk to whom inside the VPC: Lambda to Aurora, Lambda to the VPC endpoints, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.default_security_group import DefaultSecurityGroup
from cdktf_cdktf_provider_aws.security_group import SecurityGroup, SecurityGroupTimeouts
from cdktf_cdktf_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktf_cdktf_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule
from constructs import Construct

from stacks.network.subnets import EVERYWHERE, INTERFACES_LINGER

if TYPE_CHECKING:
    from stacks.base import PlatformStack

MYSQL_PORT = 3306
HTTPS_PORT = 443


class SecurityGroups(Construct):
    """The security groups of every layer, and the rules between them, each for one purpose."""

    def __init__(self, stack: PlatformStack, vpc_id: str) -> None:
        super().__init__(stack, "security-groups")
        self._stack = stack
        self._vpc_id = vpc_id
        # The group every VPC is born with lets its members talk to each other; no rules closes it.
        DefaultSecurityGroup(
            self, "default", vpc_id=vpc_id, tags={"Name": stack.named("default-closed")}
        )
        self.function = self._group("lambda", "Lambda functions: to the database and to AWS APIs")
        self.detached = self._group("detached", "Network interfaces of deleted functions: nothing")
        self.database = self._group("database", "Aurora: MySQL from the Lambda functions")
        self._allow("lambda-to-database", self.function, self.database, MYSQL_PORT, "MySQL")

    def allow_endpoints(self) -> SecurityGroup:
        """Let functions reach AWS APIs through VPC endpoints, and give the endpoints' group."""
        endpoints = self._group("endpoints", "VPC endpoints: HTTPS from the Lambda functions")
        self._allow("lambda-to-endpoints", self.function, endpoints, HTTPS_PORT, "AWS APIs")
        return endpoints

    def allow_s3(self, prefix_list_id: str) -> None:
        """Let functions reach S3 through its gateway endpoint, which has no group but public addresses.

        https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
        """
        VpcSecurityGroupEgressRule(
            self,
            "lambda-to-s3",
            security_group_id=self.function.id,
            description="HTTPS to S3 through its gateway endpoint",
            ip_protocol="tcp",
            from_port=HTTPS_PORT,
            to_port=HTTPS_PORT,
            prefix_list_id=prefix_list_id,
            tags={"Name": self._stack.named("lambda-to-s3")},
        )

    def allow_https_to_internet(self) -> None:
        """Let functions reach AWS APIs through the NAT gateways, where there are no endpoints."""
        VpcSecurityGroupEgressRule(
            self,
            "lambda-to-internet",
            security_group_id=self.function.id,
            description="HTTPS to AWS APIs through the NAT gateways",
            ip_protocol="tcp",
            from_port=HTTPS_PORT,
            to_port=HTTPS_PORT,
            cidr_ipv4=EVERYWHERE,
            tags={"Name": self._stack.named("lambda-to-internet")},
        )

    def _group(self, name: str, description: str) -> SecurityGroup:
        group_name = self._stack.named(f"{name}-security-group")
        return SecurityGroup(
            self,
            name,
            name=group_name,
            description=description,
            vpc_id=self._vpc_id,
            timeouts=SecurityGroupTimeouts(delete=INTERFACES_LINGER),
            tags={"Name": group_name},
        )

    def _allow(
        self, name: str, source: SecurityGroup, target: SecurityGroup, port: int, what: str
    ) -> None:
        """One connection: the way out of the source's group and the way into the target's."""
        tags = {"Name": self._stack.named(name)}
        VpcSecurityGroupEgressRule(
            self,
            f"{name}-egress",
            security_group_id=source.id,
            referenced_security_group_id=target.id,
            description=f"{what}: out, {name}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            tags=tags,
        )
        VpcSecurityGroupIngressRule(
            self,
            f"{name}-ingress",
            security_group_id=target.id,
            referenced_security_group_id=source.id,
            description=f"{what}: in, {name}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            tags=tags,
        )
