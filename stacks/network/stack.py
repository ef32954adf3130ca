"""Network of one region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.vpc import Vpc

from stacks.base import RegionalStack
from stacks.contract import publish, read
from stacks.network.addresses import address_plan
from stacks.network.endpoints import Endpoints
from stacks.network.flow_log import FlowLog
from stacks.network.outputs import NetworkOutputs
from stacks.network.security_groups import SecurityGroups
from stacks.network.subnets import Subnets
from stacks.security import SecurityOutputs, SecurityStack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from stacks.settings import Region, Workspace


class NetworkStack(RegionalStack):
    """Three zones, each with a public subnet for NAT, one for Lambda, and one for Aurora.

    Aurora's subnets have no way out of the VPC at all.
    """

    def __init__(
        self, scope: Construct, workspace: Workspace, region: Region, *, security: SecurityStack
    ) -> None:
        super().__init__(scope, "network", workspace, region)
        environment = workspace.environment
        keys = read(self, SecurityOutputs, security, self.beside("security"))
        plan = address_plan(workspace.vpc_octet(region))

        vpc = Vpc(
            self,
            "vpc",
            cidr_block=self.local("vpc_cidr", plan.vpc).as_string,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": self.named("vpc")},
        )
        zones = self.zonal("availability_zones", region.availability_zones)
        public = self._subnets("public", vpc, zones, plan.public)
        functions = self._subnets("lambda", vpc, zones, plan.functions)
        database = self._subnets("database", vpc, zones, plan.database)

        internet = public.open_to_internet()
        nat_count = len(zones) if environment.nat_gateway_per_zone else 1
        function_tables = functions.route_each_through(public.add_nat_gateways(nat_count, internet))
        database.share_route_table()

        groups = SecurityGroups(self, vpc.id)
        endpoints = Endpoints(self, vpc.id, [table.id for table in function_tables])
        if environment.interface_endpoints:
            endpoints.add_interfaces(functions.ids, groups.allow_endpoints().id)
            groups.allow_s3(endpoints.s3.prefix_list_id)
        else:
            groups.allow_https_to_internet()
        FlowLog(self, vpc.id, keys.kms_key_arn)

        self._publish(vpc, groups, public=public, functions=functions, database=database)

    def _subnets(
        self, purpose: str, vpc: Vpc, zones: Sequence[str], cidrs: Sequence[str]
    ) -> Subnets:
        local_cidrs = self.zonal(f"{purpose}_cidrs", cidrs)
        return Subnets(self, purpose, vpc_id=vpc.id, zones=zones, cidrs=local_cidrs)

    def _publish(
        self,
        vpc: Vpc,
        groups: SecurityGroups,
        *,
        public: Subnets,
        functions: Subnets,
        database: Subnets,
    ) -> None:
        publish(
            self,
            NetworkOutputs(
                vpc_id=vpc.id,
                vpc_cidr=vpc.cidr_block,
                public_subnet_ids=public.ids,
                lambda_subnet_ids=functions.ids,
                database_subnet_ids=database.ids,
                lambda_security_group_id=groups.function.id,
                detached_security_group_id=groups.detached.id,
                database_security_group_id=groups.database.id,
            ),
        )
