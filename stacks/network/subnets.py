"""Subnets of one purpose, one in each availability zone, and how their traffic leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.eip import Eip
from cdktf_cdktf_provider_aws.internet_gateway import InternetGateway
from cdktf_cdktf_provider_aws.nat_gateway import NatGateway
from cdktf_cdktf_provider_aws.route import Route
from cdktf_cdktf_provider_aws.route_table import RouteTable
from cdktf_cdktf_provider_aws.route_table_association import RouteTableAssociation
from cdktf_cdktf_provider_aws.subnet import Subnet, SubnetTimeouts
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.base import PlatformStack

EVERYWHERE = "0.0.0.0/0"

# AWS removes the network interfaces of a deleted function only after many minutes.
INTERFACES_LINGER = "45m"


class Subnets(Construct):
    """One subnet per availability zone; none gives its instances a public address."""

    def __init__(
        self,
        stack: PlatformStack,
        purpose: str,
        *,
        vpc_id: str,
        zones: Sequence[str],
        cidrs: Sequence[str],
    ) -> None:
        super().__init__(stack, purpose)
        self._stack = stack
        self._purpose = purpose
        self._vpc_id = vpc_id
        self.subnets = [
            Subnet(
                self,
                f"subnet-{number}",
                vpc_id=vpc_id,
                availability_zone=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                timeouts=SubnetTimeouts(delete=INTERFACES_LINGER),
                tags={"Name": f"{purpose}-{zone}-{stack.suffix}"},
            )
            for number, (zone, cidr) in enumerate(zip(zones, cidrs, strict=True), start=1)
        ]

    @property
    def ids(self) -> list[str]:
        """The subnets' ids, in the order of the zones."""
        return [subnet.id for subnet in self.subnets]

    def share_route_table(self) -> RouteTable:
        """Route all of these subnets by one table."""
        table = self._route_table("route-table", self._purpose)
        for number, subnet in enumerate(self.subnets, start=1):
            self._associate(number, subnet, table)
        return table

    def route_each_through(self, gateways: Sequence[NatGateway]) -> list[RouteTable]:
        """Give each subnet a table of its own that leaves by its zone's gateway, or the only one."""
        tables = []
        for number, subnet in enumerate(self.subnets, start=1):
            table = self._route_table(f"route-table-{number}", f"{self._purpose}-{number}")
            self._associate(number, subnet, table)
            Route(
                self,
                f"nat-route-{number}",
                route_table_id=table.id,
                destination_cidr_block=EVERYWHERE,
                nat_gateway_id=gateways[(number - 1) % len(gateways)].id,
            )
            tables.append(table)
        return tables

    def open_to_internet(self) -> InternetGateway:
        """Route all of these subnets to an internet gateway."""
        gateway = InternetGateway(
            self,
            "internet-gateway",
            vpc_id=self._vpc_id,
            tags={"Name": self._stack.named("internet-gateway")},
        )
        Route(
            self,
            "internet-route",
            route_table_id=self.share_route_table().id,
            destination_cidr_block=EVERYWHERE,
            gateway_id=gateway.id,
        )
        return gateway

    def add_nat_gateways(self, count: int, internet: InternetGateway) -> list[NatGateway]:
        """Put a NAT gateway with an address of its own into each of the first `count` subnets."""
        gateways = []
        for number, subnet in enumerate(self.subnets[:count], start=1):
            tags = {"Name": self._stack.named(f"nat-gateway-{number}")}
            # AWS refuses an address in a VPC that has no internet gateway yet.
            address = Eip(
                self, f"nat-address-{number}", domain="vpc", tags=tags, depends_on=[internet]
            )
            gateways.append(
                NatGateway(
                    self,
                    f"nat-gateway-{number}",
                    allocation_id=address.id,
                    subnet_id=subnet.id,
                    tags=tags,
                    depends_on=[internet],
                )
            )
        return gateways

    def _route_table(self, construct_id: str, name: str) -> RouteTable:
        tags = {"Name": self._stack.named(f"{name}-routes")}
        return RouteTable(self, construct_id, vpc_id=self._vpc_id, tags=tags)

    def _associate(self, number: int, subnet: Subnet, table: RouteTable) -> None:
        RouteTableAssociation(
            self, f"association-{number}", subnet_id=subnet.id, route_table_id=table.id
        )
